package api_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"punctual/internal/cron"
)

// slowBody is a body that begins to be read and does not come.
type slowBody struct {
	begun chan<- struct{}
	end   <-chan struct{}
	once  sync.Once
}

func (b *slowBody) Read([]byte) (int, error) {
	b.once.Do(func() { b.begun <- struct{}{} })
	<-b.end
	return 0, errors.New("the client is gone")
}

// TestRequestsInProgress has an account with all the requests in progress that it may have.
func TestRequestsInProgress(t *testing.T) {
	s := newServer(t)
	slow, other := s.newClient(t, "a@example.com", cron.PlanUnlimited), s.newClient(t, "b@example.com", cron.PlanUnlimited)
	begun, end := make(chan struct{}), make(chan struct{})
	var requests sync.WaitGroup
	for range 64 {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/jobs", io.NopCloser(&slowBody{begun: begun, end: end}))
		r.Header.Set("Authorization", "Bearer "+slow.key)
		r.Header.Set("Content-Type", "application/json")
		requests.Go(func() { s.Handler.ServeHTTP(httptest.NewRecorder(), r) })
	}
	for range 64 {
		<-begun
	}
	r := slow.do(http.MethodGet, "/me", "")
	if r.status != http.StatusTooManyRequests || r.header.Get("Retry-After") != "1" || !strings.Contains(r.body, "64 requests in progress") {
		t.Errorf("one request too many: %d, %v: %s", r.status, r.header, r.body)
	}
	if r := other.do(http.MethodGet, "/me", ""); r.status != http.StatusOK {
		t.Errorf("a request of another account: %d: %s", r.status, r.body)
	}
	close(end)
	requests.Wait()
	slow.must(http.MethodGet, "/me", "")
}

// TestSlowCall has a call that the database takes too long for.
func TestSlowCall(t *testing.T) {
	c := newClient(t)
	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/history", nil)
	r.Header.Set("Authorization", "Bearer "+c.key)
	w := httptest.NewRecorder()
	c.server.Handler.ServeHTTP(w, r)
	if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), "took too long") {
		t.Errorf("a slow call: %d: %s", w.Code, w.Body)
	}
}
