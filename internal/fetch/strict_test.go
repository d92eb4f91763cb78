package fetch

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"punctual/internal/cron"
)

// FuzzKeepFor checks that a connection is kept only if the standard library, too, finds one whole response of HTTP/1.1 in what came, with the
// same body and nothing after it, and after it a connection that goes on.
func FuzzKeepFor(f *testing.F) {
	for _, row := range framings {
		f.Add([]byte(row.answer), []byte{0, 3, 20})
	}
	client := New(Config{})
	f.Fuzz(func(t *testing.T, data, sizes []byte) {
		receive := func(sizes []byte) *exchange {
			call := &cron.Call{MaxResponse: 1 << 20, SaveResponse: true, Timeout: time.Second}
			call.Exchange.Connection = cron.ConnectionReuse
			x := &exchange{client: client, call: call, started: time.Now()}
			conn := &pieces{data: data, sizes: sizes}
			if err := x.receive(conn); err != nil {
				x.keepFor = 0
			}
			if len(conn.data) > 0 { // which the look before the next request finds
				x.keepFor = 0
			}
			return x
		}
		x := receive(sizes)
		if whole := receive(nil); whole.keepFor != x.keepFor {
			t.Errorf("kept for %v, and in pieces for %v", whole.keepFor, x.keepFor)
		}
		if x.keepFor < 0 || x.keepFor > maxIdle {
			t.Fatalf("kept for %v", x.keepFor)
		}
		if x.keepFor == 0 {
			return
		}
		from := bufio.NewReader(bytes.NewReader(data))
		theirs, err := http.ReadResponse(from, nil)
		if err != nil {
			t.Fatalf("kept after %q: %v", data, err)
		}
		body, err := io.ReadAll(theirs.Body)
		rest, _ := io.ReadAll(from)
		if err != nil || theirs.Close || theirs.Proto != "HTTP/1.1" || theirs.StatusCode != x.result.HTTPStatus ||
			string(body[:min(len(body), cron.MaxStoredBody)]) != string(x.result.Body) || len(rest) > 0 || len(theirs.Trailer) > 0 {
			t.Errorf("kept after %q: %v, %+v, %d bytes of body, %d more", data, err, theirs, len(body), len(rest))
		}
	})
}

func TestKeepFor(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"timeout=2": time.Second, "timeout=5": maxIdle, "timeout=4, max=7": 3 * time.Second, "max=1,TIMEOUT=3": 2 * time.Second,
		"timeout=60, x=y": maxIdle, "timeout=99999999999": 0, "timeout=-5": 0, "timeout": 0, "": maxIdle, "max=": 0, "timeout=1": 0,
	} {
		raw := []byte("HTTP/1.1 200 OK\r\nKeep-Alive: " + value + "\r\nContent-Length: 0\r\n\r\n")
		if got := keepFor(raw, &head{code: 200, framing: withLength}); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
	const plain = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
	for name, h := range map[string]head{
		"another length": {code: 200, framing: withLength, length: 6}, "another framing": {code: 200, framing: inChunks, length: 5},
		"without a body": {code: 200, framing: withoutBody}, "until the end": {code: 200, framing: untilClose},
	} {
		if keepFor([]byte(plain), &h) != 0 {
			t.Errorf("%s: the two readings do not agree", name)
		}
	}
}
