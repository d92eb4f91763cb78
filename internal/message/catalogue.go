package message

import (
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"punctual/internal/command"
	"punctual/internal/cron"
)

// Catalogue is the text for users in one language: tables of sentences and labels with placeholders (see fill), and
// functions for text that no table can express. It is immutable.
type Catalogue struct {
	// Tag names the language (BCP 47), in lower case.
	Tag string

	layer      Layer
	titles     map[cron.ErrorKind]string
	things     map[cron.Subject]string
	faults     map[cron.Fault]string
	faultNames map[cron.Fault]string
	causes     map[cron.Cause]string
	remedies   map[cron.Remedy]string
	redirected string // after a cause: a redirect led there
	databases  map[cron.DatabaseFault]reason
	mails      map[cron.MailFault]string
	mailTexts  map[mailKind]mailText
	methods    map[SignInMethod]string
	labels     map[label]string
	console    map[string]string // see Label
	grammar    grammar

	notices       map[cron.NoticeKind]noticeText
	several       map[cron.NoticeKind]noticeText // of messages that tell of several jobs
	reasons       map[cron.Fault]string          // why an execution failed, in a few words
	facts         map[string]string              // labels by the names of facts, links and other parts of a notification
	channelFaults map[cron.ChannelFault]string
	drops         map[cron.MessageDrop]string

	commands map[command.Reason]string // about commands that were pasted; the placeholder is {text}
}

// Layer is a set of sentences that override those of a catalogue for one kind of reader.
type Layer struct {
	// Problems says what is wrong with a value. The placeholders are {given}, {quoted} (the same in quotation marks),
	// {want}, {type} (the same with its article), {limit}, {count} (the same with its unit) and {range}.
	Problems map[cron.Rule]string
	// Errors says what happened and what to do. The placeholder is {thing}, the subject.
	Errors map[About]string
}

// About is the key of a sentence about an error.
type About struct {
	Kind    cron.ErrorKind
	Subject cron.Subject
}

// AnySubject is the key for subjects without a sentence of their own.
const AnySubject cron.Subject = -1

// reason is the end of a sentence that says why something failed, and a sentence that says what to do.
type reason struct{ why, remedy string }

// label is a short text without a sentence.
type label int

const (
	labelJob label = iota
	labelDisabled
	labelNotRun
	labelOK
	labelFailed
	labelCopy
)

// grammar formats numbers, lists and times in a language.
type grammar struct {
	kind     func(want string) string
	bounds   func(low, high int64) string
	count    func(n int64, unit cron.Unit) string
	crontab  func(e *cron.CrontabError) string
	duration func(d time.Duration) string
	bytes    func(n int64) string
	date     func(t time.Time) string
	day      func(t time.Time) string // in the zone of the time, in short
	schedule func(s *cron.Schedule, runAt time.Time) string

	decimal string // the sign between whole numbers and decimals

	number func(n int64, of noun) string   // with thousands set apart
	often  func(n int64) string            // how often in a row
	span   func(d time.Duration) string    // in one or two units, for sentences
	moment func(t time.Time) string        // with the day of the week, seconds and the zone
	brief  func(t time.Time) string        // the day, the time of day and the zone, for sentences
	period func(from, to time.Time) string // when several things happened; to may be zero
	clock  func(t time.Time) string        // the time of day, with seconds and the zone

	took func(parts []command.Taken) string
}

// noun is what is counted.
type noun int

const (
	nounNone noun = iota
	nounJob
	nounRun
	nounFailure
	nounTime
	nounChannel
)

// With returns a copy of the catalogue with the sentences of a layer, which override its own.
func (c *Catalogue) With(l Layer) *Catalogue {
	other := *c
	other.layer = Layer{Problems: maps.Clone(c.layer.Problems), Errors: maps.Clone(c.layer.Errors)}
	maps.Copy(other.layer.Problems, l.Problems)
	maps.Copy(other.layer.Errors, l.Errors)
	return &other
}

// Problem says what is wrong with a value in a request, and what would be valid.
func (c *Catalogue) Problem(p cron.Problem) string {
	if p.Rule == cron.RuleCrontab && p.Crontab != nil {
		return c.grammar.crontab(p.Crontab)
	}
	sentence, ok := c.layer.Problems[p.Rule]
	if !ok {
		sentence = c.layer.Problems[cron.RuleNone]
	}
	return fill(sentence, func(name string) string {
		switch name {
		case "given":
			return clip(p.Given)
		case "quoted":
			if p.Given == "" && p.Rule == cron.RuleControlCharacter {
				return "" // without a name for the value
			}
			return quote(p.Given)
		case "want":
			return p.Want
		case "limit":
			return strconv.FormatInt(p.Limit, 10)
		case "count":
			return c.grammar.count(p.Limit, p.Unit)
		case "type":
			return c.grammar.kind(p.Want)
		case "range":
			return c.grammar.bounds(p.Min, p.Max)
		}
		return ""
	})
}

// Error returns a short title for an error, and one or two sentences that say what happened and what to do.
func (c *Catalogue) Error(kind cron.ErrorKind, subject cron.Subject) (title, detail string) {
	title, ok := c.titles[kind]
	if !ok {
		kind = cron.Internal
		title = c.titles[kind]
	}
	detail, ok = c.layer.Errors[About{kind, subject}]
	if !ok {
		detail = c.layer.Errors[About{kind, AnySubject}]
	}
	return title, fill(detail, func(string) string {
		if thing, ok := c.things[subject]; ok {
			return thing
		}
		return c.things[cron.SubjectNone]
	})
}

// Execution returns the status text of an execution: the reason phrase of its response, or a sentence that says why it has
// no usable response.
func (c *Catalogue) Execution(r *cron.Result) string {
	if r.Status == cron.StatusOK || r.Status == cron.StatusHTTPError && r.Fault == cron.FaultNone {
		switch text := http.StatusText(r.HTTPStatus); {
		case r.Reason != "":
			return r.Reason
		case text != "":
			return text
		}
		return "HTTP " + strconv.Itoa(r.HTTPStatus)
	}
	sentence, ok := c.faults[r.Fault]
	if !ok {
		sentence = c.faults[cron.FaultNone]
	}
	return fill(sentence, func(name string) string {
		if name == "quoted" {
			return strconv.Quote(r.Detail)
		}
		return r.Detail
	})
}

// FaultName names a fault in a few words, for lists to choose from.
func (c *Catalogue) FaultName(f cron.Fault) string {
	name, ok := c.faultNames[f]
	if !ok {
		name = c.faults[cron.FaultNone]
	}
	return name
}

// Outcome returns the status text of an execution, or "" while it runs.
func (c *Catalogue) Outcome(e *cron.Execution) string {
	if e.Outcome == cron.OutcomeRunning {
		return ""
	}
	return c.Execution(&e.Result)
}

// Schedule describes in words when a schedule is due, such as "every 15 minutes from 09:00 to 17:45, Monday to Friday,
// Berlin time". If runAt is not zero, it describes the time of a one-time job, in the time zone of its schedule. The
// description is exact: schedules that match different times have different descriptions.
func (c *Catalogue) Schedule(s *cron.Schedule, runAt time.Time) string {
	return c.grammar.schedule(s, runAt)
}

// Database returns the end of a sentence that says why the database cannot be used or written, and a sentence that says
// what to do.
func (c *Catalogue) Database(f cron.DatabaseFault) (why, remedy string) {
	r, ok := c.databases[f]
	if !ok {
		r = c.databases[cron.DatabaseOK]
	}
	return r.why, r.remedy
}

// maxBadgeTitle is the maximum length of the title in a badge, in characters.
const maxBadgeTitle = 40

// Badge returns the two texts of a job's badge: the title of the job and its status.
func (c *Catalogue) Badge(job *cron.JobRecord, parts cron.BadgeParts) (name, state string) {
	name, state = c.labels[labelJob], c.labels[labelFailed]
	if parts&cron.BadgeTitle != 0 && job.Title != "" {
		name = clipTo(job.Title, maxBadgeTitle)
	}
	switch {
	case !job.Enabled:
		state = c.labels[labelDisabled]
	case job.State.LastStatus == cron.StatusUnknown:
		state = c.labels[labelNotRun]
	case job.State.LastStatus == cron.StatusOK:
		state = c.labels[labelOK]
	}
	if job.State.LastExecution.IsZero() {
		return name, state
	}
	if parts&cron.BadgeExecution != 0 {
		state += " · " + job.State.LastExecution.UTC().Format("2006-01-02 15:04 UTC")
	}
	if parts&cron.BadgeLatency != 0 {
		state += fmt.Sprintf(" · %d ms", job.State.LastDuration.Milliseconds())
	}
	return name, state
}

// CopyTitle returns the title for a copy of a job. It shortens the given title if the result would be too long.
func (c *Catalogue) CopyTitle(title string) string {
	suffix := []rune(" " + c.labels[labelCopy])
	if letters := []rune(title); len(letters)+len(suffix) > cron.MaxTitleLength {
		title = string(letters[:cron.MaxTitleLength-len(suffix)])
	}
	return strings.TrimSpace(title + string(suffix))
}
