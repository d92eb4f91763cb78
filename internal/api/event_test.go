package api_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
)

// event is one of a stream.
type event struct {
	name, id, data string
}

// parseEvents reads a stream as the HTML standard has it, events without data included: those have no name.
func parseEvents(stream string) (events []event) {
	var last string
	for block := range strings.SplitSeq(stream, "\n\n") {
		var e event
		for line := range strings.Lines(block) {
			field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
			switch field {
			case "event":
				e.name = value
			case "id":
				last = value
			case "data":
				e.data = value
			}
		}
		if e.id = last; block != "" {
			events = append(events, e)
		}
	}
	return events
}

// told are the events in few words.
func told(t *testing.T, events []event) (words []string) {
	t.Helper()
	for _, e := range events {
		var data struct {
			JobID   int64  `json:"jobId"`
			Outcome string `json:"outcome"`
			Change  string `json:"change"`
			Since   int64  `json:"since"`
		}
		if e.data == "" {
			continue
		}
		decodeSome(t, e.data, &data)
		words = append(words, strings.TrimSpace(fmt.Sprintf("%s %d %s%s", e.name, data.JobID, data.Outcome, data.Change)))
	}
	return words
}

// follow opens a stream for some time, lets things happen meanwhile, and returns what came.
func (c *client) follow(target string, span time.Duration, meanwhile func(), header ...string) (status int, events []event) {
	c.t.Helper()
	ctx, cancel := context.WithCancel(c.t.Context())
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	r.Header.Set("Authorization", "Bearer "+c.key)
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	var streaming sync.WaitGroup
	streaming.Go(func() { c.server.ServeHTTP(w, r) })
	time.Sleep(time.Millisecond) // until it has begun, in the time of a bubble
	if meanwhile != nil {
		meanwhile()
	}
	time.Sleep(span)
	cancel()
	streaming.Wait()
	if got := w.Header().Get("Content-Type"); w.Code == http.StatusOK && got != "text/event-stream" {
		c.t.Errorf("the type of a stream is %q", got)
	}
	return w.Code, parseEvents(w.Body.String())
}

func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		c, stranger := s.newClient(t, "a@example.com", cron.PlanUnlimited), s.newClient(t, "b@example.com", cron.PlanUnlimited)
		stranger.create(`{"url":"b.example"}`)
		path := c.create(`{"url":"a.example","enabled":true,"schedule":{"minutes":[-1],"hours":[-1],"mdays":[-1],` +
			`"months":[-1],"wdays":[-1]}}`)
		time.Sleep(time.Minute)
		running := s.claim(t)
		status, events := c.follow("/events", 3*time.Second, func() {
			time.Sleep(1500 * time.Millisecond)
			done := cron.Completion{Launch: running[0], Result: cron.Result{Status: cron.StatusOK, Started: time.Now()}}
			if err := s.store.Finish(t.Context(), []cron.Completion{done}); err != nil {
				t.Fatal(err)
			}
			c.must("PATCH", path, `{"job":{"title":"x"}}`)
			c.must("DELETE", path, "")
			stranger.create(`{"url":"b.example"}`)
		})
		want := []string{"execution 2 running", "execution 2 succeeded", "job 2 changed", "job 2 deleted"}
		if got := told(t, events); status != 200 || !slices.Equal(got, want) {
			t.Errorf("the stream tells %q", got)
		}

		// Each id leads to what comes after it, and the header goes before the parameter.
		for i, e := range events {
			if e.id == "" {
				continue // before the first position
			}
			wanted := told(t, events[i+1:])
			for _, again := range []struct{ target, header string }{
				{"/events?after=" + e.id, "X: y"},
				{"/events?after=0-0-0", "Last-Event-ID: " + e.id},
			} {
				status, rest := c.follow(again.target, 2*time.Second, nil, again.header)
				if got := told(t, rest); status != 200 || !slices.Equal(got, wanted) {
					t.Errorf("after %q, %s, %s tells %q, want %q", e.id, again.target, again.header, got, wanted)
				}
			}
			if _, rest := stranger.follow("/events?after="+e.id, 2*time.Second, nil); strings.Contains(fmt.Sprint(rest), "a.example") {
				t.Errorf("after %q, a stranger is told %q", e.id, rest)
			}
		}
		if status, _ := c.follow("/events?after=x", 0, nil); status != 400 {
			t.Errorf("a value that is not a position: %d", status)
		}
		if _, old := c.follow("/events?after=0-0-0", time.Second, nil); len(old) < 2 || old[1].name != "gap" {
			t.Errorf("a position from long ago begins with %q", old)
		}
	})
}

// TestStreamsEnd opens streams that end in each of the ways.
func TestStreamsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newServer(t).newClient(t, "a@example.com", cron.PlanUnlimited)
		length := func(c *client, meanwhile func()) (took time.Duration, events []event) {
			t.Helper()
			start := time.Now()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/events", nil)
			r.Header.Set("Authorization", "Bearer "+c.key)
			w := httptest.NewRecorder()
			var streaming sync.WaitGroup
			streaming.Go(func() { c.server.ServeHTTP(w, r) })
			if meanwhile != nil {
				meanwhile()
			}
			streaming.Wait()
			return time.Since(start), parseEvents(w.Body.String())
		}
		took, events := length(c, nil)
		if took != time.Hour || len(events) < 200 || events[len(events)-1].id == events[0].id {
			t.Errorf("a stream ends after %v, with %d signs of life", took, len(events))
		}
		expiring := c.withKey(cron.APIKey{Expires: time.Now().Add(time.Minute + time.Second)})
		if took, _ = length(expiring, nil); took != 75*time.Second {
			t.Errorf("a stream whose key expires ends after %v", took)
		}
		took, events = length(c, func() {
			time.Sleep(10*time.Second + time.Millisecond)
			c.create(`{"url":"a.example"}`)
			close(c.server.stop)
		})
		if want := []string{"job 1 created"}; took > 11*time.Second || !slices.Equal(told(t, events), want) {
			t.Errorf("when the service stops, a stream ends after %v with %q", took, events)
		}
	})
}

// pipes is a network whose connections hold nothing that is not read.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	conn, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// TestSlowClientsAreCut reads the beginning of a stream and then nothing more, from a server whose own timeouts are
// shorter than the stream.
func TestSlowClientsAreCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newServer(t).newClient(t, "a@example.com", cron.PlanUnlimited)
		ended := make(chan time.Time, 1)
		network := make(pipes)
		server := http.Server{ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second,
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				c.server.ServeHTTP(w, r)
				ended <- time.Now()
			})}
		var serving sync.WaitGroup
		serving.Go(func() { _ = server.Serve(network) })
		ours, theirs := net.Pipe()
		network <- theirs
		start := time.Now()
		if _, err := fmt.Fprintf(ours, "GET /events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n\r\n", c.key); err != nil {
			t.Fatal(err)
		}
		reader := bufio.NewReader(ours)
		answer, err := http.ReadResponse(reader, nil)
		if err != nil || answer.StatusCode != 200 {
			t.Fatalf("%v, %v", answer, err)
		}
		beats := 0
		for beats < 3 {
			line, err := bufio.NewReader(io.LimitReader(answer.Body, 1<<10)).ReadString('\n')
			if err != nil {
				t.Fatalf("after %v: %v", time.Since(start), err)
			}
			if strings.HasPrefix(line, ": heartbeat") {
				beats++
			}
		}
		if alive := time.Since(start); alive < 45*time.Second {
			t.Errorf("three heartbeats came within %v", alive)
		}
		stalled := time.Now()
		if took := (<-ended).Sub(stalled); took > 26*time.Second {
			t.Errorf("a client that stalls is cut after %v", took)
		}
		_ = ours.Close()
		_ = server.Close()
		serving.Wait()
	})
}

func TestStreamsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newServer(t).newClient(t, "a@example.com", cron.PlanUnlimited)
		ctx, cancel := context.WithCancel(t.Context())
		var streaming sync.WaitGroup
		for range 5 {
			streaming.Go(func() {
				r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/events", nil)
				r.Header.Set("Authorization", "Bearer "+c.key)
				c.server.ServeHTTP(httptest.NewRecorder(), r)
			})
		}
		time.Sleep(time.Second)
		got := c.do("GET", "/events", "")
		if got.status != 429 || got.header.Get("Retry-After") == "" || !strings.Contains(got.body, "at most 5") {
			t.Errorf("a sixth stream: %d %s", got.status, got.body)
		}
		cancel()
		streaming.Wait()
		if status, _ := c.follow("/events", 0, nil); status != 200 {
			t.Errorf("a stream after others have ended: %d", status)
		}
	})
}
