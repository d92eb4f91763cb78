package web

import (
	"net/http"
	"slices"
	"strings"

	"punctual/internal/cron"
)

// A job may be changed while somebody edits it. The form knows the version that it shows, and a fingerprint of each part:
//
//	they changed it   the form changed it   what happens
//	no                yes or no             the form counts
//	yes               no                    the form takes what they saved
//	yes               yes                   the page shows both, and the person chooses
//
// The form that follows is one of the new version.

// conflict is a part of a job that was changed by the form and by others.
type conflict struct {
	Key, Label   string
	Mine, Theirs string
	Choice       string // "mine", "theirs", or empty while nothing is chosen
}

// meet shows a form whose job was changed meanwhile, with what was changed.
func (v *visit) meet(d *jobDraft) error {
	fresh, err := v.baseOf(d.JobID, 0)
	if err != nil {
		return err
	}
	d.base, d.version, d.conflict = fresh.base, fresh.version, true
	zone := v.personZone()
	was := strings.Fields(d.form.Get("was"))
	var open []string
	for _, p := range parts() {
		stored := p.shown(&d.base, zone)
		theirs, mine := p.fingerprint(stored), p.fingerprint(d.form)
		switch {
		case slices.Contains(was, theirs):
		case slices.Contains(was, mine):
			d.replace(&p, stored)
			d.taken = append(d.taken, p.key)
		case mine != theirs:
			open = append(open, p.key)
		}
	}
	d.form["conflict"] = open
	for _, key := range open {
		d.form.Del("choose-" + key)
	}
	if err := v.decode(d); err != nil {
		return err
	}
	return v.editor(d, http.StatusConflict, nil)
}

// undecided is an error when the person has not yet chosen between what they and what others have changed.
func (d *jobDraft) undecided() error {
	var c cron.Checker
	for _, key := range d.form["conflict"] {
		if choice := d.form.Get("choose-" + key); choice != "mine" && choice != "theirs" {
			c.Add("/choose-"+key, cron.Problem{Rule: cron.RuleMandatory})
			if d.said == nil {
				d.said = map[string]string{}
			}
			d.said["choose-"+key] = "editor.choose"
		}
	}
	return c.Err()
}

// conflicts lists what the person has to choose between.
func (d *jobDraft) conflicts(w *wording) (list []conflict) {
	mine := d.job()
	for _, p := range parts() {
		if slices.Contains(d.form["conflict"], p.key) && p.words != nil {
			list = append(list, conflict{Key: p.key, Label: w.t(partLabels[p.key]), Mine: p.words(w, &mine), Theirs: p.words(w, &d.base),
				Choice: d.form.Get("choose-" + p.key)})
		}
	}
	return list
}
