package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// secret adds a secret to an account.
func (s *suite) secret(db *store.Store, account int64, name, value string) cron.Secret {
	s.Helper()
	secret := cron.Secret{AccountID: account, Name: name, Value: value}
	s.ok(db.CreateSecret(s.ctx(), &secret))
	return secret
}

// naming creates a job that is due and names secrets.
func (s *suite) naming(db *store.Store, account int64, names ...string) cron.Job {
	s.Helper()
	return s.due(db, account, namingSecrets(names...))
}

func namingSecrets(names ...string) func(*cron.Job) {
	return func(j *cron.Job) {
		j.Request.Method, j.Request.Body = cron.MethodPost, "%secret:"+strings.Join(names, "%&%secret:")+"%"
	}
}

// inUse expects that a secret is not deleted, since jobs name it.
func (s *suite) inUse(err error, jobs int64) {
	s.Helper()
	s.refused(err, cron.Conflict, cron.SubjectSecret)
	if e, ok := errors.AsType[*cron.Error](err); ok {
		s.equal("problems", e.Problems, []cron.Problem{{Rule: cron.RuleSecretUsed, Limit: jobs}})
	}
}

var accountSecretTests = []test{
	{"a secret is listed without its value", func(s *suite) {
		db, account, _ := s.start()
		other := s.account(db)
		a := s.secret(db, account, "TOKEN", "value-1f2e3d4c")
		b := s.secret(db, account, "token", "value-5b6a7988")
		s.secret(db, other, "TOKEN", "value-5b6a7988")
		var jobs []int64
		for range cron.MaxSecretJobs + 2 {
			jobs = append(jobs, s.naming(db, account, "a.b", "token").ID)
		}
		s.naming(db, account, "TOKEN.x")
		s.naming(db, other, "TOKEN")
		a.Value, b.Value = "", ""
		b.Jobs, b.JobIDs = len(jobs), jobs[:cron.MaxSecretJobs]
		list := func(after int64, most int) []cron.Secret {
			secrets, err := db.Secrets(s.ctx(), account, after, most)
			s.ok(err)
			return secrets
		}
		s.equal("secrets", list(0, 10), []cron.Secret{a, b})
		s.equal("first page", list(0, 1), []cron.Secret{a})
		s.equal("second page", list(a.ID, 1), []cron.Secret{b})
		s.equal("past the end", list(b.ID, 1), []cron.Secret(nil))
		n, err := db.CountSecrets(s.ctx(), account)
		s.ok(err)
		s.equal("count", n, 2)
		for _, value := range []string{"value-1f2e3d4c", "value-5b6a7988"} {
			if s.holds(value) {
				s.Errorf("%q stands in the database", value)
			}
		}
	}},
	{"a name is given once in an account, by whoever comes first", func(s *suite) {
		db, account, _ := s.start()
		nodes := []*store.Store{db, s.open()}
		for round := range 5 {
			var (
				wg   sync.WaitGroup
				errs [6]error
			)
			for i := range errs {
				wg.Go(func() {
					errs[i] = nodes[i%2].CreateSecret(s.ctx(), &cron.Secret{AccountID: account, Name: fmt.Sprint("N", round), Value: fmt.Sprint(i)})
				})
			}
			wg.Wait()
			made := 0
			for _, err := range errs {
				if err == nil {
					made++
				} else {
					s.refused(err, cron.Conflict, cron.SubjectSecret)
				}
			}
			s.equal("made", made, 1)
		}
		n, err := db.CountSecrets(s.ctx(), account)
		s.ok(err)
		s.equal("count", n, 5)
	}},
	{"a plan limits the secrets, also of calls at once", func(s *suite) {
		db, account, _ := s.start()
		s.ok(db.UpdateAccount(s.ctx(), account, func(a *cron.Account) error {
			a.Overrides = cron.Overrides{"maxSecrets": 3}
			return nil
		}))
		other := s.open()
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				err := []*store.Store{db, other}[i%2].CreateSecret(s.ctx(), &cron.Secret{AccountID: account, Name: fmt.Sprint("N", i), Value: "v"})
				if err != nil {
					s.refused(err, cron.TooMany, cron.SubjectSecret)
				}
			})
		}
		wg.Wait()
		n, err := db.CountSecrets(s.ctx(), account)
		s.ok(err)
		s.equal("count", n, 3)
	}},
	{"a secret that does not exist is missing, and so is another account's", func(s *suite) {
		db, account, _ := s.start()
		theirs := s.secret(db, s.account(db), "THEIRS", "value")
		for _, id := range []int64{theirs.ID, theirs.ID + 1000} {
			_, err := db.Secret(s.ctx(), account, id)
			s.missing(err, cron.SubjectSecret)
			s.missing(db.SetSecret(s.ctx(), &cron.Secret{ID: id, AccountID: account, Name: "THEIRS", Value: "x"}), cron.SubjectSecret)
			s.missing(db.DeleteSecret(s.ctx(), account, id), cron.SubjectSecret)
		}
		theirs.Value = ""
		read, err := db.Secret(s.ctx(), theirs.AccountID, theirs.ID)
		s.ok(err)
		s.equal("secret", read, theirs)
	}},
	{"an execution gets the values of its claim, and only those that its job names", func(s *suite) {
		db, account, node := s.start()
		other := s.account(db)
		mine := s.secret(db, account, "A", "mine")
		s.secret(db, account, "B", "second")
		s.secret(db, account, "UNUSED", "unused")
		s.secret(db, other, "A", "theirs")
		s.secret(db, other, "THEIRS", "theirs")
		want := map[int64]map[string]string{
			s.naming(db, account, "A").ID:           {"A": "mine"},
			s.naming(db, account, "A", "B").ID:      {"A": "mine", "B": "second"},
			s.naming(db, account, "a", "THEIRS").ID: nil,
			s.naming(db, other, "A", "B").ID:        {"A": "theirs"},
			s.due(db, account).ID:                   nil,
		}
		launches := s.claimMany(db, node, len(want))
		for _, l := range launches {
			s.equal("secrets", l.Secrets, want[l.Job.ID])
		}
		mine.Value = "changed"
		s.ok(db.SetSecret(s.ctx(), &mine))
		for _, l := range launches {
			s.equal("secrets after the change", l.Secrets, want[l.Job.ID])
		}
		later := s.naming(db, account, "A")
		l := s.claimOne(db, node)
		s.equal("job", l.Job.ID, later.ID)
		s.equal("changed", l.Secrets, map[string]string{"A": "changed"})
	}},
	{"a call without a claim gets what a claim would", func(s *suite) {
		db, account, node := s.start()
		s.secret(db, account, "A", "mine")
		s.secret(db, s.account(db), "THEIRS", "theirs")
		s.ok(db.SetTLS(s.ctx(), account, cron.TLSMaterial{Roots: "roots"}))
		s.naming(db, account, "A", "THEIRS")
		m, err := db.Material(s.ctx(), account, []string{"A", "THEIRS"})
		s.ok(err)
		s.equal("material", m, s.claimOne(db, node).Material)
		m, err = db.Material(s.ctx(), account, nil)
		s.ok(err)
		s.equal("secrets", m.Secrets, map[string]string(nil))
		_, err = db.Material(s.ctx(), account+1000, nil)
		s.missing(err, cron.SubjectAccount)
	}},
	{"claims read a bounded part of many secrets", func(s *suite) {
		db, account, node := s.start()
		const each, count = 8, 300 // 9.4 MiB
		s.ok(db.UpdateAccount(s.ctx(), account, func(a *cron.Account) error {
			a.Overrides = cron.Overrides{"maxSecrets": each * count}
			return nil
		}))
		value := strings.Repeat("v", cron.MaxSecretLength)
		s.ok(db.Audited(s.ctx(), &cron.AuditEntry{AccountID: account}, func(ctx context.Context) error { // all in one transaction
			for i := range each * count {
				if err := db.CreateSecret(ctx, &cron.Secret{AccountID: account, Name: fmt.Sprintf("s%d", i), Value: value}); err != nil {
					return err
				}
			}
			return nil
		}))
		jobs := make(map[int64]int, count)
		for i := range count {
			var names []string
			for k := range each {
				names = append(names, fmt.Sprintf("s%d", i*each+k))
			}
			jobs[s.naming(db, account, names...).ID] = i
		}
		for more := true; more; {
			claimed := s.claim(db, node, 1000)
			if n := len(claimed.Launches) * each * cron.MaxSecretLength; n > 8<<20 {
				s.Errorf("a claim may read %d bytes", n)
			}
			for _, l := range claimed.Launches {
				delete(jobs, l.Job.ID)
				s.equal("secrets", len(l.Secrets), each)
			}
			more = claimed.More
		}
		s.equal("left", len(jobs), 0)
	}},
	{"a value moved to another secret does not open, and its jobs hold up nothing", func(s *suite) {
		db, account, node := s.start()
		from, to := s.secret(db, account, "FROM", "value-1f2e3d4c"), s.secret(db, account, "TO", "value-5b6a7988")
		s.raw().MoveSecretValue(to.ID, from.ID)
		broken, runs := s.naming(db, account, "TO", "FROM"), s.naming(db, account, "FROM")
		l := s.claimOne(db, node)
		s.equal("job", l.Job.ID, runs.ID)
		s.equal("secrets", l.Secrets, map[string]string{"FROM": "value-1f2e3d4c"})
		ledger := s.ledger(broken.ID)
		if len(ledger) != 1 || ledger[0].Outcome != cron.OutcomeSkipped || ledger[0].Fault != cron.FaultInternal {
			s.Errorf("the ledger has %+v, want a skipped record", ledger)
		}
	}},
	{"a secret that a job names stays", func(s *suite) {
		db, account, _ := s.start()
		used, unused := s.secret(db, account, "A.B", "v"), s.secret(db, account, "A", "v")
		first, second := s.naming(db, account, "X", "A.B"), s.naming(db, account, "A.B", "AxB")
		s.naming(db, s.account(db), "A")
		s.inUse(db.DeleteSecret(s.ctx(), account, used.ID), 2)
		s.ok(db.DeleteSecret(s.ctx(), account, unused.ID))
		s.missing(db.DeleteSecret(s.ctx(), account, unused.ID), cron.SubjectSecret)
		s.ok(db.DeleteJob(s.ctx(), account, first.ID))
		s.inUse(db.DeleteSecret(s.ctx(), account, used.ID), 1)
		s.ok(db.DeleteJob(s.ctx(), account, second.ID))
		s.ok(db.DeleteSecret(s.ctx(), account, used.ID))
	}},
	{"an edit of a job changes which secrets it names", func(s *suite) {
		db, account, node := s.start()
		a, b := s.secret(db, account, "A", "1"), s.secret(db, account, "B", "2")
		j := s.naming(db, account, "A")
		s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error { namingSecrets("B")(j); return nil }))
		s.equal("secrets", s.claimOne(db, node).Secrets, map[string]string{"B": "2"})
		s.ok(db.DeleteSecret(s.ctx(), account, a.ID))
		s.inUse(db.DeleteSecret(s.ctx(), account, b.ID), 1)
		s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error { j.Request.Body = "%secret:%secret:B"; return nil }))
		s.ok(db.DeleteSecret(s.ctx(), account, b.ID))
	}},
	{"a secret is deleted before or after a job that names it is created", func(s *suite) {
		db, account, _ := s.start()
		other := s.open()
		for round := range 10 {
			name := fmt.Sprint("N", round)
			secret := s.secret(db, account, name, "v")
			var (
				wg      sync.WaitGroup
				deleted error
			)
			wg.Go(func() { deleted = other.DeleteSecret(s.ctx(), account, secret.ID) })
			wg.Go(func() {
				j := cron.NewJob()
				j.AccountID, j.Request.URL = account, "http://example.com/?%secret:"+name+"%"
				if err := db.CreateJob(s.ctx(), &j); err != nil {
					s.Errorf("create: %v", err)
				}
			})
			wg.Wait()
			_, err := db.Secret(s.ctx(), account, secret.ID)
			if deleted == nil {
				s.missing(err, cron.SubjectSecret)
				continue
			}
			s.inUse(deleted, 1)
			s.ok(err)
		}
	}},
	{"the secrets of a deleted account go with it", func(s *suite) {
		db, account, _ := s.start()
		other := s.account(db)
		s.secret(db, account, "A", "v")
		s.secret(db, other, "A", "v")
		s.naming(db, account, "A")
		s.ok(db.DeleteAccount(s.ctx(), account))
		s.equal("secrets of the deleted account", s.raw().RowsOfAccount("secret", account), int64(0))
		s.equal("secrets of the other", s.raw().RowsOfAccount("secret", other), int64(1))
	}},
	{"an execution that is due now gets the value of now", func(s *suite) {
		db, account, node := s.start()
		secret := s.secret(db, account, "A", "1")
		j := s.naming(db, account, "A")
		for i := range 3 {
			secret.Value = fmt.Sprint(i)
			s.ok(db.SetSecret(s.ctx(), &secret))
			s.plan(j.ID, db.Now().Add(-time.Second+time.Duration(i)*time.Millisecond))
			s.equal("secrets", s.claimOne(db, node).Secrets, map[string]string{"A": secret.Value})
		}
	}},
}
