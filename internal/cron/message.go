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

// The reasons for which messages are dropped.
const (
	DropNone         MessageDrop = 0
	DropMuted        MessageDrop = 1 // the channel is muted
	DropQuiet        MessageDrop = 2 // quiet hours, and the message tells of nothing that lasts until they end
	DropAcknowledged MessageDrop = 3 // somebody has acknowledged the problem
	DropSnoozed      MessageDrop = 4 // the problem is snoozed
	DropResolved     MessageDrop = 5 // the problem of a reminder is resolved
	DropChannel      MessageDrop = 6 // the channel was disabled, stopped or deleted
)

// MessageDropNames are the names of the reasons in the API, by their numbers.
var MessageDropNames = [...]string{"", "muted", "quietHours", "acknowledged", "snoozed", "resolved", "channel"}

// Times of messages.
const (
	MessageJoin     = time.Minute    // in which notices of a channel that follow a first message are collected to one
	MessagePatience = 24 * time.Hour // for which a message is tried again
	MessagesKept    = 30 * 24 * time.Hour
)
