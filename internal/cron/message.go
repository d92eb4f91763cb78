package cron

import "time"

// Message is what one channel is sent: one notice, or several. It is made by the store when it routes notices, and sent by notify.
//
//	waiting ──(claimed by a node)──► sending ──► sent
//	 ▲  │                              │  └────► failed
//	 │  └──► dropped                   │
//	 └──(back-off, for MessagePatience)┘
type Message struct {
	ID        int64
	AccountID int64
	ChannelID int64
	Recipient string // the e-mail address, of a channel that has several; "" is what the channel says
	Language  string // of the recipient; "" is that of the channel
	State     MessageState
	Kind      NoticeKind // of the gravest notice
	ProblemID int64      // 0 for none
	Created   time.Time
	Due       time.Time // of the next attempt
	Attempts  int
	Ended     time.Time     // sent, failed or dropped; zero before
	Drop      MessageDrop   // of a dropped one
	Fault     ChannelFault  // of the last attempt
	Detail    string        // of the last attempt, as Channel.LastDetail
	Took      time.Duration // of the last attempt
	Notices   []Notice      // that it tells, oldest first, at most MaxListedNotices
	Count     int           // how many it tells
	JobIDs    []int64       // that it tells of, in lists
}

// MessageQuery selects messages of an account.
type MessageQuery struct {
	ChannelID, ProblemID, JobID int64          // 0 for any
	States                      []MessageState // nil for all
	Before                      int64          // only those with smaller IDs; 0 for all
	Limit                       int
}

// MessageState is the state of a message. The numbers are stored.
type MessageState int

// The states of messages.
const (
	MessageWaiting MessageState = 0
	MessageSending MessageState = 1
	MessageSent    MessageState = 2
	MessageFailed  MessageState = 3
	MessageDropped MessageState = 4
)

// MessageStateNames are the names of the states in the API, by their numbers.
var MessageStateNames = [...]string{"waiting", "sending", "sent", "failed", "dropped"}

// MessageDrop is why a message was not to be sent. The numbers are stored.
type MessageDrop int

// The reasons for which messages are dropped. A former one had the number 2.
const (
	DropNone         MessageDrop = 0
	DropMuted        MessageDrop = 1 // the channel is muted
	DropAcknowledged MessageDrop = 3 // somebody has acknowledged the problem
	DropSnoozed      MessageDrop = 4 // the problem is snoozed
	DropResolved     MessageDrop = 5 // the problem of a reminder is resolved
	DropChannel      MessageDrop = 6 // the channel was disabled, stopped or deleted, or tells this recipient no more
	DropAccount      MessageDrop = 7 // the account is disabled
)

// MessageDropNames are the names of the reasons in the API, by their numbers.
var MessageDropNames = [...]string{"", "muted", "", "acknowledged", "snoozed", "resolved", "channel", "account"}

// Times of messages.
const (
	MessageJoin     = time.Minute      // in which notices of a channel that follow a first message are collected to one
	MessagePatience = 24 * time.Hour   // for which a message is tried again
	MissingPatience = 10 * time.Minute // the same, while the receiver does not know the address
	MessagesKept    = 30 * 24 * time.Hour
)

// Limits on sending.
const (
	MaxSendingOfAccount = 4      // messages of an account at once, on all nodes
	MaxSendingOfNode    = 32     // messages of a node at once
	MaxMessages         = 10_000 // of an account that are kept
	MaxChannelFailures  = 3      // messages in a row that fail for good, after which a channel is stopped
)

// MessageClaim asks the store for messages that are due.
type MessageClaim struct {
	Node    int64   // the epoch of the claiming node
	Limit   int     // how many it can send now
	Sending []int64 // the IDs of those that it is sending; what the store knows besides goes back to waiting
	Slow    []int64 // the IDs of accounts whose receivers took long lately; together they get at most half of the node's places
}

// ClaimedMessages is the answer to a MessageClaim.
type ClaimedMessages struct {
	Deliveries []MessageDelivery
	More       bool // others are due: claim again when there is room
}

// MessageDelivery is a message that is to be sent, with all that is needed for it.
type MessageDelivery struct {
	Message Message
	Channel Channel // with settings and headers
	Account Account
	TLS     *AccountTLS // the certificate authorities that the account trusts; nil for an account without any
}

// MessageResult is what became of an attempt to send a message.
type MessageResult struct {
	MessageID  int64
	Node       int64        // that claimed it
	Fault      ChannelFault // ChannelOK: it was sent
	Final      bool         // it is not tried again, as with a fault that is Permanent
	Gone       bool         // the receiver will never take one again: the channel is stopped at once
	Detail     string       // see Channel.LastDetail
	Took       time.Duration
	RetryAfter time.Duration // that the receiver asks for; 0 for none
}

// The pauses between attempts to send a message or a mail.
const (
	firstMessagePause   = 10 * time.Second
	longestMessagePause = time.Hour
)

// NextAttempt is when a message whose attempt ended now with the result is tried again; zero for never. tried is when its first
// attempt began, attempts how many there were, and random from 0 up to 1.
func (r *MessageResult) NextAttempt(now, tried time.Time, attempts int, random float64) time.Time {
	patience := MessagePatience
	if r.Fault == ChannelNotFound {
		patience = MissingPatience
	}
	last := tried.Add(patience)
	if r.Fault == ChannelOK || r.Final || r.Gone || r.Fault.Permanent() || !now.Before(last) {
		return time.Time{}
	}
	next := now.Add(max(sendingPause(attempts, random), r.RetryAfter))
	if next.After(last) {
		return last
	}
	return next
}

// sendingPause is the pause after so many attempts to send something. It doubles, up to an hour, and is varied by a fifth, so that what
// failed together does not come together again.
func sendingPause(attempts int, random float64) time.Duration {
	pause := firstMessagePause
	for range min(attempts-1, 20) {
		pause *= 2
	}
	return time.Duration(float64(min(pause, longestMessagePause)) * (0.8 + 0.4*random))
}

// Blames reports whether the receiver is why the message was not sent, and not the service or a confirmation that is missing.
func (r *MessageResult) Blames() bool {
	return r.Fault != ChannelOK && r.Fault != ChannelNoMail && r.Fault != ChannelUnconfirmed && r.Fault != ChannelInside
}

// Stops reports whether a channel is stopped after the result of a message, the failures-th one in a row that failed by its receiver.
func (r *MessageResult) Stops(failures int) bool {
	lasts := r.Final || r.Fault.Permanent() || r.Fault == ChannelNotFound
	return r.Blames() && (r.Gone || lasts && failures >= MaxChannelFailures)
}

// ProblemNow is what is known of the problem of a message when it is to be sent.
type ProblemNow struct {
	State        ProblemState
	Known        bool // there is such a problem
	SnoozedUntil time.Time
}

// Drop says why a message of a kind is not to be sent, given its channel, nil for one that is gone, and its problem. It is a pure
// function, asked when notices are routed and again when their message is to be sent.
func (k NoticeKind) Drop(c *Channel, p ProblemNow, now time.Time) MessageDrop {
	switch {
	case c == nil || !c.Enabled || c.Stopped != ChannelOK:
		return DropChannel
	case c.Muted(now):
		return DropMuted
	case !k.OfFailures() && k != NoticeReminder:
		return DropNone
	case p.Known && p.State == ProblemAcknowledged:
		return DropAcknowledged
	case p.Known && p.State == ProblemSnoozed:
		return DropSnoozed
	case k == NoticeReminder && (!p.Known || p.State == ProblemResolved):
		return DropResolved
	}
	return DropNone
}
