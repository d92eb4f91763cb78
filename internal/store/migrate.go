package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// The schema is made by numbered files, with the same numbers for both databases. A released file is never changed: the
// schema is changed by further files.
//
//go:embed migrations
var migrations embed.FS

const (
	// versionTable records which files have been applied.
	versionTable = "schema_version"
	// formerVersionTable is the same table of databases that were made before the first release. Their files no longer
	// exist.
	formerVersionTable = "goose_db_version"
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

// migrate applies the migrations in files. With checkOnly it writes nothing, and returns an error for a database of
// another version.
func migrate(ctx context.Context, db *sql.DB, schema schema, files fs.FS, checkOnly bool,
	opts ...goose.ProviderOption) error {
	if known, err := schema.versioned(ctx, db); err != nil {
		return err
	} else if !known && checkOnly {
		return ErrNoDatabase
	}
	files, err := fs.Sub(files, schema.dir)
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	provider, err := goose.NewProvider(schema.dialect, db, files,
		append(opts, goose.WithDisableGlobalRegistry(true), goose.WithTableName(versionTable))...)
	if err != nil {
		return fmt.Errorf("prepare the migrations: %w", err)
	}
	current, target, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the version of the database: %w", err)
	}
	switch {
	case current > target:
		return fmt.Errorf("%w: it has version %d, this program knows %d", ErrNewer, current, target)
	case current < target && checkOnly && current == 0:
		return ErrNoDatabase
	case current < target && checkOnly:
		return fmt.Errorf("%w: it has version %d, this program needs %d", ErrOlder, current, target)
	case current == target:
		return nil
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	return nil
}
