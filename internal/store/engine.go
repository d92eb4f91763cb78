package store

import (
	"context"
	"time"

	"punctual/internal/cron"
)

// engine is everything that differs between the databases. sqlite*.go and postgres*.go implement it.
type engine interface {
	transactor
	dialect
	batcher
	historian
	finder
	// clock reads the database's clock; ok is false when the clock of the process is used instead.
	clock(ctx context.Context) (now time.Time, ok bool, err error)
	// heartbeat is Store.Heartbeat.
	heartbeat(ctx context.Context, h cron.Heartbeat) (draining bool, err error)
	// saveRunningFrom writes with a claim of a node what its heartbeats found out, where they do not write it themselves.
	saveRunningFrom(ctx context.Context, q queryer, node int64) error
	// aliveAfter is the end of a lease, in milliseconds, after which a node counts as alive.
	aliveAfter(now time.Time) int64
	// settleDead is Store.SettleDead.
	settleDead(ctx context.Context, self int64) (settled int, err error)
	// holds tells whether the node with an epoch has a duty, and takes it if nobody does. See duties.
	holds(ctx context.Context, d *duty, epoch int64) (bool, error)
	// close also closes the pools that Store.read uses.
	close() error
	// snapshot begins to read everything as it is now, for a move.
	snapshot(ctx context.Context) (moveSide, error)
	// size selects how many bytes the database takes.
	size() string
}

// transactor runs transactions.
type transactor interface {
	// write runs fn in a transaction and commits it; fn may run more than once and must not keep q. Only Store.transact
	// calls it.
	write(ctx context.Context, t turn, fn func(ctx context.Context, q queryer) error) error
	// notify wakes other nodes when the transaction is committed.
	notify(ctx context.Context, q queryer, w wake) error
	// alone takes a lock of the whole database until the end of the transaction; false when another transaction has it.
	alone(ctx context.Context, q queryer, what lockKey) (bool, error)
	// duplicate tells whether err is the violation of a unique constraint.
	duplicate(err error) bool
}

// lockKey is a kind of work that one transaction at a time does. The numbers are known to nodes of other versions.
type lockKey int64

// The kinds of such work.
const lockObserving lockKey = 2026_1120 // see Store.ObserveComponents

// wake is what other nodes are woken for. The texts are sent to nodes of other versions, which look at the schedule.
type wake string

// The reasons to wake a node.
const (
	wakeSchedule wake = ""         // a job may be due earlier
	wakeTestRuns wake = "test run" // a test run waits, or is to end
	wakeNotices  wake = "notice"   // there are notices, or messages that wait
	wakeMonitors wake = "monitor"  // there are results for components; only this node is woken
)

// dialect makes the parts of statements that differ between the databases.
type dialect interface {
	in(column string, n int) string      // a condition: the column is in the list at parameter $n
	list(numbers []int64) (argument any) // the argument for that list
	lock(kind lockKind) string           // ends a SELECT that locks its rows; empty on SQLite, where nobody else writes
	// lower is a text with its ASCII letters, and no others, in lower case, whatever the collation of the database.
	lower(column string) string
	unindexed(column string) string // a column for which no index is to be used on SQLite
	// nextExecution is an expression for an ID that no execution has yet, and that later ones do not fall below.
	nextExecution() string
	// withID is the beginning of an INSERT up to its columns, among them an id that the database would make otherwise.
	withID(insert string) string
	// days returns a condition that leaves out days without relevant rows, and args with its arguments appended.
	days(first, last int64, args ...any) (string, []any)
}

// lockKind is how a SELECT locks its rows.
type lockKind int

const (
	forUpdate   lockKind = iota
	skipLocked           // like forUpdate, skipping rows that others have locked
	lockStates           // locks only the rows of job_state in a join
	forShare             // keeps rows from being changed
	shareFree            // like forShare, skipping rows that others change
	forReplace           // also excludes forKeyShare
	forKeyShare          // excludes forReplace, and allows other changes
	keyFree              // like forKeyShare, skipping rows that others delete
)

// batcher writes many rows at once: the statements of claims and results.
type batcher interface {
	// secretsIn is a condition on rows of secret: they are among keys. It has the arguments of its parameters, from $1 on.
	secretsIn(keys []secretKey) (condition string, args []any)
	// insertRecords sets the id of each record, to 0 when the ledger has the row already.
	insertRecords(ctx context.Context, q queryer, records []*record) error
	savePlans(ctx context.Context, q queryer, plans []plan) error
	// takeResults writes results, and locks the states of the jobs in the order of the completions, which is that of the IDs. It returns
	// the completions whose record accepted the result, and their jobs. A record accepts a result of the node that
	// wrote it, while it is running or lost. A record marked lost accepts any later result except another loss.
	takeResults(ctx context.Context, q queryer, completions []*cron.Completion) (saved []*cron.Completion, jobs map[int64]*lockedJob, err error)
	// saveProblems writes problems in the given order, and sets their IDs. See problemConflict.
	saveProblems(ctx context.Context, q queryer, rows []*problemRow) error
	saveStates(ctx context.Context, q queryer, jobs []*cron.JobRecord) error
	// saveRuns is saveStates of jobs of whose states only runBatch has changed. No index has those columns, and no trigger.
	saveRuns(ctx context.Context, q queryer, jobs []*cron.JobRecord) error
	insertReruns(ctx context.Context, q queryer, runs []*rerun) error
	insertNotices(ctx context.Context, q queryer, notices []*cron.Notice) error
	insertMonitorResults(ctx context.Context, q queryer, results []*monitorResult) error
	// saveMonitors inserts rows, or replaces those that there are.
	saveMonitors(ctx context.Context, q queryer, rows []*monitor) error
}

// historian reads and prunes the ledger.
type historian interface {
	// inOrder lets fn read executions in the order of their IDs, by an index that has this order.
	inOrder(ctx context.Context, fn func(ctx context.Context, reader queryer) error) error
	// latest selects latestColumns of the latest records of the jobs listed in $1: at most $2 of each, in the account $3, among those
	// that were planned at $4 or later and before $5.
	latest() string
	// spans are the spans in which it looks for them, the latest first. Together they hold all records since an instant.
	spans(since, now time.Time) [][2]int64
	// watermarks is Store.Watermarks.
	watermarks(ctx context.Context) (cron.Watermarks, error)
	// pruneHistory deletes a chunk of the executions whose retention has ended.
	pruneHistory(ctx context.Context) (more bool, err error)
	// followHistory takes note of the changes that another node makes in pruneHistory.
	followHistory(ctx context.Context) error
	// backup is Store.Backup.
	backup(ctx context.Context, path string) error
}

// finder is what the search of jobs needs. A position of a parameter is n.
type finder interface {
	// saveText writes the text of a job, and the hashes of its grams.
	saveText(ctx context.Context, q queryer, jobID int64, text string, grams []int32) error
	holding(n int) string                  // selects the ids of jobs with all the grams that are listed in $n
	gramList(grams []int32) (argument any) // the argument for that list
	contains(column string, n int) string  // a condition: the text in the column contains the one in $n
	joinsAsWritten() bool                  // tables of a CROSS JOIN are read in the order in which they are written
}
