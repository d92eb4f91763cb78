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
			{}, {Causes: causes(some)}, {Causes: causes(1, some)}, {Causes: causes(some), JobID: jobs[3].ID}, {Causes: causes(1)}, {JobID: jobs[0].ID}, {FolderID: &folder.ID}, {FolderID: new(int64)},
			{Outcomes: []cron.Outcome{cron.OutcomeLost}}, {Outcomes: []cron.Outcome{cron.OutcomeSucceeded}},
			{Faults: []cron.Fault{cron.FaultRefused}}, {Statuses: []cron.StatusRange{{First: 500, Last: 599}}},
			{From: now.Add(-5 * time.Hour), To: now.Add(-2 * time.Hour)}, {Text: "über"}, {Text: "B.EXAMPLE"},
		} {
			got, err := db.Failures(s.ctx(), account, &f)
			s.ok(err)
			want := s.grouped(db, account, f)
			s.equal("groups", got, cron.FailureGroups{Groups: want})
			if len(want) == 0 != (len(f.Outcomes) > 0 && f.Outcomes[0] == cron.OutcomeSucceeded || slices.Equal(f.Causes, causes(1))) {
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
	{"a hundred thousand failures are not all counted", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		const all = 100_000
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

		of := cron.HistoryFilter{Causes: causes(1 + 123)} // of the oldest failures
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
		page, err := db.Search(s.ctx(), account, &cron.HistoryQuery{Filter: cron.HistoryFilter{Causes: causes(1)}, Limit: 10})
		s.ok(err)
		s.equal("found", []int{len(page.Records), int(page.Next.ID)}, []int{2, 0})
	}},
	{"the latest success before an execution is found, and the timings of the last fifty", func(s *suite) {
		db, account, _ := s.start()
		j, other := s.job(db, account), s.job(db, account)
		now := db.Now().UTC().Truncate(time.Second)
		s.flood(account, j.ID, 70, now.Add(-10*time.Hour))
		s.flood(account, other.ID, 10, now.Add(-8*time.Hour))
		s.raw().AddFailures(account, j.ID, 5000, 3, now.Add(-5*time.Hour), time.Second)
		s.flood(account, j.ID, 10, now)
		bad := s.at(db, account, j.ID, now.Add(-5*time.Hour))
		got, err := db.GoodBefore(s.ctx(), &bad)
		s.ok(err)
		if got.Latest == nil || !got.Complete || len(got.Stats) != cron.MaxGoodBefore {
			s.Fatalf("found %+v", got)
		}
		s.equal("started", got.Latest.Result.Started, now.Add(-10*time.Hour))
		s.equal("of the job", got.Latest.JobID, j.ID)
		s.equal("its timings", got.Stats[0], got.Latest.Result.Stats)
		s.equal("the oldest timings", got.Stats[49].Total, got.Stats[0].Total-49*time.Microsecond)

		first := s.at(db, account, j.ID, got.Latest.Result.Started.Add(-69*time.Second))
		got, err = db.GoodBefore(s.ctx(), &first)
		s.ok(err)
		s.equal("before the first", got, cron.GoodBefore{Complete: true})
	}},
	{"a job that has always failed is not read to its beginning", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		now := db.Now().UTC().Truncate(time.Second)
		s.flood(account, j.ID, 1, now.Add(-50_000*time.Second))
		s.raw().AddFailures(account, j.ID, 50_000, 2, now, time.Second)
		bad := s.at(db, account, j.ID, now)
		got, err := db.GoodBefore(s.ctx(), &bad)
		s.ok(err)
		s.equal("found", got, cron.GoodBefore{})
	}},
}

// at is the execution of a job that started at an instant.
func (s *suite) at(db *store.Store, account, jobID int64, started time.Time) cron.Execution {
	s.Helper()
	page, err := db.Search(s.ctx(), account, &cron.HistoryQuery{Limit: 1,
		Filter: cron.HistoryFilter{JobID: jobID, From: started, To: started.Add(time.Second)}})
	s.ok(err)
	if len(page.Records) != 1 {
		s.Fatalf("there is no execution at %v", started)
	}
	return page.Records[0].Execution
}

func causes(list ...cron.Fingerprint) []cron.Fingerprint { return list }
