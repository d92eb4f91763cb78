package web

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/statuspage"
)

// statusSettingsPage changes what a status page is, beside its components.
type statusSettingsPage struct {
	statusPage
	Form       form
	LogoForm   form
	DeleteForm form
	Zones      []string
	Languages  []*message.Catalogue
	Logos      []statusLogo
}

// statusLogo is one of the two pictures of a status page.
type statusLogo struct {
	Dark  bool
	Label string
	Path  string // of the picture; empty when there is none
}

// Spans are the lengths of the history that can be shown, in days.
func (statusSettingsPage) Spans() []string { return statuspage.DayChoices }

// chosen is the number of a choice by its name; one that does not exist for a name that is unknown.
func chosen(names []string, name string) int {
	if i := slices.Index(names, name); i >= 0 {
		return i
	}
	return len(names)
}

// statusParts are the parts of the form with the settings of a page.
var statusParts = []formPart{
	partOf("status.title", "title"), partOf("status-settings.slug", "slug"), partOf("status-settings.text", "text"), partOf("field.zone", "timezone"),
	partOf("field.language", "language"), partOf("status-settings.accent", "accent"),
	{names: []string{"theme"}, label: "field.theme", words: map[string]string{"system": "status-settings.theme-system", "light": "theme.light", "dark": "theme.dark"}},
	partOf("status-settings.days", "days"),
	{names: []string{"access"}, label: "status-settings.access", words: map[string]string{"public": "status-settings.public",
		"unlisted": "status-settings.unlisted", "password": "status-settings.password", "members": "status-settings.members"}},
	partOf("status-settings.networks", "networks"), partOf("status-settings.announcement-text", "announcement"), partOf("status-settings.until", "announcedUntil"),
	{names: []string{"withMaintenance"}, label: "status-settings.with-maintenance", words: yesNo, kept: "form.no"},
}

// statusForm is the form with the settings of a page. Times are those of a zone.
func statusForm(s *statuspage.Page, zone *time.Location) form {
	f := newForm("title", s.Title, "slug", s.Slug, "text", s.Text, "timezone", s.Timezone, "language", s.Language, "accent", s.Accent,
		"theme", statuspage.ThemeNames[s.Theme], "days", strconv.Itoa(s.Days), "access", statuspage.AccessNames[s.Access],
		"networks", strings.Join(s.Networks, "\n"), "announcement", s.Announcement, "announcedUntil", localTimeText(s.AnnouncedUntil, zone))
	if s.WithMaintenance {
		f.values.Set("withMaintenance", "1")
	}
	return f
}

func showStatusSettings(v *visit) error { return v.statusSettings(http.StatusOK, statusSettingsPage{}) }

// statusSettings shows the page with the forms of p; those that were not sent hold what is stored.
func (v *visit) statusSettings(status int, p statusSettingsPage) (err error) {
	if p.statusPage, err = v.statusPage("/settings"); err != nil {
		return err
	}
	if p.Form.values == nil {
		p.Form = statusForm(&p.Status, p.zone).showing(statusParts)
	}
	p.Zones, p.Languages = cron.ZoneNames(), message.Languages()
	for _, dark := range []bool{false, true} {
		logo := statusLogo{Dark: dark, Label: v.catalogue.Label("status-settings.logo-light")}
		address := p.Path("/logo")
		if dark {
			logo.Label, address = v.catalogue.Label("status-settings.logo-dark"), address+"?dark=1"
		}
		if p.Status.Logos[0] && !dark || p.Status.Logos[1] && dark {
			logo.Path = address
		}
		p.Logos = append(p.Logos, logo)
	}
	return v.render(status, "status-settings", p)
}

// statusFields are the fields of the form, named as in the problems of a page.
var statusFields = []string{"title", "slug", "text", "timezone", "language", "accent", "theme", "days", "access", "password", "networks",
	"announcement", "announcedUntil"}

func changeStatusSettings(v *visit) error {
	var c cron.Checker
	until := v.localTime("announcedUntil", &c)
	err := c.Err()
	if err == nil {
		zone := v.plainView().zone
		err = v.changeStatus(func(p *statuspage.Page) error {
			err := v.compare(statusParts, statusForm(p, zone))
			until = v.localTime("announcedUntil", &c) // which may be that of others now
			return err
		}, func(p *statuspage.Page) bool { v.fillStatusPage(p, until); return true })
	}
	if f, changed := changedOf(err); changed {
		return v.statusSettings(http.StatusConflict, statusSettingsPage{Form: v.withoutPassword(f)})
	}
	if err != nil {
		f, status, err := v.rejected(fieldsOf(err, "networks"), statusFields...)
		if err != nil {
			return err
		}
		return v.statusSettings(status, statusSettingsPage{Form: v.withoutPassword(f)})
	}
	return v.after(statusAddress(v.pathID("id"), "/settings"), "saved")
}

// withoutPassword is a form that is shown again, which says that a password that was typed is not in it.
func (v *visit) withoutPassword(f form) form {
	if f.Value("password") == "" || f.Error("password") != "" {
		return f
	}
	if f.errors == nil {
		f.errors = map[string]string{}
	}
	f.errors["password"] = v.catalogue.Label("status-settings.password-again")
	return f
}

// fieldsOf moves what is wrong with an entry of a list to the field that holds the whole list.
func fieldsOf(err error, lists ...string) error {
	return cron.WithProblems(err, func(p *cron.Problem) {
		for _, list := range lists {
			if strings.HasPrefix(p.Pointer, "/"+list+"/") {
				p.Pointer = "/" + list
			}
		}
	})
}

// fillStatusPage takes the settings of a page from the form.
func (v *visit) fillStatusPage(p *statuspage.Page, until time.Time) {
	p.Title, p.Slug, p.Text = v.form("title"), strings.TrimSpace(v.form("slug")), v.form("text")
	p.Timezone, p.Language, p.Accent = strings.TrimSpace(v.form("timezone")), v.form("language"), strings.TrimSpace(v.form("accent"))
	p.Theme, p.Access = statuspage.Theme(chosen(statuspage.ThemeNames, v.form("theme"))), statuspage.Access(chosen(statuspage.AccessNames, v.form("access")))
	p.Days, _ = strconv.Atoi(v.form("days")) // 0, which is refused, for what is not a number
	p.Password, p.Networks = v.form("password"), strings.Fields(strings.ReplaceAll(v.form("networks"), ",", " "))
	p.Announcement, p.AnnouncedUntil, p.WithMaintenance = v.form("announcement"), until, v.form("withMaintenance") != ""
}

func showStatusLogo(v *visit) error {
	picture, err := v.web.service.StatusLogo(v.ctx(), v.actor, v.pathID("id"), v.r.URL.Query().Get("dark") != "")
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "image/png")
	h.Set("Content-Disposition", "attachment") // when it is opened by itself
	_, _ = v.w.Write(picture)                  // whoever is gone does not need it
	return nil
}

// changeStatusLogo takes a picture, or removes one.
func changeStatusLogo(v *visit) error {
	p, err := v.editedStatus("/settings")
	if err != nil {
		return err
	}
	id, file := p.Status.ID, []byte(nil)
	if v.form("do") != "remove" {
		file, err = v.upload("file")
	}
	if err == nil {
		err = v.web.service.SetStatusLogo(v.ctx(), v.actor, id, v.form("dark") != "", file)
	}
	if err != nil {
		f, status, err := v.rejected(err)
		if err != nil {
			return err
		}
		return v.statusSettings(status, statusSettingsPage{LogoForm: f})
	}
	return v.redirect((&url.URL{Path: statusAddress(id, "/settings"), RawQuery: "done=saved", Fragment: "logos"}).String())
}

// upload is the file in a field of a form.
func (v *visit) upload(name string) ([]byte, error) {
	missing := &cron.Error{Kind: cron.Invalid, Problems: []cron.Problem{{Rule: cron.RuleMandatory}}}
	if v.r.MultipartForm == nil {
		return nil, missing
	}
	file, _, err := v.r.FormFile(name)
	if errors.Is(err, http.ErrMissingFile) {
		return nil, missing
	}
	if err != nil {
		return nil, &cron.Error{Kind: cron.Invalid, Err: err}
	}
	defer func() { _ = file.Close() }()
	content, err := io.ReadAll(file)
	if err == nil && len(content) == 0 {
		err = missing
	}
	return content, err
}

func deleteStatusPage(v *visit) error {
	p, err := v.editedStatus("/settings")
	if err != nil {
		return err
	}
	page := &p.Status
	if strings.TrimSpace(v.form("typed")) != page.Title {
		f := newForm("typed", v.form("typed"))
		f.errors = map[string]string{"typed": v.catalogue.Label("status-settings.typed-wrong")}
		return v.statusSettings(http.StatusUnprocessableEntity, statusSettingsPage{DeleteForm: f})
	}
	if err := v.web.service.DeleteStatusPage(v.ctx(), v.actor, page.ID, nil); err != nil {
		f, status, err := v.rejected(err)
		if err != nil {
			return err
		}
		return v.statusSettings(status, statusSettingsPage{DeleteForm: f})
	}
	return v.after(pathStatus, "removed")
}
