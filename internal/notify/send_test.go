package notify

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// TestServices sends every message to every service.
func TestServices(t *testing.T) {
	x := client()
	for _, kind := range Kinds() {
		if kind.Mail() {
			continue
		}
		t.Run(kind.Name, func(t *testing.T) {
			base, last := serveService(t, kind.Name)
			for name, n := range messages() {
				if v := send(t, x, channelOf(kind.Name, base), n); v.Fault != cron.ChannelOK || v.Detail != "" {
					t.Errorf("%s: %+v", name, v)
				}
				if last().request == nil {
					t.Errorf("%s did not arrive", name)
				}
			}
			// Nothing in it but the subject.
			if v := send(t, x, channelOf(kind.Name, base), &message.Notification{ID: "msg_1", Event: "failure", Key: "k", Subject: "S",
				At: sentAt}); v.Fault != cron.ChannelOK {
				t.Errorf("a bare message: %+v", v)
			}
		})
	}
}

// TestHostileTexts sends every hostile text, everywhere, to every service.
func TestHostileTexts(t *testing.T) {
	x := client()
	for _, kind := range Kinds() {
		if kind.Mail() {
			continue
		}
		t.Run(kind.Name, func(t *testing.T) {
			base, _ := serveService(t, kind.Name)
			for name, text := range hostileTexts {
				events := []string{"failure", "recovery"}
				if len(text) > 5000 {
					events = events[:1]
				}
				for _, event := range events {
					if v := send(t, x, channelOf(kind.Name, base), hostile(event, text)); v.Fault != cron.ChannelOK {
						t.Errorf("%s: %+v", name, v)
					}
				}
				only := *messages()["failure"]
				only.Excerpt = text
				if v := send(t, x, channelOf(kind.Name, base), &only); v.Fault != cron.ChannelOK {
					t.Errorf("%s as an answer: %+v", name, v)
				}
				c := channelOf(kind.Name, base)
				if c.Template = "{summary}"; kind.ownBody {
					continue // the body of a template has no schema
				}
				if v := send(t, x, c, hostile("failure", text)); v.Fault != cron.ChannelOK {
					t.Errorf("%s by a template: %+v", name, v)
				}
			}
		})
	}
}

// TestWebhookSignature verifies a webhook by the library of the specification.
func TestWebhookSignature(t *testing.T) {
	base, last := serveService(t, "webhook")
	c := channelOf("webhook", base)
	c.Headers = []cron.Header{{Name: "Authorization", Value: "Bearer mine"}, {Name: "X-Event", Value: "{event} {subject}"}}
	x := client()
	n := hostile("failure", hostileTexts["line breaks"])
	if v := send(t, x, c, n); v.Fault != cron.ChannelOK {
		t.Fatalf("%+v", v)
	}
	library, err := standardwebhooks.NewWebhook(c.Settings["secret"])
	if err != nil {
		t.Fatal(err)
	}
	got := last()
	if err := library.VerifyIgnoringTimestamp(got.body, got.request.Header); err != nil {
		t.Error(err)
	}
	h := got.request.Header
	if h.Get("webhook-id") != "msg_123" || h.Get("Authorization") != "Bearer mine" ||
		h.Get("X-Event") != "failure a Bcc: eve@example.org body b c" || h.Get("Bcc") != "" {
		t.Errorf("the headers are %v", h)
	}
	delete(c.Settings, "secret")
	if v := send(t, x, c, n); v.Fault != cron.ChannelOK {
		t.Fatalf("%+v", v)
	}
	if h := last().request.Header; h.Get("webhook-signature") != "" || h.Get("webhook-id") != "msg_123" || h.Get("webhook-timestamp") == "" {
		t.Errorf("without a secret the headers are %v", h)
	}
}

// TestOwnRequests fills in templates of URL, headers and body, each with the escapes of its place.
func TestOwnRequests(t *testing.T) {
	type got struct{ method, uri, media, body string }
	var mu sync.Mutex
	var last got
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		last = got{r.Method, r.RequestURI, r.Header.Get("Content-Type"), string(b)}
	}))
	defer server.Close()
	n := &message.Notification{ID: "msg_9", Event: "failure", Subject: "a \"b\"\n& <c>/?#=+%é", Summary: "s", At: sentAt}
	const subject = `a "b" & <c>/?#=+%é`
	for name, tt := range map[string]struct {
		kind, url, method, template string
		headers                     []cron.Header
		want                        got
	}{
		"JSON": {"http", "/x", "", `{"text":"{subject}"}`, nil, got{"POST", "/x", "application/json", `{"text":"a \"b\" \u0026 \u003cc\u003e/?#=+%é"}`}},
		"JSON of a webhook": {"webhook", "/x", "", `["{subject}"]`, nil,
			got{"POST", "/x", "application/json", `["a \"b\" \u0026 \u003cc\u003e/?#=+%é"]`}},
		"text": {"http", "/x", "PATCH", "{event}: {subject}", nil, got{"PATCH", "/x", "text/plain; charset=utf-8", "failure: " + subject}},
		"form": {"http", "/x", "POST", "a={subject}&b={event}", []cron.Header{{Name: "content-type", Value: "application/x-www-form-urlencoded"}},
			got{"POST", "/x", "application/x-www-form-urlencoded", "a=a%20%22b%22%20%26%20%3Cc%3E%2F%3F%23%3D%2B%25%C3%A9&b=failure"}},
		"XML": {"http", "/x", "POST", "<a>{subject}</a>", []cron.Header{{Name: "Content-Type", Value: "text/xml"}},
			got{"POST", "/x", "text/xml", "<a>a &#34;b&#34; &amp; &lt;c&gt;/?#=+%é</a>"}},
		"GET": {"http", "/x/{subject}?s={subject}&e={event}", "GET", "ignored", nil,
			got{"GET", "/x/a%20%22b%22%20%26%20%3Cc%3E%2F%3F%23%3D%2B%25%C3%A9?s=a%20%22b%22%20%26%20%3Cc%3E%2F%3F%23%3D%2B%25%C3%A9&e=failure", "", ""}},
	} {
		c := &cron.Channel{Kind: tt.kind, Settings: map[string]string{"url": server.URL + tt.url, "method": tt.method}, Template: tt.template, Headers: tt.headers}
		if v := send(t, client(), c, n); v.Fault != cron.ChannelOK {
			t.Errorf("%s: %+v", name, v)
		}
		mu.Lock()
		if last != tt.want {
			t.Errorf("%s: came %+v, want %+v", name, last, tt.want)
		}
		mu.Unlock()
	}
}

// TestPagersFollowAProblem sends the four stages of a problem to the pagers: all have one key.
func TestPagersFollowAProblem(t *testing.T) {
	x := client()
	for kind, names := range map[string][3]string{
		"pagerDuty":    {"event_action", "dedup_key", "trigger trigger acknowledge resolve"},
		"splunkOnCall": {"message_type", "entity_id", "CRITICAL WARNING ACKNOWLEDGEMENT RECOVERY"},
	} {
		base, last := serveService(t, kind)
		var actions []string
		for _, event := range []string{"failure", "reminder", "acknowledged", "recovery"} {
			n := *messages()["failure"]
			n.Event = event
			if event == "reminder" {
				n.Severity = message.SeverityWarning
			}
			if v := send(t, x, channelOf(kind, base), &n); v.Fault != cron.ChannelOK {
				t.Errorf("%s %s: %+v", kind, event, v)
			}
			var body object
			if err := json.Unmarshal(last().body, &body); err != nil {
				t.Fatal(err)
			}
			actions = append(actions, fmt.Sprint(body[names[0]]))
			if body[names[1]] != "problem-11" {
				t.Errorf("%s: the key is %v", kind, body[names[1]])
			}
		}
		if got := strings.Join(actions, " "); got != names[2] {
			t.Errorf("%s is told %s, want %s", kind, got, names[2])
		}
		if !cron.TakesAcknowledgement(kind) {
			t.Errorf("%s is not told of acknowledgements", kind)
		}
	}
}
