package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"punctual/internal/cron"
)

// job_state.problem_id is the problem that a job has. It changes in the transaction that records a result, which holds the lock
// of the state, and only with the first failure and the first success: a success after a success reads and writes nothing of
// problems, and a failure after one of the same cause reads the row of the problem.
//
//	lock the states                by job, as every result does
//	lock the problems              that jobs come to have or lose, by account and cause; missing ones are inserted,
//	                               resolved ones open again
//	write the states               problem_id among the rest
//	resolve the problems           that jobs have lost, and that no state names any more
//
// Whoever adds or takes away the name of a problem holds the lock of its row until the commit, so the last one to take it away
// sees that nobody else names it. The numbers of runs and jobs are counted when they are shown: a row is not written by each failure.

// problemKey is what is unique of a problem.
type problemKey struct {
	account int64
	cause   cron.Fingerprint
}

// problemRow is a row of problem as results write it. Without an execution it is only locked.
type problemRow struct {
	problemKey
	id        int64 // set by lockProblems
	kind      cron.ProblemKind
	jobID     int64
	example   *cron.Result
	execution int64
	opened    int64
	last      int64 // the latest failure of a job that loses it
	left      bool  // a job loses it
	resolved  bool  // as it was read
}

// problemChange is what one result says of the problem of a job.
type problemChange struct {
	rec    *cron.JobRecord
	effect cron.ProblemEffect
	opens  problemRow
	last   time.Time // the execution of the job before
}

// problems collects what the results of a transaction say.
type problems struct {
	changes []problemChange
	touched map[int64]bool // jobs that have a change
	lost    []int64        // the IDs of problems that jobs do not have any more
	full    []int64        // accounts that have too many resolved problems

	known map[int64]*problemRow      // that jobs had before, by ID
	rows  map[problemKey]*problemRow // that were locked
}

// add notes what a completion says, before anything follows from it.
func (p *problems) add(rec *cron.JobRecord, c *cron.Completion, end *cron.Conclusion) {
	effect, kind, cause := cron.ProblemOf(&rec.Job, c, end)
	if effect == cron.ProblemStays || effect == cron.ProblemEnds && rec.ProblemID == 0 && !p.touched[rec.ID] {
		return
	}
	change := problemChange{rec: rec, effect: effect, last: rec.State.LastExecution}
	if effect != cron.ProblemEnds {
		example := &c.Result
		if kind == cron.ProblemLate {
			example = &cron.Result{Started: c.Result.Started, Duration: c.Launch.Job.Policy.LateAfter}
		}
		change.opens = newProblem(rec.AccountID, rec.ID, kind, cause, example, c.Launch.ExecutionID)
	}
	p.note(change)
}

func (p *problems) note(change problemChange) {
	if p.touched == nil {
		p.touched = make(map[int64]bool)
	}
	p.touched[change.rec.ID] = true
	p.changes = append(p.changes, change)
}

// newProblem is the row of a problem that a result opens.
func newProblem(account, jobID int64, kind cron.ProblemKind, cause cron.Fingerprint, r *cron.Result, execution int64) problemRow {
	if kind == cron.ProblemFailed {
		jobID = 0
	}
	opened := millis(r.Started)
	return problemRow{problemKey: problemKey{account, cause}, kind: kind, jobID: jobID, example: r, execution: execution, opened: opened,
		last: opened}
}

// open locks and opens the problems that follow from the changes, and sets ProblemID of the jobs.
func (p *problems) open(ctx context.Context, s *Store, q queryer) error {
	if len(p.changes) == 0 {
		return nil
	}
	known, err := s.knownProblems(ctx, q, p.changes)
	if err != nil {
		return err
	}
	p.known = known
	var (
		has    = make(map[*cron.JobRecord]*problemKey) // what the jobs have in the end; nil for none
		before = make(map[*cron.JobRecord]*problemRow)
		rows   = make(map[problemKey]*problemRow)
	)
	for i := range p.changes {
		rec := p.changes[i].rec
		if _, seen := has[rec]; !seen {
			has[rec], before[rec] = nil, known[rec.ProblemID]
			if row := known[rec.ProblemID]; row != nil && !row.resolved {
				has[rec] = &row.problemKey
			}
		}
		has[rec] = p.apply(&p.changes[i], has[rec], rows)
	}
	p.rows = rows
	if err := p.dropExcess(ctx, s, q, rows); err != nil {
		return err
	}
	if err := s.lockProblems(ctx, q, rows); err != nil {
		return err
	}
	for rec, key := range has {
		rec.ProblemID = 0
		switch {
		case key == nil:
		case rows[*key] != nil:
			rec.ProblemID = rows[*key].id
		case before[rec] != nil && before[rec].problemKey == *key:
			rec.ProblemID = before[rec].id
		}
	}
	for _, row := range rows {
		if row.left {
			p.lost = append(p.lost, row.id)
		}
	}
	return nil
}

// apply is the problem that a job has after a change, given the one that it has before. What is to be locked is added to rows.
func (p *problems) apply(change *problemChange, has *problemKey, rows map[problemKey]*problemRow) *problemKey {
	var next *problemKey
	if change.effect != cron.ProblemEnds {
		next = &change.opens.problemKey
	}
	if has != nil && (change.effect == cron.ProblemIfNone || next != nil && *next == *has) {
		return has
	}
	if has != nil {
		row := rows[*has]
		if row == nil {
			row = &problemRow{problemKey: *has}
			rows[*has] = row
		}
		row.last, row.left = max(row.last, millis(change.last)), true
	}
	if next != nil {
		switch row := rows[*next]; {
		case row == nil:
			rows[*next] = &change.opens
		case row.execution == 0:
			change.opens.last, change.opens.left = max(change.opens.last, row.last), row.left
			rows[*next] = &change.opens
		}
	}
	return next
}

// knownProblems reads the problems that the jobs have, by ID.
func (s *Store) knownProblems(ctx context.Context, q queryer, changes []problemChange) (map[int64]*problemRow, error) {
	ids := make(map[int64]bool)
	for i := range changes {
		if id := changes[i].rec.ProblemID; id != 0 {
			ids[id] = true
		}
	}
	known := make(map[int64]*problemRow, len(ids))
	if len(ids) == 0 {
		return known, nil
	}
	return known, each(ctx, q, "read the problems of the jobs", func(scan scanner) error {
		var (
			row   problemRow
			state cron.ProblemState
		)
		if err := scan(&row.id, &row.account, integer(&row.cause), &state); err != nil {
			return err
		}
		row.resolved = state == cron.ProblemResolved
		known[row.id] = &row
		return nil
	}, `SELECT id, account_id, cause, state FROM problem WHERE `+s.engine.in("id", 1), s.engine.list(slices.Collect(maps.Keys(ids))))
}

// dropExcess takes out of rows what an account has no room for. Problems that it has already stay.
func (p *problems) dropExcess(ctx context.Context, s *Store, q queryer, rows map[problemKey]*problemRow) error {
	opens := make(map[int64]int)
	for key, row := range rows {
		if row.execution != 0 {
			opens[key.account]++
		}
	}
	if len(opens) == 0 {
		return nil
	}
	room := make(map[int64]int)
	err := each(ctx, q, "count the problems of accounts", func(scan scanner) error {
		var (
			account    int64
			count, all int
		)
		if err := scan(&account, &count, &all); err != nil {
			return err
		}
		if all+opens[account] > cron.MaxProblems+cron.MaxResolved {
			p.full = append(p.full, account)
		}
		if count+opens[account] > cron.MaxProblems {
			room[account] = max(0, cron.MaxProblems-count)
		}
		return nil
	}, `SELECT id, (SELECT count(*) FROM problem WHERE account_id = account.id AND state <> 3),
		       (SELECT count(*) FROM problem WHERE account_id = account.id)
		  FROM account WHERE `+s.engine.in("id", 1), s.engine.list(slices.Collect(maps.Keys(opens))))
	if err != nil || len(room) == 0 {
		return err
	}
	has := make(map[problemKey]bool)
	err = each(ctx, q, "look which problems an account has", func(scan scanner) error {
		var key problemKey
		if err := scan(&key.account, integer(&key.cause)); err != nil {
			return err
		}
		has[key] = true
		return nil
	}, `SELECT account_id, cause FROM problem WHERE state <> 3 AND `+s.engine.in("account_id", 1), s.engine.list(slices.Collect(maps.Keys(room))))
	if err != nil {
		return err
	}
	for _, key := range sortedKeys(rows) {
		left, full := room[key.account]
		if !full || has[key] || rows[key].execution == 0 {
			continue
		}
		if left == 0 {
			delete(rows, key)
		}
		room[key.account] = max(0, left-1)
	}
	return nil
}

// sortedKeys lists the keys in the order in which problems are locked.
func sortedKeys(rows map[problemKey]*problemRow) []problemKey {
	return slices.SortedFunc(maps.Keys(rows), func(a, b problemKey) int {
		return cmp.Or(cmp.Compare(a.account, b.account), cmp.Compare(int64(a.cause), int64(b.cause)))
	})
}

// lockProblems locks problems and sets their IDs; missing ones are inserted, and resolved ones that a result opens are open again.
func (s *Store) lockProblems(ctx context.Context, q queryer, rows map[problemKey]*problemRow) error {
	if len(rows) == 0 {
		return nil
	}
	ordered := make([]*problemRow, 0, len(rows))
	for _, key := range sortedKeys(rows) {
		ordered = append(ordered, rows[key])
	}
	if err := s.engine.saveProblems(ctx, q, ordered); err != nil {
		return fmt.Errorf("write the problems: %w", err)
	}
	return nil
}

// resolve resolves the problems that jobs have lost and that no job has any more. The states of the jobs are written before.
func (p *problems) resolve(ctx context.Context, s *Store, q queryer, now time.Time) error {
	if len(p.lost) > 0 {
		_, err := q.ExecContext(ctx, `UPDATE problem SET state = 3, resolved_at = $2, acted_by = '', acted_at = $2, snoozed_until = 0
			WHERE `+s.engine.in("id", 1)+` AND state <> 3 AND `+unnamed, s.engine.list(p.lost), millis(now))
		if err != nil {
			return fmt.Errorf("resolve problems: %w", err)
		}
	}
	for _, account := range p.full {
		if err := s.forgetProblems(ctx, q, account); err != nil {
			return err
		}
	}
	return nil
}

// idOf is the ID of the problem of a cause, given the one that a job had before; 0 for none. It is known once the problems are open.
func (p *problems) idOf(key problemKey, before int64) int64 {
	if row := p.rows[key]; row != nil {
		return row.id
	}
	if row := p.known[before]; row != nil && row.problemKey == key {
		return before
	}
	return 0
}

// opened reports whether a job has a problem that it did not have before.
func (p *problems) opened(rec *cron.JobRecord, before int64) bool {
	return rec.ProblemID != 0 && (rec.ProblemID != before || p.known[before] != nil && p.known[before].resolved)
}

// loseProblem takes its problem from a job that is about to be deleted. The transaction holds the lock of the state.
func (s *Store) loseProblem(ctx context.Context, q queryer, jobID int64) error {
	var rec cron.JobRecord
	err := q.QueryRowContext(ctx, `SELECT job_id, account_id, problem_id, last_execution_at FROM job_state WHERE job_id = $1`, jobID).Scan(
		&rec.ID, &rec.AccountID, integer(&rec.ProblemID), moment(&rec.State.LastExecution))
	if err != nil {
		return fmt.Errorf("read the problem of the job: %w", err)
	}
	if rec.ProblemID == 0 {
		return nil
	}
	var p problems
	p.note(problemChange{rec: &rec, effect: cron.ProblemEnds, last: rec.State.LastExecution})
	if err := p.open(ctx, s, q); err != nil {
		return err
	}
	if _, err := q.ExecContext(ctx, `UPDATE job_state SET problem_id = NULL WHERE job_id = $1`, jobID); err != nil {
		return fmt.Errorf("take the problem from the job: %w", err)
	}
	return p.resolve(ctx, s, q, s.Now())
}

// storedNumber is a number as it is stored; nil is NULL, so that jobs without a problem are not in its index, and rows of jobs that do
// not fail are no wider.
func storedNumber(n int64) *int64 {
	if n == 0 {
		return nil
	}
	return &n
}
