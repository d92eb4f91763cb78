package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"punctual/test/harness"
)

// TestLinkInMessage acknowledges a problem by the link of the message that told of it: by sending its form, and once.
func TestLinkInMessage(t *testing.T) {
	t.Parallel()
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		type link struct {
			problem int64
			page    string
		}
		links := make(chan link, 100)
		hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if aboutTheService(body) {
				return
			}
			var e struct {
				Type string
				Data struct {
					ProblemID int64
					Links     []struct{ URL string }
				}
			}
			if err := json.Unmarshal(body, &e); err != nil {
				t.Errorf("%v: %s", err, body)
			}
			if e.Type == "missed" { // a busy machine was late, which is another problem
				return
			}
			for _, l := range e.Data.Links {
				if strings.Contains(l.URL, "/console/act/") {
					links <- link{e.Data.ProblemID, l.URL}
					return
				}
			}
			t.Errorf("the message has no link to act: %s", body)
		}))
		t.Cleanup(hook.Close)
		target := harness.NewTarget(t)
		s.Extra = []string{"PUNCTUAL_PUBLIC_URL=http://localhost"}
		node := s.Start()
		api := s.Client(node)
		api.Do("POST", "/channels", harness.Fields{"channel": harness.Fields{"kind": "webhook", "url": hook.URL, "default": true}}, nil)
		api.CreateJob(job(target, "/status/500", harness.EverySecond(), harness.Fields{"notification": harness.Fields{"onFailure": true}}))
		var (
			to      *url.URL
			problem string
		)
		select {
		case l := <-links:
			var err error
			if to, err = url.Parse(l.page); err != nil {
				t.Fatal(err)
			}
			problem = fmt.Sprintf("/problems/%d", l.problem)
		case <-time.After(90 * time.Second):
			t.Fatal("no message came")
		}
		state := func(want string) {
			t.Helper()
			if text := string(api.Do("GET", problem, nil, nil).Body); !strings.Contains(text, `"state":"`+want+`"`) {
				t.Fatalf("the problem is %s, want %s", text, want)
			}
		}
		page, _, _ := strings.Cut(node.URL+to.Path, "#")
		somebody := newGuest(t)
		for range 2 {
			somebody.get(http.StatusOK, page, "text/html", "Acknowledge")
		}
		state("open")
		somebody.post(http.StatusOK, page, url.Values{"action": {"acknowledge"}})
		state("acknowledged")
		somebody.post(http.StatusGone, page, url.Values{"action": {"acknowledge"}})
		if text := string(api.Do("GET", "/audit?action=problem.", nil, nil).Body); strings.Count(text, `"auditId"`) != 1 ||
			!strings.Contains(text, "a link in a message") {
			t.Errorf("the audit log has %s", text)
		}
	})
}
