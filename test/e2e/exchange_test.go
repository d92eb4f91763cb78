package e2e

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"punctual/test/harness"
)

// details is an execution in the history, with members beyond the contract.
type details struct {
	harness.HistoryItem
	Redirects []struct {
		Status int    `json:"status"`
		URL    string `json:"url"`
	} `json:"redirects"`
	Truncated bool `json:"truncated"`
}

// performed waits for the first execution of a job and reads its details.
func performed(t *testing.T, api *harness.Client, id int64) (d details) {
	t.Helper()
	await(t, fmt.Sprintf("job %d is performed", id), func() bool { return len(api.History(id).History) > 0 })
	list := api.History(id).History
	answer := api.Do("GET", fmt.Sprintf("/jobs/%d/history/%s", id, list[len(list)-1].Identifier), nil, nil)
	if answer.Status != http.StatusOK {
		t.Fatalf("the details are answered with %d: %s", answer.Status, answer.Body)
	}
	if err := json.Unmarshal(answer.Body, &struct {
		Details *details `json:"jobHistoryDetails"`
	}{&d}); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestExchange runs jobs with each of the settings of the request and of the criteria of success.
func TestExchange(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, "")
	target := harness.NewTarget(t)
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "secure")
	}))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // its log would show refused handshakes
	secure.StartTLS()
	t.Cleanup(secure.Close)
	node := s.Start("--deny-targets", "127.0.0.2")
	api := s.Client(node)
	now := harness.EverySecond()
	create := func(path string, more harness.Fields) int64 { return api.CreateJob(job(target, path, now, more)) }
	elsewhere := func(url string, more harness.Fields) int64 {
		fields := job(target, "", now, more)
		fields["url"] = url
		return api.CreateJob(fields)
	}
	fields := job(target, "/denied", now)
	fields["url"] = strings.Replace(target.URL, "127.0.0.1", "127.0.0.2", 1)
	if p := api.Refused(400, "PUT", "/jobs", harness.Fields{"job": fields}); len(p.Errors) != 1 || p.Errors[0].Pointer != "/job/url" {
		t.Errorf("an address that the operator denies is answered with %+v", p)
	}

	for _, test := range []struct {
		name      string
		id        int64
		status    int
		http      int
		text      string // part of statusText
		redirects int
		truncated bool
	}{
		{"a redirect is not followed", create("/redirect/302/there", nil), statusHTTPError, 302, "Found", 0, false},
		{"a redirect counts as success", create("/redirect/303/there", harness.Fields{"redirectSuccess": true}),
			statusOK, 303, "See Other", 0, false},
		{"redirects are followed", create("/redirect/302/redirect/307/there", harness.Fields{"followRedirects": 2}),
			statusOK, 200, "OK", 2, false},
		{"one redirect too many", create("/redirect/302/redirect/302/there/", harness.Fields{"followRedirects": 1}),
			statusHTTPError, 302, "redirect", 1, false},
		{"a status that is expected", create("/status/404", harness.Fields{"success": harness.Fields{"status": []any{"400-410"}}}),
			statusOK, 404, "Not Found", 0, false},
		{"a status that is not", create("/status/200", harness.Fields{"success": harness.Fields{"status": []any{204}}}),
			statusHTTPError, 200, "200", 0, false},
		{"a text that is there", create("/a", harness.Fields{"success": harness.Fields{"contains": "request"}}),
			statusOK, 200, "OK", 0, false},
		{"a text that is missing", create("/b", harness.Fields{"success": harness.Fields{"contains": "missing"}}),
			statusHTTPError, 200, "missing", 0, false},
		{"a text that must not be", create("/c", harness.Fields{"success": harness.Fields{"notContains": "request"}}),
			statusHTTPError, 200, "request", 0, false},
		{"a pattern", create("/d", harness.Fields{"success": harness.Fields{"matches": `^request \d+\n$`}}),
			statusOK, 200, "OK", 0, false},
		{"a pattern that does not match", create("/e", harness.Fields{"success": harness.Fields{"matches": `^\d`}}),
			statusHTTPError, 200, "pattern", 0, false},
		{"too large a response", create("/body/1100000", nil), statusTooMuchData, 200, "", 0, false},
		{"a response that is cut", create("/body/1100001", harness.Fields{"oversize": "truncate"}), statusOK, 200, "OK", 0, true},
		{"a certificate that nobody knows", elsewhere(secure.URL+"/unknown", nil), statusOther, 0, "certificate", 0, false},
		{"a certificate that nobody checks", elsewhere(secure.URL+"/unchecked", harness.Fields{"verifyTls": false}),
			statusOK, 200, "OK", 0, false},
	} {
		d := performed(t, api, test.id)
		if d.Status != test.status || d.HTTPStatus != test.http || !strings.Contains(d.StatusText, test.text) ||
			len(d.Redirects) != test.redirects || d.Truncated != test.truncated {
			t.Errorf("%s: status %d, HTTP status %d, %q, redirects %v, truncated %t", test.name, d.Status, d.HTTPStatus,
				d.StatusText, d.Redirects, d.Truncated)
		}
	}

	// From now on the account trusts the server's certificate.
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	if answer := api.Do("PUT", "/tls", harness.Fields{"tls": harness.Fields{"caBundle": string(authority)}}, nil); answer.Status != 200 {
		t.Fatalf("the authority is answered with %d: %s", answer.Status, answer.Body)
	}
	d := performed(t, api, elsewhere(secure.URL+"/known", nil))
	if d.Status != statusOK || d.CertExpiry == nil || *d.CertExpiry != secure.Certificate().NotAfter.Unix() {
		t.Errorf("with the authority: status %d, %q, certificate expiry %v", d.Status, d.StatusText, d.CertExpiry)
	}
	node.Stop()
}

// TestSharedConnections runs two jobs that share connections, and one that does not.
func TestSharedConnections(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, "")
	target := harness.NewTarget(t)
	var opened, received, alone atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if received.Add(1); r.Close { // "Connection: close"
			alone.Add(1)
		}
		_, _ = io.WriteString(w, "shared")
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	node := s.Start()
	api := s.Client(node)
	create := func(path, connection string) int64 {
		fields := job(target, "", harness.EverySecond(), harness.Fields{"connection": connection})
		fields["url"] = server.URL + path
		return api.CreateJob(fields)
	}
	shared := []int64{create("/a", "reuse"), create("/b", "reuse")}
	create("/c", "fresh")
	await(t, "all run a few times", func() bool { return received.Load() >= 12 && alone.Load() >= 3 })
	node.Stop()
	if opened.Load() > alone.Load()+4 {
		t.Errorf("%d connections for %d requests, of which %d ask for their own", opened.Load(), received.Load(), alone.Load())
	}
	node = s.Start()
	api = s.Client(node)
	reused := 0
	for _, id := range shared {
		for _, item := range api.History(id).History {
			if item.Status != statusOK || item.Stats.PreTransfer == 0 {
				t.Errorf("%+v", item)
			}
			if item.Stats.NameLookup+item.Stats.Connect == 0 {
				reused++
			}
		}
	}
	if reused < 3 {
		t.Errorf("%d executions did without a connection of their own", reused)
	}
	node.Stop()
}
