package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"punctual/internal/store/storetest"
	"punctual/test/checker"
	"punctual/test/harness"
)

func TestMain(m *testing.M) {
	code := harness.Main(m)
	if n := survived.Load(); n > 0 {
		fmt.Println(n, "faults happened in all rounds")
	}
	if text := lonely.String(); text != "" {
		fmt.Println(text)
	}
	os.Exit(code)
}

// survived counts the faults of all rounds of the process.
var survived atomic.Int64

// The kinds of rounds. The seed selects one, so consecutive seeds cover all of them.
var (
	onSQLite   = []func(*round){killAll, killAll, pauseOne}
	onPostgres = []func(*round){killSome, pauseOne, killSome, cutAll}
)

func TestSQLite(t *testing.T) {
	t.Parallel()
	rounds(t, len(onSQLite), 3, func(t *testing.T, seed uint64) {
		r := newRound(t, seed, harness.NewService(t, ""), 1, 500)
		onSQLite[seed%uint64(len(onSQLite))](r)
		r.end()
	})
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	rounds(t, len(onPostgres), 4, func(t *testing.T, seed uint64) {
		url := storetest.Postgres(t) + "&application_name=chaos_" + strconv.FormatUint(seed, 10)
		r := newRound(t, seed, harness.NewService(t, url), 2+int(seed/2%2), 300)
		onPostgres[seed%uint64(len(onPostgres))](r)
		r.end()
	})
}

// killAll kills the only node several times.
func killAll(r *round) {
	for range 1 + r.rng.IntN(3) {
		r.work()
		r.kill(0)
		r.rest()
		r.start(0)
	}
}

// killSome kills one of the nodes several times.
func killSome(r *round) {
	for range 1 + r.rng.IntN(3) {
		r.work()
		victim := r.rng.IntN(len(r.nodes))
		r.kill(victim)
		r.deaths = append(r.deaths, time.Now())
		r.rest()
		r.start(victim)
	}
}

// pauseOne pauses one of several nodes for longer than its lease.
func pauseOne(r *round) {
	r.work()
	r.pause(r.rng.IntN(len(r.nodes)))
	r.work()
}

// cutAll closes the database connections of the nodes several times.
func cutAll(r *round) {
	for range 5 + r.rng.IntN(10) {
		r.rest()
		r.cut()
	}
}

// turns bounds how many rounds of all tests run at once: nodes that get no processor in time lose their leases and refuse calls, which is no
// fault of theirs. Other packages are tested at the same time.
var turns = make(chan struct{}, 3)

// rounds runs rounds, several at a time, with seeds from the environment if it sets them. A round that skips itself is the last one.
func rounds(t *testing.T, count, atOnce int, round func(t *testing.T, seed uint64)) {
	number := func(name string, otherwise uint64) uint64 {
		text := os.Getenv(name)
		if text == "" {
			return otherwise
		}
		n, err := strconv.ParseUint(text, 10, 63)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return n
	}
	first := number("PUNCTUAL_CHAOS_SEED", uint64(time.Now().UnixMilli()))
	limit := number("PUNCTUAL_CHAOS_ROUNDS", uint64(count))
	const longest = 5 * time.Minute // of a round
	deadline, limited := t.Deadline()
	var (
		next    atomic.Uint64
		skipped atomic.Bool
		workers sync.WaitGroup
	)
	for range atOnce {
		workers.Go(func() {
			for !t.Failed() && !skipped.Load() && !(limited && time.Until(deadline) < longest) {
				i := next.Add(1) - 1
				if limit > 0 && i >= limit {
					return
				}
				t.Run(fmt.Sprintf("seed=%d", first+i), func(t *testing.T) {
					turns <- struct{}{}
					defer func() {
						if t.Skipped() {
							skipped.Store(true)
						}
						<-turns
					}()
					round(t, first+i)
				})
			}
		})
	}
	workers.Wait()
	if done := next.Load(); done < limit && !t.Failed() && !skipped.Load() {
		t.Logf("there was time for %d rounds of %d only", done, limit)
	}
}

// round is a service with a burst of jobs, and what was done to it.
type round struct {
	t       *testing.T
	rng     *rand.Rand
	service *harness.Service
	target  *harness.Target
	told    *receiver
	nodes   []*harness.Node
	started []*harness.Node // all that were
	epochs  []int64         // of the nodes at their starts; a node that joins again has another one
	begin   time.Time
	witness checker.Witness
	editing sync.WaitGroup
	stop    context.CancelFunc      // ends the edits
	extra   func(node int) []string // of the environment of a node; nil for nothing
	within  func(node int) []string // the command that runs a node; nil for none
	deaths  []time.Time             // ends of nodes by SIGKILL, when others ran and nothing else happened in the round

	forgotten func() map[string]int          // requests whose records may be forgotten; nil when nothing is
	current   atomic.Pointer[harness.Client] // of the node that was started last
}

// newRound starts nodes and creates a burst of at least so many jobs.
func newRound(t *testing.T, seed uint64, s *harness.Service, nodes, jobs int) *round {
	return newRoundWith(t, seed, s, nodes, jobs, nil)
}

// newRoundWith is newRound with more of the environment of each node.
func newRoundWith(t *testing.T, seed uint64, s *harness.Service, nodes, jobs int, extra func(node int) []string) *round {
	r := prepareRound(t, seed, s, nodes)
	r.extra = extra
	r.open(seed, jobs)
	return r
}

// prepareRound makes a round whose nodes have not been started.
func prepareRound(t *testing.T, seed uint64, s *harness.Service, nodes int) *round {
	return &round{
		t: t, rng: rand.New(rand.NewPCG(seed, 0)), service: s, target: harness.NewTarget(t), told: newReceiver(t),
		nodes: make([]*harness.Node, nodes), epochs: make([]int64, nodes),
	}
}

// open starts the nodes of a round and creates a burst of at least so many jobs.
func (r *round) open(seed uint64, jobs int) {
	t, s := r.t, r.service
	s.Extra = append(s.Extra, r.told.environment()...)
	for i := range r.nodes {
		r.start(i)
	}
	r.begin = time.Now()
	createMonitors(t, s, r.nodes[0], r.target.URL, r.rng)
	edited := createJobs(t, s, r.nodes[0], r.told, r.target.URL, jobs+r.rng.IntN(jobs), r.rng)
	var editing context.Context
	editing, r.stop = context.WithCancel(t.Context())
	r.editing.Go(func() { r.edit(editing, edited, rand.New(rand.NewPCG(seed, 1))) })
	t.Cleanup(r.editing.Wait)
}

// slots is the number of slots of a node.
const slots = 1000

// start starts a node.
func (r *round) start(i int) {
	var env []string
	if r.extra != nil {
		env = r.extra(i)
	}
	if r.within != nil {
		r.service.Within = r.within(i)
		defer func() { r.service.Within = nil }()
	}
	r.nodes[i] = r.service.StartWith(env, "--slots", strconv.Itoa(slots))
	r.started = append(r.started, r.nodes[i])
	r.current.Store(r.service.Client(r.nodes[i]))
	r.epochs[i] = epochOf(r.t, r.nodes[i])
}

var servingLine = regexp.MustCompile(`msg=serving .* epoch=(\d+)`)

// epochOf is the epoch that a node has said to serve with.
func epochOf(t *testing.T, n *harness.Node) int64 {
	t.Helper()
	found := servingLine.FindStringSubmatch(n.Stderr())
	if found == nil {
		t.Fatal("a node does not say with which epoch it serves")
	}
	epoch, err := strconv.ParseInt(found[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return epoch
}

// rejoined tells whether a node has lost its lease and joined again, so that its epoch is another one.
func rejoined(n *harness.Node) bool { return strings.Contains(n.Stderr(), "the lease has ended") }

// work lets the nodes run until the target has received some more requests, and then until a random moment or shortly
// after the start of a second, when most jobs are due.
func (r *round) work() {
	enough := r.target.Received() + 30 + r.rng.IntN(200)
	r.await("the nodes work", func() bool { return r.target.Received() >= enough })
	d := time.Duration(r.rng.IntN(100)) * time.Millisecond
	if r.rng.IntN(2) == 0 {
		d = time.Until(time.Now().Truncate(time.Second).Add(time.Second + d*6/10))
	}
	time.Sleep(d)
}

// await waits for something that must become true.
func (r *round) await(what string, is func() bool) {
	for deadline := time.Now().Add(harness.Timeout); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("waited in vain until %s", what)
		}
	}
}

// rest is a short pause of random length.
func (r *round) rest() { time.Sleep(time.Duration(r.rng.IntN(900)) * time.Millisecond) }

// kill kills a node and counts what may be lost. In most cases it also ends the node's lease: nobody renews it any
// more, so this only shortens the round.
func (r *round) kill(i int) {
	r.nodes[i].Kill()
	survived.Add(1)
	r.witness.InFlight += r.running()
	if r.rng.IntN(4) == 0 {
		return
	}
	if _, err := r.service.Database().Exec(`UPDATE node SET lease_until = 0 WHERE epoch = $1`, r.epochs[i]); err != nil {
		r.t.Errorf("end the lease: %v", err)
	}
}

// pause pauses a node until the others have declared it dead, or for a while if there are no others, and resumes it.
func (r *round) pause(i int) {
	r.nodes[i].Pause()
	survived.Add(1)
	if len(r.nodes) == 1 {
		time.Sleep(time.Second)
		r.rest()
	} else {
		r.witness.InFlight += r.running()
		r.await("the node counts as dead", func() bool {
			return r.number(`SELECT count(*) FROM node WHERE dead AND epoch = $1`, r.epochs[i]) == 1
		})
		r.witness.Paused = true
	}
	r.nodes[i].Resume()
}

// cut closes all database connections of the nodes. Launches of a claim whose commit was interrupted may be lost.
func (r *round) cut() {
	_, err := r.service.Database().Exec(`SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
		WHERE application_name = current_setting('application_name') AND pid <> pg_backend_pid()`)
	if err != nil {
		r.t.Errorf("cut the connections: %v", err)
	}
	survived.Add(1)
	r.witness.InFlight += r.running()
}

// running is the number of executions in flight.
func (r *round) running() int {
	return int(r.number(`SELECT count(*) FROM execution WHERE outcome = 0`))
}

// number reads a number from the database, as soon as it answers.
func (r *round) number(query string, args ...any) (n int64) {
	for deadline := time.Now().Add(harness.Timeout); ; time.Sleep(50 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(r.t.Context(), 5*time.Second)
		err := r.service.Database().QueryRowContext(ctx, query, args...).Scan(&n)
		cancel()
		if err == nil {
			return n
		}
		if time.Now().After(deadline) || r.t.Context().Err() != nil {
			r.t.Errorf("%s: %v", query, err)
			return 0
		}
	}
}

// end waits until everything that was due is settled, stops the nodes, and checks the ledger.
func (r *round) end() {
	r.stop()
	r.editing.Wait()
	r.await("the actions have ended", func() bool { return r.number(`SELECT count(*) FROM action WHERE state < 2`) == 0 })
	quiet := time.Now()
	r.service.AwaitSettled(quiet)
	r.awaitMessages()
	r.service.AwaitNodes(len(r.nodes))
	for _, n := range r.nodes {
		n.Stop()
		if rejoined(n) { // on a machine that is too busy a node can lose its lease, too
			r.witness.Paused = true
			r.witness.InFlight += slots
		}
	}
	r.witness.Delayed = slices.ContainsFunc(r.started, delayed)
	ledger, err := checker.Read(r.t.Context(), r.service.Database())
	if err != nil {
		r.t.Fatal(err)
	}
	w := r.witness
	if r.forgotten != nil {
		w.Forgets, w.Forgotten = true, r.forgotten()
	}
	w.From, w.To, w.Received, w.Told, w.Stopped = r.begin, quiet, r.target.Counts(), r.told.counts(), true
	found := checker.Find(ledger, w)
	for _, v := range found[:min(len(found), 20)] {
		r.t.Error(v)
	}
	if n := len(found); n > 20 {
		r.t.Errorf("%d violations in all", n)
	}
	if len(r.deaths) > 0 {
		felt, most := r.feltDeaths(ledger.Records)
		r.t.Logf("jobs were late by %v at most after the deaths of nodes, and as little as before within %v", most, felt)
		lonely.add(felt, most)
	}
	mails := len(r.told.mails.Mails())
	outcomes := make(map[string]int)
	for _, record := range ledger.Records {
		outcomes[[]string{"running", "succeeded", "failed", "skipped", "lost", "missed"}[record.Outcome]]++
	}
	changes := 0
	for _, c := range ledger.Components {
		changes += len(c.Transitions)
	}
	r.t.Logf("%d jobs in %s: %v, at most %d in flight; %d problems, %d actions, %d notices, %d messages, %d of them mails; %d components changed %d times", len(ledger.Jobs), time.Since(r.begin).Round(time.Second),
		outcomes, w.InFlight, len(ledger.Problems), len(ledger.Actions), len(ledger.Notices), len(ledger.Messages), mails, len(ledger.Components), changes)
}

// delayed tells whether a node has said that the database was away, or so busy that executions were late.
func delayed(n *harness.Node) bool {
	said := n.Stderr()
	return slices.ContainsFunc([]string{"results cannot be recorded", "the lease cannot be renewed", "the service is falling behind"},
		func(text string) bool { return strings.Contains(said, text) })
}
