package cron

import "time"

// AuditEntry is one row of the audit log: who did what to what, from where.
type AuditEntry struct {
	ID        int64
	AccountID int64 // 0 for what concerns the whole service
	At        time.Time
	Actor     string // who, as text that stays: an e-mail address, the title of a key, "command line", "the service"
	PersonID  int64
	KeyID     int64
	SessionID int64
	Way       string // WayAPI, WayConsole, WayCommand or WayService
	Address   string // where the call came from; empty for a command
	Action    string // such as "job.change"
	Object    string // what it was done to, such as "job"
	ObjectID  int64
	Title     string   // of the object, without secrets
	Changes   []string // JSON pointers of what changed, without values
}

// The ways by which something is done.
const (
	WayAPI     = "api"
	WayConsole = "console"
	WayCommand = "command"
	WayService = "service"
)

// AuditFilter selects entries of the audit log. A zero field selects all.
type AuditFilter struct {
	AccountID int64
	All       bool // of all accounts and of the service itself, whatever AccountID is
	PersonID  int64
	KeyID     int64
	Action    string // how the action begins, such as "job."
	Object    string
	ObjectID  int64
	From, To  time.Time // From is included, To is not
	Before    int64     // entries with smaller ids only: the last id of the former page
}

// MaxAuditEntries is how many entries of an account are kept; the oldest ones go first.
const MaxAuditEntries = 1_000_000
