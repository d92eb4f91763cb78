package web

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"punctual/internal/cron"
	"punctual/internal/service"
)

// The small actions on one job. Each leads back to the page that the field next names, or else to the page of the job.

// afterJob sends the browser back after an action, with what was done and further values for the address.
func (v *visit) afterJob(jobID int64, what string, more ...string) error {
	to := jobAddress(jobID, "")
	if next := v.form("next"); next != "" {
		to = localPath(next)
	}
	u, err := url.Parse(to)
	if err != nil {
		return v.redirect(root)
	}
	q := u.Query()
	q.Set("done", what)
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	u.RawQuery = q.Encode()
	return v.redirect(u.String())
}

// changeJob changes some fields of a job.
func (v *visit) changeJob(values cron.Job, fields ...string) error {
	if err := v.web.service.Admit(v.ctx(), v.actor, service.UseChangeJob); err != nil {
		return err
	}
	_, err := v.web.service.ChangeJob(v.ctx(), v.actor, v.pathID("id"), nil, &cron.JobPatch{Values: values, Fields: fields})
	return err
}

func enableJob(v *visit) error {
	if err := v.changeJob(cron.Job{Enabled: true}, "/enabled"); err != nil {
		return v.jobFailed(v.pathID("id"), err)
	}
	return v.afterJob(v.pathID("id"), "job-enabled")
}

func disableJob(v *visit) error {
	if err := v.changeJob(cron.Job{}, "/enabled"); err != nil {
		return v.jobFailed(v.pathID("id"), err)
	}
	return v.afterJob(v.pathID("id"), "job-disabled")
}

func runJob(v *visit) error {
	id := v.pathID("id")
	err := v.web.service.Admit(v.ctx(), v.actor, service.UseRunJob)
	if err == nil {
		_, err = v.web.service.RunJob(v.ctx(), v.actor, id)
	}
	if err != nil {
		return v.jobFailed(id, err)
	}
	return v.afterJob(id, "job-run")
}

func deleteJob(v *visit) error {
	id := v.pathID("id")
	err := v.web.service.Admit(v.ctx(), v.actor, service.UseDeleteJob)
	if err == nil {
		err = v.web.service.DeleteJob(v.ctx(), v.actor, id, nil)
	}
	if err != nil {
		return v.jobFailed(id, err)
	}
	return v.afterJob(id, "job-deleted", "undo", strconv.FormatInt(id, 10))
}

func undeleteJob(v *visit) error {
	id := v.pathID("id")
	err := v.web.service.Admit(v.ctx(), v.actor, service.UseRestoreBin)
	if err == nil {
		_, err = v.web.service.RestoreJob(v.ctx(), v.actor, id)
	}
	if err != nil {
		f, status, err := v.rejected(err)
		if err != nil {
			return err
		}
		return v.showBin(status, id, f, cron.Missing(cron.SubjectJob))
	}
	return v.afterJob(id, "job-restored")
}

// untilPage is the form that pauses or silences a job for a time.
type untilPage struct {
	jobPage
	Form    form
	Silence bool
	Spans   []choice
	Back    string // the page to return to; empty for that of the job
}

// MyZone is the time zone of the person.
func (p untilPage) MyZone() string { return p.mine.String() }

// untilSpans are for how long jobs are paused or silenced at a click, in seconds.
var untilSpans = []int{3600, 4 * 3600, 24 * 3600, 7 * 24 * 3600}

func showPause(v *visit) error   { return v.untilPage(http.StatusOK, newForm(), false) }
func showSilence(v *visit) error { return v.untilPage(http.StatusOK, newForm(), true) }

func (v *visit) untilPage(status int, f form, silence bool) (err error) {
	p := untilPage{Form: f, Silence: silence}
	if p.jobPage, err = v.jobPage(v.pathID("id"), ""); err != nil {
		return err
	}
	if next := cmp.Or(v.form("next"), v.r.URL.Query().Get("next")); next != "" {
		p.Back = localPath(next)
	}
	for _, seconds := range untilSpans {
		span := p.labels.Span(time.Duration(seconds) * time.Second)
		p.Spans = append(p.Spans, choice{Value: strconv.Itoa(seconds), Label: span})
	}
	return v.render(status, "job-until", p)
}

// until reads until when a form pauses or silences: for a span from now, or until a time in the zone of the person. It is zero to end
// it, and cron.Forever for good. wrong says what is wrong with it; empty for nothing.
func (v *visit) until() (at time.Time, wrong string) {
	now := v.web.now()
	if span := v.form("for"); span != "" {
		seconds, err := strconv.ParseInt(span, 10, 64)
		switch {
		case err != nil || seconds < -1 || seconds > int64(cron.StatsKept/time.Second):
			return at, v.catalogue.Label("job.until-invalid")
		case seconds == -1:
			return cron.Forever, ""
		case seconds > 0:
			return now.Add(time.Duration(seconds) * time.Second).Truncate(time.Second), ""
		}
		return at, ""
	}
	at, err := time.ParseInLocation("2006-01-02T15:04", v.form("until"), v.plainView().mine)
	if err != nil || !at.After(now) {
		return at, v.catalogue.Label("job.until-invalid")
	}
	return at, ""
}

func pauseJob(v *visit) error {
	until, wrong := v.until()
	if wrong != "" {
		return v.untilWrong(wrong, false)
	}
	values := cron.Job{Timing: cron.Timing{PausedUntil: until}}
	if !until.IsZero() {
		values.Timing.PauseNote = v.form("pauseNote")
	}
	if err := v.changeJob(values, "/pausedUntil", "/pauseNote"); err != nil {
		return v.untilFailed(err, false)
	}
	if until.IsZero() {
		return v.afterJob(v.pathID("id"), "job-resumed")
	}
	return v.afterJob(v.pathID("id"), "job-paused")
}

func silenceJob(v *visit) error {
	until, wrong := v.until()
	if wrong != "" {
		return v.untilWrong(wrong, true)
	}
	if err := v.changeJob(cron.Job{Notification: cron.Notification{SilencedUntil: until}}, "/silencedUntil"); err != nil {
		return v.untilFailed(err, true)
	}
	if until.IsZero() {
		return v.afterJob(v.pathID("id"), "job-unsilenced")
	}
	return v.afterJob(v.pathID("id"), "job-silenced")
}

// untilWrong shows the form again with what is wrong with its time.
func (v *visit) untilWrong(wrong string, silence bool) error {
	f := form{values: v.r.PostForm, errors: map[string]string{"until": wrong}}
	return v.untilPage(http.StatusUnprocessableEntity, f, silence)
}

// untilFailed shows the form again after the service refused it.
func (v *visit) untilFailed(err error, silence bool) error {
	f, status, err := v.rejected(err, "until", "pauseNote")
	if err != nil {
		return err
	}
	return v.untilPage(status, f, silence)
}
