package cron

import "time"

// Run is a manual run: an execution that was requested, apart from the schedule. JobID and Planned identify it.
type Run struct {
	JobID     int64
	Planned   time.Time // the time of the request, in whole milliseconds
	State     RunState
	Execution Execution // of its last attempt; empty while the first one waits
}

// RunState is the progress of a Run.
type RunState int

// The states.
const (
	RunWaiting  RunState = iota // for a slot, or for the repeat of an attempt that was lost
	RunRunning                  // its last attempt is in flight
	RunFinished                 // its last attempt has ended, and no other one follows
)
