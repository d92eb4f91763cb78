package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
)

// The schema is made by numbered files, with the same numbers for both databases. A released file is never changed: the
// schema is changed by further files. docs/development.md says how they are written, so that nodes of the former version go on
// running beside those of the new one.
//
//go:embed migrations
var migrations embed.FS

const (
	// versionTable records which files have been applied.
	versionTable = "schema_version"
	// formerVersionTable is the same table of databases that were made before the first release. Their files no longer
	// exist.
	formerVersionTable = "goose_db_version"
	// minimumVersion is the setting with the lowest version of the schema that a program must know to use the database. Without it,
	// every program may.
	minimumVersion = "minimum version"
)

// What the runner reads in a file besides its statements.
var (
	// minimumLine ends the work of programs that know less than a version: what they need is removed.
	minimumLine = regexp.MustCompile(`(?m)^-- punctual: minimum (\d+)$`)
	// noTransaction is goose's mark of a file whose statements are transactions of their own.
	noTransaction = regexp.MustCompile(`(?m)^-- \+goose NO TRANSACTION$`)
	// concurrentIndex is an index that PostgreSQL builds while the table is written.
	concurrentIndex = regexp.MustCompile(`(?i)\bCREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+IF\s+NOT\s+EXISTS\s+(\w+)`)
)

// schema is where the migrations of a database are, and how to ask whether it has a table.
type schema struct {
	dialect  goose.Dialect
	dir      string
	hasTable string
}

var (
	sqliteSchema = schema{goose.DialectSQLite3, "migrations/sqlite",
		`SELECT count(*) > 0 FROM sqlite_schema WHERE name = $1`}
	postgresSchema = schema{goose.DialectPostgres, "migrations/postgres",
		`SELECT count(*) > 0 FROM pg_tables WHERE schemaname = current_schema() AND tablename = $1`}
)

// versioned tells whether a database is one of ours. The error is ErrUnreleased for one that was made before the first
// release.
func (s schema) versioned(ctx context.Context, db *sql.DB) (is bool, err error) {
	var former bool
	err = db.QueryRowContext(ctx, s.hasTable, formerVersionTable).Scan(flag(&former))
	if err == nil && former {
		return false, ErrUnreleased
	}
	if err == nil {
		err = db.QueryRowContext(ctx, s.hasTable, versionTable).Scan(flag(&is))
	}
	if err != nil {
		return false, fmt.Errorf("look for the version of the database: %w", err)
	}
	return is, nil
}

// version is the version of a database; 0 when nothing was migrated in it.
func (s schema) version(ctx context.Context, db *sql.DB) (current int64, err error) {
	versioned, err := s.versioned(ctx, db)
	if err != nil || !versioned {
		return 0, err
	}
	return appliedVersion(ctx, db)
}

// appliedVersion is the version of a database that has one.
func appliedVersion(ctx context.Context, q queryer) (current int64, err error) {
	err = q.QueryRowContext(ctx, `SELECT coalesce(max(version_id), 0) FROM `+versionTable).Scan(&current)
	if err != nil {
		return 0, fmt.Errorf("read the version of the database: %w", err)
	}
	return current, nil
}

// lowestVersion is the lowest version that a program must know to use a database; 0 for any.
func lowestVersion(ctx context.Context, q queryer) (lowest int64, err error) {
	var text []byte
	err = q.QueryRowContext(ctx, `SELECT value FROM setting WHERE name = $1`, minimumVersion).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err == nil {
		lowest, err = parseVersion(text)
	}
	if err != nil {
		return 0, fmt.Errorf("read the lowest version that a program must know: %w", err)
	}
	return lowest, nil
}

// parseVersion reads the value of minimumVersion; NULL is 0.
func parseVersion(text []byte) (int64, error) {
	if text == nil {
		return 0, nil
	}
	return strconv.ParseInt(string(text), 10, 64)
}

// knownVersion is the version of the schema that this program knows.
var knownVersion = latestFile(migrations, sqliteSchema.dir)

// latestFile is the highest number of the files in a directory.
func latestFile(files fs.FS, dir string) (latest int64) {
	list, err := readMigrations(files, dir)
	if err != nil || len(list) == 0 {
		panic(fmt.Sprintf("the program has no migrations in %s: %v", dir, err)) // they are embedded
	}
	return list[len(list)-1].version
}

// migration is a file.
type migration struct {
	version int64
	text    string
}

// readMigrations reads the files of a directory in the order of their numbers.
func readMigrations(files fs.FS, dir string) (list []migration, err error) {
	names, err := fs.Glob(files, dir+"/*.sql")
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	for _, name := range names { // sorted, and all numbers have four digits
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("read the migrations: %w", err)
		}
		number, _, _ := strings.Cut(path.Base(name), "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("read the number of the migration %s: %w", name, err)
		}
		list = append(list, migration{version, string(text)})
	}
	return list, nil
}

// minimum is the lowest version that programs must know after a file; 0 for any.
func (m *migration) minimum() (lowest int64) {
	if found := minimumLine.FindStringSubmatch(m.text); found != nil {
		lowest, _ = strconv.ParseInt(found[1], 10, 64)
	}
	return lowest
}

// migrator brings a database to the version that the files make.
//
//	version of the database    serve                               other commands
//	lower                      runs the files that are missing     refused
//	the same                   starts                              start
//	higher                     both start if the program knows at least the minimum of the database
//
// On PostgreSQL other nodes may run meanwhile: see sharedMigrations.
type migrator struct {
	schema
	db     *sql.DB
	files  fs.FS
	shared *sharedMigrations // nil where no other process uses the database
}

// migrate applies the migrations in files. With checkOnly it writes nothing, and returns an error for a database that is older or
// missing.
func (m *migrator) migrate(ctx context.Context, checkOnly bool) error {
	list, err := readMigrations(m.files, m.dir)
	if err != nil {
		return err
	}
	done, err := m.check(ctx, list, checkOnly)
	if done || err != nil {
		return err
	}
	if m.shared == nil {
		return m.up(ctx, list)
	}
	return m.shared.alone(ctx, func(ctx context.Context) error {
		done, err := m.check(ctx, list, false) // another node may have migrated it meanwhile
		if done || err != nil {
			return err
		}
		return m.up(ctx, list)
	})
}

// check tells whether the program can use the database as it is.
func (m *migrator) check(ctx context.Context, list []migration, checkOnly bool) (usable bool, err error) {
	current, err := m.version(ctx, m.db)
	if err != nil {
		return false, err
	}
	known := list[len(list)-1].version
	switch {
	case current == 0 && checkOnly:
		return false, ErrNoDatabase
	case current < known && checkOnly:
		return false, fmt.Errorf("%w: it has version %d, this program needs %d", ErrOlder, current, known)
	case current < known:
		return false, nil
	case current == known:
		return true, nil
	}
	lowest, err := lowestVersion(ctx, m.db)
	if err == nil && lowest > known {
		err = fmt.Errorf("%w: it has version %d, for programs that know at least version %d, and this program knows %d",
			ErrNewer, current, lowest, known)
	}
	return err == nil, err
}

// up runs the files that the database does not have.
func (m *migrator) up(ctx context.Context, list []migration) error {
	current, err := m.version(ctx, m.db)
	if err != nil {
		return err
	}
	var lowest, missing int64 // what all files demand of programs, and what those demand that the database does not have
	for i := range list {
		lowest = max(lowest, list[i].minimum())
		if list[i].version > current {
			missing = max(missing, list[i].minimum())
		}
	}
	if current > 0 { // older programs stop before what they need is removed
		if err := m.raiseMinimum(ctx, lowest); err != nil {
			return err
		}
		// The minimum may stand there since an attempt that ended before they had stopped.
		if m.shared != nil && missing > 0 {
			if err := m.shared.awaitOlder(ctx, current, missing); err != nil {
				return err
			}
		}
	}
	if err := m.run(ctx, current, list); err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	return m.raiseMinimum(ctx, lowest)
}

// raiseMinimum says in a database which programs may use it from now on.
func (m *migrator) raiseMinimum(ctx context.Context, lowest int64) error {
	now, err := lowestVersion(ctx, m.db)
	if err != nil || lowest <= now {
		return err
	}
	_, err = m.db.ExecContext(ctx, `INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
		minimumVersion, []byte(strconv.FormatInt(lowest, 10)))
	if err != nil {
		return fmt.Errorf("write the lowest version that a program must know: %w", err)
	}
	return nil
}

// run runs the files after a version.
func (m *migrator) run(ctx context.Context, current int64, list []migration) error {
	files, err := fs.Sub(m.files, m.dir)
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	if m.shared != nil {
		files = boundedFiles{files}
	}
	provider, err := goose.NewProvider(m.dialect, m.db, files, goose.WithDisableGlobalRegistry(true), goose.WithTableName(versionTable))
	if err != nil {
		return fmt.Errorf("prepare the migrations: %w", err)
	}
	up := func() error {
		_, err := provider.Up(ctx)
		return err
	}
	if m.shared == nil {
		return up()
	}
	return m.shared.patiently(ctx, func() error {
		if err := m.shared.dropInvalid(ctx, current, list); err != nil {
			return err
		}
		return up()
	})
}
