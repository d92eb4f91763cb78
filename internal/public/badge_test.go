package public_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"punctual/internal/badge"
	"punctual/internal/cron"
	"punctual/internal/public/publictest"
	"punctual/internal/statuspage"
)

// badgeKey is that of a world.
var badgeKey = badge.NewKey([32]byte{1})

// own is a badge as JSON.
type own struct {
	Metric, Label, Message, Color string
	Value                         any
}

func readBadge(t *testing.T, w *world, path string) (b own) {
	t.Helper()
	rec := w.get(path)
	check(t, rec, 200)
	if err := json.Unmarshal(rec.Body.Bytes(), &b); err != nil {
		t.Fatalf("%v: %s", err, rec.Body)
	}
	return b
}

// knownRuns are runs of which everything is known.
var knownRuns = badge.Runs{Succeeded: 29, Failed: 1, Timed: 30, Median: 182 * time.Millisecond, Runs: statuspage.Runs{Last: noon.Add(-time.Minute),
	Next: noon.Add(time.Hour), CertExpiry: noon.Add(10*24*time.Hour + time.Hour)}}

// TestBadges reads every badge of a page, of a component, and of a job.
func TestBadges(t *testing.T) {
	w := newWorld(t)
	w.pages.Set(publictest.Outage("acme", noon))
	w.pages.SetRuns(knownRuns)
	w.pages.SetJob(badge.Job{ID: 7, AccountID: 1, Enabled: true, State: cron.JobState{LastStatus: cron.StatusOK, LastExecution: noon.Add(-time.Minute),
		NextRun: noon.Add(time.Hour), CertExpiry: noon.Add(24*time.Hour + time.Minute)}})
	job := badgeKey.JobPath(7, 0)
	for _, tt := range []struct {
		path string
		want own
	}{
		{"/status/acme/badges/state.json", own{"state", "Acme", "Major outage", "#c0322b", "majorOutage"}},
		{"/status/acme/badges/last-run.json", own{"last-run", "Acme – last run", "2026-11-28 11:59 UTC", "#0b63c4", 1795867140.0}},
		{"/status/acme/badges/next-run.json", own{"next-run", "Acme – next run", "2026-11-28 13:00 UTC", "#0b63c4", 1795870800.0}},
		{"/status/acme/badges/response-time.json", own{"response-time", "Acme – response time", "182 ms", "#0b63c4", 182.0}},
		{"/status/acme/badges/certificate.json", own{"certificate", "Acme – certificate", "10 days", "#8a6100", 10.0}},
		{"/status/acme/components/6/badges/state.json", own{"state", "Mail delivery", "Operational", "#1a7f37", "operational"}},
		{"/status/acme/components/5/badges/state.json", own{"state", "Search", "no data", "#5f6670", nil}},
		{"/status/acme/components/5/badges/next-run.json?label=Next", own{"next-run", "Next", "2026-11-28 13:00 UTC", "#0b63c4", 1795870800.0}},
		{job + "state.json", own{"state", "cron job", "ok", "#1a7f37", "ok"}},
		{job + "uptime-30d.json", own{"uptime-30d", "uptime 30 days", "96.66%", "#8a6100", 29.0 / 30}},
		{job + "response-time.json", own{"response-time", "response time", "182 ms", "#0b63c4", 182.0}},
		{job + "last-run.json", own{"last-run", "last run", "2026-11-28 11:59 UTC", "#0b63c4", 1795867140.0}},
		{job + "next-run.json?label=nightly", own{"next-run", "nightly", "2026-11-28 13:00 UTC", "#0b63c4", 1795870800.0}},
		{job + "certificate.json", own{"certificate", "certificate", "1 day", "#b04a0f", 1.0}},
	} {
		if got := readBadge(t, w, tt.path); got != tt.want {
			t.Errorf("%s is %+v, want %+v", tt.path, got, tt.want)
		}
	}
	for _, path := range []string{"/status/acme/badges/", "/status/acme/components/1/badges/", job} {
		for m := range badge.Metric(badge.MetricCount) {
			b := readBadge(t, w, path+badge.Name(m, badge.JSON))
			var shields struct{ Label, Message, Color string }
			rec := w.get(path + badge.Name(m, badge.Shields))
			check(t, rec, 200)
			if err := json.Unmarshal(rec.Body.Bytes(), &shields); err != nil || shields != (struct{ Label, Message, Color string }{b.Label, b.Message, b.Color}) {
				t.Errorf("%s%s: %s, %v", path, m, rec.Body, err)
			}
			image := w.get(path + badge.Name(m, badge.SVG))
			check(t, image, 200, "<title>"+b.Label+": "+b.Message+"</title>", b.Color)
			if m.IsUptime() && (b.Value == nil || !strings.HasSuffix(b.Message, "%")) {
				t.Errorf("%s%s is %+v", path, m, b)
			}
			for _, rec := range []*http.Response{rec.Result(), image.Result()} {
				h := rec.Header
				if h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Cache-Control") != "public, max-age=60" || h.Get("Etag") == "" ||
					h.Get("Content-Security-Policy") != "default-src 'none'; frame-ancestors 'none'; sandbox" {
					t.Errorf("the head of %s%s is %v", path, m, h)
				}
			}
			etag := image.Header().Get("Etag")
			if rec := w.get(path+badge.Name(m, badge.SVG), with("If-None-Match", etag)); rec.Code != 304 || rec.Body.Len() != 0 {
				t.Errorf("the same again: %d", rec.Code)
			}
		}
		w.wait(3 * time.Second) // for the rate
	}
}

// TestBadgesWithoutData are grey, never green.
func TestBadgesWithoutData(t *testing.T) {
	w := newWorld(t)
	w.pages.Set(publictest.Empty("empty"))
	w.pages.SetJob(badge.Job{ID: 1, AccountID: 1, Enabled: true})
	w.pages.SetJob(badge.Job{ID: 2, AccountID: 1, State: cron.JobState{LastStatus: cron.StatusOK}})
	for _, path := range []string{"/status/empty/badges/", badgeKey.JobPath(1, 0)} {
		for m := range badge.Metric(badge.MetricCount) {
			if b := readBadge(t, w, path+badge.Name(m, badge.JSON)); b.Color != "#5f6670" || b.Message != "no data" || b.Value != nil {
				t.Errorf("%s%s is %+v", path, m, b)
			}
		}
	}
	if b := readBadge(t, w, badgeKey.JobPath(2, 0)+"state.json"); b.Color != "#5f6670" || b.Message != "disabled" || b.Value != "disabled" {
		t.Errorf("a disabled job is %+v", b)
	}
}

// TestBadgesAway say nothing of the present while the database does not answer.
func TestBadgesAway(t *testing.T) {
	w := newWorld(t)
	w.pages.Set(publictest.Full("acme", noon))
	w.pages.SetRuns(knownRuns)
	w.pages.SetJob(badge.Job{ID: 1, AccountID: 1, Enabled: true, State: cron.JobState{LastStatus: cron.StatusOK}})
	paths := []string{"/status/acme/badges/state.json", "/status/acme/badges/uptime-7d.json", "/status/acme/badges/last-run.json",
		badgeKey.JobPath(1, 0) + "state.json", badgeKey.JobPath(1, 0) + "uptime-7d.json"}
	for _, path := range paths {
		if b := readBadge(t, w, path); b.Color == "#5f6670" {
			t.Errorf("%s is %+v", path, b)
		}
	}
	w.pages.SetAway(true)
	w.wait(5 * time.Minute)
	for _, path := range paths {
		if b := readBadge(t, w, path); b.Color != "#5f6670" || b.Value != nil {
			t.Errorf("away: %s is %+v", path, b)
		}
	}
	w.pages.SetAway(false)
	w.wait(2 * time.Second)
	for _, path := range paths {
		if b := readBadge(t, w, path); b.Color == "#5f6670" {
			t.Errorf("back: %s is %+v", path, b)
		}
	}
}

// TestBadgeAccess shows badges to those who may read the page, or have a token that was not renewed. Everybody else gets the answer of a
// page that does not exist.
func TestBadgeAccess(t *testing.T) {
	w := newWorld(t)
	none := w.get("/status/nobody/badges/state.svg")
	check(t, none, 404, "There is no such page.")
	for name, tt := range map[string]struct {
		change      func(*statuspage.Page)
		open, token bool
	}{
		"public":   {func(*statuspage.Page) {}, true, true},
		"unlisted": {func(p *statuspage.Page) { p.Access = statuspage.AccessUnlisted }, true, true},
		"password": {func(p *statuspage.Page) { p.Access, p.Password = statuspage.AccessPassword, "seven wide boats" }, false, true},
		"members":  {func(p *statuspage.Page) { p.Access = statuspage.AccessMembers }, false, true},
		"networks": {func(p *statuspage.Page) { p.Networks = []string{"198.51.100.0/24"} }, false, true},
		"near":     {func(p *statuspage.Page) { p.Networks = []string{"192.0.2.0/24"} }, false, true},
		"draft":    {func(p *statuspage.Page) { p.Published = false }, false, false},
	} {
		v := publictest.Full(name, noon)
		v.Page.BadgeRenewals = 2
		tt.change(&v.Page)
		w.pages.Set(v)
		w.wait(2 * time.Second)
		sees := func(path string, open bool) {
			t.Helper()
			for _, name := range []string{"state.svg", "uptime-7d.svg", "last-run.svg"} {
				rec := w.get(path + name)
				if open {
					check(t, rec, 200, "<svg")
				} else if rec.Code != 404 || rec.Body.String() != none.Body.String() {
					t.Errorf("%s: %s%s is %d: %s", v.Page.Slug, path, name, rec.Code, rec.Body)
				}
			}
		}
		id := v.Page.ID
		sees(badgeKey.PagePath(name, id, 0, 2, true), tt.open)
		sees(badgeKey.PagePath(name, id, 1, 2, true), tt.open)
		sees(badgeKey.PagePath(name, id, 0, 2, false), tt.token)
		sees(badgeKey.PagePath(name, id, 6, 2, false), tt.token)
		sees(badgeKey.PagePath(name, id, 0, 1, false), false)
		w.wait(time.Second)
		sees(badgeKey.PagePath(name, id, 99, 2, false), false)
		sees(badgeKey.PagePath(name, id+1, 0, 2, false), false)
		sees("/status/"+name+"/badges/2-0123456789abcdef01234567/", false)
		w.wait(time.Second)
	}
}

// TestBadgeTokens asks the database for no token that the service did not make, and ends those that were renewed within seconds.
func TestBadgeTokens(t *testing.T) {
	w := newWorld(t)
	w.pages.SetJob(badge.Job{ID: 1, AccountID: 1, Enabled: true})
	none := w.get("/status/nobody")
	gone := func(path string) {
		t.Helper()
		if rec := w.get(path); rec.Code != 404 || rec.Body.String() != none.Body.String() {
			t.Errorf("%s is %d: %s", path, rec.Code, rec.Body)
		}
	}
	token := badgeKey.Job(1, 0)
	for _, path := range []string{"1/0-0123456789abcdef01234567", "2/" + token, "01/" + token, "+1/" + token, "x/" + token, "1/" + token + "0",
		"1/" + badgeKey.Page(1, 0)} {
		gone("/status/badges/jobs/" + path + "/state.svg")
	}
	gone("/status/badges/jobs/1/" + token + "/state.png")
	if n := w.pages.Badges(); n != 0 {
		t.Errorf("the database was asked %d times", n)
	}
	check(t, w.get(badgeKey.JobPath(1, 0)+"state.svg"), 200)
	check(t, w.get(badgeKey.JobPath(1, 1)+"state.svg"), 200) // renewed just now
	gone(badgeKey.JobPath(2, 0) + "state.svg")
	w.pages.SetJob(badge.Job{ID: 1, AccountID: 1, Enabled: true, Renewals: 1})
	w.wait(2 * time.Second)
	gone(badgeKey.JobPath(1, 0) + "state.svg")
	check(t, w.get(badgeKey.JobPath(1, 1)+"state.svg"), 200)
	w.pages.DeleteJob(1) // or its account is disabled
	w.wait(2 * time.Second)
	gone(badgeKey.JobPath(1, 1) + "state.svg")
}

// TestBadgeQueries asks once for all who come at the same time, and once a minute for what takes long.
func TestBadgeQueries(t *testing.T) {
	w := newWorld(t)
	w.pages.Set(publictest.Full("acme", noon))
	w.pages.SetJob(badge.Job{ID: 1, AccountID: 1, Enabled: true})
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			for _, path := range []string{badgeKey.JobPath(1, 0) + "uptime-90d.svg", "/status/acme/components/1/badges/response-time.svg"} {
				if rec := w.get(path+fmt.Sprintf("?label=%d", i), from(fmt.Sprintf("192.0.2.%d", i))); rec.Code != 200 {
					t.Errorf("status %d", rec.Code)
				}
			}
		})
	}
	all.Wait()
	if n := w.pages.Badges(); n != 3 { // the job, its runs, those of the component
		t.Errorf("the database was asked %d times", n)
	}
	for range 5 {
		w.wait(2 * time.Second)
		w.pages.Set(publictest.Full("acme", noon)) // it changes all the time
		check(t, w.get(badgeKey.JobPath(1, 0)+"uptime-90d.svg"), 200)
		check(t, w.get("/status/acme/components/1/badges/response-time.svg"), 200)
	}
	if n := w.pages.Badges(); n != 3+5 { // the job each time
		t.Errorf("the database was asked %d times", n)
	}
}

// TestHostileBadges holds no markup of anybody, and no more of a label than there is room for.
func TestHostileBadges(t *testing.T) {
	w := newWorld(t)
	w.pages.Set(publictest.Hostile("acme", noon))
	long := strings.Repeat("W", 5000)
	for _, path := range []string{"/status/acme/badges/state", "/status/acme/components/1/badges/uptime-7d"} {
		for _, query := range []string{"", "?label=%22%27%3E%3Cscript%3Ealert(1)%3C/script%3E%00%0d%0aX-Evil:%201%ff", "?label=" + long, "?style=%3Cscript%3E"} {
			for _, extension := range []string{".svg", ".json", ".shields.json"} {
				rec := w.get(path + extension + query)
				check(t, rec, 200)
				if body := rec.Body.String(); strings.Contains(body, "<script") || strings.Contains(body, "<img") || len(body) > 4000 ||
					rec.Header().Get("X-Content-Type-Options") != "nosniff" || rec.Header().Get("X-Evil") != "" {
					t.Errorf("%s%s%s is %s", path, extension, query, body)
				}
			}
		}
	}
}

// TestBadgeRates slows an address down that asks for badges.
func TestBadgeRates(t *testing.T) {
	w := newWorld(t)
	w.pages.SetJob(badge.Job{ID: 1, AccountID: 1, Enabled: true})
	path := badgeKey.JobPath(1, 0) + "state.svg"
	for range 50 {
		check(t, w.get(path, from("192.0.2.1")), 200)
	}
	check(t, w.get(path, from("192.0.2.1")), 429)
	check(t, w.get(path, from("192.0.2.2")), 200)
}
