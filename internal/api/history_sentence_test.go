package api_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
)

// TestSentencesAndMends has a failure for each kind of mend, one without a mend, and a success.
func TestSentencesAndMends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		path := c.create(`{"url":"http://a.example/x","enabled":true,"requestTimeout":10,"requestMethod":1,
			"extendedData":{"body":"{}"},` + everyMinute + `}`)
		for i, row := range []struct {
			result         cron.Result
			text, sentence string // statusText, and the start of the sentence
			mend           string // null for none
		}{
			{cron.Result{Status: cron.StatusOK, HTTPStatus: 200}, "OK", "", "null"},
			{cron.Result{Status: cron.StatusDNSError, Fault: cron.FaultHostNotFound, Detail: "a.example"},
				"The host a.example does not exist.", "The host name a.example does not exist. Check ", "null"},
			{cron.Result{Status: cron.StatusHTTPError, HTTPStatus: 301, Detail: "https://a.example/x"}, "Moved Permanently",
				"a.example answered 301 Moved Permanently, a redirect to https://a.example/x. Use ",
				`{"kind":"url","value":"https://a.example/x"}`},
			{cron.Result{Status: cron.StatusTimeout, Fault: cron.FaultTimeout, Detail: "10s", Duration: 10 * time.Second,
				Stats: cron.Stats{NameLookup: 1000, Connect: 2000, PreTransfer: 3000, Total: 10 * time.Second}},
				"There was no whole response within 10s.", "a.example accepted the connection and sent nothing for 10 s. Raise ",
				`{"kind":"timeout","value":20}`},
			{cron.Result{Status: cron.StatusHTTPError, HTTPStatus: 415}, "Unsupported Media Type",
				"a.example answered 415 Unsupported Media Type. Add ", `{"kind":"contentType","value":"application/json"}`},
			{cron.Result{Status: cron.StatusHTTPError, HTTPStatus: 307, Detail: "http://a.example/y"}, "Temporary Redirect",
				"a.example answered 307 Temporary Redirect, a redirect to http://a.example/y. Let ",
				`{"kind":"followRedirects","value":5}`},
			{cron.Result{Status: cron.StatusHTTPError, HTTPStatus: 303, Detail: "http://a.example/y"}, "See Other",
				"a.example answered 303 See Other, a redirect to http://a.example/y. If ",
				`{"kind":"redirectSuccess","value":true}`},
			{cron.Result{Status: cron.StatusTooMuchData, HTTPStatus: 200, Fault: cron.FaultTooMuchData, Detail: "65536"},
				"The response was larger than the allowed 65536 bytes.",
				"The response of a.example is larger than 64 KiB, which the plan allows. Let ",
				`{"kind":"oversize","value":"truncate"}`},
		} {
			time.Sleep(time.Minute)
			row.result.URL = "http://a.example/x"
			c.server.execute(t, 0, row.result)
			got := c.must("GET", fmt.Sprintf("%s/history/1-1-0-%d", path, i+1), "")
			start := `"sentence":"` + row.sentence
			if row.sentence == "" {
				start = `"sentence":null`
			}
			if !strings.Contains(got, `"statusText":"`+row.text+`"`) || !strings.Contains(got, start) ||
				!strings.Contains(got, `,"mend":`+row.mend+`,"cause":`) {
				t.Errorf("row %d: %s", i, got)
			}
		}
		if list := c.must("GET", path+"/history", ""); strings.Contains(list, "sentence") {
			t.Errorf("the list of the contract has a sentence: %s", list)
		}
	})
}
