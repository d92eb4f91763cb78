package api_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
)

type historyPage struct {
	History        []historyRecord `json:"history"`
	Next           *string         `json:"next"`
	SearchedBackTo *int64          `json:"searchedBackTo"`
}

// search asks for one page of records.
func (c *client) search(path string) historyPage {
	c.t.Helper()
	var page historyPage
	decode(c.t, c.must("GET", path, ""), &page)
	if page.History == nil || (page.Next == nil) != (page.SearchedBackTo == nil) {
		c.t.Errorf("%s: the page is %+v", path, page)
	}
	return page
}

// lived gives an account a history: two jobs in the minutes after midnight of which one fails and is tried again, is
// lost, and misses what was due in an hour; the other one succeeds, and runs in the end.
func lived(c *client) (flaky, steady string) {
	folder := c.createFolder("folder")
	flaky = c.create(`{"url":"flaky.example","title":"Flaky job","enabled":true,"retry":{"count":1,"delaySeconds":10},` +
		everyMinute + `}`)
	steady = c.create(`{"url":"steady.example","title":"=Steady","enabled":true,"folderId":` +
		strings.TrimPrefix(folder, "/folders/") + `,"overlap":"skip",` + everyMinute + `}`)
	ok := cron.Result{Status: cron.StatusOK, HTTPStatus: 200, Reason: "OK"}
	finish := func(launches []cron.Launch, results map[string]cron.Result) {
		var done []cron.Completion
		for _, l := range launches {
			if r, ended := results[fmt.Sprintf("/jobs/%d", l.Job.ID)]; ended {
				r.Started, r.URL = l.Due.Add(20*time.Millisecond), l.Job.Request.URL
				r.Duration = 1500 * time.Millisecond
				r.Stats.Total = r.Duration
				done = append(done, cron.Completion{Launch: l, Result: r})
			}
		}
		if err := c.server.store.Finish(c.t.Context(), done); err != nil {
			c.t.Fatal(err)
		}
	}
	time.Sleep(time.Minute)
	finish(c.server.claim(c.t), map[string]cron.Result{steady: ok,
		flaky: {Status: cron.StatusConnectFailed, Fault: cron.FaultRefused, Detail: "192.0.2.7:80"}})
	time.Sleep(10 * time.Second)
	finish(c.server.claim(c.t), map[string]cron.Result{flaky: {Status: cron.StatusHTTPError, HTTPStatus: 503,
		Reason: "Service Unavailable"}})
	time.Sleep(50 * time.Second)
	c.server.lose(c.t)
	time.Sleep(61 * time.Minute) // more than the grace
	finish(c.server.claim(c.t), map[string]cron.Result{flaky: ok})
	return flaky, steady
}

func TestSearch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		c := s.newClient(t, "a@example.com", cron.PlanUnlimited)
		other := s.newClient(t, "b@example.com", cron.PlanUnlimited)
		midnight := time.Now().Unix()
		flaky, steady := lived(c)
		page := c.search(flaky + "/executions")
		var got []string
		for _, r := range page.History {
			covers := ""
			if r.Covers != nil {
				covers = fmt.Sprintf(" %d–%d: %d %v", r.Covers.First-midnight, r.Covers.Last-midnight, r.Covers.Count,
					r.Covers.AtLeast)
			}
			got = append(got, fmt.Sprintf("%d %s %s %d %s %q %d%s", r.Date-midnight, r.Outcome, r.Kind, r.Attempt, r.Reason,
				r.StatusText, r.HTTPStatus, covers))
		}
		want := []string{
			`3780 succeeded scheduled 1  "OK" 200`,
			`3780 missed scheduled 1 missed "The execution was missed, since the service found it too late." ` +
				`0 180–3720: 60 false`,
			`120 lost scheduled 1 lost "The execution was started, but the service stopped before its result was known." 0`,
			`70 failed retry 2  "Service Unavailable" 503`,
			`60 failed scheduled 1 refused "192.0.2.7:80 refused the connection." 0`,
		}
		if !slices.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if r := page.History[4]; r.JobTitle != "Flaky job" || r.Jitter != 20 || r.Duration != 1500 ||
			r.Stats.Total != 1_500_000 || r.URL != "http://flaky.example" || r.DatePlanned != midnight+60 ||
			r.Identifier != fmt.Sprintf("1-1-0-%d", r.JobLogID) || r.Covers != nil {
			t.Errorf("the first record is %+v", r)
		}

		ids := func(page historyPage) (ids []int64) {
			for _, r := range page.History {
				ids = append(ids, r.JobLogID)
			}
			return ids
		}
		everything := ids(c.search("/history?limit=1000"))
		if len(everything) != 9 {
			t.Fatalf("%d records", len(everything))
		}
		var walked []int64
		for query := "?limit=2"; ; {
			page := c.search("/history" + query)
			walked = append(walked, ids(page)...)
			if page.Next == nil {
				break
			}
			query = "?limit=2&cursor=" + *page.Next
		}
		if !slices.Equal(walked, everything) {
			t.Errorf("page by page: %v, want %v", walked, everything)
		}
		jobID := strings.TrimPrefix(flaky, "/jobs/")
		for query, want := range map[string]int{
			"job=" + jobID: 5, "folder=0": 5, "folder=1": 4, "folder=1&job=" + jobID: 0,
			"outcome=failed": 2, "outcome=missed,+lost": 4, "outcome=missed&outcome=failed": 4, "outcome=running": 1,
			"outcome=skipped": 0, "httpStatus=503": 1, "httpStatus=500-599,200": 3, "httpStatus=404": 0,
			"from=" + fmt.Sprint(midnight+70): 7, "to=" + fmt.Sprint(midnight+70): 2,
			"from=2000-01-01T00:01:10Z&to=2000-01-01T00:02:00Z": 1,
			"text=FLAKY":          5,
			"text=steady.EXAMPLE": 1,
			"text==steady":        4,
			"text=2.7:80":         1,
			"text=refused":        0, // a reason
			"reason=refused":      1,
			"reason=missed,+lost": 4,
			"reason=lost&reason=refused&outcome=failed":       1,
			"reason=refused&text=192.0&folder=0&job=" + jobID: 1,
			"reason=overlap":       0,
			"reason=":              9,
			"text=unavail":         1,
			"text=%22":             0,
			"text=&outcome=&job=":  9,
			"nonsense=1&format=":   9,
			"outcome=&limit=3":     3,
			"format=json&folder=0": 5,

			"kind=retry": 1, "kind=scheduled": 8, "kind=manual,rerun": 0, "kind=manual,+retry,retry": 1, "not.kind=retry": 8,
			"not.outcome=failed": 7, "not.outcome=failed,missed&not.outcome=lost": 3, "outcome=failed&not.kind=retry": 1,
			"not.reason=missed": 7, "not.httpStatus=503": 8, "not.httpStatus=500-599,200": 6, "not.text=FLAKY": 4, "not.text=": 9,
			"not.job=" + jobID: 4, "not.folder=1": 5, "not.folder=0,1": 0, "job=" + jobID + "&not.folder=1&not.outcome=lost": 4,
			"not.cause=0000000000000001": 9, "not.unknown=1": 9,
			"kind=" + strings.Repeat("manual,", 3000) + "retry": 1,
		} {
			if got := c.search("/history?" + query); len(got.History) != want {
				t.Errorf("%s: %d records %+v, want %d", query, len(got.History), got.History, want)
			}
		}
		if got := c.search(steady + "/executions?job=" + jobID); len(got.History) != 4 {
			t.Errorf("the path goes before the query string: %+v", got)
		}

		// Nobody else sees any of it.
		if got := other.search("/history"); len(got.History) != 0 {
			t.Errorf("another account sees %+v", got)
		}
		for _, path := range []string{flaky + "/executions", "/history?job=" + jobID, "/history?folder=1",
			"/history?format=csv&job=" + jobID, "/jobs/x/executions", "/stats?job=" + jobID} {
			if got := other.do("GET", path, ""); got.status != 404 {
				t.Errorf("another account, %s: %d %s", path, got.status, got.body)
			}
		}
		writer := c.withKey(cron.APIKey{Scopes: cron.ScopeWrite})
		for _, path := range []string{"/history", flaky + "/executions", "/stats"} {
			if got := writer.do("GET", path, ""); got.status != 403 {
				t.Errorf("a key that may not read, %s: %d", path, got.status)
			}
			if got := c.do("GET", path, "", "Authorization:"); got.status != 401 {
				t.Errorf("without a key, %s: %d", path, got.status)
			}
		}
	})
}

func TestSearchRefusesWhatItCannotUse(t *testing.T) {
	c := newClient(t)
	job := c.create(`{"url":"a.example"}`)
	cursor := "AQAAAAAAAAABAAAAAAAAAAE"
	c.must("GET", "/history?cursor="+cursor, "")
	for query, bad := range map[string][]string{
		"limit=0":    {"/limit"},
		"limit=1001": {"/limit"},
		"limit=x&from=y&to=z&job=0&folder=-1&outcome=a,failed,b&reason=,refused,Refused,-&httpStatus=99,200,600-500,x&cursor=!&format=xml": {
			"/job", "/folder", "/outcome/0", "/outcome/2", "/reason/1", "/reason/2", "/httpStatus/0", "/httpStatus/2", "/httpStatus/3", "/from", "/to",
			"/format", "/limit", "/cursor"},
		"kind=x,retry,repeat&not.kind=,y&not.outcome=z": {"/kind/0", "/kind/2", "/not/outcome/0", "/not/kind/0"},
		"not.job=1,0,x,9e99&not.folder=-1&not.cause=1,00000000000000zz": {"/not/job/1", "/not/job/2", "/not/job/3", "/not/folder/0",
			"/not/cause/0", "/not/cause/1"},
		"not.httpStatus=" + strings.Repeat("200,", 51): {"/not/httpStatus"},
		"not.httpStatus=x":                           {"/not/httpStatus/0"},
		"not.text=a%0Ab":                             {"/not/text"},
		"not.job=" + strings.Repeat("1,", 101):       {"/not/job"},
		"from=10&to=10":                              {"/to"},
		"from=10&to=9":                               {"/to"},
		"text=" + strings.Repeat("x", 201):           {"/text"},
		"text=a%00b":                                 {"/text"},
		"text=a%0Ab":                                 {"/text"},
		"httpStatus=" + strings.Repeat("200,", 51):   {"/httpStatus"},
		"cursor=" + cursor + "A":                     {"/cursor"},
		"cursor=B" + cursor[1:]:                      {"/cursor"},
		"cursor=" + cursor[:22] + "F":                {"/cursor"}, // bits that mean nothing
		"cursor=AQAAAAAAAAAAAAAAAAAAAAE":             {"/cursor"}, // no record 0
		"cursor=AQ_________wAAAAAAAAAE":              {"/cursor"},
		"job=1.5":                                    {"/job"},
		"from=99999999999999&to=9999999999999999999": {"/from", "/to"},
	} {
		for _, path := range []string{"/history", job + "/executions"} {
			want := bad
			if path != "/history" {
				want = slices.DeleteFunc(slices.Clone(bad), func(p string) bool { return p == "/job" })
			}
			got := c.do("GET", path+"?"+query, "")
			if len(want) == 0 {
				continue // a job in the query string is not looked at there
			}
			if got.status != 400 || !slices.Equal(pointers(t, got), want) {
				t.Errorf("%s?%s: %d %s, want %v", path, query, got.status, got.body, want)
			}
		}
	}
}

// TestEveryFaultHasAName finds the faults by their sentences, and a record of each by its name.
func TestEveryFaultHasAName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		path := c.create(`{"url":"a.example","enabled":true,` + everyMinute + `}`)
		text := message.Default()
		unknown := text.Execution(&cron.Result{Status: cron.StatusOther, Fault: 9999})
		seen := map[string]cron.Fault{}
		for f := cron.Fault(1); f < 100; f++ {
			if text.Execution(&cron.Result{Status: cron.StatusOther, Fault: f}) == unknown {
				continue
			}
			c.must("PATCH", path, `{"job":{"enabled":true}}`) // and forget the failures
			time.Sleep(time.Minute)
			c.server.execute(t, 0, cron.Result{Status: cron.StatusOther, Fault: f, Detail: "detail"})
			latest := c.search(path + "/executions?limit=1").History[0]
			reason := latest.Reason
			if other, again := seen[reason]; reason == "" || again {
				t.Errorf("the name of fault %d is %q, as that of fault %d", f, reason, other)
			}
			seen[reason] = f
			if got := c.search("/history?reason=" + reason).History; len(got) != 1 || got[0].JobLogID != latest.JobLogID {
				t.Errorf("with the reason %q, the search finds %+v, want record %d alone", reason, got, latest.JobLogID)
			}
		}
		if len(seen) < 30 {
			t.Errorf("only %d faults", len(seen))
		}
	})
}

// FuzzSearch asks with any query string. It is never our fault, what is refused is named, and what is found belongs to
// the account.
func FuzzSearch(f *testing.F) {
	for _, seed := range []string{
		"job=1&folder=0&outcome=failed,lost&httpStatus=500-599,404&from=1&to=2000000000&text=%C3%84%25_&limit=7",
		"cursor=AQAAAAAAAAABAAAAAAAAAAE&format=json", "format=csv", "kind=retry&not.kind=manual&not.job=1,2&not.cause=0000000000000001&not.text=%00", "format=ndjson&outcome=x&reason=refused,,x", "text=%ff%00", "step=hour",
		"step=day&from=1700000000&to=1700600000", "from=2026-03-29T00:00:00+02:00&to=9e9", "limit=1e2&job=9e15", ";&=&%zz",
	} {
		f.Add(seed)
	}
	c := newClient(f)
	c.create(`{"url":"a.example"}`)
	known := []string{"/job", "/folder", "/outcome", "/reason", "/kind", "/not", "/cause", "/httpStatus", "/from", "/to", "/text", "/limit", "/cursor", "/format",
		"/step"}
	f.Fuzz(func(t *testing.T, query string) {
		if _, err := url.ParseRequestURI("/history?" + query); err != nil || strings.ContainsAny(query, "# \r\n\x00") {
			return
		}
		for _, path := range []string{"/history", "/jobs/1/executions", "/stats"} {
			got := (&client{t, c.server, c.account, c.key}).do("GET", path+"?"+query, "")
			switch got.status {
			case 200, 404:
			case 400:
				for _, pointer := range pointers(t, got) {
					name := "/" + strings.Split(pointer, "/")[1]
					if !slices.Contains(known, name) {
						t.Errorf("%s?%s: a problem is at %q", path, query, pointer)
					}
				}
			default:
				t.Errorf("%s?%s: %d %s", path, query, got.status, got.body)
			}
		}
	})
}
