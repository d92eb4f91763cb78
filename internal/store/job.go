package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
)

// jobFields are the columns of a job but for its id, account and creation, in the order of jobValues.
var jobFields = []string{
	"folder_id", "type", "enabled", "title", "save_responses", "url", "method", "auth_enable", "timeout",
	"redirect_success", "timezone", "expires_at", "seconds", "minutes", "hours", "mdays", "months", "wdays", "days", "last_day", "dst",
	"run_at", "spent", "spread", "paused_until", "pause_note",
	"on_failure", "on_failure_count", "on_success", "on_disable", "on_cert_expiry", "cert_expiry_ahead",
	"misfire", "grace", "overlap", "delivery", "retry_count", "retry_delay", "retry_factor", "retry_ceiling",
	"follow_redirects", "success", "unverified", "oversize",
	"updated_at",
}

func jobValues(j *cron.Job) []any {
	sc, t, n, p, x := &j.Schedule, &j.Timing, &j.Notification, &j.Policy, &j.Exchange
	url, _ := cron.WithoutUser(j.Request.URL)
	return []any{
		j.FolderID, int(j.Type), j.Enabled, j.Title, j.SaveResponses, url, int(j.Request.Method),
		j.Request.Auth.Enable, j.Timeout, j.RedirectSuccess, sc.Timezone, sc.ExpiresAt, int64(sc.Seconds),
		int64(sc.Minutes), int64(sc.Hours), int64(sc.MonthDays), int64(sc.Months), int64(sc.Weekdays),
		int(sc.Days), sc.LastDay, int(sc.DST),
		millis(t.RunAt), t.Spent, seconds(t.Spread), millis(t.PausedUntil), t.PauseNote,
		n.OnFailure, n.OnFailureCount, n.OnSuccess, n.OnDisable, n.OnCertExpiry, seconds(n.CertExpiryAhead),
		int(p.Misfire), seconds(p.Grace), int(p.Overlap), int(p.Delivery), p.Retry.Count, seconds(p.Retry.Delay),
		p.Retry.Factor, seconds(p.Retry.Ceiling),
		x.FollowRedirects, encodeSuccess(x.Success), x.Unverified, int(x.Oversize), millis(j.Updated),
	}
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

var (
	jobColumns = "job.id, job.account_id, job.created_at, job." + strings.Join(jobFields, ", job.")
	jobInsert  = `INSERT INTO job (account_id, created_at, ` + strings.Join(jobFields, ", ") + `) VALUES (` +
		parameters(1, 2+len(jobFields)) + `) RETURNING id`
	jobUpdate = `UPDATE job SET (` + strings.Join(jobFields, ", ") + `) = (` +
		parameters(2, len(jobFields)) + `) WHERE id = $1`
)

const stateColumns = `job_state.next_run_at, job_state.last_status, job_state.last_duration_us,
	job_state.last_execution_at, job_state.cert_expiry_at, job_state.failures, job_state.counted_failures,
	job_state.cert_noticed_at`

// parameters lists count parameters from $first on.
func parameters(first, count int) string {
	var b strings.Builder
	for i := range count {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(first + i))
	}
	return b.String()
}

// timingColumns are those that say when a job is due, as timingRow reads them.
const timingColumns = `job.timezone, job.expires_at, job.seconds, job.minutes, job.hours, job.mdays, job.months,
	job.wdays, job.days, job.last_day, job.dst, job.run_at, job.spent, job.spread, job.paused_until, job.pause_note`

// timingRow is timingColumns as they are read.
type timingRow struct {
	sets                       [6]int64
	runAt, spread, pausedUntil int64
}

func (r *timingRow) fields(j *cron.Job) []any {
	s, t := &j.Schedule, &j.Timing
	return []any{&s.Timezone, into(&s.ExpiresAt), into(&r.sets[0]), into(&r.sets[1]), into(&r.sets[2]), into(&r.sets[3]),
		into(&r.sets[4]), into(&r.sets[5]), into(&s.Days), intoFlag(&s.LastDay), into(&s.DST), into(&r.runAt), intoFlag(&t.Spent), into(&r.spread),
		into(&r.pausedUntil), &t.PauseNote}
}

func (r *timingRow) into(j *cron.Job) {
	s, t := &j.Schedule, &j.Timing
	s.Seconds, s.Minutes, s.Hours = cron.Set(r.sets[0]), cron.Set(r.sets[1]), cron.Set(r.sets[2])
	s.MonthDays, s.Months, s.Weekdays = cron.Set(r.sets[3]), cron.Set(r.sets[4]), cron.Set(r.sets[5])
	t.RunAt, t.PausedUntil, t.Spread = instant(r.runAt), instant(r.pausedUntil), time.Duration(r.spread)*time.Second
}

// scanJob reads jobColumns, and more columns behind them.
func scanJob(scan func(...any) error, j *cron.Job, more ...any) error {
	var success string
	err := scanEncodedJob(scan, j, &success, more...)
	if err == nil {
		j.Exchange.Success, err = decodeSuccess(success)
	}
	return err
}

// scanEncodedJob is scanJob without decoding the criteria of success.
func scanEncodedJob(scan func(...any) error, j *cron.Job, success *string, more ...any) error {
	var (
		n, p, x                                        = &j.Notification, &j.Policy, &j.Exchange
		timing                                         timingRow
		created, updated, ahead, grace, delay, ceiling int64
	)
	fields := append(make([]any, 0, 3+len(jobFields)+len(more)), into(&j.ID), into(&j.AccountID), into(&created),
		into(&j.FolderID), into(&j.Type), intoFlag(&j.Enabled), &j.Title, intoFlag(&j.SaveResponses), &j.Request.URL,
		into(&j.Request.Method), intoFlag(&j.Request.Auth.Enable), into(&j.Timeout), intoFlag(&j.RedirectSuccess))
	fields = append(fields, timing.fields(j)...)
	fields = append(fields,
		intoFlag(&n.OnFailure), into(&n.OnFailureCount), intoFlag(&n.OnSuccess), intoFlag(&n.OnDisable),
		intoFlag(&n.OnCertExpiry), into(&ahead),
		into(&p.Misfire), into(&grace), into(&p.Overlap), into(&p.Delivery), into(&p.Retry.Count), into(&delay),
		&p.Retry.Factor, into(&ceiling), into(&x.FollowRedirects), success, intoFlag(&x.Unverified), into(&x.Oversize),
		into(&updated))
	if err := scan(append(fields, more...)...); err != nil {
		return err
	}
	timing.into(j)
	n.CertExpiryAhead = time.Duration(ahead) * time.Second
	p.Grace, p.Retry.Delay = time.Duration(grace)*time.Second, time.Duration(delay)*time.Second
	p.Retry.Ceiling = time.Duration(ceiling) * time.Second
	j.Created, j.Updated = instant(created), instant(updated)
	return nil
}

// stateRow is stateColumns as they are read.
type stateRow struct {
	next, duration, execution, expiry, noticed int64
	status, failures, counted                  int
}

func (r *stateRow) fields() []any {
	return []any{into(&r.next), into(&r.status), into(&r.duration), into(&r.execution), into(&r.expiry),
		into(&r.failures), into(&r.counted), into(&r.noticed)}
}

func (r *stateRow) state() cron.JobState {
	return cron.JobState{
		NextRun:    instant(r.next),
		LastStatus: cron.Status(r.status), LastDuration: time.Duration(r.duration) * time.Microsecond,
		LastExecution: instant(r.execution), CertExpiry: instant(r.expiry), CertNoticed: instant(r.noticed),
		Failures: r.failures, CountedFailures: r.counted,
	}
}

// secretRow is the sealed part of a job.
type secretRow struct {
	URL      string        `json:"l,omitempty"` // when it holds user or password
	Headers  []cron.Header `json:"h,omitempty"`
	Body     string        `json:"b,omitempty"`
	User     string        `json:"u,omitempty"`
	Password string        `json:"p,omitempty"`
}

func jobRow(id int64) string { return "job " + strconv.FormatInt(id, 10) }

// sealJob returns the sealed secrets of a job; nil when it has none.
func (s *Store) sealJob(j *cron.Job) ([]byte, error) {
	r := &j.Request
	row := secretRow{Headers: r.Headers, Body: r.Body, User: r.Auth.User, Password: r.Auth.Password}
	if _, ok := cron.WithoutUser(r.URL); ok {
		row.URL = r.URL
	}
	if len(row.Headers) == 0 && row.Body == "" && row.User == "" && row.Password == "" && row.URL == "" {
		return nil, nil
	}
	plain, err := json.Marshal(row)
	if err != nil {
		return nil, fmt.Errorf("encode the secrets of job %d: %w", j.ID, err)
	}
	return s.sealer.seal(plain, jobRow(j.ID)), nil
}

// saveSecret writes the sealed secrets of a job to their table, which has no row for a job without any.
func (s *Store) saveSecret(ctx context.Context, q queryer, j *cron.Job) error {
	sealed, err := s.sealJob(j)
	if err != nil {
		return err
	}
	if sealed == nil {
		_, err = q.ExecContext(ctx, `DELETE FROM job_secret WHERE job_id = $1`, j.ID)
	} else {
		_, err = q.ExecContext(ctx, `INSERT INTO job_secret (job_id, sealed) VALUES ($1, $2)
			ON CONFLICT (job_id) DO UPDATE SET sealed = excluded.sealed`, j.ID, sealed)
	}
	if err != nil {
		return fmt.Errorf("write the secrets of the job: %w", err)
	}
	return nil
}

func (s *Store) openJob(j *cron.Job, sealed []byte) error {
	if sealed == nil {
		return nil
	}
	plain, err := s.sealer.open(sealed, jobRow(j.ID))
	if err != nil {
		return fmt.Errorf("open the secrets of job %d: %w", j.ID, err)
	}
	var row secretRow
	if err := json.Unmarshal(plain, &row); err != nil {
		return fmt.Errorf("decode the secrets of job %d: %w", j.ID, err)
	}
	j.Request.Headers, j.Request.Body = row.Headers, row.Body
	j.Request.Auth.User, j.Request.Auth.Password = row.User, row.Password
	if row.URL != "" {
		j.Request.URL = row.URL
	}
	return nil
}

// CreateJob adds a job to its account, sets its ID and times, and plans its next run. It validates nothing but the
// folder. The error is of kind TooMany when the account's plan allows no further job.
func (s *Store) CreateJob(ctx context.Context, j *cron.Job) error {
	err := s.writeJobs(ctx, func(ctx context.Context, q queryer) error {
		plan, err := s.lockPlan(ctx, q, j.AccountID)
		if err != nil {
			return err
		}
		if err := checkRoom(ctx, q, countJobs, j.AccountID, plan.MaxJobs, cron.SubjectJob); err != nil {
			return err
		}
		if err := s.checkFolder(ctx, q, j); err != nil {
			return err
		}
		now := s.stamp()
		j.Created, j.Updated = now, now
		err = q.QueryRowContext(ctx, jobInsert, append([]any{j.AccountID, millis(now)}, jobValues(j)...)...).Scan(&j.ID)
		if err != nil {
			return err
		}
		if err := s.saveSecret(ctx, q, j); err != nil {
			return err
		}
		if _, ok := cron.WithoutUser(j.Request.URL); ok {
			if err := s.saveURL(ctx, q, j); err != nil {
				return err
			}
		}
		if _, err := q.ExecContext(ctx, `UPDATE account SET last_rank = last_rank + 1 WHERE id = $1`, j.AccountID); err != nil {
			return err
		}
		_, err = q.ExecContext(ctx,
			`INSERT INTO job_state (job_id, account_id, next_run_at, look_at, rank)
			 SELECT $1, id, $3, $3, last_rank FROM account WHERE id = $2`,
			j.ID, j.AccountID, nullMillis(j.NextAfter(now)))
		return err
	})
	if err != nil {
		return fmt.Errorf("create the job: %w", err)
	}
	return nil
}

// UpdateJob reads a job, lets change edit it, and writes and plans it anew, all in one transaction; saving resets the
// counters of failures. An error of change undoes everything and is returned as it is. change may run more than once.
//
// An occurrence that is due already when the edit comes still counts: it runs as the job is now, or, when the edit
// disables or pauses the job, is recorded as skipped.
//
// A one-time job that its occurrence disabled stays Spent as long as the edit leaves it so, and neither enables it nor
// gives it another instant.
func (s *Store) UpdateJob(ctx context.Context, accountID, jobID int64, change func(*cron.Job) error) error {
	return s.writeJobs(ctx, func(ctx context.Context, q queryer) error {
		rec, err := s.lockJob(ctx, q, accountID, jobID)
		if err != nil {
			return err
		}
		j := rec.Job
		if err := change(&j); err != nil {
			return err
		}
		if err := s.checkFolder(ctx, q, &j); err != nil {
			return err
		}
		now := s.stamp()
		j.Updated = now
		j.Timing.Spent = j.Timing.Spent && !j.Enabled && j.Timing.RunAt.Equal(rec.Timing.RunAt)
		if _, err := q.ExecContext(ctx, jobUpdate, append([]any{j.ID}, jobValues(&j)...)...); err != nil {
			return fmt.Errorf("update the job: %w", err)
		}
		if err := s.saveSecret(ctx, q, &j); err != nil {
			return err
		}
		if j.Request.URL != rec.Request.URL {
			if err := s.saveURL(ctx, q, &j); err != nil {
				return err
			}
		}
		next := j.NextAfter(now)
		if due := rec.State.NextRun; !due.IsZero() && !due.After(now) {
			dormant, err := isDormant(ctx, q, j.ID)
			switch {
			case err != nil:
			case dormant, !j.Enabled:
				err = s.recordBacklog(ctx, q, &rec, cron.FaultDisabled, now)
			case due.Before(j.Timing.PausedUntil):
				err = s.recordBacklog(ctx, q, &rec, cron.FaultPaused, now)
			default:
				next = due
			}
			if err != nil {
				return err
			}
		}
		if !j.AllowsAttempts(now) {
			if err := dropAttempts(ctx, q, j.ID); err != nil {
				return err
			}
		}
		_, err = q.ExecContext(ctx,
			`UPDATE job_state SET next_run_at = $2, look_at = $2, failures = 0, counted_failures = 0 WHERE job_id = $1`,
			j.ID, nullMillis(next))
		if err != nil {
			return fmt.Errorf("plan the job: %w", err)
		}
		return nil
	})
}

// dropAttempts takes back the retries and repeats of a job that is disabled or paused; the attempts before stand as the
// last.
func dropAttempts(ctx context.Context, q queryer, jobID int64) error {
	_, err := q.ExecContext(ctx, `DELETE FROM pending WHERE job_id = $1 AND kind = $2`, jobID, int(cron.KindScheduled))
	if err != nil {
		return fmt.Errorf("drop further attempts: %w", err)
	}
	return nil
}

// lockJob reads a job for a change. On PostgreSQL it locks the state first, as a claim does, so that a claim sees
// either all of the change or nothing of it.
func (s *Store) lockJob(ctx context.Context, q queryer, accountID, jobID int64) (cron.JobRecord, error) {
	var (
		rec cron.JobRecord
		one int
	)
	err := q.QueryRowContext(ctx, `SELECT 1 FROM job_state WHERE job_id = $1 AND account_id = $2`+s.dialect.forUpdate,
		jobID, accountID).Scan(&one)
	if err != nil {
		return rec, oneRow(err, cron.SubjectJob)
	}
	return s.readJob(ctx, q, accountID, jobID)
}

func (s *Store) readJob(ctx context.Context, q queryer, accountID, jobID int64) (cron.JobRecord, error) {
	var (
		rec    cron.JobRecord
		row    stateRow
		sealed []byte
	)
	err := scanJob(q.QueryRowContext(ctx,
		`SELECT `+jobColumns+`, job_secret.sealed, `+stateColumns+`
		 FROM job JOIN job_state ON job_state.job_id = job.id LEFT JOIN job_secret ON job_secret.job_id = job.id
		 WHERE job.id = $1 AND job.account_id = $2`,
		jobID, accountID).Scan, &rec.Job, append([]any{&sealed}, row.fields()...)...)
	if err != nil {
		return rec, oneRow(err, cron.SubjectJob)
	}
	rec.State = row.state()
	return rec, s.openJob(&rec.Job, sealed)
}

// DeleteJob removes a job; its history is no longer reachable and goes with the retention. The error is of kind
// Invalid for a job that belongs to a monitor.
func (s *Store) DeleteJob(ctx context.Context, accountID, jobID int64) error {
	return s.DeleteJobIf(ctx, accountID, jobID, func(*cron.Job) error { return nil })
}

// DeleteJobIf is DeleteJob for a job that allow has no error for; its error is returned as it is. allow may run more
// than once.
func (s *Store) DeleteJobIf(ctx context.Context, accountID, jobID int64, allow func(*cron.Job) error) error {
	return s.writeJobs(ctx, func(ctx context.Context, q queryer) error {
		rec, err := s.lockJob(ctx, q, accountID, jobID)
		if err != nil {
			return err
		}
		if err := allow(&rec.Job); err != nil {
			return err
		}
		if rec.Type == cron.TypeMonitoring {
			return &cron.Error{Kind: cron.Invalid, Subject: cron.SubjectJob,
				Problems: []cron.Problem{{Rule: cron.RuleMonitorJob}}}
		}
		if _, err := q.ExecContext(ctx, `DELETE FROM job WHERE id = $1`, jobID); err != nil {
			return fmt.Errorf("delete the job: %w", err)
		}
		return nil
	})
}

// Job reads one job with all that belongs to it.
func (s *Store) Job(ctx context.Context, accountID, jobID int64) (cron.JobRecord, error) {
	return s.readJob(ctx, s.read, accountID, jobID)
}

// listColumns are what a list shows of a job, and more.
var listColumns = jobColumns + ", " + stateColumns

// listJobs reads the jobs of an account in the order of the list.
var listJobs = `SELECT ` + listColumns + `, job.url_sealed FROM job JOIN job_state ON job_state.job_id = job.id
	WHERE job.account_id = $1 ORDER BY job.enabled DESC, job_state.last_status, job.url, job.id`

// Jobs reads the jobs of an account, without headers, body and credentials: enabled ones first, then by last status,
// URL and id. someFailed tells that some could not be read and are left out.
func (s *Store) Jobs(ctx context.Context, accountID int64) (jobs []cron.JobRecord, someFailed bool, err error) {
	count, err := s.CountJobs(ctx, accountID)
	if err != nil {
		return nil, false, err
	}
	rows, err := s.read.QueryContext(ctx, listJobs, accountID)
	if err != nil {
		return nil, false, fmt.Errorf("list the jobs: %w", err)
	}
	defer func() { _ = rows.Close() }()
	opened := false
	jobs = make([]cron.JobRecord, 0, count) // records are large, so that letting a long list grow takes its time
	for rows.Next() {
		var (
			rec    cron.JobRecord
			row    stateRow
			sealed []byte
		)
		err := scanJob(rows.Scan, &rec.Job, append(row.fields(), &sealed)...)
		if err == nil {
			err = s.openURL(&rec.Job, sealed)
		}
		if err != nil {
			s.logger.Error("a job cannot be read", slogErr(err))
			someFailed = true
			continue
		}
		rec.State = row.state()
		opened = opened || sealed != nil
		jobs = append(jobs, rec)
	}
	if err := rows.Err(); err != nil {
		return nil, false, fmt.Errorf("list the jobs: %w", err)
	}
	if opened {
		sortJobs(jobs)
	}
	return jobs, someFailed, nil
}

// ListedJob reads a job as Jobs does, of whatever account, and without user and password in its URL.
func (s *Store) ListedJob(ctx context.Context, jobID int64) (cron.JobRecord, error) {
	var (
		rec cron.JobRecord
		row stateRow
	)
	err := scanJob(s.read.QueryRowContext(ctx,
		`SELECT `+listColumns+` FROM job JOIN job_state ON job_state.job_id = job.id WHERE job.id = $1`, jobID).Scan,
		&rec.Job, row.fields()...)
	if err != nil {
		return rec, oneRow(err, cron.SubjectJob)
	}
	rec.State = row.state()
	return rec, nil
}

const countJobs = `SELECT count(*) FROM job WHERE account_id = $1`

// CountJobs tells how many jobs an account has.
func (s *Store) CountJobs(ctx context.Context, accountID int64) (int, error) {
	var n int
	if err := s.read.QueryRowContext(ctx, countJobs, accountID).Scan(&n); err != nil {
		return 0, fmt.Errorf("count the jobs: %w", err)
	}
	return n, nil
}
