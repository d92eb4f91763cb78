package storetest

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// grouped counts, record by record, the failures that a filter wants.
func (s *suite) grouped(db *store.Store, account int64, f cron.HistoryFilter) (groups []cron.FailureGroup) {
	s.Helper()
	records, _ := s.pages(db, account, f, 1000)
	for i := range records {
		e := &records[i].Execution
		if e.Cause == 0 {
			continue
		}
		at := slices.IndexFunc(groups, func(g cron.FailureGroup) bool { return g.Cause == e.Cause })
		if at < 0 {
			at = len(groups)
			groups = append(groups, cron.FailureGroup{Cause: e.Cause, Example: *e, First: e.Result.Started})
		}
		g := &groups[at]
		g.Count++
		if e.Result.Started.Before(g.First) {
			g.First = e.Result.Started
		}
		if !slices.Contains(g.JobIDs, e.JobID) {
			g.JobIDs = append(g.JobIDs, e.JobID)
		}
	}
	for i := range groups {
		g := &groups[i]
		g.Jobs, g.JobIDs = len(g.JobIDs), g.JobIDs[:min(len(g.JobIDs), cron.MaxGroupJobs)]
	}
	slices.SortStableFunc(groups, func(a, b cron.FailureGroup) int { return cmp.Compare(b.Count, a.Count) })
	return groups
}

var failureTests = []test{
	{"failures are counted by their causes as the filter wants", func(s *suite) {
		db, account, _ := s.start()
		stranger := s.account(db)
		random := rand.New(rand.NewPCG(3, 4))
		folder := cron.Folder{AccountID: account, Title: "folder"}
		s.ok(db.CreateFolder(s.ctx(), &folder))
		var jobs []cron.Job
		for i := range 15 {
			jobs = append(jobs, s.job(db, account, func(j *cron.Job) {
				j.Title, j.FolderID = []string{"backup", "Über"}[i%2], []int64{0, folder.ID}[i%2]
			}))
		}
		foreign := s.job(db, stranger)
		now := db.Now().UTC().Truncate(time.Second)
		var some cron.Fingerprint
		for i := range 600 {
			e := randomRecord(random, &jobs[random.IntN(len(jobs))], now.Add(time.Duration(i-600)*time.Minute))
			s.put(&e)
			some = cmp.Or(e.Cause, some)
			if i%10 == 0 {
				other := randomRecord(random, &foreign, e.Result.Started)
				s.put(&other)
			}
		}
		for _, f := range []cron.HistoryFilter{
			{}, {Cause: some}, {Cause: some, JobID: jobs[3].ID}, {Cause: 1}, {JobID: jobs[0].ID}, {FolderID: &folder.ID}, {FolderID: new(int64)},
			{Outcomes: []cron.Outcome{cron.OutcomeLost}}, {Outcomes: []cron.Outcome{cron.OutcomeSucceeded}},
			{Faults: []cron.Fault{cron.FaultRefused}}, {Statuses: []cron.StatusRange{{First: 500, Last: 599}}},
			{From: now.Add(-5 * time.Hour), To: now.Add(-2 * time.Hour)}, {Text: "über"}, {Text: "B.EXAMPLE"},
		} {
			got, err := db.Failures(s.ctx(), account, &f)
			s.ok(err)
			want := s.grouped(db, account, f)
			s.equal("groups", got, cron.FailureGroups{Groups: want})
			if len(want) == 0 != (len(f.Outcomes) > 0 && f.Outcomes[0] == cron.OutcomeSucceeded || f.Cause == 1) {
				s.Errorf("%+v: %d groups", f, len(want))
			}
		}
		_, err := db.Failures(s.ctx(), account, &cron.HistoryFilter{JobID: foreign.ID})
		s.missing(err, cron.SubjectJob)
		none, err := db.Failures(s.ctx(), s.account(db), &cron.HistoryFilter{})
		s.ok(err)
		s.equal("of an account without history", none, cron.FailureGroups{})
	}},
	{"the example of a group has its redirects", func(s *suite) {
		db, account, node := s.start()
		s.due(db, account)
		c := failed(s.claimOne(db, node))
		c.Result.Redirects = []cron.Redirect{{Status: 301, URL: "http://b.example/"}}
		s.finish(db, c)
		got, err := db.Failures(s.ctx(), account, &cron.HistoryFilter{})
		s.ok(err)
		s.equal("redirects", got.Groups[0].Example.Result.Redirects, c.Result.Redirects)
	}},
	{"a million failures are not all counted", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		const all = 1_000_000
		now := db.Now().UTC().Truncate(time.Second)
		s.raw().AddFailures(account, j.ID, all, all, now, time.Second)
		got, err := db.Failures(s.ctx(), account, &cron.HistoryFilter{})
		s.ok(err)
		s.equal("groups", len(got.Groups), cron.MaxFailureGroups)
		s.equal("more", got.More, true)
		counted := now.Sub(got.Back)/time.Second + 1
		if got.Back.IsZero() || counted%2000 != 0 || counted > 20_000 {
			s.Errorf("counted %d failures, back to %v", counted, got.Back)
		}
		s.equal("latest", got.Groups[0].Example.Result.Started, now)

		of := cron.HistoryFilter{Cause: 1 + 123} // of the oldest failures
		page, err := db.Search(s.ctx(), account, &cron.HistoryQuery{Filter: of, Limit: 10})
		s.ok(err)
		s.equal("on the first page", len(page.Records), 0)
		s.equal("reached", now.Sub(page.Next.At), 1999*time.Second)
		of.To = now.Add(-(all - 124) * time.Second)
		page, err = db.Search(s.ctx(), account, &cron.HistoryQuery{Filter: of, Limit: 10})
		s.ok(err)
		s.equal("of that time", len(page.Records), 1)
	}},
	{"successes between failures cost nothing", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		now := db.Now().UTC().Truncate(time.Second)
		s.raw().AddFailures(account, j.ID, 2, 1, now.Add(-20*time.Hour), time.Second)
		s.flood(account, j.ID, 50_000, now)
		got, err := db.Failures(s.ctx(), account, &cron.HistoryFilter{})
		s.ok(err)
		s.equal("all", got.Back.IsZero(), true)
		s.equal("count", got.Groups[0].Count, int64(2))
		page, err := db.Search(s.ctx(), account, &cron.HistoryQuery{Filter: cron.HistoryFilter{Cause: 1}, Limit: 10})
		s.ok(err)
		s.equal("found", []int{len(page.Records), int(page.Next.ID)}, []int{2, 0})
	}},
}
