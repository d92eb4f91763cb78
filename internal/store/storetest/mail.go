package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// mail queues a mail that can be used for an hour.
func (s *suite) mail(db *store.Store, id string, stranger bool) cron.Mail {
	s.Helper()
	now := s.instant(db)
	m := cron.Mail{ID: id, To: id + "@example.com", Subject: "Zoë ☂", Text: "line\nline\n", Stranger: stranger, Created: now, Expires: now.Add(time.Hour)}
	s.ok(db.QueueMail(s.ctx(), &m))
	return m
}

// claimMails returns the IDs of mails that it claims.
func (s *suite) claimMails(db *store.Store, limit int) (ids []string) {
	s.Helper()
	mails, err := db.ClaimMails(s.ctx(), limit)
	s.ok(err)
	for _, m := range mails {
		ids = append(ids, m.ID)
	}
	return ids
}

var mailTests = []test{
	{"a mail reads back, and is gone once it is sent", func(s *suite) {
		db, _, _ := s.start()
		m := s.mail(db, "a", true)
		mails, err := db.ClaimMails(s.ctx(), 4)
		s.ok(err)
		m.Attempts = 1
		s.equal("mails", mails, []cron.Mail{m})
		s.equal("claimed again", len(s.claimMails(db, 4)), 0)
		s.ok(db.FinishMail(s.ctx(), m.ID, 1, time.Time{}))
		s.equal("rows", s.raw().Rows("mail"), int64(0))
	}},
	{"those of strangers come last", func(s *suite) {
		db, _, _ := s.start()
		s.mail(db, "stranger", true)
		s.mail(db, "own", false)
		s.equal("nothing without room", len(s.claimMails(db, 0)), 0)
		s.equal("first", s.claimMails(db, 1), []string{"own"})
		s.equal("second", s.claimMails(db, 1), []string{"stranger"})
	}},
	{"a mail whose node died is due again after its lease, and an attempt that was taken for lost does not put it off", func(s *suite) {
		db, _, _ := s.start()
		s.mail(db, "a", false)
		s.claimMails(db, 1)
		next, err := db.NextMessage(s.ctx())
		s.ok(err)
		if wait := next.Sub(db.Now()); wait <= 0 || wait > cron.MailLease {
			s.Errorf("the next attempt is in %v", wait)
		}
		s.raw().HurryMails(db.Now())
		s.equal("again", s.claimMails(db, 1), []string{"a"})
		s.ok(db.FinishMail(s.ctx(), "a", 1, db.Now()))
		s.equal("after the lost attempt's end", len(s.claimMails(db, 1)), 0)
		s.ok(db.FinishMail(s.ctx(), "a", 2, db.Now()))
		s.equal("after its own", s.claimMails(db, 1), []string{"a"})
	}},
	{"a mail whose first attempt is the caller's is left to it as long as that can take", func(s *suite) {
		db, _, _ := s.start()
		now := s.instant(db)
		m := cron.Mail{ID: "a", To: "a@example.com", Created: now, Expires: now.Add(time.Hour), Attempts: 1}
		s.ok(db.QueueMail(s.ctx(), &m))
		s.equal("claimed meanwhile", len(s.claimMails(db, 4)), 0)
		next, err := db.NextMessage(s.ctx())
		s.ok(err)
		s.equal("due", next, now.Add(cron.MailLease))
		s.ok(db.FinishMail(s.ctx(), "a", 1, now))
		mails, err := db.ClaimMails(s.ctx(), 4)
		s.ok(err)
		s.equal("attempts of the mail that it leaves", mails[0].Attempts, 2)
	}},
	{"a mail is undone with the transaction that asks for it", func(s *suite) {
		db, _, _ := s.start()
		undone := errors.New("undone")
		err := db.Audited(s.ctx(), &cron.AuditEntry{Action: "x", Object: "x"}, func(ctx context.Context) error {
			m := cron.Mail{ID: "a", To: "a@example.com", Created: db.Now(), Expires: db.Now().Add(time.Hour)}
			s.ok(db.QueueMail(ctx, &m))
			return undone
		})
		if !errors.Is(err, undone) {
			s.Fatal(err)
		}
		s.equal("rows", s.raw().Rows("mail"), int64(0))
	}},
	{"what strangers cause leaves room for others", func(s *suite) {
		db, _, _ := s.start()
		s.mail(db, "first", true)
		s.raw().CopyMails(cron.MaxWaitingMails - 1)
		err := db.QueueMail(s.ctx(), &cron.Mail{ID: "more", To: "a@example.com", Stranger: true, Created: db.Now(), Expires: db.Now().Add(time.Hour)})
		s.equal("kind", cron.KindOf(err), cron.TooMany)
		s.mail(db, "own", false)
		s.equal("first", s.claimMails(db, 1), []string{"own"})
	}},
	{"a mail that was moved to another row does not open", func(s *suite) {
		db, _, _ := s.start()
		s.mail(db, "a", false)
		s.raw().Exec(`UPDATE mail SET id = 'b'`)
		mails, err := db.ClaimMails(s.ctx(), 1)
		s.ok(err)
		s.equal("to", mails[0].To, "")
	}},
	{"nodes take different mails", func(s *suite) {
		db, _, _ := s.start()
		const mails = 40
		for i := range mails {
			s.mail(db, fmt.Sprint("m", i), i%2 == 0)
		}
		var (
			wg    sync.WaitGroup
			mu    sync.Mutex
			taken = make(map[string]int)
		)
		for _, db := range []*store.Store{db, s.open(), s.open()} {
			wg.Go(func() {
				for range mails {
					for _, id := range s.claimMails(db, 3) {
						mu.Lock()
						taken[id]++
						mu.Unlock()
					}
				}
			})
		}
		wg.Wait()
		for id, n := range taken {
			if n != 1 {
				s.Errorf("mail %s was taken %d times", id, n)
			}
		}
		s.equal("mails", len(taken), mails)
	}},
}
