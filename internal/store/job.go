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

// jobFields are the columns of a job but for its id, account, secret and creation, in the order of jobValues.
var jobFields = []string{
	"folder_id", "type", "enabled", "title", "save_responses", "url", "method", "auth_enable", "timeout",
	"redirect_success", "timezone", "expires_at", "seconds", "minutes", "hours", "mdays", "months", "wdays", "dst",
	"on_failure", "on_failure_count", "on_success", "on_disable", "on_cert_expiry", "cert_expiry_ahead",
	"misfire", "grace", "overlap", "delivery", "retry_count", "retry_delay", "retry_factor", "retry_ceiling",
	"updated_at",
}

func jobValues(j *cron.Job) []any {
	sc, n, p := &j.Schedule, &j.Notification, &j.Policy
	return []any{
		j.FolderID, int(j.Type), j.Enabled, j.Title, j.SaveResponses, j.Request.URL, int(j.Request.Method),
		j.Request.Auth.Enable, j.Timeout, j.RedirectSuccess, sc.Timezone, sc.ExpiresAt, int64(sc.Seconds),
		int64(sc.Minutes), int64(sc.Hours), int64(sc.MonthDays), int64(sc.Months), int64(sc.Weekdays), int(sc.DST),
		n.OnFailure, n.OnFailureCount, n.OnSuccess, n.OnDisable, n.OnCertExpiry, seconds(n.CertExpiryAhead),
		int(p.Misfire), seconds(p.Grace), int(p.Overlap), int(p.Delivery), p.Retry.Count, seconds(p.Retry.Delay),
		p.Retry.Factor, seconds(p.Retry.Ceiling), millis(j.Updated),
	}
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

var (
	jobColumns = "job.id, job.account_id, job.created_at, job." + strings.Join(jobFields, ", job.")
	jobInsert  = `INSERT INTO job (account_id, created_at, ` + strings.Join(jobFields, ", ") + `) VALUES (` +
		parameters(1, 2+len(jobFields)) + `) RETURNING id`
	jobUpdate = `UPDATE job SET (` + strings.Join(jobFields, ", ") + `, secret) = (` +
		parameters(2, 1+len(jobFields)) + `) WHERE id = $1`
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

// scheduleRow is the columns of a schedule, timezone to dst, as they are read.
type scheduleRow [6]int64

func (r *scheduleRow) fields(s *cron.Schedule) []any {
	return []any{&s.Timezone, &s.ExpiresAt, &r[0], &r[1], &r[2], &r[3], &r[4], &r[5], &s.DST}
}

func (r *scheduleRow) into(s *cron.Schedule) {
	s.Seconds, s.Minutes, s.Hours = cron.Set(r[0]), cron.Set(r[1]), cron.Set(r[2])
	s.MonthDays, s.Months, s.Weekdays = cron.Set(r[3]), cron.Set(r[4]), cron.Set(r[5])
}

// scanJob reads jobColumns, and more columns behind them.
func scanJob(scan func(...any) error, j *cron.Job, more ...any) error {
	var (
		n, p                                           = &j.Notification, &j.Policy
		sets                                           scheduleRow
		created, updated, ahead, grace, delay, ceiling int64
	)
	fields := append(make([]any, 0, 3+len(jobFields)+len(more)), &j.ID, &j.AccountID, &created,
		&j.FolderID, &j.Type, &j.Enabled, &j.Title, &j.SaveResponses, &j.Request.URL, &j.Request.Method,
		&j.Request.Auth.Enable, &j.Timeout, &j.RedirectSuccess)
	fields = append(fields, sets.fields(&j.Schedule)...)
	fields = append(fields,
		&n.OnFailure, &n.OnFailureCount, &n.OnSuccess, &n.OnDisable, &n.OnCertExpiry, &ahead,
		&p.Misfire, &grace, &p.Overlap, &p.Delivery, &p.Retry.Count, &delay, &p.Retry.Factor, &ceiling, &updated)
	if err := scan(append(fields, more...)...); err != nil {
		return err
	}
	sets.into(&j.Schedule)
	n.CertExpiryAhead = time.Duration(ahead) * time.Second
	p.Grace, p.Retry.Delay = time.Duration(grace)*time.Second, time.Duration(delay)*time.Second
	p.Retry.Ceiling = time.Duration(ceiling) * time.Second
	j.Created, j.Updated = instant(created), instant(updated)
	return nil
}

// stateRow is stateColumns as they are read.
type stateRow struct {
	next                                 *int64
	status                               int
	duration, execution, expiry, noticed int64
	failures, counted                    int
}

func (r *stateRow) fields() []any {
	return []any{&r.next, &r.status, &r.duration, &r.execution, &r.expiry, &r.failures, &r.counted, &r.noticed}
}

func (r *stateRow) state() cron.JobState {
	st := cron.JobState{
		LastStatus: cron.Status(r.status), LastDuration: time.Duration(r.duration) * time.Microsecond,
		LastExecution: instant(r.execution), CertExpiry: instant(r.expiry), CertNoticed: instant(r.noticed),
		Failures: r.failures, CountedFailures: r.counted,
	}
	if r.next != nil {
		st.NextRun = instant(*r.next)
	}
	return st
}

// secretRow is the sealed part of a job.
type secretRow struct {
	Headers  []cron.Header `json:"h,omitempty"`
	Body     string        `json:"b,omitempty"`
	User     string        `json:"u,omitempty"`
	Password string        `json:"p,omitempty"`
}

func jobRow(id int64) string { return "job " + strconv.FormatInt(id, 10) }

// sealJob returns the sealed secrets of a job; nil when it has none.
func (s *Store) sealJob(j *cron.Job) ([]byte, error) {
	r := &j.Request
	if len(r.Headers) == 0 && r.Body == "" && r.Auth.User == "" && r.Auth.Password == "" {
		return nil, nil
	}
	plain, err := json.Marshal(secretRow{Headers: r.Headers, Body: r.Body, User: r.Auth.User, Password: r.Auth.Password})
	if err != nil {
		return nil, fmt.Errorf("encode the secrets of job %d: %w", j.ID, err)
	}
	return s.sealer.seal(plain, jobRow(j.ID)), nil
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
	return nil
}

// CreateJob adds a job to its account, sets its ID and times, and plans its next run. It validates nothing but the
// folder.
func (s *Store) CreateJob(ctx context.Context, j *cron.Job) error {
	err := s.writeJobs(ctx, func(ctx context.Context, q queryer) error {
		if err := s.checkFolder(ctx, q, j); err != nil {
			return err
		}
		now := s.stamp()
		j.Created, j.Updated = now, now
		err := q.QueryRowContext(ctx, jobInsert, append([]any{j.AccountID, millis(now)}, jobValues(j)...)...).Scan(&j.ID)
		if err != nil {
			return err
		}
		sealed, err := s.sealJob(j)
		if err != nil {
			return err
		}
		if sealed != nil {
			if _, err := q.ExecContext(ctx, `UPDATE job SET secret = $2 WHERE id = $1`, j.ID, sealed); err != nil {
				return err
			}
		}
		_, err = q.ExecContext(ctx,
			`INSERT INTO job_state (job_id, account_id, next_run_at, look_at, rank)
			 SELECT $1, $2, $3, $3, coalesce(max(rank), 0) + 1 FROM job_state WHERE account_id = $2`,
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
// disables the job, is recorded as skipped.
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
		sealed, err := s.sealJob(&j)
		if err != nil {
			return err
		}
		if _, err := q.ExecContext(ctx, jobUpdate, append(append([]any{j.ID}, jobValues(&j)...), sealed)...); err != nil {
			return fmt.Errorf("update the job: %w", err)
		}
		next := j.NextAfter(now)
		if due := rec.State.NextRun; !due.IsZero() && !due.After(now) {
			if j.Enabled {
				next = due
			} else if err := s.recordDisabled(ctx, q, &rec, now); err != nil {
				return err
			}
		}
		if !j.Enabled {
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

// dropAttempts takes back the retries and repeats of a job that is disabled; the attempts before stand as the last.
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
		`SELECT `+jobColumns+`, job.secret, `+stateColumns+`
		 FROM job JOIN job_state ON job_state.job_id = job.id WHERE job.id = $1 AND job.account_id = $2`,
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
	return s.writeJobs(ctx, func(ctx context.Context, q queryer) error {
		rec, err := s.lockJob(ctx, q, accountID, jobID)
		if err != nil {
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

// Jobs reads the jobs of an account, without headers, body and credentials: enabled ones first, then by last status,
// URL and id. someFailed tells that some could not be read and are left out.
func (s *Store) Jobs(ctx context.Context, accountID int64) (jobs []cron.JobRecord, someFailed bool, err error) {
	rows, err := s.read.QueryContext(ctx,
		`SELECT `+jobColumns+`, `+stateColumns+` FROM job JOIN job_state ON job_state.job_id = job.id
		 WHERE job.account_id = $1 ORDER BY job.enabled DESC, job_state.last_status, job.url, job.id`, accountID)
	if err != nil {
		return nil, false, fmt.Errorf("list the jobs: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var (
			rec cron.JobRecord
			row stateRow
		)
		if err := scanJob(rows.Scan, &rec.Job, row.fields()...); err != nil {
			s.logger.Error("a job cannot be read", slogErr(err))
			someFailed = true
			continue
		}
		rec.State = row.state()
		jobs = append(jobs, rec)
	}
	if err := rows.Err(); err != nil {
		return nil, false, fmt.Errorf("list the jobs: %w", err)
	}
	return jobs, someFailed, nil
}

// CountJobs tells how many jobs an account has.
func (s *Store) CountJobs(ctx context.Context, accountID int64) (int, error) {
	var n int
	err := s.read.QueryRowContext(ctx, `SELECT count(*) FROM job WHERE account_id = $1`, accountID).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count the jobs: %w", err)
	}
	return n, nil
}
