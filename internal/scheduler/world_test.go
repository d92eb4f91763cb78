package scheduler

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
	"punctual/internal/metrics"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

// world is a scheduler on a real database with targets whose URL determines their answer, all in one synctest bubble: time
// starts at midnight and advances only while everything waits.
type world struct {
	*testing.T
	dir      string
	config   Config // of the next scheduler; a test may change it before start
	db       *database
	raw      *sql.DB // reads without the store
	targets  *targets
	logs     *logs
	accounts []int64
	node     *node
}

// node is a scheduler that runs.
type node struct {
	*Scheduler
	cancel context.CancelFunc
	ended  chan struct{}
	err    error // once ended is closed
}

// inBubble runs a test in a bubble. Time does not pass while goroutines wait for files and locks, so the database
// takes no time.
func inBubble(t *testing.T, test func(w *world)) {
	t.Helper()
	t.Parallel()
	dir := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		// Once synctest itself waits too. Before, it may run timers while goroutines here use them, which can crash the race
		// detector (Go 1.26).
		synctest.Wait()
		w := newWorld(t, dir)
		defer w.close()
		test(w)
	})
}

// newWorld opens the database of dir and gives it an account.
func newWorld(t *testing.T, dir string) *world {
	w := &world{T: t, dir: dir, targets: &targets{}, logs: &logs{}}
	raw, err := storetest.Connect(store.Options{Dir: dir})
	w.ok(err)
	w.raw = raw
	w.open()
	w.newAccount()
	return w
}

// open opens the database and sets the configuration of the next scheduler.
func (w *world) open() {
	w.Helper()
	w.db = &database{Store: w.store(), raw: w.raw, memory: make(map[string]time.Time)}
	w.config = Config{
		Store: w.db, Nodes: w.db, TestRuns: w.db, Exchanger: w.targets, Self: cron.Node{Name: "test"},
		Slots: 100, HostSlots: 100, Drain: 10 * time.Second, Metrics: metrics.New(), Logger: slog.New(slog.NewTextHandler(w.logs, nil)),
	}
}

func (w *world) store() *store.Store {
	w.Helper()
	db, err := store.Open(w.Context(), store.Options{Dir: w.dir, Logger: slog.New(slog.DiscardHandler)})
	w.ok(err)
	return db
}

func (w *world) close() {
	if w.node != nil {
		w.db.inject(nil)
		w.node.cancel()
		<-w.node.ended
	}
	if err := errors.Join(w.db.Close(), w.raw.Close()); err != nil {
		w.Error(err)
	}
	if w.Failed() {
		w.Log("the scheduler said:\n" + w.logs.String())
	}
}

// start starts a scheduler as configured and returns once it sleeps.
func (w *world) start() *node {
	w.Helper()
	if w.node != nil {
		w.Fatal("a scheduler runs already")
	}
	ctx, cancel := context.WithCancel(context.Background())
	n := &node{Scheduler: New(w.config), cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(n.ended)
		n.err = n.Run(ctx)
	}()
	w.node = n
	synctest.Wait()
	return n
}

// stop tells the scheduler to stop and waits until it has.
func (w *world) stop() {
	w.Helper()
	n := w.node
	w.node = nil
	n.cancel()
	<-n.ended
	w.ok(n.err)
}

// restart makes a new process: a new scheduler on the reopened database, after the time that it was down.
func (w *world) restart(down time.Duration) *node {
	w.Helper()
	w.reopen(down)
	return w.start()
}

// reopen stops the process, if one runs, and opens the database again after it was down for some time.
func (w *world) reopen(down time.Duration) {
	w.Helper()
	if w.node != nil {
		w.stop()
	}
	w.ok(w.db.Close())
	time.Sleep(down)
	config := w.config
	w.open()
	config.Store, config.Nodes, config.TestRuns = w.db, w.db, w.db
	w.config = config
}

// crash ends the process as if it were killed: nothing that it does from now on reaches the database or a target.
// Earlier requests have reached their targets.
func (w *world) crash() {
	w.Helper()
	n := w.node
	w.node = nil
	w.db.inject(func(context.Context, operation, func() error) error { return errAway })
	w.targets.kill()
	n.cancel()
	<-n.ended
	w.targets.revive()
}

// secondNode starts another node, which declares all others dead.
func (w *world) secondNode() {
	w.Helper()
	defer w.db.writing()()
	other := w.store()
	epoch, err := other.StartNode(w.Context(), cron.Node{Name: "other"})
	w.ok(err)
	_, err = other.SettleDead(w.Context(), epoch)
	w.ok(err)
	w.ok(other.Close())
}

// at sleeps until an offset from midnight, the start of the test, and lets everything due by then happen.
func (w *world) at(offset time.Duration) {
	w.Helper()
	midnight := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	wait := time.Until(midnight.Add(offset))
	if wait < 0 {
		w.Fatalf("%v is over", offset)
	}
	time.Sleep(wait)
	synctest.Wait()
}

// clock is an instant of the first day as what at takes.
func clock(t time.Time) time.Duration { return t.Sub(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) }

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// newAccount creates an account.
func (w *world) newAccount() int64 {
	w.Helper()
	a := storetest.NewAccount(w.T, w.db.Store, strconv.Itoa(len(w.accounts))+"@example.com", cron.PlanUnlimited)
	w.accounts = append(w.accounts, a.ID)
	return a.ID
}

// times is the schedule in UTC with the given seconds, minutes and hours of every day.
func times(seconds, minutes, hours cron.Set) cron.Schedule {
	return cron.Schedule{
		Timezone: "UTC", Seconds: seconds, Minutes: minutes, Hours: hours, MonthDays: cron.Every, Months: cron.Every,
		Weekdays: cron.Every,
	}
}

// Schedules.
var (
	everySecond = times(cron.Every, cron.Every, cron.Every)
	everyMinute = times(cron.SetOf(0), cron.Every, cron.Every)
)

// in is the schedule of a job that is due once a day, at an offset from midnight.
func in(offset time.Duration) cron.Schedule {
	s := int(offset / time.Second)
	return times(cron.SetOf(s%60), cron.SetOf(s/60%60), cron.SetOf(s/3600))
}

// job creates an enabled job of the first account, after edits to it.
func (w *world) job(schedule cron.Schedule, target string, edits ...func(*cron.Job)) int64 {
	w.Helper()
	j := cron.NewJob()
	j.AccountID, j.Enabled, j.Schedule, j.Request.URL = w.accounts[0], true, schedule, target
	for _, edit := range edits {
		edit(&j)
	}
	w.ok(w.db.CreateJob(w.Context(), &j))
	return j.ID
}

// clones adds n copies of a job to each of some accounts.
func (w *world) clones(id int64, n int, accounts ...int64) {
	w.Helper()
	defer w.db.writing()()
	for _, account := range accounts {
		w.tables().CopyJobTo(id, n, account)
	}
}

func (w *world) edit(id int64, change func(*cron.Job)) {
	w.Helper()
	w.ok(w.db.UpdateJob(w.Context(), w.tables().AccountOf(id), id, func(j *cron.Job) error {
		change(j)
		return nil
	}))
}

func (w *world) state(id int64) cron.JobRecord {
	w.Helper()
	rec, err := w.db.Job(w.Context(), w.accounts[0], id)
	w.ok(err)
	return rec
}

// tables are the tables of the database without the store.
func (w *world) tables() *storetest.Tables { return storetest.NewTables(w.T, w.raw) }

// entry is a row of the ledger.
type entry storetest.Record

func (e entry) String() string {
	s := fmt.Sprintf("job %d at %v kind %d attempt %d: outcome %d", e.JobID, clock(e.Planned), e.Kind, e.Attempt, e.Outcome)
	if e.Count > 0 {
		return s + fmt.Sprintf(" for %d until %v", e.Count, clock(e.Last))
	}
	return s
}

// ledger lists the records of some jobs, or of all, by occurrence and attempt.
func (w *world) ledger(jobs ...int64) (entries []entry) {
	w.Helper()
	for _, r := range w.tables().Ledger(jobs...) {
		entries = append(entries, entry(r))
	}
	return entries
}

// lines is a list in lines, for a comparison that reads well.
func lines[T any](list []T) string {
	var b strings.Builder
	for _, e := range list {
		fmt.Fprintln(&b, e)
	}
	return b.String()
}

// expect compares two lists.
func expect[T any](w *world, what string, got, want []T) {
	w.Helper()
	if g, h := lines(got), lines(want); g != h {
		w.Fatalf("%s:\n%swant:\n%s", what, g, h)
	}
}

// offsets is when some calls came.
func offsets(calls []call) (at []time.Duration) {
	for _, c := range calls {
		at = append(at, clock(c.at))
	}
	return at
}

// operation is a method of the store.
type operation string

const (
	opClaim     operation = "claim"
	opFinish    operation = "finish"
	opNextDue   operation = "next due"
	opStart     operation = "start node"
	opHeartbeat operation = "heartbeat"
	opStop      operation = "stop node"
	opSettle    operation = "settle dead"
	opAbandoned operation = "abandoned"

	opWaitingTests operation = "waiting test runs"
	opEndingTests  operation = "ending test runs"
	opClaimTest    operation = "claim a test run"
	opAdvanceTest  operation = "advance a test run"
	opFinishTest   operation = "finish a test run"
)

var errAway = errors.New("the database is away")

// fault is what happens around an operation, do.
type fault func(ctx context.Context, op operation, do func() error) error

// on limits a fault to some operations.
func (f fault) on(operations ...operation) fault {
	return func(ctx context.Context, op operation, do func() error) error {
		if slices.Contains(operations, op) {
			return f(ctx, op, do)
		}
		return do()
	}
}

// Faults.
func failBefore(context.Context, operation, func() error) error { return errAway }

func failAfter(_ context.Context, _ operation, do func() error) error {
	return errors.Join(do(), errAway)
}

func hang(ctx context.Context, _ operation, _ func() error) error {
	<-ctx.Done()
	return ctx.Err()
}

// slow takes some time before an operation.
func slow(d time.Duration) fault {
	return func(ctx context.Context, _ operation, do func() error) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(d):
			return do()
		}
	}
}

// database is the real store with faults injected around it. It marks the URL of each launch with its execution, so that
// a target knows for what it is called, and it records its calls.
type database struct {
	*store.Store
	raw *sql.DB

	mu       sync.Mutex
	fault    fault
	deaf     bool                 // notifications are lost
	memory   map[string]time.Time // answers of NextDue; polls would take most of the time of the tests
	writers  int                  // operations in progress that may change them
	writes   int                  // how often one began or ended
	active   int                  // operations in progress
	claimed  []cron.Launch
	claims   []cron.ClaimRequest
	finishes []finish
	beats    []time.Time
	done     map[operation]int // how often an operation was called
}

// finish is a batch of results that the store took or refused.
type finish struct {
	at          time.Time
	completions []cron.Completion
	err         error
}

var (
	_ Store    = (*database)(nil)
	_ Nodes    = (*database)(nil)
	_ TestRuns = (*database)(nil)
)

// inject sets the fault; nil is none.
func (d *database) inject(f fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = f
}

func (d *database) note(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

func (d *database) around(ctx context.Context, op operation, do func() error) error {
	switch op {
	case opNextDue, opHeartbeat, opWaitingTests, opEndingTests, opClaimTest, opAdvanceTest, opFinishTest:
	default:
		defer d.writing()()
	}
	d.mu.Lock()
	d.active++
	if d.done == nil {
		d.done = make(map[operation]int)
	}
	d.done[op]++
	f := d.fault
	d.mu.Unlock()
	defer d.note(func() { d.active-- })
	if f == nil {
		return do()
	}
	return f(ctx, op, do)
}

func (d *database) Claim(ctx context.Context, req cron.ClaimRequest) (cron.Claimed, error) {
	d.note(func() { d.claims = append(d.claims, req) })
	var claimed cron.Claimed
	err := d.around(ctx, opClaim, func() (err error) {
		claimed, err = d.Store.Claim(ctx, req)
		return err
	})
	if err != nil {
		return cron.Claimed{}, err
	}
	for i := range claimed.Launches {
		l := &claimed.Launches[i]
		job := *l.Job // which other launches share
		job.Request.URL += "#" + strconv.FormatInt(l.ExecutionID, 10)
		l.Job = &job
	}
	d.note(func() { d.claimed = append(d.claimed, claimed.Launches...) })
	return claimed, nil
}

func (d *database) Finish(ctx context.Context, completions []cron.Completion) error {
	f := finish{at: time.Now(), completions: slices.Clone(completions)}
	f.err = d.around(ctx, opFinish, func() error { return d.Store.Finish(ctx, completions) })
	d.note(func() { d.finishes = append(d.finishes, f) })
	return f.err
}

func (d *database) NextDue(ctx context.Context, without []int64) (next time.Time, err error) {
	err = d.around(ctx, opNextDue, func() (err error) {
		var (
			key   = fmt.Sprint(without)
			known bool
			asOf  int
		)
		d.note(func() {
			next, known = d.memory[key]
			asOf = d.writes
		})
		if known {
			return nil
		}
		next, err = d.Store.NextDue(ctx, without)
		d.note(func() {
			if err == nil && asOf == d.writes && d.writers == 0 {
				d.memory[key] = next
			}
		})
		return err
	})
	return next, err
}

// writing makes NextDue look again and again until what it returns is called.
func (d *database) writing() (done func()) {
	forget := func(writers int) {
		d.note(func() {
			d.writers += writers
			d.writes++
			clear(d.memory)
		})
	}
	forget(1)
	return func() { forget(-1) }
}

// CreateJob adds a job.
func (d *database) CreateJob(ctx context.Context, j *cron.Job) error {
	defer d.writing()()
	return d.Store.CreateJob(ctx, j)
}

// UpdateJob edits a job.
func (d *database) UpdateJob(ctx context.Context, account, id int64, change func(*cron.Job) error) error {
	defer d.writing()()
	return d.Store.UpdateJob(ctx, account, id, change)
}

// DeleteJob removes a job.
func (d *database) DeleteJob(ctx context.Context, account, id int64) error {
	defer d.writing()()
	return d.Store.DeleteJob(ctx, account, id)
}

func (d *database) Changed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.deaf {
		return nil
	}
	return d.Store.Changed()
}

func (d *database) StartNode(ctx context.Context, n cron.Node) (epoch int64, err error) {
	err = d.around(ctx, opStart, func() (err error) {
		epoch, err = d.Store.StartNode(ctx, n)
		return err
	})
	return epoch, err
}

// Heartbeat fails for a dead node, as on PostgreSQL. On SQLite the store never does.
func (d *database) Heartbeat(ctx context.Context, h cron.Heartbeat) (draining bool, err error) {
	d.note(func() { d.beats = append(d.beats, time.Now()) })
	err = d.around(ctx, opHeartbeat, func() error {
		dead, err := storetest.IsDead(ctx, d.raw, h.Epoch)
		if err != nil {
			return err
		} else if dead {
			return fmt.Errorf("renew the lease: %w", cron.ErrNodeDead)
		}
		draining, err = d.Store.Heartbeat(ctx, h)
		return err
	})
	return draining, err
}

func (d *database) StopNode(ctx context.Context, epoch int64) error {
	return d.around(ctx, opStop, func() error { return d.Store.StopNode(ctx, epoch) })
}

func (d *database) SettleDead(ctx context.Context, self int64) (settled int, err error) {
	err = d.around(ctx, opSettle, func() (err error) {
		settled, err = d.Store.SettleDead(ctx, self)
		return err
	})
	return settled, err
}

func (d *database) Abandoned(ctx context.Context, epoch int64, except []int64) (lost []cron.Completion, err error) {
	err = d.around(ctx, opAbandoned, func() (err error) {
		lost, err = d.Store.Abandoned(ctx, epoch, except)
		return err
	})
	return lost, err
}

// targets answers exchanges as their URLs say. The host does not matter. The query may contain the
// following; without it the response is 200 at once.
//
//	take=5s    how long the answer takes
//	status=500 another status
//	after=90s  what Retry-After asks for
//	hang       no answer until the timeout
//	body=1000  the length of the body
type targets struct {
	mu       sync.Mutex
	during   func(call) // what happens while a target is asked
	calls    []call
	inFlight map[string]int // by host
	total    int
	peak     int            // of all in flight
	peaks    map[string]int // by host
	dead     bool
	deaths   []context.CancelFunc
}

// call is one exchange.
type call struct {
	at        time.Time
	execution int64
	host      string
	url       string // without the mark
	timeout   time.Duration
}

func (c call) String() string { return fmt.Sprintf("%v %s", clock(c.at), c.url) }

var _ Exchanger = (*targets)(nil)

// Trace makes an exchange of a test run.
func (g *targets) Trace(ctx context.Context, request cron.Call, observe func(cron.Trace)) (cron.Result, cron.Trace) {
	t := cron.Trace{Phase: cron.PhaseWaiting, Hops: []cron.Hop{{URL: request.Request.URL}}}
	observe(t)
	r := g.Do(ctx, request)
	if t.Phase = cron.PhaseDone; r.Fault == cron.FaultLost {
		t.Phase = cron.PhaseWaiting
	}
	observe(t)
	return r, t
}

// Do makes an exchange.
func (g *targets) Do(ctx context.Context, request cron.Call) cron.Result {
	target, mark, _ := strings.Cut(request.Request.URL, "#")
	c := call{at: time.Now(), url: target, timeout: request.Timeout, host: cron.TargetHost(target)}
	c.execution, _ = strconv.ParseInt(mark, 10, 64)

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g.mu.Lock()
	if g.dead {
		g.mu.Unlock()
		return cron.Lost()
	}
	g.deaths = append(g.deaths, cancel)
	g.calls = append(g.calls, c)
	if g.inFlight == nil {
		g.inFlight, g.peaks = make(map[string]int), make(map[string]int)
	}
	g.inFlight[c.host]++
	g.total++
	g.peak = max(g.peak, g.total)
	g.peaks[c.host] = max(g.peaks[c.host], g.inFlight[c.host])
	during := g.during
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		g.inFlight[c.host]--
		g.total--
		g.mu.Unlock()
	}()

	if during != nil {
		during(c)
	}
	return answer(ctx, target, request)
}

func answer(ctx context.Context, target string, request cron.Call) cron.Result {
	r := cron.Result{Status: cron.StatusOK, HTTPStatus: 200, Reason: "OK", URL: target}
	u, err := url.Parse(target)
	if err != nil {
		return cron.Result{Status: cron.StatusInvalidURL, Fault: cron.FaultInvalidURL, URL: target}
	}
	q := u.Query()
	r.Duration, _ = time.ParseDuration(q.Get("take"))
	if q.Has("hang") || r.Duration > request.Timeout {
		r = cron.Result{Status: cron.StatusTimeout, Fault: cron.FaultTimeout, URL: target, Duration: request.Timeout}
	}
	if r.Duration > 0 {
		select {
		case <-time.After(r.Duration):
		case <-ctx.Done():
			return cron.Lost()
		}
	}
	if status, err := strconv.Atoi(q.Get("status")); err == nil {
		r.Status, r.HTTPStatus, r.Reason = cron.StatusHTTPError, status, "Failed"
	}
	r.RetryAfter, _ = time.ParseDuration(q.Get("after"))
	if n, err := strconv.Atoi(q.Get("body")); err == nil {
		r.Body = make([]byte, n)
	}
	return r
}

// kill aborts all exchanges and refuses further ones.
func (g *targets) kill() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.dead = true
	for _, cancel := range g.deaths {
		cancel()
	}
	g.deaths = nil
}

func (g *targets) revive() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.dead = false
}

// asked lists the calls to a URL, or to all that start with it, in the order in which they came.
func (g *targets) asked(prefix string) (calls []call) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.calls {
		if strings.HasPrefix(c.url, prefix) {
			calls = append(calls, c)
		}
	}
	return calls
}

// logs is what the scheduler logged.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write adds a record.
func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// count tells how many records hold a text.
func (l *logs) count(text string) int { return strings.Count(l.String(), text) }
