package fetch

import (
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
)

func TestMaskRequest(t *testing.T) {
	for in, want := range map[string]string{
		"": "",
		"GET /path?token=abc HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n": "GET /path?token=abc HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n",
		"GET / HTTP/1.1\r\nAuthorization: Basic dTpw\r\nauthorization: bearer abc def\r\nAuthorization: hunter two\r\n\r\n": "GET / HTTP/1.1\r\n" +
			"Authorization: Basic xxxxx\r\nauthorization: bearer xxxxx\r\nAuthorization: xxxxx\r\n\r\n",
		"POST / HTTP/1.1\r\nCookie: a=b; c=d\r\nX-Key: k\r\nContent-Type: text/plain\r\n\r\nX-Key: k": "POST / HTTP/1.1\r\n" +
			"Cookie: xxxxx\r\nX-Key: xxxxx\r\nContent-Type: text/plain\r\n\r\nX-Key: k",
		"GET / HTTP/1.1\r\nwebhook-signature: v1,abc\r\nwebhook-id: msg_1\r\nPunctual-Execution: 5\r\n\r\n": "GET / HTTP/1.1\r\n" +
			"webhook-signature: xxxxx\r\nwebhook-id: msg_1\r\nPunctual-Execution: 5\r\n\r\n",
		"GET / HTTP/1.1\r\nX-Key: cut of": "GET / HTTP/1.1\r\nX-Key: xxxxx",
		"GET / HTTP/1.1\r\nX-K":           "GET / HTTP/1.1\r\nX-K",
		"GET / HTT":                       "GET / HTT",
	} {
		if got := string(maskRequest([]byte(in))); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// planted are values that nobody may see, with the call that has all of them.
func planted(address string) (values []string, call cron.Call) {
	call = callTo("http://%secret:user%:url%20password@" + address + "/%secret:path%?q=%secret:short%&z=%secret:odd%")
	call.Secrets = map[string]string{
		"user": "user-of-the-url", "path": "path/with?marks", "short": "s3cr3t", "odd": `q"uo\te & more`, "body": "secret-of-the-body",
		"token": "token-of-a-header",
	}
	call.Request.Method = cron.MethodPost
	call.Request.Body = "a=%secret:body%&b=%secret:short%&c=%secret:odd%"
	call.Request.Headers = []cron.Header{
		{Name: "X-Api-Key", Value: "key-of-a-header"}, {Name: "Cookie", Value: "a=value-of-a-cookie; b=another-cookie"},
		{Name: "Proxy-Authorization", Value: "Bearer %secret:token%"}, {Name: "Accept", Value: "text/plain"},
	}
	for name, value := range call.Secrets {
		if name != "short" {
			values = append(values, value)
		}
	}
	pair := base64.StdEncoding.EncodeToString([]byte("user-of-the-url:url password"))
	return append(values, "key-of-a-header", "value-of-a-cookie", "another-cookie", "url password", "url%20password", pair), call
}

// TestTraceMasks has a server that sends back all that it got, in its own words, too.
func TestTraceMasks(t *testing.T) {
	var address string
	words := make(chan []string, 1)
	handle := func(conn net.Conn) {
		request, err := readRequest(conn)
		if err != nil {
			return
		}
		line, rest, _ := strings.Cut(request, "\r\n")
		given := <-words
		words <- given
		if strings.Contains(line, "/echo") {
			fmt.Fprintf(conn, "HTTP/1.1 400 %s\r\nX-Line: %s\r\nX-Words: %s\r\n\r\n%s\n%q", line, line, strings.Join(given, " "), rest, given)
			return
		}
		fmt.Fprintf(conn, "HTTP/1.1 307 %s\r\nLocation: /echo%s\r\n%s", line, strings.Fields(line)[1], rest)
	}
	address = serve(t, "127.0.0.1:0", handle).String()
	values, call := planted(address)
	words <- values
	call.Exchange.FollowRedirects = 5
	var all strings.Builder
	r, trace := New(Config{}).Trace(t.Context(), call, func(trace cron.Trace) { describe(&all, &trace) })
	checkTrace(t, &r, &trace)
	fmt.Fprintf(&all, "%+v %s %s", r, r.Headers, r.Body)
	if r.HTTPStatus != 400 || len(trace.Hops) != 2 {
		t.Fatalf("%+v", r)
	}
	for _, value := range values {
		if strings.Contains(all.String(), value) {
			t.Errorf("%q is shown: %s", value, all.String())
		}
	}
	for i := range trace.Hops {
		hop := &trace.Hops[i]
		if strings.Contains(string(hop.Request), call.Secrets["short"]) || strings.Contains(hop.URL, call.Secrets["short"]) {
			t.Errorf("the short secret is shown: %s %s", hop.URL, hop.Request)
		}
		for _, shown := range []string{"%secret:path%", "%secret:short%", "%secret:odd%", "%secret:body%", "X-Api-Key: xxxxx", "Accept: text/plain",
			"Proxy-Authorization: Bearer xxxxx", "Authorization: Basic xxxxx"} {
			if !strings.Contains(string(hop.Request), shown) && (i == 0 || !strings.Contains(shown, "uthorization")) {
				t.Errorf("%s is not in request %d: %s", shown, i, hop.Request)
			}
		}
	}
}

// describe writes a trace as text that is not quoted.
func describe(b *strings.Builder, trace *cron.Trace) {
	for i := range trace.Hops {
		fmt.Fprintf(b, "%s\n%s\n%s\n", trace.Hops[i].URL, trace.Hops[i].Request, trace.Hops[i].Response)
	}
}

// TestTraceCutsSecrets has a secret at the end of what is kept, at each offset.
func TestTraceCutsSecrets(t *testing.T) {
	const secret = "0123456789abcdef"
	head := ok200 + "\r\n"
	for offset := range len(secret) + 2 {
		url := serveHTTP(t, func(conn net.Conn) {
			if _, err := readRequest(conn); err == nil {
				io.WriteString(conn, head+strings.Repeat("x", cron.MaxTraceBytes-len(head)-offset)+secret+strings.Repeat("y", 100<<10))
			}
		})
		call := callTo(url + "%secret:key%")
		call.MaxResponse, call.Secrets = 1<<20, map[string]string{"key": secret}
		call.Request.Method = cron.MethodPut
		_, trace := traced(t, t.Context(), New(Config{}), call)
		sent := int(trace.Hops[0].RequestBytes) + len("00000") // of Content-Length
		call.Request.Body = strings.Repeat("x", cron.MaxTraceBytes-sent-offset) + "%secret:key%" + strings.Repeat("y", 100<<10)
		r, trace := traced(t, t.Context(), New(Config{}), call)
		hop := trace.Hops[0]
		if !hop.RequestCut || !hop.ResponseCut {
			t.Errorf("offset %d: request cut %v, response cut %v", offset, hop.RequestCut, hop.ResponseCut)
		}
		for what, shown := range map[string][]byte{"response": hop.Response, "request": hop.Request, "body": r.Body} {
			text := string(shown)
			end := text[strings.LastIndex(text, "xxxxxxxx")+8:]
			if n := len(text); n < cron.MaxTraceBytes-100 || n > cron.MaxTraceBytes || strings.Trim(strings.TrimPrefix(end, "%secret:key%"), "y") != "" &&
				!strings.HasPrefix("%secret:key%", end) {
				t.Errorf("offset %d: %s of %d bytes ends in %q", offset, what, n, shown[n-20:])
			}
		}
	}
}

// TestTraceCutTells has masks that are longer and shorter than what they replace, in a whole exchange.
func TestTraceCutTells(t *testing.T) {
	for _, value := range []string{"12345678", strings.Repeat("long", 100)} {
		call := callTo(serveHTTP(t, func(conn net.Conn) {
			if request, err := readRequest(conn); err == nil {
				io.WriteString(conn, ok200+"\r\n"+request)
			}
		}) + "%secret:key%")
		call.Secrets = map[string]string{"key": value}
		call.Request.Headers = []cron.Header{{Name: "X-Key", Value: "short"}}
		_, trace := traced(t, t.Context(), New(Config{}), call)
		if hop := trace.Hops[0]; hop.RequestCut || hop.ResponseCut || hop.ResponseBytes == 0 || len(hop.Request) == int(hop.RequestBytes) {
			t.Errorf("a secret of %d bytes: %d bytes of %d are shown, and %d of %d; cut %v and %v", len(value), len(hop.Request),
				hop.RequestBytes, len(hop.Response), hop.ResponseBytes, hop.RequestCut, hop.ResponseCut)
		}
	}
}

// TestTraceOfDrips has a server that sends byte by byte, which must not cause a report each.
func TestTraceOfDrips(t *testing.T) {
	url := serveHTTP(t, func(conn net.Conn) {
		if _, err := readRequest(conn); err != nil {
			return
		}
		io.WriteString(conn, ok200+"\r\n")
		for began := time.Now(); time.Since(began) < 6*reportInterval; { // as much as the network takes
			if _, err := io.WriteString(conn, "x"); err != nil {
				return
			}
		}
	})
	call := callTo(url)
	call.MaxResponse = 1 << 30
	bytes := make(map[int64]int)
	began := time.Now()
	_, trace := New(Config{}).Trace(t.Context(), call, func(trace cron.Trace) {
		if trace.Phase == cron.PhaseReceiving {
			bytes[trace.Hops[0].ResponseBytes]++
		}
	})
	if most := 2 + int(time.Since(began)/bytesInterval); len(bytes) > most || trace.Phase != cron.PhaseDone {
		t.Errorf("%d reports of bytes, want at most %d; phase %v", len(bytes), most, trace.Phase)
	}
}

// TestTraceMasksChunks has a secret in several chunks.
func TestTraceMasksChunks(t *testing.T) {
	head := "HTTP/1.1 100 Continue\r\n\r\n" + ok200 + "Transfer-Encoding: Chunked\r\n\r\n"
	for body, want := range map[string]string{
		"3\r\nabc\r\n0\r\n\r\n":                               head + "3\r\nabc\r\n0\r\n\r\n",
		"5\r\na=012\r\n5\r\n34567\r\n5\r\n89&b=\r\n0\r\n\r\n": head + "a=%secret:key%&b=",
		"5\r\na=012\r\n5\r\n34567\r\n5\r\n89":                 head + "a=%secret:key%",
	} {
		call := callTo(serveHTTP(t, answering(head+body)) + "%secret:key%")
		call.Secrets = map[string]string{"key": "0123456789"}
		if _, trace := traced(t, t.Context(), New(Config{}), call); string(trace.Hops[0].Response) != want {
			t.Errorf("%q is shown as %q, want %q", body, trace.Hops[0].Response, want)
		}
	}
}

// FuzzMaskRequest checks that of the headers of any job, no value is shown that may be a credential.
func FuzzMaskRequest(f *testing.F) {
	f.Add("X-Key", "value-of-it", "user", "password", "body", 100)
	f.Add("Authorization", "Bearer abc", "", "", "X-Key: 1\r\n\r\n", 70)
	f.Add("Cookie", "a=b\r\nAccept: c", "u\x00", "p:\xff", "", 0)
	client := New(Config{})
	f.Fuzz(func(t *testing.T, name, value, user, password, body string, cut int) {
		call := callTo("http://a.test/")
		call.Request.Method, call.Request.Body = cron.MethodPost, body
		call.Request.Headers = []cron.Header{{Name: name, Value: value}}
		call.Request.Auth = cron.BasicAuth{Enable: true, User: user, Password: password}
		x := &exchange{client: client, call: &call}
		x.target, _ = parseTarget(&call.Request)
		request := append(x.appendHead(nil), body...)
		shown := string(maskRequest(request[:min(len(request), max(cut, 0))]))
		head, _, _ := strings.Cut(shown, "\r\n\r\n")
		for i, line := range strings.Split(head, "\r\n") {
			name, value, ok := strings.Cut(strings.TrimSuffix(line, "\r"), ": ")
			if !ok || i == 0 || isShown(name) || strings.HasSuffix(value, cron.Masked) && len(value) <= len("AWS4-HMAC-SHA256 xxxxx") {
				continue
			}
			t.Errorf("%q is shown of %q", line, request)
		}
	})
}
