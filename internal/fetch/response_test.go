package fetch

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
)

func newBufferedString(s string) *bufio.Reader { return bufio.NewReader(strings.NewReader(s)) }

// untilEnd blocks until the test ends, without reading from the connection.
func untilEnd(conn net.Conn) {
	for conn.SetReadDeadline(time.Time{}) == nil {
		time.Sleep(5 * time.Millisecond)
	}
}

// drip writes text slowly, without end.
func drip(conn net.Conn, text string) {
	for {
		if _, err := io.WriteString(conn, text); err != nil {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// flood writes text as fast as possible, without end.
func flood(conn net.Conn, text string) {
	text = strings.Repeat(text, 4096/len(text)+1)
	for {
		if _, err := io.WriteString(conn, text); err != nil {
			return
		}
	}
}

// TestServers has a row for each thing that a server may do.
func TestServers(t *testing.T) {
	const (
		maxResponse = 10_000
		short       = 300 * time.Millisecond
		ok          = "HTTP/1.1 200 OK\r\n"
		chunked     = "Transfer-Encoding: chunked\r\n\r\n"
	)
	// after sends something and then leaves the connection to f.
	after := func(text string, f func(net.Conn)) func(net.Conn) {
		return func(conn net.Conn) {
			io.WriteString(conn, text)
			f(conn)
		}
	}
	ends := func(text string) func(net.Conn) { return after(text, func(net.Conn) {}) }
	hangs := func(text string) func(net.Conn) { return after(text, untilClosed) }
	type row struct {
		name   string
		serve  func(net.Conn) // once the request was read
		want   cron.Result    // Status, HTTPStatus, Reason, Fault and Detail
		head   string         // Headers; "" is nil
		body   string
		short  bool // with a short timeout
		method cron.Method
	}
	answered := func(code int, reason string) cron.Result {
		r := cron.Result{Status: cron.StatusHTTPError, HTTPStatus: code, Reason: reason}
		if code < 300 {
			r.Status = cron.StatusOK
		}
		return r
	}
	failed := func(status cron.Status, f cron.Fault, detail string) cron.Result {
		return cron.Result{Status: status, Fault: f, Detail: detail}
	}
	// begun is a failure after the head of a response of status 200.
	begun := func(r cron.Result) cron.Result {
		r.HTTPStatus, r.Reason = 200, "OK"
		return r
	}
	malformed := func(detail string) cron.Result { return failed(cron.StatusOther, cron.FaultMalformed, detail) }
	var (
		closed   = failed(cron.StatusOther, cron.FaultClosed, "")
		wasReset = failed(cron.StatusOther, cron.FaultReset, "")
		timeout  = failed(cron.StatusTimeout, cron.FaultTimeout, short.String())
		tooMuch  = failed(cron.StatusTooMuchData, cron.FaultTooMuchData, "10000")
	)
	rows := []row{
		// Proper answers.
		{name: "length", serve: ends(ok + "X: y\r\nContent-Length: 4\r\n\r\nbody"), want: answered(200, "OK"),
			head: "X: y\r\nContent-Length: 4\r\n\r\n", body: "body"},
		{name: "length, and the connection stays open", serve: hangs(ok + "Content-Length: 4\r\n\r\nbody"),
			want: answered(200, "OK"), head: "Content-Length: 4\r\n\r\n", body: "body"},
		{name: "more than the length", serve: ends(ok + "Content-Length: 4\r\n\r\nbodyHTTP/1.1 500 No\r\n\r\n"),
			want: answered(200, "OK"), head: "Content-Length: 4\r\n\r\n", body: "body"},
		{name: "until the end", serve: ends(ok + "\r\nbody"), want: answered(200, "OK"), head: "\r\n", body: "body"},
		{name: "chunks", serve: hangs(ok + chunked + "2\r\nbo\r\n2;ext=1\r\ndy\r\n0\r\n\r\n"),
			want: answered(200, "OK"), head: chunked, body: "body"},
		{name: "chunks and a trailer",
			serve: hangs(ok + "Transfer-Encoding: chunked\r\nTrailer: X\r\n\r\n4\r\nbody\r\n0\r\nX: y\r\n\r\n"),
			want:  answered(200, "OK"), head: "Transfer-Encoding: chunked\r\nTrailer: X\r\n\r\n", body: "body"},
		{name: "chunks win over length",
			serve: hangs(ok + "Content-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
			want:  answered(200, "OK"), head: "Content-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n"},
		{name: "the same length twice", serve: hangs(ok + "Content-Length: 4\r\nContent-Length: 4\r\n\r\nbody"),
			want: answered(200, "OK"), head: "Content-Length: 4\r\nContent-Length: 4\r\n\r\n", body: "body"},
		{name: "HTTP/1.0", serve: ends("HTTP/1.0 200 OK\r\n\r\nbody"), want: answered(200, "OK"), head: "\r\n",
			body: "body"},
		{name: "line feeds only", serve: hangs("HTTP/1.1 200 OK\nX: y\nContent-Length: 4\n\nbody"),
			want: answered(200, "OK"), head: "X: y\nContent-Length: 4\n\n", body: "body"},
		{name: "folded line", serve: hangs(ok + "X: a\r\n\tb\r\nContent-Length: 0\r\n\r\n"), want: answered(200, "OK"),
			head: "X: a\r\n\tb\r\nContent-Length: 0\r\n\r\n"},
		{name: "odd spelling, order and repeats",
			serve: hangs(ok + "b:1\r\nA:  2 \r\nb: 3\r\ncontent-LENGTH: 0\r\n\r\n"),
			want:  answered(200, "OK"), head: "b:1\r\nA:  2 \r\nb: 3\r\ncontent-LENGTH: 0\r\n\r\n"},
		{name: "compressed, or so it says",
			serve: hangs(ok + "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nbody"),
			want:  answered(200, "OK"), head: "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n", body: "body"},
		{name: "no content", serve: hangs("HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nbody"),
			want: answered(204, "No Content"), head: "Content-Length: 4\r\n\r\n"},
		{name: "not modified", serve: hangs("HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n"),
			want: answered(304, "Not Modified"), head: "Content-Length: 4\r\n\r\n"},
		{name: "HEAD", serve: hangs(ok + "Content-Length: 99999999\r\n\r\n"), want: answered(200, "OK"),
			head: "Content-Length: 99999999\r\n\r\n", method: cron.MethodHead},
		{name: "HEAD in chunks", serve: hangs(ok + chunked), want: answered(200, "OK"),
			head: chunked, method: cron.MethodHead},
		{name: "CONNECT", serve: hangs(ok + "Content-Length: 4\r\n\r\nbody"), want: answered(200, "OK"),
			head: "Content-Length: 4\r\n\r\n", body: "body", method: cron.MethodConnect},
		{name: "TRACE", serve: ends(ok + "Content-Type: message/http\r\n\r\nTRACE / HTTP/1.1\r\n"),
			want: answered(200, "OK"),
			head: "Content-Type: message/http\r\n\r\n", body: "TRACE / HTTP/1.1\r\n", method: cron.MethodTrace},
		{name: "interim responses",
			serve: hangs("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nA: 1\r\n\r\n" +
				"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 7\r\n\r\n" +
				"HTTP/1.1 201 Created\r\nX: y\r\nContent-Length: 4\r\n\r\nbody"),
			want: answered(201, "Created"), head: "X: y\r\nContent-Length: 4\r\n\r\n", body: "body"},
		{name: "no reason phrase", serve: hangs("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"), want: answered(200, ""),
			head: "Content-Length: 0\r\n\r\n"},
		{name: "dirty reason phrase",
			serve: hangs("HTTP/1.1 200   Tr\xe8s\x00\x1b[1m bien\t\r\nContent-Length: 0\r\n\r\n"),
			want:  answered(200, "Tr\ufffds[1m bien"), head: "Content-Length: 0\r\n\r\n"},
		{name: "long reason phrase",
			serve: hangs("HTTP/1.1 200 " + strings.Repeat("x", 300) + "\r\nContent-Length: 0\r\n\r\n"),
			want:  answered(200, strings.Repeat("x", 255)), head: "Content-Length: 0\r\n\r\n"},
		{name: "unknown status", serve: hangs("HTTP/1.1 999 Beyond\r\nContent-Length: 0\r\n\r\n"),
			want: answered(999, "Beyond"), head: "Content-Length: 0\r\n\r\n"},
		{name: "byte by byte", serve: func(conn net.Conn) {
			for _, c := range []byte(ok + chunked + "4\r\nbody\r\n0\r\n\r\n") {
				conn.Write([]byte{c})
				time.Sleep(50 * time.Microsecond)
			}
		}, want: answered(200, "OK"), head: chunked, body: "body"},

		// Limits.
		{name: "declared at the limit", serve: hangs(ok + "Content-Length: 9959\r\n\r\n" + strings.Repeat("x", 9959)),
			want: answered(200, "OK"), head: "Content-Length: 9959\r\n\r\n", body: strings.Repeat("x", 9959)},
		{name: "declared beyond the limit", serve: hangs(ok + "Content-Length: 9960\r\n\r\n"), want: begun(tooMuch),
			head: "Content-Length: 9960\r\n\r\n"},
		{name: "undeclared at the limit", serve: ends(ok + "\r\n" + strings.Repeat("x", 9981)),
			want: answered(200, "OK"), head: "\r\n", body: strings.Repeat("x", 9981)},
		{name: "undeclared beyond the limit", serve: ends(ok + "\r\n" + strings.Repeat("x", 9982)),
			want: begun(tooMuch), head: "\r\n", body: strings.Repeat("x", 9981)},
		{name: "chunks at the limit", serve: hangs(ok + chunked + strings.Repeat("1\r\nx\r\n", 9953) + "0\r\n\r\n"),
			want: answered(200, "OK"), head: chunked, body: strings.Repeat("x", 9953)},
		{name: "endless body", serve: after(ok+"\r\n", func(conn net.Conn) { flood(conn, "x") }),
			want: begun(tooMuch), head: "\r\n", body: strings.Repeat("x", 9981)},
		{name: "endless chunks", serve: after(ok+chunked, func(conn net.Conn) { flood(conn, "1\r\nx\r\n") }),
			want: begun(tooMuch), head: chunked, body: strings.Repeat("x", 9953)},
		{name: "endless chunk extensions", serve: after(ok+chunked, func(conn net.Conn) {
			flood(conn, "1;"+strings.Repeat("x", 1000)+"\r\nx\r\n")
		}), want: begun(malformed("its chunks come with more than 65536 bytes of extensions and trailers")), head: chunked,
			body: strings.Repeat("x", 66)},
		{name: "endless trailer",
			serve: after(ok+"Transfer-Encoding: chunked\r\n\r\n0\r\n", func(conn net.Conn) { flood(conn, "X: y\r\n") }),
			want:  begun(malformed("its chunks come with more than 65536 bytes of extensions and trailers")), head: chunked},
		{name: "endless headers", serve: after(ok, func(conn net.Conn) { flood(conn, "X: y\r\n") }), want: tooMuch},
		{name: "endless header line", serve: after(ok+"X: ", func(conn net.Conn) { flood(conn, "y") }), want: tooMuch},
		{name: "endless status line", serve: after("HTTP/1.1 200 ", func(conn net.Conn) { flood(conn, "OK") }),
			want: tooMuch},
		{name: "endless interim responses",
			serve: func(conn net.Conn) { flood(conn, "HTTP/1.1 100 Continue\r\n\r\n") }, want: tooMuch},

		// Time.
		{name: "silence", serve: untilClosed, want: timeout, short: true},
		{name: "half a status line", serve: hangs("HTTP/1.1 20"), want: timeout, short: true},
		{name: "half a head", serve: hangs(ok + "X: y\r\nConte"), want: timeout, short: true},
		{name: "dripping head", serve: after(ok, func(conn net.Conn) { drip(conn, "X: y\r\n") }), want: timeout,
			short: true},
		{name: "dripping interim responses",
			serve: func(conn net.Conn) { drip(conn, "HTTP/1.1 102 Processing\r\n\r\n") }, want: timeout, short: true},
		{name: "half a body", serve: hangs(ok + "Content-Length: 9\r\n\r\nbody"), want: begun(timeout),
			head: "Content-Length: 9\r\n\r\n", body: "body", short: true},
		{name: "an end that does not come", serve: hangs(ok + "\r\nbody"), want: begun(timeout), head: "\r\n",
			body: "body", short: true},
		{name: "interim responses only", serve: hangs("HTTP/1.1 100 Continue\r\n\r\n"), want: timeout, short: true},

		// Ends.
		{name: "closed at once", serve: ends(""), want: closed},
		{name: "closed in the headers", serve: ends(ok + "X: y\r\n"), want: closed},
		{name: "closed in a header", serve: ends(ok + "X: y"), want: closed},
		{name: "closed after an interim response", serve: ends("HTTP/1.1 100 Continue\r\n\r\n"), want: closed},
		{name: "closed in the body", serve: ends(ok + "Content-Length: 9\r\n\r\nbody"), want: begun(closed),
			head: "Content-Length: 9\r\n\r\n", body: "body"},
		{name: "closed in a chunk", serve: ends(ok + chunked + "9\r\nbody"), want: begun(closed),
			head: chunked, body: "body"},
		{name: "closed between chunks", serve: ends(ok + chunked + "4\r\nbody\r\n"), want: begun(closed),
			head: chunked, body: "body"},
		{name: "closed before the trailer", serve: ends(ok + chunked + "4\r\nbody\r\n0\r\n"), want: begun(closed),
			head: chunked, body: "body"},
		{name: "reset at once", serve: reset, want: wasReset},
		{name: "reset in the head",
			serve: after(ok, func(conn net.Conn) { time.Sleep(20 * time.Millisecond); reset(conn) }), want: wasReset},
		{name: "reset in the body", serve: after(ok+"Content-Length: 9\r\n\r\nbody", func(conn net.Conn) {
			time.Sleep(20 * time.Millisecond)
			reset(conn)
		}), want: begun(wasReset), head: "Content-Length: 9\r\n\r\n", body: "body"},

		{name: "half a status line, closed", serve: ends("HTTP/1.1 20"), want: closed},
		{name: "closed within a header name", serve: ends(ok + "Server: x\r\nSet-Coo"), want: closed},

		// What is no HTTP is told at once, even by a server that goes on waiting.
		{name: "HTTP/0.9", serve: ends("<html>hello</html>\n"), want: malformed(`it begins with "<html>hello</html>"`)},
		{name: "HTTP/0.9, closed within its line", serve: ends("<html>"), want: malformed(`it begins with "<html>"`)},
		{name: "SSH", serve: hangs("SSH-2.0-OpenSSH_9.2\r\n"), want: malformed(`it begins with "SSH-2.0-OpenSSH_9.2"`)},
		{name: "HTTP/2 frames", serve: ends("\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80\x00\n"),
			want: malformed(`it begins with "\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80\x00"`)},
		{name: "bad chunk length", serve: hangs(ok + chunked + "zz"),
			want: begun(malformed(`there is "z" where the size of a chunk should be`)), head: chunked},
		{name: "bad chunk end", serve: hangs(ok + chunked + "2\r\nbody"),
			want: begun(malformed("a chunk does not end where its size says")), head: chunked, body: "bo"},
	}
	client := New(Config{})
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			call := callTo(serveHTTP(t, func(conn net.Conn) {
				if _, err := readRequest(conn); err != nil {
					t.Error(err)
				}
				row.serve(conn)
			}))
			call.Request.Method = row.method
			call.MaxResponse = maxResponse
			if row.short {
				call.Timeout = short
			}
			for _, save := range []bool{true, false} {
				call.SaveResponse = save
				r := client.Do(t.Context(), call)
				checkSound(t, &r)
				got := cron.Result{Status: r.Status, HTTPStatus: r.HTTPStatus, Reason: r.Reason, Fault: r.Fault,
					Detail: r.Detail}
				if fmt.Sprint(got) != fmt.Sprint(row.want) {
					t.Errorf("saving %v: %+v, want %+v", save, got, row.want)
				}
				switch {
				case !save || row.head == "":
					if r.Headers != nil || r.Body != nil {
						t.Errorf("saving %v: headers %q and body %q", save, r.Headers, r.Body)
					}
				case string(r.Headers) != row.head || string(r.Body) != row.body || r.Body == nil:
					t.Errorf("headers %q and body %.100q, want %q and %.100q", r.Headers, r.Body, row.head, row.body)
				}
				if save {
					again(t, client, call, &r)
				}
			}
		})
	}
}

// TestStoredBody has a body beyond what is kept and within what may be received.
func TestStoredBody(t *testing.T) {
	body := strings.Repeat("0123456789abcdef", (cron.MaxStoredBody+16)/16)
	for _, n := range []int{cron.MaxStoredBody - 1, cron.MaxStoredBody, cron.MaxStoredBody + 1, len(body)} {
		call := callTo(serveHTTP(t, answering("HTTP/1.1 200 OK\r\n\r\n"+body[:n])))
		call.MaxResponse = 1 << 20
		r := New(Config{}).Do(t.Context(), call)
		checkSound(t, &r)
		if r.Status != cron.StatusOK || string(r.Body) != body[:min(n, cron.MaxStoredBody)] {
			t.Errorf("status %d, %d bytes are kept of %d", r.Status, len(r.Body), n)
		}
	}
}

// TestHeadLimit has a head within what may be received and beyond what may be parsed.
func TestHeadLimit(t *testing.T) {
	for n, want := range map[int]cron.Status{maxHead - 100: cron.StatusOK, maxHead: cron.StatusTooMuchData} {
		call := callTo(serveHTTP(t, answering("HTTP/1.1 200 OK\r\nX: "+strings.Repeat("y",
			n)+"\r\nContent-Length: 0\r\n\r\n")))
		call.MaxResponse = 1 << 20
		r := New(Config{}).Do(t.Context(), call)
		checkSound(t, &r)
		if r.Status != want {
			t.Errorf("%d bytes: status %d, want %d", n, r.Status, want)
		}
	}
}

func TestTransferFault(t *testing.T) {
	for _, secure := range []bool{false, true} {
		x := &exchange{call: &cron.Call{}, target: target{tls: secure}}
		f, _ := errors.AsType[*fault](x.transferFault(errors.New("odd")))
		want := map[bool]cron.Fault{false: cron.FaultReset, true: cron.FaultTLS}[secure]
		if f.status != cron.StatusOther || f.fault != want {
			t.Errorf("%+v", f)
		}
	}
}

func TestSeconds(t *testing.T) {
	for d, want := range map[time.Duration]string{
		30 * time.Second: "30s", time.Hour: "3600s", 90 * time.Second: "90s", 1500 * time.Millisecond: "1.5s",
	} {
		if got := seconds(d); got != want {
			t.Errorf("%v is %q", d, got)
		}
	}
}
