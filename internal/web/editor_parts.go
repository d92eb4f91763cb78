package web

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"time"

	"punctual/internal/cron"
)

// The editor shows a job as parts. A part is what is changed, compared and kept as a whole: one or more fields of the job, and the
// controls of the form that hold them.
//
//	job ── show ──▶ controls ── the browser ──▶ controls ── read ──▶ job
//
// A form sends all of its controls, and what was not changed must not be written. So a part is changed when its controls differ from
// those that show makes of the stored job, as a browser would send them; what was not touched is not even read.

// part is a part of a job.
type part struct {
	key    string   // the label is "editor.part-" with the key
	fields []string // of cron.JobFields
	names  []string // of the controls that always send a value
	boxes  []string // of those that send one when they are checked
	show   func(f url.Values, job *cron.Job, zone *time.Location)
	read   func(r *reading, job *cron.Job) // nil for readSchedule
	canon  func(f url.Values) string       // what the controls say, for comparing forms; nil for all of their values
	words  func(w *wording, job *cron.Job) string
}

// partGroups are the parts in the order of the page.
var partGroups = [][]part{whatParts, whenParts, requestParts, successParts, failureParts, lateParts, noticeParts, advancedParts}

// parts lists all parts.
func parts() []part { return slices.Concat(partGroups...) }

// reading reads the controls of a form.
type reading struct {
	form    url.Values
	base    *cron.Job      // the job as it is stored
	zone    *time.Location // of the person
	folders []cron.Folder
	c       cron.Checker
	said    map[string]string // labels of what is wrong with controls, where no rule of the domain says it
}

// differs tells whether the controls of a part say something else than those of another form. Controls that were not sent say nothing.
func (p *part) differs(typed, shown url.Values) bool {
	sent := slices.ContainsFunc(p.names, func(name string) bool { return typed[name] != nil })
	return (sent || len(p.names) == 0) && p.says(typed) != p.says(shown)
}

// says is what the controls of a part hold, as a browser would send them.
func (p *part) says(f url.Values) string {
	if p.canon != nil {
		return p.canon(f)
	}
	return says(f, slices.Concat(p.names, p.boxes)...)
}

func says(f url.Values, names ...string) string {
	sent := url.Values{}
	for _, name := range names {
		if values := asSent(name, f[name]); len(values) > 0 {
			sent[name] = values
		}
	}
	return sent.Encode()
}

// asSent is what a browser sends of values: line breaks of one kind, none in a control of one line, and instants without seconds of
// zero.
func asSent(name string, values []string) []string {
	var sent []string
	for _, text := range values {
		text = strings.ReplaceAll(text, "\x00", "\uFFFD")
		if multiline[name] {
			text = oneBreak.Replace(text)
		} else {
			text = noBreak.Replace(text)
		}
		if instants[name] && len(text) == len("2006-01-02T15:04:05") {
			text = strings.TrimSuffix(text, ":00")
		}
		sent = append(sent, text)
	}
	return sent
}

var (
	oneBreak  = strings.NewReplacer("\r\n", "\n", "\r", "\n")
	noBreak   = strings.NewReplacer("\r", "", "\n", "")
	multiline = map[string]bool{"description": true, "body": true, "bodyContains": true, "bodyLacks": true}
	instants  = map[string]bool{"onceAt": true, "expires": true, "paused": true, "silenced": true}
)

// shown is what the controls of a part hold for a job.
func (p *part) shown(job *cron.Job, zone *time.Location) url.Values {
	f := url.Values{}
	p.show(f, job, zone)
	return f
}

// showJob is what all controls hold for a job.
func showJob(job *cron.Job, zone *time.Location) url.Values {
	f := url.Values{}
	for _, p := range parts() {
		p.show(f, job, zone)
	}
	return f
}

// fingerprint identifies what the controls of a part say.
func (p *part) fingerprint(f url.Values) string {
	hash := sha256.Sum256([]byte(p.key + "\n" + p.says(f)))
	return p.key + ":" + hex.EncodeToString(hash[:6])
}

// fingerprints tell later which parts of a job have changed meanwhile. They tell nothing of passwords and secrets, which no control
// holds.
func fingerprints(job *cron.Job, zone *time.Location) string {
	var all []string
	for _, p := range parts() {
		all = append(all, p.fingerprint(p.shown(job, zone)))
	}
	return strings.Join(all, " ")
}

// readParts reads the parts of a form that differ from the stored job: the edit, and the keys of the parts.
func readParts(r *reading) (patch *cron.JobPatch, changed []string) {
	patch = &cron.JobPatch{Values: *r.base}
	for _, p := range parts() {
		if !p.differs(r.form, p.shown(r.base, r.zone)) {
			continue
		}
		fields := p.fields
		if p.read != nil {
			p.read(r, &patch.Values)
		} else { // of which another mode may show the same
			fields = readSchedule(r, &patch.Values)
		}
		if len(fields) > 0 {
			changed = append(changed, p.key)
			patch.Fields = append(patch.Fields, fields...)
		}
	}
	patch.Err = r.c.Err()
	return patch, changed
}

// text is what a control holds.
func (r *reading) text(name string) string {
	values := asSent(name, r.form[name])
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// box tells whether a control is checked.
func (r *reading) box(name string) bool { return r.form.Get(name) != "" }

// wrong notes what is wrong with a control.
func (r *reading) wrong(name string, p cron.Problem) { r.c.Add("/"+name, p) }

// say notes what is wrong with a control by the label of a sentence.
func (r *reading) say(name, label string) {
	r.wrong(name, cron.Problem{Rule: cron.RuleMandatory})
	if r.said == nil {
		r.said = map[string]string{}
	}
	r.said[name] = label
}
