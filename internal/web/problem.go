package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"punctual/internal/cron"
	"punctual/internal/service"
)

// problemPage shows a problem with all that surrounds it, and what can be done about it.
type problemPage struct {
	view
	service.ProblemReport
	Row      problemRow
	Form     form
	Hours    []int
	Target   string        // the URL that was called first, masked
	Lasted   time.Duration // of one that is resolved
	Beside   []besideRow   // the first failure beside the success before it
	Edited   bool          // the job was changed between the two
	Before   []problemEdit // versions from the hour before
	RunsPath string        // the list of what failed; "" when there is none
	Again    string        // the page that runs that again; "" when the person may not
	Told     []toldRow
	Actable  bool // the person may do something about it, and it is not resolved
	FirstRun string
	GoodRun  string
	Shown    []statusLink // the status pages that show a job with the problem
}

// jobsOfPages is how many jobs of a problem are looked up on status pages.
const jobsOfPages = 5

// problemEdit is a version that a job got before a problem opened.
type problemEdit struct {
	cron.JobVersion
	Title string
	Path  string
}

// besideRow is a fact about the last success and the first failure.
type besideRow struct {
	Label, Good, Bad string
	Differs          bool
}

// toldRow is a message about a problem.
type toldRow struct {
	messageRow
	To string // the title of the channel
}

func showProblem(v *visit) error { return v.problemPage(http.StatusOK, form{}) }

func (v *visit) problemPage(status int, f form) error {
	p := problemPage{Form: f, Hours: snoozeHours}
	var err error
	if p.view, err = v.view("problems"); err != nil {
		return err
	}
	if p.ProblemReport, err = v.web.service.ProblemReport(v.ctx(), v.actor, v.pathID("id")); err != nil {
		return err
	}
	p.Wide = true
	p.Row = v.problemRow(&p.JobProblem, &p.Why)
	p.Target = cron.MaskURL(p.Example.URL)
	if !f.Wrong() {
		p.Form = newForm("note", p.Note)
	}
	if p.Actable = p.May("editor") && p.State != cron.ProblemResolved; p.State == cron.ProblemResolved {
		p.Lasted = p.Resolved.Sub(p.Opened)
	}
	if q := p.runs(); q != nil {
		p.RunsPath = pathRuns + "?" + q.Encode()
		if p.May("editor") {
			p.Again = pathRuns + "/again?" + q.Encode()
		}
	}
	p.beside()
	titles := map[int64]string{}
	for _, j := range p.Jobs {
		titles[j.JobID] = p.JobName(j.Title, j.URL)
	}
	for _, e := range p.Edits {
		p.Before = append(p.Before, problemEdit{e, titles[e.JobID], p.JobPath(e.JobID) + "/changes#version-" + strconv.FormatInt(e.Version, 10)})
	}
	if p.Told, err = v.toldRows(&p.view, p.Messages); err != nil {
		return err
	}
	var jobs []int64
	if p.JobID != 0 {
		jobs = append(jobs, p.JobID)
	}
	for i := range p.Jobs {
		if jobs = append(jobs, p.Jobs[i].JobID); len(jobs) == jobsOfPages {
			break
		}
	}
	if p.Shown, err = v.statusLinks(jobs...); err != nil {
		return err
	}
	return v.render(status, "problem", p)
}

// beside compares the first failure with the success before it.
func (p *problemPage) beside() {
	if p.First == nil {
		return
	}
	bad := &p.First.Execution
	p.FirstRun = pathRuns + "/" + bad.Identifier()
	good := p.First.Good.Latest
	if good == nil {
		return
	}
	p.GoodRun = pathRuns + "/" + good.Identifier()
	p.Edited = good.Version != 0 && good.Version != bad.Version
	add := func(label, before, now string) {
		p.Beside = append(p.Beside, besideRow{label, before, now, before != now})
	}
	t := p.labels.Label
	add(t("problem.answer"), p.labels.Execution(&good.Result), p.labels.Execution(&bad.Result))
	add(t("problem.peer"), dash(good.Result.Peer), dash(bad.Result.Peer))
	add(t("problem.duration"), p.Duration(good.Result.Duration), p.Duration(bad.Result.Duration))
	add(t("problem.version"), version(good.Version), version(bad.Version))
}

// dash is a text, or a dash for none.
func dash(text string) string {
	if text == "" {
		return "–"
	}
	return text
}

// version is the number of a version; a dash for none.
func version(n int64) string {
	if n == 0 {
		return dash("")
	}
	return strconv.FormatInt(n, 10)
}

// runs select what failed for the cause; nil when that is not what the problem is about.
func (p *problemPage) runs() url.Values {
	q := url.Values{"from": {strconv.FormatInt(p.Opened.Unix(), 10)}}
	switch p.Kind {
	case cron.ProblemFailed:
		q.Set("outcome", cron.OutcomeFailed.String())
		for _, cause := range p.Causes() {
			q.Add("cause", cause.String())
		}
	case cron.ProblemLost:
		q.Set("outcome", cron.OutcomeLost.String())
		q.Set("job", strconv.FormatInt(p.JobID, 10))
	case cron.ProblemMissed:
		q.Set("outcome", cron.OutcomeMissed.String())
		q.Set("job", strconv.FormatInt(p.JobID, 10))
	default:
		return nil
	}
	return q
}

// HoursName is a choice of Hours.
func (p problemPage) HoursName(hours int) string { return actPage{view: p.view}.HoursName(hours) }

// toldRows are messages with the channels that they went to.
func (v *visit) toldRows(p *view, messages []cron.Message) (rows []toldRow, err error) {
	if len(messages) == 0 {
		return nil, nil
	}
	channels, _, err := v.web.service.Channels(v.ctx(), v.actor, 0, service.MaxChannelsPage)
	if err != nil {
		return nil, err
	}
	titles := map[int64]string{}
	for i := range channels {
		titles[channels[i].ID] = channels[i].Title
	}
	for i := range messages {
		m := &messages[i]
		rows = append(rows, toldRow{v.messageRow(p, m), titles[m.ChannelID]})
	}
	return rows, nil
}

// actOnProblem does what a button of the page says, and keeps the note that stands beside it.
func actOnProblem(v *visit) error {
	note := v.form("note")
	action := cron.ProblemAction{Note: &note}
	done := "noted"
	set := func(s cron.ProblemState, what string) { action.State, done = &s, what }
	switch v.form("do") {
	case "acknowledge":
		set(cron.ProblemAcknowledged, "acknowledged")
	case "snooze":
		hours, err := strconv.Atoi(v.form("hours"))
		if err != nil || !slices.Contains(snoozeHours, hours) {
			hours = snoozeHours[0]
		}
		action.Until = v.web.now().Add(time.Duration(hours) * time.Hour).Truncate(time.Second)
		set(cron.ProblemSnoozed, "snoozed")
	case "resolve":
		set(cron.ProblemResolved, "resolved")
	case "open":
		set(cron.ProblemOpen, "reopened")
	}
	if err := v.web.service.ActOnProblem(v.ctx(), v.actor, v.pathID("id"), action); err != nil {
		f, status, err := v.rejected(err, "note")
		if err != nil {
			return err
		}
		return v.problemPage(status, f)
	}
	return v.after(problemPath(v.pathID("id")), done)
}
