package web

import (
	"time"

	"punctual/internal/cron"
)

// localLayouts are what browsers send for a field of the type datetime-local.
var localLayouts = []string{"2006-01-02T15:04", "2006-01-02T15:04:05"}

// localTime reads a field of the type datetime-local in the time zone of the person; zero when it is empty.
func (v *visit) localTime(name string, c *cron.Checker) time.Time {
	return localTimeIn(v.form(name), v.plainView().zone, name, c)
}

// localTimeIn is localTime for a text in a time zone. A time that the clock shows twice is the first of them.
func localTimeIn(text string, zone *time.Location, name string, c *cron.Checker) time.Time {
	if text == "" {
		return time.Time{}
	}
	for _, layout := range localLayouts {
		if at, err := time.ParseInLocation(layout, text, zone); err == nil {
			return firstShown(at)
		}
	}
	c.Add("/"+name, cron.Problem{Rule: cron.RuleDate, Given: text})
	return time.Time{}
}

// firstShown is the first instant at which the clock of a time's zone shows that time: package time takes either where clocks are set back.
func firstShown(at time.Time) time.Time {
	_, offset := at.Zone()
	_, before := at.Add(-3 * time.Hour).Zone() // no clock is set back by more
	first := at.Add(time.Duration(offset-before) * time.Second)
	if _, same := first.Zone(); before > offset && same == before {
		return first
	}
	return at
}

// localTimeText is an instant as a field of the type datetime-local holds it; empty for zero.
func localTimeText(at time.Time, zone *time.Location) string {
	if at.IsZero() {
		return ""
	}
	local := at.In(zone)
	if local.Second() != 0 {
		return local.Format(localLayouts[1])
	}
	return local.Format(localLayouts[0])
}

// ZoneName is the time zone in which forms take times.
func (p view) ZoneName() string { return p.zone.String() }
