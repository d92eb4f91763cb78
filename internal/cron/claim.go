package cron

import "time"

// ClaimRequest asks the store for due work.
type ClaimRequest struct {
	Node            int64   // the epoch of the claiming node
	Limit           int     // the number of executions that the node can start now
	WithoutAccounts []int64 // accounts that have no room; their work is left out
	// Admit returns the Admitter of one try of the transaction, which can be retried. Nil admits everything.
	Admit func() Admitter
}

// Admitter decides whether an execution of a job can start. The job has no headers, body, credentials or success criteria
// yet, which are read after admission; bytes is Launch.Bytes.
type Admitter = func(j *Job, p *Plan, bytes int64) Admission

// Admission is the decision of an Admitter.
type Admission int

// The admissions.
const (
	AdmitNow   Admission = iota
	AdmitLater           // its account has no room, in executions or in bytes: it stays due until the account has
	AdmitDefer           // its target host has no room: it stays due and is tried again after a pause
)

// Claimed is the answer to a ClaimRequest.
type Claimed struct {
	Launches []Launch
	More     bool      // due work is left: claim again at once
	Next     time.Time // the next run, as far as is known; zero for none
	Settled  int       // the number of occurrences recorded as missed or skipped
}

// Launch is a claimed execution with everything that is needed to perform it.
type Launch struct {
	ExecutionID int64
	Node        int64
	Planned     time.Time // the occurrence
	Due         time.Time // when this attempt is due; Planned for the first one
	Kind        Kind
	Attempt     int
	Bytes       int64 // stored size of the headers, body and credentials of a large job; 0 for a small one
	Plan        *Plan // the account's; read-only
	Job         *Job  // the definition at the time of the claim; read-only
	Material          // the account's
}

// Completion is a launch with its result.
type Completion struct {
	Launch Launch
	Result Result
	Cause  Fingerprint // of Result, which Store.Finish sets
}

// Lateness is the time from when the attempt was due to its start; never negative.
func (c *Completion) Lateness() time.Duration {
	return max(0, c.Result.Started.Sub(c.Launch.Due))
}
