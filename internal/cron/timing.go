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

// Timing is what decides when a job is due besides its schedule.
type Timing struct {
	// RunAt makes it a one-time job: it is due at this instant only, Schedule and Spread are not looked at, and its
	// occurrence disables it. Zero for all other jobs. Whole seconds.
	RunAt time.Time
	// RunAtPassed says that the service disabled a one-time job after its occurrence, as opposed to a user: further
	// attempts of that occurrence go on.
	RunAtPassed bool
	// Spread makes each occurrence of Schedule later by the same time, which is shorter than Spread and follows from the
	// job's ID, so that jobs with one schedule do not all run at once. Whole seconds, up to MaxSpread; what it adds is whole
	// milliseconds.
	Spread time.Duration
	// PausedUntil is where the job goes on by itself: nothing before it is due, and no occurrence from before it has
	// further attempts. Zero, or in the past, when the job is not paused. Whole seconds.
	PausedUntil time.Time
	PauseNote   string // why the job is paused
}

// check adds what is wrong with the timing of a job.
func (t *Timing) check(c *Checker) {
	if t.Spread < 0 || t.Spread > MaxSpread {
		c.Add("/schedule/spreadSeconds", outOfRange(int64(t.Spread/time.Second), 0, int64(MaxSpread/time.Second)))
	}
	c.instant("/runAt", t.RunAt)
	c.instant("/pausedUntil", t.PausedUntil)
	c.line("/pauseNote", t.PauseNote, MaxPauseNote)
}

// normalize takes spaces off the note and makes times whole seconds.
func (t *Timing) normalize() {
	t.RunAt, t.PausedUntil = wholeSeconds(t.RunAt), wholeSeconds(t.PausedUntil)
	t.Spread = t.Spread.Truncate(time.Second)
	t.PauseNote = strings.TrimSpace(t.PauseNote)
}

// Paused tells whether the job is paused at the given time.
func (t *Timing) Paused(now time.Time) bool { return now.Before(t.PausedUntil) }

// NextAfter is the first occurrence of the job after t, or the zero time when it is disabled or has none.
func (j *Job) NextAfter(t time.Time) time.Time {
	if !j.Enabled {
		return time.Time{}
	}
	return j.OccurrenceAfter(t)
}

// OccurrenceAfter is the first occurrence of the job after t, as if it were enabled, or the zero time when it has none.
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

// AllowsAttempts tells whether an occurrence of the job that has begun may have further attempts: not when somebody
// disabled or paused the job meanwhile.
func (j *Job) AllowsAttempts(now time.Time) bool { return j.countsResults() && !j.Timing.Paused(now) }

// SetEnabled enables or disables a job because a user says so, whatever has become of its occurrence.
func (j *Job) SetEnabled(enabled bool) { j.Enabled, j.Timing.RunAtPassed = enabled, false }

// countsResults reports whether results of the job have consequences: not when somebody disabled it.
func (j *Job) countsResults() bool { return j.Enabled || j.Timing.RunAtPassed }

// delay is how much later than Schedule says the job is due. IDs are taken around a circle in steps of the golden
// ratio, which puts those that follow each other as far apart as can be, however many they are. Changing this moves all
// jobs that have a Spread.
func (j *Job) delay() time.Duration {
	const goldenRatio = 0x9E3779B97F4A7C15 // of 2^64
	ms, _ := bits.Mul64(uint64(j.ID)*goldenRatio, uint64(j.Timing.Spread/time.Millisecond))
	return time.Duration(ms) * time.Millisecond
}
