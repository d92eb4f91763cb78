package public_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"punctual/internal/public/publictest"
	"punctual/internal/statuspage"
)

// TestUnpublished gives nobody a sign that there is a page.
func TestUnpublished(t *testing.T) {
	w := newWorld(t)
	v := publictest.Full("acme", noon)
	v.Page.Published = false
	w.pages.Set(v)
	for _, rest := range []string{"", ".json", "/status.json", "/incidents", "/incidents/7", "/components/1", "/components/1/times", "/logo", "/events", "/enter"} {
		draft, unknown := w.get("/status/acme"+rest), w.get("/status/nobody"+rest)
		if draft.Code != 404 || draft.Body.String() != unknown.Body.String() || draft.Code != unknown.Code {
			t.Errorf("%s: %d %s", rest, draft.Code, draft.Body)
		}
		for name := range draft.Header() {
			if draft.Header().Get(name) != unknown.Header().Get(name) {
				t.Errorf("%s: the header %s is %q", rest, name, draft.Header().Get(name))
			}
		}
	}
	if rec := w.post("/status/acme", "password=x"); rec.Code != 404 {
		t.Errorf("a password for a draft: %d", rec.Code)
	}
	w.pages.AddPass("once", 5)
	rec := w.get("/status/acme/enter?pass=once")
	check(t, rec, 303)
	member := cookie(t, rec)
	shown := w.get("/status/acme", member)
	check(t, shown, 200, "This is a preview", "Website")
	if c := shown.Header().Get("Cache-Control"); c != "private, no-cache" || shown.Header().Get("X-Robots-Tag") == "" {
		t.Errorf("the preview has the head %v", shown.Header())
	}
	check(t, w.get("/status/acme/enter?pass=once"), 404)
	w.pages.RemoveMember(5)
	check(t, w.get("/status/acme", member), 404)
}

// TestPassword asks for the password of a page, once for each browser.
func TestPassword(t *testing.T) {
	w := newWorld(t)
	v := publictest.Full("acme", noon)
	v.Page.Access, v.Page.Password = statuspage.AccessPassword, "wide boats"
	w.pages.Set(v)
	other := publictest.Full("other", noon)
	other.Page.Access, other.Page.Password = statuspage.AccessPassword, "wide boats"
	w.pages.Set(other)

	for rest, status := range map[string]int{"": 200, "/incidents/7": 200, "/components/1": 200, "/logo": 200, "/events": 403, "/feed.atom": 403, "/maintenance.ics": 403} {
		rec := w.get("/status/acme" + rest)
		check(t, rec, status, "This status page has a password")
		if strings.Contains(rec.Body.String(), "Website") || strings.Contains(rec.Body.String(), "Acme") || rec.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v %s", rest, rec.Header(), rec.Body)
		}
	}
	json := w.get("/status/acme.json")
	check(t, json, 403)
	if json.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Error("other sites may read that there is a password")
	}
	check(t, w.post("/status/acme", "password=wrong"), 403, "The password is wrong.")
	check(t, w.post("/status/acme", "password="+strings.Repeat("x", 9000)), 400, "The form could not be read.")
	rec := w.post("/status/acme", "password=wide+boats")
	check(t, rec, 303)
	set := rec.Result().Cookies()[0]
	if set.Path != "/status/acme" || !set.HttpOnly || !set.Secure || set.SameSite != http.SameSiteLaxMode || set.Domain != "" {
		t.Errorf("the cookie is %v", set)
	}
	c := cookie(t, rec)
	check(t, w.get("/status/acme", c), 200, "Website")
	check(t, w.get("/status/acme/incidents/7", c), 200, "Search was slow")
	check(t, w.get("/status/acme/status.json", c), 200, "Website")
	check(t, w.get("/status/other", c), 200, "This status page has a password")
	for _, change := range []func(string) string{
		func(v string) string { return v + "x" }, func(v string) string { return strings.Replace(v, "password.", "member.", 1) },
		func(v string) string { return strings.Replace(v, ".0.", ".1.", 1) }, func(v string) string { return v[1:] }, func(string) string { return "..." },
	} {
		forged := &http.Cookie{Name: set.Name, Value: change(set.Value)}
		check(t, w.get("/status/acme", func(r *http.Request) { r.AddCookie(forged) }), 200, "This status page has a password")
	}
	w.wait(8 * 24 * time.Hour)
	check(t, w.get("/status/acme", c), 200, "This status page has a password")
	c = cookie(t, w.post("/status/acme", "password=wide+boats"))
	v.Page.Password = "other boats"
	w.pages.Set(v)
	w.wait(2 * time.Second)
	check(t, w.get("/status/acme", c), 200, "This status page has a password")
}

// TestGuesses bounds them, and refuses the forms of other sites.
func TestGuesses(t *testing.T) {
	w := newWorld(t)
	v := publictest.Full("acme", noon)
	v.Page.Access, v.Page.Password = statuspage.AccessPassword, "wide boats"
	w.pages.Set(v)
	for range publictest.MaxGuesses {
		check(t, w.post("/status/acme", "password=x"), 403)
	}
	check(t, w.post("/status/acme", "password=wide+boats"), 429, "too many wrong passwords")
	check(t, w.ask("POST", "/status/acme", with("Sec-Fetch-Site", "cross-site")), 403, "came from another site")
	check(t, w.post("/status/acme", "password="+strings.Repeat("x", 5000)), 400)
}

// TestMembers sends everybody else to the console.
func TestMembers(t *testing.T) {
	w := newWorld(t)
	v := publictest.Full("acme", noon)
	v.Page.Access = statuspage.AccessMembers
	w.pages.Set(v)
	rec := w.get("/status/acme")
	check(t, rec, 303)
	if to := rec.Header().Get("Location"); to != "/console/visit/acme" {
		t.Errorf("it leads to %s", to)
	}
	check(t, w.post("/status/acme", "password="), 404)
	w.pages.AddPass("once", 5)
	member := cookie(t, w.get("/status/acme/enter?pass=once"))
	check(t, w.get("/status/acme", member), 200, "Website")
	w.pages.SetAway(true)
	w.wait(10 * time.Second)
	check(t, w.get("/status/acme", member), 303) // nobody can say whether they still are
	w.pages.SetAway(false)
	w.wait(time.Hour)
	check(t, w.get("/status/acme", member), 303)
}

// TestNetworks lets some addresses in only.
func TestNetworks(t *testing.T) {
	w := newWorld(t)
	v := publictest.Full("acme", noon)
	v.Page.Networks = []string{"192.0.2.0/25", "2001:db8::/32"}
	w.pages.Set(v)
	check(t, w.get("/status/acme", from("192.0.2.7")), 200)
	check(t, w.get("/status/acme", from("[2001:db8::1]")), 200)
	check(t, w.get("/status/acme", from("192.0.2.200")), 404)
	check(t, w.get("/status/acme", from("192.0.2.200"), with("X-Forwarded-For", "192.0.2.7")), 404)
	if rec := w.get("/status/acme"); rec.Header().Get("Cache-Control") != "private, no-cache" {
		t.Errorf("the head is %v", rec.Header())
	}
}

// TestRobots keeps search engines away from what is not for everybody.
func TestRobots(t *testing.T) {
	w := newWorld(t)
	v := publictest.Full("acme", noon)
	w.pages.Set(v)
	if rec := w.get("/status/acme"); rec.Header().Get("X-Robots-Tag") != "" || strings.Contains(rec.Body.String(), "noindex") ||
		rec.Header().Get("Cache-Control") != "public, max-age=1" {
		t.Errorf("the public page has the head %v", rec.Header())
	}
	v.Page.Access = statuspage.AccessUnlisted
	w.pages.Set(v)
	w.wait(2 * time.Second)
	rec := w.get("/status/acme")
	check(t, rec, 200, "noindex")
	if rec.Header().Get("X-Robots-Tag") != "noindex, nofollow" {
		t.Errorf("the unlisted page has the head %v", rec.Header())
	}
}
