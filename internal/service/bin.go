package service

import (
	"context"
	"strings"

	"punctual/internal/cron"
)

// BinJobs lists the deleted jobs of the account that can be brought back, the latest first, after a position (zero for the start).
// next is the position of the next page, and zero at the end.
func (s *Service) BinJobs(ctx context.Context, actor cron.Actor, after cron.BinPosition, limit int) (
	jobs []cron.BinJob, next cron.BinPosition, err error) {
	if err := s.allow(&actor, UseListBin); err != nil {
		return nil, next, err
	}
	limit = min(limit, MaxVersionsPage)
	jobs, err = s.store.BinJobs(ctx, actor.Account.ID, after, limit+1)
	if err == nil && len(jobs) > limit {
		jobs = jobs[:limit]
		next = jobs[limit-1].Position()
	}
	return jobs, next, err
}

// BinJob reads a deleted job that can be brought back. The error is of kind NotFound for any other job.
func (s *Service) BinJob(ctx context.Context, actor cron.Actor, jobID int64) (cron.BinJob, error) {
	if err := s.allow(&actor, UseListBin); err != nil {
		return cron.BinJob{}, err
	}
	b, _, err := s.store.BinJob(ctx, actor.Account.ID, jobID)
	return b, err
}

// BinFolders lists the deleted folders of the account that can be brought back, the latest first.
func (s *Service) BinFolders(ctx context.Context, actor cron.Actor) ([]cron.BinFolder, error) {
	if err := s.allow(&actor, UseListBin); err != nil {
		return nil, err
	}
	return s.store.BinFolders(ctx, actor.Account.ID)
}

// RestoreJob brings back a deleted job with its history, and plans it from now on. Address rules and limits of the plan are those of
// today; the error is of kind TooMany when the plan allows no further job.
func (s *Service) RestoreJob(ctx context.Context, actor cron.Actor, jobID int64) (r Restored, err error) {
	if err := s.allow(&actor, UseRestoreBin); err != nil {
		return r, err
	}
	b, former, err := s.store.BinJob(ctx, actor.Account.ID, jobID)
	if err != nil {
		return r, err
	}
	job := former
	job.UpdatedBy = authorOf(&actor)
	if err := s.acceptRestored(&job, &cron.Job{}, actor.Account); err != nil {
		return r, err
	}
	err = s.store.RestoreJob(ctx, &b, &job, func(ctx context.Context) error {
		r = Restored{job, b.Version + 1, job.FolderID != former.FolderID}
		return s.note(ctx, &actor, cron.AuditEntry{Action: actJobRestore, Object: objectJob, ObjectID: jobID, Title: titleOf(&job)})
	})
	return r, err
}

// PurgeJob takes a deleted job out of the bin for good. Its title, or its URL without credentials if it has none, is given to prevent
// mistakes; the error is of kind Invalid for another one.
func (s *Service) PurgeJob(ctx context.Context, actor cron.Actor, jobID int64, title string) error {
	if err := s.allow(&actor, UsePurgeBin); err != nil {
		return err
	}
	return s.audited(ctx, &actor, cron.AuditEntry{Action: actJobPurge, Object: objectJob, ObjectID: jobID},
		func(ctx context.Context, e *cron.AuditEntry) error {
			b, err := s.store.PurgeJob(ctx, actor.Account.ID, jobID)
			e.Title = titleOf(&cron.Job{Title: b.Title, Request: cron.Request{URL: b.URL}})
			if err == nil && !sameTitle(title, e.Title) {
				err = wrongTitle(cron.SubjectJob) // which undoes it
			}
			return err
		})
}

// RestoreFolder brings back a deleted folder, with those of its jobs that are in the root folder and have not been changed since. The
// error is of kind Conflict when the account has another folder of that title. moved is the number of jobs.
func (s *Service) RestoreFolder(ctx context.Context, actor cron.Actor, folderID int64) (f cron.Folder, moved int, err error) {
	if err := s.allow(&actor, UseRestoreBin); err != nil {
		return f, 0, err
	}
	err = s.audited(ctx, &actor, cron.AuditEntry{Action: actFolderBack, Object: objectFolder, ObjectID: folderID},
		func(ctx context.Context, e *cron.AuditEntry) (err error) {
			f, moved, err = s.store.RestoreFolder(ctx, actor.Account.ID, folderID, authorOf(&actor))
			e.Title = f.Title
			return err
		})
	return f, moved, err
}

// PurgeFolder takes a deleted folder, whose title is given as with PurgeJob, out of the bin for good.
func (s *Service) PurgeFolder(ctx context.Context, actor cron.Actor, folderID int64, title string) error {
	if err := s.allow(&actor, UsePurgeBin); err != nil {
		return err
	}
	return s.audited(ctx, &actor, cron.AuditEntry{Action: actFolderPurge, Object: objectFolder, ObjectID: folderID},
		func(ctx context.Context, e *cron.AuditEntry) (err error) {
			e.Title, err = s.store.PurgeFolder(ctx, actor.Account.ID, folderID)
			if err == nil && !sameTitle(title, e.Title) {
				err = wrongTitle(cron.SubjectFolder)
			}
			return err
		})
}

func sameTitle(given, title string) bool { return strings.TrimSpace(given) == strings.TrimSpace(title) }

func wrongTitle(of cron.Subject) error {
	return &cron.Error{Kind: cron.Invalid, Subject: of, Problems: []cron.Problem{{Pointer: "/title", Rule: cron.RulePurgeTitle}}}
}

// bin writes the deleted jobs and folders that can be brought back.
func (x *exporter) bin(ctx context.Context) error {
	x.name("binJobs")
	x.text("[")
	for after, first := (cron.BinPosition{}), true; ; {
		jobs, err := x.service.store.BinJobs(ctx, x.account.ID, after, MaxVersionsPage)
		if err != nil {
			return err
		}
		for i := range jobs {
			b := &jobs[i]
			x.item(first, map[string]any{"jobId": b.JobID, "title": b.Title, "url": b.URL, "folderId": b.FolderID, "version": b.Version,
				"deleted": b.Deleted.Unix(), "deletedBy": b.DeletedBy, "purges": b.Purges.Unix()})
			after, first = b.Position(), false
		}
		if len(jobs) < MaxVersionsPage {
			break
		}
	}
	x.text("]")
	folders, err := x.service.store.BinFolders(ctx, x.account.ID)
	exportList(x, "binFolders", folders, func(f *cron.BinFolder) any {
		return map[string]any{"folderId": f.FolderID, "title": f.Title, "jobIds": f.JobIDs, "deleted": f.Deleted.Unix(),
			"deletedBy": f.DeletedBy, "purges": f.Purges.Unix()}
	})
	return err
}
