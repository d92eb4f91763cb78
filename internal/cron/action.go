package cron

import "time"

// Action is a change of many jobs that is stored first, and then worked off in the background.
type Action struct {
	ID        int64
	AccountID int64
	State     ActionState
	DryRun    bool  // it says what it would do, and changes nothing
	Undoes    int64 // the action that it undoes; 0 for none
	Failed    bool  // it ended by a fault of the service
	Cancelled bool  // it ends with its next step, or has ended so, before all jobs had a result
	Kinds     []OperationKind
	Author    Author
	Order     ActionOrder
	Position  int64 // up to where jobs were selected, or worked off
	Counts    ActionCounts
	Created   time.Time
	Finished  time.Time // zero until then
	Expires   time.Time // when it is deleted, and can no longer be undone
	Progress  int64     // grows with each step
}

// ActionOrder is what an action is to do to which jobs.
type ActionOrder struct {
	Operations []Operation // none for an action that undoes another one
	JobIDs     []int64     // the jobs, in ascending order; nil for others
	Filter     *JobFilter  // that selects the jobs; nil for others
	DryRun     int64       // the action whose changed jobs are the jobs; 0 for none
	Language   string      // of the author, in which reasons are worded
}

// NotReached is how many jobs that were selected have no result, once the action has ended.
func (a *Action) NotReached() int {
	if a.State != ActionFinished {
		return 0
	}
	n := &a.Counts
	return n.Total - n.Changed - n.Same - n.Invalid - n.Skipped - n.Missing - n.Faulty
}

// ActionCounts is how many jobs of an action have each result.
type ActionCounts struct {
	Total   int
	Changed int
	Same    int
	Invalid int
	Skipped int
	Missing int
	Faulty  int
}

// Add adds n jobs with a result.
func (c *ActionCounts) Add(result ActionResult, n int) {
	c.Total += n
	if count := map[ActionResult]*int{ActionChanged: &c.Changed, ActionSame: &c.Same, ActionInvalid: &c.Invalid,
		ActionSkipped: &c.Skipped, ActionMissing: &c.Missing, ActionFaulty: &c.Faulty}[result]; count != nil {
		*count += n
	}
}

// ActionState is how far an action is. The numbers are stored.
type ActionState int

// The states.
const (
	ActionSelecting ActionState = 0 // its jobs and their versions are being noted
	ActionWorking   ActionState = 1
	ActionFinished  ActionState = 2
)

// ActionResult is what became of a job in an action. The numbers are stored.
type ActionResult int

// The results. Those of a dry run are what would become of the job.
const (
	ActionWaiting ActionResult = 0
	ActionChanged ActionResult = 1
	ActionSame    ActionResult = 2 // it is as the action would make it
	ActionInvalid ActionResult = 3 // the result would not be a valid job, for Reasons
	ActionSkipped ActionResult = 4 // it was changed since it was selected
	ActionMissing ActionResult = 5 // the account has no such job, or no longer
	ActionFaulty  ActionResult = 6 // by a fault of the service

	// ActionNotReached is shown for ActionWaiting when the action has ended. It is not stored.
	ActionNotReached ActionResult = 7
)

// ActionEffect is what an action has done to a job that it changed. The numbers are stored.
type ActionEffect int

// The effects.
const (
	EffectNone     ActionEffect = 0
	EffectEdited   ActionEffect = 1
	EffectDeleted  ActionEffect = 2
	EffectRestored ActionEffect = 3 // from the bin
)

// ActionJob is a job of an action.
type ActionJob struct {
	JobID   int64
	Version int64 // when it was selected
	Result  ActionResult
	Effect  ActionEffect
	After   int64        // the version that the action made, or that the job had when it was deleted; 0 for none
	Undo    ActionEffect // what is to be undone
	Target  int64        // the version to restore, when something is to be undone
	Detail  ActionDetail
}

// ActionDetail is what people are told about a job of an action. It has no secrets.
type ActionDetail struct {
	Title      string
	Changes    []ActionChange
	Reasons    []string  // sentences
	NextBefore time.Time // the next run; zero for none
	NextAfter  time.Time
	Zone       string // of the job's schedule; empty for an action of before it was kept
}

// ActionChange is a value that an action changes.
type ActionChange struct {
	Pointer string // a JSON pointer into the job as the API shows it
	Hidden  bool   // it is a secret, or too long to be shown
	From    string // JSON, as the API shows it; empty when it is hidden
	To      string
}

// Limits of actions.
const (
	ActionLifetime     = 30 * 24 * time.Hour
	MaxOpenActions     = 5       // of an account
	MaxActions         = 100     // of an account that are kept; the oldest finished ones give way
	MaxActionRows      = 500_000 // jobs of all actions of an account that are kept, likewise
	MaxActionJobs      = 10_000  // that an order lists
	MaxActionOrder     = 1 << 20 // bytes of an order
	MaxActionValue     = 300     // characters of a value that is shown
	MaxActionDetail    = 8 << 10 // bytes of what is kept about a job
	maxActionReasons   = 10
	actionDetailValues = 25
)

// Bound shortens the detail to what is kept.
func (d *ActionDetail) Bound() {
	d.Changes = d.Changes[:min(len(d.Changes), actionDetailValues)]
	d.Reasons = d.Reasons[:min(len(d.Reasons), maxActionReasons)]
	size := 0
	for i := range d.Changes {
		c := &d.Changes[i]
		if size += len(c.From) + len(c.To); size > MaxActionDetail || len([]rune(c.From)) > MaxActionValue || len([]rune(c.To)) > MaxActionValue {
			c.From, c.To, c.Hidden = "", "", true
		}
	}
}
