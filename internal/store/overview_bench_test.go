package store_test

import (
	"slices"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store/storetest"
)

// BenchmarkOverview reads all that the overview of an account shows that has 100,000 jobs and five million executions, of which 50,000
// were due in the last day. slowest-ms is the slowest but for the first, for which PostgreSQL plans the statements.
func BenchmarkOverview(b *testing.B) {
	if testing.Short() {
		b.Skip("it takes minutes to fill the database")
	}
	for _, kind := range storetest.Databases {
		b.Run(kind.Name, func(b *testing.B) {
			options := kind.New(b)
			options.Plans = cron.Plans{cron.PlanDefault: {Retention: 100 * 24 * time.Hour}}
			db, raw := open(b, options), past(b, options)
			account, _ := newAccount(b, db)
			j := newJob(account)
			ok(b, db.CreateJob(b.Context(), &j))
			x := tables(b, raw)
			x.AddFindable(j.ID, findableJobs-1)
			foldAll(b, db)
			x.Exec(`UPDATE job_state SET cert_expiry_at = CAST($1 AS BIGINT) + job_id % 90 * 86400000, next_run_at = CAST($1 AS BIGINT) + job_id,
				claim_at = CAST($1 AS BIGINT) + job_id WHERE job_id % 20 <> 0`, time.Now().Add(time.Hour).UnixMilli())
			x.AddHistory(j.ID, findableJobs, manyExecutions, manyDays, db.Now())
			x.AddProblems(account, 50, cron.ProblemOpen, db.Now())
			for more := true; more; {
				var err error
				x.SetRollupsDue()
				more, err = db.RollUp(b.Context())
				ok(b, err)
			}
			if options.URL != "" {
				exec(b, raw, `VACUUM ANALYZE`)
			}
			var took []time.Duration
			read := func() {
				start, since := time.Now(), db.Now().Add(-24*time.Hour)
				counts, err := db.JobCounts(b.Context(), account)
				ok(b, err)
				_, err = db.ProblemCounts(b.Context(), account)
				ok(b, err)
				_, err = db.Unresolved(b.Context(), account, 5)
				ok(b, err)
				_, err = db.NextJobs(b.Context(), account, counts.Jobs, 10)
				ok(b, err)
				_, err = db.Recent(b.Context(), account, since)
				ok(b, err)
				_, err = db.Edits(b.Context(), account, since, 200)
				ok(b, err)
				took = append(took, time.Since(start))
			}
			read()
			took = nil
			for b.Loop() {
				read()
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "slowest-ms")
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "median-ms")
		})
	}
}
