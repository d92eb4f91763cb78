package service

import (
	"context"
	"strconv"
	"time"

	"punctual/internal/cron"
)

// defaultSpan is the default time span of statistics.
const defaultSpan = 24 * time.Hour

// A StatsRequest asks for statistics of an account or one of its jobs.
type StatsRequest struct {
	JobID    int64         // 0 for the whole account
	From, To time.Time     // widened to full hours, or with a Step of a day to full days (UTC); zero means a day before To, and now
	Step     time.Duration // an hour or a day (UTC); 0 for no series
	Counts   bool          // only counts are wanted, without times of any kind
}

// Stats are the statistics of a time span.
type Stats struct {
	From, To time.Time
	AsOf     time.Time // executions that were claimed until then are counted
	Total    cron.Tally
	Usual    *cron.Band  // of the durations in the cron.UsualSpan before To; nil for a whole account, and with too few executions
	Steps    []StatsStep // covers the whole span, oldest first; empty without a Step
}

// StatsStep is one step of a series.
type StatsStep struct {
	From time.Time
	cron.Tally
}

// Stats adds up executions by outcome, lateness and duration. The error is of kind Invalid when the span is longer than
// the history retention of the plan or begins before the statistics, and of kind NotFound for a missing job.
func (s *Service) Stats(ctx context.Context, now time.Time, actor cron.Actor, r StatsRequest) (Stats, error) {
	if err := s.allow(&actor, UseStats); err != nil {
		return Stats{}, err
	}
	stats := Stats{From: r.From, To: r.To}
	if stats.To.IsZero() {
		stats.To = now
	}
	if stats.From.IsZero() {
		stats.From = stats.To.Add(-defaultSpan)
	}
	unit := max(r.Step, time.Hour)
	plan := s.planOf(actor.Account)
	if err := checkSpan(stats.From, stats.To, now, min(plan.Retention, cron.StatsKept), unit); err != nil {
		return Stats{}, err
	}
	stats.From = stats.From.UTC().Truncate(unit)
	stats.To = stats.To.UTC().Add(unit - 1).Truncate(unit)
	hourly, err := s.store.Stats(ctx, actor.Account.ID, &cron.StatsQuery{JobID: r.JobID, From: stats.From, To: stats.To, Counts: r.Counts})
	if err != nil {
		return Stats{}, err
	}
	stats.AsOf = hourly.AsOf
	if r.Step > 0 {
		stats.Steps = make([]StatsStep, stats.To.Sub(stats.From)/r.Step)
		for i := range stats.Steps {
			stats.Steps[i].From = stats.From.Add(time.Duration(i) * r.Step)
		}
	}
	for i := range hourly.Hours {
		h := &hourly.Hours[i]
		stats.Total.Merge(&h.Tally)
		if r.Step > 0 {
			stats.Steps[h.Hour.Sub(stats.From)/r.Step].Merge(&h.Tally)
		}
	}
	if r.JobID != 0 && !r.Counts {
		stats.Usual, err = s.usualDuration(ctx, actor.Account.ID, r.JobID, stats.To)
	}
	return stats, err
}

// usualDuration is the band in which the durations of a job usually lie, before the given full hour; nil with too few executions.
func (s *Service) usualDuration(ctx context.Context, accountID, jobID int64, to time.Time) (*cron.Band, error) {
	hourly, err := s.store.Stats(ctx, accountID, &cron.StatsQuery{JobID: jobID, From: to.Add(-cron.UsualSpan), To: to})
	if err != nil {
		return nil, err
	}
	var total cron.Tally
	for i := range hourly.Hours {
		total.Merge(&hourly.Hours[i].Tally)
	}
	band, ok := total.UsualDuration()
	if !ok {
		return nil, nil
	}
	return &band, nil
}

// checkSpan returns an error for a span that is empty, too long even after rounding, or too long ago.
func checkSpan(from, to, now time.Time, longest, unit time.Duration) error {
	oldest := now.Add(-cron.StatsKept)
	if bound := to.Add(-longest - unit); bound.After(oldest) {
		oldest = bound
	}
	latest := to.Unix() - 1
	if !from.Before(oldest) && from.Unix() <= latest {
		return nil
	}
	return &cron.Error{Kind: cron.Invalid, Problems: []cron.Problem{{
		Pointer: "/from", Rule: cron.RuleOutOfRange, Given: strconv.FormatInt(from.Unix(), 10),
		Min: oldest.Unix() + 1, Max: max(latest, oldest.Unix()+1),
	}}}
}
