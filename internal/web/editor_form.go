package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"punctual/internal/cron"
)

// Limits on the lists that the editor shows.
const (
	maxShownChannels = 100
	maxShownSecrets  = 100
)

// editorForm is the form of the editor, as templates show it.
type editorForm struct {
	editorChoices
	Form       form
	Summary    []mistake // what is wrong, with links to the controls
	Preview    preview
	Retries    retries
	Mode       string
	Modes      []choice
	Headers    []headerRow
	Folders    []cron.Folder
	Channels   []cron.Channel
	MoreRoom   bool // there are further channels
	Secrets    []string
	Variables  []string
	Zones      []string
	MethodList []choice
	Conflicts  []conflict
	Taken      []string // labels of parts that others changed and the form did not
	Pasted     *pasted
	Mended     string // the label of a change that the form has
	Kept       keptSecrets
	Scheduling bool // the page has the section When only

	JobID, From  int64
	Version, Was string
	ChangedBy    string   // who saved the job meanwhile
	Changed      cron.Job // as it is stored, for its times
	Conflict     bool
	ReadOnly     bool
	Unsaved      bool // the form holds what is not saved
	Folds        map[string]fold
}

// keptSecrets tells which secrets of the stored job stay as long as nothing else is typed.
type keptSecrets struct {
	Password, Signing bool
	Body              int // bytes of one that is not shown; 0 when it is
}

// fold is a section that is closed as long as it has nothing but the defaults.
type fold struct {
	Line string // what it has
	Open bool
}

// foldedSections are the sections that can be closed, with the labels of their defaults.
var foldedSections = []struct {
	name, label string
	parts       []part
}{
	{"success", "editor.success-default", successParts}, {"failure", "editor.failure-default", failureParts}, {"late", "editor.late-default", lateParts},
	{"notices", "editor.notices-default", noticeParts}, {"advanced", "editor.advanced-default", advancedParts},
}

// maxFoldLine is the length of the line of a section, in characters.
const maxFoldLine = 160

// folds says which sections are open, and what the others have.
func (w *wording) folds(job *cron.Job, f *form) map[string]fold {
	usual, list := newConsoleJob("UTC"), map[string]fold{}
	for _, section := range foldedSections {
		var open bool
		var lines []string
		for _, p := range section.parts {
			for _, name := range slices.Concat(p.names, p.boxes) {
				open = open || f.Error(name) != ""
			}
			if p.says(p.shown(job, w.zone)) != p.says(p.shown(&usual, w.zone)) {
				lines = append(lines, w.t(partLabels[p.key])+": "+strings.Join(strings.Fields(p.words(w, job)), " "))
			}
		}
		line := clipText(strings.Join(lines, " · "), maxFoldLine)
		if len(lines) == 0 {
			line = w.t(section.label)
		}
		list[section.name] = fold{line, open || len(lines) > 0}
	}
	return list
}

// mistake is what is wrong with a control.
type mistake struct{ Control, Label, Text string }

// modeLabels are the labels of the modes, by their names.
var modeLabels = map[string]string{
	modeEvery: "editor.mode-every", modeDaily: "editor.mode-daily", modeWeekdays: "editor.mode-weekdays", modeWeekly: "editor.mode-weekly",
	modeMonthly: "editor.mode-monthly", modeYearly: "editor.mode-yearly", modeOnce: "editor.mode-once", modeCustom: "editor.mode-custom",
	modeCrontab: "editor.mode-crontab",
}

// editorForm makes the form of a draft; err is what is wrong with it.
func (v *visit) editorForm(d *jobDraft, err error) (editorForm, error) {
	f := editorForm{editorChoices: v.editorChoices(), Mode: d.form.Get("mode"), JobID: d.JobID, Version: d.version, Pasted: d.pasted, Mended: d.mended, Conflict: d.conflict, Changed: d.base,
		ChangedBy: d.base.UpdatedBy.Label}
	if d.clone {
		f.JobID, f.From = 0, d.JobID
	}
	job := d.job()
	f.Was = fingerprints(&d.base, v.personZone())
	f.Kept = keptSecrets{Password: d.base.Request.Auth.Password != "", Signing: d.base.SigningSecret != ""}
	if hidesBody(d.base.Request.Body) {
		f.Kept.Body = len(d.base.Request.Body)
	}
	form, summary := v.mistakes(d, err)
	f.Summary = summary
	syncModes(d.form, &job, form)
	f.Form, f.Headers = form, rowsOf(d)
	for _, mode := range modes {
		f.Modes = append(f.Modes, choice{mode, v.catalogue.Label(modeLabels[mode]), mode == f.Mode})
	}
	var failed error
	if f.Preview, failed = v.preview(&job); failed != nil {
		return f, failed
	}
	if hasProblem(d.Patch.Err, panelControls[f.Mode], "timezone", "mode") {
		f.Preview = preview{}
	}
	f.Retries = v.retries(job.Policy.Retry)
	return f, nil
}

// syncModes shows the schedule that was typed in one mode in all others.
func syncModes(f url.Values, job *cron.Job, typed form) {
	mode := f.Get("mode")
	for _, name := range panelControls[mode] {
		if typed.Error(name) != "" {
			return
		}
	}
	if modeLabels[mode] != "" && typed.Error("timezone") == "" {
		showWhen(f, &job.Schedule, job.Timing.RunAt, mode)
	}
}

// hasProblem tells whether an error is about one of some controls.
func hasProblem(err error, names []string, more ...string) bool {
	e, ok := errors.AsType[*cron.Error](err)
	return ok && slices.ContainsFunc(e.Problems, func(p cron.Problem) bool {
		name := strings.TrimPrefix(p.Pointer, "/")
		return slices.Contains(names, name) || slices.Contains(more, name)
	})
}

// rowsOf are the rows of headers, with empty ones for further headers.
func rowsOf(d *jobDraft) []headerRow {
	rows := headerRows(d.form)
	for range d.blank {
		rows = append(rows, headerRow{})
	}
	return rows
}

// controlOf is the control of what a problem points at; empty when there is none.
func controlOf(pointer, mode string) string {
	name := strings.TrimPrefix(pointer, "/")
	if strings.HasPrefix(name, "choose-") || partLabels[controlParts[name]] != "" {
		return name
	}
	if strings.HasPrefix(pointer, "/schedule/") && pointer != "/schedule/timezone" && len(panelControls[mode]) > 0 {
		for _, set := range setFields {
			if set.field == pointer && mode == modeCustom {
				return set.name
			}
			if set.field == pointer {
				return panelControls[mode][0]
			}
		}
	}
	switch {
	case pointer == "/schedule" && len(panelControls[mode]) > 0:
		return panelControls[mode][0]
	case pointer == "/runAt":
		return "onceAt"
	case pointer == "/schedule/timezone":
		return "timezone"
	case strings.HasPrefix(pointer, "/success/"):
		name, _, _ = strings.Cut(strings.TrimPrefix(pointer, "/success/"), "/")
		return map[string]string{"contains": "bodyContains", "notContains": "bodyLacks", "matches": "bodyMatches", "status": "status"}[name]
	case pointer == "/signingSecret":
		return "signingSecret"
	}
	for _, p := range parts() {
		for _, field := range p.fields {
			if field == pointer || strings.HasPrefix(pointer, field+"/") {
				return slices.Concat(p.names, p.boxes)[0]
			}
		}
	}
	return ""
}

// mistakes is the form of a draft with what is wrong beside its controls, and the same as a list.
func (v *visit) mistakes(d *jobDraft, err error) (form, []mistake) {
	f := form{values: d.form, errors: map[string]string{}}
	var list []mistake
	e, ok := errors.AsType[*cron.Error](err)
	if !ok {
		return f, nil
	}
	if len(e.Problems) == 0 {
		_, f.Problem = v.catalogue.Error(e.Kind, e.Subject)
	}
	for _, p := range e.Problems {
		text := v.catalogue.Problem(p)
		name := controlOf(p.Pointer, d.form.Get("mode"))
		if p.Pointer == "/paste" {
			name = "paste"
		}
		if label := d.said[name]; label != "" {
			text = v.catalogue.Label(label)
		}
		m := mistake{Control: name, Text: text, Label: strings.TrimPrefix(p.Pointer, "/")}
		if key := controlParts[name]; key != "" {
			m.Label = v.catalogue.Label(partLabels[key])
		}
		if name == "headerName" {
			m.Control = "headers"
		}
		if name != "" && f.errors[m.Control] != "" {
			continue
		}
		if name != "" {
			f.errors[m.Control] = text
		}
		list = append(list, m)
	}
	return f, list
}

// editorLists are the lists to choose from that a page of the editor has besides the form.
func (v *visit) editorLists(p *editorPage, d *jobDraft) error {
	s := v.web.service
	folders, err := s.Folders(v.ctx(), v.actor)
	if err != nil {
		return err
	}
	channels, next, err := s.Channels(v.ctx(), v.actor, 0, maxShownChannels)
	if err != nil {
		return err
	}
	p.MoreRoom = next != 0
	for _, text := range d.form["channel"] { // those that are chosen are always shown
		id := parseID(text)
		if next == 0 || slices.ContainsFunc(channels, func(c cron.Channel) bool { return c.ID == id }) || len(channels) > maxShownChannels+cron.MaxJobChannels {
			continue
		}
		if c, err := s.Channel(v.ctx(), v.actor, id); err == nil {
			channels = append(channels, c)
		}
	}
	p.Channels = channels
	w := wording{catalogue: v.catalogue, zone: v.personZone(), folders: folders, channel: channels}
	p.Conflicts = d.conflicts(&w)
	job := d.job()
	p.Folds = w.folds(&job, &p.Form)
	for i, c := range p.Conflicts {
		_, chose := p.Form.errors["choose-"+c.Key]
		if chose {
			p.Conflicts[i].Choice = ""
		}
	}
	for _, key := range d.taken {
		p.Taken = append(p.Taken, v.catalogue.Label(partLabels[key]))
	}
	menu := menuOf(folders, maxMenuFolders, nil)
	p.Folders, p.FolderTyped = menu.Folders, menu.More
	if p.FolderTyped {
		p.FolderTitle = ""
		if id := parseID(p.Form.Value("folder")); id != 0 {
			p.FolderTitle = w.folder(id)
		}
		if d.form["folderTitle"] == nil {
			p.Form = p.Form.with("folderTitle", p.FolderTitle)
		}
	}
	secrets, _, err := s.Secrets(v.ctx(), v.actor, 0, maxShownSecrets)
	if err != nil {
		return err
	}
	for _, secret := range secrets {
		p.Secrets = append(p.Secrets, fmt.Sprintf("%%secret:%s%%", secret.Name))
	}
	p.Variables, p.Zones = cron.Variables(), cron.ZoneNames()
	for m := cron.MethodGet; m.Valid(); m++ {
		p.MethodList = append(p.MethodList, choice{m.String(), m.String(), m.String() == p.Form.Value("requestMethod")})
	}
	return nil
}

// editorPage is the page of the editor.
type editorPage struct {
	jobPage // of a stored job; of a new one its view only
	editorForm
	FolderTyped bool   // there are too many folders for a list
	FolderTitle string // of the present one
}

// editor shows a draft.
func (v *visit) editor(d *jobDraft, status int, err error) error {
	var p editorPage
	var failed error
	if d.version != "" {
		p.jobPage, failed = v.jobPage(d.JobID, "settings")
	} else {
		p.view, failed = v.view("jobs")
	}
	if failed != nil {
		return failed
	}
	if err == nil {
		err = d.quietErr(v)
	}
	p.Wide = true
	if p.editorForm, failed = v.editorForm(d, err); failed != nil {
		return failed
	}
	if failed = v.editorLists(&p, d); failed != nil {
		return failed
	}
	p.ReadOnly, p.Unsaved = !p.May("editor"), v.r.Method == http.MethodPost || d.mended != "" || d.pasted != nil
	return v.render(status, "job-editor", p)
}

// quietErr is what is wrong with a form that is shown again without having been sent for good: what was left empty does not count.
func (d *jobDraft) quietErr(v *visit) error {
	if v.r.Method == http.MethodGet {
		return nil
	}
	return d.Patch.Err
}

// rejectedDraft shows a draft again with what is wrong, when that is about what was typed.
func (v *visit) rejectedDraft(d *jobDraft, err error) error {
	e, ok := errors.AsType[*cron.Error](err)
	if !ok || !formErrors[e.Kind] {
		return err
	}
	status, _ := v.classify(err)
	v.retryAfter(status, e)
	return v.editor(d, status, cron.JoinProblems(d.Patch.Err, err))
}
