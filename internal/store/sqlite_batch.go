package store

import (
	"cmp"
	"context"
	"database/sql/driver"
	"slices"
	"strings"

	"punctual/internal/cron"
)

// Statements of many rows run one prepared statement for each row. There is no network, so this is as fast as one
// statement. Their parameters have no names: the driver looks each name up, which takes longer than the value.

var (
	sqliteInsertRecord = sqliteInsert("execution", recordBatch) + ` ON CONFLICT DO NOTHING`
	sqliteSaveResult   = `UPDATE execution SET ` + batchNames(resultBatch, "# = ?") +
		` WHERE id = ? AND node = ? AND (outcome = 0 OR outcome = 4 AND ? <> 4)`
	// The key comes after the values. The last parameter is the new outcome.
	keyedResultBatch = append(slices.Clip(resultBatch),
		batch("id", "bigint", func(c *cron.Completion) int64 { return c.Launch.ExecutionID }),
		batch("node", "bigint", func(c *cron.Completion) int64 { return c.Launch.Node }),
		batch("outcome", "smallint", func(c *cron.Completion) int16 { return int16(c.Result.Outcome()) }))
	stateOfJobBatch = slices.Concat(stateBatch, stateKeyBatch)
	runOfJobBatch   = slices.Concat(runBatch, stateKeyBatch)
	planBatch       = []batchColumn[plan]{
		batch("next_run_at", "bigint", func(p plan) *int64 { return nullable(p.next) }),
		batch("claim_at", "bigint", func(p plan) *int64 { return nullable(p.claimAt) }),
		batch("job_id", "bigint", func(p plan) int64 { return p.jobID }),
	}

	sqliteSavePlan            = `UPDATE job_state SET next_run_at = ?, claim_at = ? WHERE job_id = ?`
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

// execEach runs a statement for each row, with the columns of the row as its parameters. done gets how many rows of the database that
// has changed, and the ID of the latest one that was inserted; it may be nil.
func execEach[R any](ctx context.Context, q queryer, statement string, columns []batchColumn[R], rows []R,
	done func(row R, changed, id int64) error) error {
	if len(rows) == 0 {
		return nil
	}
	if w, ok := q.(*writer); ok {
		args := make([]driver.NamedValue, len(columns))
		for i := range args {
			args[i].Ordinal = i + 1
		}
		return w.execEach(ctx, statement, len(rows), func(n int) []driver.NamedValue {
			for i, c := range columns {
				args[i].Value = c.one(rows[n])
			}
			return args
		}, func(n int, changed, id int64) error {
			if done == nil {
				return nil
			}
			return done(rows[n], changed, id)
		})
	}
	for _, r := range rows {
		res, err := q.ExecContext(ctx, statement, rowArgs(columns, r)...)
		if err != nil {
			return err
		}
		if done == nil {
			continue
		}
		changed, err := res.RowsAffected()
		if err != nil {
			return err
		}
		id, err := res.LastInsertId()
		if err != nil {
			return err
		}
		if err := done(r, changed, id); err != nil {
			return err
		}
	}
	return nil
}

// secretsIn implements engine: the keys are one JSON array of pairs.
func (*sqliteEngine) secretsIn(keys []secretKey) (condition string, args []any) {
	pairs := make([][2]any, len(keys))
	for i, k := range keys {
		pairs[i] = [2]any{k.account, k.name}
	}
	return `(account_id, name) IN (SELECT value ->> 0, value ->> 1 FROM json_each($1))`, []any{encode(pairs)}
}

func (e *sqliteEngine) insertRecords(ctx context.Context, q queryer, records []*record) error {
	// In the order of the jobs, so that neighbours in the indexes are written one after the other.
	ordered := slices.SortedStableFunc(slices.Values(records), func(a, b *record) int { return cmp.Compare(a.jobID, b.jobID) })
	latest := int64(0)
	err := execEach(ctx, q, sqliteInsertRecord, recordBatch, ordered, func(r *record, changed, id int64) error {
		r.id = id
		if changed == 0 {
			r.id = 0
		}
		latest = max(latest, r.id)
		return nil
	})
	if err == nil && latest > 0 {
		afterCommit(ctx, func(context.Context) error {
			e.claimedTo.Store(latest)
			return nil
		})
	}
	return err
}

func (*sqliteEngine) savePlans(ctx context.Context, q queryer, plans []plan) error {
	slices.SortFunc(plans, func(a, b plan) int { return cmp.Compare(a.jobID, b.jobID) })
	return execEach(ctx, q, sqliteSavePlan, planBatch, plans, nil)
}

func (*sqliteEngine) saveResults(ctx context.Context, q queryer, completions []*cron.Completion) (
	[]*cron.Completion, error) {
	saved := make([]*cron.Completion, 0, len(completions))
	err := execEach(ctx, q, sqliteSaveResult, keyedResultBatch, completions, func(c *cron.Completion, changed, _ int64) error {
		if changed > 0 {
			saved = append(saved, c)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	responses := make([]*cron.Completion, 0, len(saved))
	for _, c := range saved {
		if hasResponse(&c.Result) {
			responses = append(responses, c)
		}
	}
	// In the order of the rows, which is mostly that in which the table grows.
	slices.SortFunc(responses, func(a, b *cron.Completion) int { return cmp.Compare(a.Launch.ExecutionID, b.Launch.ExecutionID) })
	return saved, execEach(ctx, q, sqliteInsertResponse, responseBatch, responses, nil)
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
	return execEach(ctx, q, sqliteSaveRun, runOfJobBatch, jobs, nil)
}

func (*sqliteEngine) saveStates(ctx context.Context, q queryer, jobs []*cron.JobRecord) error {
	return execEach(ctx, q, sqliteSaveState, stateOfJobBatch, jobs, nil)
}

func (*sqliteEngine) insertReruns(ctx context.Context, q queryer, runs []*rerun) error {
	if err := execEach(ctx, q, sqliteInsertPendingRerun, pendingRerunBatch, runs, nil); err != nil {
		return err
	}
	return execEach(ctx, q, sqliteInsertRerun, rerunBatch, runs, nil)
}

func (*sqliteEngine) insertNotices(ctx context.Context, q queryer, notices []*cron.Notice) error {
	return execEach(ctx, q, sqliteInsertNotice, noticeBatch, notices, nil)
}

func (*sqliteEngine) insertMonitorResults(ctx context.Context, q queryer, results []*monitorResult) error {
	return execEach(ctx, q, sqliteInsertMonitorResult, monitorResultBatch, results, nil)
}

func (*sqliteEngine) saveMonitors(ctx context.Context, q queryer, rows []*monitor) error {
	return execEach(ctx, q, sqliteSaveMonitor, monitorBatch, rows, nil)
}
