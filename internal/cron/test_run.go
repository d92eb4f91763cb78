package cron

import "time"

// TestRun is an execution without a record in the ledger: somebody wants to see what a job does. It changes no counter.
type TestRun struct {
	ID        int64
	AccountID int64
	JobID     int64 // 0 for a job that is not stored
	State     TestState
	Phase     Phase
	Ends      bool  // somebody asked that it ends
	Version   int64 // grows with each change
	Created   time.Time
	Started   time.Time // zero while it waits
	Expires   time.Time // when it is deleted
	Job       Job       // empty once it is finished
	Result    Result    // of a finished one
	Trace     Trace     // as far as it has come
	Diagnosis Diagnosis // of a finished one that failed
}

// TestState is how far a test run has come. The numbers are stored.
type TestState int

// The states.
const (
	TestWaiting  TestState = 0 // for a node, or for its account to have fewer executions in flight
	TestRunning  TestState = 1
	TestFinished TestState = 2
)

// String is the name of the state.
func (s TestState) String() string { return [...]string{"waiting", "running", "finished"}[s] }

// Limits on test runs.
const (
	TestRunLifetime = 15 * time.Minute // from its start to its deletion
	MaxTestRuns     = 20               // that an account keeps; the oldest finished one gives way
	MaxOpenTestRuns = 5                // of an account that are not finished
)
