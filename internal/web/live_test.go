package web_test

import (
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
)

// listen opens the stream of a browser for a while in which something happens, and returns what came and how long that took.
func (b *visitor) listen(t *testing.T, meanwhile func()) (told string, took time.Duration) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/console/events", nil)
	for name, value := range b.cookies {
		r.Header.Add("Cookie", name+"="+value)
	}
	w, start := httptest.NewRecorder(), time.Now()
	var streaming sync.WaitGroup
	streaming.Go(func() { b.console.ServeHTTP(w, r); took = time.Since(start) })
	time.Sleep(time.Millisecond) // until it has begun, in the time of a bubble
	meanwhile()
	streaming.Wait()
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/event-stream" {
		t.Fatal(w.Code, w.Header(), w.Body)
	}
	return w.Body.String(), took
}

// TestLive tells a browser what happens in the account that it shows, until one of the ends of a stream.
func TestLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newConsole(t)
		b := c.setUp(t)
		other := cron.Account{Email: "other@example.com", Plan: cron.PlanDefault}
		if err := c.store.CreateAccount(t.Context(), &other); err != nil {
			t.Fatal(err)
		}
		told, took := b.listen(t, func() {
			c.newJob(t, ofAccount(other.ID), titled("of somebody else"))
			c.newJob(t, titled(hostile))
			time.Sleep(1100 * time.Millisecond)
			close(c.stop)
		})
		if want := "event: job\ndata: {\"jobId\":2,\"what\":\"created\"}\n\n"; strings.Count(told, "event: ") != 1 || !strings.Contains(told, want) || took > 2*time.Second {
			t.Errorf("after %v the browser is told %s", took, told)
		}

		c = newConsole(t)
		b = c.setUp(t)
		if _, took := b.listen(t, func() { b.post("/console/sign-out") }); took != 15*time.Second {
			t.Errorf("a stream ends %v after the sign-out", took)
		}
		b.post("/console/sign-in", "email", "jane@example.com", "password", testPassword).leads("/console")
		if _, took := b.listen(t, func() {}); took != time.Hour {
			t.Errorf("a stream ends after %v", took)
		}
	})
}
