package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
)

// sqliteDSN is the data source name of a database file, with the settings of every connection.
func sqliteDSN(path string) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() +
		"?_busy_timeout=10000&_journal_mode=wal&_synchronous=full&_foreign_keys=on&_txlock=immediate"
}

// findSQLite makes sure that there is a database at path. A missing one is created if mayCreate. A file that exists has
// to be a database of ours: to take an empty or damaged file for a new database would hide the loss of all data.
func findSQLite(ctx context.Context, path string, mayCreate bool) error {
	info, err := os.Stat(path)
	switch {
	case err == nil:
		if err := checkSQLite(path, info); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("look for the database: %w", err)
	}
	if _, err := os.Stat(path + "-wal"); err == nil {
		return fmt.Errorf("%s-wal is there without %s: %w", path, filepath.Base(path), ErrNotADatabase)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(path), movingFile)); err == nil {
		return fmt.Errorf("%w: %s", ErrMoving, filepath.Join(filepath.Dir(path), movingFile))
	}
	if !mayCreate {
		return fmt.Errorf("%w at %s", ErrNoDatabase, path)
	}
	return createSQLite(ctx, path)
}

// createSQLite creates a database under another name and renames it, so that a file at path is always complete.
func createSQLite(ctx context.Context, path string) error {
	partial := path + ".new"
	for _, suffix := range []string{"", "-wal", "-shm"} { // left by a start that was interrupted
		if err := os.Remove(partial + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("make the database: %w", err)
		}
	}
	// Created here with a mode that keeps others from reading it. SQLite gives its side files the same mode.
	f, err := os.OpenFile(partial, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	// auto_vacuum has to be set before the first page is written.
	db, err := sql.Open("sqlite", sqliteDSN(partial)+"&_auto_vacuum=incremental")
	if err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	db.SetMaxOpenConns(1)
	if err := errors.Join((&migrator{schema: sqliteSchema, db: db, files: migrations}).migrate(ctx, false), db.Close()); err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	if err := os.Rename(partial, path); err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a new name in a directory durable, where the operating system supports that.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("open the data directory: %w", err)
	}
	_ = d.Sync()
	return d.Close()
}

// The header of an SQLite database (sqlite.org/fileformat.html, section 1.3).
const (
	sqliteHeader   = 100 // bytes
	pageSizeAt     = 16  // 2 bytes; 1 stands for 65536
	changedAt      = 24  // 4 bytes: counts changes
	pagesAt        = 28  // 4 bytes: the size of the database
	pagesChangedAt = 92  // 4 bytes: the change that the size belongs to
)

// checkSQLite finds files that are empty or shorter than their header says. With a log that is not empty, the rest may
// be there.
func checkSQLite(path string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("it is not a file: %w", ErrNotADatabase)
	}
	if info.Size() == 0 {
		return fmt.Errorf("it is empty: %w", ErrNotADatabase)
	}
	if wal, err := os.Stat(path + "-wal"); err == nil && wal.Size() > 0 {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	defer func() { _ = f.Close() }()
	var header [sqliteHeader]byte
	if _, err := io.ReadFull(f, header[:]); err != nil {
		return fmt.Errorf("it is too short: %w", ErrNotADatabase)
	}
	number := func(at int) int64 { return int64(binary.BigEndian.Uint32(header[at:])) }
	page := int64(binary.BigEndian.Uint16(header[pageSizeAt:]))
	if page == 1 {
		page = 65536
	}
	if number(changedAt) == number(pagesChangedAt) && info.Size() < page*number(pagesAt) {
		return fmt.Errorf("it is shorter than it was: %w", ErrNotADatabase)
	}
	return nil
}

// checkSQLiteTables finds databases that are not ours. Ours have a schema version from their creation on.
func checkSQLiteTables(ctx context.Context, db *sql.DB) error {
	ours, err := sqliteSchema.versioned(ctx, db)
	if err == nil && !ours {
		err = fmt.Errorf("it has none of our tables: %w", ErrNotADatabase)
	}
	return err
}
