package web

import (
	"net/http"
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// shownRuns is how many runs a preview shows.
const shownRuns = 10

// nextRuns is the occurrences that lie ahead, as the template "next-runs" shows them.
type nextRuns struct {
	Rows      []nextRun
	Zone      string   // of the schedule
	OtherZone string   // of the person, or UTC; empty when it is the same
	Skipped   []string // what changes of the clocks skip, in sentences
}

// nextRun is one occurrence in two time zones.
type nextRun struct {
	At          time.Time
	Job, Other  string
	Note, Exact string
	Window      string // the maintenance window that the job is in then; empty for none
	WindowPath  string
}

// weekdayLabels are the labels of the days of the week, in short, from Sunday on.
var weekdayLabels = [...]string{"weekday.0", "weekday.1", "weekday.2", "weekday.3", "weekday.4", "weekday.5", "weekday.6"}

// monthLabels are the labels of the months, in short.
var monthLabels = [...]string{"month.1", "month.2", "month.3", "month.4", "month.5", "month.6", "month.7", "month.8", "month.9",
	"month.10", "month.11", "month.12"}

// noteLabels say what changes of the clocks do to an occurrence.
var noteLabels = map[cron.PreviewNote]string{
	cron.NoteShifted: "next.shifted", cron.NoteFirst: "next.first", cron.NoteRepeated: "next.repeated",
}

// nextRuns shows a preview of a schedule in its time zone and in that of the person.
func (v *visit) nextRuns(p cron.Preview, zone string) nextRuns {
	other := v.personZone()
	if other.String() == zone {
		other = time.UTC
	}
	list := nextRuns{Zone: zone}
	if other.String() != zone {
		list.OtherZone = other.String()
	}
	day := func(at time.Time) string {
		return v.catalogue.Label(weekdayLabels[at.Weekday()]) + " " + at.Format("2006-01-02")
	}
	for _, run := range p.Runs {
		layout := "15:04"
		if run.At.Second() != 0 {
			layout = "15:04:05"
		}
		here, there := run.At, run.At.In(other)
		row := nextRun{At: here, Job: day(here) + " " + here.Format(layout), Exact: here.UTC().Format("2006-01-02 15:04:05 UTC")}
		if row.Other = there.Format(layout); there.YearDay() != here.YearDay() || there.Year() != here.Year() {
			row.Other = day(there) + " " + row.Other
		}
		if label := noteLabels[run.Note]; label != "" {
			row.Note = v.catalogue.Label(label)
		}
		if w := run.Window; w != nil {
			note := windowNote(v.catalogue, w)
			row.Window, row.WindowPath = note.Text, note.Path
		}
		list.Rows = append(list.Rows, row)
	}
	for _, gap := range p.Skipped {
		label := "next.skipped"
		if !gap.At.IsZero() {
			label = "next.skipped-runs"
		}
		list.Skipped = append(list.Skipped, v.catalogue.Label(label, "count", gap.Count, "first", gap.First.Format("2006-01-02 15:04"),
			"last", gap.Last.Format("15:04"), "at", gap.At.Format("15:04")))
	}
	return list
}

// linkedText is a text that leads to a page.
type linkedText struct{ Text, Path string }

// windowNote says what a maintenance window does to a run that falls into it.
func windowNote(c *message.Catalogue, w *cron.MaintenanceWindow) linkedText {
	label := "next.silenced"
	if w.Effect == cron.MaintenancePause {
		label = "next.paused"
	}
	return linkedText{c.Label(label, "title", clipText(w.Title, maxChoice)), windowPath(w)}
}

// personZone is the time zone of the person.
func (v *visit) personZone() *time.Location {
	if p := v.actor.Person; p != nil && p.Zone != "" {
		if zone, err := cron.LoadZone(p.Zone); err == nil {
			return zone
		}
	}
	return time.UTC
}

// preview is what lies ahead of the job that is being edited.
type preview struct {
	Words    string // the schedule in words; empty when it cannot be read
	Crontab  string
	Runs     nextRuns
	Warnings []string
	Beside   string // that other jobs start in the same second; empty when none does
}

// spreadSeconds is the spread that is suggested when many jobs start together.
const spreadSeconds = 300

// crowd is how many other jobs that start in the same second are worth a suggestion.
const crowd = 10

// preview shows what lies ahead of a job. A schedule that cannot be read has an empty preview.
func (v *visit) preview(job *cron.Job) (preview, error) {
	var p preview
	ahead, err := v.web.service.PreviewJob(v.ctx(), v.web.now(), v.actor, job, shownRuns)
	if cron.KindOf(err) == cron.Invalid {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	p.Words, p.Crontab, p.Runs = ahead.Words, ahead.Crontab, v.nextRuns(ahead.Preview, job.Schedule.Timezone)
	warn := func(label string, arguments ...any) {
		p.Warnings = append(p.Warnings, v.catalogue.Label(label, arguments...))
	}
	w := wording{catalogue: v.catalogue, zone: v.personZone()}
	switch {
	case len(ahead.Runs) == 0 && !job.Timing.RunAt.IsZero():
		warn("editor.warn-passed")
	case len(ahead.Runs) == 0:
		warn("editor.warn-never")
	}
	if !job.Enabled {
		warn("editor.warn-disabled")
	}
	if job.Timing.Paused(v.web.now()) {
		warn("editor.warn-paused", "until", w.until(job.Timing.PausedUntil))
	}
	if job.Timing.Spread > 0 && job.Timing.RunAt.IsZero() {
		warn("editor.warn-spread", "spread", w.duration(job.Timing.Spread))
	}
	if ahead.TooOften.Rule != cron.RuleNone {
		p.Warnings = append(p.Warnings, v.catalogue.Problem(ahead.TooOften))
	}
	for _, run := range ahead.Runs {
		if run.Note != cron.NoteNone || len(ahead.Skipped) > 0 {
			warn("editor.warn-clocks")
			break
		}
	}
	if ahead.Beside >= crowd {
		p.Beside = v.catalogue.Label("editor.warn-beside", "count", ahead.Beside)
	}
	return p, nil
}

// retries are the times of the retries, as the drawing of the section If it fails shows them.
type retries struct {
	Dots  []retryDot
	Lines []string // in words
	Total string
}

// retryDot is an attempt in the drawing, whose width is 1000.
type retryDot struct {
	X     int
	First bool
}

// retries draws the attempts of a run that fails at once each time.
func (v *visit) retries(r cron.Retry) retries {
	var drawn retries
	waits := r.Waits()
	if r.Factor < 1 || len(waits) == 0 {
		return drawn
	}
	w := wording{catalogue: v.catalogue}
	var total, since time.Duration
	for _, wait := range waits {
		total += wait
	}
	drawn.Dots = append(drawn.Dots, retryDot{X: 10, First: true})
	for i, wait := range waits {
		since += wait
		x := 10
		if total > 0 {
			x += int(980 * float64(since) / float64(total))
		}
		drawn.Dots = append(drawn.Dots, retryDot{X: x})
		drawn.Lines = append(drawn.Lines, v.catalogue.Label("editor.retry-line", "number", i+1, "wait", w.duration(wait), "since", w.duration(since)))
	}
	drawn.Total = w.duration(total)
	return drawn
}

// schedulePage shows what a schedule comes to, which is written in the controls of the editor. It changes nothing.
type schedulePage struct {
	view
	editorForm
}

// showSchedule reads a schedule from the address.
func showSchedule(v *visit) error {
	p := schedulePage{}
	var err error
	if p.view, err = v.view("jobs"); err != nil {
		return err
	}
	q := v.r.URL.Query()
	job := newConsoleJob(v.personZone().String())
	if len(q) == 0 {
		q = showJob(&job, v.personZone())
	}
	base := cron.NewJob()
	base.ID = parseID(q.Get("job"))
	r := reading{form: q, base: &base, zone: v.personZone()}
	patch, _ := readParts(&r)
	draft := jobDraft{form: q, base: base, Patch: patch, said: r.said}
	p.editorForm, err = v.editorForm(&draft, patch.Err)
	if err != nil {
		return err
	}
	p.Scheduling = true
	return v.render(http.StatusOK, "job-schedule", p)
}
