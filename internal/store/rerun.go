package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"punctual/internal/cron"
)

// A rerun is a manual execution that repeats a record of the ledger:
//
//	record ◀── rerun (job, planned) ──▶ pending ──claim──▶ execution
//
// The table rerun alone knows the record and who asked for it, and marks the execution by its job and the instant for which it was
// planned. So a claim and a result are those of any manual execution. Manual executions that repeat nothing have a row, too, for who
// asked for them; its record_id is 0.

// What is examined for a request is bounded by pages of searchRows records, for each of its ranges, and by time.
const (
	rerunPages = 50
	rerunTime  = 2 * time.Second
)

// rerunColumns are the columns of a rerun, for rerunTargets.
const rerunColumns = `coalesce(rerun.record_id, 0), coalesce(rerun.record_planned_at, 0), coalesce(rerun.person_id, 0),
	coalesce(rerun.key_id, 0), coalesce(rerun.author, ''), coalesce(rerun.way, '')`

// rerunTargets read rerunColumns.
func rerunTargets(r *cron.HistoryRecord) []any {
	by := &r.RequestedBy
	return []any{integer(&r.RerunOf.ID), moment(&r.RerunOf.Planned), integer(&by.PersonID), integer(&by.KeyID), text(&by.Label), text(&by.Way)}
}

// joinRerun adds the row of an execution in rerun, if it has one.
const joinRerun = `LEFT JOIN rerun ON execution.kind = 1 AND rerun.planned_at = execution.planned_at AND rerun.job_id = execution.job_id`

// repeats is the condition for a rerun that waits, runs or has succeeded. Its record is not repeated again. kind + 0 keeps
// PostgreSQL from reading the whole index of manual runs.
const repeats = `(EXISTS (SELECT 1 FROM pending WHERE pending.job_id = rerun.job_id AND pending.planned_at = rerun.planned_at
		AND pending.kind + 0 = 1)
	OR EXISTS (SELECT 1 FROM execution AS run WHERE run.planned_at = rerun.planned_at AND run.job_id = rerun.job_id
		AND run.kind = 1 AND run.outcome IN (0, 1)))`

// repeatable is the condition for the last attempt of an occurrence, which is not itself a rerun.
const repeatable = ` AND NOT EXISTS (SELECT 1 FROM execution AS later WHERE later.planned_at = execution.planned_at
		AND later.job_id = execution.job_id AND later.kind = execution.kind AND later.attempt = execution.attempt + 1)
	AND NOT EXISTS (SELECT 1 FROM pending WHERE pending.job_id = execution.job_id AND pending.planned_at = execution.planned_at
		AND pending.kind = execution.kind AND pending.attempt = execution.attempt + 1)
	AND (execution.kind <> 1 OR NOT EXISTS (SELECT 1 FROM rerun WHERE rerun.planned_at = execution.planned_at
		AND rerun.job_id = execution.job_id AND rerun.record_id <> 0))`

// PlanReruns finds the records of a query, the newest first, as many as can be examined in about rerunTime and as many as one
// request may run, and spreads their runs in time. The error is of kind NotFound when the account does not have the job or folder
// of the filter, and of kind TooMany when no more reruns may wait. Records of deleted jobs are not found.
func (s *Store) PlanReruns(ctx context.Context, accountID int64, q *cron.RerunQuery) (p cron.RerunPlan, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return p, err
	}
	defer leave()
	since, err := s.searchable(ctx, accountID, &q.Filter)
	if err != nil {
		return p, err
	}
	room, err := roomForReruns(ctx, s.read, accountID)
	if err != nil {
		return p, err
	}
	found := candidates{most: min(room, cron.MaxReruns), perJob: q.PerJob, newest: make(map[int64]int), began: time.Now()}
	err = s.engine.inOrder(ctx, func(ctx context.Context, reader queryer) error {
		for _, of := range rangesOf(accountID, &q.Filter) {
			back, err := s.findRepeatable(ctx, reader, accountID, &q.Filter, of, since, &found)
			if err != nil {
				return err
			}
			if back.After(p.Back) {
				p.Back = back
			}
		}
		return nil
	})
	if err != nil {
		return p, err
	}
	found.choose(&p)
	jobs, err := s.rerunJobs(ctx, accountID, p.Runs)
	if err != nil {
		return p, err
	}
	p.Spread(q.PerMinute, jobs)
	return p, nil
}

// roomForReruns is how many more reruns of an account may wait. The error is of kind TooMany when that is none.
func roomForReruns(ctx context.Context, q queryer, accountID int64) (room int, err error) {
	var waiting int
	err = q.QueryRowContext(ctx, `SELECT count(*) FROM pending WHERE account_id = $1 AND kind = 1 AND rerun = 1`, accountID).Scan(&waiting)
	if err != nil {
		return 0, fmt.Errorf("count the reruns that wait: %w", err)
	}
	if room = cron.MaxWaitingReruns - waiting; room <= 0 {
		return 0, &cron.Error{Kind: cron.TooMany, RetryAfter: time.Minute,
			Problems: []cron.Problem{{Rule: cron.RuleRerunsWait, Limit: cron.MaxWaitingReruns}}}
	}
	return room, nil
}

// rerunRange is a range of records to examine, and the outcomes that are wanted of it.
type rerunRange struct {
	idRange
	outcomes []cron.Outcome
}

// rangesOf are the ranges that have the records of a filter. Those of an account leave out its successes.
func rangesOf(accountID int64, f *cron.HistoryFilter) []rerunRange {
	if f.JobID != 0 {
		return []rerunRange{{idRange{column: "job_id", owner: f.JobID}, f.Outcomes}}
	}
	failed := rerunRange{idRange: idRange{column: "account_id", owner: accountID, failed: true}}
	idle := rerunRange{idRange: idRange{column: "account_id", owner: accountID, idle: true}}
	for _, o := range f.Outcomes {
		of := &failed
		if o == cron.OutcomeMissed || o == cron.OutcomeSkipped {
			of = &idle
		}
		of.outcomes = append(of.outcomes, o)
	}
	return slices.DeleteFunc([]rerunRange{failed, idle}, func(r rerunRange) bool { return len(r.outcomes) == 0 })
}

// findRepeatable examines a range, page by page, back to an instant; zero when that is the beginning.
func (s *Store) findRepeatable(ctx context.Context, reader queryer, accountID int64, f *cron.HistoryFilter, of rerunRange,
	since time.Time, found *candidates) (back time.Time, err error) {
	wanted := *f
	wanted.Outcomes = of.outcomes
	found.left = found.most
	return s.pagesBack(ctx, reader, of.idRange, &wanted, since, rerunPages, func(run *idRange) (enough bool, err error) {
		err = s.repeatablePage(ctx, reader, accountID, &wanted, run, since, found)
		return found.left < 0 || time.Since(found.began) > rerunTime, err
	})
}

// repeatablePage collects the records of a range.
func (s *Store) repeatablePage(ctx context.Context, reader queryer, accountID int64, f *cron.HistoryFilter, run *idRange,
	since time.Time, found *candidates) error {
	w := s.wanted(nil, accountID, f, run, since)
	return each(ctx, reader, "find records to repeat", func(scan scanner) error {
		var (
			r        cron.HistoryRecord
			repeated bool
		)
		err := scan(searchedTexts(f, &r, integer(&r.ID), integer(&r.JobID), moment(&r.Planned), flag(&repeated))...)
		if err != nil {
			return err
		}
		if f.WantsTexts(&r) {
			found.add(candidate{cron.Rerun{JobID: r.JobID, RecordID: r.ID, Planned: r.Planned}, repeated})
		}
		return nil
	}, `SELECT execution.id, execution.job_id, execution.planned_at,
		EXISTS (SELECT 1 FROM rerun WHERE rerun.account_id = execution.account_id AND rerun.record_id = execution.id AND `+repeats+`)`+searchedColumns(f)+`
		FROM execution CROSS JOIN job WHERE job.id = execution.job_id AND `+w.conditions.String()+repeatable+`
		ORDER BY execution.id DESC`, w.args...)
}

// candidates are records that can be repeated, collected newest first within each range.
type candidates struct {
	began    time.Time
	most     int // runs
	perJob   bool
	left     int // how many more can be taken from a range; below 0 when it has more than most
	matched  int64
	repeated int64
	list     []candidate
	newest   map[int64]int // of each job, in list; for perJob
}

type candidate struct {
	cron.Rerun
	repeated bool // a rerun of it waits, runs or has succeeded
}

func (c *candidates) add(r candidate) {
	c.matched++
	if !c.perJob {
		if r.repeated {
			c.repeated++
		} else if c.left--; c.left >= -1 {
			c.list = append(c.list, r)
		}
		return
	}
	i, known := c.newest[r.JobID]
	switch {
	case !known:
		c.newest[r.JobID] = len(c.list)
		c.list = append(c.list, r)
	case c.list[i].RecordID < r.RecordID:
		c.list[i] = r
	}
}

// choose completes the plan with the newest candidates.
func (c *candidates) choose(p *cron.RerunPlan) {
	slices.SortFunc(c.list, func(a, b candidate) int { return cmp.Compare(b.RecordID, a.RecordID) })
	for _, r := range c.list {
		switch {
		case r.repeated:
			c.repeated++
		case len(p.Runs) == c.most:
			p.Cut = true
		default:
			p.Runs = append(p.Runs, r.Rerun)
		}
	}
	p.Matched, p.Repeated = c.matched, c.repeated
}

// rerunJobs describes the jobs of runs, by their IDs.
func (s *Store) rerunJobs(ctx context.Context, accountID int64, runs []cron.Rerun) (map[int64]*cron.RerunJob, error) {
	jobs := make(map[int64]*cron.RerunJob)
	err := each(ctx, s.read, "read the jobs that run again", func(scan scanner) error {
		var (
			j   cron.Job
			row planRow
		)
		err := scan(integer(&j.ID), text(&j.Title), integer(&j.Request.Method), integer(&j.Timeout), integer(&j.Policy.Overlap),
			&row.name, &row.overrides)
		if err != nil {
			return err
		}
		plan, err := s.plan(row)
		if err != nil {
			return err
		}
		jobs[j.ID] = new(cron.NewRerunJob(&j, &plan))
		return nil
	}, `SELECT job.id, job.title, job.method, job.timeout, job.overlap, account.plan, account.overrides
		FROM job JOIN account ON account.id = job.account_id WHERE account.id = $1 AND `+s.engine.in("job.id", 2),
		accountID, s.engine.list(jobsOf(runs)))
	return jobs, err
}

// jobsOf lists the jobs of runs, each once, in the order of their IDs.
func jobsOf(runs []cron.Rerun) []int64 {
	ids := make([]int64, len(runs))
	for i := range runs {
		ids[i] = runs[i].JobID
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
