package message

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
)

// Context is what a notification says besides what its message holds.
type Context struct {
	Account     string    // the name of the account
	Console     string    // the URL of the console, without a slash at the end; "" when the service does not know its own URL
	Act         string    // the URL of a page that acknowledges or snoozes the problem without a session; "" for none
	Unsubscribe string    // see Notification.Unsubscribe
	Now         time.Time // about when it is read
}

// noticeText is what a kind of notice says, with placeholders.
type noticeText struct {
	subject string // one line
	summary string // sentences
	line    string // in a list, behind the title of the job
}

// mixed is the kind of a message whose notices have different kinds.
const mixed cron.NoticeKind = 0

// Limits on the parts of a notification.
const (
	maxSubjectTitle = 60  // characters, so that what happened stays in view in a list
	maxTarget       = 200 // characters
	maxExcerpt      = 12  // lines
	maxRunbook      = 20  // lines
)

// ownersKind is the kind of a channel that tells the owners of the account.
const ownersKind = "owners"

// severities are the severities of the kinds that are not SeverityWarning.
var severities = map[cron.NoticeKind]Severity{
	cron.NoticeFailure: SeverityError, cron.NoticeDisabled: SeverityError, cron.NoticeMissed: SeverityError,
	cron.NoticeDisk: SeverityError, cron.NoticeSuccess: SeverityGood, cron.NoticeTest: SeverityInfo,
	cron.NoticeAcknowledged: SeverityInfo,
}

func severity(k cron.NoticeKind) Severity {
	if s, ok := severities[k]; ok {
		return s
	}
	return SeverityWarning
}

// ofService reports whether a notice is about the service itself.
func ofService(k cron.NoticeKind) bool {
	return cron.NoticeBehind <= k && k <= cron.NoticeChannelOff || k == cron.NoticeBackup
}

// Notification puts a message to a channel into words. Everything that others chose, such as titles and answers, is made
// plain: without control characters and marks of direction, and cut where it is too long.
func (c *Catalogue) Notification(m *cron.Message, channel *cron.Channel, x Context) Notification {
	n := Notification{
		ID: "msg_" + strconv.FormatInt(m.ID, 10), Event: m.Kind.String(), Severity: severity(m.Kind), At: m.Created,
		Account: clip(plain(x.Account)), Language: c.Tag,
		Labels: Labels{Answer: c.facts["excerpt"], Runbook: c.facts["runbook"], Unsubscribe: c.facts["unsubscribe"]}, Unsubscribe: x.Unsubscribe, Source: m,
	}
	if channel == nil {
		channel = new(cron.Channel)
	}
	n.Template = channel.Template
	w := wording{c: c, m: m, channel: channel, x: &x}
	notices := m.Notices
	if len(notices) == 0 {
		notices = []cron.Notice{{Kind: m.Kind, Created: m.Created}}
	}
	for i := range notices {
		w.told = append(w.told, c.telling(&notices[i], &w))
		if at := notices[i].Created; at.After(n.At) {
			n.At = at
		}
	}
	w.main = w.gravest()
	n.Key = w.key()
	if len(w.told) == 1 && m.Count <= 1 {
		w.one(&n)
	} else {
		w.several(&n)
	}
	n.Subject, n.Summary = plain(n.Subject), plain(n.Summary)
	n.Links = w.links()
	n.Footer = w.footer()
	return n
}

// wording is a notification in the making.
type wording struct {
	c       *Catalogue
	m       *cron.Message
	channel *cron.Channel
	x       *Context
	told    []telling
	main    *telling // the gravest one
}

// gravest is the notice that the subject speaks of: the latest of the message's kind, or of the gravest severity.
func (w *wording) gravest() *telling {
	best := &w.told[0]
	for i := range w.told[1:] {
		t := &w.told[i+1]
		asked, had := t.n.Kind == w.m.Kind, best.n.Kind == w.m.Kind
		if asked && !had || asked == had && severity(t.n.Kind) >= severity(best.n.Kind) {
			best = t
		}
	}
	return best
}

// key is the same for all messages about one thing.
func (w *wording) key() string {
	n := w.main.n
	switch {
	case w.m.Kind == cron.NoticeTest:
		return fmt.Sprintf("test-%d", w.m.ID)
	case w.m.Kind == cron.NoticeCertExpiry && onlyJob(w.m) != 0:
		return fmt.Sprintf("job-%d-certificate", n.JobID)
	case w.m.ProblemID != 0 && w.m.Kind != cron.NoticeCertExpiry:
		return fmt.Sprintf("problem-%d", w.m.ProblemID)
	case onlyJob(w.m) != 0:
		return fmt.Sprintf("job-%d", n.JobID)
	case ofService(w.m.Kind) && w.m.Count <= 1:
		return "service-" + w.m.Kind.String()
	}
	return fmt.Sprintf("message-%d", w.m.ID)
}

// one words a message that tells of one notice.
func (w *wording) one(n *Notification) {
	t := w.main
	text := w.words(t.n.Kind)
	n.Subject, n.Summary = fill(text.subject, t.argument), fill(text.summary, t.argument)
	if w.m.Kind == cron.NoticeReminder {
		w.remind(n)
	}
	n.Title, n.Facts = t.full, t.facts()
	if len(t.full) > len(t.title) {
		n.Facts = append([]Fact{{"job", w.c.facts["job"], t.full}}, n.Facts...)
	}
	switch t.n.Kind {
	case cron.NoticeFailure, cron.NoticeDisabled, cron.NoticeMissed:
		n.Runbook = plainLines(t.n.Runbook, maxRunbook)
	}
	if t.n.Kind == cron.NoticeFailure || t.n.Kind == cron.NoticeDisabled {
		if body := string(t.n.Result.Body[:min(len(t.n.Result.Body), cron.MaxNoticeExcerpt)]); !looksBinary(body) {
			n.Excerpt = plainLines(body, maxExcerpt)
		}
	}
}

// words are those of a kind of notice.
func (w *wording) words(k cron.NoticeKind) noticeText {
	if text, ok := w.c.notices[k]; ok {
		return text
	}
	return w.c.notices[mixed]
}

// remind makes a reminder of what was told.
func (w *wording) remind(n *Notification) {
	text := w.c.notices[cron.NoticeReminder]
	inner := map[string]string{"inner": n.Subject, "told": n.Summary, "lasted": w.main.lasted()}
	argument := func(name string) string { return inner[name] }
	n.Subject, n.Summary = fill(text.subject, argument), fill(text.summary, argument)
}

// several words a message that tells of several notices.
func (w *wording) several(n *Notification) {
	kind, same := w.main.n.Kind, w.sameCause()
	for i := range w.told {
		t := &w.told[i]
		if t.n.Kind != kind {
			kind = mixed
		}
		if i < cron.MaxListedNotices {
			n.Jobs = append(n.Jobs, Line{Title: clip(cmp.Or(t.full, t.argument("detail"))), Text: plain(fill(w.words(t.n.Kind).line, t.listed(same))), URL: w.lineURL(t)})
		}
	}
	text, ok := w.c.several[kind]
	if !ok {
		text = w.c.several[mixed]
	}
	n.Subject, n.Summary = fill(text.subject, w.argument), fill(text.summary, w.argument)
	if w.m.Kind == cron.NoticeReminder {
		w.remind(n)
	}
	if rest := w.count() - len(n.Jobs); rest > 0 {
		n.More = fill(w.c.facts["more"], func(string) string { return w.c.grammar.number(int64(rest), nounNone) })
	}
	if id := onlyJob(w.m); id != 0 {
		n.Title = w.main.full
	}
}

func (w *wording) count() int { return max(w.m.Count, len(w.told)) }

// jobs is how many jobs are told of. A job that is told of twice counts once, as far as it is listed.
func (w *wording) jobs() int {
	ids := map[int64]bool{}
	for i := range w.told {
		ids[w.told[i].n.JobID] = true
	}
	return len(ids) + w.count() - len(w.told)
}

// argument is the value of a placeholder of a message that tells of several notices.
func (w *wording) argument(name string) string {
	switch name {
	case "jobs":
		return w.c.grammar.number(int64(w.jobs()), nounJob)
	case "more":
		return w.c.grammar.number(int64(w.count()-1), nounNone)
	case "first":
		return fill(w.words(w.main.n.Kind).subject, func(name string) string {
			if name == "reason" {
				return "" // there is no room for it
			}
			return w.main.argument(name)
		})
	case "reason", "diagnosis":
		if w.sameCause() {
			return w.main.argument(name)
		}
	case "host":
		return w.sameHost()
	case "period":
		return w.period()
	}
	return ""
}

// sameCause reports whether all listed notices are failures for the same cause, which the summary says then. Failures of one
// problem may differ in what the host did.
func (w *wording) sameCause() bool {
	main := &w.main.n.Result
	for i := range w.told {
		n := w.told[i].n
		if n.Kind != cron.NoticeFailure || n.Cause == 0 || n.Cause != w.main.n.Cause || n.Result.Fault != main.Fault || n.Result.HTTPStatus != main.HTTPStatus {
			return false
		}
	}
	return true
}

// sameHost is the host that all listed notices are about; "" when there are several.
func (w *wording) sameHost() string {
	host := w.main.argument("host")
	for i := range w.told {
		if w.told[i].argument("host") != host {
			return ""
		}
	}
	return host
}

// period is when the listed notices were written. Their jobs may be in different time zones; then it is in UTC.
func (w *wording) period() string {
	zone, from, to := w.told[0].zone, w.told[0].at(), w.told[0].at()
	for i := range w.told {
		at := w.told[i].at()
		if at.Before(from) {
			from = at
		}
		if at.After(to) {
			to = at
		}
		if w.told[i].zone.String() != zone.String() {
			zone = time.UTC
		}
	}
	if w.count() > len(w.told) {
		return w.c.grammar.period(from.In(zone), time.Time{})
	}
	return w.c.grammar.period(from.In(zone), to.In(zone))
}

// footer says why the receiver gets the message.
func (w *wording) footer() string {
	sentence := w.c.facts["footer"]
	if w.channel.Kind == ownersKind {
		sentence = w.c.facts["footer.owners"]
	}
	arguments := map[string]string{
		"account": clip(plain(w.x.Account)), "channel": clip(cmp.Or(plain(w.channel.Title), w.channel.Kind)),
		"url": page(w.x.Console, "/settings/channels"),
	}
	return fill(sentence, func(name string) string { return arguments[name] })
}

// ChannelFault says what became of the last message to a channel. detail is cron.Channel.LastDetail.
func (c *Catalogue) ChannelFault(f cron.ChannelFault, detail string) string {
	sentence, ok := c.channelFaults[f]
	if !ok {
		sentence = c.channelFaults[cron.ChannelInside]
	}
	detail = strings.TrimRight(clipTo(plain(detail), cron.MaxChannelDetail), ". ") // it stands within a sentence
	return fill(sentence, func(string) string { return detail })
}

// MessageDrop says why a message was not sent; "" for one that was not dropped.
func (c *Catalogue) MessageDrop(d cron.MessageDrop) string { return c.drops[d] }

// Target is the URL that a job calls as far as it may be told to others: without its query, in which people keep tokens,
// and without a password.
func Target(url string) string {
	url, _, _ = strings.Cut(cron.MaskURL(url), "#")
	url, _, hasQuery := strings.Cut(url, "?")
	url = clipTo(plain(url), maxTarget)
	if hasQuery {
		url += "?…"
	}
	return url
}
