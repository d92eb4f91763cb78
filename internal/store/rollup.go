package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"punctual/internal/cron"
)

const (
	// rollupChunk is how many executions one step counts, unless they belong to more than rollupHours different hours
	// of jobs, each of which is a row to write.
	rollupChunk, rollupHours = 2000, 500
	// rollupAccounts is how many accounts one call of RollUp looks at. It reads and writes those together that have rollupChunk
	// executions or rollupHours hours to count in all.
	rollupAccounts = 100
	// rollupFailures is after how many accounts that cannot be counted a call gives up.
	rollupFailures = 3
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

// The accounts that are due are asked about together. Those in which nothing has happened, which are most, wait for the next time:
//
//	due accounts ── nothing new, nothing open ──▶ due again in maxCountInterval, one statement for all
//	      └──────── others, many at a time ─────▶ read, count ──▶ one transaction for all ──▶ due by what there was
//
// What fails is left out of what is counted together, and waits like the others, so no account delays another.

// rollupState is how far the executions of an account have been counted.
type rollupState struct {
	account, version, position, countedAt, prunedAt int64

	fresh bool // there are executions after the position
	open  bool // rollup_open has some of the account
}

// quiet reports whether there is nothing to do for an account.
func (st *rollupState) quiet(now time.Time) bool { return !st.fresh && !st.open && !st.prunes(now) }

// prunes reports whether it is time to delete expired statistics.
func (st *rollupState) prunes(now time.Time) bool {
	return now.Sub(instant(st.prunedAt)) >= 24*time.Hour
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
// another step soon. One node at a time does this. When another takes over meanwhile, and both count the same account, only one of them
// saves its result.
func (s *Store) RollUp(ctx context.Context) (more bool, err error) {
	ctx = upkeep.with(ctx)
	if mine, err := s.onDuty(ctx, &s.duties.statistics); err != nil || !mine {
		return false, err
	}
	if err := s.addRollupStates(ctx); err != nil {
		return false, err
	}
	now := s.Now()
	due, err := s.dueRollups(ctx, now)
	if err != nil {
		return false, err
	}
	more = len(due) == rollupAccounts
	var (
		busy   []rollupState
		wait   []int64
		failed []error
	)
	for _, st := range due {
		if st.quiet(now) {
			wait = append(wait, st.account)
		} else {
			busy = append(busy, st)
		}
	}
	for len(busy) > 0 && len(failed) < rollupFailures {
		n, full, err := s.rollUp(ctx, busy, now)
		if err != nil { // perhaps of one account only
			n, full, err = s.rollUp(ctx, busy[:1], now)
		}
		if err != nil {
			n = 1
			failed, wait = append(failed, fmt.Errorf("count the executions of account %d: %w", busy[0].account, err)), append(wait, busy[0].account)
		}
		more, busy = more || full, busy[n:]
	}
	if len(wait) > 0 {
		failed = append(failed, s.postponeRollups(ctx, wait, now))
	}
	return more, errors.Join(failed...)
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
func (s *Store) dueRollups(ctx context.Context, now time.Time) ([]rollupState, error) {
	return collect(ctx, s.read, "list the accounts to count", func(scan scanner, st *rollupState) error {
		return scan(&st.account, &st.version, &st.position, &st.countedAt, &st.prunedAt, flag(&st.fresh), flag(&st.open))
	}, `SELECT account_id, version, position, counted_at, pruned_at,
		EXISTS (SELECT 1 FROM execution WHERE execution.account_id = rollup_state.account_id AND execution.id > rollup_state.position),
		EXISTS (SELECT 1 FROM rollup_open WHERE rollup_open.account_id = rollup_state.account_id)
		FROM rollup_state WHERE due_at <= $1 ORDER BY due_at LIMIT $2`, millis(now), rollupAccounts)
}

// postponeRollups lets accounts wait in which nothing has happened, or that cannot be counted.
func (s *Store) postponeRollups(ctx context.Context, accounts []int64, now time.Time) error {
	slices.Sort(accounts) // all nodes lock rows in this order
	err := s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		_, err := q.ExecContext(ctx, `UPDATE rollup_state SET counted_at = $1, due_at = $2 WHERE due_at <= $1 AND `+s.engine.in("account_id", 3),
			millis(now), millis(now.Add(maxCountInterval)), s.engine.list(accounts))
		return err
	})
	if err != nil {
		return fmt.Errorf("let accounts wait to be counted: %w", err)
	}
	return nil
}

// rollup is a chunk of the executions of an account, and what it adds to the statistics.
type rollup struct {
	rollupState // as it is afterwards
	*digest
	fresh []attempt
	rows  []tallyRow
	due   time.Time
	full  bool // there may be more to count
	taken bool // it is saved: no other node has counted the account meanwhile, and the account is not deleted
}

// rollUp counts a chunk of the executions of the first n accounts together, at least one. full tells that some have more.
func (s *Store) rollUp(ctx context.Context, states []rollupState, now time.Time) (n int, full bool, err error) {
	list, err := s.newRollups(ctx, states, now)
	if err != nil {
		return 0, false, err
	}
	for _, r := range list {
		if r.open {
			changed, err := s.lateResults(ctx, r.digest, r.account, 0)
			if err != nil {
				return 0, false, err
			}
			r.full = r.full || len(changed) == rollupChunk
		}
		if err := s.count(ctx, r.digest, r.fresh); err != nil {
			return 0, false, err
		}
	}
	if err := s.addStored(ctx, list); err != nil {
		return 0, false, err
	}
	for _, r := range list {
		r.due = now
		if !r.full {
			r.due = now.Add(countInterval(len(r.fresh), now.Sub(instant(r.countedAt))))
		}
		r.version, r.countedAt = r.version+1, millis(now)
		if len(r.fresh) > 0 {
			r.position = r.fresh[len(r.fresh)-1].ID
		}
		r.rows = encodeTallies(r.tallies) // before the transaction, since others wait for it
	}
	slices.SortFunc(list, func(a, b *rollup) int { return cmp.Compare(a.account, b.account) }) // all nodes lock rows in this order
	err = s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error { return s.saveRollups(ctx, q, list, now) })
	for _, r := range list {
		full = full || r.full && r.taken
	}
	return len(list), full, err
}

// newRollups reads what is not counted of the first accounts, as many as one transaction writes.
func (s *Store) newRollups(ctx context.Context, states []rollupState, now time.Time) (list []*rollup, err error) {
	young := now.Add(-rollupLag)
	err = s.engine.inOrder(ctx, func(ctx context.Context, reader queryer) error {
		list = nil
		for rows, hours := 0, 0; len(list) < len(states) && rows < rollupChunk && hours < rollupHours/2; {
			r := &rollup{rollupState: states[len(list)], digest: newDigest(true, true)}
			if r.rollupState.fresh {
				seen := make(map[tallyKey]bool)
				enough := false
				r.fresh, err = s.uncountedOf(ctx, reader, "account_id", r.account, r.position, rollupChunk, func(e *cron.Execution) bool {
					seen[tallyKeyOf(e)] = true
					enough = len(seen) > rollupHours
					return enough || e.Result.Started.After(young)
				})
				if err != nil {
					return err
				}
				r.full = enough || len(r.fresh) == rollupChunk
				rows, hours = rows+len(r.fresh), hours+len(seen)
			}
			list = append(list, r)
		}
		return nil
	})
	return list, err
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

// uncounted reads executions after a position, the oldest first.
func (s *Store) uncounted(ctx context.Context, column string, owner, position int64, limit int) (fresh []attempt, err error) {
	err = s.engine.inOrder(ctx, func(ctx context.Context, reader queryer) (err error) {
		fresh, err = s.uncountedOf(ctx, reader, column, owner, position, limit, func(*cron.Execution) bool { return false })
		return err
	})
	return fresh, err
}

// uncountedOf reads executions after a position, the oldest first, and stops before one for which ends is true.
func (s *Store) uncountedOf(ctx context.Context, reader queryer, column string, owner, position int64, limit int,
	ends func(*cron.Execution) bool) (fresh []attempt, err error) {
	err = each(ctx, reader, "read what is not counted yet", func(scan scanner) error {
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
	return fresh, err
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

// saveRollups writes the results of a step.
func (s *Store) saveRollups(ctx context.Context, q queryer, list []*rollup, now time.Time) error {
	var (
		rows    []tallyRow
		minutes []minuteRow
	)
	for _, r := range list {
		res, err := q.ExecContext(ctx, `UPDATE rollup_state SET version = $2, position = $3, counted_at = $4, due_at = $5
			WHERE account_id = $1 AND version = $2 - 1`, r.account, r.version, r.position, r.countedAt, millis(r.due))
		if err != nil {
			return fmt.Errorf("take the account: %w", err)
		}
		n, err := res.RowsAffected()
		if err != nil {
			return err
		}
		if r.taken = n > 0; !r.taken {
			continue
		}
		for _, row := range r.rows {
			row.account = r.account
			rows = append(rows, row)
		}
		minutes = append(minutes, r.minuteRows(r.account, now)...)
		if err := saveOpen(ctx, q, &r.rollupState, r.digest, now); err != nil {
			return err
		}
		if err := s.pruneRollups(ctx, q, &r.rollupState, now); err != nil {
			return err
		}
	}
	if err := s.saveTallies(ctx, q, rows); err != nil {
		return err
	}
	return saveMinutes(ctx, q, minutes)
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
func saveOpen(ctx context.Context, q queryer, st *rollupState, d *digest, now time.Time) error {
	accountID := st.account
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
	if !st.open {
		return nil
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
	if !st.prunes(now) {
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
