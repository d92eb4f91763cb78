package web

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"punctual/internal/cron"
)

// What a form is about may be changed while somebody fills it in. The field seen has a fingerprint of each part of the form as it was shown:
//
//	they changed it   the form changed it   what happens
//	no                yes or no             the form counts
//	yes               no                    the form takes what they saved
//	yes               yes                   the page shows both, and the person chooses
//
// In the last two cases nothing is saved: the page shows the form again, for what is stored by now. A form without the field is not compared.

// formPart is a field of a form, or fields that are one choice.
type formPart struct {
	names []string          // of the fields
	label string            // the key of what it is called
	words map[string]string // the keys of what values are called; others are shown as they are
	kept  string            // the key of what no value is called; "" for a text that tells of nothing
}

// partOf is a part with one field, whose values are shown as they are.
func partOf(label, name string) formPart { return formPart{names: []string{name}, label: label} }

// changedForm is what a page says of a form that was not saved since somebody else had changed what it is about.
type changedForm struct {
	Taken []string // what the parts are called that the form takes from what was saved
	Both  []changedPart
}

// changedPart is a part that both have changed. The form has what the person typed.
type changedPart struct {
	Key    string // of the choice to take what was saved
	Label  string
	Theirs string
}

// errChanged is that what a form is about is no longer as the form knew it. The form is the one to show.
type errChanged struct{ form form }

// Error implements error.
func (errChanged) Error() string { return "web: what the form is about was changed meanwhile" }

// changedOf is the form to show when an error is errChanged.
func changedOf(err error) (form, bool) {
	e, ok := errors.AsType[errChanged](err)
	return e.form, ok
}

const fieldSeen = "seen"

// Chosen are the parts of which the person takes what was saved, while the form is not yet sent to be saved.
func (f form) Chosen() []string { return f.values["theirs"] }

// showing notes in a form what its parts hold, for the comparison to come.
func (f form) showing(parts []formPart) form {
	f.values.Set(fieldSeen, seenOf(parts, f.values))
	return f
}

func seenOf(parts []formPart, values url.Values) string {
	list := make([]string, len(parts))
	for i := range parts {
		list[i] = parts[i].fingerprint(values)
	}
	return strings.Join(list, " ")
}

// valuesOf are the values of a field, without the differences that browsers make.
func valuesOf(values url.Values, name string) (list []string) {
	for _, text := range values[name] {
		if text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n")); text != "" {
			list = append(list, text)
		}
	}
	slices.Sort(list)
	return list
}

func (p *formPart) fingerprint(values url.Values) string {
	sum := sha256.New()
	_, _ = fmt.Fprintln(sum, p.label)
	for _, name := range p.names {
		if list := valuesOf(values, name); len(list) > 0 {
			_, _ = fmt.Fprintf(sum, "%q: %q\n", name, list) // never fails
		}
	}
	return base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:9])
}

// take replaces what a form has of the part.
func (p *formPart) take(to, from url.Values) {
	for _, name := range p.names {
		to[name] = from[name]
	}
}

// maxTheirs is how many bytes of a text that was saved are shown beside the one in the form.
const maxTheirs = 1000

// text is what values say of the part.
func (p *formPart) text(v *visit, values url.Values) string {
	var said []string
	for _, name := range p.names {
		for _, value := range valuesOf(values, name) {
			if key, ok := p.words[value]; ok {
				value = v.catalogue.Label(key)
			}
			said = append(said, value)
		}
	}
	text := strings.Join(said, ", ")
	if text == "" && p.kept != "" {
		text = v.catalogue.Label(p.kept)
	}
	return clipText(text, maxTheirs)
}

// compare compares the form that was sent with what is stored, as a form of it would have it. It takes over what the person chose of that
// before. The error is errChanged when something else is stored than the form knew.
func (v *visit) compare(parts []formPart, stored form) error {
	sent := v.r.PostForm
	seen := strings.Fields(sent.Get(fieldSeen))
	if len(seen) == 0 {
		return nil
	}
	for i := range parts {
		if p := &parts[i]; slices.Contains(sent["theirs"], p.names[0]) && slices.Contains(seen, p.fingerprint(stored.values)) {
			p.take(sent, stored.values)
		}
	}
	delete(sent, "theirs") // they are in the form now
	var m changedForm
	changed := false
	for i := range parts {
		p := &parts[i]
		theirs, mine := p.fingerprint(stored.values), p.fingerprint(sent)
		switch {
		case slices.Contains(seen, theirs) || mine == theirs:
			continue
		case slices.Contains(seen, mine):
			p.take(sent, stored.values)
			m.Taken = append(m.Taken, v.catalogue.Label(p.label))
		default:
			m.Both = append(m.Both, changedPart{p.names[0], v.catalogue.Label(p.label), p.text(v, stored.values)})
		}
		changed = true
	}
	if !changed {
		return nil
	}
	f := form{values: sent, Changed: &m}
	return errChanged{f.with(fieldSeen, seenOf(parts, stored.values))}
}

// editTries bounds how often a change is tried again because somebody else was faster.
const editTries = 5

// retried runs a change again while what it is about changes under it.
func retried(change func() error) (err error) {
	for range editTries {
		if err = change(); cron.KindOf(err) != cron.PreconditionFailed {
			return err
		}
	}
	return err
}
