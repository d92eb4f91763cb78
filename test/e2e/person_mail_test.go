package e2e

import (
	"net/url"
	"strings"
	"testing"

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
