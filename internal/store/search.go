package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"punctual/internal/cron"
)

const (
	// searchRows is how many records one page of a search looks at. With a text it is half as many, since four columns
	// of each are searched.
	searchRows = 2000
	// maxDisorder is how far the starts of two records can be apart whose IDs have the opposite order: an execution
	// starts shortly after its claim, and clocks are adjusted at times.
	maxDisorder = time.Minute
	// seekRows and seekTime are the precision, in IDs and in time, with which an instant is found.
	seekRows = 500
	seekTime = 10 * time.Second

	largestID = 1 << 62
)

// idRange is the range of records that a page looks at, in the order of their IDs.
type idRange struct {
	column  string // account_id or job_id; each is the first column of an index whose second column is the ID
	owner   int64
	failed  bool  // only failures are looked at, by the index that they have for the account
	idle    bool  // likewise only missed and skipped records
	first   int64 // the IDs from first up to, but not including, before
	before  int64
	planned [2]int64 // the planned times that are relevant, so that PostgreSQL skips partitions
	last    bool     // no older records are wanted
	reached cron.HistoryPosition
}

// Search reads one page of the records of an account, newest first, without headers and bodies. It looks at no more
// than searchRows records: with a filter that matches few, pages are short or empty until the end is reached. The error
// is of kind NotFound when the account does not have the job or folder of the filter. Records of deleted jobs are not
// found.
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
	var run idRange
	err = s.engine.inOrder(ctx, func(ctx context.Context, reader queryer) (err error) {
		of := idRange{column: "account_id", owner: accountID}
		of.failed, of.idle = indexOf(&q.Filter)
		if q.Filter.JobID != 0 {
			of = idRange{column: "job_id", owner: q.Filter.JobID}
		}
		if run, err = s.idRange(ctx, reader, of, q, since); err != nil {
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

// indexOf tells which of the indexes of an account with few of its records has all that a filter wants: that of failures, or that
// of missed and skipped records. A failure from before causes were kept is in neither.
func indexOf(f *cron.HistoryFilter) (failed, idle bool) {
	only := func(outcomes ...cron.Outcome) bool {
		return len(f.Outcomes) > 0 && !slices.ContainsFunc(f.Outcomes, func(o cron.Outcome) bool { return !slices.Contains(outcomes, o) })
	}
	failed = len(f.Causes) > 0 || only(cron.OutcomeFailed, cron.OutcomeLost)
	return failed, !failed && only(cron.OutcomeMissed, cron.OutcomeSkipped)
}

// searchable checks that the account has the job and folder of the filter, and returns from when on its history is
// kept.
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

// pagesBack reads pages of records, newest first, until one is enough, and at most so many. back is how far it came; zero when that
// is the beginning.
func (s *Store) pagesBack(ctx context.Context, reader queryer, of idRange, f *cron.HistoryFilter, since time.Time, pages int,
	read func(*idRange) (enough bool, err error)) (back time.Time, err error) {
	q := cron.HistoryQuery{Filter: *f}
	for range pages {
		run, err := s.idRange(ctx, reader, of, &q, since)
		if err != nil {
			return back, err
		}
		enough, err := read(&run)
		if err != nil {
			return back, err
		}
		if run.last {
			return time.Time{}, nil
		}
		q.After, back = run.reached, run.reached.At
		if enough {
			break
		}
	}
	return back, nil
}

// idRange finds the records that a page looks at. run has their column, owner and failed.
func (s *Store) idRange(ctx context.Context, reader queryer, run idRange, q *cron.HistoryQuery, since time.Time) (idRange, error) {
	f := &q.Filter
	run.before, run.planned = largestID, [2]int64{millis(since.UTC().Truncate(24 * time.Hour)), largestID}
	newest := f.To
	if q.After.ID != 0 {
		run.before, newest = q.After.ID, q.After.At
	}
	if !newest.IsZero() {
		newest = newest.Add(maxDisorder)
		run.planned[1] = millis(newest) // nothing starts before it is due
	}
	if q.After.ID == 0 && !f.To.IsZero() {
		if err := s.seek(ctx, reader, &run, newest); err != nil {
			return run, fmt.Errorf("find the end of a span: %w", err)
		}
	}
	rows := searchRows
	if f.SearchesTexts() {
		rows /= 2
	}
	var started int64
	days, args := s.engine.days(run.planned[0], run.planned[1], run.owner, run.before, rows-1)
	days += run.only()
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
	oldest := since // a record that started before it was planned before it
	if f.From.After(oldest) {
		oldest = f.From
	}
	run.last = run.reached.At.Before(oldest.Add(-maxDisorder))
	return run, nil
}

// only is the condition of the index of the records that are looked at.
func (r *idRange) only() string {
	switch {
	case r.failed:
		return onlyFailed
	case r.idle:
		return ` AND execution.occurrences > 0`
	}
	return ""
}

// onlyFailed is the condition of the index execution_failed.
const onlyFailed = ` AND execution.cause IS NOT NULL`

// seek moves the end of the range to a record that started at or after the given instant, within seekRows or seekTime
// of the first such record.
func (s *Store) seek(ctx context.Context, reader queryer, run *idRange, at time.Time) error {
	day := at.UTC().Truncate(24 * time.Hour)
	for _, last := range []int64{millis(day.AddDate(0, 0, 2)) - 1, largestID} { // usually the first range has one
		if err := s.seekIn(ctx, reader, run, millis(at), millis(day), last); err != nil || run.before < largestID {
			return err
		}
	}
	return nil
}

// seekIn is seek among the records that were planned from first to last. IDs grow with time, mostly evenly: every other
// step interpolates, and the others halve the rest.
func (s *Store) seekIn(ctx context.Context, reader queryer, run *idRange, at, first, last int64) error {
	probe := func(from int64, order string) (id, started int64, err error) {
		days, args := s.engine.days(first, last, run.owner, from)
		err = reader.QueryRowContext(ctx, `SELECT id, started_at FROM execution WHERE `+run.column+` = $1 AND id >= $2`+days+`
			ORDER BY id `+order+` LIMIT 1`, args...).Scan(&id, &started)
		return id, started, err
	}
	high, latest, err := probe(0, "DESC")
	if err == nil && latest >= at {
		run.before = high
	}
	low, earliest := int64(0), int64(0)
	if err == nil {
		low, earliest, err = probe(0, "")
	}
	for even := true; err == nil && high-low > seekRows && earliest < at && at < latest; even = !even {
		step := (high - low) / 2
		if even {
			step = int64(float64(high-low) * float64(at-earliest) / float64(latest-earliest))
		}
		guess := low + min(max(step, 1), high-low-1)
		var id, started int64
		id, started, err = probe(guess, "")
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

// matching reads the records of the range that match the filter, and one more than the limit if there are so many.
func (s *Store) matching(ctx context.Context, reader queryer, accountID int64, q *cron.HistoryQuery, run *idRange,
	since time.Time) (
	[]cron.HistoryRecord, error) {
	w := s.wanted([]any{int(cron.OutcomeFailed)}, accountID, &q.Filter, run, since)
	limit := q.Limit + 1
	if q.Filter.SearchesTexts() {
		limit = searchRows // the pattern may match more records than contain the text
	}
	rows, err := reader.QueryContext(ctx,
		`SELECT `+executionNames+`, job.title,
		        `+formerOutcome(1)+`,
		        `+rerunColumns+`
		 FROM execution CROSS JOIN job -- which SQLite takes in this order
		 `+joinRerun+`
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
		if err := scanExecution(rows.Scan, &r.Execution, append([]any{&r.Title, &former}, rerunTargets(&r)...)...); err != nil {
			return nil, fmt.Errorf("search the history: %w", err)
		}
		if q.Filter.WantsTexts(&r) {
			r.Repeats = former != cron.OutcomeFailed // a lost attempt may have got its result
			found = append(found, r)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("search the history: %w", err)
	}
	return found, nil
}
