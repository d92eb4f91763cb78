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

// TestReadingExchanges has a row for each sentence of the documentation about the exchange of a job.
func TestReadingExchanges(t *testing.T) {
	const old = `{"status":["201"],"contains":"a","notContains":"b","matches":"c"}`
	long := strings.Repeat("x", 1025)
	checkReadings(t, []reading{
		{name: "defaults", job: `{"url":"a.example"}`,
			want: wants{"followRedirects": "0", "success": "null", "verifyTls": "true", "oversize": `"fail"`, "connection": `"fresh"`}},
		{name: "null in a PUT", job: `{"url":"a.example","followRedirects":null,"success":null,"verifyTls":null,
			"oversize":null,"connection":null}`,
			want: wants{"followRedirects": "0", "success": "null", "verifyTls": "true", "oversize": `"fail"`, "connection": `"fresh"`}},
		{name: "null in a PATCH", patch: true, job: `{"followRedirects":null,"success":null,"verifyTls":null,
			"oversize":null,"connection":null}`,
			want: wants{"followRedirects": "4", "success": old, "verifyTls": "false", "oversize": `"truncate"`, "connection": `"reuse"`}},
		{name: "left out in a PATCH", patch: true, job: `{"title":"new"}`,
			want: wants{"followRedirects": "4", "success": old, "verifyTls": "false", "oversize": `"truncate"`, "connection": `"reuse"`}},
		{name: "a new connection", patch: true, job: `{"connection":"fresh"}`, want: wants{"connection": `"fresh"`}},
		{name: "criteria replace criteria", patch: true, job: `{"success":{"contains":"x"}}`,
			want: wants{"success": `{"status":[],"contains":"x","notContains":"","matches":""}`}},
		{name: "no criteria", patch: true, job: `{"success":{}}`, want: wants{"success": "null"}},
		{name: "empty criteria", patch: true, job: `{"success":{"status":[],"contains":"","notContains":null}}`,
			want: wants{"success": "null"}},
		{name: "status codes", job: `{"url":"a.example","success":{"status":[200,"404","300-399",5e2,"100-999"]}}`,
			want: wants{"success.status": `["200","404","300-399","500","100-999"]`}},
		{name: "no status codes", job: `{"url":"a.example","success":{"status":[99,1000,"2xx","200-","300-200","-1",
			"1e99",null,{},true,200.5]}}`,
			bad: []string{"/job/success/status/0", "/job/success/status/1", "/job/success/status/2",
				"/job/success/status/3", "/job/success/status/4", "/job/success/status/5", "/job/success/status/6",
				"/job/success/status/7", "/job/success/status/8", "/job/success/status/9", "/job/success/status/10"}},
		{name: "one status code", job: `{"url":"a.example","success":{"status":200}}`, bad: []string{"/job/success/status"}},
		{name: "as many as there may be", job: `{"url":"a.example","success":{"status":[200` + strings.Repeat(",200", 49) +
			`]}}`, want: wants{"success.contains": `""`}},
		{name: "one too many", job: `{"url":"a.example","success":{"status":[200` + strings.Repeat(",200", 50) + `]}}`,
			bad: []string{"/job/success/status"}},
		{name: "long criteria", job: `{"url":"a.example","success":{"contains":"` + long + `"}}`,
			bad: []string{"/job/success/contains"}},
		{name: "a pattern", job: `{"url":"a.example","success":{"matches":"(?i)^ok\\b.{0,100}$"}}`,
			want: wants{"success.matches": `"(?i)^ok\\b.{0,100}$"`}},
		{name: "no pattern", job: `{"url":"a.example","success":{"matches":"("}}`, bad: []string{"/job/success/matches"}},
		{name: "look-ahead", job: `{"url":"a.example","success":{"matches":"(?=a)"}}`, bad: []string{"/job/success/matches"}},
		{name: "a pattern that grows", job: `{"url":"a.example","success":{"matches":"(abc){999}"}}`,
			bad: []string{"/job/success/matches"}},
		{name: "a pattern that grows and grows", job: `{"url":"a.example","success":{"matches":"((a{30}){30})"}}`,
			bad: []string{"/job/success/matches"}},
		{name: "a long pattern", job: `{"url":"a.example","success":{"matches":"` + long + `"}}`,
			bad: []string{"/job/success/matches"}},
		{name: "the bounds", job: `{"url":"a.example","followRedirects":"10","verifyTls":0}`,
			want: wants{"followRedirects": "10", "verifyTls": "false"}},
		{name: "beyond the bounds", job: `{"url":"a.example","followRedirects":11,"oversize":"cut","verifyTls":2,"connection":"keep"}`,
			bad: []string{"/job/followRedirects", "/job/verifyTls", "/job/oversize", "/job/connection"}},
		{name: "a signing secret", job: `{"url":"a.example","traceparent":1,"signingSecret":" whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw "}`,
			want: wants{"traceparent": "true", "signingSecret": `"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"`}},
		{name: "no signing secret", job: `{"url":"a.example","traceparent":null,"signingSecret":null}`,
			want: wants{"traceparent": "false", "signingSecret": `""`}},
		{name: "no secret of the specification", patch: true, job: `{"signingSecret":"secret","traceparent":[]}`,
			bad: []string{"/job/traceparent", "/job/signingSecret"}},
		{name: "wrong types", job: `{"url":"a.example","followRedirects":true,"oversize":1,"verifyTls":[],"success":[],"connection":true}`,
			bad: []string{"/job/followRedirects", "/job/verifyTls", "/job/oversize", "/job/connection", "/job/success"}},
	})
}

// TestHistoryOfAnExchange checks what the history tells beyond the contract, and that the list does not.
func TestHistoryOfAnExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		path := c.create(`{"url":"a.example","enabled":true,` + everyMinute + `}`)
		time.Sleep(time.Minute)
		c.server.execute(t, 0, cron.Result{
			Status: cron.StatusHTTPError, HTTPStatus: 200, Reason: "OK", Fault: cron.FaultBodyLacks, Detail: `"ok"`,
			Redirects: []cron.Redirect{{Status: 301, URL: "https://a.example/"}, {Status: 302, URL: "https://b.example/"}},
			Truncated: true,
		})
		details := json.RawMessage(c.must("GET", path+"/history/1-1-0-1", ""))
		for name, want := range map[string]string{
			"status": "4", "httpStatus": "200", "statusText": `"The response does not contain \"\\\"ok\\\"\"."`,
			"redirects": `[{"url":"https://a.example/","status":301},{"url":"https://b.example/","status":302}]`,
			"truncated": "true", "headers": "null", "body": "null",
		} {
			if got := part(t, details, "jobHistoryDetails."+name); got != want {
				t.Errorf("%s is %s, want %s", name, got, want)
			}
		}
		if list := c.must("GET", path+"/history", ""); strings.Contains(list, "redirects") {
			t.Errorf("the list is %s", list)
		}
	})
}

// TestResponseBytes checks that the history gives back what was received, byte by byte.
func TestResponseBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		path := c.create(`{"url":"a.example","enabled":true,"saveResponses":true,` + everyMinute + `}`)
		every := make([]byte, 256)
		for i := range every {
			every[i] = byte(i)
		}
		for i, row := range []struct {
			headers, body         string
			headersText, bodyText string // where they are not the same
		}{
			{headers: "X: a\x00b\x01\r\n\r\n", body: "\x00\u2028<\U0001f600\ufffd"},
			{headers: "\r\n", body: ""},
			{headers: "X: J\xf6rg\r\n\r\n", body: "text", headersText: "X: J\ufffdrg\r\n\r\n"},
			{headers: "X: y\r\n\r\n", body: "J\xf6rg\xff\xfe \xed\xa0\x80 \xc3",
				bodyText: "J\ufffdrg\ufffd\ufffd \ufffd\ufffd\ufffd \ufffd"},
			{headers: string(every) + "\r\n\r\n", body: string(every), headersText: string(every[:128]) +
				strings.Repeat("\ufffd", 128) + "\r\n\r\n", bodyText: string(every[:128]) + strings.Repeat("\ufffd", 128)},
		} {
			time.Sleep(time.Minute)
			c.server.execute(t, 0, cron.Result{
				Status: cron.StatusOK, HTTPStatus: 200, Headers: []byte(row.headers), Body: []byte(row.body),
			})
			var answer struct {
				Details historyDetails `json:"jobHistoryDetails"`
			}
			decode(t, c.must("GET", fmt.Sprintf("%s/history/1-1-0-%d", path, i+1), ""), &answer)
			d := &answer.Details
			for _, part := range []struct {
				name, sent, text string
				shown            *string
				bytes            []byte
			}{
				{"headers", row.headers, row.headersText, d.Headers, d.HeadersBase64},
				{"body", row.body, row.bodyText, d.Body, d.BodyBase64},
			} {
				want, received := part.text, part.sent // as text, and as bytes when that is something else
				if want == "" {
					want, received = part.sent, ""
				}
				if part.shown == nil {
					t.Errorf("row %d: no %s", i, part.name)
				} else if *part.shown != want || string(part.bytes) != received {
					t.Errorf("row %d: %s are shown as %q, with the bytes %q", i, part.name, *part.shown, part.bytes)
				}
			}
		}
	})
}
