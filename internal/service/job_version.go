package service

import (
	"context"
	"reflect"

	"punctual/internal/cron"
)

// MaxVersionsPage is the largest page of Versions and of Bin.
const MaxVersionsPage = 1000

// Versions lists the versions of a job, or of a deleted one in the bin, newest first: those before the given one (0 for all).
// next is the before of the next page, and 0 at the end.
func (s *Service) Versions(ctx context.Context, actor cron.Actor, jobID, before int64, limit int) (list []cron.JobVersion, next int64, err error) {
	if err := s.allow(&actor, UseListVersions); err != nil {
		return nil, 0, err
	}
	limit = min(limit, MaxVersionsPage)
	list, err = s.store.Versions(ctx, actor.Account.ID, jobID, before, limit+1)
	if err == nil && len(list) > limit {
		list = list[:limit]
		next = list[limit-1].Version
	}
	return list, next, err
}

// JobVersion reads a version of a job with its definition. Nobody sees secrets of it, since former ones may have been replaced for
// a reason.
func (s *Service) JobVersion(ctx context.Context, actor cron.Actor, jobID, version int64) (v cron.JobVersion, j cron.Job, err error) {
	if err := s.allow(&actor, UseGetVersion); err != nil {
		return v, j, err
	}
	v, j, err = s.store.Version(ctx, actor.Account.ID, jobID, version)
	hideSecrets(&j)
	return v, j, err
}

// VersionChange is a value that differs between two versions of a job.
type VersionChange struct {
	Pointer       string // a JSON pointer into the job as the API shows it
	Secret        bool   // secrets are masked in the values, which may therefore look alike
	Before, After any    // as the API shows them; headers are []cron.Header
}

// CompareVersions lists the values that differ between two versions of a job; with 0 for the latter, the newest version that can be
// read.
func (s *Service) CompareVersions(ctx context.Context, actor cron.Actor, jobID, from, to int64) (
	before, after cron.JobVersion, changes []VersionChange, err error) {
	if err := s.allow(&actor, UseGetVersion); err != nil {
		return before, after, nil, err
	}
	if to == 0 {
		newest, err := s.store.Versions(ctx, actor.Account.ID, jobID, 0, 1)
		if err != nil {
			return before, after, nil, err
		}
		if len(newest) > 0 {
			to = newest[0].Version
		}
	}
	before, former, err := s.store.Version(ctx, actor.Account.ID, jobID, from)
	if err != nil {
		return before, after, nil, err
	}
	after, latter, err := s.store.Version(ctx, actor.Account.ID, jobID, to)
	if err != nil {
		return before, after, nil, err
	}
	return before, after, versionChanges(former, latter), nil
}

func versionChanges(before, after cron.Job) (changes []VersionChange) {
	shownBefore, shownAfter := before, after
	hideSecrets(&shownBefore)
	hideSecrets(&shownAfter)
	for i := range jobFields {
		f := &jobFields[i]
		if !reflect.DeepEqual(f.value(&before), f.value(&after)) {
			changes = append(changes, VersionChange{f.pointer, f.secret, f.value(&shownBefore), f.value(&shownAfter)})
		}
	}
	return changes
}

// Restored is a job that has the definition of one of its versions again.
type Restored struct {
	Job        cron.Job
	Version    int64 // that the restoring made
	FolderGone bool  // the folder of the version no longer exists, and the job is in the root folder
}

// RestoreVersion gives a job that meets the precondition the definition of one of its versions, which makes a new version. Secrets
// that the version has forgotten stay as they are. Address rules and the shortest interval of the plan are those of today.
func (s *Service) RestoreVersion(ctx context.Context, actor cron.Actor, jobID, version int64, only Precondition) (r Restored, err error) {
	if err := s.allow(&actor, UseRestoreVersion); err != nil {
		return r, err
	}
	v, former, err := s.store.Version(ctx, actor.Account.ID, jobID, version)
	if err != nil {
		return r, err
	}
	r.Version, err = s.store.RestoreVersion(ctx, actor.Account.ID, jobID, version, func(job *cron.Job) error {
		if err := s.check(only, job); err != nil {
			return err
		}
		before := *job
		job.Restore(&former, v.Forgotten)
		job.UpdatedBy = authorOf(&actor)
		return s.acceptRestored(job, &before, actor.Account)
	}, func(ctx context.Context, _, after *cron.Job, changes []string) error {
		r.Job, r.FolderGone = *after, after.FolderID != former.FolderID
		return s.note(ctx, &actor, cron.AuditEntry{Action: actVersionSet, Object: objectJob, ObjectID: jobID,
			Title: titleOf(after), Changes: changes})
	})
	return r, err
}

// acceptRestored checks a job that has a definition of the past, before being what it was, by the rules of today.
func (s *Service) acceptRestored(job, before *cron.Job, account cron.Account) error {
	same := *job
	err := job.Accept(&same) // of the URL, which was normalised once, only the address counts
	if job.Request.URL != before.Request.URL {
		err = cron.JoinProblems(err, s.checkAddress(job.Request.URL, account.Access))
	}
	if job.Schedule != before.Schedule {
		err = cron.JoinProblems(err, job.Schedule.CheckSpacing(s.planOf(account).MinInterval))
	}
	return err
}

// ForgetVersion takes the secrets out of a version of a job. The error is of kind Conflict for the version that the job has.
func (s *Service) ForgetVersion(ctx context.Context, actor cron.Actor, jobID, version int64) error {
	if err := s.allow(&actor, UseForgetVersion); err != nil {
		return err
	}
	_, job, err := s.store.Version(ctx, actor.Account.ID, jobID, version)
	if err != nil {
		return err
	}
	e := cron.AuditEntry{Action: actVersionDrop, Object: objectJob, ObjectID: jobID, Title: titleOf(&job)}
	return s.audited(ctx, &actor, e, func(ctx context.Context, _ *cron.AuditEntry) error {
		return s.store.ForgetVersion(ctx, actor.Account.ID, jobID, version)
	})
}
