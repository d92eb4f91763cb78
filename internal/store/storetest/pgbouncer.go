package storetest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// poolerVariable, in the environment, is the pool mode of a PgBouncer that Open puts in front of each database.
const poolerVariable = "PUNCTUAL_TEST_POOLER"

// Pooled tells whether Open puts a pooler in front of each database.
func Pooled() bool { return os.Getenv(poolerVariable) != "" }

// Pooler is a PgBouncer in front of a database. It ends with its test.
type Pooler struct {
	URL string // of the database, by the pooler

	runner  *Server // where it runs
	config  string
	port    int
	process *process
}

// StartPooler starts PgBouncer in front of the database at a URL, with more lines of its configuration, such as
// "pool_mode = transaction". Where it is not installed, the test is skipped, or fails when CI is true.
func StartPooler(t testing.TB, address string, settings ...string) *Pooler {
	t.Helper()
	program := findPooler()
	if program == "" {
		const missing = "PgBouncer is not installed: install the package pgbouncer"
		if os.Getenv("CI") == "true" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal("the database has no URL")
	}
	password, _ := u.User.Password()
	dir, err := os.MkdirTemp("", "punctual-pgbouncer-") // which its user can reach, other than the test's own
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	p := &Pooler{runner: &Server{bin: filepath.Dir(program), dir: dir}, config: filepath.Join(dir, "pgbouncer.ini")}
	users := filepath.Join(dir, "users.txt")
	if err := give(dir, serverOwner()); err != nil {
		t.Fatal(err)
	}
	writeFor(t, users, fmt.Sprintf("%q %q\n", u.User.Username(), password))
	server := *u
	for range 3 { // another process may take the port meanwhile
		if p.port, err = freePort(); err != nil {
			t.Fatal(err)
		}
		writeFor(t, p.config, fmt.Sprintf("[databases]\n* = host=%s port=%s\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\n"+
			"unix_socket_dir =\nauth_type = plain\nauth_file = %s\nmax_client_conn = 500\n%s\n",
			server.Hostname(), server.Port(), p.port, users, strings.Join(settings, "\n")))
		u.Host = net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port))
		p.URL = u.String()
		if err = p.start(); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatalf("start PgBouncer: %v", err)
	}
	t.Cleanup(func() { p.Stop(t) })
	return p
}

func findPooler() string {
	if path, err := exec.LookPath("pgbouncer"); err == nil {
		return path
	}
	const debian = "/usr/sbin/pgbouncer" // which is not in everybody's PATH
	if _, err := os.Stat(debian); err == nil {
		return debian
	}
	return ""
}

func (p *Pooler) start() error {
	started, err := p.runner.run("pgbouncer", p.config)
	if err != nil {
		return err
	}
	p.process = started
	for deadline := time.Now().Add(serverTimeout); ; time.Sleep(10 * time.Millisecond) {
		err := p.ask()
		select {
		case <-started.ended: // also when another process has the port, which may have answered
			return fmt.Errorf("it ended: %w\n%s", started.err, started.log.Bytes())
		default:
		}
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

// ask returns nil when the pooler answers a client.
func (p *Pooler) ask() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := pgconn.Connect(ctx, p.URL)
	if err == nil {
		return conn.Close(ctx)
	}
	if _, answered := errors.AsType[*pgconn.PgError](err); answered {
		return nil
	}
	return err
}

// Stop kills the pooler, and with it every connection.
func (p *Pooler) Stop(t testing.TB) {
	t.Helper()
	if p.process == nil {
		return
	}
	_ = p.process.cmd.Process.Kill() // it may have ended
	<-p.process.ended
	p.process = nil
}

// Start starts the pooler again after Stop.
func (p *Pooler) Start(t testing.TB) {
	t.Helper()
	if err := p.start(); err != nil {
		t.Fatalf("start PgBouncer again: %v", err)
	}
}
