package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"modernc.org/sqlite"
)

// A checkpoint copies pages from the write-ahead log to the database and syncs the database. Within a commit, which is where SQLite does it,
// it would hold up the writer for as long as the disk takes. So a connection of its own does it while the writer goes on:
//
//	commit ── checkpointPages written since the last checkpoint? ──▶ checkpointer: PRAGMA wal_checkpoint(PASSIVE)
//
// The log can only begin anew when all of it is copied and nobody writes, which may not happen for as long as a burst lasts. From
// walPages on, the writer itself copies the rest, which is little: what it has written since the last checkpoint began.
const (
	checkpointPages = 1000
	walPages        = 16_000 // 64 MiB
)

// checkpointer is that connection.
type checkpointer struct {
	db     *sql.DB
	logger *slog.Logger
	wake   chan struct{}
	stop   chan struct{}
	ended  sync.WaitGroup
}

// newCheckpointer has the connection of a pool, and closes the pool.
func newCheckpointer(db *sql.DB, logger *slog.Logger) *checkpointer {
	db.SetMaxOpenConns(1)
	c := &checkpointer{db: db, logger: logger, wake: make(chan struct{}, 1), stop: make(chan struct{})}
	c.ended.Go(c.run)
	return c
}

func (c *checkpointer) run() {
	failed := false
	for {
		select {
		case <-c.stop:
			return
		case <-c.wake:
		}
		// Whether it has copied all of the log does not matter: the next one goes on.
		_, err := c.db.ExecContext(context.Background(), `PRAGMA wal_checkpoint(PASSIVE)`)
		if err != nil && !failed {
			c.logger.Warn("the log of the database cannot be copied to it and grows; this is tried again", slogErr(databaseError(err)))
		}
		failed = err != nil
	}
}

// begin begins a checkpoint, or has another follow that which runs.
func (c *checkpointer) begin() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// close waits for a checkpoint that runs.
func (c *checkpointer) close() error {
	if c == nil {
		return nil
	}
	close(c.stop)
	c.ended.Wait()
	return c.db.Close()
}

// pagesWritten returns how many pages a connection has written since the last call.
func pagesWritten(conn *sql.Conn) (pages int, err error) {
	err = conn.Raw(func(conn any) error {
		counter, ok := conn.(sqlite.DBStatus)
		if !ok {
			return errors.ErrUnsupported
		}
		pages, _, err = counter.Status(sqlite.DBStatusCacheWrite, true)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("count the written pages: %w", err)
	}
	return pages, nil
}
