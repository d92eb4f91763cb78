package cron

import (
	"archive/zip"
	"cmp"
	"fmt"
	"slices"
	"time"
)

// LoadZone is the time zone with the given IANA name, spelt as in ZoneNames, or an error when there is none. It reads
// the data of CurrentZones, whereas time.LoadLocation would prefer the host's. Every call for a name but the first is a
// lookup that allocates nothing.
func LoadZone(name string) (*time.Location, error) {
	z := zoneNamed(name)
	if z == nil {
		return nil, fmt.Errorf("unknown time zone %q", name)
	}
	return z.loc, nil
}

// ZoneNames lists the names of all time zones in ascending order, old aliases included.
func ZoneNames() []string { return CurrentZones().Names() }

// The rules that zones end in speak of months and weekdays only, so that from zoneRegular on everything repeats after
// the 400 years in which the Gregorian calendar does. A test holds the data to it.
const (
	zoneRegular = 4102444800      // 2100-01-01T00:00:00Z; by then each zone keeps to its final rule
	zoneCycle   = 146097 * oneDay // 400 years

	oneDay = 24 * 60 * 60
	always = 1 << 60 // seconds; further from 1970 than any time that is of interest
)

// zone is a time zone in the form that the search for occurrences needs.
type zone struct {
	loc   *time.Location
	spans []span // in ascending order, at least one, up to the end of the first cycle after zoneRegular
	cycle int    // the index of the first span that starts in that cycle; len(spans) when the last one never ends
}

// span is a stretch of time with one offset from UTC. It ends where the next one starts.
type span struct {
	start  int64 // Unix seconds
	offset int64 // seconds east of UTC
}

// zoneNamed is the zone with the given name in the data of CurrentZones, or nil.
func zoneNamed(name string) *zone {
	load, ok := CurrentZones().index[name]
	if !ok {
		return nil
	}
	return load()
}

// readZone reads one zone of the database.
func readZone(file *zip.File) (*zone, error) {
	loc, err := readLocation(file)
	if err != nil {
		return nil, err
	}
	return newZone(loc), nil
}

// newZone lists the spans of loc.
func newZone(loc *time.Location) *zone {
	t := time.Unix(firstInstant, 0).In(loc)
	z := &zone{loc: loc, spans: []span{{start: -always, offset: offsetOf(t)}}}
	for {
		_, end := t.ZoneBounds()
		if end.IsZero() {
			break
		}
		if !end.After(t) {
			// Under a final rule a year has 365 days for ZoneBounds. Nothing changes on the last day of a leap year.
			end = t.Add(oneDay * time.Second)
		}
		t = end
		if t.Unix() >= zoneRegular+zoneCycle {
			break
		}
		// ZoneBounds also ends at the turn of the year, and where nothing but the abbreviation changes.
		if offset := offsetOf(t); offset != z.spans[len(z.spans)-1].offset {
			z.spans = append(z.spans, span{t.Unix(), offset})
		}
	}
	z.spans = slices.Clip(z.spans)
	z.cycle, _ = slices.BinarySearchFunc(z.spans, zoneRegular, func(s span, t int64) int {
		return cmp.Compare(s.start, t)
	})
	return z
}

func offsetOf(t time.Time) int64 {
	_, offset := t.Zone()
	return int64(offset)
}

// spanCursor is a place in the endless sequence of a zone's spans.
type spanCursor struct {
	zone  *zone
	index int
	shift int64 // whole cycles between zone.spans and the place
}

// at is the span that holds the instant t.
func (z *zone) at(t int64) spanCursor {
	var shift int64
	if t >= zoneRegular+zoneCycle {
		shift = (t - zoneRegular) / zoneCycle * zoneCycle
		t -= shift
	}
	low, high := 0, len(z.spans) // the span is at low or after it, and before high
	for high-low > 1 {
		if middle := (low + high) / 2; z.spans[middle].start <= t {
			low = middle
		} else {
			high = middle
		}
	}
	return spanCursor{z, low, shift}
}

func (c spanCursor) offset() int64 { return c.zone.spans[c.index].offset }

func (c spanCursor) start() int64 { return c.zone.spans[c.index].start + c.shift }

// end is where the span ends; always when it does not.
func (c spanCursor) end() int64 {
	following, ok := c.next()
	if !ok {
		return always
	}
	return following.start()
}

// next is the span that follows; ok is false when there is none.
func (c spanCursor) next() (following spanCursor, ok bool) {
	c.index++
	if c.index == len(c.zone.spans) {
		c.index = c.zone.cycle
		c.shift += zoneCycle
	}
	return c, c.index < len(c.zone.spans)
}
