package cron

import "time"

// FailureGroup is the failures of an account that have the same cause.
type FailureGroup struct {
	Cause   Fingerprint
	Count   int64
	Jobs    int       // that failed so
	JobIDs  []int64   // of the first MaxGroupJobs of them, the one that failed last first
	First   time.Time // start of the first of the failures
	Example Execution // the latest of the failures, without headers and body
}

// What is listed of failures by cause.
const (
	MaxFailureGroups = 100
	MaxGroupJobs     = 10
)

// FailureGroups is the failures of an account by cause, most frequent first. At most MaxFailureGroups are listed.
type FailureGroups struct {
	Groups []FailureGroup
	More   bool      // there are more groups
	Back   time.Time // failures back to then were counted; zero if all were that the filter wants
}
