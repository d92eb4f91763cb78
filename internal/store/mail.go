package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"punctual/internal/cron"
)

// Mails to persons wait as rows, and are claimed by any node:
//
//	QueueMail, in the transaction that asks for it ──▶ ClaimMails ──▶ attempt ──▶ FinishMail: the row is deleted, or due again
//
// A claim puts a mail off by cron.MailLease and counts the attempt. If the node dies, the mail is due again after that time, so there
// is nothing to settle. A mail may be sent twice, with the same ID.

func mailRow(id string) string { return "mail " + id }

// mailText is what is sealed of a mail.
type mailText struct {
	To, Subject, Text string
	Sender            string `json:",omitempty"`
}

// QueueMail adds a mail. It is due at once, or, when its first attempt is the caller's, after cron.MailLease. It joins the transaction of ctx. The error is of kind TooMany when too many wait.
func (s *Store) QueueMail(ctx context.Context, m *cron.Mail) error {
	plain, err := json.Marshal(mailText{m.To, m.Subject, m.Text, m.Sender})
	if err != nil {
		return fmt.Errorf("encode a mail: %w", err)
	}
	err = s.transact(ctx, ofAccount(0), func(ctx context.Context, q queryer) error {
		var waiting int
		err := q.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM mail WHERE stranger = $1 LIMIT $2) AS waiting`, m.Stranger,
			cron.MaxWaitingMails).Scan(&waiting)
		if err != nil {
			return err
		}
		if waiting >= cron.MaxWaitingMails {
			return &cron.Error{Kind: cron.TooMany, RetryAfter: cron.MailLease}
		}
		sealed, err := s.seal(ctx, q, plain, mailRow(m.ID))
		if err != nil {
			return err
		}
		due := m.Created
		if m.Attempts > 0 {
			due = due.Add(cron.MailLease)
		}
		_, err = q.ExecContext(ctx, `INSERT INTO mail (id, stranger, sealed, created_at, expires_at, due_at, attempts)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`, m.ID, m.Stranger, sealed, millis(m.Created), millis(m.Expires), millis(due), m.Attempts)
		if err != nil {
			return err
		}
		return s.wake(ctx, q, wakeNotices)
	})
	if err != nil {
		return fmt.Errorf("queue a mail: %w", err)
	}
	return nil
}

// ClaimMails takes mails that are due, those that strangers cause last. A mail that does not open has no address.
func (s *Store) ClaimMails(ctx context.Context, limit int) (mails []cron.Mail, err error) {
	if limit <= 0 {
		return nil, nil
	}
	var due bool
	ctx = results.with(ctx)
	now := s.Now()
	err = s.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM mail WHERE due_at <= $1)`, millis(now)).Scan(flag(&due))
	if err != nil {
		return nil, fmt.Errorf("look for mails: %w", databaseError(err))
	}
	if !due {
		return nil, nil
	}
	var sealed [][]byte
	err = s.transact(ctx, results, func(ctx context.Context, q queryer) error {
		mails, sealed = nil, nil
		return each(ctx, q, "take mails", func(scan scanner) error {
			var (
				m    cron.Mail
				text []byte
			)
			err := scan(&m.ID, flag(&m.Stranger), &text, moment(&m.Created), moment(&m.Expires), &m.Attempts)
			mails, sealed = append(mails, m), append(sealed, text)
			return err
		}, `UPDATE mail SET due_at = $2, attempts = attempts + 1 WHERE due_at <= $1 AND id IN
			(SELECT id FROM mail WHERE due_at <= $1 ORDER BY stranger, due_at, id LIMIT $3)
			RETURNING id, stranger, sealed, created_at, expires_at, attempts`, millis(now), millis(now.Add(cron.MailLease)), limit)
	})
	if err != nil {
		return nil, fmt.Errorf("claim mails: %w", err)
	}
	for i := range mails {
		if err := s.openMail(&mails[i], sealed[i]); err != nil {
			s.logger.Error("a mail cannot be read", slogErr(err))
		}
	}
	return mails, nil
}

func (s *Store) openMail(m *cron.Mail, sealed []byte) error {
	var t mailText
	plain, err := s.sealer.open(sealed, mailRow(m.ID))
	if err == nil {
		err = json.Unmarshal(plain, &t)
	}
	m.To, m.Subject, m.Text, m.Sender = t.To, t.Subject, t.Text, t.Sender
	return err
}

// FinishMail ends an attempt, the n-th one, to send a mail. The mail is due again at next; with the zero time it is done with. An
// attempt that was taken for lost, after which another one began, does not put the mail off.
func (s *Store) FinishMail(ctx context.Context, id string, n int, next time.Time) error {
	err := s.transact(ctx, results, func(ctx context.Context, q queryer) (err error) {
		if next.IsZero() {
			_, err = q.ExecContext(ctx, `DELETE FROM mail WHERE id = $1`, id)
		} else {
			_, err = q.ExecContext(ctx, `UPDATE mail SET due_at = $3 WHERE id = $1 AND attempts = $2`, id, n, millis(next))
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("finish a mail: %w", err)
	}
	return nil
}
