package notify

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"punctual/internal/message"
)

// loop starts attempts to send, and waits for them when the node stops.
type loop struct {
	logger *slog.Logger
	ended  chan struct{} // signals that an attempt has ended
	works  sync.WaitGroup

	unread, unwritten atomic.Bool // an error was logged, and nothing has succeeded since
}

func newLoop(logger *slog.Logger) loop { return loop{logger: logger, ended: make(chan struct{}, 1)} }

// run calls pass, after the time that it returned or when there may be something to do, until ctx ends. It returns when the attempts have
// ended, which have stopGrace for that, and recordGrace to record their results.
func (l *loop) run(ctx context.Context, noticed <-chan struct{}, pass func(ctx, attempts, recording context.Context) time.Duration) error {
	attempts, interrupt := context.WithCancel(context.WithoutCancel(ctx))
	defer interrupt()
	recording, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-noticed:
		case <-l.ended:
		}
		if ctx.Err() == nil {
			timer.Reset(pass(ctx, attempts, recording))
		}
	}
	defer time.AfterFunc(stopGrace, interrupt).Stop()
	defer time.AfterFunc(stopGrace+recordGrace, giveUp).Stop()
	l.works.Wait()
	return nil
}

// signalEnd wakes the loop.
func (l *loop) signalEnd() {
	select {
	case l.ended <- struct{}{}:
	default:
	}
}

// record writes a result, again and again until it is written or ctx ends. The first of several failures is logged.
func (l *loop) record(ctx context.Context, failure string, write func(ctx context.Context) error) {
	for ctx.Err() == nil {
		writing, cancel := context.WithTimeout(ctx, storeLimit)
		err := write(writing)
		cancel()
		if err == nil {
			l.unwritten.Store(false)
			return
		}
		if ctx.Err() == nil && !l.unwritten.Swap(true) {
			message.LogDatabase(l.logger, failure, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(retryPause):
		}
	}
}
