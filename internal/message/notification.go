package message

import (
	"time"

	"punctual/internal/cron"
)

// Notification is a message to a channel in words. The channels lay it out in the ways of their services; all texts are plain and
// not escaped, hostile ones too.
type Notification struct {
	ID       string    // the same for each attempt, such as "msg_123": the idempotency key and, with a domain, the Message-ID
	Event    string    // the name of the kind of notice, see cron.NoticeKindNames
	Severity Severity  // of the gravest notice
	Key      string    // the same for all messages about one problem: trigger, acknowledge and resolve have it in common
	At       time.Time // of the latest notice
	Account  string    // the name of the account
	Language string    // of all texts, BCP 47
	Title    string    // of the job, or the host of its URL; "" of a message that tells of several jobs or of the service

	Subject string // one line without a final full stop, such as "Backup failed: 503 Service Unavailable"
	Summary string // what happened, in one to three sentences
	Facts   []Fact // such as planned and actual time, duration and the usual one, next run; in the order in which they matter
	Excerpt string // the first lines of the answer; "" when none was saved
	Runbook string // the first lines of the job's description, Markdown
	Jobs    []Line // of a message that tells of several jobs, at most cron.MaxListedNotices
	More    string // a sentence that says how many are not listed; "" for none
	Links   []Link // the first one is the run or the problem; without --public-url there are none
	Footer  string // why the receiver gets this, and where to change it
	Labels  Labels

	Unsubscribe string // the URL of a one-click unsubscription (RFC 8058), for mails; "" for none

	Template string        // the channel's own wording for FillTemplate; "" for the usual one
	Source   *cron.Message // what is told, for receivers that are programs
}

// Labels are the headings of parts of a notification.
type Labels struct{ Answer, Runbook, Unsubscribe string }

// Severity is how grave a message is.
type Severity int

// The severities.
const (
	SeverityInfo    Severity = iota // a test
	SeverityGood                    // a recovery
	SeverityWarning                 // a certificate expires, a reminder, the state of the service
	SeverityError                   // a failure, a disabled job, missed runs
)

// severityNames are the names in templates.
var severityNames = [...]string{"info", "good", "warning", "error"}

// String is the name of the severity: info, good, warning or error.
func (s Severity) String() string { return severityNames[s] }

// Fact is a value with its label. Name is the same in all languages, and a placeholder of templates.
type Fact struct{ Name, Label, Value string }

// Line tells of one job among several.
type Line struct{ Title, Text, URL string }

// LinkKind says what a link does.
type LinkKind int

// The kinds of links.
const (
	LinkOpen        LinkKind = iota // a page of the console
	LinkAcknowledge                 // a page with a form that acknowledges the problem
	LinkSnooze                      // a page with a form that snoozes the problem
)

// Link is a link with its label.
type Link struct {
	Kind       LinkKind
	Label, URL string
}
