package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
)

// ErrNoBackup says that the database has its own backup tools.
var ErrNoBackup = errors.New("only an SQLite database is backed up by this command")

// Backup writes a consistent copy of the SQLite database to path, which must not exist, while the service runs, and checks it. If it
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
	if err := e.checkCopy(ctx, partial); err != nil {
		return fmt.Errorf("check the backup: %w", err)
	}
	if err := os.Rename(partial, path); err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

// errBadCopy says that a copy was written without an error and cannot be used.
var errBadCopy = errors.New("the copy is damaged; check the disk that it is on")

// checkCopy reads a copy and makes sure that it is whole and of the version of the database.
func (e *sqliteEngine) checkCopy(ctx context.Context, path string) (err error) {
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?mode=ro&immutable=1&_query_only=on")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var found string
	if err := db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		return fmt.Errorf("%w: %s", errBadCopy, found)
	}
	const version = `SELECT max(version_id) FROM ` + versionTable
	var copied, current int64
	if err := db.QueryRowContext(ctx, version).Scan(&copied); err != nil {
		return err
	}
	if err := e.read.QueryRowContext(upkeep.with(ctx), version).Scan(&current); err != nil {
		return err
	}
	if copied != current {
		return fmt.Errorf("%w: it has version %d of the schema, and the database has %d", errBadCopy, copied, current)
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
