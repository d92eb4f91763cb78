package main

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"punctual/internal/cron"
	"punctual/test/checker"
)

// How a ledger was checked.
const (
	checkedByPromises = "promises"
	checkedByCounts   = "counts"
)

// drainTime is how long a burst may take that is not finished when the rounds are over.
const drainTime = 5 * time.Minute

// settled waits until nothing is left that was due at or before an instant, apart from executions that hang.
func (b *bench) settled(ctx context.Context, to time.Time) error {
	for deadline := time.Now().Add(drainTime); b.hog == 0 && time.Now().Before(deadline); {
		var left bool
		err := b.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM job_state WHERE next_run_at <= $1)
			OR EXISTS (SELECT 1 FROM execution WHERE outcome = 0 AND planned_at <= $1)`, to.UnixMilli()).Scan(&left)
		if err != nil || !left {
			return err
		}
		if err := sleepUntil(ctx, time.Now().Add(500*time.Millisecond)); err != nil {
			return err
		}
	}
	return nil
}

// verify stops the service and checks its ledger against every promise and the requests that the target received. The ledger of a service with
// another schema than that of this program is only counted.
func (b *bench) verify(ctx context.Context, r *report) (err error) {
	from, to := time.Unix(r.Rounds[0].Due, 0), time.Unix(r.Rounds[len(r.Rounds)-1].Due, 0)
	if err := b.settled(ctx, to); err != nil {
		return err
	}
	if err := b.server.stop(); err != nil {
		return fmt.Errorf("stop the service: %w", err)
	}
	if _, err := b.arrivals(); err != nil {
		return err
	}
	version, err := schemaVersion(ctx, b.db)
	if err != nil {
		return err
	}
	if r.Checked = checkedByPromises; version != b.schema {
		r.Checked = checkedByCounts
		r.Violations, err = b.verifyCounts(ctx, from, to)
		return err
	}
	r.Violations, err = b.verifyPromises(ctx, from, to)
	return err
}

// schemaVersion is the number of the latest migration of a database.
func schemaVersion(ctx context.Context, db *sql.DB) (version int64, err error) {
	if err = db.QueryRowContext(ctx, `SELECT max(version_id) FROM schema_version`).Scan(&version); err != nil {
		err = fmt.Errorf("read the version of the schema: %w", err)
	}
	return version, err
}

// verifyCounts checks what any schema tells: that each job of the burst has one record of a first attempt for each instant, that nothing runs any more,
// and that as many requests arrived as were recorded.
func (b *bench) verifyCounts(ctx context.Context, from, to time.Time) (violations []string, err error) {
	rows, err := b.db.QueryContext(ctx, `SELECT job_id, planned_at, attempt, outcome, node FROM execution`)
	if err != nil {
		return nil, fmt.Errorf("read the executions: %w", err)
	}
	defer func() { _ = rows.Close() }()
	first, recorded := make(map[int32]int), make(map[int32]int)
	for rows.Next() {
		var job, planned, attempt, outcome, node int64
		if err := rows.Scan(&job, &planned, &attempt, &outcome, &node); err != nil {
			return nil, fmt.Errorf("read the executions: %w", err)
		}
		number := b.numbers[job]
		if node != 0 {
			recorded[number]++
		}
		if int(number) >= b.jobs {
			continue
		}
		if at := time.UnixMilli(planned).Add(-b.shifts[number]); attempt == 1 && !at.Before(from) && !at.After(to) {
			first[number]++
		}
		if cron.Outcome(outcome) == cron.OutcomeRunning {
			violations = append(violations, fmt.Sprintf("end: an execution of job %d still runs", number))
		}
	}
	want := int(to.Sub(from)/b.every) + 1
	for number := range int32(b.jobs) {
		if first[number] != want {
			violations = append(violations, fmt.Sprintf("coverage: job %d was due %d times and has %d records", number, want, first[number]))
		}
	}
	return append(violations, b.compareSent(recorded)...), rows.Err()
}

// compareSent compares the requests that the target received with those on record.
func (b *bench) compareSent(recorded map[int32]int) (violations []string) {
	for job, n := range b.sent {
		if recorded[job] != n {
			violations = append(violations, fmt.Sprintf("target: job %d was called %d times, and the ledger has %d", job, n, recorded[job]))
		}
	}
	return violations
}

// verifyPromises checks the ledger against every promise.
func (b *bench) verifyPromises(ctx context.Context, from, to time.Time) (violations []string, err error) {
	ledger, err := checker.Read(ctx, b.db)
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	w := checker.Witness{From: from, To: to, Stopped: true}
	if b.hang > 0 || b.hog > 0 {
		w.InFlight = b.jobs + b.hog // executions that hang are not waited for
	}
	// Jobs of the hog that are due at the end stay due.
	ofHog := func(job int64) bool { return int(b.numbers[job]) >= b.jobs && int(b.numbers[job]) < b.jobs+b.hog }
	accounts := make(map[int64]bool) // of the hog
	ledger.Jobs = slices.DeleteFunc(ledger.Jobs, func(j cron.JobRecord) bool {
		accounts[j.AccountID] = accounts[j.AccountID] || ofHog(j.ID)
		return ofHog(j.ID)
	})
	ledger.Problems = slices.DeleteFunc(ledger.Problems, func(p checker.Problem) bool { return accounts[p.AccountID] })
	all := slices.Clone(ledger.Records)
	ledger.Records = slices.DeleteFunc(ledger.Records, func(e checker.Record) bool { return ofHog(e.JobID) })
	for _, v := range checker.Find(ledger, w) {
		violations = append(violations, v.String())
	}
	recorded := make(map[int32]int)
	for _, e := range all {
		if e.Node != 0 {
			recorded[b.numbers[e.JobID]]++
		}
	}
	return append(violations, b.compareSent(recorded)...), nil
}
