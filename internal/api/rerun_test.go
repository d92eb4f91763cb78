package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store/storetest"
)

type rerunAnswer struct {
	DryRun        bool  `json:"dryRun"`
	Records       int64 `json:"records"`
	Repeated      int64 `json:"repeated"`
	Runs          int   `json:"runs"`
	Jobs          int   `json:"jobs"`
	NotIdempotent int   `json:"notIdempotent"`
	Warnings      []struct {
		JobID  int64  `json:"jobId"`
		Title  string `json:"title"`
		Method string `json:"method"`
		Runs   int    `json:"runs"`
	} `json:"warnings"`
	Seconds        int64  `json:"seconds"`
	First          *int64 `json:"first"`
	Last           *int64 `json:"last"`
	Cut            bool   `json:"cut"`
	SearchedBackTo *int64 `json:"searchedBackTo"`
}

func (c *client) rerun(body string) (answer rerunAnswer) {
	c.t.Helper()
	decode(c.t, c.must("POST", "/history/rerun", body), &answer)
	return answer
}

// TestRerun repeats a history, after a dry run that says the same.
func TestRerun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		flaky, steady := lived(c)
		c.must("PATCH", flaky, `{"job":{"requestMethod":1}}`)
		c.must("PATCH", steady, `{"job":{"overlap":"allow"}}`)
		const what = `{"filter":{"from":1},"perMinute":30`
		var want []string
		for _, r := range c.search("/history?outcome=failed,lost,missed").History {
			if r.Outcome != "failed" || r.Attempt == 2 { // the first attempt was tried again
				want = append(want, r.Identifier)
			}
		}
		dry, made := c.rerun(what+`,"dryRun":true}`), c.rerun(what+`}`)
		if !dry.DryRun || dry.First != nil || dry.Last != nil || len(dry.Warnings) != 1 || dry.Warnings[0].JobID != 1 ||
			dry.Warnings[0].Method != "POST" || dry.NotIdempotent != 1 || dry.Warnings[0].Title != "Flaky job" || dry.Cut ||
			dry.Runs != len(want) || dry.Seconds != int64(2*(len(want)-1)) || dry.SearchedBackTo != nil {
			t.Errorf("the dry run says %+v, want %d runs", dry, len(want))
		}
		if made.DryRun || made.First == nil || made.Last == nil || *made.Last-*made.First != made.Seconds {
			t.Errorf("the call says %+v", made)
		}
		dry.DryRun, made.First, made.Last = false, nil, nil
		if fmt.Sprint(dry) != fmt.Sprint(made) {
			t.Errorf("the dry run said %+v, the call %+v", dry, made)
		}
		if again := c.rerun(what + `}`); again.Runs != 0 || again.Repeated != int64(len(want)) || again.First != nil {
			t.Errorf("the second call says %+v", again)
		}
		time.Sleep(time.Duration(made.Seconds) * time.Second)
		c.server.claim(t)
		var got []string
		for _, r := range c.search("/history?outcome=running").History {
			if r.Kind == "rerun" {
				got = append(got, *r.RerunOf)
				if r.RequestedBy == nil || *r.RequestedBy != "…" || *r.RequestedWay != "api" {
					t.Errorf("%s was asked for by %v", r.Identifier, r.RequestedBy)
				}
			} else if r.RerunOf != nil {
				t.Errorf("%s has %s", r.Identifier, *r.RerunOf)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("repeated are %q, want %q", got, want)
		}
		if csv := c.must("GET", "/history?format=csv&outcome=running", ""); !strings.Contains(csv, ",rerun,1,") || !strings.Contains(csv, ","+want[0]+",…,api\r\n") {
			t.Errorf("the export is %s", csv)
		}
	})
}

// TestRerunRefusals has a row for each way in which a request can be wrong.
func TestRerunRefusals(t *testing.T) {
	c := newClient(t)
	for body, pointer := range map[string]string{
		`{}`:                           "/filter/from",
		`{"filter":{}}`:                "/filter/from",
		`{"filter":{"from":"soon"}}`:   "/filter/from",
		`{"filter":{"from":2,"to":2}}`: "/filter/to",
		`{"filter":{"from":1,"outcome":["running"]}}`:                                      "/filter/outcome/0",
		`{"filter":{"from":1,"outcome":["lost","succeeded"]}}`:                             "/filter/outcome/1",
		`{"filter":{"from":1,"outcome":"failed"}}`:                                         "/filter/outcome",
		`{"filter":{"from":1,"outcome":[]}}`:                                               "/filter/outcome",
		`{"filter":{"from":1,"job":0}}`:                                                    "/filter/job",
		`{"filter":{"from":1,"folder":-1}}`:                                                "/filter/folder",
		`{"filter":{"from":1,"cause":"x"}}`:                                                "/filter/cause",
		`{"filter":{"from":1,"text":"` + strings.Repeat("x", cron.MaxFilterText+1) + `"}}`: "/filter/text",
		`{"filter":{"from":1},"perMinute":0}`:                                              "/perMinute",
		`{"filter":{"from":1},"perMinute":6001}`:                                           "/perMinute",
		`{"filter":{"from":1},"perJob":2}`:                                                 "/perJob",
		`{"filter":{"from":1},"dryRun":"x"}`:                                               "/dryRun",
	} {
		got := c.do("POST", "/history/rerun", body)
		var p problem
		decode(t, got.body, &p)
		if got.status != 400 || len(p.Errors) != 1 || p.Errors[0].Pointer != pointer {
			t.Errorf("%s: %d %s, want %s", body, got.status, got.body, pointer)
		}
	}
	for _, body := range []string{`{"filter":{"from":1,"job":7}}`, `{"filter":{"from":1,"folder":7},"dryRun":true}`} {
		if got := c.do("POST", "/history/rerun", body); got.status != 404 {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
	if got := c.rerun(`{"filter":{"from":1}}`); got.Records != 0 || got.Runs != 0 || got.First != nil {
		t.Errorf("nothing to repeat: %+v", got)
	}
}

// TestRerunsOfManyRecords asks again and again for more than an account may have.
func TestRerunsOfManyRecords(t *testing.T) {
	c := newClient(t)
	c.create(`{"url":"a.example"}`)
	now := c.server.store.Now()
	tables := storetest.OpenTables(t, c.server.database)
	tables.AddFailures(c.account.ID, 1, cron.MaxReruns+1, 2, now, time.Second)
	if got := c.rerun(`{"filter":{"from":1},"perMinute":6000}`); got.Runs != cron.MaxReruns || !got.Cut {
		t.Errorf("the first call says %+v", got)
	}
	for range 3 {
		c.rerun(`{"filter":{"from":1},"perMinute":6000}`)
	}
	if waiting := tables.Rows("pending"); waiting != cron.MaxReruns+1 {
		t.Errorf("%d runs wait", waiting)
	}
	tables.AddReruns(c.account.ID, 1, cron.MaxWaitingReruns, now.Add(time.Hour))
	for _, dryRun := range []bool{false, true} {
		got := c.do("POST", "/history/rerun", fmt.Sprintf(`{"filter":{"from":1},"dryRun":%t}`, dryRun))
		if got.status != 429 || got.header.Get("Retry-After") != "60" || !strings.Contains(got.body, "10000 runs that repeat others") ||
			strings.Contains(got.body, "/filter") {
			t.Errorf("%d %v %s", got.status, got.header, got.body)
		}
	}
	if got := c.do("POST", "/jobs/1/run", ""); got.status != 202 {
		t.Errorf("a run by itself: %d %s", got.status, got.body)
	}
}

// TestCancelReruns takes back the runs that wait, which can then be asked for again.
func TestCancelReruns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		lived(c)
		made := c.rerun(`{"filter":{"from":1},"perMinute":1}`)
		cancel := func(want int) {
			t.Helper()
			if got := strings.TrimSpace(c.must("DELETE", "/history/rerun", "")); got != fmt.Sprintf(`{"runs":%d}`, want) {
				t.Errorf("cancelled are %s, want %d", got, want)
			}
		}
		cancel(made.Runs)
		cancel(0)
		again := c.rerun(`{"filter":{"from":1},"perMinute":1}`)
		if again.Runs != made.Runs || again.Repeated != 0 {
			t.Errorf("the second call says %+v, the first one %+v", again, made)
		}
		time.Sleep(time.Second)
		c.server.claim(t) // the first run begins
		cancel(made.Runs - 1)
		if left := c.rerun(`{"filter":{"from":1},"perMinute":1,"dryRun":true}`); left.Repeated != 1 {
			t.Errorf("afterwards: %+v", left)
		}
	})
}
