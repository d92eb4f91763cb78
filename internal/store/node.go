package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"time"

	"punctual/internal/cron"
)

// slogErr is err as a log attribute.
func slogErr(err error) slog.Attr { return slog.String("error", err.Error()) }

// MeasureClock sets the offset of Now to the database's clock. The database read its clock at some time during the
// round trip, so the offset is changed only as far as that proves: a slow answer does not shift the schedule.
func (s *Store) MeasureClock(ctx context.Context) error {
	before := s.clock()
	theirs, ok, err := s.engine.clock(ctx)
	if err != nil {
		return fmt.Errorf("read the database's clock: %w", databaseError(err))
	}
	if ok {
		least, most := theirs.Sub(s.clock()), theirs.Sub(before)
		s.offset.Store(int64(min(max(time.Duration(s.offset.Load()), least), most)))
	}
	return nil
}

// clockOffset is the clock of this machine less that of the database.
func (s *Store) clockOffset() time.Duration { return s.wall().Round(0).Sub(s.Now().Round(0)) }

// StartNode registers a start of this process, with its name, role, version, addresses, listeners and whether it drains, and returns its
// epoch. The error is ErrOtherKey when the secrets have been sealed with another key meanwhile, and this process does not have it.
func (s *Store) StartNode(ctx context.Context, n cron.Node) (epoch int64, err error) {
	keys := s.sealer.idText()
	err = s.transact(ctx, results, unlessMoving(func(ctx context.Context, q queryer) error {
		key, err := s.currentKey(ctx, q, s.engine.lock(forKeyShare))
		if err != nil {
			return err
		}
		if _, ok := s.sealer.find(key); !ok {
			return ErrOtherKey
		}
		now := s.Now()
		var zones string
		err = q.QueryRowContext(ctx, `SELECT version FROM zone_data`+s.engine.lock(forKeyShare)).Scan(&zones)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		err = q.QueryRowContext(ctx, `INSERT INTO node (name, started_at, lease_until, dead, zone_version, key_ids, role, version, addresses,
				draining, heartbeat_at, clock_offset_ms, schema_version, host, listeners, running_from)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $2, $11, $12, $13, $14, `+s.engine.nextExecution()+`) RETURNING epoch`,
			n.Name, millis(now), millis(now.Add(cron.Lease)), false, zones, keys, string(cmp.Or(n.Role, cron.NodeAll)), n.Version,
			joinTexts(n.Addresses), n.Draining, s.clockOffset().Milliseconds(), s.known, n.Listeners.Host,
			joinTexts(n.Listeners.At)).Scan(&epoch)
		if err != nil {
			return err
		}
		return s.knows(lowestVersion(ctx, q)) // after the INSERT: see sharedMigrations.older
	}))
	if err != nil {
		return 0, fmt.Errorf("register the node: %w", err)
	}
	s.reported.Store(&reportedKeys{epoch, keys})
	s.beat.Store(&lastBeat{Heartbeat: cron.Heartbeat{Epoch: epoch}, at: s.Now()})
	return epoch, nil
}

// lastBeat is the latest heartbeat of this process.
type lastBeat struct {
	cron.Heartbeat
	at time.Time
}

// Heartbeat renews the lease of a node, measures the database's clock and tells whether the node is to drain. The error is
// cron.ErrNodeDead when another node has declared this one dead. On SQLite the lock on the data directory replaces the
// lease; nothing is written until a claim writes what RunningFrom returned. The error is cron.ErrFailover, once, when the database has
// failed over since the last heartbeat or StartNode; then nothing is renewed.
func (s *Store) Heartbeat(ctx context.Context, h cron.Heartbeat) (draining bool, err error) {
	draining, err = s.engine.heartbeat(ctx, h)
	if err == nil {
		s.beat.Store(&lastBeat{h, s.Now()})
	}
	return draining, err
}

// DrainNode makes a live node claim nothing more, or claim again, with its next heartbeat, and returns its name. The error is of kind
// NotFound for others.
func (s *Store) DrainNode(ctx context.Context, epoch int64, draining bool) (name string, err error) {
	err = s.transact(ctx, ofAccount(0), func(ctx context.Context, q queryer) error {
		return oneRow(q.QueryRowContext(ctx, `UPDATE node SET draining = $2 WHERE epoch = $1 AND NOT dead AND lease_until > $3 RETURNING name`,
			epoch, draining, s.engine.aliveAfter(s.Now())).Scan(&name), cron.SubjectNode)
	})
	if err != nil {
		return "", fmt.Errorf("drain node %d: %w", epoch, err)
	}
	return name, nil
}

// StopNode ends the lease of a node whose executions are all recorded.
func (s *Store) StopNode(ctx context.Context, epoch int64) error {
	err := s.transact(ctx, results, func(ctx context.Context, q queryer) error {
		_, err := q.ExecContext(ctx, `UPDATE node SET dead = $2, lease_until = 0 WHERE epoch = $1`, epoch, true)
		return err
	})
	if err != nil {
		return fmt.Errorf("end the lease: %w", err)
	}
	if node := s.reported.Load(); node != nil && node.epoch == epoch {
		s.reported.CompareAndSwap(node, nil)
	}
	return nil
}

// versionOfNodes is the version of the schema since which nodes say which one they know.
const versionOfNodes = 28

// knows compares what this program knows with the lowest version that a program must know. The error is a *cron.OutdatedError.
func (s *Store) knows(lowest int64, err error) error {
	if err == nil && lowest > s.known {
		err = &cron.OutdatedError{Lowest: lowest, Known: s.known}
	}
	return err
}

// ofThisVersion returns ErrNewer for a database that a newer program has changed: it may hold what this one does not know of.
func (s *Store) ofThisVersion(ctx context.Context) error {
	current, err := appliedVersion(ctx, s.read)
	if err == nil && current > s.known {
		err = fmt.Errorf("%w: it has version %d, and for this the program must know all of it, but knows version %d", ErrNewer, current, s.known)
	}
	return err
}

// goneTold is how long operators are not told of a further dead node: one that starts and dies again and again is told of at times.
const goneTold = 5 * time.Minute

// settleChunk is how many executions one transaction settles.
const settleChunk = 1000

// SettleDead declares nodes dead whose lease has ended, and records what they left running as lost. On SQLite these are
// all nodes but the one with epoch self. It returns the number of lost executions.
func (s *Store) SettleDead(ctx context.Context, self int64) (settled int, err error) {
	return s.engine.settleDead(ctx, self)
}

// settleBefore settles all nodes but self whose lease ended before deadline. The operators are told of those that nobody knew to be
// dead, where nodes have leases.
func (s *Store) settleBefore(ctx context.Context, self, deadline int64, leases bool) (settled int, err error) {
	type goneNode struct {
		epoch int64
		name  string
	}
	var gone []goneNode
	err = s.transact(ctx, results, func(ctx context.Context, q queryer) (err error) {
		gone, err = collect(ctx, q, "find dead nodes", func(scan scanner, n *goneNode) error { return scan(&n.epoch, &n.name) },
			`UPDATE node SET dead = $3 WHERE NOT dead AND epoch <> $1 AND lease_until < $2 RETURNING epoch, name`, self, deadline, true)
		if err != nil || len(gone) == 0 || !leases {
			return err
		}
		names := make([]string, len(gone))
		for i, n := range gone {
			names[i] = n.name
		}
		return s.tellOperators(ctx, q, &cron.Notice{Kind: cron.NoticeNodeGone, Detail: strings.Join(names, ", ")}, goneTold)
	})
	if err != nil {
		return 0, fmt.Errorf("find dead nodes: %w", err)
	}
	if leases {
		for _, n := range gone {
			s.logger.Warn("another node has ended without leaving: it has not renewed its lease", slog.String("node", n.name), slog.Int64("epoch", n.epoch))
		}
	}
	for {
		var n int
		err := s.transact(ctx, results, func(ctx context.Context, q queryer) (err error) {
			n, err = s.settleSome(ctx, q)
			return err
		})
		if err != nil {
			return settled, fmt.Errorf("settle the executions of dead nodes: %w", err)
		}
		if n == 0 {
			return settled, nil
		}
		settled += n
	}
}

// settleSome settles one chunk; 0 when nothing is left. Conclude decides what follows from each lost execution.
func (s *Store) settleSome(ctx context.Context, q queryer) (int, error) {
	dead, err := s.deadNodes(ctx, q)
	if err != nil {
		return 0, err
	}
	for _, n := range dead {
		lost, err := s.abandoned(ctx, q, n, nil)
		if err != nil {
			return 0, err
		}
		if len(lost) > 0 {
			return len(lost), s.finish(ctx, q, lost, s.Now())
		}
		if err := settleTestRuns(ctx, q, n.epoch); err != nil {
			return 0, err
		}
		if err := s.settleMessages(ctx, q, `state = 1 AND node = $2`, s.Now(), n.epoch); err != nil {
			return 0, err
		}
		// A dead node claims nothing more, so it need not be looked at again.
		if _, err := q.ExecContext(ctx, `UPDATE node SET running_from = NULL WHERE epoch = $1`, n.epoch); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// deadNode is a dead node that may have left executions running, none of them with an ID below from.
type deadNode struct{ epoch, from int64 }

// deadNodes lists the dead nodes that may have left executions running.
func (s *Store) deadNodes(ctx context.Context, q queryer) (dead []deadNode, err error) {
	return collect(ctx, q, "list dead nodes", func(scan scanner, n *deadNode) error { return scan(&n.epoch, &n.from) },
		`SELECT epoch, running_from FROM node WHERE dead AND running_from IS NOT NULL ORDER BY epoch`)
}

// runningFrom is an ID below which no execution runs. Statements take it as a parameter, so that the planner knows that
// it excludes nearly all of the ledger.
func (s *Store) runningFrom(ctx context.Context, q queryer) (id int64, err error) {
	err = q.QueryRowContext(ctx, `SELECT coalesce(min(running_from), $1) FROM node`, int64(math.MaxInt64)).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("read from where on executions run: %w", err)
	}
	return id, nil
}

// Abandoned lists, as lost, the executions that the ledger shows as running on a node, without those in except. It
// waits for a claim of the node that has not ended in the database.
func (s *Store) Abandoned(ctx context.Context, epoch int64, except []int64) (lost []cron.Completion, err error) {
	err = s.transact(ctx, claims, func(ctx context.Context, q queryer) error {
		n := deadNode{epoch: epoch}
		err := q.QueryRowContext(ctx, `SELECT running_from FROM node WHERE epoch = $1 AND running_from IS NOT NULL`+s.engine.lock(forUpdate),
			epoch).Scan(&n.from)
		if errors.Is(err, sql.ErrNoRows) {
			lost = nil // other nodes settle them
			return nil
		}
		if err != nil {
			return fmt.Errorf("wait for claims: %w", err)
		}
		lost, err = s.abandoned(ctx, q, n, except)
		return err
	})
	return lost, err
}

// abandoned lists a chunk of the running executions of a node, as lost.
func (s *Store) abandoned(ctx context.Context, q queryer, n deadNode, except []int64) ([]cron.Completion, error) {
	var lost []cron.Completion
	result := cron.Lost()
	cause := result.Fingerprint()
	err := each(ctx, q, "find abandoned executions", func(scan scanner) error {
		var (
			c                = cron.Completion{Result: cron.Lost(), Cause: cause}
			l                = &c.Launch
			job              = new(cron.Job)
			row              planRow
			planned, started int64
		)
		err := scan(&l.ExecutionID, &job.ID, &job.AccountID, &l.Node, &planned, &l.Kind, &l.Attempt, &started,
			&job.Policy.Delivery, &job.Policy.Retry.Count, &row.name, &row.overrides)
		if err != nil {
			return err
		}
		plan, err := s.plan(row)
		if err != nil {
			return err
		}
		l.Job, l.Plan = job, &plan
		l.Planned, c.Result.Started = instant(planned), instant(started)
		l.Due = c.Result.Started
		lost = append(lost, c)
		return nil
	}, `SELECT lost.id, lost.job_id, lost.account_id, lost.node, lost.planned_at, lost.kind, lost.attempt,
		        lost.started_at, coalesce(job.delivery, 0), coalesce(job.retry_count, 0), coalesce(account.plan, ''),
		        coalesce(account.overrides, '')
		 FROM (SELECT * FROM execution WHERE outcome = 0 AND node = $1 AND id >= $2
		        AND NOT `+s.engine.in("id", 3)+` LIMIT $4) AS lost
		 LEFT JOIN job ON job.id = lost.job_id LEFT JOIN account ON account.id = job.account_id`,
		n.epoch, n.from, s.engine.list(except), settleChunk)
	return lost, err
}
