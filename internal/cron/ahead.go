package cron

import "time"

// maxAheadLookups bounds the work of PlanAhead, which takes about 10 ms then.
const maxAheadLookups = 20_000

// perLookup is how many occurrences that are known are counted in the time in which one is looked up.
const perLookup = 16

// Ahead counts the occurrences that lie ahead, by the schedules of enabled jobs. Retries and manual runs are not known ahead.
type Ahead struct {
	From    time.Time // the minute of the first of Minutes, of which what is past is not counted
	Minutes []int
	Passed  int // jobs that were not counted, since there are too many occurrences
}

// Total is how many occurrences there are.
func (a *Ahead) Total() (n int) {
	for _, count := range a.Minutes {
		n += count
	}
	return n
}

// PlanAhead counts the occurrences of jobs from an instant on, by the minute. Of the jobs it needs ID, Schedule and Timing; they are
// taken as enabled.
func PlanAhead(jobs []Job, from time.Time, minutes int) Ahead {
	a := Ahead{From: from.UTC().Truncate(time.Minute), Minutes: make([]int, minutes)}
	end, work := a.From.Add(time.Duration(minutes)*time.Minute), maxAheadLookups
	for _, group := range loadGroups(jobs, "") {
		since := from
		if len(group.other) > 0 {
			since = since.Add(-MaxSpread)
		}
		var due []time.Time
		for next, ok := group.schedule.Next(since.Add(-time.Millisecond)); ok && next.Before(end) && work > 0; next, ok = group.schedule.Next(next) {
			due = append(due, next)
			work--
		}
		if work -= 1 + len(due)*(1+len(group.other))/perLookup; work <= 0 {
			a.Passed += len(group.plain) + len(group.other)
			continue
		}
		for _, at := range due {
			a.count(at, from, len(group.plain))
		}
		load := Load{From: from}
		for _, j := range group.other {
			load.each(j, due, j.delay(), func(at time.Time) bool { return a.count(at, from, 1) })
		}
	}
	return a
}

// count counts n occurrences at an instant, and reports whether later ones may count too.
func (a *Ahead) count(at, from time.Time, n int) (more bool) {
	minute := int(at.Sub(a.From) / time.Minute)
	if minute >= len(a.Minutes) {
		return false
	}
	if !at.Before(from) {
		a.Minutes[minute] += n
	}
	return true
}
