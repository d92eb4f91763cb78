package service

import (
	"context"
	"time"

	"punctual/internal/cron"
)

// Counters with windows other than a second. Their kinds are above those of the use cases.
const (
	kindDay                = 1001
	kindCreateJobMinute    = 1002
	kindCreateFolderMinute = 1003
	kindTestRunInterval    = 1004
	kindTestRunDay         = 1005
)

// Admit starts a request. It returns an error of kind Forbidden when the actor may not perform the use case. Otherwise
// it counts the request against the quota of the key and the rate limits of the account, or, when one of them is
// exceeded, counts nothing and returns an error of kind TooMany. A plan without such limits costs nothing.
//
// A request can so be refused before its body is read. The use case checks the rights again.
func (s *Service) Admit(ctx context.Context, actor cron.Actor, use UseCase) error {
	if err := s.allow(&actor, use); err != nil || actor.Key == nil && (actor.Session == nil || actor.Account.ID == 0) {
		return err
	}
	plan := s.planOf(actor.Account)
	var keyID int64
	if actor.Key != nil {
		keyID = actor.Key.ID
	}
	limits := callLimits(&plan, actor.Account.ID, keyID, use)
	if len(limits) == 0 {
		return nil
	}
	over, err := s.store.Count(ctx, actor.Account.ID, limits)
	if err != nil {
		return err
	}
	return exceeded(&plan, over)
}

// exceeded is the error of a request that exceeds a limit; nil when it exceeds none.
func exceeded(plan *cron.Plan, over cron.Excess) error {
	if over.Wait == 0 {
		return nil
	}
	e := &cron.Error{Kind: cron.TooMany, RetryAfter: over.Wait}
	switch over.Kind {
	case kindDay:
		e.Problems = []cron.Problem{{Rule: cron.RuleDailyQuota, Limit: int64(plan.DailyRequests)}}
	case kindTestRunInterval:
		e.Problems = []cron.Problem{{Rule: cron.RuleTestRunInterval, Limit: seconds(plan.TestRunInterval)}}
	case kindTestRunDay:
		e.Problems = []cron.Problem{{Rule: cron.RuleTestRunsDay, Limit: int64(plan.TestRunsPerDay)}}
	}
	return e
}

// callLimits are the limits that apply to a use case, those with the longest window first.
func callLimits(plan *cron.Plan, accountID, keyID int64, use UseCase) []cron.RateLimit {
	var limits []cron.RateLimit
	add := func(kind int, subject int64, window time.Duration, most int) {
		if most > 0 {
			limits = append(limits, cron.RateLimit{Kind: kind, Subject: subject, Window: window, Max: most})
		}
	}
	if keyID != 0 && use != UseGetTestRun && use != UseGetAction { // sessions have no quota, and clients poll test runs and actions
		add(kindDay, keyID, 24*time.Hour, plan.DailyRequests)
	}
	rate := plan.MethodRate
	switch use {
	case UseCreateJob, UseCloneJob:
		use = UseCreateJob // a clone is a new job
		rate = plan.CreateJobRate
		add(kindCreateJobMinute, accountID, time.Minute, plan.CreateJobMinute)
	case UseCreateFolder:
		rate = plan.CreateFolderRate
		add(kindCreateFolderMinute, accountID, time.Minute, plan.CreateFolderMinute)
	case UseChangeFolder, UseDeleteFolder:
		rate = plan.ChangeFolderRate
	case UseStartTestRun:
		if plan.TestRunInterval > 0 {
			add(kindTestRunInterval, accountID, plan.TestRunInterval, 1)
		}
	}
	add(int(use), accountID, time.Second, rate)
	return limits
}
