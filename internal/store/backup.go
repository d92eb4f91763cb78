package store

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// ErrNoBackup says that the database has tools of its own for backups.
var ErrNoBackup = errors.New("only an SQLite database is backed up by this command")

// Backup writes a consistent copy of the SQLite database to path, which must not exist, while the service runs. The
// copy is complete or not there at all. It holds sealed secrets, which need the key to be read.
func (s *Store) Backup(ctx context.Context, path string) (err error) {
	lite, ok := s.backend.(*sqliteBackend)
	if !ok {
		return ErrNoBackup
	}
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("back up: %w", &os.PathError{Op: "create", Path: path, Err: os.ErrExist})
	}
	partial := path + ".partial"
	// Made here so that nobody else can read it.
	f, err := os.OpenFile(partial, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(partial))
		}
	}()
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := lite.copyTo(ctx, partial); err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	if err := os.Rename(partial, path); err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	return nil
}
