package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"punctual/internal/cron"
)

// An account may have millions of failures, so what is counted for one call is bounded by failures and by time.
const (
	failurePages = 10 // of searchRows failures
	failureTime  = time.Second
)

// Failures counts the failures that a filter wants by their causes: the latest ones, as many as can be read in about failureTime, and
// at most failurePages × searchRows. The error is of kind NotFound when the account does not have the job or folder of the filter.
// Records of deleted jobs are not counted.
func (s *Store) Failures(ctx context.Context, accountID int64, f *cron.HistoryFilter) (found cron.FailureGroups, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return found, err
	}
	defer leave()
	since, err := s.searchable(ctx, accountID, f)
	if err != nil {
		return found, err
	}
	err = s.engine.inOrder(ctx, func(ctx context.Context, reader queryer) (err error) {
		t := failureTally{groups: make(map[cron.Fingerprint]*failureGroup)}
		if found.Back, err = s.tallyFailures(ctx, reader, accountID, f, since, &t); err != nil {
			return err
		}
		found.Groups, found.More = t.list()
		return s.readExamples(ctx, reader, accountID, since, found.Groups)
	})
	return found, err
}

// tallyFailures counts failures, page by page, back to an instant; zero when that is the beginning.
func (s *Store) tallyFailures(ctx context.Context, reader queryer, accountID int64, f *cron.HistoryFilter, since time.Time,
	t *failureTally) (back time.Time, err error) {
	began := time.Now()
	failed := idRange{column: "account_id", owner: accountID, failed: true}
	return s.pagesBack(ctx, reader, failed, f, since, failurePages, func(run *idRange) (enough bool, err error) {
		err = s.tallyPage(ctx, reader, accountID, f, run, since, t)
		return time.Since(began) > failureTime, err
	})
}

// tallyPage counts the failures of a range of records.
func (s *Store) tallyPage(ctx context.Context, reader queryer, accountID int64, f *cron.HistoryFilter, run *idRange,
	since time.Time, t *failureTally) error {
	w := s.wanted(nil, accountID, f, run, since)
	return each(ctx, reader, "count failures by their causes", func(scan scanner) error {
		var r cron.HistoryRecord
		err := scan(searchedTexts(f, &r, integer(&r.ID), integer(&r.JobID), integer(&r.Cause), moment(&r.Result.Started))...)
		if err != nil {
			return err
		}
		if f.WantsTexts(&r) {
			t.add(&r.Execution)
		}
		return nil
	}, `SELECT execution.id, execution.job_id, execution.cause, execution.started_at`+searchedColumns(f)+`
		FROM execution CROSS JOIN job WHERE job.id = execution.job_id AND `+w.conditions.String()+`
		ORDER BY execution.id DESC`, w.args...)
}

// readExamples completes the examples of the groups.
func (s *Store) readExamples(ctx context.Context, reader queryer, accountID int64, since time.Time, groups []cron.FailureGroup) error {
	ids, byID := make([]int64, len(groups)), make(map[int64]*cron.Execution, len(groups))
	for i := range groups {
		e := &groups[i].Example
		ids[i], byID[e.ID] = e.ID, e
	}
	days, args := s.engine.days(millis(since.UTC().Truncate(24*time.Hour)), largestID, accountID, s.engine.list(ids))
	return each(ctx, reader, "read examples of failures", func(scan scanner) error {
		var (
			e         cron.Execution
			redirects string
		)
		if err := scanExecution(scan, &e, &redirects); err != nil {
			return err
		}
		var err error
		if e.Result.Redirects, err = decodeRedirects(redirects); err == nil {
			*byID[e.ID] = e
		}
		return err
	}, `SELECT `+executionNames+`, coalesce(response.redirects, '') FROM execution
		LEFT JOIN response ON response.execution_id = execution.id AND response.planned_at = execution.planned_at
		WHERE execution.account_id = $1 AND `+s.engine.in("execution.id", 2)+days, args...)
}

// failureTally counts failures, which come newest first.
type failureTally struct {
	groups map[cron.Fingerprint]*failureGroup
	// cause is what a failure is counted by, and whether it is counted; nil for its cause.
	cause func(*cron.Execution) (cron.Fingerprint, bool)
}

type failureGroup struct {
	cron.FailureGroup
	jobs map[int64]struct{}
}

func (t *failureTally) add(e *cron.Execution) {
	cause := e.Cause
	if t.cause != nil {
		var counts bool
		if cause, counts = t.cause(e); !counts {
			return
		}
	}
	g := t.groups[cause]
	if g == nil {
		g = &failureGroup{cron.FailureGroup{Cause: cause, Example: *e, First: e.Result.Started}, make(map[int64]struct{}, 1)}
		t.groups[cause] = g
	}
	g.Count++
	if e.Result.Started.Before(g.First) {
		g.First = e.Result.Started
	}
	if _, known := g.jobs[e.JobID]; !known {
		g.jobs[e.JobID] = struct{}{}
		if len(g.JobIDs) < cron.MaxGroupJobs {
			g.JobIDs = append(g.JobIDs, e.JobID)
		}
	}
}

// list is the groups, most frequent first, and of those that are as frequent the latest first.
func (t *failureTally) list() (groups []cron.FailureGroup, more bool) {
	for _, g := range t.groups {
		g.Jobs = len(g.jobs)
		groups = append(groups, g.FailureGroup)
	}
	slices.SortFunc(groups, func(a, b cron.FailureGroup) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(b.Example.ID, a.Example.ID))
	})
	more = len(groups) > cron.MaxFailureGroups
	return groups[:min(len(groups), cron.MaxFailureGroups)], more
}
