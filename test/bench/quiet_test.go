package main

import (
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestParseMachine(t *testing.T) {
	got := parseMachine("cpu  1 2 3 40 5 6 7 8 9 10\ncpu0 1 2 3 40 5 6 7 8 9 10\n")
	if want := (machine{busy: 19 * clockTick, idle: 40 * clockTick, iowait: 5 * clockTick, stolen: 8 * clockTick}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := parseMachine(""); got != (machine{}) {
		t.Errorf("got %+v of nothing", got)
	}
}

// used is a moment at which the machine has been busy for so long.
func used(at time.Time, busy, idle, server time.Duration) moment {
	return moment{at: at, server: server, machine: machine{busy: busy, idle: idle}}
}

func TestShares(t *testing.T) {
	m := moment{server: 40, target: 10, database: 5, own: 5, machine: machine{busy: 70, idle: 20, iowait: 6, stolen: 4}}
	got := m.shares()
	for _, c := range []struct{ got, want float64 }{{got.Idle, 0.2}, {got.IOWait, 0.06}, {got.Others, 0.1}, {got.Stolen, 0.04}} {
		if math.Abs(c.got-c.want) > 1e-9 {
			t.Errorf("got %+v", got)
		}
	}
	if got := (moment{}).shares(); got != (shares{}) {
		t.Errorf("got %+v of no time", got)
	}
	if got := (moment{server: 10, machine: machine{busy: 5, idle: 5}}).shares(); got.Others != 0 {
		t.Errorf("others used %v, want nothing: times of processes are rounded", got.Others)
	}
}

func TestSamples(t *testing.T) {
	start := time.Unix(1000, 0)
	var s samples
	if got := s.at(start); got != (moment{}) {
		t.Errorf("got %+v of no samples", got)
	}
	for i := range time.Duration(4) {
		s.keep(used(start.Add(i*time.Second), i*i*100, i*10, i*20))
	}
	for _, c := range []struct {
		after             time.Duration
		busy, idle, usage time.Duration
	}{
		{-time.Second, 0, 0, 0},
		{0, 0, 0, 0},
		{time.Second, 100, 10, 20},
		{1500 * time.Millisecond, 250, 15, 30},
		{3 * time.Second, 900, 30, 60},
		{time.Minute, 900, 30, 60},
	} {
		got := s.at(start.Add(c.after))
		if got.machine.busy != c.busy || got.machine.idle != c.idle || got.server != c.usage {
			t.Errorf("after %s: got %+v", c.after, got)
		}
	}
}

func TestRefuse(t *testing.T) {
	for _, s := range []shares{{}, {Idle: 1}, {Others: 0.05, Stolen: 0.05, IOWait: 0.9}} {
		if err := s.refuse(true); err != nil {
			t.Errorf("%+v: %v", s, err)
		}
	}
	for _, s := range []shares{{Others: 0.06}, {Stolen: 0.06}} {
		if _, busy := errors.AsType[*busyError](s.refuse(false)); !busy {
			t.Errorf("%+v is quiet enough", s)
		}
	}
	err := shares{Others: 0.123, Stolen: 0.2}.refuse(true)
	if text := err.Error(); !strings.Contains(text, "12 %") || !strings.Contains(text, "20 %") || !strings.Contains(text, "during the run") {
		t.Error(text)
	}
	// A burst that drained within a moment says nothing of others, and a longer one does.
	r := report{Rounds: []round{{LastArrival: 100 * time.Millisecond, Cores: shares{Others: 0.5}}}}
	if err := r.refuse(); err != nil {
		t.Error(err)
	}
	r.Rounds = append(r.Rounds, round{LastArrival: 1900 * time.Millisecond, Cores: shares{Others: 0.04}})
	if err := r.refuse(); err == nil {
		t.Error("6 % while the bursts drained are accepted")
	}
	r.Rounds[1].LastArrival *= 100
	if err := r.refuse(); err != nil {
		t.Error(err)
	}
	if r.Noise = 0.06; r.refuse() == nil {
		t.Error("6 % in the whole run are accepted")
	}
}

// TestAwaitQuiet waits while another process works, and not for longer than a minute.
func TestAwaitQuiet(t *testing.T) {
	for name, c := range map[string]struct {
		busyFor time.Duration
		refused bool
		took    time.Duration
	}{
		"quiet":      {0, false, time.Second},
		"soon quiet": {10 * time.Second, false, 11 * time.Second},
		"busy":       {time.Hour, true, quietTime},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				err := awaitQuiet(t.Context(), func() moment {
					passed := time.Since(start)
					busy := min(passed, c.busyFor)
					return used(time.Now(), busy, passed-busy, 0)
				})
				if _, busy := errors.AsType[*busyError](err); busy != c.refused || !busy && err != nil {
					t.Error(err)
				}
				if took := time.Since(start); took < c.took || took > c.took+time.Second {
					t.Errorf("it took %s, want %s", took, c.took)
				}
			})
		})
	}
}
