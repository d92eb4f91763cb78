package service

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"time"

	"punctual/internal/cron"
)

// JobStore keeps jobs. What is not there, or belongs to another account, is an error of kind NotFound.
type JobStore interface {
	// CreateJob adds a job, sets its ID and plans it. An unknown folder is an error of kind Invalid, and a job too many
	// for the account's plan one of kind TooMany.
	CreateJob(ctx context.Context, job *cron.Job) error
	// UpdateJob lets change edit a job and writes it; an error of change changes nothing. change may run more than once,
	// and outside of transactions. The error is of kind Conflict when others change the job all the time.
	UpdateJob(ctx context.Context, accountID, jobID int64, change func(*cron.Job) error) error
	// DeleteJobIf removes a job that allow has no error for, and as which it stands when it is deleted. One that belongs to a monitor is an
	// error of kind Invalid.
	DeleteJobIf(ctx context.Context, accountID, jobID int64, allow func(*cron.Job) error) error
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
	// Search reads one page of the records of an account, without headers and bodies. A job or folder of the filter that
	// is not there, or belongs to another account, is an error of kind NotFound.
	Search(ctx context.Context, accountID int64, q *cron.HistoryQuery) (cron.HistoryPage, error)
	// Stats adds up what was due in each hour of a span. A job that is not there, or belongs to another account, is an
	// error of kind NotFound.
	Stats(ctx context.Context, accountID int64, q *cron.StatsQuery) (cron.HourlyStats, error)
}

// FolderStore keeps folders. What is not there, or belongs to another account, is an error of kind NotFound.
type FolderStore interface {
	// CreateFolder adds a folder and sets its ID. The error is of kind Conflict when the account has one of that title.
	CreateFolder(ctx context.Context, f *cron.Folder) error
	// RenameFolder gives a folder another title. The error is of kind Conflict when another one has it.
	RenameFolder(ctx context.Context, f *cron.Folder) error
	// DeleteFolder removes a folder; its jobs move to the root folder.
	DeleteFolder(ctx context.Context, accountID, folderID int64) error
	// Folder reads one folder.
	Folder(ctx context.Context, accountID, folderID int64) (cron.Folder, error)
	// Folders lists the folders of an account by title.
	Folders(ctx context.Context, accountID int64) ([]cron.Folder, error)
	// FolderJobs lists the jobs in a folder of the account, 0 for the root folder, at most so many of them.
	FolderJobs(ctx context.Context, accountID, folderID int64, most int) (jobIDs []int64, err error)
}

// UsageStore counts requests.
type UsageStore interface {
	// Count counts one request of an account against every limit, or, when one of them is exceeded, against none: then wait is the
	// time until that one's window ends, and is positive.
	Count(ctx context.Context, accountID int64, limits []cron.RateLimit) (wait time.Duration, err error)
	// Used is how many requests the current window of a limit holds.
	Used(ctx context.Context, l cron.RateLimit) (int, error)
}

// BadgeStore reads jobs for people who belong to no account.
type BadgeStore interface {
	// ListedJob reads a job of whatever account, without headers, body and credentials.
	ListedJob(ctx context.Context, jobID int64) (cron.JobRecord, error)
}

// AddressChecker knows which addresses jobs may not call.
type AddressChecker interface {
	// CheckHost tells why host, a name or an address, cannot be or is blocked for that port and accounts of that access; no
	// problem when neither is known. It looks nothing up: names are checked for good when they are dialed.
	CheckHost(host string, port int, access cron.Access) cron.Problem
}

// Config is what a Service needs.
type Config struct {
	Jobs        JobStore
	History     HistoryStore
	Folders     FolderStore
	Usage       UsageStore
	Badges      BadgeStore
	TLS         TLSStore
	Events      EventStore
	Runs        RunStore
	Keys        KeyStore
	Idempotency IdempotencyStore
	Addresses   AddressChecker
	Plans       cron.Plans
	Secret      [32]byte // the key that seals secrets; that of badges is derived from it
	Followers   int      // streams of events at once on this node, if less than usual; 0 for as usual
}

// Service performs the use cases. It is safe for concurrent use.
type Service struct {
	jobs        JobStore
	history     HistoryStore
	folders     FolderStore
	usage       UsageStore
	badges      BadgeStore
	tls         TLSStore
	events      EventStore
	followers   followers
	runs        RunStore
	keys        KeyStore
	idempotency IdempotencyStore
	underWay    underWay
	addresses   AddressChecker
	plans       cron.Plans
	badgeKey    []byte
	// versionKey makes versions of jobs.
	versionKey []byte
}

// New returns a Service.
func New(c Config) *Service {
	return &Service{
		jobs: c.Jobs, history: c.History, folders: c.Folders, usage: c.Usage, badges: c.Badges, tls: c.TLS, events: c.Events, addresses: c.Addresses,
		runs: c.Runs, keys: c.Keys, idempotency: c.Idempotency, plans: c.Plans, badgeKey: derivedKey(c.Secret, "punctual badge token"),
		versionKey: derivedKey(c.Secret, "punctual job version"), followers: followers{most: c.Followers},
	}
}

// derivedKey is a key for one purpose, which tells nothing of the secret.
func derivedKey(secret [32]byte, purpose string) []byte {
	code := hmac.New(sha256.New, secret[:])
	_, _ = code.Write([]byte(purpose)) // never fails
	return code.Sum(nil)
}

// planOf is the plan of an account, with the numbers that differ for it.
func (s *Service) planOf(account cron.Account) cron.Plan {
	return s.plans.Of(account.Plan, account.Overrides)
}
