package store

import (
	"context"
	"database/sql"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestCheckpoints writes more than the pages after which a checkpoint begins, in small transactions, and waits until the database file has
// them, which no commit would have brought there. A reader that goes on all the time does not hinder it.
func TestCheckpoints(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "test.db")
	db, log, reader := openLogged(t, path), openLogged(t, path), openLogged(t, path)
	if _, err := db.Exec(`CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT) STRICT`); err != nil {
		t.Fatal(err)
	}
	w, err := newWriter(t.Context(), db, newCheckpointer(log, slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("x", 4000) // a page each
	insert := func() {
		for range 10 {
			err := w.do(t.Context(), results, func(ctx context.Context, q queryer) error {
				for range checkpointPages / 8 {
					if _, err := q.ExecContext(ctx, `INSERT INTO t (text) VALUES ($1)`, text); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	copied := func(pages int64) bool {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size() >= pages*4096
	}
	insert()
	await(t, "the pages of the log are in the database", func() bool { return copied(checkpointPages) })

	tx, err := reader.Begin()
	if err != nil {
		t.Fatal(err)
	}
	var rows int
	if err := tx.QueryRow(`SELECT count(*) FROM t`).Scan(&rows); err != nil {
		t.Fatal(err)
	}
	insert() // the checkpoint ends where the reader is
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	insert()
	await(t, "the later pages are in the database", func() bool { return copied(3 * checkpointPages) })
	if err := w.close(); err != nil {
		t.Error(err)
	}
}

// openLogged opens a database with a write-ahead log that no commit copies.
func openLogged(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_journal_mode=wal&_busy_timeout=10000&_pragma=wal_autocheckpoint(0)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// await waits until a condition holds, and fails when nothing brings it about.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waiting in vain: %s", what)
		}
	}
}
