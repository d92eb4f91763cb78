package storetest

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// put adds a record to the ledger and sets its ID.
func (s *suite) put(e *cron.Execution) {
	s.Helper()
	s.raw().AddExecution(e)
}

// flood adds records of one job, a second apart, up to the given instant.
func (s *suite) flood(account, jobID int64, count int, until time.Time) {
	s.Helper()
	s.raw().AddExecutions(account, jobID, count, until, time.Second)
}

// pages reads all pages of a search, and how many they were.
func (s *suite) pages(db *store.Store, account int64, f cron.HistoryFilter, limit int) (
	found []cron.HistoryRecord, pages int) {
	s.Helper()
	for q := (cron.HistoryQuery{Filter: f, Limit: limit}); ; {
		page, err := db.Search(s.ctx(), account, &q)
		s.ok(err)
		if len(page.Records) > limit {
			s.Fatalf("a page has %d records, want at most %d", len(page.Records), limit)
		}
		found, pages = append(found, page.Records...), pages+1
		if page.Next.ID == 0 {
			return found, pages
		}
		if q.After.ID != 0 && page.Next.ID >= q.After.ID {
			s.Fatalf("the page after %d leads to %d", q.After.ID, page.Next.ID)
		}
		q.After = page.Next
	}
}

func recordIDs(records []cron.HistoryRecord) []int64 {
	ids := make([]int64, len(records))
	for i := range records {
		ids[i] = records[i].ID
	}
	return ids
}

// randomRecord is a record of a job that started, or was recorded, at an instant.
func randomRecord(random *rand.Rand, j *cron.Job, at time.Time) cron.Execution {
	pick := func(values ...string) string { return values[random.IntN(len(values))] }
	e := cron.Execution{
		JobID: j.ID, AccountID: j.AccountID, Attempt: 1, Outcome: cron.Outcome(random.IntN(6)),
		Planned: at.Add(-time.Duration(random.IntN(30_000)) * time.Millisecond),
	}
	r := &e.Result
	r.Started = at
	switch e.Outcome {
	case cron.OutcomeMissed, cron.OutcomeSkipped:
		e.Planned = at.Add(-time.Duration(random.IntN(7200)) * time.Second)
		e.Last, e.Count, e.AtLeast = at, 1+random.Int64N(50), random.IntN(2) == 0
		r.Fault = cron.FaultMissed
		return e
	case cron.OutcomeSucceeded, cron.OutcomeFailed:
		e.Lateness = at.Sub(e.Planned)
		r.Duration = time.Duration(random.Int64N(1<<random.IntN(30))) * time.Microsecond
		r.URL = pick("http://a.example/", "https://EXAMPLE.com/100%_\\x", "http://b.example/Ärger")
		r.HTTPStatus, r.Reason = 100*(2+random.IntN(4)), pick("OK", "Not Found", "Très bien", "")
		if random.IntN(3) == 0 {
			r.Fault, r.Detail = cron.FaultRefused, pick("127.0.0.1:80", "[::1]:80")
		}
	case cron.OutcomeLost:
		r.Status, r.Fault = cron.StatusInternalError, cron.FaultLost
	}
	return e
}

// wants tells, step by step, whether a filter wants a record.
func wants(f *cron.HistoryFilter, r *cron.HistoryRecord, folder int64) bool {
	date := r.Result.Started
	switch {
	case f.JobID != 0 && r.JobID != f.JobID,
		f.FolderID != nil && folder != *f.FolderID,
		len(f.Outcomes) > 0 && !slices.Contains(f.Outcomes, r.Outcome),
		!f.From.IsZero() && date.Before(f.From),
		!f.To.IsZero() && !date.Before(f.To),
		len(f.Causes) > 0 && !slices.Contains(f.Causes, r.Cause),
		len(f.Faults) > 0 && !slices.Contains(f.Faults, r.Result.Fault),
		len(f.Statuses) > 0 && !slices.ContainsFunc(f.Statuses, func(s cron.StatusRange) bool {
			return s.First <= r.Result.HTTPStatus && r.Result.HTTPStatus <= s.Last
		}):
		return false
	case len(f.Kinds) > 0 && !slices.Contains(f.Kinds, r.RecordKind()), excludes(&f.Not, r, folder):
		return false
	}
	return f.Text == "" || holds(r, f.Text)
}

// excludes tells whether a record has something that it may not have.
func excludes(not *cron.HistoryExclusion, r *cron.HistoryRecord, folder int64) bool {
	return slices.Contains(not.JobIDs, r.JobID) || slices.Contains(not.FolderIDs, folder) || slices.Contains(not.Outcomes, r.Outcome) ||
		slices.Contains(not.Faults, r.Result.Fault) || slices.Contains(not.Causes, r.Cause) || slices.Contains(not.Kinds, r.RecordKind()) ||
		not.Text != "" && holds(r, not.Text) || slices.ContainsFunc(not.Statuses, func(s cron.StatusRange) bool {
		return s.First <= r.Result.HTTPStatus && r.Result.HTTPStatus <= s.Last
	})
}

// holds tells whether one of the texts of a record contains a text.
func holds(r *cron.HistoryRecord, wanted string) bool {
	for _, text := range []string{r.Result.URL, r.Title, r.Result.Reason, r.Result.Detail} {
		if strings.Contains(strings.ToLower(text), strings.ToLower(wanted)) {
			return true
		}
	}
	return false
}

// someOf is now and then a part of the values.
func someOf[T any](random *rand.Rand, values []T) (some []T) {
	if random.IntN(3) > 0 {
		return nil
	}
	for _, v := range values {
		if random.IntN(2) == 0 {
			some = append(some, v)
		}
	}
	return some
}

// randomExclusion excludes some of what the records have.
func randomExclusion(random *rand.Rand, all []cron.HistoryRecord, folder int64) (not cron.HistoryExclusion) {
	if random.IntN(2) == 0 {
		return not
	}
	not.JobIDs = someOf(random, []int64{all[0].JobID, 4711})
	not.FolderIDs = someOf(random, []int64{folder})
	not.Outcomes = someOf(random, []cron.Outcome{cron.OutcomeFailed, cron.OutcomeMissed})
	not.Faults = someOf(random, []cron.Fault{cron.FaultRefused, cron.FaultLost})
	not.Statuses = someOf(random, []cron.StatusRange{{First: 200, Last: 299}, {First: 404, Last: 404}})
	not.Causes = someOf(random, []cron.Fingerprint{all[random.IntN(len(all))].Cause, 1})
	not.Causes = slices.DeleteFunc(not.Causes, func(c cron.Fingerprint) bool { return c == 0 })
	not.Kinds = someOf(random, []cron.RecordKind{cron.RecordRetry, cron.RecordRerun})
	if texts := someOf(random, []string{"ärger", "a.example"}); len(texts) > 0 {
		not.Text = texts[0]
	}
	return not
}

var searchTests = []test{
	{"a search finds what its filter wants, in pages of any size", func(s *suite) {
		db, account, _ := s.start()
		stranger := s.account(db)
		random := rand.New(rand.NewPCG(1, 2))
		folder := cron.Folder{AccountID: account, Title: "folder"}
		s.ok(db.CreateFolder(s.ctx(), &folder))
		var jobs []cron.Job
		for i, title := range []string{"Über 100%", "backup", "a_b\\c", ""} {
			jobs = append(jobs, s.job(db, account, func(j *cron.Job) {
				j.Title, j.FolderID = title, []int64{0, folder.ID}[i%2]
			}))
		}
		other := s.job(db, stranger)
		begin := db.Now().UTC().Truncate(time.Second).Add(-48 * time.Hour)
		maybe := func() bool { return random.IntN(3) == 0 }
		var all []cron.HistoryRecord
		for i := range 300 {
			at := begin.Add(time.Duration(i)*10*time.Minute + time.Duration(random.IntN(500))*time.Millisecond)
			job := &jobs[random.IntN(len(jobs))]
			if i%7 == 0 {
				job = &other
			}
			r := cron.HistoryRecord{Execution: randomRecord(random, job, at), Title: job.Title}
			if r.Count == 0 {
				r.Attempt, r.Kind = 1+random.IntN(2), cron.Kind(random.IntN(2))
			}
			s.put(&r.Execution)
			if job != &other && r.Kind == cron.KindManual && maybe() {
				r.RerunOf = cron.RecordRef{ID: r.ID - 1, Planned: r.Planned.Add(-time.Hour)}
				s.raw().AddRerunOf(&r.Execution, r.RerunOf)
			}
			if job != &other {
				all = append(all, r)
			}
		}
		slices.Reverse(all)
		folderOf := func(jobID int64) int64 { return jobs[jobID-jobs[0].ID].FolderID }
		for range 300 {
			var f cron.HistoryFilter
			if maybe() {
				f.JobID = jobs[random.IntN(len(jobs))].ID
			}
			if maybe() {
				f.FolderID = new([]int64{0, folder.ID}[random.IntN(2)])
			}
			if maybe() {
				f.Outcomes = []cron.Outcome{cron.Outcome(random.IntN(6)), cron.Outcome(random.IntN(6))}
			}
			if maybe() {
				f.Faults = []cron.Fault{cron.FaultRefused, cron.FaultMissed, cron.FaultLost}[random.IntN(3):]
			}
			if maybe() {
				f.Statuses = []cron.StatusRange{{First: 200, Last: 299}, {First: 500, Last: 500}}[:1+random.IntN(2)]
			}
			if maybe() {
				f.From = begin.Add(time.Duration(random.IntN(48*3600)) * time.Second)
			}
			if maybe() {
				f.To = begin.Add(time.Duration(random.IntN(48*3600)) * time.Second)
			}
			if maybe() {
				texts := []string{"üBER", "100%", "A.EXAMPLE", "_", "\\", "not f", "OK", "127.0", "[::1]:8", "ÄRGER", "très", "nothing", "B\\c"}
				f.Text = texts[random.IntN(len(texts))]
			}
			f.Kinds = someOf(random, cron.RecordKinds())
			f.Not = randomExclusion(random, all, folder.ID)
			var want []int64
			for i := range all {
				if wants(&f, &all[i], folderOf(all[i].JobID)) {
					want = append(want, all[i].ID)
				}
			}
			got, _ := s.pages(db, account, f, 1+random.IntN(200))
			if !slices.Equal(recordIDs(got), want) {
				s.Errorf("%+v: found %v, want %v", f, recordIDs(got), want)
			}
		}
	}},
	{"a record reads back with all that belongs to it", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account, func(j *cron.Job) { j.Title = "title" })
		l := s.claimOne(db, node)
		result := fullResult(l.Due.Add(1234 * time.Millisecond))
		s.finish(db, cron.Completion{Launch: l, Result: result})
		result.Headers, result.Body, result.Redirects, result.Truncated = nil, nil, nil, false
		got, _ := s.pages(db, account, cron.HistoryFilter{}, 10)
		s.equal("records", got, []cron.HistoryRecord{{
			Execution: cron.Execution{
				ID: l.ExecutionID, JobID: j.ID, AccountID: account, Planned: l.Planned, Attempt: 1,
				Outcome: cron.OutcomeFailed, Cause: result.Fingerprint(), Lateness: 1234 * time.Millisecond, Version: 1, Result: result,
			}, Title: "title",
		}})
	}},
	{"a page is bounded work, and the pages come to an end", func(s *suite) {
		db, account, _ := s.start()
		j, rare := s.job(db, account), s.job(db, account)
		now := db.Now().UTC().Truncate(time.Second)
		first := randomRecord(rand.New(rand.NewPCG(1, 1)), &rare, now.Add(-3*time.Hour))
		first.Outcome, first.Result.Fault = cron.OutcomeLost, cron.FaultLost
		s.put(&first)
		s.flood(account, j.ID, 5000, now)
		_, pages := s.pages(db, account, cron.HistoryFilter{Outcomes: []cron.Outcome{cron.OutcomeFailed, cron.OutcomeLost}}, 10)
		s.equal("pages of failures alone", pages, 1)
		lost := cron.HistoryFilter{Faults: []cron.Fault{cron.FaultLost}}
		got, pages := s.pages(db, account, lost, 10)
		s.equal("found", recordIDs(got), []int64{first.ID})
		s.equal("pages", pages, 3)
		q := cron.HistoryQuery{Filter: lost, Limit: 10}
		page, err := db.Search(s.ctx(), account, &q)
		s.ok(err)
		s.equal("records", len(page.Records), 0)
		s.equal("searched back to", page.Next.At, now.Add(-1999*time.Second))
		lost.From = now.Add(-time.Hour)
		_, pages = s.pages(db, account, lost, 10)
		s.equal("pages of an hour", pages, 2)
		got, _ = s.pages(db, account, cron.HistoryFilter{}, 1000)
		s.equal("everything", len(got), 5001)
	}},
	{"the end of a span is found without looking at what is younger", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		now := db.Now().UTC().Truncate(time.Second)
		// Not evenly in time: what comes first lies days before the rest.
		s.flood(account, j.ID, 5000, now.Add(-100*time.Hour))
		s.flood(account, j.ID, 15_000, now)
		for _, jobID := range []int64{0, j.ID} {
			for _, row := range []struct{ age, newest time.Duration }{
				{0, time.Second}, {time.Second, 2 * time.Second}, {time.Hour, time.Hour + time.Second},
				{4 * time.Hour, 4*time.Hour + time.Second}, {50 * time.Hour, 100 * time.Hour},
				{100*time.Hour + 4000*time.Second, 100*time.Hour + 4001*time.Second}, {102 * time.Hour, 0},
			} {
				q := cron.HistoryQuery{Filter: cron.HistoryFilter{JobID: jobID, To: now.Add(-row.age)}, Limit: 1}
				page, err := db.Search(s.ctx(), account, &q)
				s.ok(err)
				switch {
				case row.newest == 0:
					s.equal("before everything", len(page.Records), 0)
				case len(page.Records) != 1 || !page.Records[0].Result.Started.Equal(now.Add(-row.newest)):
					s.Errorf("before %v: %+v", row.age, page.Records)
				}
			}
		}
	}},
	{"pages do not move while records come", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		now := db.Now().UTC().Truncate(time.Second)
		s.flood(account, j.ID, 25, now.Add(-time.Hour))
		want, _ := s.pages(db, account, cron.HistoryFilter{}, 100)
		var got []cron.HistoryRecord
		for q := (cron.HistoryQuery{Limit: 10}); ; {
			page, err := db.Search(s.ctx(), account, &q)
			s.ok(err)
			got = append(got, page.Records...)
			if page.Next.ID == 0 {
				break
			}
			q.After = page.Next
			s.flood(account, s.job(db, account).ID, 3, now)
		}
		s.equal("records", recordIDs(got), recordIDs(want))
	}},
	{"nobody finds what belongs to another account, or to deleted jobs", func(s *suite) {
		db, account, _ := s.start()
		stranger := s.account(db)
		j, gone := s.job(db, account), s.job(db, account)
		now := db.Now()
		s.flood(account, j.ID, 3, now)
		s.flood(account, gone.ID, 3, now)
		folder := cron.Folder{AccountID: account, Title: "folder"}
		s.ok(db.CreateFolder(s.ctx(), &folder))
		s.ok(db.DeleteJob(s.ctx(), account, gone.ID))
		got, _ := s.pages(db, account, cron.HistoryFilter{}, 10)
		s.equal("of jobs that are there", len(got), 3)
		got, _ = s.pages(db, stranger, cron.HistoryFilter{}, 10)
		s.equal("of another account", len(got), 0)
		for _, row := range []struct {
			account int64
			filter  cron.HistoryFilter
			subject cron.Subject
		}{
			{stranger, cron.HistoryFilter{JobID: j.ID}, cron.SubjectJob},
			{account, cron.HistoryFilter{JobID: gone.ID}, cron.SubjectJob},
			{stranger, cron.HistoryFilter{FolderID: &folder.ID}, cron.SubjectFolder},
			{stranger + 100, cron.HistoryFilter{}, cron.SubjectAccount},
		} {
			_, err := db.Search(s.ctx(), row.account, &cron.HistoryQuery{Filter: row.filter, Limit: 10})
			s.missing(err, row.subject)
		}
	}},
	{"a search ends where the plan says", func(s *suite) {
		s.options.Plans = shortRetention()
		db, account, node := s.start()
		j := s.job(db, account)
		now := db.Now().UTC().Truncate(time.Second)
		s.ran(db, node, j, now.Add(-61*time.Minute))
		recent := s.ran(db, node, j, now.Add(-55*time.Minute))
		got, _ := s.pages(db, account, cron.HistoryFilter{}, 10)
		s.equal("records", recordIDs(got), []int64{recent.ExecutionID})
	}},
	{"an attempt after a lost one is a repeat, one after a failed one is not", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		at := db.Now().UTC().Truncate(time.Second).Add(-time.Hour)
		for i, outcome := range []cron.Outcome{cron.OutcomeLost, cron.OutcomeFailed, cron.OutcomeSucceeded} {
			s.put(&cron.Execution{AccountID: account, JobID: j.ID, Planned: at, Attempt: i + 1, Outcome: outcome,
				Result: cron.Result{Started: at.Add(time.Duration(i) * time.Minute)}})
		}
		got, _ := s.pages(db, account, cron.HistoryFilter{}, 10)
		for i, repeats := range []bool{false, true} {
			s.equal("repeats", got[i].Repeats, repeats)
		}
	}},
}
