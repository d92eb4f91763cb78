package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"punctual/internal/cron"
)

// Disabling an account changes none of its jobs, however many there are. When such a job comes due, it becomes dormant: the
// claim keeps next_run_at, the first occurrence without a record, and clears claim_at, so that no claim finds the job again.
//
//	enabled ──(comes due while the account is disabled)──► dormant
//	   ▲                                                      │
//	   └──(account enabled: one skipped record for all that ──┘
//	       was due meanwhile, planned from there on)
//
// Enabling the account wakes its dormant jobs in chunks. The missed occurrences are counted before the transaction that
// records them, because counting takes longer the longer the account was disabled. If the time zone data or the account
// changes in between, they are counted again. When a process dies before all jobs are awake, upkeep wakes the rest.

// wakeChunk is how many dormant jobs one transaction wakes.
const wakeChunk = 200

// dormant is the condition for a job that came due while its account was disabled.
const dormant = `job_state.claim_at IS NULL AND job_state.next_run_at IS NOT NULL`

// dormantJob is a dormant job and the plan that wakes it.
type dormantJob struct {
	job     cron.Job             // only what says when the job is due
	enabled time.Time            // when the account was enabled
	planned time.Time            // the first occurrence without a record
	gap     cron.OccurrenceRange // what was due while the account was disabled
	next    time.Time
}

// wakeJobs records the occurrences that the dormant jobs of an account had before it was enabled, and plans the jobs.
func (s *Store) wakeJobs(ctx context.Context, accountID int64) error {
	for after := int64(0); ; {
		jobs, err := s.dormantJobs(ctx, accountID, after)
		if err != nil || len(jobs) == 0 {
			return err
		}
		zones, stale := cron.CurrentZones().Version(), false
		for _, d := range jobs {
			d.wake()
		}
		err = s.writeJobs(ctx, accountID, func(ctx context.Context, q queryer) (err error) {
			if stale, err = s.enabledAgain(ctx, q, accountID, jobs[0].enabled); err != nil {
				return err
			}
			if stale = stale || cron.CurrentZones().Version() != zones; stale {
				return nil
			}
			return s.wakeSome(ctx, q, jobs)
		})
		if err != nil {
			return fmt.Errorf("plan the jobs of an account that was disabled: %w", err)
		}
		if stale {
			continue // with the current account and time zone data
		}
		if len(jobs) < wakeChunk {
			return nil
		}
		after = jobs[len(jobs)-1].job.ID
	}
}

// dormantJobs lists a chunk of the dormant jobs of an enabled account in the order of their IDs, starting after job
// after.
func (s *Store) dormantJobs(ctx context.Context, accountID, after int64) ([]*dormantJob, error) {
	var found []*dormantJob
	err := each(ctx, s.read, "list dormant jobs", func(scan scanner) error {
		var d dormantJob
		j := &d.job
		fields := append([]any{integer(&j.ID), integer(&j.AccountID), flag(&j.Enabled), moment(&j.Updated)}, targets(jobTiming(j))...)
		if err := scan(append(fields, moment(&d.planned), moment(&d.enabled))...); err != nil {
			return err
		}
		found = append(found, &d)
		return nil
	}, `SELECT job.id, job.account_id, job.enabled, job.updated_at, `+timingNames+`, job_state.next_run_at, account.enabled_at
		 FROM job JOIN job_state ON job_state.job_id = job.id JOIN account ON account.id = job.account_id
		 WHERE job.account_id = $1 AND job.id > $2 AND `+dormant+` AND NOT account.disabled
		 ORDER BY job.id LIMIT $3`, accountID, after, wakeChunk)
	return found, err
}

// wake computes the occurrences before the account was enabled, and the next run.
func (d *dormantJob) wake() {
	if !d.planned.Before(d.enabled) {
		d.next = d.planned
		return
	}
	last := d.enabled.Add(-time.Millisecond)
	d.gap = d.job.Backlog(d.planned, last)
	d.next = d.job.NextAfter(last)
}

// enabledAgain tells whether the account has been disabled, deleted or enabled again since it was enabled at an
// instant. If not, it locks the account until the end of the transaction.
func (s *Store) enabledAgain(ctx context.Context, q queryer, accountID int64, at time.Time) (again bool, err error) {
	var enabled int64
	err = q.QueryRowContext(ctx, `SELECT enabled_at FROM account WHERE id = $1 AND NOT disabled`+s.engine.lock(forShare),
		accountID).Scan(&enabled)
	if errors.Is(err, sql.ErrNoRows) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("look when the account was enabled: %w", err)
	}
	return enabled != millis(at), nil
}

// wakeSome wakes those of the given jobs that have not been woken or changed since they were read.
func (s *Store) wakeSome(ctx context.Context, q queryer, jobs []*dormantJob) error {
	still, err := s.lockDormantJobs(ctx, q, jobs)
	if err != nil {
		return err
	}
	st := settlement{now: s.Now()}
	for _, d := range jobs {
		if !still[d.job.ID] {
			continue
		}
		if d.gap.Count > 0 {
			st.records = append(st.records,
				gapRecord(&d.job, d.gap, cron.OutcomeSkipped, cron.FaultAccountDisabled, st.now))
		}
		next := nullMillis(d.next)
		st.plans = append(st.plans, plan{d.job.ID, next, next})
		if !d.job.Timing.RunAt.IsZero() && d.next.IsZero() {
			st.oneTimeDone = append(st.oneTimeDone, d.job.ID)
		}
	}
	return s.saveSettlement(ctx, q, &st)
}

// lockDormantJobs locks jobs and tells which of them are unchanged since they were read.
func (s *Store) lockDormantJobs(ctx context.Context, q queryer, jobs []*dormantJob) (map[int64]bool, error) {
	ids, read := make([]int64, len(jobs)), make(map[int64]*dormantJob, len(jobs))
	for i, d := range jobs {
		ids[i], read[d.job.ID] = d.job.ID, d
	}
	still := make(map[int64]bool, len(jobs))
	err := each(ctx, q, "lock dormant jobs", func(scan scanner) error {
		var id, planned, updated int64
		if err := scan(&id, integer(&planned), &updated); err != nil {
			return err
		}
		d := read[id]
		still[id] = millis(d.planned) == planned && millis(d.job.Updated) == updated
		return nil
	}, `SELECT job_state.job_id, job_state.next_run_at, job.updated_at
		 FROM job_state JOIN job ON job.id = job_state.job_id
		 WHERE `+s.engine.in("job_state.job_id", 1)+` AND job_state.claim_at IS NULL
		 ORDER BY job_state.job_id`+s.engine.lock(lockStates),
		s.engine.list(ids))
	return still, err
}

// wakeRemaining wakes dormant jobs of an enabled account that a process left when it died.
func (s *Store) wakeRemaining(ctx context.Context) (more bool, err error) {
	var id int64
	err = s.read.QueryRowContext(ctx, `SELECT id FROM account WHERE NOT disabled AND enabled_at > 0 AND EXISTS
		(SELECT 1 FROM job_state WHERE job_state.account_id = account.id AND `+dormant+`) LIMIT 1`).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for dormant jobs: %w", err)
	}
	return true, s.wakeJobs(ctx, id)
}

// isDormant tells whether a job, locked by the transaction, is dormant.
func isDormant(ctx context.Context, q queryer, jobID int64) (is bool, err error) {
	err = q.QueryRowContext(ctx, `SELECT `+dormant+` FROM job_state WHERE job_id = $1`, jobID).Scan(flag(&is))
	if err != nil {
		return false, fmt.Errorf("look whether the job is dormant: %w", err)
	}
	return is, nil
}

// markDisabled locks the disabled accounts of the jobs of a claim, so that they stay disabled until the claim is committed.
// It marks the jobs of an account that is being enabled, or that another transaction has locked, for a later claim.
func (s *Store) markDisabled(ctx context.Context, q queryer, jobs map[int64]*definition) error {
	var ids []int64
	for _, d := range jobs {
		if d.skip == cron.FaultAccountDisabled {
			ids = append(ids, d.job.AccountID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	disabled := make(map[int64]bool)
	err := each(ctx, q, "look for disabled accounts", func(scan scanner) error {
		var id int64
		if err := scan(&id); err != nil {
			return err
		}
		disabled[id] = true
		return nil
	}, `SELECT id FROM account WHERE disabled AND `+s.engine.in("id", 1)+s.engine.lock(shareFree),
		s.engine.list(ids))
	for _, d := range jobs {
		d.accountLocked = d.skip == cron.FaultAccountDisabled && !disabled[d.job.AccountID]
	}
	return err
}
