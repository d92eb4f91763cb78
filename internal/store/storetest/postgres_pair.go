package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Kill ends the server and all its processes at once, as the end of its machine does. Start recovers what it had committed, as
// the operating system keeps what was written.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	p := s.process
	if p == nil {
		return
	}
	s.process = nil
	p.signal(t, syscall.SIGSTOP) // it starts no more processes
	pid := p.cmd.Process.Pid
	started := children(pid)
	for _, each := range append(started, pid) {
		_ = syscall.Kill(each, syscall.SIGKILL) // some may have ended
	}
	<-p.ended
	for _, each := range started {
		for deadline := time.Now().Add(serverTimeout); runs(each) && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		}
	}
}

// Pause stops all processes of the server until Resume: connections to it stay open and get no answers.
func (s *Server) Pause(t testing.TB) { s.signalAll(t, syscall.SIGSTOP) }

// Resume continues a server after Pause.
func (s *Server) Resume(t testing.TB) { s.signalAll(t, syscall.SIGCONT) }

func (s *Server) signalAll(t testing.TB, sig syscall.Signal) {
	t.Helper()
	s.process.signal(t, sig)
	for _, each := range children(s.process.cmd.Process.Pid) {
		_ = syscall.Kill(each, sig) // some may have ended
	}
}

func (p *process) signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatalf("send %v to PostgreSQL: %v", sig, err)
	}
}

// Running tells whether the server was started and not ended.
func (s *Server) Running() bool { return s.process != nil }

// Query reads one value through a connection of its own.
func (s *Server) Query(ctx context.Context, query string, into any) (err error) {
	db, err := sql.Open("pgx", s.URL())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.QueryRowContext(ctx, query).Scan(into)
}

// Pair is a primary and a standby that streams from it, each a server on the loopback interface.
type Pair struct {
	Primary, Standby *Server
	synchronous      bool
}

// StartPair starts a pair; it ends with the test. With synchronous replication a commit waits until the standby has applied it.
func StartPair(t testing.TB, synchronous bool) *Pair {
	t.Helper()
	// Pages must be whole after Kill, and the standby may be behind by much when it starts.
	primary := StartServer(t, "full_page_writes=on", "wal_keep_size=512MB", "synchronous_commit=remote_apply",
		"wal_sender_timeout=10s", "wal_retrieve_retry_interval=100ms")
	p := &Pair{Primary: primary, synchronous: synchronous}
	t.Cleanup(func() {
		if p.Standby != nil {
			p.Standby.remove()
		}
		p.Primary.remove()
	})
	dir, err := os.MkdirTemp("", "punctual-postgres-")
	if err != nil {
		t.Fatal(err)
	}
	p.Standby = &Server{bin: primary.bin, dir: dir, password: primary.password, settings: primary.settings}
	if err := give(dir, serverOwner()); err != nil {
		t.Fatal(err)
	}
	p.Rebuild(t)
	return p
}

// URL names both servers, and asks for the one that takes writes.
func (p *Pair) URL() string {
	return PairURL(p.Primary, p.Primary.port, p.Standby.port)
}

// PairURL is the URL of a database of a server, which is found at one of two ports of the loopback interface: the one whose
// server takes writes.
func PairURL(s *Server, one, other int) string {
	return fmt.Sprintf("postgres://postgres:%s@127.0.0.1:%d,127.0.0.1:%d/postgres?sslmode=disable&target_session_attrs=read-write&connect_timeout=2",
		s.password, one, other)
}

// Port is where the server listens.
func (s *Server) Port() int { return s.port }

// Rebuild makes the standby a copy of the primary, whatever it was before, and starts it. Commits wait for it afterwards, if the
// pair is synchronous.
func (p *Pair) Rebuild(t testing.TB) {
	t.Helper()
	s := p.Standby
	if err := errors.Join(s.stop(), os.RemoveAll(s.data())); err != nil {
		t.Fatal(err)
	}
	backup, err := s.run("pg_basebackup", "--pgdata", s.data(), "--dbname", p.Primary.URL(), "--write-recovery-conf",
		"--wal-method", "stream", "--checkpoint", "fast", "--no-sync")
	if err != nil {
		t.Fatal(err)
	}
	<-backup.ended
	if backup.err != nil {
		t.Fatalf("copy the primary: %v\n%s", backup.err, backup.log.Bytes())
	}
	if s.port == 0 {
		err = s.startAnywhere()
	} else {
		err = s.start()
	}
	if err != nil {
		t.Fatalf("start the standby: %v", err)
	}
	p.Await(t, p.Primary, `SELECT count(*) > 0 FROM pg_stat_replication WHERE state = 'streaming' AND application_name = 'walreceiver'`)
	if p.synchronous {
		p.Primary.execute(t, `ALTER SYSTEM SET synchronous_standby_names = '*'`)
		p.Primary.execute(t, `SELECT pg_reload_conf()`)
		p.Await(t, p.Primary, `SELECT count(*) > 0 FROM pg_stat_replication WHERE sync_state = 'sync'`)
	}
}

// Promote makes the standby the primary. The former primary must have ended; it is the standby from now on, and Rebuild starts it.
func (p *Pair) Promote(t testing.TB) {
	t.Helper()
	if p.Primary.Running() {
		t.Fatal("promote a standby while its primary runs: two servers would take writes")
	}
	p.Primary, p.Standby = p.Standby, p.Primary
	p.Primary.execute(t, `ALTER SYSTEM RESET synchronous_standby_names`) // it may be a copy of one that had a standby
	p.Primary.execute(t, `SELECT pg_reload_conf()`)
	// What the standby still replays may end the statement, so it is repeated until it is done.
	p.Await(t, p.Primary, `SELECT NOT pg_is_in_recovery() OR NOT pg_promote(false)`)
}

// Await waits until a query of a server returns true.
func (p *Pair) Await(t testing.TB, s *Server, query string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), serverTimeout)
	defer cancel()
	for {
		var is bool
		err := s.Query(ctx, query, &is)
		if err == nil && is {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s: %v", query, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// UseDirectory puts the tables of the database, those that are made from now on, into a directory, which may be on a disk of its own.
func (s *Server) UseDirectory(t testing.TB, dir string) {
	t.Helper()
	if err := give(dir, serverOwner()); err != nil {
		t.Fatal(err)
	}
	s.execute(t, `CREATE TABLESPACE elsewhere LOCATION '`+dir+`'`)
	s.execute(t, `ALTER DATABASE postgres SET default_tablespace = elsewhere`)
}

// StartServerWithLog is StartServer with the write-ahead log in a directory, which may be on a disk of its own.
func StartServerWithLog(t testing.TB, dir string, settings ...string) *Server {
	t.Helper()
	s := &Server{bin: binaries(t), settings: settings, log: filepath.Join(dir, "wal")}
	if err := give(dir, serverOwner()); err != nil {
		t.Fatal(err)
	}
	if err := s.create(); err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	t.Cleanup(s.remove)
	return s
}

// Revive starts the server if it has ended by itself, and tells whether it had.
func (s *Server) Revive(t testing.TB) (had bool) {
	t.Helper()
	select {
	case <-s.process.ended:
		s.Start(t)
		return true
	default:
		return false
	}
}

// Admit lets clients of a network log in, such as 10.0.0.0/8. The setting listen_addresses decides where they can connect.
func (s *Server) Admit(t testing.TB, network string) {
	t.Helper()
	file, err := os.OpenFile(filepath.Join(s.data(), "pg_hba.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = fmt.Fprintf(file, "host all all %s password\n", network)
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	s.execute(t, `SELECT pg_reload_conf()`)
}
