package cron

import (
	"math/bits"
	"time"
)

// Gap is a run of occurrences that one record covers.
type Gap struct {
	First, Last time.Time
	Count       int64 // 0 when there is none
	AtLeast     bool  // Count was not counted to its end
}

// Verdict is what becomes of the occurrences of a job that are due.
type Verdict struct {
	Run    time.Time // the one to run; zero when none is
	Missed Gap       // those before it, or all
	Next   time.Time // the first one in the future; zero when there is none
}

// Judge decides on a job whose earliest unsettled occurrence is planned, at or before now. Of several that are due only
// the latest may run: within its grace, or later when the job's misfire policy says so.
func (j *Job) Judge(planned, now time.Time) Verdict {
	second := j.NextAfter(planned)
	v := Verdict{Run: planned, Next: second}
	if !second.IsZero() && !second.After(now) {
		v.Run = j.latest(second, now)
		v.Next = j.NextAfter(v.Run)
		last := planned
		if v.Run.After(second) {
			last = j.latest(second, v.Run.Add(-time.Second))
		}
		v.Missed = Gap{First: planned, Last: last}
		v.Missed.Count, v.Missed.AtLeast = j.count(planned, last)
	}
	// Graces are whole seconds; what is found within a second is found in time.
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

// Backlog is the run of occurrences from planned to now, none of which will run.
func (j *Job) Backlog(planned, now time.Time) Gap {
	g := Gap{First: planned, Last: planned}
	if next := j.OccurrenceAfter(planned); !next.IsZero() && !next.After(now) {
		g.Last = j.latest(next, now)
	}
	g.Count, g.AtLeast = j.count(planned, g.Last)
	return g
}

// grace is how late the given occurrence may be found and still simply run.
func (j *Job) grace(occurrence, next time.Time) time.Duration {
	switch {
	case j.Policy.Grace >= 0:
		return j.Policy.Grace
	case next.IsZero():
		return LongestDefaultGrace
	}
	return min(next.Sub(occurrence), LongestDefaultGrace)
}

// latest is the last occurrence at or before until, given one of them. It bisects, since what follows an instant never
// comes before what follows an earlier one.
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

// count is the number of occurrences from first, which counts whatever the job says now, to last, which is one.
func (j *Job) count(first, last time.Time) (n int64, atLeast bool) {
	second := j.OccurrenceAfter(first)
	if second.IsZero() || second.After(last) {
		return 1, false
	}
	// From there on no pause is left, and a one-time job has no other.
	delay := j.delay()
	n, atLeast = j.Schedule.count(second.Add(-delay), last.Add(-delay))
	return 1 + n, atLeast
}

// maxCounted bounds the steps of Schedule.count; whole hours are counted in one.
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
		// A whole hour of local time without a change of the clocks near it holds as many as the sets say.
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

// steady tells whether the clocks do not change between start and end or close to it.
func steady(local, start, end time.Time) bool {
	from, to := local.ZoneBounds()
	return (from.IsZero() || from.Before(start.Add(-24*time.Hour))) && (to.IsZero() || to.After(end.Add(24*time.Hour)))
}

// size is the number of members from 0 to high.
func (s Set) size(high int) int {
	return bits.OnesCount64(uint64(s & (1<<(high+1) - 1)))
}
