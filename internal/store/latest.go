package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"punctual/internal/cron"
)

// LatestRuns reads the latest records of jobs of an account, whatever became of them: at most count of each job, in the order of their
// IDs. Set are IDs and times, outcome, fault and duration. Its cost depends on how many it reads, not on how long the history is.
func (s *Store) LatestRuns(ctx context.Context, accountID int64, jobIDs []int64, count int) (latest map[int64][]cron.Execution, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	var row planRow
	err = s.read.QueryRowContext(ctx, `SELECT plan, overrides FROM account WHERE id = $1`, accountID).Scan(&row.name, &row.overrides)
	if err != nil {
		return nil, oneRow(err, cron.SubjectAccount)
	}
	since, err := s.keptSince(row)
	if err != nil {
		return nil, err
	}
	latest = make(map[int64][]cron.Execution, len(jobIDs))
	for _, span := range s.engine.spans(since, s.Now()) {
		var short []int64
		for _, id := range jobIDs {
			if len(latest[id]) < count {
				short = append(short, id)
			}
		}
		if len(short) == 0 {
			break
		}
		if err := s.latestIn(ctx, latest, short, accountID, count, span); err != nil {
			return nil, err
		}
	}
	for id, runs := range latest {
		slices.SortFunc(runs, func(a, b cron.Execution) int { return cmp.Compare(a.ID, b.ID) })
		latest[id] = runs[max(0, len(runs)-count):]
	}
	return latest, nil
}

// latestColumns are what LatestRuns reads.
const latestColumns = `execution.job_id, execution.id, execution.planned_at, execution.started_at, execution.outcome, execution.fault, execution.total_us`

// latestIn adds the latest records of jobs that were planned in a span: from the first instant, and before the second.
func (s *Store) latestIn(ctx context.Context, latest map[int64][]cron.Execution, jobIDs []int64, accountID int64, count int, span [2]int64) error {
	return s.engine.inOrder(ctx, func(ctx context.Context, reader queryer) error {
		return each(ctx, reader, "read the latest records of jobs", func(scan scanner) error {
			e := cron.Execution{AccountID: accountID}
			r := &e.Result
			err := scan(integer(&e.JobID), integer(&e.ID), moment(&e.Planned), moment(&r.Started), integer(&e.Outcome), integer(&r.Fault),
				inMicroseconds(&r.Duration))
			latest[e.JobID] = append(latest[e.JobID], e)
			return err
		}, s.engine.latest(), s.engine.list(jobIDs), count, accountID, span[0], span[1])
	})
}

// allDays is the span of all records since an instant.
func allDays(since time.Time) [2]int64 { return [2]int64{millis(since), largestID} }
