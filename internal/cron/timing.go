package cron

import (
	"math/bits"
	"strings"
	"time"
)

// Limits on when a job is due.
const (
	MaxSpread    = time.Hour
	MaxPauseNote = 200 // characters
)

// Timing is what determines when a job is due, in addition to its schedule.
type Timing struct {
	// RunAt makes it a one-time job: it is due at this instant only, without regard to Schedule and Spread, and is disabled
	// by its occurrence. Zero for all other jobs. Whole seconds.
	RunAt time.Time
	// RunAtPassed says that the service disabled a one-time job after its occurrence, as opposed to a user: further
	// attempts of that occurrence go on.
	RunAtPassed bool
	// Spread delays all occurrences of Schedule by the same time, which is less than Spread and derived from the job's ID, so
	// that jobs with the same schedule do not all run at once. Whole seconds, up to MaxSpread; the delay is whole milliseconds.
	Spread time.Duration
	// PausedUntil is when a paused job resumes: no occurrence before it is due, and none has further attempts until then. Zero
	// or in the past when the job is not paused. Whole seconds.
	PausedUntil time.Time
	PauseNote   string // why the job is paused
}

// check adds what is wrong with the timing of a job.
func (t *Timing) check(c *Checker) {
	if t.Spread < 0 || t.Spread > MaxSpread {
		c.Add("/schedule/spreadSeconds", OutOfRange(int64(t.Spread/time.Second), 0, int64(MaxSpread/time.Second)))
	}
	c.Instant("/runAt", t.RunAt)
	c.Instant("/pausedUntil", t.PausedUntil)
	c.Line("/pauseNote", t.PauseNote, MaxPauseNote)
}

// normalize trims the note and truncates times to whole seconds.
func (t *Timing) normalize() {
	t.RunAt, t.PausedUntil = WholeSeconds(t.RunAt), WholeSeconds(t.PausedUntil)
	t.Spread = t.Spread.Truncate(time.Second)
	t.PauseNote = strings.TrimSpace(t.PauseNote)
}

// Paused reports whether the job is paused at the given time.
func (t *Timing) Paused(now time.Time) bool { return now.Before(t.PausedUntil) }

// NextAfter is the first occurrence after t; zero if the job is disabled or has none.
func (j *Job) NextAfter(t time.Time) time.Time {
	if !j.Enabled {
		return time.Time{}
	}
	return j.OccurrenceAfter(t)
}

// OccurrenceAfter is the first occurrence after t, even if the job is disabled; zero if it has none.
func (j *Job) OccurrenceAfter(t time.Time) time.Time {
	if before := j.Timing.PausedUntil.Add(-time.Millisecond); before.After(t) {
		t = before
	}
	if at := j.Timing.RunAt; !at.IsZero() {
		if at.After(t) {
			return at
		}
		return time.Time{}
	}
	delay := j.delay()
	next, ok := j.Schedule.Next(t.Add(-delay))
	if !ok {
		return time.Time{}
	}
	return next.Add(delay)
}

// AllowsAttempts reports whether an occurrence that has begun can have further attempts: not if a user has disabled or
// paused the job meanwhile.
func (j *Job) AllowsAttempts(now time.Time) bool { return j.countsResults() && !j.Timing.Paused(now) }

// SetEnabled enables or disables a job because a user says so, whatever has become of its occurrence.
func (j *Job) SetEnabled(enabled bool) { j.Enabled, j.Timing.RunAtPassed = enabled, false }

// countsResults reports whether results change counters and cause notices: not if a user has disabled the job.
func (j *Job) countsResults() bool { return j.Enabled || j.Timing.RunAtPassed }

// delay is the delay that Spread adds. It distributes consecutive IDs by steps of the golden ratio on a circle, which keeps
// them as far apart as possible for any number of jobs. A change of this function moves all jobs that have a Spread.
func (j *Job) delay() time.Duration {
	const goldenRatio = 0x9E3779B97F4A7C15 // of 2^64
	ms, _ := bits.Mul64(uint64(j.ID)*goldenRatio, uint64(j.Timing.Spread/time.Millisecond))
	return time.Duration(ms) * time.Millisecond
}
