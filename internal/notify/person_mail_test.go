package notify

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
)

func (m *mailbox) Send(_ context.Context, mail message.Mail) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.to, m.ids = append(m.to, mail.To), append(m.ids, mail.ID)
	if m.panics {
		panic("of a mailer")
	}
	return m.err
}

// fail lets further mails fail with an error; nil for none.
func (m *mailbox) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err, m.to, m.ids = err, nil, nil
}

// ask queues a mail to a person.
func (w *world) ask(to string, within time.Duration) {
	w.Helper()
	w.ok(w.db.QueueMail(w.Context(), &cron.Mail{ID: "id of " + to, To: to, Subject: "Sign in", Text: "https://cron.example.com/s3cret\n",
		Created: w.db.Now(), Expires: w.db.Now().Add(within)}))
}

// TestPersonMails sends mails to persons by a server that is away for an hour, and starts the node again meanwhile. Each attempt has the
// same ID.
func TestPersonMails(t *testing.T) {
	inBubble(t, takes, func(w *world) {
		w.mails.fail(&cron.MailError{Fault: cron.MailUnreachable, Err: errors.New("refused")})
		w.ask("jane@example.com", 24*time.Hour)
		w.ask("short@example.com", time.Minute)
		w.pass(time.Second)
		if slices.Sort(w.mails.to); !slices.Equal(w.mails.to, []string{"jane@example.com", "short@example.com"}) {
			w.Errorf("tried at once: %v", w.mails.to)
		}
		w.pass(30 * time.Minute)
		w.stop()
		w.start()
		w.pass(30 * time.Minute)
		if n := len(w.mails.to); n < 8 || n > 20 {
			w.Errorf("tried %d times in an hour", n)
		}
		if rows := w.raw.Rows("mail"); rows != 1 {
			w.Errorf("%d mails wait", rows)
		}
		ids := slices.Compact(slices.Sorted(slices.Values(w.mails.ids)))
		if !slices.Equal(ids, []string{"id of jane@example.com", "id of short@example.com"}) {
			w.Errorf("the IDs are %q", ids)
		}
		w.mails.fail(nil)
		w.pass(2 * time.Hour)
		if !slices.Equal(w.mails.to, []string{"jane@example.com"}) || w.raw.Rows("mail") != 0 {
			w.Errorf("sent to %v, and %d wait", w.mails.to, w.raw.Rows("mail"))
		}
		if log := w.log.String(); strings.Contains(log, "s3cret") || strings.Contains(log, "jane") {
			w.Error("the log says who gets a mail, or what it says")
		}
	})
}

// TestPersonMailsEnd has mails that are refused, and some that cannot be sent in time: they are given up.
func TestPersonMailsEnd(t *testing.T) {
	inBubble(t, takes, func(w *world) {
		for _, tt := range []struct {
			err  error
			left int64
		}{
			{&cron.MailError{Fault: cron.MailRecipient, Err: errors.New("550")}, 0},
			{&cron.MailError{Fault: cron.MailRejected, Err: errors.New("550")}, 0},
			{&cron.MailError{Fault: cron.MailRecipient, Temporary: true, Err: errors.New("450")}, 1},
			{&cron.MailError{Fault: cron.MailLogin, Err: errors.New("535")}, 1},
		} {
			w.raw.Clear("mail")
			w.mails.fail(tt.err)
			w.ask("jane@example.com", time.Hour)
			w.pass(time.Second)
			if left := w.raw.Rows("mail"); left != tt.left || len(w.mails.to) != 1 {
				w.Errorf("%+v: %d wait after %d attempts", tt.err, left, len(w.mails.to))
			}
		}
		w.pass(2 * time.Hour)
		if left := w.raw.Rows("mail"); left != 0 {
			w.Errorf("%d wait after their time", left)
		}
		w.stop()
		w.mails.fail(nil)
		w.ask("late@example.com", time.Hour)
		time.Sleep(2 * time.Hour) // nobody runs
		w.start()
		w.pass(time.Minute)
		if len(w.mails.to) != 0 || w.raw.Rows("mail") != 0 {
			w.Errorf("sent to %v, %d wait", w.mails.to, w.raw.Rows("mail"))
		}
	})
}

// TestPersonMailPanics has a mailer that panics: the node goes on.
func TestPersonMailPanics(t *testing.T) {
	inBubble(t, takes, func(w *world) {
		w.mails.panics = true
		w.ask("jane@example.com", time.Hour)
		w.pass(time.Second)
		w.mails.mu.Lock()
		w.mails.panics = false
		w.mails.mu.Unlock()
		w.pass(time.Minute)
		if len(w.mails.to) != 2 || w.raw.Rows("mail") != 0 {
			w.Errorf("tried %v, %d wait", w.mails.to, w.raw.Rows("mail"))
		}
	})
}
