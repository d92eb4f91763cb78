package cron

import "time"

// Account owns jobs, folders and API keys.
type Account struct {
	ID       int64
	Email    string
	Plan     string // the name of a Plan
	Created  time.Time
	Disabled bool
}

// APIKey lets a program act for an account. The key itself is shown once and never stored.
type APIKey struct {
	ID        int64
	AccountID int64
	Title     string
	Hash      [32]byte // SHA-256 of the key
	Created   time.Time
}

// Plan is a set of limits that accounts share.
type Plan struct {
	Name           string
	DefaultTimeout time.Duration // of an execution whose job names none
	MaxTimeout     time.Duration // of an execution
	MaxResponse    int64         // bytes of headers and body together that an execution may receive
	MaxFailures    int           // counted failures in a row that a job survives
	MaxJobs        int           // 0 is no limit
	Retention      time.Duration // of history
}

// The names of the plans that always exist.
const (
	PlanDefault   = "default"
	PlanMember    = "member"
	PlanUnlimited = "unlimited"
)

// Plans maps names to plans.
type Plans map[string]Plan

// DefaultPlans are the plans as they are when nothing else is configured.
func DefaultPlans() Plans {
	return Plans{
		PlanDefault: {
			Name: PlanDefault, DefaultTimeout: 30 * time.Second, MaxTimeout: 30 * time.Second,
			MaxResponse: 64 << 10, MaxFailures: 15, MaxJobs: 500, Retention: 30 * 24 * time.Hour,
		},
		PlanMember: {
			Name: PlanMember, DefaultTimeout: 30 * time.Second, MaxTimeout: 300 * time.Second,
			MaxResponse: 256 << 10, MaxFailures: 15, MaxJobs: 5000, Retention: 90 * 24 * time.Hour,
		},
		PlanUnlimited: {
			Name: PlanUnlimited, DefaultTimeout: 30 * time.Second, MaxTimeout: time.Hour,
			MaxResponse: 1 << 20, MaxFailures: 15, Retention: 90 * 24 * time.Hour,
		},
	}
}

// Named is the plan called name, or the default plan when there is none of that name.
func (p Plans) Named(name string) Plan {
	if plan, ok := p[name]; ok {
		return plan
	}
	return p[PlanDefault]
}
