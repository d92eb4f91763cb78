package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"punctual/internal/cron"
)

// rerun is a run to be written to pending and to rerun.
type rerun struct {
	cron.Rerun
	accountID int64
	rank      int64
	due       int64
	by        *cron.Author
}

// Rerun requests the runs of a plan, all of them in one transaction, and returns what is due when. Left out are runs whose record
// has been repeated since the plan was made, and those of jobs that have been deleted since. The error is of kind TooMany when too
// many reruns wait.
func (s *Store) Rerun(ctx context.Context, accountID int64, plan *cron.RerunPlan, by cron.Author) (made cron.RerunPlan, err error) {
	err = s.writeJobs(ctx, accountID, func(ctx context.Context, q queryer) error {
		made = *plan
		if _, err := s.lockPlan(ctx, q, accountID); err != nil { // racing requests repeat a record once
			return err
		}
		room, err := roomForReruns(ctx, q, accountID)
		if err != nil {
			return err
		}
		rows, err := s.stillWanted(ctx, q, accountID, &made)
		if err != nil {
			return err
		}
		if len(rows) > room {
			rows, made.Cut = rows[:room], true
		}
		if len(rows) == 0 {
			made.Runs, made.Jobs = nil, nil
			return nil
		}
		made.Start = s.stamp()
		if err := s.setDue(ctx, q, accountID, made.Start, rows); err != nil {
			return err
		}
		for _, r := range rows {
			r.by = &by
		}
		planned(&made, rows)
		return s.engine.insertReruns(ctx, q, rows)
	})
	if err != nil {
		return cron.RerunPlan{}, fmt.Errorf("repeat executions: %w", err)
	}
	return made, nil
}

// stillWanted lists the runs of a plan whose records are not repeated yet and whose jobs exist. It locks the jobs, so that they
// are not deleted meanwhile. It does not wait for a deletion, which waits for the account.
func (s *Store) stillWanted(ctx context.Context, q queryer, accountID int64, plan *cron.RerunPlan) (rows []*rerun, err error) {
	records := make([]int64, len(plan.Runs))
	for i := range plan.Runs {
		records[i] = plan.Runs[i].RecordID
	}
	jobs := jobsOf(plan.Runs)
	locked, err := collect(ctx, q, "lock the jobs that run again", single[int64],
		`SELECT id FROM job WHERE account_id = $1 AND `+s.engine.in("id", 2)+` ORDER BY id`+s.engine.lock(keyFree),
		accountID, s.engine.list(jobs))
	if err != nil {
		return nil, err
	}
	ranks := make(map[int64]int64, len(locked))
	err = each(ctx, q, "read the ranks of jobs", func(scan scanner) error {
		var id, rank int64
		err := scan(&id, &rank)
		ranks[id] = rank
		return err
	}, `SELECT job_id, rank FROM job_state WHERE `+s.engine.in("job_id", 1), s.engine.list(locked))
	if err != nil {
		return nil, err
	}
	repeated := make(map[int64]bool)
	err = each(ctx, q, "find records that are repeated", func(scan scanner) error {
		var id int64
		err := scan(&id)
		repeated[id] = true
		return err
	}, `SELECT record_id FROM rerun WHERE account_id = $1 AND `+s.engine.in("record_id", 2)+` AND `+repeats,
		accountID, s.engine.list(records))
	if err != nil {
		return nil, err
	}
	for _, r := range plan.Runs {
		if rank, exists := ranks[r.JobID]; exists && !repeated[r.RecordID] {
			rows = append(rows, &rerun{Rerun: r, accountID: accountID, rank: rank})
		}
	}
	return rows, nil
}

// setDue sets when runs are due, each at an instant at which no other manual run of its job is planned.
func (s *Store) setDue(ctx context.Context, q queryer, accountID int64, start time.Time, rows []*rerun) error {
	type instantOf struct{ job, at int64 }
	taken := make(map[instantOf]bool)
	for _, from := range []string{
		`pending WHERE account_id = $1 AND kind = 1`,
		`execution WHERE account_id + 0 = $1 AND kind = 1`, // after the clock was set back
		`rerun WHERE account_id + 0 = $1`,                  // of a job that was in the bin
	} {
		err := each(ctx, q, "find manual runs", func(scan scanner) error {
			var of instantOf
			err := scan(&of.job, &of.at)
			taken[of] = true
			return err
		}, `SELECT job_id, planned_at FROM `+from+` AND planned_at >= $2`, accountID, millis(start))
		if err != nil {
			return err
		}
	}
	for _, r := range rows {
		of := instantOf{r.JobID, millis(start.Add(r.After))}
		for taken[of] {
			of.at++
		}
		taken[of] = true
		r.due = of.at
	}
	return nil
}

// cancelChunk is how many reruns one statement cancels: so few that the planner looks them up, also where few others wait.
const cancelChunk = 50

// CancelReruns takes back the reruns of an account that wait, and returns how many. One that a claim is taking is left alone.
func (s *Store) CancelReruns(ctx context.Context, accountID int64) (count int, err error) {
	err = s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
		ids, err := collect(ctx, q, "list the reruns that wait", single[int64], `SELECT id FROM pending WHERE account_id = $1 AND kind = 1
			AND rerun = 1`+s.engine.lock(skipLocked), accountID)
		if err != nil {
			return err
		}
		count = len(ids)
		for chunk := range slices.Chunk(ids, cancelChunk) {
			if err := s.cancelReruns(ctx, q, chunk); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("cancel reruns: %w", err)
	}
	return count, nil
}

// cancelReruns deletes reruns by the IDs of their rows in pending. Their other rows are looked up one by one, which no planner takes
// for a reason to read the whole table.
func (s *Store) cancelReruns(ctx context.Context, q queryer, ids []int64) error {
	gone, err := collect(ctx, q, "delete the reruns that wait", func(scan scanner, of *[2]int64) error { return scan(&of[0], &of[1]) },
		`DELETE FROM pending WHERE `+s.engine.in("id", 1)+` RETURNING job_id, planned_at`, s.engine.list(ids))
	if err != nil {
		return err
	}
	for _, of := range gone {
		if _, err := q.ExecContext(ctx, `DELETE FROM rerun WHERE job_id = $1 AND planned_at = $2`, of[0], of[1]); err != nil {
			return fmt.Errorf("delete a rerun: %w", err)
		}
	}
	return nil
}

// planned makes the runs of a plan those that are written.
func planned(p *cron.RerunPlan, rows []*rerun) {
	counts := make(map[int64]int)
	p.Runs = make([]cron.Rerun, len(rows))
	for i, r := range rows {
		p.Runs[i] = r.Rerun
		p.Runs[i].After = instant(r.due).Sub(p.Start)
		counts[r.JobID]++
	}
	slices.SortFunc(p.Runs, func(a, b cron.Rerun) int { return cmp.Compare(a.After, b.After) })
	var jobs []cron.RerunJob
	for _, j := range p.Jobs {
		if j.Runs = counts[j.ID]; j.Runs > 0 {
			jobs = append(jobs, j)
		}
	}
	p.Jobs = jobs
}

// pruneReruns deletes a chunk of the reruns that are older than every history.
func (s *Store) pruneReruns(ctx context.Context) (more bool, err error) {
	longest, err := s.longestRetention(ctx)
	if err != nil {
		return false, err
	}
	return s.prune(ctx, "delete old reruns", `DELETE FROM rerun WHERE (planned_at, job_id) IN
		(SELECT planned_at, job_id FROM rerun WHERE planned_at < $1 LIMIT $2)`, millis(s.Now().Add(-longest)))
}
