package email

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/notify/email/emailtest"
)

// night is when the notifications of these tests are made.
var night = time.Date(2026, 11, 27, 1, 0, 2, 0, time.UTC)

// notification is about a job that failed, with what change makes of it.
func notification(change func(*cron.Message, *cron.Channel)) *message.Notification {
	m := &cron.Message{ID: 345, Kind: cron.NoticeFailure, ProblemID: 12, Created: night, Count: 1, Notices: []cron.Notice{{
		Kind: cron.NoticeFailure, Created: night, JobID: 7, Title: "Nightly backup", URL: "https://backup.example.com/run", Timezone: "Europe/Berlin",
		Runbook: "Look at the **disk**.", ExecutionID: 4711, Attempt: 1, Planned: night, Failures: 3, ProblemID: 12, Cause: 77,
		Since: night.Add(-2 * time.Hour), Next: night.Add(time.Hour),
		Result: cron.Result{Status: cron.StatusHTTPError, HTTPStatus: 503, URL: "https://backup.example.com/run", Started: night,
			Duration: time.Second, Body: []byte("no space left\n\ton device")},
	}}}
	channel := &cron.Channel{Kind: "email", Title: "Night watch"}
	if change != nil {
		change(m, channel)
	}
	n := message.Default().Notification(m, channel, message.Context{
		Account: "Example Ltd.", Console: "https://cron.example.com/console", Act: "https://cron.example.com/console/act/TOKEN",
		Unsubscribe: "https://cron.example.com/console/unsubscribe/TOKEN", Now: night,
	})
	return &n
}

// sent sends notifications and returns the mails as they arrive.
func sent(t *testing.T, notifications ...*message.Notification) []emailtest.Mail {
	t.Helper()
	server := emailtest.Start(t, emailtest.Options{})
	sender := senderFor(t, server, nil)
	for _, n := range notifications {
		if err := sender.SendNotification(t.Context(), "jane@example.org", n); err != nil {
			t.Fatal(err)
		}
	}
	mails := server.Mails()
	if len(mails) != len(notifications) {
		t.Fatalf("%d mails arrived", len(mails))
	}
	return mails
}

// words are the texts of an HTML document. It fails for elements and attributes that a mail may not have.
func words(t *testing.T, document string) string {
	t.Helper()
	var b strings.Builder
	tokens := html.NewTokenizer(strings.NewReader(document))
	skip := false
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			return strings.Join(strings.Fields(b.String()), " ")
		case html.TextToken:
			if !skip {
				b.WriteString(tokens.Token().Data + " ")
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			token := tokens.Token()
			skip = token.Data == "style" || token.Data == "title"
			for _, a := range token.Attr {
				if strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "style" || a.Key == "href" && !strings.HasPrefix(a.Val, "https://cron.example.com/") && a.Val != "mailto:all@example.com" {
					t.Errorf("the mail has %s", token)
				}
			}
			switch token.Data {
			case "script", "img", "link", "iframe", "form", "input", "object", "svg", "base":
				t.Errorf("the mail has %s", token)
			}
		case html.EndTagToken:
			if token := tokens.Token(); token.Data == "style" || token.Data == "title" {
				skip = false
			}
		}
	}
}

func TestNotification(t *testing.T) {
	m := sent(t, notification(nil))[0]
	if m.Subject != "Nightly backup failed 3 times: 503 Service Unavailable" || m.From != "cron@example.com" || !m.Encrypted || m.User != emailtest.User {
		t.Errorf("received %q from %s", m.Subject, m.From)
	}
	for header, want := range map[string]string{
		"Message-Id":            fmt.Sprintf("<msg_345.%d@example.com>", night.UnixMilli()),
		"In-Reply-To":           "<problem-12.thread@example.com>",
		"References":            "<problem-12.thread@example.com>",
		"Auto-Submitted":        "auto-generated",
		"List-Unsubscribe":      "<https://cron.example.com/console/unsubscribe/TOKEN>",
		"List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
	} {
		if got := m.Header[header]; len(got) != 1 || got[0] != want {
			t.Errorf("%s is %q, want %q", header, got, want)
		}
	}
	const want = `Nightly backup failed 3 times: 503 Service Unavailable

backup.example.com answered 503 Service Unavailable. The target is overloaded or down for maintenance. The job has failed 3 times in a row since 27 November, 00:00 CET.

URL:              https://backup.example.com/run
Failing since:    Fri 27 November 2026, 00:00:02 CET
Failures in a row: 3
`
	if !strings.HasPrefix(m.Text, strings.Replace(strings.Replace(want, "URL:    ", "URL:     ", 1), "since:    ", "since:     ", 1)) {
		t.Errorf("the text is\n%s", m.Text)
	}
	for _, part := range []string{
		"\nThe answer begins with:\n\n    no space left\n    \ton device\n\nRunbook:\n\n    Look at the **disk**.\n\nOpen the problem: https://cron.example.com/console/problems/12\n",
		"\n-- \nSent to the channel Night watch of the account Example Ltd. by Punctual.",
		"\nUnsubscribe: https://cron.example.com/console/unsubscribe/TOKEN\n",
	} {
		if !strings.Contains(m.Text, part) {
			t.Errorf("the text lacks %q:\n%s", part, m.Text)
		}
	}
	got := words(t, m.HTML)
	for _, part := range []string{
		"Nightly backup failed 3 times: 503 Service Unavailable backup.example.com answered 503 Service Unavailable.", "Open the problem Acknowledge Snooze URL https://backup.example.com/run",
		"Failures in a row 3", "The answer begins with no space left on device Runbook Look at the disk . Show the run Show the job", "Unsubscribe",
	} {
		if !strings.Contains(got, part) {
			t.Errorf("the HTML lacks %q: %s", part, got)
		}
	}
	if !strings.Contains(m.HTML, "<p>Look at the <strong>disk</strong>.</p>") || len(m.HTML) > 50<<10 {
		t.Errorf("the HTML has %d bytes:\n%s", len(m.HTML), m.HTML)
	}
}

// TestRepeatsAndThreads makes sure that a repeat can be told from a further mail, and that those about a problem belong together.
func TestRepeatsAndThreads(t *testing.T) {
	other := func(m *cron.Message, _ *cron.Channel) {
		m.ID, m.Kind, m.Notices[0].Kind = 346, cron.NoticeSuccess, cron.NoticeSuccess
	}
	rebuilt := func(m *cron.Message, _ *cron.Channel) { m.Created = night.Add(time.Hour) }
	unsaved := func(m *cron.Message, _ *cron.Channel) { m.ID = 0 }
	mails := sent(t, notification(nil), notification(nil), notification(other), notification(rebuilt), notification(unsaved), notification(unsaved))
	var ids []string
	for _, m := range mails {
		ids = append(ids, m.Header.Get("Message-Id"))
		if _, err := mail.ParseAddress(m.Header.Get("Message-Id")); err != nil {
			t.Errorf("the Message-ID is %q: %v", m.Header.Get("Message-Id"), err)
		}
		if m.Header.Get("References") != mails[0].Header.Get("References") {
			t.Errorf("the mails refer to %q and %q", m.Header.Get("References"), mails[0].Header.Get("References"))
		}
	}
	if ids[0] != ids[1] {
		t.Errorf("two attempts have the identifiers %s and %s", ids[0], ids[1])
	}
	seen := map[string]bool{}
	for _, id := range ids[1:] {
		if seen[id] {
			t.Errorf("two mails have the identifier %s", id)
		}
		seen[id] = true
	}
}

const hostile = "x\r\nBcc: all@example.com\r\n\r\n<script>alert(1)</script><img src=https://tracker.example/p.gif>\"'><b>\u202e"

// TestHostileNotification puts what others choose wherever it can stand.
func TestHostileNotification(t *testing.T) {
	n := notification(func(m *cron.Message, c *cron.Channel) {
		j := &m.Notices[0]
		j.Title, j.Runbook, j.URL, j.Timezone = hostile, hostile+"[x](javascript:alert(1))![p](https://tracker.example/p.gif)", "javascript:alert(1)//"+hostile, hostile
		j.Result.Body, j.Result.Reason = []byte(hostile+"</pre>"), hostile
		c.Title = hostile
	})
	n.Account, n.Key, n.ID = hostile, hostile, hostile
	n.Unsubscribe = "https://cron.example.com/console/>\r\nBcc: all@example.com"
	m := sent(t, n)[0]
	if len(m.Header["Bcc"]) > 0 || strings.ContainsAny(m.Subject, "\r\n") || len(m.Header["List-Unsubscribe"]) > 0 {
		t.Errorf("the header is %v", m.Header)
	}
	if got := words(t, m.HTML); !strings.Contains(got, "<script>alert(1)</script>") {
		t.Errorf("the title is not in %s", got)
	}
	// Sentences of the notification that did not come from Catalogue.Notification are escaped as well.
	m = sent(t, &message.Notification{
		Subject: hostile, Summary: hostile, Title: hostile, Footer: hostile, Excerpt: hostile, Runbook: hostile, More: hostile, ID: "x", Key: "y",
		Facts: []message.Fact{{Name: "x", Label: hostile, Value: hostile}}, Jobs: []message.Line{{Title: hostile, Text: hostile}},
		Labels: message.Labels{Answer: hostile, Runbook: hostile, Unsubscribe: hostile}, Language: hostile,
	})[0]
	if len(m.Header["Bcc"]) > 0 {
		t.Errorf("the header is %v", m.Header)
	}
	words(t, m.HTML)
}

func TestOwnWording(t *testing.T) {
	own := func(template string) *message.Notification {
		return notification(func(_ *cron.Message, c *cron.Channel) { c.Template = template })
	}
	m := sent(t, own("<b>{job}</b>: {status}\n{excerpt}"))[0]
	if !strings.HasPrefix(m.Text, "<b>Nightly backup</b>: 503 Service Unavailable\nno space left\n\ton device\n\n-- \nSent to") {
		t.Errorf("the text is\n%s", m.Text)
	}
	if !strings.HasPrefix(words(t, m.HTML), "<b>Nightly backup</b>: 503 Service Unavailable no space left on device Sent to") {
		t.Errorf("the HTML is\n%s", m.HTML)
	}
	err := senderFor(t, emailtest.Start(t, emailtest.Options{}), nil).SendNotification(t.Context(), "jane@example.org",
		notification(func(m *cron.Message, c *cron.Channel) {
			c.Template, m.Notices[0].Result.Body = strings.Repeat("{excerpt}", 1000), []byte(strings.Repeat("x", 1000))
		}))
	if !errors.Is(err, message.ErrTemplateSize) {
		t.Errorf("a mail that is too large: %v", err)
	}
}

// TestUnsubscription offers one click by HTTPS only (RFC 8058, section 3.1).
func TestUnsubscription(t *testing.T) {
	with := func(url string) *message.Notification {
		n := notification(nil)
		n.Unsubscribe = url
		return n
	}
	mails := sent(t, with(""), with("http://localhost:8080/console/unsubscribe/x"))
	for i, want := range [][2]string{{"", ""}, {"<http://localhost:8080/console/unsubscribe/x>", ""}} {
		h := mails[i].Header
		if got := [2]string{h.Get("List-Unsubscribe"), h.Get("List-Unsubscribe-Post")}; got != want {
			t.Errorf("the headers are %q", got)
		}
	}
	if strings.Contains(mails[0].HTML, "Unsubscribe") || strings.Contains(mails[0].Text, "Unsubscribe") {
		t.Error("the mail offers an unsubscription that is not there")
	}
}

func TestNotificationFailures(t *testing.T) {
	for name, tt := range map[string]struct {
		to    string
		fault cron.MailFault
	}{
		"two addresses":  {"jane@example.org, joe@example.org", cron.MailRecipient},
		"another header": {"jane@example.org\r\nBcc: joe@example.org", cron.MailRecipient},
	} {
		err := senderFor(t, emailtest.Start(t, emailtest.Options{}), nil).SendNotification(t.Context(), tt.to, notification(nil))
		if e, ok := errors.AsType[*cron.MailError](err); !ok || e.Fault != tt.fault {
			t.Errorf("%s: %v", name, err)
		}
	}
}
