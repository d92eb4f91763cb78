package web_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store/storetest"
)

// BenchmarkRuns measures the pages of runs of an account with five million executions in ninety days, one in a hundred of which
// failed. slowest-ms is the slowest page of each kind.
func BenchmarkRuns(b *testing.B) {
	if testing.Short() {
		b.Skip("it makes millions of rows")
	}
	c := newConsole(b)
	visitor := c.setUp(b)
	job := c.newJob(b, titled("job"))
	tables := storetest.NewTables(b, storetest.Raw(b, c.options))
	tables.CopyJob(job.ID, 999)
	tables.AddHistory(job.ID, 1000, 5_000_000, 90, c.store.Now())
	if _, err := c.store.RollUp(b.Context()); err != nil {
		b.Fatal(err)
	}
	tables.Exec(`UPDATE rollup_state SET position = (SELECT max(id) FROM execution)`)
	tables.RepeatTally(c.store.Now().AddDate(0, 0, -90), 90*24)
	list, err := c.store.Search(b.Context(), c.account(b).ID, &cron.HistoryQuery{Filter: cron.HistoryFilter{Outcomes: []cron.Outcome{cron.OutcomeFailed}}, Limit: 1})
	if err != nil || len(list.Records) == 0 {
		b.Fatal(len(list.Records), err)
	}
	failed := pageOf(&list.Records[0].Execution)
	for _, path := range []string{"/console/runs", "/console/runs?span=90d", "/console/runs?outcome=failed&span=all", "/console/runs?outcome=missed&span=all",
		"/console/runs?span=all&text=nowhere", "/console/runs?span=all&status=300-399", "/console/runs?group=cause", "/console/runs?group=cause&span=90d",
		fmt.Sprintf("/console/jobs/%d/runs", job.ID), failed} {
		b.Run(path, func(b *testing.B) {
			visitor.get(path).says(200)
			var took []time.Duration
			for b.Loop() {
				start := time.Now()
				visitor.send("GET", path, "")
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "slowest-ms")
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "page-ms")
		})
	}
}
