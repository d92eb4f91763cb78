package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"punctual/internal/cron"
)

const (
	// searchRows is how many records one page of a search looks at, whatever it is for; with a text half as many, since
	// four texts of each are searched.
	searchRows = 2000
	// disorder is how far the starts of two records may be apart that stand in the other order of their ids: an execution
	// starts a moment after its claim, and clocks are set now and then.
	disorder = time.Minute
	// seekRows and seekTime are how near, in ids or in time, the search for an instant comes.
	seekRows = 500
	seekTime = 10 * time.Second

	largestID = 1 << 62
)

// stretch is a run of records, in the order of their ids, that a page looks at.
type stretch struct {
	column  string // account_id or job_id, each the first column of an index whose second one is the id
	owner   int64
	first   int64 // ids, from first up to and not including before
	before  int64
	planned [2]int64 // instants, outside of which the partitions of PostgreSQL need no look
	last    bool     // nothing older is wanted
	reached cron.HistoryPosition
}

// Search reads one page of the records of an account, newest first, and without headers and bodies. It looks at no more
// than searchRows of them: with a filter that matches little, pages are short or empty until the end is reached. A job
// or folder of the filter that does not exist is an error of kind NotFound. Records of deleted jobs are not found.
func (s *Store) Search(ctx context.Context, accountID int64, q *cron.HistoryQuery) (page cron.HistoryPage, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return page, err
	}
	defer leave()
	since, err := s.searchable(ctx, accountID, &q.Filter)
	if err != nil {
		return page, err
	}
	var run stretch
	err = s.engine.inOrder(ctx, func(ctx context.Context, reader queryer) (err error) {
		if run, err = s.stretch(ctx, reader, accountID, q, since); err != nil {
			return err
		}
		page.Records, err = s.matching(ctx, reader, accountID, q, &run, since)
		return err
	})
	if err != nil {
		return page, err
	}
	if len(page.Records) > q.Limit {
		page.Records = page.Records[:q.Limit]
		e := &page.Records[q.Limit-1]
		page.Next = cron.HistoryPosition{ID: e.ID, At: e.Result.Started}
	} else if !run.last {
		page.Next = run.reached
	}
	return page, nil
}

// searchable proves that the account has what the filter names, and returns from when on its plan keeps history.
func (s *Store) searchable(ctx context.Context, accountID int64, f *cron.HistoryFilter) (since time.Time, err error) {
	var row planRow
	err = s.read.QueryRowContext(ctx, `SELECT plan, overrides FROM account WHERE id = $1`, accountID).Scan(&row.name,
		&row.overrides)
	if err != nil {
		return since, oneRow(err, cron.SubjectAccount)
	}
	var one int
	if f.JobID != 0 {
		err := s.read.QueryRowContext(ctx, `SELECT 1 FROM job WHERE id = $1 AND account_id = $2`, f.JobID, accountID).Scan(&one)
		if err != nil {
			return since, oneRow(err, cron.SubjectJob)
		}
	}
	if f.FolderID != nil && *f.FolderID != 0 {
		if _, err := s.Folder(ctx, accountID, *f.FolderID); err != nil {
			return since, err
		}
	}
	return s.keptSince(row)
}

// stretch finds the records that a page looks at.
func (s *Store) stretch(ctx context.Context, reader queryer, accountID int64, q *cron.HistoryQuery, since time.Time) (
	stretch, error) {
	f := &q.Filter
	run := stretch{column: "account_id", owner: accountID, before: largestID,
		planned: [2]int64{millis(since.UTC().Truncate(24 * time.Hour)), largestID}}
	if f.JobID != 0 {
		run.column, run.owner = "job_id", f.JobID
	}
	newest := f.To
	if q.After.ID != 0 {
		run.before, newest = q.After.ID, q.After.At
	}
	if !newest.IsZero() {
		newest = newest.Add(disorder)
		run.planned[1] = millis(newest) // nothing starts before it is due
	}
	if q.After.ID == 0 && !f.To.IsZero() {
		if err := s.seek(ctx, reader, &run, newest); err != nil {
			return run, fmt.Errorf("find the end of a span: %w", err)
		}
	}
	rows := searchRows
	if f.Text != "" {
		rows /= 2
	}
	var started int64
	days, args := s.engine.days(run.planned[0], run.planned[1], run.owner, run.before, rows-1)
	err := reader.QueryRowContext(ctx, `SELECT id, started_at FROM execution WHERE `+run.column+` = $1 AND id < $2`+days+`
		ORDER BY id DESC LIMIT 1 OFFSET $3`, args...).Scan(&run.first, &started)
	if errors.Is(err, sql.ErrNoRows) {
		run.last = true
		return run, nil
	}
	if err != nil {
		return run, fmt.Errorf("find the records to look at: %w", err)
	}
	run.reached = cron.HistoryPosition{ID: run.first, At: instant(started)}
	oldest := since // what started before it was planned before it
	if f.From.After(oldest) {
		oldest = f.From
	}
	run.last = run.reached.At.Before(oldest.Add(-disorder))
	return run, nil
}

// seek moves the end of the stretch to some record that started at or after the given instant, and as near to the first
// of them as seekRows or seekTime.
func (s *Store) seek(ctx context.Context, reader queryer, run *stretch, at time.Time) error {
	day := at.UTC().Truncate(24 * time.Hour)
	for _, last := range []int64{millis(day.AddDate(0, 0, 2)) - 1, largestID} { // as a rule a near day has one
		if err := s.seekIn(ctx, reader, run, millis(at), millis(day), last); err != nil || run.before < largestID {
			return err
		}
	}
	return nil
}

// seekIn looks at records that were due from first to last only, where that is of use. Ids grow with the time, and mostly
// evenly: every other step goes where the instant should be then, and the others halve what is left.
func (s *Store) seekIn(ctx context.Context, reader queryer, run *stretch, at, first, last int64) error {
	look := func(from int64, order string) (id, started int64, err error) {
		days, args := s.engine.days(first, last, run.owner, from)
		err = reader.QueryRowContext(ctx, `SELECT id, started_at FROM execution WHERE `+run.column+` = $1 AND id >= $2`+days+`
			ORDER BY id `+order+` LIMIT 1`, args...).Scan(&id, &started)
		return id, started, err
	}
	high, latest, err := look(0, "DESC")
	if err == nil && latest >= at {
		run.before = high
	}
	low, earliest := int64(0), int64(0)
	if err == nil {
		low, earliest, err = look(0, "")
	}
	for even := true; err == nil && high-low > seekRows && earliest < at && at < latest; even = !even {
		step := (high - low) / 2
		if even {
			step = int64(float64(high-low) * float64(at-earliest) / float64(latest-earliest))
		}
		guess := low + min(max(step, 1), high-low-1)
		var id, started int64
		id, started, err = look(guess, "")
		switch {
		case errors.Is(err, sql.ErrNoRows):
			high, err = guess, nil
		case started < at:
			low, earliest = id, started
		default:
			run.before, high, latest = id, guess, started
			if started < at+seekTime.Milliseconds() {
				return nil
			}
		}
	}
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// matching reads the records of the stretch that the filter wants: one more than the limit, if there are so many.
func (s *Store) matching(ctx context.Context, reader queryer, accountID int64, q *cron.HistoryQuery, run *stretch,
	since time.Time) (
	[]cron.HistoryRecord, error) {
	w := s.wanted(accountID, &q.Filter, run, since)
	limit := q.Limit + 1
	if q.Filter.Text != "" {
		limit = searchRows // the database may find more than what contains it
	}
	rows, err := reader.QueryContext(ctx,
		`SELECT `+executionNames+`, job.title,
		        coalesce(CASE WHEN execution.attempt > 1 THEN
		            (SELECT former.outcome FROM execution AS former
		             WHERE former.job_id = execution.job_id AND former.planned_at = execution.planned_at
		               AND former.kind = execution.kind AND former.attempt = execution.attempt - 1) END, $1)
		 FROM execution CROSS JOIN job -- which SQLite takes in this order
		 WHERE job.id = execution.job_id AND `+w.conditions.String()+`
		 ORDER BY execution.id DESC LIMIT `+strconv.Itoa(limit), w.args...)
	if err != nil {
		return nil, fmt.Errorf("search the history: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var found []cron.HistoryRecord
	for len(found) <= q.Limit && rows.Next() {
		var (
			r      cron.HistoryRecord
			former cron.Outcome
		)
		if err := scanExecution(rows.Scan, &r.Execution, &r.Title, &former); err != nil {
			return nil, fmt.Errorf("search the history: %w", err)
		}
		if q.Filter.Text == "" || r.Contains(q.Filter.Text) {
			r.Repeats = former != cron.OutcomeFailed // a lost one may have got its result since
			found = append(found, r)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("search the history: %w", err)
	}
	return found, nil
}

// where collects conditions and their arguments.
type where struct {
	conditions strings.Builder
	args       []any
}

// add adds a condition in which ? stands for the argument.
func (w *where) add(condition string, arg any) {
	w.args = append(w.args, arg)
	w.conditions.WriteString(" AND " + strings.ReplaceAll(condition, "?", "$"+strconv.Itoa(len(w.args))))
}

// wanted is the condition that the filter makes; its first argument is a failed outcome.
func (s *Store) wanted(accountID int64, f *cron.HistoryFilter, run *stretch, since time.Time) *where {
	w := &where{args: []any{int(cron.OutcomeFailed), run.owner}}
	w.conditions.WriteString(`execution.` + run.column + ` = $2`)
	w.add(`execution.id >= ?`, run.first)
	w.add(`execution.id < ?`, run.before)
	var days string
	days, w.args = s.engine.days(run.planned[0], run.planned[1], w.args...)
	w.conditions.WriteString(days)
	w.add(`execution.planned_at + 0 >= ?`, millis(since)) // no index is to be used for it
	w.add(`job.account_id = ?`, accountID)
	if f.FolderID != nil {
		w.add(`job.folder_id = ?`, *f.FolderID)
	}
	if !f.From.IsZero() {
		w.add(`execution.started_at >= ?`, millis(f.From))
	}
	if !f.To.IsZero() {
		w.add(`execution.started_at < ?`, millis(f.To))
	}
	in := func(column string, numbers []int64) string {
		w.args = append(w.args, s.engine.list(numbers))
		return s.engine.in(column, len(w.args))
	}
	if len(f.Outcomes) > 0 {
		w.conditions.WriteString(" AND " + in(`execution.outcome`, numbersOf(f.Outcomes)))
	}
	if len(f.Faults) > 0 {
		w.conditions.WriteString(" AND " + in(`execution.fault`, numbersOf(f.Faults)))
	}
	if len(f.Statuses) > 0 {
		var ranges []string
		for _, r := range f.Statuses {
			w.args = append(w.args, r.First, r.Last)
			ranges = append(ranges, fmt.Sprintf(`execution.http_status BETWEEN $%d AND $%d`, len(w.args)-1, len(w.args)))
		}
		w.conditions.WriteString(" AND (" + strings.Join(ranges, " OR ") + ")")
	}
	if f.Text != "" {
		stored := []string{`execution.url`, `job.title`, `execution.reason`, `execution.detail`}
		for i, column := range stored {
			stored[i] = s.engine.lower(column) + ` LIKE ? ESCAPE '\'`
		}
		w.add("("+strings.Join(stored, " OR ")+")", likely(f.Text))
	}
	return w
}

func numbersOf[T ~int](values []T) []int64 {
	numbers := make([]int64, len(values))
	for i, v := range values {
		numbers[i] = int64(v)
	}
	return numbers
}

// likely is the pattern of LIKE for text that may contain the given one, with its ASCII letters in lower case. Any other
// letter stands for every character, so that HistoryRecord.Contains has to check what matches.
func likely(text string) string {
	var b strings.Builder
	b.WriteByte('%')
	for _, r := range text {
		switch {
		case r == '%' || r == '_' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r > unicode.MaxASCII && (unicode.ToLower(r) != r || unicode.ToUpper(r) != r):
			b.WriteByte('_')
		default:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	b.WriteByte('%')
	return b.String()
}
