package cron

import "time"

// PlanLimit is one number of a plan, which is all that configuration, the API and its description need to know of it.
type PlanLimit struct {
	Name string // in configuration and in the API; it ends with the unit of a duration
	What string // what is limited, in English
	Unit string // "s", "days" or "bytes"; "" for a number of things
	Zero bool   // 0 is a limit like any other, and not no limit

	least, most int64 // that can be configured
	get         func(p *Plan) int64
	set         func(p *Plan, n int64)
}

// Of is the limit in a plan.
func (l *PlanLimit) Of(p *Plan) int64 { return l.get(p) }

// None reports whether n means that there is no limit.
func (l *PlanLimit) None(n int64) bool { return n == 0 && !l.Zero }

// largestLimit keeps counts, and durations in seconds, far from any overflow; longestRetention does so for days.
const (
	largestLimit     = 1 << 31
	longestRetention = 36_500
)

// PlanLimits are all limits of a plan, in the order in which the API shows them.
var PlanLimits = []PlanLimit{
	countLimit("dailyRequests", "Requests of an API key per UTC day.", func(p *Plan) *int { return &p.DailyRequests }),
	countLimit("requestsPerSecond", "Requests per second, for each call.", func(p *Plan) *int { return &p.MethodRate }),
	countLimit("createJobsPerSecond", "Jobs created per second.", func(p *Plan) *int { return &p.CreateJobRate }),
	countLimit("createJobsPerMinute", "Jobs created per minute.", func(p *Plan) *int { return &p.CreateJobMinute }),
	countLimit("createFoldersPerSecond", "Folders created per second.", func(p *Plan) *int { return &p.CreateFolderRate }),
	countLimit("createFoldersPerMinute", "Folders created per minute.", func(p *Plan) *int { return &p.CreateFolderMinute }),
	countLimit("changeFoldersPerSecond", "Folders changed per second, and deleted per second.",
		func(p *Plan) *int { return &p.ChangeFolderRate }),
	countLimit("testRunsPerDay", "Test runs started per UTC day.", func(p *Plan) *int { return &p.TestRunsPerDay }),
	secondsLimit("testRunIntervalSeconds", "Time in which one test run can be started.", 0,
		func(p *Plan) *time.Duration { return &p.TestRunInterval }),
	countLimit("maxJobs", "Jobs.", func(p *Plan) *int { return &p.MaxJobs }),
	countLimit("maxKeys", "API keys.", func(p *Plan) *int { return &p.MaxKeys }),
	countLimit("maxSecrets", "Secrets.", func(p *Plan) *int { return &p.MaxSecrets }),
	countLimit("maxChannels", "Channels.", func(p *Plan) *int { return &p.MaxChannels }),
	countLimit("maxStatusPages", "Status pages.", func(p *Plan) *int { return &p.MaxStatusPages }),
	countLimit("maxSubscribers", "Subscribers of a status page.", func(p *Plan) *int { return &p.MaxSubscribers }),
	countLimit("maxStatusDomains", "Domains of status pages.", func(p *Plan) *int { return &p.MaxStatusDomains }),
	countLimit("mailsPerDay", "E-mails that channels send per UTC day.", func(p *Plan) *int { return &p.MailsPerDay }),
	{
		Name: "maxVersionBytes", What: "Size of the versions of jobs that are kept, compressed.", Unit: "bytes", most: largestLimit,
		get: func(p *Plan) int64 { return p.MaxVersionBytes }, set: func(p *Plan, n int64) { p.MaxVersionBytes = n },
	},
	secondsLimit("minIntervalSeconds", "Minimum interval between two runs of a job.", 0, func(p *Plan) *time.Duration { return &p.MinInterval }),
	secondsLimit("defaultTimeoutSeconds", "Default timeout of an execution.", 1,
		func(p *Plan) *time.Duration { return &p.DefaultTimeout }),
	secondsLimit("maxTimeoutSeconds", "Maximum timeout of an execution.", 1, func(p *Plan) *time.Duration { return &p.MaxTimeout }),
	{
		Name: "maxResponseBytes", What: "Size of a response, headers and body together.", Unit: "bytes", least: 1, most: largestLimit,
		get: func(p *Plan) int64 { return p.MaxResponse }, set: func(p *Plan, n int64) { p.MaxResponse = n },
	},
	countLimit("maxInFlight", "Executions in flight on each node.", func(p *Plan) *int { return &p.MaxInFlight }),
	{
		Name: "maxFailures", What: "Consecutive failures allowed; one more disables the job.", Zero: true, most: largestLimit,
		get: func(p *Plan) int64 { return int64(p.MaxFailures) }, set: func(p *Plan, n int64) { p.MaxFailures = int(n) },
	},
	{
		Name: "retentionDays", What: "History retention.", Unit: "days", least: 1, most: longestRetention,
		get: func(p *Plan) int64 { return int64(p.Retention / (24 * time.Hour)) },
		set: func(p *Plan, n int64) { p.Retention = time.Duration(n) * 24 * time.Hour },
	},
}

// countLimit is a limit on the number of something.
func countLimit(name, what string, field func(p *Plan) *int) PlanLimit {
	return PlanLimit{
		Name: name, What: what, most: largestLimit,
		get: func(p *Plan) int64 { return int64(*field(p)) }, set: func(p *Plan, n int64) { *field(p) = int(n) },
	}
}

// secondsLimit is a limit in seconds.
func secondsLimit(name, what string, least int64, field func(p *Plan) *time.Duration) PlanLimit {
	return PlanLimit{
		Name: name, What: what, Unit: "s", least: least, most: largestLimit,
		get: func(p *Plan) int64 { return int64(*field(p) / time.Second) },
		set: func(p *Plan, n int64) { *field(p) = time.Duration(n) * time.Second },
	}
}

// planLimit is the limit of a name; nil when there is none.
func planLimit(name string) *PlanLimit {
	for i := range PlanLimits {
		if PlanLimits[i].Name == name {
			return &PlanLimits[i]
		}
	}
	return nil
}
