package service

import (
	"context"
	"time"

	"punctual/internal/cron"
)

// Call is a method of the API, for which requests are counted apart: it is the Kind of a cron.RateLimit. The numbers are
// stored.
type Call int

// The calls.
const (
	CallListJobs     Call = 1
	CallGetJob       Call = 2
	CallCreateJob    Call = 3
	CallChangeJob    Call = 4
	CallDeleteJob    Call = 5
	CallListHistory  Call = 6
	CallGetExecution Call = 7
	CallListFolders  Call = 8
	CallGetFolder    Call = 9
	CallCreateFolder Call = 10
	CallChangeFolder Call = 11
	CallDeleteFolder Call = 12
	CallRunJob       Call = 13
	CallGetRun       Call = 14
	CallCloneJob     Call = 15
	CallBulk         Call = 16
	CallGetBadge     Call = 17
	CallPreview      Call = 21
	CallListZones    Call = 22
	CallGetTLS       Call = 31
	CallSetTLS       Call = 32
	CallDeleteTLS    Call = 33
	CallHistory      Call = 41
	CallExecutions   Call = 42
	CallStats        Call = 43
	CallFollow       Call = 51
	CallGetAccount   Call = 61
	CallListKeys     Call = 62
	CallCreateKey    Call = 63
	CallDeleteKey    Call = 64
)

// What is counted in other windows than a second, by numbers beyond those of the calls.
const (
	kindDay                = 1001
	kindCreateJobMinute    = 1002
	kindCreateFolderMinute = 1003
)

// longestRate is the longest window of a rate; only the daily quota has a longer one.
const longestRate = time.Minute

// Admit counts a call against the quota of the key and the rates of its account. Once one of them is exceeded, it counts
// no more and returns an error of kind TooMany. A plan without such limits costs nothing.
func (s *Service) Admit(ctx context.Context, account cron.Account, keyID int64, call Call) error {
	plan := s.planOf(account)
	limits := callLimits(&plan, account.ID, keyID, call)
	if len(limits) == 0 {
		return nil
	}
	wait, err := s.usage.Count(ctx, account.ID, limits)
	if err != nil || wait == 0 {
		return err
	}
	exceeded := &cron.Error{Kind: cron.TooMany, RetryAfter: wait}
	if wait > longestRate {
		exceeded.Problems = []cron.Problem{{Rule: cron.RuleDailyQuota, Limit: int64(plan.DailyRequests)}}
	}
	return exceeded
}

// callLimits are the limits of a plan that a call counts against, those with the longest wait first.
func callLimits(plan *cron.Plan, accountID, keyID int64, call Call) []cron.RateLimit {
	var limits []cron.RateLimit
	add := func(kind int, subject int64, window time.Duration, most int) {
		if most > 0 {
			limits = append(limits, cron.RateLimit{Kind: kind, Subject: subject, Window: window, Max: most})
		}
	}
	add(kindDay, keyID, 24*time.Hour, plan.DailyRequests)
	rate := plan.MethodRate
	switch call {
	case CallCreateJob, CallCloneJob:
		call = CallCreateJob // a clone is a new job like any other
		rate = plan.CreateJobRate
		add(kindCreateJobMinute, accountID, time.Minute, plan.CreateJobMinute)
	case CallCreateFolder:
		rate = plan.CreateFolderRate
		add(kindCreateFolderMinute, accountID, time.Minute, plan.CreateFolderMinute)
	case CallChangeFolder, CallDeleteFolder:
		rate = plan.ChangeFolderRate
	}
	add(int(call), accountID, time.Second, rate)
	return limits
}
