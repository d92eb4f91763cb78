package cron

import "time"

// JobChange is a record that a job was created, edited, deleted or disabled, or that something happened to a problem, an action or
// a message.
type JobChange struct {
	ID        int64 // grows with time
	JobID     int64 // 0 for a change of something else, as below
	ProblemID int64
	ActionID  int64
	MessageID int64
	Kind      ChangeKind
	At        time.Time
}

// ChangeKind is what happened to a job, a problem, an action or a message. The numbers are stored.
type ChangeKind int

// The kinds of changes.
const (
	ChangeCreated  ChangeKind = 1
	ChangeEdited   ChangeKind = 2
	ChangeDeleted  ChangeKind = 3
	ChangeDisabled ChangeKind = 4 // by the service: after too many failures, or because a one-time job is done

	ChangeProblemOpened       ChangeKind = 11 // for the first time or again
	ChangeProblemAcknowledged ChangeKind = 12
	ChangeProblemSnoozed      ChangeKind = 13
	ChangeProblemResolved     ChangeKind = 14
	ChangeProblemNoted        ChangeKind = 15

	ChangeActionMoved    ChangeKind = 21 // some of its jobs were selected, or got their results
	ChangeActionFinished ChangeKind = 22

	// What becomes of a message is 31 and its MessageState.
	ChangeMessageWaiting ChangeKind = 31 // it was made, or is to be tried again
	ChangeMessageSent    ChangeKind = 33
	ChangeMessageFailed  ChangeKind = 34
	ChangeMessageDropped ChangeKind = 35
)

// ChangesKept is how long job changes are kept.
const ChangesKept = 7 * 24 * time.Hour

var changeNames = [...]string{1: "created", "changed", "deleted", "disabled",
	11: "opened", "acknowledged", "snoozed", "resolved", "noted", 21: "progressed", "finished", 31: "waiting", 33: "sent", "failed", "dropped"}

// String is the name of the kind.
func (k ChangeKind) String() string { return changeNames[k] }

// Watermarks are the positions up to which a reader of the feed can be sure to have seen every execution and every job
// change. They are needed because a transaction takes its ids before it commits, so that a lower id can become visible
// after a higher one.
type Watermarks struct {
	Executions Watermark
	Changes    Watermark
}

// Watermark is the position in one sequence of ids.
type Watermark struct {
	Safe   int64 // no id up to this one can appear any more
	Latest int64 // the highest id that was assigned; at least Safe
}
