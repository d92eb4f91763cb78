package e2e

import (
	"maps"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"punctual/internal/notify/email/emailtest"
	"punctual/test/harness"
)

// TestMailsSurvive asks for a mail while no mail server answers, kills the node after an attempt, and starts another one that reaches
// the server: the mail arrives, and nobody can read it in the database meanwhile.
func TestMailsSurvive(t *testing.T) {
	t.Parallel()
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		server := emailtest.Start(t, emailtest.Options{NoTLS: true})
		plain := s.Extra
		s.Extra = append(plain, "PUNCTUAL_SMTP=smtp://127.0.0.1:1", "PUNCTUAL_MAIL_FROM=cron@example.com", "PUNCTUAL_PUBLIC_URL=https://cron.example.com")
		node := s.Start("--signup", "open")
		newGuest(t).post(200, node.URL+"/console/sign-up", url.Values{"email": {"jane@example.org"}})
		await(t, "a first attempt has ended", func() bool { return strings.Contains(node.Stderr(), "a mail could not be sent") })
		node.Kill()
		tables := s.Tables()
		if rows := tables.Rows("mail"); rows != 1 {
			t.Fatalf("%d mails wait", rows)
		}
		if n := tables.Number(`SELECT count(*) FROM mail WHERE CAST(sealed AS TEXT) LIKE '%jane%' OR CAST(sealed AS TEXT) LIKE '%sign-up%'`); n != 0 {
			t.Error("the mail can be read in the database")
		}
		s.Extra = append(plain, "PUNCTUAL_SMTP="+server.URL()+"?starttls=off", "PUNCTUAL_MAIL_FROM=cron@example.com",
			"PUNCTUAL_PUBLIC_URL=https://cron.example.com")
		s.Start("--signup", "open")
		if m, _ := server.Wait(t, "jane@example.org", 0); !strings.Contains(m.Text, "https://cron.example.com/console/sign-up/") {
			t.Errorf("the mail is\n%s", m.Text)
		}
		await(t, "no mail waits", func() bool { return tables.Rows("mail") == 0 })
	})
}

// TestMailsAndTheirServers has a server that greylists, refuses, and does not say whether it has taken a mail, until the node is killed.
// Each mail that can be taken is, the last one again with the same ID, and none waits for another.
func TestMailsAndTheirServers(t *testing.T) {
	t.Parallel()
	const grey, refused, silent, plain = "grey@example.org", "refused@example.org", "silent@example.org", "plain@example.org"
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		var (
			mu    sync.Mutex
			tried = make(map[string]int)
			hang  = make(chan struct{})
			hung  atomic.Bool
		)
		server := emailtest.Start(t, emailtest.Options{NoTLS: true,
			Each: func(to string) error {
				mu.Lock()
				defer mu.Unlock()
				tried[to]++
				switch {
				case to == grey && tried[to] == 1:
					return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "Greylisted, try again later"}
				case to == refused:
					return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such user"}
				}
				return nil
			},
			Taken: func(to string) {
				if to == silent && !hung.Swap(true) {
					<-hang
				}
			},
		})
		t.Cleanup(func() { close(hang) })
		s.Extra = append(s.Extra, "PUNCTUAL_SMTP="+server.URL()+"?starttls=off", "PUNCTUAL_MAIL_FROM=cron@example.com",
			"PUNCTUAL_PUBLIC_URL=https://cron.example.com")
		node := s.Start("--signup", "open")
		for _, to := range []string{silent, refused, grey, plain} {
			newGuest(t).post(200, node.URL+"/console/sign-up", url.Values{"email": {to}})
		}
		first, at := server.Wait(t, silent, 0)
		server.Wait(t, plain, 0)
		server.Wait(t, grey, 0)
		tables := s.Tables()
		await(t, "only the silent one waits", func() bool { return tables.Rows("mail") == 1 })
		if log := node.Stderr(); strings.Count(log, "and is given up") != 1 || !strings.Contains(log, "No such user") || strings.Contains(log, "@example.org") {
			t.Errorf("the log says\n%s", log)
		}
		node.Kill()
		tables.HurryMails(time.Now())
		s.Start("--signup", "open")
		if again, _ := server.Wait(t, silent, at); again.Header.Get("Message-ID") != first.Header.Get("Message-ID") || again.Text != first.Text {
			t.Errorf("the mail came as %s, and again as %s", first.Header.Get("Message-ID"), again.Header.Get("Message-ID"))
		}
		await(t, "no mail waits", func() bool { return tables.Rows("mail") == 0 })
		mu.Lock()
		defer mu.Unlock()
		if want := map[string]int{grey: 2, refused: 1, silent: 2, plain: 1}; !maps.Equal(tried, want) {
			t.Errorf("the attempts are %v, want %v", tried, want)
		}
	})
}
