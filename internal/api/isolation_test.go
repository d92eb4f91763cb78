package api_test

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"punctual/internal/api"
	"punctual/internal/cron"
	"punctual/internal/statuspage"
	"punctual/internal/store/storetest"
)

// raw is the database past the store.
func (s *server) raw(t testing.TB) *sql.DB {
	t.Helper()
	return storetest.Raw(t, s.database)
}

// marker stands in everything of the owner that a caller could be shown.
const marker = "owner-4f1d8a"

// strangers are what somebody else sends with each call that is no GET: something that would succeed if the things that
// the path or the body names were his: the job 1 and the folder 1. A call without a row fails the test.
var strangers = map[string]string{
	"PUT /jobs":                                                 `{"job":{"url":"a.example","folderId":1}}`,
	"PATCH /jobs/{jobId}":                                       `{"job":{"title":"mine"}}`,
	"DELETE /jobs/{jobId}":                                      ``,
	"PUT /folders":                                              `{"folder":{"title":"mine"}}`,
	"PATCH /folders/{folderId}":                                 `{"folder":{"title":"mine"}}`,
	"DELETE /folders/{folderId}":                                ``,
	"PUT /tls":                                                  `{"tls":{}}`,
	"DELETE /tls":                                               ``,
	"POST /secrets":                                             `{"secret":{"name":"MINE","value":"mine"}}`,
	"PATCH /secrets/{secretId}":                                 `{"secret":{"value":"mine"}}`,
	"DELETE /secrets/{secretId}":                                ``,
	"POST /channels":                                            `{"channel":{"kind":"webhook","url":"https://a.example/"}}`,
	"PATCH /channels/{channelId}":                               `{"channel":{"title":"mine"}}`,
	"DELETE /channels/{channelId}":                              ``,
	"POST /channels/{channelId}/mute":                           `{"until":-1}`,
	"POST /channels/{channelId}/test":                           ``,
	"POST /notifications/{notificationId}/resend":               ``,
	"PUT /jobs, to a channel":                                   `{"job":{"url":"a.example","channelIds":[3]}}`,
	"POST /jobs/{jobId}/run":                                    ``,
	"POST /history/rerun, of a job":                             `{"filter":{"job":1,"from":1}}`,
	"POST /history/rerun, of a folder":                          `{"filter":{"folder":1,"from":1}}`,
	"POST /history/rerun":                                       `{"filter":{"from":1}}`,
	"DELETE /history/rerun":                                     ``,
	"POST /jobs/{jobId}/clone":                                  `{"job":{"enabled":true}}`,
	"POST /jobs/bulk":                                           `{"action":"delete","jobIds":[1]}`,
	"POST /apikeys":                                             `{"apiKey":{}}`,
	"PATCH /people/{personId}":                                  `{"person":{"role":"owner"}}`,
	"DELETE /people/{personId}":                                 ``,
	"POST /jobs/{jobId}/badge/renew":                            ``,
	"POST /statuspages/{statusPageId}/badges/renew":             ``,
	"POST /statuspages/{statusPageId}/incidents":                `{"incident":{"title":"mine","update":{"text":"mine"}}}`,
	"PATCH /statuspages/{statusPageId}/incidents/{incidentId}":  `{"incident":{"title":"mine"}}`,
	"DELETE /statuspages/{statusPageId}/incidents/{incidentId}": ``,
	"POST /statuspages/{statusPageId}/incidents/{incidentId}/updates":             `{"update":{"text":"mine"}}`,
	"PATCH /statuspages/{statusPageId}/incidents/{incidentId}/updates/{updateId}": `{"update":{"text":"mine"}}`,
	"POST /statuspages/{statusPageId}/maintenances":                               `{"maintenance":{"title":"mine","start":4102444800,"end":4102444801,"componentIds":[1]}}`,
	"PATCH /statuspages/{statusPageId}/maintenances/{maintenanceId}":              `{"maintenance":{"title":"mine"}}`,
	"DELETE /statuspages/{statusPageId}/maintenances/{maintenanceId}":             ``,
	"DELETE /statuspages/{statusPageId}/subscribers/{subscriberId}":               ``,
	"POST /invitations":                                               `{"invitation":{"email":"eve@example.com","role":"owner"}}`,
	"DELETE /invitations/{invitationId}":                              ``,
	"POST /sessions":                                                  `{"session":{"email":"` + marker + `@example.com","password":"a long password"}}`,
	"DELETE /sessions/{sessionId}":                                    ``,
	"POST /views":                                                     `{"view":{"title":"mine","filter":{"folderId":[%[2]d],"text":"` + marker + `"}}}`,
	"PATCH /views/{viewId}":                                           `{"view":{"title":"mine"}}`,
	"DELETE /views/{viewId}":                                          ``,
	"POST /actions":                                                   `{"action":{"jobIds":[1],"operations":[{"kind":"delete"}]}}`,
	"POST /actions, by filter":                                        `{"action":{"filter":{"text":"` + marker + `"},"operations":[{"kind":"delete"}]}}`,
	"POST /actions/{actionId}/cancel":                                 ``,
	"POST /actions/{actionId}/undo":                                   ``,
	"POST /accounts":                                                  `{"account":{"email":"eve@example.com"}}`,
	"PATCH /accounts/{accountId}":                                     `{"account":{"enabled":false}}`,
	"DELETE /accounts/{accountId}":                                    ``,
	"PATCH /nodes/{epoch}":                                            `{"node":{"draining":true}}`,
	"DELETE /apikeys/{apiKeyId}":                                      ``,
	"POST /testruns":                                                  `{"job":{"url":"a.example"}}`,
	"POST /testruns, of a job":                                        `{"jobId":1}`,
	"DELETE /testruns/{testRunId}":                                    ``,
	"POST /jobs/bulk, by folder":                                      `{"action":"delete","folderId":1}`,
	"POST /jobs/bulk, into folder":                                    `{"action":"move","folderId":0,"toFolderId":1}`,
	"POST /jobs/{jobId}/versions/{version}/restore":                   ``,
	"DELETE /jobs/{jobId}/versions/{version}/secrets":                 ``,
	"POST /problems/{problemId}/acknowledge":                          `{"note":"mine"}`,
	"POST /problems/{problemId}/snooze":                               `{"until":4102444800}`,
	"POST /problems/{problemId}/resolve":                              `{}`,
	"POST /problems/{problemId}/note":                                 `{"note":"mine"}`,
	"POST /maintenance":                                               `{"window":{"title":"mine","start":4102444800,"end":4102444801}}`,
	"POST /maintenance, for a job":                                    `{"window":{"title":"mine","start":4102444800,"end":4102444801,"jobIds":[1],"folderIds":[1]}}`,
	"PATCH /maintenance/{windowId}":                                   `{"window":{"title":"mine"}}`,
	"DELETE /maintenance/{windowId}":                                  ``,
	"POST /statuspages/{statusPageId}/domains":                        `{"domain":{"host":"mine.example.net"}}`,
	"POST /statuspages/{statusPageId}/domains/{domainId}/check":       ``,
	"DELETE /statuspages/{statusPageId}/domains/{domainId}":           ``,
	"POST /statuspages":                                               `{"statusPage":{"title":"mine"}}`,
	"POST /statuspages, with a job":                                   `{"statusPage":{"title":"mine","components":[{"title":"x","jobIds":[1]}]}}`,
	"PATCH /statuspages/{statusPageId}":                               `{"statusPage":{"title":"mine"}}`,
	"DELETE /statuspages/{statusPageId}":                              ``,
	"POST /statuspages/{statusPageId}/components/{componentId}/state": `{"state":"degraded"}`,
	"PUT /statuspages/{statusPageId}/logo":                            string(storetest.Logo()),
	"DELETE /statuspages/{statusPageId}/logo":                         ``,
	"PUT /statuspages/{statusPageId}/logo/dark":                       string(storetest.Logo()),
	"DELETE /statuspages/{statusPageId}/logo/dark":                    ``,
	"POST /bin/jobs/{jobId}/restore":                                  ``,
	"DELETE /bin/jobs/{jobId}":                                        ``,
	"POST /bin/folders/{folderId}/restore":                            ``,
	"DELETE /bin/folders/{folderId}":                                  ``,
}

// TestStrangersSeeAndChangeNothing makes every call there is with the key of another account, and as its owner who is signed
// in. What belongs to others is not there for either.
func TestStrangersSeeAndChangeNothing(t *testing.T) {
	s := newServer(t)
	stranger := s.newClient(t, "stranger@example.com", cron.PlanUnlimited)
	stranger.testOften()
	_, position, _ := strings.Cut(stranger.listen("/events").body, "id: ")
	position, _, _ = strings.Cut(position, "\n")
	owner := s.newClient(t, marker+"@example.com", cron.PlanUnlimited).withKey(cron.APIKey{Title: marker})
	person := owner.signIn(marker+"@example.com", cron.RoleOwner)
	person.must("POST", "/invitations", `{"invitation":{"email":"`+marker+`@example.org","role":"viewer"}}`)
	person.must("POST", "/views", `{"view":{"title":"`+marker+`","filter":{"tag":["`+marker+`"]}}}`)
	signedIn := stranger.signIn("mallory@example.com", cron.RoleOwner)
	folder := owner.createFolder(marker)
	path := owner.create(`{"url":"http://` + marker + `.example/","title":"` + marker + `","enabled":true,` + everyMinute +
		`,"saveResponses":true,"folderId":1,"description":"` + marker + `","tags":["` + marker + `"],"extendedData":{"body":"` + marker + `"}}`)
	certificate, _ := newPair(t, time.Unix(2e9, 0))
	owner.must("PUT", "/tls", `{"tls":{"caBundle":`+certificate+`}}`)
	owner.must("POST", "/secrets", `{"secret":{"name":"`+marker+`","value":"`+marker+` value"}}`)
	owner.do("PUT", "/folders", `{"folder":{"title":"other `+marker+`"}}`, "Idempotency-Key: k")
	run := owner.readRun(owner.do("POST", path+"/run", ""))
	s.execute(t, 0, cron.Result{
		Status: cron.StatusHTTPError, HTTPStatus: 500, Reason: marker, Headers: []byte(marker), Body: []byte(marker),
	})
	execution := *owner.readRun(owner.do("GET", run.Path, "")).Identifier
	testRun := owner.test(`{"jobId":1,"job":{"extendedData":{"headers":{"X":"` + marker + `"}}}}`)
	waits := owner.readRun(owner.do("POST", path+"/run", ""))
	owner.must("POST", "/maintenance", `{"window":{"title":"`+marker+`","start":4102444800,"end":4102444801,"tags":["`+marker+`"]}}`)
	owner.must("POST", "/statuspages", `{"statusPage":{"title":"`+marker+`","text":"`+marker+`","published":true,"components":[{"title":"`+marker+`"}]}}`)
	owner.must("POST", "/statuspages/1/domains", `{"domain":{"host":"`+marker+`.example.net"}}`)
	owner.must("POST", "/statuspages/1/incidents", `{"incident":{"title":"`+marker+`","update":{"text":"`+marker+`"}}}`)
	if err := s.store.Subscribe(t.Context(), &statuspage.Subscriber{PageID: 1, Address: marker + "@example.com"}, [32]byte{1},
		func(context.Context, *statuspage.Subscriber, bool) error { return nil }); err != nil {
		t.Fatal(err)
	}
	owner.must("POST", "/statuspages/1/maintenances", `{"maintenance":{"title":"`+marker+`","text":"`+marker+
		`","start":4102444800,"end":4102444801,"componentIds":[1]}}`)
	owner.do("POST", "/actions", `{"action":{"jobIds":[1],"operations":[{"kind":"addTags","tags":["`+marker+`"]}]}}`)
	owner.must("POST", "/channels", `{"channel":{"kind":"webhook","title":"`+marker+`","tags":["`+marker+`"],"url":"https://`+marker+`.example/","headers":{"X":"`+marker+`"}}}`)
	keys := owner.keys()
	tables := storetest.NewTables(t, s.raw(t))
	params := map[string]string{
		"{jobId}": "1", "{folderId}": "1", "{identifier}": execution, "{runId}": fmt.Sprint(run.RunID), "{testRunId}": part(t, []byte(testRun), "testRunId"),
		"{problemId}":      fmt.Sprint(tables.AddProblems(owner.account.ID, 1, cron.ProblemOpen, time.Now())),
		"{channelId}":      "3", // after those that the accounts began with
		"{notificationId}": fmt.Sprint(tables.AddMessage(cron.Channel{ID: 3, AccountID: owner.account.ID}, cron.MessageSent)),
		"{secretId}":       "1", "{actionId}": "1", "{version}": "1", "{apiKeyId}": fmt.Sprint(keys[0].APIKeyID),
		"{personId}": "1", "{viewId}": "1", "{windowId}": "1", "{statusPageId}": "1", "{componentId}": "1", "{incidentId}": "1", "{updateId}": "1", "{maintenanceId}": "2", "{subscriberId}": "1", "{domainId}": "1", "{invitationId}": "1", "{sessionId}": "1", "{accountId}": fmt.Sprint(owner.account.ID),
		"{epoch}": "1", "{token}": "0123456789abcdef", "{badge}": "status-1.svg", // which nobody has the token of
	}
	if path != "/jobs/1" || folder != "/folders/1" || waits.Path == run.Path {
		t.Fatalf("the owner has %s, %s, %s", path, folder, waits.Path)
	}

	raw := s.raw(t)
	before := storetest.Rows(t, raw, owner.account.ID)
	if len(before) < 15 || !hasRows(before, "person ", "session ", "link ", "membership ") {
		t.Fatalf("the owner has no more than %d rows", len(before))
	}
	check := func(call string, target, body string) {
		t.Helper()
		for _, caller := range []*client{stranger, signedIn} {
			checkStranger(t, caller, call, target, body)
			checkRows(t, call, before, storetest.Rows(t, raw, owner.account.ID))
		}
	}
	for _, route := range api.Routes() {
		method, target, _ := strings.Cut(route, " ")
		for name, value := range params {
			target = strings.ReplaceAll(target, name, value)
		}
		if strings.Contains(target, "{") {
			t.Errorf("%s: the test does not know what the path names", route)
			continue
		}
		if method == http.MethodGet || method == http.MethodHead {
			check(route, target, "")
			continue
		}
		if _, ok := strangers[route]; !ok {
			t.Errorf("%s has no row in the test", route)
		}
		for call, body := range strangers {
			if call == route || strings.HasPrefix(call, route+",") {
				check(call, target, body)
			}
		}
	}
	checkQueries(t, stranger, owner, position)
}

// checkStranger makes a call as a stranger, for whom nothing that it names is there.
func checkStranger(t *testing.T, caller *client, call, target, body string) {
	t.Helper()
	method, _, _ := strings.Cut(call, " ")
	got := caller.try(method, target, body)
	if strings.Contains(got.body, marker) {
		t.Errorf("%s: a stranger sees %s", call, got.body)
	}
	want, signedIn := http.StatusNotFound, strings.HasPrefix(caller.key, "punctual_session_")
	if strings.Contains(call, "{accountId}") || strings.Contains(call, "{epoch}") || !signedIn && (strings.Contains(call, "{personId}") ||
		strings.Contains(call, "{invitationId}") || strings.Contains(call, "{viewId}") || strings.Contains(call, "{sessionId}")) {
		want = http.StatusForbidden // only for operators, and only for people
	}
	if named := strings.Contains(call, "{") || call == "POST /testruns, of a job" ||
		strings.HasPrefix(call, "POST /history/rerun, of"); named && got.status != want {
		t.Errorf("%s: a stranger is answered with %d %s", call, got.status, got.body)
	}
}

// checkRows makes sure that a call has changed nothing of the owner's.
func checkRows(t *testing.T, call string, before, after map[string]bool) {
	t.Helper()
	for row := range before {
		if !after[row] {
			t.Fatalf("%s: a stranger has changed %s", call, row)
		}
	}
	if len(after) != len(before) {
		t.Fatalf("%s: the owner has %d rows, had %d", call, len(after), len(before))
	}
}

// checkQueries makes sure that what a stranger names in a query string is as nothing, too, and that the owner's events since a
// position are the owner's.
func checkQueries(t *testing.T, stranger, owner *client, position string) {
	t.Helper()
	for _, target := range []string{"/history?job=1", "/history?folder=1", "/stats?job=1"} {
		if got := stranger.try("GET", target, ""); got.status != http.StatusNotFound || strings.Contains(got.body, marker) {
			t.Errorf("%s: a stranger is answered with %d %s", target, got.status, got.body)
		}
	}
	for _, query := range []string{"text=" + marker, "text=ow", "folderId=1", "tag=" + marker, "host=" + marker + ".example", "not.text=zzz",
		"changedBy=" + marker, "not.folderId=0", "sort=next", "sort=-changed"} {
		got := stranger.must("GET", "/jobs/search?"+query, "")
		if strings.Contains(got, marker) {
			t.Errorf("%s: a stranger is answered with %s", query, got)
		}
	}
	target := "/events?after=" + url.QueryEscape(position)
	if got := stranger.listen(target); got.status != http.StatusOK || strings.Contains(got.body, "event: ") {
		t.Errorf("%s: a stranger is told %s", target, got.body)
	}
	if got := owner.listen(target); !strings.Contains(got.body, marker) {
		t.Errorf("%s: the owner is told %s", target, got.body)
	}
}

// hasRows tells whether there is a row of each table.
func hasRows(rows map[string]bool, tables ...string) bool {
	for _, table := range tables {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(rows)), func(row string) bool { return strings.HasPrefix(row, table) }) {
			return false
		}
	}
	return true
}

// try makes a call of any kind.
func (c *client) try(method, target, body string) response {
	c.t.Helper()
	if target == "/events" {
		return c.listen(target)
	}
	return c.do(method, target, body)
}

// listen makes a call that is answered without end, and takes what comes within two seconds.
func (c *client) listen(target string) response {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 2*time.Second)
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	r.Header.Set("Authorization", "Bearer "+c.key)
	w := httptest.NewRecorder()
	c.server.ServeHTTP(w, r)
	return response{w.Code, w.Result().Header, w.Body.String()}
}
