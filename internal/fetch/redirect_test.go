package fetch

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"punctual/internal/cron"
)

// site is servers that answer by path, and remember what they were asked.
type site struct {
	mu    sync.Mutex
	asked []string // requests as they came
}

// answer handles a connection by what pages says for the path of the request.
func (s *site) answer(pages map[string]string) func(net.Conn) {
	return func(conn net.Conn) {
		request, err := readRequest(conn)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.asked = append(s.asked, request)
		s.mu.Unlock()
		resource := strings.Fields(request)[1]
		answer, ok := pages[resource]
		if !ok {
			answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
		}
		conn.Write([]byte(answer))
	}
}

// lines lists the request lines that came.
func (s *site) lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for _, request := range s.asked {
		line, _, _ := strings.Cut(request, " HTTP/1.1\r\n")
		lines = append(lines, line)
	}
	return lines
}

// take returns the requests that came since the last time.
func (s *site) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return asked
}

func (s *site) last() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[len(s.asked)-1]
}

// to is a redirect whose body must not matter.
func to(code int, location string) string {
	return fmt.Sprintf("HTTP/1.1 %d Moved\r\nLocation: %s\r\nX-Hop: yes\r\nContent-Length: 1000000\r\n\r\nmoved",
		code, location)
}

// TestRedirects has a row for each kind of redirect. A, B and S stand for the origins of two servers and of one that
// speaks TLS; each has all pages.
func TestRedirects(t *testing.T) {
	trusted := newAuthority("trusted")
	rows := []struct {
		name     string
		pages    map[string]string // /start is asked for first
		start    string            // "" is A/start
		method   cron.Method
		most     int // 0 is 5
		status   cron.Status
		http     int
		fault    cron.Fault
		detail   string
		lines    string // what was asked, "" is not looked at
		chain    string // Result.Redirects
		loneHop  bool   // what is kept is the response that was not followed
		noFollow bool
	}{
		{name: "none", pages: map[string]string{"/start": okAnswer}, status: cron.StatusOK, http: 200, lines: "GET /start"},
		{name: "off", noFollow: true, pages: map[string]string{"/start": "HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n"},
			status: cron.StatusHTTPError, http: 302, lines: "GET /start"},
		{name: "one", pages: map[string]string{"/start": to(301, "/end"), "/end": okAnswer}, status: cron.StatusOK,
			http: 200, lines: "GET /start, GET /end", chain: "301 A/end"},
		{name: "to a failure", pages: map[string]string{"/start": to(302, "/end")}, status: cron.StatusHTTPError, http: 404,
			lines: "GET /start, GET /end", chain: "302 A/end"},
		{name: "as many as allowed", most: 2, pages: map[string]string{"/start": to(301, "/b"), "/b": to(302, "/end"),
			"/end": okAnswer}, status: cron.StatusOK, http: 200, chain: "301 A/b, 302 A/end"},
		{name: "one too many", most: 2, pages: map[string]string{"/start": to(301, "/b"), "/b": to(302, "/c"),
			"/c": "HTTP/1.1 307 On\r\nLocation: /end\r\nX-Hop: yes\r\n\r\n", "/end": okAnswer}, status: cron.StatusHTTPError,
			http: 307, fault: cron.FaultRedirects, detail: "2", lines: "GET /start, GET /b, GET /c",
			chain: "301 A/b, 302 A/c", loneHop: true},
		{name: "300 is none", pages: map[string]string{"/start": "HTTP/1.1 300 Choices\r\nLocation: /end\r\n\r\n"},
			status: cron.StatusHTTPError, http: 300, lines: "GET /start"},
		{name: "304 is none", pages: map[string]string{"/start": "HTTP/1.1 304 Not Modified\r\nLocation: /end\r\n\r\n"},
			status: cron.StatusHTTPError, http: 304, lines: "GET /start"},
		{name: "201 is none", pages: map[string]string{"/start": "HTTP/1.1 201 Created\r\nLocation: /end\r\n\r\n"},
			status: cron.StatusOK, http: 201, lines: "GET /start"},

		// Methods.
		{name: "301 POST", method: cron.MethodPost, pages: map[string]string{"/start": to(301, "/end"), "/end": okAnswer},
			status: cron.StatusOK, http: 200, lines: "POST /start, GET /end"},
		{name: "302 POST", method: cron.MethodPost, pages: map[string]string{"/start": to(302, "/end"), "/end": okAnswer},
			status: cron.StatusOK, http: 200, lines: "POST /start, GET /end"},
		{name: "303 POST", method: cron.MethodPost, pages: map[string]string{"/start": to(303, "/end"), "/end": okAnswer},
			status: cron.StatusOK, http: 200, lines: "POST /start, GET /end"},
		{name: "307 POST", method: cron.MethodPost, pages: map[string]string{"/start": to(307, "/end"), "/end": okAnswer},
			status: cron.StatusOK, http: 200, lines: "POST /start, POST /end"},
		{name: "308 POST", method: cron.MethodPost, pages: map[string]string{"/start": to(308, "/end"), "/end": okAnswer},
			status: cron.StatusOK, http: 200, lines: "POST /start, POST /end"},
		{name: "301 PUT", method: cron.MethodPut, pages: map[string]string{"/start": to(301, "/end"), "/end": okAnswer},
			status: cron.StatusOK, http: 200, lines: "PUT /start, PUT /end"},
		{name: "302 DELETE", method: cron.MethodDelete, pages: map[string]string{"/start": to(302, "/end"), "/end": okAnswer},
			status: cron.StatusOK, http: 200, lines: "DELETE /start, DELETE /end"},
		{name: "303 PATCH", method: cron.MethodPatch, pages: map[string]string{"/start": to(303, "/end"), "/end": okAnswer},
			status: cron.StatusOK, http: 200, lines: "PATCH /start, GET /end"},
		{name: "303 OPTIONS", method: cron.MethodOptions,
			pages:  map[string]string{"/start": to(303, "/end"), "/end": okAnswer},
			status: cron.StatusOK, http: 200, lines: "OPTIONS /start, GET /end"},
		{name: "303 HEAD", method: cron.MethodHead, pages: map[string]string{"/start": to(303, "/end"), "/end": okAnswer},
			status: cron.StatusOK, http: 200, lines: "HEAD /start, HEAD /end"},
		{name: "back to itself with another method", method: cron.MethodPost,
			pages: map[string]string{"/start": to(303, "/start")}, status: cron.StatusHTTPError, http: 303,
			fault: cron.FaultRedirectLoop, detail: "A/start", lines: "POST /start, GET /start", chain: "303 A/start"},

		// Locations.
		{name: "absolute", pages: map[string]string{"/start": to(302, "B/end"), "/end": okAnswer}, status: cron.StatusOK,
			http: 200, chain: "302 B/end"},
		{name: "to a name", pages: map[string]string{"/start": to(302, "http://NAME.test:PORT/end"), "/end": okAnswer},
			status: cron.StatusOK, http: 200, chain: "302 http://NAME.test:PORT/end"},
		{name: "without a scheme", pages: map[string]string{"/start": to(302, "//HOST/end"), "/end": okAnswer},
			status: cron.StatusOK, http: 200, chain: "302 B/end"},
		{name: "relative path", start: "A/a/b?c", pages: map[string]string{"/a/b?c": to(302, "../end?x=1"),
			"/end?x=1": okAnswer}, status: cron.StatusOK, http: 200, chain: "302 A/end?x=1"},
		{name: "query alone", pages: map[string]string{"/start": to(302, "?q"), "/start?q": okAnswer},
			status: cron.StatusOK, http: 200, chain: "302 A/start?q"},
		{name: "fragment", pages: map[string]string{"/start": to(302, "/end#part"), "/end": okAnswer},
			status: cron.StatusOK, http: 200, chain: "302 A/end"},
		{name: "fragment alone is a loop", pages: map[string]string{"/start": to(302, "#part")},
			status: cron.StatusHTTPError, http: 302, fault: cron.FaultRedirectLoop, detail: "A/start", lines: "GET /start"},
		{name: "blanks and other characters", pages: map[string]string{"/start": to(302, "  /\u00fc b?\u00e4 "),
			"/%C3%BC%20b?%C3%A4": okAnswer}, status: cron.StatusOK, http: 200},
		{name: "https from http", pages: map[string]string{"/start": to(302, "S/end"), "/end": okAnswer},
			status: cron.StatusOK, http: 200, chain: "302 S/end"},
		{name: "http from https", start: "S/start", pages: map[string]string{"/start": to(302, "A/end"), "/end": okAnswer},
			status: cron.StatusOK, http: 200, chain: "302 A/end"},
		{name: "two of them", pages: map[string]string{"/start": "HTTP/1.1 302 On\r\nLocation: /end\r\nLocation: /x\r\n\r\n",
			"/end": okAnswer}, status: cron.StatusOK, http: 200, chain: "302 A/end"},
		{name: "missing", pages: map[string]string{"/start": "HTTP/1.1 302 On\r\nX-Hop: yes\r\n\r\n"},
			status: cron.StatusHTTPError, http: 302, lines: "GET /start", loneHop: true},
		{name: "empty", pages: map[string]string{"/start": "HTTP/1.1 302 On\r\nLocation: \r\nX-Hop: yes\r\n\r\n"},
			status: cron.StatusHTTPError, http: 302, lines: "GET /start", loneHop: true},
		{name: "other scheme", pages: map[string]string{"/start": "HTTP/1.1 302 On\r\nLocation: ftp://a.test/\r\n\r\n"},
			status: cron.StatusHTTPError, http: 302, fault: cron.FaultRedirectURL, detail: "ftp://a.test/"},
		{name: "file", pages: map[string]string{"/start": "HTTP/1.1 302 On\r\nLocation: file:///etc/passwd\r\n\r\n"},
			status: cron.StatusHTTPError, http: 302, fault: cron.FaultRedirectURL, detail: "file:///etc/passwd"},
		{name: "script", pages: map[string]string{"/start": "HTTP/1.1 302 On\r\nLocation: javascript:alert(1)\r\n\r\n"},
			status: cron.StatusHTTPError, http: 302, fault: cron.FaultRedirectURL, detail: "javascript:alert(1)"},
		{name: "no host", pages: map[string]string{"/start": "HTTP/1.1 302 On\r\nLocation: http:///x\r\n\r\n"},
			status: cron.StatusHTTPError, http: 302, fault: cron.FaultRedirectURL, detail: "http:///x"},
		{name: "bad host", pages: map[string]string{"/start": "HTTP/1.1 302 On\r\nLocation: http://1.2.3.4.5/\r\n\r\n"},
			status: cron.StatusHTTPError, http: 302, fault: cron.FaultRedirectURL, detail: "http://1.2.3.4.5/"},
		{name: "bad escape", pages: map[string]string{"/start": "HTTP/1.1 302 On\r\nLocation: /%zz\r\n\r\n"},
			status: cron.StatusHTTPError, http: 302, fault: cron.FaultRedirectURL, detail: "/%zz"},
		{name: "bad port", pages: map[string]string{"/start": "HTTP/1.1 302 On\r\nLocation: http://a.test:99999/\r\n\r\n"},
			status: cron.StatusHTTPError, http: 302, fault: cron.FaultRedirectURL, detail: "http://a.test:99999/"},
		{name: "endless", pages: map[string]string{"/start": "HTTP/1.1 302 On\r\nLocation: /" +
			strings.Repeat("x", cron.MaxURLLength) + "\r\n\r\n"},
			status: cron.StatusHTTPError, http: 302, fault: cron.FaultRedirectURL, detail: "/xxxx"},

		// Ends.
		{name: "loop of one", pages: map[string]string{"/start": "HTTP/1.1 302 On\r\nLocation: /start\r\nX-Hop: yes\r\n\r\n"},
			status: cron.StatusHTTPError, http: 302, fault: cron.FaultRedirectLoop, detail: "A/start", lines: "GET /start",
			loneHop: true},
		{name: "loop of two", pages: map[string]string{"/start": to(302, "/b"), "/b": to(301, "/start")},
			status: cron.StatusHTTPError, http: 301, fault: cron.FaultRedirectLoop, detail: "A/start",
			lines: "GET /start, GET /b", chain: "302 A/b"},
		{name: "loop over two origins", most: 10,
			pages:  map[string]string{"/start": to(302, "B/b"), "/b": to(302, "A/start")},
			status: cron.StatusHTTPError, http: 302, fault: cron.FaultRedirectLoop, detail: "B/b",
			lines: "GET /start, GET /b, GET /start", chain: "302 B/b, 302 A/start"},
		{name: "to a blocked address", pages: map[string]string{"/start": to(302, "http://169.254.169.254/latest")},
			status: cron.StatusConnectFailed, fault: cron.FaultMetadata, detail: "169.254.169.254:80",
			chain: "302 http://169.254.169.254/latest"},
		{name: "to a name of a blocked address", pages: map[string]string{"/start": to(302, "http://metadata.test/")},
			status: cron.StatusConnectFailed, fault: cron.FaultMetadata, detail: "169.254.169.254:80",
			chain: "302 http://metadata.test/"},
		{name: "to a blocked address in disguise", pages: map[string]string{"/start": to(302, "http://0xa9fea9fe/")},
			status: cron.StatusConnectFailed, fault: cron.FaultMetadata, detail: "169.254.169.254:80"},
		{name: "to our own listener", pages: map[string]string{"/start": to(302, "http://127.0.0.1:9/")},
			status: cron.StatusConnectFailed, fault: cron.FaultOwnListener, detail: "127.0.0.1:9"},
		{name: "to nobody", pages: map[string]string{"/start": to(302, "http://nobody.test/")},
			status: cron.StatusDNSError, fault: cron.FaultHostNotFound, detail: "nobody.test",
			chain: "302 http://nobody.test/"},
		{name: "to a closed port", pages: map[string]string{"/start": to(302, "http://127.0.0.1:1/")},
			status: cron.StatusConnectFailed, fault: cron.FaultRefused, detail: "127.0.0.1:1"},
		{name: "of CONNECT", method: cron.MethodConnect, start: "A/start",
			pages:  map[string]string{"HOSTA": "HTTP/1.1 302 On\r\nLocation: /end\r\n\r\n"},
			status: cron.StatusHTTPError, http: 302},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var s site
			pages := map[string]string{}
			handle := s.answer(pages)
			// No request comes before the pages are there.
			a := serve(t, "127.0.0.1:0", handle)
			b := serve(t, "127.0.0.1:0", handle)
			secure := serve(t, "127.0.0.1:0", overTLS(trusted.server(), func(conn *tls.Conn) { handle(conn); conn.Close() }))
			full := strings.NewReplacer("HOSTA", a.String(), "HOST", b.String(), "PORT", fmt.Sprint(b.Port()),
				"A/", "http://"+a.String()+"/", "B/", "http://"+b.String()+"/", "S/", "https://"+secure.String()+"/")
			for path, answer := range row.pages {
				head, body, _ := strings.Cut(answer, "\r\nLocation: ")
				if body != "" {
					answer = head + "\r\nLocation: " + full.Replace(body)
				}
				pages[full.Replace(path)] = answer
			}

			start := row.start
			if start == "" {
				start = "A/start"
			}
			call := callTo(full.Replace(start))
			call.Request.Method, call.Request.Body = row.method, "the body"
			call.Exchange.FollowRedirects = row.most
			if row.most == 0 && !row.noFollow {
				call.Exchange.FollowRedirects = 5
			}
			client := New(Config{
				RootCAs: trusted.pool(), Guard: &Guard{Own: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:9")}},
				Resolver: names{"name.test": {"127.0.0.1"}, "metadata.test": {"169.254.169.254"}},
			})
			r := client.Do(t.Context(), call)
			checkSound(t, &r)
			if r.Status != row.status || r.HTTPStatus != row.http || r.Fault != row.fault ||
				!strings.Contains(r.Detail, full.Replace(row.detail)) {
				t.Errorf("%+v", r)
			}
			if r.URL != call.Request.URL {
				t.Errorf("the URL is %s, not the first one", r.URL)
			}
			if lines := strings.Join(s.lines(), ", "); row.lines != "" && lines != row.lines {
				t.Errorf("asked for %s, want %s", lines, row.lines)
			}
			var chain []string
			for _, hop := range r.Redirects {
				chain = append(chain, fmt.Sprint(hop.Status, " ", hop.URL))
			}
			if got := strings.Join(chain, ", "); row.chain != "" && got != full.Replace(row.chain) {
				t.Errorf("the redirects are %s, want %s", got, full.Replace(row.chain))
			}
			if row.http == 0 && r.Headers != nil || strings.Contains(string(r.Headers), "X-Hop") != row.loneHop &&
				row.fault != cron.FaultRedirectLoop {
				t.Errorf("kept %q", r.Headers)
			}
			again(t, client, call, &r)
		})
	}
}

// TestRedirectedCredentials has a row for each way to another place, and whether what is meant for the first one goes
// there.
func TestRedirectedCredentials(t *testing.T) {
	trusted := newAuthority("trusted")
	headers := []cron.Header{
		{Name: "authorization", Value: "Bearer t0ken"}, {Name: "Cookie", Value: "c00kie=1"},
		{Name: "Host", Value: "h0st.test"}, {Name: "Proxy-Authorization", Value: "pr0xy"}, {Name: "X-Plain", Value: "stays"},
		{Name: "Content-Type", Value: "text/c0ntent"}, {Name: "Content-Encoding", Value: "c0ded"},
	}
	all := []string{"Bearer t0ken", "c00kie", "h0st.test", "pr0xy"}
	basic := "Authorization: Basic "
	rows := []struct {
		name    string
		start   string
		pages   map[string]string
		method  cron.Method
		headers []cron.Header
		auth    bool
		has     []string // in the last request
		lacks   []string
	}{
		{name: "same origin", start: "A/start", pages: map[string]string{"/start": to(302, "/end")}, headers: headers,
			has: append(all, "stays", "text/c0ntent")},
		{name: "same origin, absolute", start: "A/start", pages: map[string]string{"/start": to(302, "A/end")},
			headers: headers, has: all},
		{name: "another port", start: "A/start", pages: map[string]string{"/start": to(302, "B/end")}, headers: headers,
			has: []string{"stays"}, lacks: all},
		{name: "another name of the host", start: "A/start",
			pages: map[string]string{"/start": to(302, "http://name.test:PORTA/end")}, headers: headers, lacks: all},
		{name: "a name below it", start: "http://name.test:PORTA/start",
			pages: map[string]string{"/start": to(302, "http://sub.name.test:PORTA/end")}, headers: headers, lacks: all},
		{name: "the same name in other letters", start: "http://name.test:PORTA/start",
			pages: map[string]string{"/start": to(302, "http://NAME.test:PORTA/end")}, headers: headers, has: all},
		{name: "https to http", start: "S/start", pages: map[string]string{"/start": to(302, "A/end")}, headers: headers,
			auth: true, lacks: append(all, basic)},
		{name: "http to https", start: "A/start", pages: map[string]string{"/start": to(302, "S/end")}, headers: headers,
			lacks: all},
		{name: "there and back", start: "A/start",
			pages: map[string]string{"/start": to(302, "B/b"), "/b": to(302, "A/end")}, headers: headers, lacks: all},
		{name: "auth, same origin", start: "A/start", pages: map[string]string{"/start": to(307, "/end")}, auth: true,
			has: []string{basic + "bWU6c2VjcmV0"}},
		{name: "auth, another origin", start: "A/start", pages: map[string]string{"/start": to(307, "B/end")}, auth: true,
			lacks: []string{basic}},
		{name: "URL, relative", start: "http://me:secret@HOSTA/start", pages: map[string]string{"/start": to(302, "/end")},
			has: []string{basic + "bWU6c2VjcmV0"}},
		{name: "URL, absolute", start: "http://me:secret@HOSTA/start", pages: map[string]string{"/start": to(302, "A/end")},
			has: []string{basic + "bWU6c2VjcmV0"}},
		{name: "URL, another origin", start: "http://me:secret@HOSTA/start",
			pages: map[string]string{"/start": to(302, "B/end")}, lacks: []string{basic}},
		{name: "of the Location", start: "http://me:secret@HOSTA/start",
			pages: map[string]string{"/start": to(302, "http://you:other@HOSTB/end")},
			has:   []string{basic + "eW91Om90aGVy"}},
		{name: "of the Location, https to http", start: "S/start",
			pages: map[string]string{"/start": to(302, "http://you:other@HOSTB/end")}, lacks: []string{basic}},
		{name: "the body's own headers go with it", start: "A/start", method: cron.MethodPost,
			pages: map[string]string{"/start": to(303, "/end")}, headers: headers, has: append(all, "stays"),
			lacks: []string{"text/c0ntent", "c0ded", "Content-Length", "the body"}},
		{name: "307 keeps them, and the body", start: "A/start", method: cron.MethodPost,
			pages: map[string]string{"/start": to(307, "B/end")}, headers: headers,
			has: []string{"text/c0ntent", "c0ded", "\r\n\r\nthe body"}, lacks: all},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var s site
			pages := map[string]string{"/end": okAnswer}
			handle := s.answer(pages)
			a, b := serve(t, "127.0.0.1:0", handle), serve(t, "127.0.0.1:0", handle)
			secure := serve(t, "127.0.0.1:0", overTLS(trusted.server(), func(conn *tls.Conn) { handle(conn); conn.Close() }))
			full := strings.NewReplacer("HOSTA", a.String(), "HOSTB", b.String(), "PORTA", fmt.Sprint(a.Port()),
				"A/", "http://"+a.String()+"/", "B/", "http://"+b.String()+"/", "S/", "https://"+secure.String()+"/")
			for path, answer := range row.pages {
				pages[path] = full.Replace(answer)
			}
			call := callTo(full.Replace(row.start))
			call.Exchange.FollowRedirects = 3
			call.Request.Headers, call.Request.Method, call.Request.Body = row.headers, row.method, "the body"
			if row.auth {
				call.Request.Auth = cron.BasicAuth{Enable: true, User: "me", Password: "secret"}
			}
			before := slices.Clone(row.headers)
			client := New(Config{RootCAs: trusted.pool(), Resolver: names{"name.test": {"127.0.0.1"},
				"sub.name.test": {"127.0.0.1"}}})
			r := client.Do(t.Context(), call)
			if r.Status != cron.StatusOK {
				t.Fatalf("%+v", r)
			}
			last := s.last()
			for _, want := range row.has {
				if !strings.Contains(last, want) {
					t.Errorf("%q is not in %q", want, last)
				}
			}
			for _, unwanted := range row.lacks {
				if strings.Contains(last, unwanted) {
					t.Errorf("%q is in %q", unwanted, last)
				}
			}
			for _, hop := range r.Redirects {
				if strings.Contains(hop.URL, "secret") || strings.Contains(hop.URL, "other") {
					t.Errorf("a password is kept: %s", hop.URL)
				}
			}
			if !slices.Equal(row.headers, before) {
				t.Error("the job's headers were changed")
			}
		})
	}
}

// TestRedirectsShareOneTimeout has a chain each step of which is quick enough, and all of which are not.
func TestRedirectsShareOneTimeout(t *testing.T) {
	var asked atomic.Int64
	url := serveHTTP(t, func(conn net.Conn) {
		if _, err := readRequest(conn); err != nil {
			return
		}
		n := asked.Add(1)
		time.Sleep(100 * time.Millisecond)
		fmt.Fprintf(conn, "HTTP/1.1 302 On\r\nLocation: /%d\r\n\r\n", n)
	})
	call := callTo(url)
	call.Exchange.FollowRedirects, call.Timeout = 10, 350*time.Millisecond
	r := New(Config{}).Do(t.Context(), call)
	checkSound(t, &r)
	if r.Status != cron.StatusTimeout || r.Fault != cron.FaultTimeout || r.HTTPStatus != 0 || r.Headers != nil {
		t.Errorf("%+v", r)
	}
	if n := asked.Load(); n < 2 || n > 4 || len(r.Redirects) != int(n)-1 {
		t.Errorf("%d requests, and redirects %+v", n, r.Redirects)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(150*time.Millisecond, cancel)
	call.Timeout = 20 * time.Second
	if r := New(Config{}).Do(ctx, call); r.Fault != cron.FaultLost || r.URL != url || r.Redirects != nil {
		t.Errorf("called off: %+v", r)
	}
}

// TestRedirectTimings checks that the times are those of the last request, from the start of the exchange.
func TestRedirectTimings(t *testing.T) {
	trusted := newAuthority("trusted")
	const pause = 50 * time.Millisecond
	end := serveHTTP(t, answering(okAnswer))
	start := serve(t, "127.0.0.1:0", overTLS(trusted.server(), func(conn *tls.Conn) {
		time.Sleep(pause)
		answeringTLS("HTTP/1.1 302 On\r\nLocation: " + end + "\r\n\r\n")(conn)
	}))
	call := callTo("https://" + start.String())
	call.Exchange.FollowRedirects = 1
	r := New(Config{RootCAs: trusted.pool()}).Do(t.Context(), call)
	checkSound(t, &r)
	if r.Status != cron.StatusOK || r.Stats.NameLookup < pause || r.Stats.AppConnect != 0 {
		t.Errorf("%+v", r)
	}
}
