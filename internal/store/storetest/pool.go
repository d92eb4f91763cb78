package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
)

// Databases on PostgreSQL are used by one test after another. Migrating one takes 0.2 s of CPU, and copying
// the hundreds of files of a migrated one takes no less; deleting what a test has left takes a tenth of that. A database in
// which a test has changed more than rows, or left many rows, is not reused.

// newName is the name of a database that this process has not used yet.
func newName() string { return fmt.Sprintf("test_%d_%d", os.Getpid(), shared.made.Add(1)) }

// takeDatabase is the URL of a database for the time of a test. Statements, if any, have changed its tables.
func takeDatabase(t testing.TB, s *Server, statements string) (url string) {
	t.Helper()
	name := shared.take(statements)
	if name == "" {
		name = newName()
		s.execute(t, `CREATE DATABASE `+name+` TEMPLATE `+templateName+` STRATEGY FILE_COPY`)
		if statements != "" {
			if err := s.executeIn(name, statements+`; UPDATE seed.look SET look = seed.looks()`); err != nil {
				t.Fatalf("change the test's database: %v", err)
			}
		}
	}
	t.Cleanup(func() {
		reset, err := s.reset(name)
		if err != nil {
			t.Errorf("reset the test's database: %v", err)
		}
		if !reset {
			s.execute(t, `DROP DATABASE `+name+` WITH (FORCE)`)
			return
		}
		shared.put(statements, name)
	})
	return s.url(name)
}

// databases are those that were migrated, hold nothing, and are not in use, by the statements that have changed their tables.
type databases struct {
	mu   sync.Mutex
	free map[string][]string
}

// take takes one out of them; it is empty where there is none.
func (d *databases) take(statements string) (name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if free := d.free[statements]; len(free) > 0 {
		name, d.free[statements] = free[len(free)-1], free[:len(free)-1]
	}
	return name
}

func (d *databases) put(statements, name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.free == nil {
		d.free = map[string][]string{}
	}
	d.free[statements] = append(d.free[statements], name)
}

// looks describes what of a database cannot be undone by deleting rows: its relations, functions, triggers, statistics
// and settings.
const looks = `
CREATE FUNCTION seed.looks() RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ',
		(SELECT md5(string_agg(concat_ws(',', oid, relname, relkind, relnatts, relchecks, relhastriggers, relispartition),
			';' ORDER BY oid)) FROM pg_class WHERE relnamespace = 'public'::regnamespace),
		(SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace),
		(SELECT count(*) FROM pg_trigger WHERE tgenabled = 'O'),
		(SELECT count(*) FROM pg_statistic WHERE starelid IN
			(SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)),
		(SELECT count(*) FROM pg_db_role_setting WHERE setdatabase =
			(SELECT oid FROM pg_database WHERE datname = current_database())))
$$;
CREATE TABLE seed.look AS SELECT seed.looks() AS look`

// keepSeed keeps beside the tables what they held when they were new, and what they looked like.
const keepSeed = `
CREATE SCHEMA seed;
DO $do$
DECLARE t name; filled boolean;
BEGIN
	FOR t IN SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' LOOP
		EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', t) INTO filled;
		IF filled THEN
			EXECUTE format('CREATE TABLE seed.%I AS TABLE public.%I', t, t);
		END IF;
	END LOOP;
END $do$;` + looks

// restoreSeed deletes what a test has left and puts back what was there before it. Neither triggers nor foreign keys
// count meanwhile.
const restoreSeed = `
DO $do$
DECLARE t name; filled boolean;
BEGIN
	SET LOCAL session_replication_role = replica;
	FOR t IN SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND pg_relation_size(oid) > 0 LOOP
		EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', t) INTO filled;
		IF filled THEN
			EXECUTE format('DELETE FROM public.%I', t);
		END IF;
	END LOOP;
	FOR t IN SELECT relname FROM pg_class WHERE relnamespace = 'seed'::regnamespace AND relkind = 'r' AND relname <> 'look'
	LOOP
		EXECUTE format('INSERT INTO public.%I OVERRIDING SYSTEM VALUE TABLE seed.%I', t, t);
	END LOOP;
	PERFORM setval(format('%I.%I', schemaname, sequencename), start_value, false)
		FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL;
END $do$`

// mostLeft is how many bytes the tables of a database may have that is used again; deleted rows keep their place.
const mostLeft = 4 << 20

// reset makes a database as good as new. It returns false when it cannot be reused.
func (s *Server) reset(name string) (done bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), serverTimeout)
	defer cancel()
	db, err := sql.Open("pgx", s.url(name)+"&default_transaction_read_only=off")
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	// Statements of a killed process may still be running.
	_, err = db.ExecContext(ctx, `SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	if err != nil {
		return false, err
	}
	var same bool
	err = db.QueryRowContext(ctx, `SELECT seed.looks() = (SELECT look FROM seed.look) AND
		(SELECT sum(pg_relation_size(oid)) FROM pg_class WHERE relnamespace = 'public'::regnamespace) < $1`,
		mostLeft).Scan(&same)
	if err != nil || !same {
		return false, err
	}
	_, err = db.ExecContext(ctx, restoreSeed)
	return err == nil, err
}
