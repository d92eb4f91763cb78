package e2e

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"punctual/internal/notify/email/emailtest"
	"punctual/test/harness"
)

// TestSubscriberByMail subscribes to a status page by a real mail server, kills the node after an incident has become deliveries that no
// server takes, and starts another one: the mail arrives, and unsubscribes with one request.
func TestSubscriberByMail(t *testing.T) {
	t.Parallel()
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		server := emailtest.Start(t, emailtest.Options{NoTLS: true})
		plain := s.Extra
		start := func(smtp string) *harness.Node {
			s.Extra = append(plain[:len(plain):len(plain)], "PUNCTUAL_SMTP="+smtp, "PUNCTUAL_MAIL_FROM=Punctual <cron@example.com>", "PUNCTUAL_PUBLIC_URL=https://cron.example.com")
			return s.Start()
		}
		node := start(server.URL() + "?starttls=off")
		key := s.CreateAccount(pageEmail, "unlimited")
		client := harness.NewClient(t, node.URL, key)
		if a := client.Do("POST", "/statuspages", harness.Fields{"statusPage": harness.Fields{"title": "Systems", "slug": "systems", "published": true}}, nil); a.Status != 200 {
			t.Fatalf("the page was answered with %d %s", a.Status, a.Body)
		}
		ask := func(node *harness.Node, path string, form url.Values) string {
			t.Helper()
			r, err := http.PostForm(node.URL+path, form)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = r.Body.Close() }()
			body, err := io.ReadAll(r.Body)
			if err != nil || r.StatusCode != 200 {
				t.Fatalf("%s: status %d, %v", path, r.StatusCode, err)
			}
			return string(body)
		}
		ask(node, "/status/systems/subscribe", url.Values{"address": {"jane@example.org"}})
		asked, _ := server.Wait(t, "jane@example.org", 0)
		link := func(text string) string {
			t.Helper()
			found := regexp.MustCompile(`https://cron\.example\.com(/status/subscribe/\S+)`).FindStringSubmatch(text)
			if found == nil {
				t.Fatalf("there is no link in %s", text)
			}
			return found[1]
		}
		if text := ask(node, link(asked.Text), nil); !strings.Contains(text, "Your subscription is confirmed") {
			t.Fatalf("the answer is %s", text)
		}
		tables := s.Tables()
		await(t, "no mail waits", func() bool { return tables.Rows("mail") == 0 })
		node.Kill()

		node = start("smtp://127.0.0.1:1")
		incident := harness.Fields{"incident": harness.Fields{"title": "Checkout is slow", "update": harness.Fields{"text": "We look into it."}}}
		if a := harness.NewClient(t, node.URL, key).Do("POST", "/statuspages/1/incidents", incident, nil); a.Status != 200 {
			t.Fatalf("the incident was answered with %d %s", a.Status, a.Body)
		}
		await(t, "a first attempt has ended", func() bool { return strings.Contains(node.Stderr(), "a mail to a subscriber could not be sent") })
		await(t, "it is to be tried again", func() bool { return tables.Number(`SELECT count(*) FROM status_delivery WHERE NOT sending`) == 1 })
		node.Kill()
		if n := tables.Number(`SELECT count(*) FROM status_subscriber WHERE CAST(sealed AS TEXT) LIKE '%jane%'`); n != 0 {
			t.Error("the address can be read in the database")
		}

		node = start(server.URL() + "?starttls=off")
		told, _ := server.Wait(t, "jane@example.org", 1)
		unsubscribe := link(told.Text)
		for header, want := range map[string]string{
			"From": `"Systems" <cron@example.com>`, "List-Unsubscribe": "<https://cron.example.com" + unsubscribe + ">",
			"List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
		} {
			if got := told.Header.Get(header); got != want {
				t.Errorf("%s is %q, want %q", header, got, want)
			}
		}
		if told.Subject != "Systems: Investigating: Checkout is slow" || !strings.Contains(told.Text, "\n\nWe look into it.\n\n") ||
			!strings.Contains(told.Text, "https://cron.example.com/status/systems/incidents/1\n") {
			t.Errorf("the mail is %s\n%s", told.Subject, told.Text)
		}
		await(t, "nothing waits", func() bool { return tables.Rows("status_delivery") == 0 })
		for range 2 {
			ask(node, unsubscribe, url.Values{"List-Unsubscribe": {"One-Click"}})
		}
		if n := tables.Rows("status_subscriber"); n != 0 {
			t.Errorf("%d subscribers are left", n)
		}
		subjects := map[string]int{}
		for _, m := range server.Mails() {
			if m.To == "jane@example.org" {
				subjects[m.Subject]++
			}
		}
		if len(subjects) != 2 || subjects[told.Subject] != 1 || subjects[asked.Subject] != 1 {
			t.Errorf("the mails are %v", subjects)
		}
	})
}
