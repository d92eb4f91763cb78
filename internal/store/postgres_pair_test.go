package store_test

import (
	"database/sql"
	"testing"

	"punctual/internal/store/storetest"
)

// TestPostgresPair fails over twice: what was committed before with synchronous replication is there afterwards.
func TestPostgresPair(t *testing.T) {
	t.Parallel()
	pair := storetest.StartPair(t, true)
	write := func(statement string) {
		t.Helper()
		db, err := sql.Open("pgx", pair.URL())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	write(`CREATE TABLE kept AS SELECT 1 AS n`)
	for range 2 {
		write(`INSERT INTO kept SELECT max(n) + 1 FROM kept`)
		pair.Primary.Kill(t)
		pair.Promote(t)
		pair.Rebuild(t)
	}
	var n int
	if err := pair.Standby.Query(t.Context(), `SELECT max(n) FROM kept`, &n); err != nil || n != 3 {
		t.Errorf("the standby has %d rows and the error %v, want 3", n, err)
	}
}
