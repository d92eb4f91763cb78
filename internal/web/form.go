package web

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"punctual/internal/cron"
)

// form is a form as a page shows it: what was typed, and what is wrong with it.
type form struct {
	values  url.Values
	errors  map[string]string // by the name of the field
	Problem string            // that belongs to no field
	Changed *changedForm      // that what it is about was changed meanwhile; nil when it was not
}

// newForm is a form with these values in its fields, by their names.
func newForm(pairs ...string) form {
	f := form{values: url.Values{}}
	for i := 0; i+1 < len(pairs); i += 2 {
		f.values.Set(pairs[i], pairs[i+1])
	}
	return f
}

// Value is what a field holds.
func (f form) Value(name string) string { return f.values.Get(name) }

// Error says what is wrong with a field.
func (f form) Error(name string) string { return f.errors[name] }

// Wrong tells whether anything is wrong.
func (f form) Wrong() bool { return f.Problem != "" || len(f.errors) > 0 }

// formErrors are the kinds of errors that the page of the form shows, with what was typed.
var formErrors = map[cron.ErrorKind]bool{
	cron.Invalid: true, cron.Conflict: true, cron.TooMany: true, cron.Unprocessable: true, cron.Unavailable: true,
}

// rejected is the form that was sent, with what err says of its fields, and the status of the answer. The error is err
// itself when it is not about what was typed. A problem belongs to the field that its pointer names.
func (v *visit) rejected(err error, fields ...string) (f form, status int, _ error) {
	e, ok := errors.AsType[*cron.Error](err)
	if !ok || !formErrors[e.Kind] {
		return f, 0, err
	}
	status, _ = v.classify(err)
	f = form{values: v.r.PostForm, errors: map[string]string{}}
	for _, p := range e.Problems {
		sentence := v.catalogue.Problem(p)
		name := strings.TrimPrefix(p.Pointer, "/")
		switch {
		case name == "" || !contains(fields, name):
			f.Problem = sentence
		case f.errors[name] == "":
			f.errors[name] = sentence
		}
	}
	if len(e.Problems) == 0 {
		_, f.Problem = v.catalogue.Error(e.Kind, e.Subject)
	}
	v.retryAfter(status, e)
	return f, status, nil
}

func contains(list []string, text string) bool {
	for _, s := range list {
		if s == text {
			return true
		}
	}
	return false
}

// field is an input with its label, as the template "field" shows it.
type field struct {
	Name, Label, Value, Error     string
	ID, Type, Autocomplete, Hint  string
	Inputmode, Placeholder, List  string
	Optional, Autofocus, ReadOnly bool
	Plain                         bool // does not say that it is optional
	MaxLength                     int
}

// newField describes the input of a form with a name. Attributes are pairs of a name and a value.
func newField(f form, name, label string, attributes ...any) (field, error) {
	x := field{Name: name, ID: name, Label: label, Type: "text", Value: f.Value(name), Error: f.Error(name), MaxLength: 1024}
	for i := 0; i+1 < len(attributes); i += 2 {
		set := map[any]any{
			"id": &x.ID, "type": &x.Type, "autocomplete": &x.Autocomplete, "hint": &x.Hint, "inputmode": &x.Inputmode,
			"placeholder": &x.Placeholder, "optional": &x.Optional, "autofocus": &x.Autofocus, "readonly": &x.ReadOnly,
			"maxlength": &x.MaxLength, "value": &x.Value, "list": &x.List, "plain": &x.Plain,
		}[attributes[i]]
		switch to := set.(type) {
		case *string:
			*to, _ = attributes[i+1].(string)
		case *bool:
			*to, _ = attributes[i+1].(bool)
		case *int:
			*to, _ = attributes[i+1].(int)
		default:
			return x, fmt.Errorf("the field %s has no attribute %v", name, attributes[i])
		}
	}
	if x.Type == "password" {
		x.Value = "" // never sent back
	}
	return x, nil
}

// with is the form with another value in a field.
func (f form) with(name, value string) form {
	values := url.Values{}
	for k, v := range f.values {
		values[k] = v
	}
	values.Set(name, value)
	f.values = values
	return f
}
