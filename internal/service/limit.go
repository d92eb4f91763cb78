package service

import (
	"context"
	"time"

	"punctual/internal/cron"
)

// What is counted in other windows than a second, by numbers beyond those of the use cases.
const (
	kindDay                = 1001
	kindCreateJobMinute    = 1002
	kindCreateFolderMinute = 1003
)

// longestRate is the longest window of a rate; only the daily quota has a longer one.
const longestRate = time.Minute

// Admit begins a call of a program: it is an error of kind Forbidden when the actor may not do what it asks for, and then
// counts the call against the quota of the key and the rates of its account. Once one of them is exceeded, it counts no more
// and returns an error of kind TooMany. A plan without such limits costs nothing.
//
// It lets a caller be refused before the rest of the request is read. The use case checks the rights once more.
func (s *Service) Admit(ctx context.Context, actor cron.Actor, use UseCase) error {
	if err := allow(&actor, use); err != nil || actor.Key == nil {
		return err
	}
	plan := s.planOf(actor.Account)
	limits := callLimits(&plan, actor.Account.ID, actor.Key.ID, use)
	if len(limits) == 0 {
		return nil
	}
	wait, err := s.store.Count(ctx, actor.Account.ID, limits)
	if err != nil || wait == 0 {
		return err
	}
	return exceeded(&plan, wait)
}

// exceeded is the error of a call that has to wait.
func exceeded(plan *cron.Plan, wait time.Duration) error {
	e := &cron.Error{Kind: cron.TooMany, RetryAfter: wait}
	if wait > longestRate {
		e.Problems = []cron.Problem{{Rule: cron.RuleDailyQuota, Limit: int64(plan.DailyRequests)}}
	}
	return e
}

// callLimits are the limits of a plan that a use case counts against, those with the longest wait first.
func callLimits(plan *cron.Plan, accountID, keyID int64, use UseCase) []cron.RateLimit {
	var limits []cron.RateLimit
	add := func(kind int, subject int64, window time.Duration, most int) {
		if most > 0 {
			limits = append(limits, cron.RateLimit{Kind: kind, Subject: subject, Window: window, Max: most})
		}
	}
	add(kindDay, keyID, 24*time.Hour, plan.DailyRequests)
	rate := plan.MethodRate
	switch use {
	case UseCreateJob, UseCloneJob:
		use = UseCreateJob // a clone is a new job like any other
		rate = plan.CreateJobRate
		add(kindCreateJobMinute, accountID, time.Minute, plan.CreateJobMinute)
	case UseCreateFolder:
		rate = plan.CreateFolderRate
		add(kindCreateFolderMinute, accountID, time.Minute, plan.CreateFolderMinute)
	case UseChangeFolder, UseDeleteFolder:
		rate = plan.ChangeFolderRate
	}
	add(int(use), accountID, time.Second, rate)
	return limits
}
