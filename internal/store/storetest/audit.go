package storetest

import (
	"context"
	"errors"
	"reflect"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// audited writes an entry of the audit log.
func (s *suite) audited(db *store.Store, e cron.AuditEntry) cron.AuditEntry {
	s.Helper()
	s.ok(db.Audited(s.ctx(), &e, nil))
	return e
}

// auditPages reads all pages of the audit log, the ids of each.
func (s *suite) auditPages(db *store.Store, f cron.AuditFilter, limit int) (pages [][]int64) {
	s.Helper()
	for {
		list, next, err := db.Audit(s.ctx(), f, limit)
		s.ok(err)
		var ids []int64
		for _, e := range list {
			ids = append(ids, e.ID)
		}
		pages = append(pages, ids)
		if f.Before = next; next == 0 {
			return pages
		}
	}
}

// fillAudit adds entries of an account, from an instant on, a millisecond apart.
func (s *suite) fillAudit(account int64, count int, from time.Time) {
	s.Helper()
	s.raw().AddAudit(account, count, from)
}

var auditTests = []test{
	{"an entry reads back", func(s *suite) {
		db, account, _ := s.start()
		want := cron.AuditEntry{AccountID: account, Actor: "zoë@example.com", PersonID: 1, KeyID: 2, SessionID: 3, Way: cron.WayConsole,
			Address: "2001:db8::1", Action: "job.change", Object: "job", ObjectID: 4, Title: "Backup ☂", Changes: []string{"/title", "/url"}}
		want = s.audited(db, want)
		if fields := unset(reflect.ValueOf(want), "AuditEntry"); len(fields) != 0 {
			s.Errorf("the test does not set %v", fields)
		}
		broken := s.audited(db, cron.AuditEntry{AccountID: account, Title: "a\x00b\xff"})
		broken.Title = "a\uFFFDb\uFFFD"
		list, next, err := db.Audit(s.ctx(), cron.AuditFilter{AccountID: account}, 10)
		s.ok(err)
		s.equal("entries", list, []cron.AuditEntry{broken, want})
		s.equal("next", next, int64(0))
	}},
	{"a change and its entry are one", func(s *suite) {
		db, account, _ := s.start()
		cause := errors.New("cause")
		e := cron.AuditEntry{AccountID: account, Action: "folder.create"}
		var f cron.Folder
		create := func(ctx context.Context) error {
			f = cron.Folder{AccountID: account, Title: "folder"}
			err := db.CreateFolder(ctx, &f)
			e.ObjectID, e.Title = f.ID, f.Title
			return err
		}
		err := db.Audited(s.ctx(), &e, func(ctx context.Context) error { return errors.Join(create(ctx), cause) })
		if !errors.Is(err, cause) {
			s.Errorf("the error is %v", err)
		}
		s.equal("rows", s.raw().Rows("audit")+s.raw().Rows("folder"), int64(0))
		s.ok(db.Audited(s.ctx(), &e, create))
		list, _, err := db.Audit(s.ctx(), cron.AuditFilter{AccountID: account}, 10)
		s.ok(err)
		s.equal("number of entries", len(list), 1)
		s.equal("folder", list[0].ObjectID == f.ID && list[0].Title == "folder", true)
	}},
	{"an account enabled in an audited change wakes its jobs after it", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account)
		s.setEnabled(db, account, false)
		s.claimNone(db, node)
		cause := errors.New("cause")
		enable := func(ctx context.Context) error { return db.UpdateAccount(ctx, account, enabled(true)) }
		e := cron.AuditEntry{AccountID: account}
		if err := db.Audited(s.ctx(), &e, func(ctx context.Context) error { return errors.Join(enable(ctx), cause) }); !errors.Is(err, cause) {
			s.Errorf("the error is %v", err)
		}
		s.equal("records", len(s.ledger(j.ID)), 0)
		s.ok(db.Audited(s.ctx(), &e, enable))
		s.equal("records", len(s.ledger(j.ID)), 1)
		rec := s.record(db, account, j.ID)
		s.equal("planned again", rec.State.NextRun, rec.NextAfter(db.Now()))
	}},
	{"entries are filtered", func(s *suite) {
		db, account, _ := s.start()
		other := s.account(db)
		write := func(e cron.AuditEntry) int64 { return s.audited(db, e).ID }
		a := write(cron.AuditEntry{AccountID: account, PersonID: 1, Action: "job.change", Object: "job", ObjectID: 7})
		b := write(cron.AuditEntry{AccountID: account, KeyID: 1, Action: "job.delete", Object: "job", ObjectID: 8})
		c := write(cron.AuditEntry{AccountID: account, PersonID: 2, Action: "jobs", Object: "folder", ObjectID: 7})
		d := write(cron.AuditEntry{AccountID: other, PersonID: 1, KeyID: 1, Action: "job.change", Object: "job", ObjectID: 7})
		e := write(cron.AuditEntry{PersonID: 1, Action: "plan.change"})
		for i, id := range []int64{a, b, c, d, e} {
			s.raw().SetAudited(id, time.UnixMilli(1000*int64(i+1)))
		}
		second := func(n int64) time.Time { return time.UnixMilli(1000 * n) }
		for name, tt := range map[string]struct {
			filter cron.AuditFilter
			want   []int64
		}{
			"all of an account":  {cron.AuditFilter{AccountID: account}, []int64{c, b, a}},
			"of the service":     {cron.AuditFilter{}, []int64{e}},
			"all":                {cron.AuditFilter{All: true}, []int64{e, d, c, b, a}},
			"all, of a person":   {cron.AuditFilter{All: true, AccountID: other, PersonID: 1}, []int64{e, d, a}},
			"person":             {cron.AuditFilter{AccountID: account, PersonID: 1}, []int64{a}},
			"key":                {cron.AuditFilter{AccountID: account, KeyID: 1}, []int64{b}},
			"action":             {cron.AuditFilter{AccountID: account, Action: "job."}, []int64{b, a}},
			"whole action":       {cron.AuditFilter{AccountID: account, Action: "job.change"}, []int64{a}},
			"a wildcard is not":  {cron.AuditFilter{AccountID: account, Action: "job_"}, nil},
			"object":             {cron.AuditFilter{AccountID: account, Object: "job"}, []int64{b, a}},
			"object and id":      {cron.AuditFilter{AccountID: account, Object: "job", ObjectID: 7}, []int64{a}},
			"from":               {cron.AuditFilter{All: true, From: second(3)}, []int64{e, d, c}},
			"from and to":        {cron.AuditFilter{All: true, From: second(2), To: second(4)}, []int64{c, b}},
			"before":             {cron.AuditFilter{AccountID: account, Before: c, To: second(3)}, []int64{b, a}},
			"before what is not": {cron.AuditFilter{AccountID: account, Before: e + 1000}, nil},
		} {
			var got []int64
			for _, page := range s.auditPages(db, tt.filter, 10) {
				got = append(got, page...)
			}
			s.equal(name, got, tt.want)
		}
	}},
	{"pages follow each other", func(s *suite) {
		db, account, _ := s.start()
		s.fillAudit(account, 7, db.Now().Add(-time.Hour))
		for id := range int64(5) {
			s.raw().SetAudited(id+1, time.UnixMilli(5000)) // the same instant
		}
		s.equal("pages", s.auditPages(db, cron.AuditFilter{AccountID: account}, 3), [][]int64{{7, 6, 5}, {4, 3, 2}, {1}})
		s.equal("pages that end with the last entry", s.auditPages(db, cron.AuditFilter{AccountID: account}, 7),
			[][]int64{{7, 6, 5, 4, 3, 2, 1}, nil})
	}},
	{"a call looks at so many entries", func(s *suite) {
		db, account, _ := s.start()
		s.fillAudit(account, 25_000, db.Now().Add(-time.Hour))
		s.equal("pages", s.auditPages(db, cron.AuditFilter{AccountID: account, Object: "job", ObjectID: 3}, 10),
			[][]int64{nil, nil, {3}})
		s.equal("pages of all", s.auditPages(db, cron.AuditFilter{All: true, PersonID: 99}, 10), [][]int64{nil, nil, nil})
	}},
	{"old entries go in chunks", func(s *suite) {
		s.options.AuditKept = 24 * time.Hour
		db, account, _ := s.start()
		s.fillAudit(account, 1200, db.Now().Add(-25*time.Hour))
		s.fillAudit(account, 3, db.Now().Add(-23*time.Hour))
		s.chunks(db, "audit", 500)
		s.equal("entries", s.raw().Rows("audit"), int64(3))
	}},
	{"by default entries are kept for a year", func(s *suite) {
		db, account, _ := s.start()
		s.fillAudit(account, 3, db.Now().Add(-364*24*time.Hour))
		s.fillAudit(0, 2, db.Now().Add(-366*24*time.Hour))
		s.maintain(db)
		s.equal("entries", s.raw().Rows("audit"), int64(3))
	}},
	{"an account has so many entries, and the newest stay", func(s *suite) {
		s.options.AuditEntries = 100
		db, account, _ := s.start()
		other := s.account(db)
		s.fillAudit(account, 1300, db.Now().Add(-time.Hour))
		s.fillAudit(other, 100, db.Now().Add(-2*time.Hour))
		s.fillAudit(0, 600, db.Now().Add(-3*time.Hour))
		s.chunks(db, "audit", 500)
		for _, id := range []int64{account, other, 0} {
			s.equal("entries", s.raw().RowsOfAccount("audit", id), int64(100))
		}
		s.equal("oldest entry", s.raw().OldestAudit(account), int64(1201))
	}},
}
