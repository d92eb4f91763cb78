package service

import (
	"context"

	"punctual/internal/cron"
)

// Folders lists the folders of the account by title.
func (s *Service) Folders(ctx context.Context, actor cron.Actor) ([]cron.Folder, error) {
	if err := s.allow(&actor, UseListFolders); err != nil {
		return nil, err
	}
	return s.store.Folders(ctx, actor.Account.ID)
}

// Folder reads a folder.
func (s *Service) Folder(ctx context.Context, actor cron.Actor, folderID int64) (cron.Folder, error) {
	if err := s.allow(&actor, UseGetFolder); err != nil {
		return cron.Folder{}, err
	}
	return s.store.Folder(ctx, actor.Account.ID, folderID)
}

// NewFolder makes a folder. AddFolder saves it.
func (s *Service) NewFolder(actor cron.Actor, title string) (cron.Folder, error) {
	if err := s.allow(&actor, UseCreateFolder); err != nil {
		return cron.Folder{}, err
	}
	folder := cron.Folder{AccountID: actor.Account.ID, Title: title}
	err := folder.Accept()
	return folder, err
}

// AddFolder saves a folder from NewFolder and sets its ID. The error is of kind Conflict when the account has a folder
// of that title.
func (s *Service) AddFolder(ctx context.Context, actor cron.Actor, folder *cron.Folder) error {
	if err := s.allowIn(&actor, UseCreateFolder, folder.AccountID); err != nil {
		return err
	}
	return s.audited(ctx, &actor, cron.AuditEntry{Action: actFolderAdd, Object: objectFolder, Title: folder.Title},
		func(ctx context.Context, e *cron.AuditEntry) error {
			err := s.store.CreateFolder(ctx, folder)
			e.ObjectID = folder.ID
			return err
		})
}

// ChangeFolder gives a folder another title; nil leaves the title. Errors of the title itself are reported before a missing
// folder. The error is of kind Conflict when another folder has the title.
func (s *Service) ChangeFolder(ctx context.Context, actor cron.Actor, folderID int64, title *string) error {
	if err := s.allow(&actor, UseChangeFolder); err != nil {
		return err
	}
	folder := cron.Folder{ID: folderID, AccountID: actor.Account.ID}
	if title != nil {
		folder.Title = *title
		if err := folder.Accept(); err != nil {
			return err
		}
	}
	// A missing folder is reported before a title that is taken.
	if _, err := s.store.Folder(ctx, folder.AccountID, folderID); err != nil || title == nil {
		return err
	}
	e := cron.AuditEntry{Action: actFolderName, Object: objectFolder, ObjectID: folderID, Title: folder.Title, Changes: []string{"/title"}}
	return s.audited(ctx, &actor, e, func(ctx context.Context, _ *cron.AuditEntry) error { return s.store.RenameFolder(ctx, &folder) })
}

// DeleteFolder removes a folder. Its jobs move to the root folder.
func (s *Service) DeleteFolder(ctx context.Context, actor cron.Actor, folderID int64) error {
	if err := s.allow(&actor, UseDeleteFolder); err != nil {
		return err
	}
	folder, err := s.store.Folder(ctx, actor.Account.ID, folderID)
	if err != nil {
		return err
	}
	e := cron.AuditEntry{Action: actFolderDrop, Object: objectFolder, ObjectID: folderID, Title: folder.Title}
	return s.audited(ctx, &actor, e, func(ctx context.Context, _ *cron.AuditEntry) error {
		return s.store.DeleteFolder(ctx, actor.Account.ID, folderID, authorOf(&actor))
	})
}
