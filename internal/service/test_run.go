package service

import (
	"cmp"
	"context"
	"time"

	"punctual/internal/cron"
)

// RoomForTestRun returns an error of kind TooMany when the account has used up its test runs of the day. StartTestRun
// checks it again.
func (s *Service) RoomForTestRun(ctx context.Context, actor cron.Actor) error {
	if err := s.allow(&actor, UseStartTestRun); err != nil {
		return err
	}
	plan := s.planOf(actor.Account)
	for _, l := range testRunLimits(&plan, actor.Account.ID) {
		used, err := s.store.Used(ctx, l)
		if err != nil {
			return err
		}
		if used >= l.Max {
			now := s.store.Now()
			return exceeded(&plan, cron.Excess{Kind: l.Kind, Wait: l.Start(now).Add(l.Window).Sub(now)})
		}
	}
	return nil
}

// testRunLimits are the limits on test runs that have started.
func testRunLimits(plan *cron.Plan, accountID int64) []cron.RateLimit {
	if plan.TestRunsPerDay == 0 {
		return nil
	}
	return []cron.RateLimit{{Kind: kindTestRunDay, Subject: accountID, Window: 24 * time.Hour, Max: plan.TestRunsPerDay}}
}

// NewTestRun makes a test run of a job as it would be saved: the stored job with the patch applied, or, with a jobID of 0, a
// new one. StartTestRun starts it. Errors of the patch itself are reported before a missing job.
func (s *Service) NewTestRun(ctx context.Context, actor cron.Actor, jobID int64, patch *cron.JobPatch) (cron.TestRun, error) {
	if err := s.allow(&actor, UseStartTestRun); err != nil {
		return cron.TestRun{}, err
	}
	t := cron.TestRun{AccountID: actor.Account.ID, JobID: jobID}
	if jobID == 0 {
		var err error
		t.Job, err = s.newJob(actor.Account, cron.NewJob(), patch)
		return t, err
	}
	stored, err := s.store.Job(ctx, actor.Account.ID, jobID)
	if cron.KindOf(err) == cron.NotFound {
		err = cmp.Or(s.checkPatch(actor.Account, patch), err)
	}
	if err != nil {
		return t, err
	}
	t.Job = stored.Job
	return t, s.apply(patch, &t.Job, &stored.Job, actor.Account)
}

// StartTestRun stores a test run from NewTestRun, which a node then performs, and sets its ID, state and times. Admit has to
// come before: it counts how often an account starts one. The error is of kind TooMany when the account has used up its
// test runs of the day, or has too many that are not finished.
func (s *Service) StartTestRun(ctx context.Context, actor cron.Actor, t *cron.TestRun) error {
	if err := s.allowIn(&actor, UseStartTestRun, t.AccountID); err != nil {
		return err
	}
	plan := s.planOf(actor.Account)
	return s.audited(ctx, &actor, cron.AuditEntry{Action: actTestStart, Object: objectTestRun, Title: titleOf(&t.Job)},
		func(ctx context.Context, e *cron.AuditEntry) error {
			over, err := s.store.Count(ctx, t.AccountID, testRunLimits(&plan, t.AccountID))
			if err == nil {
				err = exceeded(&plan, over)
			}
			if err == nil {
				err = s.store.StartTestRun(ctx, t)
			}
			e.ObjectID = t.ID
			return err
		})
}

// TestRun reads a test run, without its job. Its diagnosis is always set when it has failed.
func (s *Service) TestRun(ctx context.Context, actor cron.Actor, id int64) (cron.TestRun, error) {
	if err := s.allow(&actor, UseGetTestRun); err != nil {
		return cron.TestRun{}, err
	}
	return s.testRun(ctx, actor.Account.ID, id)
}

func (s *Service) testRun(ctx context.Context, accountID, id int64) (cron.TestRun, error) {
	t, err := s.store.TestRun(ctx, accountID, id)
	t.Diagnosis = t.Why()
	return t, err
}

// EndTestRun ends a test run, at once or as soon as its node knows of it. It changes nothing about a finished one.
func (s *Service) EndTestRun(ctx context.Context, actor cron.Actor, id int64) error {
	if err := s.allow(&actor, UseEndTestRun); err != nil {
		return err
	}
	return s.store.EndTestRun(ctx, actor.Account.ID, id)
}

// TestRunFollower watches a test run. It must be used by one goroutine at a time.
type TestRunFollower struct {
	service   *Service
	accountID int64
	id        int64
	version   int64
	release   func()
}

// FollowTestRun starts to follow a test run. The error is of kind TooMany when there are too many followers, those of Follow
// included. The caller must call Close.
func (s *Service) FollowTestRun(ctx context.Context, actor cron.Actor, id int64) (*TestRunFollower, error) {
	if err := s.allow(&actor, UseGetTestRun); err != nil {
		return nil, err
	}
	f := &TestRunFollower{service: s, accountID: actor.Account.ID, id: id}
	if _, err := s.store.TestRunVersion(ctx, f.accountID, id); err != nil {
		return nil, err
	}
	release, err := s.followers.join(f.accountID)
	if err != nil {
		return nil, err
	}
	f.release = release
	return f, nil
}

// Poll reads the test run if it has changed since the last call; changed is true at the first one.
func (f *TestRunFollower) Poll(ctx context.Context) (t cron.TestRun, changed bool, err error) {
	version, err := f.service.store.TestRunVersion(ctx, f.accountID, f.id)
	if err != nil || version == f.version {
		return t, false, err
	}
	if t, err = f.service.testRun(ctx, f.accountID, f.id); err != nil {
		return t, false, err
	}
	f.version = t.Version
	return t, true, nil
}

// Close ends the follower.
func (f *TestRunFollower) Close() { f.release() }
