package web

import (
	"net/url"
	"slices"
	"time"

	"punctual/internal/cron"
)

// EditorControls are the controls of the editor for each field of a job.
func EditorControls() map[string][]string {
	found := map[string][]string{}
	for _, p := range parts() {
		for _, field := range p.fields {
			found[field] = append(found[field], slices.Concat(p.names, p.boxes)...)
		}
	}
	return found
}

// ReadEditor reads the form of the editor as an edit of a job.
func ReadEditor(form url.Values, base cron.Job, zone *time.Location) (patch *cron.JobPatch, changed []string) {
	r := reading{form: form, base: &base, zone: zone}
	return readParts(&r)
}

// ShowEditor is what the form of the editor holds for a job.
func ShowEditor(job cron.Job, zone *time.Location) url.Values { return showJob(&job, zone) }
