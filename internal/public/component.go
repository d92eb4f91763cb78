package public

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// componentPage is a component with each of its days.
type componentPage struct {
	frame
	Path    string
	Card    componentCard
	Since   time.Time
	Formula string
	Uptimes []uptimeLine
	Days    []dayLine // the newest first
}

// uptimeLine is an uptime of the time until now.
type uptimeLine struct {
	Label, Uptime string
}

type dayLine struct {
	Day    time.Time
	State  statuspage.State
	Says   string
	Uptime string
}

// component finds that of the path.
func (v *visit) component() (*statuspage.Component, error) {
	components := v.shown.view.Page.Components
	id, ok := v.pathID()
	at := slices.IndexFunc(components, func(c statuspage.Component) bool { return c.ID == id })
	if !ok || at < 0 {
		return nil, cron.Missing(cron.SubjectNone)
	}
	return &components[at], nil
}

// showComponent answers with the days of a component.
func showComponent(v *visit) error {
	return v.entered(func() error {
		c, err := v.component()
		if err != nil {
			return err
		}
		return v.html("component "+strconv.FormatInt(c.ID, 10), "component", func() (any, error) { return v.componentPage(c), nil })
	})
}

func (v *visit) componentPage(c *statuspage.Component) *componentPage {
	h := cmp.Or(histories(&v.shown.view)[c.ID], new(statuspage.History))
	page := &v.shown.view.Page
	p := &componentPage{frame: v.frame(), Since: c.Since}
	p.Canonical = v.canonical(componentPath("", c.ID))
	p.Path, p.Card, p.Formula = componentPath(p.Home, c.ID), p.componentCard(c, h, page), p.formula(page)
	for _, last := range []struct {
		label string
		d     *statuspage.Durations
	}{{"public.last-day", &h.Last24h}, {"public.last-week", &h.Last7}, {"public.last-month", &h.Last30}, {"public.last-quarter", &h.Last90}} {
		p.Uptimes = append(p.Uptimes, uptimeLine{p.label(last.label), p.percentOf(last.d, page.WithMaintenance)})
	}
	for i := len(h.Days) - 1; i >= 0; i-- {
		d := &h.Days[i].States
		says, _ := p.troublesText(d)
		p.Days = append(p.Days, dayLine{h.Days[i].Start, stateOf(d), says, p.percentOf(d, page.WithMaintenance)})
	}
	return p
}

// percentOf is an uptime as tables show it.
func (f *frame) percentOf(d *statuspage.Durations, withMaintenance bool) string {
	if share, ok := d.Uptime(withMaintenance); ok {
		return f.labels.Percent(share)
	}
	return "–"
}

// The chart of response times.
const (
	chartWidth  = 720
	chartHeight = 160
)

// spans are how many days a chart can have.
var spans = []int{1, 7, 30}

// timesPage shows response times over time.
type timesPage struct {
	frame
	Title  string
	Path   string // of the component
	Days   int
	Spans  []spanLink
	Top    string // the duration at the upper edge of the chart
	Median string // points of the line
	Worst  string
	Rows   []statuspage.ResponseTime // the newest first
}

type spanLink struct {
	Days   int
	Path   string
	Chosen bool
}

// showTimes answers with the response times of a component, for those who ask.
func showTimes(v *visit) error {
	return v.entered(func() error {
		c, err := v.component()
		if err != nil {
			return err
		}
		days := spans[0]
		for _, n := range spans {
			if v.r.URL.Query().Get("days") == strconv.Itoa(n) {
				days = n
			}
		}
		return v.html("times "+strconv.FormatInt(c.ID, 10)+" "+strconv.Itoa(days), "times", func() (any, error) {
			from := v.shown.view.At.Add(-time.Duration(days) * 24 * time.Hour)
			ctx, cancel := v.reading()
			defer cancel()
			rows, err := v.pages.StatusResponseTimes(ctx, v.shown.view.Page.ID, c.ID, from)
			if err != nil {
				return nil, err
			}
			return v.timesPage(c, rows, days, from), nil
		})
	})
}

func (v *visit) timesPage(c *statuspage.Component, rows []statuspage.ResponseTime, days int, from time.Time) *timesPage {
	p := &timesPage{frame: v.frame(), Title: c.Title, Days: days}
	p.Path = componentPath(p.Home, c.ID)
	for _, n := range spans {
		p.Spans = append(p.Spans, spanLink{n, p.Path + "/times?days=" + strconv.Itoa(n), n == days})
	}
	top := time.Duration(0)
	for i := range rows {
		top = max(top, rows[i].Worst)
	}
	if top == 0 {
		return p
	}
	p.Top = p.Short(top)
	length := v.shown.view.At.Sub(from)
	var median, worst []byte
	point := func(line []byte, at, took time.Duration) []byte {
		x := int(float64(at) / float64(length) * chartWidth)
		y := chartHeight - int(float64(took)/float64(top)*chartHeight)
		return append(strconv.AppendInt(append(strconv.AppendInt(line, int64(x), 10), ','), int64(y), 10), ' ')
	}
	for i := range rows {
		at := rows[i].From.Sub(from)
		median, worst = point(median, at, rows[i].Median), point(worst, at, rows[i].Worst)
	}
	p.Median, p.Worst = string(median), string(worst)
	p.Rows = slices.Clone(rows)
	slices.Reverse(p.Rows)
	return p
}
