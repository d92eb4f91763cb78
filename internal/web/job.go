package web

import (
	"cmp"
	"net/http"
	"strconv"
	"time"

	"punctual/internal/cron"
	"punctual/internal/service"
)

// pathJob is the pattern of the page of a job. Its tabs and actions are below it.
const pathJob = root + "/jobs/{id}"

// jobAddress is the address of the page of a job, or of a part of it such as "/changes".
func jobAddress(id int64, part string) string {
	return pathJobs + "/" + strconv.FormatInt(id, 10) + part
}

func (w *web) jobRoutes() []route {
	return []route{
		{"GET", pathJob, signedIn, showJobPage},
		{"POST", pathJob + "/enable", signedIn, enableJob},
		{"POST", pathJob + "/disable", signedIn, disableJob},
		{"POST", pathJob + "/run", signedIn, runJob},
		{"GET", pathJob + "/pause", signedIn, showPause},
		{"POST", pathJob + "/pause", signedIn, pauseJob},
		{"GET", pathJob + "/silence", signedIn, showSilence},
		{"POST", pathJob + "/silence", signedIn, silenceJob},
		{"POST", pathJob + "/delete", signedIn, deleteJob},
		{"POST", pathJob + "/undelete", signedIn, undeleteJob},
		{"GET", pathJob + "/changes", signedIn, showChanges},
		{"GET", pathJob + "/changes/{version}", signedIn, showVersion},
		{"POST", pathJob + "/changes/{version}/restore", signedIn, restoreVersion},
		{"POST", pathJob + "/changes/{version}/forget", signedIn, forgetVersion},
		{"GET", pathJob + "/notices", signedIn, showNotices},
		{"GET", pathJob + "/curl", signedIn, showCurl},
		{"GET", pathJob + "/badge", signedIn, showBadge},
		{"POST", pathJob + "/badge/renew", signedIn, renewBadge},
		{"GET", root + "/jobs/export", signedIn, exportJobs},
	}
}

// jobPage is what all tabs of a job's page have: how the job is, and what can be done with it. Page data embed it.
type jobPage struct {
	view
	Job      service.JobNow
	Title    string // of the job, or its host
	State    state
	Sentence string // how the job is
	Tabs     []tab
	Effects  []jobEffect // what keeps the job or its notices back at present, and what is about to
	Tests    bool        // the job can be tested as it is stored; the tab with the settings tests what its form holds
	Whole    bool        // the page is read again as a whole when something happens, and this part of it too
	Refused  string      // why a form of the page was refused; empty for none
}

// jobEffect is something that is in force for a job.
type jobEffect struct {
	Class, Icon string
	Text        string
	Until       time.Time // when it ends; zero when Text says it
	Note        string    // why
	Stop, Label string    // the form that ends it, and its button; empty for none
	Path        string    // where it is set; empty for here
}

// jobPage reads what the tabs of a job's page have in common.
func (v *visit) jobPage(jobID int64, here string) (p jobPage, err error) {
	if p.view, err = v.view("jobs"); err != nil {
		return p, err
	}
	if p.Job, err = v.web.service.JobNow(v.ctx(), v.web.now(), v.actor, jobID); err != nil {
		return p, err
	}
	j := &p.Job
	p.Wide, p.Tests = true, here != "settings"
	p.Title = cmp.Or(j.Title, cron.TargetHost(cron.MaskURL(j.Request.URL)))
	p.State, p.Sentence, p.Effects = p.JobState(&j.JobRecord), p.jobSentence(), p.jobEffects()
	t := p.labels.Label
	for _, x := range []struct{ name, part, label string }{
		{"overview", "", t("job.tab-overview")}, {"runs", "/runs", t("job.tab-runs")}, {"settings", "/settings", t("job.tab-settings")},
		{"changes", "/changes", t("job.tab-changes")}, {"notices", "/notices", t("job.tab-notices")},
	} {
		p.Tabs = append(p.Tabs, tab{Path: jobAddress(jobID, x.part), Label: x.label, Here: x.name == here})
	}
	return p, nil
}

// Path is the address of a part of the job's page.
func (p jobPage) Path(part string) string { return jobAddress(p.Job.ID, part) }

// How much of a URL is shown, in characters, and how long one is that can be opened, in bytes.
const (
	shownURL  = 200
	linkedURL = 2048
)

// URL is that of the job without its password, or its beginning.
func (p jobPage) URL() string {
	url := []rune(cron.MaskURL(p.Job.Request.URL))
	if len(url) > shownURL {
		return string(url[:shownURL]) + "…"
	}
	return string(url)
}

// Link is the URL of the job if a browser can open it, without credentials and placeholders; empty if not.
func (p jobPage) Link() string {
	public, _ := cron.WithoutUser(p.Job.Request.URL)
	if len(public) > linkedURL || len(p.Job.Request.PlaceholderTexts()) > 0 {
		return ""
	}
	if _, problem := cron.ParseURL(public); problem.Rule != cron.RuleNone {
		return ""
	}
	return public
}

// Words is the schedule of the job in words.
func (p jobPage) Words() string {
	return p.labels.Schedule(&p.Job.Schedule, p.Job.Timing.RunAt)
}

// jobSentence says how the job is, since when and why.
func (p *jobPage) jobSentence() string {
	j, t := &p.Job, p.labels.Label
	at := func(at time.Time) string {
		if at.IsZero() {
			return ""
		}
		return p.labels.Brief(at.In(p.zoneOf(j.Schedule.Timezone)))
	}
	st := &j.State
	switch {
	case !j.Enabled:
		return p.disabledSentence(at)
	case st.LastStatus > cron.StatusOK:
		runs := ""
		if st.Failures > 1 {
			runs = p.labels.Runs(int64(st.Failures))
		}
		if st.FailingSince.IsZero() {
			return t("job.has-failed", "at", at(st.LastExecution), "reason", p.jobReason())
		}
		return t("job.is-failing", "since", at(st.FailingSince), "runs", runs, "reason", p.jobReason())
	case st.NextRun.IsZero():
		return t("job.never-runs", "words", p.Words())
	case st.LastExecution.IsZero():
		return t("job.is-new", "next", at(st.NextRun))
	}
	return t("job.is-fine", "ago", p.labels.Relative(st.LastExecution.Sub(p.now)), "duration", p.labels.Short(st.LastDuration))
}

// disabledSentence says since when and why a job is disabled, as far as that is known.
func (p *jobPage) disabledSentence(at func(time.Time) string) string {
	j, t := &p.Job, p.labels.Label
	d := j.Disabled
	switch {
	case j.Timing.RunAtPassed:
		return t("job.is-done", "at", at(j.Timing.RunAt))
	case d == nil:
		return t("job.is-disabled", "at", "", "who", "")
	case d.Author.Way == cron.WayService:
		return t("job.is-given-up", "at", at(d.Created), "reason", p.jobReason())
	}
	return t("job.is-disabled", "at", at(d.Created), "who", d.Author.Label)
}

// jobReason is why the latest execution failed, in a few words; empty when that is not known.
func (p *jobPage) jobReason() string {
	if latest := p.Job.Latest; latest != nil && latest.Outcome != cron.OutcomeSucceeded {
		return p.labels.Reason(&latest.Result)
	}
	return ""
}

// certificateSoon is how long before its expiry a certificate is worth a line.
const certificateSoon = 14 * 24 * time.Hour

// jobEffects lists what is in force for the job, and a certificate that expires.
func (p *jobPage) jobEffects() (effects []jobEffect) {
	j, t := &p.Job, p.labels.Label
	if j.Timing.Paused(p.now) {
		e := jobEffect{"warn", "circle-pause", t("job.paused"), j.Timing.PausedUntil, j.Timing.PauseNote, p.Path("/pause"), t("job.resume"), ""}
		if j.Timing.PausedUntil.Equal(cron.Forever) {
			e.Text, e.Until = t("job.paused-for-good"), time.Time{}
		}
		effects = append(effects, e)
	}
	if j.Notification.Silenced(p.now) {
		e := jobEffect{"warn", "bell-off", t("job.silenced"), j.Notification.SilencedUntil, "", p.Path("/silence"), t("job.unsilence"), ""}
		if j.Notification.SilencedUntil.Equal(cron.Forever) {
			e.Text, e.Until = t("job.silenced-for-good"), time.Time{}
		}
		effects = append(effects, e)
	}
	for i := range j.Windows {
		w := &j.Windows[i]
		label := "job.window-silences"
		if w.Effect == cron.MaintenancePause {
			label = "job.window-pauses"
		}
		effects = append(effects, jobEffect{"warn", "wrench", t(label, "title", w.Title), w.Ends, "", "", "", windowPath(&w.MaintenanceWindow)})
	}
	switch left := j.State.CertExpiry.Sub(p.now); {
	case j.State.CertExpiry.IsZero() || left > certificateSoon:
	case left <= 0:
		effects = append(effects, jobEffect{"bad", "shield-alert", t("job.certificate-expired"), j.State.CertExpiry, "", "", "", ""})
	default:
		effects = append(effects, jobEffect{"warn", "shield-alert", t("job.certificate-expires"), j.State.CertExpiry, "", "", "", ""})
	}
	return effects
}

// deletedPage stands in place of the page of a job that was deleted.
type deletedPage struct {
	view
	Job  cron.BinJob
	Form form
}

// showBin shows a deleted job that can be brought back; the error is missing for any other job.
func (v *visit) showBin(status int, jobID int64, f form, missing error) error {
	b, err := v.web.service.BinJob(v.ctx(), v.actor, jobID)
	if cron.KindOf(err) == cron.NotFound {
		return missing
	}
	if err != nil {
		return err
	}
	p := deletedPage{Job: b, Form: f}
	if p.view, err = v.view("jobs"); err != nil {
		return err
	}
	return v.render(status, "job-bin", p)
}

// jobFailed answers a form of a job's page that was refused with the page, which says why.
func (v *visit) jobFailed(jobID int64, err error) error {
	f, status, err := v.rejected(err)
	if err != nil {
		return err
	}
	return v.jobOverview(status, jobID, cmp.Or(f.Problem, v.catalogue.Label("form.attention")))
}

func showJobPage(v *visit) error {
	id := v.pathID("id")
	err := v.jobOverview(http.StatusOK, id, "")
	if cron.KindOf(err) == cron.NotFound {
		return v.showBin(http.StatusOK, id, newForm(), err)
	}
	return err
}
