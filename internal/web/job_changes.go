package web

import (
	"encoding/json"
	"net/http"
	"strconv"

	"punctual/internal/cron"
	"punctual/internal/service"
)

// jobChangesPage lists the versions of a job, and shows in what two of them differ.
type jobChangesPage struct {
	jobPage
	Versions []versionRow
	From, To int64 // that are compared; 0 for none
	Compared bool
	Changes  []versionDifference
	pages
	Gone string // why two versions cannot be compared
}

// versionRow is a version of a job as lists show it.
type versionRow struct {
	cron.JobVersion
	Way     string
	Names   []string // of the values that it changed
	Current bool
}

// versionDifference is a value that two versions of a job differ in.
type versionDifference struct {
	Name     string
	Old, New shownValue
	Hidden   bool // it is a secret, and nobody sees what it was
}

// maxNames is how many changed values a row of the list names.
const maxNames = 8

// shownDifference is how much of a value is shown, in characters.
const shownDifference = 1000

func showChanges(v *visit) (err error) {
	var p jobChangesPage
	if p.jobPage, err = v.jobPage(v.pathID("id"), "changes"); err != nil {
		return err
	}
	q := v.r.URL.Query()
	list, next, err := v.web.service.Versions(v.ctx(), v.actor, p.Job.ID, parseID(q.Get("before")), pageRows)
	if err != nil {
		return err
	}
	for i := range list {
		p.Versions = append(p.Versions, v.versionRow(&p.jobPage, list[i]))
	}
	if next != 0 {
		p.NextPage = p.Path("/changes?before=" + strconv.FormatInt(next, 10))
	}
	if q.Get("before") != "" {
		p.FirstPage = p.Path("/changes")
	}
	if p.From, p.To = parseID(q.Get("from")), parseID(q.Get("to")); p.From == 0 || p.To == 0 {
		return v.render(http.StatusOK, "job-changes", p)
	}
	if p.From > p.To {
		p.From, p.To = p.To, p.From
	}
	p.Compared = true
	_, _, changes, err := v.web.service.CompareVersions(v.ctx(), v.actor, p.Job.ID, p.From, p.To)
	if cron.KindOf(err) == cron.NotFound {
		p.Gone = v.catalogue.Label("version.gone")
	} else if err != nil {
		return err
	}
	if p.Changes, err = v.differences(p.view, changes); err != nil {
		return err
	}
	return v.render(http.StatusOK, "job-changes", p)
}

func (v *visit) versionRow(p *jobPage, of cron.JobVersion) versionRow {
	row := versionRow{JobVersion: of, Way: v.auditWay(of.Author.Way), Current: p.Job.Changed != nil && of.Version == p.Job.Changed.Version}
	for _, pointer := range of.Changes {
		if len(row.Names) == maxNames {
			break
		}
		row.Names = append(row.Names, p.FieldName(pointer))
	}
	return row
}

// More is how many changed values the row does not name.
func (r versionRow) More() int { return len(r.Changes) - len(r.Names) }

// differences puts what two versions differ in into words.
func (v *visit) differences(p view, changes []service.VersionChange) (list []versionDifference, err error) {
	if len(changes) == 0 {
		return nil, nil
	}
	values, err := v.fieldValues(p)
	if err != nil {
		return nil, err
	}
	show := func(pointer string, value any) shownValue {
		if headers, ok := value.([]cron.Header); ok {
			lines := make([]string, len(headers))
			for i, h := range headers {
				lines[i] = h.Name + ": " + h.Value
			}
			value = lines
		}
		encoded, _ := json.Marshal(value) // plain data, which can always be encoded
		shown := values.Show(pointer, string(encoded))
		if text := []rune(shown.Text); len(text) > shownDifference {
			shown.Text = string(text[:shownDifference]) + "…"
		}
		return shown
	}
	for _, c := range changes {
		d := versionDifference{Name: p.FieldName(c.Pointer), Old: show(c.Pointer, c.Before), New: show(c.Pointer, c.After)}
		d.Hidden = c.Secret && d.Old == d.New
		list = append(list, d)
	}
	return list, nil
}

// versionPage is one version of a job, and what restoring it would do.
type versionPage struct {
	jobPage
	Form    form
	Version versionRow
	Words   string // the schedule of the version in words
	Changes []versionDifference
	Tag     string // the version of the job that Changes start from
}

func showVersion(v *visit) error { return v.versionPage(http.StatusOK, newForm()) }

func (v *visit) versionPage(status int, f form) (err error) {
	p := versionPage{Form: f}
	if p.jobPage, err = v.jobPage(v.pathID("id"), "changes"); err != nil {
		return err
	}
	version, former, err := v.web.service.JobVersion(v.ctx(), v.actor, p.Job.ID, v.pathID("version"))
	if err != nil {
		return err
	}
	p.Version, p.Tag = v.versionRow(&p.jobPage, version), v.web.service.Version(&p.Job.Job)
	p.Words = p.labels.Schedule(&former.Schedule, former.Timing.RunAt)
	if p.Job.Changed != nil {
		_, _, changes, err := v.web.service.CompareVersions(v.ctx(), v.actor, p.Job.ID, p.Job.Changed.Version, version.Version)
		if err != nil {
			return err
		}
		if p.Changes, err = v.differences(p.view, changes); err != nil {
			return err
		}
	}
	return v.render(status, "job-version", p)
}

func restoreVersion(v *visit) error {
	id := v.pathID("id")
	err := v.web.service.Admit(v.ctx(), v.actor, service.UseRestoreVersion)
	if err == nil {
		var only service.Precondition
		if tag := v.form("tag"); tag != "" {
			only = func(version string) bool { return version == tag }
		}
		_, err = v.web.service.RestoreVersion(v.ctx(), v.actor, id, v.pathID("version"), only)
	}
	switch {
	case cron.KindOf(err) == cron.PreconditionFailed:
		return v.versionPage(http.StatusPreconditionFailed, form{Problem: v.catalogue.Label("version.changed-meanwhile")})
	case err != nil:
		return v.versionFailed(err)
	}
	return v.redirect(jobAddress(id, "/changes?done=version-restored"))
}

func forgetVersion(v *visit) error {
	id := v.pathID("id")
	err := v.web.service.Admit(v.ctx(), v.actor, service.UseForgetVersion)
	if err == nil {
		err = v.web.service.ForgetVersion(v.ctx(), v.actor, id, v.pathID("version"))
	}
	if err != nil {
		return v.versionFailed(err)
	}
	return v.redirect(jobAddress(id, "/changes?done=version-forgotten"))
}

// versionFailed shows the version again with why a form was refused.
func (v *visit) versionFailed(err error) error {
	f, status, err := v.rejected(err)
	if err != nil {
		return err
	}
	return v.versionPage(status, f)
}
