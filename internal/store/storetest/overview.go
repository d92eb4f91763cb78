package storetest

import (
	"math/rand/v2"
	"slices"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// plainMinutes counts by minute what a plain look at all rows finds from an instant on.
func plainMinutes(ledger []cron.Execution, from time.Time) (list []cron.MinuteCount) {
	list = []cron.MinuteCount{} // also when there are none, as Recent
	byMinute := make(map[time.Time][]cron.Execution)
	for i := range ledger {
		if minute := ledger[i].Instant().UTC().Truncate(time.Minute); !minute.Before(from) {
			byMinute[minute] = append(byMinute[minute], ledger[i])
		}
	}
	for minute, of := range byMinute {
		p := plainCount(of, 0, minute, minute.Add(time.Minute))
		c := cron.MinuteCount{Minute: minute, Succeeded: p.occurrences[cron.OutcomeSucceeded], Missed: p.occurrences[cron.OutcomeMissed],
			Failed: p.occurrences[cron.OutcomeFailed] + p.occurrences[cron.OutcomeLost]}
		if c.Succeeded+c.Failed+c.Missed > 0 {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b cron.MinuteCount) int { return a.Minute.Compare(b.Minute) })
	return list
}

// recent reads the counts by minute, without those of minutes in which nothing has ended.
func (s *suite) recent(db *store.Store, account int64, from time.Time) []cron.MinuteCount {
	s.Helper()
	r, err := db.Recent(s.ctx(), account, from)
	s.ok(err)
	for i := range r.Minutes {
		r.Minutes[i].Minute = r.Minutes[i].Minute.UTC()
	}
	return slices.DeleteFunc(r.Minutes, func(c cron.MinuteCount) bool { return c.Succeeded+c.Failed+c.Missed == 0 })
}

// countConditions counts jobs as JobCounts does.
func countConditions(jobs []cron.JobRecord, now time.Time) cron.JobCounts {
	c := cron.JobCounts{Jobs: len(jobs)}
	for i := range jobs {
		for _, holds := range jobs[i].Conditions(now) {
			switch holds {
			case cron.JobFailing:
				c.Failing++
			case cron.JobLate:
				c.Late++
			case cron.JobPaused:
				c.Paused++
			case cron.JobDisabled:
				c.Disabled++
			case cron.JobSilenced:
				c.Silenced++
			case cron.JobCertificate:
				c.Certificates++
			}
		}
	}
	return c
}

var overviewTests = []test{
	{"the counts of an account are those of the conditions of its jobs", func(s *suite) {
		db, account, _ := s.start()
		s.findable(db, s.account(db), 10)
		for _, j := range s.findable(db, account, 80) {
			s.raw().SetCertificate(j.ID, some(time.Time{}, db.Now().Add(-time.Hour), db.Now().Add(24*time.Hour), db.Now().Add(90*24*time.Hour)))
		}
		check := func(what string) {
			s.Helper()
			all := s.found(db, account, cron.JobQuery{Limit: 100})
			counts, err := db.JobCounts(s.ctx(), account)
			s.ok(err)
			s.equal(what, counts, countConditions(all, db.Now()))
		}
		check("at first")
		for i, j := range s.found(db, account, cron.JobQuery{Limit: 30}) {
			switch i % 5 {
			case 0:
				s.ok(db.DeleteJob(s.ctx(), account, j.ID))
			case 1:
				s.edit(db, j.Job, func(j *cron.Job) { j.Enabled = !j.Enabled })
			case 2:
				s.edit(db, j.Job, func(j *cron.Job) { j.Timing.PausedUntil, j.Notification.SilencedUntil = time.Time{}, time.Time{} })
			case 3:
				s.raw().SetState(j.ID, some(1, 4), 1)
			default:
				s.raw().SetCertificate(j.ID, some(time.Time{}, db.Now().Add(time.Hour)))
			}
		}
		check("after changes")
	}},
	{"results keep what is known of certificates", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account)
		for _, seen := range []time.Duration{time.Hour, time.Hour, 2 * time.Hour, 0, 400 * time.Hour, time.Hour} {
			s.attempt(db, node, j.ID, func(l cron.Launch) cron.Completion {
				c := succeeded(l)
				if c.Result.CertExpiry = (time.Time{}); seen > 0 {
					c.Result.CertExpiry = db.Now().Add(seen).UTC().Truncate(time.Second)
				}
				return c
			})
			counts, err := db.JobCounts(s.ctx(), account)
			s.ok(err)
			s.equal("as the job has it", counts, countConditions([]cron.JobRecord{s.record(db, account, j.ID)}, db.Now()))
		}
		s.equal("rows", s.raw().Rows("job_certificate"), int64(1))
		s.ok(db.DeleteAccount(s.ctx(), account))
		s.equal("rows of a deleted account", s.raw().Rows("job_certificate"), int64(0))
	}},
	{"the jobs that run next are the same for a large account", func(s *suite) {
		db, account, _ := s.start()
		other := s.account(db)
		for i := range 60 {
			j := s.job(db, []int64{account, other}[i%2], func(j *cron.Job) { j.Enabled = i%12 != 0 })
			if j.Enabled {
				s.plan(j.ID, db.Now().Add(time.Duration(rand.IntN(3600))*time.Second).Truncate(time.Second))
			}
		}
		page, err := db.SearchJobs(s.ctx(), account, &cron.JobQuery{Sort: cron.SortNext, Limit: 10})
		s.ok(err)
		for _, jobs := range []int{1, 1_000_000} {
			next, err := db.NextJobs(s.ctx(), account, jobs, 10)
			s.ok(err)
			s.equal("next", next, page.Jobs)
			all, err := db.NextJobs(s.ctx(), account, jobs, 100)
			s.ok(err)
			s.equal("jobs with a next run", len(all), 25)
		}
	}},
	{"the latest edits are those since an instant, with the titles of now", func(s *suite) {
		db, account, _ := s.start()
		j, gone := s.job(db, account), s.job(db, account)
		s.job(db, s.account(db))
		s.edit(db, j, func(j *cron.Job) { j.Title = "new" })
		s.ok(db.DeleteJob(s.ctx(), account, gone.ID))
		edits, err := db.Edits(s.ctx(), account, db.Now().Add(-time.Hour), 10)
		s.ok(err)
		s.equal("edits", len(edits), 3)
		s.equal("the latest", []any{edits[0].JobID, edits[0].Title, edits[0].Version, edits[0].Deleted}, []any{j.ID, "new", int64(2), false})
		s.equal("of a deleted job", []any{edits[1].JobID, edits[1].Deleted}, []any{gone.ID, true})
		few, err := db.Edits(s.ctx(), account, db.Now().Add(-time.Hour), 1)
		s.ok(err)
		s.equal("at most", few, edits[:1])
		none, err := db.Edits(s.ctx(), account, db.Now().Add(time.Hour), 10)
		s.ok(err)
		s.equal("since later", len(none), 0)
	}},
	{"problems are counted by their state of now", func(s *suite) {
		db, account, node := s.start()
		other := s.account(db)
		at, err := db.LastResolved(s.ctx(), account)
		s.ok(err)
		s.equal("none has ended", at, time.Time{})
		var ids []int64
		for _, host := range []string{"a.example", "b.example", "c.example", "d.example"} {
			s.attempt(db, node, s.due(db, account).ID, refusedBy(host))
		}
		s.attempt(db, node, s.due(db, other).ID, refusedBy("a.example"))
		for _, p := range s.problems(db, account) {
			ids = append(ids, p.ID)
		}
		act := func(id int64, state cron.ProblemState, until time.Time) {
			s.Helper()
			s.ok(db.ActOnProblem(s.ctx(), account, id, &cron.ProblemAction{State: &state, Until: until}))
		}
		act(ids[0], cron.ProblemAcknowledged, time.Time{})
		act(ids[1], cron.ProblemSnoozed, db.Now().Add(time.Hour))
		act(ids[2], cron.ProblemSnoozed, db.Now().Add(-time.Second))
		counts, err := db.ProblemCounts(s.ctx(), account)
		s.ok(err)
		s.equal("counts", counts, cron.ProblemCounts{Open: 2, Acknowledged: 1, Snoozed: 1})
		list, err := db.Unresolved(s.ctx(), account, 3)
		s.ok(err)
		s.equal("the latest", []int64{list[0].ID, list[1].ID, list[2].ID}, []int64{ids[3], ids[2], ids[1]})
		jobID, err := db.ExecutionJob(s.ctx(), account, list[0].FirstExecution, list[0].Opened)
		s.ok(err)
		s.equal("of one job", []any{list[0].Jobs, list[0].JobIDs}, []any{1, []int64{jobID}})
		_, err = db.ExecutionJob(s.ctx(), other, list[0].FirstExecution, list[0].Opened)
		s.missing(err, cron.SubjectExecution)
		before := db.Now().Add(-time.Second)
		act(ids[3], cron.ProblemResolved, time.Time{})
		counts, err = db.ProblemCounts(s.ctx(), account)
		s.ok(err)
		s.equal("unresolved", counts.Unresolved(), 3)
		at, err = db.LastResolved(s.ctx(), account)
		s.ok(err)
		s.equal("one has ended now", at.After(before), true)
	}},
}
