package main

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the drivers that the ledger is read with
	_ "modernc.org/sqlite"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// bench is one run.
type bench struct {
	options
	dir    string
	key    [32]byte
	db     *sql.DB
	server *process
	target *process
	dumps  *bufio.Reader
	asks   io.Writer
}

// run does it all.
func run(ctx context.Context, o options) (r report, err error) {
	if o.every > time.Minute || o.every < time.Second || time.Minute%o.every != 0 || o.every%time.Second != 0 {
		return r, fmt.Errorf("-every is %s, but must be whole seconds that divide a minute", o.every)
	}
	b := &bench{options: o}
	if b.dir, err = os.MkdirTemp("", "punctual-bench"); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if b.binary == "" {
		b.binary = filepath.Join(b.dir, "punctual")
		build := exec.CommandContext(ctx, "go", "build", "-o", b.binary, "punctual")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return r, fmt.Errorf("build the service: %w: %s", err, out)
		}
	}
	if err := b.seed(ctx); err != nil {
		return r, fmt.Errorf("seed: %w", err)
	}
	defer func() { b.target.kill(); b.server.kill() }()
	if err := b.start(ctx); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, b.db.Close()) }()
	return b.measure(ctx)
}

// seed creates the accounts and jobs with the service's own store.
func (b *bench) seed(ctx context.Context) error {
	s, err := store.Open(ctx, store.Options{URL: b.database, Dir: b.dir, Key: b.key, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	accounts := make([]int64, b.accounts)
	for i := range accounts {
		a := cron.Account{Email: fmt.Sprintf("%d@example.com", i), Plan: cron.PlanUnlimited}
		if err := s.CreateAccount(ctx, &a); err != nil {
			return errors.Join(err, s.Close())
		}
		accounts[i] = a.ID
	}
	var (
		workers sync.WaitGroup
		next    atomic.Int64
		failed  atomic.Pointer[error]
	)
	for range 64 {
		workers.Go(func() {
			for i := int(next.Add(1) - 1); i < b.jobs && failed.Load() == nil; i = int(next.Add(1) - 1) {
				j := b.job(i)
				j.AccountID = accounts[i%len(accounts)]
				if err := s.CreateJob(ctx, &j); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	workers.Wait()
	if err := failed.Load(); err != nil {
		return errors.Join(*err, s.Close())
	}
	return s.Close()
}

// job is job number i.
func (b *bench) job(i int) cron.Job {
	j := cron.NewJob()
	path := strconv.Itoa(i)
	if b.hang > 0 && math.Mod(float64(i)*b.hang, 1)+b.hang > 1 {
		path = "hang/" + path
	}
	j.Enabled, j.SaveResponses = true, b.save
	j.Request.URL = fmt.Sprintf("http://127.0.0.1:%d/%s", b.firstPort+i%b.ports, path)
	s := &j.Schedule
	s.Minutes, s.Hours, s.MonthDays, s.Months, s.Weekdays = cron.Every, cron.Every, cron.Every, cron.Every, cron.Every
	s.Seconds = 0
	step, shift := int(b.every/time.Second), 0
	if b.spread {
		shift = i % step
	}
	for second := shift; second < 60; second += step {
		s.Seconds |= cron.SetOf(second)
	}
	return j
}

// start starts both processes and opens the ledger.
func (b *bench) start(ctx context.Context) (err error) {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, "target", "-first-port", strconv.Itoa(b.firstPort), "-ports", strconv.Itoa(b.ports),
		"-delay", b.delay.String(), "-size", strconv.Itoa(b.size))
	cmd.Stderr = os.Stderr
	if b.asks, err = cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if b.target, err = startProcess(cmd); err != nil {
		return fmt.Errorf("start the target: %w", err)
	}
	b.dumps = bufio.NewReader(out)
	if line, err := b.dumps.ReadString('\n'); err != nil || line != "ready\n" {
		return fmt.Errorf("the target did not start: %q", line)
	}

	args := []string{"serve", "--listen", "127.0.0.1:" + strconv.Itoa(b.firstPort-1), "--data", b.dir, "--host-slots", "100000"}
	if b.slots > 0 {
		args = append(args, "--slots", strconv.Itoa(b.slots))
	}
	cmd = exec.CommandContext(ctx, b.binary, args...)
	cmd.Env = append(os.Environ(), "PUNCTUAL_DATABASE="+b.database,
		"PUNCTUAL_SECRET_KEY="+base64.StdEncoding.EncodeToString(b.key[:]))
	if b.profile != "" {
		cmd.Env = append(cmd.Env, b.profile)
	}
	cmd.Stderr = os.Stderr
	if b.server, err = startProcess(cmd); err != nil {
		return fmt.Errorf("start the service: %w", err)
	}
	if err := b.ready(ctx); err != nil {
		return err
	}
	if b.database != "" {
		b.db, err = sql.Open("pgx", b.database)
	} else {
		b.db, err = sql.Open("sqlite", "file:"+filepath.Join(b.dir, store.FileName)+"?mode=ro&_busy_timeout=10000")
	}
	return err
}

// ready waits until the service is.
func (b *bench) ready(ctx context.Context) error {
	url := fmt.Sprintf("http://127.0.0.1:%d/readyz", b.firstPort-1)
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		res, err := http.Get(url)
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

// arrivals asks the target for what it saw since the last time.
func (b *bench) arrivals() ([]arrival, error) {
	if _, err := io.WriteString(b.asks, "\n"); err != nil {
		return nil, err
	}
	var n int64
	if err := binary.Read(b.dumps, binary.LittleEndian, &n); err != nil {
		return nil, err
	}
	list := make([]arrival, n)
	return list, binary.Read(b.dumps, binary.LittleEndian, list)
}

// measure lets the rounds pass and reads what they left. The round before the first is not counted.
func (b *bench) measure(ctx context.Context) (r report, err error) {
	r = report{Jobs: b.jobs, Accounts: b.accounts, Database: map[bool]string{true: "SQLite", false: "PostgreSQL"}[b.database == ""]}
	first := time.Now().Add(2 * time.Second).Truncate(b.every).Add(b.every)
	if err := sleepUntil(ctx, first.Add(-time.Second)); err != nil {
		return r, err
	}
	if _, err := b.arrivals(); err != nil {
		return r, err
	}
	server, target := b.server.cpu(), b.target.cpu()
	for i := range b.rounds {
		due := first.Add(time.Duration(i) * b.every)
		if err := sleepUntil(ctx, due); err != nil {
			return r, err
		}
		round, err := b.round(ctx, due)
		if err != nil {
			return r, err
		}
		r.Rounds = append(r.Rounds, round)
	}
	executions := float64(b.jobs * b.rounds)
	r.ServerCPU = micros(b.server.cpu()-server) / executions
	r.TargetCPU = micros(b.target.cpu()-target) / executions
	r.PeakMemory = b.server.peakMemory()
	r.DiskPerExecution = float64(b.diskBytes()) / executions
	return r, nil
}

// round waits until the herd of one instant is recorded, or the next is due, and reads its ledger.
func (b *bench) round(ctx context.Context, due time.Time) (round, error) {
	r := round{Due: due.Unix()}
	until := due.Add(b.every)
	end := until.Add(-500 * time.Millisecond)
	if b.spread {
		if err := sleepUntil(ctx, until); err != nil {
			return r, err
		}
		end = until.Add(2 * time.Second)
	}
	for time.Now().Before(end) {
		var left int
		err := b.db.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM execution WHERE outcome = 0) +
			(SELECT count(*) FROM job_state WHERE look_at < $1)`, until.UnixMilli()).Scan(&left)
		if err != nil {
			return r, err
		}
		if left == 0 {
			break
		}
		if err := sleepUntil(ctx, time.Now().Add(20*time.Millisecond)); err != nil {
			return r, err
		}
	}
	durable := time.Now()
	arrivals, err := b.arrivals()
	if err != nil {
		return r, err
	}
	rows, err := b.db.QueryContext(ctx, `SELECT outcome, lateness_us FROM execution WHERE planned_at >= $1 AND planned_at < $2`,
		due.UnixMilli(), until.UnixMilli())
	if err != nil {
		return r, err
	}
	defer func() { _ = rows.Close() }()
	var late []time.Duration
	for rows.Next() {
		var outcome, us int64
		if err := rows.Scan(&outcome, &us); err != nil {
			return r, err
		}
		switch cron.Outcome(outcome) {
		case cron.OutcomeSucceeded:
			r.Succeeded++
		case cron.OutcomeRunning:
			continue
		default:
			r.Other++
		}
		late = append(late, time.Duration(us)*time.Microsecond)
	}
	if err := rows.Err(); err != nil {
		return r, err
	}
	r.Ledger = percentiles(late)
	r.fill(due, durable, arrivals, b)
	return r, nil
}

// fill computes what the arrivals say.
func (r *round) fill(due, durable time.Time, arrivals []arrival, b *bench) {
	var late []time.Duration
	seconds := int64(b.every / time.Second)
	for _, a := range arrivals {
		planned := due
		if b.spread {
			planned = due.Add(time.Duration(int64(a.Job)%seconds) * time.Second)
		}
		late = append(late, time.UnixMicro(a.At).Sub(planned))
	}
	r.Arrived = len(arrivals)
	r.Target = percentiles(late)
	if len(late) == 0 {
		return
	}
	last := time.UnixMicro(slices.MaxFunc(arrivals, func(x, y arrival) int { return int(x.At - y.At) }).At)
	r.DurableAfter = durable.Sub(due)
	r.DurableAfterLast = durable.Sub(last)
	r.PerSecond = float64(len(arrivals)) / last.Sub(due).Seconds()
}

func percentiles(d []time.Duration) lateness {
	if len(d) == 0 {
		return lateness{}
	}
	slices.Sort(d)
	at := func(p float64) time.Duration { return d[min(len(d)-1, int(p*float64(len(d))))] }
	return lateness{P50: at(0.5), P90: at(0.9), P99: at(0.99), Max: d[len(d)-1]}
}

// diskBytes is the size of the database's files.
func (b *bench) diskBytes() (total int64) {
	files, _ := filepath.Glob(filepath.Join(b.dir, store.FileName+"*"))
	for _, f := range files {
		if info, err := os.Stat(f); err == nil && !strings.HasSuffix(f, "-shm") {
			total += info.Size()
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
