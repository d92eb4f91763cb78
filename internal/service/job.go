package service

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"punctual/internal/cron"
)

// RoomForJob returns an error of kind TooMany when the account has as many jobs as it may. CreateJob checks it again.
func (s *Service) RoomForJob(ctx context.Context, actor cron.Actor) error {
	if err := s.allow(&actor, UseCreateJob); err != nil {
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

// NewJob makes a job: the defaults of cron.NewJob with the patch applied. AddJob saves it.
func (s *Service) NewJob(actor cron.Actor, patch *cron.JobPatch) (cron.Job, error) {
	if err := s.allow(&actor, UseCreateJob); err != nil {
		return cron.Job{}, err
	}
	return s.newJob(actor.Account, cron.NewJob(), patch)
}

// newJob applies the patch to job and makes it a new job of the account.
func (s *Service) newJob(account cron.Account, job cron.Job, patch *cron.JobPatch) (cron.Job, error) {
	before := cron.NewJob()
	job.AccountID = account.ID
	err := s.apply(patch, &job, &before, account)
	return job, err
}

// AddJob saves a job from NewJob or NewClone and sets its ID.
func (s *Service) AddJob(ctx context.Context, actor cron.Actor, job *cron.Job) error {
	if err := s.allowIn(&actor, UseCreateJob, job.AccountID); err != nil {
		return err
	}
	job.CreatedBy = authorOf(&actor)
	job.UpdatedBy = job.CreatedBy
	return s.audited(ctx, &actor, cron.AuditEntry{Action: actJobCreate, Object: objectJob, Title: titleOf(job)},
		func(ctx context.Context, e *cron.AuditEntry) error {
			err := s.store.CreateJob(ctx, job)
			e.ObjectID = job.ID
			return err
		})
}

// ChangeJob edits a job that meets the precondition and returns it as saved, without the new times. Errors of the patch
// itself are reported before a missing job and before the precondition.
func (s *Service) ChangeJob(ctx context.Context, actor cron.Actor, jobID int64, only Precondition, patch *cron.JobPatch) (
	cron.Job, error) {
	if err := s.allow(&actor, UseChangeJob); err != nil {
		return cron.Job{}, err
	}
	var changed cron.Job
	err := s.store.UpdateJob(ctx, actor.Account.ID, jobID, func(job *cron.Job) error {
		if err := s.check(only, job); err != nil {
			return err
		}
		before := *job
		err := s.apply(patch, job, &before, actor.Account)
		job.UpdatedBy = authorOf(&actor)
		changed = *job
		return err
	}, func(ctx context.Context, _, after *cron.Job, changes []string) error {
		return s.note(ctx, &actor, cron.AuditEntry{Action: actJobChange, Object: objectJob, ObjectID: jobID,
			Title: titleOf(after), Changes: changes})
	})
	if kind := cron.KindOf(err); kind == cron.NotFound || kind == cron.PreconditionFailed {
		err = cmp.Or(s.checkPatch(actor.Account, patch), err)
	}
	return changed, err
}

// CheckPatch returns an error of kind Invalid when a patch is wrong for every job of the account.
func (s *Service) CheckPatch(actor cron.Actor, patch *cron.JobPatch) error {
	if err := s.allow(&actor, UseChangeJob); err != nil {
		return err
	}
	return s.checkPatch(actor.Account, patch)
}

func (s *Service) checkPatch(account cron.Account, patch *cron.JobPatch) error {
	if err := patch.Check(); err != nil || !patch.Sets("/url") {
		return err
	}
	url, _ := cron.NormalURL(patch.Values.Request.URL)
	return s.checkAddress(url, account.Access)
}

// DeleteJob removes a job that meets the precondition. The error is of kind Invalid for a job that belongs to a
// monitor.
func (s *Service) DeleteJob(ctx context.Context, actor cron.Actor, jobID int64, only Precondition) error {
	if err := s.allow(&actor, UseDeleteJob); err != nil {
		return err
	}
	return s.store.DeleteJobIf(ctx, actor.Account.ID, jobID, authorOf(&actor), func(job *cron.Job) error { return s.check(only, job) },
		func(ctx context.Context, job *cron.Job) error {
			return s.note(ctx, &actor, cron.AuditEntry{Action: actJobDelete, Object: objectJob, ObjectID: jobID, Title: titleOf(job)})
		})
}

// Job reads a job. NextRun follows the schedule even while the job is disabled. A viewer does not see its secrets.
func (s *Service) Job(ctx context.Context, now time.Time, actor cron.Actor, jobID int64) (cron.JobRecord, error) {
	if err := s.allow(&actor, UseGetJob); err != nil {
		return cron.JobRecord{}, err
	}
	job, err := s.store.Job(ctx, actor.Account.ID, jobID)
	if err != nil {
		return cron.JobRecord{}, err
	}
	setNextRun(&job, now)
	if !seesSecrets(&actor) {
		hideSecrets(&job.Job)
	}
	return job, nil
}

// Jobs lists the jobs of the account in the order in which they are shown, without headers, body and credentials.
// NextRun follows the schedule even while a job is disabled. someFailed tells that some could not be read and are left
// out.
func (s *Service) Jobs(ctx context.Context, now time.Time, actor cron.Actor) (
	jobs []*cron.ListedJob, someFailed bool, err error) {
	if err := s.allow(&actor, UseListJobs); err != nil {
		return nil, false, err
	}
	var block []cron.ListedJob // jobs are allocated many at a time
	someFailed, err = s.store.EachJob(ctx, actor.Account.ID, func(job *cron.JobRecord) {
		setNextRun(job, now)
		if len(block) == cap(block) {
			block = make([]cron.ListedJob, 0, min(max(len(jobs), 8), 256))
		}
		block = append(block, job.Listed())
		jobs = append(jobs, &block[len(block)-1])
	})
	if err != nil {
		return nil, false, err
	}
	cron.SortListed(jobs)
	if !seesSecrets(&actor) {
		for _, job := range jobs {
			job.URL = cron.MaskURL(job.URL)
		}
	}
	return jobs, someFailed, nil
}

// setNextRun sets the NextRun of a disabled job to what it would be if the job were enabled now.
func setNextRun(job *cron.JobRecord, now time.Time) {
	if !job.Enabled {
		job.State.NextRun = job.OccurrenceAfter(now)
	}
}

// apply applies a patch to a job and checks the result against the account's rights. before is the job without the
// patch.
func (s *Service) apply(patch *cron.JobPatch, job, before *cron.Job, account cron.Account) error {
	if err := patch.Apply(job, before); err != nil {
		return err
	}
	return s.allowDefinition(job, before, account)
}

// allowDefinition checks an accepted job, before being what it was, against the account's rights.
func (s *Service) allowDefinition(job, before *cron.Job, account cron.Account) error {
	if job.Request.URL != before.Request.URL {
		if err := s.checkAddress(job.Request.URL, account.Access); err != nil {
			return err
		}
	}
	if job.Schedule != before.Schedule {
		return job.Schedule.CheckSpacing(s.planOf(account).MinInterval)
	}
	return nil
}

// checkAddress refuses a URL whose host is an address that jobs may not call, so that the user learns of it before an
// execution fails.
func (s *Service) checkAddress(rawURL string, access cron.Access) error {
	u, problem := cron.ParseURL(cron.SampleURL(rawURL))
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
