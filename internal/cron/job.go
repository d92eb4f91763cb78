package cron

import "time"

// JobType tells what a job belongs to. The numbers are those of the cron-job.org API.
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
	StatusTimeout       Status = 5 // any deadline, that of name lookup and connect included
	StatusTooMuchData   Status = 6
	StatusInvalidURL    Status = 7
	StatusInternalError Status = 8 // ours, and lost executions
	StatusOther         Status = 9 // TLS failures, truncated or malformed answers
)

// DefaultTimeout as Job.Timeout asks for the default of the account's plan.
const DefaultTimeout = -1

// Limits on what a job may hold.
const (
	MaxTitleLength  = 512      // characters
	MaxURLLength    = 8192     // bytes
	MaxBodyLength   = 1 << 20  // bytes
	MaxPlaceholders = 1000     // in URL, headers and body together
	MaxHeaderLength = 64 << 10 // bytes, names and values of all headers together

	MaxCredentialLength = 8192 // bytes, of user and of password
)

// Job is a URL, what to send to it, and when. It is the definition only; what changes with each execution is JobState.
type Job struct {
	ID              int64
	AccountID       int64
	FolderID        int64 // 0 is the root folder
	Type            JobType
	Enabled         bool
	Title           string
	SaveResponses   bool
	Request         Request
	Timeout         int // seconds as the user gave them; DefaultTimeout, and whatever is below 1, means the plan's default
	RedirectSuccess bool
	Schedule        Schedule
	Timing          Timing
	Exchange        Exchange
	Notification    Notification
	Policy          Policy
	Created         time.Time
	Updated         time.Time
}

// Notification says which events of a job its account wants to hear of.
type Notification struct {
	OnFailure       bool
	OnFailureCount  int // failures in a row before the notice, at least 1
	OnSuccess       bool
	OnDisable       bool
	OnCertExpiry    bool
	CertExpiryAhead time.Duration // how long before the expiry of the certificate the notice goes out, whole seconds
}

// DefaultNotification is what a job has when nothing else is said.
func DefaultNotification() Notification {
	return Notification{OnFailureCount: 1, CertExpiryAhead: 7 * 24 * time.Hour}
}

// JobState is what executions leave behind on a job.
type JobState struct {
	NextRun         time.Time // when the job is due next; zero when it is disabled or has no further occurrence
	LastStatus      Status
	LastDuration    time.Duration
	LastExecution   time.Time // the actual start; zero when never executed
	CertExpiry      time.Time // of the certificate that the latest execution saw; zero when it saw none
	Failures        int       // in a row, of any kind; they drive Notification.OnFailure
	CountedFailures int       // in a row, as they count for disabling
	CertNoticed     time.Time // the expiry of the certificate that a notice was last sent for
}

// NewJob returns a job with the defaults of the cron-job.org API: disabled, GET, and a schedule that never matches.
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
	State JobState
}
