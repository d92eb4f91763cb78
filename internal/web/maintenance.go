package web

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"punctual/internal/cron"
	"punctual/internal/service"
)

const pathMaintenance = root + "/settings/maintenance"

func (w *web) maintenanceRoutes() []route {
	return []route{
		{"GET", pathMaintenance, signedIn, showMaintenance},
		{"POST", pathMaintenance, signedIn, createMaintenance},
		{"GET", pathMaintenance + "/new", signedIn, newMaintenance},
		{"GET", pathMaintenance + "/{id}", signedIn, showWindow},
		{"POST", pathMaintenance + "/{id}", signedIn, changeMaintenance},
		{"POST", pathMaintenance + "/{id}/delete", signedIn, deleteMaintenance},
	}
}

// maintenancePage lists the maintenance windows of the account.
type maintenancePage struct {
	view
	Windows []windowView
	List    listing
}

// windowView is a window in words.
type windowView struct {
	service.MaintenanceState
	Path    string
	State   state
	Effect  string
	Touches string // which jobs
	When    string // a schedule in words; empty for a window with one span
	Lasts   string // how long each span of a schedule is
}

func showMaintenance(v *visit) error {
	var p maintenancePage
	var err error
	if p.view, err = v.view("maintenance"); err != nil {
		return err
	}
	list, err := v.web.service.MaintenanceWindows(v.ctx(), v.actor)
	if err != nil {
		return err
	}
	folders, err := v.folderTitles()
	if err != nil {
		return err
	}
	list, p.List = paged(v, list, windowKey, func(w service.MaintenanceState) []string { return append([]string{w.Title}, w.Tags...) })
	for _, w := range list {
		p.Windows = append(p.Windows, p.window(w, folders))
	}
	return v.render(http.StatusOK, "maintenance", p)
}

// folderTitles are the titles of the folders of the account by their IDs.
func (v *visit) folderTitles() (map[int64]string, error) {
	folders, err := v.web.service.Folders(v.ctx(), v.actor)
	titles := map[int64]string{0: v.catalogue.Label("job-field.no-folder")}
	for _, f := range folders {
		titles[f.ID] = f.Title
	}
	return titles, err
}

// windowPath is the address of a maintenance window. Those of a status page have one for all.
func windowPath(w *cron.MaintenanceWindow) string {
	if w.PageID != 0 {
		return statusAddress(w.PageID, "/maintenances")
	}
	return pathMaintenance + "/" + formatID(w.ID)
}

// windowKey is the place of a window in the list: first those in force, last those that are over.
func windowKey(w service.MaintenanceState) int64 {
	const ids = 1 << 53
	switch {
	case w.Active:
		return w.ID
	case !w.Ends.IsZero():
		return ids + w.ID
	}
	return 2*ids + w.ID
}

// Over tells that the window never comes again.
func (w windowView) Over() bool { return !w.Active && w.Ends.IsZero() }

// What the list names of one window.
const (
	maxTouched = 5  // folders and tags
	maxName    = 40 // characters of a title or a name
)

// Short is the title as the list shows it.
func (w windowView) Short() string { return clipText(w.Title, 2*maxName) }

// window is a window in words.
func (p view) window(w service.MaintenanceState, folders map[int64]string) windowView {
	t := p.labels.Label
	row := windowView{MaintenanceState: w, Path: pathMaintenance + "/" + formatID(w.ID), Effect: t("maintenance.silences")}
	if w.MaintenanceWindow.Effect == cron.MaintenancePause {
		row.Effect = t("maintenance.pauses")
	}
	switch {
	case w.Active:
		row.State = state{"busy", "wrench", t("maintenance.active")}
	case row.Over():
		row.State = state{"muted", "circle-slash", t("maintenance.over")}
	default:
		row.State = state{"muted", "clock", t("maintenance.planned")}
	}
	if !w.Once() {
		row.When, row.Lasts = p.labels.Schedule(&w.Schedule, time.Time{}), p.labels.Span(w.Duration)
	}
	var touched []string
	for _, id := range w.FolderIDs {
		if title, ok := folders[id]; ok {
			touched = append(touched, t("maintenance.in-folder", "folder", clipText(title, maxName)))
		}
	}
	for _, tag := range w.Tags {
		touched = append(touched, t("maintenance.with-tag", "tag", clipText(tag, maxName)))
	}
	if more := len(touched) - maxTouched; more > 0 {
		touched = append(touched[:maxTouched], t("maintenance.more", "count", more))
	}
	if n := len(w.JobIDs); n > 0 {
		touched = append(touched, p.labels.JobCount(n))
	}
	if row.Touches = strings.Join(touched, ", "); len(w.JobIDs)+len(w.FolderIDs)+len(w.Tags) == 0 {
		row.Touches = t("maintenance.all-jobs")
	}
	return row
}

// windowPage is the form of a window.
type windowPage struct {
	view
	Form   form
	ID     int64 // 0 for a new one
	Window *windowView
	Menu   folderMenu
	Zones  []string
}

// ChosenFolder tells whether a folder is ticked.
func (p windowPage) ChosenFolder(id int64) bool {
	return slices.Contains(p.Form.values["folder"], formatID(id))
}

// Action is where the form is sent.
func (p windowPage) Action() string {
	if p.ID == 0 {
		return pathMaintenance
	}
	return pathMaintenance + "/" + formatID(p.ID)
}

func newMaintenance(v *visit) error {
	f := newForm("effect", "pause", "scope", "all")
	v.suggestSpan(f)
	if id := parseID(v.r.URL.Query().Get("job")); id != 0 {
		job, err := v.web.service.Job(v.ctx(), v.web.now(), v.actor, id)
		if err != nil {
			return err
		}
		f.values.Set("scope", "some")
		f.values.Set("jobs", jobLine(id, jobTitle(&job.Job)))
	}
	return v.windowPage(http.StatusOK, f, nil)
}

// windowPage shows the form of a window; nil for a new one.
func (v *visit) windowPage(status int, f form, w *service.MaintenanceState) (err error) {
	p := windowPage{Form: f, Zones: cron.ZoneNames()}
	if p.view, err = v.view("maintenance"); err != nil {
		return err
	}
	if w == nil && !p.May("editor") {
		return needsRole(cron.RoleEditor)
	}
	if p.Menu, err = v.folderMenu(f.values["folder"]); err != nil {
		return err
	}
	if w != nil {
		titles, err := v.folderTitles()
		if err != nil {
			return err
		}
		shown := p.window(*w, titles)
		p.ID, p.Window = w.ID, &shown
	}
	return v.render(status, "window", p)
}

func showWindow(v *visit) error {
	w, err := v.web.service.MaintenanceWindow(v.ctx(), v.actor, v.pathID("id"))
	if err != nil {
		return err
	}
	f, err := v.windowForm(&w.MaintenanceWindow)
	if err != nil {
		return err
	}
	return v.windowPage(http.StatusOK, f, &w)
}

func createMaintenance(v *visit) error {
	w, err := v.readWindow(cron.MaintenanceWindow{})
	if err == nil {
		err = v.web.service.AddMaintenance(v.ctx(), v.actor, &w)
	}
	if err != nil {
		return v.wrongWindow(err, nil)
	}
	return v.after(pathMaintenance, "maintenance-planned")
}

func changeMaintenance(v *visit) error {
	id := v.pathID("id")
	now, err := v.web.service.MaintenanceWindow(v.ctx(), v.actor, id)
	if err != nil {
		return err
	}
	w, err := v.readWindow(now.MaintenanceWindow)
	if err == nil {
		err = v.web.service.ChangeMaintenance(v.ctx(), v.actor, id, func(to *cron.MaintenanceWindow) {
			to.Title, to.Effect, to.Start, to.End, to.Schedule, to.Duration = w.Title, w.Effect, w.Start, w.End, w.Schedule, w.Duration
			to.JobIDs, to.FolderIDs, to.Tags = w.JobIDs, w.FolderIDs, w.Tags
		})
	}
	if err != nil {
		return v.wrongWindow(err, &now)
	}
	return v.after(pathMaintenance, "saved")
}

// windowFields are the fields of the form by what is wrong with a window.
var windowFields = []struct{ pointer, name string }{
	{"/schedule/timezone", "zone"}, {"/schedule", "schedule"}, {"/durationSeconds", "duration"}, {"/jobIds", "jobs"}, {"/folderIds", "folders"},
	{"/tags", "tags"},
}

var windowFieldNames = []string{"title", "effect", "start", "end", "zone", "schedule", "duration", "jobs", "folders", "tags", typedFolder}

// wrongWindow shows the form again, with what is wrong beside the fields.
func (v *visit) wrongWindow(err error, w *service.MaintenanceState) error {
	f, status, err := v.rejectedWindow(err, windowFieldNames...)
	if err != nil {
		return err
	}
	return v.windowPage(status, f, w)
}

// rejectedWindow is rejected for a form that says when a window is.
func (v *visit) rejectedWindow(err error, fields ...string) (form, int, error) {
	own := map[string]string{} // in place of bounds that are numbers nobody reads
	err = cron.WithProblems(err, func(p *cron.Problem) {
		p.Pointer = "/" + windowField(p.Pointer)
		switch {
		case p.Rule != cron.RuleOutOfRange:
		case p.Pointer == "/end":
			own["end"] = v.catalogue.Label("maintenance.wrong-end")
		case p.Pointer == "/duration":
			own["duration"] = v.catalogue.Label("maintenance.wrong-duration")
		}
	})
	f, status, err := v.rejected(err, fields...)
	if err == nil {
		maps.Copy(f.errors, own)
	}
	return f, status, err
}

// windowField is the field of the form that a pointer into a window belongs to.
func windowField(pointer string) string {
	for _, f := range windowFields {
		if pointer == f.pointer || strings.HasPrefix(pointer, f.pointer+"/") {
			return f.name
		}
	}
	return strings.TrimPrefix(pointer, "/")
}

func deleteMaintenance(v *visit) error {
	if err := v.web.service.DeleteMaintenance(v.ctx(), v.actor, v.pathID("id")); err != nil {
		return err
	}
	return v.after(pathMaintenance, "removed")
}
