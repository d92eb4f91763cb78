package cron

import "time"

// JobChange is something that was done to a job.
type JobChange struct {
	ID    int64 // grows with time
	JobID int64
	Kind  ChangeKind
	At    time.Time
}

// ChangeKind says what was done to a job. The numbers are stored.
type ChangeKind int

// The kinds of changes.
const (
	ChangeCreated  ChangeKind = 1
	ChangeEdited   ChangeKind = 2
	ChangeDeleted  ChangeKind = 3
	ChangeDisabled ChangeKind = 4 // by the service: after too many failures, or since a one-time job had its occurrence
)

// ChangesKept is how long it is known what was done to jobs.
const ChangesKept = 7 * 24 * time.Hour

var changeNames = [...]string{"", "created", "changed", "deleted", "disabled"}

// String is the kind in a word.
func (k ChangeKind) String() string { return changeNames[k] }

// Frontier is how far somebody who follows the ids of executions and of changes of jobs can be sure to have seen all of
// them: a transaction takes its ids before it is committed, so that a lower id may turn up after a higher one.
type Frontier struct {
	Executions Reach
	Changes    Reach
}

// Reach is the frontier of one kind of ids.
type Reach struct {
	Safe   int64 // nothing up to this id turns up any more
	Latest int64 // the highest id that was given away; at least Safe
}
