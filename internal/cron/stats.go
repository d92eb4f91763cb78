package cron

import (
	"encoding/binary"
	"time"
)

// StatsKept is how long statistics are kept, regardless of the retention of a plan.
const StatsKept = 366 * 24 * time.Hour

// Outcomes is a count for each outcome.
type Outcomes [len(outcomeNames)]int64

// Tally is the statistics of a part of the ledger. Each attempt counts once, by its outcome. Each occurrence counts once, by
// the outcome of its last attempt so far, or as missed or skipped.
type Tally struct {
	Attempts    Outcomes
	Occurrences Outcomes
	Lateness    Histogram // of attempts that succeeded or failed
	Duration    Histogram // of the same
}

// Count counts a record, assuming that it is the last attempt of its occurrence.
func (t *Tally) Count(e *Execution) {
	if e.Outcome == OutcomeMissed || e.Outcome == OutcomeSkipped {
		t.Occurrences[e.Outcome] += max(e.Count, 1)
		return
	}
	t.Attempts[e.Outcome]++
	t.Occurrences[e.Outcome]++
	if e.Outcome == OutcomeSucceeded || e.Outcome == OutcomeFailed {
		t.Lateness.Add(e.Lateness)
		t.Duration.Add(e.Result.Duration)
	}
}

// Supersede notes that a counted attempt with the given outcome is no longer the last one of its occurrence.
func (t *Tally) Supersede(o Outcome) { t.Occurrences[o]-- }

// Recount replaces the count of a record that was counted as running or lost. superseded says that Supersede was called
// for it.
func (t *Tally) Recount(was Outcome, e *Execution, superseded bool) {
	t.Count(e)
	t.Attempts[was]--
	if superseded {
		t.Occurrences[e.Outcome]--
	} else {
		t.Occurrences[was]--
	}
}

// Merge adds another tally.
func (t *Tally) Merge(o *Tally) {
	for i := range t.Attempts {
		t.Attempts[i] += o.Attempts[i]
		t.Occurrences[i] += o.Occurrences[i]
	}
	t.Lateness.Merge(&o.Lateness)
	t.Duration.Merge(&o.Duration)
}

// tallyVersion is the first byte of an encoded tally.
const tallyVersion = 1

// Encode is a compact encoding of the tally: varints, and the non-empty buckets of the histograms.
func (t *Tally) Encode() []byte {
	b := []byte{tallyVersion}
	for _, outcomes := range []*Outcomes{&t.Attempts, &t.Occurrences} {
		for _, n := range outcomes {
			b = binary.AppendVarint(b, n)
		}
	}
	return t.Duration.append(t.Lateness.append(b))
}

// DecodeTally is the inverse of Encode.
func DecodeTally(b []byte) (t Tally, err error) {
	t, b, err = decodeCounts(b)
	if err != nil {
		return t, err
	}
	if b, err = t.Lateness.read(b); err != nil {
		return t, err
	}
	if b, err = t.Duration.read(b); err != nil {
		return t, err
	}
	if len(b) > 0 {
		return t, errTally
	}
	return t, nil
}

// DecodeCounts is DecodeTally without the histograms, which take most of the time.
func DecodeCounts(b []byte) (Tally, error) {
	t, _, err := decodeCounts(b)
	return t, err
}

// decodeCounts reads the counts of a tally, and returns the rest of b.
func decodeCounts(b []byte) (t Tally, rest []byte, err error) {
	if len(b) == 0 || b[0] != tallyVersion {
		return t, nil, errTally
	}
	b = b[1:]
	for _, outcomes := range []*Outcomes{&t.Attempts, &t.Occurrences} {
		for i := range outcomes {
			n, length := binary.Varint(b)
			if length <= 0 {
				return t, nil, errTally
			}
			outcomes[i], b = n, b[length:]
		}
	}
	return t, b, nil
}

// Instant is the time at which the record counts: its planned time, or the last occurrence that it covers.
func (e *Execution) Instant() time.Time {
	if e.Last.After(e.Planned) {
		return e.Last
	}
	return e.Planned
}

// UsualSpan is the time before now whose executions say how long one usually takes.
const UsualSpan = 30 * 24 * time.Hour

// minUsual is the number of executions from which on one can say what is usual.
const minUsual = 20

// Band is the range that a value usually lies in.
type Band struct {
	Low, High time.Duration
	Count     int64 // of the values that it is made of
}

// UsualDuration is the band between the 5th and the 95th percentile of the durations, which 9 of 10 executions lie in; ok is
// false when there are too few of them.
func (t *Tally) UsualDuration() (b Band, ok bool) {
	d := &t.Duration
	return Band{d.Quantile(0.05), d.Quantile(0.95), d.Count()}, d.Count() >= minUsual
}

// StatsQuery requests the statistics of an account or of one job.
type StatsQuery struct {
	JobID    int64     // 0 is the whole account
	From, To time.Time // full hours; From <= planned time < To
	Counts   bool      // only counts are wanted, without the histograms
}

// HourTally is the statistics of what was due in one hour.
type HourTally struct {
	Hour time.Time
	Tally
}

// HourlyStats is the answer to a StatsQuery.
type HourlyStats struct {
	Hours []HourTally // without empty hours, in no order; an hour can occur more than once
	AsOf  time.Time   // what was claimed before this time is counted
}

// MinuteCount is how the occurrences that were due in one minute ended.
type MinuteCount struct {
	Minute    time.Time
	Succeeded int64
	Failed    int64 // or lost
	Missed    int64
}

// RecentStats is what was due in an account in the last hours.
type RecentStats struct {
	HourlyStats
	Minutes []MinuteCount // in order, without empty ones
}
