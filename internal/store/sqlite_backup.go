package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
)

// ErrNoBackup says that the database has its own backup tools.
var ErrNoBackup = errors.New("only an SQLite database is backed up by this command")

// Backup writes a consistent copy of the SQLite database to path, which must not exist, while the service runs. If it
// fails, there is no file at path. The copy contains sealed secrets, which need the key to be read.
func (s *Store) Backup(ctx context.Context, path string) error { return s.engine.backup(ctx, path) }

func (e *sqliteEngine) backup(ctx context.Context, path string) (err error) {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("back up: %w", &os.PathError{Op: "create", Path: path, Err: os.ErrExist})
	}
	partial := path + ".partial"
	// Created here with a mode that keeps others from reading it.
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
	if err := e.copyTo(ctx, partial); err != nil {
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

// copyTo copies one snapshot of the database to an empty file, without holding up the writer.
func (e *sqliteEngine) copyTo(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", e.dsn)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, `VACUUM INTO $1`, path)
	return errors.Join(err, db.Close())
}
