package cron

import (
	"slices"
	"strconv"
	"time"
)

// Channel is a way by which an account is told: an e-mail address, a webhook, a chat room, a pager.
type Channel struct {
	ID        int64
	AccountID int64
	Kind      string // a name of notify.Kinds, such as "email" or "slack"
	Title     string
	Enabled   bool // by people
	Default   bool // it gets the notices of all jobs that name no channels and that no rule of a channel matches

	// The rules: it gets the notices of jobs in one of the folders or with one of the tags.
	FolderIDs []int64
	Tags      []string

	// Settings are the values of the fields of the kind, by name. Secret ones are only there where it is written or sends.
	Settings map[string]string
	Headers  []Header // that requests of kinds "webhook" and "http" have besides
	Template string   // own wording; "" is the usual one

	Language     string        // of what it says; "" is the usual one of the service
	Timezone     string        // of QuietFrom and QuietTo
	QuietFrom    int           // minute of the day from which it is quiet
	QuietTo      int           // minute of the day; the same as QuietFrom is never quiet
	QuietGrave   bool          // problems and disabled jobs are told in quiet hours too
	Reminder     time.Duration // after which an open problem is told again; 0 is never
	MutedUntil   time.Time     // nothing is told before; zero is not muted
	MutedForGood bool

	Confirmed    bool     // an e-mail address that is not a member's has been confirmed by its owner
	Unsubscribed []string // addresses of kind "owners" that have unsubscribed, in lower case

	// What became of its messages.
	Stopped    ChannelFault // why the service sends no more; ChannelOK while it does
	Failures   int          // in a row
	LastSent   time.Time    // zero for never
	LastFailed time.Time    // zero for never
	LastFault  ChannelFault // of LastFailed
	LastDetail string       // what the receiver said, such as an HTTP status and the beginning of its answer; masked, at most MaxChannelDetail bytes

	Created, Updated     time.Time
	CreatedBy, UpdatedBy Author
}

// Limits on channels.
const (
	MaxChannelTitle    = 128      // characters
	MaxChannelSetting  = 8 << 10  // bytes
	MaxChannelTemplate = 16 << 10 // bytes
	MaxChannelHeaders  = 50
	MaxChannelRules    = 100  // folders and tags each
	MaxJobChannels     = 20   // that a job names
	MaxUnsubscribed    = 1000 // addresses of one channel
	MaxChannelDetail   = 500
	MinReminder        = 5 * time.Minute
	MaxReminder        = 30 * 24 * time.Hour
)

// TakesAcknowledgement reports whether channels of a kind page people until somebody acknowledges, and so are told when a problem
// is acknowledged here.
func TakesAcknowledgement(kind string) bool { return kind == "pagerDuty" || kind == "splunkOnCall" }

// KindOwners is the kind of channel that every account begins with: it tells its owners by e-mail.
const KindOwners = "owners"

// ChannelFault is why a message could not be delivered, as far as a person can act on it. The numbers are stored; message has a
// sentence for each.
type ChannelFault int

// The faults of channels.
const (
	ChannelOK           ChannelFault = 0
	ChannelExchange     ChannelFault = 1  // the HTTP exchange failed before a response came: Result has the Fault
	ChannelUnauthorized ChannelFault = 2  // the receiver rejects the token, key or password (401, 403)
	ChannelNotFound     ChannelFault = 3  // the receiver does not know the address, room or hook any more (404, 410)
	ChannelRejected     ChannelFault = 4  // the receiver rejects the message (other 4xx)
	ChannelBusy         ChannelFault = 5  // the receiver asks to wait (429)
	ChannelBroken       ChannelFault = 6  // the receiver has a fault of its own (5xx)
	ChannelAnswer       ChannelFault = 7  // a 2xx whose body says that it was not taken, or any other status
	ChannelTemplateBad  ChannelFault = 8  // the template cannot be filled in
	ChannelNoMail       ChannelFault = 9  // the service has no mail server
	ChannelMail         ChannelFault = 10 // a *MailError
	ChannelUnconfirmed  ChannelFault = 11 // nobody has confirmed the e-mail address
	ChannelLost         ChannelFault = 12 // the node ended while it was sending; it is sent again
	ChannelInside       ChannelFault = 13 // a fault of the service itself
	ChannelUnsubscribed ChannelFault = 14 // the receiver has unsubscribed
	ChannelLimit        ChannelFault = 15 // the account has sent as many mails today as its plan allows
)

// Permanent reports whether another attempt cannot succeed before somebody changes something. ChannelNotFound is not: services answer
// with 404 for some minutes while they are deployed or moved (see MissingPatience).
func (f ChannelFault) Permanent() bool {
	switch f {
	case ChannelUnauthorized, ChannelRejected, ChannelTemplateBad, ChannelNoMail, ChannelUnconfirmed, ChannelUnsubscribed:
		return true
	}
	return false
}

// normalizeChannels drops channels that are named again.
func (j *Job) normalizeChannels() {
	if len(j.ChannelIDs) > MaxJobChannels+1 { // too many, however many follow
		j.ChannelIDs = j.ChannelIDs[:MaxJobChannels+1]
		return
	}
	kept := j.ChannelIDs[:0:0]
	for _, id := range j.ChannelIDs {
		if !slices.Contains(kept, id) {
			kept = append(kept, id)
		}
	}
	if len(kept) < len(j.ChannelIDs) {
		j.ChannelIDs = kept
	}
}

// checkChannels adds what is wrong with the channels that the job names. Whether there are such channels is not looked at.
func (j *Job) checkChannels(c *Checker) {
	if len(j.ChannelIDs) > MaxJobChannels {
		c.Add("/channelIds", Problem{Rule: RuleTooMany, Limit: MaxJobChannels})
	}
}

// UnknownChannel is the problem with a number that no channel of the account has.
func UnknownChannel(id int64) Problem {
	return Problem{Rule: RuleUnknownChannel, Given: strconv.FormatInt(id, 10)}
}
