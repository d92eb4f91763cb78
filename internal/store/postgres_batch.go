package store

import (
	"context"
	"database/sql"
	"slices"

	"punctual/internal/cron"
)

// Statements of many rows send an array for each column: one statement, one round trip.

var (
	postgresInsertRecords = `INSERT INTO execution (` + batchNames(recordBatch, "#") + `)
		SELECT * FROM unnest(` + arrays(recordBatch) + `)
		ON CONFLICT DO NOTHING RETURNING id, job_id, planned_at, kind, attempt`

	launchResultBatch   = slices.Concat(launchBatch, resultBatch)
	postgresSaveResults = `UPDATE execution SET ` + batchNames(resultBatch, "# = r.#") + `
		FROM unnest(` + arrays(launchResultBatch) + `) AS r (` + batchNames(launchResultBatch, "#") + `)
		WHERE execution.job_id = r.job_id AND execution.planned_at = r.planned_at AND execution.kind = r.kind
		  AND execution.attempt = r.attempt AND execution.node = r.node
		  AND (execution.outcome = 0 OR execution.outcome = 4 AND r.outcome <> 4)
		RETURNING execution.id`

	postgresInsertResponses = `INSERT INTO response (` + batchNames(responseBatch, "#") + `)
		SELECT * FROM unnest(` + arrays(responseBatch) + `)`

	// The rows are locked in the order of the arrays.
	postgresSaveProblems = `INSERT INTO problem (` + batchNames(problemBatch, "#") + `)
		SELECT * FROM unnest(` + arrays(problemBatch) + `)` + problemConflict

	postgresInsertPendingReruns = `INSERT INTO pending (` + batchNames(pendingRerunBatch, "#") + `)
		SELECT * FROM unnest(` + arrays(pendingRerunBatch) + `)`
	postgresInsertReruns = `INSERT INTO rerun (` + batchNames(rerunBatch, "#") + `)
		SELECT * FROM unnest(` + arrays(rerunBatch) + `)`

	postgresInsertNotices = `INSERT INTO outbox (` + batchNames(noticeBatch, "#") + `)
		SELECT * FROM unnest(` + arrays(noticeBatch) + `)`

	postgresInsertMonitorResults = `INSERT INTO monitor_result (` + batchNames(monitorResultBatch, "#") + `)
		SELECT * FROM unnest(` + arrays(monitorResultBatch) + `)`
	postgresSaveMonitors = `INSERT INTO monitor (` + batchNames(monitorBatch, "#") + `)
		SELECT * FROM unnest(` + arrays(monitorBatch) + `)` + monitorConflict

	keyedStateBatch    = slices.Concat(stateKeyBatch, stateBatch)
	postgresSaveStates = postgresUpdateStates(stateBatch)
	keyedRunBatch      = slices.Concat(stateKeyBatch, runBatch)
	postgresSaveRuns   = postgresUpdateStates(runBatch)
)

// postgresUpdateStates is an update of some columns of job_state. Its arrays come after that of stateKeyBatch.
func postgresUpdateStates(batch []batchColumn[*cron.JobRecord]) string {
	keyed := slices.Concat(stateKeyBatch, batch)
	return `UPDATE job_state SET ` + batchNames(batch, "# = s.#") + `
		FROM unnest(` + arrays(keyed) + `) AS s (` + batchNames(keyed, "#") + `)
		WHERE job_state.job_id = s.job_id`
}

// secretsIn implements engine: an array of accounts and one of names.
func (*postgresEngine) secretsIn(keys []secretKey) (condition string, args []any) {
	return `(account_id, name) IN (SELECT * FROM unnest($1::bigint[], $2::text[]))`, []any{
		column(keys, func(k secretKey) int64 { return k.account }), column(keys, func(k secretKey) string { return k.name }),
	}
}

func (*postgresEngine) insertRecords(ctx context.Context, q queryer, records []*record) error {
	if len(records) == 0 {
		return nil
	}
	byKey := make(map[recordKey]*record, len(records))
	for _, r := range records {
		r.id = 0
		byKey[r.key()] = r
	}
	return each(ctx, q, "insert rows", func(scan scanner) error {
		var (
			id int64
			k  recordKey
		)
		if err := scan(&id, &k.job, &k.planned, &k.kind, &k.attempt); err != nil {
			return err
		}
		byKey[k].id = id
		return nil
	}, postgresInsertRecords, arrayArgs(recordBatch, records)...)
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
		column(plans, func(p plan) *int64 { return nullable(p.claimAt) }))
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
	returned, err := q.QueryContext(ctx, postgresSaveResults, arrayArgs(launchResultBatch, completions)...)
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
			delete(took, c.Launch.ExecutionID) // a completion that is in the batch twice counts once
			saved = append(saved, c)
		}
	}
	return saved, saveResponses(ctx, q, saved)
}

// saveResponses saves headers and bodies, where they are to be saved, of executions whose result was just accepted.
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
	_, err := q.ExecContext(ctx, postgresInsertResponses, arrayArgs(responseBatch, saved)...)
	return err
}

func (*postgresEngine) saveProblems(ctx context.Context, q queryer, rows []*problemRow) error {
	byKey := make(map[problemKey]*problemRow, len(rows))
	for _, r := range rows {
		byKey[r.problemKey] = r
	}
	return each(ctx, q, "write problems", func(scan scanner) error {
		var row problemRow
		if err := scan(&row.id, &row.account, integer(&row.cause)); err != nil {
			return err
		}
		byKey[row.problemKey].id = row.id
		return nil
	}, postgresSaveProblems, arrayArgs(problemBatch, rows)...)
}

func (*postgresEngine) saveRuns(ctx context.Context, q queryer, jobs []*cron.JobRecord) error {
	if len(jobs) == 0 {
		return nil
	}
	_, err := q.ExecContext(ctx, postgresSaveRuns, arrayArgs(keyedRunBatch, jobs)...)
	return err
}

func (*postgresEngine) saveStates(ctx context.Context, q queryer, jobs []*cron.JobRecord) error {
	if len(jobs) == 0 {
		return nil
	}
	_, err := q.ExecContext(ctx, postgresSaveStates, arrayArgs(keyedStateBatch, jobs)...)
	return err
}

func (*postgresEngine) insertReruns(ctx context.Context, q queryer, runs []*rerun) error {
	if _, err := q.ExecContext(ctx, postgresInsertPendingReruns, arrayArgs(pendingRerunBatch, runs)...); err != nil {
		return err
	}
	_, err := q.ExecContext(ctx, postgresInsertReruns, arrayArgs(rerunBatch, runs)...)
	return err
}

func (*postgresEngine) insertNotices(ctx context.Context, q queryer, notices []*cron.Notice) error {
	_, err := q.ExecContext(ctx, postgresInsertNotices, arrayArgs(noticeBatch, notices)...)
	return err
}

func (*postgresEngine) insertMonitorResults(ctx context.Context, q queryer, results []*monitorResult) error {
	_, err := q.ExecContext(ctx, postgresInsertMonitorResults, arrayArgs(monitorResultBatch, results)...)
	return err
}

func (*postgresEngine) saveMonitors(ctx context.Context, q queryer, rows []*monitor) error {
	_, err := q.ExecContext(ctx, postgresSaveMonitors, arrayArgs(monitorBatch, rows)...)
	return err
}
