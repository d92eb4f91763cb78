package storetest

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// testKey seals secrets in tests.
var testKey = [32]byte{1}

// Database is a kind of database. Its functions return the options of a database that no other test uses, and that is
// deleted with the test. A test may open several handles on it, like nodes.
type Database struct {
	Name  string
	New   func(t testing.TB) store.Options // a database that was migrated and holds nothing
	Empty func(t testing.TB) store.Options // the same without migrations: no database at all, in the sense of store.Open
}

// Databases are all kinds of databases.
var Databases = []Database{
	{"SQLite",
		func(t testing.TB) store.Options { return options("", SQLite(t)) },
		func(t testing.TB) store.Options { return options("", t.TempDir()) }},
	{"PostgreSQL",
		func(t testing.TB) store.Options { return options(Postgres(t), "") },
		func(t testing.TB) store.Options { return options(EmptyPostgres(t), "") }},
}

func options(url, dir string) store.Options {
	return store.Options{URL: url, Dir: dir, Key: testKey, Logger: slog.New(slog.DiscardHandler)}
}

// OnEach runs a test on each kind of database, all at the same time.
func OnEach(t *testing.T, test func(t *testing.T, o store.Options)) {
	for _, d := range Databases {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			test(t, d.New(t))
		})
	}
}

// SQLite is a directory with a database that was migrated and holds nothing. It goes with the test.
func SQLite(t testing.TB) (dir string) {
	t.Helper()
	file, err := sqliteTemplate()
	if err != nil {
		t.Fatalf("make the template: %v", err)
	}
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, store.FileName), file, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// sqliteTemplate is the file that SQLite copies.
var sqliteTemplate = sync.OnceValues(func() (file []byte, err error) {
	dir, err := os.MkdirTemp("", "punctual-template-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := migrate(context.Background(), store.Options{Dir: dir}); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, store.FileName))
})

// migrate makes a template: a new database, without the settings that depend on the key.
func migrate(ctx context.Context, o store.Options) error {
	o.Logger = slog.New(slog.DiscardHandler)
	db, err := store.Open(ctx, o)
	if err != nil {
		return err
	}
	if err := db.Close(); err != nil {
		return err
	}
	raw, err := Connect(o)
	if err != nil {
		return err
	}
	_, err = raw.ExecContext(ctx, `DELETE FROM setting WHERE name IN ('key check', 'service secret')`)
	return errors.Join(err, raw.Close())
}

// Open opens a database for the time of a test. Without a key and a logger it takes those of Databases.
func Open(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	if o.Key == [32]byte{} {
		o.Key = testKey
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if mode := os.Getenv(poolerVariable); mode != "" && o.URL != "" && o.DirectURL == "" {
		o.URL, o.DirectURL = StartPooler(t, o.URL, "pool_mode = "+mode, "query_wait_timeout = 5").URL, o.URL
	}
	db, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// Raw opens connections without the store, for the duration of a test. On SQLite they do not check foreign keys.
func Raw(t testing.TB, o store.Options) *sql.DB {
	t.Helper()
	db, err := Connect(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// Connect is Raw without a test.
func Connect(o store.Options) (*sql.DB, error) {
	if o.URL != "" {
		return sql.Open("pgx", o.URL)
	}
	file := url.URL{Path: filepath.Join(o.Dir, store.FileName)}
	return sql.Open("sqlite", "file:"+file.EscapedPath()+"?_busy_timeout=20000")
}

// NewAccount creates an account.
func NewAccount(t testing.TB, db *store.Store, email, plan string) cron.Account {
	t.Helper()
	account := cron.Account{Email: email, Plan: plan}
	if err := db.CreateAccount(t.Context(), &account); err != nil {
		t.Fatal(err)
	}
	return account
}

// EveryMinute is the schedule of a job that is due at second 0 of each minute.
func EveryMinute() cron.Schedule {
	return cron.Schedule{
		Timezone: "UTC", Seconds: cron.SetOf(0), Minutes: cron.Every, Hours: cron.Every, MonthDays: cron.Every,
		Months: cron.Every, Weekdays: cron.Every,
	}
}
