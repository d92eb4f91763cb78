package web

import (
	"net/http"
	"net/url"
)

func (w *web) statusVisitRoutes() []route {
	return []route{{"GET", pathVisit + "{slug}", signedIn, visitStatusPage}}
}

// visitStatusPage leads a member of the account of a status page to it, or to a domain of it, with a pass: also to a draft, and to a page
// for members only.
func visitStatusPage(v *visit) error {
	slug, host := v.r.PathValue("slug"), v.r.URL.Query().Get("host")
	pass, err := v.web.service.StatusPass(v.ctx(), v.actor, slug, host)
	if err != nil {
		return err
	}
	query := "/enter?" + url.Values{"pass": {pass}}.Encode()
	if host == "" {
		return v.redirect(visitors + url.PathEscape(slug) + query)
	}
	p := statusVisitPage{Host: host, Address: v.domainAddress(host, query)}
	if p.view, err = v.view(""); err != nil {
		return err
	}
	// Not a redirect: after the form of a sign-in, browsers would not follow it to another site (form-action of the policy).
	v.w.Header().Set("Refresh", "0; url="+p.Address)
	return v.render(http.StatusOK, "status-visit", p)
}

// statusVisitPage leads on to a domain of a status page.
type statusVisitPage struct {
	view
	Host    string
	Address string
}
