package fetch

import (
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"punctual/internal/cron"
)

const signingSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// parsed is a request as it came, with its body.
func parsed(t *testing.T, request string) (http.Header, string) {
	t.Helper()
	r, err := http.ReadRequest(newBufferedString(request))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.Header, string(body)
}

// verifies reports what the library of the specification says of a request.
func verifies(t *testing.T, request string) error {
	t.Helper()
	library, err := standardwebhooks.NewWebhook(signingSecret)
	if err != nil {
		t.Fatal(err)
	}
	header, body := parsed(t, request)
	return library.Verify([]byte(body), header)
}

// TestSignaturesVerify has the library of the Standard Webhooks project verify what was sent.
func TestSignaturesVerify(t *testing.T) {
	var elsewhere, here site
	foreign := serveHTTP(t, elsewhere.answer(map[string]string{"/": okAnswer}))
	url := serveHTTP(t, here.answer(map[string]string{
		"/": okAnswer, "/here": found(307, "/"), "/elsewhere": found(307, foreign), "/get": found(303, "/"), "/moved": found(301, "/"),
	}))
	job := cron.NewJob()
	job.ID, job.SigningSecret, job.Exchange.FollowRedirects = 7, signingSecret, 3
	long := strings.Repeat("%cjo:jobid% ü ", 3*requestSize)[:3*requestSize]
	for _, row := range []struct {
		name, path, body string
		method           cron.Method
		headers          []cron.Header
		requests         int
	}{
		{name: "no body", requests: 1},
		{name: "a body that the method does not send", body: "x", requests: 1},
		{name: "a body", method: cron.MethodPost, body: `{"a":"%cjo:uuid4%"}`, requests: 1},
		{name: "an empty body", method: cron.MethodPost, requests: 1},
		{name: "a body that is longer than the buffer", method: cron.MethodPut, body: long, requests: 1},
		{name: "a redirect that keeps the body", path: "here", method: cron.MethodPost, body: long, requests: 2},
		{name: "a redirect that drops the body", path: "get", method: cron.MethodPost, body: "x", requests: 2},
		{name: "another one", path: "moved", method: cron.MethodPost, body: "x", requests: 2},
		{name: "an ID of the job", method: cron.MethodPost, body: "x", requests: 1,
			headers: []cron.Header{{Name: "Webhook-ID", Value: "mine\x01"}, {Name: "webhook-id", Value: "other"}}},
		{name: "to another origin", path: "elsewhere", method: cron.MethodPost, body: "x", requests: 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			job.Request = cron.Request{URL: url + row.path, Method: row.method, Body: row.body, Headers: row.headers}
			call := job.Call(&goldenPlan, cron.Material{}, cron.Attempt{Execution: 9, Planned: time.Unix(1, 0)}, time.Now())
			if r := New(Config{}).Do(t.Context(), call); r.Status != cron.StatusOK {
				t.Fatalf("%+v", r)
			}
			requests := here.take()
			if len(requests) != row.requests {
				t.Fatalf("%d requests", len(requests))
			}
			for _, request := range requests {
				if err := verifies(t, request); err != nil {
					t.Errorf("%v: %.300q", err, request)
				}
				if err := verifies(t, strings.Replace(request, "\r\n\r\n", "\r\n\r\n+", 1)); err == nil && row.body != "" && !strings.HasPrefix(request, "GET") {
					t.Error("another body verifies")
				}
			}
			for _, request := range elsewhere.take() {
				if strings.Contains(strings.ToLower(request), "webhook-") {
					t.Errorf("another origin gets %q", request)
				}
			}
		})
	}
}

// TestSignatureOfTheSpecification signs the example of the specification.
func TestSignatureOfTheSpecification(t *testing.T) {
	call := cron.Call{SigningSecret: signingSecret}
	const id, timestamp, body = "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", `{"test": 2432232314}`
	if got := string(call.AppendSignature(nil, id, timestamp, body)); got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Error(got)
	}
}

// carriedBy is the headers of the one request of a call that this service adds, without those that every request has.
func carriedBy(t *testing.T, call cron.Call) http.Header {
	t.Helper()
	header, _ := parsed(t, sent(t, New(Config{}), "/", func(c *cron.Call) {
		url, timeout, most := c.Request.URL, c.Timeout, c.MaxResponse
		*c = call
		c.Request.URL, c.Timeout, c.MaxResponse = url, timeout, most
	}))
	for _, name := range []string{"User-Agent", "Accept", "Connection"} {
		header.Del(name)
	}
	return header
}

// TestWhatACallCarries compares the calls of the attempts at an occurrence, of another occurrence, and of a test run.
func TestWhatACallCarries(t *testing.T) {
	job := cron.NewJob()
	job.ID = 7
	material := cron.Material{Installation: [16]byte{1}}
	first := cron.Attempt{Execution: 41, Planned: time.Unix(60, 0), Number: 1}
	carries := func(m cron.Material, a cron.Attempt) http.Header {
		t.Helper()
		return carriedBy(t, job.Call(&goldenPlan, m, a, time.Now()))
	}
	if h := carries(material, first); len(h) != 1 || h.Get("Punctual-Execution") != "41" {
		t.Errorf("a plain job: %v", h)
	}
	job.Policy.Delivery = cron.AtLeastOnce
	if h := carries(material, first); len(h) != 3 || h.Get("Punctual-Attempt") != "1" || h.Get("Idempotency-Key") == "" {
		t.Errorf("at least once: %v", h)
	}
	job.Policy.Delivery, job.Policy.Retry.Count = cron.AtMostOnce, 1
	job.Traceparent, job.SigningSecret = true, signingSecret
	all := carries(material, first)
	key := regexp.MustCompile("^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
	if len(all) != 7 || !key.MatchString(all.Get("Idempotency-Key")) || all.Get("Webhook-Id") != "msg_"+all.Get("Idempotency-Key") ||
		!regexp.MustCompile("^00-[0-9a-f]{32}-[0-9a-f]{16}-01$").MatchString(all.Get("Traceparent")) {
		t.Errorf("everything: %v", all)
	}
	second := first
	second.Execution, second.Number = 42, 2
	again := carries(material, second)
	trace := func(h http.Header) string { return h.Get("Traceparent")[:35] }
	if again.Get("Idempotency-Key") != all.Get("Idempotency-Key") || trace(again) != trace(all) ||
		again.Get("Traceparent") == all.Get("Traceparent") || again.Get("Punctual-Attempt") != "2" || again.Get("Punctual-Execution") != "42" {
		t.Errorf("attempts: %v and %v", all, again)
	}
	later, manual, test := first, first, first
	later.Planned, manual.Kind = first.Planned.Add(time.Millisecond), cron.KindManual
	test.Test, test.Planned = true, time.Unix(60, 0)
	keys := []string{all.Get("Idempotency-Key")}
	for _, h := range []http.Header{
		carries(material, later), carries(material, manual), carries(material, test), carries(cron.Material{}, first),
	} {
		if slices.Contains(keys, h.Get("Idempotency-Key")) || trace(h) == trace(all) {
			t.Errorf("another occurrence has the same key: %v", h)
		}
		keys = append(keys, h.Get("Idempotency-Key"))
	}
	if h := carries(material, test); h.Get("Punctual-Execution") != "test-41" || len(h) != len(all) {
		t.Errorf("a test run: %v", h)
	}
}

// TestHeadersOfTheJobWin sets each header that a call carries.
func TestHeadersOfTheJobWin(t *testing.T) {
	job := cron.NewJob()
	job.Policy.Delivery, job.Traceparent, job.SigningSecret = cron.AtLeastOnce, true, signingSecret
	names := []string{"punctual-EXECUTION", "traceParent", "idempotency-key", "Punctual-attempt", "Webhook-Id", "WEBHOOK-timestamp",
		"webhook-Signature"}
	for _, name := range names {
		job.Request.Headers = append(job.Request.Headers, cron.Header{Name: name, Value: "mine"})
	}
	h := carriedBy(t, job.Call(&goldenPlan, cron.Material{}, cron.Attempt{Number: 1}, time.Now()))
	if len(h) != len(names) {
		t.Errorf("sent %v", h)
	}
	for name, values := range h {
		if !slices.Equal(values, []string{"mine"}) {
			t.Errorf("%s is %q", name, values)
		}
	}
}

// TestSecretsStayInside puts secrets everywhere a request can have them, to a server that echoes and one that redirects.
func TestSecretsStayInside(t *testing.T) {
	secrets := map[string]string{
		"USER": "us%er:/@1", "PASS": "pässword \"1\"", "PATH": "../path?&#1", "TOKEN": "t0ken/t0ken", "BODY": `b"ody\b"ody`, "SHORT": "abc",
	}
	echo := func(conn net.Conn) {
		request, err := readRequest(conn)
		if err != nil {
			return
		}
		head, body, _ := strings.Cut(request, "\r\n\r\n")
		line, fields, _ := strings.Cut(head, "\r\n")
		text := line + "\n" + body + "\n" + fields
		for _, value := range secrets {
			text += "\n" + strings.ToLower(urlEncoded(value)) + " " + value + " " + html.EscapeString(value) + " " + inJSON(value)
		}
		io.WriteString(conn, "HTTP/1.1 200 "+body+"\r\nX-Line: "+line+"\r\nX-Token: "+secrets["TOKEN"]+"\r\n\r\n"+text)
	}
	origin := serveHTTP(t, echo)
	hopped := serveHTTP(t, func(conn net.Conn) {
		request, err := readRequest(conn)
		if err != nil {
			return
		}
		path := strings.Fields(request)[1]
		io.WriteString(conn, "HTTP/1.1 307 x\r\nLocation: "+origin+"echo"+path+"?"+urlEncoded(secrets["TOKEN"])+"\r\n\r\n")
	})
	job := cron.NewJob()
	job.SaveResponses, job.Exchange.FollowRedirects = true, 2
	for _, base := range []string{origin, hopped} {
		job.Request = cron.Request{
			URL:    strings.Replace(base, "://", "://%secret:USER%:%secret:PASS%@", 1) + "%secret:PATH%?a=%secret:SHORT%#%secret:SHORT%",
			Method: cron.MethodPost, Body: "%secret:BODY% %secret:SHORT%",
			Headers: []cron.Header{{Name: "X-Key", Value: "k=%secret:TOKEN%"}, {Name: "X-Other", Value: "other"}},
		}
		names := job.Request.SecretNames()
		if len(names) != len(secrets) {
			t.Fatalf("the names are %q", names)
		}
		call := job.Call(&goldenPlan, cron.Material{Secrets: secrets}, cron.Attempt{}, time.Now())
		r := New(Config{}).Do(t.Context(), call)
		if r.Status != cron.StatusOK {
			t.Fatalf("%+v", r)
		}
		if want := strings.Replace(base, "://", "://%secret:USER%:xxxxx@", 1) + "%secret:PATH%?a=%secret:SHORT%"; r.URL != want {
			t.Errorf("the URL is %s, want %s", r.URL, want)
		}
		shown := strings.Join([]string{r.URL, r.Reason, r.Detail, string(r.Headers), string(r.Body)}, "\n")
		for _, redirect := range r.Redirects {
			shown += "\n" + redirect.URL
		}
		for name, value := range secrets {
			if len(value) < cron.MinMaskedSecret {
				continue
			}
			for _, form := range []string{value, urlEncoded(value), strings.ToLower(urlEncoded(value)), html.EscapeString(value), inJSON(value)} {
				if strings.Contains(shown, form) {
					t.Errorf("%s is shown as %q:\n%s", name, form, shown)
				}
			}
			if !strings.Contains(string(r.Body), "%secret:"+name+"%") {
				t.Errorf("the body does not show that it had %s: %s", name, r.Body)
			}
		}
		if basic := base64.StdEncoding.EncodeToString([]byte(secrets["USER"] + ":" + secrets["PASS"])); strings.Contains(shown, basic) {
			t.Errorf("the credentials are shown as %s", basic)
		}
		other := base == hopped
		if strings.Contains(string(r.Body), "X-Key") == other || !strings.Contains(string(r.Body), "X-Other: other") ||
			strings.Contains(string(r.Body), "Authorization") == other {
			t.Errorf("sent %s", r.Body)
		}
	}
}

// inJSON is s in a JSON string, in ASCII.
func inJSON(s string) string {
	var b strings.Builder
	for _, c := range utf16.Encode([]rune(s)) {
		switch {
		case c < ' ' || c > '~' || c == '/':
			fmt.Fprintf(&b, "\\u%04x", c)
		case c == '"' || c == '\\':
			b.WriteString(`\` + string(rune(c)))
		default:
			b.WriteByte(byte(c))
		}
	}
	return b.String()
}

func urlEncoded(s string) string {
	var b strings.Builder
	for i := range len(s) {
		const hex = "0123456789ABCDEF"
		b.WriteString("%" + hex[s[i]>>4:s[i]>>4+1] + hex[s[i]&15:s[i]&15+1])
	}
	return b.String()
}

// TestMaskedResultsAreBounded has a server send nothing but short secrets, whose names are longer.
func TestMaskedResultsAreBounded(t *testing.T) {
	const value = "12345678"
	name := strings.Repeat("N", cron.MaxSecretName)
	url := serveHTTP(t, func(conn net.Conn) {
		if _, err := readRequest(conn); err == nil {
			io.WriteString(conn, "HTTP/1.1 200 "+strings.Repeat(value, 20)+"\r\n"+strings.Repeat("X: "+value+"\r\n", 10_000)+"\r\n"+
				strings.Repeat("1234567"+value, 5000))
		}
	})
	job := cron.NewJob()
	job.SaveResponses, job.Request.URL = true, url+"%secret:"+name+"%"
	call := job.Call(&goldenPlan, cron.Material{Secrets: map[string]string{name: value}}, cron.Attempt{}, time.Now())
	r := New(Config{}).Do(t.Context(), call)
	if r.Status != cron.StatusOK || len(r.Body) != cron.MaxStoredBody || len(r.Headers) > maxHead || len(r.Reason) > maxText ||
		!strings.HasSuffix(string(r.Headers), "%\r\n\r\n") || strings.Contains(string(r.Body)+r.Reason+string(r.Headers), value) {
		t.Errorf("status %d, %d bytes of body, %d of headers, reason %q", r.Status, len(r.Body), len(r.Headers), r.Reason)
	}
}

// TestCutReasonsShowNoSecret has a secret at the end of what is kept of a reason phrase, at each offset.
func TestCutReasonsShowNoSecret(t *testing.T) {
	const value = "ABCDEFGHIJKLMNOP"
	job := cron.NewJob()
	job.SaveResponses = true
	for kept := range len(value) + 1 {
		job.Request.URL = serveHTTP(t, answering("HTTP/1.1 200 "+strings.Repeat("x", maxText-kept)+value+"\r\n\r\n")) + "%secret:A%"
		call := job.Call(&goldenPlan, cron.Material{Secrets: map[string]string{"A": value}}, cron.Attempt{}, time.Now())
		done := New(Config{}).Do(t.Context(), call)
		traced, _ := New(Config{}).Trace(t.Context(), call, nil)
		for _, r := range []cron.Result{done, traced} {
			if end := strings.TrimLeft(r.Reason, "x"); !strings.HasPrefix("%secret:A%", end) || len(r.Reason) > maxText {
				t.Errorf("of %d bytes that are kept, %q is shown", kept, end)
			}
		}
	}
}
