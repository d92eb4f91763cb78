package cron

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestZoneDataIsTheOneDescribed(t *testing.T) {
	page, err := os.ReadFile("zoneinfo.md")
	if err != nil {
		t.Fatal(err)
	}
	z := EmbeddedZones()
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(zoneData)))
	if !strings.Contains(string(page), "`"+sum+"`") {
		t.Errorf("zoneinfo.md does not name the SHA-256 of zoneinfo.zip, %s", sum)
	}
	if !strings.Contains(string(page), "release "+z.Release()+" ") {
		t.Errorf("zoneinfo.md does not name the release, %s", z.Release())
	}
	if version := z.Version(); len(version) != 16 || !strings.HasPrefix(sum, version) {
		t.Errorf("Version() = %q", version)
	}
}

func TestZoneNames(t *testing.T) {
	names := ZoneNames()
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Error("the names are not in order")
	}
	for _, name := range []string{
		"UTC", "Etc/UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Africa/Asmera", "Asia/Calcutta", "US/Eastern",
		"Eire", "EST5EDT", "Europe/Kyiv", "Europe/Kiev", "GMT+0", "Pacific/Kanton",
	} {
		if !slices.Contains(names, name) {
			t.Errorf("%s is missing", name)
		}
	}
	for _, name := range names {
		loc, err := LoadZone(name)
		if err != nil || loc.String() != name {
			t.Errorf("LoadZone(%q) = %v, %v", name, loc, err)
		}
	}
}

func TestLoadZoneUnknown(t *testing.T) {
	for _, name := range []string{
		"", "Local", "local", "europe/berlin", "Europe", "Europe/", "/Europe/Berlin", " UTC", "+01:00", "../UTC",
	} {
		if loc, err := LoadZone(name); err == nil || loc != nil {
			t.Errorf("LoadZone(%q) = %v, %v", name, loc, err)
		}
	}
}

func TestLoadZoneAllocatesNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { _, _ = LoadZone("Europe/Berlin") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestLoadZoneConcurrently lets the race detector watch the first use of many zones.
func TestLoadZoneConcurrently(t *testing.T) {
	var group sync.WaitGroup
	got := make([][]*time.Location, 8)
	for i := range got {
		group.Go(func() {
			for _, name := range ZoneNames()[:40] {
				loc, _ := LoadZone(name)
				got[i] = append(got[i], loc)
			}
		})
	}
	group.Wait()
	for _, locations := range got {
		if !slices.Equal(locations, got[0]) {
			t.Fatal("two calls found different locations for one name")
		}
	}
}

// TestZoneOffsets compares the spans of every zone with package time: at every change, and anywhere from the year 1 to
// 9999, most often where the table starts to repeat itself.
func TestZoneOffsets(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, name := range ZoneNames() {
		z := zoneNamed(name)
		var instants []int64
		for _, s := range z.spans[1:] {
			for cycles := range int64(4) {
				at := s.start + cycles*zoneCycle
				if s.start < zoneRegular {
					at = s.start
				}
				instants = append(instants, at-1, at)
			}
		}
		for range 300 {
			instants = append(instants,
				firstInstant+r.Int64N(lastInstant-firstInstant),
				zoneRegular+r.Int64N(4*zoneCycle),
				zoneRegular+zoneCycle+r.Int64N(2*366*oneDay)-366*oneDay,
			)
		}
		for _, at := range instants {
			c := z.at(at)
			if want := offsetOf(time.Unix(at, 0).In(z.loc)); c.offset() != want {
				t.Fatalf("%s at %v: offset %d; want %d", name, time.Unix(at, 0).UTC(), c.offset(), want)
			}
			start, end := c.start(), c.end()
			if start > at || end <= at {
				t.Fatalf("%s at %v: a span from %d to %d", name, time.Unix(at, 0).UTC(), start, end)
			}
			if end == always {
				continue
			}
			before, after := offsetOf(time.Unix(end-1, 0).In(z.loc)), offsetOf(time.Unix(end, 0).In(z.loc))
			if before != c.offset() || after == c.offset() {
				t.Fatalf("%s: a span ends at %v, where the offset is %d", name, time.Unix(end, 0).UTC(), after)
			}
		}
	}
}

// TestZoneChangesAreAllThere looks for a change that the table lacks, where package time has another offset at the end
// of a span than at its start.
func TestZoneChangesAreAllThere(t *testing.T) {
	for _, name := range ZoneNames() {
		z := zoneNamed(name)
		for c, ok := z.at(firstInstant), true; ok && c.start() < zoneRegular+400*oneDay; c, ok = c.next() {
			for at := max(c.start(), -4e9); at < min(c.end(), zoneRegular+400*oneDay); at += 10 * oneDay {
				if want := offsetOf(time.Unix(at, 0).In(z.loc)); c.offset() != want {
					t.Fatalf("%s at %v: offset %d; want %d", name, time.Unix(at, 0).UTC(), c.offset(), want)
				}
			}
		}
	}
}

// TestLatestReading compares with the greatest reading of all spans, and so holds the data to what latestReading
// relies on.
func TestLatestReading(t *testing.T) {
	for _, name := range ZoneNames() {
		z := zoneNamed(name)
		latest := int64(-always)
		for i, s := range z.spans[:len(z.spans)-1] {
			end := z.spans[i+1].start
			for _, later := range []int64{0, 1, 1800, 3599, 3600, oneDay, 2 * oneDay, end - 1 - s.start} {
				at := s.start + later
				if i == 0 || at >= end {
					continue
				}
				if got, want := z.latestReading(at, true), max(latest, at+s.offset); got != want {
					t.Fatalf("%s at %v: %d; want %d", name, time.Unix(at, 0).UTC(), got, want)
				}
			}
			latest = max(latest, end-1+s.offset)
		}
	}
}
