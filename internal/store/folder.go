package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"punctual/internal/cron"
)

// titleKey is the form in which titles are compared.
func titleKey(title string) string { return strings.ToLower(title) }

var errFolderExists = &cron.Error{Kind: cron.Conflict, Subject: cron.SubjectFolder}

// CreateFolder adds a folder and sets its ID. The error is of kind Conflict when the account has one of that title.
func (s *Store) CreateFolder(ctx context.Context, f *cron.Folder) error {
	err := s.transact(ctx, ofAccount(f.AccountID), func(ctx context.Context, q queryer) error {
		return q.QueryRowContext(ctx,
			`INSERT INTO folder (account_id, title, title_key) VALUES ($1, $2, $3)
			 ON CONFLICT (account_id, title_key) DO NOTHING RETURNING id`,
			f.AccountID, f.Title, titleKey(f.Title)).Scan(&f.ID)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return errFolderExists
	}
	if err != nil {
		return fmt.Errorf("create the folder: %w", err)
	}
	return nil
}

// RenameFolder gives a folder another title. The error is of kind Conflict when another one has it.
func (s *Store) RenameFolder(ctx context.Context, f *cron.Folder) error {
	return s.transact(ctx, ofAccount(f.AccountID), func(ctx context.Context, q queryer) error {
		var other int64
		err := q.QueryRowContext(ctx, `SELECT id FROM folder WHERE account_id = $1 AND title_key = $2 AND id <> $3`,
			f.AccountID, titleKey(f.Title), f.ID).Scan(&other)
		if err == nil {
			return errFolderExists
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("find a folder of that title: %w", err)
		}
		res, err := q.ExecContext(ctx, `UPDATE folder SET title = $3, title_key = $4 WHERE id = $1 AND account_id = $2`,
			f.ID, f.AccountID, f.Title, titleKey(f.Title))
		if s.engine.duplicate(err) {
			return errFolderExists
		}
		return changedOne(res, err, cron.SubjectFolder)
	})
}

// DeleteFolder moves a folder to the bin, and its jobs to the root folder.
func (s *Store) DeleteFolder(ctx context.Context, accountID, folderID int64, by cron.Author) error {
	return s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
		bin := cron.BinFolder{FolderID: folderID, AccountID: accountID, DeletedBy: by.Label}
		err := q.QueryRowContext(ctx, `DELETE FROM folder WHERE id = $1 AND account_id = $2 RETURNING title`, folderID, accountID).Scan(&bin.Title)
		if err != nil {
			return oneRow(err, cron.SubjectFolder)
		}
		bin.JobIDs, err = collect(ctx, q, "move the folder's jobs", single[int64],
			`UPDATE job SET folder_id = 0, version = version + 1 WHERE folder_id = $1 AND folder_id <> 0 RETURNING id`, folderID)
		if err != nil {
			return err
		}
		slices.Sort(bin.JobIDs)
		if err := s.addValueVersions(ctx, q, bin.JobIDs, changeFolder, 0, &by); err != nil {
			return err
		}
		return s.moveFolderToBin(ctx, q, &bin)
	})
}

// changedOne returns the error for a missing subject when no row was changed.
func changedOne(res sql.Result, err error, subject cron.Subject) error {
	if err != nil {
		return fmt.Errorf("change a row: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return fmt.Errorf("count changed rows: %w", err)
	}
	if n == 0 {
		return cron.Missing(subject)
	}
	return nil
}

// Folder reads one folder.
func (s *Store) Folder(ctx context.Context, accountID, folderID int64) (cron.Folder, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return cron.Folder{}, err
	}
	defer leave()
	f := cron.Folder{AccountID: accountID}
	err = s.read.QueryRowContext(ctx, `SELECT id, title FROM folder WHERE id = $1 AND account_id = $2`,
		folderID, accountID).Scan(&f.ID, &f.Title)
	return f, oneRow(err, cron.SubjectFolder)
}

// Folders lists the folders of an account by title.
func (s *Store) Folders(ctx context.Context, accountID int64) ([]cron.Folder, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	var folders []cron.Folder
	err = each(ctx, s.read, "list the folders", func(scan scanner) error {
		f := cron.Folder{AccountID: accountID}
		if err := scan(&f.ID, &f.Title); err != nil {
			return err
		}
		folders = append(folders, f)
		return nil
	}, `SELECT id, title FROM folder WHERE account_id = $1 ORDER BY title_key, title, id`, accountID)
	return folders, err
}

// checkFolder checks that the job's folder belongs to its account, and locks the folder against deletion.
func (s *Store) checkFolder(ctx context.Context, q queryer, j *cron.Job) error {
	if j.FolderID == 0 {
		return nil
	}
	var one int
	err := q.QueryRowContext(ctx, `SELECT 1 FROM folder WHERE id = $1 AND account_id = $2`+s.engine.lock(forShare),
		j.FolderID, j.AccountID).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return &cron.Error{Kind: cron.Invalid, Problems: []cron.Problem{
			{Pointer: "/folderId", Rule: cron.RuleUnknownFolder, Given: strconv.FormatInt(j.FolderID, 10)},
		}}
	}
	return err
}

// FolderJobs lists the jobs in a folder of an account, at most most of them. Folder 0 is the root folder.
func (s *Store) FolderJobs(ctx context.Context, accountID, folderID int64, most int) (jobIDs []int64, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	return collect(ctx, s.read, "list the jobs of a folder", single[int64],
		`SELECT id FROM job WHERE account_id = $1 AND folder_id = $2 ORDER BY id LIMIT $3`,
		accountID, folderID, most)
}
