package web

import "net/url"

func (w *web) statusVisitRoutes() []route {
	return []route{{"GET", pathVisit + "{slug}", signedIn, visitStatusPage}}
}

// visitStatusPage leads a member of the account of a status page to it, with a pass: also to a draft, and to a page for members only.
func visitStatusPage(v *visit) error {
	slug := v.r.PathValue("slug")
	pass, err := v.web.service.StatusPass(v.ctx(), v.actor, slug)
	if err != nil {
		return err
	}
	return v.redirect(visitors + url.PathEscape(slug) + "/enter?" + url.Values{"pass": {pass}}.Encode())
}
