package web

import (
	"net/http"

	"punctual/internal/statuspage"
)

// statusNowPage shows how everything on a status page is, as visitors see it.
type statusNowPage struct {
	statusPage
	Problem   string // why a form was refused; empty for none
	Untouched bool   // nothing can be shown yet
}

func showStatusPage(v *visit) error { return v.statusNowPage(http.StatusOK, "") }

func (v *visit) statusNowPage(status int, problem string) error {
	p := statusNowPage{Problem: problem}
	var err error
	if p.statusPage, err = v.statusPage(""); err != nil {
		return err
	}
	p.Untouched = len(p.Status.Components) == 0
	return v.render(status, "status-page", p)
}

func publishStatusPage(v *visit) error { return v.setPublished(true, "status-published") }

func unpublishStatusPage(v *visit) error { return v.setPublished(false, "status-unpublished") }

func (v *visit) setPublished(published bool, done string) error {
	id := v.pathID("id")
	err := v.web.service.ChangeStatusPage(v.ctx(), v.actor, id, func(p *statuspage.Page) { p.Published = published })
	if err != nil {
		f, status, err := v.rejected(err)
		if err != nil {
			return err
		}
		return v.statusNowPage(status, f.Problem)
	}
	return v.after(statusAddress(id, ""), done)
}
