package cron

import (
	"archive/zip"
	"cmp"
	"fmt"
	"slices"
	"time"
)

// LoadZone returns the time zone with the given IANA name, which is case-sensitive, or an error if it is unknown. It uses
// CurrentZones; time.LoadLocation would prefer the data of the host. Zones are cached.
func LoadZone(name string) (*time.Location, error) {
	z := zoneNamed(name)
	if z == nil {
		return nil, fmt.Errorf("unknown time zone %q", name)
	}
	return z.loc, nil
}

// ZoneNames lists the names in CurrentZones, as Zones.Names does.
func ZoneNames() []string { return CurrentZones().Names() }

// The final rule of a zone, which applies to all future years, depends on the month and the day of the week only. So from
// zoneRegular on, offsets repeat every 400 years, as the Gregorian calendar does. A test checks this for all zones.
const (
	zoneRegular = 4102444800      // 2100-01-01T00:00:00Z; by then the final rule of each zone applies
	zoneCycle   = 146097 * oneDay // 400 years

	oneDay = 24 * 60 * 60
	always = 1 << 60 // seconds; beyond any supported time
)

// zone is a time zone as a list of spans, for the search for occurrences.
type zone struct {
	loc   *time.Location
	spans []span // at least one, in ascending order, up to the end of the first cycle after zoneRegular
	cycle int    // the index of the first span that starts in that cycle; len(spans) when the last one never ends
}

// span is a period with a constant offset from UTC. It ends where the next one starts.
type span struct {
	start  int64 // Unix seconds
	offset int64 // seconds east of UTC
}

// KnownZone reports whether there is a time zone of the name.
func KnownZone(name string) bool { return zoneNamed(name) != nil }

// zoneNamed returns the zone with the given name in CurrentZones, or nil.
func zoneNamed(name string) *zone {
	load, ok := CurrentZones().index[name]
	if !ok {
		return nil
	}
	return load()
}

// readZone reads a zone of the database.
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
			// Under a final rule, ZoneBounds takes every year to have 365 days, so it does not get past the last day of a
			// leap year. No zone has a transition on that day.
			end = t.Add(oneDay * time.Second)
		}
		t = end
		if t.Unix() >= zoneRegular+zoneCycle {
			break
		}
		// ZoneBounds also stops at the end of a year and where only the abbreviation changes.
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

// spanCursor is a position in the endless sequence of a zone's spans.
type spanCursor struct {
	zone  *zone
	index int
	shift int64 // seconds, whole cycles, from zone.spans[index] to the position
}

// at returns the span that contains the instant t.
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

// end returns the end of the span, or always if it does not end.
func (c spanCursor) end() int64 {
	following, ok := c.next()
	if !ok {
		return always
	}
	return following.start()
}

// next returns the following span. ok is false if there is none.
func (c spanCursor) next() (following spanCursor, ok bool) {
	c.index++
	if c.index == len(c.zone.spans) {
		c.index = c.zone.cycle
		c.shift += zoneCycle
	}
	return c, c.index < len(c.zone.spans)
}
