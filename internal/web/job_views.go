package web

import (
	"net/http"
	"net/url"

	"punctual/internal/cron"
)

const pathViews = root + "/views"

func (w *web) jobViewRoutes() []route {
	return []route{
		{"GET", pathViews, signedIn, showViews},
		{"POST", pathViews, signedIn, saveView},
		{"GET", pathViews + "/{id}", signedIn, showView},
		{"POST", pathViews + "/{id}", signedIn, renameView},
		{"POST", pathViews + "/{id}/delete", signedIn, deleteView},
	}
}

// viewsPage lists the views of the person: searches of jobs with a name.
type viewsPage struct {
	view
	Form  form // of a view that could not be saved
	Views []viewRow
}

// viewRow is a view with its search as a text.
type viewRow struct {
	cron.JobView
	Text string
}

func showViews(v *visit) error { return v.viewsPage(http.StatusOK, newForm()) }

func (v *visit) viewsPage(status int, f form) error {
	p := viewsPage{Form: f}
	var err error
	if p.view, err = v.view("jobs"); err != nil {
		return err
	}
	views, err := v.web.service.Views(v.ctx(), v.actor)
	if err != nil {
		return err
	}
	names := cron.JobSearchNames{Now: v.web.now(), Zone: p.mine}
	if names.Folders, err = v.web.service.Folders(v.ctx(), v.actor); err != nil {
		return err
	}
	for _, view := range views {
		p.Views = append(p.Views, viewRow{view, cut(cron.FormatJobSearch(&view.Filter, &names), shownSearch)})
	}
	return v.render(status, "views", p)
}

// shownSearch is how many characters of the search of a view the list shows.
const shownSearch = 120

// saveView saves the search of a list under a name.
func saveView(v *visit) error {
	names := cron.JobSearchNames{Now: v.web.now(), Zone: v.plainView().mine}
	var err error
	if names.Folders, err = v.web.service.Folders(v.ctx(), v.actor); err != nil {
		return err
	}
	s, err := readJobSearch(url.Values{"q": {v.form("q")}, "sort": {v.form("sort")}}, nil, &names)
	saved := cron.JobView{Title: v.form("title"), Filter: s.Filter, Sort: s.Sort, Descending: s.Descending}
	if err == nil {
		err = v.web.service.AddView(v.ctx(), v.actor, &saved)
	}
	if err != nil {
		f, status, err := v.rejected(err, "title", "q")
		if err != nil {
			return err
		}
		return v.viewsPage(status, f)
	}
	list := jobSearch{View: saved.ID, Sort: saved.Sort, Descending: saved.Descending}
	return v.redirect(pathJobs + "?" + list.Query() + "&done=view-saved")
}

// viewPage changes one view.
type viewPage struct {
	view
	Form  form
	Saved cron.JobView
}

func showView(v *visit) error {
	found, err := v.findView()
	if err != nil {
		return err
	}
	return v.viewPage(http.StatusOK, found, newForm("title", found.Title))
}

func (v *visit) viewPage(status int, found cron.JobView, f form) error {
	p := viewPage{Form: f, Saved: found}
	var err error
	if p.view, err = v.view("jobs"); err != nil {
		return err
	}
	return v.render(status, "view", p)
}

// findView reads the view that the path names.
func (v *visit) findView() (cron.JobView, error) {
	views, err := v.web.service.Views(v.ctx(), v.actor)
	if err != nil {
		return cron.JobView{}, err
	}
	for _, view := range views {
		if view.ID == v.pathID("id") {
			return view, nil
		}
	}
	return cron.JobView{}, cron.Missing(cron.SubjectView)
}

func renameView(v *visit) error {
	found, err := v.findView()
	if err != nil {
		return err
	}
	err = v.web.service.ChangeView(v.ctx(), v.actor, found.ID, func(to *cron.JobView) { to.Title = v.form("title") })
	if err != nil {
		f, status, err := v.rejected(err, "title")
		if err != nil {
			return err
		}
		return v.viewPage(status, found, f)
	}
	return v.after(pathViews, "saved")
}

func deleteView(v *visit) error {
	if err := v.web.service.DeleteView(v.ctx(), v.actor, v.pathID("id")); err != nil {
		return err
	}
	return v.after(pathViews, "view-deleted")
}
