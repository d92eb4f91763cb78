package storetest

import (
	"context"
	"errors"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// followed is more than what a test of events reads at once.
const followed = 1000

// executionsAfter lists ids and outcomes of executions.
func (s *suite) executionsAfter(db *store.Store, account, id int64) (ids []int64, outcomes []cron.Outcome) {
	s.Helper()
	list, err := db.ExecutionsAfter(s.ctx(), account, id, followed)
	s.ok(err)
	for _, e := range list {
		ids, outcomes = append(ids, e.ID), append(outcomes, e.Outcome)
	}
	return ids, outcomes
}

// changes lists what was done to the jobs of an account since the change with the given id, in words.
func (s *suite) changes(db *store.Store, account, id int64) (words []string, last int64) {
	s.Helper()
	list, err := db.JobChangesAfter(s.ctx(), account, id, followed)
	s.ok(err)
	for _, c := range list {
		words, id = append(words, c.Kind.String()), c.ID
	}
	return words, id
}

// reach waits until the watermark of a database is at the given IDs, or after them.
func (s *suite) reach(db *store.Store, changes, executions int64) {
	s.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		w, err := db.Watermarks(s.ctx())
		s.ok(err)
		if w.Changes.Safe >= changes && w.Executions.Safe >= executions {
			return
		}
		if time.Now().After(end) {
			s.Fatalf("the watermark is %+v, and does not reach %d and %d", w, changes, executions)
		}
	}
}

var eventTests = []test{
	{"executions are listed after an id, and as they change", func(s *suite) {
		db, account, node := s.start()
		stranger := s.account(db)
		for range 3 {
			s.due(db, account)
		}
		s.due(db, stranger)
		var ours []cron.Launch
		for _, l := range s.claim(db, node, 10).Launches {
			if l.Job.AccountID == account {
				ours = append(ours, l)
			}
		}
		ids, outcomes := s.executionsAfter(db, account, 0)
		s.equal("executions", len(ids), 3)
		s.equal("outcomes", outcomes, make([]cron.Outcome, 3))
		rest, _ := s.executionsAfter(db, account, ids[0])
		s.equal("executions after the first", rest, ids[1:])
		first, err := db.ExecutionsAfter(s.ctx(), account, 0, 1)
		s.ok(err)
		s.equal("executions of one", len(first), 1)
		running, err := db.RunningExecutions(s.ctx(), account)
		s.ok(err)
		s.equal("running executions", len(running), 3)
		if diff := running[0]; diff.JobID == 0 || diff.Planned.IsZero() {
			s.Errorf("a running execution is %+v", diff)
		}

		s.finish(db, succeeded(ours[0]), failed(ours[1]))
		planned := ours[0].Planned
		for _, l := range ours {
			if l.Planned.Before(planned) {
				planned = l.Planned
			}
		}
		changed := func(account int64, planned time.Time, was cron.Outcome) (outcomes []cron.Outcome) {
			s.Helper()
			list, err := db.ChangedExecutions(s.ctx(), account, ids, planned, was)
			s.ok(err)
			for _, e := range list {
				outcomes = append(outcomes, e.Outcome)
			}
			return outcomes
		}
		s.equal("changed ones", len(changed(account, planned, cron.OutcomeRunning)), 2)
		s.equal("changed ones from any time", len(changed(account, time.Time{}, cron.OutcomeRunning)), 2)
		s.equal("ones that are not lost", len(changed(account, planned, cron.OutcomeLost)), 3)
		s.equal("changed ones of another account", len(changed(stranger, planned, cron.OutcomeRunning)), 0)
		s.equal("changed ones of later", len(changed(account, planned.Add(time.Hour), cron.OutcomeRunning)), 0)
		running, err = db.RunningExecutions(s.ctx(), account)
		s.ok(err)
		s.equal("what still runs", len(running), 1)
	}},
	{"what is done to a job is noted in its transaction", func(s *suite) {
		db, account, node := s.start()
		stranger := s.account(db)
		f := s.folder(db, account, "folder")
		j := s.job(db, account, func(j *cron.Job) {
			j.FolderID, j.Request.Body = f.ID, "a secret, which is written apart"
		})
		words, last := s.changes(db, account, 0)
		s.equal("creating it", words, []string{"created"})
		s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error { j.Title = "other"; return nil }))
		words, last = s.changes(db, account, last)
		s.equal("editing it", words, []string{"changed"})
		cause := errors.New("cause")
		err := db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error { return cause })
		if !errors.Is(err, cause) {
			s.Errorf("the error is %v", err)
		}
		s.ok(db.DeleteFolder(s.ctx(), account, f.ID, cron.Author{}))
		words, last = s.changes(db, account, last)
		s.equal("deleting its folder", words, []string{"changed"})

		s.plan(j.ID, db.Now().Add(-time.Second))
		s.finish(db, succeeded(s.claimOne(db, node)))
		words, last = s.changes(db, account, last)
		s.equal("executing it", words, []string(nil))
		s.raw().SetCountedFailures(j.ID, 1000)
		s.plan(j.ID, db.Now().Add(-time.Second))
		s.finish(db, failed(s.claimOne(db, node)))
		words, last = s.changes(db, account, last)
		s.equal("failing too often", words, []string{"disabled", "opened"})

		once := s.job(db, account, func(j *cron.Job) { j.Timing.RunAt = db.Now().Add(time.Hour).Truncate(time.Second) })
		_, last = s.changes(db, account, last)
		s.raw().SetRunAt(once.ID, db.Now().Add(-time.Second))
		s.plan(once.ID, db.Now().Add(-time.Second))
		s.claimOne(db, node)
		words, last = s.changes(db, account, last)
		s.equal("the one occurrence", words, []string{"disabled"})

		s.ok(db.DeleteJob(s.ctx(), account, j.ID))
		list, err := db.JobChangesAfter(s.ctx(), account, last, followed)
		s.ok(err)
		if len(list) != 2 || list[0].Kind != cron.ChangeProblemResolved || list[0].ProblemID == 0 || list[0].JobID != 0 ||
			list[1].Kind != cron.ChangeDeleted || list[1].JobID != j.ID || list[1].At.IsZero() {
			s.Errorf("deleting it is %+v", list)
		}
		words, _ = s.changes(db, stranger, 0)
		s.equal("what another account sees", words, []string(nil))
	}},
	{"what becomes of a message is noted, but not that it is being sent", func(s *suite) {
		db, account, node := s.start()
		stranger := s.account(db)
		hook := s.hook(db, account)
		_, last := s.changes(db, account, 0)
		s.raw().AddMessages(hook, 4, db.Now().Add(-time.Second))
		claimed := s.claimMessages(db, node, 3)
		s.finishMessage(db, node, claimed[0].Message.ID)
		s.finishMessage(db, node, claimed[1].Message.ID, faulty(cron.ChannelBroken))
		s.finishMessage(db, node, claimed[2].Message.ID, faulty(cron.ChannelUnauthorized))
		s.ok(db.UpdateChannel(s.ctx(), account, hook.ID, func(c *cron.Channel) error { c.Enabled = false; return nil }))
		s.raw().HurryMessages(db.Now())
		s.equal("claimed of a channel that is off", len(s.claimMessages(db, node, 4)), 0)
		list, err := db.JobChangesAfter(s.ctx(), account, last, followed)
		s.ok(err)
		of := make(map[int64][]string)
		for _, c := range list {
			of[c.MessageID] = append(of[c.MessageID], c.Kind.String())
			if c.MessageID == 0 || c.JobID != 0 || c.ProblemID != 0 || c.At.IsZero() {
				s.Errorf("a change is %+v", c)
			}
		}
		var words [][]string
		for _, m := range s.raw().Messages() {
			words = append(words, of[m.ID])
		}
		s.equal("changes", words, [][]string{{"waiting", "sent"}, {"waiting", "waiting", "dropped"}, {"waiting", "failed"}, {"waiting", "dropped"}})
		others, _ := s.changes(db, stranger, 0)
		s.equal("what another account sees", others, []string(nil))
	}},
	{"a watermark waits for the transaction that has taken a lower ID", func(s *suite) {
		db, account, node := s.start()
		other := s.open()
		j := s.job(db, account)
		before, err := db.Watermarks(s.ctx())
		s.ok(err)
		if before.Executions.Safe > before.Executions.Latest || before.Changes.Safe > before.Changes.Latest {
			s.Errorf("the watermark is %+v", before)
		}
		if s.isSQLite() {
			s.ok(other.UpdateJob(s.ctx(), account, j.ID, func(*cron.Job) error { return nil }))
			after, err := db.Watermarks(s.ctx())
			s.ok(err)
			if after.Changes.Safe != after.Changes.Latest || after.Changes.Latest != before.Changes.Latest+1 {
				s.Errorf("after a change the watermark goes from %+v to %+v", before, after)
			}
			return
		}
		// One transaction takes ids and waits; another takes later ones and ends.
		commit := OpenTables(s.T, s.options).BeginChange(j.ID)
		s.due(other, account)
		s.finish(other, succeeded(s.claimOne(other, node)))
		for range 20 {
			f, err := db.Watermarks(s.ctx())
			s.ok(err)
			if f.Changes.Safe > before.Changes.Latest || f.Executions.Safe > before.Executions.Latest {
				s.Fatalf("with an open transaction, the watermark goes from %+v to %+v", before, f)
			}
			if f.Changes.Latest < before.Changes.Latest+2 || f.Executions.Latest <= before.Executions.Latest {
				s.Fatalf("the latest ids go from %+v to %+v", before, f)
			}
			time.Sleep(30 * time.Millisecond)
		}
		fresh := s.open()
		short, cancel := context.WithTimeout(s.ctx(), 100*time.Millisecond)
		defer cancel()
		if f, err := fresh.Watermarks(short); !errors.Is(err, context.DeadlineExceeded) {
			s.Errorf("a first watermark with an open transaction is %+v, %v", f, err)
		}
		commit()
		for _, db := range []*store.Store{db, fresh} {
			s.reach(db, before.Changes.Latest+2, before.Executions.Latest+1)
		}
		words, _ := s.changes(db, account, before.Changes.Latest)
		s.equal("changes", words, []string{"changed", "created"})
	}},
	{"a watermark advances while there is always an open transaction", func(s *suite) {
		if s.isSQLite() {
			s.Skip("SQLite has one writer")
		}
		db, account, _ := s.start()
		j := s.job(db, account)
		before, err := db.Watermarks(s.ctx())
		s.ok(err)
		tables := OpenTables(s.T, s.options)
		commit := func() {}
		for w, end := before, time.Now().Add(time.Minute); w.Changes.Safe < before.Changes.Latest+5; {
			id, next := tables.BeginJobChange(account, j.ID)
			commit()
			commit = next
			w, err = db.Watermarks(s.ctx())
			s.ok(err)
			if w.Changes.Safe >= id {
				s.Fatalf("the watermark is %+v, and a transaction that has taken ID %d is open", w, id)
			}
			if time.Now().After(end) {
				s.Fatalf("the watermark is %+v, and was %+v a minute ago", w, before)
			}
		}
		commit()
	}},
	{"a watermark does not wait for transactions that take no IDs", func(s *suite) {
		if s.isSQLite() {
			s.Skip("on SQLite the latest ID is the watermark")
		}
		db, account, node := s.start()
		tables := OpenTables(s.T, s.options)
		tables.begin(`CREATE TABLE bystander (n INTEGER)`) // which takes a transaction ID
		tables.BeginDump()
		before, err := db.Watermarks(s.ctx())
		s.ok(err)
		s.due(db, account)
		s.finish(db, succeeded(s.claimOne(db, node)))
		s.reach(db, before.Changes.Latest+1, before.Executions.Latest+1)
	}},
	{"old changes of jobs are forgotten", func(s *suite) {
		db, account, _ := s.start()
		for range 3 {
			s.job(db, account)
		}
		s.raw().SetChanged(1, db.Now().Add(-cron.ChangesKept-time.Hour))
		s.raw().SetChanged(2, db.Now().Add(-cron.ChangesKept+time.Hour))
		s.maintain(db)
		list, err := db.JobChangesAfter(s.ctx(), account, 0, followed)
		s.ok(err)
		s.equal("changes", len(list), 2)
		s.raw().Clear("job_change")
		s.raw().AddOldChanges(followed + 700)
		s.maintain(db)
		s.equal("changes after a flood", s.raw().Rows("job_change"), int64(0))
	}},
}
