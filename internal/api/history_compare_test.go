package api_test

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
	"punctual/internal/linediff"
)

// lines makes a body of 64 KiB.
func lines(format string) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < cron.MaxStoredBody; i++ {
		fmt.Fprintf(&b, format, i)
	}
	return b.Bytes()[:cron.MaxStoredBody]
}

func TestCompare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		path := c.create(`{"url":"http://a.example/x","enabled":true,"saveResponses":true,` + everyMinute + `}`)
		run := func(r cron.Result) string {
			time.Sleep(time.Minute)
			c.server.execute(t, 0, r)
			return c.search("/history?limit=1").History[0].Identifier
		}
		compare := func(identifier string) string {
			t.Helper()
			return strings.TrimSpace(c.must("GET", path+"/history/"+identifier+"/compare", ""))
		}
		contains := func(got string, wanted ...string) {
			t.Helper()
			for _, want := range wanted {
				if !strings.Contains(got, want) {
					t.Errorf("%s lacks %s", got, want)
				}
			}
		}
		timed := cron.Stats{NameLookup: time.Millisecond, Connect: 2 * time.Millisecond, PreTransfer: 2 * time.Millisecond,
			StartTransfer: 12 * time.Millisecond, Total: 13 * time.Millisecond}
		first := run(cron.Result{Status: cron.StatusOK, HTTPStatus: 200, Peer: "192.0.2.1", Stats: timed, Duration: timed.Total,
			CertExpiry: time.Unix(2e9, 0), Headers: []byte("Date: 1\r\nX: a\r\nSet-Cookie: a\r\nSet-Cookie: a\r\n\r\n"),
			Body: []byte("{\n  \"ok\": true\n}\n")})
		contains(compare(first), `{"comparison":{"execution":"`+first+`","good":null,"complete":true,"status":{"before":null,"now":{"status":1,`,
			`"medianOf":0,`, `{"phase":"total","us":13000,"medianUs":null,"goodUs":null}],"headers":null,"body":null,"ipAddress":null,"sslCertExpiry":null}}`)

		failed := run(cron.Result{Status: cron.StatusHTTPError, HTTPStatus: 500, Peer: "192.0.2.2", Stats: timed, Duration: timed.Total,
			CertExpiry: time.Unix(2e9, 0), Headers: []byte("Date: 2\r\nSet-Cookie: a\r\nX: a\r\nX: a\r\n\r\n"),
			Body: []byte("{\n  \"ok\": false\n}\n")})
		contains(compare(failed), `"good":"`+first+`"`,
			`"status":{"before":{"status":1,"statusText":"OK","httpStatus":200},"now":{"status":4,"statusText":"Internal Server Error","httpStatus":500}}`,
			`"medianOf":1,`, `{"phase":"waiting","us":10000,"medianUs":10000,"goodUs":10000}`,
			`"headers":{"lines":[{"op":"-","text":"Set-Cookie: a"},{"op":"+","text":"X: a"}],"truncated":false}`,
			`"body":{"equal":false,"binary":false,"lines":[{"op":" ","text":"{"},{"op":"-","text":"  \"ok\": true"},`+
				`{"op":"+","text":"  \"ok\": false"},{"op":" ","text":"}"}],"truncated":false}`,
			`"ipAddress":{"before":"192.0.2.1","now":"192.0.2.2"},"sslCertExpiry":null`)

		lost := run(cron.Result{Status: cron.StatusDNSError, Fault: cron.FaultHostNotFound, Detail: "a.example"})
		contains(compare(lost), `"good":"`+first+`"`, `"headers":null,"body":null`, `"sslCertExpiry":{"before":2000000000,"now":null}`)

		many := run(cron.Result{Status: cron.StatusOK, HTTPStatus: 200, Headers: []byte("\r\n"), Body: lines("a %d\n")})
		contains(compare(many), `"good":"`+first+`"`)
		other := compare(run(cron.Result{Status: cron.StatusHTTPError, HTTPStatus: 404, Body: lines("b %d\n"),
			Headers: slices.Concat(bytes.Repeat([]byte("Set-Cookie: x\r\n"), 4000), []byte("\r\n"))}))
		contains(other, `"good":"`+many+`"`)
		if got := strings.Count(other, `{"op":`); got != 2*linediff.MaxLines || strings.Count(other, `"truncated":true`) != 2 {
			t.Errorf("%d lines: %s", got, other[:200])
		}
		binary := compare(run(cron.Result{Status: cron.StatusHTTPError, HTTPStatus: 404, Headers: []byte("\r\n"),
			Body: bytes.Repeat([]byte{0xff, 0}, cron.MaxStoredBody/2)}))
		contains(binary, `"body":{"equal":false,"binary":true,"lines":[],"truncated":true}`)

		for call, want := range map[string]int{"/history/x/compare": 400, "/history/1-1-0-999/compare": 404,
			"/history/1-2-0-1/compare": 404} {
			if got := c.do(http.MethodGet, path+call, ""); got.status != want {
				t.Errorf("%s: %d %s", call, got.status, got.body)
			}
		}
	})
}
