package api_test

import (
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
)

func TestTimeZones(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // from 2000-01-01T00:00:00Z on
		c := newClient(t)
		type zone struct {
			Name          string `json:"name"`
			Offset        string `json:"offset"`
			OffsetSeconds int64  `json:"offsetSeconds"`
		}
		list := func() (zones map[string]zone, got response) {
			t.Helper()
			got = c.do("GET", "/timezones", "")
			var answer struct {
				Release string `json:"release"`
				Version string `json:"version"`
				Zones   []zone `json:"timeZones"`
			}
			decode(t, got.body, &answer)
			data := cron.CurrentZones()
			if answer.Release != data.Release() || answer.Version != data.Version() || len(answer.Zones) != len(cron.ZoneNames()) {
				t.Errorf("%d time zones of release %s, version %s", len(answer.Zones), answer.Release, answer.Version)
			}
			zones = map[string]zone{}
			for i, z := range answer.Zones {
				zones[z.Name] = z
				if z.Name != cron.ZoneNames()[i] {
					t.Errorf("zone %d is %s, want %s", i, z.Name, cron.ZoneNames()[i])
				}
			}
			return zones, got
		}
		winter, first := list()
		for name, want := range map[string]zone{
			"UTC":              {"UTC", "+00:00", 0},
			"Europe/Berlin":    {"Europe/Berlin", "+01:00", 3600},
			"America/New_York": {"America/New_York", "-05:00", -18000},
			"Asia/Kathmandu":   {"Asia/Kathmandu", "+05:45", 20700},
		} {
			if winter[name] != want {
				t.Errorf("%s is %+v", name, winter[name])
			}
		}
		if got := first.header.Get("Cache-Control"); got != "private, max-age=900" {
			t.Errorf("Cache-Control is %s", got)
		}
		time.Sleep(10 * time.Minute)
		again := c.do("GET", "/timezones", "", "If-None-Match: "+first.header.Get("ETag"))
		if again.status != 304 || again.body != "" || again.header.Get("Cache-Control") != "private, max-age=300" {
			t.Errorf("unchanged: %d %v", again.status, again.header)
		}
		time.Sleep(180 * 24 * time.Hour)
		summer, later := list()
		if summer["Europe/Berlin"].Offset != "+02:00" || later.header.Get("ETag") == first.header.Get("ETag") {
			t.Errorf("in summer Berlin is %+v", summer["Europe/Berlin"])
		}
	})
}
