package service_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/service"
	"punctual/internal/store/storetest"
)

// mailer does what a test says with each mail.
type mailer func(m message.Mail) error

func (f mailer) Send(_ context.Context, m message.Mail) error { return f(m) }

// TestBackground sends mails by a mailer that fails, panics and works, and stops while mails wait.
func TestBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent []string
		hold, held := make(chan struct{}), false
		w := newWorld(t, func(c *service.Config) {
			c.Mailer = mailer(func(m message.Mail) error {
				switch m.To {
				case "panic@example.com":
					panic("of a mailer")
				case "fail@example.com":
					return errors.New("no server")
				case "slow@example.com":
					held = true
					<-hold
				}
				sent = append(sent, m.To)
				return nil
			})
		})
		ask := func(email string) {
			w.ok(w.SignUp(t.Context(), client("192.0.2.1"), email))
			synctest.Wait()
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.RunBackground(ctx) }()
		for _, email := range []string{"panic@example.com", "fail@example.com", "a@example.com", "slow@example.com"} {
			ask(email)
		}
		if !held || !slices.Equal(sent, []string{"a@example.com"}) {
			t.Errorf("sent to %q", sent)
		}
		stop()
		w.ok(w.SignUp(t.Context(), client("192.0.2.1"), "late@example.com"))
		close(hold)
		w.ok(<-done)
		if slices.Sort(sent); !slices.Equal(sent, []string{"a@example.com", "late@example.com", "slow@example.com"}) {
			t.Errorf("sent to %q", sent)
		}
	})
}

// TestTooMuchWaits asks for more than fits while nothing is sent: known and unknown addresses are refused alike.
func TestTooMuchWaits(t *testing.T) {
	w := newWorld(t, nil)
	w.person("jane@example.com", cron.RoleOwner)
	for i := range 256 {
		w.ok(w.LostPassword(t.Context(), client(fmt.Sprintf("192.0.2.%d", i)), fmt.Sprintf("%d@example.com", i)))
	}
	for i, email := range []string{"jane@example.com", "nobody@example.com"} {
		err := w.LostPassword(t.Context(), client(fmt.Sprintf("198.51.100.%d", i)), email)
		w.fails(err, cron.TooMany, cron.RuleSignInBusy)
	}
	if mails := w.sent(); len(mails) > 0 {
		t.Errorf("%+v", mails)
	}
	w.ok(w.LostPassword(t.Context(), client("198.51.100.9"), "jane@example.com"))
	w.oneMail("jane@example.com")
}

// TestTestMail sends one at once, and without a mailer none.
func TestTestMail(t *testing.T) {
	w := newWorld(t, nil)
	w.ok(w.TestMail(t.Context(), command, "jane@example.com"))
	if len(w.mail.mails) != 1 {
		t.Error("it waits")
	}
	w.fails(w.TestMail(t.Context(), command, "jane"), cron.Invalid, cron.RuleEmail)
	w = newWorld(t, func(c *service.Config) { c.Mailer = nil })
	w.fails(w.TestMail(t.Context(), command, "jane@example.com"), cron.Forbidden, cron.RuleNoMail)
}

// TestMailsOfCommands has mails of a process that ends: whatever happens, each is sent, is left to the nodes, or is told of.
func TestMailsOfCommands(t *testing.T) {
	down := &cron.MailError{Fault: cron.MailUnreachable, Err: errors.New("refused")}
	refused := &cron.MailError{Fault: cron.MailRecipient, Err: errors.New("550")}
	greylisted := &cron.MailError{Fault: cron.MailRecipient, Temporary: true, Err: errors.New("451")}
	for name, tt := range map[string]struct {
		answers []error // of the mail server, to each attempt
		waiting int64
		told    []error
	}{
		"sent":                  {[]error{nil, nil, nil}, 0, nil},
		"one is refused":        {[]error{nil, refused, nil}, 0, []error{refused}},
		"one has to come again": {[]error{greylisted, nil, nil}, 1, []error{greylisted}},
		"no server":             {[]error{down}, 3, []error{down, down, down}},
		"it goes":               {[]error{nil, down}, 2, []error{down, down}},
	} {
		t.Run(name, func(t *testing.T) {
			attempts := 0
			w := newWorld(t, func(c *service.Config) {
				c.Mailer = mailer(func(message.Mail) error {
					attempts++
					return tt.answers[attempts-1]
				})
			})
			for i := range 3 {
				_, err := w.Invite(t.Context(), cron.OperatorOf(w.account), fmt.Sprintf("p%d@example.com", i), cron.RoleViewer)
				w.ok(err)
			}
			tables := storetest.OpenTables(t, w.options)
			if n := tables.Rows("mail"); n != 3 {
				t.Errorf("%d mails are kept before the attempts", n)
			}
			w.FinishBackground(t.Context())
			var told []error
			for _, m := range w.UnsentMails() {
				told = append(told, m.Err)
				if m.To == "" || m.Until.IsZero() != errors.Is(m.Err, refused) {
					t.Errorf("it tells of %+v", m)
				}
			}
			if n := tables.Rows("mail"); n != tt.waiting || attempts != len(tt.answers) || !slices.Equal(told, tt.told) {
				t.Errorf("%d mails wait after %d attempts, it tells of %v", n, attempts, told)
			}
			if again := w.UnsentMails(); len(again) != 0 {
				t.Errorf("it tells again of %v", again)
			}
		})
	}
}
