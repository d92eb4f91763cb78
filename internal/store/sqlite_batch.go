package store

import (
	"cmp"
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"

	"punctual/internal/cron"
)

// Statements of many rows run one prepared statement for each row, or for some rows where that is measured to be faster. There is no
// network. Their parameters have no names: the driver looks each name up, which takes longer than the value.

var (
	sqliteInsertRecord = sqliteInsert("execution", recordBatch) + ` ON CONFLICT DO NOTHING`
	sqliteResponses    = newRowInserts("response", responseBatch, ` ON CONFLICT DO NOTHING`)
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

// insertRows is how many rows one statement inserts, where there are as many. It opens the table and its indexes once for all of them.
const insertRows = 20

// rowInserts inserts rows of a table.
type rowInserts[R any] struct {
	columns   []batchColumn[R]
	one, many string // the statement for one row, and for insertRows
}

func newRowInserts[R any](table string, columns []batchColumn[R], end string) rowInserts[R] {
	one := sqliteInsert(table, columns)
	row := one[strings.LastIndexByte(one, '('):]
	return rowInserts[R]{columns, one + end, one + strings.Repeat(", "+row, insertRows-1) + end}
}

func (x *rowInserts[R]) run(ctx context.Context, q queryer, rows []R) error {
	split := len(rows) - len(rows)%insertRows
	if err := execRows(ctx, q, x.many, x.columns, rows[:split], insertRows, nil); err != nil {
		return err
	}
	return execRows(ctx, q, x.one, x.columns, rows[split:], 1, nil)
}

// execEach runs a statement for each row, with the columns of the row as its parameters. done gets how many rows of the database that
// has changed; it may be nil.
func execEach[R any](ctx context.Context, q queryer, statement string, columns []batchColumn[R], rows []R,
	done func(row R, changed int64)) error {
	if done == nil {
		return execRows(ctx, q, statement, columns, rows, 1, nil)
	}
	return execRows(ctx, q, statement, columns, rows, 1, func(n int, changed int64) { done(rows[n], changed) })
}

// execRows runs a statement for each each rows, with their columns as its parameters. done gets the number of the first of these rows,
// and how many rows of the database were changed; it may be nil.
func execRows[R any](ctx context.Context, q queryer, statement string, columns []batchColumn[R], rows []R, each int,
	done func(first int, changed int64)) error {
	if len(rows) == 0 {
		return nil
	}
	if done == nil {
		done = func(int, int64) {}
	}
	w, direct := q.(*writer)
	if !direct {
		for n := 0; n < len(rows); n += each {
			args := make([]any, 0, each*len(columns))
			for _, r := range rows[n : n+each] {
				args = append(args, rowArgs(columns, r)...)
			}
			res, err := q.ExecContext(ctx, statement, args...)
			if err != nil {
				return err
			}
			changed, err := res.RowsAffected()
			if err != nil {
				return err
			}
			done(n, changed)
		}
		return nil
	}
	args := make([]driver.NamedValue, each*len(columns))
	for i := range args {
		args[i].Ordinal = i + 1
	}
	return w.execEach(ctx, statement, len(rows)/each, func(n int) []driver.NamedValue {
		for i, r := range rows[n*each : n*each+each] {
			for k, c := range columns {
				args[i*len(columns)+k].Value = c.one(r)
			}
		}
		return args
	}, func(n int, changed int64) { done(n*each, changed) })
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
	if len(records) == 0 {
		return nil
	}
	var next int64
	if err := q.QueryRowContext(ctx, `SELECT `+e.nextExecution()).Scan(&next); err != nil {
		return fmt.Errorf("read the next ID: %w", err)
	}
	var inserted int64 // one by one: several in one statement take longer
	err := execEach(ctx, q, sqliteInsertRecord, recordBatch, ordered, func(_ *record, changed int64) { inserted += changed })
	if err != nil {
		return err
	}
	if inserted == int64(len(ordered)) {
		for i, r := range ordered { // AUTOINCREMENT, of one writer
			r.id = next + int64(i)
		}
	} else if err := readNewIDs(ctx, q, ordered, "read the IDs of new records",
		`SELECT id, job_id, planned_at, kind, attempt FROM execution WHERE id >= $1`, next); err != nil {
		return err
	}
	afterCommit(ctx, func(context.Context) error {
		e.claimedTo.Store(next + int64(len(ordered)) - 1)
		return nil
	})
	return nil
}

func (*sqliteEngine) savePlans(ctx context.Context, q queryer, plans []plan) error {
	slices.SortFunc(plans, func(a, b plan) int { return cmp.Compare(a.jobID, b.jobID) })
	return execEach(ctx, q, sqliteSavePlan, planBatch, plans, nil)
}

// takeResults implements engine.
func (e *sqliteEngine) takeResults(ctx context.Context, q queryer, completions []*cron.Completion) (
	saved []*cron.Completion, jobs map[int64]*lockedJob, err error) {
	jobs, err = e.store.lockJobRecords(ctx, q, column(completions, func(c *cron.Completion) int64 { return c.Launch.Job.ID }))
	if err != nil {
		return nil, nil, err
	}
	saved, err = e.saveResults(ctx, q, completions)
	return saved, jobs, err
}

func (*sqliteEngine) saveResults(ctx context.Context, q queryer, completions []*cron.Completion) (
	[]*cron.Completion, error) {
	saved := make([]*cron.Completion, 0, len(completions))
	err := execEach(ctx, q, sqliteSaveResult, keyedResultBatch, completions, func(c *cron.Completion, changed int64) {
		if changed > 0 {
			saved = append(saved, c)
		}
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
	return saved, sqliteResponses.run(ctx, q, responses)
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
