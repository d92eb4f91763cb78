package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"punctual/internal/cron"
)

// telling is a notice about a result, whose problem is known when the problems of the transaction are open.
type telling struct {
	notice *cron.Notice
	cause  problemKey // of a failure; zero for what is about the problem that the job had
	before int64      // the problem of the job before the transaction
}

// tellings collects the notices of a transaction.
type tellings struct {
	list []telling
	has  map[*cron.JobRecord]problemKey // causes of failures in the transaction, for those that recover in it
}

// add notes the notices that follow from a completion, before the state of the job changes.
func (t *tellings) add(rec *cron.JobRecord, c *cron.Completion, end *cron.Conclusion, now time.Time) {
	if len(end.Notices) == 0 {
		return
	}
	_, _, cause := cron.ProblemOf(&rec.Job, c, end)
	key := problemKey{rec.AccountID, cause}
	for _, kind := range end.Notices {
		n := newNotice(kind, c, rec.State.Failures, now)
		n.Next, n.Since = end.State.NextRun, end.State.FailingSince
		one := telling{notice: n, before: rec.ProblemID}
		switch kind {
		case cron.NoticeFailure, cron.NoticeDisabled:
			one.cause, n.Cause = key, cause
			if t.has == nil {
				t.has = make(map[*cron.JobRecord]problemKey)
			}
			t.has[rec] = key
		case cron.NoticeSuccess:
			one.cause, n.Since = t.has[rec], rec.State.FailingSince
		case cron.NoticeCertExpiry:
			one.before = 0
		}
		if end.Disable {
			n.Next = time.Time{}
		}
		t.list = append(t.list, one)
	}
}

// write writes the notices. The problems that the transaction found are open.
func (t *tellings) write(ctx context.Context, s *Store, q queryer, found *problems) error {
	notices := make([]*cron.Notice, len(t.list))
	for i, one := range t.list {
		n := one.notice
		n.ProblemID = one.before
		if one.cause != (problemKey{}) {
			n.ProblemID = found.idOf(one.cause, one.before)
		}
		notices[i] = n
	}
	return s.writeNotices(ctx, q, notices)
}

// missedProblems opens problems for the jobs whose occurrences a claim has recorded as missed, and that have none, and tells of those
// that want to hear of failures. The claim holds the locks of their states.
func (s *Store) missedProblems(ctx context.Context, q queryer, records []*record, now time.Time) error {
	missed := make(map[int64]*record)
	for _, r := range records {
		if r.outcome == cron.OutcomeMissed && r.id != 0 {
			missed[r.jobID] = r
		}
	}
	if len(missed) == 0 {
		return nil
	}
	var p problems
	recs, err := s.lateJobs(ctx, q, slices.Collect(maps.Keys(missed)))
	if err != nil {
		return err
	}
	before := make([]int64, len(recs))
	for i, rec := range recs {
		result := cron.Result{Fault: cron.FaultMissed, Started: now}
		before[i] = rec.ProblemID
		p.note(problemChange{rec: rec, effect: cron.ProblemIfNone, opens: newProblem(rec.AccountID, rec.ID, cron.ProblemMissed,
			cron.ProblemMissed.Cause(rec.ID), &result, missed[rec.ID].id)})
	}
	if err := p.open(ctx, s, q); err != nil {
		return err
	}
	var notices []*cron.Notice
	quiet := s.silences(q, now)
	for i, rec := range recs {
		if n := missedNotice(rec, missed[rec.ID], now); p.opened(rec, before[i]) && rec.Notification.OnFailure {
			if is, err := quiet.silenced(ctx, &rec.Job, now); err != nil {
				return err
			} else if !is {
				notices = append(notices, n)
				rec.State.Told, rec.State.FailingSince = cron.ToldFailure, n.Since
			}
		}
		_, err := q.ExecContext(ctx, `UPDATE job_state SET problem_id = $2, failing_since = $3, told = $4 WHERE job_id = $1`, rec.ID,
			storedNumber(rec.ProblemID), storedNumber(millis(rec.State.FailingSince)), storedNumber(int64(rec.State.Told)))
		if err != nil {
			return fmt.Errorf("write the problem of a job: %w", err)
		}
	}
	if err := s.writeNotices(ctx, q, notices); err != nil {
		return err
	}
	return p.resolve(ctx, s, q, now)
}

// lateJobs reads what missedProblems needs of jobs.
func (s *Store) lateJobs(ctx context.Context, q queryer, ids []int64) ([]*cron.JobRecord, error) {
	return collect(ctx, q, "read the problems of late jobs", func(scan scanner, to **cron.JobRecord) error {
		rec := new(cron.JobRecord)
		*to = rec
		fields := targets(jobTold(&rec.State), jobNotification(&rec.Job))
		return scan(append(fields, integer(&rec.ID), integer(&rec.AccountID), integer(&rec.ProblemID), moment(&rec.State.NextRun))...)
	}, `SELECT `+toldNames+`, `+notificationNames+`, job_state.job_id, job_state.account_id, job_state.problem_id, job_state.next_run_at
		  FROM job_state JOIN job ON job.id = job_state.job_id WHERE `+s.engine.in("job_state.job_id", 1), s.engine.list(ids))
}

// missedNotice tells of the occurrences that a record covers.
func missedNotice(rec *cron.JobRecord, r *record, now time.Time) *cron.Notice {
	since := rec.State.FailingSince
	if since.IsZero() {
		since = instant(r.planned)
	}
	return &cron.Notice{Kind: cron.NoticeMissed, Created: now, JobID: rec.ID, Next: rec.State.NextRun, ExecutionID: r.id, Attempt: 1,
		Planned: instant(r.planned), Result: cron.Result{Fault: cron.FaultMissed, Started: now}, Missed: r.occurrences, ProblemID: rec.ProblemID,
		Cause: cron.ProblemMissed.Cause(rec.ID), Since: since}
}

// tellPagers tells the channels of an account that page people that somebody has acknowledged a problem.
func (s *Store) tellPagers(ctx context.Context, q queryer, accountID, problemID int64, by string, now time.Time) error {
	pages := false
	err := each(ctx, q, "look for pagers", func(scan scanner) error {
		var kind string
		err := scan(&kind)
		pages = pages || cron.TakesAcknowledgement(kind)
		return err
	}, `SELECT kind FROM channel WHERE account_id = $1 AND enabled`, accountID)
	if err != nil || !pages {
		return err
	}
	return s.writeNotices(ctx, q, []*cron.Notice{{AccountID: accountID, Kind: cron.NoticeAcknowledged, Created: now, ProblemID: problemID, Detail: by}})
}
