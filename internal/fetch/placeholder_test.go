package fetch

import (
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
)

func TestPlaceholdersAreFilledIn(t *testing.T) {
	requests := make(chan string, 1)
	url := serveHTTP(t, func(conn net.Conn) {
		request, _ := readRequest(conn)
		requests <- request
		conn.Write([]byte(okAnswer))
	})
	client := New(Config{})
	const id = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
	want := regexp.MustCompile("^POST /1700000000\\?(" + id + ") (?s:.*)\r\nX: (" + id + ")\r\n(?s:.*)\r\n\r\n" +
		"%cjo:%cjo:1700000000(" + id + ")%cjo:uuid4$")
	seen := map[string]bool{}
	for range 2 {
		call := callTo(url + "%cjo:unixtime%?%cjo:uuid4%")
		call.Now, call.Request.Method = time.Unix(1_700_000_000, 1), cron.MethodPost
		call.Request.Headers = []cron.Header{{Name: "X", Value: "%cjo:uuid4%"}}
		call.Request.Body = "%cjo:%cjo:%cjo:unixtime%%cjo:uuid4%%cjo:uuid4"
		r := client.Do(t.Context(), call)
		found := want.FindStringSubmatch(<-requests)
		if found == nil || !strings.Contains(r.URL, "/1700000000?"+found[1]) {
			t.Fatalf("%+v", r)
		}
		for _, text := range found[1:] {
			seen[text] = true
		}
	}
	if len(seen) != 6 {
		t.Errorf("%d UUIDs of 6 placeholders", len(seen))
	}
}

// TestLiteralCalls sends a message to a channel: what looks like a placeholder is text, and it is no execution.
func TestLiteralCalls(t *testing.T) {
	requests := make(chan string, 1)
	url := serveHTTP(t, func(conn net.Conn) {
		request, _ := readRequest(conn)
		requests <- request
		conn.Write([]byte(okAnswer))
	})
	call := callTo(url)
	call.Literal, call.Request.Method = true, cron.MethodPost
	call.Request.Headers = []cron.Header{{Name: "X", Value: "%cjo:uuid4%"}}
	call.Request.Body = "%secret:TOKEN% %cjo:title%"
	call.Request.URL = url + "x?a=1"
	if r := New(Config{}).Do(t.Context(), call); r.Status != cron.StatusOK || r.URL != url+"x?a=1" {
		t.Fatalf("%+v", r)
	}
	request := <-requests
	if !strings.Contains(request, "\r\nX: %cjo:uuid4%\r\n") || !strings.HasSuffix(request, "\r\n\r\n"+call.Request.Body) ||
		strings.Contains(request, "Punctual-Execution") {
		t.Errorf("came %q", request)
	}
}
