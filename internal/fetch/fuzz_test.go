package fetch

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
)

// pieces is a connection on which data comes cut into pieces of the given sizes, over and over, and then ends.
type pieces struct {
	net.Conn // nil: nothing but Read is used
	data     []byte
	sizes    []byte
	reads    int
	taken    int
	ends     bool // the end comes together with the last piece, as it does over TLS
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.data) == 0 {
		return 0, io.EOF
	}
	size := len(p.data)
	if len(p.sizes) > 0 {
		size = 1 + int(p.sizes[p.reads%len(p.sizes)])
	}
	p.reads++
	n := copy(b, p.data[:min(size, len(p.data))])
	p.data = p.data[n:]
	p.taken += n
	if p.ends && len(p.data) == 0 {
		return n, io.EOF
	}
	return n, nil
}

// FuzzReceive checks that any bytes, in any pieces, make a result that is sound, within its limits, and the same
// however the bytes are cut.
func FuzzReceive(f *testing.F) {
	for _, data := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nbody\r\n0\r\nX: y\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 Busy\r\nRetry-After: 7\r\nX: a\r\n b\r\n\r\nbody",
		"HTTP/1.0 204 \xff\r\n\r\n", "HTTP/1.1 101 Switch\r\n\r\n", "<html>\n", "HTTP/1.1 200 OK\nX:y\n\n", "",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1\r\nx\r\n", 50),
		"http/2 200OK\r\r\nX\xe9 : \x01\n :\r\nContent-Length: +4, 4\n\nbody",
		"HTTP/1.1 200\r\nContent-Length: 99999999999999999999\r\nContent-Length:\r\n 2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: ,Chunked\r\n\r\n2 x\nok\n0\nX: y\r\n\r",
		"HTTP/1.1 200 OK\r\nX: \x00\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: x\r\n\r\n",
	} {
		f.Add([]byte(data), []byte{0, 3, 20}, uint8(cron.MethodGet), uint16(200))
	}
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n"), []byte{9}, uint8(cron.MethodHead), uint16(5000))
	f.Add([]byte("HTTP/1.1 302 On\r\nLocation: //h\xff/../%41?b c#d\r\n\r\nbody"), []byte{2}, uint8(cron.MethodPost)+9,
		uint16(200))
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n"+strings.Repeat("x", 60)), []byte{2}, uint8(18),
		uint16(80))
	client := New(Config{})
	f.Fuzz(func(t *testing.T, data, sizes []byte, method uint8, limit uint16) {
		receive := func(sizes []byte, save bool) cron.Result {
			conn := &pieces{data: data, sizes: sizes}
			call := &cron.Call{MaxResponse: int64(limit), SaveResponse: save, Timeout: time.Second}
			call.Request = cron.Request{Method: cron.Method(method % 9), URL: "http://u:p@a.test/b/c"}
			cut := method/18%2 == 1
			if call.Exchange.FollowRedirects = int(method / 9 % 2); cut {
				call.Exchange.Oversize = cron.OversizeTruncate
				call.Exchange.Success = &cron.Success{Contains: "x", Matches: "^x"}
			}
			x := &exchange{client: client, call: call, started: time.Now()}
			x.target, _ = parseTarget(&call.Request)
			x.tracer = newTracer(x)
			x.tracer.beginHop(x)
			x.mark(&x.result.Stats.NameLookup)
			x.mark(&x.result.Stats.Connect)
			x.mark(&x.result.Stats.PreTransfer)
			err := x.receive(conn)
			if err == nil && (x.chain == nil || x.chain.next == nil) {
				err = x.checkSuccess(context.Background())
			} else if err == nil {
				x.follow()
				if hop := x.result.Redirects[0]; !cron.IsRedirect(hop.Status) || hop.URL != requestedURL(hop.URL) {
					t.Errorf("followed %+v", hop)
				}
				if head := string(x.appendHead(nil)); strings.Contains(strings.TrimSuffix(head, "\r\n"), "\r\n\r\n") {
					t.Errorf("the next request is %q", head)
				}
			}
			if len(x.body) > int(limit) || x.result.Truncated && !cut {
				t.Errorf("%d bytes to look at, truncated %v", len(x.body), x.result.Truncated)
			}
			// A full buffer and what chunks may have around their data come on top of the limit.
			if most := 20*int(limit) + readerSize + scratchSize + maxChunkOverhead; conn.taken > most {
				t.Errorf("took %d bytes, and the limit is %d", conn.taken, limit)
			}
			fault, ok := errors.AsType[*fault](err)
			if err != nil && !ok {
				t.Fatalf("not a fault: %v", err)
			}
			if ok && (fault.status == cron.StatusInternalError || fault.fault == cron.FaultNone) {
				t.Errorf("%+v", fault)
			}
			x.traceChecks(t.Context(), err)
			x.finish(t.Context(), err)
			x.tracer.end(&x.result)
			checkSound(t, &x.result)
			trace := x.tracer.snapshot()
			for i := range trace.Hops {
				checkHop(t, &trace.Hops[i], i < len(trace.Hops)-1)
			}
			if hop := trace.Hops[0]; !strings.HasPrefix(string(data), string(hop.Response)) || hop.ResponseBytes != int64(conn.taken) {
				t.Errorf("%d bytes taken, %d bytes noted: %q", conn.taken, hop.ResponseBytes, hop.Response)
			}
			if n := len(x.result.Headers) + len(x.result.Body); n > int(limit) {
				t.Errorf("%d bytes are kept, and the limit is %d", n, limit)
			}
			if !save && x.result.Headers != nil {
				t.Errorf("kept %q", x.result.Headers)
			}
			kept := string(x.result.Headers) + string(x.result.Body)
			if !strings.Contains(string(data), kept) && !strings.Contains(strings.ToLower(kept), "chunked") {
				t.Errorf("what is kept was never received: %q", kept)
			}
			// What differs from exchange to exchange.
			x.result.Started, x.result.Duration, x.result.Stats, x.result.RetryAfter = time.Time{}, 0, cron.Stats{}, 0
			return x.result
		}
		for _, save := range []bool{true, false} {
			whole, cut := receive(nil, save), receive(sizes, save)
			if !reflect.DeepEqual(whole, cut) {
				t.Errorf("whole: %+v; in pieces: %+v", whole, cut)
			}
		}
	})
}

// FuzzAgainstReadResponse checks that a response of which the standard library can make sense is no other one to us.
func FuzzAgainstReadResponse(f *testing.F) {
	for _, data := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody", "HTTP/1.0 404 Not\nX: y\n\nbody",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nbody\r\n0\r\nX: y\r\n\r\n",
		"HTTP/1.1 503 Busy\r\nX: a\r\n b\r\nContent-Length:\r\n 4\r\n\r\nbody", "HTTP/1.1 204 No\r\n\r\n",
	} {
		f.Add([]byte(data))
	}
	client := New(Config{})
	f.Fuzz(func(t *testing.T, data []byte) {
		theirs, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(data)), nil)
		if err != nil || theirs.ProtoMajor != 1 || theirs.StatusCode < 200 {
			return
		}
		want, err := io.ReadAll(theirs.Body)
		if err != nil {
			return
		}
		for name := range theirs.Header {
			if strings.ContainsAny(name, " \t") { // not a name to them
				return
			}
		}
		if theirs.ProtoMinor == 0 && bytes.Contains(bytes.ToLower(data), []byte("transfer-encoding")) { // ignored by them
			return
		}
		call := &cron.Call{MaxResponse: 1 << 20, SaveResponse: true, Timeout: time.Second}
		x := &exchange{client: client, call: call, started: time.Now()}
		err = x.receive(&pieces{data: data, sizes: []byte{5}})
		if r := &x.result; err != nil || r.HTTPStatus != theirs.StatusCode || string(r.Body) != string(want) {
			t.Errorf("%v, status %d with %q; want %d with %q", err, r.HTTPStatus, r.Body, theirs.StatusCode, want)
		}
	})
}

// FuzzTarget checks that any URL either is invalid or makes a request of one line and proper headers.
func FuzzTarget(f *testing.F) {
	for _, url := range []string{
		"http://example.test/", "https://user:pass@b\u00fccher.test:8443/a b?c d#e", "http://[fe80::1%25eth0]/",
		"http://0x7f.1/%zz",
		"http://a/?\r\nX: y", "http://127\u30020.0.1/", "http://a/\x7f\xff", "HTTP://A:80?", "http://a%0d%0a.test/",
	} {
		f.Add(url, "value", uint8(0))
	}
	client := New(Config{})
	f.Fuzz(func(t *testing.T, url, value string, method uint8) {
		call := &cron.Call{Request: cron.Request{URL: url, Method: cron.Method(method % 9), Headers: []cron.Header{
			{Name: "X-Value", Value: value}, {Name: value, Value: "x"},
		}}}
		if shown := requestedURL(url); shown != clean(shown, len(shown)) || strings.Contains(shown, "#") {
			t.Errorf("requestedURL(%q) = %q", url, shown)
		}
		target, err := parseTarget(&call.Request)
		if err != nil {
			return
		}
		x := &exchange{client: client, call: call, target: target}
		head := string(x.appendHead(nil))
		lines := strings.Split(head, "\r\n")
		if n := len(lines); lines[n-1] != "" || lines[n-2] != "" || lines[n-3] != "Connection: close" {
			t.Fatalf("%q", head)
		}
		if words := strings.Split(lines[0], " "); len(words) != 3 || words[0] != call.Request.Method.String() ||
			words[2] != "HTTP/1.1" {
			t.Errorf("%q", lines[0])
		}
		for _, line := range lines[1 : len(lines)-2] {
			name, _, ok := strings.Cut(line, ": ")
			if !ok || !cron.IsToken(name) || strings.ContainsAny(line, "\r\n\x00") {
				t.Errorf("%q", line)
			}
		}
		if name, _, _ := strings.Cut(lines[1], ":"); !strings.EqualFold(name, "Host") {
			t.Errorf("no host in %q", head)
		}
	})
}
