package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"

	"punctual/internal/notify/email/emailtest"
	"punctual/test/harness"
)

// TestMailCommand sends a test mail over a real server, and over one that refuses.
func TestMailCommand(t *testing.T) {
	t.Parallel()
	server := emailtest.Start(t, emailtest.Options{})
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, server.Roots, 0o600); err != nil {
		t.Fatal(err)
	}
	url := server.URL() + "?starttls=required"
	env := []string{"SSL_CERT_FILE=" + roots, "PUNCTUAL_SMTP=" + url, "PUNCTUAL_MAIL_FROM=Punctual <cron@example.com>"}
	code, stdout, stderr := harness.Run(t, env, "mail", "test", "jane@example.org")
	if code != 0 || stderr != "" || !strings.Contains(stdout, server.Addr) || !strings.Contains(stdout, "jane@example.org") {
		t.Fatalf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	m, _ := server.Wait(t, "jane@example.org", 0)
	if !m.Encrypted || m.User != emailtest.User || m.From != "cron@example.com" {
		t.Errorf("received %+v", m)
	}
	for says, tt := range map[string]struct {
		code int
		env  []string
	}{
		"certificate": {1, []string{"PUNCTUAL_SMTP=" + url, "PUNCTUAL_MAIL_FROM=cron@example.com"}},
		"rejects the user or the password": {1, []string{"SSL_CERT_FILE=" + roots, "PUNCTUAL_MAIL_FROM=cron@example.com",
			"PUNCTUAL_SMTP=" + strings.Replace(url, "s3cret", "other", 1)}},
		"--mail-from":          {2, []string{"PUNCTUAL_SMTP=" + url}},
		"needs --smtp":         {2, []string{"PUNCTUAL_MAIL_FROM=cron@example.com"}},
		"--smtp and --mail-fr": {2, nil},
	} {
		code, stdout, stderr := harness.Run(t, tt.env, "mail", "test", "jane@example.org")
		if code != tt.code || stdout != "" || !strings.Contains(stderr, says) || strings.Contains(stderr, "p@ss") ||
			strings.Contains(stderr, "p%40ss") {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q", says, code, stdout, stderr)
		}
	}
}

// TestMailsOfCommands has commands whose mails a server does not take: they say so, and a running node sends what can still be sent.
func TestMailsOfCommands(t *testing.T) {
	t.Parallel()
	server := emailtest.Start(t, emailtest.Options{NoTLS: true})
	refusing := emailtest.Start(t, emailtest.Options{NoTLS: true, Recipient: &smtp.SMTPError{Code: 550, Message: "No such user"}})
	s := harness.NewService(t, "")
	plain := s.Env()
	by := func(url string) []string {
		return append(slices.Clone(plain), "PUNCTUAL_SMTP="+url, "PUNCTUAL_MAIL_FROM=cron@example.com", "PUNCTUAL_PUBLIC_URL=https://cron.example.com")
	}
	s.Extra = append(s.Extra, "PUNCTUAL_SMTP="+server.URL()+"?starttls=off", "PUNCTUAL_MAIL_FROM=cron@example.com", "PUNCTUAL_PUBLIC_URL=https://cron.example.com")
	s.Start()
	code, stdout, stderr := harness.Run(t, by("smtp://127.0.0.1:1"), "person", "invite", "jane@example.org", "--role", "editor")
	if code != 0 || stderr != "" || !strings.Contains(stdout, "The mail to jane@example.org is not sent yet") || !strings.Contains(stdout, "127.0.0.1:1") ||
		strings.Contains(stdout, "/console/") {
		t.Errorf("without a server: exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	code, stdout, stderr = harness.Run(t, by(refusing.URL()+"?starttls=off"), "person", "invite", "joe@example.org", "--role", "editor")
	if code != 1 || stdout != "" || !strings.Contains(stderr, "The mail to joe@example.org was not sent") || !strings.Contains(stderr, "No such user") {
		t.Errorf("refused: exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	s.CreateAccount("ann@example.org", "unlimited")
	code, stdout, stderr = harness.Run(t, plain, "account", "delete", "ann@example.org", "--later")
	if code != 0 || stderr != "" || !strings.Contains(stdout, "Tell ann@example.org yourself") {
		t.Errorf("no server given: exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	if m, _ := server.Wait(t, "jane@example.org", 0); !strings.Contains(m.Text, "https://cron.example.com/console/invitation/") {
		t.Errorf("the node sends\n%s", m.Text)
	}
	await(t, "no mail waits", func() bool { return s.Tables().Rows("mail") == 0 })
}

// TestInviteByMail has a command mail an invitation, whose link it does not print then.
func TestInviteByMail(t *testing.T) {
	t.Parallel()
	server := emailtest.Start(t, emailtest.Options{})
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, server.Roots, 0o600); err != nil {
		t.Fatal(err)
	}
	s := harness.NewService(t, "")
	s.Start()
	env := append(s.Env(), "SSL_CERT_FILE="+roots, "PUNCTUAL_SMTP="+server.URL()+"?starttls=required",
		"PUNCTUAL_MAIL_FROM=cron@example.com", "PUNCTUAL_PUBLIC_URL=https://cron.example.com")
	code, stdout, stderr := harness.Run(t, env, "person", "invite", "jane@example.org", "--role", "editor")
	if code != 0 || stderr != "" || !strings.Contains(stdout, "sent to jane@example.org") || strings.Contains(stdout, "/console/") {
		t.Fatalf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	if m, _ := server.Wait(t, "jane@example.org", 0); !strings.Contains(m.Text, "https://cron.example.com/console/invitation/") {
		t.Errorf("the mail is\n%s", m.Text)
	}
}
