package api_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"punctual/internal/api"
	"punctual/internal/auth"
	"punctual/internal/cron"
)

func TestPanicsAreOurFault(t *testing.T) {
	c := newClient(t)
	var log strings.Builder
	c.server.Handler = api.New(api.Config{
		Service: newService(c.server.store, cron.DefaultPlans()),
		Auth:    auth.New(c.server.store),
		Logger:  slog.New(slog.NewTextHandler(&log, nil)),
		Now:     func() time.Time { panic("the clock has stopped") },
	})
	got := c.do("GET", "/jobs", "")
	if got.status != 500 || got.header.Get("Content-Type") != "application/problem+json" ||
		strings.Contains(got.body, "clock") {
		t.Errorf("%d %v %s", got.status, got.header, got.body)
	}
	if !strings.Contains(log.String(), "the clock has stopped") || !strings.Contains(log.String(), "fault_test.go") {
		t.Errorf("the log does not tell what and where: %s", log.String())
	}
}

func TestAbortIsPassedOn(t *testing.T) {
	c := newClient(t)
	c.server.Handler = api.New(api.Config{
		Service: newService(c.server.store, cron.DefaultPlans()),
		Auth:    auth.New(c.server.store),
		Now:     func() time.Time { panic(http.ErrAbortHandler) },
	})
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("recovered %v", p)
		}
	}()
	c.do("GET", "/jobs", "")
	t.Error("the call came back")
}

func TestCallersWhoAreGoneAreNotLogged(t *testing.T) {
	c := newClient(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequestWithContext(ctx, "GET", "/jobs", nil)
	r.Header.Set("Authorization", "Bearer "+c.key)
	w := httptest.NewRecorder()
	c.server.ServeHTTP(w, r)
	if w.Code != 500 || c.server.log.Len() > 0 {
		t.Errorf("status %d, log %s", w.Code, c.server.log)
	}
}

func TestFailuresAreLoggedWithoutSecrets(t *testing.T) {
	s := newServer(t)
	c := s.newClient(t, "a@example.com", cron.PlanUnlimited)
	s.close()
	c.do("PUT", "/jobs?token=s3cret", `{"job":{"url":"http://s3cret.example","auth":{"password":"s3cret"}}}`)
	log := s.log.String()
	if !strings.Contains(log, "pattern=/jobs") || strings.Contains(log, "s3cret") || strings.Contains(log, c.key) {
		t.Errorf("logged: %s", log)
	}
}
