package store

import (
	"context"
	"time"

	"punctual/internal/cron"
)

// A job may have failed millions of times since its latest success, so what is looked at for one call is bounded by records and
// by time.
const (
	goodPages = 20 // of searchRows records
	goodTime  = time.Second
)

// GoodBefore finds the successes of a job before one of its executions, which exists: the latest one with headers and body, and the
// timings of the latest cron.MaxGoodBefore. It looks at no more than goodPages × searchRows records.
func (s *Store) GoodBefore(ctx context.Context, e *cron.Execution) (good cron.GoodBefore, err error) {
	ctx, leave, err := s.enter(ctx, e.AccountID)
	if err != nil {
		return good, err
	}
	defer leave()
	since, err := s.searchable(ctx, e.AccountID, &cron.HistoryFilter{JobID: e.JobID})
	if err != nil {
		return good, err
	}
	var latest int64
	err = s.engine.inOrder(ctx, func(ctx context.Context, reader queryer) (err error) {
		good, latest = cron.GoodBefore{}, 0
		began := time.Now()
		q := cron.HistoryQuery{Filter: cron.HistoryFilter{JobID: e.JobID, Outcomes: []cron.Outcome{cron.OutcomeSucceeded}},
			After: cron.HistoryPosition{ID: e.ID, At: e.Result.Started}}
		for range goodPages {
			run, err := s.idRange(ctx, reader, idRange{column: "job_id", owner: e.JobID}, &q, since)
			if err != nil {
				return err
			}
			if err := s.goodIn(ctx, reader, e.AccountID, &q.Filter, &run, since, &good, &latest); err != nil {
				return err
			}
			if good.Complete = run.last || latest != 0; run.last || len(good.Stats) == cron.MaxGoodBefore || time.Since(began) > goodTime {
				return nil
			}
			q.After = run.reached
		}
		return nil
	})
	if err != nil || latest == 0 {
		return good, err
	}
	found, err := s.Execution(ctx, e.AccountID, e.JobID, latest)
	good.Latest = &found
	return good, err
}

// goodIn reads the timings of the successes in a range of records, and the ID of the latest one unless that is known.
func (s *Store) goodIn(ctx context.Context, reader queryer, accountID int64, f *cron.HistoryFilter, run *idRange, since time.Time,
	good *cron.GoodBefore, latest *int64) error {
	w := s.wanted(nil, accountID, f, run, since)
	return each(ctx, reader, "read successes", func(scan scanner) error {
		if len(good.Stats) == cron.MaxGoodBefore {
			return errEnough
		}
		var (
			id int64
			t  cron.Stats
		)
		err := scan(integer(&id), inMicroseconds(&t.NameLookup), inMicroseconds(&t.Connect), inMicroseconds(&t.AppConnect),
			inMicroseconds(&t.PreTransfer), inMicroseconds(&t.StartTransfer), inMicroseconds(&t.Total))
		if err != nil {
			return err
		}
		if *latest == 0 {
			*latest = id
		}
		good.Stats = append(good.Stats, t)
		return nil
	}, `SELECT execution.id, execution.lookup_us, execution.connect_us, execution.app_connect_us, execution.pre_transfer_us,
		        execution.start_transfer_us, execution.total_us
		FROM execution CROSS JOIN job WHERE job.id = execution.job_id AND `+w.conditions.String()+`
		ORDER BY execution.id DESC`, w.args...)
}
