package message

import (
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
)

// Catalogue is what people read, in one language: sentences and labels by the keys of what they are about, with
// placeholders for arguments (see fill), and functions for what no table can put into words. It never changes.
type Catalogue struct {
	// Tag names the language (BCP 47), in lower case.
	Tag string

	layer     Layer
	titles    map[cron.ErrorKind]string
	things    map[cron.Subject]string
	faults    map[cron.Fault]string
	databases map[cron.DatabaseFault]reason
	labels    map[label]string
	grammar   grammar
}

// Layer is sentences that one kind of reader gets in the place of the neutral ones.
type Layer struct {
	// Problems says what is wrong with a value. The arguments are {given}, and {quoted} in quotation marks, {want},
	// {limit}, {count}, the limit with its unit, {type}, what is wanted with its article, and {range}.
	Problems map[cron.Rule]string
	// Errors says what happened and what to do. The argument is {thing}, the subject.
	Errors map[About]string
}

// About is what the sentence of an error is about.
type About struct {
	Kind    cron.ErrorKind
	Subject cron.Subject
}

// AnySubject stands for the subjects that have no sentence of their own.
const AnySubject cron.Subject = -1

// reason is why something cannot be done, as the end of a sentence, and a sentence about what to do.
type reason struct{ why, remedy string }

// label is a word or two that stand alone.
type label int

const (
	labelJob label = iota
	labelDisabled
	labelNotRun
	labelOK
	labelFailed
	labelCopy
)

// grammar is what a language does with numbers, lists and times.
type grammar struct {
	kind     func(want string) string
	bounds   func(low, high int64) string
	count    func(n int64, unit cron.Unit) string
	crontab  func(e *cron.CrontabError) string
	schedule func(s *cron.Schedule, runAt time.Time) string
}

// With is the catalogue with the sentences of a layer in the place of its own.
func (c *Catalogue) With(l Layer) *Catalogue {
	other := *c
	other.layer = Layer{Problems: maps.Clone(c.layer.Problems), Errors: maps.Clone(c.layer.Errors)}
	maps.Copy(other.layer.Problems, l.Problems)
	maps.Copy(other.layer.Errors, l.Errors)
	return &other
}

// Problem says what is wrong with a value that somebody sent, and what would be valid.
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
				return "" // the value has no name
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

// Error is what is said of an error as a whole: a title of few words, and in a sentence or two what happened and what
// to do.
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

// Execution is the text for what came of an execution: the reason phrase when there was a response that counts, and
// otherwise a sentence about why there was none.
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

// Schedule says in words when a schedule is due, such as "every 15 minutes from 09:00 to 17:45, Monday to Friday,
// Berlin time", or, when runAt is not zero, when a one-time job is, in the time zone of its schedule. The words are
// exact: schedules that match different times have different ones.
func (c *Catalogue) Schedule(s *cron.Schedule, runAt time.Time) string {
	return c.grammar.schedule(s, runAt)
}

// Database says why the database cannot be used or written, as the end of a sentence, and in another sentence what to
// do about it.
func (c *Catalogue) Database(f cron.DatabaseFault) (why, remedy string) {
	r, ok := c.databases[f]
	if !ok {
		r = c.databases[cron.DatabaseOK]
	}
	return r.why, r.remedy
}

// maxBadgeTitle is how many characters of a title a badge shows.
const maxBadgeTitle = 40

// Badge is what a job's badge says: which job it is, and how it is.
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

// CopyTitle is the title of a copy of a job with the given one, which it shortens where there is no room for both.
func (c *Catalogue) CopyTitle(title string) string {
	suffix := []rune(" " + c.labels[labelCopy])
	if letters := []rune(title); len(letters)+len(suffix) > cron.MaxTitleLength {
		title = string(letters[:cron.MaxTitleLength-len(suffix)])
	}
	return strings.TrimSpace(title + string(suffix))
}
