package notify

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// Kind is a service that messages are sent to.
type Kind struct {
	Name    string // in the API
	Title   string // the name that the service has for people
	Fields  []Field
	Headers bool // a channel can have headers of its own

	// build makes the request; nil for mails. The notification has been tidied, and its words are those of the channel's template.
	// What is in it may be hostile nevertheless: each service has to escape it.
	build func(d *draft) (cron.Request, error)
	// judge says what an answer means, where its status is not all that matters; nil where it is. ok is false when the usual
	// meaning of the status holds.
	judge func(a *answer) (v Verdict, ok bool)
	// together checks settings that depend on each other; nil for none.
	together func(settings map[string]string) []cron.Problem
	// ownBody is set where a template is the body of the request, and not only the wording of the message.
	ownBody bool
	signs   bool // requests are signed by the setting "secret"
}

// Field is a setting of a channel.
type Field struct {
	Name      string
	Secret    bool // it is not shown once it is set
	Required  bool
	Generated bool     // the service makes a value where none is given
	Choices   []string // the values that are possible; nil for any
	Default   string   // what counts when it is empty

	check func(value string) cron.Problem // nil for any text on one line
	isURL bool                            // messages are sent to it, or to a path below
}

// IsURL reports whether the value is the URL that messages are sent to.
func (f *Field) IsURL() bool { return f.isURL }

// Mail reports whether messages of the kind are mails.
func (k *Kind) Mail() bool { return k.build == nil }

// setting is a value of a channel of the kind; that of the field's Default when it is empty.
func (k *Kind) setting(settings map[string]string, name string) string {
	if value := strings.TrimSpace(settings[name]); value != "" {
		return value
	}
	for _, f := range k.Fields {
		if f.Name == name {
			return f.Default
		}
	}
	return ""
}

// kinds are the services, in the order in which people see them.
var kinds = [...]*Kind{
	&owners, &mail, &webhook, &generic, &slack, &discord, &teams, &googleChat, &mattermost, &rocketChat, &matrix, &telegram, &signal,
	&ntfy, &gotify, &pushover, &zulip, &webex, &lark, &pagerDuty, &splunkOnCall, &homeAssistant, &apprise, &twilio,
}

// Kinds are all kinds, in the order in which people see them.
func Kinds() []*Kind { return slices.Clone(kinds[:]) }

// Find finds a kind by its name, ignoring case.
func Find(name string) (*Kind, bool) {
	for _, k := range kinds {
		if strings.EqualFold(k.Name, name) {
			return k, true
		}
	}
	return nil, false
}

// Target is the URL that a channel of a kind sends to, which the address guard of the account has to allow; "" for mails, for an
// unknown kind and for a channel without one.
func Target(kind string, settings map[string]string) string {
	k, ok := Find(kind)
	if !ok {
		return ""
	}
	for _, f := range k.Fields {
		if f.isURL {
			return sample(k.setting(settings, f.Name), "1")
		}
	}
	return ""
}

// draft is what a request is made of.
type draft struct {
	*message.Notification
	kind    *Kind
	channel *cron.Channel
	now     time.Time
}

func (d *draft) setting(name string) string { return d.kind.setting(d.channel.Settings, name) }

// link is the URL of the page that tells more; "" for none.
func (d *draft) link() string {
	for _, l := range d.Links {
		if l.Kind == message.LinkOpen {
			return l.URL
		}
	}
	return ""
}

// resolves reports whether the message says that a problem is over.
func (d *draft) resolves() bool { return d.Event == cron.NoticeSuccess.String() }

// acknowledges reports whether the message says that somebody has acknowledged a problem.
func (d *draft) acknowledges() bool { return d.Event == cron.NoticeAcknowledged.String() }

// worded is a notification that says what a template says, besides the subject and the links.
func worded(n *message.Notification, template string) (*message.Notification, error) {
	if template == "" {
		return n, nil
	}
	text, err := message.FillTemplate(template, n, nil)
	if err != nil {
		return nil, err
	}
	own := *n
	text = cmp.Or(manyLines(text), n.Subject)
	own.Summary, own.Facts, own.Excerpt, own.Runbook, own.Jobs, own.More, own.Footer = text, nil, "", "", nil, "", ""
	return &own, nil
}

// Limits on an exchange with a service.
const (
	callTimeout = 15 * time.Second
	maxAnswer   = 64 << 10 // bytes
)

// Call makes the exchange that sends a message to a channel of the kind. The error means that the channel's template cannot be
// filled in.
func (k *Kind) Call(c *cron.Channel, n *message.Notification, access cron.Access, now time.Time) (cron.Call, error) {
	n = tidy(n)
	if !k.ownBody {
		var err error
		if n, err = worded(n, c.Template); err != nil {
			return cron.Call{}, err
		}
	}
	request, err := k.build(&draft{Notification: n, kind: k, channel: c, now: now})
	if err != nil {
		return cron.Call{}, err
	}
	call := cron.Call{
		AccountID: c.AccountID, Request: request, Literal: true, Now: now, Timeout: callTimeout, MaxResponse: maxAnswer, SaveResponse: true,
		Exchange: cron.Exchange{Oversize: cron.OversizeTruncate}, Access: access,
	}
	if k.signs {
		call.SigningSecret = k.setting(c.Settings, "secret")
	}
	return call, nil
}
