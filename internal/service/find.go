package service

import (
	"context"
	"time"

	"punctual/internal/cron"
)

// MaxJobPage is the largest page of SearchJobs.
const MaxJobPage = 1000

// SearchJobs reads a page of the jobs that a filter selects, as Jobs does, with tags and authors. A page may be short although
// there is more: Next tells.
func (s *Service) SearchJobs(ctx context.Context, now time.Time, actor cron.Actor, q *cron.JobQuery) (cron.JobPage, error) {
	if err := s.allow(&actor, UseSearchJobs); err != nil {
		return cron.JobPage{}, err
	}
	var c cron.Checker
	q.Filter.Check(&c)
	if err := c.Err(); err != nil {
		return cron.JobPage{}, err
	}
	page, err := s.store.SearchJobs(ctx, actor.Account.ID, q)
	for i := range page.Jobs {
		setNextRun(&page.Jobs[i], now)
		if !seesSecrets(&actor) {
			hideSecrets(&page.Jobs[i].Job)
		}
	}
	return page, err
}

// MaxLatestRuns is how many records of a job LatestRuns reads, at most.
const MaxLatestRuns = 100

// LatestRuns reads the latest records of jobs of the account, the latest last: at most count of each. Set are IDs and times, outcome,
// fault and duration. Jobs of others have none.
func (s *Service) LatestRuns(ctx context.Context, actor cron.Actor, jobIDs []int64, count int) (map[int64][]cron.Execution, error) {
	if err := s.allow(&actor, UseSearchJobs); err != nil {
		return nil, err
	}
	return s.store.LatestRuns(ctx, actor.Account.ID, jobIDs[:min(len(jobIDs), MaxJobPage)], min(count, MaxLatestRuns))
}

// Tags lists the tags of the account's jobs by their names.
func (s *Service) Tags(ctx context.Context, actor cron.Actor) ([]cron.TagCount, error) {
	if err := s.allow(&actor, UseListTags); err != nil {
		return nil, err
	}
	return s.store.Tags(ctx, actor.Account.ID)
}

// Views lists the views of the person in the account by their titles.
func (s *Service) Views(ctx context.Context, actor cron.Actor) ([]cron.JobView, error) {
	if err := s.allow(&actor, UseListViews); err != nil {
		return nil, err
	}
	return s.store.Views(ctx, actor.Account.ID, actor.Person.ID)
}

// AddView saves a view of the person and sets its ID. The error is of kind Conflict when the person has one of that title, and
// of kind TooMany when the person has as many as are possible.
func (s *Service) AddView(ctx context.Context, actor cron.Actor, view *cron.JobView) error {
	if err := s.allow(&actor, UseAddView); err != nil {
		return err
	}
	view.AccountID, view.PersonID = actor.Account.ID, actor.Person.ID
	if err := view.Accept(); err != nil {
		return err
	}
	return s.store.CreateView(ctx, view)
}

// ChangeView edits a view of the person. The error is of kind Conflict when another one has the title.
func (s *Service) ChangeView(ctx context.Context, actor cron.Actor, viewID int64, change func(*cron.JobView)) error {
	if err := s.allow(&actor, UseChangeView); err != nil {
		return err
	}
	return s.store.UpdateView(ctx, actor.Account.ID, actor.Person.ID, viewID, func(view *cron.JobView) error {
		change(view)
		return view.Accept()
	})
}

// DeleteView removes a view of the person.
func (s *Service) DeleteView(ctx context.Context, actor cron.Actor, viewID int64) error {
	if err := s.allow(&actor, UseDeleteView); err != nil {
		return err
	}
	return s.store.DeleteView(ctx, actor.Account.ID, actor.Person.ID, viewID)
}
