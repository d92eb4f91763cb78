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
