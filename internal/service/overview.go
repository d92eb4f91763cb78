package service

import (
	"context"
	"time"

	"punctual/internal/cron"
)

// How much an overview shows.
const (
	overviewProblems = 5
	overviewRuns     = 10
	overviewEdits    = 200 // versions and deleted jobs that are looked at
	overviewSpan     = 24 * time.Hour
	overviewAhead    = 180 // minutes
	// OverviewPlanned is up to how many jobs of an account what is planned is counted.
	OverviewPlanned = 1000
)

// Overview is what an account looks like at present.
type Overview struct {
	Jobs         cron.JobCounts
	Problems     cron.ProblemCounts
	LastProblem  time.Time                 // when the last problem ended; zero while there is one, and when none is known
	Unresolved   []cron.JobProblem         // the problems that opened last, without numbers of runs
	Why          []cron.Diagnosis          // of each of them, whatever the job
	Next         []cron.JobRecord          // the jobs that run next
	NextWindows  []*cron.MaintenanceWindow // that each of them is in then; nil for none
	Recent       cron.RecentStats          // of the last day
	Ahead        *cron.Ahead               // what is planned for the next three hours; nil for an account with more jobs than OverviewPlanned
	Day          cron.Tally                // of the hours of the last day
	Edits        []cron.JobEdit            // of the last day, latest first
	EditsAtLeast bool                      // there are more
	Removed      []cron.BinJob             // jobs that were deleted in the last day, latest first
}

// Overview reads what an account looks like. It costs about the same however many jobs and executions there are.
func (s *Service) Overview(ctx context.Context, now time.Time, actor cron.Actor) (o Overview, err error) {
	if err := s.allow(&actor, UseOverview); err != nil {
		return o, err
	}
	account, since := actor.Account.ID, now.Add(-overviewSpan)
	if o.Jobs, err = s.store.JobCounts(ctx, account); err != nil {
		return o, err
	}
	if err := s.overviewProblems(ctx, &actor, &o); err != nil {
		return o, err
	}
	if o.Next, err = s.store.NextJobs(ctx, account, o.Jobs.Jobs, overviewRuns); err != nil {
		return o, err
	}
	windows, err := s.maintenanceOf(ctx, account)
	if err != nil {
		return o, err
	}
	o.NextWindows = make([]*cron.MaintenanceWindow, len(o.Next))
	for i := range o.Next {
		run := cron.Preview{Runs: []cron.PreviewRun{{At: o.Next[i].State.NextRun}}}
		windows.Mark(&o.Next[i].Job, &run)
		o.NextWindows[i] = run.Runs[0].Window
		if !seesSecrets(&actor) {
			hideSecrets(&o.Next[i].Job)
		}
	}
	if o.Recent, err = s.store.Recent(ctx, account, since); err != nil {
		return o, err
	}
	if o.Jobs.Jobs <= OverviewPlanned {
		ahead, err := s.planAhead(ctx, account, windows, now)
		if err != nil {
			return o, err
		}
		o.Ahead = &ahead
	}
	for i := range o.Recent.Hours {
		o.Day.Merge(&o.Recent.Hours[i].Tally)
	}
	if o.Edits, err = s.store.Edits(ctx, account, since, overviewEdits); err != nil {
		return o, err
	}
	o.EditsAtLeast = len(o.Edits) == overviewEdits
	o.Removed, err = s.store.BinJobs(ctx, account, cron.BinPosition{}, overviewEdits)
	for i := range o.Removed {
		if o.Removed[i].Deleted.Before(since) {
			o.Removed = o.Removed[:i]
			break
		}
	}
	return o, err
}

// maintenanceOf is the maintenance windows that do something to jobs of an account.
func (s *Service) maintenanceOf(ctx context.Context, account int64) (*cron.Maintenance, error) {
	windows, err := s.store.JobWindows(ctx, account)
	return cron.NewMaintenance(windows), err
}

// planAhead counts what the jobs of an account are planned for.
func (s *Service) planAhead(ctx context.Context, account int64, windows *cron.Maintenance, now time.Time) (cron.Ahead, error) {
	jobs, err := s.store.ScheduledJobs(ctx, account)
	if err == nil && windows.NeedsTags() {
		var tags map[int64][]string
		tags, err = s.store.TagsOfJobs(ctx, account)
		for i := range jobs {
			jobs[i].Tags = tags[jobs[i].ID]
		}
	}
	if err != nil {
		return cron.Ahead{}, err
	}
	return cron.PlanAhead(jobs, windows, now, overviewAhead), nil
}

func (s *Service) overviewProblems(ctx context.Context, actor *cron.Actor, o *Overview) (err error) {
	account := actor.Account.ID
	if o.Problems, err = s.store.ProblemCounts(ctx, account); err != nil {
		return err
	}
	if o.Problems.Unresolved() == 0 {
		o.LastProblem, err = s.store.LastResolved(ctx, account)
		return err
	}
	if o.Unresolved, err = s.store.Unresolved(ctx, account, overviewProblems); err != nil {
		return err
	}
	o.Why = make([]cron.Diagnosis, len(o.Unresolved))
	for i := range o.Unresolved {
		o.Why[i] = s.whyWhatever(actor, &o.Unresolved[i])
	}
	return nil
}

// ProblemCounts counts the problems of the account by their states.
func (s *Service) ProblemCounts(ctx context.Context, actor cron.Actor) (cron.ProblemCounts, error) {
	if err := s.allow(&actor, UseListProblems); err != nil {
		return cron.ProblemCounts{}, err
	}
	return s.store.ProblemCounts(ctx, actor.Account.ID)
}
