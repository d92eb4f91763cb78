package api_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/badge"
	"punctual/internal/cron"
)

// badgePath is where the badge of a job is, which the API itself never tells.
func (c *client) badgePath(job string, parts cron.BadgeParts) string {
	c.t.Helper()
	var id int64
	if _, err := fmt.Sscanf(job, "/jobs/%d", &id); err != nil {
		c.t.Fatal(err)
	}
	owner := cron.OperatorOf(c.account)
	tokens, err := newService(c.server.store, nil).BadgeTokens(c.t.Context(), owner, id, []cron.BadgeParts{parts})
	if err != nil {
		c.t.Fatal(err)
	}
	return fmt.Sprintf("%s/%s/status-%d.svg", job, tokens[0], parts)
}

// goldenImage compares an answer with testdata/name.svg, and makes sure that it is XML.
func goldenImage(t *testing.T, name string, got response) {
	t.Helper()
	if got.status != 200 || got.header.Get("Content-Type") != "image/svg+xml" {
		t.Errorf("%s: %d %v %s", name, got.status, got.header, got.body)
	}
	decoder := xml.NewDecoder(strings.NewReader(got.body))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%s: %v in %s", name, err, got.body)
		}
	}
	path := filepath.Join("testdata", name+".svg")
	if *update {
		if err := os.WriteFile(path, []byte(got.body), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.body != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got.body, want)
	}
}

func TestGoldenBadges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // from 2000-01-01T00:00:00Z on
		c := newClient(t)
		const every = cron.BadgeTitle | cron.BadgeExecution | cron.BadgeLatency
		path := c.create(`{"url":"a.example","title":"</title><script>alert(\"1\")</script> & 'more' of it, much more",
			"enabled":true,` + everyMinute + `}`)
		badge := func(parts cron.BadgeParts) response {
			time.Sleep(time.Second)
			return c.do("GET", c.badgePath(path, parts), "", "Authorization:")
		}
		goldenImage(t, "badge_new", badge(every))
		time.Sleep(time.Minute)
		c.server.execute(t, 0, cron.Result{Status: cron.StatusOK, HTTPStatus: 200, Duration: 81234 * time.Microsecond})
		goldenImage(t, "badge_ok", badge(0))
		goldenImage(t, "badge_ok_title", badge(cron.BadgeTitle))
		goldenImage(t, "badge_ok_execution", badge(cron.BadgeExecution))
		goldenImage(t, "badge_ok_latency", badge(cron.BadgeLatency))
		goldenImage(t, "badge_ok_all", badge(every))
		time.Sleep(time.Minute)
		c.server.execute(t, 0, cron.Result{Status: cron.StatusHTTPError, HTTPStatus: 500})
		goldenImage(t, "badge_failed", badge(cron.BadgeTitle))
		c.must("PATCH", path, `{"job":{"enabled":false,"title":"日本語 \u0007"}}`)
		goldenImage(t, "badge_disabled", badge(cron.BadgeTitle))
		c.must("PATCH", path, `{"job":{"title":""}}`)
		goldenImage(t, "badge_no_title", badge(cron.BadgeTitle))
	})
}

func TestBadgeHeaders(t *testing.T) {
	c := newClient(t)
	path := c.badgePath(c.create(`{"url":"a.example"}`), 0)
	got := c.do("GET", path, "", "Authorization:")
	for name, want := range map[string]string{
		"Cache-Control":               "max-age=60, private",
		"Content-Security-Policy":     "default-src 'none'; frame-ancestors 'none'; sandbox",
		"X-Content-Type-Options":      "nosniff",
		"Access-Control-Allow-Origin": "*",
		"Set-Cookie":                  "",
	} {
		if is := got.header.Get(name); is != want {
			t.Errorf("%s is %q, want %q", name, is, want)
		}
	}
	// A browser must not keep an answer that is not a badge.
	if wrong := c.do("GET", path+"x", ""); wrong.header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control of an error is %q", wrong.header.Get("Cache-Control"))
	}
	server := httptest.NewServer(c.server)
	defer server.Close()
	head, err := server.Client().Head(server.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	if err := head.Body.Close(); err != nil {
		t.Error(err)
	}
	if head.StatusCode != 200 || head.ContentLength != int64(len(got.body)) ||
		head.Header.Get("Content-Type") != "image/svg+xml" {
		t.Errorf("HEAD: %d %v", head.StatusCode, head.Header)
	}
}

func TestBadgesNeedTheirToken(t *testing.T) {
	c := newClient(t)
	mine, other := c.create(`{"url":"a.example"}`), c.create(`{"url":"a.example"}`)
	right := c.badgePath(mine, 3)
	token := strings.Split(right, "/")[3]
	missing := c.do("GET", "/nowhere", "")
	for name, path := range map[string]string{
		"another job":               strings.Replace(right, mine+"/", other+"/", 1),
		"a missing job":             strings.Replace(right, mine+"/", "/jobs/4711/", 1),
		"no job":                    strings.Replace(right, mine+"/", "/jobs/x/", 1),
		"other options":             strings.Replace(right, "status-3", "status-1", 1),
		"capitals":                  strings.Replace(right, token, strings.ToUpper(token), 1),
		"a wrong token":             mine + "/0000000000000000/status-3.svg",
		"a short token":             mine + "/" + token[:15] + "/status-3.svg",
		"a long token":              mine + "/" + token + "0/status-3.svg",
		"options that no badge has": c.badgePath(mine, 8),
		"zeros before the options":  mine + "/" + token + "/status-03.svg",
		"a sign":                    mine + "/" + token + "/status-+3.svg",
		"no options":                mine + "/" + token + "/status-.svg",
		"another image":             mine + "/" + token + "/status-3.png",
		"another name":              mine + "/" + token + "/state-3.svg",
		"huge options":              mine + "/" + token + "/status-99999999999999999999.svg",
	} {
		got := c.do("GET", path, "", "Authorization:")
		if got.status == http.StatusTooManyRequests {
			time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
			got = c.do("GET", path, "", "Authorization:")
		}
		if got.status != 404 || got.body != missing.body {
			t.Errorf("%s, %s: %d %s", name, path, got.status, got.body)
		}
	}
	if got := c.do("DELETE", right, ""); got.status != 404 {
		t.Errorf("DELETE: status %d", got.status)
	}
	stranger := c.server.newClient(t, "b@example.com", cron.PlanDefault)
	if got := stranger.do("GET", mine+"/badge", ""); got.status != 404 {
		t.Errorf("another account asks for the token: status %d", got.status)
	}
}

// TestBadgeRates counts calls by address, of which a proxy may tell.
func TestBadgeRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		path := c.badgePath(c.create(`{"url":"a.example"}`), 0)
		get := func(from string) response {
			r := httptest.NewRequestWithContext(t.Context(), "GET", path, nil)
			r.RemoteAddr = "10.0.0.1:80"
			r.Header.Set("X-Forwarded-For", from)
			w := httptest.NewRecorder()
			c.server.ServeHTTP(w, r)
			return response{w.Code, w.Result().Header, w.Body.String()}
		}
		for i := range 10 {
			if got := get("192.0.2.7"); got.status != 200 {
				t.Fatalf("call %d: %d %s", i, got.status, got.body)
			}
		}
		time.Sleep(300 * time.Millisecond)
		if got := get("192.0.2.7"); got.status != 429 || got.header.Get("Retry-After") != "1" {
			t.Errorf("one call too many: %d, Retry-After %q", got.status, got.header.Get("Retry-After"))
		}
		if got := get("192.0.2.8"); got.status != 200 {
			t.Errorf("another address: status %d", got.status)
		}
		for i := range 11 {
			got := get(fmt.Sprintf("2001:db8:1:2::%d", i))
			if want := map[bool]int{true: 200, false: 429}[i < 10]; got.status != want {
				t.Errorf("address %d of an IPv6 network: status %d, want %d", i, got.status, want)
			}
		}
		if got := get("2001:db8:1:3::1"); got.status != 200 {
			t.Errorf("another IPv6 network: status %d", got.status)
		}
		time.Sleep(700 * time.Millisecond)
		if got := get("192.0.2.7"); got.status != 200 {
			t.Errorf("in the next second: status %d", got.status)
		}
	})
}

// TestBadgeAddresses fetches every badge from where it is said to be.
func TestBadgeAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		path := c.create(`{"url":"a.example","title":"mine"}`)
		for _, tt := range []struct {
			query string
			want  []int
		}{
			{"", []int{0, 1, 2, 3, 4, 5, 6, 7}},
			{"?options=", []int{0, 1, 2, 3, 4, 5, 6, 7}},
			{"?options=3", []int{3}},
			{"?options=0,%206", []int{0, 6}},
			{"?size=2&options=7", []int{7}},
		} {
			var answer struct {
				Badges []struct {
					Options       int    `json:"options"`
					Title         bool   `json:"title"`
					LastExecution bool   `json:"lastExecution"`
					Duration      bool   `json:"duration"`
					Path          string `json:"path"`
				} `json:"badges"`
				Addresses []badgeForms
			}
			decode(t, c.must("GET", path+"/badge"+tt.query, ""), &answer)
			var got []int
			for _, b := range answer.Badges {
				got = append(got, b.Options)
				time.Sleep(time.Second)
				image := c.do("GET", b.Path, "", "Authorization:")
				if image.status != 200 || b.Path != c.badgePath(path, cron.BadgeParts(b.Options)) {
					t.Errorf("%s: %d %s", b.Path, image.status, image.body)
				}
				if b.Title != (b.Options&1 != 0) || b.LastExecution != (b.Options&2 != 0) || b.Duration != (b.Options&4 != 0) {
					t.Errorf("the badge is %+v", b)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("%q: badges %v", tt.query, got)
			}
		}
		for _, options := range []string{"8", "-1", "x", "1,,2"} {
			if got := c.do("GET", path+"/badge?options="+options, ""); got.status != 400 {
				t.Errorf("%s: %d %s", options, got.status, got.body)
			}
		}
		if got := c.do("GET", "/jobs/999/badge", ""); got.status != 404 {
			t.Errorf("a missing job: %d", got.status)
		}
	})
}

// badgeForms are the paths of a badge.
type badgeForms struct{ Metric, SVG, JSON, Shields string }

// TestRenewedBadges ends all addresses of the badges of a job, and of no other.
func TestRenewedBadges(t *testing.T) {
	c := newClient(t)
	job, other := c.create(`{"url":"a.example"}`), c.create(`{"url":"b.example"}`)
	addresses := func(path string) []badgeForms {
		t.Helper()
		var answer struct {
			Badges    []struct{ Path, Title, LastExecution, Duration, Options any }
			Addresses []badgeForms
		}
		decode(t, c.must("GET", path+"/badge", ""), &answer)
		if len(answer.Addresses) != badge.MetricCount {
			t.Errorf("the addresses are %+v", answer.Addresses)
		}
		return answer.Addresses
	}
	original, originalOther := c.badgePath(job, 1), c.badgePath(other, 1)
	before, beforeOther := addresses(job), addresses(other)
	if got := c.must("POST", job+"/badge/renew", ""); strings.TrimSpace(got) != "{}" {
		t.Errorf("renewed: %s", got)
	}
	after := addresses(job)
	for i := range after {
		if a, b := &after[i], &before[i]; a.Metric != b.Metric || a.SVG == b.SVG || a.JSON == b.JSON || a.Shields == b.Shields {
			t.Errorf("%+v was renewed as %+v", *b, *a)
		}
	}
	if got := addresses(other); !slices.Equal(got, beforeOther) {
		t.Errorf("the other job has the addresses %+v", got)
	}
	for path, want := range map[string]int{original: 404, c.badgePath(job, 1): 200, originalOther: 200} {
		if got := c.do("GET", path, "", "Authorization:"); got.status != want {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	if got := c.do("POST", "/jobs/999/badge/renew", ""); got.status != 404 {
		t.Errorf("a missing job: %d", got.status)
	}
}

// TestPageBadges lists the badges of a page and its components, with a token where not everybody may read the page.
func TestPageBadges(t *testing.T) {
	c := newClient(t)
	c.must("POST", "/statuspages", `{"statusPage":{"title":"Acme","published":true,"components":[{"title":"Website"}]}}`)
	list := func() (open bool, states []string) {
		t.Helper()
		var answer struct {
			Open   bool
			Badges []struct {
				ComponentID *int64
				Title       string
				Addresses   []badgeForms
			}
		}
		decode(t, c.must("GET", "/statuspages/1/badges", ""), &answer)
		for i, b := range answer.Badges {
			if len(b.Addresses) != badge.MetricCount || b.Title != []string{"Acme", "Website"}[i] || (b.ComponentID == nil) != (i == 0) {
				t.Errorf("the badges are %+v", b)
			}
			states = append(states, b.Addresses[0].SVG)
		}
		return answer.Open, states
	}
	open, states := list()
	if !open || !slices.Equal(states, []string{"/status/acme/badges/state.svg", "/status/acme/components/1/badges/state.svg"}) {
		t.Errorf("open: %v, %v", open, states)
	}
	c.must("PATCH", "/statuspages/1", `{"statusPage":{"access":"members"}}`)
	open, first := list()
	c.must("POST", "/statuspages/1/badges/renew", "")
	_, second := list()
	for i := range first {
		if open || first[i] == states[i] || second[i] == first[i] {
			t.Errorf("the addresses are %s, %s, %s", states[i], first[i], second[i])
		}
	}
	if got := c.do("POST", "/statuspages/9/badges/renew", ""); got.status != 404 {
		t.Errorf("a missing page: %d", got.status)
	}
}
