package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"
)

// Databases on PostgreSQL are used by one test after another. Migrating one takes 0.2 s of CPU, and copying
// the hundreds of files of a migrated one takes no less; deleting what a test has left takes a tenth of that. A database in
// which a test has changed more than rows, or left many rows, is not reused.
//
// A connection takes 5 ms of CPU and reads the catalogues again, so each database keeps one, which makes it as good as new.
// The tests of the suite also use it to look past the store.

// pooled is a database that tests use one after another.
type pooled struct {
	name string
	db   *sql.DB
}

// newName is the name of a database that this process has not used yet.
func newName() string { return fmt.Sprintf("test_%d_%d", os.Getpid(), shared.made.Add(1)) }

// takeDatabase is the URL of a database for the time of a test.
func takeDatabase(t testing.TB, s *Server) (url string) {
	t.Helper()
	d := freeDatabase()
	if d == nil {
		d = &pooled{name: newName()}
		s.execute(t, `CREATE DATABASE `+d.name+` TEMPLATE `+templateName+` STRATEGY FILE_COPY`)
		var err error
		if d.db, err = sql.Open("pgx", s.url(d.name)+"&default_transaction_read_only=off"); err != nil {
			t.Fatal(err)
		}
	}
	url = s.url(d.name)
	shared.taken.Store(url, d.db)
	t.Cleanup(func() {
		shared.taken.Delete(url)
		again, err := d.reset()
		if err != nil {
			t.Errorf("reset the test's database: %v", err)
		}
		if !again {
			if err := d.db.Close(); err != nil {
				t.Error(err)
			}
			s.execute(t, `DROP DATABASE `+d.name+` WITH (FORCE)`)
			return
		}
		shared.mu.Lock()
		defer shared.mu.Unlock()
		shared.free = append(shared.free, d)
	})
	return url
}

// freeDatabase takes a database that no test uses; nil when there is none.
func freeDatabase() (d *pooled) {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if n := len(shared.free); n > 0 {
		d, shared.free = shared.free[n-1], shared.free[:n-1]
	}
	return d
}

// looks describes what of a database cannot be undone by deleting rows: its relations, functions, triggers, statistics
// and settings.
const looks = `
CREATE FUNCTION seed.looks() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN
	concat_ws(' ',
		(SELECT md5(string_agg(concat_ws(',', oid, relname, relkind, relnatts, relchecks, relhastriggers, relispartition),
			';' ORDER BY oid)) FROM pg_class WHERE relnamespace = 'public'::regnamespace),
		(SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace),
		(SELECT count(*) FROM pg_trigger WHERE tgenabled = 'O'),
		(SELECT count(*) FROM pg_statistic WHERE starelid IN
			(SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)),
		(SELECT count(*) FROM pg_db_role_setting WHERE setdatabase =
			(SELECT oid FROM pg_database WHERE datname = current_database())));
END $$;
CREATE TABLE seed.look AS SELECT seed.looks() AS look`

// keepSeed keeps beside the tables what they held when they were new, and what they looked like. seed.restore deletes what
// a test has left and puts back what was there before it. Neither triggers nor foreign keys count meanwhile.
const keepSeed = `
CREATE SCHEMA seed;
DO $do$
DECLARE t name; filled boolean; restore text := '';
BEGIN
	FOR t IN SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' LOOP
		restore := restore || format('DELETE FROM public.%I;', t);
		EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', t) INTO filled;
		IF filled THEN
			EXECUTE format('CREATE TABLE seed.%I AS TABLE public.%I', t, t);
			restore := restore || format('INSERT INTO public.%I OVERRIDING SYSTEM VALUE TABLE seed.%I;', t, t);
		END IF;
	END LOOP;
	SELECT restore || string_agg(format('PERFORM setval(%L, %s, false);', schemaname || '.' || sequencename, start_value), '')
		INTO restore FROM pg_sequences WHERE schemaname = 'public';
	EXECUTE 'CREATE FUNCTION seed.restore() RETURNS void LANGUAGE plpgsql SET session_replication_role = replica AS '
		|| quote_literal('BEGIN ' || restore || ' END');
END $do$;` + looks

// mostLeft is how many bytes the tables of a database may have that is used again; deleted rows keep their place.
const mostLeft = 4 << 20

// reset makes a database as good as new. It returns false when it cannot be reused.
func (d *pooled) reset() (done bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), serverTimeout)
	defer cancel()
	d.db.SetMaxOpenConns(0)                       // a test may have set less, and keep one
	if err := d.db.PingContext(ctx); err != nil { // connects again when the test has ended the connection
		return false, err
	}
	conn, err := d.db.Conn(ctx)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if _, err := conn.ExecContext(ctx, `RESET ALL`); err != nil {
		return false, err
	}
	// Statements of a killed process may still be running.
	for others := 1; others > 0; {
		err := conn.QueryRowContext(ctx, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`).Scan(&others)
		if err != nil {
			return false, err
		}
		if others > 0 {
			time.Sleep(time.Millisecond)
		}
	}
	var same bool
	err = conn.QueryRowContext(ctx, `SELECT seed.looks() = (SELECT look FROM seed.look) AND
		(SELECT sum(pg_relation_size(oid)) FROM pg_class WHERE relnamespace = 'public'::regnamespace) < $1`,
		mostLeft).Scan(&same)
	if err != nil || !same {
		return false, err
	}
	_, err = conn.ExecContext(ctx, `SELECT seed.restore()`)
	return err == nil, err
}
