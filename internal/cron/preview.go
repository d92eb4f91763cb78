package cron

import "time"

// Preview is the occurrences of a schedule from an instant on.
type Preview struct {
	Runs    []PreviewRun
	Skipped []SkippedTimes // up to the last of Runs; no more of them than Runs were asked for
}

// PreviewRun is an occurrence.
type PreviewRun struct {
	At   time.Time // in the schedule's time zone
	Note PreviewNote
	// Window is the maintenance window that the job is in then, and one that pauses it if there is one; nil for none. It is known
	// for previews of jobs only.
	Window *MaintenanceWindow
}

// PreviewNote is the effect of a clock change on an occurrence.
type PreviewNote int

// The notes.
const (
	NoteNone     PreviewNote = iota
	NoteShifted              // the sets do not name its local time: it stands for one that they name and clocks jump across
	NoteFirst                // its local time comes twice, and is due the first time only
	NoteRepeated             // its local time comes twice, and this is the second time; the first one was due as well
)

// SkippedTimes is local times that the sets name and that no clock shows, since the clocks are put forward across them.
type SkippedTimes struct {
	First, Last time.Time // as if they were times in UTC
	Count       int
	At          time.Time // the occurrence that stands for them; zero when there is none
}

// Preview lists the occurrences from the given instant on, up to count of them, with what changes of the clocks do to
// them. The schedule is taken to be valid.
func (s *Schedule) Preview(from time.Time, count int) Preview {
	var p Preview
	z := zoneNamed(s.Timezone)
	if z == nil {
		return p
	}
	end := int64(lastInstant)
	for next, ok := s.Next(from.Add(-1)); ok; next, ok = s.Next(next) {
		p.Runs = append(p.Runs, PreviewRun{At: next.In(z.loc), Note: s.note(z, next.Unix())})
		if len(p.Runs) == count {
			end = next.Unix()
			break
		}
	}
	p.Skipped = s.gaps(z, from.Unix(), end, count)
	return p
}

// PreviewOneTime is Preview for a one-time job, of whose schedule only the time zone counts.
func (s *Schedule) PreviewOneTime(runAt, from time.Time) Preview {
	z := zoneNamed(s.Timezone)
	if z == nil || runAt.Before(from) {
		return Preview{}
	}
	return Preview{Runs: []PreviewRun{{At: runAt.In(z.loc)}}}
}

// Preview lists the occurrences of the job from the given instant on, even while it is disabled, with its delay and none while it is
// paused.
func (j *Job) Preview(from time.Time, count int) Preview {
	if j.Timing.PausedUntil.After(from) {
		from = j.Timing.PausedUntil
	}
	if !j.Timing.RunAt.IsZero() {
		return j.Schedule.PreviewOneTime(j.Timing.RunAt, from)
	}
	delay := j.delay()
	p := j.Schedule.Preview(from.Add(-delay), count)
	for i := range p.Runs {
		p.Runs[i].At = p.Runs[i].At.Add(delay)
	}
	return p
}

// Never reports whether the sets match no local time at all, such as 31 February.
func (s *Schedule) Never() bool {
	p := s.pattern()
	_, ok := p.next(0)
	return !ok
}

// note says what is special about the occurrence at the instant t.
func (s *Schedule) note(z *zone, t int64) PreviewNote {
	reading := t + z.at(t).offset()
	p := s.pattern()
	if next, _ := p.next(reading); next != reading {
		return NoteShifted
	}
	before, after := z.shows(reading, t)
	switch {
	case before:
		return NoteRepeated
	case after && s.fixedTimes():
		return NoteFirst
	}
	return NoteNone
}

// shows reports whether clocks show a reading before and after the instant t as well; after a correction of the clocks
// is not after it.
func (z *zone) shows(reading, t int64) (before, after bool) {
	for c, ok := z.at(t-2*oneDay), true; ok && c.start() < t+2*oneDay; c, ok = c.next() {
		if c.start() > t && c.corrected() {
			break
		}
		if other := reading - c.offset(); c.start() <= other && other < c.end() {
			before = before || other < t
			after = after || other > t
		}
	}
	return before, after
}

// gaps lists what clocks jump across from the instant first to the instant last.
func (s *Schedule) gaps(z *zone, first, last int64, limit int) []SkippedTimes {
	var (
		list   []SkippedTimes
		p      = s.pattern()
		expiry = s.expiry()
		once   = s.fixedTimes()
	)
	span, ok := z.at(first - 1).next()
	for ; ok && span.start() <= last && len(list) < limit; span, ok = span.next() {
		t := span.start()
		landing := t + span.offset()
		reading, possible := p.next(z.latestReading(t-1, true) + 1)
		if !possible || reading > expiry {
			break
		}
		if reading >= landing {
			if reading-oneDay > t {
				span = z.at(reading - oneDay) // nothing before is of interest
			}
			continue
		}
		g := SkippedTimes{First: time.Unix(reading, 0).UTC()}
		for ; possible && reading < landing && reading <= expiry; reading, possible = p.next(reading + 1) {
			g.Last = time.Unix(reading, 0).UTC()
			g.Count++
		}
		if once && !span.corrected() {
			g.At = time.Unix(t, 0).In(z.loc)
		}
		list = append(list, g)
	}
	return list
}
