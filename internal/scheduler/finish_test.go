package scheduler

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
)

// batches lists the size and the time of each batch that the database accepted.
func (w *world) batches() (sizes []int, at []time.Duration) {
	w.db.note(func() {
		for _, f := range w.db.finishes {
			if f.err == nil {
				sizes, at = append(sizes, len(f.completions)), append(at, clock(f.at))
			}
		}
	})
	return sizes, at
}

func TestABatchWaitsAMomentForMore(t *testing.T) {
	inBubble(t, func(w *world) {
		for _, pause := range []int{0, 10, 20, 40} {
			w.job(in(1*second), fmt.Sprintf("http://a/?take=%dms", 100+pause))
		}
		w.start()
		w.at(5 * second)
		sizes, at := w.batches()
		first := 1*second + 100*time.Millisecond + batchWait
		expect(w, "batches", sizes, []int{3, 1})
		expect(w, "at", at, []time.Duration{first, 1*second + 140*time.Millisecond + batchWait})
	})
}

func TestAFullBatchDoesNotWait(t *testing.T) {
	inBubble(t, func(w *world) {
		w.config.Slots, w.config.HostSlots = 4*batchSize, 4*batchSize
		id := w.job(in(1*second), "http://a/?take=1s")
		w.clones(id, batchSize+9, w.accounts[0])
		w.start()
		w.at(2 * second)
		n := 0
		sizes, _ := w.batches()
		for _, size := range sizes {
			n += size
		}
		if n < batchSize {
			w.Errorf("%d results were recorded at once, want at least %d", n, batchSize)
		}
		w.at(3 * second)
		if n := w.tables().Executions(cron.OutcomeSucceeded); n != batchSize+10 {
			w.Errorf("%d results are recorded, want %d", n, batchSize+10)
		}
	})
}

func TestABatchHasALimit(t *testing.T) {
	inBubble(t, func(w *world) {
		// Results come one by one while the database is busy with the first.
		w.db.inject(slow(10 * second).on(opFinish))
		f := newInFlight(10*maxBatch, 10*maxBatch)
		fin := newFinisher(w.db, w.config.Metrics, w.config.Logger, f)
		go fin.run(w.Context())
		launch := cron.Launch{Job: new(cron.NewJob()), Plan: new(cron.Plan)}
		for i := range 2*maxBatch + 10 {
			launch.ExecutionID = int64(i + 1)
			f.start(&launch, func() {})
			fin.add(cron.Completion{Launch: launch})
			if i == 0 {
				time.Sleep(second)
			}
		}
		time.Sleep(minute)
		fin.stop()
		synctest.Wait()
		sizes, _ := w.batches()
		expect(w, "batches", sizes, []int{1, maxBatch, maxBatch, 9})
		next := int64(0)
		for _, b := range w.db.finishes {
			for _, c := range b.completions {
				if next++; c.Launch.ExecutionID != next {
					w.Fatalf("result %d came as number %d", c.Launch.ExecutionID, next)
				}
			}
		}
		if n := len(f.known()); n != 0 || f.free() != 10*maxBatch {
			w.Errorf("%d executions are known and %d slots free when all is recorded", n, f.free())
		}
	})
}

func TestResultsThatCannotBeRecordedForAMinute(t *testing.T) {
	for name, f := range map[string]fault{"since nothing is written": failBefore, "as far as anybody knows": failAfter} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				const slots = 10
				w.config.Slots = slots
				id := w.job(everySecond, "http://a/?take=300ms&status=500", func(j *cron.Job) {
					j.Notification.OnFailure, j.Notification.OnFailureCount = true, 3
					j.Type = cron.TypeMonitoring // is never disabled for its failures
				})
				w.clones(id, 3, w.accounts[0])
				node := w.start()
				w.at(10*second + 100*time.Millisecond)
				w.db.inject(f.on(opFinish))
				for i := range 60 {
					w.at(time.Duration(11+i)*second + 100*time.Millisecond)
					if n := len(node.inFlight.known()); n > 2*slots {
						w.Fatalf("%d executions are in flight or not recorded, which is more than twice the slots", n)
					}
				}
				if n := node.inFlight.free(); n != 0 {
					w.Errorf("%d slots are free while the limit is reached", n)
				}
				at := w.db.finishes[len(w.db.finishes)-1].at
				if tries := len(w.db.finishes); tries > 10+25 {
					w.Errorf("tried %d times in a minute", tries)
				}
				w.db.inject(nil)
				w.at(100*second + 500*time.Millisecond)
				w.stop()
				if last := w.db.finishes[len(w.db.finishes)-1].at; !last.After(at) {
					w.Error("it did not go on")
				}
				if twice := w.claimedTwice(); twice != nil {
					w.Errorf("not exactly once: executions %v", twice)
				}
				for _, e := range w.ledger() {
					if e.Outcome != cron.OutcomeFailed && e.Outcome != cron.OutcomeMissed {
						w.Errorf("%v", e)
					}
				}
				w.checkLedger(0, 100*second)
				// The consequences of a result happen once.
				if n := w.tables().Rows("outbox"); n != 4 {
					w.Errorf("%d notices, want one for each job", n)
				}
			})
		})
	}
}

func TestLargeResponsesThatCannotBeRecorded(t *testing.T) {
	inBubble(t, func(w *world) {
		const each = 4 << 20
		w.job(everySecond, fmt.Sprintf("http://a/?body=%d", each), func(j *cron.Job) { j.SaveResponses = true })
		node := w.start()
		w.db.inject(fault(failBefore).on(opFinish))
		w.at(30 * second)
		node.inFlight.mu.Lock()
		bytes := node.inFlight.bytes
		node.inFlight.mu.Unlock()
		if bytes <= maxUnrecordedBytes || bytes > maxUnrecordedBytes+each {
			w.Errorf("%d bytes wait to be recorded, want a little more than %d", bytes, maxUnrecordedBytes)
		}
		if n := node.inFlight.free(); n != 0 {
			w.Errorf("%d slots are free", n)
		}
		w.db.inject(func(_ context.Context, op operation, do func() error) error {
			if op == opFinish {
				return nil // since writing so much takes its time
			}
			return do()
		})
		w.at(40 * second)
		before := len(w.targets.asked(""))
		w.at(50 * second)
		if n := len(w.targets.asked("")); n != before+10 {
			w.Errorf("%d executions in the 10 seconds after all was recorded", n-before)
		}
		w.stop()
		node.inFlight.mu.Lock()
		defer node.inFlight.mu.Unlock()
		if node.inFlight.bytes != 0 || node.inFlight.unrecorded != 0 || node.inFlight.executing != 0 {
			w.Errorf("%d bytes of %d results, %d in flight", node.inFlight.bytes, node.inFlight.unrecorded, node.inFlight.executing)
		}
		if len(node.inFlight.accounts) != 0 || len(node.inFlight.hosts) != 0 || len(node.inFlight.executions) != 0 {
			w.Errorf("the counts hold what is over: %v, %v, %v", node.inFlight.accounts, node.inFlight.hosts, node.inFlight.executions)
		}
	})
}

func TestTheLatestResultIsTheLastStatus(t *testing.T) {
	inBubble(t, func(w *world) {
		// The first execution ends after the second, and both are recorded together.
		id := w.job(times(cron.SetOf(1, 2), cron.SetOf(0), cron.SetOf(0)), "http://a/?take=1010ms&status=500")
		w.start()
		w.at(1*second + 500*time.Millisecond)
		w.edit(id, func(j *cron.Job) { j.Request.URL = "http://a/" })
		w.at(10 * second)
		w.stop()
		sizes, _ := w.batches()
		expect(w, "batches", sizes, []int{2})
		if st := w.state(id).State; st.LastStatus != cron.StatusOK || clock(st.LastExecution) != 2*second {
			w.Errorf("the last status is %+v", st)
		}
		if !slices.ContainsFunc(w.ledger(), func(e entry) bool { return e.Outcome == cron.OutcomeFailed }) {
			w.Error("the first one did not fail")
		}
	})
}
