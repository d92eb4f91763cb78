package statuspage_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// window makes a window of runs: s succeeds in 100 ms, S in 900 ms, f fails, - has no data.
func window(runs string) (w statuspage.Window) {
	for _, r := range runs {
		w.Add(runOf(r))
	}
	return w
}

func runOf(r rune) statuspage.Run {
	switch r {
	case 's':
		return statuspage.Run{Verdict: statuspage.Succeeded, Duration: 100 * time.Millisecond}
	case 'S':
		return statuspage.Run{Verdict: statuspage.Succeeded, Duration: 900 * time.Millisecond}
	case 'f':
		return statuspage.Run{Verdict: statuspage.Failed}
	}
	return statuspage.Run{}
}

func TestHealth(t *testing.T) {
	rule := statuspage.DefaultRule()
	slow, one, eager := rule, rule, rule
	slow.SlowAfter = 500 * time.Millisecond
	one.Failures, one.Of, one.Successes = 1, 1, 1
	eager.Failures, eager.Of, eager.Successes = 2, 3, 1
	names := map[statuspage.Health]byte{statuspage.HealthUnknown: '?', statuspage.HealthUp: 'u', statuspage.HealthSlow: '~', statuspage.HealthDown: 'd'}
	for _, c := range []struct {
		name, runs, want string // health after each run
		rule             statuspage.Rule
	}{
		{"one success", "s", "u", rule},
		{"failures from unknown", "ff", "?d", rule},
		{"one failure", "sfs", "uuu", rule},
		{"two failures of three", "sfsf", "uuud", rule},
		{"two failures of four", "sfssf", "uuuuu", rule},
		{"two successes end an outage", "sffss", "uuddu", rule},
		{"a failure begins the count anew", "sffsfss", "uuddddu", rule},
		{"one success ends it", "sffs", "uudu", eager},
		{"and one failure more begins it again", "sffsf", "uudud", eager},
		{"every failure", "sfsf", "udud", one},
		{"one run without data", "s-s", "uuu", rule},
		{"two of three", "s-s-", "uuu?", rule},
		{"two in a row", "s--", "uu?", rule},
		{"a success among runs without data", "s--s-s", "uu?u?u", rule},
		{"they never say down", "f-f", "??d", rule},
		{"from unknown to up", "--ss", "??uu", rule},
		{"nothing but no data", "-----", "?????", rule},
		{"an outage, unknown, failures", "ff--fff", "?dd?ddd", rule},
		{"an outage stays through one without data", "ff-", "?dd", rule},
		{"successes in a row across one without data", "ffs-s", "?dddu", rule},
		{"slow", "S", "~", slow},
		{"one slow of twenty", "ssssssssssssssssssS", "uuuuuuuuuuuuuuuuuu~", slow},
		{"slow becomes down", "SSff", "~~~d", slow},
		{"slow after an outage", "ffSS", "?dd~", slow},
		{"a slow failure is none", "sf", "uu", slow},
	} {
		t.Run(c.name, func(t *testing.T) {
			health, w, got := statuspage.HealthUnknown, statuspage.Window{}, ""
			for _, r := range c.runs {
				w.Add(runOf(r))
				health = c.rule.Health(health, w)
				got += string(names[health])
			}
			if got != c.want {
				t.Errorf("after %s: %s, want %s", c.runs, got, c.want)
			}
		})
	}
}

func TestSlowIsAPercentileOfTheLastTwenty(t *testing.T) {
	rule := statuspage.DefaultRule()
	rule.SlowAfter = 500 * time.Millisecond
	for slow, want := range []statuspage.Health{statuspage.HealthUp, statuspage.HealthUp, statuspage.HealthSlow} {
		var w statuspage.Window
		for range 30 {
			w.Add(runOf('S'))
		}
		for i := range statuspage.MaxWindow {
			if i < slow {
				w.Add(runOf('S'))
			} else {
				w.Add(runOf('s'))
			}
		}
		if got := rule.Health(statuspage.HealthUp, w); got != want {
			t.Errorf("with %d slow runs of %d: %d, want %d", slow, statuspage.MaxWindow, got, want)
		}
	}
}

func TestVerdictOf(t *testing.T) {
	for _, c := range []struct {
		outcome cron.Outcome
		status  cron.Status
		want    statuspage.Verdict
		counts  bool
	}{
		{cron.OutcomeRunning, 0, statuspage.NoData, false},
		{cron.OutcomeSkipped, 0, statuspage.NoData, false},
		{cron.OutcomeSucceeded, cron.StatusOK, statuspage.Succeeded, true},
		{cron.OutcomeFailed, cron.StatusHTTPError, statuspage.Failed, true},
		{cron.OutcomeFailed, cron.StatusTimeout, statuspage.Failed, true},
		{cron.OutcomeFailed, cron.StatusInternalError, statuspage.NoData, true},
		{cron.OutcomeLost, cron.StatusInternalError, statuspage.NoData, true},
		{cron.OutcomeMissed, 0, statuspage.NoData, true},
	} {
		if got, counts := statuspage.VerdictOf(c.outcome, c.status); got != c.want || counts != c.counts {
			t.Errorf("outcome %s with status %d: %d, %t", c.outcome, c.status, got, counts)
		}
	}
}

func TestOverdue(t *testing.T) {
	w := window("ss")
	if w.Overdue() || len(w.Runs) != 2 {
		t.Error("one result that is overdue changes something")
	}
	w.Add(runOf('s'))
	if w.Overdue() {
		t.Error("a result does not end the count of those that were overdue")
	}
	if !w.Overdue() || len(w.Runs) != 0 || w.Quiet != 0 {
		t.Errorf("after two that were overdue: %+v", w)
	}
}

// Whatever happens, a window holds all that rules look at, is bounded, survives being stored, and asking twice is like asking once.
func TestWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		runs := []rune(rapid.StringMatching(`[sSf-]{0,120}`).Draw(t, "runs"))
		rule := statuspage.Rule{Of: rapid.IntRange(1, statuspage.MaxWindow).Draw(t, "of"), Successes: rapid.IntRange(1, statuspage.MaxWindow).Draw(t, "successes"),
			Percent: rapid.IntRange(1, 100).Draw(t, "percent")}
		rule.Failures = rapid.IntRange(1, rule.Of).Draw(t, "failures")
		if rapid.Bool().Draw(t, "slow") {
			rule.SlowAfter = 500 * time.Millisecond
		}
		whole, w := statuspage.Window{}, statuspage.Window{}
		health := statuspage.HealthUnknown
		for i, r := range runs {
			whole.Runs = append(whole.Runs, runOf(r))
			w.Add(runOf(r))
			next := rule.Health(health, w)
			if all := rule.Health(health, whole); all != next {
				t.Fatalf("after %d runs: %d by the window, %d by all runs", i+1, next, all)
			}
			if again := rule.Health(next, w); again != next {
				t.Fatalf("after %d runs: %d, and %d when asked again", i+1, next, again)
			}
			health = next
		}
		if len(w.Runs) > 2*statuspage.MaxWindow+3 {
			t.Fatalf("%d runs are kept", len(w.Runs))
		}
		stored, err := statuspage.DecodeWindow(w.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(w, stored); diff != "" {
			t.Fatalf("the stored window differs: %s", diff)
		}
	})
}

func TestDecodeWindowRefuses(t *testing.T) {
	if _, err := statuspage.DecodeWindow([]byte{0, 0x80}); err == nil {
		t.Error("half a number is taken")
	}
}
