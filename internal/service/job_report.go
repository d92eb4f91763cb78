package service

import (
	"context"
	"time"

	"punctual/internal/cron"
)

// ReportDays is how many days a JobReport goes back, as far as the plan keeps the history.
const ReportDays = 90

// JobReport is what became of the executions of a job, by days.
type JobReport struct {
	Days  []StatsStep     // up to the present one, oldest first, in the time zone of the request; not all are 24 hours long
	AsOf  time.Time       // executions that were claimed until then are counted
	Usual *cron.Band      // of the durations in the cron.UsualSpan before now; nil with too few executions
	Good  *cron.Execution // the latest success, without headers and body; nil for none in Days
	Bad   *cron.Execution // the latest failed or lost one, likewise
	Why   cron.Diagnosis  // of Bad
	// Coming is the occurrences that lie ahead, with the maintenance windows that the job is in then.
	Coming cron.Preview
}

// comingRuns is how many occurrences a JobReport shows.
const comingRuns = 10

// JobReport adds up the executions of a job, and finds the latest good and the latest bad one. It takes the same time however many
// there are: the hours of the statistics say where to look.
func (s *Service) JobReport(ctx context.Context, now time.Time, actor cron.Actor, job *cron.Job, zone *time.Location) (r JobReport, err error) {
	if err := s.allow(&actor, UseStats); err != nil {
		return r, err
	}
	plan := s.planOf(actor.Account)
	days := int(min(plan.Retention, cron.StatsKept, ReportDays*24*time.Hour) / (24 * time.Hour))
	midnight := func(daysAgo int) time.Time {
		y, m, d := now.In(zone).Date()
		return time.Date(y, m, d-daysAgo, 0, 0, 0, 0, zone)
	}
	from := midnight(max(days, 1) - 1).UTC().Truncate(time.Hour)
	to := now.UTC().Truncate(time.Hour).Add(time.Hour)
	hourly, err := s.store.Stats(ctx, actor.Account.ID, &cron.StatsQuery{JobID: job.ID, From: from, To: to})
	if err != nil {
		return r, err
	}
	r.AsOf = hourly.AsOf
	for ago := max(days, 1) - 1; ago >= 0; ago-- {
		r.Days = append(r.Days, StatsStep{From: midnight(ago)})
	}
	var usual cron.Tally
	var good, bad *cron.HourTally
	for i := range hourly.Hours {
		h := &hourly.Hours[i]
		r.day(h.Hour).Merge(&h.Tally)
		if h.Hour.After(to.Add(-cron.UsualSpan)) {
			usual.Duration.Merge(&h.Duration)
		}
		good = later(good, h, h.Attempts[cron.OutcomeSucceeded])
		bad = later(bad, h, h.Attempts[cron.OutcomeFailed]+h.Attempts[cron.OutcomeLost])
	}
	if band, ok := usual.UsualDuration(); ok {
		r.Usual = &band
	}
	if r.Good, err = s.latestIn(ctx, &actor, job, good, cron.OutcomeSucceeded); err != nil {
		return r, err
	}
	if r.Bad, err = s.latestIn(ctx, &actor, job, bad, cron.OutcomeFailed, cron.OutcomeLost); err == nil && r.Bad != nil {
		r.Why = cron.Diagnose(&r.Bad.Result, job, &plan)
	}
	if err != nil {
		return r, err
	}
	r.Coming = job.Preview(now, comingRuns)
	return r, s.markWindows(ctx, job, actor.Account.ID, &r.Coming)
}

// day is the day that an hour begins in.
func (r *JobReport) day(hour time.Time) *StatsStep {
	for i := len(r.Days) - 1; i > 0; i-- {
		if !hour.Before(r.Days[i].From) {
			return &r.Days[i]
		}
	}
	return &r.Days[0]
}

// later is the later one of two hours, of which the second counts only if it has any.
func later(former, hour *cron.HourTally, count int64) *cron.HourTally {
	if count > 0 && (former == nil || hour.Hour.After(former.Hour)) {
		return hour
	}
	return former
}

// latestPages bounds how many pages of a search latestIn reads. The record that it looks for is on the first one unless attempts
// start much later than they are planned.
const latestPages = 5

// latestIn finds the latest execution of an hour with one of some outcomes; nil when it is no longer kept or lies far behind.
func (s *Service) latestIn(ctx context.Context, actor *cron.Actor, job *cron.Job, hour *cron.HourTally, outcomes ...cron.Outcome) (*cron.Execution, error) {
	if hour == nil {
		return nil, nil
	}
	end := hour.Hour.Add(time.Hour + hour.Lateness.Max() + job.Policy.Retry.Span() + time.Minute)
	q := cron.HistoryQuery{Filter: cron.HistoryFilter{JobID: job.ID, Outcomes: outcomes, From: hour.Hour, To: end}, Limit: 1}
	for range latestPages {
		page, err := s.searcher.Search(ctx, actor.Account.ID, &q)
		if err != nil {
			return nil, err
		}
		if len(page.Records) > 0 {
			return &page.Records[0].Execution, nil
		}
		if page.Next.ID == 0 {
			break
		}
		q.After = page.Next
	}
	return nil, nil
}
