package web_test

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"testing"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// TestLostPassword sets another password by the link of a mail, which leads to the configured host whatever the request says,
// and works once.
func TestLostPassword(t *testing.T) {
	c := newConsoleWith(t, settings{mail: true, publicURL: "https://cron.example.com"})
	other := c.setUp(t)
	b := c.visitor(t)
	b.header = append(b.header, "Host: evil.example.net", "X-Forwarded-Host: evil.example.net")
	b.post("/console/lost-password", "email", "nobody@example.com").says(http.StatusOK)
	b.post("/console/lost-password", "email", "Jane@Example.com").says(http.StatusOK)
	m := c.mail(t)
	page := linkOf(t, m, "password")
	if m.To != "jane@example.com" {
		t.Errorf("the mail goes to %s", m.To)
	}
	b.get(page).says(http.StatusOK)
	b.post(page, "password", "short").says(http.StatusUnprocessableEntity)
	b.post(page, "password", "another long password").leads("/console")
	b.get("/console").says(http.StatusOK)
	other.get("/console").leads("/console/sign-in") // its session has ended
	b.get(page).says(http.StatusGone)
	b.post(page, "password", "a third long password").says(http.StatusGone)
	if len(c.mails) > 0 {
		if told := c.mail(t); told.To != "jane@example.com" {
			t.Errorf("somebody else gets a mail: %+v", told)
		}
	}
}

// linkOf is the path of the one link in a mail.
func linkOf(t *testing.T, m message.Mail, page string) string {
	t.Helper()
	found := regexp.MustCompile(`https?://[^\s/]+(/console/\S+)`).FindAllStringSubmatch(m.Text, -1)
	if len(found) != 1 || !regexp.MustCompile(`^https://cron\.example\.com/console/`+page+`/[A-Za-z0-9_-]{43}$`).MatchString(found[0][0]) {
		t.Fatalf("the mail is %+v", m)
	}
	return found[0][1]
}

// deadServer is a mail server that nobody reaches.
type deadServer struct{}

// Send fails.
func (deadServer) Send(_ context.Context, m message.Mail) error {
	return &cron.MailError{Fault: cron.MailUnreachable, Server: "mail.example.com:587", To: m.To, Err: errors.New("connection refused by 10.0.0.7")}
}

// TestTestMail tells the operator whether the mail server takes a mail.
func TestTestMail(t *testing.T) {
	const form = "/console/settings/service/test-mail"
	c := newConsoleWith(t, settings{mail: true, publicURL: "http://example.com"})
	c.setUp(t).post(form, "to", "jane@example.com").says(200, "jane@example.com")
	if m := c.mail(t); m.To != "jane@example.com" {
		t.Errorf("the mail goes to %s", m.To)
	}
	dead := newConsoleWith(t, settings{mailer: deadServer{}, publicURL: "http://example.com"})
	dead.setUp(t).post(form, "to", "jane@example.com").says(422, "mail.example.com:587", `value="jane@example.com"`).hides("10.0.0.7", "inside the service")
}
