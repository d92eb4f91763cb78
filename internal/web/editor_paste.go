package web

import (
	"strings"

	"punctual/internal/command"
	"punctual/internal/cron"
)

// pasted is what was read of a text that somebody pasted.
type pasted struct {
	Patch        *cron.JobPatch
	Took, Unused []string // in sentences: what the form has now, and what could not be used
	Many         int      // jobs that the text holds when there are several
}

// pasted reads a text: a URL, a command or a line of a crontab.
func (v *visit) pasted(text string) (pasted, error) {
	if !strings.ContainsAny(text, " \t\r\n") {
		return v.pastedURL(text)
	}
	read, err := v.web.service.ReadCommands(v.actor, text)
	if err != nil {
		return pasted{}, err
	}
	if len(read.Entries) == 0 {
		sentence := v.catalogue.Unread(&command.Unread{Reason: command.ReasonSyntax})
		if len(read.Unread) > 0 {
			sentence = v.catalogue.Unread(&read.Unread[0])
		}
		return pasted{}, wrongPaste(cron.Problem{Rule: cron.RuleCommand, Given: sentence})
	}
	first := &read.Entries[0]
	found := pasted{Patch: &first.Patch, Took: []string{v.catalogue.Took(first.Taken)}, Unused: v.unused(first, read.Notes)}
	if n := len(read.Entries) + len(read.Unread); n > 1 {
		found.Many = n
	}
	return found, nil
}

// pastedURL reads a text without spaces, which is a URL.
func (v *visit) pastedURL(text string) (pasted, error) {
	url, problem := cron.NormalURL(text)
	if problem.Rule != cron.RuleNone {
		return pasted{}, wrongPaste(problem)
	}
	patch := &cron.JobPatch{Fields: []string{"/url"}}
	patch.Values.Request.URL = url
	return pasted{Patch: patch, Took: []string{v.catalogue.Label("editor.took-url")}}, nil
}

func wrongPaste(p cron.Problem) error {
	p.Pointer = "/paste"
	return &cron.Error{Kind: cron.Invalid, Problems: []cron.Problem{p}}
}

// unused says what of a command could not be used, that which alters the request first.
func (v *visit) unused(e *command.Entry, more []command.Note) (sentences []string) {
	for _, alters := range [...]bool{true, false} {
		for _, n := range e.Notes {
			if n.Reason.Alters() == alters {
				sentences = append(sentences, v.catalogue.Note(n))
			}
		}
	}
	for _, n := range more {
		sentences = append(sentences, v.catalogue.Note(n))
	}
	return sentences
}
