package cron

import "time"

// Run is an execution that somebody asked for, apart from the schedule. JobID and Planned identify it.
type Run struct {
	JobID     int64
	Planned   time.Time // when it was asked for, in whole milliseconds
	State     RunState
	Execution Execution // of its latest attempt; there is none while the first one waits
}

// RunState is how far a Run has come.
type RunState int

// The states.
const (
	RunWaiting  RunState = iota // for a slot, or for the repeat of an attempt that was lost
	RunRunning                  // its latest attempt is under way
	RunFinished                 // its latest attempt has an outcome, and no other one follows
)
