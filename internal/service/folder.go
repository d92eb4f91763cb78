package service

import (
	"context"

	"punctual/internal/cron"
)

// A FolderChange edits a folder on behalf of a user. It returns an *cron.Error of kind Invalid for values that it
// cannot use.
type FolderChange func(*cron.Folder) error

// Folders lists the folders of the account by title.
func (s *Service) Folders(ctx context.Context, actor cron.Actor) ([]cron.Folder, error) {
	if err := allow(&actor, UseListFolders); err != nil {
		return nil, err
	}
	return s.store.Folders(ctx, actor.Account.ID)
}

// Folder reads a folder.
func (s *Service) Folder(ctx context.Context, actor cron.Actor, folderID int64) (cron.Folder, error) {
	if err := allow(&actor, UseGetFolder); err != nil {
		return cron.Folder{}, err
	}
	return s.store.Folder(ctx, actor.Account.ID, folderID)
}

// NewFolder makes a folder with the title that fill sets. AddFolder saves it.
func (s *Service) NewFolder(actor cron.Actor, fill FolderChange) (cron.Folder, error) {
	if err := allow(&actor, UseCreateFolder); err != nil {
		return cron.Folder{}, err
	}
	folder := cron.Folder{AccountID: actor.Account.ID}
	err := editFolder(&folder, fill)
	return folder, err
}

// AddFolder saves a folder from NewFolder and sets its ID. The error is of kind Conflict when the account has a folder
// of that title.
func (s *Service) AddFolder(ctx context.Context, actor cron.Actor, folder *cron.Folder) error {
	if err := allowIn(&actor, UseCreateFolder, folder.AccountID); err != nil {
		return err
	}
	return s.store.CreateFolder(ctx, folder)
}

// ChangeFolder edits a folder. Errors of the change itself are reported before a missing folder. The error is of kind
// Conflict when another folder has the title. change may run more than once.
func (s *Service) ChangeFolder(ctx context.Context, actor cron.Actor, folderID int64, change FolderChange) error {
	if err := allow(&actor, UseChangeFolder); err != nil {
		return err
	}
	trial := cron.Folder{Title: "trial"}
	if err := editFolder(&trial, change); err != nil {
		return err
	}
	folder, err := s.store.Folder(ctx, actor.Account.ID, folderID)
	if err != nil {
		return err
	}
	if err := editFolder(&folder, change); err != nil {
		return err
	}
	return s.store.RenameFolder(ctx, &folder)
}

// DeleteFolder removes a folder. Its jobs move to the root folder.
func (s *Service) DeleteFolder(ctx context.Context, actor cron.Actor, folderID int64) error {
	if err := allow(&actor, UseDeleteFolder); err != nil {
		return err
	}
	return s.store.DeleteFolder(ctx, actor.Account.ID, folderID)
}

func editFolder(folder *cron.Folder, change FolderChange) error {
	if err := change(folder); err != nil {
		return err
	}
	return folder.Accept()
}
