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
	Job       Job       // only while it is started; not when it is read
	Result    Result    // of a finished one
	Trace     Trace     // as far as it has come
	Diagnosis Diagnosis // of a finished one that failed
}

// Why is the diagnosis of a test run, also of one without a result.
func (t *TestRun) Why() Diagnosis {
	switch {
	case t.State != TestFinished:
		return Diagnosis{}
	case t.Result.Fault != FaultLost:
		return t.Diagnosis
	case t.Ends:
		return Diagnosis{Cause: CauseEnded}
	}
	return Diagnosis{Cause: CauseTestLost, Remedy: RemedyStartAgain}
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
	TestRunLifetime = 15 * time.Minute // from its request, and again from its start, to its deletion
	MaxTestRunTime  = 14 * time.Minute // that its exchange may take, even if the timeout of the job is longer
	MaxTestRuns     = 20               // that an account keeps; the oldest finished one gives way
	MaxOpenTestRuns = 5                // of an account that are not finished
	MaxTestRunBytes = 512 << 10        // that are stored of its result and trace
)

// WaitingTestRun is a test run that no node has claimed, without its job.
type WaitingTestRun struct {
	ID        int64
	AccountID int64
	Plan      *Plan
	Bytes     int64 // as Launch.Bytes
}

// TestLaunch is a claimed test run with everything that is needed to perform it.
type TestLaunch struct {
	ID       int64
	Node     int64
	Started  time.Time
	Plan     *Plan // the account's
	Job      *Job  // read-only
	Material       // the account's
}

// TestProgress is what is written of a test run. A finished one has a result.
type TestProgress struct {
	Node      int64 // that runs it
	ID        int64
	AccountID int64
	Trace     Trace
	Result    *Result   // nil while it runs
	Diagnosis Diagnosis // of the result
}
