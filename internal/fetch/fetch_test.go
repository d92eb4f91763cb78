package fetch

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"punctual/internal/cron"
)

func TestMain(m *testing.M) {
	if kind := os.Getenv(benchServer); kind != "" {
		serveBench(kind)
		return
	}
	before := runtime.NumGoroutine()
	code := m.Run()
	fuzzing := flag.Lookup("test.fuzz").Value.String() != "" // which leaves goroutines of its own
	if code == 0 && !fuzzing && !settles(before) {
		stacks := make([]byte, 1<<20)
		fmt.Fprintf(os.Stderr, "goroutines were left behind:\n%s", stacks[:runtime.Stack(stacks, true)])
		code = 1
	}
	os.Exit(code)
}

// settles reports whether the number of goroutines comes down to want; those that are ending get time to end.
func settles(want int) bool {
	for range 100 {
		if runtime.NumGoroutine() <= want {
			return true
		}
		time.Sleep(20 * time.Millisecond)
	}
	return false
}

// serve accepts connections on address and has each one handled, and closed afterwards, until the test ends. The test
// is skipped when the host cannot listen there.
func serve(t testing.TB, address string, handle func(net.Conn)) netip.AddrPort {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Skipf("this host cannot listen on %s: %v", address, err)
	}
	var (
		mu    sync.Mutex
		conns = make(map[net.Conn]bool)
		done  sync.WaitGroup
	)
	done.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns[conn] = true
			mu.Unlock()
			done.Go(func() {
				defer func() {
					conn.Close()
					mu.Lock()
					defer mu.Unlock()
					delete(conns, conn)
				}()
				handle(conn)
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		mu.Lock()
		for conn := range conns {
			conn.Close()
		}
		mu.Unlock()
		done.Wait()
	})
	return netip.MustParseAddrPort(listener.Addr().String())
}

// serveHTTP is serve on IPv4, and returns the URL of the server's root.
func serveHTTP(t testing.TB, handle func(net.Conn)) string {
	t.Helper()
	return "http://" + serve(t, "127.0.0.1:0", handle).String() + "/"
}

// readRequest reads a whole request, byte by byte as it came.
func readRequest(conn net.Conn) (string, error) {
	var got []byte
	p := make([]byte, 64<<10)
	for {
		n, err := conn.Read(p)
		got = append(got, p[:n]...)
		if head, body, ok := bytes.Cut(got, []byte("\r\n\r\n")); ok {
			length := 0
			if _, rest, ok := strings.Cut(string(head), "\r\nContent-Length: "); ok {
				text, _, _ := strings.Cut(rest, "\r\n")
				length, _ = strconv.Atoi(text)
			}
			if len(body) >= length {
				return string(got), nil
			}
		}
		if err != nil {
			return string(got), err
		}
	}
}

// answering handles a connection by one answer to one request.
func answering(answer string) func(net.Conn) {
	return func(conn net.Conn) {
		if _, err := readRequest(conn); err == nil {
			io.WriteString(conn, answer)
		}
	}
}

const okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// untilClosed blocks until the peer closes.
func untilClosed(conn net.Conn) { io.Copy(io.Discard, conn) }

// reset closes with a reset instead of an orderly end.
func reset(conn net.Conn) {
	conn.(*net.TCPConn).SetLinger(0)
	conn.Close()
}

// callTo is a call that saves the response, with a timeout that a test never waits for.
func callTo(url string) cron.Call {
	return cron.Call{
		AccountID: 1, Request: cron.Request{URL: url}, Timeout: 20 * time.Second, MaxResponse: 64 << 10,
		SaveResponse: true,
	}
}

// names is a resolver that knows some names.
type names map[string][]string

func (n names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	texts, ok := n[host]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	addrs := make([]netip.Addr, len(texts))
	for i, text := range texts {
		addrs[i] = netip.MustParseAddr(text)
	}
	return addrs, nil
}

// resolverFunc is a resolver made of a function.
type resolverFunc func(ctx context.Context, host string) ([]netip.Addr, error)

func (f resolverFunc) LookupNetIP(ctx context.Context, _, host string) ([]netip.Addr, error) {
	return f(ctx, host)
}

// checkSound checks what holds for every result.
func checkSound(t *testing.T, r *cron.Result) {
	t.Helper()
	s := r.Stats
	var reached time.Duration
	for i, phase := range []time.Duration{s.NameLookup, s.Connect, s.AppConnect, s.PreTransfer, s.StartTransfer, s.Total} {
		if phase != 0 && phase < reached {
			t.Errorf("phase %d is before the former one: %+v", i, s)
		}
		reached = max(reached, phase)
	}
	if s.Connect == 0 && s.AppConnect+s.PreTransfer != 0 || s.PreTransfer == 0 && s.StartTransfer != 0 {
		t.Errorf("a phase was left out: %+v", s)
	}
	if s.Total != r.Duration || s.Total <= 0 {
		t.Errorf("total is %v and the duration %v", s.Total, r.Duration)
	}
	if r.Started.IsZero() {
		t.Error("no start")
	}
	for _, text := range []string{r.Reason, r.Detail} {
		if text != clean(text, maxText) {
			t.Errorf("unclean text %q", text)
		}
	}
	unmet := r.Fault >= cron.FaultStatus && r.Fault <= cron.FaultRedirectURL
	proper := r.Status == cron.StatusOK || r.Status == cron.StatusHTTPError && !unmet
	if proper != (r.Fault == cron.FaultNone) || unmet && r.Status != cron.StatusHTTPError {
		t.Errorf("status %d with fault %d", r.Status, r.Fault)
	}
	if (r.Headers == nil) != (r.Body == nil) {
		t.Errorf("headers %q with body %q", r.Headers, r.Body)
	}
	if len(r.Body) > cron.MaxStoredBody {
		t.Errorf("%d bytes of body are kept", len(r.Body))
	}
}

func TestStatus(t *testing.T) {
	for code := 200; code < 600; code++ {
		redirect := strings.Contains("301 302 303 307 308", strconv.Itoa(code))
		for _, redirectSuccess := range []bool{false, true} {
			call := cron.Call{RedirectSuccess: redirectSuccess}
			if got := call.IsSuccess(code); got != (code < 300 || redirect && redirectSuccess) {
				t.Errorf("%d with redirectSuccess=%v: success %v", code, redirectSuccess, got)
			}
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	visited := false
	elsewhere := serveHTTP(t, func(conn net.Conn) { visited = true })
	url := serveHTTP(t, answering("HTTP/1.1 302 Found\r\nLocation: "+elsewhere+"\r\nContent-Length: 0\r\n\r\n"))
	call := callTo(url)
	if r := New(Config{}).Do(t.Context(), call); r.Status != cron.StatusHTTPError || r.HTTPStatus != 302 || visited {
		t.Errorf("%+v, visited %v", r, visited)
	}
	call.RedirectSuccess = true
	if r := New(Config{}).Do(t.Context(), call); r.Status != cron.StatusOK || r.HTTPStatus != 302 || visited {
		t.Errorf("%+v, visited %v", r, visited)
	}
}

func TestProxyIsNotUsed(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	url := serveHTTP(t, answering(okAnswer))
	client := New(Config{Resolver: names{"example.test": {"127.0.0.1"}}})
	_, port, _ := net.SplitHostPort(strings.Trim(url[7:], "/"))
	if r := client.Do(t.Context(), callTo("http://example.test:"+port)); r.Status != cron.StatusOK {
		t.Errorf("%+v", r)
	}
}

// TestLost cuts exchanges off in every phase, as a shutdown does.
func TestLost(t *testing.T) {
	cut := func(t *testing.T, config Config, url string, reached <-chan struct{}) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() {
			<-reached
			cancel()
		}()
		r := New(config).Do(ctx, callTo(url))
		if r.Status != cron.StatusInternalError || r.Fault != cron.FaultLost || r.Detail != "" || r.Stats != (cron.Stats{}) {
			t.Errorf("%+v", r)
		}
	}
	signal := func() (chan struct{}, func()) {
		reached := make(chan struct{})
		return reached, sync.OnceFunc(func() { close(reached) })
	}
	t.Run("before the start", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for _, url := range []string{serveHTTP(t, untilClosed), "http://example.test/"} {
			r := New(Config{Resolver: names{"example.test": {"127.0.0.1"}}}).Do(ctx, callTo(url))
			if r.Fault != cron.FaultLost {
				t.Errorf("%s: %+v", url, r)
			}
		}
	})
	t.Run("lookup", func(t *testing.T) {
		reached, reach := signal()
		resolver := resolverFunc(func(ctx context.Context, _ string) ([]netip.Addr, error) {
			reach()
			<-ctx.Done()
			return nil, ctx.Err()
		})
		cut(t, Config{Resolver: resolver}, "http://example.test/", reached)
	})
	t.Run("connect", func(t *testing.T) {
		reached, reach := signal()
		hole := blackHole(t, "127.0.0.1")
		resolver := resolverFunc(func(context.Context, string) ([]netip.Addr, error) {
			reach()
			return []netip.Addr{hole.Addr(), hole.Addr().Next()}, nil
		})
		cut(t, Config{Resolver: resolver}, fmt.Sprintf("http://example.test:%d/", hole.Port()), reached)
	})
	for phase, url := range map[string]string{"handshake": "https", "response": "http"} {
		t.Run(phase, func(t *testing.T) {
			reached, reach := signal()
			addr := serve(t, "127.0.0.1:0", func(conn net.Conn) {
				conn.Read(make([]byte, 1))
				reach()
				untilClosed(conn) // ends the test's clean-up only when the client closes
			})
			cut(t, Config{}, url+"://"+addr.String(), reached)
		})
	}
	t.Run("body", func(t *testing.T) {
		reached, reach := signal()
		url := serveHTTP(t, func(conn net.Conn) {
			readRequest(conn)
			io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\nsome")
			reach()
			untilClosed(conn)
		})
		cut(t, Config{}, url, reached)
	})
}

func TestPanicIsInternal(t *testing.T) {
	resolver := resolverFunc(func(context.Context, string) ([]netip.Addr, error) { panic("a bug") })
	client := New(Config{Resolver: resolver})
	for range 2 { // the second one must not wait for the first
		r := client.Do(t.Context(), callTo("http://example.test/"))
		checkSound(t, &r)
		if r.Status != cron.StatusInternalError || r.Fault != cron.FaultInternal || r.URL != "http://example.test/" {
			t.Errorf("%+v", r)
		}
	}
}

func TestPanicInARaceIsInternal(t *testing.T) {
	client := New(Config{Resolver: names{"example.test": {"127.0.0.1", "127.0.0.2"}}})
	client.guard = nil
	if r := client.Do(t.Context(), callTo("http://example.test/")); r.Status != cron.StatusInternalError ||
		r.Fault != cron.FaultInternal {
		t.Errorf("%+v", r)
	}
}

// brokenConn fails to write and has nothing to read.
type brokenConn struct{ net.Conn }

func (brokenConn) Write([]byte) (int, error) {
	return 0, &net.OpError{Op: "write", Err: os.NewSyscallError("write", syscall.EPIPE)}
}
func (brokenConn) Read([]byte) (int, error) { return 0, io.EOF }
func (brokenConn) Close() error             { return nil }

func TestFailedWriteTellsMore(t *testing.T) {
	x := &exchange{client: New(Config{}), call: new(callTo("http://example.test/")), started: time.Now()}
	err := x.roundTrip(&link{tcp: brokenConn{}, conn: brokenConn{}})
	f, _ := errors.AsType[*fault](err)
	if f == nil || f.fault != cron.FaultReset || !strings.Contains(err.Error(), "broken pipe") {
		t.Errorf("%v", err)
	}
}

func TestUnknownErrorIsInternal(t *testing.T) {
	x := &exchange{client: New(Config{}), call: &cron.Call{}, started: time.Now()}
	x.finish(t.Context(), errors.New("a bug"))
	if r := x.result; r.Status != cron.StatusInternalError || r.Fault != cron.FaultInternal {
		t.Errorf("%+v", r)
	}
}

func TestInvalidURL(t *testing.T) {
	resolver := resolverFunc(func(_ context.Context, host string) ([]netip.Addr, error) {
		t.Errorf("looked up %q", host)
		return nil, errors.New("no")
	})
	for _, url := range []string{
		"", "http://", "http:///path", "ftp://example.test/", "http://exa mple.test/", "http://example.test:0/",
		"http://example.test:65536/", "http://example.test:http/", "http://[::1/", "http://[127.0.0.1]/",
		"http://[::g]/", "http://256.0.0.1/", "http://1.2.3.4.5/", "http://0x1ffffffff/", "http://09.0.0.1/",
		"http://1.256.1/", "http://1..2/", "http://a.1/", "http://ex\x00ample.test/", "http://example.test/\r\nX: y",
		"http://exa%25mple.test/", "http://exa<mple.test/", "/only/a/path", "http://\u00ad/",
		"http://xn--\u00fc.test/", "http://a.\u0661\u0662/", "http://" + strings.Repeat("a", 300) + "/",
	} {
		r := New(Config{Resolver: resolver}).Do(t.Context(), callTo(url))
		checkSound(t, &r)
		if r.Status != cron.StatusInvalidURL || r.Fault != cron.FaultInvalidURL || r.HTTPStatus != 0 {
			t.Errorf("%q: %+v", url, r)
		}
	}
	call := callTo("http://127.0.0.1/")
	call.Request.Method = 99
	if r := New(Config{}).Do(t.Context(), call); r.Status != cron.StatusInvalidURL {
		t.Errorf("invalid method: %+v", r)
	}
}

func TestManyAtOnce(t *testing.T) {
	url := serveHTTP(t, func(conn net.Conn) {
		if request, err := readRequest(conn); err == nil {
			_, number, _ := strings.Cut(request, "?")
			number, _, _ = strings.Cut(number, " ")
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nX-Number: %s\r\n\r\n%s", number, number)
		}
	})
	client := New(Config{})
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			r := client.Do(t.Context(), callTo(url+"?"+strconv.Itoa(i)))
			want := fmt.Sprintf("X-Number: %d\r\n\r\n", i)
			if r.Status != cron.StatusOK || string(r.Headers) != want || string(r.Body) != strconv.Itoa(i) {
				t.Errorf("%+v, want headers %q", r, want)
			}
		})
	}
	all.Wait()
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		code  int
		value string
		want  time.Duration
	}{
		{429, "120", 2 * time.Minute}, {503, "1", time.Second}, {503, "0", 0}, {503, "", 0}, {503, "soon", 0},
		{503, "-1", 0}, {503, "99999999999999999999", 0}, {200, "120", 0}, {500, "120", 0}, {301, "120", 0},
		{503, "Thu, 01 Jan 2026 00:01:00 GMT", time.Minute}, {503, "Wed, 31 Dec 2025 23:59:00 GMT", 0},
	} {
		if got := retryAfter(c.code, c.value, now); got != c.want {
			t.Errorf("%d with %q: %v, want %v", c.code, c.value, got, c.want)
		}
	}
	url := serveHTTP(t, answering("HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"))
	if r := New(Config{}).Do(t.Context(), callTo(url)); r.RetryAfter != 7*time.Second {
		t.Errorf("%+v", r)
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"":                              "",
		"Not Found":                     "Not Found",
		"a\tb\r\nc\x00d\x7f":            "abcd",
		"caf\xe9":                       "caf\ufffd",
		"\u0085x\u009f":                 "x",
		strings.Repeat("x", 300):        strings.Repeat("x", 255),
		strings.Repeat("ü", 200):        strings.Repeat("ü", 127),
		strings.Repeat("\x01", 300):     "",
		"a\ufffdb":                      "a\ufffdb",
		strings.Repeat("\xff", 100):     strings.Repeat("\ufffd", 85),
		"\x01" + strings.Repeat("x", 9): strings.Repeat("x", 9),
	} {
		if got := clean(in, maxText); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
}
