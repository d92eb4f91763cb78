package web

import (
	"slices"
	"strings"

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

// mend puts the change that the address asks for into the form: what mends a failure of the job.
func (v *visit) mend(d *jobDraft) error {
	m, ok := parseMend(v.r.URL.Query())
	if !ok {
		return nil
	}
	v.fill(d, mendPatch(m, d.job()))
	d.mended = v.catalogue.Label(mendLabel(m.Kind))
	return v.decode(d)
}

// mendPatch is a change of a job that mends a failure.
func mendPatch(m cron.Mend, job cron.Job) *cron.JobPatch {
	patch := &cron.JobPatch{}
	x := &patch.Values
	set := func(field string) { patch.Fields = append(patch.Fields, field) }
	switch m.Kind {
	case cron.MendURL:
		x.Request.URL = m.Text
		set("/url")
	case cron.MendTimeout:
		x.Timeout = m.Number
		set("/requestTimeout")
	case cron.MendFollowRedirects:
		x.Exchange.FollowRedirects = m.Number
		set("/followRedirects")
	case cron.MendRedirectSuccess:
		x.RedirectSuccess = true
		set("/redirectSuccess")
	case cron.MendOversize:
		x.Exchange.Oversize = cron.OversizeTruncate
		set("/oversize")
	case cron.MendConnection:
		x.Exchange.Connection = cron.ConnectionFresh
		set("/connection")
	case cron.MendContentType:
		x.Request.Headers = slices.DeleteFunc(slices.Clone(job.Request.Headers), func(h cron.Header) bool {
			return strings.EqualFold(h.Name, "Content-Type")
		})
		x.Request.Headers = append(x.Request.Headers, cron.Header{Name: "Content-Type", Value: m.Text})
		set("/extendedData/headers")
	}
	return patch
}
