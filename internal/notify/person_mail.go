package notify

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// MailStore keeps mails to persons, such as links to sign in, until they are sent.
type MailStore interface {
	ClaimMails(ctx context.Context, limit int) ([]cron.Mail, error)
	// FinishMail ends the n-th attempt; with the zero time the mail is done with.
	FinishMail(ctx context.Context, id string, n int, next time.Time) error
}

// mailPlaces is how many mails to persons are sent at once. They have places of their own, so that messages to channels do not delay them.
const mailPlaces = 4

// claimMails claims mails to persons and starts to send them.
func (s *Sender) claimMails(ctx, attempts, recording context.Context) error {
	mails, err := s.Mails.ClaimMails(ctx, mailPlaces-int(s.mailing.Load()))
	if err != nil {
		return fmt.Errorf("claim mails: %w", err)
	}
	for i := range mails {
		m := &mails[i]
		s.mailing.Add(1)
		s.works.Go(func() {
			next := s.attemptMail(attempts, m)
			s.record(recording, resultUnwritten, func(ctx context.Context) error { return s.Mails.FinishMail(ctx, m.ID, m.Attempts, next) })
			s.mailing.Add(-1)
			s.signalEnd()
		})
	}
	return nil
}

// attemptMail sends a mail, and returns when it is tried again; zero for never. It does not panic. Who gets a mail and what it says
// stays out of the log.
func (s *Sender) attemptMail(ctx context.Context, m *cron.Mail) (next time.Time) {
	defer func() {
		if v := recover(); v != nil {
			s.Logger.Error("a mail ended in a panic", slog.Any("panic", v))
			next = m.NextAttempt(s.Now(), rand.Float64())
		}
	}()
	switch {
	case m.To == "": // it did not open
		return time.Time{}
	case !s.Now().Before(m.Expires):
		s.Logger.Error("a mail was given up, because it could not be sent in time")
		return time.Time{}
	case s.Mailer == nil:
		return m.NextAttempt(s.Now(), rand.Float64())
	}
	err := s.Mailer.Send(ctx, message.Mail{ID: m.ID, To: m.To, Subject: m.Subject, Text: m.Text, Sender: m.Sender})
	switch {
	case err == nil:
		return time.Time{}
	case ctx.Err() != nil:
		return s.Now() // the node stops
	}
	if next = m.AfterAttempt(err, s.Now(), rand.Float64()); next.IsZero() {
		s.Logger.Error("a mail could not be sent, and is given up", slog.Any("error", err))
	} else {
		s.Logger.Error("a mail could not be sent; trying again later", slog.Any("error", err))
	}
	return next
}
