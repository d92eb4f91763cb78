package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"punctual/internal/cron"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

// sqliteOnly and postgresOnly are the intended differences between the schemas.
var (
	sqliteOnly = []string{
		"execution unique id",          // a key of a partitioned table has the column of the partitions in it
		"response unique execution_id", // the same
		"node.running_from integer null default 0",
	}
	postgresOnly = []string{
		"response unique execution_id, planned_at",
		"execution index node, id",
		"job_text.grams integer[] not null", // SQLite has a full-text index of them, job_gram
		"job_text index grams",
		"node.running_from integer null default nextval('execution_id'::regclass)",
	}
)

// TestSchemasAgree compares the tables of the two databases: columns with their kinds of type, what may be NULL, defaults,
// keys, indexes, and what refers to what.
func TestSchemasAgree(t *testing.T) {
	t.Parallel()
	lite, post := describeSQLite(t), describePostgres(t)
	if len(lite) < 200 {
		t.Errorf("only %d lines describe the schema", len(lite))
	}
	for _, d := range []struct {
		name       string
		has, lacks []string
		meant      []string
	}{{"SQLite", lite, post, sqliteOnly}, {"PostgreSQL", post, lite, postgresOnly}} {
		var only []string
		for _, line := range d.has {
			if !slices.Contains(d.lacks, line) {
				only = append(only, line)
			}
		}
		slices.Sort(only)
		meant := slices.Sorted(slices.Values(d.meant))
		if !slices.Equal(only, meant) {
			t.Errorf("only %s has\n%s\nand is meant to have\n%s", d.name, strings.Join(only, "\n"), strings.Join(meant, "\n"))
		}
	}
}

// lines runs a query for one text per row.
func lines(t *testing.T, db *sql.DB, query string, args ...any) (list []string) {
	t.Helper()
	rows, err := db.Query(query, args...)
	ok(t, err)
	defer func() { ok(t, rows.Close()) }()
	for rows.Next() {
		var line string
		ok(t, rows.Scan(&line))
		list = append(list, line)
	}
	ok(t, rows.Err())
	return list
}

func describeSQLite(t *testing.T) (list []string) {
	t.Helper()
	db := past(t, storetest.Databases[0].New(t))
	for _, table := range lines(t, db, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
		AND name <> 'schema_version' AND name NOT LIKE 'job_gram%'`) {
		list = append(list, lines(t, db, `SELECT $1 || '.' || name || ' ' || lower(type)
			|| CASE WHEN "notnull" OR pk > 0 THEN ' not null' ELSE ' null' END
			|| CASE WHEN pk = 1 AND (SELECT sql FROM sqlite_schema WHERE name = $1) LIKE '%AUTOINCREMENT%' THEN ' generated'
			   ELSE coalesce(' default ' || dflt_value, '') END FROM pragma_table_info($1)`, table)...)
		list = append(list, lines(t, db, `SELECT $1 || ' unique ' || group_concat(name, ', ')
			FROM (SELECT name FROM pragma_table_info($1) WHERE pk > 0 ORDER BY pk)`, table)...)
		list = append(list, lines(t, db, `SELECT $1 || CASE WHEN l."unique" THEN ' unique ' ELSE ' index ' END
			|| (SELECT group_concat(name, ', ') FROM (SELECT name FROM pragma_index_info(l.name) ORDER BY seqno))
			|| CASE WHEN l.partial THEN (SELECT substr(sql, instr(sql, ' WHERE ')) FROM sqlite_schema WHERE name = l.name)
			   ELSE '' END
			FROM pragma_index_list($1) AS l WHERE l.origin <> 'pk'`, table)...)
		list = append(list, lines(t, db, `SELECT $1 || '.' || "from" || ' refers to ' || "table" || '.' || "to" || ' on delete '
			|| lower(on_delete) FROM pragma_foreign_key_list($1)`, table)...)
	}
	for i, line := range list {
		list[i] = strings.ReplaceAll(line, " WHERE ", " where ")
	}
	return list
}

func describePostgres(t *testing.T) (list []string) {
	t.Helper()
	db := past(t, storetest.Databases[1].New(t))
	const tables = `pg_class.relnamespace = current_schema()::regnamespace AND NOT pg_class.relispartition
		AND relname <> 'schema_version'`
	list = append(list, lines(t, db, `SELECT relname || '.' || attname || ' ' || format_type(atttypid, NULL)
		|| CASE WHEN attnotnull THEN ' not null' ELSE ' null' END
		|| CASE WHEN attidentity <> '' OR attnotnull AND pg_get_expr(adbin, adrelid) LIKE 'nextval(%' THEN ' generated'
		   ELSE coalesce(' default ' || pg_get_expr(adbin, adrelid), '') END
		FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
		LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
		WHERE relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped AND `+tables)...)
	list = append(list, lines(t, db, `SELECT relname || CASE WHEN indisunique THEN ' unique ' ELSE ' index ' END
		|| (SELECT string_agg(attname, ', ' ORDER BY k.n) FROM unnest(indkey::smallint[]) WITH ORDINALITY AS k (num, n)
		    JOIN pg_attribute ON attrelid = indrelid AND attnum = k.num)
		|| coalesce(' where ' || translate(pg_get_expr(indpred, indrelid), '()', ''), '')
		FROM pg_class JOIN pg_index ON indrelid = pg_class.oid WHERE relkind IN ('r', 'p') AND `+tables)...)
	list = append(list, lines(t, db, `SELECT relname || '.' || a.attname || ' refers to ' || confrelid::regclass || '.'
		|| b.attname || ' on delete ' || CASE confdeltype WHEN 'c' THEN 'cascade' ELSE confdeltype::text END
		FROM pg_class JOIN pg_constraint ON conrelid = pg_class.oid AND contype = 'f'
		JOIN pg_attribute AS a ON a.attrelid = conrelid AND a.attnum = conkey[1]
		JOIN pg_attribute AS b ON b.attrelid = confrelid AND b.attnum = confkey[1] WHERE `+tables)...)
	// What SQLite calls its kinds of values.
	kinds := strings.NewReplacer(" bigint ", " integer ", " smallint ", " integer ", " boolean ", " integer ",
		" bytea ", " blob ", " double precision ", " real ", " default false", " default 0", "''::text", "''")
	for i, line := range list {
		list[i] = kinds.Replace(line)
	}
	return list
}

// TestMigrateFurther has a database of the present version get a further file: serve runs it, once, and a command leaves the
// database to serve.
func TestMigrateFurther(t *testing.T) {
	for _, d := range storetest.Databases {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			options := d.Empty(t)
			open(t, options)
			db := past(t, options)
			dir := map[string]string{"SQLite": "sqlite", "PostgreSQL": "postgres"}[d.Name]
			const more = "-- +goose Up\nCREATE TABLE more (id INTEGER);\n"
			files := further(t, map[string]string{"9990_more.sql": more})
			if err := store.Migrate(t.Context(), db, dir, files, true); !errors.Is(err, store.ErrOlder) {
				t.Errorf("a command gets %v", err)
			}
			for range 2 {
				ok(t, store.Migrate(t.Context(), db, dir, files, false))
			}
			ok(t, store.Migrate(t.Context(), db, dir, files, true))
			if n := number(t, db, `SELECT count(*) FROM more`); n != 0 {
				t.Errorf("the new table has %d rows", n)
			}
			// An older program uses the database as it is, until a file says that it must not.
			for _, checkOnly := range []bool{true, false} {
				ok(t, store.Migrate(t.Context(), db, dir, store.Migrations, checkOnly))
			}
			if latest := number(t, db, `SELECT max(version_id) FROM schema_version`); latest != 9990 {
				t.Errorf("after an older program the database has version %d", latest)
			}
			files = further(t, map[string]string{"9990_more.sql": more, "9999_without.sql": "-- +goose Up\n-- punctual: minimum 9990\nDROP TABLE more;\n"})
			ok(t, store.Migrate(t.Context(), db, dir, files, false))
			ok(t, store.Migrate(t.Context(), db, dir, further(t, map[string]string{"9990_more.sql": more}), false)) // knows enough
			for _, checkOnly := range []bool{true, false} {
				err := store.Migrate(t.Context(), db, dir, store.Migrations, checkOnly)
				if !errors.Is(err, store.ErrNewer) || !strings.Contains(err.Error(), "at least version 9990") ||
					!strings.Contains(err.Error(), fmt.Sprint("knows ", store.KnownVersion)) {
					t.Errorf("the older program gets %v", err)
				}
			}
		})
	}
}

// further is what a later program has: the files of this one, and more of each database.
func further(t *testing.T, more map[string]string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	for _, dir := range []string{"sqlite", "postgres"} {
		for _, name := range migrationNames(t, dir) {
			text, err := fs.ReadFile(store.Migrations, "migrations/"+dir+"/"+name)
			ok(t, err)
			files["migrations/"+dir+"/"+name] = &fstest.MapFile{Data: text}
		}
		for name, text := range more {
			files["migrations/"+dir+"/"+name] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	return files
}

// TestMigrationsSortAsNumbers makes sure that files run in the order of their names.
func TestMigrationsSortAsNumbers(t *testing.T) {
	for _, name := range migrationNames(t, "sqlite") {
		if !regexp.MustCompile(`^\d{4}_[a-z_]+\.sql$`).MatchString(name) {
			t.Errorf("the name of %s does not begin with four digits", name)
		}
	}
}

// TestMigrateKeys has a database of the first version get people: its keys may do what they could before, and the first
// one of the first account what operators do.
func TestMigrateKeys(t *testing.T) {
	for _, d := range storetest.Databases {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			options := d.Empty(t)
			db := past(t, options)
			dir := map[string]string{"SQLite": "sqlite", "PostgreSQL": "postgres"}[d.Name]
			files := fstest.MapFS{}
			for _, dir := range []string{"sqlite", "postgres"} {
				name := "migrations/" + dir + "/0001_initial.sql"
				text, err := fs.ReadFile(store.Migrations, name)
				ok(t, err)
				files[name] = &fstest.MapFile{Data: text}
			}
			ok(t, store.Migrate(t.Context(), db, dir, files, false))
			for _, email := range []string{"first@example.com", "second@example.com"} {
				exec(t, db, `INSERT INTO account (email, plan, disabled, created_at) VALUES ($1, 'default', 1 = 0, 1)`, email)
			}
			for i, account := range []string{"second", "first", "first"} {
				exec(t, db, `INSERT INTO api_key (account_id, title, hash, hint, disabled, expires_at, scopes, allow_from, created_at)
					SELECT id, '', $1, '', 1 = 0, 0, 0, '', 1 FROM account WHERE email = $2`,
					append(make([]byte, 31), byte(i)), account+"@example.com")
			}
			s := open(t, options)
			for i, operator := range []bool{false, true, false} {
				k, a, err := s.APIKeyByHash(t.Context(), [32]byte{31: byte(i)})
				ok(t, err)
				if k.Role != cron.RoleOwner || k.Operator != operator || k.MadeBy != 0 {
					t.Errorf("key %d is %+v, want an owner's, and that of the operator: %t", i, k, operator)
				}
				if a.Disabled || !a.Deletes.IsZero() || a.Title != "" {
					t.Errorf("the account is %+v", a)
				}
			}
		})
	}
}

// TestMigrationsInStep compares the numbers and names of the files for the two databases.
func TestMigrationsInStep(t *testing.T) {
	if lite, post := migrationNames(t, "sqlite"), migrationNames(t, "postgres"); !slices.Equal(lite, post) {
		t.Errorf("SQLite has %q and PostgreSQL has %q", lite, post)
	}
}

// migrationNames are the names of the files for a database.
func migrationNames(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := fs.ReadDir(store.Migrations, "migrations/"+dir)
	ok(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestUnreleasedDatabase refuses databases from before the first release, whatever version they have, and leaves them as
// they are.
func TestUnreleasedDatabase(t *testing.T) {
	for _, d := range storetest.Databases {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			options := d.Empty(t)
			raw := past(t, options)
			exec(t, raw, `CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY, version_id INTEGER, is_applied BOOLEAN)`)
			exec(t, raw, `CREATE TABLE once (account_id INTEGER)`)
			for _, version := range []int{1, 17} {
				exec(t, raw, `INSERT INTO goose_db_version VALUES ($1, $1, true)`, version)
				for _, command := range []bool{false, true} {
					o := options
					o.NoMigrate = command
					db, err := store.Open(t.Context(), o)
					if err == nil {
						ok(t, db.Close())
					}
					if !errors.Is(err, store.ErrUnreleased) {
						t.Errorf("version %d: the error is %v", version, err)
					}
				}
			}
			if n := number(t, raw, `SELECT count(*) FROM goose_db_version`); n != 2 {
				t.Errorf("the table of versions has %d rows", n)
			}
			if options.URL != "" {
				return
			}
			entries, err := os.ReadDir(options.Dir)
			ok(t, err)
			for _, e := range entries {
				if !strings.HasPrefix(e.Name(), store.FileName) {
					t.Errorf("%s was made", filepath.Join(options.Dir, e.Name()))
				}
			}
		})
	}
}
