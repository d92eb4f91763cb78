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
// The database holds the zone data that its jobs are planned by (table zone_data), the whole file, so that a node needs
// nothing but the database to plan as the others do. Data of a newer release replace them, an older one never does.
//
//	new node, newer data         zone_data, nodes              node that runs, older data
//	AgreeOnZones ── lock ──────▶ data, version
//	             ── update ────▶ version of each live node ◀── waits for its claims under way
//	             ── commit
//	Replan: all jobs, in chunks                        claim ─▶ finds another version on its node's row,
//	                                                            loads the data and begins anew
//
// Whatever plans jobs checks within its transaction that the data in use are those of the database. A claim looks at the
// row of its own node, which it reads and locks anyway; so the change of all those rows comes before or after a claim and
// not in the midst of it. Other writes that plan jobs lock zone_data itself against being replaced. Therefore no job is
// planned by older data after newer ones were agreed on, and what was planned before is found by Replan, which begins
// after that. It works through the jobs by id, and notes in replanned_to how far it has come, so that any node can go on.

// errOtherZones tells that the database has other zone data than those in use.
var errOtherZones = errors.New("the database has other time zone data than those in use")

// AgreeOnZones offers zone data to the database, which takes them when it has none or older ones, and then uses those
// that the database has. Until the first node has called it, jobs are planned by the data in use.
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
		s.logger.Info("the database has new time zone data; all jobs are planned anew", slog.String("before", release),
			slog.String("now", offered.Release()))
	} else if release != offered.Release() {
		s.logger.Info("the database has newer time zone data than this node; they are used",
			slog.String("node", offered.Release()), slog.String("database", release))
	}
	return s.loadZones(ctx)
}

// ZoneRelease is the release of the zone data that the database has its jobs planned by; empty when it has none.
func (s *Store) ZoneRelease(ctx context.Context) (release string, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT release FROM zone_data`).Scan(&release)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("read the release of the time zone data: %w", databaseError(err))
	}
	return release, nil
}

// raiseZones replaces the zone data of the database by newer ones, and has all jobs planned anew.
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
		if before, err := cron.ParseZones(data); err == nil { // jobs may use names that only they have
			if zones, err = offered.With(before); err != nil {
				return err
			}
		}
		_, err = q.ExecContext(ctx, `UPDATE zone_data SET release = $1, version = $2, data = $3, replanned_to = 0`,
			zones.Release(), zones.Version(), []byte(zones.Data()))
		if err != nil {
			return err
		}
		_, err = q.ExecContext(ctx, `UPDATE node SET zone_version = $1 WHERE NOT dead`, zones.Version())
		return err
	})
}

// loadZones uses the zone data of the database from now on, where it has some.
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

// withZones runs a write that plans jobs, and when it finds other zone data in the database than those in use, loads them
// and runs it once more.
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

// checkZones is errOtherZones when the database has other zone data than those in use, and keeps them from being replaced
// before the transaction ends.
func (s *Store) checkZones(ctx context.Context, q queryer) error {
	var version string
	err := q.QueryRowContext(ctx, `SELECT version FROM zone_data`+s.engine.lock(forKeyShare)).Scan(&version)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // nobody has agreed on any yet
	}
	if err != nil {
		return fmt.Errorf("check the time zone data: %w", err)
	}
	return sameZones(version)
}

// sameZones is errOtherZones when version is not that of the zone data in use; empty is none.
func sameZones(version string) error {
	if version != "" && version != cron.CurrentZones().Version() {
		return errOtherZones
	}
	return nil
}

// replanChunk is how many jobs one transaction plans anew.
const replanChunk = 500

// Replan plans a chunk of jobs anew when the zone data have changed. more tells that there are further ones. An
// occurrence that is due already stays due.
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
	s.signal()
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
	return last.Valid, s.engine.notify(ctx, q)
}

// changedJob is a job that is due at another time by the new zone data.
type changedJob struct {
	job   cron.Job // as far as it says when the job is due
	since time.Time
	next  time.Time
}

// changedJobs reads and locks the next jobs by id, and lists those that are to run in the future and at another time than
// is planned. last is NULL when there are no further jobs.
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
		// What is due stays due. A job without a next run is disabled, or its occurrences have come to an end.
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

// longestShift is how far new zone data may move an occurrence that is still to come into the past, and have it run late.
const longestShift = 3 * time.Hour

// addUnsettled lets jobs run that were due shortly before by the new zone data, and were not yet by the old ones: the
// occurrence was moved across the present. What is on record since then was settled by the old ones.
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
