package store

import "punctual/internal/cron"

// jobKey is the columns of job that no edit changes.
func jobKey(j *cron.Job) columns {
	return func(list *columnList) {
		list.add("id", integer(&j.ID))
		list.add("account_id", integer(&j.AccountID))
		list.add("created_at", moment(&j.Created))
	}
}

// jobDefinition is the other columns of job.
func jobDefinition(j *cron.Job) columns {
	return jobDefinitionWith(j, criteriaField{&j.Exchange.Success}, secretNamesField{&j.Request})
}

// jobDefinitionWith is jobDefinition with other variables for the criteria of success and the names of secrets.
func jobDefinitionWith(j *cron.Job, success, secretNames field) columns {
	return func(list *columnList) {
		list.add("type", integer(&j.Type))
		jobEditable(j, success, secretNames)(list)
	}
}

// jobEditable is what edits write. The type is that of a job that a status page has or has not, which no edit changes.
func jobEditable(j *cron.Job, success, secretNames field) columns {
	return func(list *columnList) {
		jobClaimed(j, success, secretNames)(list)
		jobNotification(j)(list)
		list.add("pause_note", text(&j.Timing.PauseNote))
		list.add("updated_at", moment(&j.Updated))
	}
}

// jobClaimed is the columns of jobEditable that a claim looks at: what decides whether the job runs, and what it sends.
func jobClaimed(j *cron.Job, success, secretNames field) columns {
	return func(list *columnList) {
		list.add("folder_id", integer(&j.FolderID))
		list.add("enabled", flag(&j.Enabled))
		list.add("title", text(&j.Title))
		list.add("save_responses", flag(&j.SaveResponses))
		list.add("url", publicURLField{textField{&j.Request.URL}})
		list.add("method", integer(&j.Request.Method))
		list.add("secret_names", secretNames)
		list.add("traceparent", flag(&j.Traceparent))
		list.add("auth_enabled", flag(&j.Request.Auth.Enable))
		list.add("timeout", integer(&j.Timeout))
		list.add("redirect_success", flag(&j.RedirectSuccess))
		jobDue(j)(list)
		p, x := &j.Policy, &j.Exchange
		list.add("misfire", integer(&p.Misfire))
		list.add("grace", inSeconds(&p.Grace))
		list.add("late_after", inSeconds(&p.LateAfter))
		list.add("overlap", integer(&p.Overlap))
		list.add("delivery", integer(&p.Delivery))
		list.add("retry_count", integer(&p.Retry.Count))
		list.add("retry_delay", inSeconds(&p.Retry.Delay))
		list.add("retry_factor", realField{&p.Retry.Factor})
		list.add("retry_max_delay", inSeconds(&p.Retry.Ceiling))
		list.add("max_redirects", integer(&x.FollowRedirects))
		list.add("success_criteria", success)
		list.add("skip_tls_verify", flag(&x.Unverified))
		list.add("oversize", integer(&x.Oversize))
		list.add("connection", integer(&x.Connection))
	}
}

// addSchedule adds the columns of a schedule, which jobs and maintenance windows have alike.
func addSchedule(list *columnList, s *cron.Schedule) {
	list.add("timezone", text(&s.Timezone))
	list.add("expires_at", integer(&s.ExpiresAt))
	list.add("seconds", integer(&s.Seconds))
	list.add("minutes", integer(&s.Minutes))
	list.add("hours", integer(&s.Hours))
	list.add("mdays", integer(&s.MonthDays))
	list.add("months", integer(&s.Months))
	list.add("wdays", integer(&s.Weekdays))
	list.add("days", integer(&s.Days))
	list.add("last_day", flag(&s.LastDay))
	list.add("dst", integer(&s.DST))
}

// jobTiming is the columns that say when a job is due.
func jobTiming(j *cron.Job) columns {
	return func(list *columnList) {
		jobDue(j)(list)
		list.add("pause_note", text(&j.Timing.PauseNote))
	}
}

// jobDue is jobTiming without the note of a person.
func jobDue(j *cron.Job) columns {
	return func(list *columnList) {
		t := &j.Timing
		addSchedule(list, &j.Schedule)
		list.add("run_at", moment(&t.RunAt))
		list.add("one_time_done", flag(&t.RunAtPassed))
		list.add("spread", inSeconds(&t.Spread))
		list.add("paused_until", moment(&t.PausedUntil))
	}
}

// jobHeld is the columns of jobTiming that a result looks at. Of a column that is read for each result, the process pays for the
// reading more than the database does.
func jobHeld(j *cron.Job) columns {
	return func(list *columnList) {
		list.add("one_time_done", flag(&j.Timing.RunAtPassed))
		list.add("paused_until", moment(&j.Timing.PausedUntil))
	}
}

// jobNotification is the columns that decide which notices a job writes.
func jobNotification(j *cron.Job) columns {
	return func(list *columnList) {
		n := &j.Notification
		list.add("on_failure", flag(&n.OnFailure))
		list.add("on_failure_count", integer(&n.OnFailureCount))
		list.add("on_success", flag(&n.OnSuccess))
		list.add("on_disable", flag(&n.OnDisable))
		list.add("on_cert_expiry", flag(&n.OnCertExpiry))
		list.add("cert_expiry_ahead", inSeconds(&n.CertExpiryAhead))
		list.add("silenced_until", moment(&n.SilencedUntil))
	}
}

// jobState is the columns of job_state without those of the claim.
func jobState(st *cron.JobState) columns {
	return func(list *columnList) {
		stateListed(st)(list)
		list.add("failures", integer(&st.Failures))
		list.add("counted_failures", integer(&st.CountedFailures))
		list.add("cert_notified_at", moment(&st.CertNoticed))
		list.add("failure_untold", flag(&st.FailureUntold))
	}
}

// jobTold is the columns of job_state about failures, which only results need. They are NULL for a job that does not fail.
func jobTold(st *cron.JobState) columns {
	return func(list *columnList) {
		list.add("failing_since", moment(&st.FailingSince))
		list.add("told", integer(&st.Told))
	}
}

var (
	jobNames          = names("job", jobKey(new(cron.Job)), jobDefinition(new(cron.Job)))
	claimedNames      = names("job", claimedJob(new(cron.Job), nil, nil))
	timingNames       = names("job", jobTiming(new(cron.Job)))
	heldNames         = names("job", jobHeld(new(cron.Job)))
	notificationNames = names("job", jobNotification(new(cron.Job)))
	stateNames        = names("job_state", jobState(new(cron.JobState)))
	toldNames         = names("job_state", jobTold(new(cron.JobState)))

	definitionCount = jobDefinition(new(cron.Job)).count()
	jobInsert       = `INSERT INTO job (account_id, created_at, ` + names("", jobDefinition(new(cron.Job))) + `) VALUES (` +
		parameters(1, 2+definitionCount) + `) RETURNING id`
	// With an ID of an earlier job: the engine writes what stands between the two.
	jobRestoreInto   = `INSERT INTO job (id, account_id, created_at, version, ` + names("", jobDefinition(new(cron.Job))) + `)`
	jobRestoreValues = ` VALUES (` + parameters(1, 4+definitionCount) + `)`

	jobUpdate = `UPDATE job SET (` + names("", jobEditable(new(cron.Job), nil, nil)) + `, version) = (` +
		parameters(3, definitionCount-1) + `, $2 + 1) WHERE id = $1 AND version = $2`
)

// scanRecord reads jobNames and stateNames, and the columns that follow them.
func scanRecord(scan scanner, rec *cron.JobRecord, more ...any) error {
	return scan(append(targets(jobKey(&rec.Job), jobDefinition(&rec.Job), jobState(&rec.State)), more...)...)
}

// claimedJob is jobClaimed with the identity of the job. The criteria of success and the names of secrets stay encoded.
func claimedJob(j *cron.Job, success, secretNames *string) columns {
	return func(list *columnList) {
		list.add("id", integer(&j.ID))
		list.add("account_id", integer(&j.AccountID))
		list.add("type", integer(&j.Type))
		jobClaimed(j, text(success), text(secretNames))(list)
	}
}
