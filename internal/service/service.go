package service

import (
	"context"

	"punctual/internal/cron"
)

// JobStore keeps jobs. What is not there, or belongs to another account, is an error of kind NotFound.
type JobStore interface {
	// CreateJob adds a job, sets its ID and plans it. An unknown folder is an error of kind Invalid.
	CreateJob(ctx context.Context, job *cron.Job) error
	// UpdateJob lets change edit a job in one transaction, which an error of change undoes. change may run more than
	// once.
	UpdateJob(ctx context.Context, accountID, jobID int64, change func(*cron.Job) error) error
	// DeleteJob removes a job. One that belongs to a monitor is an error of kind Invalid.
	DeleteJob(ctx context.Context, accountID, jobID int64) error
	// Job reads a job with all that belongs to it.
	Job(ctx context.Context, accountID, jobID int64) (cron.JobRecord, error)
	// Jobs reads the jobs of an account in the order in which they are shown, without headers, body and credentials.
	Jobs(ctx context.Context, accountID int64) (jobs []cron.JobRecord, someFailed bool, err error)
	// CountJobs tells how many jobs an account has.
	CountJobs(ctx context.Context, accountID int64) (int, error)
}

// HistoryStore reads the ledger of executions.
type HistoryStore interface {
	// History lists the latest started executions of a job, newest start first, without headers and bodies.
	History(ctx context.Context, accountID, jobID int64, limit int) ([]cron.Execution, error)
	// Execution reads one execution with headers and body.
	Execution(ctx context.Context, accountID, jobID, executionID int64) (cron.Execution, error)
}

// AddressChecker knows which addresses jobs may not call.
type AddressChecker interface {
	// CheckHost tells which address of host, a name or an address, is blocked for that port; ok is true when none is
	// known to be. It looks nothing up: names are checked for good when they are dialed.
	CheckHost(host string, port int) (blocked string, ok bool)
}

// Config is what a Service needs.
type Config struct {
	Jobs      JobStore
	History   HistoryStore
	Addresses AddressChecker
	Plans     cron.Plans
}

// Service performs the use cases. It is safe for concurrent use.
type Service struct {
	jobs      JobStore
	history   HistoryStore
	addresses AddressChecker
	plans     cron.Plans
}

// New returns a Service.
func New(c Config) *Service {
	return &Service{jobs: c.Jobs, history: c.History, addresses: c.Addresses, plans: c.Plans}
}
