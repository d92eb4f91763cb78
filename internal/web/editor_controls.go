package web

import (
	"html/template"
	"strconv"
	"strings"
)

// control is a control of the editor with its label, as templates show it.
type control struct {
	ID, Label, Hint, Error, Value string
	On                            bool
	Rows, Max                     int // of a text of several lines
	Least, Most                   int // of a number
	Choices                       []choice
	Unit                          []choice // of a duration
}

// Described are the attributes of a control that lead to its error and its hint. Its ID is a name of this program.
func (c control) Described() template.HTMLAttr {
	var ids, invalid string
	if c.Error != "" {
		ids, invalid = c.ID+"-error", ` aria-invalid="true"`
	}
	if c.Hint != "" {
		ids = strings.TrimSpace(ids + " " + c.ID + "-hint")
	}
	if ids == "" {
		return ""
	}
	return template.HTMLAttr(`aria-describedby="` + ids + `"` + invalid)
}

func (f editorForm) control(name, label, hint string) control {
	return control{ID: name, Label: label, Hint: hint, Error: f.Form.Error(name), Value: f.Form.Value(name)}
}

// Box is a control that is on or off.
func (f editorForm) Box(name, label, hint string) control {
	c := f.control(name, label, hint)
	c.On = c.Value != ""
	return c
}

// Area is a text of several lines.
func (f editorForm) Area(name, label, hint string, rows, longest int) control {
	c := f.control(name, label, hint)
	c.Rows, c.Max = rows, longest
	return c
}

// Number is a whole number.
func (f editorForm) Number(name, label, hint string, least, most int) control {
	c := f.control(name, label, hint)
	c.Least, c.Most = least, most
	return c
}

// Span is a duration.
func (f editorForm) Span(name, label, hint string, units []choice) control {
	c := f.control(name, label, hint)
	for _, unit := range units {
		unit.Chosen = unit.Value == f.Form.Value(unitOf(name))
		c.Unit = append(c.Unit, unit)
	}
	return c
}

// Pick is a choice among a few, by their numbers.
func (f editorForm) Pick(name, label, hint string, choices []choice) control {
	c := f.control(name, label, hint)
	for i, x := range choices {
		if x.Value == "" {
			x.Value = strconv.Itoa(i)
		}
		x.Chosen = x.Value == c.Value
		c.Choices = append(c.Choices, x)
	}
	return c
}

// Checked tells whether one of the boxes with a name is checked.
func (f editorForm) Checked(name, value string) bool {
	for _, text := range f.Form.values[name] {
		if text == value {
			return true
		}
	}
	return false
}

// Grid is the numbers of one set of the schedule, to click.
func (f editorForm) Grid(i int, label string, names []string) grid {
	set := &setFields[i]
	g := grid{Name: set.name, Label: label, Error: f.Form.Error(set.name)}
	for n := set.low; n <= set.high; n++ {
		cell := choice{Value: strconv.Itoa(n), Label: strconv.Itoa(n)}
		if len(names) > 0 {
			cell.Label = names[n-set.low]
		}
		cell.Chosen = f.Checked(set.name, cell.Value)
		g.Cells = append(g.Cells, cell)
	}
	return g
}

// grid is numbers to click.
type grid struct {
	Name, Label, Error string
	Cells              []choice
}

// editorChoices are the lists of choices that the editor always has, in the language of the person.
type editorChoices struct {
	Units, Misfire, Overlap, Delivery, Oversize, Connection, DST, Days, Every, MonthDays, Months []choice
	Weekdays, MonthNames                                                                         []string
}

func (v *visit) editorChoices() editorChoices {
	t := v.catalogue.Label
	list := func(labels []string) (choices []choice) {
		for _, label := range labels {
			choices = append(choices, choice{Label: t(label)})
		}
		return choices
	}
	x := editorChoices{Misfire: list(misfireLabels), Overlap: list(overlapLabels), Delivery: list(deliveryLabels), Oversize: list(oversizeLabels), Connection: list(connectionLabels),
		DST: list(dstLabels), Days: list(dayLabels)}
	for i := len(durationUnits) - 1; i >= 0; i-- {
		x.Units = append(x.Units, choice{Value: durationUnits[i].name, Label: t(unitLabels[durationUnits[i].name])})
	}
	for _, unit := range [...]struct{ name, one, many string }{{"m", "editor.every-minute", "editor.every-minutes"}, {"h", "editor.every-hour", "editor.every-hours"}} {
		for _, step := range everySteps[unit.name] {
			label := t(unit.many, "count", step)
			if step == 1 {
				label = t(unit.one)
			}
			x.Every = append(x.Every, choice{Value: unit.name + strconv.Itoa(step), Label: label})
		}
	}
	for n := 1; n <= 31; n++ {
		x.MonthDays = append(x.MonthDays, choice{Value: strconv.Itoa(n), Label: strconv.Itoa(n)})
	}
	x.MonthDays = append(x.MonthDays, choice{Value: "last", Label: t("editor.last-day")})
	for i, label := range monthLabels {
		x.Months = append(x.Months, choice{Value: strconv.Itoa(i + 1), Label: t(label)})
		x.MonthNames = append(x.MonthNames, t(label))
	}
	for _, label := range weekdayLabels {
		x.Weekdays = append(x.Weekdays, t(label))
	}
	return x
}

// partLabels are the labels of the parts, by their keys.
var partLabels = map[string]string{
	"url": "editor.url", "title": "editor.title", "enabled": "editor.enabled", "folder": "editor.folder", "tags": "editor.tags",
	"description": "editor.description", partSchedule: "editor.schedule", "dst": "editor.dst", "expires": "editor.expires", "spread": "editor.spread",
	"paused": "editor.paused", "pause-note": "editor.pause-note", "method": "editor.method", "headers": "editor.headers", "body": "editor.body",
	"auth": "editor.auth", "auth-user": "editor.auth-user", "auth-password": "editor.auth-password", "signing": "editor.signing",
	"traceparent": "editor.traceparent", "success": "editor.success", "redirect-success": "editor.redirect-success", "retries": "editor.retries",
	"retry-delay": "editor.retry-delay", "retry-factor": "editor.retry-factor", "retry-ceiling": "editor.retry-ceiling", "grace": "editor.grace",
	"misfire": "editor.misfire", "overlap": "editor.overlap", "delivery": "editor.delivery", "late-after": "editor.late-after", "channels": "editor.channels",
	"on-failure": "editor.on-failure", "on-failure-count": "editor.on-failure-count", "on-success": "editor.on-success", "on-disable": "editor.on-disable",
	"on-cert": "editor.on-cert", "cert-ahead": "editor.cert-ahead", "silenced": "editor.silenced", "timeout": "editor.timeout",
	"redirects": "editor.redirects", "verify": "editor.verify", "oversize": "editor.oversize", "connection": "editor.connection", "save-responses": "editor.save-responses",
}

// controlParts are the keys of the parts of controls, by their names.
var controlParts = func() map[string]string {
	found := map[string]string{"signingSecret": "signing", "headers": "headers"}
	for _, p := range parts() {
		for _, name := range append(p.names[:len(p.names):len(p.names)], p.boxes...) {
			found[name] = p.key
		}
	}
	return found
}()
