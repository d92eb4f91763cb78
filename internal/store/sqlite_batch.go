package store

import (
	"context"
	"strings"

	"punctual/internal/cron"
)

// Statements of many rows run one prepared statement for each row. There is no network, so this is as fast as one
// statement. Their parameters have no names: the driver looks each name up, which takes longer than the value.

var (
	sqliteInsertRecord = sqliteInsert("execution", recordBatch) + ` ON CONFLICT DO NOTHING`
	sqliteSaveResult   = `UPDATE execution SET ` + batchNames(resultBatch, "# = ?") +
		` WHERE id = ? AND node = ? AND (outcome = 0 OR outcome = 4 AND ? <> 4)` // the last one is the new outcome
	sqliteInsertResponse      = sqliteInsert("response", responseBatch) + ` ON CONFLICT DO NOTHING`
	sqliteSaveProblem         = sqliteInsert("problem", problemBatch) + problemConflict
	sqliteInsertPendingRerun  = sqliteInsert("pending", pendingRerunBatch)
	sqliteInsertRerun         = sqliteInsert("rerun", rerunBatch)
	sqliteInsertNotice        = sqliteInsert("outbox", noticeBatch)
	sqliteSaveState           = `UPDATE job_state SET ` + batchNames(stateBatch, "# = ?") + ` WHERE job_id = ?`
	sqliteSaveRun             = `UPDATE job_state SET ` + batchNames(runBatch, "# = ?") + ` WHERE job_id = ?`
	sqliteInsertMonitorResult = sqliteInsert("monitor_result", monitorResultBatch)
	sqliteSaveMonitor         = sqliteInsert("monitor", monitorBatch) + monitorConflict
)

func sqliteInsert[R any](table string, batch []batchColumn[R]) string {
	return `INSERT INTO ` + table + ` (` + batchNames(batch, "#") + `) VALUES (` + strings.TrimPrefix(strings.Repeat(", ?", len(batch)), ", ") + `)`
}

// secretsIn implements engine: the keys are one JSON array of pairs.
func (*sqliteEngine) secretsIn(keys []secretKey) (condition string, args []any) {
	pairs := make([][2]any, len(keys))
	for i, k := range keys {
		pairs[i] = [2]any{k.account, k.name}
	}
	return `(account_id, name) IN (SELECT value ->> 0, value ->> 1 FROM json_each($1))`, []any{encode(pairs)}
}

func (*sqliteEngine) insertRecords(ctx context.Context, q queryer, records []*record) error {
	for _, r := range records {
		res, err := q.ExecContext(ctx, sqliteInsertRecord, rowArgs(recordBatch, r)...)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			r.id = 0
			continue
		}
		if r.id, err = res.LastInsertId(); err != nil {
			return err
		}
	}
	return nil
}

func (*sqliteEngine) savePlans(ctx context.Context, q queryer, plans []plan) error {
	for _, p := range plans {
		_, err := q.ExecContext(ctx, `UPDATE job_state SET next_run_at = ?, claim_at = ? WHERE job_id = ?`, p.next, p.claimAt, p.jobID)
		if err != nil {
			return err
		}
	}
	return nil
}

func (*sqliteEngine) saveResults(ctx context.Context, q queryer, completions []*cron.Completion) (
	[]*cron.Completion, error) {
	saved := make([]*cron.Completion, 0, len(completions))
	for _, c := range completions {
		res, err := q.ExecContext(ctx, sqliteSaveResult, rowArgs(resultBatch, c, c.Launch.ExecutionID, c.Launch.Node, int16(c.Result.Outcome()))...)
		if err != nil {
			return nil, err
		}
		if n, err := res.RowsAffected(); err != nil {
			return nil, err
		} else if n == 0 {
			continue
		}
		saved = append(saved, c)
		if !hasResponse(&c.Result) {
			continue
		}
		if _, err := q.ExecContext(ctx, sqliteInsertResponse, rowArgs(responseBatch, c)...); err != nil {
			return nil, err
		}
	}
	return saved, nil
}

func (*sqliteEngine) saveProblems(ctx context.Context, q queryer, rows []*problemRow) error {
	for _, r := range rows {
		err := q.QueryRowContext(ctx, sqliteSaveProblem, rowArgs(problemBatch, r)...).Scan(&r.id, &r.account, integer(&r.cause))
		if err != nil {
			return err
		}
	}
	return nil
}

func (*sqliteEngine) saveRuns(ctx context.Context, q queryer, jobs []*cron.JobRecord) error {
	for _, j := range jobs {
		if _, err := q.ExecContext(ctx, sqliteSaveRun, rowArgs(runBatch, j, j.ID)...); err != nil {
			return err
		}
	}
	return nil
}

func (*sqliteEngine) saveStates(ctx context.Context, q queryer, jobs []*cron.JobRecord) error {
	for _, j := range jobs {
		if _, err := q.ExecContext(ctx, sqliteSaveState, rowArgs(stateBatch, j, j.ID)...); err != nil {
			return err
		}
	}
	return nil
}

func (*sqliteEngine) insertReruns(ctx context.Context, q queryer, runs []*rerun) error {
	for _, r := range runs {
		if _, err := q.ExecContext(ctx, sqliteInsertPendingRerun, rowArgs(pendingRerunBatch, r)...); err != nil {
			return err
		}
		if _, err := q.ExecContext(ctx, sqliteInsertRerun, rowArgs(rerunBatch, r)...); err != nil {
			return err
		}
	}
	return nil
}

func (*sqliteEngine) insertNotices(ctx context.Context, q queryer, notices []*cron.Notice) error {
	for _, n := range notices {
		if _, err := q.ExecContext(ctx, sqliteInsertNotice, rowArgs(noticeBatch, n)...); err != nil {
			return err
		}
	}
	return nil
}

func (*sqliteEngine) insertMonitorResults(ctx context.Context, q queryer, results []*monitorResult) error {
	for _, r := range results {
		if _, err := q.ExecContext(ctx, sqliteInsertMonitorResult, rowArgs(monitorResultBatch, r)...); err != nil {
			return err
		}
	}
	return nil
}

func (*sqliteEngine) saveMonitors(ctx context.Context, q queryer, rows []*monitor) error {
	for _, m := range rows {
		if _, err := q.ExecContext(ctx, sqliteSaveMonitor, rowArgs(monitorBatch, m)...); err != nil {
			return err
		}
	}
	return nil
}
