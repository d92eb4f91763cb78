package web

import (
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
)

// The strip of a day has a bar for each minute: upwards what succeeded, downwards what failed or was missed. The length of a bar
// is the root of its number, so that one failure is seen beside a thousand successes.
const (
	stripMinutes = 24 * 60
	stripUp      = 40
	stripDown    = 20
)

// strip is the last day, minute by minute.
type strip struct {
	Succeeded, Failed, Missed int64
	Good, Bad                 string // paths of SVG
	Hours                     []stripHour
	Ticks                     []time.Time
}

// stripHour is an hour of the strip.
type stripHour struct {
	From, To                  time.Time
	Succeeded, Failed, Missed int64
	X, Width                  int // in the strip
	Path                      string
}

// Any tells whether anything was due.
func (s strip) Any() bool { return s.Succeeded+s.Failed+s.Missed > 0 }

// strip draws the counts of minutes.
func (p *overviewPage) strip() strip {
	first := p.now.Add(-stripMinutes * time.Minute).Truncate(time.Minute).Add(time.Minute)
	s := strip{Hours: stripHours(first, p.zone)}
	var most, worst int64 = 1, 1
	for _, c := range p.Overview.Recent.Minutes {
		most, worst = max(most, c.Succeeded), max(worst, c.Failed+c.Missed)
	}
	var good, bad strings.Builder
	for _, c := range p.Overview.Recent.Minutes {
		minute := int(c.Minute.Sub(first) / time.Minute)
		if minute < 0 || minute >= stripMinutes {
			continue
		}
		s.add(c)
		drawBar(&good, minute, -stripUp, c.Succeeded, most)
		drawBar(&bad, minute, stripDown, c.Failed+c.Missed, worst)
	}
	s.Good, s.Bad = good.String(), bad.String()
	for i := range 5 {
		s.Ticks = append(s.Ticks, first.Add(time.Duration(i)*stripMinutes/4*time.Minute))
	}
	return s
}

// add counts a minute.
func (s *strip) add(c cron.MinuteCount) {
	s.Succeeded, s.Failed, s.Missed = s.Succeeded+c.Succeeded, s.Failed+c.Failed, s.Missed+c.Missed
	for i := range s.Hours {
		if h := &s.Hours[i]; !c.Minute.Before(h.From) && c.Minute.Before(h.To) {
			h.Succeeded, h.Failed, h.Missed = h.Succeeded+c.Succeeded, h.Failed+c.Failed, h.Missed+c.Missed
		}
	}
}

// drawBar adds the bar of a minute to a path; length is that of the greatest number.
func drawBar(path *strings.Builder, minute, length int, n, most int64) {
	if n <= 0 {
		return
	}
	height := int(math.Ceil(math.Sqrt(float64(n)/float64(most)) * math.Abs(float64(length))))
	if length < 0 {
		height = -height
	}
	path.WriteString("M" + strconv.Itoa(minute) + ".5 " + strconv.Itoa(stripUp) + "v" + strconv.Itoa(height))
}

// stripHours are the hours of a zone since an instant.
func stripHours(first time.Time, zone *time.Location) (hours []stripHour) {
	last := first.Add(stripMinutes * time.Minute)
	for from := first; from.Before(last); {
		local := from.In(zone)
		next := from.Add(time.Hour - time.Duration(local.Minute())*time.Minute)
		if next.After(last) {
			next = last
		}
		minutes := func(t time.Time) int { return int(t.Sub(first) / time.Minute) }
		query := url.Values{"from": {strconv.FormatInt(from.Unix(), 10)}, "to": {strconv.FormatInt(next.Unix(), 10)}}
		hours = append(hours, stripHour{From: from, To: next, X: minutes(from), Width: minutes(next) - minutes(from), Path: pathRuns + "?" + query.Encode()})
		from = next
	}
	return hours
}

// Clock is the time of day of an instant, in the chosen zone.
func (p view) Clock(at time.Time) string { return at.In(p.zone).Format("15:04") }
