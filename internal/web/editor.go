package web

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
	"punctual/internal/service"
)

// The pages of the editor.
const (
	pathJobs     = root + "/jobs"
	pathNewJob   = pathJobs + "/new"
	pathSchedule = pathJobs + "/schedule"
)

func (w *web) editorRoutes() []route {
	return []route{
		{"GET", pathNewJob, signedIn, showNewJob},
		{"POST", pathNewJob, signedIn, createJob},
		{"GET", pathSchedule, signedIn, showSchedule},
		{"GET", pathJobs + "/{id}/settings", signedIn, showJobSettings},
		{"POST", pathJobs + "/{id}/settings", signedIn, saveJob},
	}
}

// jobDraft is a job as the form of the editor has it, not saved.
type jobDraft struct {
	JobID int64          // of the stored job, or of the one that is cloned; 0 for a new one
	Patch *cron.JobPatch // what the form changes of it

	clone    bool
	base     cron.Job // that the form is an edit of
	version  string   // of base when it is stored
	form     url.Values
	changed  []string // the keys of the parts that Patch changes
	said     map[string]string
	pasted   *pasted
	mended   string // the label of a change that the address asked for
	conflict bool   // the job was changed meanwhile, and the person is told of it for the first time
	taken    []string
	blank    int // rows for further headers
}

// newConsoleJob is what the form of a new job shows at first.
func newConsoleJob(zone string) cron.Job {
	job := cron.NewJob()
	job.Enabled, job.SaveResponses = true, true
	job.Notification.OnFailure, job.Notification.OnDisable = true, true
	s := &job.Schedule
	s.Timezone, s.Minutes, s.Hours = zone, stepped(&setFields[1], 0, 15), cron.Every
	s.MonthDays, s.Months, s.Weekdays = cron.Every, cron.Every, cron.Every
	return job
}

// baseOf finds what a form is an edit of: a stored job, a clone of one, or the defaults.
func (v *visit) baseOf(jobID, from int64) (*jobDraft, error) {
	d := &jobDraft{base: cron.NewJob(), blank: 1}
	switch {
	case jobID != 0:
		record, err := v.web.service.Job(v.ctx(), v.web.now(), v.actor, jobID)
		if err != nil {
			return nil, err
		}
		d.JobID, d.base, d.version = jobID, record.Job, v.web.service.Version(&record.Job)
	case from != 0:
		var err error
		if d.base, err = v.web.service.NewClone(v.ctx(), v.actor, from, &cron.JobPatch{}); err != nil {
			return nil, err
		}
		d.JobID, d.clone = from, true
	}
	return d, nil
}

// jobDraft decodes the form of the editor, whatever is to be done with it. What is wrong with single values is the Err of its patch.
func (v *visit) jobDraft() (*jobDraft, error) {
	d, err := v.baseOf(parseID(v.form("job")), parseID(v.form("from")))
	if err != nil {
		return nil, err
	}
	v.take(d)
	return d, v.decode(d)
}

// take takes the form that was sent. One that is not that of the editor, such as a box to paste into, has some of the controls: the
// others hold what they show at first.
func (v *visit) take(d *jobDraft) {
	if d.form = v.r.PostForm; v.form("editor") != "" {
		return
	}
	job := d.base
	if d.JobID == 0 {
		job = newConsoleJob(v.personZone().String())
	}
	d.form = showJob(&job, v.personZone())
	maps.Copy(d.form, v.r.PostForm)
}

// decode reads the form of a draft.
func (v *visit) decode(d *jobDraft) error {
	r := reading{form: d.form, base: &d.base, zone: v.personZone()}
	if d.form.Get("folderTitle") != d.form.Get("folderTitleWas") {
		var err error
		if r.folders, err = v.web.service.Folders(v.ctx(), v.actor); err != nil {
			return err
		}
	}
	d.settle(r.zone)
	d.Patch, d.changed = readParts(&r)
	d.said = r.said
	return nil
}

// settle gives the parts of which the person wants what others saved meanwhile the values of the stored job.
func (d *jobDraft) settle(zone *time.Location) {
	for _, p := range parts() {
		if slices.Contains(d.form["conflict"], p.key) && d.form.Get("choose-"+p.key) == "theirs" {
			d.replace(&p, p.shown(&d.base, zone))
		}
	}
}

// replace puts other values into the controls of a part.
func (d *jobDraft) replace(p *part, values url.Values) {
	for _, name := range slices.Concat(p.names, p.boxes) {
		d.form.Del(name)
		if values[name] != nil {
			d.form[name] = values[name]
		}
	}
}

// job is the job as the form has it.
func (d *jobDraft) job() cron.Job { return d.Patch.Values }

// The values of the control "do" that change the form and save nothing.
const (
	doShow      = "show"
	doPaste     = "paste"
	doAddHeader = "add-header"
	doSpread    = "spread"
	doSigning   = "signing"
)

// rework does what a button of the form asks for that saves nothing. done tells whether the form is to be shown again.
func (v *visit) rework(d *jobDraft) (done bool, err error) {
	do := v.form("do")
	if text := strings.TrimSpace(d.form.Get("paste")); text != "" && do != doShow || do == doPaste {
		return true, v.paste(d, text)
	}
	switch do {
	case doShow:
	case doAddHeader:
		d.blank = 4
	case doSpread:
		showDuration(d.form, "spread", spreadSeconds*1e9, 0)
		return true, v.decode(d)
	case doSigning:
		d.form.Set("signing", "own")
		d.form.Set("signingSecret", cron.NewSigningSecret())
		return true, v.decode(d)
	default:
		return false, nil
	}
	return true, nil
}

func showNewJob(v *visit) error {
	full := v.web.service.RoomForJob(v.ctx(), v.actor)
	if full != nil && cron.KindOf(full) != cron.TooMany {
		return full
	}
	q := v.r.URL.Query()
	d, err := v.baseOf(0, parseID(q.Get("from")))
	if err != nil {
		return err
	}
	job := d.base
	if !d.clone {
		job = newConsoleJob(v.personZone().String())
		job.FolderID = parseID(q.Get("folder"))
	}
	d.form = showJob(&job, v.personZone())
	if d.clone {
		d.form.Set("from", strconv.FormatInt(d.JobID, 10))
	}
	if err := v.decode(d); err != nil {
		return err
	}
	if err := v.mend(d); err != nil {
		return err
	}
	for _, name := range [...]string{"paste", "url"} {
		if text := strings.TrimSpace(q.Get(name)); text != "" {
			if err := v.paste(d, text); err != nil {
				return v.rejectedDraft(d, err)
			}
		}
	}
	return v.editor(d, http.StatusOK, full)
}

func createJob(v *visit) error {
	v.r.PostForm.Del("job")
	d, err := v.jobDraft()
	if err != nil {
		return err
	}
	if done, err := v.rework(d); err != nil {
		return v.rejectedDraft(d, err)
	} else if done {
		return v.editor(d, http.StatusOK, nil)
	}
	id, err := v.addJob(d)
	if err != nil {
		return v.rejectedDraft(d, err)
	}
	if v.form("do") != "run" {
		return v.after(jobAddress(id, ""), "created")
	}
	if err := v.runNow(id); err != nil {
		return v.after(jobAddress(id, ""), "created-not-run")
	}
	return v.after(jobAddress(id, ""), "created-run")
}

// addJob creates the job of a draft.
func (v *visit) addJob(d *jobDraft) (id int64, err error) {
	s := v.web.service
	if err := s.RoomForJob(v.ctx(), v.actor); err != nil {
		return 0, err
	}
	var job cron.Job
	if d.clone {
		job, err = s.NewClone(v.ctx(), v.actor, d.JobID, d.Patch)
	} else {
		job, err = s.NewJob(v.actor, d.Patch)
	}
	if err == nil { // a form that is wrong does not count
		err = s.Admit(v.ctx(), v.actor, service.UseCreateJob)
	}
	if err == nil {
		err = s.AddJob(v.ctx(), v.actor, &job)
	}
	return job.ID, err
}

// runNow asks for a run of a job that was just created.
func (v *visit) runNow(id int64) error {
	if err := v.web.service.Admit(v.ctx(), v.actor, service.UseRunJob); err != nil {
		return err
	}
	_, err := v.web.service.RunJob(context.WithoutCancel(v.ctx()), v.actor, id)
	return err
}

func showJobSettings(v *visit) error {
	d, err := v.baseOf(v.jobID(), 0)
	if err != nil {
		return err
	}
	d.form = showJob(&d.base, v.personZone())
	if err := v.decode(d); err != nil {
		return err
	}
	if err := v.mend(d); err != nil {
		return err
	}
	return v.editor(d, http.StatusOK, nil)
}

// jobID is the job of the path; one that no job has instead of 0, which is a new job.
func (v *visit) jobID() int64 {
	if id := v.pathID("id"); id != 0 {
		return id
	}
	return -1
}

func saveJob(v *visit) error {
	if err := v.web.service.CheckPatch(v.actor, &cron.JobPatch{}); err != nil {
		return err
	}
	id := v.jobID()
	v.r.PostForm.Set("job", strconv.FormatInt(id, 10))
	d, err := v.baseOf(id, 0)
	if err != nil {
		return err
	}
	v.take(d)
	if err := v.decode(d); err != nil {
		return err
	}
	if done, err := v.rework(d); err != nil {
		return v.rejectedDraft(d, err)
	} else if done {
		return v.editor(d, http.StatusOK, nil)
	}
	if v.form("version") != d.version {
		return v.meet(d)
	}
	if err := d.undecided(); err != nil {
		return v.rejectedDraft(d, err)
	}
	if len(d.Patch.Fields) > 0 || d.Patch.Err != nil {
		_, err = v.web.service.ChangeJob(v.ctx(), v.actor, id, func(version string) bool { return version == d.version }, d.Patch)
	}
	if cron.KindOf(err) == cron.PreconditionFailed {
		return v.meet(d)
	}
	if err != nil {
		return v.rejectedDraft(d, err)
	}
	return v.after(jobAddress(id, "/settings"), "saved")
}
