package web

import "net/http"

const pathService = root + "/settings/service"

func (w *web) serviceRoutes() []route {
	return []route{
		{"GET", pathService, signedIn, showService},
		{"POST", pathService + "/test-mail", signedIn, testMail},
	}
}

// Fact is a setting of the service that is in effect.
type Fact struct{ Label, Value string }

// servicePage shows operators the settings of the service, which are those of its command line.
type servicePage struct {
	view
	Form  form
	Facts []Fact
	Mail  bool
	Sent  string // the address to which a test mail was just sent
}

func showService(v *visit) error { return v.servicePage(http.StatusOK, servicePage{}) }

func (v *visit) servicePage(status int, p servicePage) error {
	var err error
	if p.view, err = v.view("service"); err != nil {
		return err
	}
	if !p.Person.Operator {
		return errOperatorOnly
	}
	p.Facts, p.Mail = v.web.about, v.web.service.Features().Mail
	if p.Form.values == nil {
		p.Form = newForm("to", p.Person.Email)
	}
	return v.render(status, "service", p)
}

func testMail(v *visit) error {
	if err := v.web.service.TestMail(v.ctx(), v.actor, v.form("to")); err != nil {
		f, status, err := v.rejected(err, "to")
		if err != nil {
			return err
		}
		return v.servicePage(status, servicePage{Form: f})
	}
	return v.servicePage(http.StatusOK, servicePage{Sent: v.form("to")})
}
