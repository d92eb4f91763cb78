package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"punctual/internal/cron"
)

// How an installation moves to a database of the other kind
//
//	1  open the source; it has the version of this program, and nothing runs on it
//	2  mark the target as incomplete, and empty it                                     from here on, no node starts on the target
//	3  copy the tables of movedTables in order, in chunks; seal with the key of the target what another key seals
//	4  set the counters of IDs on, so that no ID of a deleted row is given again
//	5  read the target again, and compare the number of rows and the checksum of each table with what the source had
//	6  remove the mark                                                                 from here on, the target is complete
//
// The source is only read, in one snapshot. A move that was interrupted is repeated: it finds the mark and begins at step 2. On
// PostgreSQL the mark is a setting. On SQLite it is the name of the file, which gets its own name in step 6.

// The errors of Move, beside those of Open.
var (
	ErrMoving    = errors.New("a move into this database was not completed")
	ErrNotEmpty  = errors.New("the target of the move holds a database already")
	ErrRunning   = errors.New("the database is in use")
	ErrMoveWrong = errors.New("the target does not hold what the source has")
)

// movingFile is the name of an SQLite database, in its directory, while a move into it is not complete.
const movingFile = FileName + ".moving"

// movingMark is the setting that marks a PostgreSQL database while a move into it is not complete.
const movingMark = "move under way"

// MoveOptions are what Move needs. Of From and To, one is SQLite and one is PostgreSQL. The caller holds the locks of the directories.
type MoveOptions struct {
	From, To Options
	Progress func(MoveProgress) // is called often; nil for none
}

// MoveProgress is how far a move has come.
type MoveProgress struct {
	Checking bool // the target is read again
	Table    string
	Rows     int64 // of the table, so far
}

// Moved is what a move has done.
type Moved struct {
	Tables   []MovedTable
	Resealed int // values that were sealed with the key of the target
	Unopened int // that no key opens, and that stay as they are
}

// MovedTable is a table as both databases have it.
type MovedTable struct {
	Name string
	Rows int64
	Sum  Checksum
}

// Move copies everything that a database holds to an empty one of the other kind. Both must not be in use. When ctx ends first, the error is
// that of ctx.
func Move(ctx context.Context, o MoveOptions) (Moved, error) {
	done, err := moveAll(ctx, o)
	if err != nil && ctx.Err() != nil {
		return done, ctx.Err() // whatever it has broken off
	}
	return done, err
}

func moveAll(ctx context.Context, o MoveOptions) (done Moved, err error) {
	from := o.From
	from.NoMigrate = true
	source, err := Open(ctx, from)
	if err != nil {
		return done, fmt.Errorf("the source: %w", err)
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	m := &mover{source: source, progress: o.Progress}
	if m.progress == nil {
		m.progress = func(MoveProgress) {}
	}
	if err := m.readKeys(o); err != nil {
		return done, err
	}
	before, err := source.quiet(ctx)
	if err == nil {
		err = source.ofThisVersion(upkeep.with(ctx))
	}
	if err != nil {
		return done, fmt.Errorf("the source: %w", err)
	}
	if m.from, err = source.engine.snapshot(ctx); err != nil {
		return done, fmt.Errorf("read the source: %w", databaseError(err))
	}
	defer func() { err = errors.Join(err, m.from.close()) }()
	if o.To.URL != "" {
		m.to, err = newPostgresTarget(ctx, o.To)
	} else {
		m.to, err = newSQLiteTarget(ctx, o.To)
	}
	if err != nil {
		return done, fmt.Errorf("the target: %w", databaseError(err))
	}
	defer func() { err = errors.Join(err, m.to.close()) }()
	if err := m.move(ctx); err != nil {
		return done, databaseError(err)
	}
	after, err := source.quiet(ctx)
	if err == nil && after != before {
		err = fmt.Errorf("%w: a node was started on it during the move", ErrRunning)
	}
	if err != nil {
		return done, fmt.Errorf("the source: %w", err)
	}
	if err := m.to.finish(ctx); err != nil {
		return done, fmt.Errorf("complete the target: %w", databaseError(err))
	}
	return m.done, nil
}

// unlessMoving is the transaction of register, which registers a node. A move that has begun since the database was opened either sees the
// node, or has set its mark before.
func unlessMoving(register func(ctx context.Context, q queryer) error) func(ctx context.Context, q queryer) error {
	return func(ctx context.Context, q queryer) error {
		if err := register(ctx, q); err != nil {
			return err
		}
		if moving, err := isMoving(ctx, q); err != nil || moving {
			return errors.Join(err, ErrMoving)
		}
		return nil
	}
}

// quiet makes sure that no node counts as alive, and returns the epoch of the latest one. SQLite has no leases: the caller's lock proves it.
func (s *Store) quiet(ctx context.Context) (latest int64, err error) {
	ctx = upkeep.with(ctx)
	if _, sqlite := s.engine.(*sqliteEngine); !sqlite {
		names, err := s.nodesWithout(ctx, s.read, KeyID{})
		if err != nil {
			return 0, databaseError(err)
		}
		if len(names) > 0 {
			return 0, runningError(names)
		}
	}
	err = s.read.QueryRowContext(ctx, `SELECT coalesce(max(epoch), 0) FROM node`).Scan(&latest)
	if err != nil {
		return 0, fmt.Errorf("find the latest node: %w", databaseError(err))
	}
	return latest, nil
}

func runningError(nodes []string) error {
	return fmt.Errorf("%w: these nodes run, or died less than %s ago: %s", ErrRunning, cron.Lease, strings.Join(nodes, ", "))
}

// moveSide is a connection to one of the two databases.
type moveSide interface {
	queryer
	// counters are the latest IDs that were given, by table. Tables without a counter, or whose counter is unused, are left out.
	counters(ctx context.Context) (map[string]int64, error)
	close() error
}

// moveTarget is the database that is filled. A new one is marked as incomplete and empty.
type moveTarget interface {
	moveSide
	// makeRoom prepares for what the source has.
	makeRoom(ctx context.Context, source queryer) error
	// write adds rows to a table. grams are what jobs are found by, of the rows of job_text, else nil.
	write(ctx context.Context, table string, columns []string, rows [][]any, grams [][]int32) error
	// setCounter makes id the latest ID that a table has given.
	setCounter(ctx context.Context, table string, id int64) error
	// complete makes what only a complete target has, such as triggers; check compares what is derived with what it is derived from.
	complete(ctx context.Context) error
	check(ctx context.Context) error
	// finish removes the mark.
	finish(ctx context.Context) error
}

// mover moves.
type mover struct {
	source   *Store
	from     moveSide
	to       moveTarget
	sealer   *sealer // has the keys of both
	key      *sealingKey
	hashing  [32]byte // see newChecksum
	progress func(MoveProgress)
	done     Moved
}

// readKeys reads the keys of both databases. The target is sealed with its newest one.
func (m *mover) readKeys(o MoveOptions) error {
	read := func(o Options) func() ([][32]byte, error) {
		if o.Keys != nil {
			return o.Keys
		}
		return func() ([][32]byte, error) { return [][32]byte{o.Key}, nil }
	}
	keys, err := read(o.To)()
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		return errNoKeys
	}
	target := IDOf(keys[len(keys)-1])
	m.sealer, err = newSealer(func() ([][32]byte, error) {
		former, err := read(o.From)()
		return append(slices.Clone(former), keys...), err
	})
	if err != nil {
		return err
	}
	m.key, _ = m.sealer.find(target)
	m.hashing = m.source.ServiceSecret()
	return nil
}

// move copies and compares.
func (m *mover) move(ctx context.Context) error {
	if err := m.to.makeRoom(ctx, m.from); err != nil {
		return fmt.Errorf("prepare the target: %w", err)
	}
	for _, name := range movedTables {
		t, err := m.copyTable(ctx, name)
		if err != nil {
			return fmt.Errorf("copy the table %s: %w", name, err)
		}
		m.done.Tables = append(m.done.Tables, t)
	}
	counters, err := m.from.counters(ctx)
	if err != nil {
		return fmt.Errorf("read the counters of IDs: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(counters)) {
		if err := m.to.setCounter(ctx, name, counters[name]); err != nil {
			return fmt.Errorf("set the counter of IDs of %s: %w", name, err)
		}
	}
	if err := m.to.complete(ctx); err != nil {
		return fmt.Errorf("complete the tables of the target: %w", err)
	}
	return m.compare(ctx, counters)
}

// compare reads the target and compares it with what was read from the source.
func (m *mover) compare(ctx context.Context, counters map[string]int64) error {
	for _, want := range m.done.Tables {
		got, err := m.read(ctx, m.to, want.Name, true, func(*moveChunk) error { return nil })
		if err != nil {
			return fmt.Errorf("check the table %s: %w", want.Name, err)
		}
		if got.Rows != want.Rows || got.Sum != want.Sum {
			return fmt.Errorf("%w: the table %s has %d rows with the checksum %s instead of %d with %s", ErrMoveWrong,
				want.Name, got.Rows, got.Sum, want.Rows, want.Sum)
		}
	}
	got, err := m.to.counters(ctx)
	if err != nil {
		return fmt.Errorf("check the counters of IDs: %w", err)
	}
	for name, id := range counters {
		if got[name] < id { // a node that was refused has taken one
			return fmt.Errorf("%w: the latest ID of %s is %d instead of %d", ErrMoveWrong, name, got[name], id)
		}
	}
	if err := m.to.check(ctx); err != nil {
		return fmt.Errorf("check the target: %w", err)
	}
	return nil
}

// copyTable copies a table, and returns what the source has.
func (m *mover) copyTable(ctx context.Context, name string) (t MovedTable, err error) {
	return m.read(ctx, m.from, name, false, func(c *moveChunk) error {
		return m.to.write(ctx, name, c.columns, c.rows, c.grams)
	})
}

// plannedDays are the days (UTC) that have executions.
func plannedDays(ctx context.Context, q queryer) (days []time.Time, err error) {
	for next := int64(0); ; {
		var planned sql.NullInt64
		err := q.QueryRowContext(ctx, `SELECT min(planned_at) FROM execution WHERE planned_at >= $1`, next).Scan(&planned)
		if err != nil {
			return nil, fmt.Errorf("find the days of the history: %w", err)
		}
		if !planned.Valid {
			return days, nil
		}
		day := time.UnixMilli(planned.Int64).UTC().Truncate(24 * time.Hour)
		days, next = append(days, day), day.AddDate(0, 0, 1).UnixMilli()
	}
}
