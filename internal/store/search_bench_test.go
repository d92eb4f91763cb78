package store_test

import (
	"database/sql"
	"fmt"
	"slices"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

const (
	manyExecutions = 5_000_000
	manyDays       = 90
	manyJobs       = 1000
)

// fillHistory gives the account of a job 1,000 jobs and five million executions, in the order of their time up to now.
// One in a hundred failed, and none was missed.
func fillHistory(b *testing.B, options store.Options, raw *sql.DB, jobID int64, now time.Time) {
	b.Helper()
	tables(b, raw).CopyJob(jobID, manyJobs-1)
	tables(b, raw).AddHistory(jobID, manyJobs, manyExecutions, manyDays, now)
}

// BenchmarkSearch reads pages of the history of an account with five million executions in ninety days, statistics of
// the same span, and counts executions into them. slowest-ms is the slowest page of each kind but for the first one, for which
// PostgreSQL plans the statement.
func BenchmarkSearch(b *testing.B) {
	for _, kind := range storetest.Databases {
		b.Run(kind.Name, func(b *testing.B) {
			options := kind.New(b)
			db, raw := open(b, options), past(b, options)
			account, _ := newAccount(b, db)
			j := newJob(account)
			ok(b, db.CreateJob(b.Context(), &j))
			now := db.Now()
			fillHistory(b, options, raw, j.ID, now)
			searchKinds(b, db, account, j.ID, now)
			countHistory(b, db, raw, account, j.ID, now)
		})
	}
}

func searchKinds(b *testing.B, db *store.Store, account, jobID int64, now time.Time) {
	ago := func(days int) time.Time { return now.AddDate(0, 0, -days) }
	half, err := db.Search(b.Context(), account, &cron.HistoryQuery{Filter: cron.HistoryFilter{To: ago(45)}, Limit: 1})
	ok(b, err)
	type query = cron.HistoryQuery
	type filter = cron.HistoryFilter
	for _, page := range []struct {
		name  string
		query query
	}{
		{"first", query{Limit: 100}},
		{"first of 1000", query{Limit: 1000}},
		{"deep by cursor", query{Limit: 100, After: half.Next}},
		{"from and to", query{Limit: 100, Filter: filter{From: ago(30), To: ago(29)}}},
		{"an early span", query{Limit: 100, Filter: filter{From: ago(89), To: ago(88)}}},
		{"missed, with none", query{Limit: 100, Filter: filter{Outcomes: []cron.Outcome{cron.OutcomeMissed}}}},
		{"missed, deep", query{Limit: 100, After: half.Next, Filter: filter{Outcomes: []cron.Outcome{cron.OutcomeMissed}}}},
		{"status, with none", query{Limit: 100, Filter: filter{Statuses: []cron.StatusRange{{First: 300, Last: 999}}}}},
		{"text, with none", query{Limit: 100, Filter: filter{Text: "nowhere"}}},
		{"text, all looked at closely", query{Limit: 100, Filter: filter{Text: "é"}}},
		{"reason, with none", query{Limit: 100, Filter: filter{Faults: []cron.Fault{cron.FaultRefused}}}},
		{"job", query{Limit: 100, Filter: filter{JobID: jobID}}},
		{"job, from and to", query{Limit: 100, Filter: filter{JobID: jobID, From: ago(30), To: ago(29)}}},
		{"job, missed, with none", query{Limit: 100, Filter: filter{JobID: jobID,
			Outcomes: []cron.Outcome{cron.OutcomeMissed}}}},
	} {
		b.Run(page.name, func(b *testing.B) {
			_, err := db.Search(b.Context(), account, &page.query) // plans and caches
			ok(b, err)
			var took []time.Duration
			for b.Loop() {
				start := time.Now()
				_, err := db.Search(b.Context(), account, &page.query)
				took = append(took, time.Since(start))
				ok(b, err)
			}
			b.ReportMetric(float64(slices.Max(took).Microseconds())/1000, "slowest-ms")
		})
	}
}

func countHistory(b *testing.B, db *store.Store, raw *sql.DB, account, jobID int64, now time.Time) {
	b.Run("count", func(b *testing.B) {
		before := tables(b, raw).RollupPosition(account)
		for b.Loop() {
			_, err := db.RollUp(b.Context())
			ok(b, err)
		}
		counted := tables(b, raw).RollupPosition(account) - before
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(counted), "µs/execution")
	})
	tables(b, raw).RepeatTally(now.AddDate(0, 0, -manyDays), manyDays*24)
	for _, of := range []int64{0, jobID} {
		b.Run(fmt.Sprintf("statistics of 90 days/whole=%v", of == 0), func(b *testing.B) {
			for b.Loop() {
				_, err := db.Stats(b.Context(), account, &cron.StatsQuery{JobID: of,
					From: now.AddDate(0, 0, -manyDays).Truncate(time.Hour), To: now.Truncate(time.Hour)})
				ok(b, err)
			}
		})
	}
}
