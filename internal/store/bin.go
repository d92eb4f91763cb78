package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"punctual/internal/cron"
)

// A deleted job leaves its tables, so that no query has to leave it out, and a row of bin_job keeps its place: its definition is
// its latest version, its history and statistics stay where they are. Restoring it inserts it again, with its ID.
// A job that leaves the bin for good is one of deleted_job from then on, whose statistics and versions go with the upkeep.

// moveToBin writes the row of a job that has just been deleted. A bin that is full loses its oldest job.
func (s *Store) moveToBin(ctx context.Context, q queryer, j *cron.Job, version int64, by string) error {
	plan, err := s.lockPlan(ctx, q, j.AccountID)
	if err != nil {
		return err
	}
	if _, err := q.ExecContext(ctx, `DELETE FROM deleted_job WHERE job_id = $1`, j.ID); err != nil {
		return fmt.Errorf("move the job to the bin: %w", err)
	}
	now := s.stamp()
	_, err = q.ExecContext(ctx, `INSERT INTO bin_job (job_id, account_id, title, url, folder_id, version, deleted_at, purges_at, deleted_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, j.ID, j.AccountID, j.Title, publicURLField{textField{&j.Request.URL}}.value(), j.FolderID,
		version, millis(now), millis(now.Add(cron.BinLifetime)), by)
	if err != nil {
		return fmt.Errorf("move the job to the bin: %w", err)
	}
	if plan.MaxJobs == 0 {
		return nil
	}
	_, err = q.ExecContext(ctx, `DELETE FROM bin_job WHERE job_id IN
		(SELECT job_id FROM bin_job WHERE account_id = $1 ORDER BY deleted_at DESC, job_id DESC LIMIT $2 OFFSET $3)`, j.AccountID, pruneChunk, plan.MaxJobs)
	if err != nil {
		return fmt.Errorf("purge the oldest job of the bin: %w", err)
	}
	return nil
}

// maxBinFolders is the number of deleted folders of an account that are kept.
const maxBinFolders = 500

func (s *Store) moveFolderToBin(ctx context.Context, q queryer, f *cron.BinFolder) error {
	now := s.stamp()
	_, err := q.ExecContext(ctx, `INSERT INTO bin_folder (folder_id, account_id, title, job_ids, deleted_at, purges_at, deleted_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`, f.FolderID, f.AccountID, f.Title, encode(f.JobIDs), millis(now), millis(now.Add(cron.BinLifetime)), f.DeletedBy)
	if err == nil {
		_, err = q.ExecContext(ctx, `DELETE FROM bin_folder WHERE folder_id IN
			(SELECT folder_id FROM bin_folder WHERE account_id = $1 ORDER BY deleted_at DESC, folder_id DESC LIMIT $2 OFFSET $3)`,
			f.AccountID, pruneChunk, maxBinFolders)
	}
	if err != nil {
		return fmt.Errorf("move the folder to the bin: %w", err)
	}
	return nil
}

const binJobColumns = `job_id, account_id, title, url, folder_id, version, deleted_at, purges_at, deleted_by`

func scanBinJob(scan scanner, b *cron.BinJob) error {
	return scan(&b.JobID, &b.AccountID, &b.Title, &b.URL, &b.FolderID, &b.Version, moment(&b.Deleted), moment(&b.Purges), &b.DeletedBy)
}

// BinJobs lists the deleted jobs of an account, the latest first, after a position (zero for the start).
func (s *Store) BinJobs(ctx context.Context, accountID int64, after cron.BinPosition, limit int) (jobs []cron.BinJob, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	deleted := millis(after.Deleted)
	if after.JobID == 0 {
		deleted, after.JobID = largestID, largestID
	}
	return jobs, each(ctx, s.read, "list the bin", func(scan scanner) error {
		var b cron.BinJob
		if err := scanBinJob(scan, &b); err != nil {
			return err
		}
		jobs = append(jobs, b)
		return nil
	}, `SELECT `+binJobColumns+` FROM bin_job WHERE account_id = $1 AND purges_at > $2 AND (deleted_at < $3 OR deleted_at = $3 AND job_id < $4)
		ORDER BY deleted_at DESC, job_id DESC LIMIT $5`, accountID, millis(s.Now()), deleted, after.JobID, limit)
}

// BinFolders lists the deleted folders of an account, the latest first.
func (s *Store) BinFolders(ctx context.Context, accountID int64) (folders []cron.BinFolder, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	return folders, each(ctx, s.read, "list the bin", func(scan scanner) error {
		f := cron.BinFolder{AccountID: accountID}
		var ids string
		if err := scan(&f.FolderID, &f.Title, &ids, moment(&f.Deleted), moment(&f.Purges), &f.DeletedBy); err != nil {
			return err
		}
		folders = append(folders, f)
		return json.Unmarshal([]byte(ids), &folders[len(folders)-1].JobIDs)
	}, `SELECT folder_id, title, job_ids, deleted_at, purges_at, deleted_by FROM bin_folder WHERE account_id = $1 AND purges_at > $2
		ORDER BY deleted_at DESC, folder_id DESC`, accountID, millis(s.Now()))
}

// BinJob reads a deleted job with its definition. The error is of kind NotFound when the account has none of that ID in its bin.
func (s *Store) BinJob(ctx context.Context, accountID, jobID int64) (b cron.BinJob, j cron.Job, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return b, j, err
	}
	defer leave()
	err = scanBinJob(s.read.QueryRowContext(ctx, `SELECT `+binJobColumns+` FROM bin_job WHERE job_id = $1 AND account_id = $2 AND purges_at > $3`,
		jobID, accountID, millis(s.Now())).Scan, &b)
	if err != nil {
		return b, j, oneRow(err, cron.SubjectJob)
	}
	_, j, err = s.version(ctx, accountID, jobID, b.Version)
	return b, j, err
}

// RestoreJob brings back a job from BinJob, with the definition j, and plans it from now on. A folder that is gone is the root
// folder. The error is of kind TooMany when the plan allows no further job, and of kind NotFound when the job is no longer in the bin.
func (s *Store) RestoreJob(ctx context.Context, b *cron.BinJob, j *cron.Job, then func(context.Context) error) error {
	return s.restoreJob(ctx, b, j, origin{restored: b.Version}, then)
}

// restoreJob tries again when the folder goes while the definition is encoded.
func (s *Store) restoreJob(ctx context.Context, b *cron.BinJob, j *cron.Job, from origin, then func(context.Context) error) error {
	j.ID, j.AccountID, j.Type = b.JobID, b.AccountID, cron.TypeDefault
	former := *j
	for range editTries {
		if err := s.leaveGone(ctx, j); err != nil {
			return err
		}
		encoded, err := s.encodeJob(j)
		if err != nil {
			return err
		}
		encoded.found.index(b.AccountID)
		err = s.insertRestored(ctx, b, j, encoded, cron.JobChanges(&former, j), from, then)
		if !errors.Is(err, errEdited) {
			return err
		}
	}
	return errKeepsChanging(cron.SubjectJob)
}

// insertRestored writes a job that was in the bin. The error is errEdited when its folder is gone.
func (s *Store) insertRestored(ctx context.Context, b *cron.BinJob, j *cron.Job, encoded encodedJob, changes []string, from origin,
	then func(context.Context) error) error {
	return s.writeJobs(ctx, b.AccountID, func(ctx context.Context, q queryer) error {
		plan, err := s.lockPlan(ctx, q, b.AccountID)
		if err != nil {
			return err
		}
		if err := checkRoom(ctx, q, countJobs, b.AccountID, plan.MaxJobs, cron.SubjectJob); err != nil {
			return err
		}
		res, err := q.ExecContext(ctx, `DELETE FROM bin_job WHERE job_id = $1 AND account_id = $2 AND version = $3 AND purges_at > $4`,
			b.JobID, b.AccountID, b.Version, millis(s.Now()))
		if err := changedOne(res, err, cron.SubjectJob); err != nil {
			return err
		}
		if _, err := q.ExecContext(ctx, `DELETE FROM deleted_job WHERE job_id = $1`, b.JobID); err != nil {
			return err
		}
		now := s.stamp()
		j.Updated = now
		err = s.checkFolder(ctx, q, j)
		if cron.KindOf(err) == cron.Invalid {
			return errEdited
		}
		if err != nil {
			return err
		}
		_, err = q.ExecContext(ctx, s.engine.withID(jobRestoreInto)+jobRestoreValues, values([]any{j.ID, j.AccountID, millis(j.Created), b.Version + 1}, jobDefinition(j))...)
		if err != nil {
			return fmt.Errorf("restore the job: %w", err)
		}
		if err := s.saveNew(ctx, q, j, now, &encoded); err != nil {
			return err
		}
		if err := s.addVersion(ctx, q, j, b.Version+1, &j.UpdatedBy, changes, from, encoded.definition); err != nil {
			return err
		}
		return then(ctx)
	})
}

// leaveGone moves a job to the root folder if its folder is gone, and takes out channels that are gone.
func (s *Store) leaveGone(ctx context.Context, j *cron.Job) error {
	if err := s.LeaveGoneChannels(ctx, j); err != nil || j.FolderID == 0 {
		return err
	}
	_, err := s.Folder(ctx, j.AccountID, j.FolderID)
	if cron.KindOf(err) == cron.NotFound {
		j.FolderID, err = 0, nil
	}
	return err
}

// PurgeJob takes a job out of the bin for good.
func (s *Store) PurgeJob(ctx context.Context, accountID, jobID int64) (b cron.BinJob, err error) {
	err = s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
		return oneRow(scanBinJob(q.QueryRowContext(ctx, `DELETE FROM bin_job WHERE job_id = $1 AND account_id = $2 AND purges_at > $3
			RETURNING `+binJobColumns, jobID, accountID, millis(s.Now())).Scan, &b), cron.SubjectJob)
	})
	return b, err
}

// PurgeFolder takes a folder out of the bin for good.
func (s *Store) PurgeFolder(ctx context.Context, accountID, folderID int64) (title string, err error) {
	err = s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
		return oneRow(q.QueryRowContext(ctx, `DELETE FROM bin_folder WHERE folder_id = $1 AND account_id = $2 AND purges_at > $3 RETURNING title`,
			folderID, accountID, millis(s.Now())).Scan(&title), cron.SubjectFolder)
	})
	return title, err
}

// RestoreFolder brings back a deleted folder, with those of its jobs that are at the root and have not been changed since; moved is
// their number. The error is of kind Conflict when the account has another folder of that title.
func (s *Store) RestoreFolder(ctx context.Context, accountID, folderID int64, by cron.Author) (f cron.Folder, moved int, err error) {
	err = s.writeJobs(ctx, accountID, func(ctx context.Context, q queryer) error {
		f = cron.Folder{ID: folderID, AccountID: accountID}
		var (
			encoded string
			ids     []int64
			deleted int64
		)
		err := q.QueryRowContext(ctx, `DELETE FROM bin_folder WHERE folder_id = $1 AND account_id = $2 AND purges_at > $3
			RETURNING title, job_ids, deleted_at`, folderID, accountID, millis(s.Now())).Scan(&f.Title, &encoded, &deleted)
		if err != nil {
			return oneRow(err, cron.SubjectFolder)
		}
		if err := json.Unmarshal([]byte(encoded), &ids); err != nil {
			return fmt.Errorf("decode the jobs of the folder: %w", err)
		}
		res, err := q.ExecContext(ctx, s.engine.withID(`INSERT INTO folder (id, account_id, title, title_key)`)+` VALUES ($1, $2, $3, $4)
			ON CONFLICT (account_id, title_key) DO NOTHING`, folderID, accountID, f.Title, titleKey(f.Title))
		if err != nil {
			return fmt.Errorf("restore the folder: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			if err == nil {
				err = errFolderExists
			}
			return err
		}
		back, err := collect(ctx, q, "move the jobs back", single[int64], `UPDATE job SET folder_id = $1, version = version + 1
			WHERE account_id = $2 AND folder_id = 0 AND updated_at < $3 AND `+s.engine.in("id", 4)+` RETURNING id`,
			folderID, accountID, deleted, s.engine.list(ids))
		if err != nil {
			return err
		}
		moved = len(back)
		return s.addValueVersions(ctx, q, back, changeFolder, folderID, &by)
	})
	return f, moved, err
}

// pruneBin purges what has been in the bin long enough.
func (s *Store) pruneBin(ctx context.Context) (more bool, err error) {
	for _, row := range [][2]string{{"bin_job", "job_id"}, {"bin_folder", "folder_id"}} {
		more, err := s.prune(ctx, "purge the bin", `DELETE FROM `+row[0]+` WHERE `+row[1]+` IN
			(SELECT `+row[1]+` FROM `+row[0]+` WHERE purges_at <= $1 LIMIT $2)`, millis(s.Now()))
		if more || err != nil {
			return more, err
		}
	}
	return false, nil
}
