package cron

import (
	"sort"
	"time"
)

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

// PlanAhead counts the occurrences of jobs from an instant on, by the minute, without those that a maintenance window keeps from running.
// Of the jobs it needs ID, Schedule and Timing, and what windows select jobs by; they are taken as enabled.
func PlanAhead(jobs []Job, windows *Maintenance, from time.Time, minutes int) Ahead {
	a := Ahead{From: from.UTC().Truncate(time.Minute), Minutes: make([]int, minutes)}
	end, work := a.From.Add(time.Duration(minutes)*time.Minute), maxAheadLookups
	pauses := pausePlan{windows: windows, from: a.From, end: end, work: &work}
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
		together, apart := pauses.split(group)
		checks := 1
		for _, j := range apart {
			checks += 1 + len(j.pauses)
		}
		if work -= 1 + len(due)*checks/perLookup; work <= 0 {
			a.Passed += together + len(apart)
			continue
		}
		for _, at := range due {
			a.count(at, from, together)
		}
		load := Load{From: from}
		for _, j := range apart {
			load.each(j.Job, due, j.delay(), func(at time.Time) bool {
				if j.paused(at) {
					return a.count(at, from, 0)
				}
				return a.count(at, from, 1)
			})
		}
	}
	return a
}

// pausePlan works out when windows pause jobs, for each window once.
type pausePlan struct {
	windows   *Maintenance
	from, end time.Time
	work      *int // what is left of it
	spans     map[*windowSpan][]pause
}

// pause is a span in which a window pauses its jobs.
type pause struct{ start, end time.Time }

// plannedJob is a job whose occurrences are counted one by one, with the pauses of each of its windows.
type plannedJob struct {
	*Job
	pauses [][]pause
}

// paused tells whether an occurrence of the job falls into a pause.
func (j *plannedJob) paused(at time.Time) bool {
	for _, list := range j.pauses {
		next := sort.Search(len(list), func(i int) bool { return list[i].start.After(at) })
		if next > 0 && at.Before(list[next-1].end) {
			return true
		}
	}
	return false
}

// split tells how many jobs of a group are due whenever its schedule is, and lists the others.
func (p *pausePlan) split(group *scheduleLoad) (together int, apart []plannedJob) {
	for _, j := range group.plain {
		if pauses := p.of(j); pauses != nil {
			apart = append(apart, plannedJob{j, pauses})
		} else {
			together++
		}
	}
	for _, j := range group.other {
		apart = append(apart, plannedJob{j, p.of(j)})
	}
	return together, apart
}

// of lists the pauses of a job; nil for none.
func (p *pausePlan) of(j *Job) (list [][]pause) {
	if p.windows == nil {
		return nil
	}
	for _, w := range p.windows.of(j) {
		if w.Effect != MaintenancePause {
			continue
		}
		spans, known := p.spans[w]
		if !known {
			if p.spans == nil {
				p.spans = make(map[*windowSpan][]pause)
			}
			spans = p.spansOf(w)
			p.spans[w] = spans
		}
		if len(spans) > 0 {
			list = append(list, spans)
		}
	}
	return list
}

// spansOf lists the spans of a window; those that overlap or touch are one.
func (p *pausePlan) spansOf(w *windowSpan) (spans []pause) {
	for t := p.from; *p.work > 0; *p.work-- {
		start, end := w.at(t)
		if !start.Before(p.end) {
			break
		}
		if n := len(spans); n > 0 && !start.After(spans[n-1].end) {
			spans[n-1].end = end
		} else {
			spans = append(spans, pause{start, end})
		}
		t = end
	}
	return spans
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
