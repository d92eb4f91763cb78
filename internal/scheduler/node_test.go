package scheduler

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
)

func TestNoClaimsWithoutHeartbeats(t *testing.T) {
	for name, f := range map[string]fault{"that fail": failBefore, "that hang": hang, "that are slow": slow(8 * second)} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				id := w.job(everySecond, "http://a/")
				node := w.start()
				w.at(20*second + 500*time.Millisecond) // the last heartbeat was at 20s
				w.db.inject(f.on(opHeartbeat))
				lastPass := time.Time{}
				for i := range 20 {
					w.at(time.Duration(21+i)*second + 500*time.Millisecond)
					if i == 5 {
						lastPass = node.LastPass()
					}
				}
				if !node.LastPass().Equal(lastPass) {
					w.Error("the loop counts as healthy although the lease is uncertain")
				}
				w.db.inject(nil)
				w.at(60*second + 500*time.Millisecond)
				w.stop()

				ran := offsets(w.targets.asked(""))
				expect(w, "before", ran[:25], occurrences(everySecond, 0, 25*second))
				resumed := ran[25]
				if resumed <= 40*second || resumed > 45*second {
					w.Errorf("claims resumed at %v", resumed)
				}
				ledger := w.ledger(id)
				gap := slices.IndexFunc(ledger, func(e entry) bool { return e.Count > 0 })
				if gap != 25 || clock(ledger[gap].Planned) != 26*second || ledger[gap].Outcome != cron.OutcomeMissed ||
					clock(ledger[gap].Last)+second != clock(ledger[gap+1].Planned) {
					w.Errorf("ledger:\n%s", lines(ledger))
				}
			})
		})
	}
}

func TestADeadNodeJoinsAnew(t *testing.T) {
	inBubble(t, func(w *world) {
		once := w.job(in(10*second), "http://once/?take=15s")
		least := w.job(in(10*second), "http://least/?take=15s", func(j *cron.Job) { j.Policy.Delivery = cron.AtLeastOnce })
		broken := w.job(in(10*second), "http://broken/?take=15s&status=500")
		second1 := w.job(everySecond, "http://second/")
		node := w.start()
		former := node.epoch.Load()
		w.at(20*second + 100*time.Millisecond)
		w.secondNode()
		expect(w, "settled by the other", w.ledger(once), []entry{w.ran(once, 10*second, 1, cron.OutcomeLost)})
		w.at(40 * second)
		if node.epoch.Load() == former {
			w.Error("the node did not join again")
		}
		w.stop()
		expect(w, "late results", w.ledger(once, least, broken), []entry{
			w.ran(once, 10*second, 1, cron.OutcomeSucceeded),
			w.ran(least, 10*second, 1, cron.OutcomeSucceeded),
			w.ran(least, 10*second, 2, cron.OutcomeSucceeded),
			w.ran(broken, 10*second, 1, cron.OutcomeFailed),
		})
		// The loop was without an epoch from 20s to the heartbeat at 22s.
		ledger := w.ledger(second1)
		for _, e := range ledger {
			if want := former; e.Count == 0 && (e.Node == want) != (clock(e.Planned) <= 20*second) {
				w.Errorf("%v of node %d", e, e.Node)
			}
		}
		if n := w.tables().LiveNodesNamed("test"); n != 0 {
			w.Errorf("%d nodes did not stop", n)
		}
	})
}

func TestAPausedProcessDoesNotSend(t *testing.T) {
	// The process is paused after the claim was committed: it receives no answer and sends no heartbeat.
	pause := func(w *world, d time.Duration) {
		paused := make(chan struct{})
		w.db.inject(func(_ context.Context, op operation, do func() error) error {
			switch {
			case op == opClaim && clock(time.Now()) == 10*second:
				err := do()
				time.Sleep(d)
				close(paused)
				return err
			case op == opHeartbeat && clock(time.Now()) > 10*second:
				<-paused
				time.Sleep(time.Millisecond) // so that a renewed lease is newer
			}
			return do()
		})
	}
	tests := []struct {
		name   string
		pause  time.Duration
		killed bool // by another node, meanwhile
		want   cron.Outcome
	}{
		{"for a moment", 3 * second, false, cron.OutcomeSucceeded},
		{"beyond its lease", 3*cron.Lease + 1, false, cron.OutcomeLost},
		{"and dies", 3*cron.Lease + 1, true, cron.OutcomeLost},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				id := w.job(in(10*second), "http://a/")
				w.start()
				w.at(9 * second)
				pause(w, test.pause)
				w.at(11 * second)
				if test.killed {
					w.secondNode()
				}
				w.at(minute)
				w.stop()
				expect(w, "ledger", w.ledger(), []entry{w.ran(id, 10*second, 1, test.want)})
				if sent := len(w.targets.asked("")); sent > 0 != (test.want == cron.OutcomeSucceeded) {
					w.Errorf("sent %d times", sent)
				}
			})
		})
	}
}

// A heartbeat may come through before the answer of a claim that was under way while the process stood still.
func TestAClaimOfAFormerEpochIsNotSent(t *testing.T) {
	inBubble(t, func(w *world) {
		once := w.job(in(10*second), "http://once/")
		least := w.job(in(10*second), "http://least/", func(j *cron.Job) { j.Policy.Delivery = cron.AtLeastOnce })
		node := w.start()
		former := node.epoch.Load()
		w.at(9 * second)
		answer := make(chan struct{})
		w.db.inject(func(ctx context.Context, op operation, do func() error) error {
			err := do()
			if op == opClaim && clock(time.Now()) == 10*second {
				<-answer
			}
			return err
		})
		w.at(11 * second)
		w.secondNode()
		w.at(13 * second)
		if node.epoch.Load() == former {
			w.Fatal("the node did not join again")
		}
		w.db.inject(nil)
		close(answer)
		w.at(minute)
		w.stop()
		expect(w, "ledger", w.ledger(), []entry{
			w.ran(once, 10*second, 1, cron.OutcomeLost),
			w.ran(least, 10*second, 1, cron.OutcomeLost),
			w.ran(least, 10*second, 2, cron.OutcomeSucceeded),
		})
		expect(w, "calls", w.targets.asked("http://once/"), nil)
	})
}

func TestWhatADeadProcessLeft(t *testing.T) {
	inBubble(t, func(w *world) {
		once := w.job(in(1*hour), "http://once/?take=5s")
		retried := w.job(in(1*hour), "http://retried/?take=5s", func(j *cron.Job) {
			j.Policy.Retry = cron.Retry{Count: 3, Delay: second, Factor: 1}
		})
		least := w.job(in(1*hour), "http://least/?take=5s", func(j *cron.Job) { j.Policy.Delivery = cron.AtLeastOnce })
		w.at(1*hour - second)
		w.start()
		w.at(1*hour + 2*second)
		w.crash()
		w.reopen(0)
		if n := w.tables().Executions(cron.OutcomeRunning); n != 3 {
			w.Errorf("%d executions were running when the process died, want 3", n)
		}
		w.start()
		time.Sleep(minute)
		w.stop()
		expect(w, "ledger", w.ledger(), []entry{
			w.ran(once, 1*hour, 1, cron.OutcomeLost),
			w.ran(retried, 1*hour, 1, cron.OutcomeLost),
			w.ran(least, 1*hour, 1, cron.OutcomeLost),
			w.ran(least, 1*hour, 2, cron.OutcomeSucceeded),
		})
		if n := w.logs.count("of a dead node"); n != 1 {
			w.Errorf("settling was reported %d times, want once", n)
		}
	})
}

func TestARequestThatKillsItsProcess(t *testing.T) {
	inBubble(t, func(w *world) {
		id := w.job(in(1*minute), "http://a/?take=5s", func(j *cron.Job) { j.Policy.Delivery = cron.AtLeastOnce })
		w.at(1 * minute)
		var want []entry
		for attempt := range 1 + cron.MaxRepeats {
			w.start()
			time.Sleep(second)
			w.crash()
			w.reopen(0)
			want = append(want, w.ran(id, 1*minute, attempt+1, cron.OutcomeLost))
		}
		w.start()
		time.Sleep(minute)
		w.stop()
		expect(w, "ledger", w.ledger(), want)
		if n := len(w.targets.asked("")); n != len(want) {
			w.Errorf("%d calls, want %d", n, len(want))
		}
	})
}

func TestTheDatabaseIsAwayForAWhile(t *testing.T) {
	for name, f := range map[string]fault{"and fails": failBefore, "and hangs": hang} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				for i := range 5 {
					w.job(everySecond, fmt.Sprintf("http://a%d/?take=%dms", i, i*700))
				}
				w.start()
				w.at(10*second + 200*time.Millisecond)
				w.db.inject(f)
				w.at(40*second + 200*time.Millisecond)
				w.db.inject(nil)
				w.at(80 * second)
				w.stop()
				if twice := w.claimedTwice(); twice != nil {
					w.Errorf("not exactly once: executions %v", twice)
				}
				for _, e := range w.ledger() {
					if e.Outcome != cron.OutcomeSucceeded && e.Outcome != cron.OutcomeMissed {
						w.Errorf("%v", e)
					}
				}
				w.checkLedger(0, 79*second)
			})
		})
	}
}

// checkLedger reports whether each occurrence of jobs that were never edited, after one offset from midnight and up to
// another, has exactly one record.
func (w *world) checkLedger(after, until time.Duration) {
	w.Helper()
	covered := make(map[int64]map[time.Duration]int)
	schedules := make(map[int64]cron.Schedule)
	for _, e := range w.ledger() {
		if e.Attempt > 1 {
			continue
		}
		if covered[e.JobID] == nil {
			covered[e.JobID] = make(map[time.Duration]int)
			schedules[e.JobID] = w.state(e.JobID).Schedule
		}
		first := clock(e.Planned)
		last := first
		if e.Count > 0 {
			last = clock(e.Last)
		}
		for _, at := range occurrences(schedules[e.JobID], first-1, last) {
			covered[e.JobID][at]++
		}
	}
	for id, schedule := range schedules {
		var wrong []string
		for _, at := range occurrences(schedule, after, until) {
			if n := covered[id][at]; n != 1 {
				wrong = append(wrong, fmt.Sprintf("%d at %v", n, at))
			}
		}
		if wrong != nil {
			w.Errorf("records of job %d: %v", id, wrong)
		}
	}
}

func TestJoiningFails(t *testing.T) {
	inBubble(t, func(w *world) {
		w.db.inject(fault(failBefore).on(opStart))
		ctx, cancel := context.WithCancel(w.Context())
		defer cancel()
		if err := New(w.config).Run(ctx); err == nil {
			w.Error("Run did not fail")
		}
		synctest.Wait()
		if w.db.active != 0 {
			w.Errorf("%d operations are under way after Run", w.db.active)
		}
	})
}

// TestAFailoverThatForgets has another server take over as the database, which has a launch but not its result. The node has not
// forgotten it, so nobody else would ever settle it.
func TestAFailoverThatForgets(t *testing.T) {
	inBubble(t, func(w *world) {
		once := w.job(in(10*second), "http://once/")
		least := w.job(in(10*second), "http://least/", func(j *cron.Job) { j.Policy.Delivery = cron.AtLeastOnce })
		w.start()
		w.at(11*second + 500*time.Millisecond)
		for _, statement := range []string{`UPDATE execution SET outcome = 0`, `UPDATE node SET running_from = 0`} {
			if _, err := w.db.raw.Exec(statement); err != nil {
				w.Fatal(err)
			}
		}
		failedOver := false
		w.db.inject(fault(func(_ context.Context, _ operation, do func() error) error {
			if failedOver {
				return do()
			}
			failedOver = true
			return cron.ErrFailover
		}).on(opHeartbeat))
		w.at(20 * second)
		w.stop()
		if ledger := w.ledger(once); len(ledger) != 1 || ledger[0].Outcome != cron.OutcomeLost {
			w.Errorf("the job of at most once has the ledger:\n%s", lines(ledger))
		}
		if ledger := w.ledger(least); len(ledger) != 2 || ledger[0].Outcome != cron.OutcomeLost || ledger[1].Outcome != cron.OutcomeSucceeded {
			w.Errorf("the job of at least once has the ledger:\n%s", lines(ledger))
		}
	})
}

// TestAClockThatIsSet sets the wall clock. Forward, the machine may have slept, so nothing is claimed before the next heartbeat; back, the
// lease ends all the same.
func TestAClockThatIsSet(t *testing.T) {
	for name, off := range map[string]time.Duration{"forward": time.Hour, "back": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				w.job(everySecond, "http://a/")
				var set atomic.Int64
				w.config.Clock = func() time.Time { return time.Now().Add(time.Duration(set.Load())) }
				node := w.start()
				w.at(20*second + 500*time.Millisecond) // the last heartbeat was at 20s
				set.Store(int64(off))
				w.db.inject(fault(failBefore).on(opHeartbeat))
				w.at(40 * second)
				ran := offsets(w.targets.asked(""))
				want := 25 * second
				if off > 0 {
					want = 20 * second
				}
				if last := ran[len(ran)-1]; last.Truncate(time.Second) != want {
					t.Errorf("the last job ran at %v, want %v", last, want)
				}
				w.db.inject(nil)
				w.at(45 * second)
				if age := node.lease.age(); age > heartbeatEvery {
					t.Errorf("the lease is %v old after a heartbeat", age)
				}
				w.stop()
			})
		})
	}
}
