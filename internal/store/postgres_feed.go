package store

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"punctual/internal/cron"
)

// frontierStep is how long a frontier stands before the database is asked again, and frontierKept how long it is worth
// building on: after that one begins anew, so that who starts to follow does not start in the past.
const (
	frontierStep = 250 * time.Millisecond
	frontierKept = 5 * time.Second
	frontierWait = 20 * time.Millisecond // for transactions under way, while there is no frontier at all
)

// frontier is what is known of the ids that transactions under way have taken. An id is safe once every transaction has
// ended that was writing when the id was the latest.
type frontier struct {
	mu      sync.Mutex
	asked   time.Time
	safe    marks
	known   bool            // safe is
	pending marks           // become safe when writers have ended
	writers map[string]bool // transactions that were under way when pending was read
}

// postgresLatestIDs reads the latest ids that were given away.
const postgresLatestIDs = `SELECT coalesce((SELECT CASE WHEN is_called THEN last_value END FROM execution_id), 0),
	coalesce((SELECT CASE WHEN is_called THEN last_value END FROM job_change_id), 0)`

// watermarks implements engine: ids are safe once the transactions have ended that were under way when they were the latest.
func (e *postgresEngine) watermarks(ctx context.Context) (cron.Watermarks, error) {
	f := &e.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	age := time.Since(f.asked)
	if age > frontierKept {
		f.known, f.writers = false, nil
	}
	for {
		latest, err := e.store.latestIDs(ctx, postgresLatestIDs)
		if err == nil && (!f.known || age > frontierStep) {
			err = e.advance(ctx, f, latest)
		}
		if err != nil || f.known {
			return latest.watermarks(f.safe), err
		}
		select {
		case <-ctx.Done():
			return cron.Watermarks{}, fmt.Errorf("wait for the transactions under way: %w", ctx.Err())
		case <-time.After(frontierWait):
		}
	}
}

// advance looks at the transactions under way, after latest was read: who has taken one of these ids writes, or has
// ended.
func (e *postgresEngine) advance(ctx context.Context, f *frontier, latest marks) error {
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

// writers lists the transactions that may have taken ids: an INSERT locks its table before it takes one, and the lock
// goes when what was written can be seen.
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
