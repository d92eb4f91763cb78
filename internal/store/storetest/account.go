package storetest

import (
	"crypto/sha256"
	"errors"
	"net/netip"
	"reflect"
	"time"

	"github.com/google/go-cmp/cmp"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// refusal is what a caller learns from an error.
type refusal struct {
	Kind    cron.ErrorKind
	Subject cron.Subject
}

func kindAndSubject(err error) refusal {
	if e, ok := errors.AsType[*cron.Error](err); ok {
		return refusal{e.Kind, e.Subject}
	}
	return refusal{}
}

var accountTests = []test{
	{"an account reads back", func(s *suite) {
		db := s.open()
		a := cron.Account{Email: "Zoë@example.com", Plan: cron.PlanUnlimited, Disabled: true, Access: cron.AccessGlobal}
		s.ok(db.CreateAccount(s.ctx(), &a))
		if a.ID == 0 || a.Created.IsZero() {
			s.Errorf("the account has no id or time: %+v", a)
		}
		read, err := db.AccountByEmail(s.ctx(), "Zoë@example.com")
		s.ok(err)
		s.equal("account", read, a)
	}},
	{"a launch says what its account may call", func(s *suite) {
		db := s.open()
		a := cron.Account{Email: "global@example.com", Plan: cron.PlanDefault}
		s.ok(db.CreateAccount(s.ctx(), &a))
		node := s.node(db)
		for _, access := range []cron.Access{cron.AccessAll, cron.AccessGlobal} {
			a.Access = access
			s.ok(db.UpdateAccount(s.ctx(), a.ID, become(a)))
			read, err := db.AccountByEmail(s.ctx(), a.Email)
			s.ok(err)
			s.equal("account", read, a)
			s.due(db, a.ID)
			s.equal("access", s.claimOne(db, node).Access, access)
		}
	}},
	{"an address is taken once", func(s *suite) {
		db := s.open()
		a := cron.Account{Email: "a@example.com", Plan: cron.PlanDefault}
		s.ok(db.CreateAccount(s.ctx(), &a))
		again := cron.Account{Email: "a@example.com", Plan: cron.PlanMember}
		s.refused(db.CreateAccount(s.ctx(), &again), cron.Conflict, cron.SubjectAccount)
		read, err := db.AccountByEmail(s.ctx(), "a@example.com")
		s.ok(err)
		s.equal("account", read, a)
	}},
	{"an unknown address is missing", func(s *suite) {
		db := s.open()
		s.account(db)
		_, err := db.AccountByEmail(s.ctx(), "nobody@example.com")
		s.missing(err, cron.SubjectAccount)
	}},
	{"the operator is the first account", func(s *suite) {
		db := s.open()
		_, err := db.Operator(s.ctx())
		s.missing(err, cron.SubjectAccount)
		first := s.account(db)
		s.account(db)
		operator, err := db.Operator(s.ctx())
		s.ok(err)
		s.equal("operator", operator.ID, first)
	}},
	{"a key leads to its account", func(s *suite) {
		db := s.open()
		other, account := s.account(db), s.account(db)
		k := cron.APIKey{AccountID: account, Title: "deploy ☂", Hash: sha256.Sum256([]byte("key"))}
		s.ok(db.CreateAPIKey(s.ctx(), &k))
		if k.ID == 0 || k.Created.IsZero() {
			s.Errorf("the key has no id or time: %+v", k)
		}
		s.ok(db.CreateAPIKey(s.ctx(), &cron.APIKey{AccountID: other, Hash: sha256.Sum256([]byte("other"))}))
		read, owner, err := db.APIKeyByHash(s.ctx(), k.Hash)
		s.ok(err)
		s.equal("key", read, k)
		s.equal("account", owner.ID, account)
	}},
	{"an unknown key is missing", func(s *suite) {
		db := s.open()
		s.account(db)
		_, _, err := db.APIKeyByHash(s.ctx(), sha256.Sum256([]byte("key")))
		s.missing(err, cron.SubjectAPIKey)
	}},
	{"a key belongs to one account that exists", func(s *suite) {
		db := s.open()
		account := s.account(db)
		k := cron.APIKey{AccountID: account, Hash: sha256.Sum256([]byte("key"))}
		s.ok(db.CreateAPIKey(s.ctx(), &k))
		same := cron.APIKey{AccountID: s.account(db), Hash: k.Hash}
		if err := db.CreateAPIKey(s.ctx(), &same); err == nil {
			s.Error("the hash of a key was taken twice")
		}
		lost := cron.APIKey{AccountID: account + 1000, Hash: sha256.Sum256([]byte("lost"))}
		if err := db.CreateAPIKey(s.ctx(), &lost); err == nil {
			s.Error("a key was made for an account that does not exist")
		}
	}},
	{"a key reads back with all that limits it, and is listed", func(s *suite) {
		db := s.open()
		account, other := s.account(db), s.account(db)
		first := cron.APIKey{
			AccountID: account, Title: "first", Hash: sha256.Sum256([]byte("first")), Hint: "abcd", Disabled: true,
			Expires: db.Now().UTC().Truncate(time.Millisecond), Scopes: cron.ScopeRead | cron.ScopeWrite,
			AllowFrom: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")},
			LastUsed:  db.Now().UTC().Truncate(time.Millisecond),
			MadeBy:    s.member(db, account, cron.RoleOwner, operator).ID, Role: cron.RoleEditor, Operator: true,
		}
		second := cron.APIKey{AccountID: account, Hash: sha256.Sum256([]byte("second"))}
		s.ok(db.CreateAPIKey(s.ctx(), &first))
		s.ok(db.CreateAPIKey(s.ctx(), &second))
		s.ok(db.TouchAPIKey(s.ctx(), first.AccountID, first.ID, first.LastUsed))
		s.ok(db.TouchAPIKey(s.ctx(), first.AccountID, first.ID, first.LastUsed.Add(-time.Hour))) // another node was later
		s.ok(db.CreateAPIKey(s.ctx(), &cron.APIKey{AccountID: other, Hash: sha256.Sum256([]byte("other"))}))
		if fields := unset(reflect.ValueOf(first), "APIKey"); len(fields) != 0 {
			s.Errorf("the test does not set %v", fields)
		}
		keys, err := db.APIKeys(s.ctx(), account)
		s.ok(err)
		samePrefix := cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })
		if diff := cmp.Diff([]cron.APIKey{first, second}, keys, samePrefix); diff != "" {
			s.Errorf("keys (-want +got):\n%s", diff)
		}
	}},
	{"a deleted key is gone, and another account's stays", func(s *suite) {
		db := s.open()
		account, other := s.account(db), s.account(db)
		k := cron.APIKey{AccountID: account, Hash: sha256.Sum256([]byte("key"))}
		s.ok(db.CreateAPIKey(s.ctx(), &k))
		s.missing(db.DeleteAPIKey(s.ctx(), other, k.ID), cron.SubjectAPIKey)
		_, _, err := db.APIKeyByHash(s.ctx(), k.Hash)
		s.ok(err)
		s.ok(db.DeleteAPIKey(s.ctx(), account, k.ID))
		_, _, err = db.APIKeyByHash(s.ctx(), k.Hash)
		s.missing(err, cron.SubjectAPIKey)
		s.missing(db.DeleteAPIKey(s.ctx(), account, k.ID), cron.SubjectAPIKey)
	}},
	{"accounts are listed, the oldest first", func(s *suite) {
		db := s.open()
		var want []cron.Account
		for _, email := range []string{"z@example.com", "a@example.com"} {
			a := cron.Account{Email: email, Plan: cron.PlanDefault}
			s.ok(db.CreateAccount(s.ctx(), &a))
			want = append(want, a)
		}
		accounts, err := db.Accounts(s.ctx())
		s.ok(err)
		s.equal("accounts", accounts, want)
	}},
	{"an account can be changed", func(s *suite) {
		db := s.open()
		s.account(db)
		a := cron.Account{Email: "a@example.com", Plan: cron.PlanDefault}
		s.ok(db.CreateAccount(s.ctx(), &a))
		a.Plan, a.Disabled, a.Overrides = cron.PlanUnlimited, true, cron.Overrides{"maxJobs": 7, "retentionDays": 1}
		s.ok(db.UpdateAccount(s.ctx(), a.ID, become(a)))
		accounts, err := db.Accounts(s.ctx())
		s.ok(err)
		s.equal("account", accounts[1], a)
		s.equal("other account", accounts[0].Plan, cron.PlanMember)
		s.missing(db.UpdateAccount(s.ctx(), a.ID+1000, become(a)), cron.SubjectAccount)
	}},
	{"a change of an account that fails changes nothing", func(s *suite) {
		db := s.open()
		account, cause := s.account(db), errors.New("cause")
		before, err := db.Operator(s.ctx())
		s.ok(err)
		err = db.UpdateAccount(s.ctx(), account, func(a *cron.Account) error {
			s.equal("account", *a, before)
			a.Plan, a.Disabled = cron.PlanUnlimited, true
			return cause
		})
		if !errors.Is(err, cause) {
			s.Errorf("the error is %v", err)
		}
		after, err := db.Operator(s.ctx())
		s.ok(err)
		s.equal("account", after, before)
	}},
	{"concurrent changes of different fields of an account all take effect", func(s *suite) {
		const changes = 20
		db := s.open()
		account := s.account(db)
		fields := map[string]*store.Store{"maxJobs": db, "maxKeys": db, "retentionDays": s.open()} // on two machines
		errs := make(chan error, len(fields)*changes)
		for name, db := range fields {
			go func() {
				for range changes {
					errs <- db.UpdateAccount(s.ctx(), account, func(a *cron.Account) error {
						if a.Overrides == nil {
							a.Overrides = cron.Overrides{}
						}
						a.Overrides[name]++
						_, err := db.Accounts(s.ctx()) // time for the others to come in between
						return err
					})
				}
			}()
		}
		for range cap(errs) {
			s.ok(<-errs)
		}
		a, err := db.Operator(s.ctx())
		s.ok(err)
		s.equal("changes", a.Overrides, cron.Overrides{"maxJobs": changes, "maxKeys": changes, "retentionDays": changes})
	}},
	{"the jobs of a disabled account do not run, and what was due is recorded as skipped", func(s *suite) {
		db, account, node := s.start()
		other := s.account(db)
		due, disabled, runs := s.due(db, account), s.job(db, account, disable), s.due(db, other)
		later := s.job(db, account)
		s.pend(due, db.Now().Add(-time.Second), db.Now(), cron.KindScheduled, 2)
		s.setEnabled(db, account, false)
		s.equal("claimed", s.claimOne(db, node).Job.ID, runs.ID)
		claimed := s.claimNone(db, node)
		s.equal("looked at again", claimed.More || !claimed.Next.After(db.Now()), false)
		s.equal("records", len(s.ledger(due.ID)), 0)
		s.equal("enabled", s.record(db, account, due.ID).Enabled, true)
		s.setEnabled(db, account, false) // once more changes nothing

		// One of them has been due for a day.
		first := due.OccurrenceAfter(db.Now().Add(-24 * time.Hour))
		s.raw().SetNextRun(due.ID, first)
		before := db.Now()
		s.setEnabled(db, account, true)
		s.claimNone(db, node)
		gap := due.Backlog(first, before)
		s.equal("ledger", s.ledger(due.ID), []entry{{
			Planned: first, Attempt: 1, Outcome: cron.OutcomeSkipped, Fault: cron.FaultAccountDisabled, Last: gap.Last,
			Count: 24,
		}})
		for _, j := range []cron.Job{due, disabled, later} {
			rec := s.record(db, account, j.ID)
			s.equal("next run", rec.State.NextRun, rec.NextAfter(db.Now()))
		}
		s.setEnabled(db, account, true)
		s.equal("records", len(s.ledger(due.ID)), 1)
		s.plan(due.ID, db.Now().Add(-time.Second))
		s.equal("runs again", s.claimOne(db, node).Job.ID, due.ID)
	}},
	{"what was due after an account was enabled runs, or is missed, as ever", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account, eachMinute)
		now := db.Now().UTC().Truncate(time.Minute)
		s.sleep(j.ID, now.Add(-60*time.Minute), now.Add(-30*time.Minute))
		s.maintain(db)
		launches := s.claim(db, node, 10).Launches
		if len(launches) != 1 {
			s.Fatalf("claimed %d executions", len(launches))
		}
		ran := launches[0].Planned
		s.equal("ledger", s.ledger(j.ID), []entry{
			{Planned: now.Add(-60 * time.Minute), Attempt: 1, Outcome: cron.OutcomeSkipped,
				Fault: cron.FaultAccountDisabled, Last: now.Add(-31 * time.Minute), Count: 30},
			{Planned: now.Add(-30 * time.Minute), Attempt: 1, Outcome: cron.OutcomeMissed, Fault: cron.FaultMissed,
				Last: ran.Add(-time.Minute), Count: int64(ran.Sub(now)/time.Minute) + 30},
			{Planned: ran, Attempt: 1, Node: node, Outcome: cron.OutcomeRunning},
		})
	}},
	{"all jobs of an account wake, however many, and each once", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account, eachMinute)
		s.copies(j.ID, 450)
		first := db.Now().UTC().Truncate(time.Minute).Add(-10 * time.Minute)
		s.raw().SetAllDue(first)
		s.setEnabled(db, account, false)
		for range 5 {
			claimed := s.claim(db, node, 100)
			s.equal("claimed", len(claimed.Launches)+claimed.Settled, 0)
		}
		s.equal("jobs that are looked at", s.raw().JobsToFind(), int64(0))
		errs := make(chan error, 2)
		for _, handle := range []*store.Store{db, s.open()} { // as two who enable it, or upkeep meanwhile
			go func() { errs <- handle.UpdateAccount(s.ctx(), account, enabled(true)) }()
		}
		s.ok(errors.Join(<-errs, <-errs))
		s.maintain(db)
		s.equal("records", s.raw().Rows("execution"), int64(451))
		s.equal("for all occurrences", s.raw().Gaps(cron.OutcomeSkipped, cron.FaultAccountDisabled, first, 11), int64(451))
		s.equal("with wrong counts", s.raw().WrongGaps(), int64(0))
		s.equal("jobs that are planned", s.raw().JobsPlannedAfter(first.Add(10*time.Minute)), int64(451))
	}},
	{"an edit of a job that a disabled account kept from running leaves nothing out", func(s *suite) {
		db, account, node := s.start()
		edited, off := s.job(db, account, eachMinute), s.job(db, account, eachMinute)
		first := db.Now().UTC().Truncate(time.Minute).Add(-10 * time.Minute)
		s.setEnabled(db, account, false)
		for _, j := range []cron.Job{edited, off} {
			s.plan(j.ID, first)
		}
		s.claimNone(db, node)
		s.ok(db.UpdateJob(s.ctx(), account, edited.ID, func(j *cron.Job) error {
			j.Schedule.Minutes = cron.SetOf((db.Now().UTC().Minute() + 30) % 60)
			return nil
		}))
		s.ok(db.UpdateJob(s.ctx(), account, off.ID, func(j *cron.Job) error { j.Enabled = false; return nil }))
		for _, j := range []cron.Job{edited, off} {
			ledger := s.ledger(j.ID)
			if len(ledger) != 1 || !ledger[0].Planned.Equal(first) || ledger[0].Count < 11 || ledger[0].Count > 12 ||
				ledger[0].Fault != cron.FaultAccountDisabled || ledger[0].Outcome != cron.OutcomeSkipped {
				s.Errorf("the ledger is %+v", ledger)
			}
			rec := s.record(db, account, j.ID)
			s.equal("next run", rec.State.NextRun, rec.NextAfter(db.Now()))
		}
	}},
	{"a one-time job of a disabled account has had its occurrence", func(s *suite) {
		db, account, node := s.start()
		at := db.Now().UTC().Truncate(time.Second).Add(-time.Minute)
		j := s.job(db, account, func(j *cron.Job) { j.Timing.RunAt = at })
		s.sleep(j.ID, at, at.Add(30*time.Second))
		s.maintain(db)
		s.claimNone(db, node)
		s.equal("ledger", s.ledger(j.ID), []entry{{
			Planned: at, Attempt: 1, Outcome: cron.OutcomeSkipped, Fault: cron.FaultAccountDisabled, Last: at, Count: 1,
		}})
		rec := s.record(db, account, j.ID)
		s.equal("run at passed", rec.Timing.RunAtPassed && !rec.Enabled && rec.State.NextRun.IsZero(), true)
	}},
	{"an attempt of a disabled account does not start", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account, retries(1, 0, 1, 0))
		l := s.claimOne(db, node)
		s.setEnabled(db, account, false)
		s.finish(db, failed(l))
		s.claimNone(db, node)
		s.equal("records", len(s.ledger(j.ID)), 1)
	}},
	{"a deleted account takes all with it", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account)
		f := s.folder(db, account, "folder")
		k := cron.APIKey{AccountID: account, Hash: sha256.Sum256([]byte("key"))}
		s.ok(db.CreateAPIKey(s.ctx(), &k))
		other := s.job(db, s.account(db))
		l := s.claimOne(db, node)
		s.ok(db.DeleteAccount(s.ctx(), account))
		s.missing(db.DeleteAccount(s.ctx(), account), cron.SubjectAccount)
		_, err := db.Job(s.ctx(), account, j.ID)
		s.missing(err, cron.SubjectJob)
		_, err = db.Folder(s.ctx(), account, f.ID)
		s.missing(err, cron.SubjectFolder)
		_, _, err = db.APIKeyByHash(s.ctx(), k.Hash)
		s.missing(err, cron.SubjectAPIKey)
		s.finish(db, failed(l))
		s.claimNone(db, node)
		s.equal("jobs", s.raw().Rows("job_state"), int64(1))
		s.equal("job of another", s.record(db, other.AccountID, other.ID).Job, other)
	}},
}

func disable(j *cron.Job) { j.Enabled = false }

// enabled returns a change that enables or disables an account.
func enabled(is bool) func(*cron.Account) error {
	return func(a *cron.Account) error {
		a.Disabled = !is
		return nil
	}
}

// become is a change of all that can be changed of an account.
func become(all cron.Account) func(*cron.Account) error {
	return func(a *cron.Account) error {
		*a = all
		return nil
	}
}

// setEnabled enables or disables an account.
func (s *suite) setEnabled(db *store.Store, account int64, is bool) {
	s.Helper()
	s.ok(db.UpdateAccount(s.ctx(), account, enabled(is)))
}

// sleep leaves a job as it is when its account was disabled before it was due, and enabled by a process that died then.
func (s *suite) sleep(jobID int64, due, enabled time.Time) {
	s.Helper()
	s.raw().MakeDormant(jobID, due, enabled)
}
