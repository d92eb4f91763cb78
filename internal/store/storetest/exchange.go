package storetest

import (
	"strings"
	"time"

	"punctual/internal/cron"
)

const (
	pemRoots       = "-----BEGIN CERTIFICATE-----\nroots-1a2b3c4d\n"
	pemCertificate = "-----BEGIN CERTIFICATE-----\nclient-5e6f7a8b\n"
	pemKey         = "-----BEGIN PRIVATE KEY-----\nkey-9c0d1e2f\n"
)

var material = cron.TLSMaterial{Roots: pemRoots, Certificate: pemCertificate, Key: pemKey}

var exchangeTests = []test{
	{"redirects and truncation are kept whether the response is saved or not", func(s *suite) {
		db, account, node := s.start()
		for _, test := range []struct {
			headers, body []byte
			redirects     []cron.Redirect
			truncated     bool
		}{
			{nil, nil, []cron.Redirect{{Status: 301, URL: "http://a/?ü&<>"}, {Status: 308, URL: "https://b/"}}, false},
			{nil, nil, nil, true},
			{[]byte("A: b\r\n\r\n"), []byte{}, nil, false},
			{[]byte("A: b\r\n\r\n"), []byte("body"), []cron.Redirect{{Status: 302, URL: "http://a/"}}, true},
		} {
			j := s.due(db, account)
			c := succeeded(s.claimOne(db, node))
			c.Result.Headers, c.Result.Body = test.headers, test.body
			c.Result.Redirects, c.Result.Truncated = test.redirects, test.truncated
			s.finish(db, c)
			e, err := db.Execution(s.ctx(), account, j.ID, c.Launch.ExecutionID)
			s.ok(err)
			s.equal("result", e.Result, c.Result)
			rows := s.raw().Responses(e.ID)
			s.equal("rows", rows, int64(1))
		}
		s.due(db, account)
		c := succeeded(s.claimOne(db, node))
		s.finish(db, c)
		s.equal("rows of a plain exchange",
			s.raw().Responses(c.Launch.ExecutionID), int64(0))
	}},
	{"a redirect to odd bytes does not fail a batch", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account)
		c := succeeded(s.claimOne(db, node))
		c.Result.Redirects = []cron.Redirect{{Status: 301, URL: "http://a/\xff\x00"}}
		s.finish(db, c)
		e, err := db.Execution(s.ctx(), account, j.ID, c.Launch.ExecutionID)
		s.ok(err)
		s.equal("redirects", e.Result.Redirects, []cron.Redirect{{Status: 301, URL: "http://a/\ufffd\ufffd"}})
	}},
	{"the TLS material of an account is kept, and its key is sealed", func(s *suite) {
		db, account, _ := s.start()
		stranger := s.account(db)
		read := func(account int64) cron.TLSMaterial {
			s.Helper()
			m, err := db.TLS(s.ctx(), account)
			s.ok(err)
			return m
		}
		s.equal("none", read(account), cron.TLSMaterial{})
		s.ok(db.SetTLS(s.ctx(), account, material))
		s.equal("set", read(account), cron.TLSMaterial{Roots: pemRoots, Certificate: pemCertificate})
		s.equal("of another", read(stranger), cron.TLSMaterial{})
		if !s.holds("client-5e6f7a8b") {
			s.Fatal("the test does not find what it looks for")
		}
		if s.holds("key-9c0d1e2f") {
			s.Error("the private key stands in the database")
		}
		s.ok(db.SetTLS(s.ctx(), account, cron.TLSMaterial{Roots: "other"}))
		s.equal("replaced", read(account), cron.TLSMaterial{Roots: "other"})
		s.ok(db.DeleteTLS(s.ctx(), account))
		s.ok(db.DeleteTLS(s.ctx(), account))
		s.equal("deleted", read(account), cron.TLSMaterial{})
		s.ok(db.SetTLS(s.ctx(), account, material))
		s.ok(db.DeleteAccount(s.ctx(), account))
		s.equal("rows", s.raw().Rows("account_tls"), int64(0))
	}},
	{"parts of the TLS material change by themselves", func(s *suite) {
		db, account, node := s.start()
		change := func(c cron.TLSChange) { s.ok(db.ChangeTLS(s.ctx(), account, c)) }
		used := func() cron.TLSMaterial {
			s.due(db, account)
			l := s.claimOne(db, node)
			if l.TLS == nil {
				return cron.TLSMaterial{}
			}
			return l.TLS.TLSMaterial
		}
		client := cron.TLSMaterial{Certificate: "certificate", Key: "key"}
		change(cron.TLSChange{Roots: new("roots")})
		s.equal("roots", used(), cron.TLSMaterial{Roots: "roots"})
		change(cron.TLSChange{Client: &client})
		s.equal("both", used(), cron.TLSMaterial{Roots: "roots", Certificate: "certificate", Key: "key"})
		change(cron.TLSChange{Roots: new("other")})
		s.equal("the key is kept", used(), cron.TLSMaterial{Roots: "other", Certificate: "certificate", Key: "key"})
		change(cron.TLSChange{Client: &cron.TLSMaterial{}})
		s.equal("without a client's certificate", used(), cron.TLSMaterial{Roots: "other"})
		change(cron.TLSChange{Roots: new("")})
		s.equal("rows", s.raw().Rows("account_tls"), int64(0))
	}},
	{"a claim brings the TLS material of the account", func(s *suite) {
		db, account, node := s.start()
		plain := s.account(db)
		s.ok(db.SetTLS(s.ctx(), account, material))
		s.due(db, account)
		s.due(db, account)
		s.due(db, plain)
		launches := s.claim(db, node, 10).Launches
		s.equal("launches", len(launches), 3)
		for _, l := range launches {
			want := l.Job.AccountID == account
			if (l.TLS != nil) != want {
				s.Errorf("account %d has %+v", l.Job.AccountID, l.TLS)
			}
			if want && (l.TLS.TLSMaterial != material || l.TLS.Digest != cron.NewAccountTLS(material).Digest) {
				s.Errorf("the material is %+v", l.TLS)
			}
		}
	}},
	{"executions of an account share its TLS material, until it changes", func(s *suite) {
		db, account, node := s.start()
		claimed := func() *cron.AccountTLS {
			s.due(db, account)
			return s.claimOne(db, node).TLS
		}
		var known *cron.AccountTLS
		for _, m := range []cron.TLSMaterial{
			material, {Roots: "other"}, {Roots: "others"}, {Roots: material.Roots, Certificate: material.Certificate, Key: "new"}, material,
		} {
			s.ok(db.SetTLS(s.ctx(), account, m))
			first, second := claimed(), claimed()
			if first.TLSMaterial != m || first == known || second != first {
				s.Errorf("%+v comes as %+v", m, first)
			}
			known = first
		}
	}},
	{"a claim reads a bounded part of the TLS material of many accounts", func(s *suite) {
		db, _, node := s.start()
		large := cron.TLSMaterial{Roots: strings.Repeat("a", cron.MaxRootsLength)}
		want := make(map[int64]bool)
		for range 40 { // 10 MiB
			account := s.account(db)
			s.ok(db.SetTLS(s.ctx(), account, large))
			want[s.due(db, account).ID] = true
			want[s.due(db, account).ID] = true
		}
		for more := true; more; {
			claimed := s.claim(db, node, 100)
			for _, l := range claimed.Launches {
				delete(want, l.Job.ID)
				s.equal("material", len(l.TLS.Roots), len(large.Roots))
			}
			if len(claimed.Launches) > 64 { // of 32 accounts: 8 MiB
				s.Errorf("%d executions were claimed at once", len(claimed.Launches))
			}
			more = claimed.More
		}
		s.equal("left", len(want), 0)
	}},
	{"without its key a job does not run, and holds up nothing", func(s *suite) {
		db, account, node := s.start()
		other := s.account(db)
		s.ok(db.SetTLS(s.ctx(), account, material))
		s.ok(db.SetTLS(s.ctx(), other, material))
		s.raw().MoveTLSKey(account, other)
		stuck, runs := s.due(db, account), s.due(db, other)
		s.equal("launched", s.claimOne(db, node).Job.ID, runs.ID)
		ledger := s.ledger(stuck.ID)
		if len(ledger) != 1 || ledger[0].Outcome != cron.OutcomeSkipped || ledger[0].Fault != cron.FaultInternal {
			s.Errorf("the ledger has %+v, want a skipped record", ledger)
		}
	}},
	{"the expiry of a certificate is told of once per expiry instant", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account, func(j *cron.Job) { j.Notification.OnCertExpiry = true })
		expiry := db.Now().UTC().Truncate(time.Second).Add(time.Hour)
		for i, seen := range []cron.Result{{CertExpiry: expiry}, {CertExpiry: expiry}, {}, {CertExpiry: expiry},
			{CertExpiry: expiry.Add(time.Second)}, {CertExpiry: expiry.Add(time.Second)}} {
			s.plan(j.ID, db.Now().Add(-time.Second))
			c := succeeded(s.claimOne(db, node))
			c.Result.CertExpiry = seen.CertExpiry
			s.finish(db, c)
			want := []cron.NoticeKind{cron.NoticeCertExpiry}
			if i >= 4 {
				want = append(want, cron.NoticeCertExpiry)
			}
			s.equal("notices", s.notices(j.ID), want)
		}
	}},
}
