package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"punctual/internal/store/storetest"
	"punctual/test/checker"
	"punctual/test/harness"
)

// runThrough starts nodes, has jobs run while something happens to the database, and checks the ledger. Whatever happens must be over when
// happen returns.
func runThrough(t *testing.T, s *harness.Service, nodes int, happen func(node *harness.Node, ran func())) {
	t.Helper()
	target := harness.NewTarget(t)
	var started []*harness.Node
	for range nodes {
		started = append(started, s.Start())
	}
	begin := time.Now()
	for i := range 10 {
		s.Client(started[i%nodes]).CreateJob(job(target, fmt.Sprintf("/through/%d/delay/200ms", i), harness.EverySecond()))
	}
	ran := func() {
		t.Helper()
		before := len(target.Requests())
		await(t, "the jobs run", func() bool { return len(target.Requests()) >= before+20 })
	}
	ran()
	if happen != nil {
		happen(started[0], ran)
	}
	for _, n := range started {
		n.AwaitStatus("/readyz", 200)
	}
	ran()
	end := time.Now()
	s.AwaitSettled(end)
	for _, n := range started {
		n.Stop()
	}
	ledger := check(t, s, checker.Witness{From: begin, To: end, Received: target.Counts(), Stopped: true})
	var failures int
	if err := s.Database().QueryRowContext(t.Context(), `SELECT count(*) FROM job_state WHERE failures > 0`).Scan(&failures); err != nil || failures > 0 {
		t.Errorf("%d jobs of %d records count failures that are not theirs: %v", failures, len(ledger.Records), err)
	}
}

// TestBehindPgBouncer runs two nodes behind PgBouncer in transaction mode, which is killed and started again.
func TestBehindPgBouncer(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, storetest.Postgres(t))
	pooler := storetest.StartPooler(t, s.URL, "pool_mode = transaction", "default_pool_size = 12")
	s.Extra = []string{"PUNCTUAL_DATABASE=" + pooler.URL}
	runThrough(t, s, 2, func(node *harness.Node, ran func()) {
		if !strings.Contains(node.Stderr(), "a connection pooler is between") {
			t.Errorf("the log does not say that nobody listens: %s", node.Stderr())
		}
		pooler.Stop(t)
		node.AwaitStatus("/readyz", 503)
		pooler.Start(t)
	})
}

// TestPostgresRole runs the service with a role that has only what docs/cluster.md lists, in a schema of a database that others use.
func TestPostgresRole(t *testing.T) {
	t.Parallel()
	address := storetest.EmptyPostgres(t)
	owner := harness.NewService(t, address)
	name := address[strings.LastIndex(address, "/")+1 : strings.Index(address, "?")]
	role := "only_" + name
	for _, statement := range []string{
		`REVOKE ALL ON DATABASE ` + name + ` FROM PUBLIC`, `REVOKE ALL ON SCHEMA public FROM PUBLIC`,
		`CREATE ROLE ` + role + ` LOGIN PASSWORD 'secret'`, `GRANT CONNECT ON DATABASE ` + name + ` TO ` + role,
		`CREATE SCHEMA punctual AUTHORIZATION ` + role, `ALTER ROLE ` + role + ` IN DATABASE ` + name + ` SET search_path = punctual`,
	} {
		if _, err := owner.Database().ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	t.Cleanup(func() {
		for _, statement := range []string{`DROP OWNED BY ` + role + ` CASCADE`, `DROP ROLE ` + role} {
			if _, err := owner.Database().Exec(statement); err != nil {
				t.Errorf("%s: %v", statement, err)
			}
		}
	})
	_, rest, _ := strings.Cut(address, "@")
	s := harness.NewService(t, "postgres://"+role+":secret@"+rest)
	runThrough(t, s, 1, func(node *harness.Node, ran func()) {
		s.CreateAccount("another@example.com", "member")
		for _, refused := range []string{"permission", "42501"} {
			if strings.Contains(node.Stderr(), refused) {
				t.Errorf("something was refused: %s", node.Stderr())
			}
		}
	})
	var elsewhere int
	err := owner.Database().QueryRowContext(t.Context(),
		`SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('punctual', 'pg_catalog', 'information_schema')`).Scan(&elsewhere)
	if err != nil || elsewhere > 0 {
		t.Errorf("%d tables are outside of the schema: %v", elsewhere, err)
	}
}

// TestPostgresTLS connects by TLS, with the server's name checked, by a client certificate and by a password file.
func TestPostgresTLS(t *testing.T) {
	t.Parallel()
	server := storetest.StartSecureServer(t)
	passfile, byFile := server.PasswordFile(t)
	verified := "sslmode=verify-full&sslrootcert=" + server.Root
	s := harness.NewService(t, server.URL())
	for _, url := range []string{server.CertifiedURL(verified + "&sslcert=" + server.Cert + "&sslkey=" + server.Key), byFile + "&" + verified} {
		s.Extra = []string{"PUNCTUAL_DATABASE=" + url}
		node := s.Start()
		var plain int
		err := s.Database().QueryRowContext(t.Context(), `SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
			WHERE application_name = 'punctual' AND NOT ssl`).Scan(&plain)
		if err != nil || plain > 0 {
			t.Errorf("%d connections are not encrypted: %v", plain, err)
		}
		node.Stop()
	}
	missing := filepath.Join(t.TempDir(), "missing.pem")
	if err := os.WriteFile(passfile, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		url  string
		says []string
	}{
		"another authority":     {server.CertifiedURL("sslmode=verify-full&sslrootcert=" + server.OtherRoot), []string{"certificate"}},
		"no file":               {server.CertifiedURL("sslmode=verify-full&sslrootcert=" + missing), []string{missing}},
		"no client certificate": {server.CertifiedURL(verified), []string{"login"}},
		"no password":           {byFile + "&" + verified, []string{"login"}},
	} {
		s := harness.NewService(t, c.url)
		code, _, stderr := harness.Run(t, append(s.Env(), "PUNCTUAL_DATA="+filepath.Join(t.TempDir(), "data")), "serve")
		if code != 1 {
			t.Errorf("%s: the start ends with %d", name, code)
		}
		checkSentence(t, s, stderr, c.says)
	}
}

// TestPostgresFailover kills the primary of a pair while nodes work, and promotes the standby.
func TestPostgresFailover(t *testing.T) {
	t.Parallel()
	pair := storetest.StartPair(t, true)
	s := harness.NewService(t, pair.URL())
	s.Extra = []string{"PUNCTUAL_DATABASE=" + strings.Replace(pair.URL(), "&target_session_attrs=read-write", "", 1)}
	runThrough(t, s, 2, func(node *harness.Node, ran func()) {
		pair.Primary.Kill(t)
		await(t, "the service says that the database is read-only", func() bool {
			return strings.Contains(readiness(t, node), "it is read-only") && strings.Contains(node.Stderr(), "takes no writes")
		})
		pair.Promote(t)
		await(t, "the log says that writes are taken", func() bool {
			return strings.Contains(node.Stderr(), "connected to a database server that takes writes")
		})
	})
}

// TestPostgresConnectionsAreCut ends all connections of a service again and again, and kills and restarts the server.
func TestPostgresConnectionsAreCut(t *testing.T) {
	t.Parallel()
	server := storetest.StartServer(t, "full_page_writes=on")
	s := harness.NewService(t, server.URL())
	runThrough(t, s, 1, func(node *harness.Node, ran func()) {
		for range 30 {
			if _, err := s.Database().ExecContext(t.Context(),
				`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'punctual'`); err != nil {
				t.Fatal(err)
			}
			time.Sleep(50 * time.Millisecond) // the faults are the test
		}
		ran()
		server.Kill(t)
		node.AwaitStatus("/readyz", 503)
		server.Start(t)
	})
}

// TestPostgresTooFewConnections starts the service with a role that may have too few connections.
func TestPostgresTooFewConnections(t *testing.T) {
	t.Parallel()
	address := storetest.EmptyPostgres(t)
	owner := harness.NewService(t, address)
	name := address[strings.LastIndex(address, "/")+1 : strings.Index(address, "?")]
	if _, err := owner.Database().ExecContext(t.Context(), `ALTER DATABASE `+name+` CONNECTION LIMIT 3`); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := harness.Run(t, append(owner.Env(), "PUNCTUAL_DATA="+filepath.Join(t.TempDir(), "data")), "serve")
	if code != 1 {
		t.Errorf("the start ends with %d", code)
	}
	checkSentence(t, owner, stderr, []string{"too few connections: 3", "at least 4", "max_connections"})
}
