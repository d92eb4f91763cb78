package harness

import (
	"crypto/rand"
	"crypto/tls"
	"database/sql"
	"encoding/base64"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

// Service is a database and the nodes that run on it. Only Client may be called on other goroutines.
type Service struct {
	t      testing.TB
	Dir    string      // the data directory
	URL    string      // of the PostgreSQL database; empty for SQLite
	Secret string      // the key that seals secrets, in base64
	Key    string      // the API key that the first start printed
	Files  int         // limit on open files of a node; 0 for that of the test
	TLS    *tls.Config // of clients of nodes that serve HTTPS
	Extra  []string    // more of the environment, such as NAME=value
	Within []string    // a command that runs a node, such as ip netns exec NAME; it becomes the node by exec
	db     *sql.DB
}

// NewService makes a service without nodes on a new, empty database: PostgreSQL at the URL, or SQLite if it is empty.
func NewService(t testing.TB, url string) *Service {
	t.Helper()
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	return &Service{t: t, Dir: filepath.Join(t.TempDir(), "data"), URL: url,
		Secret: base64.StdEncoding.EncodeToString(secret)}
}

// OnEachDatabase runs a test on SQLite and on PostgreSQL, in parallel.
func OnEachDatabase(t *testing.T, run func(t *testing.T, s *Service)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		run(t, NewService(t, ""))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		run(t, NewService(t, storetest.Postgres(t)))
	})
}

// Env is the environment for a node or a command.
func (s *Service) Env() []string {
	env := []string{"PUNCTUAL_DATA=" + s.Dir, "PUNCTUAL_SECRET_KEY=" + s.Secret, "PUNCTUAL_LISTEN=127.0.0.1:0"}
	if s.URL != "" {
		env = append(env, "PUNCTUAL_DATABASE="+s.URL)
	}
	return append(env, s.Extra...)
}

// Start starts a node on a free port of the loopback interface, with more flags of serve, and waits until it is ready.
func (s *Service) Start(flags ...string) *Node {
	s.t.Helper()
	return s.StartWith(nil, flags...)
}

// StartWith is Start with more of the environment, for this node alone.
func (s *Service) StartWith(environment []string, flags ...string) *Node {
	s.t.Helper()
	env := s.Env()
	if s.URL != "" {
		env = append(env, "PUNCTUAL_DATA="+s.t.TempDir()) // each node locks its data directory
	}
	env = append(env, environment...)
	args := append([]string{"serve"}, flags...)
	var p *Process
	if len(s.Within) > 0 {
		p = launch(s.t, exec.Command(s.Within[0], slices.Concat(s.Within[1:], []string{Binary(s.t)}, args)...), env)
	} else {
		p = LaunchWithFiles(s.t, s.Files, env, args...)
	}
	url, err := p.awaitURL()
	if err != nil {
		s.t.Fatalf("%v:\n%s", err, p.Stderr())
	}
	n := &Node{Process: p, URL: url, client: newClient(s.t, url, "", s.TLS).http}
	n.AwaitStatus("/readyz", 200)
	if key := keyText.FindString(p.Stdout()); key != "" {
		s.Key = key
	}
	return n
}

// AwaitSettled waits until nothing is left that was due at or before an instant. It fails when there is no progress.
func (s *Service) AwaitSettled(until time.Time) {
	s.t.Helper()
	db, least := s.Database(), math.MaxInt
	for deadline := time.Now().Add(Timeout); ; time.Sleep(100 * time.Millisecond) {
		var due int
		err := db.QueryRowContext(s.t.Context(),
			`SELECT (SELECT count(*) FROM job_state WHERE next_run_at <= $1) +
			        (SELECT count(*) FROM execution WHERE outcome = 0 AND planned_at <= $1)`, until.UnixMilli()).Scan(&due)
		switch {
		case err == nil && due == 0:
			return
		case err == nil && due < least:
			least, deadline = due, time.Now().Add(Timeout)
		case time.Now().After(deadline):
			s.t.Fatalf("%d jobs were due at %v and are not settled: %v", due, until, err)
		}
	}
}

// AwaitNodes waits until at most n nodes count as alive. A killed node counts until its lease ends.
func (s *Service) AwaitNodes(n int) {
	s.t.Helper()
	for deadline := time.Now().Add(Timeout); ; time.Sleep(100 * time.Millisecond) {
		alive, err := s.LiveNodes()
		switch {
		case err == nil && alive <= n:
			return
		case time.Now().After(deadline):
			s.t.Fatalf("%d nodes are alive, want %d: %v", alive, n, err)
		}
	}
}

// LiveNodes counts the nodes that are not dead. It fails while the database has no tables, or is locked.
func (s *Service) LiveNodes() (n int, err error) {
	err = s.Database().QueryRowContext(s.t.Context(), `SELECT count(*) FROM node WHERE NOT dead`).Scan(&n)
	return n, err
}

// Client is a client of a node with the key of the operator's account.
func (s *Service) Client(n *Node) *Client { return newClient(s.t, n.URL, s.Key, s.TLS) }

// Database opens the database directly.
func (s *Service) Database() *sql.DB {
	s.t.Helper()
	if s.db != nil {
		return s.db
	}
	db, err := storetest.Connect(store.Options{URL: s.URL, Dir: s.Dir})
	if err != nil {
		s.t.Fatal(err)
	}
	db.SetMaxOpenConns(2)
	s.t.Cleanup(func() {
		if err := db.Close(); err != nil {
			s.t.Error(err)
		}
	})
	s.db = db
	return db
}

// Tables are the tables of the database.
func (s *Service) Tables() *storetest.Tables { return storetest.NewTables(s.t, s.Database()) }

// CreateAccount creates an account while nodes run, and returns an API key of it.
func (s *Service) CreateAccount(email, plan string) (key string) {
	s.t.Helper()
	for _, args := range [][]string{
		{"account", "create", email, "--plan", plan}, {"apikey", "create", "--account", email},
	} {
		code, stdout, stderr := Run(s.t, s.Env(), args...)
		if code != 0 {
			s.t.Fatalf("%v: exit code %d: %s", args, code, stderr)
		}
		key = strings.TrimSpace(stdout)
	}
	return key
}
