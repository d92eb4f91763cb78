package public

import (
	"bytes"
	"cmp"
	"fmt"
	"html/template"
	"net"
	"net/url"
	"strconv"
	"time"

	"punctual/internal/cron"
	"punctual/internal/markdown"
	"punctual/internal/message"
	"punctual/internal/statuspage"
)

// frame is what every page needs. Page data embed it.
type frame struct {
	Lang    string
	Theme   string // "light" or "dark"; empty for that of the visitor
	Accent  string // the address of a stylesheet with the colour of the page; empty for that of the product
	Heading string // title of the status page; empty where it is not told
	Home    string // path below which the pages of the status page are; empty on a domain of its own, and where it is not told
	Logo    string // addresses; empty for none
	Dark    string
	Preview bool // the page is not published
	Stale   bool // the database does not answer
	At      time.Time
	State   statuspage.State // of the whole page, for its icon
	Robots  bool             // search engines may know the page

	Canonical string // the address at which search engines are to know the page; empty for this one

	labels *message.Catalogue
	zone   *time.Location
}

// plainFrame is the frame of a page that tells nothing of a status page.
func (v *visit) plainFrame() frame {
	return frame{Lang: v.catalogue.Tag, labels: v.catalogue, zone: time.UTC, State: statuspage.Unknown}
}

// frame is that of a page that the visitor may read.
func (v *visit) frame() frame {
	view := &v.shown.view
	p := &view.Page
	f := v.plainFrame()
	f.Heading, f.Home, f.zone, f.At = p.Title, v.home(), zoneOf(view), view.At
	f.Preview, f.Stale, f.State, f.Robots = !v.shown.door.Published, v.shown.stale, statuspage.StateOf(p.Components), v.indexed()
	switch p.Theme {
	case statuspage.ThemeLight:
		f.Theme = "light"
	case statuspage.ThemeDark:
		f.Theme = "dark"
	}
	f.Accent = v.static.accent(p.Accent)
	query := "?v=" + strconv.FormatInt(p.Version, 36)
	if view.Logo {
		f.Logo = f.Home + "/logo" + query
	}
	if view.DarkLogo {
		f.Dark = f.Home + "/logo/dark" + query
	}
	if f.Logo == "" || f.Theme == "dark" && f.Dark != "" {
		f.Logo, f.Dark = cmp.Or(f.Dark, f.Logo), ""
	}
	if f.Theme == "light" {
		f.Dark = ""
	}
	return f
}

// Top is the path of the status page itself.
func (f frame) Top() string { return cmp.Or(f.Home, "/") }

// home is the path below which the pages of the status page are: nothing on a domain of its own.
func (v *visit) home() string {
	if v.domain != "" {
		return ""
	}
	return root + v.slug
}

// top is the path of the status page itself.
func (v *visit) top() string { return cmp.Or(v.home(), "/") }

// canonical is the address of a part of a page, such as "/incidents/1", at the domain where the page is at home; empty without one.
func (v *visit) canonical(part string) string {
	if v.shown.view.Domain == "" {
		return ""
	}
	return v.domainURL(v.shown.view.Domain) + part
}

// domainURL is the address of a domain: it is reached as the service itself is, by the same scheme and port.
func (s *Server) domainURL(host string) string {
	u, err := url.Parse(s.publicURL)
	if err != nil || u.Host == "" {
		return "https://" + host
	}
	if port := u.Port(); port != "" {
		host = net.JoinHostPort(host, port)
	}
	return u.Scheme + "://" + host
}

// zoneOf is the time zone of a page.
func zoneOf(view *statuspage.View) *time.Location {
	zone, err := cron.LoadZone(cmp.Or(view.Page.Timezone, "UTC"))
	if err != nil {
		return time.UTC // data of zones that lack one
	}
	return zone
}

func (f *frame) label(key string, arguments ...any) string { return f.labels.Label(key, arguments...) }

// Time shows an instant in the zone of the page.
func (f frame) Time(at time.Time) template.HTML {
	return template.HTML(`<time datetime="` + at.UTC().Format("2006-01-02T15:04:05Z") + `">` +
		template.HTMLEscapeString(f.labels.Brief(at.In(f.zone))) + `</time>`)
}

// Day shows the day of an instant in the zone of the page.
func (f frame) Day(at time.Time) string { return f.labels.PlainDay(at.In(f.zone)) }

// Markdown shows what people of the account wrote.
func (frame) Markdown(text string) template.HTML { return markdown.HTML(text) }

// Class is the class of what shows a state.
func (frame) Class(s statuspage.State) string { return stateClass(s) }

// Word is the name of a state.
func (f frame) Word(s statuspage.State) string { return f.stateWord(s) }

// Phase is the name of a phase of an incident.
func (f frame) Phase(p statuspage.Phase) string { return f.label(phaseLabels[p]) }

// Count shows a number.
func (f frame) Count(n int64) string { return f.labels.Number(n) }

// Short shows a duration.
func (f frame) Short(d time.Duration) string { return f.labels.Short(d) }

// Favicon is the address of the icon that tells the state of the page.
func (f frame) Favicon() string { return iconNames[f.State] }

// The names of states, and those of their classes and icons, which are short since pages hold them hundreds of times.
var (
	stateLabels = [statuspage.StateCount]string{"status.unknown", "status.operational", "status.degraded", "status.partial", "status.major", "status.maintenance"}
	classes     = [statuspage.StateCount]string{"u", "o", "d", "p", "m", "w"}
	iconNames   = [statuspage.StateCount]string{"unknown.svg", "operational.svg", "degraded.svg", "partial.svg", "major.svg", "maintenance.svg"}
	phaseLabels = [statuspage.PhaseCount]string{"public.investigating", "public.identified", "public.monitoring", "public.resolved"}
)

func stateClass(s statuspage.State) string { return classes[s] }

func (f *frame) stateWord(s statuspage.State) string { return f.label(stateLabels[s]) }

// execute renders a template in the language of the visit.
func (v *visit) execute(name string, data any) ([]byte, error) {
	var b bytes.Buffer
	if err := v.templates[v.catalogue.Tag].execute(&b, name, data); err != nil {
		return nil, fmt.Errorf("render the page %s: %w", name, err)
	}
	return b.Bytes(), nil
}

// html is the rendering of a page for everybody who may read it.
func (v *visit) html(key, name string, data func() (any, error)) error {
	r, err := v.shown.render(v.ctx(), key+" "+v.catalogue.Tag+" "+v.domain, func() (string, []byte, error) {
		d, err := data()
		if err != nil {
			return "", nil, err
		}
		body, err := v.execute(name, d)
		return "text/html; charset=utf-8", body, err
	})
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Language", v.catalogue.Tag)
	return v.send(r)
}
