package store

import (
	"context"
	"time"

	"punctual/internal/cron"
)

// engine is all that differs between the databases. sqlite*.go and postgres*.go hold one each; the rest of the package is
// the same for both.
type engine interface {
	transactor
	dialect
	batcher
	historian
	// clock reads the database's clock; ok is false where it is the process's own.
	clock(ctx context.Context) (now time.Time, ok bool, err error)
	// heartbeat is Store.Heartbeat.
	heartbeat(ctx context.Context, epoch int64, openFrom func(latest int64) int64) error
	// settleDead is Store.SettleDead.
	settleDead(ctx context.Context, self int64) (settled int, err error)
	// close also ends what Store.read reads from.
	close() error
}

// transactor runs transactions.
type transactor interface {
	// write runs fn in a transaction and commits it; fn may run more than once and must not keep q. Only Store.transact
	// calls it.
	write(ctx context.Context, t turn, fn func(ctx context.Context, q queryer) error) error
	// notify makes other nodes look at the schedule once the transaction is committed.
	notify(ctx context.Context, q queryer) error
	// duplicate tells whether err says that a row would not be unique.
	duplicate(err error) bool
}

// dialect is what statements that both databases run have in them.
type dialect interface {
	in(column string, n int) string      // is true for rows whose column is in the list at parameter $n
	list(numbers []int64) (argument any) // that list
	lock(kind lockKind) string           // ends a SELECT that locks its rows; empty where nobody else writes
	// unindexed is a column of which no index is to be used. SQLite has an index of what runs. On PostgreSQL that would
	// make every result a change of all indexes, so what runs is searched for from the oldest on (Store.openFrom).
	unindexed(column string) string
	// days is the condition that leaves out days in which nothing is looked for, and the arguments with what it needs
	// added.
	days(first, last int64, args ...any) (string, []any)
}

// lockKind is how a SELECT locks its rows.
type lockKind int

const (
	forUpdate   lockKind = iota
	skipLocked           // the same, leaving out those that others hold
	lockStates           // locks the rows of job_state in a join
	forShare             // keeps them from being changed
	shareFree            // the same, leaving out those that others change
	forReplace           // locks them against forKeyShare as well
	forKeyShare          // waits for forReplace and keeps it waiting, but lets other changes come
)

// batcher writes many rows at once: the statements of claims and results.
type batcher interface {
	// insertRecords sets the id of each record, to 0 when the ledger has the row already.
	insertRecords(ctx context.Context, q queryer, records []*record) error
	savePlans(ctx context.Context, q queryer, plans []plan) error
	// saveResults returns those whose record took the result: one that their node wrote, and that ran or was lost. A
	// record marked lost accepts any later result except another loss.
	saveResults(ctx context.Context, q queryer, completions []*cron.Completion) (saved []*cron.Completion, err error)
	saveStates(ctx context.Context, q queryer, jobs []*cron.JobRecord) error
}

// historian reads and prunes the ledger.
type historian interface {
	// inOrder lets fn read executions in the order of their ids, by the indexes that have it.
	inOrder(ctx context.Context, fn func(ctx context.Context, reader queryer) error) error
	// watermarks is Store.Watermarks.
	watermarks(ctx context.Context) (cron.Watermarks, error)
	// pruneHistory removes a chunk of the executions that nobody keeps any more.
	pruneHistory(ctx context.Context) (more bool, err error)
	// backup is Store.Backup.
	backup(ctx context.Context, path string) error
}
