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
	"folder_id", "type", "enabled", "title", "save_responses", "url", "method", "auth_enabled", "timeout",
	"redirect_success", "timezone", "expires_at", "seconds", "minutes", "hours", "mdays", "months", "wdays", "days", "last_day", "dst",
	"run_at", "one_time_done", "spread", "paused_until", "pause_note",
	"on_failure", "on_failure_count", "on_success", "on_disable", "on_cert_expiry", "cert_expiry_ahead",
	"misfire", "grace", "overlap", "delivery", "retry_count", "retry_delay", "retry_factor", "retry_max_delay",
	"max_redirects", "success_criteria", "skip_tls_verify", "oversize",
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
		millis(t.RunAt), t.RunAtPassed, seconds(t.Spread), millis(t.PausedUntil), t.PauseNote,
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
	jobUpdate = `UPDATE job SET (` + strings.Join(jobFields, ", ") + `, version) = (` +
		parameters(3, len(jobFields)) + `, $2 + 1) WHERE id = $1 AND version = $2`
)

const stateColumns = `job_state.next_run_at, job_state.last_status, job_state.last_duration_us,
	job_state.last_execution_at, job_state.cert_expiry_at, job_state.failures, job_state.counted_failures,
	job_state.cert_notified_at`

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
	job.wdays, job.days, job.last_day, job.dst, job.run_at, job.one_time_done, job.spread, job.paused_until, job.pause_note`

// timingRow is timingColumns as they are read.
type timingRow struct {
	sets                       [6]int64
	runAt, spread, pausedUntil int64
}

func (r *timingRow) fields(j *cron.Job) []any {
	s, t := &j.Schedule, &j.Timing
	return []any{&s.Timezone, into(&s.ExpiresAt), into(&r.sets[0]), into(&r.sets[1]), into(&r.sets[2]), into(&r.sets[3]),
		into(&r.sets[4]), into(&r.sets[5]), into(&s.Days), intoFlag(&s.LastDay), into(&s.DST), into(&r.runAt), intoFlag(&t.RunAtPassed), into(&r.spread),
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
func saveSecret(ctx context.Context, q queryer, jobID int64, sealed []byte) (err error) {
	if sealed == nil {
		_, err = q.ExecContext(ctx, `DELETE FROM job_secret WHERE job_id = $1`, jobID)
	} else {
		_, err = q.ExecContext(ctx, `INSERT INTO job_secret (job_id, sealed) VALUES ($1, $2)
			ON CONFLICT (job_id) DO UPDATE SET sealed = excluded.sealed`, jobID, sealed)
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
	err := s.writeJobs(ctx, j.AccountID, func(ctx context.Context, q queryer) error {
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
		sealed, err := s.sealJob(j) // with its id, which is known by now only
		if err == nil {
			err = saveSecret(ctx, q, j.ID, sealed)
		}
		if err != nil {
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
			`INSERT INTO job_state (job_id, account_id, next_run_at, claim_at, rank)
			 SELECT $1, id, $3, $3, last_rank FROM account WHERE id = $2`,
			j.ID, j.AccountID, nullMillis(j.NextAfter(now)))
		return err
	})
	if err != nil {
		return fmt.Errorf("create the job: %w", err)
	}
	return nil
}

// readVersion reads a job and the version of its row, which every change of the row makes another.
func (s *Store) readVersion(ctx context.Context, accountID, jobID int64) (rec cron.JobRecord, version int64, err error) {
	var (
		row    stateRow
		sealed []byte
	)
	err = scanJob(s.read.QueryRowContext(ctx,
		`SELECT `+jobColumns+`, job_secret.sealed, job.version, `+stateColumns+`
		 FROM job JOIN job_state ON job_state.job_id = job.id LEFT JOIN job_secret ON job_secret.job_id = job.id
		 WHERE job.id = $1 AND job.account_id = $2`,
		jobID, accountID).Scan, &rec.Job, append([]any{&sealed, &version}, row.fields()...)...)
	if err != nil {
		return rec, 0, oneRow(err, cron.SubjectJob)
	}
	rec.State = row.state()
	return rec, version, s.openJob(&rec.Job, sealed)
}

// Job reads one job with all that belongs to it.
func (s *Store) Job(ctx context.Context, accountID, jobID int64) (cron.JobRecord, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return cron.JobRecord{}, err
	}
	defer leave()
	rec, _, err := s.readVersion(ctx, accountID, jobID)
	return rec, err
}

// listColumns are what a list shows of a job, and more.
var listColumns = jobColumns + ", " + stateColumns

// listJobs reads the jobs of an account in the order of the list.
var listJobs = `SELECT ` + listColumns + `, job.sealed_url FROM job JOIN job_state ON job_state.job_id = job.id
	WHERE job.account_id = $1 ORDER BY job.enabled DESC, job_state.last_status, job.url, job.id`

// Jobs reads the jobs of an account, without headers, body and credentials: enabled ones first, then by last status,
// URL and id. someFailed tells that some could not be read and are left out.
func (s *Store) Jobs(ctx context.Context, accountID int64) (jobs []cron.JobRecord, someFailed bool, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, false, err
	}
	defer leave()
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
	return readListed(ctx, s.read, jobID)
}

func readListed(ctx context.Context, q queryer, jobID int64) (cron.JobRecord, error) {
	var (
		rec cron.JobRecord
		row stateRow
	)
	err := scanJob(q.QueryRowContext(ctx,
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
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return 0, err
	}
	defer leave()
	var n int
	if err := s.read.QueryRowContext(ctx, countJobs, accountID).Scan(&n); err != nil {
		return 0, fmt.Errorf("count the jobs: %w", err)
	}
	return n, nil
}
