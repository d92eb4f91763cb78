package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
)

// A Change edits a job on behalf of a user. An *cron.Error of kind Invalid says which values it could not use; the rest
// of the job is checked all the same, so that a user hears of everything at once.
type Change func(*cron.Job) error

// RoomForJob is nil when the account may have another job for all that is known now, and otherwise an error of kind
// TooMany. CreateJob decides.
func (s *Service) RoomForJob(ctx context.Context, actor cron.Actor) error {
	if err := allow(&actor, UseCreateJob); err != nil {
		return err
	}
	limit := s.planOf(actor.Account).MaxJobs
	if limit == 0 {
		return nil
	}
	n, err := s.store.CountJobs(ctx, actor.Account.ID)
	if err != nil {
		return fmt.Errorf("check the number of jobs: %w", err)
	}
	if n >= limit {
		return &cron.Error{Kind: cron.TooMany, Subject: cron.SubjectJob}
	}
	return nil
}

// NewJob is a job with the defaults of cron.NewJob, edited by fill, that AddJob can save.
func (s *Service) NewJob(actor cron.Actor, fill Change) (cron.Job, error) {
	if err := allow(&actor, UseCreateJob); err != nil {
		return cron.Job{}, err
	}
	return s.newJob(actor.Account, fill)
}

func (s *Service) newJob(account cron.Account, fill Change) (cron.Job, error) {
	plan := s.planOf(account)
	job := cron.NewJob()
	job.AccountID = account.ID
	err := s.edit(&job, fill, account.Access, &plan)
	return job, err
}

// AddJob saves a job that NewJob or NewClone has made, and sets its ID.
func (s *Service) AddJob(ctx context.Context, actor cron.Actor, job *cron.Job) error {
	if err := allowIn(&actor, UseCreateJob, job.AccountID); err != nil {
		return err
	}
	return s.store.CreateJob(ctx, job)
}

// ChangeJob edits a job that meets the precondition, and returns it as it was saved, but for its times. What is wrong
// with the change itself is reported before a job that does not exist, or does not meet the precondition. change may run
// more than once.
func (s *Service) ChangeJob(ctx context.Context, actor cron.Actor, jobID int64, only Precondition, change Change) (
	cron.Job, error) {
	if err := allow(&actor, UseChangeJob); err != nil {
		return cron.Job{}, err
	}
	plan := s.planOf(actor.Account)
	var changed cron.Job
	err := s.store.UpdateJob(ctx, actor.Account.ID, jobID, func(job *cron.Job) error {
		refused := s.check(only, job)
		err := s.edit(job, change, actor.Account.Access, &plan)
		changed = *job
		if refused != nil && err != nil {
			return s.bodyFirst(actor.Account, change, refused)
		}
		return cmp.Or(refused, err)
	})
	if cron.KindOf(err) == cron.NotFound {
		err = s.bodyFirst(actor.Account, change, err)
	}
	return changed, err
}

// bodyFirst is what is wrong with a change by itself, or else what is wrong with the job that it is for: the contract
// has the one before the other.
func (s *Service) bodyFirst(account cron.Account, change Change, err error) error {
	return cmp.Or(s.checkChange(account, change), err)
}

// CheckChange tells what is wrong with a change of the account whatever job it is for: it would be wrong for one with all
// defaults, too.
func (s *Service) CheckChange(actor cron.Actor, change Change) error {
	if err := allow(&actor, UseChangeJob); err != nil {
		return err
	}
	return s.checkChange(actor.Account, change)
}

func (s *Service) checkChange(account cron.Account, change Change) error {
	job := cron.NewJob()
	job.Request.URL = "http://localhost/" // mandatory, and never looked up
	return s.edit(&job, change, account.Access, nil)
}

// DeleteJob removes a job that meets the precondition. One that belongs to a monitor is an error of kind Invalid.
func (s *Service) DeleteJob(ctx context.Context, actor cron.Actor, jobID int64, only Precondition) error {
	if err := allow(&actor, UseDeleteJob); err != nil {
		return err
	}
	return s.store.DeleteJobIf(ctx, actor.Account.ID, jobID, func(job *cron.Job) error { return s.check(only, job) })
}

// Job reads a job. Its NextRun is what the schedule says, even while the job is disabled.
func (s *Service) Job(ctx context.Context, now time.Time, actor cron.Actor, jobID int64) (cron.JobRecord, error) {
	if err := allow(&actor, UseGetJob); err != nil {
		return cron.JobRecord{}, err
	}
	job, err := s.store.Job(ctx, actor.Account.ID, jobID)
	if err != nil {
		return cron.JobRecord{}, err
	}
	setNextRun(&job, now)
	return job, nil
}

// Jobs reads all jobs of the account in the order in which they are shown, without headers, body and credentials. The
// NextRun of each is what the schedule says, even while the job is disabled. someFailed tells that some could not be
// read and are left out.
func (s *Service) Jobs(ctx context.Context, now time.Time, actor cron.Actor) (
	jobs []cron.JobRecord, someFailed bool, err error) {
	if err := allow(&actor, UseListJobs); err != nil {
		return nil, false, err
	}
	jobs, someFailed, err = s.store.Jobs(ctx, actor.Account.ID)
	for i := range jobs {
		setNextRun(&jobs[i], now)
	}
	return jobs, someFailed, err
}

// setNextRun sets the NextRun of a disabled job to when it would be due if it were enabled now.
func setNextRun(job *cron.JobRecord, now time.Time) {
	if !job.Enabled {
		job.State.NextRun = job.OccurrenceAfter(now)
	}
}

// edit applies a change to a job and checks the outcome; what depends on the whole job is not checked without a plan.
func (s *Service) edit(job *cron.Job, change Change, access cron.Access, plan *cron.Plan) error {
	before := *job
	err := change(job)
	if err != nil && cron.KindOf(err) != cron.Invalid {
		return err
	}
	if err := mergeProblems(err, job.Accept(&before)); err != nil {
		return err
	}
	if job.Request.URL != before.Request.URL {
		if err := s.checkAddress(job.Request.URL, access); err != nil {
			return err
		}
	}
	if plan != nil && job.Schedule != before.Schedule {
		return job.Schedule.CheckSpacing(plan.MinInterval)
	}
	return nil
}

// checkAddress refuses a URL whose host is an address that jobs may not call, so that its user hears of it now and not
// from failing executions.
func (s *Service) checkAddress(rawURL string, access cron.Access) error {
	expanded := cron.Request{URL: rawURL}.Expand(time.Unix(0, 0), func() string { return "0" })
	u, problem := cron.ParseURL(expanded.URL)
	if problem.Rule == cron.RuleNone {
		problem = s.addresses.CheckHost(u.Hostname(), portOf(u), access)
	}
	if problem.Rule == cron.RuleNone {
		return nil
	}
	problem.Pointer = "/url"
	return &cron.Error{Kind: cron.Invalid, Subject: cron.SubjectJob, Problems: []cron.Problem{problem}}
}

func portOf(u *url.URL) int {
	if port, err := strconv.Atoi(u.Port()); err == nil {
		return port
	}
	if u.Scheme == "https" {
		return 443
	}
	return 80
}

// mergeProblems joins two errors of kind Invalid, either of which may be nil. Where the first one names a value, what
// the second one says of the same value is left out: it is about what the value was left at.
func mergeProblems(first, second error) error {
	a, inFirst := errors.AsType[*cron.Error](first)
	b, inSecond := errors.AsType[*cron.Error](second)
	if !inFirst {
		return second
	}
	if !inSecond {
		return first
	}
	merged := &cron.Error{Kind: cron.Invalid, Subject: cron.SubjectJob, Problems: slices.Clone(a.Problems)}
	for _, p := range b.Problems {
		if !slices.ContainsFunc(a.Problems, func(q cron.Problem) bool { return covers(q.Pointer, p.Pointer) }) {
			merged.Problems = append(merged.Problems, p)
		}
	}
	return merged
}

// covers tells whether the JSON pointer outer is inner or leads to something that holds it.
func covers(outer, inner string) bool {
	return inner == outer || strings.HasPrefix(inner, outer+"/")
}
