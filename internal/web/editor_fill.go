package web

import (
	"slices"

	"punctual/internal/cron"
)

// paste fills a form with what a text says: a URL, a command or a line of a crontab.
func (v *visit) paste(d *jobDraft, text string) error {
	d.form.Set("paste", text)
	found, err := v.pasted(text)
	if err != nil {
		return err
	}
	d.pasted = &found
	if found.Patch == nil {
		return nil
	}
	d.form.Del("paste")
	v.fill(d, found.Patch)
	return v.decode(d)
}

// fill puts the values of an edit into the controls of its parts. What was typed elsewhere stays.
func (v *visit) fill(d *jobDraft, patch *cron.JobPatch) {
	job := d.job()
	before := job
	_ = patch.Apply(&job, &before) // what is wrong is shown when the form is read
	for _, p := range parts() {
		if slices.ContainsFunc(p.fields, patch.Sets) {
			d.replace(&p, p.shown(&job, v.personZone()))
		}
	}
}
