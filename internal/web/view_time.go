package web

import (
	"cmp"
	"html/template"
	"net/http"
	"time"

	"punctual/internal/cron"
	"punctual/internal/service"
)

func (w *web) timeRoutes() []route {
	return []route{
		{"POST", root + "/times", signedIn, chooseTimes},
		{"POST", root + "/theme", signedIn, chooseTheme},
	}
}

// In whose zone times are shown, as a cookie of the browser says.
const (
	timesMine = "mine"
	timesJob  = "job" // where a time belongs to a job; others as timesMine
	timesUTC  = "utc"
)

// timesCookie is the name of the cookie with the choice, which is no secret.
const timesCookie = "times"

// timesKept is how long a browser remembers the choice.
const timesKept = 365 * 24 * time.Hour

// chosenTimes is the choice of the browser.
func (v *visit) chosenTimes() string {
	if c, err := v.r.Cookie(v.cookieName(timesCookie)); err == nil && (c.Value == timesJob || c.Value == timesUTC) {
		return c.Value
	}
	return timesMine
}

// chooseTimes remembers in whose zone times are shown.
func chooseTimes(v *visit) error {
	choice := v.form("times")
	if choice != timesJob && choice != timesUTC {
		choice = timesMine
	}
	v.setCookie(timesCookie, choice, v.web.now().Add(timesKept))
	return v.redirect(v.next())
}

// chooseTheme changes the appearance that the person has chosen.
func chooseTheme(v *visit) error {
	theme := v.form("theme")
	if _, err := v.web.service.ChangeProfile(v.ctx(), v.actor, service.ProfileChange{Theme: &theme}); err != nil {
		return err
	}
	return v.redirect(v.next())
}

// choice is an entry of a menu that is a form.
type choice struct {
	Value, Label string
	Chosen       bool
}

// TimesChoices are the choices of zones.
func (p view) TimesChoices() []choice {
	t := p.labels.Label
	return []choice{
		{timesMine, t("times.mine", "zone", p.mine.String()), p.times == timesMine},
		{timesJob, t("times.job"), p.times == timesJob},
		{timesUTC, t("times.utc"), p.times == timesUTC},
	}
}

// TimesChosen is the choice in short.
func (p view) TimesChosen() string {
	switch p.times {
	case timesJob:
		return p.labels.Label("times.short-job")
	case timesUTC:
		return p.labels.Label("times.short-utc")
	}
	return p.now.In(p.mine).Format("MST")
}

// ThemeChoices are the appearances.
func (p view) ThemeChoices() []choice {
	t := p.labels.Label
	return []choice{
		{"", t("theme.system"), p.Theme == ""}, {"light", t("theme.light"), p.Theme == "light"}, {"dark", t("theme.dark"), p.Theme == "dark"},
	}
}

// Time shows an instant in the chosen zone. The exact one is its tooltip.
func (p view) Time(at time.Time) template.HTML { return p.time(at, p.zone, "2006-01-02 15:04 MST") }

// Second shows an instant with its second.
func (p view) Second(at time.Time) template.HTML {
	return p.time(at, p.zone, "2006-01-02 15:04:05 MST")
}

// TimeIn shows an instant that belongs to a job in the chosen zone, which may be that of the job.
func (p view) TimeIn(at time.Time, zone string) template.HTML {
	return p.time(at, p.zoneOf(zone), "2006-01-02 15:04 MST")
}

// SecondIn is TimeIn with the second.
func (p view) SecondIn(at time.Time, zone string) template.HTML {
	return p.time(at, p.zoneOf(zone), "2006-01-02 15:04:05 MST")
}

// zoneOf is the zone in which times of a job are shown.
func (p view) zoneOf(name string) *time.Location {
	if p.times == timesJob {
		if zone, err := cron.LoadZone(cmp.Or(name, "UTC")); err == nil {
			return zone
		}
	}
	return p.zone
}

func (p view) time(at time.Time, zone *time.Location, layout string) template.HTML {
	if at.IsZero() {
		return template.HTML(template.HTMLEscapeString(p.labels.Label("time.never")))
	}
	return timeElement(at, "", at.In(zone).Format(layout))
}

// Ago shows how far an instant is from now; scripts count it on. The exact instant is its tooltip.
func (p view) Ago(at time.Time) template.HTML {
	if at.IsZero() {
		return template.HTML(template.HTMLEscapeString(p.labels.Label("time.never")))
	}
	return timeElement(at, " data-relative", p.labels.Relative(at.Sub(p.now)))
}

func timeElement(at time.Time, attribute, text string) template.HTML {
	at = at.UTC()
	return template.HTML(`<time datetime="` + at.Format("2006-01-02T15:04:05.999Z07:00") + `" title="` +
		at.Format("2006-01-02 15:04:05.999") + ` UTC"` + attribute + `>` + template.HTMLEscapeString(text) + `</time>`)
}

// Duration shows a duration, such as "1.24 s".
func (p view) Duration(d time.Duration) string { return p.labels.Short(d) }

// Count shows a number of things, such as "12,345".
func (p view) Count(n any) string {
	switch n := n.(type) {
	case int:
		return p.labels.Number(int64(n))
	case int64:
		return p.labels.Number(n)
	}
	return ""
}

// Bytes shows a number of bytes, such as "3.4 KiB".
func (p view) Bytes(n any) string {
	switch n := n.(type) {
	case int:
		return p.labels.Size(int64(n))
	case int64:
		return p.labels.Size(n)
	}
	return ""
}

// setTimes sets how a page shows times.
func (v *visit) setTimes(p *view) {
	p.now, p.mine, p.times = v.web.now(), time.UTC, v.chosenTimes()
	if v.actor.Person != nil {
		if zone, err := cron.LoadZone(cmp.Or(v.actor.Person.Zone, "UTC")); err == nil {
			p.mine = zone
		}
	}
	p.zone = p.mine
	if p.times == timesUTC {
		p.zone = time.UTC
	}
}

// address is that of the page for links and parts of it: that of the request, or that of the page whose form was sent.
func (v *visit) address() string {
	if v.r.Method == http.MethodGet {
		return localPath(v.r.URL.RequestURI())
	}
	return v.here()
}
