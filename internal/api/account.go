package api

import (
	"net/http"
	"time"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/service"
)

// account is an account as its owner sees it. Limits of null are none.
type account struct {
	Email   string `json:"email"`
	Plan    string `json:"plan"`
	Created int64  `json:"created"` // Unix seconds
	Limits  limits `json:"limits"`
	Used    used   `json:"used"`
	Left    used   `json:"left"`
	Key     apiKey `json:"apiKey"`
}

// limits are the numbers of a plan, by the names that configuration gives them.
type limits struct {
	DailyRequests          *int64 `json:"dailyRequests"`
	RequestsPerSecond      *int64 `json:"requestsPerSecond"`
	CreateJobsPerSecond    *int64 `json:"createJobsPerSecond"`
	CreateJobsPerMinute    *int64 `json:"createJobsPerMinute"`
	CreateFoldersPerSecond *int64 `json:"createFoldersPerSecond"`
	CreateFoldersPerMinute *int64 `json:"createFoldersPerMinute"`
	ChangeFoldersPerSecond *int64 `json:"changeFoldersPerSecond"`
	MaxJobs                *int64 `json:"maxJobs"`
	MaxKeys                *int64 `json:"maxKeys"`
	MinIntervalSeconds     *int64 `json:"minIntervalSeconds"`
	DefaultTimeoutSeconds  *int64 `json:"defaultTimeoutSeconds"`
	MaxTimeoutSeconds      *int64 `json:"maxTimeoutSeconds"`
	MaxResponseBytes       *int64 `json:"maxResponseBytes"`
	MaxInFlight            *int64 `json:"maxInFlight"`
	MaxFailures            int64  `json:"maxFailures"`
	RetentionDays          *int64 `json:"retentionDays"`
}

func newLimits(p *cron.Plan) limits {
	number := func(n int) *int64 { return limitOrNull(int64(n)) }
	return limits{
		DailyRequests: number(p.DailyRequests), RequestsPerSecond: number(p.MethodRate),
		CreateJobsPerSecond: number(p.CreateJobRate), CreateJobsPerMinute: number(p.CreateJobMinute),
		CreateFoldersPerSecond: number(p.CreateFolderRate), CreateFoldersPerMinute: number(p.CreateFolderMinute),
		ChangeFoldersPerSecond: number(p.ChangeFolderRate),
		MaxJobs:                number(p.MaxJobs), MaxKeys: number(p.MaxKeys),
		MinIntervalSeconds:    limitOrNull(wire.WholeSeconds(p.MinInterval)),
		DefaultTimeoutSeconds: limitOrNull(wire.WholeSeconds(p.DefaultTimeout)),
		MaxTimeoutSeconds:     limitOrNull(wire.WholeSeconds(p.MaxTimeout)),
		MaxResponseBytes:      limitOrNull(p.MaxResponse), MaxInFlight: number(p.MaxInFlight),
		MaxFailures: int64(p.MaxFailures), RetentionDays: limitOrNull(int64(p.Retention / (24 * time.Hour))),
	}
}

// limitOrNull is a limit, and nil for none.
func limitOrNull(n int64) *int64 {
	if n == 0 {
		return nil
	}
	return &n
}

// used is how much of what a plan limits there is. Null is not counted, or not limited.
type used struct {
	Jobs          *int64 `json:"jobs"`
	APIKeys       *int64 `json:"apiKeys"`
	RequestsToday *int64 `json:"requestsToday"` // of the key, a UTC day
}

// left is how much of a limit is not used; nil when there is none.
func left(limit *int64, n int) *int64 {
	if limit == nil {
		return nil
	}
	return new(max(0, *limit-int64(n)))
}

func newAccount(a *cron.Account, st *service.Standing, key *cron.APIKey) account {
	l := newLimits(&st.Plan)
	answer := account{
		Email: a.Email, Plan: a.Plan, Created: a.Created.Unix(), Limits: l, Key: newAPIKey(key, key),
		Used: used{Jobs: new(int64(st.Jobs)), APIKeys: new(int64(st.Keys))},
		Left: used{left(l.MaxJobs, st.Jobs), left(l.MaxKeys, st.Keys), left(l.DailyRequests, st.Requests)},
	}
	if l.DailyRequests != nil {
		answer.Used.RequestsToday = new(int64(st.Requests))
	}
	return answer
}

// getAccount tells what the account may have, what of it is left, and what the key may do.
func (a *api) getAccount(w http.ResponseWriter, r *http.Request, owner cron.Account) error {
	key := keyOf(r)
	st, err := a.service.Standing(r.Context(), owner, key.ID)
	if err != nil {
		return err
	}
	return reply(w, struct {
		Account account `json:"account"`
	}{newAccount(&owner, &st, key)})
}
