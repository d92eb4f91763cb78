package store

import (
	"context"
	"database/sql/driver"
	"slices"
	"strconv"
	"strings"

	"punctual/internal/cron"
)

// batchColumn is a column of the statements that write many rows. SQLite runs a prepared statement for each row;
// PostgreSQL runs one statement, which takes an array for each column.
type batchColumn[R any] struct {
	name string
	kind string // the type in PostgreSQL
	one  func(R) driver.Value
	all  func([]R) any

	fixed  bool                         // the values are numbers or truth values, never NULL
	binary func(b []byte, row R) []byte // appends the value as COPY takes it; nil for types that no COPY has
}

func batch[R, V any](name, kind string, value func(R) V) batchColumn[R] {
	fixed, binary := binaryOf(value)
	return batchColumn[R]{name, kind,
		func(row R) driver.Value { return driverValue(value(row)) }, func(rows []R) any { return column(rows, value) }, fixed, binary}
}

// driverValue is a value of a column as SQLite's driver takes it.
func driverValue(value any) driver.Value {
	switch v := value.(type) {
	case int16:
		return int64(v)
	case int32:
		return int64(v)
	case *int64:
		if v == nil {
			return nil
		}
		return *v
	default: // int64, bool, string, []byte
		return value
	}
}

// column is one value of each row.
func column[R, V any](rows []R, value func(R) V) []V {
	values := make([]V, len(rows))
	for i, r := range rows {
		values[i] = value(r)
	}
	return values
}

// batchNames lists the columns. In format, # stands for the name of a column.
func batchNames[R any](table []batchColumn[R], format string) string {
	list := make([]string, len(table))
	for i, c := range table {
		list[i] = strings.ReplaceAll(format, "#", c.name)
	}
	return strings.Join(list, ", ")
}

// arrays lists the parameters of an unnest, which has an array for each column.
func arrays[R any](table []batchColumn[R]) string {
	list := make([]string, len(table))
	for i, c := range table {
		list[i] = "$" + strconv.Itoa(i+1) + "::" + c.kind + "[]"
	}
	return strings.Join(list, ", ")
}

// rowArgs are the arguments of one row.
func rowArgs[R any](table []batchColumn[R], row R) []any {
	args := make([]any, len(table))
	for i, c := range table {
		args[i] = c.one(row)
	}
	return args
}

// arrayArgs are the arguments of all rows, an array for each column.
func arrayArgs[R any](table []batchColumn[R], rows []R) []any {
	args := make([]any, len(table))
	for i, c := range table {
		args[i] = c.all(rows)
	}
	return args
}

// recordBatch is what a claim writes to execution.
var recordBatch = []batchColumn[*record]{
	batch("account_id", "bigint", func(r *record) int64 { return r.accountID }),
	batch("job_id", "bigint", func(r *record) int64 { return r.jobID }),
	batch("planned_at", "bigint", func(r *record) int64 { return r.planned }),
	batch("kind", "smallint", func(r *record) int16 { return int16(r.kind) }),
	batch("attempt", "integer", func(r *record) int32 { return int32(r.attempt) }),
	batch("node", "bigint", func(r *record) int64 { return r.node }),
	batch("outcome", "smallint", func(r *record) int16 { return int16(r.outcome) }),
	batch("started_at", "bigint", func(r *record) int64 { return r.started }),
	batch("fault", "smallint", func(r *record) int16 { return int16(r.fault) }),
	batch("last_planned_at", "bigint", func(r *record) int64 { return r.last }),
	batch("occurrences", "bigint", func(r *record) int64 { return r.occurrences }),
	batch("occurrences_at_least", "boolean", func(r *record) bool { return r.atLeast }),
	batch("job_version", "bigint", func(r *record) int64 { return r.version }),
}

// launchBatch identifies the execution that a result belongs to.
var launchBatch = []batchColumn[*cron.Completion]{
	batch("job_id", "bigint", func(c *cron.Completion) int64 { return c.Launch.Job.ID }),
	batch("planned_at", "bigint", func(c *cron.Completion) int64 { return millis(c.Launch.Planned) }),
	batch("kind", "smallint", func(c *cron.Completion) int16 { return int16(c.Launch.Kind) }),
	batch("attempt", "integer", func(c *cron.Completion) int32 { return int32(c.Launch.Attempt) }),
	batch("node", "bigint", func(c *cron.Completion) int64 { return c.Launch.Node }),
}

// resultBatch is what a result writes to execution.
var resultBatch = []batchColumn[*cron.Completion]{
	batch("outcome", "smallint", func(c *cron.Completion) int16 { return int16(c.Result.Outcome()) }),
	batch("started_at", "bigint", func(c *cron.Completion) int64 { return millis(c.Result.Started) }),
	batch("status", "smallint", func(c *cron.Completion) int16 { return int16(c.Result.Status) }),
	batch("http_status", "integer", func(c *cron.Completion) int32 { return int32(c.Result.HTTPStatus) }),
	batch("fault", "smallint", func(c *cron.Completion) int16 { return int16(c.Result.Fault) }),
	batch("reason", "text", func(c *cron.Completion) string { return storable(c.Result.Reason) }),
	batch("detail", "text", func(c *cron.Completion) string { return storable(c.Result.Detail) }),
	batch("url", "text", func(c *cron.Completion) string { return storable(c.Result.URL) }),
	batch("lookup_us", "bigint", func(c *cron.Completion) int64 { return c.Result.Stats.NameLookup.Microseconds() }),
	batch("connect_us", "bigint", func(c *cron.Completion) int64 { return c.Result.Stats.Connect.Microseconds() }),
	batch("app_connect_us", "bigint", func(c *cron.Completion) int64 { return c.Result.Stats.AppConnect.Microseconds() }),
	batch("pre_transfer_us", "bigint", func(c *cron.Completion) int64 { return c.Result.Stats.PreTransfer.Microseconds() }),
	batch("start_transfer_us", "bigint", func(c *cron.Completion) int64 { return c.Result.Stats.StartTransfer.Microseconds() }),
	batch("total_us", "bigint", func(c *cron.Completion) int64 { return c.Result.Stats.Total.Microseconds() }),
	batch("cert_expiry_at", "bigint", func(c *cron.Completion) int64 { return millis(c.Result.CertExpiry) }),
	batch("lateness_us", "bigint", func(c *cron.Completion) int64 { return c.Lateness().Microseconds() }),
	batch("cause", "bigint", func(c *cron.Completion) *int64 { return storedCause(c.Cause) }),
	batch("peer", "text", func(c *cron.Completion) string { return storable(c.Result.Peer) }),
}

// problemBatch is a row of problem. The columns from state on begin anew when a problem opens again.
var problemBatch = []batchColumn[*problemRow]{
	batch("account_id", "bigint", func(r *problemRow) int64 { return r.account }),
	batch("cause", "bigint", func(r *problemRow) int64 { return int64(r.cause) }),
	batch("kind", "smallint", func(r *problemRow) int16 { return int16(r.kind) }),
	batch("job_id", "bigint", func(r *problemRow) int64 { return r.jobID }),
	batch("state", "smallint", func(*problemRow) int16 { return int16(cron.ProblemOpen) }),
	batch("example", "text", func(r *problemRow) string { return encodeExample(r.example) }),
	batch("first_execution", "bigint", func(r *problemRow) int64 { return r.execution }),
	batch("opened_at", "bigint", func(r *problemRow) int64 { return r.opened }),
	batch("note", "text", func(*problemRow) string { return "" }),
	batch("acted_by", "text", func(*problemRow) string { return "" }),
	batch("acted_at", "bigint", func(*problemRow) int64 { return 0 }),
	batch("snoozed_until", "bigint", func(*problemRow) int64 { return 0 }),
	batch("resolved_at", "bigint", func(*problemRow) int64 { return 0 }),
	batch("last_at", "bigint", func(r *problemRow) int64 { return r.last }),
}

// problemConflict ends the INSERT of problemBatch: a problem that is there is locked, and opens again if it is resolved and a
// result opens it.
var problemConflict = func() string {
	const opens = `problem.state = 3 AND excluded.first_execution <> 0`
	return ` ON CONFLICT (account_id, cause) DO UPDATE SET ` +
		batchNames(problemBatch[4:len(problemBatch)-1], `# = CASE WHEN `+opens+` THEN excluded.# ELSE problem.# END`) +
		`, last_at = CASE WHEN ` + opens + ` OR excluded.last_at > problem.last_at THEN excluded.last_at ELSE problem.last_at END` +
		`, reopened = problem.reopened + CASE WHEN ` + opens + ` THEN 1 ELSE 0 END RETURNING id, account_id, cause`
}()

// storedCause is a fingerprint as it is stored; nil is NULL, so that successes are not in the index of failures.
func storedCause(f cron.Fingerprint) *int64 {
	if f == 0 {
		return nil
	}
	return new(int64(f))
}

// responseBatch is a row of response.
var responseBatch = []batchColumn[*cron.Completion]{
	batch("execution_id", "bigint", func(c *cron.Completion) int64 { return c.Launch.ExecutionID }),
	batch("planned_at", "bigint", func(c *cron.Completion) int64 { return millis(c.Launch.Planned) }),
	batch("headers", "bytea", func(c *cron.Completion) []byte { return c.Result.Headers }),
	batch("body", "bytea", func(c *cron.Completion) []byte { return c.Result.Body }),
	batch("redirects", "text", func(c *cron.Completion) string { return encodeRedirects(c.Result.Redirects) }),
	batch("truncated", "boolean", func(c *cron.Completion) bool { return c.Result.Truncated }),
}

// runBatch is what every result changes in job_state.
var runBatch = []batchColumn[*cron.JobRecord]{
	batch("last_duration_us", "bigint", func(j *cron.JobRecord) int64 { return j.State.LastDuration.Microseconds() }),
	batch("last_execution_at", "bigint", func(j *cron.JobRecord) int64 { return millis(j.State.LastExecution) }),
}

// stateBatch is all that results change in job_state.
var stateBatch = append(slices.Clip(runBatch), []batchColumn[*cron.JobRecord]{
	batch("last_status", "smallint", func(j *cron.JobRecord) int16 { return int16(j.State.LastStatus) }),
	batch("cert_expiry_at", "bigint", func(j *cron.JobRecord) int64 { return millis(j.State.CertExpiry) }),
	batch("failures", "bigint", func(j *cron.JobRecord) int64 { return int64(j.State.Failures) }),
	batch("counted_failures", "bigint", func(j *cron.JobRecord) int64 { return int64(j.State.CountedFailures) }),
	batch("cert_notified_at", "bigint", func(j *cron.JobRecord) int64 { return millis(j.State.CertNoticed) }),
	batch("failure_untold", "boolean", func(j *cron.JobRecord) bool { return j.State.FailureUntold }),
	batch("problem_id", "bigint", func(j *cron.JobRecord) *int64 { return storedNumber(j.ProblemID) }),
	batch("failing_since", "bigint", func(j *cron.JobRecord) *int64 { return storedNumber(millis(j.State.FailingSince)) }),
	batch("told", "smallint", func(j *cron.JobRecord) *int64 { return storedNumber(int64(j.State.Told)) }),
}...)

// stateKeyBatch identifies the job of a state. It comes before stateBatch.
var stateKeyBatch = []batchColumn[*cron.JobRecord]{
	batch("job_id", "bigint", func(j *cron.JobRecord) int64 { return j.ID }),
}

// pendingRerunBatch is a rerun in pending.
var pendingRerunBatch = []batchColumn[*rerun]{
	batch("job_id", "bigint", func(r *rerun) int64 { return r.JobID }),
	batch("account_id", "bigint", func(r *rerun) int64 { return r.accountID }),
	batch("rank", "bigint", func(r *rerun) int64 { return r.rank }),
	batch("due_at", "bigint", func(r *rerun) int64 { return r.due }),
	batch("claim_at", "bigint", func(r *rerun) int64 { return r.due }),
	batch("planned_at", "bigint", func(r *rerun) int64 { return r.due }),
	batch("kind", "smallint", func(*rerun) int16 { return int16(cron.KindManual) }),
	batch("attempt", "bigint", func(*rerun) int64 { return 1 }),
	batch("rerun", "smallint", func(*rerun) int16 { return 1 }),
}

// rerunBatch is a row of rerun.
var rerunBatch = []batchColumn[*rerun]{
	batch("planned_at", "bigint", func(r *rerun) int64 { return r.due }),
	batch("job_id", "bigint", func(r *rerun) int64 { return r.JobID }),
	batch("account_id", "bigint", func(r *rerun) int64 { return r.accountID }),
	batch("record_id", "bigint", func(r *rerun) int64 { return r.RecordID }),
	batch("record_planned_at", "bigint", func(r *rerun) int64 { return millis(r.Planned) }),
	batch("person_id", "bigint", func(r *rerun) int64 { return r.by.PersonID }),
	batch("key_id", "bigint", func(r *rerun) int64 { return r.by.KeyID }),
	batch("author", "text", func(r *rerun) string { return r.by.Label }),
	batch("way", "text", func(r *rerun) string { return r.by.Way }),
}

// readNewIDs sets the IDs of records that were inserted, and those of which the ledger had the key already to 0. The query yields id, job_id,
// planned_at, kind and attempt of the former.
func readNewIDs(ctx context.Context, q queryer, records []*record, doing, query string, args ...any) error {
	byKey := make(map[recordKey]*record, len(records))
	for _, r := range records {
		r.id = 0
		byKey[r.key()] = r
	}
	return each(ctx, q, doing, func(scan scanner) error {
		var (
			id int64
			k  recordKey
		)
		if err := scan(&id, &k.job, &k.planned, &k.kind, &k.attempt); err != nil {
			return err
		}
		byKey[k].id = id
		return nil
	}, query, args...)
}
