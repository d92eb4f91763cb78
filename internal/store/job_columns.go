package store

import "punctual/internal/cron"

// jobKey is the columns of a job that no edit changes.
func jobKey(j *cron.Job) columns {
	return func(column func(string, field)) {
		column("id", integer(&j.ID))
		column("account_id", integer(&j.AccountID))
		column("created_at", moment(&j.Created))
	}
}

// jobDefinition is the other columns of a job.
func jobDefinition(j *cron.Job) columns {
	return jobDefinitionWith(j, criteriaField{&j.Exchange.Success})
}

// jobDefinitionWith is jobDefinition with another variable for the criteria of success.
func jobDefinitionWith(j *cron.Job, success field) columns {
	return func(column func(string, field)) {
		column("folder_id", integer(&j.FolderID))
		column("type", integer(&j.Type))
		column("enabled", flag(&j.Enabled))
		column("title", text(&j.Title))
		column("save_responses", flag(&j.SaveResponses))
		column("url", publicURLField{textField{&j.Request.URL}})
		column("method", integer(&j.Request.Method))
		column("auth_enabled", flag(&j.Request.Auth.Enable))
		column("timeout", integer(&j.Timeout))
		column("redirect_success", flag(&j.RedirectSuccess))
		jobTiming(j)(column)
		jobNotification(j)(column)
		p, x := &j.Policy, &j.Exchange
		column("misfire", integer(&p.Misfire))
		column("grace", inSeconds(&p.Grace))
		column("overlap", integer(&p.Overlap))
		column("delivery", integer(&p.Delivery))
		column("retry_count", integer(&p.Retry.Count))
		column("retry_delay", inSeconds(&p.Retry.Delay))
		column("retry_factor", realField{&p.Retry.Factor})
		column("retry_max_delay", inSeconds(&p.Retry.Ceiling))
		column("max_redirects", integer(&x.FollowRedirects))
		column("success_criteria", success)
		column("skip_tls_verify", flag(&x.Unverified))
		column("oversize", integer(&x.Oversize))
		column("updated_at", moment(&j.Updated))
	}
}

// jobTiming is the columns that say when a job is due.
func jobTiming(j *cron.Job) columns {
	return func(column func(string, field)) {
		s, t := &j.Schedule, &j.Timing
		column("timezone", text(&s.Timezone))
		column("expires_at", integer(&s.ExpiresAt))
		column("seconds", integer(&s.Seconds))
		column("minutes", integer(&s.Minutes))
		column("hours", integer(&s.Hours))
		column("mdays", integer(&s.MonthDays))
		column("months", integer(&s.Months))
		column("wdays", integer(&s.Weekdays))
		column("days", integer(&s.Days))
		column("last_day", flag(&s.LastDay))
		column("dst", integer(&s.DST))
		column("run_at", moment(&t.RunAt))
		column("one_time_done", flag(&t.RunAtPassed))
		column("spread", inSeconds(&t.Spread))
		column("paused_until", moment(&t.PausedUntil))
		column("pause_note", text(&t.PauseNote))
	}
}

// jobNotification is the columns that say which notices a job writes.
func jobNotification(j *cron.Job) columns {
	return func(column func(string, field)) {
		n := &j.Notification
		column("on_failure", flag(&n.OnFailure))
		column("on_failure_count", integer(&n.OnFailureCount))
		column("on_success", flag(&n.OnSuccess))
		column("on_disable", flag(&n.OnDisable))
		column("on_cert_expiry", flag(&n.OnCertExpiry))
		column("cert_expiry_ahead", inSeconds(&n.CertExpiryAhead))
	}
}

// jobState is the columns of job_state but for those that a claim works with.
func jobState(st *cron.JobState) columns {
	return func(column func(string, field)) {
		column("next_run_at", moment(&st.NextRun))
		column("last_status", integer(&st.LastStatus))
		column("last_duration_us", inMicroseconds(&st.LastDuration))
		column("last_execution_at", moment(&st.LastExecution))
		column("cert_expiry_at", moment(&st.CertExpiry))
		column("failures", integer(&st.Failures))
		column("counted_failures", integer(&st.CountedFailures))
		column("cert_notified_at", moment(&st.CertNoticed))
	}
}

var (
	jobNames          = names("job", jobKey(new(cron.Job)), jobDefinition(new(cron.Job)))
	timingNames       = names("job", jobTiming(new(cron.Job)))
	notificationNames = names("job", jobNotification(new(cron.Job)))
	stateNames        = names("job_state", jobState(new(cron.JobState)))

	definitionCount = jobDefinition(new(cron.Job)).count()
	jobInsert       = `INSERT INTO job (account_id, created_at, ` + names("", jobDefinition(new(cron.Job))) + `) VALUES (` +
		parameters(1, 2+definitionCount) + `) RETURNING id`
	jobUpdate = `UPDATE job SET (` + names("", jobDefinition(new(cron.Job))) + `, version) = (` +
		parameters(3, definitionCount) + `, $2 + 1) WHERE id = $1 AND version = $2`
)

// scanRecord reads jobNames and stateNames, and more columns behind them.
func scanRecord(scan scanner, rec *cron.JobRecord, more ...any) error {
	return scan(append(targets(jobKey(&rec.Job), jobDefinition(&rec.Job), jobState(&rec.State)), more...)...)
}

// scanEncodedJob reads jobNames, without decoding the criteria of success, and more columns behind them.
func scanEncodedJob(scan scanner, j *cron.Job, success *string, more ...any) error {
	return scan(append(targets(jobKey(j), jobDefinitionWith(j, text(success))), more...)...)
}
