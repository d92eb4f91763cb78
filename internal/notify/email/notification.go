package email

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/wneessen/go-mail"

	"punctual/internal/markdown"
	"punctual/internal/message"
)

// SendNotification sends a notification as a mail with a plain and an HTML part. Each attempt has the same Message-ID, by
// which mail programs drop a repeat; all mails about one problem refer to the same thread. The error is a *cron.MailError, or
// message.ErrTemplateSize.
func (s *Sender) SendNotification(ctx context.Context, to string, n *message.Notification) error {
	text, err := plainPart(n)
	if err != nil {
		return err
	}
	html, err := htmlPart(n)
	if err != nil {
		return err
	}
	return s.send(ctx, to, func(out *mail.Msg) {
		out.Subject(n.Subject)
		out.SetMessageIDWithValue(messageID(n) + "@" + s.domain)
		thread := "<" + identifier(n.Key) + ".thread@" + s.domain + ">"
		out.SetGenHeader(mail.HeaderInReplyTo, thread)
		out.SetGenHeader(mail.HeaderReferences, thread)
		unsubscribes(out, n.Unsubscribe)
		out.SetBodyString(mail.TypeTextPlain, text)
		out.AddAlternativeString(mail.TypeTextHTML, html)
	})
}

// unsubscribes lets mail programs unsubscribe the recipient at a URL; none when that is empty.
func unsubscribes(out *mail.Msg, url string) {
	if !headerURL.MatchString(url) {
		return
	}
	out.SetGenHeader(mail.HeaderListUnsubscribe, "<"+url+">")
	if strings.HasPrefix(url, "https://") { // RFC 8058, section 3.1
		out.SetGenHeader(mail.HeaderListUnsubscribePost, "List-Unsubscribe=One-Click")
	}
}

// headerURL is a URL that a header can have: ASCII, without what ends it.
var headerURL = regexp.MustCompile("^https?://[!-;=?-~]+$")

// messageID is the local part of the Message-ID: the same for each attempt at a stored message, also after the numbers of
// messages have begun again in a new database.
func messageID(n *message.Notification) string {
	if n.Source == nil || n.Source.ID == 0 {
		return rand.Text()
	}
	return fmt.Sprintf("%s.%d", identifier(n.ID), n.Source.Created.UnixMilli())
}

var plainIdentifier = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// identifier is a text that an identifier of a mail can have, the same for the same text.
func identifier(s string) string {
	if plainIdentifier.MatchString(s) {
		return s
	}
	hash := sha256.Sum256([]byte(s))
	return hex.EncodeToString(hash[:16])
}

// page is what the HTML part shows.
type page struct {
	*message.Notification
	Own     string        // the channel's own wording; "" for the usual one
	Runbook template.HTML // hides the source in Notification
}

// Tone is the class that colours the mail.
func (p page) Tone() string { return p.Severity.String() }

// Buttons are the links that matter most: the first page, and what can be done at once.
func (p page) Buttons() []message.Link { buttons, _ := links(p.Notification); return buttons }

// Pages are the other links.
func (p page) Pages() []message.Link { _, pages := links(p.Notification); return pages }

func links(n *message.Notification) (buttons, pages []message.Link) {
	for i, l := range n.Links {
		if i == 0 || l.Kind != message.LinkOpen {
			buttons = append(buttons, l)
		} else {
			pages = append(pages, l)
		}
	}
	return buttons, pages
}

//go:embed notification.html
var source string

var layout = template.Must(template.New("notification").Parse(source))

func htmlPart(n *message.Notification) (string, error) {
	own, err := message.FillTemplate(n.Template, n, nil)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := layout.Execute(&b, page{n, own, markdown.HTML(n.Runbook)}); err != nil {
		return "", fmt.Errorf("make the HTML of a mail: %w", err)
	}
	return b.String(), nil
}

// plainPart is the notification as plain text, with the channel's own wording in place of the usual one if there is one.
func plainPart(n *message.Notification) (string, error) {
	var b strings.Builder
	own, err := message.FillTemplate(n.Template, n, nil)
	if err != nil {
		return "", err
	}
	if own != "" {
		b.WriteString(strings.TrimRight(own, "\r\n") + "\n")
	} else {
		usual(&b, n)
	}
	b.WriteString("\n-- \n" + n.Footer + "\n") // what follows such a line is a signature to mail programs
	if n.Unsubscribe != "" {
		b.WriteString(n.Labels.Unsubscribe + ": " + n.Unsubscribe + "\n")
	}
	return b.String(), nil
}

// usual is the usual wording in plain text.
func usual(b *strings.Builder, n *message.Notification) {
	b.WriteString(n.Subject + "\n\n" + n.Summary + "\n")
	width := 0
	for _, f := range n.Facts {
		width = max(width, utf8.RuneCountInString(f.Label))
	}
	for i, f := range n.Facts {
		if i == 0 {
			b.WriteByte('\n')
		}
		b.WriteString(f.Label + ": " + strings.Repeat(" ", width-utf8.RuneCountInString(f.Label)) + f.Value + "\n")
	}
	for i, l := range n.Jobs {
		if i == 0 {
			b.WriteByte('\n')
		}
		b.WriteString("- " + l.Title + ": " + l.Text + "\n")
	}
	if n.More != "" {
		b.WriteString("\n" + n.More + "\n")
	}
	quoted(b, n.Labels.Answer, n.Excerpt)
	quoted(b, n.Labels.Runbook, n.Runbook)
	for i, l := range n.Links {
		if i == 0 {
			b.WriteByte('\n')
		}
		b.WriteString(l.Label + ": " + l.URL + "\n")
	}
}

// quoted is a text that somebody else wrote, indented, so that it cannot be taken for ours.
func quoted(b *strings.Builder, label, text string) {
	if text != "" {
		b.WriteString("\n" + label + ":\n\n    " + strings.ReplaceAll(text, "\n", "\n    ") + "\n")
	}
}
