package storetest

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"testing"
)

// Rows lists the rows of an account in a SQLite database, and what belongs to them, as texts. When a key was last used is
// left out, and so is what the account's calls count.
func Rows(t testing.TB, db *sql.DB, accountID int64) map[string]bool {
	t.Helper()
	tables := texts(t, db, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
		AND name NOT IN ('schema_version', 'setting', 'usage', 'used_challenge', 'node', 'duty', 'zone_data',
		'acme_file', 'acme_lock', 'mail', 'status_domain_set') AND name NOT LIKE 'job_gram%'`)
	rows := map[string]bool{}
	for table := range tables {
		columns := texts(t, db, `SELECT name FROM pragma_table_info($1)`, table)
		where := ""
		switch {
		case columns["account_id"]:
			where = "account_id = $1"
		case columns["job_id"]:
			where = "job_id IN (SELECT id FROM job WHERE account_id = $1)"
		case table == "account":
			where = "id = $1"
		case table == "person":
			where = "id IN (SELECT person_id FROM membership WHERE account_id = $1)"
		case columns["person_id"]:
			where = "person_id IN (SELECT person_id FROM membership WHERE account_id = $1)"
		case table == "response":
			where = "execution_id IN (SELECT id FROM execution WHERE account_id = $1)"
		case table == "message_notice":
			where = "message_id IN (SELECT id FROM message WHERE account_id = $1)"
		case columns["page_id"]:
			where = "page_id IN (SELECT id FROM status_page WHERE account_id = $1)"
		case columns["component_id"]:
			where = "component_id IN (SELECT id FROM status_component WHERE account_id = $1)"
		case columns["incident_id"]:
			where = "incident_id IN (SELECT id FROM incident WHERE account_id = $1)"
		default:
			t.Fatalf("the test does not know whose the rows of %s are", table)
		}
		for _, row := range records(t, db, `SELECT * FROM `+table+` WHERE `+where, accountID) {
			delete(row, "last_used_at")
			text, err := json.Marshal(row)
			if err != nil {
				t.Fatal(err)
			}
			rows[table+" "+string(text)] = true
		}
	}
	return rows
}

// texts is the first column of a query.
func texts(t testing.TB, db *sql.DB, query string, args ...any) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, row := range records(t, db, query, args...) {
		for _, value := range row {
			found[fmt.Sprint(value)] = true
		}
	}
	return found
}

// records is the rows of a query by the names of their columns.
func records(t testing.TB, db *sql.DB, query string, args ...any) (found []map[string]any) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values, row := make([]any, len(columns)), map[string]any{}
		fields := make([]any, len(columns))
		for i := range fields {
			fields[i] = &values[i]
		}
		if err := rows.Scan(fields...); err != nil {
			t.Fatal(err)
		}
		for i, name := range columns {
			row[name] = values[i]
		}
		found = append(found, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}
