package store_test

import (
	"regexp"
	"strings"
	"testing"

	"punctual/internal/cron"
	"punctual/internal/store/storetest"
)

// TestFindPlans runs searches of all kinds in a large account and checks their plans: none reads another account's rows,
// rows are read in the order of an index where one has it, and wide rows by their keys.
func TestFindPlans(t *testing.T) {
	for _, kind := range storetest.Databases {
		t.Run(kind.Name, func(t *testing.T) {
			options := kind.New(t)
			db, raw := open(t, options), past(t, options)
			account, _ := newAccount(t, db)
			j := newJob(account)
			ok(t, db.CreateJob(t.Context(), &j))
			tables(t, raw).AddFindable(j.ID, 2000)
			for range 5 {
				_, err := db.Maintain(t.Context())
				ok(t, err)
			}
			if options.URL != "" {
				exec(t, raw, `INSERT INTO job_text SELECT i, 'of others', ARRAY[i, i + 1] FROM generate_series(1000000, 1050000) AS i`)
				exec(t, raw, `ANALYZE`)
			}
			var ran []statement
			undo := db.Intercept(func(query string, args []any) error {
				ran = append(ran, statement{query, args})
				return nil
			})
			queries := findQueries(db.Now())
			for _, q := range queries {
				q.Limit = 100
				_, err := db.SearchJobs(t.Context(), account, &q)
				ok(t, err)
			}
			_, _, err := db.FindJobs(t.Context(), account, &cron.JobFilter{}, 7, 100)
			ok(t, err)
			_, err = db.Tags(t.Context(), account)
			ok(t, err)
			undo()
			if len(ran) < 2*len(queries) {
				t.Errorf("only %d statements ran", len(ran))
			}
			for _, s := range ran {
				if options.URL == "" {
					checkSQLiteFindPlan(t, explain(t, raw, `EXPLAIN QUERY PLAN `, s, 3), s)
				} else {
					checkPostgresFindPlan(t, explain(t, raw, `EXPLAIN (COSTS OFF) `, s, 0), s)
				}
			}
		})
	}
}

var (
	scansOnSQLite = regexp.MustCompile(`SCAN (s|t|x|a|j|job|job_state|job_text|job_search|job_about)\b`)
	walks         = regexp.MustCompile(`ORDER BY s\.(title_key|updated_at|job_id)\b( DESC)?,`)
)

func checkSQLiteFindPlan(t *testing.T, plan string, s statement) {
	t.Helper()
	if m := scansOnSQLite.FindString(plan); m != "" {
		t.Errorf("%s\n%s:\n%s", s.query, m, plan)
	}
	if walks.MatchString(s.query) && !strings.Contains(s.query, "job_gram") && strings.Contains(plan, "TEMP B-TREE") {
		t.Errorf("%s\nsorts:\n%s", s.query, plan)
	}
}

func checkPostgresFindPlan(t *testing.T, plan string, s statement) {
	t.Helper()
	if strings.Contains(plan, "Seq Scan on job_text") {
		t.Errorf("%s\nreads all texts:\n%s", s.query, plan)
	}
	if strings.Contains(s.query, "@>") && !strings.Contains(plan, "job_text_grams") && !strings.Contains(plan, "job_state_failing") { // few fail
		t.Errorf("%s\nuses no grams:\n%s", s.query, plan)
	}
}
