package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// sqliteMoving is a connection to an SQLite database for a move.
type sqliteMoving struct {
	*sql.Conn
	db *sql.DB
}

func connectSQLite(ctx context.Context, dsn string) (c sqliteMoving, err error) {
	if c.db, err = sql.Open("sqlite", dsn); err != nil {
		return c, err
	}
	if c.Conn, err = c.db.Conn(ctx); err != nil {
		return c, errors.Join(err, c.db.Close())
	}
	return c, nil
}

// snapshot implements engine.
func (e *sqliteEngine) snapshot(ctx context.Context) (moveSide, error) {
	c, err := connectSQLite(ctx, e.dsn+"&_query_only=on")
	if err != nil {
		return nil, err
	}
	if _, err := c.ExecContext(ctx, `BEGIN`); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return &c, nil
}

func (c *sqliteMoving) close() error { return errors.Join(c.Conn.Close(), c.db.Close()) }

// counters implements moveSide.
func (c *sqliteMoving) counters(ctx context.Context) (map[string]int64, error) {
	latest := make(map[string]int64)
	err := each(ctx, c, "read the counters", func(scan scanner) error {
		var (
			table string
			id    int64
		)
		err := scan(&table, &id)
		if id > 0 {
			latest[table] = id
		}
		return err
	}, `SELECT name, seq FROM sqlite_sequence WHERE name <> $1`, versionTable)
	return latest, err
}

// sqliteTarget is a database in a file of another name. Its triggers and indexes are put aside until its tables are full.
type sqliteTarget struct {
	sqliteMoving
	dir       string
	putAside  []string        // statements that make the triggers and indexes
	generated map[string]bool // tables with a counter of IDs
	closed    bool
}

var _ moveTarget = (*sqliteTarget)(nil)

func newSQLiteTarget(ctx context.Context, o Options) (t *sqliteTarget, err error) {
	for _, name := range []string{FileName, FileName + "-wal"} {
		if _, err := os.Stat(filepath.Join(o.Dir, name)); err == nil {
			return nil, fmt.Errorf("%w: %s", ErrNotEmpty, filepath.Join(o.Dir, name))
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("look for a database: %w", err)
		}
	}
	path := filepath.Join(o.Dir, movingFile)
	for _, suffix := range []string{"", "-journal", "-wal", "-shm"} { // of a move that was interrupted
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("remove what an interrupted move has left: %w", err)
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) // with a mode that keeps others from reading it
	if err != nil {
		return nil, fmt.Errorf("make the database: %w", err)
	}
	if err := errors.Join(f.Close(), syncDir(o.Dir)); err != nil {
		return nil, fmt.Errorf("make the database: %w", err)
	}
	// The file is worth nothing before it is complete, so neither a journal nor a sync is needed until then.
	dsn := strings.NewReplacer("_journal_mode=wal", "_journal_mode=off", "_synchronous=full", "_synchronous=off").Replace(sqliteDSN(path))
	db, err := sql.Open("sqlite", dsn+"&_auto_vacuum=incremental")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if err := errors.Join((&migrator{schema: sqliteSchema, db: db, files: migrations}).migrate(ctx, false), db.Close()); err != nil {
		return nil, err
	}
	t = &sqliteTarget{dir: o.Dir, generated: make(map[string]bool)}
	if t.sqliteMoving, err = connectSQLite(ctx, dsn); err != nil {
		return nil, err
	}
	if err := t.empty(ctx); err != nil {
		return nil, errors.Join(err, t.close())
	}
	return t, nil
}

// empty removes what migrations have written, and puts triggers and indexes aside.
func (t *sqliteTarget) empty(ctx context.Context) error {
	var drops []string
	err := each(ctx, t, "list what belongs to the tables", func(scan scanner) error {
		var kind, name, text string
		if err := scan(&kind, &name, &text); err != nil {
			return err
		}
		if kind == "table" {
			t.generated[name] = strings.Contains(strings.ToUpper(text), "AUTOINCREMENT")
			return nil
		}
		drops = append(drops, `DROP `+kind+` "`+name+`"`)
		t.putAside = append(t.putAside, text)
		return nil
	}, `SELECT type, name, sql FROM sqlite_schema WHERE type IN ('table', 'index', 'trigger') AND sql IS NOT NULL
		AND name NOT LIKE 'job\_gram%' ESCAPE '\' AND tbl_name NOT LIKE 'job\_gram%' ESCAPE '\'
		ORDER BY type`) // indexes before triggers
	if err != nil {
		return err
	}
	for _, name := range seededTables {
		drops = append(drops, `DELETE FROM "`+name+`"`)
	}
	for _, statement := range append(drops, `DELETE FROM sqlite_sequence WHERE name <> '`+versionTable+`'`) {
		if _, err := t.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("empty the target: %w", err)
		}
	}
	return nil
}

// makeRoom implements moveTarget.
func (t *sqliteTarget) makeRoom(context.Context, queryer) error { return nil }

// write implements moveTarget.
func (t *sqliteTarget) write(ctx context.Context, table string, columns []string, rows [][]any, grams [][]int32) (err error) {
	if len(rows) == 0 {
		return nil
	}
	insert, err := t.PrepareContext(ctx, `INSERT INTO "`+table+`" ("`+strings.Join(columns, `", "`)+`") VALUES (`+
		strings.TrimPrefix(strings.Repeat(", ?", len(columns)), ", ")+`)`)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, insert.Close()) }()
	if _, err := t.ExecContext(ctx, `BEGIN`); err != nil {
		return err
	}
	for i, row := range rows {
		if _, err := insert.ExecContext(ctx, row...); err != nil {
			return err
		}
		if grams == nil {
			continue
		}
		var id any
		for c, name := range columns {
			if name == "job_id" {
				id = row[c]
			}
		}
		if _, err := t.ExecContext(ctx, `INSERT INTO job_gram (rowid, grams) VALUES ($1, $2)`, id, gramWords(grams[i], "")); err != nil {
			return err
		}
	}
	_, err = t.ExecContext(ctx, `COMMIT`)
	return err
}

// setCounter implements moveTarget.
func (t *sqliteTarget) setCounter(ctx context.Context, table string, id int64) error {
	if !t.generated[table] {
		return fmt.Errorf("%w: the table gives no IDs", ErrMoveWrong)
	}
	if _, err := t.ExecContext(ctx, `DELETE FROM sqlite_sequence WHERE name = $1`, table); err != nil {
		return err
	}
	_, err := t.ExecContext(ctx, `INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)`, table, id)
	return err
}

// complete implements moveTarget.
func (t *sqliteTarget) complete(ctx context.Context) error {
	for _, statement := range t.putAside {
		if _, err := t.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// check implements moveTarget.
func (t *sqliteTarget) check(ctx context.Context) error {
	var texts, grams int64
	err := t.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM job_text), (SELECT count(*) FROM job_gram)`).Scan(&texts, &grams)
	if err != nil {
		return err
	}
	if texts != grams {
		return fmt.Errorf("%w: %d of %d jobs are found by their texts", ErrMoveWrong, grams, texts)
	}
	var found string
	if err := t.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		return fmt.Errorf("%w: the file is damaged: %s", ErrMoveWrong, found)
	}
	return nil
}

// finish implements moveTarget.
func (t *sqliteTarget) finish(context.Context) error {
	if err := t.close(); err != nil {
		return err
	}
	path := filepath.Join(t.dir, movingFile)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path, filepath.Join(t.dir, FileName)); err != nil {
		return err
	}
	return syncDir(t.dir)
}

func (t *sqliteTarget) close() error {
	if t.closed {
		return nil
	}
	t.closed = true
	return t.sqliteMoving.close()
}
