package scheduler

import (
	"maps"
	"math"
	"slices"
	"sync"

	"punctual/internal/cron"
)

// An execution takes room on its node from its claim until its result is recorded:
//
//	claim ──▶ admission ──▶ start ──▶ in flight ──▶ end ──▶ unrecorded ──▶ recorded
//	              │         slot, host, bytes              slot only when the database falls behind
//	              └─ no room: the occurrence stays due
//
// Four limits decide on admission:
//
//   - slots: executions in flight on the node. Unrecorded results count beyond the number of slots, so that memory stays
//     bounded when the database does not keep up;
//   - accounts: an account can have at most shareFactor times the free slots in flight, and no more than its plan allows.
//     One account alone gets shareFactor/(shareFactor+1) of all slots, and there is always room for another account.
//     This is the dynamic threshold of Choudhury and Hahne (IEEE/ACM Transactions on Networking, 1998);
//   - hosts: executions in flight to one host and port;
//   - bytes: headers and bodies of large jobs (cron.Launch.Bytes), per node and per account. They are in memory several
//     times while they are sent: sealed, decrypted, and as a request. Small jobs never wait for bytes.
const (
	shareFactor        = 3
	maxDefinitionBytes = 64 << 20 // of large jobs in flight on the node
	maxAccountBytes    = 16 << 20 // of large jobs in flight of one account: more than a dozen of the largest bodies
	maxUnrecordedBytes = 64 << 20 // of responses that wait to be recorded
)

// inFlight tracks the executions of this node that are in flight or not recorded yet.
type inFlight struct {
	mu         sync.Mutex
	slots      int
	perHost    int
	executing  int // executions and test runs in flight
	tests      int // test runs in flight or not recorded yet
	testHosts  map[string]int
	testBytes  int64 // of large jobs that are tested
	accounts   map[int64]share
	hosts      map[string]int
	defined    int64              // bytes of large jobs
	waiting    map[int64]int64    // accounts that wait for bytes, with the bytes of their smallest waiting job
	executions map[int64]struct{} // in flight or not recorded yet
	latest     int64              // the largest ID of an execution so far
	claiming   bool               // a claim is in progress or its outcome is unknown; its executions have IDs above latest
	doubted    int                // how often the database may have forgotten results of this node
	trusted    int                // up to which of these times that was settled
	unrecorded int
	bytes      int           // of unrecorded responses
	freed      chan struct{} // receives when a slot becomes free
	empty      chan struct{} // closed when nothing is in flight; nil unless idle was called
	running    sync.WaitGroup
}

// share is what an account has in flight and the maximum of its plan.
type share struct {
	inFlight, max int
	bytes         int64 // of large jobs
}

func newInFlight(slots, perHost int) *inFlight {
	return &inFlight{
		slots: slots, perHost: perHost, accounts: make(map[int64]share), hosts: make(map[string]int), testHosts: make(map[string]int),
		waiting: make(map[int64]int64), executions: make(map[int64]struct{}), freed: make(chan struct{}, 1),
	}
}

// free is the number of executions that can start now.
func (f *inFlight) free() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.freeLocked()
}

func (f *inFlight) freeLocked() int {
	if f.bytes > maxUnrecordedBytes {
		return 0
	}
	return max(0, f.slots-f.executing-max(0, f.unrecorded-f.slots))
}

// bytesFree is the number of bytes that an account can add when all accounts and it alone use the given numbers. It leaves
// the account at most shareFactor times the bytes that are free afterwards.
func bytesFree(all, own int64) int64 {
	return min((shareFactor*(maxDefinitionBytes-all)-own)/(shareFactor+1), maxAccountBytes-own)
}

// admission decides on the executions of one claim, and counts those that it admits as in flight.
func (f *inFlight) admission() cron.Admitter {
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
		if has.inFlight+gets.inFlight >= min(shareFactor*(f.freeLocked()-admitted), accountLimit(p)) {
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

// accountLimit is the number of executions in flight that a plan allows an account.
func accountLimit(p *cron.Plan) int {
	if p.MaxInFlight == 0 {
		return math.MaxInt
	}
	return p.MaxInFlight
}

// accountsWithoutRoom lists the accounts that have no room. Those in capped are at the limit of their own plan or of the
// bytes of one account, so that more slots would not help them. An account that was listed before stays listed until it
// has room for several executions, since few large claims cost less than many small ones.
func (f *inFlight) accountsWithoutRoom(before []int64) (accounts, capped []int64) {
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
		limit := min(shareFactor*free, s.max)
		if s.inFlight >= limit || slices.Contains(before, id) && s.inFlight+min(f.slots, s.max)/2 > limit {
			add(id, s.max <= shareFactor*free)
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

// beginClaim notes that a claim begins, and returns how many executions it can start: no test run starts meanwhile.
func (f *inFlight) beginClaim() (free int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.claiming = true
	return f.freeLocked()
}

// endClaim notes that all executions of the claim have been started.
func (f *inFlight) endClaim() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.claiming = false
}

// claimUncertain reports, between claims, that the last one failed. It may have been committed all the same. Or the database may have
// forgotten results of this node.
func (f *inFlight) claimUncertain() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.claiming || f.doubted > f.trusted
}

// doubt notes that the database may have forgotten results of this node. It may also give IDs out again that it gave to forgotten launches.
func (f *inFlight) doubt() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.doubted++
	f.latest = 0
}

// doubts is how often that was.
func (f *inFlight) doubts() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.doubted
}

// trust notes that what the database has forgotten up to so many doubts was settled.
func (f *inFlight) trust(doubts int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.trusted = doubts
}

// runningFrom is an ID below which all executions of this node are recorded. latest is the highest ID of any node at
// some time before the call. Claims that begin later get higher IDs.
func (f *inFlight) runningFrom(latest int64) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.doubted > f.trusted {
		return 0 // as it was
	}
	from := latest
	if f.claiming {
		from = min(from, f.latest)
	}
	for id := range f.executions {
		from = min(from, id)
	}
	return from
}

// start runs fn as an execution in flight.
func (f *inFlight) start(l *cron.Launch, fn func()) {
	j := l.Job
	f.mu.Lock()
	f.executions[l.ExecutionID] = struct{}{}
	f.latest = max(f.latest, l.ExecutionID)
	f.take(j.AccountID, l.Plan, l.Bytes)
	f.hosts[cron.TargetHost(j.Request.URL)]++
	f.mu.Unlock()
	f.running.Go(fn)
}

// end turns an execution in flight into an unrecorded result of the given size.
func (f *inFlight) end(l *cron.Launch, bytes int) {
	j := l.Job
	f.mu.Lock()
	f.giveBack(j.AccountID, l.Bytes)
	leave(f.hosts, cron.TargetHost(j.Request.URL))
	f.unrecorded++
	f.bytes += bytes
	f.mu.Unlock()
	f.signal()
}

// take takes a slot for an account.
func (f *inFlight) take(account int64, p *cron.Plan, bytes int64) {
	f.executing++
	has := f.accounts[account]
	f.accounts[account] = share{has.inFlight + 1, accountLimit(p), has.bytes + bytes}
	f.defined += bytes
}

// giveBack frees a slot of an account.
func (f *inFlight) giveBack(account, bytes int64) {
	f.executing--
	f.defined -= bytes
	if s := f.accounts[account]; s.inFlight > 1 {
		f.accounts[account] = share{s.inFlight - 1, s.max, s.bytes - bytes}
	} else {
		delete(f.accounts, account)
	}
	if f.executing == 0 && f.empty != nil {
		close(f.empty)
		f.empty = nil
	}
}

// leave gives back a place at a host.
func leave(hosts map[string]int, host string) {
	if hosts[host]--; hosts[host] == 0 {
		delete(hosts, host)
	}
}

// recorded removes results that are in the database.
func (f *inFlight) recorded(batch []cron.Completion) {
	f.mu.Lock()
	f.unrecorded -= len(batch)
	for i := range batch {
		f.bytes -= size(&batch[i])
		delete(f.executions, batch[i].Launch.ExecutionID)
	}
	f.mu.Unlock()
	f.signal()
}

func (f *inFlight) signal() {
	select {
	case f.freed <- struct{}{}:
	default:
	}
}

// known lists the executions that are in flight or not recorded yet.
func (f *inFlight) known() []int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Collect(maps.Keys(f.executions))
}

func (f *inFlight) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.executing
}

// idle returns a channel that is closed once nothing is in flight. No execution must be started after the call.
func (f *inFlight) idle() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	empty := make(chan struct{})
	if f.executing == 0 {
		close(empty)
	} else {
		f.empty = empty
	}
	return empty
}

// wait returns when every execution has ended.
func (f *inFlight) wait() { f.running.Wait() }
