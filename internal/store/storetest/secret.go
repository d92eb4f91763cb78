package storetest

import (
	"strings"
	"time"

	"punctual/internal/cron"
)

// Each is so long and odd that it stands nowhere by chance.
const (
	secretUser     = "user-f2b1c7d4"
	secretPassword = "password-0a9e8d7c"
	secretHeader   = "header-5566aabb"
	secretBody     = "body-778899cc"
)

func withSecrets(j *cron.Job) {
	j.Request.Method = cron.MethodPost
	j.Request.Headers = []cron.Header{{Name: "X-Token", Value: secretHeader}}
	j.Request.Body = secretBody
	j.Request.Auth = cron.BasicAuth{Enable: true, User: secretUser, Password: secretPassword}
}

var secretTests = []test{
	{"no secret is stored in the clear", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account, func(j *cron.Job) { j.Title = "title-13572468" })
		s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error { withSecrets(j); return nil }))
		s.job(db, account, withSecrets)
		if !s.holds("title-13572468") {
			s.Fatal("the test does not find what it looks for")
		}
		for _, secret := range []string{secretUser, secretPassword, secretHeader, secretBody, "X-Token"} {
			if s.holds(secret) {
				s.Errorf("%q stands in the database", secret)
			}
		}
	}},
	{"the same secrets are sealed differently", func(s *suite) {
		db, account, _ := s.start()
		a, b := s.job(db, account, withSecrets), s.job(db, account, withSecrets)
		s.equal("the same sealed value", s.raw().SameSecret(a.ID, b.ID), false)
	}},
	{"an edit keeps the secrets that it does not touch", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account, withSecrets)
		s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(edited *cron.Job) error {
			edited.Title, edited.Request.Auth.Password = "new", "changed"
			return nil
		}))
		j.Title, j.Request.Auth.Password = "new", "changed"
		got := s.record(db, account, j.ID).Job
		j.Updated = got.Updated
		s.equal("job", got, j)
	}},
	{"a sealed value moved to another row does not open", func(s *suite) {
		db, account, node := s.start()
		from, to := s.job(db, account, withSecrets), s.due(db, account, withSecrets)
		other := s.due(db, account, withSecrets)
		s.raw().MoveSecret(to.ID, from.ID)
		_, err := db.Job(s.ctx(), account, to.ID)
		if err == nil {
			s.Fatal("the job opened with the secrets of another")
		}
		if strings.Contains(err.Error(), secretPassword) {
			s.Errorf("the error has the secret: %v", err)
		}
		if err := db.UpdateJob(s.ctx(), account, to.ID, func(*cron.Job) error { return nil }); err == nil {
			s.Error("the job was edited with the secrets of another")
		}

		// It does not run, and holds up nothing.
		launch := s.claimOne(db, node)
		s.equal("launched", *launch.Job, claimedJob(other))
		ledger := s.ledger(to.ID)
		if len(ledger) != 1 || ledger[0].Outcome != cron.OutcomeSkipped || ledger[0].Fault != cron.FaultInternal {
			s.Errorf("the ledger has %+v, want a skipped record", ledger)
		}
		jobs, _, err := db.Jobs(s.ctx(), account)
		s.ok(err)
		s.equal("listed", len(jobs), 3)
	}},
	{"a damaged value does not open", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account, withSecrets)
		for _, damage := range []string{`x'00'`, `x'00000000000000000000000000000000000000000000000000000000000000000000'`} {
			if !s.isSQLite() {
				damage = `decode('` + strings.Trim(damage, "x'") + `', 'hex')`
			}
			s.raw().SetSecret(j.ID, damage)
			if _, err := db.Job(s.ctx(), account, j.ID); err == nil {
				s.Errorf("the secret %s opened", damage)
			}
		}
	}},
	{"user and password in a URL are not stored in the clear", func(s *suite) {
		db, account, node := s.start()
		const whole = "https://" + secretUser + ":" + secretPassword + "@host-24681357.example.com/a@b"
		kept := []cron.Job{
			s.job(db, account, func(j *cron.Job) { j.Request.URL = whole }),
			s.job(db, account, func(j *cron.Job) { withSecrets(j); j.Request.URL = whole }),
			s.job(db, account),
		}
		for i := range kept {
			s.ok(db.UpdateJob(s.ctx(), account, kept[i].ID, func(j *cron.Job) error {
				j.Title, j.Request.URL = "new", whole
				return nil
			}))
			s.equal("URL", s.record(db, account, kept[i].ID).Request.URL, whole)
		}
		jobs, someFailed, err := db.Jobs(s.ctx(), account)
		s.ok(err)
		s.equal("some failed", someFailed, false)
		for i, j := range jobs {
			s.equal("listed", []any{j.ID, j.Request.URL}, []any{kept[i].ID, whole})
		}
		listed, _, err := db.PublicJob(s.ctx(), kept[0].ID)
		s.ok(err)
		s.equal("for strangers", listed.Request.URL, "https://host-24681357.example.com/a@b")
		s.plan(kept[0].ID, db.Now().Add(-time.Second))
		s.equal("claimed", s.claimOne(db, node).Job.Request.URL, whole)
		if !s.holds("host-24681357") {
			s.Fatal("the test does not find what it looks for")
		}
		for _, secret := range []string{secretUser, secretPassword} {
			if s.holds(secret) {
				s.Errorf("%q stands in the database", secret)
			}
		}

		for i := range kept {
			s.ok(db.UpdateJob(s.ctx(), account, kept[i].ID, func(j *cron.Job) error { j.Request.URL = "http://x/"; return nil }))
			s.equal("URL without user", s.record(db, account, kept[i].ID).Request.URL, "http://x/")
		}
		s.equal("sealed URLs", s.raw().SealedURLs(), int64(0))
	}},
	{"lists are in the order of whole URLs", func(s *suite) {
		db, account, _ := s.start()
		want := []string{"http://a/", "http://a:p@z/", "http://b/", "http://b@a/", "http://c:1@a/", "http://c:2@a/", "https://A:p@a/",
			"https://a/"}
		for i := range want {
			s.job(db, account, func(j *cron.Job) { j.Request.URL = want[(i*5)%len(want)] })
		}
		s.job(db, account, func(j *cron.Job) { j.Enabled, j.Request.URL = false, "http://a:p@a/" })
		want = append(want, "http://a:p@a/")
		jobs, _, err := db.Jobs(s.ctx(), account)
		s.ok(err)
		var got []string
		for _, j := range jobs {
			got = append(got, j.Request.URL)
		}
		s.equal("order", got, want)
	}},
	{"a sealed URL moved to another row does not open", func(s *suite) {
		db, account, _ := s.start()
		from := s.job(db, account, func(j *cron.Job) { j.Request.URL = "http://u:p@a/" })
		to := s.job(db, account)
		s.raw().MoveURL(to.ID, from.ID)
		jobs, someFailed, err := db.Jobs(s.ctx(), account)
		s.ok(err)
		s.equal("some failed", someFailed, true)
		s.equal("listed", len(jobs), 1)
	}},
}
