package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"punctual/internal/cron"
)

// How the nodes of a database agree on time zone data
//
// The database holds the zone data that its jobs are planned by (table zone_data), as the whole file, so that every
// node can load them. Only data of a newer release replace them.
//
//	new node, newer data         zone_data, nodes              node that runs, older data
//	AgreeOnZones ── lock ──────▶ data, version
//	             ── update ────▶ version of each live node ◀── waits for its open claims
//	             ── commit
//	Replan: all jobs, in chunks                        claim ─▶ finds another version on its node's row,
// loads the data and starts again
//
// Everything that plans jobs checks, within its transaction, that the data in use are those of the database. A claim
// reads and locks the row of its own node in any case, so the check needs no other row, and a replacement, which
// updates the rows of all nodes, happens before or after the claim. Other writes that plan jobs lock zone_data against
// replacement. So after a replacement no job is planned by the older data. Replan starts after it, and plans again what
// was planned before. It works through the jobs in the order of their IDs and records its progress in replanned_to, so
// that any node can continue.

// errOtherZones says that the database has other zone data than those in use.
var errOtherZones = errors.New("the database has other time zone data than those in use")

// AgreeOnZones stores the offered zone data in the database if it has none or older ones, and then uses the zone data
// of the database. Until a node has called it, jobs are planned by the data in use.
func (s *Store) AgreeOnZones(ctx context.Context, offered *cron.Zones) error {
	ctx = upkeep.with(ctx)
	release, err := s.ZoneRelease(ctx)
	if err != nil {
		return err
	}
	if release == "" || cron.CompareReleases(offered.Release(), release) > 0 {
		if err := s.raiseZones(ctx, offered); err != nil {
			return fmt.Errorf("put time zone data into the database: %w", err)
		}
		s.logger.Info("the database has new time zone data; all jobs are planned again", slog.String("before", release),
			slog.String("now", offered.Release()))
	} else if release != offered.Release() {
		s.logger.Info("the database has newer time zone data than this node; they are used",
			slog.String("node", offered.Release()), slog.String("database", release))
	}
	return s.loadZones(ctx)
}

// ZoneRelease is the release of the zone data in the database; empty when it has none.
func (s *Store) ZoneRelease(ctx context.Context) (release string, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT release FROM zone_data`).Scan(&release)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("read the release of the time zone data: %w", databaseError(err))
	}
	return release, nil
}

// raiseZones replaces the zone data of the database by newer ones, and starts to plan all jobs again.
func (s *Store) raiseZones(ctx context.Context, offered *cron.Zones) error {
	return s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		_, err := q.ExecContext(ctx, `INSERT INTO zone_data (id, release, version, data) VALUES (1, '', '', $1)
			ON CONFLICT DO NOTHING`, []byte{})
		if err != nil {
			return err
		}
		var (
			release string
			data    []byte
		)
		err = q.QueryRowContext(ctx, `SELECT release, data FROM zone_data`+s.engine.lock(forReplace)).Scan(&release, &data)
		if err != nil {
			return err
		}
		if cron.CompareReleases(offered.Release(), release) <= 0 {
			return nil // another node was first
		}
		zones := offered
		if before, err := cron.ParseZones(data); err == nil { // jobs may use names that only the former data have
			if zones, err = offered.With(before); err != nil {
				return err
			}
		}
		_, err = q.ExecContext(ctx, `UPDATE zone_data SET release = $1, version = $2, data = $3, replanned_to = 0`,
			zones.Release(), zones.Version(), []byte(zones.Data()))
		if err != nil {
			return err
		}
		if err := resetMaintenance(ctx, q); err != nil {
			return err
		}
		_, err = q.ExecContext(ctx, `UPDATE node SET zone_version = $1 WHERE NOT dead`, zones.Version())
		return err
	})
}

// loadZones switches to the zone data of the database, if it has any.
func (s *Store) loadZones(ctx context.Context) error {
	var data []byte
	err := s.read.QueryRowContext(ctx, `SELECT data FROM zone_data WHERE version <> $1`,
		cron.CurrentZones().Version()).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the time zone data of the database: %w", err)
	}
	zones, err := cron.ParseZones(data)
	if err == nil {
		err = cron.UseZones(zones)
	}
	if err != nil {
		return fmt.Errorf("use the time zone data of the database: %w", err)
	}
	s.logger.Info("the time zone data of the database are in use", slog.String("release", zones.Release()))
	return nil
}

// withZones runs a write that plans jobs. If the database has other zone data than those in use, it loads them and runs
// the write again.
func (s *Store) withZones(ctx context.Context, write func() error) error {
	err := write()
	if !errors.Is(err, errOtherZones) {
		return err
	}
	if err := s.loadZones(ctx); err != nil {
		return err
	}
	return write()
}

// checkZones returns errOtherZones when the database has other zone data than those in use. It keeps them from being
// replaced before the transaction ends.
func (s *Store) checkZones(ctx context.Context, q queryer) error {
	var version string
	err := q.QueryRowContext(ctx, `SELECT version FROM zone_data`+s.engine.lock(forKeyShare)).Scan(&version)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // no node has stored any yet
	}
	if err != nil {
		return fmt.Errorf("check the time zone data: %w", err)
	}
	return sameZones(version)
}

// sameZones returns errOtherZones when version differs from that of the zone data in use. An empty version means that
// the database has none.
func sameZones(version string) error {
	if version != "" && version != cron.CurrentZones().Version() {
		return errOtherZones
	}
	return nil
}

// replanChunk is how many jobs one transaction plans again.
const replanChunk = 500

// Replan plans a chunk of jobs again after the zone data have changed. more tells that there are further ones. An
// occurrence that is due stays due.
func (s *Store) Replan(ctx context.Context) (more bool, err error) {
	ctx = upkeep.with(ctx)
	var to int64
	err = s.read.QueryRowContext(ctx, `SELECT replanned_to FROM zone_data WHERE replanned_to IS NOT NULL`).Scan(&to)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err == nil {
		err = s.withZones(ctx, func() error {
			return s.transact(ctx, upkeep, func(ctx context.Context, q queryer) (err error) {
				more, err = s.replanSome(ctx, q)
				return err
			})
		})
	}
	if err != nil {
		return false, fmt.Errorf("plan jobs by new time zone data: %w", err)
	}
	s.signal(wakeSchedule)
	return more, nil
}

func (s *Store) replanSome(ctx context.Context, q queryer) (more bool, err error) {
	var (
		version string
		to      sql.NullInt64
	)
	err = q.QueryRowContext(ctx, `SELECT version, replanned_to FROM zone_data`+s.engine.lock(forUpdate)).Scan(&version, &to)
	if err == nil {
		err = sameZones(version)
	}
	if err != nil || !to.Valid {
		return false, err
	}
	changed, last, err := s.changedJobs(ctx, q, to.Int64)
	if err != nil {
		return false, err
	}
	if err := s.addUnsettled(ctx, q, changed); err != nil {
		return false, err
	}
	plans := make([]plan, len(changed))
	for i, c := range changed {
		plans[i] = plan{c.job.ID, nullMillis(c.next), nullMillis(c.next)}
	}
	if err := s.engine.savePlans(ctx, q, plans); err != nil {
		return false, err
	}
	if _, err = q.ExecContext(ctx, `UPDATE zone_data SET replanned_to = $1`, last); err != nil {
		return false, err
	}
	return last.Valid, s.engine.notify(ctx, q, wakeSchedule)
}

// changedJob is a job whose next run is another one by the new zone data.
type changedJob struct {
	job   cron.Job // only what says when the job is due
	since time.Time
	next  time.Time
}

// changedJobs reads and locks the next jobs by ID, and lists those that are planned in the future and have another next
// run now. last is NULL when there are no further jobs.
func (s *Store) changedJobs(ctx context.Context, q queryer, after int64) (
	changed []*changedJob, last sql.NullInt64, err error) {
	now := s.stamp()
	n := 0
	err = each(ctx, q, "read the jobs", func(scan scanner) error {
		var (
			c                         changedJob
			updated, enabled, planned int64
		)
		fields := []any{integer(&c.job.ID), integer(&updated), integer(&enabled), integer(&planned), flag(&c.job.Enabled)}
		if err := scan(append(fields, targets(jobTiming(&c.job))...)...); err != nil {
			return err
		}
		n++
		last.Int64 = c.job.ID
		// What is due stays due. A job without a next run is disabled, or has no more occurrences.
		if planned <= millis(now) {
			return nil
		}
		if c.next = c.job.NextAfter(now); millis(c.next) != planned {
			c.since = instant(max(updated, enabled, millis(now.Add(-longestShift))))
			changed = append(changed, &c)
		}
		return nil
	}, `SELECT job.id, job.updated_at, account.enabled_at, job_state.next_run_at, job.enabled, `+timingNames+`
		 FROM job_state JOIN job ON job.id = job_state.job_id JOIN account ON account.id = job.account_id
		 WHERE job_state.job_id > $1 ORDER BY job_state.job_id LIMIT $2`+s.engine.lock(lockStates), after, replanChunk)
	last.Valid = n == replanChunk
	return changed, last, err
}

// longestShift is how far back new zone data may move a future occurrence and still have it run late.
const longestShift = 3 * time.Hour

// addUnsettled makes jobs run whose next run was moved from the future into the past by the new zone data. Occurrences
// before their latest record were decided by the former data.
func (s *Store) addUnsettled(ctx context.Context, q queryer, changed []*changedJob) error {
	now := s.stamp()
	byID := make(map[int64]*changedJob)
	var ids []int64
	for _, c := range changed {
		if next := c.job.NextAfter(c.since); !next.IsZero() && !next.After(now) {
			byID[c.job.ID] = c
			ids = append(ids, c.job.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	err := each(ctx, q, "read the records of the jobs", func(scan scanner) error {
		var id, planned, last int64
		if err := scan(&id, &planned, &last); err != nil {
			return err
		}
		if settled := instant(max(planned, last)); settled.After(byID[id].since) {
			byID[id].since = settled
		}
		return nil
	}, `SELECT job_id, max(planned_at), max(last_planned_at) FROM execution
		WHERE `+s.engine.in("job_id", 1)+` AND planned_at > $2 AND kind = $3 GROUP BY job_id`,
		s.engine.list(ids), millis(now.Add(-longestShift)), int(cron.KindScheduled))
	if err != nil {
		return err
	}
	for _, c := range byID {
		c.next = c.job.NextAfter(c.since)
	}
	return nil
}
