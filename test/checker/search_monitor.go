package checker

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// Component is a row of status_component, with its transitions and how its jobs are.
type Component struct {
	ID          int64
	Changed     time.Time // when the definition of its page was last changed
	Needed      int
	Rule        statuspage.Rule
	State       statuspage.State // what visitors are shown
	Jobs        []ComponentJob
	Transitions []statuspage.Transition // of all layers, in the order in which they apply
}

// ComponentJob is a row of status_component_job.
type ComponentJob struct {
	ComponentID int64
	JobID       int64
	Health      statuspage.Health
}

// Monitor is what is stored of the latest results of a job that components have.
type Monitor struct {
	JobID   int64
	Window  statuspage.Window
	Waiting []statuspage.Run // results that have been recorded, but that no component has taken up yet, in their order
}

// components reads the components of all pages.
func components(ctx context.Context, db *sql.DB) ([]Component, error) {
	all, err := list(ctx, db, scanComponent, `SELECT status_component.id, status_page.updated_at, needed, rule_failures, rule_of, rule_successes, rule_slow_ms,
		rule_percent, state FROM status_component JOIN status_page ON status_page.id = page_id ORDER BY status_component.id`)
	if err != nil {
		return nil, err
	}
	jobs, err := list(ctx, db, func(scan func(...any) error) (j ComponentJob, err error) {
		return j, scan(&j.ComponentID, &j.JobID, &j.Health)
	}, `SELECT component_id, job_id, health FROM status_component_job ORDER BY component_id, job_id`)
	if err != nil {
		return nil, err
	}
	transitions, err := list(ctx, db, scanTransition, `SELECT component_id, layer, at, state, clear FROM status_transition ORDER BY component_id, at, layer`)
	for i := range all {
		c := &all[i]
		c.Jobs, jobs = cut(jobs, c.ID, func(j ComponentJob) int64 { return j.ComponentID })
		c.Transitions, transitions = cut(transitions, c.ID, func(t statuspage.Transition) int64 { return t.ComponentID })
	}
	return all, err
}

func scanComponent(scan func(...any) error) (c Component, err error) {
	var changed, slow int64
	err = scan(&c.ID, &changed, &c.Needed, &c.Rule.Failures, &c.Rule.Of, &c.Rule.Successes, &slow, &c.Rule.Percent, &c.State)
	c.Changed, c.Rule.SlowAfter = instant(changed), time.Duration(slow)*time.Millisecond
	return c, err
}

func scanTransition(scan func(...any) error) (t statuspage.Transition, err error) {
	var at int64
	err = scan(&t.ComponentID, &t.Layer, &at, &t.State, &t.Clear)
	t.At = instant(at)
	return t, err
}

// monitors reads the latest results of the jobs of components.
func monitors(ctx context.Context, db *sql.DB) (map[int64]*Monitor, error) {
	known := make(map[int64]*Monitor)
	_, err := list(ctx, db, func(scan func(...any) error) (none struct{}, err error) {
		var (
			m       Monitor
			results []byte
		)
		if err := scan(&m.JobID, &results); err != nil {
			return none, err
		}
		m.Window, err = statuspage.DecodeWindow(results)
		known[m.JobID] = &m
		return none, err
	}, `SELECT job_id, results FROM monitor`)
	if err != nil {
		return nil, err
	}
	_, err = list(ctx, db, func(scan func(...any) error) (none struct{}, err error) {
		var (
			job, took int64
			outcome   cron.Outcome
			status    cron.Status
		)
		if err := scan(&job, &outcome, &status, &took); err != nil {
			return none, err
		}
		m := known[job]
		if m == nil {
			m = &Monitor{JobID: job}
			known[job] = m
		}
		if run, counts := runOf(outcome, status, time.Duration(took)*time.Microsecond); counts {
			m.Waiting = append(m.Waiting, run)
		}
		return none, nil
	}, `SELECT job_id, outcome, status, duration_us FROM monitor_result ORDER BY id`)
	return known, err
}

// runOf is what a result says to components, if it says anything.
func runOf(o cron.Outcome, s cron.Status, took time.Duration) (run statuspage.Run, counts bool) {
	verdict, counts := statuspage.VerdictOf(o, s)
	if verdict != statuspage.Succeeded {
		took = 0
	}
	return statuspage.Run{Verdict: verdict, Duration: took.Truncate(time.Millisecond)}, counts
}

// result is what a record says to the components of its job.
type result struct {
	record *Record
	at     time.Time // when it ended, or was to begin
	run    statuspage.Run
	turn   int64 // the ID of the latest first attempt up to the record: of a job that does not overlap, what is before was written before it
}

// results are what the records of a job say to components, in the order of the records' IDs: one for the last attempt of each occurrence,
// and two for several that were missed.
func results(h history) (all []result) {
	followed := make(map[Pending]bool, len(h.records)) // attempts that there are
	for i := range h.records {
		r := &h.records[i]
		followed[Pending{r.JobID, r.Planned, r.Kind, r.Attempt}] = true
	}
	for _, p := range h.pending {
		followed[p] = true
	}
	for i := range h.records {
		r := &h.records[i]
		run, counts := runOf(r.Outcome, r.Result.Status, r.Result.Duration)
		if !counts || followed[Pending{r.JobID, r.Planned, r.Kind, r.Attempt + 1}] {
			continue
		}
		if r.Outcome != cron.OutcomeMissed {
			all = append(all, result{record: r, at: r.Result.Started.Add(r.Result.Duration), run: run})
			continue
		}
		all = append(all, result{record: r, at: r.Planned, run: run})
		if r.Count > 1 {
			all = append(all, result{record: r, at: r.Last, run: run})
		}
	}
	slices.SortStableFunc(all, func(a, b result) int { return cmp.Compare(a.record.ID, b.record.ID) })
	var turns []int64
	for i := range h.records {
		if r := &h.records[i]; r.started() && r.Attempt == 1 {
			turns = append(turns, r.ID)
		}
	}
	slices.Sort(turns)
	for i := range all {
		at, is := slices.BinarySearch(turns, all[i].record.ID)
		if is {
			at++
		}
		if at > 0 {
			all[i].turn = turns[at-1]
		}
	}
	return all
}

// searchMonitor replays the results of jobs, and compares what comes of them with what is stored: a result that was left out, or that
// counted twice, leads to another one.
func searchMonitor(e *evidence) {
	jobs := make(map[int64]history, len(e.jobs))
	for _, h := range e.jobs {
		jobs[h.job.ID] = h
	}
	for i := range e.Components {
		c := &e.Components[i]
		e.compareShown(c)
		for _, j := range c.Jobs {
			h, there := jobs[j.JobID]
			switch {
			case !there:
				e.add("component %d has job %d, which does not exist", c.ID, j.JobID)
			case h.job.Type != cron.TypeMonitoring:
				e.add("component %d has job %d, which is of type %d", c.ID, j.JobID, h.job.Type)
			case e.replayable(c, h):
				e.replay(c, j, h)
			}
		}
	}
}

// compareShown checks that a component shows what its transitions and its jobs say.
func (e *evidence) compareShown(c *Component) {
	var (
		layers  statuspage.Layers
		health  []statuspage.Health
		changes int
	)
	for _, t := range c.Transitions {
		layers.Apply(t)
		if t.Layer == statuspage.LayerObserved {
			changes++
		}
	}
	if shown := layers.Shown(); shown != c.State {
		e.add("component %d is shown as %s, but its transitions say %s", c.ID, c.State, shown)
	}
	for _, j := range c.Jobs {
		health = append(health, j.Health)
	}
	observed := layers[statuspage.LayerObserved].State
	if said := statuspage.Observe(health, c.Needed); said != observed && changes < flapping {
		e.add("component %d is observed as %s, but its jobs say %s", c.ID, observed, said)
	}
}

const (
	flapping = 100              // changes of a component on a day, from which on it may show a state for longer
	overdue  = 60 * time.Second // without a result, after which what was known of a job may have been forgotten

	inAnyOrder = 4 // executions at once, of which all orders are tried
)

// replayable tells whether all records of a job are results for a component, and little is open of the order in which those were written:
// as for jobs that do not overlap, of which a first attempt begins when all before it have ended.
func (e *evidence) replayable(c *Component, h history) bool {
	if e.Paused || !h.job.Enabled || h.job.Policy.Overlap != cron.OverlapSkip {
		return false // after a pause, a result may have come after another one had been settled as lost
	}
	for i := range h.records {
		if r := &h.records[i]; r.Kind != cron.KindScheduled || !r.Planned.After(h.job.Updated) || !r.Planned.After(c.Changed) {
			return false
		}
	}
	return true
}

// replay compares what is stored of a job and of its component with what its results lead to, unless those are too many orders.
func (e *evidence) replay(c *Component, j ComponentJob, h history) {
	all := results(h)
	for i := 0; i < len(all); i = e.together(all, i) {
		if executed(all[i:e.together(all, i)]) > inAnyOrder {
			return
		}
	}
	m := e.Monitors[j.JobID]
	if m == nil {
		m = &Monitor{JobID: j.JobID}
	}
	got := m.Window
	for _, run := range m.Waiting {
		got.Add(run)
	}
	var observed []statuspage.State // nil when they do not follow from this job alone
	if len(c.Jobs) == 1 {
		observed = []statuspage.State{}
		for _, t := range c.Transitions {
			if t.Layer == statuspage.LayerObserved {
				observed = append(observed, t.State)
			}
		}
	}
	if len(observed) >= flapping {
		observed = nil
	}
	ends := e.replays(c, h, all, len(all)-len(m.Waiting), observed)
	if !slices.ContainsFunc(ends, func(r replay) bool {
		return slices.Equal(r.window.Runs, got.Runs) && r.health == j.Health && (r.partial || slices.Equal(r.states, observed))
	}) {
		e.add("job %d of component %d is %d after %v, by the states %v, but its %d results, of which the last %d wait, do not lead to that: %v", j.JobID, c.ID,
			j.Health, got.Runs, observed, len(all), len(m.Waiting), ends)
	}
}

// replay is what some results of a job lead to.
type replay struct {
	window statuspage.Window
	health statuspage.Health
	// states are those that the component came to be observed as, the last one at changed. partial says that they are not known, since the
	// replay did not begin with the first result, or the component has more jobs.
	states  []statuspage.State
	changed time.Time
	partial bool
}

// add takes the next result.
func (r replay) add(c *Component, next result) replay {
	r.window.Add(next.run)
	r.health = c.Rule.Health(r.health, r.window)
	if r.partial {
		return r
	}
	state, at, last := statuspage.Observe([]statuspage.Health{r.health}, 1), next.at.Truncate(time.Millisecond), len(r.states)-1
	switch {
	case last < 0 && state == statuspage.Unknown, last >= 0 && r.states[last] == state:
	case last >= 0 && !at.After(r.changed): // one takes the place of another one of the same instant
		r.states = append(slices.Clone(r.states[:last]), state)
	default:
		r.states, r.changed = append(slices.Clone(r.states), state), at
	}
	return r
}

// leadsTo tells whether further results can lead to states. Only the last one may still be replaced.
func (r replay) leadsTo(states []statuspage.State) bool {
	sure := r.states[:max(len(r.states)-1, 0)]
	return r.partial || len(sure) <= len(states) && slices.Equal(sure, states[:len(sure)])
}

// replays are all ends to which results can lead, of which components have taken up the first ones and observed what is given. Some results
// may have been written in several orders. And after a time in which none was written, what was known of the job may have been forgotten.
func (e *evidence) replays(c *Component, h history, all []result, taken int, observed []statuspage.State) (ends []replay) {
	ends = []replay{{partial: observed == nil}}
	last := e.To // that a result was written
	for i := range h.records {
		if began := h.records[i].Result.Started; began.After(last) {
			last = began
		}
	}
	for i := 0; i < len(all); {
		end := e.together(all, i)
		known := make(map[string]replay) // those that go on differently
		add := func(r replay, from int, order []result) {
			for k, next := range order[from:] {
				if i+from+k < taken {
					r = r.add(c, next)
				} else {
					r.window.Add(next.run)
				}
			}
			if r.leadsTo(observed) {
				known[fmt.Sprint(r)] = r
			}
		}
		for _, order := range e.orders(all[i:end]) {
			for _, former := range ends {
				add(former, 0, order)
			}
			before := all[max(i-1, 0):i]
			for k, next := range order { // what was known before may have been forgotten then
				for _, former := range before {
					if former.record != next.record && next.writtenBy(h, last).Sub(former.at) >= overdue {
						add(replay{partial: true}, k, order)
					}
				}
				before = order[k : k+1]
			}
		}
		ends = slices.Collect(maps.Values(known))
		if i = end; i == len(all) && last.Sub(all[end-1].at) >= overdue {
			ends = append(ends, replay{partial: true})
		}
	}
	return ends
}

// together is the end of the results from the given one on whose order is not certain: all after it were written later than these.
func (e *evidence) together(all []result, from int) int {
	end := from + 1
	for next := end; next < len(all); next++ {
		if slices.ContainsFunc(all[from:end], func(r result) bool { return e.mayPrecede(all[next], r) }) {
			end = next + 1
		}
	}
	return end
}

// executed counts the results that are not of missed occurrences, whose order is certain.
func executed(results []result) (n int) {
	for _, r := range results {
		if r.record.Outcome != cron.OutcomeMissed {
			n++
		}
	}
	return n
}

// orders are those in which results may have been written, which are given in the order of their records' IDs.
func (e *evidence) orders(results []result) (all [][]result) {
	if len(results) < 2 {
		return [][]result{results}
	}
	for i, first := range results {
		if slices.ContainsFunc(results[:i], func(r result) bool { return !e.mayPrecede(first, r) }) {
			continue
		}
		twice := i+1 < len(results) && results[i+1].record == first.record
		for _, rest := range e.orders(slices.Delete(slices.Clone(results), i, i+1)) {
			if !twice || rest[0].record == first.record { // one claim writes both
				all = append(all, append([]result{first}, rest...))
			}
		}
	}
	return all
}

// mayPrecede tells whether a result may have been written before another one, whose record has the lesser ID. A claim finds what was missed,
// and begins a further attempt, also while an execution of another occurrence is in flight.
func (e *evidence) mayPrecede(r, other result) bool {
	if other.record.Outcome == cron.OutcomeMissed || other.record.ID < r.turn {
		return false
	}
	return (r.record.Outcome == cron.OutcomeMissed || r.record.Attempt > 1) && e.mayWait(other.record, r.record.Result.Started)
}

// mayWait tells whether the result of an execution may not have been written at an instant. It ends long before that when the database is
// away or busy, and when its node has died: a loss has the instant at which the execution began.
func (e *evidence) mayWait(r *Record, until time.Time) bool {
	const written = 20 * time.Second // after its end, a result has been written, if it did not have to wait
	return e.Delayed || r.Outcome == cron.OutcomeLost || !r.Result.Started.Add(r.Result.Duration+written).Before(until)
}

// writtenBy is until when a result was written: what was missed, by the claim that found it; another one, before the next first attempt of
// its job began. last is when the ledger ends.
func (r result) writtenBy(h history, last time.Time) time.Time {
	if r.record.Outcome == cron.OutcomeMissed {
		return r.record.Result.Started
	}
	by := last
	for i := range h.records {
		if next := &h.records[i]; next.started() && next.Attempt == 1 && next.ID > r.record.ID && next.Result.Started.Before(by) {
			by = next.Result.Started
		}
	}
	return by
}
