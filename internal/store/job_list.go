package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
)

// The list of an account's jobs may be long, and each column of each row costs more than what is done with it. So the list reads
// what it shows, and when a job is due next only of disabled jobs, in one column: of enabled ones job_state says it.

// jobListed is the columns of job that the list of an account shows.
func jobListed(j *cron.Job) columns {
	return func(list *columnList) {
		list.add("id", integer(&j.ID))
		list.add("type", integer(&j.Type))
		list.add("folder_id", integer(&j.FolderID))
		list.add("enabled", flag(&j.Enabled))
		list.add("title", text(&j.Title))
		list.add("save_responses", flag(&j.SaveResponses))
		list.add("url", publicURLField{textField{&j.Request.URL}})
		list.add("method", integer(&j.Request.Method))
		list.add("timeout", integer(&j.Timeout))
		list.add("redirect_success", flag(&j.RedirectSuccess))
		s := &j.Schedule
		list.add("timezone", text(&s.Timezone))
		list.add("expires_at", integer(&s.ExpiresAt))
		list.add("minutes", integer(&s.Minutes))
		list.add("hours", integer(&s.Hours))
		list.add("mdays", integer(&s.MonthDays))
		list.add("months", integer(&s.Months))
		list.add("wdays", integer(&s.Weekdays))
	}
}

// stateListed is the columns of job_state that the list of an account shows.
func stateListed(st *cron.JobState) columns {
	return func(list *columnList) {
		list.add("next_run_at", moment(&st.NextRun))
		list.add("last_status", integer(&st.LastStatus))
		list.add("last_duration_us", inMicroseconds(&st.LastDuration))
		list.add("last_execution_at", moment(&st.LastExecution))
		list.add("cert_expiry_at", moment(&st.CertExpiry))
	}
}

// restOfDue is the columns of jobDue that the list does not show, of a disabled job, as one text; NULL for an enabled one.
// restOfDueField reads it.
const restOfDue = `CASE WHEN job.enabled THEN NULL ELSE CAST(job.seconds AS TEXT) || ' ' || CAST(job.days AS TEXT) || ' '
	|| CASE WHEN job.last_day THEN '1' ELSE '0' END || ' ' || CAST(job.dst AS TEXT) || ' ' || CAST(job.run_at AS TEXT) || ' '
	|| CASE WHEN job.one_time_done THEN '1' ELSE '0' END || ' ' || CAST(job.spread AS TEXT) || ' ' || CAST(job.paused_until AS TEXT) END`

// restOfDueField is the variables of restOfDue.
type restOfDueField struct{ of *cron.Job }

// Scan implements sql.Scanner.
func (f restOfDueField) Scan(value any) error {
	if value == nil {
		return nil
	}
	var encoded string
	if err := (textField{&encoded}).Scan(value); err != nil {
		return err
	}
	numbers := make([]int64, 0, 8)
	for part := range strings.SplitSeq(encoded, " ") {
		n, err := strconv.ParseInt(part, 10, 64)
		if err != nil {
			return fmt.Errorf("read when the job is due: %w", err)
		}
		numbers = append(numbers, n)
	}
	if len(numbers) != cap(numbers) {
		return fmt.Errorf("read when the job is due: %d numbers", len(numbers))
	}
	s, t := &f.of.Schedule, &f.of.Timing
	s.Seconds, s.Days, s.LastDay, s.DST = cron.Set(numbers[0]), cron.DayRule(numbers[1]), numbers[2] != 0, cron.DSTRule(numbers[3])
	t.RunAt, t.RunAtPassed = instant(numbers[4]), numbers[5] != 0
	t.Spread, t.PausedUntil = time.Duration(numbers[6])*time.Second, instant(numbers[7])
	return nil
}

func (f restOfDueField) value() any { return nil }

var listJobs = `SELECT ` + names("job", jobListed(new(cron.Job))) + `, ` + names("job_state", stateListed(new(cron.JobState))) +
	`, ` + restOfDue + `, job.sealed_url FROM job JOIN job_state ON job_state.job_id = job.id WHERE job.account_id = $1`

// EachJob calls visit for each job of an account, in no order, with what the list shows and, of disabled jobs, what says when they are
// due. The job is visit's until it returns. someFailed tells that some could not be read and are left out.
func (s *Store) EachJob(ctx context.Context, accountID int64, visit func(job *cron.JobRecord)) (someFailed bool, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return false, err
	}
	defer leave()
	var (
		rec    cron.JobRecord
		sealed []byte
		fields []field
	)
	for _, f := range append(targets(jobListed(&rec.Job), stateListed(&rec.State)), restOfDueField{&rec.Job}, blob(&sealed)) {
		fields = append(fields, f.(field))
	}
	err = s.eachRow(ctx, "list the jobs", func(scan func([]field) error) error {
		zone := rec.Schedule.Timezone // most jobs have that of the one before
		rec, sealed = cron.JobRecord{}, nil
		err := scan(fields)
		if err == nil {
			err = s.openURL(&rec.Job, sealed)
		}
		if err != nil {
			s.logger.Error("a job cannot be read", slogErr(err))
			someFailed = true
			return nil
		}
		if rec.Schedule.Timezone == zone {
			rec.Schedule.Timezone = zone
		}
		rec.AccountID = accountID
		visit(&rec)
		return nil
	}, listJobs, accountID)
	return someFailed, err
}

// Jobs lists the jobs that EachJob visits, in the order of the list.
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
	jobs = make([]cron.JobRecord, 0, count) // records are large: growing a long list would take long
	someFailed, err = s.EachJob(ctx, accountID, func(job *cron.JobRecord) { jobs = append(jobs, *job) })
	if err != nil {
		return nil, false, err
	}
	sortJobs(jobs)
	return jobs, someFailed, nil
}
