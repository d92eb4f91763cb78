package scheduler

import (
	"context"
	"runtime"
	"sync"

	"punctual/internal/cron"
)

// workers perform the executions of claims, each on a goroutine. All that a claim has taken starts at once, but as the Go scheduler has
// turns for it:
//
//	claim ──▶ waiting ──▶ starter: startGroup workers, then the turn of others, and again until none waits
//	             └──────▶ a worker whose execution has ended goes on with the next, on the stack that it has
//
// Had all of a claim a goroutine at once, the writer of the database, once its time slice is used up, would be behind hundreds of
// them in the queue of the Go scheduler. Then nothing would be claimed meanwhile, and afterwards there would be nothing to do but to write.
type workers struct {
	execute func(context.Context, *cron.Launch)
	running *sync.WaitGroup // of all goroutines

	mu       sync.Mutex
	waiting  []cron.Launch
	starting bool // the starter runs
}

// startGroup is how many workers start at a turn. Each has about four turns: it connects, writes, reads and ends.
const startGroup = 16

// start performs executions under ctx, which is the same in all calls. Their slots are taken already.
func (w *workers) start(ctx context.Context, launches []cron.Launch) {
	if len(launches) == 0 {
		return
	}
	w.mu.Lock()
	w.waiting = append(w.waiting, launches...)
	begin := !w.starting
	w.starting = true
	w.mu.Unlock()
	if begin {
		w.running.Go(func() { w.startAll(ctx) })
	}
}

// startAll starts workers until no execution waits for one.
func (w *workers) startAll(ctx context.Context) {
	for {
		for range startGroup {
			w.mu.Lock()
			l, ok := w.next()
			w.starting = ok
			w.mu.Unlock()
			if !ok {
				return
			}
			w.running.Go(func() { w.work(ctx, l) })
		}
		runtime.Gosched()
	}
}

// work performs an execution, and then those that wait.
func (w *workers) work(ctx context.Context, l *cron.Launch) {
	growStack()
	for ok := true; ok; {
		w.execute(ctx, l)
		w.mu.Lock()
		l, ok = w.next()
		w.mu.Unlock()
	}
}

// next removes the next execution that waits. It is a copy, so that a slow execution does not keep the whole claim in memory.
func (w *workers) next() (*cron.Launch, bool) {
	if len(w.waiting) == 0 {
		w.waiting = nil
		return nil, false
	}
	l := w.waiting[0]
	w.waiting = w.waiting[1:]
	return &l, true
}

// growStack grows the stack of a new goroutine to what an exchange needs while it is still empty. Growing it step by step
// took 5 % of all CPU.
//
//go:noinline
func growStack() {
	var room [8 << 10]byte
	runtime.KeepAlive(&room)
}
