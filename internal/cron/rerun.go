package cron

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of reruns. A request is one transaction, which is short with so many runs.
const (
	MaxReruns        = 1000           // runs of a request
	MaxWaitingReruns = 10000          // of an account
	MaxRerunRate     = 6000           // runs a minute
	DefaultRerunRate = 60             // runs a minute
	MaxRerunSpan     = 24 * time.Hour // from the first run of a request to its last one
)

// rerunGap lies between the timeout of a run and the next run of the same job, if the job skips overlaps.
const rerunGap = time.Second

// RepeatableOutcomes are the outcomes of records that can be repeated.
var RepeatableOutcomes = []Outcome{OutcomeFailed, OutcomeLost, OutcomeMissed, OutcomeSkipped}

// RerunQuery selects records that are to be repeated by manual executions of the jobs as they are now.
//
// Of an occurrence, only the last attempt counts, and only if no further one waits. A record that covers several occurrences is
// repeated once. A manual execution that repeats a record is not itself a record to repeat: as long as none has succeeded,
// waits or runs, the record that it repeats can be repeated again.
type RerunQuery struct {
	Filter    HistoryFilter // Outcomes are some of RepeatableOutcomes; From is set
	PerMinute int           // runs a minute, 1 to MaxRerunRate
	PerJob    bool          // repeat only the newest record of each job
}

// Check adds what is wrong with the query.
func (q *RerunQuery) Check(c *Checker) {
	q.Filter.Check(c)
	if q.Filter.From.IsZero() {
		c.Add("/from", Problem{Rule: RuleMandatory})
	}
	for i, o := range q.Filter.Outcomes {
		if !slices.Contains(RepeatableOutcomes, o) {
			c.Add("/outcome/"+strconv.Itoa(i), Problem{Rule: RuleUnknownValue, Given: o.String(), Want: RepeatableNames()})
		}
	}
	if len(q.Filter.Outcomes) == 0 {
		c.Add("/outcome", Problem{Rule: RuleMandatory})
	}
}

// Repeatable reports whether the record can be repeated.
func (e *Execution) Repeatable() bool { return slices.Contains(RepeatableOutcomes, e.Outcome) }

// RepeatableNames lists the names of RepeatableOutcomes.
func RepeatableNames() string {
	names := make([]string, len(RepeatableOutcomes))
	for i, o := range RepeatableOutcomes {
		names[i] = o.String()
	}
	return strings.Join(names, ", ")
}

// RerunPlan says what a RerunQuery selects, and when it runs.
type RerunPlan struct {
	Matched  int64      // records that match; those of occurrences that have a later attempt do not count
	Repeated int64      // that are left out, since a run that repeats them waits, runs or has succeeded
	Runs     []Rerun    // in the order in which they are due
	Jobs     []RerunJob // that run, in the order of their IDs
	Cut      bool       // more match than one request may run
	Back     time.Time  // only records back to this time were examined; zero if all were
	Start    time.Time  // when the first run is due; zero for a dry run
}

// Rerun is a manual execution that repeats a record.
type Rerun struct {
	JobID    int64
	RecordID int64
	Planned  time.Time     // of the record
	After    time.Duration // from the start of the plan until it is due
}

// RerunJob is a job that runs again.
type RerunJob struct {
	ID     int64
	Title  string
	Method Method
	Runs   int           // of the plan
	Apart  time.Duration // how far two of its runs must be apart; 0 if they may overlap
}

// NewRerunJob describes a job whose account has plan p.
func NewRerunJob(j *Job, p *Plan) RerunJob {
	r := RerunJob{ID: j.ID, Title: j.Title, Method: j.Request.Method}
	if j.Policy.Overlap == OverlapSkip {
		r.Apart = j.EffectiveTimeout(p) + rerunGap
	}
	return r
}

// Takes is the time from the first run to the last one.
func (p *RerunPlan) Takes() time.Duration {
	if len(p.Runs) == 0 {
		return 0
	}
	return p.Runs[len(p.Runs)-1].After
}

// Spread plans the runs, oldest record first, at a number of runs a minute. Runs of a job that skips overlaps are so far apart
// that the former has ended by its timeout. Runs of jobs that are not in jobs are left out; runs that would be due after
// MaxRerunSpan are cut.
func (p *RerunPlan) Spread(perMinute int, jobs map[int64]*RerunJob) {
	slices.SortFunc(p.Runs, func(a, b Rerun) int { return cmp.Compare(a.RecordID, b.RecordID) })
	var (
		interval = time.Minute / time.Duration(perMinute)
		slots    = freeSlots{}
		last     = make(map[int64]time.Duration, len(jobs))
		runs     = p.Runs[:0]
	)
	for _, r := range p.Runs {
		j := jobs[r.JobID]
		if j == nil {
			continue
		}
		earliest := 0
		if before, ran := last[j.ID]; ran && j.Apart > 0 {
			earliest = int((before + j.Apart + interval - 1) / interval)
		}
		slot := slots.first(earliest)
		if r.After = (time.Duration(slot) * interval).Truncate(time.Millisecond); r.After > MaxRerunSpan {
			p.Cut = true
			continue
		}
		slots.take(slot)
		last[j.ID] = r.After
		j.Runs++
		runs = append(runs, r)
	}
	p.Runs = runs
	slices.SortStableFunc(p.Runs, func(a, b Rerun) int { return cmp.Compare(a.After, b.After) })
	p.Jobs = p.Jobs[:0]
	for _, j := range jobs {
		if j.Runs > 0 {
			p.Jobs = append(p.Jobs, *j)
		}
	}
	slices.SortFunc(p.Jobs, func(a, b RerunJob) int { return cmp.Compare(a.ID, b.ID) })
}

// freeSlots leads from each slot that is taken towards the next free one.
type freeSlots map[int]int

// first is the first free slot that is not before a given one. What it passes leads there directly afterwards.
func (f freeSlots) first(slot int) int {
	free := slot
	for next, taken := f[free]; taken; next, taken = f[free] {
		free = next
	}
	for slot != free {
		slot, f[slot] = f[slot], free
	}
	return free
}

func (f freeSlots) take(slot int) { f[slot] = slot + 1 }
