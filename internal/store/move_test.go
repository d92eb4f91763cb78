package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

// filledRows is how many rows fillTables writes into a table.
const filledRows = 4

// columnKind is a column as PostgreSQL has it.
type columnKind struct {
	table, name, kind string
	null              bool
}

// columnKinds are the columns of all tables. The kinds of PostgreSQL say more than those of SQLite.
func columnKinds(t *testing.T, post *sql.DB) (list []columnKind) {
	t.Helper()
	rows, err := post.Query(`SELECT relname, attname, format_type(atttypid, NULL), NOT attnotnull FROM pg_class
		JOIN pg_attribute ON attrelid = pg_class.oid WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
		AND NOT relispartition AND attnum > 0 AND NOT attisdropped AND relname <> 'schema_version' ORDER BY relname, attnum`)
	ok(t, err)
	defer func() { ok(t, rows.Close()) }()
	for rows.Next() {
		var c columnKind
		ok(t, rows.Scan(&c.table, &c.name, &c.kind, &c.null))
		if c.kind != "integer[]" {
			list = append(list, c)
		}
	}
	ok(t, rows.Err())
	return list
}

// fillTables writes rows into every table of an SQLite database: values at the limits, what is NULL, texts with every kind of
// character, and sealed values. IDs are the same in all tables, so that what refers to something finds it.
func fillTables(t *testing.T, o store.Options, kinds []columnKind) {
	t.Helper()
	db, raw := open(t, o), past(t, o)
	for _, trigger := range lines(t, raw, `SELECT name FROM sqlite_schema WHERE type = 'trigger'`) {
		exec(t, raw, `DROP TRIGGER "`+trigger+`"`)
	}
	for _, table := range store.MovedTables {
		if slices.Contains(store.SeededTables, table) {
			continue
		}
		for n := range int64(filledRows) {
			row := map[string]any{}
			for _, c := range kinds {
				if c.table == table {
					row[c.name] = filledValue(c, n)
				}
			}
			if table == "zone_data" {
				if row["id"] = int64(1); n > 0 {
					continue
				}
			}
			ok(t, store.SealFor(t.Context(), db, table, row, []byte(fmt.Sprintf("plain %s %d", table, n))))
			var names []string
			var values []any
			for name, value := range row {
				names, values = append(names, `"`+name+`"`), append(values, value)
			}
			exec(t, raw, `INSERT INTO "`+table+`" (`+strings.Join(names, ", ")+`) VALUES (`+
				strings.TrimPrefix(strings.Repeat(", ?", len(names)), ", ")+`)`, values...)
		}
	}
	exec(t, raw, `UPDATE sqlite_sequence SET seq = seq + 1000 WHERE name <> 'schema_version'`) // rows with greater IDs were deleted
}

var filledFrom = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// filledValue is the value of a column in row n.
func filledValue(c columnKind, n int64) any {
	isID := c.name == "id" || c.name == "epoch" || strings.HasSuffix(c.name, "_id")
	switch {
	case isID && c.kind == "bigint":
		return 10 * (n + 1)
	case c.null && n == 1:
		return nil
	case c.kind == "text" && slices.Contains([]string{"id", "path", "name", "key"}, c.name): // sealed values belong to them
		return fmt.Sprintf("ü%d", n)
	case c.name == "planned_at":
		return filledFrom.AddDate(0, 0, int(n)*3).UnixMilli()
	case c.table == "node" && c.name == "lease_until":
		return int64(0)
	}
	at := func(values ...any) any { return values[n%int64(len(values))] }
	switch c.kind {
	case "boolean":
		return n % 2
	case "smallint":
		return at(int64(1), int64(math.MinInt16), int64(0), int64(math.MaxInt16))
	case "integer":
		return at(int64(1), int64(math.MinInt32), int64(0), int64(math.MaxInt32))
	case "bigint":
		return at(int64(n), int64(math.MinInt64), int64(2), int64(math.MaxInt64-100)) // indexes add to some of them
	case "double precision":
		return at(0.1, math.MaxFloat64, 0.0, -math.SmallestNonzeroFloat64)
	case "text":
		return fmt.Sprintf("%d%s", n, at("", "zero \x00 and \xff, 'quoted' \"twice\" \\n\t\r\n", "ü😀\u0301\u2028", strings.Repeat("long ", 3000)))
	case "bytea":
		if strings.Contains(c.name, "hash") || c.name == "credential_id" {
			return []byte{byte(n), 0, 255}
		}
		return at([]byte{0, 1, 255}, []byte("text"), []byte{}, make([]byte, 10_000))
	}
	return nil
}

// moveFrom moves, and fails the test on an error.
func moveFrom(t *testing.T, from, to store.Options) store.Moved {
	t.Helper()
	done, err := store.Move(t.Context(), store.MoveOptions{From: from, To: to})
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// movable is an SQLite database with something in every table.
func movable(t *testing.T) (o store.Options) {
	t.Helper()
	o = storetest.Databases[0].New(t)
	o.Key = firstKey
	fillTables(t, o, columnKinds(t, past(t, storetest.Databases[1].New(t))))
	return o
}

// TestMove moves a database with something in every table to PostgreSQL, with another key, and from there to SQLite again.
func TestMove(t *testing.T) {
	t.Parallel()
	lite := movable(t)
	post := storetest.Databases[1].Empty(t)
	post.Key = secondKey
	there := moveFrom(t, lite, post)
	for _, moved := range there.Tables {
		if least := int64(1); moved.Rows < least || moved.Sum == (store.Checksum{}) {
			t.Errorf("%s has %d rows with the checksum %s", moved.Name, moved.Rows, moved.Sum)
		}
	}
	if there.Resealed < 20 || there.Unopened != 0 {
		t.Errorf("%d values were sealed with the other key, and %d not opened", there.Resealed, there.Unopened)
	}
	raw := past(t, post)
	if n := number(t, raw, `SELECT count(*) FROM job_text WHERE cardinality(grams) > 0`); n == 0 {
		t.Error("no job is found by its text")
	}
	if n := number(t, raw, `SELECT count(*) FROM execution_rest`); n != 0 {
		t.Errorf("%d executions have no partition of their day", n)
	}
	if n := number(t, raw, `SELECT count(*) FROM pg_trigger WHERE tgenabled <> 'O'`); n != 0 {
		t.Errorf("%d triggers are disabled", n)
	}

	back := store.Options{Dir: t.TempDir(), Key: firstKey, Logger: lite.Logger}
	again := moveFrom(t, post, back)
	if !slices.Equal(again.Tables, there.Tables) {
		t.Errorf("moved back are\n%v\nand there were\n%v", again.Tables, there.Tables)
	}
	const objects = `SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY 1`
	fresh := past(t, storetest.Databases[0].New(t))
	if got, want := lines(t, past(t, back), objects), lines(t, fresh, objects); !slices.Equal(got, want) {
		t.Errorf("the schema is\n%s\nand not\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	const counters = `SELECT name || ' ' || seq FROM sqlite_sequence WHERE name <> 'schema_version' ORDER BY name`
	if got, want := lines(t, past(t, back), counters), lines(t, past(t, lite), counters); !slices.Equal(got, want) {
		t.Errorf("the counters are %q, and were %q", got, want)
	}
	if got := lines(t, past(t, back), `SELECT email FROM account ORDER BY id`); !strings.Contains(got[1], "zero \uFFFD and \uFFFD") {
		t.Errorf("a text with NUL became %q", got[1])
	}

	for _, o := range []store.Options{post, back} {
		db := open(t, o)
		if db.ServiceSecret() != open(t, lite).ServiceSecret() {
			t.Error("the secret of the service is another one")
		}
		opened, all, err := db.Opened(t.Context())
		ok(t, err)
		for column, n := range all {
			if opened[column] != n {
				t.Errorf("%d of %d values of %s open", opened[column], n, column)
			}
		}
		a := cron.Account{Email: "new@example.com", Plan: cron.PlanUnlimited}
		ok(t, db.CreateAccount(t.Context(), &a))
		if want := int64(10*filledRows + 1000 + 1); a.ID != want {
			t.Errorf("a new account has the ID %d, want %d", a.ID, want)
		}
		wrong := o
		wrong.Key = [32]byte{9}
		if other, err := store.Open(t.Context(), wrong); !errors.Is(err, store.ErrOtherKey) {
			t.Errorf("another key: %v", errors.Join(err, closeIf(other)))
		}
	}
}

// TestMoveInterrupted interrupts a move at random points, and repeats it. No node starts on the target meanwhile.
func TestMoveInterrupted(t *testing.T) {
	t.Parallel()
	lite := movable(t)
	post := storetest.Databases[1].New(t)
	post.Key = firstKey
	back := store.Options{Dir: t.TempDir(), Key: firstKey, Logger: lite.Logger}
	var want []store.MovedTable
	for _, way := range [][2]store.Options{{lite, post}, {post, back}} {
		from, to := way[0], way[1]
		for range 4 {
			ctx, cancel := context.WithCancel(t.Context())
			left := rand.IntN(2 * len(store.MovedTables))
			_, err := store.Move(ctx, store.MoveOptions{From: from, To: to, Progress: func(store.MoveProgress) {
				if left--; left < 0 {
					cancel()
				}
			}})
			cancel()
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("the move that was interrupted reports %v", err)
			}
			for _, command := range []bool{false, true} {
				o := to
				o.NoMigrate = command
				if db, err := store.Open(t.Context(), o); !errors.Is(err, store.ErrMoving) {
					t.Errorf("the target opens: %v", errors.Join(err, closeIf(db)))
				}
			}
		}
		done := moveFrom(t, from, to)
		if want != nil && !slices.Equal(done.Tables, want) {
			t.Errorf("moved were\n%v\nand before\n%v", done.Tables, want)
		}
		want = done.Tables
	}
	entries, err := os.ReadDir(back.Dir)
	ok(t, err)
	if len(entries) != 1 || entries[0].Name() != store.FileName {
		t.Errorf("the directory has %v", entries)
	}
}

// TestMoveRefuses tries moves that would lose something, or run jobs twice. They change nothing.
func TestMoveRefuses(t *testing.T) {
	t.Parallel()
	lite := storetest.Databases[0].New(t)
	source := open(t, lite)
	a := cron.Account{Email: "here@example.com", Plan: cron.PlanUnlimited}
	ok(t, source.CreateAccount(t.Context(), &a))
	refused := func(what string, from, to store.Options, want error) {
		t.Helper()
		if _, err := store.Move(t.Context(), store.MoveOptions{From: from, To: to}); !errors.Is(err, want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	post := storetest.Databases[1].New(t)
	wrong := lite
	wrong.Key = [32]byte{9}
	refused("another key", wrong, post, store.ErrOtherKey)
	refused("no source", store.Options{Dir: t.TempDir(), Logger: lite.Logger}, post, store.ErrNoDatabase)
	old := storetest.Databases[0].New(t)
	exec(t, past(t, old), `DELETE FROM schema_version WHERE version_id = (SELECT max(version_id) FROM schema_version)`)
	refused("a source of an older version", old, post, store.ErrOlder)
	refused("a directory that has a database", post, lite, store.ErrOtherKey) // an empty database has no key yet
	if n := number(t, past(t, post), `SELECT count(*) FROM setting WHERE name = 'move under way'`); n != 0 {
		t.Error("a refused move has marked its target")
	}

	target := open(t, post)
	refused("a directory with a database", post, lite, store.ErrNotEmpty)
	epoch, err := target.StartNode(t.Context(), cron.Node{Name: "web"})
	ok(t, err)
	refused("a node runs on the target", lite, post, store.ErrRunning)
	refused("a node runs on the source", post, store.Options{Dir: t.TempDir(), Key: post.Key, Logger: lite.Logger}, store.ErrRunning)
	ok(t, target.StopNode(t.Context(), epoch))
	refused("a target that was used", lite, post, store.ErrNotEmpty)
	if n := number(t, past(t, post), `SELECT count(*) FROM setting WHERE name = 'move under way'`); n != 0 {
		t.Error("a refused move has marked its target")
	}
}

// TestMoveKeepsNodesOut has a node that opened the target before the move began.
func TestMoveKeepsNodesOut(t *testing.T) {
	t.Parallel()
	lite, post := storetest.Databases[0].New(t), storetest.Databases[1].New(t)
	open(t, lite)
	early := open(t, post)
	tried := false
	_, err := store.Move(t.Context(), store.MoveOptions{From: lite, To: post, Progress: func(store.MoveProgress) {
		if tried {
			return
		}
		tried = true
		if _, err := early.StartNode(t.Context(), cron.Node{Name: "early"}); !errors.Is(err, store.ErrMoving) && !errors.Is(err, store.ErrOtherKey) {
			t.Errorf("a node starts during the move: %v", err)
		}
	}})
	ok(t, err)
	if n := number(t, past(t, post), `SELECT count(*) FROM node`); n != 0 || !tried {
		t.Errorf("%d nodes have registered", n)
	}
}

// TestMoveReplacesNothing has a directory with the log of a database that is missing.
func TestMoveReplacesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ok(t, os.WriteFile(filepath.Join(dir, store.FileName+"-wal"), []byte("log"), 0o600))
	post := storetest.Databases[1].New(t)
	open(t, post)
	if _, err := store.Move(t.Context(), store.MoveOptions{From: post, To: store.Options{Dir: dir}}); !errors.Is(err, store.ErrNotEmpty) {
		t.Errorf("a directory with a log: %v", err)
	}
}

// TestMovedTables compares the tables of a move with the schema: all are known, and come after those that they refer to.
func TestMovedTables(t *testing.T) {
	t.Parallel()
	db := past(t, storetest.Databases[0].New(t))
	tables := lines(t, db, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
		AND name <> 'schema_version' AND name NOT LIKE 'job_gram%' ORDER BY name`)
	if known := slices.Sorted(slices.Values(store.MovedTables)); !slices.Equal(known, tables) {
		t.Errorf("a move knows\n%q\nbut there are\n%q", known, tables)
	}
	for i, table := range store.MovedTables {
		for _, other := range lines(t, db, `SELECT "table" FROM pragma_foreign_key_list($1)`, table) {
			if !slices.Contains(store.MovedTables[:i], other) {
				t.Errorf("%s comes before %s, to which it refers", table, other)
			}
		}
	}
}
