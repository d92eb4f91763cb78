package store_test

import (
	"slices"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

const findableJobs = 100_000

// BenchmarkFindJobs searches an account with 100,000 jobs. slowest-ms is the slowest of the pages of each kind but for the first
// one; page-ms is the median.
func BenchmarkFindJobs(b *testing.B) {
	for _, kind := range storetest.Databases {
		b.Run(kind.Name, func(b *testing.B) {
			options := kind.New(b)
			db, raw := open(b, options), past(b, options)
			account, _ := newAccount(b, db)
			j := newJob(account)
			ok(b, db.CreateJob(b.Context(), &j))
			tables(b, raw).AddFindable(j.ID, findableJobs-1)
			start := time.Now()
			foldAll(b, db)
			b.Logf("%v to make the jobs findable", time.Since(start))
			if options.URL != "" {
				exec(b, raw, `VACUUM ANALYZE`)
			}
			findKinds(b, db, account)
		})
	}
}

// foldAll runs the upkeep until nothing is left to do.
func foldAll(t testing.TB, db *store.Store) {
	t.Helper()
	for more := true; more; {
		var err error
		more, err = db.Maintain(t.Context())
		ok(t, err)
	}
}

// findQueries are searches of all kinds, in an account that AddFindable has filled.
func findQueries(now time.Time) map[string]cron.JobQuery {
	type query = cron.JobQuery
	type criteria = cron.JobCriteria
	that := func(c criteria) cron.JobFilter { return cron.JobFilter{JobCriteria: c} }
	not := func(c criteria) cron.JobFilter { return cron.JobFilter{Not: c} }
	return map[string]query{
		"all, by title":                {},
		"all, by title, descending":    {Descending: true},
		"all, by change":               {Sort: cron.SortChanged, Descending: true},
		"all, by next run":             {Sort: cron.SortNext},
		"all, by last execution":       {Sort: cron.SortLast, Descending: true},
		"all, by status":               {Sort: cron.SortStatus, Descending: true},
		"all, in the middle":           {After: cron.JobPosition{ID: 1, Text: "import"}},
		"next run, in the middle":      {Sort: cron.SortNext, After: cron.JobPosition{ID: 1, Number: 1900000050000}},
		"common word":                  {Filter: that(criteria{Text: "backup"})},
		"in all":                       {Filter: that(criteria{Text: "example.com"}), Sort: cron.SortNext},
		"rare word":                    {Filter: that(criteria{Text: "Quagga"})},
		"absent word":                  {Filter: that(criteria{Text: "okapi"})},
		"absent, of common grams":      {Filter: that(criteria{Text: "backupackup"})},
		"two words":                    {Filter: that(criteria{Text: "host77.example 6 invoice"})},
		"two letters":                  {Filter: that(criteria{Text: "zq"})},
		"common word, rare state":      {Filter: that(criteria{Text: "team", Conditions: []cron.JobCondition{cron.JobFailing}})},
		"not a common word":            {Filter: not(criteria{Text: "team"})},
		"not a rare word":              {Filter: not(criteria{Text: "quagga"}), Sort: cron.SortChanged},
		"failing":                      {Filter: that(criteria{Conditions: []cron.JobCondition{cron.JobFailing}})},
		"not failing, by next run":     {Filter: not(criteria{Conditions: []cron.JobCondition{cron.JobFailing}}), Sort: cron.SortNext},
		"disabled or paused":           {Filter: that(criteria{Conditions: []cron.JobCondition{cron.JobDisabled, cron.JobPaused}})},
		"late":                         {Filter: that(criteria{Conditions: []cron.JobCondition{cron.JobLate}})},
		"rare tag":                     {Filter: that(criteria{Tags: []string{"ZEBRA"}})},
		"two tags":                     {Filter: that(criteria{Tags: []string{"prod", "team7"}}), Sort: cron.SortLast},
		"not a common tag":             {Filter: not(criteria{Tags: []string{"prod"}})},
		"host":                         {Filter: that(criteria{Hosts: []string{"host9.example.com"}})},
		"method, with none":            {Filter: that(criteria{Methods: []cron.Method{cron.MethodTrace}})},
		"not a zone":                   {Filter: not(criteria{Timezones: []string{"UTC"}})},
		"changed by, with none":        {Filter: that(criteria{ChangedBy: []string{"nobody"}})},
		"outcome, not, with all sorts": {Filter: cron.JobFilter{JobCriteria: criteria{Statuses: []cron.Status{1, 4}, NextAfter: now}, Not: criteria{Folders: []int64{7}, Hosts: []string{"host1.example.com"}}}, Sort: cron.SortNext},
	}
}

func findKinds(b *testing.B, db *store.Store, account int64) {
	queries := findQueries(db.Now())
	names := make([]string, 0, len(queries))
	for name := range queries {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		b.Run(name, func(b *testing.B) {
			q := queries[name]
			q.Limit = 100
			page, err := db.SearchJobs(b.Context(), account, &q) // plans and caches
			ok(b, err)
			var took []time.Duration
			for b.Loop() {
				start := time.Now()
				_, err := db.SearchJobs(b.Context(), account, &q)
				ok(b, err)
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "slowest-ms")
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "page-ms")
			b.ReportMetric(float64(len(page.Jobs)), "jobs")
		})
	}
}
