package store

import (
	"context"
	"database/sql"

	"punctual/internal/cron"
)

// The statements of many rows send them as arrays, a column each: one statement, one round trip.

// column is one value of each row.
func column[R, V any](rows []R, value func(R) V) []V {
	values := make([]V, len(rows))
	for i, r := range rows {
		values[i] = value(r)
	}
	return values
}

func (*postgresEngine) insertRecords(ctx context.Context, q queryer, records []*record) error {
	if len(records) == 0 {
		return nil
	}
	type key struct {
		job, planned  int64
		kind, attempt int
	}
	byKey := make(map[key]*record, len(records))
	for _, r := range records {
		r.id = 0
		byKey[key{r.jobID, r.planned, int(r.kind), r.attempt}] = r
	}
	rows, err := q.QueryContext(ctx,
		`INSERT INTO execution (account_id, job_id, planned_at, kind, attempt, node, outcome, started_at, fault,
		                        last_planned_at, occurrences, occurrences_at_least)
		 SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::smallint[], $5::integer[], $6::bigint[],
		                      $7::smallint[], $8::bigint[], $9::smallint[], $10::bigint[], $11::bigint[], $12::boolean[])
		 ON CONFLICT DO NOTHING RETURNING id, job_id, planned_at, kind, attempt`,
		column(records, func(r *record) int64 { return r.accountID }),
		column(records, func(r *record) int64 { return r.jobID }),
		column(records, func(r *record) int64 { return r.planned }),
		column(records, func(r *record) int16 { return int16(r.kind) }),
		column(records, func(r *record) int32 { return int32(r.attempt) }),
		column(records, func(r *record) int64 { return r.node }),
		column(records, func(r *record) int16 { return int16(r.outcome) }),
		column(records, func(r *record) int64 { return r.started }),
		column(records, func(r *record) int16 { return int16(r.fault) }),
		column(records, func(r *record) int64 { return r.last }),
		column(records, func(r *record) int64 { return r.covered }),
		column(records, func(r *record) bool { return r.atLeast }))
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var (
			id int64
			k  key
		)
		if err := rows.Scan(&id, &k.job, &k.planned, &k.kind, &k.attempt); err != nil {
			return err
		}
		byKey[k].id = id
	}
	return rows.Err()
}

func (*postgresEngine) savePlans(ctx context.Context, q queryer, plans []plan) error {
	if len(plans) == 0 {
		return nil
	}
	_, err := q.ExecContext(ctx,
		`UPDATE job_state SET next_run_at = p.next_run_at, claim_at = p.claim_at
		 FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS p (job_id, next_run_at, claim_at)
		 WHERE job_state.job_id = p.job_id`,
		column(plans, func(p plan) int64 { return p.jobID }),
		column(plans, func(p plan) *int64 { return nullable(p.next) }),
		column(plans, func(p plan) *int64 { return nullable(p.look) }))
	return err
}

func nullable(n sql.NullInt64) *int64 {
	if !n.Valid {
		return nil
	}
	return &n.Int64
}

func (*postgresEngine) saveResults(ctx context.Context, q queryer, completions []*cron.Completion) (
	[]*cron.Completion, error) {
	type row struct {
		launch *cron.Launch
		result
	}
	rows := make([]row, len(completions))
	for i, c := range completions {
		rows[i] = row{&c.Launch, resultRow(c)}
	}
	returned, err := q.QueryContext(ctx,
		`UPDATE execution SET outcome = r.outcome, started_at = r.started_at, status = r.status,
		        http_status = r.http_status, fault = r.fault, reason = r.reason, detail = r.detail, url = r.url,
		        lookup_us = r.lookup_us, connect_us = r.connect_us, app_connect_us = r.app_connect_us,
		        pre_transfer_us = r.pre_transfer_us, start_transfer_us = r.start_transfer_us, total_us = r.total_us,
		        cert_expiry_at = r.cert_expiry_at, lateness_us = r.lateness_us
		 FROM unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::integer[], $5::bigint[], $6::smallint[],
		             $7::bigint[], $8::smallint[], $9::integer[], $10::smallint[], $11::text[], $12::text[],
		             $13::text[], $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[],
		             $19::bigint[], $20::bigint[], $21::bigint[])
		      AS r (job_id, planned_at, kind, attempt, node, outcome, started_at, status, http_status, fault, reason,
		            detail, url, lookup_us, connect_us, app_connect_us, pre_transfer_us, start_transfer_us, total_us,
		            cert_expiry_at, lateness_us)
		 WHERE execution.job_id = r.job_id AND execution.planned_at = r.planned_at AND execution.kind = r.kind
		   AND execution.attempt = r.attempt AND execution.node = r.node
		   AND (execution.outcome = 0 OR execution.outcome = 4 AND r.outcome <> 4)
		 RETURNING execution.id`,
		column(rows, func(r row) int64 { return r.launch.Job.ID }),
		column(rows, func(r row) int64 { return millis(r.launch.Planned) }),
		column(rows, func(r row) int16 { return int16(r.launch.Kind) }),
		column(rows, func(r row) int32 { return int32(r.launch.Attempt) }),
		column(rows, func(r row) int64 { return r.launch.Node }),
		column(rows, func(r row) int16 { return int16(r.outcome) }),
		column(rows, func(r row) int64 { return r.started }),
		column(rows, func(r row) int16 { return int16(r.status) }),
		column(rows, func(r row) int32 { return int32(r.httpStatus) }),
		column(rows, func(r row) int16 { return int16(r.fault) }),
		column(rows, func(r row) string { return r.reason }),
		column(rows, func(r row) string { return r.detail }),
		column(rows, func(r row) string { return r.url }),
		column(rows, func(r row) int64 { return r.lookup }),
		column(rows, func(r row) int64 { return r.connect }),
		column(rows, func(r row) int64 { return r.appConnect }),
		column(rows, func(r row) int64 { return r.preTransfer }),
		column(rows, func(r row) int64 { return r.startTransfer }),
		column(rows, func(r row) int64 { return r.total }),
		column(rows, func(r row) int64 { return r.certExpiry }),
		column(rows, func(r row) int64 { return r.lateness }))
	if err != nil {
		return nil, err
	}
	defer func() { _ = returned.Close() }()
	took := make(map[int64]bool, len(completions))
	for returned.Next() {
		var id int64
		if err := returned.Scan(&id); err != nil {
			return nil, err
		}
		took[id] = true
	}
	if err := returned.Err(); err != nil {
		return nil, err
	}
	saved := make([]*cron.Completion, 0, len(took))
	for _, c := range completions {
		if took[c.Launch.ExecutionID] {
			delete(took, c.Launch.ExecutionID) // a batch that has it twice has it once
			saved = append(saved, c)
		}
	}
	return saved, saveResponses(ctx, q, saved)
}

// saveResponses saves the headers and bodies that were to be saved, of executions that have just taken their one result.
func saveResponses(ctx context.Context, q queryer, completions []*cron.Completion) error {
	saved := make([]*cron.Completion, 0, len(completions))
	for _, c := range completions {
		if hasResponse(&c.Result) {
			saved = append(saved, c)
		}
	}
	if len(saved) == 0 {
		return nil
	}
	_, err := q.ExecContext(ctx,
		`INSERT INTO response (execution_id, planned_at, headers, body, redirects, truncated)
		 SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bytea[], $5::text[], $6::boolean[])`,
		column(saved, func(c *cron.Completion) int64 { return c.Launch.ExecutionID }),
		column(saved, func(c *cron.Completion) int64 { return millis(c.Launch.Planned) }),
		column(saved, func(c *cron.Completion) []byte { return c.Result.Headers }),
		column(saved, func(c *cron.Completion) []byte { return c.Result.Body }),
		column(saved, func(c *cron.Completion) string { return encodeRedirects(c.Result.Redirects) }),
		column(saved, func(c *cron.Completion) bool { return c.Result.Truncated }))
	return err
}

func (*postgresEngine) saveStates(ctx context.Context, q queryer, jobs []*cron.JobRecord) error {
	if len(jobs) == 0 {
		return nil
	}
	_, err := q.ExecContext(ctx,
		`UPDATE job_state SET last_status = s.last_status, last_duration_us = s.last_duration_us,
		        last_execution_at = s.last_execution_at, cert_expiry_at = s.cert_expiry_at, failures = s.failures,
		        counted_failures = s.counted_failures, cert_notified_at = s.cert_notified_at
		 FROM unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
		             $8::bigint[])
		      AS s (job_id, last_status, last_duration_us, last_execution_at, cert_expiry_at, failures,
		            counted_failures, cert_notified_at)
		 WHERE job_state.job_id = s.job_id`,
		column(jobs, func(j *cron.JobRecord) int64 { return j.ID }),
		column(jobs, func(j *cron.JobRecord) int16 { return int16(j.State.LastStatus) }),
		column(jobs, func(j *cron.JobRecord) int64 { return j.State.LastDuration.Microseconds() }),
		column(jobs, func(j *cron.JobRecord) int64 { return millis(j.State.LastExecution) }),
		column(jobs, func(j *cron.JobRecord) int64 { return millis(j.State.CertExpiry) }),
		column(jobs, func(j *cron.JobRecord) int64 { return int64(j.State.Failures) }),
		column(jobs, func(j *cron.JobRecord) int64 { return int64(j.State.CountedFailures) }),
		column(jobs, func(j *cron.JobRecord) int64 { return millis(j.State.CertNoticed) }))
	return err
}
