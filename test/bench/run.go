package main

import (
	"bufio"
	"cmp"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"punctual/internal/store"
)

// bench is one run.
type bench struct {
	options
	seeded
	dir string
	key [32]byte
	db  *sql.DB
	// The processes of a PostgreSQL server on this machine: the first one, and the one that serves db; 0 for none.
	databaseServer, reader int
	server                 service
	target                 *process
	dumps                  *bufio.Reader
	asks                   io.Writer
	sent                   map[int32]int // requests by job
	opened                 opened        // connections of the target
	port                   int           // of the first node; 0 is the one before those of the target
	first                  time.Time     // the instant of the first round; zero for the next one
	samples                samples
}

// run performs the whole benchmark.
func run(ctx context.Context, o options) (r report, err error) {
	b := &bench{options: o, sent: make(map[int32]int)}
	if b.dir, err = os.MkdirTemp("", "punctual-bench"); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if err := b.build(ctx); err != nil {
		return r, err
	}
	if err := b.awaitQuiet(ctx); err != nil {
		return r, err
	}
	if err := b.seed(ctx); err != nil {
		return r, fmt.Errorf("seed: %w", err)
	}
	if b.connection != "" {
		if err := setConnection(ctx, b.location(), b.connection); err != nil {
			return r, err
		}
	}
	return b.once(ctx)
}

// once starts the service with the seeded database, measures it, and checks its ledger.
func (b *bench) once(ctx context.Context) (r report, err error) {
	defer func() { b.target.kill(); b.server.kill() }()
	if err := b.startTarget(ctx); err != nil {
		return r, fmt.Errorf("start the target: %w", err)
	}
	if err := b.startServer(ctx); err != nil {
		return r, fmt.Errorf("start the service: %w", err)
	}
	defer func() { err = errors.Join(err, b.db.Close()) }()
	if r, err = b.measure(ctx); err != nil {
		return r, err
	}
	if b.check {
		if err := b.verify(ctx, &r); err != nil {
			return r, err
		}
	}
	if !b.busy {
		err = r.refuse()
	}
	return r, err
}

// awaitQuiet waits until other processes leave the machine alone, unless it does not matter.
func (b *bench) awaitQuiet(ctx context.Context) error {
	if b.busy {
		return nil
	}
	if b.database != "" {
		err := b.location().with(func(db *sql.DB) error {
			b.databaseServer, _ = serverOf(ctx, db)
			return db.PingContext(ctx)
		})
		if err != nil {
			return fmt.Errorf("connect to the database: %w", err)
		}
	}
	return awaitQuiet(ctx, b.now)
}

// build builds the service, unless there is a binary.
func (b *bench) build(ctx context.Context) error {
	if b.binary != "" {
		return nil
	}
	b.binary = filepath.Join(b.dir, "punctual")
	build := exec.CommandContext(ctx, "go", "build", "-o", b.binary, "punctual")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the service: %w: %s", err, out)
	}
	return nil
}

func (b *bench) authority() (certificate, private string) {
	return filepath.Join(b.dir, "ca.pem"), filepath.Join(b.dir, "authority.pem")
}

func (b *bench) startTarget(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	args := []string{"target", "-first-port", strconv.Itoa(b.firstPort), "-ports", strconv.Itoa(b.ports),
		"-hosts", strconv.Itoa(b.hosts), "-delay", b.delay.String(), "-size", strconv.Itoa(b.size)}
	if b.https {
		certificate, private := b.authority()
		if err := writeAuthority(certificate, private); err != nil {
			return err
		}
		args = append(args, "-authority", private, "-mlkem="+strconv.FormatBool(b.mlkem))
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Stderr = os.Stderr
	if b.asks, err = cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if b.target, err = startProcess(cmd); err != nil {
		return err
	}
	b.dumps = bufio.NewReader(out)
	line, err := b.dumps.ReadString('\n')
	if err == nil && line != "ready\n" {
		err = fmt.Errorf("it said %q", line)
	}
	return err
}

// url is where the first node listens.
func (b *bench) url() string { return b.nodeURL(0) }

// nodeURL is where a node listens. The ports between belong to another service that runs at the same time.
func (b *bench) nodeURL(node int) string {
	return "http://127.0.0.1:" + strconv.Itoa(cmp.Or(b.port, b.firstPort-1)-10*node)
}

// startServer starts all nodes, and waits until each is ready before the next one.
func (b *bench) startServer(ctx context.Context) (err error) {
	for node := range b.nodes {
		if err := b.startNode(ctx, node); err != nil {
			return err
		}
	}
	b.db, err = b.location().openToRead()
	return err
}

func (b *bench) startNode(ctx context.Context, node int) error {
	dir := b.dir
	if node > 0 {
		dir = filepath.Join(b.dir, "node-"+strconv.Itoa(node+1))
	}
	args := []string{"serve", "--listen", strings.TrimPrefix(b.nodeURL(node), "http://"), "--data", dir, "--host-slots", "100000", "--drain", "2s"}
	if b.slots > 0 {
		args = append(args, "--slots", strconv.Itoa(b.slots))
	}
	cmd := exec.CommandContext(ctx, b.binary, args...)
	cmd.Env = append(os.Environ(), "PUNCTUAL_DATABASE="+b.database,
		"PUNCTUAL_SECRET_KEY="+base64.StdEncoding.EncodeToString(b.key[:]), "PUNCTUAL_LOG_LEVEL=warn")
	if b.https {
		certificate, _ := b.authority()
		cmd.Env = append(cmd.Env, "SSL_CERT_FILE="+certificate, "SSL_CERT_DIR=/nowhere")
	}
	if b.env != "" {
		cmd.Env = append(cmd.Env, b.env)
	}
	cmd.Stderr = os.Stderr
	started, err := startProcess(cmd)
	if err != nil {
		return err
	}
	b.server = append(b.server, started)
	return b.ready(ctx, node)
}

// ready waits until a node is ready.
func (b *bench) ready(ctx context.Context, node int) error {
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		res, err := http.Get(b.nodeURL(node) + "/readyz")
		if err != nil {
			continue
		}
		_ = res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return nil
		}
	}
	return errors.Join(errors.New("the service did not become ready"), ctx.Err())
}

// location is where the database is.
func (b *bench) location() location { return location{b.database, b.dir} }

// arrivals reads the requests that the target has received since the last call.
func (b *bench) arrivals() ([]arrival, error) {
	if _, err := io.WriteString(b.asks, "\n"); err != nil {
		return nil, err
	}
	var (
		counted opened
		n       int64
	)
	if err := errors.Join(binary.Read(b.dumps, binary.LittleEndian, &counted), binary.Read(b.dumps, binary.LittleEndian, &n)); err != nil {
		return nil, err
	}
	b.opened.add(counted)
	list := make([]arrival, n)
	err := binary.Read(b.dumps, binary.LittleEndian, list)
	for _, a := range list {
		b.sent[a.Job]++
	}
	return list, err
}

// diskBytes is the size of the database.
func (b *bench) diskBytes(ctx context.Context) (total int64) {
	if b.database != "" {
		_ = b.db.QueryRowContext(ctx, `SELECT pg_database_size(current_database())`).Scan(&total) // 0 means unknown
		return total
	}
	files, _ := filepath.Glob(filepath.Join(b.dir, store.FileName+"*"))
	for _, f := range files {
		if info, err := os.Stat(f); err == nil && !strings.HasSuffix(f, "-shm") {
			total += info.Size()
		}
	}
	return total
}

// written is how many bytes the service and the database have caused to be written to disks.
func (b *bench) written() int64 {
	total := b.server.written()
	if b.databaseServer != 0 {
		total += writtenBy(b.databaseServer)
		for _, child := range childrenOf(b.databaseServer) {
			total += writtenBy(child)
		}
	}
	return total
}

func sleepUntil(ctx context.Context, t time.Time) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Until(t)):
		return nil
	}
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
