package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"punctual/internal/cron"
)

const (
	// rollupChunk is how many executions one step counts, unless they belong to more than rollupHours different hours
	// of jobs, each of which is a row to write.
	rollupChunk, rollupHours = 2000, 500
	// rollupAccounts is for how many accounts one call of RollUp counts, and rollupSteps how many steps each may take.
	rollupAccounts, rollupSteps = 20, 10
	// rollupLag is the age at which executions are counted. Nodes commit their claims in any order, so an ID may become
	// visible after a greater one. Most executions have ended at that age.
	rollupLag = time.Minute
	// An account is counted again when about rowsPerCount new executions are expected, but no earlier than
	// minCountInterval and no later than maxCountInterval.
	minCountInterval = time.Minute
	maxCountInterval = 10 * time.Minute
	rowsPerCount     = 500
	// lateResult is how long a late result of a lost execution is waited for.
	lateResult = 24 * time.Hour
	// maxUncounted bounds the executions without a count that Stats counts itself.
	maxUncounted = 2000
)

// rollupState is how far the executions of an account have been counted.
type rollupState struct {
	account, version, position, countedAt, prunedAt int64
}

// tallyKey is an hour of a job. With jobID 0 it is an hour of the whole account.
type tallyKey struct{ jobID, hour int64 }

func tallyKeyOf(e *cron.Execution) tallyKey {
	return tallyKey{e.JobID, millis(e.Instant()) / time.Hour.Milliseconds()}
}

// attemptKey identifies an execution by its natural key.
type attemptKey struct {
	jobID, planned int64
	kind           cron.Kind
	attempt        int
}

func attemptKeyOf(e *cron.Execution) attemptKey {
	return attemptKey{e.JobID, millis(e.Planned), e.Kind, e.Attempt}
}

// attempt is an execution that is being counted.
type attempt struct {
	cron.Execution
	counted  cron.Outcome // the outcome with which it is counted in the database, if known
	known    bool
	followed bool // a later attempt is counted
}

// open tells whether the outcome can change.
func (a *attempt) open() bool {
	return a.Outcome == cron.OutcomeRunning || a.Outcome == cron.OutcomeLost
}

// digest is what executions add to the statistics.
type digest struct {
	tallies  map[tallyKey]*cron.Tally
	minutes  map[int64]*cron.Tally   // of the account as a whole, by minute
	attempts map[attemptKey]*attempt // those that the step has read
	perJob   bool                    // count each job
	whole    bool                    // count the account as a whole
}

func newDigest(perJob, whole bool) *digest {
	return &digest{map[tallyKey]*cron.Tally{}, map[int64]*cron.Tally{}, map[attemptKey]*attempt{}, perJob, whole}
}

// each applies change to the tallies of an execution.
func (d *digest) each(e *cron.Execution, change func(*cron.Tally)) {
	key := tallyKeyOf(e)
	for _, wanted := range []bool{d.perJob, d.whole} {
		if wanted {
			t, ok := d.tallies[key]
			if !ok {
				t = new(cron.Tally)
				d.tallies[key] = t
			}
			change(t)
		}
		key.jobID = 0
	}
	if d.whole {
		change(d.minute(e))
	}
}

// RollUp counts executions of the accounts that have waited longest, and adds them to the statistics. more asks for
// another step soon. When several nodes count the same account, only one of them saves its result.
func (s *Store) RollUp(ctx context.Context) (more bool, err error) {
	ctx = upkeep.with(ctx)
	if err := s.addRollupStates(ctx); err != nil {
		return false, err
	}
	states, err := s.dueRollups(ctx)
	if err != nil {
		return false, err
	}
	for i := range states {
		full := true
		for step := 0; full && step < rollupSteps; step++ {
			if full, err = s.rollUp(ctx, &states[i]); err != nil {
				return false, fmt.Errorf("count the executions of an account: %w", err)
			}
		}
		more = more || full
	}
	return more || len(states) == rollupAccounts, nil
}

// addRollupStates adds the states of new accounts.
func (s *Store) addRollupStates(ctx context.Context) error {
	const without = `FROM account WHERE NOT EXISTS (SELECT 1 FROM rollup_state WHERE account_id = account.id)`
	var one int
	err := s.read.QueryRowContext(ctx, `SELECT 1 `+without+` LIMIT 1`).Scan(&one)
	if err == nil {
		err = s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
			_, err := q.ExecContext(ctx, `INSERT INTO rollup_state (account_id, version, position, counted_at, due_at, pruned_at)
				SELECT id, 0, 0, 0, 0, $1 `+without+` ON CONFLICT DO NOTHING`, millis(s.Now()))
			return err
		})
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("add accounts to the statistics: %w", err)
	}
	return nil
}

// dueRollups lists the accounts that are due to be counted.
func (s *Store) dueRollups(ctx context.Context) ([]rollupState, error) {
	return collect(ctx, s.read, "list the accounts to count", func(scan scanner, st *rollupState) error {
		return scan(&st.account, &st.version, &st.position, &st.countedAt, &st.prunedAt)
	}, `SELECT account_id, version, position, counted_at, pruned_at FROM rollup_state
		WHERE due_at <= $1 ORDER BY due_at LIMIT $2`, millis(s.Now()), rollupAccounts)
}

// rollUp counts one chunk of an account's executions.
func (s *Store) rollUp(ctx context.Context, st *rollupState) (full bool, err error) {
	now := s.Now()
	d := newDigest(true, true)
	changed, err := s.lateResults(ctx, d, st.account, 0)
	if err != nil {
		return false, err
	}
	young, hours := now.Add(-rollupLag), make(map[tallyKey]bool)
	enough := false
	fresh, err := s.uncounted(ctx, "account_id", st.account, st.position, rollupChunk, func(e *cron.Execution) bool {
		hours[tallyKeyOf(e)] = true
		enough = len(hours) > rollupHours
		return enough || e.Result.Started.After(young)
	})
	if err != nil {
		return false, err
	}
	full = enough || len(fresh) == rollupChunk || len(changed) == rollupChunk
	if err := s.count(ctx, d, fresh); err != nil {
		return false, err
	}
	stored, err := s.storedTallies(ctx, st.account, slices.Collect(maps.Keys(d.tallies)))
	if err != nil {
		return false, err
	}
	for key, t := range stored {
		d.tallies[key].Merge(t)
	}
	next := *st
	next.version, next.countedAt = st.version+1, millis(now)
	if len(fresh) > 0 {
		next.position = fresh[len(fresh)-1].ID
	}
	due := now
	if !full {
		due = now.Add(countInterval(len(fresh), now.Sub(instant(st.countedAt))))
	}
	var taken bool
	rows := encodeTallies(d.tallies) // before the transaction, since others wait for it
	err = s.transact(ctx, upkeep, func(ctx context.Context, q queryer) (err error) {
		taken, err = s.saveDigest(ctx, q, &next, d, rows, now, due)
		return err
	})
	*st = next
	return full && taken, err
}

// lateResults adds to a digest the executions that were counted as running or lost and have another outcome now. It
// takes a chunk of those of a job, or of the whole account when jobID is 0.
func (s *Store) lateResults(ctx context.Context, d *digest, accountID, jobID int64) (changed []*attempt, err error) {
	err = each(ctx, s.read, "find results that came late", func(scan scanner) error {
		a := attempt{known: true}
		if err := scanCounted(scan, &a.Execution, &a.counted, &a.followed); err != nil {
			return err
		}
		d.attempts[attemptKeyOf(&a.Execution)] = &a
		d.each(&a.Execution, func(t *cron.Tally) { t.Recount(a.counted, &a.Execution, a.followed) })
		changed = append(changed, &a)
		return nil
	}, `SELECT `+countedNames+`, rollup_open.outcome, rollup_open.followed
		 FROM rollup_open JOIN execution ON execution.job_id = rollup_open.job_id
		  AND execution.planned_at = rollup_open.planned_at AND execution.kind = rollup_open.kind
		  AND execution.attempt = rollup_open.attempt
		 WHERE rollup_open.account_id = $1 AND (rollup_open.job_id = $2 OR $2 = 0)
		   AND execution.outcome <> rollup_open.outcome
		 ORDER BY rollup_open.execution_id LIMIT $3`, accountID, jobID, rollupChunk)
	return changed, err
}

// countedRow is the columns of execution that statistics use.
func countedRow(e *cron.Execution) columns {
	return func(list *columnList) {
		list.add("id", integer(&e.ID))
		list.add("job_id", integer(&e.JobID))
		list.add("planned_at", moment(&e.Planned))
		list.add("kind", integer(&e.Kind))
		list.add("attempt", integer(&e.Attempt))
		list.add("outcome", integer(&e.Outcome))
		list.add("started_at", moment(&e.Result.Started))
		list.add("lateness_us", inMicroseconds(&e.Lateness))
		list.add("total_us", inMicroseconds(&e.Result.Duration))
		list.add("last_planned_at", moment(&e.Last))
		list.add("occurrences", integer(&e.Count))
	}
}

var countedNames = names("execution", countedRow(new(cron.Execution)))

// scanCounted reads countedNames and the columns that follow them.
func scanCounted(scan func(...any) error, e *cron.Execution, more ...any) error {
	return scan(append(targets(countedRow(e)), more...)...)
}

// uncounted reads executions after a position, the oldest first, and stops before one for which ends is true.
func (s *Store) uncounted(ctx context.Context, column string, owner, position int64, limit int,
	ends func(*cron.Execution) bool) ([]attempt, error) {
	var fresh []attempt
	err := s.engine.inOrder(ctx, func(ctx context.Context, reader queryer) error {
		fresh = nil
		return each(ctx, reader, "read executions", func(scan scanner) error {
			var a attempt
			if err := scanCounted(scan, &a.Execution); err != nil {
				return err
			}
			if ends(&a.Execution) {
				return errEnough
			}
			fresh = append(fresh, a)
			return nil
		}, `SELECT `+countedNames+` FROM execution WHERE execution.`+column+` = $1
			AND execution.id > $2 ORDER BY execution.id LIMIT $3`, owner, position, limit)
	})
	if err != nil {
		return nil, fmt.Errorf("read what is not counted yet: %w", err)
	}
	return fresh, nil
}

// count adds executions to a digest.
func (s *Store) count(ctx context.Context, d *digest, fresh []attempt) error {
	for i := range fresh {
		a := &fresh[i]
		if a.Attempt > 1 {
			previous, err := s.previousAttempt(ctx, d, a)
			if err != nil {
				return err
			}
			if previous != nil && !previous.followed {
				previous.followed = true
				d.each(&previous.Execution, func(t *cron.Tally) { t.Supersede(previous.Outcome) })
			}
		}
		d.attempts[attemptKeyOf(&a.Execution)] = a
		d.each(&a.Execution, func(t *cron.Tally) { t.Count(&a.Execution) })
	}
	return nil
}

// previousAttempt is the attempt before a, with the outcome as it is counted; nil when the ledger has none.
func (s *Store) previousAttempt(ctx context.Context, d *digest, a *attempt) (*attempt, error) {
	key := attemptKeyOf(&a.Execution)
	key.attempt--
	if f, ok := d.attempts[key]; ok {
		return f, nil
	}
	f := &attempt{}
	f.JobID, f.Planned, f.Kind, f.Attempt = a.JobID, a.Planned, a.Kind, key.attempt
	var outcome sql.NullInt64
	err := s.read.QueryRowContext(ctx,
		`SELECT execution.id, execution.outcome, rollup_open.outcome, coalesce(rollup_open.followed, $5)
		 FROM execution LEFT JOIN rollup_open
		   ON rollup_open.account_id = execution.account_id AND rollup_open.execution_id = execution.id
		 WHERE execution.job_id = $1 AND execution.planned_at = $2 AND execution.kind = $3 AND execution.attempt = $4`,
		key.jobID, key.planned, int(key.kind), key.attempt, false).Scan(&f.ID, &f.Outcome, &outcome, &f.followed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the attempt before: %w", err)
	}
	if f.known = outcome.Valid; f.known {
		f.Outcome = cron.Outcome(outcome.Int64)
		f.counted = f.Outcome
	}
	d.attempts[key] = f
	return f, nil
}

// saveDigest writes the result of a step. taken is false when another node has counted the account meanwhile, or the
// account is deleted.
func (s *Store) saveDigest(ctx context.Context, q queryer, st *rollupState, d *digest, tallies []tallyRow,
	now, due time.Time) (taken bool, err error) {
	res, err := q.ExecContext(ctx, `UPDATE rollup_state SET version = $2, position = $3, counted_at = $4, due_at = $5
		WHERE account_id = $1 AND version = $2 - 1`, st.account, st.version, st.position, st.countedAt, millis(due))
	if err != nil {
		return false, fmt.Errorf("take the account: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	if len(tallies) > 0 {
		if err := s.saveTallies(ctx, q, st.account, tallies); err != nil {
			return false, err
		}
	}
	if err := saveMinutes(ctx, q, st.account, d, now); err != nil {
		return false, err
	}
	if err := saveOpen(ctx, q, st.account, d, now); err != nil {
		return false, err
	}
	return true, s.pruneRollups(ctx, q, st, now)
}

// countInterval is the time in which rowsPerCount new executions are expected, at the rate since the last count.
func countInterval(counted int, in time.Duration) time.Duration {
	if counted == 0 {
		return maxCountInterval
	}
	return min(max(in/time.Duration(counted)*rowsPerCount, minCountInterval), maxCountInterval)
}

// saveOpen records which executions can still change: running ones, and lost ones for as long as a late result is
// waited for.
func saveOpen(ctx context.Context, q queryer, accountID int64, d *digest, now time.Time) error {
	for key, a := range d.attempts {
		var err error
		switch {
		case !a.open() && a.known:
			_, err = q.ExecContext(ctx, `DELETE FROM rollup_open WHERE account_id = $1 AND execution_id = $2`, accountID, a.ID)
		case a.open() && a.known:
			_, err = q.ExecContext(ctx, `UPDATE rollup_open SET outcome = $3, followed = $4 WHERE account_id = $1
				AND execution_id = $2`, accountID, a.ID, int(a.Outcome), a.followed)
		case a.open() && !a.Result.Started.IsZero(): // counted in this step
			_, err = q.ExecContext(ctx, `INSERT INTO rollup_open (account_id, execution_id, job_id, planned_at, kind, attempt,
				outcome, followed, since) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, accountID, a.ID, key.jobID,
				key.planned, int(key.kind), key.attempt, int(a.Outcome), a.followed, millis(now))
		}
		if err != nil {
			return fmt.Errorf("note what may change: %w", err)
		}
	}
	_, err := q.ExecContext(ctx, `DELETE FROM rollup_open WHERE account_id = $1 AND outcome = $2 AND since < $3`, accountID,
		int(cron.OutcomeLost), millis(now.Add(-lateResult)))
	if err != nil {
		return fmt.Errorf("end the wait for late results: %w", err)
	}
	return nil
}

// pruneRollups deletes, once a day, a chunk of an account's expired statistics.
func (s *Store) pruneRollups(ctx context.Context, q queryer, st *rollupState, now time.Time) error {
	if now.Sub(instant(st.prunedAt)) < 24*time.Hour {
		return nil
	}
	oldest := millis(now.Add(-cron.StatsKept)) / time.Hour.Milliseconds()
	_, err := q.ExecContext(ctx, `DELETE FROM rollup_account WHERE account_id = $1 AND hour < $2`, st.account, oldest)
	if err != nil {
		return fmt.Errorf("delete old statistics: %w", err)
	}
	_, err = q.ExecContext(ctx, `DELETE FROM rollup_minute WHERE account_id = $1 AND minute < $2`, st.account, minuteOf(now.Add(-minutesKept)))
	if err != nil {
		return fmt.Errorf("delete old counts of minutes: %w", err)
	}
	res, err := q.ExecContext(ctx, `DELETE FROM rollup_job WHERE (job_id, hour) IN (SELECT rollup_job.job_id, rollup_job.hour
		FROM job JOIN rollup_job ON rollup_job.job_id = job.id WHERE job.account_id = $1 AND rollup_job.hour < $2 LIMIT $3)`,
		st.account, oldest, pruneChunk)
	if err != nil {
		return fmt.Errorf("delete old statistics: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil || n == pruneChunk {
		return err
	}
	_, err = q.ExecContext(ctx, `UPDATE rollup_state SET pruned_at = $2 WHERE account_id = $1`, st.account, millis(now))
	return err
}
