package cron

import (
	"errors"
	"regexp"
	"time"
)

// Mail is a mail to a person, such as a link to sign in. It is kept from the transaction that asks for it until a server has taken it.
type Mail struct {
	ID                string // random; a repeat has the same, by which mail programs drop it
	To, Subject, Text string
	Sender            string // name of the sender; empty for that of the service
	Stranger          bool   // somebody without a session asked for it, so it comes after others
	Created           time.Time
	Expires           time.Time // from then on it is of no use
	Attempts          int       // that have begun
}

const (
	// MailPatience is how long a mail is tried again, unless it is of no use before.
	MailPatience = 24 * time.Hour
	// MailLease is after how long an attempt to send a mail counts as lost. It is longer than an attempt takes.
	MailLease = time.Minute
	// MaxWaitingMails is how many mails wait at most of those that strangers cause, and of all others.
	MaxWaitingMails = 5000
)

// NextAttempt is when a mail that was not sent is tried again; zero for never. random is from 0 up to 1.
func (m *Mail) NextAttempt(now time.Time, random float64) time.Time {
	if next := now.Add(sendingPause(m.Attempts, random)); next.Before(m.Expires) {
		return next
	}
	return time.Time{}
}

// AfterAttempt is when a mail is tried again after an attempt that ended with an error, nil for none; zero when it is done with.
func (m *Mail) AfterAttempt(err error, now time.Time, random float64) time.Time {
	if failure, ok := errors.AsType[*MailError](err); err == nil || ok && failure.OfMail() && !failure.Temporary {
		return time.Time{}
	}
	return m.NextAttempt(now, random)
}

// MailFault is why a mail could not be sent, as far as a person can act on it.
type MailFault int

// The faults of sending mail.
const (
	MailUnknown     MailFault = iota
	MailHostUnknown           // the name of the server cannot be resolved
	MailUnreachable           // the server does not accept connections
	MailTimeout               // the server did not answer in time
	MailTLS                   // no encrypted connection came about, such as by an invalid certificate
	MailNoTLS                 // the server does not offer encryption, which is required
	MailNoLogin               // the server takes no user and password
	MailLogin                 // the server rejects the user or the password
	MailSender                // the server rejects the sender's address
	MailRecipient             // the server rejects the recipient's address
	MailRejected              // the server rejects the message
	MailBroken                // the connection broke, or what answers is not a mail server
)

// MailError is a mail that could not be sent.
type MailError struct {
	Fault     MailFault
	Server    string // host and port
	To        string // the recipient
	Reply     string // what the server said, if anything; not trusted
	Temporary bool   // another attempt may succeed
	Err       error  // the cause
}

// Error names the server and the cause, for logs. Servers and libraries repeat whom a mail is to, which stays out of logs.
func (e *MailError) Error() string {
	text := "send mail by " + e.Server
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	if e.To == "" {
		return text
	}
	return regexp.MustCompile("(?i)"+regexp.QuoteMeta(e.To)).ReplaceAllLiteralString(text, "…")
}

// Unwrap is the cause.
func (e *MailError) Unwrap() error { return e.Err }

// OfMail reports whether the mail is why it was not sent, or its recipient, and not the server.
func (e *MailError) OfMail() bool { return e.Fault == MailRecipient || e.Fault == MailRejected }
