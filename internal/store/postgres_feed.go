package store

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"punctual/internal/cron"
)

// A watermark is read from the database again after watermarkInterval. After watermarkMaxAge it is discarded, so that a new
// subscriber starts at the present.
const (
	watermarkInterval = 250 * time.Millisecond
	watermarkMaxAge   = 5 * time.Second
	watermarkPoll     = 20 * time.Millisecond // between two looks at the open transactions, while there is no watermark
)

// watermarkState is what the node knows about the IDs taken by open transactions. An ID is safe when every transaction that
// was writing while the ID was the latest has ended.
type watermarkState struct {
	mu      sync.Mutex
	asked   time.Time
	safe    marks
	known   bool            // safe has been read
	pending marks           // become safe when all writers have ended
	writers map[string]bool // transactions that were open when pending was read
}

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
		f.known, f.writers = false, nil
	}
	for {
		latest, err := e.store.latestIDs(ctx, postgresLatestIDs)
		if err == nil && (!f.known || age > watermarkInterval) {
			err = e.advance(ctx, f, latest)
		}
		if err != nil || f.known {
			return latest.watermarks(f.safe), err
		}
		select {
		case <-ctx.Done():
			return cron.Watermarks{}, fmt.Errorf("wait for the transactions under way: %w", ctx.Err())
		case <-time.After(watermarkPoll):
		}
	}
}

// advance reads the open transactions, after latest was read: every transaction that has taken an ID up to latest is either
// among them or has ended.
func (e *postgresEngine) advance(ctx context.Context, f *watermarkState, latest marks) error {
	writers, err := e.writers(ctx)
	if err != nil {
		return err
	}
	maps.DeleteFunc(f.writers, func(w string, _ bool) bool { return !writers[w] })
	switch {
	case len(writers) == 0:
		f.safe, f.writers, f.known = latest, nil, true
	case f.writers == nil:
		f.pending, f.writers = latest, writers
	case len(f.writers) == 0:
		f.safe, f.known = f.pending, true
		f.pending, f.writers = latest, writers
	}
	f.asked = time.Now()
	return nil
}

// writers lists the open transactions that may have taken IDs. An INSERT locks its table before it takes an ID, and releases
// the lock when its rows have become visible.
func (e *postgresEngine) writers(ctx context.Context) (map[string]bool, error) {
	writers := map[string]bool{}
	err := each(ctx, e.store.read, "list the transactions under way", func(scan scanner) error {
		var w string
		if err := scan(&w); err != nil {
			return err
		}
		writers[w] = true
		return nil
	}, `SELECT virtualtransaction FROM pg_locks
		 WHERE locktype = 'relation' AND relation IN ('execution'::regclass, 'job_change'::regclass)
		   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
		   AND mode = 'RowExclusiveLock' AND granted`)
	return writers, err
}
