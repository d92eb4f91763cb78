package cron

import "time"

// NoticeKind is the reason for a notice. The numbers are stored.
type NoticeKind int

// The kinds of notices. Those up to NoticeCertExpiry are the ones of the cron-job.org API.
const (
	NoticeFailure    NoticeKind = 1
	NoticeSuccess    NoticeKind = 2 // after failures
	NoticeDisabled   NoticeKind = 3 // the service disabled the job after too many failures
	NoticeCertExpiry NoticeKind = 4
	NoticeMissed     NoticeKind = 5 // occurrences of the job were found too late to run, such as after an outage of the service
	NoticeReminder   NoticeKind = 6 // a problem that was told of is still open, and nobody has acknowledged it
	NoticeTest       NoticeKind = 7 // somebody tests a channel

	// About the service itself, for its operators.
	NoticeBehind     NoticeKind = 8  // executions start late
	NoticeDisk       NoticeKind = 9  // the disk of the database is filling up
	NoticeNodeGone   NoticeKind = 10 // a node ended without saying so
	NoticeChannels   NoticeKind = 11 // channels keep failing
	NoticeOwnExpiry  NoticeKind = 12 // the certificate of the service expires
	NoticeChannelOff NoticeKind = 13 // a channel of the account was stopped; told by the account's other channels

	NoticeAcknowledged NoticeKind = 14 // somebody has acknowledged a problem; for pagers only (see TakesAcknowledgement)
	NoticeBackup       NoticeKind = 15 // a scheduled backup of the database failed; for the operators of the service
)

// NoticeKindNames are the names of the kinds in the API, by their numbers.
var NoticeKindNames = [...]string{"", "failure", "recovery", "disabled", "certificateExpiry", "missed", "reminder", "test",
	"behind", "diskFilling", "nodeGone", "channelsFailing", "ownCertificateExpiry", "channelStopped",
	"acknowledged", "backupFailed"}

// String is the name of the kind.
func (k NoticeKind) String() string {
	if k < 0 || int(k) >= len(NoticeKindNames) {
		return "" // of a newer version
	}
	return NoticeKindNames[k]
}

// Notice is an event that an account is told about, as a snapshot: what it says stays correct when the job is edited or
// deleted, and when the retention has removed the execution.
type Notice struct {
	ID        int64
	AccountID int64
	Kind      NoticeKind
	Created   time.Time

	// Of a notice about a job.
	JobID      int64
	Title      string
	URL        string // masked
	Timezone   string
	Runbook    string        // the first lines of the description, Markdown, at most MaxNoticeRunbook bytes
	FolderID   int64         // 0 is the root folder
	Tags       []string      // for the rules of channels
	ChannelIDs []int64       // that the job names; nil when it leaves that to the account
	Next       time.Time     // when the job runs next; zero for never
	Usual      Band          // of its duration; zero when that is not known
	LateAfter  time.Duration // Policy.LateAfter of the job

	// The execution.
	ExecutionID int64
	ExecKind    Kind
	Attempt     int
	Planned     time.Time
	Result      Result // Headers stay out; Body has at most MaxNoticeExcerpt bytes, and only when responses are saved
	Failures    int    // in a row: with this one, or before a success
	Missed      int64  // occurrences, of NoticeMissed

	// The problem that it belongs to.
	ProblemID int64 // 0 for none
	Cause     Fingerprint
	Since     time.Time // when the job began to fail; zero when that is not known

	// The arguments of a notice about the service or a channel.
	Detail    string // the node, the disk, the host of a certificate, the title of a channel
	Amount    int64  // milliseconds of lateness, bytes that are free, how many channels fail, the ChannelFault of a channel that was stopped
	ChannelID int64  // of NoticeChannelOff, which others tell
}

// Limits on notices.
const (
	MaxNoticeRunbook = 2 << 10
	MaxNoticeExcerpt = 1 << 10
	MaxListedNotices = 20 // that one message lists; it says how many more there are
)
