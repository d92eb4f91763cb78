package cron

import "time"

// ClaimRequest asks the database for due work.
type ClaimRequest struct {
	Node            int64   // the epoch of the node that will perform it
	Limit           int     // how many executions the node can start at once
	WithoutAccounts []int64 // accounts that have no room; their work is not looked at
	// Admit begins a claim anew and returns the judge of its work; a transaction may be tried more than once. Nil
	// admits everything.
	Admit func() Admitter
}

// Admitter judges whether an execution of a job can start. Of the job it sees no headers, no body and no credentials,
// which are read once it is admitted, and no criteria of success; bytes is Launch.Bytes.
type Admitter = func(j *Job, p *Plan, bytes int64) Admission

// Admission says whether an execution of a job can start.
type Admission int

// The admissions.
const (
	AdmitNow   Admission = iota
	AdmitLater           // its account has no room, in executions or in bytes: it stays due, and is asked for again when the account has
	AdmitDefer           // its target host has no room: it stays due, and is looked at again after a pause
)

// Claimed is the answer to a ClaimRequest.
type Claimed struct {
	Launches []Launch
	More     bool      // due work is left behind: come again at once
	Next     time.Time // when something is to be looked at next, as far as is known; zero when nothing is
	Settled  int       // occurrences that were recorded as missed or skipped
}

// Launch is a claimed execution, and all that is needed to perform it. It stands in the database before any byte is sent.
type Launch struct {
	ExecutionID int64
	Node        int64
	Planned     time.Time // the occurrence
	Due         time.Time // when this attempt was due; Planned for the first
	Kind        Kind
	Attempt     int
	Bytes       int64 // that the headers, body and credentials of a large job take in the database; 0 for a small one
	Plan        *Plan // the account's; nobody changes it
	Job         *Job  // as it stood when the occurrence was claimed; nobody changes it
	Material          // the account's
}

// Completion is a launch and what came of it.
type Completion struct {
	Launch Launch
	Result Result
}

// Lateness is how long after its instant the execution started; never negative.
func (c *Completion) Lateness() time.Duration {
	return max(0, c.Result.Started.Sub(c.Launch.Due))
}
