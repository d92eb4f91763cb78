package web

import (
	"cmp"
	"strings"
	"time"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// How many bytes of HTML the texts of rows take, so that a page stays small whatever the texts are.
const (
	rowTitle = 240
	rowText  = 320
)

// runRow is a run in a list, as the template "run-row" shows it.
type runRow struct {
	Path, JobPath string
	JobID         int64
	Title         string
	State         state
	Kind          string // why it took place; empty for the first attempt of a scheduled run
	What          string // what came of it, in a few words
	Due           time.Time
	Last          time.Time // of the occurrences that did not run; zero for one
	Count         string    // how many those are; empty for one
	Lateness      time.Duration
	Late          bool
	Duration      time.Duration
	Ran           bool // it has started and ended
	Running       bool
}

// runRow makes a row of a record.
func (p view) runRow(r *cron.HistoryRecord) runRow {
	row := runRow{
		Path: runPath(&r.Execution), JobPath: jobAddress(r.JobID, ""), JobID: r.JobID, Title: p.fit(recordTitle(r.Title, r.Result.URL), rowTitle),
		State: p.RunState(r.Outcome), Due: r.Planned, Lateness: r.Lateness, Duration: r.Result.Duration,
		What: p.fit(p.what(&r.Execution), rowText), Running: r.Outcome == cron.OutcomeRunning,
		Ran: r.Outcome == cron.OutcomeSucceeded || r.Outcome == cron.OutcomeFailed,
	}
	row.Late = row.Ran && p.Late(r.Lateness)
	if kind := r.KindName(); kind != cron.RecordScheduled.String() {
		row.Kind = p.kindName(kind)
	}
	if r.Count > 1 || r.AtLeast {
		row.Last, row.Count = r.Last, p.Count(r.Count)
		if r.AtLeast {
			row.Count += "+"
		}
	}
	return row
}

// what says in a few words what came of an execution: the status of its response, or why there is none.
func (p view) what(e *cron.Execution) string {
	text := p.labels.Outcome(e)
	if code := e.Result.HTTPStatus; code > 0 && (e.Result.Status == cron.StatusOK || e.Result.Fault == cron.FaultNone) {
		return p.labels.Label("runs.answered", "code", code, "text", strings.TrimPrefix(text, "HTTP"))
	}
	return text
}

// kindLabels are why runs took place that are not the first attempt of the schedule.
var kindLabels = map[string]string{
	"rerun": "runs.kind-rerun", "manual": "runs.kind-manual", "retry": "runs.kind-retry", "repeat": "runs.kind-repeat",
}

// kindName says why a run took place.
func (p view) kindName(kind string) string {
	return p.labels.Label(cmp.Or(kindLabels[kind], "runs.kind-scheduled"))
}

// spanLabels are the spans of time that lists offer, but the longest.
var spanLabels = map[string]string{
	"1h": "runs.span-1h", "24h": "runs.span-24h", "7d": "runs.span-7d", "30d": "runs.span-30d",
}

// spanName is the name of a span of time.
func (p view) spanName(name string) string {
	return p.labels.Label(cmp.Or(spanLabels[name], "runs.span-90d"))
}

// reasonName says in a few words what a reason of the API is.
func (p view) reasonName(name string) string {
	for f, n := range wire.FaultNames {
		if n == name {
			return p.labels.FaultName(f)
		}
	}
	return name
}

// fit shortens a text so that it takes no more than a number of bytes in HTML.
func (view) fit(text string, most int) string {
	text = visible(text)
	if short := bounded(text, most); len(short) < len(text) {
		return short + "…"
	}
	return text
}

// recordTitle is what a job is called: its title, or else its URL.
func recordTitle(title, url string) string { return cron.MaskURL(cmp.Or(title, url)) }

// runPath is the page of a run.
func runPath(e *cron.Execution) string { return pathRuns + "/" + e.Identifier() }
