package api_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"punctual/internal/auth"
	"punctual/internal/cron"
)

func TestMediaTypes(t *testing.T) {
	c := newClient(t)
	path := c.create(`{"url":"a.example"}`)
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
		for _, call := range [][2]string{{"PUT", "/jobs"}, {"PATCH", path}} {
			if got := c.do(call[0], call[1], body, "Content-Type: "+mediaType); got.status != status {
				t.Errorf("%s with %q: status %d, want %d", call[0], mediaType, got.status, status)
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
		"OPTIONS /nowhere",
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
	foreignKey := cron.APIKey{AccountID: c.account.ID, Hash: auth.HashKey(foreign)}
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
	if err := c.server.store.CreateAPIKey(t.Context(), &cron.APIKey{AccountID: off.ID, Hash: hash}); err != nil {
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
			"Access-Control-Expose-Headers":    "ETag, Retry-After",
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
	for _, path := range []string{"/jobs", "/jobs/1", "/jobs/1/history", "/jobs/1/history/1-1-0-1"} {
		got := c.do("OPTIONS", path, "", "Authorization:", "Origin: https://elsewhere.example",
			"Access-Control-Request-Method: PATCH", "Access-Control-Request-Headers: authorization,content-type")
		if got.status != 204 || got.body != "" {
			t.Errorf("%s: %d %q", path, got.status, got.body)
		}
		for name, want := range map[string]string{
			"Access-Control-Allow-Origin":  "*",
			"Access-Control-Allow-Methods": "GET, PUT, PATCH, DELETE, POST",
			"Access-Control-Allow-Headers": "Content-Type, Authorization, If-Match",
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
	} {
		method, path, _ := strings.Cut(tt.call, " ")
		if got := c.do(method, path, tt.body, tt.header...); got.status != tt.status {
			t.Errorf("%s %s %v: status %d, want %d", tt.call, tt.body, tt.header, got.status, tt.status)
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
	}
}

// TestAccountsAreApart makes sure that nobody reaches what belongs to another account.
func TestAccountsAreApart(t *testing.T) {
	s := newServer(t)
	mine := s.newClient(t, "a@example.com", cron.PlanUnlimited)
	theirs := s.newClient(t, "b@example.com", cron.PlanUnlimited)
	path := theirs.create(everyField)
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
