package web_test

import (
	"fmt"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store/storetest"
)

// BenchmarkProblems measures the pages of problems of an account with 100,000 jobs, of which 20,000 fail for 5,000 causes and 10,000 for
// one more, and with a million executions, one in a hundred of which failed.
func BenchmarkProblems(b *testing.B) {
	if testing.Short() {
		b.Skip("it makes a million rows")
	}
	c := newConsole(b)
	visitor := c.setUp(b)
	account := c.account(b)
	node, err := c.store.StartNode(b.Context(), cron.Node{Name: "node"})
	if err != nil {
		b.Fatal(err)
	}
	first := c.newJob(b, everyMinute("job"))
	c.attempt(b, node, &first, nil)
	c.attempt(b, node, &first, refused)
	tables := storetest.OpenTables(b, c.options)
	crowded := tables.Number(`SELECT max(id) FROM problem`)
	tables.AddFindable(first.ID, 99_999)
	tables.AddHistory(first.ID, 100_000, 1_000_000, 29, c.store.Now())
	last := tables.AddProblems(account.ID, 5000, cron.ProblemOpen, c.store.Now())
	tables.Exec(`UPDATE problem SET job_id = (SELECT job_id FROM problem WHERE id = $1), example = (SELECT example FROM problem WHERE id = $1),
		first_execution = (SELECT first_execution FROM problem WHERE id = $1) WHERE id > $1`, crowded)
	tables.Exec(`UPDATE problem SET opened_at = opened_at + 1 WHERE id = $1`, crowded)
	tables.Exec(`UPDATE job_state SET last_status = 3, problem_id = CASE WHEN job_id % 10 = 0 THEN CAST($1 AS BIGINT) ELSE CAST($1 AS BIGINT) + 1 + job_id % 5000 END
		WHERE job_id % 10 < 3`, crowded)
	tables.Exec(`UPDATE job_state SET next_run_at = CAST($1 AS BIGINT) + job_id, claim_at = CAST($1 AS BIGINT) + job_id WHERE job_id % 20 <> 0`,
		c.store.Now().Add(time.Hour).UnixMilli())
	for name, path := range map[string]string{
		"list": "/console/problems", "open": "/console/problems?state=open", "resolved": "/console/problems?state=resolved",
		"of one job in 10": fmt.Sprint("/console/problems/", crowded), "of four jobs": fmt.Sprint("/console/problems/", last), "overview": "/console",
	} {
		visitor.get(path).says(200)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if w := visitor.serve(path); w.Code != 200 {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}

// BenchmarkOverviewPlanned measures the overview of an account with as many jobs as what is planned is counted for.
func BenchmarkOverviewPlanned(b *testing.B) {
	c := newConsole(b)
	visitor := c.setUp(b)
	tables := storetest.OpenTables(b, c.options)
	tables.CopyJob(c.newJob(b, everyMinute("job")).ID, 999)
	visitor.get("/console").says(200, "planned")
	for b.Loop() {
		if w := visitor.serve("/console"); w.Code != 200 {
			b.Fatal(w.Code, w.Body)
		}
	}
}
