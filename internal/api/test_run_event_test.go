package api_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
)

// toldTest are the events of a stream in few words.
func toldTest(t *testing.T, events []event) (words []string) {
	t.Helper()
	for _, e := range events {
		if e.data != "" {
			words = append(words, e.name+" "+textOf(t, e.data, "state")+" "+textOf(t, e.data, "phase"))
		}
	}
	return words
}

// TestFollowATestRun follows a test run on two nodes, to its end.
func TestFollowATestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		path := textOf(t, c.test(`{"job":{"url":"a.example"}}`), "path")
		want := []string{"testRun waiting ", "testRun running preparing", "testRun running waiting", "testRun finished receiving"}
		var ended time.Duration
		start := time.Now()
		status, events := c.follow(path+"/events", 0, func() {
			time.Sleep(20 * time.Second)
			l := c.server.claimTest(t)
			time.Sleep(time.Second)
			c.server.progress(t, &l, cron.Trace{Phase: cron.PhaseWaiting, Hops: redirected.Hops[:1]}, nil)
			time.Sleep(time.Second)
			c.server.progress(t, &l, redirected, &cron.Result{Status: cron.StatusTimeout, Fault: cron.FaultTimeout, Detail: "10s"})
			time.Sleep(time.Second)
			ended = time.Since(start)
		})
		if got := toldTest(t, events); status != 200 || !slices.Equal(got, want) || ended > 24*time.Second {
			t.Errorf("the stream tells %q", got)
		}
		now := c.must("GET", path, "")
		if last := events[len(events)-1].data; last != part(t, json.RawMessage(now), "testRun") {
			t.Errorf("the last event is %s, the test run %s", last, now)
		}
		if _, events = c.follow(path+"/events", 0, nil); !slices.Equal(toldTest(t, events), want[3:]) {
			t.Errorf("of a finished one, the stream tells %q", toldTest(t, events))
		}
	})
}

// TestStreamsOfTestRunsEnd opens streams that end in each of the ways but the usual one.
func TestStreamsOfTestRunsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		path := textOf(t, c.test(`{"job":{"url":"a.example"}}`), "path")
		length := func(c *client, meanwhile func()) (took time.Duration, stream string) {
			t.Helper()
			start := time.Now()
			r := httptest.NewRequestWithContext(t.Context(), "GET", path+"/events", nil)
			r.Header.Set("Authorization", "Bearer "+c.key)
			w := httptest.NewRecorder()
			var streaming sync.WaitGroup
			streaming.Go(func() { c.server.ServeHTTP(w, r) })
			if meanwhile != nil {
				meanwhile()
			}
			streaming.Wait()
			return time.Since(start), w.Body.String()
		}
		expiring := c.withKey(cron.APIKey{Expires: time.Now().Add(time.Minute + time.Second)})
		if took, stream := length(expiring, nil); took != 75*time.Second || strings.Count(stream, ": heartbeat\n") != 4 {
			t.Errorf("a stream whose key expires ends after %v: %s", took, stream)
		}
		if took, _ := length(c, nil); took > 15*time.Minute {
			t.Errorf("the stream of a test run that is deleted ends after %v", took)
		}
		path = textOf(t, c.test(`{"job":{"url":"a.example"}}`), "path")
		took, _ := length(c, func() { time.Sleep(time.Second); close(c.server.stop) })
		if took > 2*time.Second {
			t.Errorf("when the service stops, a stream ends after %v", took)
		}
	})
}

// TestStreamsOfTestRunsAreLimited has as many streams as an account may have, of both kinds.
func TestStreamsOfTestRunsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		c, other := s.newClient(t, "a@example.com", cron.PlanUnlimited), s.newClient(t, "b@example.com", cron.PlanUnlimited)
		path := textOf(t, c.test(`{"job":{"url":"a.example"}}`), "path")
		others := textOf(t, other.test(`{"job":{"url":"a.example"}}`), "path")
		ctx, cancel := context.WithCancel(t.Context())
		var streaming sync.WaitGroup
		for i := range 5 {
			streaming.Go(func() {
				r := httptest.NewRequestWithContext(ctx, "GET", []string{"/events", path + "/events"}[i%2], nil)
				r.Header.Set("Authorization", "Bearer "+c.key)
				s.ServeHTTP(httptest.NewRecorder(), r)
			})
		}
		time.Sleep(time.Second)
		for _, target := range []string{"/events", path + "/events"} {
			if got := c.do("GET", target, ""); got.status != 429 || !strings.Contains(got.body, "at most 5") {
				t.Errorf("a sixth stream, %s: %d %s", target, got.status, got.body)
			}
		}
		if got := c.do("GET", others+"/events", ""); got.status != 404 {
			t.Errorf("of another account: %d %s", got.status, got.body)
		}
		if status, _ := other.follow(others+"/events", time.Second, nil); status != 200 {
			t.Errorf("another account: %d", status)
		}
		cancel()
		streaming.Wait()
		if status, _ := c.follow(path+"/events", time.Second, nil); status != 200 {
			t.Errorf("afterwards: %d", status)
		}
	})
}
