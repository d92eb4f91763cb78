package cron

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Plan is a set of limits that accounts share. A number of 0 is no limit, where nothing else is said.
type Plan struct {
	Name             string
	DefaultTimeout   time.Duration // of an execution whose job names none; never 0
	MaxTimeout       time.Duration // of an execution; never 0
	MaxResponse      int64         // bytes of headers and body together that an execution may receive; never 0
	MaxInFlight      int           // executions of the account at once, on one node
	MaxFailures      int           // counted failures in a row that a job survives
	MaxJobs          int
	MaxKeys          int
	MaxSecrets       int
	MaxChannels      int
	MaxStatusPages   int
	MaxSubscribers   int // of a status page
	MaxStatusDomains int // of all its status pages

	MaxVersionBytes int64 // of the definitions that are kept, compressed

	MinInterval time.Duration // between two occurrences of a job
	Retention   time.Duration // of history; never 0

	DailyRequests                                          int // of an API key, a UTC day
	MethodRate                                             int // requests a second of each method
	CreateJobRate                                          int // jobs created a second
	CreateJobMinute                                        int // jobs created a minute
	CreateFolderRate, CreateFolderMinute, ChangeFolderRate int
	TestRunsPerDay                                         int // started, a UTC day
	TestRunInterval                                        time.Duration
	MailsPerDay                                            int // that channels send, a UTC day
}

// The names of the plans that always exist.
const (
	PlanDefault   = "default"
	PlanMember    = "member"
	PlanUnlimited = "unlimited"
)

// testRunInterval is the time in which an account can start one test run, on the plans that always exist.
const testRunInterval = 2 * time.Second

// Plans maps names to plans.
type Plans map[string]Plan

// DefaultPlans are the plans as they are when nothing else is configured.
func DefaultPlans() Plans {
	standard := Plan{
		Name: PlanDefault, DefaultTimeout: 30 * time.Second, MaxTimeout: 30 * time.Second,
		MaxResponse: 64 << 10, MaxInFlight: 100, MaxFailures: 15, MaxJobs: 500, MaxKeys: 10, MaxSecrets: 50, MaxVersionBytes: 50 << 20, MinInterval: time.Minute,
		MaxChannels: 20, MaxStatusPages: 5, MaxSubscribers: 1000, MaxStatusDomains: 3, MailsPerDay: 200,
		Retention: 30 * 24 * time.Hour, DailyRequests: 100, MethodRate: 5, CreateJobRate: 1, CreateJobMinute: 5,
		CreateFolderRate: 1, CreateFolderMinute: 10, ChangeFolderRate: 1, TestRunsPerDay: 100, TestRunInterval: testRunInterval,
	}
	member := standard
	member.Name, member.DailyRequests, member.MaxTimeout = PlanMember, 5000, 5*time.Minute
	member.MaxResponse, member.MaxInFlight, member.MaxJobs, member.MaxKeys = 256<<10, 500, 5000, 50
	member.MaxSecrets, member.MaxVersionBytes, member.MaxChannels, member.MailsPerDay = 200, 250<<20, 100, 2000
	member.MaxStatusPages, member.MaxSubscribers, member.MaxStatusDomains = 20, 10_000, 10
	member.MinInterval, member.Retention, member.TestRunsPerDay = 10*time.Second, 90*24*time.Hour, 1000
	return Plans{
		PlanDefault: standard,
		PlanMember:  member,
		PlanUnlimited: {
			Name: PlanUnlimited, DefaultTimeout: 30 * time.Second, MaxTimeout: time.Hour,
			MaxResponse: 1 << 20, MaxFailures: 15, MaxVersionBytes: 1 << 30, Retention: 90 * 24 * time.Hour, TestRunInterval: testRunInterval,
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

// Of is the plan of an account, with the limits that differ for it.
func (p Plans) Of(planName string, o Overrides) Plan {
	plan := p.Named(planName)
	for name, n := range o {
		if l := planLimit(name); l != nil {
			l.set(&plan, n)
		}
	}
	return plan
}

// Overrides are limits of a plan that differ, by the names of PlanLimits, such as "maxJobs".
type Overrides map[string]int64

// LimitError is a limit that no plan can have: its name is unknown, or its value out of range.
type LimitError struct {
	Name     string
	Problem  Problem // without a pointer
	sentence string
}

// Error says what is wrong, for files and commands.
func (e *LimitError) Error() string { return e.sentence }

// Check reports names that no limit has and numbers that make no sense, as a *LimitError.
func (o Overrides) Check() error {
	for _, name := range slices.Sorted(maps.Keys(o)) {
		l := planLimit(name)
		if l == nil {
			names := make([]string, len(PlanLimits))
			for i := range PlanLimits {
				names[i] = PlanLimits[i].Name
			}
			slices.Sort(names)
			return &LimitError{name, Problem{Rule: RuleUnknownValue, Given: name, Want: strings.Join(names, ", ")},
				fmt.Sprintf("a plan has no number called %q; it has %v", name, names)}
		}
		if n := o[name]; n < l.least || n > l.most {
			return &LimitError{name, Problem{Rule: RuleOutOfRange, Given: strconv.FormatInt(n, 10), Min: l.least, Max: l.most},
				fmt.Sprintf("%s is %d, but must be from %d to %d", name, n, l.least, l.most)}
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
