package service

import (
	"cmp"
	"context"
	crypto "crypto/rand"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// Mailer sends mails.
type Mailer interface {
	// Send sends a mail, and returns once a server has taken it.
	Send(ctx context.Context, m message.Mail) error
}

// A mail is a row from the transaction that asks for it until the node's sender has sent it (store/mail.go). Commands, which may run
// beside no node, make the first attempt themselves before they end, and tell what became of it.
//
// Work that would tell by its time whether an e-mail address is known is done in the background, and so are the attempts of commands:
//
//	SignUp, LostPassword, failed SignIn ──▶ strangers ──▶ RunBackground ──▶ database
//	mails of commands ────────────────────▶ own ────────▶ FinishBackground ──▶ mail server
//
// A call only queues a task, the same for every address. Tasks take milliseconds; those that wait when the process dies are lost:
// whoever asked for a mail asks again.
const (
	queuedTasks   = 256 // of each queue
	taskWorkers   = 4
	shutdownGrace = 10 * time.Second // how long tasks that wait may take when the service stops
)

// task is work in the background.
type task func(ctx context.Context)

// background is tasks that wait. The zero value is not ready for use.
type background struct{ own, strangers chan task }

func newBackground() background {
	return background{own: make(chan task, queuedTasks), strangers: make(chan task, queuedTasks)}
}

// enqueue adds a task; false when too many wait.
func enqueue(queue chan<- task, t task) bool {
	select {
	case queue <- t:
		return true
	default:
		return false
	}
}

// next waits for a task; nil when done ends first.
func (b *background) next(done <-chan struct{}) task {
	if t := b.waiting(); t != nil {
		return t
	}
	select {
	case t := <-b.own:
		return t
	case t := <-b.strangers:
		return t
	case <-done:
		return nil
	}
}

// waiting takes a task that waits; nil for none.
func (b *background) waiting() task {
	select {
	case t := <-b.own:
		return t
	default:
	}
	select {
	case t := <-b.strangers:
		return t
	default:
		return nil
	}
}

// RunBackground does what waits until ctx ends, and then what still waits, for a few seconds.
func (s *Service) RunBackground(ctx context.Context) error {
	var workers sync.WaitGroup
	for range taskWorkers {
		workers.Go(func() {
			for ctx.Err() == nil {
				if t := s.background.next(ctx.Done()); t != nil {
					s.perform(context.WithoutCancel(ctx), t)
				}
			}
		})
	}
	workers.Wait()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	s.FinishBackground(last)
	return nil
}

// FinishBackground does what waits, and returns once that is done or ctx has ended. Commands end with it.
func (s *Service) FinishBackground(ctx context.Context) {
	for ctx.Err() == nil {
		t := s.background.waiting()
		if t == nil {
			return
		}
		s.perform(ctx, t)
	}
}

// perform runs a task; a panic is logged, since it would end the process.
func (s *Service) perform(ctx context.Context, t task) {
	err := withoutPanic(func() error {
		t(ctx)
		return nil
	})
	if err != nil {
		s.logger.Error("a task in the background failed", slog.Any("error", err))
	}
}

// canLink tells whether mails with links can be sent. Links begin with the configured URL only: what a request says of its
// host may be a lie, and would send the token to whoever tells it.
func (s *Service) canLink() bool { return s.mailer != nil && s.publicURL != "" }

// post has a mail sent. It joins the transaction of ctx. The error is of kind TooMany when too many wait. Who gets a mail and what it
// says stays out of the log.
func (s *Service) post(ctx context.Context, m message.Mail) error { return s.postFor(ctx, false, m) }

// postFor is post; a mail that a stranger caused comes after others.
func (s *Service) postFor(ctx context.Context, stranger bool, m message.Mail) error {
	if s.mailer == nil {
		if !s.keepMails {
			s.store.AfterCommit(ctx, func() { s.unsent.add(UnsentMail{To: m.To}) })
		}
		return nil
	}
	kept := s.kept(m, stranger)
	if !s.keepMails {
		kept.Attempts = 1 // which this process makes
	}
	if err := s.store.QueueMail(ctx, kept); err != nil || s.keepMails {
		return err
	}
	m.ID = kept.ID
	queue := s.background.own
	if stranger {
		queue = s.background.strangers
	}
	s.store.AfterCommit(ctx, func() {
		if !enqueue(queue, func(ctx context.Context) { s.attempt(ctx, kept, m) }) {
			s.unsent.add(UnsentMail{To: m.To, Until: kept.Expires})
		}
	})
	return nil
}

// queue is post for mails about what has happened already.
func (s *Service) queue(ctx context.Context, m message.Mail) {
	if err := s.post(context.WithoutCancel(ctx), m); err != nil { // also when the caller has gone
		s.logger.Error("a mail was not sent", slog.Any("error", err))
	}
}

// send sends a mail of a task that a stranger caused.
func (s *Service) send(ctx context.Context, m message.Mail) error {
	if s.keepMails {
		return s.store.QueueMail(ctx, s.kept(m, true))
	}
	s.sendNow(ctx, m)
	return nil
}

func (s *Service) sendNow(ctx context.Context, m message.Mail) {
	if err := s.mailer.Send(ctx, m); err != nil {
		s.logger.Error("a mail could not be sent", slog.Any("error", err))
	}
}

// UnsentMail is a mail of a command that no server has taken.
type UnsentMail struct {
	To    string
	Err   error     // why; nil when no attempt was made
	Until time.Time // until when the senders of nodes try it; zero for never
}

// unsentMails are mails of this process that no server has taken. The zero value is ready for use.
type unsentMails struct {
	mu   sync.Mutex
	list []UnsentMail
	down error // the mail server failed, whatever the mail
}

func (u *unsentMails) add(m UnsentMail) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.list = append(u.list, m)
}

// UnsentMails tells of the mails that commands asked for which were not sent, once FinishBackground has returned. Each is told once.
func (s *Service) UnsentMails() []UnsentMail {
	s.unsent.mu.Lock()
	defer s.unsent.mu.Unlock()
	list := s.unsent.list
	s.unsent.list = nil
	return list
}

// attempt makes the first attempt to send a mail of a command. Once the mail server has failed, the rest is left to the nodes, since a
// command would wait for each of them.
func (s *Service) attempt(ctx context.Context, kept *cron.Mail, m message.Mail) {
	s.unsent.mu.Lock()
	err, next := s.unsent.down, s.store.Now()
	s.unsent.mu.Unlock()
	if err == nil {
		err = s.mailer.Send(ctx, m)
		next = kept.AfterAttempt(err, s.store.Now(), rand.Float64())
	}
	if failure, ok := errors.AsType[*cron.MailError](err); ok && !failure.OfMail() {
		s.unsent.mu.Lock()
		s.unsent.down = err
		s.unsent.mu.Unlock()
	}
	if err != nil {
		unsent := UnsentMail{To: m.To, Err: err, Until: kept.Expires}
		if next.IsZero() {
			unsent.Until = time.Time{}
		}
		s.unsent.add(unsent)
	}
	if err := s.store.FinishMail(ctx, kept.ID, kept.Attempts, next); err != nil {
		s.logger.Error("what became of a mail could not be written", slog.Any("error", err))
	}
}

// kept is a mail as the store keeps it.
func (s *Service) kept(m message.Mail, stranger bool) *cron.Mail {
	now := s.store.Now()
	return &cron.Mail{ID: crypto.Text(), To: m.To, Subject: m.Subject, Text: m.Text, Sender: m.Sender, Stranger: stranger, Created: now,
		Expires: now.Add(cmp.Or(m.Patience, cron.MailPatience))}
}

// words are those in a language that a person chose; the first one of the service for none.
func words(language string) *message.Catalogue { return message.Choose(language, message.Languages()) }

// ownerMail makes a mail about an account for one of its owners.
type ownerMail func(words *message.Catalogue, to, account string) message.Mail

func mailDeletion(at time.Time) ownerMail {
	return func(w *message.Catalogue, to, account string) message.Mail { return w.DeletionMail(to, account, at) }
}

func mailKept(w *message.Catalogue, to, account string) message.Mail { return w.KeptMail(to, account) }

// mailKeys tells of the keys of a person who left.
func mailKeys(person *cron.Person, keys []cron.APIKey) ownerMail {
	titles := make([]string, len(keys))
	for i := range keys {
		titles[i] = keyTitle(&keys[i])
	}
	return func(w *message.Catalogue, to, account string) message.Mail {
		return w.KeysLiveMail(to, person.Email, account, titles)
	}
}

// mailOwners sends a mail to all owners of an account. An account that no person owns yet has its contact address told.
func (s *Service) mailOwners(ctx context.Context, account *cron.Account, mail ownerMail) {
	if s.mailer == nil && s.keepMails {
		return
	}
	ctx = context.WithoutCancel(ctx)
	members, err := s.store.Memberships(ctx, account.ID)
	if err != nil {
		s.logger.Error("the owners of an account could not be told", slog.Int64("account", account.ID), slog.Any("error", err))
		return
	}
	owned := false
	for i := range members {
		if p := &members[i].Person; members[i].Role == cron.RoleOwner && !p.Disabled {
			owned = true
			s.queue(ctx, mail(words(p.Language), p.Email, nameOf(account)))
		}
	}
	if contact := account.Email; !owned && contact != operatorEmail {
		if _, ok := parseEmail(contact); ok {
			s.queue(ctx, mail(words(""), contact, nameOf(account)))
		}
	}
}

// TestMail sends a test mail, at once. The error is of kind Forbidden when no mail is configured, and a *cron.MailError when
// it could not be sent.
func (s *Service) TestMail(ctx context.Context, actor cron.Actor, to string) error {
	if err := s.allow(&actor, UseTestMail); err != nil {
		return err
	}
	address, ok := parseEmail(to)
	switch {
	case !ok:
		return &cron.Error{Kind: cron.Invalid, Subject: cron.SubjectPerson, Problems: []cron.Problem{
			{Pointer: "/email", Rule: cron.RuleEmail, Given: to}}}
	case s.mailer == nil:
		return noMail()
	}
	return s.mailer.Send(ctx, words(actor.Language).TestMail(address))
}

func noMail() error {
	return &cron.Error{Kind: cron.Forbidden, Subject: cron.SubjectPerson, Problems: []cron.Problem{{Rule: cron.RuleNoMail}}}
}
