package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"punctual/internal/cron"
)

// due is work that a claim found: an occurrence of the schedule, or a row of pending.
type due struct {
	pending   int64 // the id of the row; 0 for the schedule
	jobID     int64
	accountID int64
	at        int64 // when the attempt is due; only for rows of pending
	planned   int64
	kind      cron.Kind
	attempt   int
}

// record is a row of the ledger to be written.
type record struct {
	id          int64 // set by insertRecords; 0 when the ledger has the row already
	accountID   int64
	jobID       int64
	planned     int64
	kind        cron.Kind
	attempt     int
	node        int64
	outcome     cron.Outcome
	started     int64
	fault       cron.Fault
	last        int64
	occurrences int64
	atLeast     bool
	version     int64 // of the job, when it is launched
	monitored   bool  // components have the job; only of what does not run
	launch      int   // the index of its launch; -1 when nothing is launched
}

// recordKey is the key of a record in the ledger.
type recordKey struct {
	job, planned  int64
	kind, attempt int
}

func (r *record) key() recordKey { return recordKey{r.jobID, r.planned, int(r.kind), r.attempt} }

// Claim takes due work for a node. The launch record of each execution is durable when it returns. Pending attempts
// take at most half of the limit, so that a wave of retries does not hold up the schedule.
//
// Other writers wait for the transaction, so it is kept short. It decides by the small columns of the jobs. It reads the large
// columns of the admitted jobs only, at most claimBytes in all. Secrets are decrypted and decoded after the commit.
//
// The error is cron.ErrNodeDead when the node's lease has ended.
func (s *Store) Claim(ctx context.Context, req cron.ClaimRequest) (cron.Claimed, error) {
	var out claimed
	err := s.withZones(ctx, func() error {
		return s.transact(ctx, claims, func(ctx context.Context, q queryer) (err error) {
			out, err = s.claim(ctx, q, req, s.Now())
			return err
		})
	})
	if err == nil {
		err = s.openLaunches(ctx, &out)
	}
	if err != nil {
		return cron.Claimed{}, fmt.Errorf("claim: %w", err)
	}
	return out.Claimed, nil
}

// claimed is the result of a claim. Its launches have no job until openLaunches has run.
type claimed struct {
	cron.Claimed
	definitions []*definition // of each launch
	tls         map[int64]*sealedTLS
	secrets     map[secretKey][]byte // sealed
}

func (s *Store) claim(ctx context.Context, q queryer, req cron.ClaimRequest, now time.Time) (out claimed, err error) {
	if err := s.checkAlive(ctx, q, req.Node); err != nil {
		return out, err
	}
	half := (req.Limit + 1) / 2
	work, err := s.duePending(ctx, q, req.WithoutAccounts, half, now)
	if err != nil {
		return out, err
	}
	rest := req.Limit - len(work)
	scheduled, err := s.dueJobs(ctx, q, req.WithoutAccounts, rest, now)
	if err != nil {
		return out, err
	}
	out.More = len(work) == half || len(scheduled) == rest
	work = append(work, scheduled...)
	if len(work) > 0 {
		if err := s.settleDue(ctx, q, req, now, work, &out); err != nil {
			return out, err
		}
	}
	if !out.More {
		out.Next, err = s.nextDue(ctx, q, req.WithoutAccounts)
	}
	return out, err
}

// checkAlive fails when the node's lease has ended, or when the node has to plan by other time zone data than those in
// use. It keeps both from changing before the claim is committed.
func (s *Store) checkAlive(ctx context.Context, q queryer, node int64) error {
	var zones string
	err := q.QueryRowContext(ctx, `SELECT zone_version FROM node WHERE epoch = $1 AND NOT dead`+s.engine.lock(forShare),
		node).Scan(&zones)
	if errors.Is(err, sql.ErrNoRows) {
		return cron.ErrNodeDead
	}
	if err != nil {
		return err
	}
	return sameZones(zones)
}

// dueOrder is the order in which claims take what is due, that of the indexes job_state_due and pending_due. Accounts take turns, so
// that none waits for all jobs of another: each with its first job, and then with eight neighbouring ones at a time (a job's rank is its
// ordinal within its account). Neighbours lie on the same pages of most tables and indexes, of which a claim and its results touch a
// fraction of what jobs of as many accounts would take.
const dueOrder = `claim_at, (rank + 6) / 8, account_id, rank`

// dueJobs finds and locks jobs that are due.
func (s *Store) dueJobs(ctx context.Context, q queryer, without []int64, limit int, now time.Time) ([]due, error) {
	filter, args := s.without("account_id", without, 3, millis(now), limit)
	var found []due
	d := due{attempt: 1}
	err := eachInto(ctx, q, "find due jobs", []sql.Scanner{integer(&d.jobID), integer(&d.accountID), integer(&d.planned)}, func() error {
		found = append(found, d)
		return nil
	}, `SELECT job_id, account_id, next_run_at FROM job_state WHERE claim_at <= $1`+filter+`
		ORDER BY `+dueOrder+` LIMIT $2`+s.engine.lock(skipLocked), args...)
	return found, err
}

// duePending finds and locks attempts that are due, and the states of their jobs. So an edit, or a claim on another
// node, happens before or after this claim.
func (s *Store) duePending(ctx context.Context, q queryer, without []int64, limit int, now time.Time) ([]due, error) {
	filter, args := s.without("pending.account_id", without, 3, millis(now), limit)
	return collect(ctx, q, "find due attempts", func(scan scanner, d *due) error {
		return scan(&d.pending, &d.jobID, &d.accountID, &d.at, &d.planned, &d.kind, &d.attempt)
	}, `SELECT pending.id, pending.job_id, pending.account_id, pending.due_at, pending.planned_at, pending.kind, pending.attempt
		 FROM pending JOIN job_state ON job_state.job_id = pending.job_id WHERE pending.claim_at <= $1`+filter+`
		 ORDER BY pending.claim_at, (pending.rank + 6) / 8, pending.account_id, pending.rank LIMIT $2`+s.engine.lock(skipLocked), args...)
}

// without returns a condition that leaves out accounts, with parameter $n, and args with its argument appended.
func (s *Store) without(column string, accounts []int64, n int, args ...any) (string, []any) {
	if len(accounts) == 0 {
		return "", args
	}
	return ` AND NOT ` + s.engine.in(column, n), append(args, s.engine.list(accounts))
}

// maxDecisionTime bounds how long a claim decides on due work, since other writers wait for its transaction. The next
// claim takes the rest. Counting the missed occurrences of one job can take some milliseconds.
const maxDecisionTime = 25 * time.Millisecond

// settlement collects what a claim writes.
type settlement struct {
	now         time.Time
	node        int64
	records     []*record
	plans       []plan
	oneTimeDone []int64 // one-time jobs whose occurrence is recorded
	taken       []int64 // rows of pending that are done with
	deferred    []due   // rows of pending that are claimed later
	waiting     []due   // rows of pending that are due later, at the given time
	launches    []cron.Launch
	started     []*definition      // the definition of each launch
	bytes       int64              // how much has to be read for all launches
	material    map[int64]bool     // accounts whose TLS material is among them
	secrets     map[secretKey]bool // that are among them; nil for none
	left        bool               // due work is left that the next claim could not take either
	again       bool               // due work is left that the next claim can take
}

// settleDue decides on each piece of due work and writes the launch records, the records of what does not run, and the
// next runs.
func (s *Store) settleDue(ctx context.Context, q queryer, req cron.ClaimRequest, now time.Time, work []due,
	out *claimed) error {
	jobs, err := s.definitions(ctx, q, work)
	if err != nil {
		return err
	}
	if err := s.markDisabled(ctx, q, jobs); err != nil {
		return err
	}
	if err := s.markBusy(ctx, q, jobs); err != nil {
		return err
	}
	if err := s.markMaintenance(ctx, q, work, jobs, now); err != nil {
		return err
	}
	admit := func(*cron.Job, *cron.Plan, int64) cron.Admission { return cron.AdmitNow }
	if req.Admit != nil {
		admit = req.Admit()
	}
	st := settlement{now: now, node: req.Node, launches: make([]cron.Launch, 0, len(work)), material: make(map[int64]bool)}
	begun := time.Now()
	for i, w := range work {
		if i > 0 && time.Since(begun) > maxDecisionTime {
			st.again = true
			break
		}
		d, ok := jobs[w.jobID]
		switch {
		case !ok: // the job was deleted
			st.drop(w)
		case d.accountLocked:
			st.left = true
		case w.pending != 0:
			st.attempt(w, d, admit)
		default:
			st.occurrence(w, d, admit)
		}
	}
	if err := s.saveSettlement(ctx, q, &st); err != nil {
		return err
	}
	for _, r := range st.records {
		switch {
		case r.launch < 0:
			out.Settled += int(r.occurrences)
		case r.id != 0: // 0 means that another node has launched this execution
			l := &st.launches[r.launch]
			l.ExecutionID = r.id
			out.Launches = append(out.Launches, *l)
			out.definitions = append(out.definitions, st.started[r.launch])
		}
	}
	out.More = out.More && !st.left || st.again
	return s.readRest(ctx, q, out)
}

// admit asks whether an execution can start, unless this claim has read too much already.
func (st *settlement) admit(d *definition, admit cron.Admitter) cron.Admission {
	if n := st.toRead(d); st.bytes > 0 && n > 0 && st.bytes+n > claimBytes {
		st.again = true
		return cron.AdmitLater
	}
	return admit(&d.job, d.plan, d.bytes)
}

// toRead is how many more bytes the claim has to read to launch the execution.
func (st *settlement) toRead(d *definition) int64 {
	n := d.bytes
	if d.hasTLS && !st.material[d.job.AccountID] {
		n += d.material
	}
	for _, key := range d.secrets {
		if !st.secrets[key] {
			n += secretBytes
		}
	}
	return n
}

// occurrence settles a due occurrence of the schedule.
func (st *settlement) occurrence(w due, d *definition, admit cron.Admitter) {
	if d.skip == cron.FaultAccountDisabled {
		st.plans = append(st.plans, plan{jobID: w.jobID, next: nullMillis(instant(w.planned))}) // dormant
		return
	}
	v := d.job.Decide(instant(w.planned), st.now)
	skip := d.skipFirst()
	if !v.Run.IsZero() {
		if _, paused := d.pausedIn(v.Run, st.now); paused {
			skip = cron.FaultMaintenance
		}
	}
	if !v.Run.IsZero() && skip == cron.FaultNone {
		switch st.admit(d, admit) {
		case cron.AdmitLater:
			st.left = true
			return
		case cron.AdmitDefer:
			claimAt := st.now.Add(deferral(st.now.Sub(v.Run)))
			st.plans = append(st.plans, plan{w.jobID, nullMillis(instant(w.planned)), nullMillis(claimAt)})
			return
		}
	}
	next := nullMillis(v.Next)
	st.plans = append(st.plans, plan{w.jobID, next, next})
	if !d.job.Timing.RunAt.IsZero() && v.Next.IsZero() {
		st.oneTimeDone = append(st.oneTimeDone, w.jobID)
	}
	if v.Missed.Count > 0 {
		st.missed(d, v.Missed)
	}
	switch {
	case v.Run.IsZero():
	case skip != cron.FaultNone:
		gap := cron.OccurrenceRange{First: v.Run, Last: v.Run, Count: 1}
		st.records = append(st.records, gapRecord(&d.job, gap, cron.OutcomeSkipped, skip, st.now))
	default:
		st.launch(d, cron.Launch{Planned: v.Run, Due: v.Run, Kind: cron.KindScheduled, Attempt: 1})
	}
}

// attempt settles a due row of pending. When the job was disabled or paused, or cannot run, the row is dropped, and the
// attempt before it remains the last one. A manual execution that cannot run has no attempt before it: it is recorded as
// skipped. While a maintenance window pauses the job, attempts of the schedule wait, and manual executions run.
func (st *settlement) attempt(w due, d *definition, admit cron.Admitter) {
	if skip := d.skipFirst(); skip != cron.FaultNone && w.kind == cron.KindManual && w.attempt == 1 {
		st.drop(w)
		asked := instant(w.planned)
		r := gapRecord(&d.job, cron.OccurrenceRange{First: asked, Last: asked, Count: 1}, cron.OutcomeSkipped, skip, st.now)
		r.kind = cron.KindManual
		st.records = append(st.records, r)
		return
	}
	if d.skip != cron.FaultNone || !d.job.AllowsAttempts(st.now) && w.kind != cron.KindManual {
		st.drop(w)
		return
	}
	if until, paused := d.pausedIn(st.now); paused && w.kind != cron.KindManual {
		w.at = millis(until)
		if soon := millis(st.now.Add(maintenanceRetry)); soon < w.at {
			w.at = soon
		}
		st.waiting = append(st.waiting, w)
		return
	}
	switch st.admit(d, admit) {
	case cron.AdmitLater:
		st.left = true
		return
	case cron.AdmitDefer:
		st.deferred = append(st.deferred, w)
		return
	}
	st.drop(w)
	st.launch(d, cron.Launch{Planned: instant(w.planned), Due: instant(w.at), Kind: w.kind, Attempt: w.attempt})
}

func (st *settlement) drop(w due) {
	if w.pending != 0 {
		st.taken = append(st.taken, w.pending)
	}
}

func (st *settlement) launch(d *definition, l cron.Launch) {
	l.Node, l.Plan, l.Bytes, l.Access = st.node, d.plan, d.bytes, d.access
	st.records = append(st.records, &record{
		accountID: d.job.AccountID, jobID: d.job.ID, planned: millis(l.Planned), kind: l.Kind, attempt: l.Attempt,
		node: st.node, outcome: cron.OutcomeRunning, started: millis(st.now), launch: len(st.launches), version: d.version,
	})
	st.launches, st.started = append(st.launches, l), append(st.started, d)
	st.bytes += st.toRead(d)
	if d.hasTLS {
		st.material[d.job.AccountID] = true
	}
	for _, key := range d.secrets {
		if st.secrets == nil {
			st.secrets = make(map[secretKey]bool)
		}
		st.secrets[key] = true
	}
	d.busy = true
}

// Work whose target has no room is deferred by half of its lateness, so that not every claim looks at a backlog again.
const (
	shortestDeferral = 100 * time.Millisecond
	longestDeferral  = 10 * time.Second
)

func deferral(lateness time.Duration) time.Duration {
	return min(max(lateness/2, shortestDeferral), longestDeferral)
}

func (s *Store) saveSettlement(ctx context.Context, q queryer, st *settlement) error {
	if err := s.engine.saveRunningFrom(ctx, q, st.node); err != nil {
		return err
	}
	if err := s.engine.insertRecords(ctx, q, st.records); err != nil {
		return fmt.Errorf("write the records: %w", err)
	}
	if err := s.engine.savePlans(ctx, q, st.plans); err != nil {
		return fmt.Errorf("plan the jobs: %w", err)
	}
	if len(st.oneTimeDone) > 0 {
		_, err := q.ExecContext(ctx, `UPDATE job SET enabled = false, one_time_done = true, version = version + 1 WHERE `+s.engine.in("id", 1),
			s.engine.list(st.oneTimeDone))
		if err != nil {
			return fmt.Errorf("disable one-time jobs: %w", err)
		}
		if err := s.addValueVersions(ctx, q, st.oneTimeDone, changeEnabled, 0, &theService); err != nil {
			return err
		}
	}
	if len(st.taken) > 0 {
		_, err := q.ExecContext(ctx, `DELETE FROM pending WHERE `+s.engine.in("id", 1), s.engine.list(st.taken))
		if err != nil {
			return fmt.Errorf("take pending attempts: %w", err)
		}
	}
	for _, w := range st.deferred {
		claimAt := st.now.Add(deferral(st.now.Sub(instant(w.at))))
		if _, err := q.ExecContext(ctx, `UPDATE pending SET claim_at = $2 WHERE id = $1`, w.pending, millis(claimAt)); err != nil {
			return fmt.Errorf("defer a pending attempt: %w", err)
		}
	}
	for _, w := range st.waiting {
		if _, err := q.ExecContext(ctx, `UPDATE pending SET due_at = $2, claim_at = $2 WHERE id = $1`, w.pending, w.at); err != nil {
			return fmt.Errorf("let a pending attempt wait: %w", err)
		}
	}
	var shown monitorResults
	shown.missed(st.records)
	if err := shown.write(ctx, s, q); err != nil {
		return err
	}
	return s.missedProblems(ctx, q, st.records, st.now)
}

// gapRecord is the record of occurrences that do not run.
func gapRecord(j *cron.Job, g cron.OccurrenceRange, o cron.Outcome, f cron.Fault, now time.Time) *record {
	return &record{
		accountID: j.AccountID, jobID: j.ID, planned: millis(g.First), kind: cron.KindScheduled, attempt: 1,
		outcome: o, started: millis(now), fault: f, last: millis(g.Last), occurrences: g.Count, atLeast: g.AtLeast,
		monitored: j.Type == cron.TypeMonitoring, launch: -1,
	}
}

// plan is the next run of a job, and the time from which a claim finds the job.
type plan struct {
	jobID   int64
	next    sql.NullInt64
	claimAt sql.NullInt64
}

// Backlog counts the occurrences and attempts that are due and not claimed.
func (s *Store) Backlog(ctx context.Context) (int, error) {
	var n int
	err := s.read.QueryRowContext(upkeep.with(ctx), `SELECT (SELECT count(*) FROM job_state WHERE claim_at <= $1) +
		(SELECT count(*) FROM pending WHERE claim_at <= $1)`, millis(s.Now())).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count what is due: %w", err)
	}
	return n, nil
}

// NextDue is the earliest time at which a claim finds work; the zero time when no job is planned.
func (s *Store) NextDue(ctx context.Context, withoutAccounts []int64) (time.Time, error) {
	return s.nextDue(claims.with(ctx), s.read, withoutAccounts)
}

func (s *Store) nextDue(ctx context.Context, q queryer, without []int64) (time.Time, error) {
	var next sql.NullInt64
	filter, args := s.without("account_id", without, 1)
	err := q.QueryRowContext(ctx, `SELECT min(t) FROM (
		SELECT * FROM (SELECT claim_at AS t FROM job_state WHERE claim_at IS NOT NULL`+filter+`
		               ORDER BY claim_at LIMIT 1) AS scheduled
		UNION ALL
		SELECT * FROM (SELECT claim_at AS t FROM pending WHERE claim_at IS NOT NULL`+filter+`
		               ORDER BY claim_at LIMIT 1) AS waiting
		) AS both_kinds`, args...).Scan(&next)
	if err != nil {
		return time.Time{}, fmt.Errorf("find what is due next: %w", databaseError(err))
	}
	if !next.Valid {
		return time.Time{}, nil
	}
	return instant(next.Int64), nil
}

// recordBacklog records the due occurrences of a job as skipped, with the reason. For a dormant job the reason is that its
// account was disabled.
func (s *Store) recordBacklog(ctx context.Context, q queryer, rec *cron.JobRecord, why cron.Fault, now time.Time) error {
	dormant, err := isDormant(ctx, q, rec.ID)
	if err != nil {
		return err
	}
	if dormant {
		why = cron.FaultAccountDisabled
	}
	gap := rec.Backlog(rec.State.NextRun, now)
	r := gapRecord(&rec.Job, gap, cron.OutcomeSkipped, why, now)
	if err := s.engine.insertRecords(ctx, q, []*record{r}); err != nil {
		return fmt.Errorf("record what was due: %w", err)
	}
	return nil
}
