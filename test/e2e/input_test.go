package e2e

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"punctual/internal/auth"
	"punctual/internal/cron"
	"punctual/test/harness"
)

// TestBadInput sends invalid requests. Each is refused with a problem that describes it, and has no effect.
func TestBadInput(t *testing.T) {
	t.Parallel()
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		node := s.Start()
		api := s.Client(node)
		mine := api.CreateJob(harness.Fields{"url": "http://example.com/"})
		theirs := harness.NewClient(t, node.URL, s.CreateAccount("somebody@example.com", "unlimited")).CreateJob(
			harness.Fields{"url": "http://example.com/theirs"})
		before := fmt.Sprint(api.Jobs())

		type fields = harness.Fields
		withURL := func(url string) fields { return fields{"job": fields{"url": url}} }
		withHeaders := func(h any) fields {
			return fields{"job": fields{"url": "http://example.com/", "extendedData": fields{"headers": h}}}
		}
		scheduled := func(sc any) fields { return fields{"job": fields{"url": "http://example.com/", "schedule": sc}} }
		own := strings.TrimPrefix(node.URL, "http://")
		_, ownPort, _ := net.SplitHostPort(own)
		tests := []struct {
			name    string
			body    any
			pointer string // of the problem; empty for a problem of the whole body
		}{
			{"no body", "", ""},
			{"no JSON", "{", ""},
			{"broken off", `{"job":{"url":"http://example.com/"`, ""},
			{"two values", `{"job":{"url":"http://example.com/"}} {}`, ""},
			{"an array", `[]`, ""},
			{"null", `null`, "/job"},
			{"deep", strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000), ""},
			{"no job", fields{}, "/job"},
			{"a job that is a list", fields{"job": []int{}}, "/job"},
			{"no URL", fields{"job": fields{}}, "/job/url"},
			{"a URL that is a number", fields{"job": fields{"url": 1}}, "/job/url"},
			{"a file", withURL("file:///etc/passwd"), "/job/url"},
			{"no host", withURL("http:///x"), "/job/url"},
			{"a port out of range", withURL("http://example.com:99999/"), "/job/url"},
			{"a URL too long", withURL("http://example.com/" + strings.Repeat("x", cron.MaxURLLength)), "/job/url"},
			{"cloud metadata", withURL("http://169.254.169.254/"), "/job/url"},
			{"cloud metadata as a number", withURL("http://2852039166/"), "/job/url"},
			{"cloud metadata in IPv6", withURL("http://[::ffff:169.254.169.254]/"), "/job/url"},
			{"ourselves", withURL("http://" + own + "/jobs"), "/job/url"},
			{"ourselves in octal", withURL("http://0177.0.0.1:" + ownPort + "/"), "/job/url"},
			{"ourselves by zero", withURL("http://0:" + ownPort + "/"), "/job/url"},
			{"enabled is a word", fields{"job": fields{"url": "x.example", "enabled": "maybe"}}, "/job/enabled"},
			{"a title too long", fields{"job": fields{"url": "x.example", "title": strings.Repeat("é", 513)}}, "/job/title"},
			{"a title with NUL", fields{"job": fields{"url": "x.example", "title": "a\x00b"}}, "/job/title"},
			{"an unknown folder", fields{"job": fields{"url": "x.example", "folderId": 17}}, "/job/folderId"},
			{"an unknown method", fields{"job": fields{"url": "x.example", "requestMethod": 9}}, "/job/requestMethod"},
			{"a timeout out of range", fields{"job": fields{"url": "x.example", "requestTimeout": 1e30}}, "/job/requestTimeout"},
			{"an hour out of range", scheduled(fields{"hours": []int{24}}), "/job/schedule/hours/0"},
			{"a minute that is not a number", scheduled(fields{"minutes": []any{1, "x"}}), "/job/schedule/minutes/1"},
			{"an unknown time zone", scheduled(fields{"timezone": "Mars/Olympus"}), "/job/schedule/timezone"},
			{"a path as time zone", scheduled(fields{"timezone": "../../etc/passwd"}), "/job/schedule/timezone"},
			{"an expiry that is not a date", scheduled(fields{"expiresAt": 20261301000000}), "/job/schedule/expiresAt"},
			{"a header name with a space", withHeaders(fields{"a b": "c"}), "/job/extendedData/headers/a b"},
			{"a header name with a colon", withHeaders(fields{"a:b": "c"}), "/job/extendedData/headers/a:b"},
			{"a header with NUL", withHeaders(fields{"X-A": "a\x00b"}), "/job/extendedData/headers"},
			{"headers too large", withHeaders(fields{"X-A": strings.Repeat("x", cron.MaxHeaderLength)}), "/job/extendedData/headers"},
			{"a body too large", fields{"job": fields{"url": "x.example",
				"extendedData": fields{"body": strings.Repeat("x", cron.MaxBodyLength+1)}}}, "/job/extendedData/body"},
			{"a request too large", `{"job":{"title":"` + strings.Repeat("x", 9<<20) + `"}}`, ""},
		}
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				for method, path := range map[string]string{"PUT": "/jobs", "PATCH": fmt.Sprintf("/jobs/%d", mine)} {
					if test.name == "no URL" && method == "PATCH" {
						continue // a change may leave it out
					}
					p := harness.NewClient(t, node.URL, s.Key).Refused(400, method, path, test.body)
					named := len(p.Errors) == 0 && test.pointer == ""
					for _, e := range p.Errors {
						named = named || e.Pointer == test.pointer && e.Detail != ""
					}
					if !named {
						t.Errorf("%s: no problem names %q: %+v", method, test.pointer, p)
					}
				}
			})
		}

		if after := fmt.Sprint(api.Jobs()); after != before {
			t.Errorf("the jobs were\n%s\nand are\n%s", before, after)
		}
		checkMissing(t, api, mine, theirs)
		checkKeys(t, node, api)
		checkRawRequests(t, node)
	})
}

// checkMissing asks for things that do not exist and things of another account. The responses are the same.
func checkMissing(t *testing.T, api *harness.Client, mine, theirs int64) {
	t.Helper()
	change := harness.Fields{"job": harness.Fields{"title": "x"}}
	for _, id := range []string{fmt.Sprint(theirs), "999999", "0", "-1", "x", "9223372036854775808", "1e3", "%00", "1%2F2"} {
		path := "/jobs/" + id
		for _, p := range []harness.Problem{
			api.Refused(404, "GET", path, nil), api.Refused(404, "PATCH", path, change),
			api.Refused(404, "DELETE", path, nil), api.Refused(404, "GET", path+"/history", nil),
			api.Refused(404, "GET", path+"/history/1-1-0-1", nil),
		} {
			if strings.Contains(p.Detail, "another") || len(p.Errors) > 0 {
				t.Errorf("job %s: %+v", id, p)
			}
		}
	}
	path := fmt.Sprintf("/jobs/%d/history/", mine)
	for _, identifier := range []string{fmt.Sprintf("%d-1-0-999", mine), "a-b-c-d", "1-2-3-99999999999999999999"} {
		api.Refused(404, "GET", path+identifier, nil)
	}
	for _, identifier := range []string{"1", "1-2-3", "1-2-3-4-5", "%20"} {
		api.Refused(400, "GET", path+identifier, nil)
	}
	for _, unknown := range []string{"GET /nothing", "GET /jobs/", "POST /jobs", "DELETE /jobs", "GET /jobs//1", "PUT /jobs/1",
		"GET /jobs/1/", "GET /jobs/../jobs", "BREW /jobs"} {
		method, path, _ := strings.Cut(unknown, " ")
		api.Refused(404, method, path, nil)
	}
}

// checkKeys calls with invalid keys.
func checkKeys(t *testing.T, node *harness.Node, api *harness.Client) {
	t.Helper()
	_, hash := auth.NewKey()
	for _, value := range []string{"", "Bearer", "Bearer ", "Bearer x", "Basic eDp5", "Bearer punctual_" + strings.Repeat("A", 43),
		fmt.Sprintf("Bearer %x", hash), "Bearer " + strings.Repeat("x", 10_000), "Bearer ' OR 1=1 --"} {
		answer := api.Do("GET", "/jobs", nil, http.Header{"Authorization": {value}})
		if answer.Status != 401 || answer.Header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("with Authorization: %s the answer is %d with %v", value, answer.Status, answer.Header)
		}
	}
	answer := api.Do("GET", "/jobs", nil, http.Header{"Authorization": {}})
	if answer.Status != 401 {
		t.Errorf("without Authorization the answer is %d", answer.Status)
	}
}

// checkRawRequests sends requests that no HTTP client sends. The service answers or closes the connection, and keeps
// running.
func checkRawRequests(t *testing.T, node *harness.Node) {
	t.Helper()
	u, err := url.Parse(node.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range []string{
		"\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET /jobs HTTP/1.1\r\n\r\n",
		"GET /jobs HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
		"PUT /jobs HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		"PUT /jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"GET /jobs HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n",
		"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", "GET //evil.example/ HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /jobs\x00 HTTP/1.1\r\nHost: x\r\n\r\n", "CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		conn, err := net.DialTimeout("tcp", u.Host, harness.Timeout)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(harness.Timeout))
		_, _ = conn.Write([]byte(raw)) // the service may close the connection early
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
		if resp, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil {
			if resp.StatusCode < 400 || resp.StatusCode == 500 {
				t.Errorf("%.40q is answered with %s", raw, resp.Status)
			}
			_ = resp.Body.Close()
		}
		_ = conn.Close()
	}
	node.AwaitStatus("/readyz", 200)
}

// TestHeaderInjection saves headers with line breaks: they are refused, or sent as one line.
func TestHeaderInjection(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, "")
	target := harness.NewTarget(t)
	api := s.Client(s.Start())
	headers := harness.Fields{"X-One": "a\r\nX-Evil: 1", "X-Two\r\nX-Evil": "2", "X-Three": "b\n\n<html>", "X-Tab": "a\tb"}
	api.CreateJob(job(target, "/injected", harness.EverySecond(), harness.Fields{"extendedData": harness.Fields{"headers": headers}}))
	await(t, "the job runs", func() bool { return len(target.To("/injected")) > 0 })
	h := target.To("/injected")[0].Header
	want := map[string]string{"X-One": "aX-Evil: 1", "X-Twox-Evil": "2", "X-Three": "b<html>", "X-Tab": "a\tb", "X-Evil": ""}
	for name, value := range want {
		if got := h.Get(name); got != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
	if requests := target.Requests(); len(requests) > 0 && requests[0].Body != "" {
		t.Errorf("the request has the body %q", requests[0].Body)
	}
}

// TestBlockedAddresses runs jobs whose address is found to be blocked when it is dialled.
func TestBlockedAddresses(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, "")
	node := s.Start()
	api := s.Client(node)
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(node.URL, "http://"))
	id := api.CreateJob(harness.Fields{"url": "http://localhost:" + port + "/jobs", "enabled": true, "schedule": harness.EverySecond()})
	await(t, "the job ran", func() bool { return len(api.History(id).History) > 0 })
	item := api.History(id).History[0]
	if item.Status != statusConnectFailed || item.HTTPStatus != 0 || !strings.Contains(item.StatusText, "may not call") {
		t.Errorf("a job that calls the service itself ended with %+v", item)
	}
}
