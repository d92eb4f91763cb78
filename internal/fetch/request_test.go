package fetch

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"punctual/internal/cron"
)

// sent performs the call and returns the bytes that the server got, with its address written as "SERVER".
func sent(t *testing.T, client *Client, path string, change func(*cron.Call)) string {
	t.Helper()
	got := make(chan string, 1)
	url := serveHTTP(t, func(conn net.Conn) {
		request, err := readRequest(conn)
		if err != nil {
			t.Errorf("after %q: %v", request, err)
		}
		got <- request
		io.WriteString(conn, okAnswer)
	})
	address := strings.Trim(url[7:], "/")
	call := callTo("http://" + address + path)
	if change != nil {
		change(&call)
	}
	call.Request.URL = strings.ReplaceAll(call.Request.URL, "SERVER", address)
	if r := client.Do(t.Context(), call); r.Status != cron.StatusOK {
		t.Fatalf("%+v", r)
	}
	return strings.ReplaceAll(<-got, address, "SERVER")
}

// TestRequestBytes compares whole requests, one for each method and more.
func TestRequestBytes(t *testing.T) {
	client := New(Config{UserAgent: "Punctual/1.0 (+https://example.test)"})
	const (
		common = "Host: SERVER\r\nUser-Agent: Punctual/1.0 (+https://example.test)\r\nAccept: */*\r\nPunctual-Execution: 0\r\n"
		last   = "Connection: close\r\n\r\n"
		form   = "Content-Type: application/x-www-form-urlencoded\r\n"
	)
	type row struct {
		name   string
		change func(*cron.Call)
		want   string
	}
	var rows []row
	for method, want := range []string{
		cron.MethodGet:     "GET /p?q HTTP/1.1\r\n" + common + last,
		cron.MethodPost:    "POST /p?q HTTP/1.1\r\n" + common + form + "Content-Length: 3\r\n" + last + "a=b",
		cron.MethodOptions: "OPTIONS /p?q HTTP/1.1\r\n" + common + last,
		cron.MethodHead:    "HEAD /p?q HTTP/1.1\r\n" + common + last,
		cron.MethodPut:     "PUT /p?q HTTP/1.1\r\n" + common + form + "Content-Length: 3\r\n" + last + "a=b",
		cron.MethodDelete:  "DELETE /p?q HTTP/1.1\r\n" + common + form + "Content-Length: 3\r\n" + last + "a=b",
		cron.MethodTrace:   "TRACE /p?q HTTP/1.1\r\n" + common + last,
		cron.MethodConnect: "CONNECT SERVER HTTP/1.1\r\n" + common + last,
		cron.MethodPatch:   "PATCH /p?q HTTP/1.1\r\n" + common + form + "Content-Length: 3\r\n" + last + "a=b",
	} {
		rows = append(rows, row{cron.Method(method).String(), func(c *cron.Call) {
			c.Request.Method, c.Request.Body = cron.Method(method), "a=b"
		}, want})
	}
	rows = append(rows,
		row{"POST without a body", func(c *cron.Call) { c.Request.Method = cron.MethodPost },
			"POST /p?q HTTP/1.1\r\n" + common + form + "Content-Length: 0\r\n" + last},
		row{"headers that repeat", func(c *cron.Call) {
			c.Request.Headers = []cron.Header{
				{Name: "Cookie", Value: "a=1"}, {Name: "X-One", Value: "1"}, {Name: "cookie", Value: "b=2"}, {Name: "Cookie", Value: "a=1"},
			}
		}, "GET /p?q HTTP/1.1\r\n" + common + "Cookie: a=1\r\nX-One: 1\r\ncookie: b=2\r\nCookie: a=1\r\n" + last},
		row{"everything set", func(c *cron.Call) {
			c.Request.Method, c.Request.Body = cron.MethodPost, "{}"
			c.Request.Headers = []cron.Header{
				{Name: "x-one", Value: "1"}, {Name: "content-TYPE", Value: "application/json"},
				{Name: "X-Two", Value: "a"}, {Name: "hOST", Value: "elsewhere.test"},
				{Name: "ACCEPT", Value: "text/html"}, {Name: "X-Two", Value: "b"},
				{Name: "user-agent", Value: "mine"}, {Name: "Accept-Encoding", Value: "gzip"},
				{Name: "AUTHORIZATION", Value: "Bearer x"},
				{Name: "X-Text", Value: "t\u00e4b\there"},
			}
		}, "POST /p?q HTTP/1.1\r\nhOST: elsewhere.test\r\nPunctual-Execution: 0\r\nx-one: 1\r\n" +
			"content-TYPE: application/json\r\nX-Two: a\r\nACCEPT: text/html\r\n" +
			"X-Two: b\r\nuser-agent: mine\r\nAccept-Encoding: gzip\r\nAUTHORIZATION: Bearer x\r\nX-Text: t\u00e4b\there\r\n" +
			"Content-Length: 2\r\n" + last + "{}"},
		row{"authorization", func(c *cron.Call) {
			c.Request.Auth = cron.BasicAuth{Enable: true, User: "Aladdin", Password: "open sesame"}
			c.Request.Headers = []cron.Header{{Name: "X-One", Value: "1"}}
		}, "GET /p?q HTTP/1.1\r\n" + common +
			"Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\nX-One: 1\r\n" + last},
	)
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got := sent(t, client, "/p?q", row.change)
			if got != row.want {
				t.Errorf("sent\n%q, want\n%q", got, row.want)
			}
			if strings.HasPrefix(got, "CONNECT") {
				return // http.ReadRequest takes it for a request to a proxy
			}
			if _, err := http.ReadRequest(newBufferedString(got)); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestWhatAnExecutionSends has the sentences of that section of the API's contract, one by one.
func TestWhatAnExecutionSends(t *testing.T) {
	header := func(name, value string) func(*cron.Call) {
		return func(c *cron.Call) {
			c.Request.Method, c.Request.Body = cron.MethodPost, "body"
			c.Request.Headers = append(c.Request.Headers, cron.Header{Name: name, Value: value})
		}
	}
	method := func(m cron.Method) func(*cron.Call) {
		return func(c *cron.Call) { c.Request.Method, c.Request.Body = m, "body" }
	}
	all := func(changes ...func(*cron.Call)) func(*cron.Call) {
		return func(c *cron.Call) {
			for _, change := range changes {
				change(c)
			}
		}
	}
	url := func(text string) func(*cron.Call) {
		return func(c *cron.Call) { c.Request.URL = text }
	}
	auth := func(c *cron.Call) { c.Request.Auth = cron.BasicAuth{Enable: true, User: "job", Password: "x"} }
	const (
		form     = "\r\nContent-Type: application/x-www-form-urlencoded\r\n"
		fromURL  = "\r\nAuthorization: Basic dXNlcjpwYXNz\r\n" // user:pass
		fromAuth = "\r\nAuthorization: Basic am9iOng=\r\n"     // job:x
	)
	rows := []struct {
		sentence string
		change   func(*cron.Call)
		has      string
		hasNot   string
	}{
		{"the body goes with POST", method(cron.MethodPost), "\r\n\r\nbody", ""},
		{"the body goes with PUT", method(cron.MethodPut), "\r\n\r\nbody", ""},
		{"the body goes with PATCH", method(cron.MethodPatch), "\r\n\r\nbody", ""},
		{"the body goes with DELETE", method(cron.MethodDelete), "\r\n\r\nbody", ""},
		{"only: not with GET", method(cron.MethodGet), "", "body"},
		{"only: not with HEAD", method(cron.MethodHead), "", "body"},
		{"only: not with OPTIONS", method(cron.MethodOptions), "", "body"},
		{"only: not with TRACE", method(cron.MethodTrace), "", "body"},
		{"only: not with CONNECT", method(cron.MethodConnect), "", "body"},
		{"there Content-Type is the form's", method(cron.MethodPut), form, ""},
		{"unless the job sets one", header("content-type", "text/plain"), "\r\ncontent-type: text/plain\r\n",
			"x-www-form"},
		{"only there: not with GET", method(cron.MethodGet), "", "Content-"},
		{"a job's Content-Type goes with GET too", all(header("Content-Type", "a/b"), method(cron.MethodGet)),
			"\r\nContent-Type: a/b\r\n", ""},
		{"Accept: */*", nil, "\r\nAccept: */*\r\n", ""},
		{"unless set", header("accept", "a/b"), "\r\naccept: a/b\r\n", "*/*"},
		{"a job's Host header is honoured", header("Host", "other.test"), "\r\nHost: other.test\r\n", "SERVER"},
		{"and only the first", all(header("Host", "first.test"), header("host", "second.test")),
			"\r\nHost: first.test\r\n", "second"},
		{"with CONNECT as well", all(header("Host", "other.test"), method(cron.MethodConnect)),
			"CONNECT SERVER HTTP/1.1\r\nHost: other.test\r\n", ""},
		{"its Content-Length is dropped", header("content-length", "99"), "\r\nContent-Length: 4\r\n", "99"},
		{"its Transfer-Encoding is dropped", header("Transfer-Encoding", "chunked"), "", "chunked"},
		{"its Connection is dropped", header("CONNECTION", "keep-alive"), "\r\nConnection: close\r\n", "keep-alive"},
		{"its Expect is dropped", header("Expect", "100-continue"), "", "100-"},
		{"its TE is dropped", header("te", "trailers"), "", "trailers"},
		{"its Upgrade is dropped", header("Upgrade", "h2c"), "", "h2c"},
		{"and so are Trailer", header("Trailer", "X-Sum"), "", "X-Sum"},
		{"Keep-Alive", header("Keep-Alive", "timeout=5"), "", "timeout"},
		{"and Proxy-Connection", header("Proxy-Connection", "keep-alive"), "", "keep-alive"},
		{"user:password@ in the URL is basic authentication", url("http://user:pass@SERVER/"), fromURL, "@"},
		{"also without a password", url("http://user@SERVER/"), "\r\nAuthorization: Basic dXNlcjo=\r\n", ""},
		{"percent-encoding undone", url("http://%75ser:p%61ss@SERVER/"), fromURL, ""},
		{"not when empty", url("http://@SERVER/"), "", "Authorization"},
		{"unless auth.enable", all(url("http://user:pass@SERVER/"), auth), fromAuth, "dXNlcjpwYXNz"},
		{"a job's own Authorization header wins over the URL",
			all(url("http://user:pass@SERVER/"), header("authorization", "own")), "\r\nauthorization: own\r\n", "Basic"},
		{"and over auth", all(auth, header("Authorization", "own")), "\r\nAuthorization: own\r\n", "Basic"},
		{"fragments are not sent", url("http://SERVER/path?q#frag"), "GET /path?q HTTP/1.1\r\n", "frag"},
		{"nothing asks for compression", nil, "", "Accept-Encoding"},
		{"unless the job does", header("Accept-Encoding", "br"), "\r\nAccept-Encoding: br\r\n", ""},
		{"User-Agent is ours", nil, "\r\nUser-Agent: Punctual\r\n", ""},
		{"unless set", header("User-Agent", "mine"), "\r\nUser-Agent: mine\r\n", "User-Agent: Punctual"},
	}
	for _, row := range rows {
		t.Run(row.sentence, func(t *testing.T) {
			got := sent(t, New(Config{}), "/", row.change)
			if !strings.Contains(got, row.has) {
				t.Errorf("%q lacks %q", got, row.has)
			}
			if row.hasNot != "" && strings.Contains(got, row.hasNot) {
				t.Errorf("%q has %q", got, row.hasNot)
			}
		})
	}
}

// TestNoInjection has every text of a request try to end its line.
func TestNoInjection(t *testing.T) {
	const evil = "a\r\nInjected: yes\r\n\r\nGET /injected HTTP/1.1\r\n\x00\n\r\x7f"
	client := New(Config{UserAgent: evil})
	got := sent(t, client, "/", func(c *cron.Call) {
		c.Request.Headers = []cron.Header{
			{Name: "X-Value", Value: evil}, {Name: evil, Value: "x"}, {Name: "X:Y", Value: "x"}, {Name: "", Value: "x"},
			{Name: "Host", Value: evil}, {Name: "Content-Length ", Value: "7"}, {Name: " Transfer-Encoding",
				Value: "chunked"},
		}
		c.Request.Auth = cron.BasicAuth{Enable: true, User: evil, Password: evil}
	})
	want := []string{"GET / HTTP/1.1", "Host", "User-Agent", "Accept", "Punctual-Execution", "Authorization", "X-Value", "Connection", "", ""}
	lines := strings.Split(got, "\r\n")
	if len(lines) != len(want) {
		t.Fatalf("%q", lines)
	}
	for i, line := range lines {
		if name, _, _ := strings.Cut(line, ": "); name != want[i] || strings.ContainsAny(line, "\r\n\x00\x7f") {
			t.Errorf("line %q, want %q", line, want[i])
		}
	}
}

// TestBodies sends bodies around the size of what goes out with the head, and the largest.
func TestBodies(t *testing.T) {
	body := strings.Repeat("0123456789abcdef", cron.MaxBodyLength/16)
	for _, n := range []int{0, 1, requestSize - 300, requestSize - 200, requestSize - 100, requestSize,
		5 * requestSize, cron.MaxBodyLength} {
		got := sent(t, New(Config{}), "/", func(c *cron.Call) {
			c.Request.Method, c.Request.Body = cron.MethodPost, body[:n]
		})
		head, rest, _ := strings.Cut(got, "\r\n\r\n")
		if rest != body[:n] || !strings.Contains(head, "\r\nContent-Length: "+strconv.Itoa(n)+"\r\n") {
			t.Errorf("of %d bytes %d came after %q", n, len(rest), head)
		}
	}
}

func TestLongHeaders(t *testing.T) {
	value := strings.Repeat("x", cron.MaxHeaderLength-1)
	got := sent(t, New(Config{}), "/", func(c *cron.Call) {
		c.Request.Method, c.Request.Body = cron.MethodPost, "body"
		c.Request.Headers = []cron.Header{{Name: "X", Value: value}}
	})
	if !strings.Contains(got, "\r\nX: "+value+"\r\n") || !strings.HasSuffix(got, "\r\n\r\nbody") {
		t.Errorf("%d bytes came", len(got))
	}
}

func TestRuledFields(t *testing.T) {
	for name, want := range map[string]fieldRule{
		"HOST": fieldHost, "user-agent": fieldUserAgent, "Accept": fieldAccept, "authorization": fieldAuthorization,
		"content-type": fieldContentType, "content-length": fieldDropped, "te": fieldDropped,
		"proxy-connection": fieldDropped,
		"Accepted":         fieldPlain, "X-Host": fieldPlain, "": fieldPlain, "Cookie": fieldPlain,
	} {
		if got := ruleFor(name); got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
}

// TestEarlyAnswers has servers that answer before they have read a long body.
func TestEarlyAnswers(t *testing.T) {
	answer := "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"
	long := bytes.Repeat([]byte("x"), 900<<10)
	for name, handle := range map[string]func(net.Conn){
		"and go on reading": func(conn net.Conn) { io.WriteString(conn, answer); untilClosed(conn) },
		"and read no more": func(conn net.Conn) {
			io.WriteString(conn, answer)
			conn.Read(make([]byte,
				1))
			untilEnd(conn)
		},
		"at length": func(conn net.Conn) {
			io.WriteString(conn,
				"HTTP/1.1 413 Too Large\r\n\r\n")
			conn.Write(long)
		},
		"and end their side": func(conn net.Conn) {
			io.WriteString(conn,
				answer)
			conn.(*net.TCPConn).CloseWrite()
			untilClosed(conn)
		},
	} {
		t.Run(name, func(t *testing.T) {
			call := callTo(serveHTTP(t, func(conn net.Conn) {
				conn.(*net.TCPConn).SetReadBuffer(4 << 10)
				conn.Read(make([]byte, 100))
				handle(conn)
			}))
			call.MaxResponse = 1 << 20
			call.Request.Method, call.Request.Body = cron.MethodPost, strings.Repeat("x", cron.MaxBodyLength)
			traced(t, t.Context(), New(Config{}), call)
			r := New(Config{}).Do(t.Context(), call)
			checkSound(t, &r)
			// A server that closes upon unread data resets the connection, and its answer may go by the board.
			if r.HTTPStatus != 413 && r.Fault != cron.FaultReset {
				t.Errorf("%+v", r)
			}
			if name != "at length" && r.Status != cron.StatusHTTPError {
				t.Errorf("%+v", r)
			}
		})
	}
}

// TestEcho has a server that reads on only as its answer is taken.
func TestEcho(t *testing.T) {
	call := callTo(serveHTTP(t, func(conn net.Conn) {
		conn.(*net.TCPConn).SetWriteBuffer(4 << 10)
		head := make([]byte, 0, 1024)
		for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
			conn.Read(head[len(head) : len(head)+1])
			head = head[:len(head)+1]
		}
		io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
		io.CopyN(struct{ io.Writer }{conn}, conn, cron.MaxBodyLength)
	}))
	call.MaxResponse = 2 << 20
	call.Request.Method, call.Request.Body = cron.MethodPut, strings.Repeat("x", cron.MaxBodyLength)
	r := New(Config{}).Do(t.Context(), call)
	checkSound(t, &r)
	if r.Status != cron.StatusOK || len(r.Body) != cron.MaxStoredBody {
		t.Errorf("status %d, fault %d, %d bytes", r.Status, r.Fault, len(r.Body))
	}
	hop := again(t, New(Config{}), call, &r).Hops[0]
	if sent := hop.RequestBytes - cron.MaxBodyLength; sent < 100 || sent > 300 || len(hop.Request) != cron.MaxTraceBytes {
		t.Errorf("%d bytes were sent, and %d are kept", hop.RequestBytes, len(hop.Request))
	}
}
