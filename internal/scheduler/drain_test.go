package scheduler

import (
	"testing"
	"time"

	"punctual/internal/cron"
)

// TestDraining drains a node with an execution in flight: it finishes what runs, claims nothing more within a heartbeat, and goes on when it
// is resumed.
func TestDraining(t *testing.T) {
	inBubble(t, func(w *world) {
		slow := w.job(in(9*second), "http://slow/?take=15s")
		id := w.job(everySecond, "http://a/")
		node := w.start()
		drain := func(draining bool) {
			_, err := w.db.DrainNode(w.Context(), node.Epoch(), draining)
			w.ok(err)
		}
		w.at(10*second + 500*time.Millisecond)
		drain(true)
		w.at(13 * second)
		if !node.Draining() || node.InFlight() != 1 || node.LateBy() != 0 {
			w.Errorf("draining %v with %d in flight, late by %v", node.Draining(), node.InFlight(), node.LateBy())
		}
		before := len(w.ledger(id))
		w.at(30 * second)
		if n := len(w.ledger(id)); n != before || n > 13 {
			w.Errorf("a drained node has claimed %d occurrences, and %d when it had drained", n, before)
		}
		if pass := node.LastPass(); time.Since(pass) > second {
			w.Errorf("the loop of a drained node stands still since %v", pass)
		}
		expect(w, "what ran", w.ledger(slow), []entry{w.ran(slow, 9*second, 1, cron.OutcomeSucceeded)})
		if n := node.InFlight(); n != 0 {
			w.Errorf("%d executions are in flight", n)
		}
		w.secondNode() // the node joins again, and drains still
		w.at(40 * second)
		if n := len(w.ledger(id)); n != before || !node.Draining() {
			w.Errorf("a drained node that joined again has claimed %d occurrences, had %d", n, before)
		}
		drain(false)
		w.at(44 * second)
		if n := len(w.ledger(id)); n <= before || node.Draining() {
			w.Errorf("a resumed node has claimed nothing: %d", n)
		}
		w.stop()
	})
}

// TestANodeThatOnlyServes keeps its lease and claims nothing, neither executions nor test runs.
func TestANodeThatOnlyServes(t *testing.T) {
	inBubble(t, func(w *world) {
		id := w.job(everySecond, "http://a/")
		w.config.Self.Role = cron.NodeAPI
		node := w.start()
		w.at(30 * second)
		if n := len(w.ledger(id)); n != 0 {
			w.Errorf("it has claimed %d occurrences", n)
		}
		if age := node.lease.age(); age > 3*second {
			w.Errorf("its lease is %v old", age)
		}
		w.stop()
	})
}

func TestLateness(t *testing.T) {
	var l lateness
	begin := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	at := func(s int) time.Time { return begin.Add(time.Duration(s) * time.Second) }
	if late := l.highest(at(0)); late != 0 {
		t.Errorf("nothing was started: %v", late)
	}
	l.note(at(1), 2*time.Second)
	l.note(at(15), 700*time.Millisecond)
	l.note(at(16), 300*time.Millisecond)
	for _, tt := range []struct {
		at   int
		want time.Duration
	}{{1, 2 * time.Second}, {16, 2 * time.Second}, {51, 2 * time.Second}, {61, 700 * time.Millisecond}, {71, 0}, {100000, 0}} {
		if late := l.highest(at(tt.at)); late != tt.want {
			t.Errorf("after %d s: %v, want %v", tt.at, late, tt.want)
		}
	}
	l.note(at(61), time.Millisecond) // takes the place of the first ones
	if late := l.highest(at(61)); late != 700*time.Millisecond {
		t.Errorf("in the next round: %v", late)
	}
}
