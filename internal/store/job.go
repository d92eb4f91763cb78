package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"punctual/internal/cron"
)

// secretRow is the sealed part of a job.
type secretRow struct {
	URL      string        `json:"l,omitempty"` // only a URL with user or password
	Headers  []cron.Header `json:"h,omitempty"`
	Body     string        `json:"b,omitempty"`
	User     string        `json:"u,omitempty"`
	Password string        `json:"p,omitempty"`
	Signing  string        `json:"s,omitempty"`
}

func jobRow(id int64) string { return "job " + strconv.FormatInt(id, 10) }

// encodeSecrets returns what of a job is to be sealed; nil when it has no secrets.
func encodeSecrets(j *cron.Job) ([]byte, error) {
	r := &j.Request
	row := secretRow{Headers: r.Headers, Body: r.Body, User: r.Auth.User, Password: r.Auth.Password, Signing: j.SigningSecret}
	if _, ok := cron.WithoutUser(r.URL); ok {
		row.URL = r.URL
	}
	if len(row.Headers) == 0 && row.Body == "" && row.User == "" && row.Password == "" && row.Signing == "" && row.URL == "" {
		return nil, nil
	}
	plain, err := json.Marshal(row)
	if err != nil {
		return nil, fmt.Errorf("encode the secrets of job %d: %w", j.ID, err)
	}
	return plain, nil
}

// saveSecret seals the secrets of a job and writes them. A job without secrets has no row.
func (s *Store) saveSecret(ctx context.Context, q queryer, jobID int64, secrets []byte) (err error) {
	if secrets == nil {
		_, err = q.ExecContext(ctx, `DELETE FROM job_secret WHERE job_id = $1`, jobID)
	} else {
		var sealed []byte
		if sealed, err = s.seal(ctx, q, secrets, jobRow(jobID)); err != nil {
			return err
		}
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
	j.SigningSecret = row.Signing
	if row.URL != "" {
		j.Request.URL = row.URL
	}
	return nil
}

// CreateJob adds a job to its account, sets its ID and times, and plans its next run. It validates only the folder and the channels. The
// error is of kind TooMany when the account's plan allows no further job.
func (s *Store) CreateJob(ctx context.Context, j *cron.Job) error {
	encoded, err := s.encodeJob(j)
	if err != nil {
		return err
	}
	encoded.found.index(j.AccountID)
	err = s.writeJobs(ctx, j.AccountID, func(ctx context.Context, q queryer) error {
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
		if err := s.checkChannels(ctx, q, j, nil); err != nil {
			return err
		}
		now := s.stamp()
		j.Created, j.Updated = now, now
		err = q.QueryRowContext(ctx, jobInsert, values([]any{j.AccountID, millis(now)}, jobDefinition(j))...).Scan(&j.ID)
		if err != nil {
			return err
		}
		if err := s.saveNew(ctx, q, j, now, &encoded); err != nil {
			return err
		}
		return s.addVersion(ctx, q, j, 1, &j.CreatedBy, nil, origin{}, encoded.definition)
	})
	if err != nil {
		return fmt.Errorf("create the job: %w", err)
	}
	return nil
}

// saveNew writes what belongs to a row of job that has just been inserted, and plans the job.
func (s *Store) saveNew(ctx context.Context, q queryer, j *cron.Job, now time.Time, encoded *encodedJob) error {
	if err := saveAbout(ctx, q, j); err != nil {
		return err
	}
	if err := encoded.found.save(ctx, s, q, j.AccountID, j.ID); err != nil {
		return err
	}
	if err := s.saveSecret(ctx, q, j.ID, encoded.secrets); err != nil {
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
	_, err := q.ExecContext(ctx,
		`INSERT INTO job_state (job_id, account_id, next_run_at, claim_at, rank)
		 SELECT $1, id, $3, $3, last_rank FROM account WHERE id = $2`,
		j.ID, j.AccountID, nullMillis(j.NextAfter(now)))
	return err
}

// encodedJob is what is sealed of a job, and what it is found by, encoded before the transaction that writes it.
type encodedJob struct {
	secrets, definition []byte
	found               *findable // without grams
}

func (s *Store) encodeJob(j *cron.Job) (e encodedJob, err error) {
	e.found = findableOf(j)
	if e.secrets, err = encodeSecrets(j); err == nil {
		e.definition, err = s.encodeDefinition(j)
	}
	return e, err
}

// readVersion reads a job and the version of its row, which every change of the row increments.
func (s *Store) readVersion(ctx context.Context, accountID, jobID int64) (rec cron.JobRecord, version int64, err error) {
	var sealed []byte
	err = scanRecord(s.read.QueryRowContext(ctx,
		`SELECT `+jobNames+`, `+stateNames+`, job_secret.sealed, job.version, `+aboutNames+`
		 FROM job JOIN job_state ON job_state.job_id = job.id LEFT JOIN job_secret ON job_secret.job_id = job.id
		 LEFT JOIN job_about ON job_about.job_id = job.id WHERE job.id = $1 AND job.account_id = $2`,
		jobID, accountID).Scan, &rec, append([]any{&sealed, &version}, optional(jobAbout(&rec.Job))...)...)
	if err != nil {
		return rec, 0, oneRow(err, cron.SubjectJob)
	}
	return rec, version, s.openJob(&rec.Job, sealed)
}

// Job reads one job with its secrets and its state.
func (s *Store) Job(ctx context.Context, accountID, jobID int64) (cron.JobRecord, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return cron.JobRecord{}, err
	}
	defer leave()
	rec, _, err := s.readVersion(ctx, accountID, jobID)
	return rec, err
}

// listColumns are the columns of a job in a list.
var listColumns = jobNames + ", " + stateNames

// JobTitle reads the title of a job, or its URL without credentials when it has none.
func (s *Store) JobTitle(ctx context.Context, accountID, jobID int64) (title string, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return "", err
	}
	defer leave()
	var url string
	err = s.read.QueryRowContext(ctx, `SELECT title, url FROM job WHERE id = $1 AND account_id = $2`, jobID, accountID).Scan(&title, &url)
	if title == "" {
		title = url
	}
	return title, oneRow(err, cron.SubjectJob)
}

func readListed(ctx context.Context, q queryer, jobID int64) (cron.JobRecord, error) {
	var rec cron.JobRecord
	err := scanRecord(q.QueryRowContext(ctx,
		`SELECT `+listColumns+` FROM job JOIN job_state ON job_state.job_id = job.id WHERE job.id = $1`, jobID).Scan, &rec)
	if err != nil {
		return rec, oneRow(err, cron.SubjectJob)
	}
	return rec, nil
}

const countJobs = `SELECT count(*) FROM job WHERE account_id = $1`

// CountJobs counts the jobs of an account.
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
