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

// sqliteDSN names a database file, with the settings of every connection to it.
func sqliteDSN(path string) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() +
		"?_busy_timeout=10000&_journal_mode=wal&_synchronous=full&_foreign_keys=on&_txlock=immediate"
}

// findSQLite makes sure that a database is at path. A missing one is made when mayMake; a file that is there must hold a
// database of ours, since an empty or damaged one taken for a new one would hide the loss of everything.
func findSQLite(ctx context.Context, path string, mayMake bool) error {
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
	if !mayMake {
		return fmt.Errorf("%w at %s", ErrNoDatabase, path)
	}
	return makeSQLite(ctx, path)
}

// makeSQLite makes a new database under another name first, so that a file at path is always a whole database.
func makeSQLite(ctx context.Context, path string) error {
	partial := path + ".new"
	for _, suffix := range []string{"", "-wal", "-shm"} { // what a start left that was broken off
		if err := os.Remove(partial + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("make the database: %w", err)
		}
	}
	// Made here so that nobody else can read it from its first byte on; SQLite gives its side files the same mode.
	f, err := os.OpenFile(partial, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	// Vacuuming is decided with the first page; asked for later it only writes the header again.
	db, err := sql.Open("sqlite", sqliteDSN(partial)+"&_auto_vacuum=incremental")
	if err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	db.SetMaxOpenConns(1)
	if err := errors.Join(migrate(ctx, db, sqliteSchema, migrations, false), db.Close()); err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	if err := os.Rename(partial, path); err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a new name in a directory durable, where the operating system can do that.
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

// checkSQLite finds files that are empty or shorter than their header says. A log of writes that is not empty may hold
// the rest.
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

// checkSQLiteTables finds databases that are not ours: no start leaves one behind without a version.
func checkSQLiteTables(ctx context.Context, db *sql.DB) error {
	ours, err := sqliteSchema.versioned(ctx, db)
	if err == nil && !ours {
		err = fmt.Errorf("it has none of our tables: %w", ErrNotADatabase)
	}
	return err
}
