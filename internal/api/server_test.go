package api_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"punctual/internal/api"
	"punctual/internal/auth"
	"punctual/internal/cron"
	"punctual/internal/service"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

// metadataOnly blocks the address under which clouds keep their secrets.
type metadataOnly struct{}

func (metadataOnly) CheckHost(host string, _ int, _ cron.Access) cron.Problem {
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.String() != "169.254.169.254" {
		return cron.Problem{}
	}
	return cron.Problem{Rule: cron.RuleURLBlocked, Given: addr.String()}
}

// server is the API over a database of its own.
type server struct {
	http.Handler
	store    *store.Store
	close    func()
	log      *strings.Builder
	database store.Options
	stop     chan struct{} // see api.Config
}

func newServer(t testing.TB) *server {
	t.Helper()
	plans := cron.DefaultPlans()
	plans["tiny"] = cron.Plan{Name: "tiny", MaxJobs: 2, MinInterval: time.Minute}
	options := store.Options{Dir: storetest.SQLite(t), Key: [32]byte{1}, Plans: plans, Logger: slog.New(slog.DiscardHandler)}
	s, err := store.Open(t.Context(), options) // closed below, before the test's end if it asks for that
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	stop := make(chan struct{})
	server := &server{
		stop: stop,
		Handler: api.New(api.Config{
			Service: newService(s, plans),
			Auth:    auth.New(s),
			Logger:  slog.New(slog.NewTextHandler(&log, nil)),
			Now:     s.Now,

			Proxies: auth.Proxies{netip.MustParsePrefix("10.0.0.0/8")},

			Stop: stop,
		}),
		store:    s,
		log:      &log,
		database: options,
	}
	if _, measuring := t.(*testing.B); !measuring {
		server.Handler = conforming{server.Handler, t}
	}
	server.close = sync.OnceFunc(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(server.close)
	return server
}

func newService(s *store.Store, plans cron.Plans) *service.Service {
	return service.New(serviceConfig(s, plans))
}

func serviceConfig(s *store.Store, plans cron.Plans) service.Config {
	return service.Config{
		Store: s, Addresses: metadataOnly{}, Plans: plans, Secret: [32]byte{1}, PublicURL: "https://cron.example.com",
	}
}

// client is one account's program that calls the API.
type client struct {
	t       testing.TB
	server  *server
	account cron.Account
	key     string
}

// newClient adds an account with a key.
func (s *server) newClient(t testing.TB, email, plan string) *client {
	t.Helper()
	account := storetest.NewAccount(t, s.store, email, plan)
	return (&client{t: t, server: s, account: account}).withKey(cron.APIKey{})
}

// withKey is another program with a key of its own for the same account.
func (c *client) withKey(k cron.APIKey) *client {
	c.t.Helper()
	other := *c
	k.AccountID = c.account.ID
	if k.Role == cron.RoleNone {
		k.Role = cron.RoleOwner
	}
	other.key, k.Hash = auth.NewKey()
	if err := c.server.store.CreateAPIKey(c.t.Context(), &k); err != nil {
		c.t.Fatal(err)
	}
	return &other
}

func newClient(t testing.TB) *client {
	t.Helper()
	return newServer(t).newClient(t, "a@example.com", cron.PlanUnlimited)
}

// response is what came back.
type response struct {
	status int
	header http.Header
	body   string
}

// do makes a call with a JSON body, or none when body is empty. A header is given as "Name: value", "Name:" removes it.
func (c *client) do(method, path, body string, header ...string) response {
	c.t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequestWithContext(c.t.Context(), method, path, reader)
	r.Header.Set("Authorization", "Bearer "+c.key)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ":")
		r.Header.Del(name)
		if value = strings.TrimSpace(value); value != "" {
			r.Header.Set(name, value)
		}
	}
	w := httptest.NewRecorder()
	c.server.ServeHTTP(w, r)
	return response{w.Code, w.Result().Header, w.Body.String()}
}

// must makes a call that succeeds and returns its answer.
func (c *client) must(method, path, body string) string {
	c.t.Helper()
	got := c.do(method, path, body)
	if got.status != http.StatusOK {
		c.t.Fatalf("%s %s %s: %d %s", method, path, body, got.status, got.body)
	}
	return got.body
}

// create makes a job and returns its path.
func (c *client) create(job string) string {
	c.t.Helper()
	var answer struct {
		JobID int64 `json:"jobId"`
	}
	decode(c.t, c.must("PUT", "/jobs", `{"job":`+job+`}`), &answer)
	return fmt.Sprintf("/jobs/%d", answer.JobID)
}

// job reads a job.
func (c *client) job(path string) detailedJob {
	c.t.Helper()
	var answer struct {
		JobDetails detailedJob `json:"jobDetails"`
	}
	decode(c.t, c.must("GET", path, ""), &answer)
	return answer.JobDetails
}

// claim claims everything that is due now for a new node.
func (s *server) claim(t testing.TB) []cron.Launch {
	t.Helper()
	node, err := s.store.StartNode(t.Context(), cron.Node{Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	claimed, err := s.store.Claim(t.Context(), cron.ClaimRequest{Node: node, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return claimed.Launches
}

// execute performs everything that is due now, with the given lateness and result.
func (s *server) execute(t testing.TB, late time.Duration, result cron.Result) {
	t.Helper()
	var done []cron.Completion
	for _, l := range s.claim(t) {
		r := result
		r.Started = l.Planned.Add(late)
		r.URL = l.Job.Request.URL
		done = append(done, cron.Completion{Launch: l, Result: r})
	}
	if err := s.store.Finish(t.Context(), done); err != nil {
		t.Fatal(err)
	}
}

// lose claims everything that is due now for a node that dies before it has a result.
func (s *server) lose(t testing.TB) {
	t.Helper()
	claimed := s.claim(t)
	heir, err := s.store.StartNode(t.Context(), cron.Node{Name: "heir"})
	if err != nil {
		t.Fatal(err)
	}
	lost, err := s.store.SettleDead(t.Context(), heir)
	if err != nil {
		t.Fatal(err)
	}
	if lost != len(claimed) {
		t.Fatalf("%d of %d executions were lost", lost, len(claimed))
	}
}
