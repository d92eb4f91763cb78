package public_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"punctual/internal/cron"
	"punctual/internal/public/publictest"
	"punctual/internal/statuspage"
)

// TestSubscribe subscribes by both ways, and by none that is an address.
func TestSubscribe(t *testing.T) {
	w := newWorld(t)
	w.pages.Set(publictest.Full("acme", noon))
	check(t, w.get("/status/acme"), 200, `<a href="/status/acme/subscribe">Subscribe to updates</a>`)
	check(t, w.get("/status/acme/subscribe"), 200, "E-mail address, or URL of a webhook", `name="component" value="3"`, "Sign-in")
	check(t, w.post("/status/acme/subscribe", "address=jane@example.com&component=3&component=x&component=2"), 200, "A mail with a link is on its way")
	if x := w.subscriptions.Of("jane@example.com"); x == nil || x.Kind != statuspage.SubscriberMail || len(x.ComponentIDs) != 2 || x.Language != "en" {
		t.Errorf("the subscriber is %+v", x)
	}
	check(t, w.post("/status/acme/subscribe", "address=https://a.example/hook"), 200, "whsec_shown", "shown only now")
	rec := w.post("/status/acme/subscribe", `address=<script>alert(1)</script>&component=3`)
	check(t, rec, 400, "is not an e-mail address", `value="3" checked`)
	if strings.Contains(rec.Body.String(), "<script>alert") || rec.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("the answer is %v %s", rec.Header(), rec.Body)
	}
	check(t, w.post("/status/acme/subscribe", "address="+strings.Repeat("x", 20<<10)), 400)
	w.subscriptions.SetError(&cron.Error{Kind: cron.TooMany, Subject: cron.SubjectSubscriber})
	check(t, w.post("/status/acme/subscribe", "address=b@example.com"), 429, "takes no further subscribers")
	w.subscriptions.SetError(&cron.Error{Kind: cron.TooMany})
	check(t, w.post("/status/acme/subscribe", "address=b@example.com"), 429, "Too many requests")
	rec = w.ask("POST", "/status/acme/subscribe", with("Sec-Fetch-Site", "cross-site"))
	check(t, rec, 403)
}

// TestSubscribeNeedsAccess lets nobody subscribe who may not read the page, and nobody to a draft.
func TestSubscribeNeedsAccess(t *testing.T) {
	w := newWorld(t)
	for slug, change := range map[string]func(*statuspage.Page){
		"secret": func(p *statuspage.Page) { p.Access, p.Password = statuspage.AccessPassword, "seven wide boats" },
		"inside": func(p *statuspage.Page) { p.Access = statuspage.AccessMembers },
		"near":   func(p *statuspage.Page) { p.Networks = []string{"198.51.100.0/24"} },
		"draft":  func(p *statuspage.Page) { p.Published = false },
	} {
		v := publictest.Full(slug, noon)
		change(&v.Page)
		w.pages.Set(v)
		w.get("/status/" + slug + "/subscribe")
		w.post("/status/"+slug+"/subscribe", "address=jane@example.com")
		if w.subscriptions.Of("jane@example.com") != nil {
			t.Fatalf("somebody subscribed to %s", slug)
		}
	}
	check(t, w.get("/status/draft/subscribe"), 404)
}

// TestSubscriptionLinks follows the links of mails: opening one changes nothing, and unsubscribing twice does no harm.
func TestSubscriptionLinks(t *testing.T) {
	w := newWorld(t)
	w.pages.Set(publictest.Full("acme", noon))
	w.post("/status/acme/subscribe", "address=jane@example.com")
	const confirm, manage = "/status/subscribe/confirm/jane@example.com", "/status/subscribe/manage/jane@example.com"
	for range 2 {
		rec := w.get(confirm)
		check(t, rec, 200, "Confirm updates of Acme", "jane@example.com")
		if rec.Header().Get("X-Robots-Tag") == "" || rec.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("the headers are %v", rec.Header())
		}
	}
	if !w.subscriptions.Of("jane@example.com").Confirmed.IsZero() {
		t.Fatal("opening a link has confirmed the subscription")
	}
	rec := w.post(confirm, "")
	check(t, rec, 303)
	check(t, w.get(rec.Header().Get("Location")), 200, "Your subscription is confirmed")
	check(t, w.post(manage, "do=change&component=2"), 200, "Saved", `value="2" checked`)
	check(t, w.get(manage), 200, `value="2" checked`)
	if got := w.subscriptions.Of("jane@example.com").ComponentIDs; len(got) != 1 || got[0] != 2 {
		t.Errorf("the components are %v", got)
	}
	oneClick := func(r *http.Request) { // as mail programs send it: from nowhere, without a cookie
		r.Body = io.NopCloser(strings.NewReader("--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n"))
		r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
	}
	for range 2 {
		check(t, w.ask("POST", manage, oneClick), 200, "You are unsubscribed")
	}
	if w.subscriptions.Of("jane@example.com") != nil {
		t.Error("the subscriber is still there")
	}
	check(t, w.get(manage), 404)
	check(t, w.get("/status/subscribe/manage/gone"), 410, "This link has expired")
	check(t, w.post("/status/subscribe/confirm/gone", ""), 410, "This link has expired")
	check(t, w.get("/status/subscribe/other/gone"), 404)
}
