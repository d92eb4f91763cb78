package cron

import "time"

// JobType is what a job belongs to. The numbers are those of the cron-job.org API.
type JobType int

// The types of jobs.
const (
	TypeDefault    JobType = 0
	TypeMonitoring JobType = 1
)

// Status is the result of the latest execution of a job. The numbers are those of the cron-job.org API.
type Status int

// The statuses of an execution.
const (
	StatusUnknown       Status = 0 // not executed yet
	StatusOK            Status = 1
	StatusDNSError      Status = 2 // the resolver's answer
	StatusConnectFailed Status = 3 // refused, unreachable, or an address that the guard blocks
	StatusHTTPError     Status = 4
	StatusTimeout       Status = 5 // any deadline, including those of name lookup and connect
	StatusTooMuchData   Status = 6
	StatusInvalidURL    Status = 7
	StatusInternalError Status = 8 // a fault of the service, and lost executions
	StatusOther         Status = 9 // TLS failures, truncated or malformed responses
)

// DefaultTimeout as Job.Timeout means the default of the account's plan.
const DefaultTimeout = -1

// Limits on Job.
const (
	MaxTitleLength  = 512      // characters
	MaxURLLength    = 8192     // bytes
	MaxBodyLength   = 1 << 20  // bytes
	MaxPlaceholders = 1000     // in URL, headers and body together
	MaxHeaderLength = 64 << 10 // bytes, names and values of all headers together

	MaxCredentialLength = 8192 // bytes, of user and of password
)

// Job is the definition of a job: what to send and when. What executions change is JobState.
type Job struct {
	ID              int64
	AccountID       int64
	FolderID        int64 // 0 is the root folder
	Type            JobType
	Enabled         bool
	Title           string
	SaveResponses   bool
	Request         Request
	Traceparent     bool   // requests have the header traceparent
	SigningSecret   string // that requests are signed with; "" for none (see GenerateSigningSecret)
	Timeout         int    // seconds, as the user gave them; below 1 is the plan's default
	RedirectSuccess bool
	Schedule        Schedule
	Timing          Timing
	Exchange        Exchange
	Notification    Notification
	Policy          Policy
	Description     string   // what to know about the job, such as a runbook, in Markdown; up to MaxDescription
	Tags            []string // different ones, ignoring case; read-only
	ChannelIDs      []int64  // of the channels that are told; nil leaves that to the account, empty is none. Read-only; those of channels that are gone count as not there
	Created         time.Time
	Updated         time.Time
	CreatedBy       Author
	UpdatedBy       Author
}

// Notification says which notices the account of a job receives.
type Notification struct {
	OnFailure       bool
	OnFailureCount  int // the number of failures in a row that causes the notice, at least 1
	OnSuccess       bool
	OnDisable       bool
	OnCertExpiry    bool
	CertExpiryAhead time.Duration // how long before the expiry of the certificate; whole seconds
	// SilencedUntil is until when no notices are given, although executions go on. Zero or in the past when the job is not
	// silenced, Forever when it is so for good. Whole seconds.
	SilencedUntil time.Time
}

// Forever is the last instant that the API can write.
var Forever = time.Unix(lastInstant, 0).UTC()

// Silenced reports whether the job is silenced at the given time.
func (n *Notification) Silenced(now time.Time) bool { return now.Before(n.SilencedUntil) }

// DefaultNotification is the notification of a new job.
func DefaultNotification() Notification {
	return Notification{OnFailureCount: 1, CertExpiryAhead: 7 * 24 * time.Hour}
}

// JobState is what executions change of a job.
type JobState struct {
	NextRun         time.Time // zero when the job is disabled or has no further occurrence
	LastStatus      Status
	LastDuration    time.Duration
	LastExecution   time.Time // its start; zero when the job was never executed
	CertExpiry      time.Time // of the certificate in the last execution; zero without one
	Failures        int       // all failures in a row, for Notification.OnFailure
	CountedFailures int       // failures in a row that count for disabling
	CertNoticed     time.Time // the certificate expiry of the last notice about one
	FailureUntold   bool      // the notice of the present failures was due while the job was silenced
	FailingSince    time.Time // the first of the failures in a row, whatever was edited meanwhile; only where results are recorded
	Told            Told      // only where results are recorded
}

// NewJob is a job with the defaults of the cron-job.org API: disabled, GET, and a schedule that never matches.
func NewJob() Job {
	return Job{
		Timeout:      DefaultTimeout,
		Schedule:     NewSchedule(),
		Notification: DefaultNotification(),
		Policy:       DefaultPolicy(),
	}
}

// JobRecord is a job together with its state.
type JobRecord struct {
	Job
	State     JobState
	ProblemID int64 // of the JobProblem that the job has; only where results are recorded
}
