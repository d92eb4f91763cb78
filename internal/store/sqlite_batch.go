package store

import (
	"context"

	"punctual/internal/cron"
)

// Statements of many rows run one prepared statement for each row. There is no network, so this is as fast as one
// statement.

var (
	sqliteInsertRecord = `INSERT INTO execution (` + batchNames(recordBatch, "#") + `) VALUES (` +
		parameters(1, len(recordBatch)) + `) ON CONFLICT DO NOTHING`
	sqliteSaveResult = `UPDATE execution SET ` + assignments(resultBatch, 3) +
		` WHERE id = $1 AND node = $2 AND (outcome = 0 OR outcome = 4 AND $3 <> 4)` // $3 is the new outcome
	sqliteInsertResponse = `INSERT INTO response (` + batchNames(responseBatch, "#") + `) VALUES (` +
		parameters(1, len(responseBatch)) + `) ON CONFLICT DO NOTHING`
	sqliteSaveProblem = `INSERT INTO problem (` + batchNames(problemBatch, "#") + `) VALUES (` +
		parameters(1, len(problemBatch)) + `)` + problemConflict
	sqliteInsertPendingRerun = `INSERT INTO pending (` + batchNames(pendingRerunBatch, "#") + `) VALUES (` +
		parameters(1, len(pendingRerunBatch)) + `)`
	sqliteInsertRerun = `INSERT INTO rerun (` + batchNames(rerunBatch, "#") + `) VALUES (` + parameters(1, len(rerunBatch)) + `)`
	sqliteSaveState   = `UPDATE job_state SET ` + assignments(stateBatch, 2) + ` WHERE job_id = $1`
)

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
		_, err := q.ExecContext(ctx, `UPDATE job_state SET next_run_at = $2, claim_at = $3 WHERE job_id = $1`, p.jobID,
			p.next, p.claimAt)
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
		res, err := q.ExecContext(ctx, sqliteSaveResult, rowArgs(resultBatch, c, c.Launch.ExecutionID, c.Launch.Node)...)
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
