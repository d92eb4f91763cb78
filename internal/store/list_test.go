package store

import (
	"log/slog"
	"strings"
	"testing"
)

// TestListOfJobsUsesItsIndexes checks that a list reads only the jobs of its account.
func TestListOfJobsUsesItsIndexes(t *testing.T) {
	s, err := Open(t.Context(), Options{Dir: t.TempDir(), Key: [32]byte{1}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	for query, want := range map[string][]string{
		listJobs: {
			"SEARCH job USING INDEX job_account (account_id=?)", "SEARCH job_state USING INTEGER PRIMARY KEY (rowid=?)",
		},
		countJobs: {"SEARCH job USING COVERING INDEX job_account (account_id=?)"},
		countKeys: {"SEARCH api_key USING COVERING INDEX api_key_account (account_id=?)"},
	} {
		rows, err := s.read.QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+query, 1)
		if err != nil {
			t.Fatal(err)
		}
		var plan []string
		for rows.Next() {
			var (
				id, parent, unused int
				step               string
			)
			if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, step)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		text := strings.Join(plan, "\n")
		for _, step := range want {
			if !strings.Contains(text, step) {
				t.Errorf("%s\nis planned as\n%s\nwithout %s", query, text, step)
			}
		}
		if strings.Contains(text, "SCAN") {
			t.Errorf("%s\nis planned as\n%s", query, text)
		}
	}
}
