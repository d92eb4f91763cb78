package message

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
)

// The template of a channel is its own wording. {name} stands for a value, where name is one of Placeholders; every other
// brace is plain text, so that the JSON of a webhook needs no escaping. There are no loops and no conditions: a template
// of n bytes is filled in time proportional to n and to what its values hold. A value that a notification does not have is
// empty.

// maxFilled limits a filled template, in bytes.
const maxFilled = 64 << 10

// ErrTemplateSize says that a filled template is too large.
var ErrTemplateSize = errors.New("the filled template is larger than 64 KiB")

// CheckTemplate says what is wrong with a template; nil for nothing. The problems have no pointer.
func CheckTemplate(template string) []cron.Problem {
	if len(template) > cron.MaxChannelTemplate {
		return []cron.Problem{{Rule: cron.RuleTooLong, Limit: cron.MaxChannelTemplate, Unit: cron.UnitBytes}}
	}
	var problems []cron.Problem
	eachPart(template, func(_, name string) bool {
		if name == "" || values[name] != nil {
			return true
		}
		problems = append(problems, cron.Problem{Rule: cron.RuleTemplateName, Given: "{" + name + "}",
			Want: "{" + strings.Join(Placeholders(), "}, {") + "}"})
		return false // one at a time, since each lists all that are possible
	})
	return problems
}

// FillTemplate fills a template with the values of a notification. escape makes a value fit for where it goes to, such as
// into a string of JSON or the query of a URL; nil leaves it. An unknown placeholder stays as it is. The error is
// ErrTemplateSize.
func FillTemplate(template string, n *Notification, escape func(string) string) (string, error) {
	var b strings.Builder
	eachPart(template, func(text, name string) bool {
		b.WriteString(text)
		switch value := values[name]; {
		case name == "":
		case value == nil:
			b.WriteString("{" + name + "}")
		case escape != nil:
			b.WriteString(escape(value(n)))
		default:
			b.WriteString(value(n))
		}
		return b.Len() <= maxFilled
	})
	if b.Len() > maxFilled {
		return "", ErrTemplateSize
	}
	return b.String(), nil
}

// Placeholders lists the names of the placeholders of templates, sorted.
func Placeholders() []string { return slices.Clone(placeholderNames) }

// eachPart calls f with each placeholder of a template and the text before it, and at last with the text behind them and
// no name, until f returns false.
func eachPart(template string, f func(text, name string) bool) {
	text := 0
	for at := 0; at < len(template); {
		if template[at] != '{' {
			at++
			continue
		}
		end := at + 1
		for end < len(template) && isLetter(template[end]) {
			end++
		}
		if end == at+1 || end == len(template) || template[end] != '}' {
			at = end
			continue
		}
		if !f(template[text:at], template[at+1:end]) {
			return
		}
		at, text = end+1, end+1
	}
	f(template[text:], "")
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

// factNames are the names of facts, which are placeholders too.
var factNames = []string{"target", "since", "lasted", "failures", "missed", "planned", "started", "attempt", "status", "duration", "usual",
	"expiry", "next", "zone"}

// values are the placeholders of templates by name.
var values = func() map[string]func(*Notification) string {
	all := map[string]func(*Notification) string{
		"subject":     func(n *Notification) string { return n.Subject },
		"summary":     func(n *Notification) string { return n.Summary },
		"event":       func(n *Notification) string { return n.Event },
		"severity":    func(n *Notification) string { return n.Severity.String() },
		"account":     func(n *Notification) string { return n.Account },
		"job":         func(n *Notification) string { return n.Title },
		"jobs":        (*Notification).list,
		"excerpt":     func(n *Notification) string { return n.Excerpt },
		"runbook":     func(n *Notification) string { return n.Runbook },
		"footer":      func(n *Notification) string { return n.Footer },
		"id":          func(n *Notification) string { return n.ID },
		"key":         func(n *Notification) string { return n.Key },
		"time":        func(n *Notification) string { return n.At.UTC().Format(time.RFC3339) },
		"url":         func(n *Notification) string { return n.link(LinkOpen) },
		"acknowledge": func(n *Notification) string { return n.link(LinkAcknowledge) },
		"snooze":      func(n *Notification) string { return n.link(LinkSnooze) },
		"links":       (*Notification).linkList,
		"count":       func(n *Notification) string { return n.number(func(m *cron.Message) int64 { return int64(m.Count) }) },
		"problemId":   func(n *Notification) string { return n.number(func(m *cron.Message) int64 { return m.ProblemID }) },
		"jobId":       func(n *Notification) string { return n.number(onlyJob) },
	}
	for _, name := range factNames {
		all[name] = func(n *Notification) string { return n.fact(name) }
	}
	return all
}()

var placeholderNames = func() []string {
	var names []string
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}()

// number is a number of what is told; "" for 0.
func (n *Notification) number(of func(*cron.Message) int64) string {
	if n.Source == nil {
		return ""
	}
	if v := of(n.Source); v != 0 {
		return strconv.FormatInt(v, 10)
	}
	return ""
}

// onlyJob is the job that all notices of a message are about; 0 when there are several.
func onlyJob(m *cron.Message) int64 {
	if len(m.Notices) == 0 || m.Count > len(m.Notices) {
		return 0
	}
	job := m.Notices[0].JobID
	for i := range m.Notices {
		if m.Notices[i].JobID != job {
			return 0
		}
	}
	return job
}

// fact is the value of the fact with a name; "" for none.
func (n *Notification) fact(name string) string {
	for _, f := range n.Facts {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// link is the first link of a kind; "" for none.
func (n *Notification) link(kind LinkKind) string {
	for _, l := range n.Links {
		if l.Kind == kind {
			return l.URL
		}
	}
	return ""
}

// list is a line for each job of several, and one that says how many are not listed.
func (n *Notification) list() string {
	var lines []string
	for _, l := range n.Jobs {
		lines = append(lines, l.Title+": "+l.Text)
	}
	if n.More != "" {
		lines = append(lines, n.More)
	}
	return strings.Join(lines, "\n")
}

// linkList is a line for each link.
func (n *Notification) linkList() string {
	var lines []string
	for _, l := range n.Links {
		lines = append(lines, l.Label+": "+l.URL)
	}
	return strings.Join(lines, "\n")
}
