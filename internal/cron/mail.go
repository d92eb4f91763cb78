package cron

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

// Error names the server and the cause, for logs.
func (e *MailError) Error() string {
	text := "send mail by " + e.Server
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap is the cause.
func (e *MailError) Unwrap() error { return e.Err }
