package message

// Mail is a message to one person, in plain text.
type Mail struct {
	To      string // an e-mail address, without a name
	Subject string // one line
	Text    string // lines end with \n; paragraphs are separated by an empty line
}
