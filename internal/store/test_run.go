package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"punctual/internal/cron"
)

// A test run is a row of test_run, and nothing else: the ledger, the states of jobs, the statistics and the outbox know
// nothing of it.
//
//	StartTestRun ──▶ waiting ── ClaimTestRun ──▶ running ── FinishTestRun ──▶ finished ── 15 min ──▶ deleted
//	                    │                           │  ▲                         ▲
//	                    │                           │  └─ AdvanceTestRun         │
//	                    └── EndTestRun ─────────────┼────────────────────────────┤
//	                                                └─ its node has died, lost ──┘
//
// EndTestRun of a running one marks it, and its node ends it. Nodes find out about waiting and marked ones by a signal in
// the process, by NOTIFY from other nodes, and by a poll of the index test_run_open.

// StartTestRun adds a test run for AccountID, JobID and Job, and sets the other fields. The oldest finished test runs of
// the account give way to it. The error is of kind TooMany when too many of the account are not finished.
func (s *Store) StartTestRun(ctx context.Context, t *cron.TestRun) error {
	plain, err := encodeTestJob(&t.Job)
	if err != nil {
		return err
	}
	err = s.transact(ctx, ofAccount(t.AccountID), func(ctx context.Context, q queryer) error {
		if _, err := s.lockPlan(ctx, q, t.AccountID); err != nil { // one at a time
			return err
		}
		now := s.stamp()
		if err := s.makeRoom(ctx, q, t.AccountID, millis(now)); err != nil {
			return err
		}
		t.State, t.Phase, t.Version = cron.TestWaiting, cron.PhaseNone, 1
		t.Created, t.Expires = now, now.Add(cron.TestRunLifetime)
		err := q.QueryRowContext(ctx,
			`INSERT INTO test_run (account_id, job_id, created_at, expires_at) VALUES ($1, $2, $3, $4) RETURNING id`,
			t.AccountID, t.JobID, millis(t.Created), millis(t.Expires)).Scan(&t.ID)
		if err != nil {
			return err
		}
		sealed, err := s.seal(ctx, q, plain, testJobRow(t.ID))
		if err != nil {
			return err
		}
		if _, err := q.ExecContext(ctx, `UPDATE test_run SET sealed_job = $2 WHERE id = $1`, t.ID, sealed); err != nil {
			return err
		}
		return s.wake(ctx, q, wakeTestRuns)
	})
	if err != nil {
		return fmt.Errorf("start the test run: %w", err)
	}
	return nil
}

// makeRoom deletes the expired test runs of an account, and as many of its oldest finished ones as makes room for another.
func (s *Store) makeRoom(ctx context.Context, q queryer, accountID, now int64) error {
	_, err := q.ExecContext(ctx, `DELETE FROM test_run WHERE account_id = $1 AND expires_at <= $2`, accountID, now)
	if err != nil {
		return err
	}
	var open, all int
	err = q.QueryRowContext(ctx, `SELECT coalesce(sum(CASE WHEN state < 2 THEN 1 ELSE 0 END), 0), count(*) FROM test_run
		WHERE account_id = $1`, accountID).Scan(&open, &all)
	if err != nil {
		return err
	}
	if open >= cron.MaxOpenTestRuns {
		return &cron.Error{Kind: cron.TooMany, Problems: []cron.Problem{{Rule: cron.RuleTestRunsOpen, Limit: cron.MaxOpenTestRuns}}}
	}
	if all < cron.MaxTestRuns {
		return nil
	}
	_, err = q.ExecContext(ctx, `DELETE FROM test_run WHERE id IN
		(SELECT id FROM test_run WHERE account_id = $1 AND state = 2 ORDER BY id LIMIT $2)`, accountID, all-cron.MaxTestRuns+1)
	return err
}

// TestRun reads a test run, without its job. The error is of kind NotFound for one that has expired, or belongs to another
// account.
func (s *Store) TestRun(ctx context.Context, accountID, id int64) (cron.TestRun, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return cron.TestRun{}, err
	}
	defer leave()
	var sealed []byte
	t := cron.TestRun{ID: id, AccountID: accountID}
	err = s.read.QueryRowContext(ctx,
		`SELECT job_id, state, phase, ends, version, created_at, started_at, expires_at, sealed_result FROM test_run
		 WHERE id = $1 AND account_id = $2 AND expires_at > $3`, id, accountID, millis(s.Now())).Scan(
		integer(&t.JobID), integer(&t.State), integer(&t.Phase), flag(&t.Ends), integer(&t.Version), moment(&t.Created),
		moment(&t.Started), moment(&t.Expires), &sealed)
	if err != nil {
		return t, oneRow(err, cron.SubjectTestRun)
	}
	return t, s.openTestResult(&t, sealed)
}

// TestRunVersion reads the version of a test run. The errors are those of TestRun.
func (s *Store) TestRunVersion(ctx context.Context, accountID, id int64) (version int64, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return 0, err
	}
	defer leave()
	err = s.read.QueryRowContext(ctx, `SELECT version FROM test_run WHERE id = $1 AND account_id = $2 AND expires_at > $3`,
		id, accountID, millis(s.Now())).Scan(&version)
	return version, oneRow(err, cron.SubjectTestRun)
}

// EndTestRun ends a test run that waits, and asks the node of a running one to end it. It changes nothing about a finished
// one. The errors are those of TestRun.
func (s *Store) EndTestRun(ctx context.Context, accountID, id int64) error {
	err := s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
		var state cron.TestState
		err := q.QueryRowContext(ctx, `SELECT state FROM test_run WHERE id = $1 AND account_id = $2 AND expires_at > $3`+
			s.engine.lock(forUpdate), id, accountID, millis(s.Now())).Scan(integer(&state))
		if err != nil {
			return oneRow(err, cron.SubjectTestRun)
		}
		switch state {
		case cron.TestFinished:
			return nil
		case cron.TestWaiting:
			_, err = q.ExecContext(ctx, `UPDATE test_run SET ends = $2, `+endsNow+` WHERE id = $1`, id, true)
			return err
		}
		res, err := q.ExecContext(ctx, `UPDATE test_run SET ends = $2, version = version + 1 WHERE id = $1 AND NOT ends`, id, true)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); n == 0 || err != nil {
			return err
		}
		return s.wake(ctx, q, wakeTestRuns)
	})
	if err != nil {
		return fmt.Errorf("end the test run: %w", err)
	}
	return nil
}

// endsNow is the part of an UPDATE that makes a test run a finished one. A finished one without a result is lost.
const endsNow = `state = 2, node = 0, sealed_job = NULL, version = version + 1`

// PruneTestRuns deletes a chunk of the expired test runs.
func (s *Store) PruneTestRuns(ctx context.Context) (more bool, err error) {
	return s.prune(upkeep.with(ctx), "forget old test runs", `DELETE FROM test_run WHERE id IN
		(SELECT id FROM test_run WHERE expires_at <= $1 LIMIT $2)`, millis(s.Now()))
}

// settleTestRuns ends the test runs of a dead node as lost.
func settleTestRuns(ctx context.Context, q queryer, node int64) error {
	_, err := q.ExecContext(ctx, `UPDATE test_run SET `+endsNow+` WHERE state < 2 AND node = $1`, node)
	if err != nil {
		return fmt.Errorf("settle the test runs of a dead node: %w", err)
	}
	return nil
}

// TestRunsChanged receives when a test run waits or is to end, on this node or, as a hint, on another.
func (s *Store) TestRunsChanged() <-chan struct{} { return s.tested }

// WaitingTestRuns lists test runs with an ID above after that wait for a node, in the order of their IDs. It leaves out
// some accounts.
func (s *Store) WaitingTestRuns(ctx context.Context, after int64, without []int64, limit int) ([]cron.WaitingTestRun, error) {
	if there, ok := s.polled(ctx); ok && !there.testRuns {
		return nil, nil
	}
	filter, args := s.without("test_run.account_id", without, 4, after, limit, millis(s.Now()))
	plans := make(map[planRow]*cron.Plan)
	return collect(upkeep.with(ctx), s.read, "list the waiting test runs", func(scan scanner, w *cron.WaitingTestRun) error {
		var row planRow
		if err := scan(&w.ID, &w.AccountID, &w.Bytes, &row.name, &row.overrides); err != nil {
			return err
		}
		if w.Plan = plans[row]; w.Plan == nil {
			plan, err := s.plan(row)
			if err != nil {
				return err
			}
			w.Plan, plans[row] = &plan, &plan
		}
		if w.Bytes <= inlineBytes {
			w.Bytes = 0
		}
		return nil
	}, `SELECT test_run.id, test_run.account_id, length(test_run.sealed_job), account.plan, account.overrides
		 FROM test_run JOIN account ON account.id = test_run.account_id
		 WHERE test_run.state < 2 AND test_run.state = 0 AND test_run.id > $1 AND test_run.expires_at > $3
		   AND NOT account.disabled`+filter+` ORDER BY test_run.id LIMIT $2`, args...)
}

// ClaimTestRun makes a node run a test run that waits; ok is false when it no longer waits, or admit refuses its job. The
// error is cron.ErrNodeDead when the node's lease has ended.
func (s *Store) ClaimTestRun(ctx context.Context, node int64, w cron.WaitingTestRun, admit func(*cron.Job) bool) (
	l cron.TestLaunch, ok bool, err error) {
	l = cron.TestLaunch{ID: w.ID, Node: node, Started: s.stamp(), Plan: w.Plan}
	ok, err = s.readTestLaunch(ctx, &l, w.AccountID)
	if errors.Is(err, errSealed) {
		s.logger.Error("a test run cannot be performed", slogErr(err))
		return l, false, s.refuseTestRun(ctx, w)
	}
	if err != nil || !ok || !admit(l.Job) {
		return l, false, err
	}
	err = s.transact(ctx, ofAccount(w.AccountID), func(ctx context.Context, q queryer) error {
		if err := s.checkAlive(ctx, q, node); err != nil {
			return err
		}
		res, err := q.ExecContext(ctx, `UPDATE test_run SET state = 1, node = $2, phase = $3, started_at = $4, expires_at = $5,
			version = version + 1 WHERE id = $1 AND state = 0`, w.ID, node, int(cron.PhasePreparing), millis(l.Started),
			millis(l.Started.Add(cron.TestRunLifetime)))
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		ok = n == 1
		return err
	})
	if err != nil {
		return l, false, fmt.Errorf("claim a test run: %w", err)
	}
	return l, ok, nil
}

// refuseTestRun ends a test run that waits and cannot be performed, by a fault of the service.
func (s *Store) refuseTestRun(ctx context.Context, w cron.WaitingTestRun) error {
	p := cron.TestProgress{ID: w.ID, Result: &cron.Result{Status: cron.StatusInternalError, Fault: cron.FaultInternal}}
	p.Diagnosis = cron.Diagnose(p.Result, new(cron.Job), w.Plan)
	plain := encodeTestResult(&p)
	err := s.transact(ctx, ofAccount(w.AccountID), func(ctx context.Context, q queryer) error {
		sealed, err := s.seal(ctx, q, plain, testResultRow(w.ID))
		if err != nil {
			return err
		}
		_, err = q.ExecContext(ctx, `UPDATE test_run SET sealed_result = $2, `+endsNow+` WHERE id = $1 AND state = 0`, w.ID, sealed)
		return err
	})
	if err != nil {
		return fmt.Errorf("refuse a test run: %w", err)
	}
	return nil
}

// readTestLaunch reads the job of a test run that waits, and what its account adds to it; ok is false when it no longer waits.
func (s *Store) readTestLaunch(ctx context.Context, l *cron.TestLaunch, accountID int64) (ok bool, err error) {
	ctx = upkeep.with(ctx)
	var sealed []byte
	err = s.read.QueryRowContext(ctx, `SELECT sealed_job FROM test_run WHERE id = $1 AND state = 0`, l.ID).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err == nil {
		l.Job, err = s.openTestJob(l.ID, sealed)
	}
	if err == nil {
		l.Material, err = s.Material(ctx, accountID, l.Job.Request.SecretNames())
	}
	if err != nil {
		return false, fmt.Errorf("read a test run: %w", databaseError(err))
	}
	l.Job.AccountID = accountID
	return true, nil
}

// AdvanceTestRun writes how far a test run has come. ends asks to end it; running is false when it is not, or no longer,
// one of the node.
func (s *Store) AdvanceTestRun(ctx context.Context, p *cron.TestProgress) (running, ends bool, err error) {
	plain := encodeTestResult(p)
	err = s.transact(ctx, ofAccount(p.AccountID), func(ctx context.Context, q queryer) error {
		running = true
		sealed, err := s.seal(ctx, q, plain, testResultRow(p.ID))
		if err != nil {
			return err
		}
		err = q.QueryRowContext(ctx, `UPDATE test_run SET phase = $3, sealed_result = $4, version = version + 1
			WHERE id = $1 AND node = $2 AND state = 1 RETURNING ends`, p.ID, p.Node, int(p.Trace.Phase), sealed).Scan(flag(&ends))
		if errors.Is(err, sql.ErrNoRows) {
			running, err = false, nil
		}
		return err
	})
	if err != nil {
		return true, false, fmt.Errorf("write how far a test run has come: %w", err)
	}
	return running, ends, nil
}

// FinishTestRun writes the result of a test run, unless it is not, or no longer, one of the node.
func (s *Store) FinishTestRun(ctx context.Context, p *cron.TestProgress) error {
	plain := encodeTestResult(p)
	err := s.transact(ctx, ofAccount(p.AccountID), func(ctx context.Context, q queryer) error {
		sealed, err := s.seal(ctx, q, plain, testResultRow(p.ID))
		if err != nil {
			return err
		}
		_, err = q.ExecContext(ctx, `UPDATE test_run SET phase = $3, sealed_result = $4, `+endsNow+`
			WHERE id = $1 AND node = $2 AND state = 1`, p.ID, p.Node, int(p.Trace.Phase), sealed)
		return err
	})
	if err != nil {
		return fmt.Errorf("write the result of a test run: %w", err)
	}
	return nil
}

// EndingTestRuns lists the test runs of a node that are to end.
func (s *Store) EndingTestRuns(ctx context.Context, node int64) ([]int64, error) {
	return collect(upkeep.with(ctx), s.read, "list the test runs that are to end", single[int64],
		`SELECT id FROM test_run WHERE state < 2 AND node = $1 AND ends ORDER BY id`, node)
}
