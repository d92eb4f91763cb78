package storetest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
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
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"punctual/internal/store"
)

// serverTimeout is how long a server may take to start or to stop.
const serverTimeout = time.Minute

// serverVariable, in the environment, is the URL of a server that the tests of all packages share. RunWithServer sets it.
const serverVariable = "PUNCTUAL_TEST_POSTGRES"

// templateName is the migrated database that others are copied from.
const templateName = "punctual_template"

// shared is the one server that the tests of a process use, as a process may have but one TestMain.
var shared struct {
	once   sync.Once
	server *Server
	err    error
	made   atomic.Int64 // databases

	databases
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

// RunWithServer runs a command whose tests, of however many packages, share one server, and returns its exit code. Where
// PostgreSQL is not installed it runs the command alone, and the tests say so.
func RunWithServer(name string, args ...string) (code int, err error) {
	cmd := exec.Command(name, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if bin := findBinaries(); bin != "" {
		s, err := newServer(bin, false)
		if err != nil {
			return 0, fmt.Errorf("start PostgreSQL: %w", err)
		}
		defer s.remove()
		cmd.Env = append(os.Environ(), serverVariable+"="+s.URL())
	}
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return max(1, exit.ExitCode()), nil
	}
	return 0, err
}

// Postgres is the URL of a database that was migrated and holds nothing. No other test uses it meanwhile. The tests of a
// process share one server: that of RunWithServer, or else one that Main stops. Where PostgreSQL is not installed, the
// test is skipped, or fails when CI is true.
func Postgres(t testing.TB) (url string) {
	t.Helper()
	return takeDatabase(t, sharedServer(t), "")
}

// WidenedPostgres is Postgres after Widen.
func WidenedPostgres(t testing.TB) (url string) {
	t.Helper()
	return takeDatabase(t, sharedServer(t), widen)
}

// EmptyPostgres is the URL of a database in which nothing was migrated. It goes with the test.
func EmptyPostgres(t testing.TB) (url string) {
	t.Helper()
	s := sharedServer(t)
	name := newName()
	s.execute(t, `CREATE DATABASE `+name)
	t.Cleanup(func() { s.execute(t, `DROP DATABASE `+name+` WITH (FORCE)`) })
	return s.url(name)
}

// sharedServer is the server that the tests of this process share, with the template.
func sharedServer(t testing.TB) *Server {
	t.Helper()
	address, bin := os.Getenv(serverVariable), ""
	if address == "" {
		bin = binaries(t)
	}
	shared.once.Do(func() {
		if address != "" {
			shared.server, shared.err = serverAt(address)
		} else {
			shared.server, shared.err = newServer(bin, false)
		}
		if shared.err == nil {
			shared.err = shared.server.makeTemplate()
		}
	})
	if shared.err != nil {
		t.Fatalf("start PostgreSQL: %v", shared.err)
	}
	return shared.server
}

// StartServer starts a server of the test's own, which can be stopped and started again; it ends with the test. Settings
// are more of those in postgresql.conf, such as "max_connections=20".
func StartServer(t testing.TB, settings ...string) *Server {
	t.Helper()
	s, err := newServer(binaries(t), false, settings...)
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	t.Cleanup(s.remove)
	return s
}

// StartDurable starts a server with PostgreSQL's own settings, as it is used by people, and returns its URL and what ends it.
func StartDurable() (url string, stop func(), err error) {
	bin := findBinaries()
	if bin == "" {
		return "", nil, errors.New("start PostgreSQL: it is not installed")
	}
	s, err := newServer(bin, true)
	if err != nil {
		return "", nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	return s.URL(), s.remove, nil
}

// Server is a private PostgreSQL server with an empty database. It listens on 127.0.0.1 only, and does not sync its
// disk unless it is durable: what it holds survives Stop and Start, but not a crash of the machine.
type Server struct {
	bin      string // the directory of the programs
	dir      string
	port     int
	password string
	process  *process // nil while stopped, and when another process has started it
	durable  bool     // has PostgreSQL's own settings, and syncs its disk
	settings []string // more of them, such as wal_keep_size=64MB
	log      string   // the directory of the write-ahead log; empty for the usual one
}

// serverAt is a server that another process has started.
func serverAt(address string) (*Server, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("%s is not a URL", serverVariable)
	}
	s := &Server{}
	s.password, _ = u.User.Password()
	s.port, err = strconv.Atoi(u.Port())
	return s, err
}

// makeTemplate makes the database that others are copied from, unless another process has done so.
func (s *Server) makeTemplate() (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), serverTimeout)
	defer cancel()
	db, err := sql.Open("pgx", s.URL())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock(1)`); err != nil { // ends with the connection
		return err
	}
	var there bool
	err = conn.QueryRowContext(ctx, `SELECT count(*) > 0 FROM pg_database WHERE datname = $1`, templateName).Scan(&there)
	if err != nil || there {
		return err
	}
	const partial = templateName + "_partial"
	for _, statement := range []string{`DROP DATABASE IF EXISTS ` + partial, `CREATE DATABASE ` + partial} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	if err := migrate(ctx, store.Options{URL: s.url(partial)}); err != nil {
		return fmt.Errorf("migrate the template: %w", err)
	}
	if err := s.executeIn(partial, keepSeed); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, `ALTER DATABASE `+partial+` RENAME TO `+templateName)
	return err
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

// binaries is the directory of PostgreSQL's programs. Without them the test ends.
func binaries(t testing.TB) string {
	t.Helper()
	if dir := findBinaries(); dir != "" {
		return dir
	}
	const missing = "the PostgreSQL server is not installed: install the package postgresql (version 15 or later)"
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// findBinaries finds the directory of PostgreSQL's programs; it is empty where they are not installed.
func findBinaries() (dir string) {
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
	return ""
}

// majorVersion is the version in a path such as /usr/lib/postgresql/15/bin; 0 when there is none.
func majorVersion(dir string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
	return n
}

// newServer makes a database cluster in a new temporary directory and starts it.
func newServer(bin string, durable bool, settings ...string) (*Server, error) {
	s := &Server{bin: bin, durable: durable, settings: settings}
	return s, s.create()
}

// create makes the database cluster and starts the server.
func (s *Server) create() (err error) {
	if s.dir, err = os.MkdirTemp("", "punctual-postgres-"); err != nil {
		return err
	}
	s.password = rand.Text()
	if err := s.initialise(); err != nil {
		return errors.Join(err, os.RemoveAll(s.dir))
	}
	return s.startAnywhere()
}

// startAnywhere starts the server for the first time, on a free port. Without one it removes it.
func (s *Server) startAnywhere() (err error) {
	// Another process may take the port between freePort and start.
	for range 3 {
		if s.port, err = freePort(); err != nil {
			break
		}
		if err = s.start(); err == nil {
			return nil
		}
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

func (s *Server) initialise() error {
	passwordFile := filepath.Join(s.dir, "password")
	stored, err := verifier(s.password)
	if err != nil {
		return err
	}
	if err := os.WriteFile(passwordFile, []byte(stored), 0o600); err != nil {
		return err
	}
	owner := serverOwner()
	for _, path := range []string{s.dir, passwordFile} {
		if err := give(path, owner); err != nil {
			return err
		}
	}
	// Not the collation "C", so that a query that needs it and does not say so is found out.
	args := []string{"--pgdata", s.data(), "--username", "postgres", "--auth", "password", "--pwfile", passwordFile,
		"--encoding", "UTF8", "--locale", "C", "--locale-provider", "icu", "--icu-locale", "en", "--no-sync"}
	if s.log != "" {
		args = append(args, "--waldir", s.log, "--wal-segsize", "1") // MB: a small disk has room for many
	}
	p, err := s.run("initdb", args...)
	if err != nil {
		return err
	}
	<-p.ended
	if p.err != nil {
		return fmt.Errorf("make the database cluster: %w\n%s", p.err, p.log.Bytes())
	}
	return nil
}

// verifier is what PostgreSQL stores of a password, with a single iteration in place of its 4096: a tenth of the server's CPU would go
// into them, as tests make thousands of connections, and a random password needs none.
func verifier(password string) (string, error) {
	const iterations = 1
	salt := []byte(rand.Text())
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		return "", err
	}
	client := sha256.Sum256(hash(salted, "Client Key"))
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", iterations, encode(salt), encode(client[:]), encode(hash(salted, "Server Key"))), nil
}

func hash(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
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
	args := []string{"-D", s.data(), "-c", "listen_addresses=127.0.0.1", "-c", "port=" + strconv.Itoa(s.port),
		"-c", "unix_socket_directories=", "-c", "max_connections=500"}
	if !s.durable {
		args = append(args, "-c", "shared_buffers=64MB", "-c", "fsync=off", "-c", "full_page_writes=off",
			"-c", "autovacuum=off") // whose statistics would change plans between runs
	}
	for _, setting := range s.settings {
		args = append(args, "-c", setting)
	}
	p, err := s.run("postgres", args...)
	if err != nil {
		return err
	}
	s.process = p
	ctx, cancel := context.WithTimeout(context.Background(), serverTimeout)
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

// execute runs a statement through a connection of its own.
func (s *Server) execute(t testing.TB, statement string) {
	t.Helper()
	if err := s.executeIn("postgres", statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func (s *Server) executeIn(database, statement string) error {
	db, err := sql.Open("pgx", s.url(database))
	if err != nil {
		return err
	}
	_, err = db.Exec(statement)
	return errors.Join(err, db.Close())
}

func (s *Server) stop() error {
	p := s.process
	if p == nil {
		return nil
	}
	s.process = nil
	return p.stop()
}

// remove ends the server for good, unless another process has started it.
func (s *Server) remove() {
	if s.dir == "" {
		return
	}
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
	case <-time.After(serverTimeout):
	}
	err := p.cmd.Process.Kill()
	<-p.ended
	return errors.Join(errors.New("the server had to be killed"), err)
}
