package scheduler

import (
	"maps"
	"math"
	"slices"
	"sync"

	"punctual/internal/cron"
)

// greed bounds what one account may have in flight: so many times the slots that are free. One account alone can use
// greed/(greed+1) of all slots, two of them a little more together, and something always remains for the next.
// It is the dynamic threshold of Choudhury and Hahne (IEEE/ACM Transactions on Networking, 1998).
const greed = 3

// Large definitions are in memory several times over while they are sent: sealed, opened, and as a request. Those that count
// (see cron.Launch.Bytes) may take so many bytes of all executions in flight, and so many of one account's: room for
// more than a dozen of the largest ordinary bodies, which leaves the node as much as four such accounts use. What finds no
// room stays due. Small ones never wait for large ones.
const (
	maxDefinitionBytes = 64 << 20
	maxAccountBytes    = 16 << 20
)

// maxUnrecordedBytes bounds the responses that wait for the database.
const maxUnrecordedBytes = 64 << 20

// flight counts what this node has taken on: executions in flight, by account and by target host, and results that are
// not recorded yet.
type flight struct {
	mu         sync.Mutex
	slots      int
	perHost    int
	inFlight   int
	accounts   map[int64]share
	hosts      map[string]int
	defined    int64              // bytes of large definitions in flight
	waiting    map[int64]int64    // accounts whose work waits for bytes, and how many the smallest needs
	executions map[int64]struct{} // in flight or not recorded yet
	latest     int64              // the largest id of an execution so far
	claiming   bool               // executions may have been claimed that are not known yet; their ids exceed latest
	unrecorded int
	bytes      int           // of unrecorded responses
	freed      chan struct{} // receives when a slot has come free
	empty      chan struct{} // closed when nothing is in flight; nil unless somebody waits
	running    sync.WaitGroup
}

// share is what an account has in flight, and the most that its plan allows.
type share struct {
	inFlight, most int
	bytes          int64 // of large definitions
}

func newFlight(slots, perHost int) *flight {
	return &flight{
		slots: slots, perHost: perHost, accounts: make(map[int64]share), hosts: make(map[string]int),
		waiting: make(map[int64]int64), executions: make(map[int64]struct{}), freed: make(chan struct{}, 1),
	}
}

// free is how many executions can start now. Results that the database does not take hold their slots, so that a
// service that falls behind stays bounded.
func (f *flight) free() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.freeLocked()
}

func (f *flight) freeLocked() int {
	if f.bytes > maxUnrecordedBytes {
		return 0
	}
	return max(0, f.slots-f.inFlight-max(0, f.unrecorded-f.slots))
}

// bytesFree is how many bytes of large definitions an account may add when all executions in flight, and its own, have
// some already: it has greed times as many as are free then, at most, so that something always remains for the next.
func bytesFree(all, own int64) int64 {
	return min((greed*(maxDefinitionBytes-all)-own)/(greed+1), maxAccountBytes-own)
}

// admission judges the work of one claim as if what it admits were in flight already.
func (f *flight) admission() cron.Admitter {
	var (
		admitted = 0
		bytes    = int64(0)
		accounts = make(map[int64]share)
		hosts    = make(map[string]int)
	)
	return func(j *cron.Job, p *cron.Plan, size int64) cron.Admission {
		f.mu.Lock()
		defer f.mu.Unlock()
		has, gets := f.accounts[j.AccountID], accounts[j.AccountID]
		if has.inFlight+gets.inFlight >= min(greed*(f.freeLocked()-admitted), most(p)) {
			return cron.AdmitLater
		}
		host := cron.TargetHost(j.Request.URL)
		if f.hosts[host]+hosts[host] >= f.perHost {
			return cron.AdmitDefer
		}
		if size > 0 && size > bytesFree(f.defined+bytes, has.bytes+gets.bytes) {
			if least, ok := f.waiting[j.AccountID]; !ok || size < least {
				f.waiting[j.AccountID] = size
			}
			return cron.AdmitLater
		}
		admitted++
		bytes += size
		accounts[j.AccountID] = share{inFlight: gets.inFlight + 1, bytes: gets.bytes + size}
		hosts[host]++
		return cron.AdmitNow
	}
}

// most is how many executions a plan lets an account have in flight.
func most(p *cron.Plan) int {
	if p.MaxInFlight == 0 {
		return math.MaxInt
	}
	return p.MaxInFlight
}

// crowdedOut lists the accounts that have no room, and those of them that more slots would not help: they have all that
// their plan, or what is kept in memory for one account, allows. One that was crowded out before stays so until it has room
// for some more at once, since few large claims cost less than many small ones.
func (f *flight) crowdedOut(before []int64) (accounts, capped []int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	free := f.freeLocked()
	add := func(id int64, own bool) {
		accounts = append(accounts, id)
		if own {
			capped = append(capped, id)
		}
	}
	for id, s := range f.accounts {
		limit := min(greed*free, s.most)
		if s.inFlight >= limit || slices.Contains(before, id) && s.inFlight+min(f.slots, s.most)/2 > limit {
			add(id, s.most <= greed*free)
		}
	}
	for id, need := range f.waiting {
		if slices.Contains(before, id) {
			need = max(need, maxAccountBytes/2)
		}
		if own := f.accounts[id].bytes; need > bytesFree(f.defined, own) {
			add(id, need > maxAccountBytes-own)
		} else {
			delete(f.waiting, id)
		}
	}
	slices.Sort(accounts)
	slices.Sort(capped)
	return slices.Compact(accounts), slices.Compact(capped)
}

// claims notes that a claim begins, and claimed that all it took has been started.
func (f *flight) claims()  { f.setClaiming(true) }
func (f *flight) claimed() { f.setClaiming(false) }

func (f *flight) setClaiming(claiming bool) {
	f.mu.Lock()
	f.claiming = claiming
	f.mu.Unlock()
}

// unsure tells, between two claims, that the latest failed: it may have been committed all the same.
func (f *flight) unsure() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.claiming
}

// openFrom is an id below which all executions of this node have ended and are recorded. latest is one that was the
// latest of any node before this was called, so that a claim that begins later has larger ones.
func (f *flight) openFrom(latest int64) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	from := latest
	if f.claiming {
		from = min(from, f.latest)
	}
	for id := range f.executions {
		from = min(from, id)
	}
	return from
}

// start runs fn as an execution.
func (f *flight) start(l *cron.Launch, fn func()) {
	j := l.Job
	f.mu.Lock()
	f.inFlight++
	f.executions[l.ExecutionID] = struct{}{}
	f.latest = max(f.latest, l.ExecutionID)
	has := f.accounts[j.AccountID]
	f.accounts[j.AccountID] = share{has.inFlight + 1, most(l.Plan), has.bytes + l.Bytes}
	f.defined += l.Bytes
	f.hosts[cron.TargetHost(j.Request.URL)]++
	f.mu.Unlock()
	f.running.Go(fn)
}

// landed turns an execution in flight into a result of some bytes that waits to be recorded.
func (f *flight) landed(l *cron.Launch, bytes int) {
	j := l.Job
	f.mu.Lock()
	f.inFlight--
	f.defined -= l.Bytes
	if s := f.accounts[j.AccountID]; s.inFlight > 1 {
		f.accounts[j.AccountID] = share{s.inFlight - 1, s.most, s.bytes - l.Bytes}
	} else {
		delete(f.accounts, j.AccountID)
	}
	host := cron.TargetHost(j.Request.URL)
	if f.hosts[host]--; f.hosts[host] == 0 {
		delete(f.hosts, host)
	}
	f.unrecorded++
	f.bytes += bytes
	if f.inFlight == 0 && f.empty != nil {
		close(f.empty)
		f.empty = nil
	}
	f.mu.Unlock()
	f.signal()
}

// recorded forgets results.
func (f *flight) recorded(batch []cron.Completion) {
	f.mu.Lock()
	f.unrecorded -= len(batch)
	for i := range batch {
		f.bytes -= size(&batch[i])
		delete(f.executions, batch[i].Launch.ExecutionID)
	}
	f.mu.Unlock()
	f.signal()
}

func (f *flight) signal() {
	select {
	case f.freed <- struct{}{}:
	default:
	}
}

// known lists the executions that are in flight or not recorded yet.
func (f *flight) known() []int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Collect(maps.Keys(f.executions))
}

func (f *flight) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.inFlight
}

// idle is closed once nothing is in flight. Nothing must be started after it was called.
func (f *flight) idle() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	empty := make(chan struct{})
	if f.inFlight == 0 {
		close(empty)
	} else {
		f.empty = empty
	}
	return empty
}

// wait returns when every execution has landed.
func (f *flight) wait() { f.running.Wait() }
