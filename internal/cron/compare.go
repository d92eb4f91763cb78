package cron

import (
	"slices"
	"time"
)

// MaxGoodBefore is how many successes before an execution its timings are compared with.
const MaxGoodBefore = 50

// GoodBefore is the successes of a job before an execution.
type GoodBefore struct {
	Latest   *Execution // with headers and body; nil when none was found
	Stats    []Stats    // of the latest ones, at most MaxGoodBefore
	Complete bool       // false when Latest is nil and older records were not looked at
}

// PhaseTiming is how long a phase of an execution took. A time is negative when the phase was not reached.
type PhaseTiming struct {
	Phase  Phase         // PhaseNone is the whole execution
	Now    time.Duration // of the execution
	Good   time.Duration // of the latest success before it
	Median time.Duration // of the successes before it
}

// comparedPhases are the phases that have a time.
var comparedPhases = [...]Phase{PhaseResolving, PhaseConnecting, PhaseSecuring, PhaseWaiting, PhaseReceiving, PhaseNone}

// lengths is how long each of comparedPhases took; negative for one that was not reached.
func (s *Stats) lengths() (took [len(comparedPhases)]time.Duration) {
	ends := [...]time.Duration{s.NameLookup, s.Connect, s.AppConnect, s.StartTransfer, s.Total}
	began := time.Duration(0)
	for i, end := range ends {
		switch last := s.StartTransfer == 0 && i == len(ends)-1; {
		case end == 0 || last:
			took[i] = -1
			continue
		case comparedPhases[i] == PhaseWaiting:
			began = max(began, s.PreTransfer)
		}
		took[i], began = max(0, end-began), end
	}
	took[len(took)-1] = s.Total
	return took
}

// CompareTimings compares the phases of an execution with those of the successes before it. The phase in which it failed took until
// its end.
func CompareTimings(r *Result, g *GoodBefore) []PhaseTiming {
	now, good := r.Stats.lengths(), (&Stats{}).lengths()
	if g.Latest != nil {
		good = g.Latest.Result.Stats.lengths()
	} else {
		good[len(good)-1] = -1
	}
	if failed := r.phase(); r.Outcome() != OutcomeSucceeded {
		if failed == PhaseSending {
			failed = PhaseWaiting
		}
		at := slices.Index(comparedPhases[:], failed)
		if at >= 0 && failed != PhaseNone && now[at] < 0 {
			now[at] = max(0, r.Stats.Total-max(r.Stats.NameLookup, r.Stats.Connect, r.Stats.AppConnect, r.Stats.PreTransfer, r.Stats.StartTransfer))
		}
	}
	var of [len(comparedPhases)][]time.Duration
	for i := range g.Stats {
		for at, took := range g.Stats[i].lengths() {
			if took >= 0 {
				of[at] = append(of[at], took)
			}
		}
	}
	timings := make([]PhaseTiming, len(comparedPhases))
	for i, phase := range comparedPhases {
		timings[i] = PhaseTiming{phase, now[i], good[i], median(of[i])}
	}
	return timings
}

// median is the median of times; negative for none.
func median(times []time.Duration) time.Duration {
	if len(times) == 0 {
		return -1
	}
	slices.Sort(times)
	half := len(times) / 2
	if len(times)%2 == 1 {
		return times[half]
	}
	return (times[half-1] + times[half]) / 2
}
