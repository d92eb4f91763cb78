package web

import (
	"strings"

	"punctual/internal/cron"
)

// pasted is what was read of a text that somebody pasted.
type pasted struct {
	Patch        *cron.JobPatch
	Took, Unused []string // in sentences: what the form has now, and what could not be used
	Many         int      // jobs that the text holds when there are several
}

// pasted reads a text: a URL.
func (v *visit) pasted(text string) (pasted, error) {
	url, problem := cron.NormalURL(text)
	if problem.Rule != cron.RuleNone || strings.ContainsAny(text, " \t\r\n") {
		problem.Pointer = "/paste"
		return pasted{}, &cron.Error{Kind: cron.Invalid, Problems: []cron.Problem{problem}}
	}
	patch := &cron.JobPatch{Fields: []string{"/url"}}
	patch.Values.Request.URL = url
	return pasted{Patch: patch, Took: []string{v.catalogue.Label("editor.took-url")}}, nil
}
