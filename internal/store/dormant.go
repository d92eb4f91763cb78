package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"punctual/internal/cron"
)

// Disabling an account changes none of its jobs, however many there are. A job of it that comes due turns dormant: the
// claim leaves next_run_at, from which on no record stands, and takes claim_at away, so that it is not found again.
//
//	enabled ──(comes due while the account is disabled)──► dormant
//	   ▲                                                      │
//	   └──(account enabled: one skipped record for all that ──┘
//	       was due meanwhile, planned from there on)
//
// Enabling the account wakes its dormant jobs in chunks. What was due is counted before the transaction that records it,
// since that takes the longer the longer the account was disabled; when the zone data in use or the account changed meanwhile, it
// is counted anew. Upkeep completes what a process left that died meanwhile.

// wakeChunk is how many dormant jobs one transaction wakes.
const wakeChunk = 200

// dormant is the condition for a job that came due while its account was disabled.
const dormant = `job_state.claim_at IS NULL AND job_state.next_run_at IS NOT NULL`

// sleeper is a dormant job, and what becomes of it.
type sleeper struct {
	job     cron.Job             // as far as it says when the job is due
	enabled time.Time            // when the account was
	planned time.Time            // from which on no record stands
	gap     cron.OccurrenceRange // what was due while the account was disabled
	next    time.Time
}

// wakeJobs records what the dormant jobs of an account were due for until it was enabled, and plans them.
func (s *Store) wakeJobs(ctx context.Context, accountID int64) error {
	for after := int64(0); ; {
		sleepers, err := s.sleepers(ctx, accountID, after)
		if err != nil || len(sleepers) == 0 {
			return err
		}
		zones, stale := cron.CurrentZones().Version(), false
		for _, sl := range sleepers {
			sl.wake()
		}
		err = s.writeJobs(ctx, accountID, func(ctx context.Context, q queryer) (err error) {
			if stale, err = s.enabledAnew(ctx, q, accountID, sleepers[0].enabled); err != nil {
				return err
			}
			if stale = stale || cron.CurrentZones().Version() != zones; stale {
				return nil
			}
			return s.wakeSome(ctx, q, sleepers)
		})
		if err != nil {
			return fmt.Errorf("plan the jobs of an account that was disabled: %w", err)
		}
		if stale {
			continue // by what holds now
		}
		if len(sleepers) < wakeChunk {
			return nil
		}
		after = sleepers[len(sleepers)-1].job.ID
	}
}

// sleepers lists a chunk of the dormant jobs of an account that is enabled, after a job.
func (s *Store) sleepers(ctx context.Context, accountID, after int64) ([]*sleeper, error) {
	var found []*sleeper
	err := each(ctx, s.read, "list dormant jobs", func(scan scanner) error {
		var sl sleeper
		j := &sl.job
		fields := append([]any{integer(&j.ID), integer(&j.AccountID), flag(&j.Enabled), moment(&j.Updated)}, targets(jobTiming(j))...)
		if err := scan(append(fields, moment(&sl.planned), moment(&sl.enabled))...); err != nil {
			return err
		}
		found = append(found, &sl)
		return nil
	}, `SELECT job.id, job.account_id, job.enabled, job.updated_at, `+timingNames+`, job_state.next_run_at, account.enabled_at
		 FROM job JOIN job_state ON job_state.job_id = job.id JOIN account ON account.id = job.account_id
		 WHERE job.account_id = $1 AND job.id > $2 AND `+dormant+` AND NOT account.disabled
		 ORDER BY job.id LIMIT $3`, accountID, after, wakeChunk)
	return found, err
}

// wake finds out what was due before the account was enabled, and what is due next.
func (sl *sleeper) wake() {
	if !sl.planned.Before(sl.enabled) {
		sl.next = sl.planned
		return
	}
	last := sl.enabled.Add(-time.Millisecond)
	sl.gap = sl.job.Backlog(sl.planned, last)
	sl.next = sl.job.NextAfter(last)
}

// enabledAnew tells whether an account is disabled or gone, or was enabled again, since it was enabled at an instant; if not,
// it stays as it is until the end of the transaction.
func (s *Store) enabledAnew(ctx context.Context, q queryer, accountID int64, at time.Time) (anew bool, err error) {
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

// wakeSome wakes those of the given jobs that nobody has woken or changed since they were read.
func (s *Store) wakeSome(ctx context.Context, q queryer, sleepers []*sleeper) error {
	still, err := s.lockSleepers(ctx, q, sleepers)
	if err != nil {
		return err
	}
	st := settlement{now: s.Now()}
	for _, sl := range sleepers {
		if !still[sl.job.ID] {
			continue
		}
		if sl.gap.Count > 0 {
			st.records = append(st.records,
				gapRecord(&sl.job, sl.gap, cron.OutcomeSkipped, cron.FaultAccountDisabled, st.now))
		}
		next := nullMillis(sl.next)
		st.plans = append(st.plans, plan{sl.job.ID, next, next})
		if !sl.job.Timing.RunAt.IsZero() && sl.next.IsZero() {
			st.spent = append(st.spent, sl.job.ID)
		}
	}
	return s.saveSettlement(ctx, q, &st)
}

// lockSleepers locks jobs, and tells which of them are as they were read.
func (s *Store) lockSleepers(ctx context.Context, q queryer, sleepers []*sleeper) (map[int64]bool, error) {
	ids, read := make([]int64, len(sleepers)), make(map[int64]*sleeper, len(sleepers))
	for i, sl := range sleepers {
		ids[i], read[sl.job.ID] = sl.job.ID, sl
	}
	still := make(map[int64]bool, len(sleepers))
	err := each(ctx, q, "lock dormant jobs", func(scan scanner) error {
		var id, planned, updated int64
		if err := scan(&id, integer(&planned), &updated); err != nil {
			return err
		}
		sl := read[id]
		still[id] = millis(sl.planned) == planned && millis(sl.job.Updated) == updated
		return nil
	}, `SELECT job_state.job_id, job_state.next_run_at, job.updated_at
		 FROM job_state JOIN job ON job.id = job_state.job_id
		 WHERE `+s.engine.in("job_state.job_id", 1)+` AND job_state.claim_at IS NULL
		 ORDER BY job_state.job_id`+s.engine.lock(lockStates),
		s.engine.list(ids))
	return still, err
}

// wakeForgotten wakes the dormant jobs of an account that is enabled, which a process left that died while it did so.
func (s *Store) wakeForgotten(ctx context.Context) (more bool, err error) {
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

// markDisabled finds out which jobs of a claim belong to an account that stays disabled until the claim is committed. What
// belongs to one that is being enabled, or cannot be locked for another reason, is to be looked at again.
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
		d.unsure = d.skip == cron.FaultAccountDisabled && !disabled[d.job.AccountID]
	}
	return err
}
