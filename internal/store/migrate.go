package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations
var migrations embed.FS

// schema is where a database's migrations are, and how to ask it whether it has goose's table of versions.
type schema struct {
	dialect  goose.Dialect
	dir      string
	versions string
}

var (
	sqliteSchema = schema{goose.DialectSQLite3, "migrations/sqlite",
		`SELECT count(*) FROM sqlite_schema WHERE name = $1`}
	postgresSchema = schema{goose.DialectPostgres, "migrations/postgres",
		`SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = $1`}
)

// migrate brings the database to the version of the migrations in files, or, with checkOnly, refuses one of another
// version and writes nothing.
func migrate(ctx context.Context, db *sql.DB, schema schema, files fs.FS, checkOnly bool,
	opts ...goose.ProviderOption) error {
	var tables int
	if err := db.QueryRowContext(ctx, schema.versions, goose.DefaultTablename).Scan(&tables); err != nil {
		return fmt.Errorf("look for the version of the database: %w", err)
	}
	if tables == 0 && checkOnly {
		return ErrNoDatabase
	}
	files, err := fs.Sub(files, schema.dir)
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	provider, err := goose.NewProvider(schema.dialect, db, files, append(opts, goose.WithDisableGlobalRegistry(true))...)
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
