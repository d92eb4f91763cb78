package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"punctual/internal/statuspage"
)

const (
	// observeChunk is how many results one transaction takes, of observeAccounts accounts at most, each of which has an equal share.
	observeChunk, observeAccounts = 500, 25
	// overdueChunk is for how many jobs one transaction finds that their results are overdue.
	overdueChunk = 100
	// unknownFor is when a job without results is looked at again, so that its row does not stay when no component has it any more.
	unknownFor = 24 * time.Hour
)

// componentJob is a row of status_component_job: how a job is by the rule of a component.
type componentJob struct {
	id      int64
	health  statuspage.Health
	changed bool
}

// observation changes, in one transaction, what is observed of the components of pages that it has locked.
type observation struct {
	s          *Store
	q          queryer
	now        time.Time
	components []*component
	ofJob      map[int64][]*component
	monitors   map[int64]*monitor
	expected   map[int64]*expectation
	changed    map[int64]*monitor // those to be written
}

// ObserveComponents works out the states of components from a chunk of the results of their jobs, and from results that are overdue. more
// asks for another step soon. Any node may call it at any time; while one does, it is without effect on others.
func (s *Store) ObserveComponents(ctx context.Context) (more bool, err error) {
	ctx = upkeep.with(ctx)
	waiting, err := s.observable(ctx)
	if err != nil || !waiting {
		return false, err
	}
	for _, step := range []func(context.Context, queryer) (bool, error){s.observeResults, s.observeOverdue} {
		var left bool
		err := s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
			alone, err := s.engine.alone(ctx, q, lockObserving)
			if err != nil || !alone {
				return err
			}
			left, err = step(ctx, q)
			return err
		})
		if err != nil {
			return false, fmt.Errorf("work out the states of components: %w", err)
		}
		more = more || left
	}
	return more, nil
}

// observable tells whether there is something to do. It is asked each second.
func (s *Store) observable(ctx context.Context) (is bool, err error) {
	if there, ok := s.polled(ctx); ok && !there.components {
		return false, nil
	}
	err = s.read.QueryRowContext(ctx, `SELECT `+observableQuery, millis(s.Now())).Scan(flag(&is))
	if err != nil {
		return false, fmt.Errorf("look for results of components: %w", err)
	}
	return is, nil
}

// observableQuery asks at $1.
const observableQuery = `EXISTS (SELECT 1 FROM monitor_result) OR EXISTS (SELECT 1 FROM monitor WHERE expires_at <= $1)`

// observeResults takes a chunk of monitor_result.
func (s *Store) observeResults(ctx context.Context, q queryer) (more bool, err error) {
	results, more, err := s.nextResults(ctx, q)
	if err != nil || len(results) == 0 {
		return false, err
	}
	jobs := make(map[int64]bool)
	for i := range results {
		jobs[results[i].jobID] = true
	}
	o, locked, err := s.observation(ctx, q, slices.Sorted(maps.Keys(jobs)))
	if err != nil {
		return false, err
	}
	var taken []int64
	for i := range results {
		r := &results[i]
		if locked[r.jobID] {
			more = true
			continue
		}
		taken = append(taken, r.id)
		o.take(r)
	}
	if err := o.save(ctx); err != nil {
		return false, err
	}
	if _, err := q.ExecContext(ctx, `DELETE FROM monitor_result WHERE `+s.engine.in("id", 1), s.engine.list(taken)); err != nil {
		return false, fmt.Errorf("take results: %w", err)
	}
	return more, nil
}

// nextResults reads the first results of the accounts whose turn it is.
func (s *Store) nextResults(ctx context.Context, q queryer) (results []monitorResult, more bool, err error) {
	var accounts []int64
	start := s.observedAccount.Load()
	for after, wrapped := start, false; len(accounts) < observeAccounts; {
		var account int64
		err := q.QueryRowContext(ctx, `SELECT account_id FROM monitor_result WHERE account_id > $1 ORDER BY account_id LIMIT 1`, after).Scan(&account)
		switch {
		case errors.Is(err, sql.ErrNoRows) && !wrapped:
			after, wrapped = 0, true
			continue
		case errors.Is(err, sql.ErrNoRows):
		case err != nil:
			return nil, false, fmt.Errorf("find accounts with results: %w", err)
		}
		if account == 0 || wrapped && account > start {
			break
		}
		accounts, after = append(accounts, account), account
	}
	if len(accounts) == 0 {
		return nil, false, nil
	}
	s.observedAccount.Store(accounts[len(accounts)-1])
	share := max(observeChunk/len(accounts), 1)
	for _, account := range accounts {
		some, err := collect(ctx, q, "read results of components", func(scan scanner, r *monitorResult) error {
			return scan(&r.id, &r.accountID, &r.jobID, moment(&r.at), integer(&r.outcome), integer(&r.status), inMicroseconds(&r.duration))
		}, `SELECT id, account_id, job_id, at, outcome, status, duration_us FROM monitor_result WHERE account_id = $1 ORDER BY id LIMIT $2`,
			account, share)
		if err != nil {
			return nil, false, err
		}
		results, more = append(results, some...), more || len(some) == share
	}
	return results, more || len(accounts) == observeAccounts, nil
}

// observation locks the pages that show jobs, and reads what is known of their components. Jobs on a page that another transaction has
// locked are left out: they are in locked.
func (s *Store) observation(ctx context.Context, q queryer, jobs []int64) (o *observation, locked map[int64]bool, err error) {
	pages := make(map[int64][]int64)
	err = each(ctx, q, "find the pages of jobs", func(scan scanner) error {
		var job, page int64
		if err := scan(&job, &page); err != nil {
			return err
		}
		pages[page] = append(pages[page], job)
		return nil
	}, `SELECT status_component_job.job_id, status_component.page_id FROM status_component_job
		JOIN status_component ON status_component.id = status_component_job.component_id
		WHERE `+s.engine.in("status_component_job.job_id", 1), s.engine.list(jobs))
	if err != nil {
		return nil, nil, err
	}
	free, err := collect(ctx, q, "lock the pages of jobs", single[int64], `SELECT id FROM status_page WHERE `+s.engine.in("id", 1)+
		` ORDER BY id`+s.engine.lock(skipLocked), s.engine.list(slices.Sorted(maps.Keys(pages))))
	if err != nil {
		return nil, nil, err
	}
	locked = make(map[int64]bool)
	for page, of := range pages {
		if !slices.Contains(free, page) {
			for _, job := range of {
				locked[job] = true
			}
		}
	}
	jobs = slices.DeleteFunc(jobs, func(job int64) bool { return locked[job] })
	found, err := s.components(ctx, q, s.engine.in("status_component.page_id", 1)+` AND status_component.id IN
		(SELECT component_id FROM status_component_job WHERE `+s.engine.in("job_id", 2)+`)`, s.engine.list(free), s.engine.list(jobs))
	if err != nil {
		return nil, nil, err
	}
	if o, err = s.observationOf(ctx, q, found); err != nil {
		return nil, nil, err
	}
	return o, locked, o.know(ctx, jobs)
}

// observationOf reads the jobs of components.
func (s *Store) observationOf(ctx context.Context, q queryer, components []*component) (o *observation, err error) {
	o = &observation{s: s, q: q, now: s.stamp(), components: components, ofJob: make(map[int64][]*component), changed: make(map[int64]*monitor)}
	byID, ids := make(map[int64]*component), make([]int64, len(components))
	for i, c := range components {
		byID[c.id], ids[i] = c, c.id
	}
	return o, each(ctx, q, "read the jobs of components", func(scan scanner) error {
		var (
			id int64
			j  componentJob
		)
		if err := scan(&id, &j.id, integer(&j.health)); err != nil {
			return err
		}
		c := byID[id]
		c.jobs, o.ofJob[j.id] = append(c.jobs, &j), append(o.ofJob[j.id], c)
		return nil
	}, `SELECT component_id, job_id, health FROM status_component_job WHERE `+s.engine.in("component_id", 1)+` ORDER BY component_id, job_id`,
		s.engine.list(ids))
}

// know reads what is known of jobs.
func (o *observation) know(ctx context.Context, jobs []int64) (err error) {
	if o.monitors, err = o.s.monitors(ctx, o.q, jobs); err != nil {
		return err
	}
	o.expected, err = o.s.expectations(ctx, o.q, jobs)
	return err
}

// take adds a result to the latest ones of its job, and makes what follows from it. A job that no component has any more is passed over.
func (o *observation) take(r *monitorResult) {
	verdict, counts := statuspage.VerdictOf(r.outcome, r.status)
	e := o.expected[r.jobID]
	if !counts || e == nil || len(o.ofJob[r.jobID]) == 0 {
		return
	}
	m := o.monitors[r.jobID]
	if m == nil {
		m = &monitor{jobID: r.jobID, accountID: e.accountID}
		o.monitors[r.jobID] = m
	}
	m.window.Add(statuspage.Run{Verdict: verdict, Duration: r.duration})
	m.expires, o.changed[r.jobID] = e.expires(o.now), m
	if r.at.After(m.last) {
		m.last = r.at
	}
	for _, c := range o.ofJob[r.jobID] {
		j := c.job(r.jobID)
		j.set(c.rule.Health(j.health, m.window))
		o.observe(c, r.at)
	}
}

// observe sets what is observed of a component from an instant on, by its jobs.
func (o *observation) observe(c *component, at time.Time) {
	c.observe(statuspage.Observe(c.health(), c.needed), at, o.now)
}

// job is a job of the component.
func (c *component) job(id int64) *componentJob {
	return c.jobs[slices.IndexFunc(c.jobs, func(j *componentJob) bool { return j.id == id })]
}

func (j *componentJob) set(h statuspage.Health) {
	if h != j.health {
		j.health, j.changed = h, true
	}
}

// health is how the jobs of the component are.
func (c *component) health() []statuspage.Health {
	return column(c.jobs, func(j *componentJob) statuspage.Health { return j.health })
}

// save writes what has changed, in the order of pages, components and jobs.
func (o *observation) save(ctx context.Context) error {
	pages := make(map[int64]bool)
	for _, c := range o.components {
		if c.shows {
			pages[c.pageID] = true
		}
	}
	if len(pages) > 0 {
		if err := o.s.raiseRevisions(ctx, o.q, slices.Sorted(maps.Keys(pages))...); err != nil {
			return err
		}
	}
	for _, c := range o.components {
		for _, j := range c.jobs {
			if !j.changed {
				continue
			}
			_, err := o.q.ExecContext(ctx, `UPDATE status_component_job SET health = $3 WHERE component_id = $1 AND job_id = $2`, c.id, j.id,
				int(j.health))
			if err != nil {
				return fmt.Errorf("write how a job is: %w", err)
			}
		}
		if err := o.s.saveComponent(ctx, o.q, c); err != nil {
			return err
		}
	}
	return o.s.saveMonitors(ctx, o.q, o.changed)
}

// observeOverdue takes a chunk of jobs whose results are overdue. A job that is not planned any more, or whose claim is late, is unknown,
// and so is one whose results did not come twice, since it was skipped. One that is planned for later can have had another schedule before.
func (s *Store) observeOverdue(ctx context.Context, q queryer) (more bool, err error) {
	now := s.stamp()
	overdue, err := collect(ctx, q, "find results that are overdue", single[int64], `SELECT job_id FROM monitor WHERE expires_at <= $1
		AND NOT EXISTS (SELECT 1 FROM monitor_result WHERE monitor_result.account_id = monitor.account_id)
		ORDER BY expires_at LIMIT $2`, millis(now), overdueChunk)
	if err != nil || len(overdue) == 0 {
		return false, err
	}
	o, locked, err := s.observation(ctx, q, slices.Clone(overdue))
	if err != nil {
		return false, err
	}
	var gone []int64
	for _, id := range overdue {
		m, e := o.monitors[id], o.expected[id]
		switch {
		case locked[id]:
		case m == nil || e == nil || len(o.ofJob[id]) == 0:
			o.unknown(id, now)
			gone = append(gone, id)
		default:
			o.overdue(m, e)
		}
	}
	if err := o.save(ctx); err != nil {
		return false, err
	}
	if len(gone) > 0 {
		if _, err := q.ExecContext(ctx, `DELETE FROM monitor WHERE `+s.engine.in("job_id", 1), s.engine.list(gone)); err != nil {
			return false, fmt.Errorf("forget jobs without components: %w", err)
		}
	}
	return len(overdue) == overdueChunk, nil
}

// overdue says that the result of a job did not come.
func (o *observation) overdue(m *monitor, e *expectation) {
	at := m.expires
	o.changed[m.jobID] = m
	m.expires = e.expires(o.now)
	if e.attempts || e.next.After(o.now) && !m.window.Overdue() {
		return
	}
	m.window, m.expires = statuspage.Window{}, o.now.Add(unknownFor)
	o.unknown(m.jobID, at)
}

// unknown says that a job is unknown from an instant on.
func (o *observation) unknown(jobID int64, at time.Time) {
	for _, c := range o.ofJob[jobID] {
		c.job(jobID).set(statuspage.HealthUnknown)
		o.observe(c, at)
	}
}

// refreshComponents works out what is observed of the components of a page whose jobs or rules have changed. It is part of the transaction
// of the change, which has locked the page and raises its revision. Of a job that no component had before, the latest result is all that
// is known.
func (s *Store) refreshComponents(ctx context.Context, q queryer, pageID int64) error {
	found, err := s.components(ctx, q, `status_component.page_id = $1`, pageID)
	if err != nil {
		return err
	}
	o, err := s.observationOf(ctx, q, found)
	if err != nil {
		return err
	}
	jobs := slices.Sorted(maps.Keys(o.ofJob))
	if err := o.know(ctx, jobs); err != nil {
		return err
	}
	for _, id := range jobs {
		if o.monitors[id] == nil {
			o.begin(id)
		}
	}
	for _, c := range o.components {
		if c.daysDone == 0 { // it is new
			_, err := q.ExecContext(ctx, `UPDATE status_component SET days_done = $2 WHERE id = $1`, c.id, statuspage.DayOf(o.now, c.zone))
			if err != nil {
				return fmt.Errorf("begin the history of a component: %w", err)
			}
		}
		for _, j := range c.jobs {
			j.set(c.rule.Health(j.health, o.monitors[j.id].window))
		}
		o.observe(c, o.now)
	}
	return o.save(ctx)
}

// begin makes the latest results of a job that no component had before: the one that its state tells, if the job is planned.
func (o *observation) begin(jobID int64) {
	m := &monitor{jobID: jobID}
	o.monitors[jobID] = m
	e := o.expected[jobID]
	if e == nil {
		return
	}
	m.accountID, m.expires = e.accountID, e.expires(o.now)
	o.changed[jobID] = m
	if e.latest == nil || e.next.IsZero() {
		return
	}
	if verdict, counts := statuspage.VerdictOf(e.latest.outcome, e.latest.status); counts {
		m.window.Add(statuspage.Run{Verdict: verdict, Duration: e.latest.duration})
		m.last = e.latest.at
	}
}
