package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
)

// failureGroups is an answer to ?groupBy=cause.
type failureGroups struct {
	Causes []struct {
		Cause      string  `json:"cause"`
		Sentence   string  `json:"sentence"`
		Reason     string  `json:"reason"`
		Host       *string `json:"host"`
		Status     int     `json:"status"`
		HTTPStatus int     `json:"httpStatus"`
		Count      int64   `json:"count"`
		Jobs       int     `json:"jobs"`
		JobIDs     []int64 `json:"jobIds"`
		First      int64   `json:"first"`
		Last       int64   `json:"last"`
		Latest     string  `json:"latest"`
	} `json:"causes"`
	Complete       bool   `json:"complete"`
	SearchedBackTo *int64 `json:"searchedBackTo"`
}

func TestCauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		for range 2 {
			c.create(`{"url":"http://a.example/x","enabled":true,` + everyMinute + `}`)
		}
		refused := cron.Result{Status: cron.StatusConnectFailed, Fault: cron.FaultRefused, Detail: "192.0.2.1:8080",
			URL: "http://a.example/x"}
		away := cron.Result{Status: cron.StatusHTTPError, HTTPStatus: 503, URL: "http://a.example/x", Peer: "192.0.2.7",
			Redirects: []cron.Redirect{{Status: 302, URL: "https://b.example/"}}}
		for _, result := range []cron.Result{refused, {Status: cron.StatusOK, HTTPStatus: 200}, away, refused} {
			time.Sleep(time.Minute)
			c.server.execute(t, 0, result)
		}
		var got failureGroups
		decode(t, c.must("GET", "/history?groupBy=cause&format=csv&limit=1", ""), &got)
		if len(got.Causes) != 2 || !got.Complete || got.SearchedBackTo != nil {
			t.Fatalf("%+v", got)
		}
		most, other := got.Causes[0], got.Causes[1]
		if most.Cause != refused.Fingerprint().String() || most.Reason != "refused" || most.Count != 4 || most.Jobs != 2 ||
			most.Host == nil || *most.Host != "a.example" || most.Sentence != "a.example (192.0.2.1:8080) refused the connection." {
			t.Errorf("%+v", most)
		}
		if other.Cause != away.Fingerprint().String() || other.Count != 2 || other.HTTPStatus != 503 || other.Status != 4 ||
			other.First != other.Last || other.Jobs != 2 || !strings.HasPrefix(other.Latest, fmt.Sprint(other.JobIDs[0], "-")) ||
			other.Sentence != "b.example answered 503 Service Unavailable. A redirect from a.example led there." {
			t.Errorf("%+v", other)
		}
		list := c.search("/history?cause=" + strings.ToUpper(other.Cause))
		if len(list.History) != 2 || *list.History[0].Cause != other.Cause || *list.History[0].IPAddress != "192.0.2.7" {
			t.Errorf("by cause: %+v", list)
		}
		decode(t, c.must("GET", fmt.Sprintf("/jobs/%d/executions?groupBy=cause&httpStatus=503", other.JobIDs[0]), ""), &got)
		if len(got.Causes) != 1 || got.Causes[0].Cause != other.Cause || got.Causes[0].Count != 1 {
			t.Errorf("of a job: %+v", got)
		}
		for query, want := range map[string]string{
			"cause=x":            `"x" is not the cause of a failure; use the cause of a failed execution, 16 hexadecimal digits.`,
			"cause=0":            `"0" is not the cause of a failure; use the cause of a failed execution, 16 hexadecimal digits.`,
			"groupBy=day":        `"day" is not one of the values that are possible here: cause.`,
			"groupBy=cause&to=x": ``,
		} {
			got := c.do("GET", "/history?"+query, "")
			text, err := json.Marshal(want)
			if err != nil || got.status != 400 || !strings.Contains(got.body, strings.Trim(string(text), `"`)) {
				t.Errorf("%s: %d %s, want %s", query, got.status, got.body, want)
			}
		}
	})
}
