package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"punctual/internal/cron"
)

// exampleRow is the example of a problem as JSON: what its sentence is made of, and stays when the history has ended.
type exampleRow struct {
	Status     cron.Status   `json:"s,omitempty"`
	HTTPStatus int           `json:"h,omitempty"`
	Fault      cron.Fault    `json:"f,omitempty"`
	Reason     string        `json:"r,omitempty"`
	Detail     string        `json:"d,omitempty"`
	URL        string        `json:"u,omitempty"`
	Peer       string        `json:"p,omitempty"`
	Duration   time.Duration `json:"t,omitempty"`
	Stats      *cron.Stats   `json:"w,omitempty"`
	Last       string        `json:"l,omitempty"` // the URL that was called last, after redirects
}

func encodeExample(r *cron.Result) string {
	if r == nil {
		return ""
	}
	row := exampleRow{Status: r.Status, HTTPStatus: r.HTTPStatus, Fault: r.Fault, Reason: storable(r.Reason), Detail: storable(r.Detail),
		URL: storable(r.URL), Peer: storable(r.Peer), Duration: r.Duration}
	if r.Stats != (cron.Stats{}) {
		row.Stats = &r.Stats
	}
	if n := len(r.Redirects); n > 0 {
		row.Last = storable(r.Redirects[n-1].URL)
	}
	return encode(row)
}

func decodeExample(text string) (r cron.Result, err error) {
	var row exampleRow
	if text == "" {
		return r, nil
	}
	if err := json.Unmarshal([]byte(text), &row); err != nil {
		return r, fmt.Errorf("decode the example of a problem: %w", err)
	}
	r = cron.Result{Status: row.Status, HTTPStatus: row.HTTPStatus, Fault: row.Fault, Reason: row.Reason, Detail: row.Detail, URL: row.URL,
		Peer: row.Peer, Duration: row.Duration}
	if row.Stats != nil {
		r.Stats = *row.Stats
	}
	if row.Last != "" {
		r.Redirects = []cron.Redirect{{URL: row.Last}}
	}
	return r, nil
}

const problemColumns = `id, account_id, cause, kind, job_id, state, example, first_execution, opened_at, last_at, reopened, note, acted_by,
	acted_at, snoozed_until, resolved_at`

// scanProblem reads problemColumns. A problem whose snooze has ended is open.
func scanProblem(scan scanner, now time.Time, p *cron.JobProblem) error {
	var example string
	err := scan(&p.ID, &p.AccountID, integer(&p.Cause), &p.Kind, &p.JobID, &p.State, &example, &p.FirstExecution, moment(&p.Opened),
		moment(&p.LastSeen), &p.Reopened, &p.Note, &p.By, moment(&p.Acted), moment(&p.SnoozedUntil), moment(&p.Resolved))
	if err != nil {
		return err
	}
	if p.State == cron.ProblemSnoozed && !p.SnoozedUntil.After(now) {
		p.State = cron.ProblemOpen
	}
	p.Example, err = decodeExample(example)
	p.Example.Started = p.Opened
	return err
}

// stateNow is the state of a row of problem at the instant of parameter $n.
func stateNow(n string) string {
	return `CASE WHEN state = 2 AND snoozed_until <= ` + n + ` THEN 0 ELSE state END`
}

// Problems lists problems of an account, latest opening first, with their numbers of runs and jobs.
func (s *Store) Problems(ctx context.Context, accountID int64, query *cron.ProblemQuery) (list []cron.JobProblem, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	now := s.Now()
	states := make([]int64, 0, len(cron.ProblemStateNames))
	for state := range cron.ProblemStateNames {
		if len(query.States) == 0 || slices.Contains(query.States, cron.ProblemState(state)) {
			states = append(states, int64(state))
		}
	}
	opened, id := int64(largestID), int64(largestID)
	if query.After.ID != 0 {
		opened, id = millis(query.After.Opened), query.After.ID
	}
	list, err = collect(ctx, s.read, "list the problems", func(scan scanner, p *cron.JobProblem) error { return scanProblem(scan, now, p) },
		`SELECT `+problemColumns+` FROM problem WHERE account_id = $1 AND (opened_at < $2 OR opened_at = $2 AND id < $3)
		   AND `+s.engine.in(stateNow("$6"), 4)+` ORDER BY opened_at DESC, id DESC LIMIT $5`,
		accountID, opened, id, s.engine.list(states), query.Limit, millis(now))
	if err != nil {
		return nil, err
	}
	return list, s.countProblems(ctx, accountID, list)
}

// Problem reads a problem with its numbers of runs and jobs.
func (s *Store) Problem(ctx context.Context, accountID, problemID int64) (p cron.JobProblem, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return p, err
	}
	defer leave()
	err = scanProblem(s.read.QueryRowContext(ctx, `SELECT `+problemColumns+` FROM problem WHERE id = $1 AND account_id = $2`,
		problemID, accountID).Scan, s.Now(), &p)
	if err != nil {
		return p, oneRow(err, cron.SubjectProblem)
	}
	list := []cron.JobProblem{p}
	err = s.countProblems(ctx, accountID, list)
	return list[0], err
}

// JobProblem reads since when a job fails (zero when it does not) and the problem that it has, without numbers of runs and jobs; nil
// for none.
func (s *Store) JobProblem(ctx context.Context, accountID, jobID int64) (since time.Time, problem *cron.JobProblem, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return since, nil, err
	}
	defer leave()
	var problemID int64
	err = s.read.QueryRowContext(ctx, `SELECT failing_since, problem_id FROM job_state WHERE job_id = $1 AND account_id = $2`,
		jobID, accountID).Scan(moment(&since), integer(&problemID))
	if err != nil || problemID == 0 {
		return since, nil, oneRow(err, cron.SubjectJob)
	}
	problem = new(cron.JobProblem)
	err = scanProblem(s.read.QueryRowContext(ctx, `SELECT `+problemColumns+` FROM problem WHERE id = $1 AND account_id = $2`,
		problemID, accountID).Scan, s.Now(), problem)
	if errors.Is(err, sql.ErrNoRows) {
		return since, nil, nil // resolved and gone meanwhile
	}
	if err != nil {
		return since, nil, fmt.Errorf("read the problem of the job: %w", err)
	}
	return since, problem, nil
}

// ProblemJobs lists the first MaxProblemJobs of the jobs that have a problem, in the order of their IDs.
func (s *Store) ProblemJobs(ctx context.Context, accountID, problemID int64) ([]cron.ProblemJob, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	return collect(ctx, s.read, "list the jobs of the problem", func(scan scanner, j *cron.ProblemJob) error {
		return scan(&j.JobID, &j.Title, &j.URL, flag(&j.Enabled), moment(&j.LastExecution))
	}, `SELECT job.id, job.title, job.url, job.enabled, job_state.last_execution_at FROM job_state JOIN job ON job.id = job_state.job_id
		WHERE job_state.problem_id = $1 AND job_state.account_id = $2 ORDER BY job_state.job_id LIMIT $3`, problemID, accountID, cron.MaxProblemJobs)
}

// EditsBefore lists the versions that some jobs of an account got in a span of time, latest first: at most MaxProblemEdits.
func (s *Store) EditsBefore(ctx context.Context, accountID int64, jobIDs []int64, from, to time.Time) ([]cron.JobVersion, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	return collect(ctx, s.read, "list the edits before the problem", func(scan scanner, v *cron.JobVersion) error { return scanVersion(scan, v) },
		`SELECT `+versionColumns+` FROM job_version WHERE account_id = $1 AND `+s.engine.in("job_id", 2)+`
		   AND created_at >= $3 AND created_at <= $4 ORDER BY created_at DESC, id DESC LIMIT $5`,
		accountID, s.engine.list(jobIDs), millis(from), millis(to), cron.MaxProblemEdits)
}

// countProblems sets what is derived from the ledger and the states of the jobs.
func (s *Store) countProblems(ctx context.Context, accountID int64, list []cron.JobProblem) error {
	if len(list) == 0 {
		return nil
	}
	byID, byCause := make(map[int64]*cron.JobProblem, len(list)), make(map[cron.Fingerprint]*cron.JobProblem, len(list))
	ids := make([]int64, len(list))
	oldest := list[0].Opened
	for i := range list {
		p := &list[i]
		ids[i], byID[p.ID] = p.ID, p
		for _, cause := range p.Causes() {
			if byCause[cause] == nil { // the one that opened last
				byCause[cause] = p
			}
		}
		if p.Opened.Before(oldest) {
			oldest = p.Opened
		}
	}
	if err := s.tallyProblems(ctx, accountID, oldest, byCause); err != nil {
		return err
	}
	for i := range list {
		p := &list[i]
		switch {
		case p.Kind == cron.ProblemMissed || p.Kind == cron.ProblemLate:
			p.Jobs, p.JobIDs = 1, []int64{p.JobID}
			if err := s.countOccurrences(ctx, p); err != nil {
				return err
			}
		case p.State != cron.ProblemResolved:
			p.Jobs, p.JobIDs = 0, nil // that have it now
		}
	}
	return s.countProblemJobs(ctx, ids, byID)
}

// countProblemJobs sets how many jobs have each problem, and the first of them.
func (s *Store) countProblemJobs(ctx context.Context, ids []int64, byID map[int64]*cron.JobProblem) error {
	var several []string // looks up the first jobs of the problems that several have, without a look at the others
	var args []any
	err := each(ctx, s.read, "count the jobs of problems", func(scan scanner) error {
		var id, job, count int64
		if err := scan(&id, &job, &count); err != nil {
			return err
		}
		switch p := byID[id]; {
		case p.Kind != cron.ProblemFailed:
			p.Jobs, p.JobIDs = 1, []int64{job}
		case p.State == cron.ProblemResolved:
		case count == 1:
			p.Jobs, p.JobIDs = 1, append(p.JobIDs, job)
		default:
			p.Jobs, args = int(count), append(args, id)
			several = append(several, fmt.Sprintf(`SELECT * FROM (SELECT problem_id, job_id FROM job_state WHERE problem_id = $%d
				ORDER BY job_id LIMIT %d) AS p%[1]d`, len(args), cron.MaxGroupJobs))
		}
		return nil
	}, `SELECT problem_id, min(job_id), count(*) FROM job_state WHERE `+s.engine.in("problem_id", 1)+` GROUP BY problem_id`, s.engine.list(ids))
	if err != nil || len(several) == 0 {
		return err
	}
	err = each(ctx, s.read, "list the first jobs of problems", func(scan scanner) error {
		var id, job int64
		err := scan(&id, &job)
		byID[id].JobIDs = append(byID[id].JobIDs, job)
		return err
	}, strings.Join(several, " UNION ALL "), args...)
	for i := range args {
		slices.Sort(byID[args[i].(int64)].JobIDs)
	}
	return err
}

// tallyProblems counts the failures of problems since the oldest of them opened, newest first and as far as Failures does.
func (s *Store) tallyProblems(ctx context.Context, accountID int64, oldest time.Time, byCause map[cron.Fingerprint]*cron.JobProblem) error {
	f := cron.HistoryFilter{From: oldest.Add(-maxDisorder)}
	since, err := s.searchable(ctx, accountID, &f)
	if err != nil {
		return err
	}
	t := failureTally{groups: make(map[cron.Fingerprint]*failureGroup)}
	t.cause = func(e *cron.Execution) (cron.Fingerprint, bool) {
		cause := e.Cause
		if cause == causeOfLost {
			cause = cron.ProblemLost.Cause(e.JobID)
		}
		p := byCause[cause]
		if p != nil {
			cause = p.Cause
		}
		return cause, p != nil && e.ID >= p.FirstExecution && (p.State != cron.ProblemResolved || !e.Result.Started.After(p.Resolved))
	}
	var back time.Time
	err = s.engine.inOrder(ctx, func(ctx context.Context, reader queryer) (err error) {
		back, err = s.tallyFailures(ctx, reader, accountID, &f, since, &t)
		return err
	})
	if err != nil {
		return err
	}
	for _, p := range byCause {
		p.RunsAtLeast = !back.IsZero() && p.Opened.Before(back)
		if g := t.groups[p.Cause]; g != nil {
			p.Runs, p.Jobs, p.JobIDs = g.Count, len(g.jobs), g.JobIDs
			if g.Example.Result.Started.After(p.LastSeen) {
				p.LastSeen = g.Example.Result.Started
			}
		}
	}
	return nil
}

// causeOfLost is the fingerprint that all lost executions have.
var causeOfLost = func() cron.Fingerprint {
	lost := cron.Lost()
	return lost.Fingerprint()
}()

// countOccurrences counts what a problem of missed occurrences or late runs is made of, among the first searchRows records of
// the job since it opened.
func (s *Store) countOccurrences(ctx context.Context, p *cron.JobProblem) error {
	until := int64(largestID)
	if p.State == cron.ProblemResolved {
		until = millis(p.Resolved)
	}
	outcome, lateness := cron.OutcomeMissed, time.Duration(0)
	if p.Kind == cron.ProblemLate {
		outcome, lateness = cron.OutcomeSucceeded, p.LateAfter()+time.Microsecond
	}
	const counts = `started_at <= $4 AND outcome = $5 AND kind = 0 AND lateness_us >= $6`
	var (
		days, args = s.engine.days(millis(p.Opened.Add(-cron.MaxGrace)), largestID, p.JobID, p.FirstExecution, searchRows, until, int(outcome),
			lateness.Microseconds())
		looked int
		last   sql.NullInt64
	)
	query := `SELECT count(*), coalesce(sum(CASE WHEN ` + counts + ` THEN CASE WHEN occurrences > 0 THEN occurrences ELSE 1 END END), 0),
		       max(CASE WHEN ` + counts + ` THEN started_at END)
		  FROM (SELECT outcome, kind, occurrences, started_at, lateness_us FROM execution
		         WHERE job_id = $1 AND id >= $2` + days + ` ORDER BY id LIMIT $3) AS record`
	if err := s.read.QueryRowContext(ctx, query, args...).Scan(&looked, &p.Runs, &last); err != nil {
		return fmt.Errorf("count the occurrences of a problem: %w", err)
	}
	p.RunsAtLeast = looked == searchRows
	if at := instant(last.Int64); last.Valid && at.After(p.LastSeen) {
		p.LastSeen = at
	}
	return nil
}

// ActOnProblem changes the state or the note of a problem, on behalf of somebody. The error is of kind Conflict when one that is
// resolved is to be acknowledged or snoozed.
func (s *Store) ActOnProblem(ctx context.Context, accountID, problemID int64, action *cron.ProblemAction) error {
	err := s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
		var (
			state             cron.ProblemState
			note              string
			snoozed, resolved time.Time
		)
		err := q.QueryRowContext(ctx, `SELECT state, note, snoozed_until, resolved_at FROM problem WHERE id = $1 AND account_id = $2`+
			s.engine.lock(forUpdate), problemID, accountID).Scan(&state, &note, moment(&snoozed), moment(&resolved))
		if err != nil {
			return oneRow(err, cron.SubjectProblem)
		}
		now := s.Now()
		if to := action.State; to != nil {
			switch {
			case *to != cron.ProblemResolved && state == cron.ProblemResolved:
				return &cron.Error{Kind: cron.Conflict, Subject: cron.SubjectProblem, Problems: []cron.Problem{{Rule: cron.RuleResolved}}}
			case *to == cron.ProblemResolved && state != *to:
				resolved = now
			}
			state, snoozed = *to, action.Until
		}
		if action.Note != nil {
			note = *action.Note
		}
		if to := action.State; to != nil && *to == cron.ProblemAcknowledged {
			if err := s.tellPagers(ctx, q, accountID, problemID, action.By, now); err != nil {
				return err
			}
		}
		_, err = q.ExecContext(ctx, `UPDATE problem SET state = $2, note = $3, acted_by = $4, acted_at = $5, snoozed_until = $6, resolved_at = $7
			WHERE id = $1`, problemID, int(state), note, action.By, millis(now), millis(snoozed), millis(resolved))
		return err
	})
	if err != nil {
		return fmt.Errorf("change the problem: %w", err)
	}
	return nil
}

// unnamed is the condition for a problem that no job has.
const unnamed = `NOT EXISTS (SELECT 1 FROM job_state WHERE job_state.problem_id = problem.id)`

// pruneProblems deletes a chunk of the resolved problems that are older than the longest history. Those that a job still names
// stay: somebody resolved them by hand.
func (s *Store) pruneProblems(ctx context.Context) (more bool, err error) {
	kept, err := s.longestRetention(ctx)
	if err != nil {
		return false, err
	}
	return s.prune(ctx, "delete old problems", `DELETE FROM problem WHERE state = 3 AND id IN
		(SELECT id FROM problem WHERE state = 3 AND resolved_at < $1 AND `+unnamed+` LIMIT $2)`, millis(s.Now().Add(-kept)))
}

// forgetProblems deletes some of the oldest resolved problems of an account, except those that others hold locks of.
func (s *Store) forgetProblems(ctx context.Context, q queryer, account int64) error {
	_, err := q.ExecContext(ctx, `DELETE FROM problem WHERE id IN (SELECT id FROM problem WHERE account_id = $1 AND state = 3 AND `+unnamed+`
		ORDER BY opened_at, id LIMIT $2`+s.engine.lock(skipLocked)+`)`, account, pruneChunk)
	if err != nil {
		return fmt.Errorf("forget old problems: %w", err)
	}
	return nil
}
