package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // the drivers that databases are read with
	_ "modernc.org/sqlite"

	"punctual/internal/store"
)

// location is where a database is: PostgreSQL at a URL, or SQLite in the directory of the service.
type location struct {
	url string // empty for SQLite
	dir string
}

func (l location) file() string { return filepath.Join(l.dir, store.FileName) }

// open opens the database. parameters are those of SQLite's data source name.
func (l location) open(parameters string) (*sql.DB, error) {
	if l.url != "" {
		return sql.Open("pgx", l.url)
	}
	return sql.Open("sqlite", "file:"+(&url.URL{Path: l.file()}).EscapedPath()+"?_busy_timeout=10000"+parameters)
}

func (l location) openToRead() (*sql.DB, error) { return l.open("&mode=ro") }

func (l location) openToWrite() (*sql.DB, error) { return l.open("") }

// with opens the database for one use.
func (l location) with(use func(*sql.DB) error) error {
	db, err := l.openToWrite()
	if err != nil {
		return err
	}
	return errors.Join(use(db), db.Close())
}

// names reads a list of names.
func names(ctx context.Context, db interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}, query string, args ...any) (list []string, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		list = append(list, name)
	}
	return list, rows.Err()
}

// filled lists the tables that have rows. Those that a virtual table keeps its own data in are left out: what is in them belongs to one
// version of it.
func (l location) filled(ctx context.Context) (list []string, err error) {
	query := `SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name`
	if l.url != "" {
		query = `SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
			ORDER BY relname`
	}
	err = l.with(func(db *sql.DB) error {
		tables, err := names(ctx, db, query)
		for _, table := range tables {
			var has bool
			if err := db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM `+quote(table)+`)`).Scan(&has); err != nil {
				return err
			}
			if has {
				list = append(list, table)
			}
		}
		return err
	})
	return list, err
}

// quote quotes the name of a table or column.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// quoteAll is a list of columns.
func quoteAll(columns []string) string {
	quoted := make([]string, len(columns))
	for i, c := range columns {
		quoted[i] = quote(c)
	}
	return strings.Join(quoted, ", ")
}

// copyRows replaces the rows of tables of a database by those of another one, as far as both have the tables and their columns: the two may have
// been made by different versions of the service. Nobody else may use them.
func copyRows(ctx context.Context, from, to location, tables []string) error {
	if from.url != "" {
		return copyPostgres(ctx, from.url, to.url, tables)
	}
	return copySQLite(ctx, from, to, tables)
}

func copySQLite(ctx context.Context, from, to location, tables []string) error {
	return to.with(func(db *sql.DB) error {
		db.SetMaxOpenConns(1) // what is attached is attached to one connection
		if _, err := db.ExecContext(ctx, `ATTACH DATABASE $1 AS seed`, from.file()); err != nil {
			return err
		}
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }() // without effect after the commit
		// What triggers write is copied itself.
		triggers, err := names(ctx, tx, `SELECT name FROM main.sqlite_schema WHERE type = 'trigger'`)
		if err != nil {
			return err
		}
		again, err := names(ctx, tx, `SELECT sql FROM main.sqlite_schema WHERE type = 'trigger'`)
		if err != nil {
			return err
		}
		statements := make([]string, 0, len(triggers)+2*len(tables)+len(again))
		for _, t := range triggers {
			statements = append(statements, `DROP TRIGGER main.`+quote(t))
		}
		for _, t := range tables {
			columns, err := names(ctx, tx, `SELECT name FROM pragma_table_info($1, 'main') INTERSECT SELECT name FROM pragma_table_info($1, 'seed')`, t)
			if err != nil {
				return fmt.Errorf("list the columns of %s: %w", t, err)
			}
			if list := quoteAll(columns); list != "" {
				statements = append(statements, `DELETE FROM main.`+quote(t),
					`INSERT INTO main.`+quote(t)+` (`+list+`) SELECT `+list+` FROM seed.`+quote(t))
			}
		}
		for _, s := range append(statements, again...) {
			if _, err := tx.ExecContext(ctx, s); err != nil {
				return fmt.Errorf("%s: %w", s, err)
			}
		}
		if err := tx.Commit(); err != nil {
			return err
		}
		_, err = db.ExecContext(ctx, `PRAGMA main.wal_checkpoint(TRUNCATE)`)
		return err
	})
}

func copyPostgres(ctx context.Context, from, to string, tables []string) error {
	source, err := pgx.Connect(ctx, from)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close(context.WithoutCancel(ctx)) }()
	sink, err := pgx.Connect(ctx, to)
	if err != nil {
		return err
	}
	defer func() { _ = sink.Close(context.WithoutCancel(ctx)) }()
	// Neither triggers nor foreign keys: what triggers write is copied itself.
	if _, err := sink.Exec(ctx, `SET session_replication_role = replica`); err != nil {
		return err
	}
	for _, table := range tables {
		columns, err := columnsOfBoth(ctx, source, sink, table)
		if err != nil {
			return fmt.Errorf("list the columns of %s: %w", table, err)
		}
		if len(columns) == 0 {
			continue
		}
		if _, err := sink.Exec(ctx, `DELETE FROM `+quote(table)); err != nil {
			return err
		}
		if err := copyTable(ctx, source, sink, table, quoteAll(columns)); err != nil {
			return fmt.Errorf("copy %s: %w", table, err)
		}
	}
	if err := copySequences(ctx, source, sink); err != nil {
		return err
	}
	_, err = sink.Exec(ctx, `VACUUM (ANALYZE)`)
	return err
}

func columnsOfBoth(ctx context.Context, a, b *pgx.Conn, table string) (both []string, err error) {
	var lists [2][]string
	for i, conn := range []*pgx.Conn{a, b} {
		rows, err := conn.Query(ctx, `SELECT column_name::text FROM information_schema.columns
			WHERE table_schema = current_schema() AND table_name = $1 AND is_generated = 'NEVER' ORDER BY ordinal_position`, table)
		if err != nil {
			return nil, err
		}
		if lists[i], err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(lists[0], func(c string) bool { return !slices.Contains(lists[1], c) }), nil
}

// copyTable copies columns of a table, as text, which is the same for every version of PostgreSQL.
func copyTable(ctx context.Context, source, sink *pgx.Conn, table, columns string) error {
	r, w := io.Pipe()
	read := make(chan error, 1)
	go func() {
		_, err := source.PgConn().CopyTo(ctx, w, `COPY `+quote(table)+` (`+columns+`) TO STDOUT`)
		_ = w.CloseWithError(err) // never fails
		read <- err
	}()
	_, err := sink.PgConn().CopyFrom(ctx, r, `COPY `+quote(table)+` (`+columns+`) FROM STDIN`)
	_ = r.CloseWithError(err) // ends the reader when the writer has failed
	return errors.Join(err, <-read)
}

// copySequences goes on where the sequences of the source are, so that no ID is given twice.
func copySequences(ctx context.Context, source, sink *pgx.Conn) error {
	type sequence struct {
		Name string
		Last int64
	}
	rows, err := source.Query(ctx, `SELECT sequencename::text, last_value FROM pg_sequences WHERE schemaname = current_schema() AND last_value IS NOT NULL`)
	if err != nil {
		return err
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[sequence])
	if err != nil {
		return fmt.Errorf("read the sequences: %w", err)
	}
	for _, s := range list {
		_, err := sink.Exec(ctx, `SELECT setval(c.oid, greatest($2, coalesce(pg_sequence_last_value(c.oid), 1))) FROM pg_class c
			WHERE c.relname = $1 AND c.relkind = 'S' AND c.relnamespace = current_schema()::regnamespace`, s.Name, s.Last)
		if err != nil {
			return fmt.Errorf("set sequence %s: %w", s.Name, err)
		}
	}
	return nil
}

// clone makes a database that is a copy of another one, which nobody uses.
func clone(ctx context.Context, from, to location) error {
	if from.url == "" {
		text, err := os.ReadFile(from.file())
		if err != nil {
			return err
		}
		f, err := os.OpenFile(to.file(), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = f.Write(text)
		return errors.Join(err, f.Sync(), f.Close()) // the disk is not busy with it later
	}
	if err := dropPostgres(ctx, to); err != nil { // left by a run that was killed
		return err
	}
	return createPostgres(ctx, to, ` TEMPLATE `+quote(from.database()))
}

// database is the name of a PostgreSQL database.
func (l location) database() string {
	u, err := url.Parse(l.url)
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(u.Path, "/")
}

// beside is another database, with a suffix to its name, of a service with a new directory.
func (l location) beside(suffix string) (location, error) {
	other := location{dir: l.dir + "-" + suffix}
	if l.url != "" {
		u, err := url.Parse(l.url)
		if err != nil || u.Scheme == "" {
			return other, errors.New("-database is not a URL")
		}
		u.Path += "_" + suffix
		other.url = u.String()
	}
	return other, os.Mkdir(other.dir, 0o700)
}

// create makes an empty database, in the place of one that a former run has left; SQLite has only its directory.
func create(ctx context.Context, l location) error {
	if l.url == "" {
		return nil
	}
	if err := dropPostgres(ctx, l); err != nil {
		return err
	}
	return createPostgres(ctx, l, "")
}

// createPostgres creates a database by a clause of CREATE DATABASE.
func createPostgres(ctx context.Context, l location, template string) error {
	return onServer(ctx, l, `CREATE DATABASE `+quote(l.database())+template)
}

// drop removes a database, and the directory of its service.
func drop(ctx context.Context, l location) error {
	err := os.RemoveAll(l.dir)
	if l.url != "" {
		err = errors.Join(err, dropPostgres(ctx, l))
	}
	return err
}

func dropPostgres(ctx context.Context, l location) error {
	return onServer(ctx, l, `DROP DATABASE IF EXISTS `+quote(l.database())+` WITH (FORCE)`)
}

// onServer runs a statement about a database on its server, connected to another database.
func onServer(ctx context.Context, l location, statement string) error {
	config, err := pgx.ParseConfig(l.url)
	if err != nil {
		return err
	}
	config.Database = "postgres"
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
}

// setConnection sets the connection of all jobs. A service that does not know of it opens a new one each time.
func setConnection(ctx context.Context, l location, connection string) error {
	query, value := `SELECT name FROM pragma_table_info('job') WHERE name = 'connection'`, 0
	if l.url != "" {
		query = `SELECT column_name::text FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = 'job' AND column_name = 'connection'`
	}
	if connection == reuse {
		value = 1 // cron.ConnectionReuse
	}
	return l.with(func(db *sql.DB) error {
		column, err := names(ctx, db, query)
		if err != nil {
			return err
		}
		if len(column) == 0 && value != 0 {
			return errors.New("this service cannot reuse connections: its table of jobs has no column connection")
		}
		if len(column) > 0 {
			_, err = db.ExecContext(ctx, `UPDATE job SET connection = $1`, value)
		}
		return err
	})
}

// replan moves the next runs of all jobs that were due before an instant to their next occurrence from it on, so that nothing was missed
// while the database lay there. They are due in intervals of every.
func replan(ctx context.Context, l location, from time.Time, every time.Duration) error {
	query := `SELECT m.name || '.' || c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c
		WHERE m.type = 'table' AND c.name IN ('next_run_at', 'claim_at') ORDER BY 1`
	if l.url != "" {
		query = `SELECT c.table_name || '.' || c.column_name FROM information_schema.columns c JOIN pg_class r ON r.relname = c.table_name
			AND r.relnamespace = current_schema()::regnamespace
			WHERE c.table_schema = current_schema() AND r.relkind = 'r' AND c.column_name IN ('next_run_at', 'claim_at') ORDER BY 1`
	}
	return l.with(func(db *sql.DB) error {
		columns, err := names(ctx, db, query)
		if err != nil {
			return err
		}
		var tables []string
		for _, name := range columns {
			table, column, _ := strings.Cut(name, ".")
			if !slices.Contains(tables, table) {
				tables = append(tables, table)
			}
			c := quote(column)
			_, err := db.ExecContext(ctx, `UPDATE `+quote(table)+` SET `+c+` = `+c+` + (($1 - `+c+` + $2 - 1) / $2) * $2 WHERE `+c+` < $1`,
				from.UnixMilli(), every.Milliseconds())
			if err != nil {
				return fmt.Errorf("plan anew by %s: %w", name, err)
			}
		}
		if l.url == "" {
			_, err = db.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
			return err
		}
		for _, table := range tables { // the former rows leave room in every page, which a database in use has not
			if _, err := db.ExecContext(ctx, `VACUUM (FULL, ANALYZE) `+quote(table)); err != nil {
				return err
			}
		}
		_, err = db.ExecContext(ctx, `CHECKPOINT`)
		return err
	})
}
