package storetest

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
	"punctual/internal/store"
)

var claimTests = []test{
	{"a launch has all that is needed to perform it", func(s *suite) {
		db, account, node := s.start()
		j := fullJob(account)
		s.ok(db.CreateJob(s.ctx(), &j))
		planned := db.Now().Add(-time.Second).UTC().Truncate(time.Second)
		s.plan(j.ID, planned)
		l := s.claimOne(db, node)
		if l.ExecutionID <= 0 || l.ExecutionID >= 1<<53 {
			s.Errorf("the id is %d", l.ExecutionID)
		}
		var id []byte
		s.ok(s.raw().DB().QueryRow(`SELECT value FROM setting WHERE name = 'installation'`).Scan(&id))
		s.equal("launch", l, cron.Launch{
			ExecutionID: l.ExecutionID, Node: node, Planned: planned, Due: planned, Kind: cron.KindScheduled, Attempt: 1,
			Plan: new(cron.DefaultPlans().Named(cron.PlanMember)), Job: new(claimedJob(j)),
			Material: cron.Material{Installation: [16]byte(id)},
		})
	}},
	{"the launch record stands before the result", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account)
		l := s.claimOne(db, node)
		s.equal("ledger", s.ledger(j.ID), []entry{{
			Planned: l.Planned, Kind: cron.KindScheduled, Attempt: 1, Node: node, Outcome: cron.OutcomeRunning,
		}})
		// It is no history yet.
		s.equal("history", len(s.history(db, account, j.ID)), 0)
		_, err := db.Execution(s.ctx(), account, j.ID, l.ExecutionID)
		s.missing(err, cron.SubjectExecution)
	}},
	{"nothing is claimed before its instant", func(s *suite) {
		db, account, node := s.start()
		soon := s.job(db, account)
		later := db.Now().Add(time.Hour).UTC().Truncate(time.Second)
		s.plan(soon.ID, later)
		s.pend(soon, later.Add(-time.Minute), later, cron.KindManual, 1)
		claimed := s.claimNone(db, node)
		s.equal("more", claimed.More, false)
		s.equal("next", claimed.Next, later.Add(-time.Minute))
		s.raw().Clear("pending")
		s.equal("next", s.claimNone(db, node).Next, later)
		s.equal("ledger", len(s.ledger(soon.ID)), 0)
	}},
	{"an occurrence is claimed once, and the job moves on to the next", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account)
		l := s.claimOne(db, node)
		next := j.NextAfter(l.Planned)
		s.equal("next run", s.record(db, account, j.ID).State.NextRun, next)
		s.equal("next", s.claimNone(db, node).Next, next)
	}},
	{"a job that runs a last time has no next run", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account, func(j *cron.Job) { j.Schedule.ExpiresAt = 20200101000000 })
		s.claimOne(db, node)
		s.equal("next run", s.record(db, account, j.ID).State.NextRun, time.Time{})
		s.equal("next", s.claimNone(db, node).Next, time.Time{})
	}},
	{"an idle database has nothing due", func(s *suite) {
		db, _, node := s.start()
		claimed := s.claimNone(db, node)
		s.equal("claimed", claimed, cron.Claimed{})
	}},
	{"a burst is served round-robin over accounts", func(s *suite) {
		db, first, node := s.start()
		at := db.Now().Add(-time.Second)
		var jobs [3][]int64 // of each account
		for i, account := range []int64{first, s.account(db), s.account(db)} {
			for range []int{20, 3, 1}[i] {
				j := s.job(db, account)
				s.plan(j.ID, at)
				jobs[i] = append(jobs[i], j.ID)
			}
		}
		turns := [][]int64{ // the first job of each account, and then eight of each
			{jobs[0][0], jobs[1][0], jobs[2][0]}, jobs[0][1:9], jobs[1][1:3], jobs[0][9:17], jobs[0][17:20],
		}
		for i, want := range turns {
			claimed := s.claim(db, node, len(want))
			s.equal("jobs of a turn", sorted(jobIDs(claimed.Launches)), sorted(want))
			if i < len(turns)-1 && !claimed.More {
				s.Errorf("turn %d left jobs behind and does not say so", i)
			}
		}
		s.claimNone(db, node)
	}},
	{"attempts are served round-robin over accounts", func(s *suite) {
		db, first, node := s.start()
		second, now := s.account(db), db.Now()
		var jobs [2][]int64 // of each account
		for i, account := range []int64{first, second} {
			for range []int{10, 2}[i] {
				j := s.job(db, account)
				s.pend(j, now.Add(-time.Minute), now.Add(-time.Second), cron.KindManual, 1)
				jobs[i] = append(jobs[i], j.ID)
			}
		}
		for _, want := range [][]int64{{jobs[0][0], jobs[1][0]}, jobs[0][1:9], jobs[1][1:2], jobs[0][9:10]} {
			claimed := s.claim(db, node, 2*len(want)) // half of a claim is for the schedule
			s.equal("jobs of a turn", sorted(jobIDs(claimed.Launches)), sorted(want))
		}
	}},
	{"of many occurrences, those that the ledger has are not launched again", func(s *suite) {
		db, account, node := s.start()
		const jobs = 45
		first := s.due(db, account)
		s.copies(first.ID, jobs-1)
		at := db.Now().Add(-time.Second).Truncate(time.Millisecond)
		s.raw().SetAllDue(at)
		for i := int64(0); i < jobs; i += 3 {
			s.raw().AddExecution(&cron.Execution{AccountID: account, JobID: first.ID + i, Planned: at, Attempt: 1, Outcome: cron.OutcomeSucceeded})
		}
		claimed := s.claim(db, node, jobs)
		s.equal("launches", len(claimed.Launches), jobs*2/3)
		results := make([]cron.Completion, len(claimed.Launches))
		for i, l := range claimed.Launches {
			results[i] = succeeded(l)
			results[i].Result.Peer = strconv.FormatInt(l.Job.ID, 10)
		}
		s.finish(db, results...)
		for _, l := range claimed.Launches {
			history := s.history(db, account, l.Job.ID)
			if len(history) != 1 || history[0].ID != l.ExecutionID || history[0].Result.Peer != strconv.FormatInt(l.Job.ID, 10) {
				s.Errorf("execution %d of job %d has the record %+v", l.ExecutionID, l.Job.ID, history)
			}
		}
		s.equal("all records", s.raw().Executions(cron.OutcomeSucceeded), int64(jobs))
	}},
	{"the earliest comes first", func(s *suite) {
		db, account, node := s.start()
		now := db.Now()
		var want []int64
		for _, age := range []time.Duration{5, 1, 3, 4, 2} {
			j := s.job(db, account)
			s.plan(j.ID, now.Add(-age*time.Second))
			want = append(want, j.ID)
		}
		want = []int64{want[0], want[3], want[2], want[4], want[1]}
		var got []int64
		for range 3 {
			got = append(got, jobIDs(s.claim(db, node, 2).Launches)...)
		}
		s.equal("order", got, want)
	}},
	{"a claim takes no more than its limit, and says what is left", func(s *suite) {
		db, account, node := s.start()
		for range 5 {
			s.due(db, account)
		}
		for _, want := range []int{2, 2, 1} {
			claimed := s.claim(db, node, 2)
			s.equal("claimed", len(claimed.Launches), want)
			s.equal("more", claimed.More, want == 2)
		}
	}},
	{"accounts without room are left out", func(s *suite) {
		db, full, node := s.start()
		free := s.account(db)
		waits, runs := s.due(db, full), s.due(db, free)
		s.pend(waits, db.Now().Add(-time.Second), db.Now(), cron.KindManual, 1)
		claimed := s.claim(db, node, 10, full, full+1000)
		s.equal("claimed", jobIDs(claimed.Launches), []int64{runs.ID})
		next := s.record(db, free, runs.ID).State.NextRun
		s.equal("next", claimed.Next, next)
		due, err := db.NextDue(s.ctx(), []int64{full})
		s.ok(err)
		s.equal("next", due, next)
		due, err = db.NextDue(s.ctx(), nil)
		s.ok(err)
		if due.After(db.Now()) {
			s.Errorf("what is left out is due at %v, which is not yet", due)
		}
		s.equal("claimed", jobIDs(s.claim(db, node, 10).Launches), []int64{waits.ID, waits.ID})
	}},
	{"all accounts can be left out", func(s *suite) {
		db, account, node := s.start()
		s.due(db, account)
		without := make([]int64, 2000)
		for i := range without {
			without[i] = account + int64(i)
		}
		claimed := s.claim(db, node, 10, without...)
		s.equal("claimed", claimed, cron.Claimed{})
	}},
	{"an occurrence that is planned again is not launched again", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account)
		l := s.claimOne(db, node)
		s.finish(db, succeeded(l))
		before := s.ledger(j.ID)
		s.plan(j.ID, l.Planned)
		s.claimNone(db, node)
		s.equal("ledger", s.ledger(j.ID), before)
		s.equal("next run", s.record(db, account, j.ID).State.NextRun, j.NextAfter(l.Planned))
	}},
	{"attempts take half of a claim at most", func(s *suite) {
		db, account, node := s.start()
		var scheduled, waiting []int64
		for i := range 6 {
			scheduled = append(scheduled, s.due(db, account).ID)
			j := s.job(db, account)
			s.pend(j, db.Now().Add(-time.Minute), db.Now(), cron.KindScheduled, 2+i)
			waiting = append(waiting, j.ID)
		}
		for range 3 {
			claimed := s.claim(db, node, 4)
			s.equal("more", claimed.More, true)
			var attempts int
			for _, l := range claimed.Launches {
				if l.Attempt > 1 {
					attempts++
				}
			}
			s.equal("attempts", attempts, 2)
			s.equal("all", len(claimed.Launches), 4)
		}
		s.equal("what is left", s.claim(db, node, 4).More, false)
		for _, id := range slices.Concat(scheduled, waiting) {
			s.equal("ledger", len(s.ledger(id)), 1)
		}
	}},
	{"a claim for one takes whatever is due", func(s *suite) {
		db, account, node := s.start()
		a, b := s.due(db, account), s.job(db, account)
		s.pend(b, db.Now().Add(-time.Second), db.Now(), cron.KindManual, 1)
		got := slices.Concat(s.claim(db, node, 1).Launches, s.claim(db, node, 1).Launches)
		s.equal("claimed", sorted(jobIDs(got)), sorted([]int64{a.ID, b.ID}))
	}},
	{"an attempt keeps its occurrence and counts from its own instant", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account)
		planned := db.Now().Add(-time.Hour).UTC().Truncate(time.Second)
		due := db.Now().Add(-2 * time.Second).UTC().Truncate(time.Millisecond)
		s.pend(j, due, planned, cron.KindScheduled, 3)
		l := s.claimOne(db, node)
		s.equal("planned", l.Planned, planned)
		s.equal("due", l.Due, due)
		s.equal("attempt", l.Attempt, 3)
		s.equal("waiting", len(s.waiting(j.ID)), 0)
		s.equal("next run", s.record(db, account, j.ID).State.NextRun, j.NextAfter(db.Now()))
		c := succeeded(l)
		c.Result.Started = due.Add(1500 * time.Millisecond)
		s.finish(db, c)
		s.equal("lateness", s.history(db, account, j.ID)[0].Lateness, 1500*time.Millisecond)
	}},
	{"a disabled job runs when somebody asks for it, and not else", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account, func(j *cron.Job) { j.Enabled = false })
		now := db.Now()
		s.pend(j, now.Add(-time.Second), now, cron.KindManual, 1)
		s.pend(j, now.Add(-time.Second), now, cron.KindScheduled, 2)
		s.equal("kind", s.claimOne(db, node).Kind, cron.KindManual)
		s.equal("waiting", len(s.waiting(j.ID)), 0)
		s.equal("ledger", len(s.ledger(j.ID)), 1)
	}},
	{"a node that does not live claims nothing", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account)
		for _, epoch := range []int64{0, node + 1} {
			_, err := db.Claim(s.ctx(), cron.ClaimRequest{Node: epoch, Limit: 1})
			if !errors.Is(err, cron.ErrNodeDead) {
				s.Errorf("the error is %v, want %v", err, cron.ErrNodeDead)
			}
		}
		s.equal("ledger", len(s.ledger(j.ID)), 0)
		s.claimOne(db, node)
	}},
}

// admit claims with a judge for each job.
func (s *suite) admit(judge func(*cron.Job) cron.Admission) (cron.ClaimRequest, *int) {
	begun := 0
	return cron.ClaimRequest{Limit: 10, Admit: func() cron.Admitter {
		begun++
		return func(j *cron.Job, _ *cron.Plan, _ int64) cron.Admission { return judge(j) }
	}}, &begun
}

var admissionTests = []test{
	{"work whose account has no room stays due", func(s *suite) {
		db, account, node := s.start()
		scheduled, waiting := s.due(db, account), s.job(db, account)
		s.pend(waiting, db.Now().Add(-time.Second), db.Now(), cron.KindManual, 1)
		before := s.record(db, account, scheduled.ID)
		req, _ := s.admit(func(*cron.Job) cron.Admission { return cron.AdmitLater })
		req.Node, req.Limit = node, 2
		claimed, err := db.Claim(s.ctx(), req)
		s.ok(err)
		s.equal("claimed", len(claimed.Launches), 0)
		s.equal("more", claimed.More, false)
		s.equal("job", s.record(db, account, scheduled.ID), before)
		s.equal("claimed", sorted(jobIDs(s.claim(db, node, 10).Launches)), sorted([]int64{scheduled.ID, waiting.ID}))
	}},
	{"work whose target has no room is looked at again later", func(s *suite) {
		db, account, node := s.start()
		scheduled, waiting := s.due(db, account), s.job(db, account)
		planned := s.record(db, account, scheduled.ID).State.NextRun
		due := db.Now().Add(-time.Second).UTC().Truncate(time.Millisecond)
		s.pend(waiting, due, due, cron.KindManual, 1)
		req, _ := s.admit(func(*cron.Job) cron.Admission { return cron.AdmitDefer })
		req.Node = node
		before := db.Now()
		claimed, err := db.Claim(s.ctx(), req)
		s.ok(err)
		s.equal("claimed", len(claimed.Launches), 0)
		if !claimed.Next.After(before) || claimed.Next.After(before.Add(time.Minute)) {
			s.Errorf("looked at again at %v, now is %v", claimed.Next, before)
		}
		s.equal("next run", s.record(db, account, scheduled.ID).State.NextRun, planned)
		s.equal("ledger", len(s.ledger(scheduled.ID))+len(s.ledger(waiting.ID)), 0)

		// Once the pause is over they run, as late as they are.
		s.raw().EndDeferrals()
		for _, l := range s.claim(db, node, 10).Launches {
			want := map[int64]time.Time{scheduled.ID: planned, waiting.ID: due}
			s.equal("planned", l.Planned, want[l.Job.ID])
			s.equal("due", l.Due, want[l.Job.ID])
			delete(want, l.Job.ID)
		}
	}},
	{"the judge sees the job as it is and may take some", func(s *suite) {
		db, account, node := s.start()
		yes, no := s.due(db, account, withSecrets), s.due(db, account)
		req, begun := s.admit(func(j *cron.Job) cron.Admission {
			if j.ID == no.ID {
				return cron.AdmitLater
			}
			narrow := yes
			narrow.Request.Headers, narrow.Request.Body = nil, ""
			narrow.Request.Auth.User, narrow.Request.Auth.Password = "", ""
			s.equal("job", *j, claimedJob(narrow))
			return cron.AdmitNow
		})
		req.Node = node
		claimed, err := db.Claim(s.ctx(), req)
		s.ok(err)
		s.equal("claimed", jobIDs(claimed.Launches), []int64{yes.ID})
		s.equal("launched", *claimed.Launches[0].Job, claimedJob(yes))
		if *begun < 1 {
			s.Error("the judge was not asked")
		}
	}},
	{"the judge is not asked about what does not run", func(s *suite) {
		db, account, node := s.start()
		now := db.Now()
		missed := s.job(db, account, daily(now.Add(-3*time.Hour)))
		s.plan(missed.ID, now.Add(-3*time.Hour))
		req, _ := s.admit(func(*cron.Job) cron.Admission {
			s.Error("the judge is asked")
			return cron.AdmitNow
		})
		req.Node = node
		claimed, err := db.Claim(s.ctx(), req)
		s.ok(err)
		s.equal("settled", claimed.Settled, 1)
	}},
	{"a claim has the definition as it is, also of a job that it has claimed before", func(s *suite) {
		db, account, node := s.start()
		another := s.open()
		j := s.job(db, account)
		edit := func(change func(*cron.Job)) func(*store.Store) error {
			return func(db *store.Store) error {
				return db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error { change(j); return nil })
			}
		}
		folder := s.folder(db, account, "folder")
		page := statuspage.Page{AccountID: account, Title: "page"}
		s.ok(db.CreateStatusPage(s.ctx(), &page))
		shown := func(jobs ...int64) func(*store.Store) error {
			return func(db *store.Store) error {
				return db.UpdateStatusPage(s.ctx(), account, page.ID, func(p *statuspage.Page) error {
					p.Components = nil
					if len(jobs) > 0 {
						p.Components = []statuspage.Component{{Title: "component", JobIDs: jobs, Rule: statuspage.DefaultRule()}}
					}
					return nil
				})
			}
		}
		planned := db.Now().Add(-time.Second).UTC().Truncate(time.Second)
		large := strings.Repeat("a body of which a node keeps nothing; ", 200)
		for _, c := range []struct {
			name   string
			change func(*store.Store) error
		}{
			{"nothing", func(*store.Store) error { return nil }},
			{"the URL", edit(func(j *cron.Job) { j.Request.URL = "http://example.com/other" })},
			{"only a secret", edit(func(j *cron.Job) { j.Request.Headers = []cron.Header{{Name: "X-A", Value: "one"}} })},
			{"only a secret again", edit(func(j *cron.Job) { j.Request.Headers[0].Value = "two" })},
			{"a URL with a password", edit(func(j *cron.Job) { j.Request.URL = "http://user:pass@example.com/" })},
			{"no secrets", edit(func(j *cron.Job) { j.Request.URL, j.Request.Headers = "http://example.com/", nil })},
			{"a large body", edit(func(j *cron.Job) { j.Request.Method, j.Request.Body = cron.MethodPost, large })},
			{"a small body", edit(func(j *cron.Job) { j.Request.Body = "small" })},
			{"policies", edit(func(j *cron.Job) {
				j.Timeout, j.Policy.Retry = 7, cron.Retry{Count: 2, Delay: time.Second, Factor: 1.5, Ceiling: time.Minute}
				j.Exchange.Success = &cron.Success{Status: []cron.StatusRange{{First: 200, Last: 204}}}
			})},
			{"the folder", edit(func(j *cron.Job) { j.FolderID = folder.ID })},
			{"the folder is deleted", func(db *store.Store) error {
				err := db.DeleteFolder(s.ctx(), account, folder.ID, cron.Author{})
				if cron.KindOf(err) == cron.NotFound { // the second time
					return nil
				}
				return err
			}},
			{"on a status page", shown(j.ID)},
			{"on none", shown()},
			{"an earlier version", func(db *store.Store) error {
				_, err := db.RestoreVersion(s.ctx(), account, j.ID, 1, func(j *cron.Job) error { j.Title, j.Request.Body = "earlier", ""; return nil })
				return err
			}},
			{"deleted and restored as it was before", func(db *store.Store) error {
				if err := db.DeleteJob(s.ctx(), account, j.ID); err != nil {
					return err
				}
				b, former, err := db.BinJob(s.ctx(), account, j.ID)
				if err != nil {
					return err
				}
				former.Title = "restored"
				return db.RestoreJob(s.ctx(), &b, &former, func(context.Context) error { return nil })
			}},
			{"disabled and enabled", func(db *store.Store) error {
				if err := edit(func(j *cron.Job) { j.Enabled = false })(db); err != nil {
					return err
				}
				return edit(func(j *cron.Job) { j.Enabled = true })(db)
			}},
		} {
			for _, by := range []*store.Store{db, another} {
				s.ok(c.change(by))
				rec, err := db.Job(s.ctx(), account, j.ID)
				s.ok(err)
				for range 2 {
					planned = planned.Add(-time.Millisecond)
					s.plan(j.ID, planned)
					s.equal("the job after "+c.name, *s.claimOne(db, node).Job, claimedJob(rec.Job))
				}
			}
		}
	}},
	{"large definitions are judged by their size, and read when they are admitted", func(s *suite) {
		db, account, node := s.start()
		large := func(j *cron.Job) { withSecrets(j); j.Request.Body = strings.Repeat("0123456789", 10_000) }
		no, yes := s.due(db, account, large), s.due(db, account, large)
		small := s.due(db, account, withSecrets)
		// What must not be read cannot be opened, and nobody notices.
		s.raw().MoveSecret(no.ID, yes.ID)
		var sizes []int64
		claimed, err := db.Claim(s.ctx(), cron.ClaimRequest{Node: node, Limit: 10, Admit: func() cron.Admitter {
			sizes = nil
			return func(j *cron.Job, _ *cron.Plan, bytes int64) cron.Admission {
				sizes = append(sizes, bytes)
				if j.ID == no.ID {
					return cron.AdmitLater
				}
				return cron.AdmitNow
			}
		}})
		s.ok(err)
		if len(sizes) != 3 || sizes[0] < 100_000 || sizes[0] > 110_000 || sizes[1] < 100_000 || sizes[2] != 0 {
			s.Errorf("the judge was told the sizes %v", sizes)
		}
		s.equal("claimed", jobIDs(claimed.Launches), []int64{yes.ID, small.ID})
		s.equal("launched", *claimed.Launches[0].Job, claimedJob(yes))
		s.equal("launched", *claimed.Launches[1].Job, claimedJob(small))
		s.equal("bytes", []int64{claimed.Launches[0].Bytes, claimed.Launches[1].Bytes}, sizes[1:])
		s.equal("ledger", len(s.ledger(no.ID)), 0)
	}},
	{"one claim reads few large definitions, and no small one waits for them", func(s *suite) {
		db, account, node := s.start()
		body := strings.Repeat("0123456789", 100_000)
		var want []int64
		for range 20 {
			want = append(want, s.due(db, account, func(j *cron.Job) { j.Request.Body = body }).ID)
		}
		neighbour := s.account(db)
		var small []int64
		for range 20 {
			small = append(small, s.due(db, neighbour, withSecrets).ID)
		}
		var large []int64
		for round := 0; len(large) < len(want); round++ {
			claimed := s.claim(db, node, 100)
			bytes, n := int64(0), 0
			for _, l := range claimed.Launches {
				if bytes += l.Bytes; l.Bytes > 0 {
					s.equal("body", l.Job.Request.Body, body)
					large = append(large, l.Job.ID)
					n++
				}
			}
			if n == 0 || bytes > 8<<20 {
				s.Fatalf("round %d read %d bytes of %d definitions", round, bytes, n)
			}
			if round == 0 {
				s.equal("small ones at once", len(claimed.Launches)-n, len(small))
			}
			s.equal("more", claimed.More, len(large) < len(want))
		}
		s.equal("all", sorted(large), sorted(want))
		s.claimNone(db, node)
		for _, id := range slices.Concat(want, small) {
			s.equal("ledger", len(s.ledger(id)), 1)
		}
	}},
	{"an edit ends the pause", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account)
		s.raw().DeferJob(j.ID, db.Now().Add(time.Hour))
		s.claimNone(db, node)
		s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error { j.Request.URL = "http://new/"; return nil }))
		s.equal("URL", s.claimOne(db, node).Job.Request.URL, "http://new/")
	}},
}
