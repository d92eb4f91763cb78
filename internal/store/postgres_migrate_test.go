package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

// TestPostgresOlderNodeStops lets a newer program migrate the database of a node that runs. A file that only adds something leaves it
// alone. Before one that takes something away, the node hears that it is too old, and the file waits until it has stopped.
func TestPostgresOlderNodeStops(t *testing.T) {
	t.Parallel()
	options := store.Options{URL: storetest.EmptyPostgres(t)}
	old, raw := open(t, options), past(t, options)
	node, err := old.StartNode(t.Context(), cron.Node{Name: "older"})
	ok(t, err)
	expanding := map[string]string{"9990_more.sql": "-- +goose Up\nALTER TABLE node ADD COLUMN more TEXT NOT NULL DEFAULT '';\n"}
	ok(t, store.Migrate(t.Context(), raw, "postgres", further(t, expanding), false))
	ok(t, beat(t.Context(), old, node))
	second, err := old.StartNode(t.Context(), cron.Node{Name: "another older one"})
	ok(t, err)
	ok(t, old.StopNode(t.Context(), second))

	contracting := further(t, map[string]string{"9990_more.sql": expanding["9990_more.sql"],
		"9999_less.sql": "-- +goose Up\n-- punctual: minimum 9990\nALTER TABLE node DROP COLUMN more;\n"})
	ended, other := make(chan error, 1), past(t, options)
	go func() { ended <- store.Migrate(t.Context(), other, "postgres", contracting, false) }()
	soon(t, "the news for the node", func() bool {
		err := beat(t.Context(), old, node)
		outdated, is := errors.AsType[*cron.OutdatedError](err)
		if is && *outdated != (cron.OutdatedError{Lowest: 9990, Known: store.KnownVersion}) {
			t.Errorf("it is told %v", err)
		}
		return is
	})
	const leaseEnd = `SELECT lease_until FROM node WHERE epoch = $1`
	tables(t, raw).EndLease(node, old.Now().Add(time.Hour)) // the migration waits for it, however slow the machine is
	before := number(t, raw, leaseEnd, node)
	if err := beat(t.Context(), old, node); !isOutdated(err) {
		t.Errorf("the node is told %v", err)
	}
	if number(t, raw, leaseEnd, node) == before {
		t.Error("the lease of the node, which finishes what it runs, was not renewed")
	}
	tables(t, raw).EndLease(node, old.Now().Add(time.Hour))
	if _, err := old.StartNode(t.Context(), cron.Node{Name: "too late"}); !isOutdated(err) {
		t.Errorf("a node that starts is told %v", err)
	}
	select {
	case err := <-ended:
		t.Fatalf("the migration did not wait: %v", err)
	default:
	}
	ok(t, old.StopNode(t.Context(), node))
	ok(t, <-ended)
	if n := number(t, raw, `SELECT count(*) FROM pg_attribute WHERE attrelid = 'node'::regclass AND attname = 'more' AND NOT attisdropped`); n != 0 {
		t.Error("the column is still there")
	}
}

// TestPostgresMigrationWaitsAgain ends a migration while it waits for an older node, of which the database knows by then. The next one
// waits, too.
func TestPostgresMigrationWaitsAgain(t *testing.T) {
	t.Parallel()
	options := store.Options{URL: storetest.EmptyPostgres(t)}
	old, raw := open(t, options), past(t, options)
	node, err := old.StartNode(t.Context(), cron.Node{Name: "older"})
	ok(t, err)
	tables(t, raw).EndLease(node, old.Now().Add(time.Hour))
	files := further(t, map[string]string{"9990_more.sql": "-- +goose Up\nALTER TABLE node ADD COLUMN more TEXT NOT NULL DEFAULT '';\n",
		"9999_less.sql": "-- +goose Up\n-- punctual: minimum 9990\nALTER TABLE node DROP COLUMN more;\n"})
	// A migration that looks for older nodes waits behind this lock, which shows that it does.
	holder, err := raw.BeginTx(t.Context(), nil)
	ok(t, err)
	defer func() { _ = holder.Rollback() }()
	if _, err := holder.Exec(`LOCK TABLE node IN ROW EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	looks := func() bool {
		return number(t, raw, `SELECT count(*) FROM pg_locks WHERE relation = 'node'::regclass AND NOT granted AND mode = 'ShareLock'`) > 0
	}
	migrate := func() (ended chan error, end context.CancelFunc) {
		t.Helper()
		ctx, end := context.WithCancel(t.Context())
		ended, db := make(chan error, 1), past(t, options)
		go func() { ended <- store.Migrate(ctx, db, "postgres", files, false) }()
		soon(t, "the look for older nodes", func() bool {
			select {
			case err := <-ended:
				t.Fatalf("the migration did not wait: %v", err)
			default:
			}
			return looks()
		})
		return ended, end
	}
	ended, end := migrate()
	end()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the migration that was ended returns %v", err)
	}
	soon(t, "the end of its statement", func() bool { return !looks() })
	if err := beat(t.Context(), old, node); !isOutdated(err) {
		t.Errorf("the node is told %v", err)
	}
	tables(t, raw).EndLease(node, old.Now().Add(time.Hour))

	ended, end = migrate()
	defer end()
	ok(t, holder.Rollback())
	select {
	case err := <-ended:
		t.Fatalf("the migration did not wait for the node: %v", err)
	default:
	}
	ok(t, old.StopNode(t.Context(), node))
	ok(t, <-ended)
	if n := number(t, raw, `SELECT max(version_id) FROM schema_version`); n != 9999 {
		t.Errorf("the database has version %d", n)
	}
}

func isOutdated(err error) bool {
	_, is := errors.AsType[*cron.OutdatedError](err)
	return is
}

// TestPostgresMigrationWaitsForTables has a long transaction use a table that a migration changes: whoever needs the table meanwhile does
// not wait for both.
func TestPostgresMigrationWaitsForTables(t *testing.T) {
	t.Parallel()
	options := store.Options{URL: storetest.EmptyPostgres(t)}
	db, raw := open(t, options), past(t, options)
	long, err := raw.BeginTx(t.Context(), nil)
	ok(t, err)
	defer func() { _ = long.Rollback() }()
	if _, err := long.Exec(`SELECT count(*) FROM setting`); err != nil {
		t.Fatal(err)
	}
	ended, other := make(chan error, 1), past(t, options)
	files := further(t, map[string]string{"9990_more.sql": "-- +goose Up\nALTER TABLE setting ADD COLUMN more BIGINT;\n"})
	go func() {
		ended <- store.Migrate(t.Context(), other, "postgres", files, false)
	}()
	const waiting = `SELECT count(*) FROM pg_locks WHERE relation = 'setting'::regclass AND NOT granted AND mode = 'AccessExclusiveLock'`
	soon(t, "the migration", func() bool { return number(t, raw, waiting) > 0 })
	_, err = db.CurrentKey(t.Context()) // reads the table, after the migration has given up at the latest
	ok(t, err)
	soon(t, "the end of the attempt", func() bool { return number(t, raw, waiting) == 0 })
	select {
	case err := <-ended:
		t.Fatalf("the migration has ended: %v", err)
	default:
	}
	ok(t, long.Rollback())
	ok(t, <-ended)
}

// TestPostgresIndexesAreBuiltConcurrently interrupts the building of an index, which leaves an invalid one. The next attempt builds it.
// Meanwhile others can write to the table, and wait for the lock of the migrations.
func TestPostgresIndexesAreBuiltConcurrently(t *testing.T) {
	t.Parallel()
	options := store.Options{URL: storetest.EmptyPostgres(t)}
	open(t, options)
	raw := past(t, options)
	files := further(t, map[string]string{"9990_index.sql": "-- +goose NO TRANSACTION\n-- +goose Up\n" +
		"CREATE INDEX CONCURRENTLY IF NOT EXISTS folder_first ON folder (title);\n" +
		"CREATE INDEX CONCURRENTLY IF NOT EXISTS folder_second ON folder (account_id, title);\n"})
	const invalid = `SELECT count(*) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE relname LIKE 'folder\_%' AND NOT indisvalid`
	for range 2 { // also while there is a broken one
		writer, err := raw.BeginTx(t.Context(), nil)
		ok(t, err)
		if _, err := writer.Exec(`LOCK TABLE folder IN ROW EXCLUSIVE MODE`); err != nil { // as a write does, which the index waits for
			t.Fatal(err)
		}
		ctx, interrupt := context.WithCancel(t.Context())
		ended, other := make(chan error, 1), past(t, options)
		go func() { ended <- store.Migrate(ctx, other, "postgres", files, false) }()
		soon(t, "the index", func() bool { return number(t, raw, invalid) > 0 })
		exec(t, raw, `INSERT INTO setting (name, value) VALUES ('other', '') ON CONFLICT (name) DO UPDATE SET value = 'again'`)
		interrupt()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the interrupted migration ends with %v", err)
		}
		soon(t, "the end of the statement", func() bool { // which would go on behind the writer
			return number(t, raw, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
				WHERE query LIKE '%INDEX CONCURRENTLY%' AND state = 'active' AND datname = current_database() AND pid <> pg_backend_pid()`) == 0
		})
		ok(t, writer.Rollback())
	}
	if n := number(t, raw, invalid); n != 1 {
		t.Fatalf("the interruption has left %d invalid indexes", n)
	}
	var wg sync.WaitGroup
	for range 3 {
		db := past(t, options)
		wg.Go(func() {
			if err := store.Migrate(t.Context(), db, "postgres", files, false); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := number(t, raw, invalid); n != 0 {
		t.Errorf("%d indexes are invalid", n)
	}
	if n := number(t, raw, `SELECT count(*) FROM pg_indexes WHERE indexname IN ('folder_first', 'folder_second')`); n != 2 {
		t.Errorf("there are %d of 2 indexes", n)
	}
	if n := number(t, raw, `SELECT count(*) FROM schema_version WHERE version_id = 9990`); n != 1 {
		t.Errorf("the file was recorded %d times", n)
	}
}

// TestPostgresDuties has several nodes share upkeep: one of them does it, and another takes over when it is gone.
func TestPostgresDuties(t *testing.T) {
	t.Parallel()
	options := store.Options{URL: storetest.Postgres(t)}
	raw := past(t, options)
	var nodes []*store.Store
	var epochs []int64
	live := func(epoch int64) { tables(t, raw).EndLease(epoch, time.Now().Add(time.Hour)) } // however slow the machine is
	for i := range 3 {
		db := open(t, options)
		epoch, err := db.StartNode(t.Context(), cron.Node{Name: fmt.Sprint("node ", i)})
		ok(t, err)
		live(epoch)
		nodes, epochs = append(nodes, db), append(epochs, epoch)
	}
	holders := func() (holders []int64) {
		for _, db := range nodes {
			db.ForgetDuties()
			_, err := db.Maintain(t.Context())
			ok(t, err)
			_, err = db.RollUp(t.Context())
			ok(t, err)
		}
		for _, name := range []string{"statistics", "upkeep"} {
			holders = append(holders, number(t, raw, `SELECT epoch FROM duty WHERE name = $1`, name))
		}
		return holders
	}
	want := func(what string, epoch int64) {
		t.Helper()
		for range 2 {
			if got := holders(); !slices.Equal(got, []int64{epoch, epoch}) {
				t.Errorf("%s: nodes %v have the duties, want %d", what, got, epoch)
			}
		}
	}
	want("at first", epochs[0])
	ok(t, nodes[0].StopNode(t.Context(), epochs[0]))
	want("after the first node has stopped", epochs[1])
	tables(t, raw).EndLease(epochs[1], nodes[1].Now().Add(-time.Second))
	want("after the lease of the second has ended", epochs[2])
	ok(t, beat(t.Context(), nodes[1], epochs[1]))
	live(epochs[1])
	want("after the second is back", epochs[2])
	drainNode(t, nodes[2], epochs[2], true)
	want("after the third drains", epochs[1])
	drainNode(t, nodes[2], epochs[2], false)
	want("after it was resumed", epochs[1])
	drainNode(t, nodes[1], epochs[1], true)
	want("after the second drains", epochs[2])
	drainNode(t, nodes[1], epochs[1], false)
	exec(t, raw, `UPDATE duty SET held_until = 1`)
	want("after the third has not asked for long", epochs[1])
}

// TestPostgresPartitionsHeal has partitions missing: rows of these days get one all the same, and nothing is lost.
func TestPostgresPartitionsHeal(t *testing.T) {
	t.Parallel()
	options := store.Options{URL: storetest.Postgres(t)}
	db, raw := open(t, options), past(t, options)
	account, node := newAccount(t, db)
	j := newJob(account)
	ok(t, db.CreateJob(t.Context(), &j))
	today := db.Now().UTC().Truncate(24 * time.Hour)
	name := func(days int) string { return "_" + today.AddDate(0, 0, days).Format("20060102") }
	for days := range 4 {
		for _, table := range []string{"execution", "response"} {
			exec(t, raw, `DROP TABLE IF EXISTS `+table+name(days))
		}
	}
	claim := func() cron.Launch {
		t.Helper()
		tables(t, raw).SetAllDue(db.Now().Add(-time.Millisecond))
		claimed, err := db.Claim(t.Context(), cron.ClaimRequest{Node: node, Limit: 10})
		ok(t, err)
		if len(claimed.Launches) != 1 {
			t.Fatalf("claimed %d executions", len(claimed.Launches))
		}
		return claimed.Launches[0]
	}
	finished := claim()
	ok(t, db.Finish(t.Context(), []cron.Completion{completion(finished, cron.StatusOK)}))
	runs := claim() // while the day has no partition
	if n := number(t, raw, `SELECT count(*) FROM execution_rest`); n != 2 {
		t.Fatalf("the rest has %d rows", n)
	}
	maintain(t, db)
	if n := number(t, raw, `SELECT count(*) FROM execution_rest`); n != 0 {
		t.Errorf("the rest still has %d rows", n)
	}
	for days := range 4 {
		for _, table := range []string{"execution", "response"} {
			if n := number(t, raw, `SELECT count(*) FROM pg_inherits WHERE inhrelid = to_regclass($1)`, table+name(days)); n != 1 {
				t.Errorf("%s%s is not there", table, name(days))
			}
		}
	}
	ok(t, db.Finish(t.Context(), []cron.Completion{completion(runs, cron.StatusOK)})) // in its new place
	finished = claim()
	ok(t, db.Finish(t.Context(), []cron.Completion{completion(finished, cron.StatusOK)}))
	if n := number(t, raw, `SELECT count(*) FROM execution`+name(0)+` WHERE outcome = $1`, int(cron.OutcomeSucceeded)); n != 3 {
		t.Errorf("%d of 3 executions are in their day, with results", n)
	}
	// The indexes are those of the other days.
	const indexes = `SELECT count(*) FROM pg_index WHERE indisvalid AND indrelid = to_regclass($1)`
	if got, want := number(t, raw, indexes, "execution"+name(0)), number(t, raw, indexes, "execution_rest"); got != want {
		t.Errorf("the new partition has %d indexes, want %d", got, want)
	}
}

// TestPostgresBusyDayStaysInRest has too many rows of a day without a partition: they stay, and further days get theirs.
func TestPostgresBusyDayStaysInRest(t *testing.T) {
	t.Parallel()
	options := store.Options{URL: storetest.Postgres(t)}
	db, raw := open(t, options), past(t, options)
	today := db.Now().UTC().Truncate(24 * time.Hour)
	name := func(days int) string { return "execution_" + today.AddDate(0, 0, days).Format("20060102") }
	for days := range 4 {
		exec(t, raw, `DROP TABLE IF EXISTS `+name(days))
	}
	exec(t, raw, `INSERT INTO execution (job_id, account_id, planned_at, kind, attempt, node, outcome, started_at)
		SELECT n, 1, $1::bigint + n, 0, 1, 0, 1, $1::bigint + n FROM generate_series(1, 20001) AS n`, today.UnixMilli())
	maintain(t, db)
	for days := range 4 {
		want := int64(min(days, 1))
		if n := number(t, raw, `SELECT count(*) FROM pg_inherits WHERE inhrelid = to_regclass($1)`, name(days)); n != want {
			t.Errorf("%s: there are %d, want %d", name(days), n, want)
		}
	}
	if n := number(t, raw, `SELECT count(*) FROM execution_rest`); n != 20001 {
		t.Errorf("the rest has %d rows", n)
	}
}

func drainNode(t *testing.T, db *store.Store, epoch int64, draining bool) {
	t.Helper()
	_, err := db.DrainNode(t.Context(), epoch, draining)
	ok(t, err)
}

// maintain takes steps of the upkeep until nothing is left to do.
func maintain(t *testing.T, db *store.Store) {
	t.Helper()
	for more := true; more; {
		var err error
		more, err = db.Maintain(t.Context())
		ok(t, err)
	}
}
