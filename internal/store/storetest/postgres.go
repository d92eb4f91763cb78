package storetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// patience is how long a server may take to start or to stop.
const patience = time.Minute

// shared is the one server that the tests of a package use, as a process may have but one TestMain.
var shared struct {
	once   sync.Once
	server *Server
	err    error

	mu      sync.Mutex
	made    int   // databases
	free    []int // databases that no test uses
	schemas int
}

// Main runs the tests of a package and then stops what they left running. It is for TestMain:
//
//	func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }
func Main(m *testing.M) int {
	defer func() {
		if shared.server != nil {
			shared.server.remove()
		}
	}()
	return m.Run()
}

// Postgres is the URL of an empty schema, in a database that no other test uses meanwhile, since notifications and the
// locks of migrations reach all of a database. It goes with the test. All tests of a process share one server, which
// Main stops; where PostgreSQL is not installed, the test is skipped, or fails when CI is true.
func Postgres(t testing.TB) (url string) {
	t.Helper()
	bin := binaries(t)
	shared.once.Do(func() { shared.server, shared.err = newServer(bin) })
	if shared.err != nil {
		t.Fatalf("start PostgreSQL: %v", shared.err)
	}
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if len(shared.free) == 0 {
		shared.made++
		shared.server.execute(t, "postgres", `CREATE DATABASE `+databaseName(shared.made))
		shared.free = append(shared.free, shared.made)
	}
	last := len(shared.free) - 1
	number := shared.free[last]
	shared.free = shared.free[:last]
	shared.schemas++
	database, schema := databaseName(number), "schema_"+strconv.Itoa(shared.schemas)
	shared.server.execute(t, database, `CREATE SCHEMA `+schema)
	t.Cleanup(func() {
		shared.server.execute(t, database, `DROP SCHEMA `+schema+` CASCADE`)
		shared.mu.Lock()
		defer shared.mu.Unlock()
		shared.free = append(shared.free, number)
	})
	return shared.server.url(database) + "&search_path=" + schema
}

func databaseName(number int) string { return "test_" + strconv.Itoa(number) }

// StartServer starts a server of the test's own, which can be stopped and started again; it ends with the test.
func StartServer(t testing.TB) *Server {
	t.Helper()
	s, err := newServer(binaries(t))
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	t.Cleanup(s.remove)
	return s
}

// Server is a private PostgreSQL server with an empty database. It listens on 127.0.0.1 only, and does not sync its
// disk: what it holds survives Stop and Start, but not a crash of the machine.
type Server struct {
	bin      string // the directory of the programs
	dir      string
	port     int
	password string
	process  *process // nil while stopped
}

// URL is the address of the server's database, which stays the same when the server is started again. Parameters can
// be added with "&".
func (s *Server) URL() string { return s.url("postgres") }

func (s *Server) url(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword("postgres", s.password), Path: "/" + database,
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)), RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Stop ends the server and every connection to it.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
}

// Start starts the server after Stop.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
}

// binaries finds the directory of PostgreSQL's programs.
func binaries(t testing.TB) string {
	t.Helper()
	var candidates []string
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		candidates = append(candidates, strings.TrimSpace(string(out)))
	}
	versions, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // as Debian has them; the pattern is well formed
	slices.SortFunc(versions, func(a, b string) int { return majorVersion(b) - majorVersion(a) })
	candidates = append(candidates, versions...)
	if path, err := exec.LookPath("initdb"); err == nil {
		candidates = append(candidates, filepath.Dir(path))
	}
	for _, dir := range candidates {
		_, noInit := exec.LookPath(filepath.Join(dir, "initdb"))
		_, noServer := exec.LookPath(filepath.Join(dir, "postgres"))
		if noInit == nil && noServer == nil {
			return dir
		}
	}
	const missing = "the PostgreSQL server is not installed: install the package postgresql (version 15 or later)"
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// majorVersion is the version in a path such as /usr/lib/postgresql/15/bin; 0 when there is none.
func majorVersion(dir string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
	return n
}

// newServer makes a database cluster in a new temporary directory and starts it.
func newServer(bin string) (*Server, error) {
	dir, err := os.MkdirTemp("", "punctual-postgres-")
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, dir: dir, password: rand.Text()}
	if err := s.initialise(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	// Another process may take the port between freePort and start.
	for range 3 {
		if s.port, err = freePort(); err != nil {
			break
		}
		if err = s.start(); err == nil {
			return s, nil
		}
	}
	return nil, errors.Join(err, os.RemoveAll(dir))
}

func (s *Server) initialise() error {
	passwordFile := filepath.Join(s.dir, "password")
	if err := os.WriteFile(passwordFile, []byte(s.password), 0o600); err != nil {
		return err
	}
	owner := serverOwner()
	for _, path := range []string{s.dir, passwordFile} {
		if err := give(path, owner); err != nil {
			return err
		}
	}
	// Not the collation "C", so that a query that needs it and does not say so is found out.
	p, err := s.run("initdb", "--pgdata", s.data(), "--username", "postgres", "--auth", "password",
		"--pwfile", passwordFile, "--encoding", "UTF8", "--locale", "C", "--locale-provider", "icu",
		"--icu-locale", "en", "--no-sync")
	if err != nil {
		return err
	}
	<-p.ended
	if p.err != nil {
		return fmt.Errorf("make the database cluster: %w\n%s", p.err, p.log.Bytes())
	}
	return nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}

// start runs the server and waits until it answers.
func (s *Server) start() error {
	p, err := s.run("postgres", "-D", s.data(), "-c", "listen_addresses=127.0.0.1", "-c", "port="+strconv.Itoa(s.port),
		"-c", "unix_socket_directories=", "-c", "max_connections=200", "-c", "shared_buffers=64MB", "-c", "fsync=off",
		"-c", "full_page_writes=off", "-c", "autovacuum=off") // whose statistics would change plans between runs
	if err != nil {
		return err
	}
	s.process = p
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		err := s.ping(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.ended:
			s.process = nil
			return fmt.Errorf("the server ended: %w\n%s", p.err, p.log.Bytes())
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("the server does not answer: %w", err), s.stop())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// ping asks for an answer through a connection of its own.
func (s *Server) ping(ctx context.Context) error {
	db, err := sql.Open("pgx", s.URL())
	if err != nil {
		return err
	}
	return errors.Join(db.PingContext(ctx), db.Close())
}

// execute runs a statement in a database through a connection of its own.
func (s *Server) execute(t testing.TB, database, statement string) {
	t.Helper()
	db, err := sql.Open("pgx", s.url(database))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.Exec(statement); err != nil {
		t.Errorf("%s: %v", statement, err)
	}
}

func (s *Server) stop() error {
	p := s.process
	if p == nil {
		return nil
	}
	s.process = nil
	return p.stop()
}

// remove ends the server for good.
func (s *Server) remove() {
	if err := errors.Join(s.stop(), os.RemoveAll(s.dir)); err != nil {
		fmt.Fprintln(os.Stderr, "remove the PostgreSQL server:", err)
	}
}

// process is a program that runs or has run.
type process struct {
	cmd   *exec.Cmd
	log   bytes.Buffer // read once ended is closed
	ended chan struct{}
	err   error // why it ended; read once ended is closed
}

// run starts one of PostgreSQL's programs. It gets a signal when the thread dies that started it, so one thread stays
// with it.
func (s *Server) run(program string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(filepath.Join(s.bin, program), args...), ended: make(chan struct{})}
	p.cmd.Dir, p.cmd.SysProcAttr = s.dir, childAttributes(serverOwner())
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.ended)
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("run %s: %w", program, err)
	}
	return p, nil
}

// stop asks a server to end all connections and itself, which it does at once, and kills it if it does not.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop the server: %w", err)
	}
	select {
	case <-p.ended:
		return nil
	case <-time.After(patience):
	}
	err := p.cmd.Process.Kill()
	<-p.ended
	return errors.Join(errors.New("the server had to be killed"), err)
}
