package cron

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"time"
)

// JobProblem is what the latest results of jobs of an account have in common: the same cause, or causes that are alike (Causes). It
// opens again when such a cause comes back.
//
//	            a job fails for the cause, or others do
//	               ┌──────┐
//	               ▼      │
//	(none) ──► open, acknowledged, snoozed ──(no job has it any more, or somebody resolves it)──► resolved
//	               ▲                                                                                │
//	               └──────────────────────(a job fails for the cause)───────────────────────────────┘
type JobProblem struct {
	ID             int64
	AccountID      int64
	Cause          Fingerprint
	Kind           ProblemKind
	JobID          int64 // 0 for ProblemFailed, which jobs share
	State          ProblemState
	Example        Result // that opened it, without headers and body; of ProblemLate only Duration, see LateAfter
	FirstExecution int64  // the ID of its record
	Opened         time.Time
	LastSeen       time.Time // the latest failure
	Resolved       time.Time // zero for one that is not resolved
	Reopened       int       // how often it was resolved and came back
	Note           string
	By             string    // who changed state or note last; "" for the service
	Acted          time.Time // when; zero for never
	SnoozedUntil   time.Time // zero for one that is not snoozed

	Jobs        int     // that have it now; those that had it, for one that is resolved
	JobIDs      []int64 // of the first MaxGroupJobs of them
	Runs        int64   // that failed so since it opened
	RunsAtLeast bool    // there are more than were counted
}

// LateAfter is the lateness that the job allowed when a problem of kind ProblemLate opened.
func (p *JobProblem) LateAfter() time.Duration { return p.Example.Duration }

// ProblemKind is the kind of results that a problem is made of. The numbers are stored.
type ProblemKind int

// The kinds of problems. All but ProblemFailed have a problem for each job.
const (
	ProblemFailed ProblemKind = 1
	ProblemLost   ProblemKind = 2
	ProblemMissed ProblemKind = 3 // occurrences were found too late
	ProblemLate   ProblemKind = 4 // a success began later than Policy.LateAfter
)

var problemKindNames = [...]string{"", "failed", "lost", "missed", "late"}

// String is the name of the kind.
func (k ProblemKind) String() string { return problemKindNames[k] }

// Cause is the cause of a problem of the kind that a job has by itself. The numbers are stored and published.
func (k ProblemKind) Cause(jobID int64) Fingerprint {
	sum := sha256.Sum256([]byte("problem 1 " + strconv.Itoa(int(k)) + " " + strconv.FormatInt(jobID, 10)))
	return Fingerprint(max(1, binary.BigEndian.Uint64(sum[:])))
}

// ProblemState is what people have done about a problem. The numbers are stored.
type ProblemState int

// The states of problems.
const (
	ProblemOpen         ProblemState = 0
	ProblemAcknowledged ProblemState = 1
	ProblemSnoozed      ProblemState = 2 // until SnoozedUntil; open again from then on
	ProblemResolved     ProblemState = 3
)

// ProblemStateNames are the names of the states, by their numbers.
var ProblemStateNames = [...]string{"open", "acknowledged", "snoozed", "resolved"}

// String is the name of the state.
func (s ProblemState) String() string { return ProblemStateNames[s] }

// Limits on problems.
const (
	MaxProblems     = 1000 // of an account that are not resolved; a further cause opens none
	MaxResolved     = 1000 // further ones of an account that are kept
	MaxProblemNote  = 2000 // characters
	MaxSnooze       = 100 * 366 * 24 * time.Hour
	MaxLateAfter    = 24 * time.Hour
	MaxProblemJobs  = 100 // of which a problem has the titles
	MaxProblemEdits = 50
	ProblemEditSpan = time.Hour // before a problem opened, in which edits of its jobs are listed
)

// ProblemPosition is the place of a problem in a list, latest opening first.
type ProblemPosition struct {
	Opened time.Time
	ID     int64 // 0 for the beginning
}

// ProblemQuery selects a page of problems.
type ProblemQuery struct {
	States []ProblemState // any of these; all when empty
	After  ProblemPosition
	Limit  int
}

// ProblemJob is a job that has a problem.
type ProblemJob struct {
	JobID         int64
	Title         string
	URL           string // without user and password
	Enabled       bool
	LastExecution time.Time
}

// ProblemAction is what somebody does about a problem.
type ProblemAction struct {
	State *ProblemState // nil leaves it
	Note  *string       // nil leaves it
	Until time.Time     // of ProblemSnoozed
	By    string
}

// ProblemEffect is what a result does to the problem of its job.
type ProblemEffect int

// The effects of results.
const (
	ProblemStays  ProblemEffect = iota
	ProblemEnds                 // the job has none any more
	ProblemComes                // the job has this one, whichever it had before
	ProblemIfNone               // the job has this one unless it has another
)

// ProblemOf says what a completion, with its Cause, does to the problem of its job. It is a pure function. end is what Conclude
// made of it.
//
//   - Any success ends the problem, by a manual execution too. A scheduled one that began later than Policy.LateAfter is a
//     problem itself.
//   - A failure counts as Conclude counts it: by the last attempt, not of a manual execution, and not of a job that was disabled
//     meanwhile.
//   - A lost execution, and a fault of this service, say nothing of the target: they leave a problem that the job has.
func ProblemOf(j *Job, c *Completion, end *Conclusion) (effect ProblemEffect, kind ProblemKind, cause Fingerprint) {
	counts := c.Launch.Kind != KindManual && j.countsResults()
	switch outcome := c.Result.Outcome(); {
	case outcome == OutcomeSucceeded:
		if after := c.Launch.Job.Policy.LateAfter; counts && after > 0 && c.Lateness() > after {
			return ProblemComes, ProblemLate, ProblemLate.Cause(j.ID)
		}
		return ProblemEnds, 0, 0
	case !counts || !end.NextAttempt.IsZero():
		return ProblemStays, 0, 0
	case outcome == OutcomeLost:
		return ProblemIfNone, ProblemLost, ProblemLost.Cause(j.ID)
	case c.Result.Status == StatusInternalError:
		return ProblemIfNone, ProblemFailed, c.Cause
	}
	return ProblemComes, ProblemFailed, c.Result.problemCause(c.Cause)
}

// Check adds what is wrong with an action.
func (a *ProblemAction) Check(c *Checker, now time.Time) {
	if a.Note != nil {
		c.Text("/note", *a.Note, MaxProblemNote)
	}
	if a.State != nil && *a.State == ProblemSnoozed && (!a.Until.After(now) || a.Until.Sub(now) > MaxSnooze) {
		c.Add("/until", Problem{Rule: RuleOutOfRange, Given: strconv.FormatInt(a.Until.Unix(), 10), Min: now.Unix() + 1,
			Max: now.Add(MaxSnooze).Unix()})
	}
}
