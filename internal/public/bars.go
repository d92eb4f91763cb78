package public

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"punctual/internal/statuspage"
)

// daySize is how many bytes a day of a history takes.
const daySize = unsafe.Sizeof(statuspage.Day{})

// maxColumns is how many days the bars of a component show one by one; longer histories are shown by weeks.
const maxColumns = 90

// column is a day or a week of the bars.
type column struct {
	from, last time.Time // the first and the last day
	states     statuspage.Durations
}

// columnsOf are the columns of a history, the oldest first.
func columnsOf(days []statuspage.Day) []column {
	each := 1
	if len(days) > maxColumns {
		each = 7
	}
	columns := make([]column, 0, len(days)/each+1)
	for end := len(days); end > 0; end -= each { // so that the last column is full
		week := days[max(end-each, 0):end]
		c := column{from: week[0].Start, last: week[len(week)-1].Start}
		for i := range week {
			c.states.Add(week[i].States)
		}
		columns = append(columns, c)
	}
	slices.Reverse(columns)
	return columns
}

// gravest are the states from the one that a day shows first.
var gravest = []statuspage.State{statuspage.MajorOutage, statuspage.PartialOutage, statuspage.Degraded, statuspage.Maintenance}

// stateOf is what a day or a column shows: the gravest state of its time. Time of which little is known is unknown, and not good.
func stateOf(d *statuspage.Durations) statuspage.State {
	for _, s := range gravest {
		if d[s] > 0 {
			return s
		}
	}
	if d[statuspage.Operational] > d[statuspage.Unknown] {
		return statuspage.Operational
	}
	return statuspage.Unknown
}

// plain tells whether nothing is to be said of the column beside its state.
func (c *column) plain() bool {
	s := stateOf(&c.states)
	return s == statuspage.Operational || s == statuspage.Unknown && c.states[statuspage.Operational] == 0
}

// bar is columns of the same look: days that stand together in which nothing happened, or a single one.
type bar struct {
	Class string
	Path  string
	Title string // empty on pages with very many bars
}

// barsOf are the bars of columns.
func (f *frame) barsOf(columns []column, withMaintenance bool) []bar {
	var bars []bar
	for i := 0; i < len(columns); {
		first := i
		state := stateOf(&columns[i].states)
		for i++; i < len(columns) && columns[first].plain() && columns[i].plain() && stateOf(&columns[i].states) == state; i++ {
		}
		c := column{from: columns[first].from, last: columns[i-1].last}
		for j := first; j < i; j++ {
			c.states.Add(columns[j].states)
		}
		bars = append(bars, bar{stateClass(state), "M" + strconv.Itoa(first) + " 1h" + strconv.Itoa(i-first), f.columnText(&c, withMaintenance)})
	}
	return bars
}

// mergeBars makes one bar of all with the same look, without titles. What is operational is the background.
func mergeBars(bars []bar) []bar {
	var merged []bar
	for _, b := range bars {
		if b.Class == stateClass(statuspage.Operational) {
			continue
		}
		i := slices.IndexFunc(merged, func(m bar) bool { return m.Class == b.Class })
		if i < 0 {
			merged = append(merged, bar{Class: b.Class, Path: b.Path})
			continue
		}
		merged[i].Path += b.Path
	}
	return merged
}

// columnText says how a column was: "12 September: 99.12% uptime; major outage 12 min".
func (f *frame) columnText(c *column, withMaintenance bool) string {
	days := f.labels.PlainDay(c.from)
	if !sameDay(c.from, c.last) {
		days = f.label("public.days", "from", days, "to", f.labels.PlainDay(c.last))
	}
	return days + ": " + f.statesText(&c.states, withMaintenance)
}

// statesText says how long something was in each state, and its uptime where it was not operational all the time.
func (f *frame) statesText(d *statuspage.Durations, withMaintenance bool) string {
	text, troubled := f.troublesText(d)
	if !troubled {
		return text
	}
	return f.uptimeText(d, withMaintenance) + "; " + text
}

// troublesText says how long something was in each state but operational. Without such states it is the word for all of the time.
func (f *frame) troublesText(d *statuspage.Durations) (text string, troubled bool) {
	var lasted []string
	for _, s := range gravest {
		if d[s] > 0 {
			lasted = append(lasted, f.label("public.lasted", "state", f.stateWord(s), "span", f.labels.Short(d[s])))
		}
	}
	switch {
	case len(lasted) > 0:
		return strings.Join(lasted, "; "), true
	case d[statuspage.Operational] == 0:
		return f.stateWord(statuspage.Unknown), false
	}
	return f.stateWord(statuspage.Operational), false
}

// uptimeText is an uptime in words: "99.98% uptime".
func (f *frame) uptimeText(d *statuspage.Durations, withMaintenance bool) string {
	share, ok := d.Uptime(withMaintenance)
	if !ok {
		return f.label("public.no-uptime")
	}
	return f.label("public.uptime", "percent", f.labels.Percent(share))
}
