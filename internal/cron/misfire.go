package cron

import (
	"math/bits"
	"time"
)

// OccurrenceRange is several occurrences in a row that one record covers.
type OccurrenceRange struct {
	First, Last time.Time
	Count       int64 // 0 when there is none
	AtLeast     bool  // there are more than Count
}

// Decision is what happens with the due occurrences of a job.
type Decision struct {
	Run    time.Time       // the occurrence to run; zero for none
	Missed OccurrenceRange // those before it; all of them when none runs
	Next   time.Time       // the first occurrence in the future; zero for none
}

// Decide says what happens with the occurrences of a job that are due at now, of which planned is the earliest. If there
// are several, only the latest can run: when it is found within its grace, or later with MisfireRun.
func (j *Job) Decide(planned, now time.Time) Decision {
	second := j.NextAfter(planned)
	v := Decision{Run: planned, Next: second}
	if !second.IsZero() && !second.After(now) {
		v.Run = j.latest(second, now)
		v.Next = j.NextAfter(v.Run)
		last := planned
		if v.Run.After(second) {
			last = j.latest(second, v.Run.Add(-time.Second))
		}
		v.Missed = OccurrenceRange{First: planned, Last: last}
		v.Missed.Count, v.Missed.AtLeast = j.count(planned, last)
	}
	// A grace is whole seconds, so an occurrence that is found less than a second late is in time.
	late := now.Sub(v.Run).Truncate(time.Second)
	if late <= j.grace(v.Run, v.Next) || j.Policy.Misfire == MisfireRun {
		return v
	}
	if v.Missed.Count == 0 {
		v.Missed.First = planned
	}
	v.Missed.Last = v.Run
	v.Missed.Count++
	v.Run = time.Time{}
	return v
}

// Backlog is all occurrences from planned to now, none of which will run.
func (j *Job) Backlog(planned, now time.Time) OccurrenceRange {
	g := OccurrenceRange{First: planned, Last: planned}
	if next := j.OccurrenceAfter(planned); !next.IsZero() && !next.After(now) {
		g.Last = j.latest(next, now)
	}
	g.Count, g.AtLeast = j.count(planned, g.Last)
	return g
}

// grace is how late an occurrence can be found and still run normally.
func (j *Job) grace(occurrence, next time.Time) time.Duration {
	switch {
	case j.Policy.Grace >= 0:
		return j.Policy.Grace
	case next.IsZero():
		return LongestDefaultGrace
	}
	return min(next.Sub(occurrence), LongestDefaultGrace)
}

// latest is the last occurrence at or before until, given any occurrence before it. It is a binary search, which works
// because OccurrenceAfter never decreases as its argument grows.
func (j *Job) latest(occurrence, until time.Time) time.Time {
	low, high := occurrence.UnixMilli(), until.UnixMilli() // the answer lies in [low, high]
	for low < high {
		mid := low + (high-low)/2
		if next := j.OccurrenceAfter(time.UnixMilli(mid)); !next.IsZero() && !next.After(until) {
			low = next.UnixMilli()
		} else {
			high = mid
		}
	}
	return time.UnixMilli(low).UTC()
}

// count is the number of occurrences from first to last. First counts even if the job no longer has it; last is one.
func (j *Job) count(first, last time.Time) (n int64, atLeast bool) {
	second := j.OccurrenceAfter(first)
	if second.IsZero() || second.After(last) {
		return 1, false
	}
	// Any pause ends before second, and a one-time job has no second occurrence.
	delay := j.delay()
	n, atLeast = j.Schedule.count(second.Add(-delay), last.Add(-delay))
	return 1 + n, atLeast
}

// maxCounted limits the steps of Schedule.count; a whole hour is one step.
const maxCounted = 20_000

// count is the number of occurrences from first to last, both of which are occurrences.
func (s *Schedule) count(first, last time.Time) (n int64, atLeast bool) {
	zone, err := LoadZone(s.Timezone)
	if err != nil {
		return 1, true
	}
	var (
		perHour = int64(s.Minutes.size(59) * s.Seconds.size(59))
		at      = first
		steps   = 0
	)
	n = 1
	for at.Before(last) {
		if steps++; steps > maxCounted {
			return n, true
		}
		next, ok := s.Next(at)
		if !ok || next.After(last) {
			return n, false
		}
		// A whole hour of local time without a clock change nearby has as many occurrences as the sets have times.
		local := next.In(zone)
		_, minute, second := local.Clock()
		start := next.Add(-time.Duration(minute)*time.Minute - time.Duration(second)*time.Second)
		end := start.Add(time.Hour)
		if perHour > 1 && at.Before(start) && !end.After(last) && steady(local, start, end) {
			n += perHour
			at = end.Add(-time.Second)
			continue
		}
		n++
		at = next
	}
	return n, false
}

// steady reports whether the clocks do not change within a day of the time from start to end.
func steady(local, start, end time.Time) bool {
	from, to := local.ZoneBounds()
	return (from.IsZero() || from.Before(start.Add(-24*time.Hour))) && (to.IsZero() || to.After(end.Add(24*time.Hour)))
}

// size is the number of members from 0 to high.
func (s Set) size(high int) int {
	return bits.OnesCount64(uint64(s & (1<<(high+1) - 1)))
}
