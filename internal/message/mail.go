package message

import "time"

// Mail is a message to one person, in plain text.
type Mail struct {
	ID      string // what the Message-ID begins with; empty for a random one
	To      string // an e-mail address, without a name
	Subject string // one line
	Text    string // lines end with \n; paragraphs are separated by an empty line

	Sender      string        // name of the sender; empty for that of the service
	Unsubscribe string        // URL that unsubscribes the recipient by a POST (RFC 8058); empty for none
	Patience    time.Duration // for which it is of use; 0 for the usual time
}

// TestMail shows that mails can be sent.
func (c *Catalogue) TestMail(to string) Mail { return c.mail(to, mailTest, nil) }

// mailKind says which mail one is.
type mailKind int

const (
	mailTest mailKind = iota
	mailInvitation
	mailSignUp
	mailKnown
	mailLostPassword
	mailNewEmail
	mailEmailAsked
	mailEmailChanged
	mailPasswordChanged
	mailSignInAdded
	mailSignInRemoved
	mailPasskeyCopied
	mailKeyLives
	mailDeletion
	mailKept
	mailChannel
	mailSubscribe
	mailSubscribed
	mailIncident
	mailMaintenance
	mailKinds // how many there are
)

// mailText is the subject and the text of a mail, with placeholders.
type mailText struct{ subject, text string }

// mail fills a mail with its arguments.
func (c *Catalogue) mail(to string, kind mailKind, arguments map[string]string) Mail {
	t := c.mailTexts[kind]
	argument := func(name string) string { return arguments[name] }
	return Mail{To: to, Subject: fill(t.subject, argument), Text: fill(t.text, argument)}
}
