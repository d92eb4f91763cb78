package web

import (
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
	"punctual/internal/service"
)

// The strip of a day, and of what is planned after it, has a bar for each minute: upwards what succeeded and what is planned,
// downwards what failed or was missed. The length of a bar is the root of its number, so that one failure is seen beside a thousand successes.
const (
	stripMinutes = 24 * 60
	stripUp      = 40
	stripDown    = 20
)

// strip is the last day, and what is planned, minute by minute.
type strip struct {
	Succeeded, Failed, Missed int64
	Planned                   int
	Good, Bad, Ahead          string // paths of SVG
	Width                     int    // in minutes; those after stripMinutes lie ahead
	MorePlanned               bool   // not all that is planned was counted
	TooMany                   bool   // the account has so many jobs that nothing planned is counted
	Hours                     []stripHour
	Ticks                     []time.Time
}

// stripHour is an hour of the strip.
type stripHour struct {
	From, To                  time.Time
	Succeeded, Failed, Missed int64
	Planned                   int
	X, Width                  int // in the strip
	Path                      string
}

// Past tells whether anything was due.
func (s strip) Past() bool { return s.Succeeded+s.Failed+s.Missed > 0 }

// Any tells whether anything was due, or is planned.
func (s strip) Any() bool { return s.Past() || s.Planned > 0 }

// strip draws the counts of minutes.
func (p *overviewPage) strip() strip {
	first := p.now.Add(-stripMinutes * time.Minute).Truncate(time.Minute).Add(time.Minute)
	ahead := p.Overview.Ahead
	s := strip{Width: stripMinutes, TooMany: ahead == nil}
	var most, worst int64 = 1, 1
	if ahead != nil {
		s.Width, s.MorePlanned = stripMinutes+len(ahead.Minutes)-1, ahead.Passed > 0
		for _, n := range ahead.Minutes {
			most = max(most, int64(n))
		}
	}
	s.Hours = stripHours(first, s.Width, p.now, p.zone)
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
	if ahead != nil {
		s.Ahead = s.drawAhead(ahead, first, most)
	}
	for i := range 5 {
		s.Ticks = append(s.Ticks, first.Add(time.Duration(i*s.Width/4)*time.Minute))
	}
	return s
}

// drawAhead counts and draws what is planned. Its first minute is the last one of the day, which it shares with what was due in it.
func (s *strip) drawAhead(ahead *cron.Ahead, first time.Time, most int64) string {
	var path strings.Builder
	for i, n := range ahead.Minutes {
		at := ahead.From.Add(time.Duration(i) * time.Minute)
		minute := int(at.Sub(first) / time.Minute)
		if n == 0 || minute < 0 || minute >= s.Width {
			continue
		}
		s.Planned += n
		for h := range s.Hours {
			if hour := &s.Hours[h]; !at.Before(hour.From) && at.Before(hour.To) {
				hour.Planned += n
			}
		}
		if minute >= stripMinutes {
			drawBar(&path, minute, -stripUp, int64(n), most)
		}
	}
	return path.String()
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

// stripHours are the hours of a zone since an instant. Those that lie ahead lead to the jobs that run next.
func stripHours(first time.Time, width int, now time.Time, zone *time.Location) (hours []stripHour) {
	last := first.Add(time.Duration(width) * time.Minute)
	for from := first; from.Before(last); {
		local := from.In(zone)
		next := from.Add(time.Hour - time.Duration(local.Minute())*time.Minute)
		if next.After(last) {
			next = last
		}
		minutes := func(t time.Time) int { return int(t.Sub(first) / time.Minute) }
		query := url.Values{"from": {strconv.FormatInt(from.Unix(), 10)}, "to": {strconv.FormatInt(next.Unix(), 10)}}
		path := pathRuns + "?" + query.Encode()
		if from.After(now) {
			path = pathJobs + "?sort=next"
		}
		hours = append(hours, stripHour{From: from, To: next, X: minutes(from), Width: minutes(next) - minutes(from), Path: path})
		from = next
	}
	return hours
}

// PlannedLimit is up to how many jobs what is planned is counted.
func (overviewPage) PlannedLimit() int { return service.OverviewPlanned }

// countedWithin is how old the figures of the overview are without a word about it.
const countedWithin = 90 * time.Second

// CountedUntil is until when the overview counts what was due; zero for the present.
func (p overviewPage) CountedUntil() time.Time {
	if at := p.Overview.Recent.AsOf; p.now.Sub(at) > countedWithin {
		return at
	}
	return time.Time{}
}

// Clock is the time of day of an instant, in the chosen zone.
func (p view) Clock(at time.Time) string { return at.In(p.zone).Format("15:04") }
