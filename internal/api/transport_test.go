package api_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/api"
	"punctual/internal/auth"
	"punctual/internal/cron"
)

func TestMediaTypes(t *testing.T) {
	c := newClient(t)
	path, folder := c.create(`{"url":"a.example"}`), c.createFolder("a")
	const body = `{"job":{"url":"a.example"}}`
	for mediaType, status := range map[string]int{
		"application/json":                    200,
		"text/json":                           200,
		"application/json; charset=utf-8":     200,
		"Application/JSON ;charset=\"UTF-8\"": 200,
		"text/json;":                          200,
		"application/json; a; =":              200,
		"":                                    400,
		"text/plain":                          400,
		"application/x-www-form-urlencoded":   400,
		"application/problem+json":            400,
		"application/jsonp":                   400,
		"json":                                400,
	} {
		for _, call := range [][3]string{{"PUT", "/jobs", body}, {"PATCH", path, body},
			{"PATCH", folder, `{"folder":{"title":"a"}}`}} {
			if got := c.do(call[0], call[1], call[2], "Content-Type: "+mediaType); got.status != status {
				t.Errorf("%s %s with %q: status %d, want %d", call[0], call[1], mediaType, got.status, status)
			}
		}
	}
	// Calls that need no body ignore the one that they get.
	for _, mediaType := range []string{"application/json", "text/plain"} {
		if got := c.do("GET", path, "{", "Content-Type: "+mediaType); got.status != 200 {
			t.Errorf("GET with a body of %s: status %d", mediaType, got.status)
		}
	}
	if got := c.do("DELETE", path, "{"); got.status != 200 || strings.TrimSpace(got.body) != "{}" {
		t.Errorf("DELETE with a body: %d %s", got.status, got.body)
	}
}

func TestMethodNamesInAnyCase(t *testing.T) {
	c := newClient(t)
	path := c.create(`{"url":"a.example"}`)
	for _, call := range [][3]string{
		{"get", "/jobs", ""},
		{"Get", path, ""},
		{"put", "/jobs", `{"job":{"url":"a.example"}}`},
		{"patch", path, `{"job":{}}`},
		{"Delete", path, ""},
	} {
		if got := c.do(call[0], call[1], call[2]); got.status != 200 {
			t.Errorf("%s %s: status %d", call[0], call[1], got.status)
		}
	}
	if got := c.do("options", "/jobs", ""); got.status != 204 {
		t.Errorf("options: status %d", got.status)
	}
}

func TestQueryStringsAreIgnored(t *testing.T) {
	c := newClient(t)
	path := c.create(`{"url":"a.example"}`)
	for _, query := range []string{"?", "?a=b", "?limit=1&limit=2", "?%zz", "?a;b", "?jobId=7"} {
		if got := c.do("GET", path+query, ""); got.status != 200 {
			t.Errorf("%s: status %d", query, got.status)
		}
	}
}

func TestUnknownPathsAndMethods(t *testing.T) {
	c := newClient(t)
	path := c.create(`{"url":"a.example"}`)
	for _, call := range []string{
		"GET /", "GET /job", "GET /Jobs", "GET /jobs/", "GET //jobs", "GET /./jobs", "GET /jobs/../jobs", "GET /api/jobs",
		"GET " + path + "/", "GET " + path + "/histories", "GET " + path + "/history/", "GET " + path + "/history/a/b",
		"GET /%6Aobs/", "POST /jobs", "PATCH /jobs", "DELETE /jobs", "HEAD /jobs", "TRACE /jobs", "CONNECT /jobs",
		"BREW /jobs", "PUT " + path, "POST " + path, "HEAD " + path, "PUT " + path + "/history",
		"DELETE " + path + "/history/1-1-1-1",
		"OPTIONS /nowhere", "OPTIONS /jobs/1/x/y", "OPTIONS /jobs/1/x/status-8.svg", "GET /folder", "GET /folders/", "POST /folders", "PATCH /folders", "DELETE /folders",
		"HEAD /folders", "PUT /folders/1", "POST /folders/1", "HEAD /folders/1", "GET /folders/1/jobs",
		"GET /executor-nodes", "POST /executor-nodes.json",
		"HEAD /executor-nodes.json", "GET /executor-nodes.json/",
	} {
		method, target, _ := strings.Cut(call, " ")
		for _, key := range []string{c.key, "wrong"} {
			got := c.do(method, target, "", "Authorization: Bearer "+key)
			if got.status != 404 || got.header.Get("Content-Type") != "application/problem+json" ||
				got.header.Get("Location") != "" {
				t.Errorf("%s with key %q: %d %v", call, key, got.status, got.header)
			}
		}
	}
}

func TestAuthentication(t *testing.T) {
	c := newClient(t)
	for header, status := range map[string]int{
		"Bearer " + c.key:             200,
		"bearer " + c.key:             200,
		"BEARER   " + c.key:           200,
		"":                            401,
		"Bearer":                      401,
		"Bearer ":                     401,
		c.key:                         401,
		"Basic " + c.key:              401,
		"Token " + c.key:              401,
		"Bearer " + c.key + "x":       401,
		"Bearer " + c.key[1:]:         401,
		"Bearer " + c.key + " " + "x": 401,
		"Bearer a+b/c=d_e-f":          401,
	} {
		got := c.do("GET", "/jobs", "", "Authorization: "+header)
		if got.status != status {
			t.Errorf("%q: status %d, want %d", header, got.status, status)
		}
		if challenge := got.header.Get("WWW-Authenticate"); (challenge == "Bearer") != (status == 401) {
			t.Errorf("%q: WWW-Authenticate is %q", header, challenge)
		}
	}
	// Keys from elsewhere may hold more characters than ours.
	const foreign = "aB1+/=_-Zz=="
	foreignKey := cron.APIKey{Role: cron.RoleOwner, AccountID: c.account.ID, Hash: auth.HashKey(foreign)}
	if err := c.server.store.CreateAPIKey(t.Context(), &foreignKey); err != nil {
		t.Fatal(err)
	}
	if got := c.do("GET", "/jobs", "", "Authorization: Bearer "+foreign); got.status != 200 {
		t.Errorf("a foreign key: status %d", got.status)
	}
	// Nothing but the header counts.
	if got := c.do("GET", "/jobs?api_key="+c.key, "", "Authorization:", "Cookie: session="+c.key); got.status != 401 {
		t.Errorf("a key elsewhere: status %d", got.status)
	}
	off := cron.Account{Email: "off@example.com", Plan: cron.PlanDefault, Disabled: true}
	if err := c.server.store.CreateAccount(t.Context(), &off); err != nil {
		t.Fatal(err)
	}
	key, hash := auth.NewKey()
	if err := c.server.store.CreateAPIKey(t.Context(), &cron.APIKey{Role: cron.RoleOwner, AccountID: off.ID, Hash: hash}); err != nil {
		t.Fatal(err)
	}
	if got := c.do("GET", "/jobs", "", "Authorization: Bearer "+key); got.status != 401 {
		t.Errorf("a disabled account: status %d", got.status)
	}
}

func TestHeadersOfEveryResponse(t *testing.T) {
	c := newClient(t)
	path := c.create(`{"url":"a.example"}`)
	for call, status := range map[string]int{
		"GET /jobs": 200, "GET " + path: 200, "GET /nowhere": 404, "GET //jobs": 404, "POST /jobs": 404, "PUT /jobs": 400,
		"OPTIONS /jobs": 204,
	} {
		method, target, _ := strings.Cut(call, " ")
		got := c.do(method, target, "", "Origin: https://elsewhere.example", "Cookie: a=b")
		if got.status != status {
			t.Errorf("%s: status %d, want %d", call, got.status, status)
		}
		for name, want := range map[string]string{
			"Access-Control-Allow-Origin":      "*",
			"Access-Control-Expose-Headers":    "ETag, Retry-After, Location, Idempotency-Replayed, Punctual-Ignored",
			"Access-Control-Allow-Credentials": "",
			"Cache-Control":                    "no-store",
			"X-Content-Type-Options":           "nosniff",
			"Set-Cookie":                       "",
		} {
			if is := got.header.Get(name); is != want {
				t.Errorf("%s: %s is %q, want %q", call, name, is, want)
			}
		}
	}
}

func TestPreflight(t *testing.T) {
	c := newClient(t)
	for _, path := range []string{"/jobs", "/jobs/1", "/jobs/1/history", "/jobs/1/history/1-1-0-1", "/folders", "/folders/1",
		"/jobs/1/run", "/jobs/1/x/status-7.svg",
		"/executor-nodes.json"} {
		got := c.do("OPTIONS", path, "", "Authorization:", "Origin: https://elsewhere.example",
			"Access-Control-Request-Method: PATCH", "Access-Control-Request-Headers: authorization,content-type")
		if got.status != 204 || got.body != "" {
			t.Errorf("%s: %d %q", path, got.status, got.body)
		}
		for name, want := range map[string]string{
			"Access-Control-Allow-Origin":  "*",
			"Access-Control-Allow-Methods": "GET, PUT, PATCH, DELETE, POST",
			"Access-Control-Allow-Headers": "Content-Type, Authorization, If-Match, If-None-Match, Idempotency-Key, Last-Event-ID",
			"Access-Control-Max-Age":       "1800",
		} {
			if is := got.header.Get(name); is != want {
				t.Errorf("%s: %s is %q, want %q", path, name, is, want)
			}
		}
	}
}

// TestOrderOfChecks breaks several rules at once: the first in the order of the contract decides.
func TestOrderOfChecks(t *testing.T) {
	s := newServer(t)
	c := s.newClient(t, "a@example.com", "tiny")
	for range 2 {
		c.create(`{"url":"a.example"}`)
	}
	c.createFolder("taken")
	const noKey = "Authorization: Bearer x"
	for _, tt := range []struct {
		call, body string
		header     []string
		status     int
	}{
		{"PUT /nowhere", "{", []string{noKey}, 404},
		{"POST /jobs", "{", []string{noKey}, 404},
		{"PUT /jobs", "{", []string{noKey}, 401},
		{"GET /jobs/999", "", []string{noKey}, 401},
		{"PUT /jobs", "{", nil, 429},
		{"PUT /jobs", `{"job":{"url":"ftp://x"}}`, nil, 429},
		{"PATCH /jobs/999", "{", nil, 400},
		{"PATCH /jobs/999", `{"job":{}}`, []string{"Content-Type: text/plain"}, 400},
		{"PATCH /jobs/999", `{"job":{"schedule":{"hours":[24]}}}`, nil, 400},
		{"PATCH /jobs/999", `{"job":{"schedule":{"timezone":"x"}}}`, nil, 400},
		{"PATCH /jobs/999", `{"job":{"url":"169.254.169.254"}}`, nil, 400},
		{"PATCH /jobs/x", `{"job":{"schedule":{"timezone":"x"}}}`, nil, 400},
		{"PATCH /jobs/999", `{"job":{"title":"x"}}`, nil, 404},
		{"GET /jobs/999/history/1-2-3", "", nil, 400},
		{"GET /jobs/999/history/1-2-3-4", "", nil, 404},
		{"PUT /folders", "{", []string{noKey}, 401},
		{"PATCH /folders/999", "{", nil, 400},
		{"PATCH /folders/999", `{"folder":{"title":" "}}`, nil, 400},
		{"PATCH /folders/999", `{"folder":{"title":"x"}}`, nil, 404},
		{"PATCH /folders/999", `{"folder":{"title":"taken"}}`, nil, 404},
		{"PUT /folders", `{"folder":{"title":"taken"}}`, nil, 409},
	} {
		method, path, _ := strings.Cut(tt.call, " ")
		if got := c.do(method, path, tt.body, tt.header...); got.status != tt.status {
			t.Errorf("%s %s %v: status %d, want %d", tt.call, tt.body, tt.header, got.status, tt.status)
		}
	}
}

// TestOrderOfKeyChecks lets each check before the body fail while those behind it would fail as well.
func TestOrderOfKeyChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		c := s.newClient(t, "a@example.com", cron.PlanDefault)
		expired := c.withKey(cron.APIKey{Expires: time.Now(), Scopes: cron.ScopeRead})
		reader := c.withKey(cron.APIKey{Scopes: cron.ScopeRead})
		local := c.withKey(cron.APIKey{
			Scopes: cron.ScopeRead, AllowFrom: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
		})
		const job = `{"job":{"url":"a.example"}}`
		c.must("PUT", "/jobs", job)
		for _, tt := range []struct {
			name   string
			client *client
			status int
			says   string
		}{
			{"an expired key", expired, 401, "no valid API key"},
			{"an address", local, 403, "may not be used from 192.0.2.1"},
			{"a scope", reader, 403, "scopes"},
			{"a rate", c, 429, "Retry-After"},
		} {
			if got := tt.client.do("PUT", "/jobs", "{"); got.status != tt.status || !strings.Contains(got.body, tt.says) {
				t.Errorf("%s: %d %s", tt.name, got.status, got.body)
			}
		}
		// What is refused before the rates counts against none.
		time.Sleep(time.Second)
		for range 10 {
			reader.do("PUT", "/jobs", job)
		}
		c.must("PUT", "/jobs", job)
		// A call counts whatever becomes of it.
		time.Sleep(time.Second)
		if got := c.do("PUT", "/jobs", "{"); got.status != 400 {
			t.Errorf("no JSON: status %d", got.status)
		}
		if got := c.do("PUT", "/jobs", job); got.status != 429 {
			t.Errorf("a second call in the second: status %d", got.status)
		}
		// Methods are counted apart, and keys of an account together.
		for range 5 {
			c.must("GET", "/jobs", "")
			c.must("GET", "/jobs/1", "")
		}
		for _, path := range []string{"/jobs", "/jobs/1"} {
			if got := reader.do("GET", path, ""); got.status != 429 || got.header.Get("Retry-After") != "1" {
				t.Errorf("%s with another key: status %d, Retry-After %q", path, got.status, got.header.Get("Retry-After"))
			}
		}
	})
}

// TestKeysBehindAProxy takes the address of a client from the proxy that is trusted, and from nobody else.
func TestKeysBehindAProxy(t *testing.T) {
	c := newClient(t)
	local := c.withKey(cron.APIKey{AllowFrom: []netip.Prefix{
		netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::/32"),
	}})
	for _, tt := range []struct {
		peer, forwarded string
		status          int
	}{
		{"203.0.113.7:1", "", 200},
		{"[2001:db8::7]:1", "", 200},
		{"[::ffff:203.0.113.7]:1", "", 200},
		{"198.51.100.1:1", "", 403},
		{"198.51.100.1:1", "203.0.113.7", 403},
		{"10.0.0.1:1", "203.0.113.7", 200},
		{"10.0.0.1:1", "203.0.113.7, 198.51.100.1", 403},
		{"10.0.0.1:1", "198.51.100.1, 203.0.113.7", 200},
		{"10.0.0.1:1", "", 403},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/jobs", nil)
		r.RemoteAddr = tt.peer
		r.Header.Set("Authorization", "Bearer "+local.key)
		r.Header.Set("X-Forwarded-For", tt.forwarded)
		w := httptest.NewRecorder()
		c.server.ServeHTTP(w, r)
		if w.Code != tt.status {
			t.Errorf("from %s for %q: status %d, want %d", tt.peer, tt.forwarded, w.Code, tt.status)
		}
	}
}

// TestScopes makes every call with keys of each scope.
func TestScopes(t *testing.T) {
	c := newClient(t)
	job, folder := c.create(`{"url":"a.example"}`), c.createFolder("a")
	reader, writer := c.withKey(cron.APIKey{Scopes: cron.ScopeRead}), c.withKey(cron.APIKey{Scopes: cron.ScopeWrite})
	open := []string{"/jobs/{jobId}/{token}/{badge}", "/executor-nodes.json", "/openapi.json", "/docs", "/events"}
	fill := strings.NewReplacer("/jobs/{jobId}", job, "/folders/{folderId}", folder, "{identifier}", "1-1-1-1",
		"{runId}", "1", "{apiKeyId}", "4711")
	for _, call := range api.Routes() {
		method, path, _ := strings.Cut(call, " ")
		if slices.Contains(open, path) { // and one that does not end by itself
			continue
		}
		path = fill.Replace(path)
		refused, allowed := writer, reader
		if method != "GET" {
			refused, allowed = reader, writer
		}
		if method != "GET" && path == "/tls" { // only with all scopes
			refused, allowed = writer, c
		}
		if slices.ContainsFunc([]string{"/people", "/invitations", "/sessions", "/accounts", "/nodes", "/views"}, func(p string) bool { return strings.HasPrefix(path, p) }) {
			continue // not for keys of any scope
		}
		if path == "/audit" || path == "/export" || strings.HasPrefix(path, "/secrets") {
			refused, allowed = reader, c
		}
		if method != "GET" && strings.HasPrefix(path, "/channels") && !strings.HasSuffix(path, "/mute") {
			refused, allowed = writer, c
		}
		if method == "DELETE" && strings.HasPrefix(path, "/statuspages") && strings.Count(path, "/") == 2 || strings.Contains(path, "/subscribers") {
			refused, allowed = writer, c
		}
		if got := refused.do(method, path, ""); got.status != 403 {
			t.Errorf("%s with the wrong scope: status %d", call, got.status)
		}
		if got := allowed.do(method, path, ""); got.status == 403 {
			t.Errorf("%s with the right scope: %s", call, got.body)
		}
	}
}

// TestOverTheWire makes calls through a real server, which does things of its own with methods and bodies.
func TestOverTheWire(t *testing.T) {
	c := newClient(t)
	server := httptest.NewServer(c.server)
	defer server.Close()
	for _, tt := range []struct {
		method, path, body string
		status             int
	}{
		{"put", "/jobs", `{"job":{"url":"a.example"}}`, 200},
		{"patch", "/jobs/1", `{"job":{"title":"x"}}`, 200},
		{"get", "/jobs/1", "", 200},
		{"HEAD", "/jobs/1", "", 404},
		{"OPTIONS", "/jobs/1", "", 204},
		{"GET", "/jobs/1/../1", "", 404},
		{"PUT", "/jobs", `{"job":{"url":"a.example"}}` + strings.Repeat(" ", 9<<20), 400},
		{"PUT", "/nowhere", strings.Repeat(" ", 9<<20), 404},
		{"DELETE", "/jobs/1", "", 200},
	} {
		r, err := http.NewRequestWithContext(t.Context(), tt.method, server.URL+tt.path, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+c.key)
		r.Header.Set("Content-Type", "application/json")
		got, err := server.Client().Do(r)
		if err != nil {
			// The server may close the connection on a client that keeps sending.
			if len(tt.body) > 1<<20 {
				continue
			}
			t.Fatalf("%s %s: %v", tt.method, tt.path, err)
		}
		body, err := io.ReadAll(got.Body)
		if err := got.Body.Close(); err != nil {
			t.Error(err)
		}
		if err != nil || got.StatusCode != tt.status {
			t.Errorf("%s %s: status %d, want %d: %s, %v", tt.method, tt.path, got.StatusCode, tt.status, body, err)
		}
	}
}

func TestPathIDs(t *testing.T) {
	c := newClient(t)
	c.create(`{"url":"a.example"}`)
	for _, id := range []string{
		"0", "2", "-1", "+1", "1.0", "x", "1x", "%31x", "9223372036854775807", "9223372036854775808", "99999999999999999999",
	} {
		for _, call := range [][2]string{{"GET", ""}, {"DELETE", ""}, {"GET", "/history"}, {"GET",
			"/history/1-1-0-1"}} {
			if got := c.do(call[0], "/jobs/"+id+call[1], ""); got.status != 404 {
				t.Errorf("%s %s%s: status %d", call[0], id, call[1], got.status)
			}
		}
		if got := c.do("PATCH", "/jobs/"+id, `{"job":{}}`); got.status != 404 {
			t.Errorf("PATCH %s: status %d", id, got.status)
		}
		for _, call := range [][2]string{{"GET", ""}, {"PATCH", `{"folder":{"title":"x"}}`}, {"DELETE", ""}} {
			if got := c.do(call[0], "/folders/"+id, call[1]); got.status != 404 {
				t.Errorf("%s of folder %s: status %d", call[0], id, got.status)
			}
		}
	}
}

// TestAccountsAreApart makes sure that nobody reaches what belongs to another account.
func TestAccountsAreApart(t *testing.T) {
	s := newServer(t)
	mine := s.newClient(t, "a@example.com", cron.PlanUnlimited)
	theirs := s.newClient(t, "b@example.com", cron.PlanUnlimited)
	path := theirs.create(strings.Replace(everyField, `"channelIds":[1]`, `"channelIds":[2]`, 1)) // each has the channel that it began with
	before := theirs.must("GET", path, "")
	for _, call := range [][3]string{
		{"GET", path, ""},
		{"PATCH", path, `{"job":{"title":"mine"}}`},
		{"DELETE", path, ""},
		{"GET", path + "/history", ""},
	} {
		got, missing := mine.do(call[0], call[1], call[2]), mine.do(call[0], strings.Replace(call[1], "/jobs/1",
			"/jobs/999", 1), call[2])
		if got.status != 404 || got.body != missing.body {
			t.Errorf("%s %s: %d %s, but of one that does not exist: %s", call[0], call[1], got.status, got.body, missing.body)
		}
	}
	var list struct {
		Jobs       []job `json:"jobs"`
		SomeFailed bool  `json:"someFailed"`
	}
	decode(t, mine.must("GET", "/jobs", ""), &list)
	if len(list.Jobs) != 0 {
		t.Errorf("the list holds %v", list.Jobs)
	}
	if after := theirs.must("GET", path, ""); after != before {
		t.Errorf("the job has changed to %s", after)
	}
}

func TestListOrder(t *testing.T) {
	c := newClient(t)
	for _, j := range []string{
		`{"url":"http://b.example/"}`,
		`{"url":"http://a.example/"}`,
		`{"url":"http://c.example/","enabled":true}`,
		`{"url":"http://B.example/"}`,
		`{"url":"http://a.example/"}`,
		`{"url":"http://ä.example/"}`,
	} {
		c.create(j)
	}
	var list struct {
		Jobs       []job `json:"jobs"`
		SomeFailed bool  `json:"someFailed"`
	}
	decode(t, c.must("GET", "/jobs", ""), &list)
	var got []int64
	for _, j := range list.Jobs {
		got = append(got, j.JobID)
	}
	if want := []int64{3, 4, 2, 5, 1, 6}; !slices.Equal(got, want) {
		t.Errorf("the order is %v, want %v", got, want)
	}
}
