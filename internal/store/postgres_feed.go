package store

import (
	"context"
	"fmt"
	"sync"
	"time"

	"punctual/internal/cron"
)

// The watermark of the feed on PostgreSQL. IDs come from sequences while transactions are open, and rows become visible
// when these commit: a reader that has seen ID 7 cannot know whether 6 will still appear. So a node reads the latest
// IDs, and then lists the open transactions that may have taken IDs, by their locks. A transaction that was not in the
// previous list has only taken IDs after the latest ones of that time. It holds the watermark there until it ends.
//
//	           list 1    list 2    list 3            list 4
//	latest ID  40        44        51                51
//	writers    none      A         A, B              B
//	watermark  40        40 (A)    40 (A), 44 (B)    44 (B)
//
// Transaction IDs would not do. pg_snapshot_xmin waits for every transaction of the server that has written anything, even
// in another database: a long import or a prepared transaction there would stop all followers. A read-only one, such as
// pg_dump, would not. And a writer can hold an ID before it has a transaction ID, since nextval assigns none. A feed row
// written in the same transaction has the same gaps unless writers wait for each other, and costs each execution a row.

// A watermark is read from the database again after watermarkInterval. After watermarkMaxAge it is discarded, so that a new
// subscriber starts at the present.
const (
	watermarkInterval = 250 * time.Millisecond
	watermarkMaxAge   = 5 * time.Second
	watermarkPoll     = 20 * time.Millisecond // between two lists of the open transactions, while there is no watermark
)

// watermarkState is what the node knows about the IDs taken by open transactions.
type watermarkState struct {
	mu      sync.Mutex
	asked   time.Time
	latest  marks            // read before the open transactions were listed
	safe    marks            // the watermark: the lowest of latest and the IDs in writers
	writers map[string]marks // open transactions with the IDs up to which each has taken none
}

// unknown stands for the IDs of transactions that were open before the first list, and for the watermark until they end.
var unknown = marks{-1, -1}

// postgresLatestIDs reads the latest IDs of both sequences.
const postgresLatestIDs = `SELECT coalesce((SELECT CASE WHEN is_called THEN last_value END FROM execution_id), 0),
	coalesce((SELECT CASE WHEN is_called THEN last_value END FROM job_change_id), 0)`

// watermarks implements engine.
func (e *postgresEngine) watermarks(ctx context.Context) (cron.Watermarks, error) {
	f := &e.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	age := time.Since(f.asked)
	if age > watermarkMaxAge {
		f.latest, f.safe, f.writers = unknown, unknown, nil
	}
	for {
		latest, err := e.store.latestIDs(ctx, postgresLatestIDs)
		if err == nil && (f.safe == unknown || age > watermarkInterval) {
			err = e.advance(ctx, f, latest)
		}
		if err != nil || f.safe != unknown {
			return latest.watermarks(f.safe), err
		}
		select {
		case <-ctx.Done():
			return cron.Watermarks{}, fmt.Errorf("wait for the open transactions: %w", ctx.Err())
		case <-time.After(watermarkPoll):
		}
	}
}

// advance lists the open transactions, after latest was read.
func (e *postgresEngine) advance(ctx context.Context, f *watermarkState, latest marks) error {
	// An INSERT locks its table before it takes an ID, and releases the lock when its rows have become visible.
	list, err := collect(ctx, e.store.read, "list the open transactions", single[string],
		`SELECT virtualtransaction FROM pg_locks
		 WHERE locktype = 'relation' AND relation IN ('execution'::regclass, 'job_change'::regclass)
		   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
		   AND mode = 'RowExclusiveLock' AND granted`)
	if err != nil {
		return err
	}
	safe, writers := latest, make(map[string]marks, len(list))
	for _, w := range list {
		free, known := f.writers[w]
		if !known {
			free = f.latest
		}
		writers[w] = free
		safe = marks{min(safe.executions, free.executions), min(safe.changes, free.changes)}
	}
	f.asked, f.latest, f.safe, f.writers = time.Now(), latest, safe, writers
	return nil
}
