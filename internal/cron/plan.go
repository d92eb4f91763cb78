package cron

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Plan is a set of limits that accounts share. A number of 0 is no limit, where nothing else is said.
type Plan struct {
	Name           string
	DefaultTimeout time.Duration // of an execution whose job names none; never 0
	MaxTimeout     time.Duration // of an execution; never 0
	MaxResponse    int64         // bytes of headers and body together that an execution may receive; never 0
	MaxInFlight    int           // executions of the account at once, on one node
	MaxFailures    int           // counted failures in a row that a job survives
	MaxJobs        int
	MaxKeys        int
	MinInterval    time.Duration // between two occurrences of a job
	Retention      time.Duration // of history; never 0

	DailyRequests                                          int // of an API key, a UTC day
	MethodRate                                             int // requests a second of each method
	CreateJobRate                                          int // jobs created a second
	CreateJobMinute                                        int // jobs created a minute
	CreateFolderRate, CreateFolderMinute, ChangeFolderRate int
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
	standard := Plan{
		Name: PlanDefault, DefaultTimeout: 30 * time.Second, MaxTimeout: 30 * time.Second,
		MaxResponse: 64 << 10, MaxInFlight: 100, MaxFailures: 15, MaxJobs: 500, MaxKeys: 10, MinInterval: time.Minute,
		Retention: 30 * 24 * time.Hour, DailyRequests: 100, MethodRate: 5, CreateJobRate: 1, CreateJobMinute: 5,
		CreateFolderRate: 1, CreateFolderMinute: 10, ChangeFolderRate: 1,
	}
	member := standard
	member.Name, member.DailyRequests, member.MaxTimeout = PlanMember, 5000, 5*time.Minute
	member.MaxResponse, member.MaxInFlight, member.MaxJobs, member.MaxKeys = 256<<10, 500, 5000, 50
	member.MinInterval, member.Retention = 10*time.Second, 90*24*time.Hour
	return Plans{
		PlanDefault: standard,
		PlanMember:  member,
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

// Of is the plan of an account, with the numbers that differ for it.
func (p Plans) Of(planName string, o Overrides) Plan {
	plan := p.Named(planName)
	for name, n := range o {
		if f, ok := planNumbers[name]; ok {
			f.set(&plan, n)
		}
	}
	return plan
}

// Overrides are numbers of a plan by the names that configuration uses, such as "maxJobs".
type Overrides map[string]int64

// planNumber is a number of a plan as configuration has it.
type planNumber struct {
	least int64
	set   func(p *Plan, n int64)
}

// planNumbers are the names that configuration uses. Durations carry their unit in the name.
var planNumbers = map[string]planNumber{
	"defaultTimeoutSeconds":  {1, func(p *Plan, n int64) { p.DefaultTimeout = time.Duration(n) * time.Second }},
	"maxTimeoutSeconds":      {1, func(p *Plan, n int64) { p.MaxTimeout = time.Duration(n) * time.Second }},
	"maxResponseBytes":       {1, func(p *Plan, n int64) { p.MaxResponse = n }},
	"maxFailures":            {0, func(p *Plan, n int64) { p.MaxFailures = int(n) }},
	"maxInFlight":            {0, func(p *Plan, n int64) { p.MaxInFlight = int(n) }},
	"maxJobs":                {0, func(p *Plan, n int64) { p.MaxJobs = int(n) }},
	"maxKeys":                {0, func(p *Plan, n int64) { p.MaxKeys = int(n) }},
	"minIntervalSeconds":     {0, func(p *Plan, n int64) { p.MinInterval = time.Duration(n) * time.Second }},
	"retentionDays":          {1, func(p *Plan, n int64) { p.Retention = time.Duration(n) * 24 * time.Hour }},
	"dailyRequests":          {0, func(p *Plan, n int64) { p.DailyRequests = int(n) }},
	"requestsPerSecond":      {0, func(p *Plan, n int64) { p.MethodRate = int(n) }},
	"createJobsPerSecond":    {0, func(p *Plan, n int64) { p.CreateJobRate = int(n) }},
	"createJobsPerMinute":    {0, func(p *Plan, n int64) { p.CreateJobMinute = int(n) }},
	"createFoldersPerSecond": {0, func(p *Plan, n int64) { p.CreateFolderRate = int(n) }},
	"createFoldersPerMinute": {0, func(p *Plan, n int64) { p.CreateFolderMinute = int(n) }},
	"changeFoldersPerSecond": {0, func(p *Plan, n int64) { p.ChangeFolderRate = int(n) }},
}

// largestPlanNumber keeps durations and counts far from any overflow.
const largestPlanNumber = 1 << 31

// Check reports names that no plan has and numbers that make no sense.
func (o Overrides) Check() error {
	for _, name := range slices.Sorted(maps.Keys(o)) {
		f, ok := planNumbers[name]
		if !ok {
			return fmt.Errorf("a plan has no number called %q; it has %v", name, slices.Sorted(maps.Keys(planNumbers)))
		}
		if n := o[name]; n < f.least || n > largestPlanNumber {
			return fmt.Errorf("%s is %d, but must be from %d to %d", name, n, f.least, int64(largestPlanNumber))
		}
	}
	return nil
}

// Configure returns the plans with numbers changed by plan name; a name that is new becomes a plan that starts as the
// default one.
func (p Plans) Configure(changes map[string]Overrides) (Plans, error) {
	plans := maps.Clone(p)
	for name, o := range changes {
		if err := o.Check(); err != nil {
			return nil, fmt.Errorf("plan %q: %w", name, err)
		}
		plan := plans.Of(name, o)
		plan.Name = name
		plans[name] = plan
	}
	return plans, nil
}
