package statuspage

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"punctual/internal/cron"
)

// Health is how a job is by the rule of a component. The numbers are stored.
type Health int

// The kinds of health.
const (
	HealthUnknown Health = iota
	HealthUp
	HealthSlow
	HealthDown
)

// Verdict is what the result of a run says of its target. The numbers are stored.
type Verdict int

// The verdicts.
const (
	NoData    Verdict = iota // the run did not take place, or failed for a reason that is not the target's
	Succeeded                // the target works
	Failed                   // it does not
)

// VerdictOf is what a result says; counts is false when it says nothing at all, since the run was skipped or has not ended. Missed and
// lost runs, and those with a fault of the service, are without data.
func VerdictOf(outcome cron.Outcome, status cron.Status) (v Verdict, counts bool) {
	switch {
	case outcome == cron.OutcomeSucceeded:
		return Succeeded, true
	case outcome == cron.OutcomeFailed && status != cron.StatusInternalError:
		return Failed, true
	case outcome == cron.OutcomeFailed, outcome == cron.OutcomeLost, outcome == cron.OutcomeMissed:
		return NoData, true
	}
	return NoData, false
}

// Run is the result of the last attempt of an occurrence.
type Run struct {
	Verdict  Verdict
	Duration time.Duration // whole milliseconds; only of Succeeded
}

// Window is the latest results of a job, as many as rules look at.
type Window struct {
	Runs  []Run // the latest one last
	Quiet int   // how often a result was overdue since the latest one
}

// A job is unknown when lackOfData of its latest recentRuns results are without data, or as many in a row were overdue.
const (
	recentRuns = 3
	lackOfData = 2
)

// Add adds a result, and drops those that no rule looks at any more.
func (w *Window) Add(r Run) {
	r.Duration = r.Duration.Truncate(time.Millisecond)
	if r.Verdict != Succeeded {
		r.Duration = 0
	}
	w.Quiet = 0
	runs := append(slices.Clone(w.Runs), r)
	var kept []Run
	decided, succeeded := 0, 0
	for i := len(runs) - 1; i >= 0; i-- {
		keep := len(runs)-i <= recentRuns
		if runs[i].Verdict != NoData {
			keep = keep || decided < MaxWindow
			decided++
		}
		if runs[i].Verdict == Succeeded {
			keep = keep || succeeded < MaxWindow
			succeeded++
		}
		if keep {
			kept = append(kept, runs[i])
		}
	}
	slices.Reverse(kept)
	w.Runs = kept
}

// Overdue says that a result did not come when it was due. unknown says that this is so often enough for the job to be unknown, at
// which all that is known of it is forgotten.
func (w *Window) Overdue() (unknown bool) {
	w.Quiet++
	if w.Quiet < lackOfData {
		return false
	}
	*w = Window{}
	return true
}

// Health is how a job is after its latest result, given how it was before it.
//
//   - After a result without data that is the second of the last three, a job is unknown. One alone changes nothing.
//   - After a failure, a job is down when the rule says so; else it stays as it was.
//   - After a success, a job that was down is up after as many successes in a row as the rule wants, and another job at once.
//   - A job that is up is slow while the percentile of the rule is over its threshold.
func (r Rule) Health(was Health, w Window) Health {
	if len(w.Runs) == 0 {
		return HealthUnknown
	}
	switch w.Runs[len(w.Runs)-1].Verdict {
	case NoData:
		if w.lacking() >= lackOfData {
			return HealthUnknown
		}
		return was
	case Failed:
		if w.failures(r.Of) >= r.Failures {
			return HealthDown
		}
		return was
	}
	if was == HealthDown && w.successes() < r.Successes {
		return HealthDown
	}
	if r.SlowAfter > 0 && w.percentile(r.Percent) > r.SlowAfter {
		return HealthSlow
	}
	return HealthUp
}

// lacking counts those without data of the last recentRuns runs.
func (w Window) lacking() (n int) {
	for _, run := range w.Runs[max(0, len(w.Runs)-recentRuns):] {
		if run.Verdict == NoData {
			n++
		}
	}
	return n
}

// failures counts those of the last n runs with data.
func (w Window) failures(n int) (failed int) {
	for i := len(w.Runs) - 1; i >= 0 && n > 0; i-- {
		if w.Runs[i].Verdict != NoData {
			n--
		}
		if w.Runs[i].Verdict == Failed {
			failed++
		}
	}
	return failed
}

// successes counts those in a row up to the latest run with data.
func (w Window) successes() (n int) {
	for i := len(w.Runs) - 1; i >= 0 && w.Runs[i].Verdict != Failed; i-- {
		if w.Runs[i].Verdict == Succeeded {
			n++
		}
	}
	return n
}

// percentile is the duration that a share of the last MaxWindow successes did not exceed, by nearest rank; 0 without any.
func (w Window) percentile(percent int) time.Duration {
	var durations []time.Duration
	for i := len(w.Runs) - 1; i >= 0 && len(durations) < MaxWindow; i-- {
		if w.Runs[i].Verdict == Succeeded {
			durations = append(durations, w.Runs[i].Duration)
		}
	}
	if len(durations) == 0 {
		return 0
	}
	slices.Sort(durations)
	rank := (len(durations)*percent + 99) / 100
	return durations[min(max(rank, 1), len(durations))-1]
}

var errWindow = errors.New("the latest results of a job are damaged")

// Encode is the window as it is stored: unsigned varints, of Quiet and for each run of four times its milliseconds plus its verdict.
func (w Window) Encode() []byte {
	b := binary.AppendUvarint(nil, uint64(w.Quiet))
	for _, r := range w.Runs {
		b = binary.AppendUvarint(b, uint64(r.Duration.Milliseconds())<<2|uint64(r.Verdict))
	}
	return b
}

// DecodeWindow is the inverse of Encode.
func DecodeWindow(b []byte) (w Window, err error) {
	for first := true; len(b) > 0; first = false {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return Window{}, errWindow
		}
		b = b[n:]
		if first {
			w.Quiet = int(v)
			continue
		}
		w.Runs = append(w.Runs, Run{Verdict(v & 3), time.Duration(v>>2) * time.Millisecond})
	}
	return w, nil
}
