package web

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
	"punctual/internal/service"
)

// pathRun is the page of a run, by the identifier that messages and the API use.
const pathRun = pathRuns + "/{identifier}"

// runPage is a run with everything that is known of it.
type runPage struct {
	view
	service.Record
	State     state
	Verdict   string // what came of it and why, and what to do
	Kind      string
	Zone      string // of the job
	Waterfall *waterfall
	Attempts  []runRow // of the occurrence, when there are several
	Reruns    []runRow
	RerunPath string // of the record that it repeats; empty for none
	Request   *runRequest
	Headers   headerPart
	Body      bodyPart
	Compared  *comparedPart // nil when there is no success to compare it with
	Mend      string        // the page of the editor that mends the job; empty for none
	MendLabel string
	Asked     string // who asked for it, and by which way; empty for nobody
	Careful   bool   // the method of the job is not idempotent
	NoAgain   string // why it cannot be run again; empty when it can
}

// recordOf reads the record that the path names.
func (v *visit) recordOf() (r service.Record, err error) {
	identifier := v.r.PathValue("identifier")
	parts := strings.Split(identifier, "-")
	if len(parts) != 4 {
		return r, cron.Missing(cron.SubjectExecution)
	}
	r, err = v.web.service.Record(v.ctx(), v.web.now(), v.actor, parseID(parts[0]), parseID(parts[3]))
	if err == nil && r.Identifier() != identifier {
		err = cron.Missing(cron.SubjectExecution)
	}
	if e, ok := errors.AsType[*cron.Error](err); ok && e.Kind == cron.NotFound {
		err = cron.Missing(cron.SubjectExecution) // whether there is the job, does not matter
	}
	return r, err
}

// showRun shows a run.
func showRun(v *visit) error {
	p, err := v.runPage()
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "run", &p)
}

func (v *visit) runPage() (p runPage, err error) {
	if p.Record, err = v.recordOf(); err != nil {
		return p, err
	}
	if p.view, err = v.view("runs"); err != nil {
		return p, err
	}
	e := &p.Execution
	p.Wide = true
	p.State, p.Zone = p.RunState(e.Outcome), p.Job.Schedule.Timezone
	p.Kind, p.Verdict = p.kindName(p.KindName()), p.verdict()
	if len(p.Comparison.Timings) > 0 && e.Result.Stats.Total > 0 {
		p.Waterfall = p.newWaterfall(p.Comparison.Timings, len(p.Comparison.Good.Stats))
	}
	if len(p.Record.Attempts) > 1 {
		p.Attempts = p.rowsOf(p.Record.Attempts)
	}
	p.Reruns = p.rowsOf(p.Record.Reruns)
	if of := p.RerunOf; of.ID != 0 {
		p.RerunPath = runPath(&cron.Execution{ID: of.ID, JobID: e.JobID, Planned: of.Planned})
	}
	if p.Request, err = v.runRequest(&p); err != nil {
		return p, err
	}
	p.Headers = p.newHeaders(e.Result.Headers)
	p.Body = p.newBody(e, v.r.URL.Query().Get("body"))
	p.Compared = p.newCompared(&p.Comparison)
	if link := mendLink(e.JobID, p.Why.Mend); link != "" && p.May("editor") {
		p.Mend, p.MendLabel = link, p.labels.Label(mendLabel(p.Why.Mend.Kind))
	}
	if p.RequestedBy.Label != "" {
		p.Asked = p.labels.Label("run.asked-by", "who", p.RequestedBy.Label, "way", v.auditWay(p.RequestedBy.Way))
	}
	p.Careful = !p.Job.Request.Method.Idempotent()
	return p, nil
}

// Self names of the page, for links that it has.
func (p *runPage) Path() string    { return runPath(&p.Execution) }
func (p *runPage) JobPath() string { return jobAddress(p.JobID, "") }

// JobName is what the job is called.
func (p *runPage) JobName() string {
	return p.fit(recordTitle(p.HistoryRecord.Title, p.Job.Request.URL), rowTitle)
}

// rowsOf makes rows of executions of the job.
func (p *runPage) rowsOf(list []cron.Execution) (rows []runRow) {
	for _, e := range list {
		r := cron.HistoryRecord{Execution: e, Title: p.HistoryRecord.Title, RerunOf: p.RerunOf}
		if e.Attempt > 1 {
			r.Repeats = p.Repeats && e.ID == p.ID
		}
		rows = append(rows, p.runRow(&r))
	}
	return rows
}

// verdict says in a sentence or two what came of the run.
func (p *runPage) verdict() string {
	e := &p.Execution
	switch e.Outcome {
	case cron.OutcomeRunning:
		return p.labels.Label("run.verdict-running", "span", p.Duration(p.now.Sub(e.Result.Started)))
	case cron.OutcomeSucceeded:
		return p.labels.Label("run.verdict-succeeded", "what", p.what(e), "span", p.Duration(e.Result.Duration))
	}
	text := p.labels.Diagnosis(&p.Why)
	if e.Count > 1 || e.AtLeast {
		label := "run.verdict-covers"
		if e.AtLeast {
			label = "run.verdict-covers-more"
		}
		text += " " + p.labels.Label(label, "count", p.Count(e.Count))
	}
	return text
}

// Ended tells whether the run has started and ended.
func (p *runPage) Ended() bool { return p.Ran() && p.Outcome != cron.OutcomeRunning }

// Ran tells whether the run has started.
func (p *runPage) Ran() bool {
	return p.Outcome != cron.OutcomeMissed && p.Outcome != cron.OutcomeSkipped
}

// IsRunning tells whether the run has not ended.
func (p *runPage) IsRunning() bool { return p.Outcome == cron.OutcomeRunning }

// Covers tells whether the record covers several occurrences.
func (p *runPage) Covers() bool { return p.Execution.Count > 1 || p.AtLeast }

// IsLate tells whether the run started so late that it is worth a word.
func (p *runPage) IsLate() bool {
	return p.Ended() && p.Outcome != cron.OutcomeLost && p.Late(p.Lateness)
}

// CurlPath is where the job is shown as a command.
func (p *runPage) CurlPath() string { return jobAddress(p.JobID, "/curl") }

// VersionPath is the version of the job that ran.
func (p *runPage) VersionPath() string {
	return jobAddress(p.JobID, "/changes?version=") + strconv.FormatInt(p.Version, 10)
}

// The lists of runs like this one.
func (p *runPage) SameJobPath() string { return runsAddress(p.JobID) }
func (p *runPage) SameCausePath() string {
	return runsAddress(0, "cause", p.Cause.String(), "span", "7d")
}
func (p *runPage) OthersPath() string {
	return runsAddress(0, "outcome", cron.OutcomeFailed.String(), notPrefix+"job", strconv.FormatInt(p.JobID, 10))
}
func (p *runPage) AroundPath() string {
	from, to := p.Planned.Add(-5*time.Minute), p.Planned.Add(5*time.Minute)
	return runsAddress(0, "from", strconv.FormatInt(from.Unix(), 10), "to", strconv.FormatInt(to.Unix(), 10))
}

// againPage asks whether a run is to be made again.
type againPage struct {
	view
	Path, Back string
	Title      string
	Method     string
	URL        string
	Careful    bool
	Record     bool // the record is repeated; otherwise the job runs once more
}

// askRunAgain asks before a run is made again, and says what that calls.
func askRunAgain(v *visit) error {
	r, err := v.recordOf()
	if err != nil {
		return err
	}
	p := againPage{Path: runPath(&r.Execution) + "/again", Back: runPath(&r.Execution), Record: r.Repeatable()}
	if p.view, err = v.editorView("runs"); err != nil {
		return err
	}
	p.Title, p.Method = p.fit(recordTitle(r.HistoryRecord.Title, r.Job.Request.URL), rowTitle), r.Job.Request.Method.String()
	p.URL, p.Careful = p.fit(cron.MaskURL(r.Job.Request.URL), 500), !r.Job.Request.Method.Idempotent()
	return v.render(http.StatusOK, "run-again", p)
}

// runAgain repeats a record that did not succeed, and otherwise runs the job once more.
func runAgain(v *visit) error {
	r, err := v.recordOf()
	if err != nil {
		return err
	}
	if r.Repeatable() {
		err = v.web.service.RunAgain(v.ctx(), v.actor, r.JobID, r.ID)
	} else {
		_, err = v.web.service.RunJob(v.ctx(), v.actor, r.JobID)
	}
	if err != nil {
		return err
	}
	return v.after(runPath(&r.Execution), "run-again")
}

// runList is what the template of rows needs.
type runList struct {
	view
	Rows []runRow
}

// Jobs tells whether the rows say whose runs they are.
func (runList) Jobs() bool { return false }

// Listed is rows as a list of runs of the job.
func (p *runPage) Listed(rows []runRow) runList { return runList{p.view, rows} }
