package scheduler

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
)

// ended tells that a node has ended, and that nothing of it is left.
func (w *world) ended(n *node) {
	w.Helper()
	select {
	case <-n.ended:
	default:
		w.Fatal("Run has not returned")
	}
	w.node = nil
	synctest.Wait()
	w.db.mu.Lock()
	defer w.db.mu.Unlock()
	w.targets.mu.Lock()
	defer w.targets.mu.Unlock()
	if w.db.active != 0 || w.targets.total != 0 {
		w.Errorf("%d operations and %d exchanges are under way after Run", w.db.active, w.targets.total)
	}
}

func TestShutdownWaitsForWhatIsInFlight(t *testing.T) {
	inBubble(t, func(w *world) {
		id := w.job(everySecond, "http://a/?take=3s")
		n := w.start()
		w.at(5*second + 500*time.Millisecond)
		n.cancel()
		w.at(8*second + 10*time.Millisecond)
		select {
		case <-n.ended:
		default:
			w.Error("Run waits for nothing once nothing is in flight")
		case <-time.After(0):
		}
		w.at(9 * second)
		w.ended(n)
		w.ok(n.err)
		var want []entry
		for i := range 5 {
			want = append(want, w.ran(id, time.Duration(i+1)*second, 1, cron.OutcomeSucceeded))
		}
		expect(w, "ledger", w.ledger(), want)
		if n := w.tables().LiveNodes(); n != 0 {
			w.Error("the node did not stop")
		}
	})
}

func TestShutdownCutsShortWhatOutlastsTheDrain(t *testing.T) {
	inBubble(t, func(w *world) {
		once := w.job(in(1*second), "http://once/?take=20s")
		least := w.job(in(1*second), "http://least/?take=20s", func(j *cron.Job) { j.Policy.Delivery = cron.AtLeastOnce })
		short := w.job(in(1*second), "http://short/?take=5s")
		n := w.start()
		w.at(2 * second)
		n.cancel()
		w.at(2*second + w.config.Drain + second)
		w.ended(n)
		w.ok(n.err)
		expect(w, "ledger", w.ledger(), []entry{
			w.ran(once, 1*second, 1, cron.OutcomeLost),
			w.ran(least, 1*second, 1, cron.OutcomeLost),
			w.ran(short, 1*second, 1, cron.OutcomeSucceeded),
		})
		w.restart(second)
		time.Sleep(30 * second)
		expect(w, "the next process", w.ledger(least), []entry{
			w.ran(least, 1*second, 1, cron.OutcomeLost), w.ran(least, 1*second, 2, cron.OutcomeSucceeded),
		})
	})
}

func TestShutdownDuringAClaim(t *testing.T) {
	inBubble(t, func(w *world) {
		id := w.job(in(1*second), "http://a/")
		n := w.start()
		w.db.inject(func(ctx context.Context, op operation, do func() error) error {
			err := do()
			if op == opClaim {
				time.Sleep(3 * second)
				err = errors.Join(err, ctx.Err())
			}
			return err
		})
		w.at(2 * second)
		n.cancel()
		w.at(20 * second)
		w.ended(n)
		w.ok(n.err)
		expect(w, "ledger", w.ledger(), []entry{w.ran(id, 1*second, 1, cron.OutcomeSucceeded)})
	})
}

func TestShutdownWithoutADatabase(t *testing.T) {
	for name, f := range map[string]fault{"that fails": failBefore, "that hangs": hang} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				once := w.job(everySecond, "http://once/?take=1500ms")
				n := w.start()
				w.at(5*second + 100*time.Millisecond)
				w.db.inject(f)
				w.at(10 * second)
				n.cancel()
				w.at(10*second + w.config.Drain + claimTimeout + lastWrites + 2*retryLongest)
				w.ended(n)
				if n.err == nil {
					w.Error("Run did not say that the node could not be ended")
				}
				w.db.inject(nil)
				w.restart(0)
				w.stop()
				if n := w.tables().Executions(cron.OutcomeRunning); n != 0 {
					w.Errorf("%d executions still run", n)
				}
				lost := 0
				for _, e := range w.ledger(once) {
					if e.Outcome == cron.OutcomeLost {
						lost++
					}
				}
				if lost != 2 {
					w.Errorf("%d executions are lost, want the 2 that were in flight:\n%s", lost, lines(w.ledger(once)))
				}
			})
		})
	}
}

// TestShutdownWithDeadConnections ends a node whose connections to the database have died since they were last used.
func TestShutdownWithDeadConnections(t *testing.T) {
	inBubble(t, func(w *world) {
		n := w.start()
		w.at(1 * second)
		dead := 2
		w.db.inject(func(ctx context.Context, op operation, do func() error) error {
			if op == opStop && dead > 0 {
				dead--
				return errors.New("terminating connection due to administrator command")
			}
			return do()
		})
		n.cancel()
		w.at(3 * second)
		w.ended(n)
		w.ok(n.err)
		if dead != 0 {
			w.Errorf("%d connections were not tried", dead)
		}
	})
}

func TestShutdownWithADatabaseThatComesBack(t *testing.T) {
	inBubble(t, func(w *world) {
		id := w.job(in(5*second), "http://a/?take=1s")
		n := w.start()
		w.at(5*second + 100*time.Millisecond)
		w.db.inject(failBefore)
		n.cancel()
		w.at(20 * second)
		w.db.inject(nil)
		w.at(30 * second)
		w.ended(n)
		w.ok(n.err)
		expect(w, "ledger", w.ledger(), []entry{w.ran(id, 5*second, 1, cron.OutcomeSucceeded)})
	})
}

// If the lease of a node ends while it records its last results, they are recorded as lost.
func TestTheLeaseIsKeptUntilAllIsRecorded(t *testing.T) {
	inBubble(t, func(w *world) {
		w.job(in(5*second), "http://a/?take=1s")
		n := w.start()
		w.at(5*second + 500*time.Millisecond)
		w.db.inject(slow(20 * second).on(opFinish))
		n.cancel()
		w.at(minute)
		w.ended(n)
		recorded := w.db.finishes[len(w.db.finishes)-1].at.Add(20 * second)
		beat := w.db.beats[len(w.db.beats)-1]
		if recorded.Sub(beat) > heartbeatEvery {
			w.Errorf("the last heartbeat was at %v, the last result recorded at %v", clock(beat), clock(recorded))
		}
	})
}

func TestShutdownAtOnce(t *testing.T) {
	inBubble(t, func(w *world) {
		w.job(everySecond, "http://a/")
		n := w.start()
		n.cancel()
		synctest.Wait()
		w.ended(n)
		w.ok(n.err)
	})
}

// TestAnOutdatedNodeFinishesAndEnds has the database changed for newer programs while executions are in flight.
func TestAnOutdatedNodeFinishesAndEnds(t *testing.T) {
	inBubble(t, func(w *world) {
		id := w.job(everySecond, "http://a/?take=5s")
		stops := 0
		w.config.Stop = func() {
			stops++
			w.node.cancel()
		}
		n := w.start()
		w.at(5*second + 500*time.Millisecond)
		outdated := &cron.OutdatedError{Lowest: 30, Known: 29}
		w.db.inject(func(_ context.Context, o operation, do func() error) error {
			err := do()
			if o == opHeartbeat && err == nil {
				err = fmt.Errorf("renew the lease: %w", outdated) // it was renewed
			}
			return err
		})
		w.at(20 * second)
		w.ended(n)
		if !errors.Is(n.err, outdated) || stops != 1 {
			w.Errorf("Run has stopped the process %d times and returned %v", stops, n.err)
		}
		ledger := w.ledger(id)
		for i, e := range ledger { // the heartbeat was at 6s
			if e.String() != w.ran(id, time.Duration(i+1)*second, 1, cron.OutcomeSucceeded).String() || i > 5 {
				w.Errorf("the ledger has %v", e)
			}
		}
		if len(ledger) < 5 || w.tables().LiveNodes() != 0 {
			w.Errorf("%d records, and %d nodes", len(ledger), w.tables().LiveNodes())
		}
	})
}
