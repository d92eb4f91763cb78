package web

import (
	"cmp"
	"html/template"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"punctual/internal/cron"
	"punctual/internal/markdown"
	"punctual/internal/service"
)

// jobOverviewPage is the first tab of a job's page.
type jobOverviewPage struct {
	jobPage
	Report  service.JobReport
	Days    []jobDay
	Total   jobDay // of all Days
	Span    int    // days
	Spans   []chip
	Runs    []cron.HistoryRecord // the latest ones
	Coming  nextRuns
	Runbook template.HTML // the description of the job
	Cut     bool          // Runbook is the beginning of the description
	Shown   []statusLink  // the status pages that show how the job is
}

// Bounds of what the overview shows.
const (
	latestRuns   = 5
	runbookShown = 2000 // bytes of the description; the rest is behind a link
)

// jobDay is what was due on one day.
type jobDay struct {
	From, To                        time.Time
	Good, Bad, Other                int64 // occurrences: succeeded; failed or lost; missed or skipped
	Missed, Skipped, Lost, Failed   int64
	Count                           int64
	Median, High, LateMedian, LateP int64 // microseconds; -1 for none
	Path                            string
}

// dayOf is a day of a report.
func dayOf(s *service.StatsStep, to time.Time) jobDay {
	d := jobDay{From: s.From, To: to, Median: -1, High: -1, LateMedian: -1, LateP: -1}
	o := &s.Occurrences
	d.Good, d.Failed, d.Lost = o[cron.OutcomeSucceeded], o[cron.OutcomeFailed], o[cron.OutcomeLost]
	d.Missed, d.Skipped = o[cron.OutcomeMissed], o[cron.OutcomeSkipped]
	d.Bad, d.Other = d.Failed+d.Lost, d.Missed+d.Skipped
	d.Count = d.Good + d.Bad + d.Other
	if s.Duration.Count() > 0 {
		d.Median, d.High = s.Duration.Quantile(0.5).Microseconds(), s.Duration.Quantile(0.95).Microseconds()
		d.LateMedian, d.LateP = s.Lateness.Quantile(0.5).Microseconds(), s.Lateness.Quantile(0.99).Microseconds()
	}
	return d
}

// jobOverview answers with the first tab. refused says why a form of the page was refused.
func (v *visit) jobOverview(status int, jobID int64, refused string) (err error) {
	p := jobOverviewPage{Span: 30}
	if p.jobPage, err = v.jobPage(jobID, "overview"); err != nil {
		return err
	}
	p.Refused, p.Whole = refused, true
	j := &p.Job
	if p.Report, err = v.web.service.JobReport(v.ctx(), p.now, v.actor, &j.Job, p.zoneOf(j.Schedule.Timezone)); err != nil {
		return err
	}
	if v.r.URL.Query().Get("days") == "90" {
		p.Span = service.ReportDays
	}
	p.setDays()
	page, err := v.web.service.SearchHistory(v.ctx(), v.actor, &cron.HistoryQuery{Filter: cron.HistoryFilter{JobID: jobID}, Limit: latestRuns})
	if err != nil {
		return err
	}
	p.Runs = page.Records
	p.Coming = v.nextRuns(p.Report.Coming, j.Schedule.Timezone)
	p.setRunbook(v.r.URL.Query().Get("runbook") == "all")
	if p.Shown, err = v.statusLinks(jobID); err != nil {
		return err
	}
	return v.render(status, "job", p)
}

// setDays takes the days of the span out of the report.
func (p *jobOverviewPage) setDays() {
	steps := p.Report.Days
	for i := max(0, len(steps)-p.Span); i < len(steps); i++ {
		to := p.now
		if i+1 < len(steps) {
			to = steps[i+1].From
		}
		d := dayOf(&steps[i], to)
		d.Path = p.runsOf(d.From, d.To)
		p.Days = append(p.Days, d)
		t := &p.Total
		t.Good, t.Bad, t.Other, t.Count = t.Good+d.Good, t.Bad+d.Bad, t.Other+d.Other, t.Count+d.Count
		t.Missed, t.Skipped, t.Lost, t.Failed = t.Missed+d.Missed, t.Skipped+d.Skipped, t.Lost+d.Lost, t.Failed+d.Failed
	}
	if n := len(p.Days); n > 0 {
		p.Total.From, p.Total.To = p.Days[0].From, p.Days[n-1].To
		p.Total.Path = p.runsOf(p.Total.From, p.Total.To)
	}
	for _, days := range []int{30, service.ReportDays} {
		if days > 30 && len(steps) <= 30 {
			break // no more are kept
		}
		path := p.Path("")
		if days != 30 {
			path += "?days=" + strconv.Itoa(days)
		}
		p.Spans = append(p.Spans, chip{Path: path, Label: p.labels.Label("job.days", "count", min(days, len(steps))), Set: days == p.Span})
	}
}

// runsOf is the address of the runs of a span, perhaps with some outcomes.
func (p *jobOverviewPage) runsOf(from, to time.Time, outcomes ...string) string {
	q := url.Values{"from": {strconv.FormatInt(from.Unix(), 10)}, "to": {strconv.FormatInt(to.Unix(), 10)}, "outcome": outcomes}
	return p.Path("/runs?" + q.Encode())
}

// RunsWith is the address of the runs of all days with an outcome.
func (p jobOverviewPage) RunsWith(outcomes ...string) string {
	return p.runsOf(p.Total.From, p.Total.To, outcomes...)
}

// setRunbook renders the description of the job, or its beginning.
func (p *jobOverviewPage) setRunbook(whole bool) {
	text := p.Job.Description
	if !whole && len(text) > runbookShown {
		text, p.Cut = text[:runbookShown], true
		if i := strings.LastIndexByte(text, '\n'); i > runbookShown/2 {
			text = text[:i]
		}
		text = strings.ToValidUTF8(text, "")
	}
	p.Runbook = template.HTML(belowSections.Replace(string(markdown.HTML(text))))
}

// belowSections makes the headings of a description stand below those of the page. Text that looks like them is escaped.
var belowSections = strings.NewReplacer("<h1>", "<h3>", "</h1>", "</h3>", "<h2>", "<h4>", "</h2>", "</h4>", "<h3>", "<h5>", "</h3>", "</h5>",
	"<h4>", "<h6>", "</h4>", "</h6>", "<h5>", "<h6>", "</h5>", "</h6>")

// jobBar is a part of the bars of days, in the coordinates of an image whose days are barStep wide and barHeight high.
type jobBar struct {
	X, Y, Height int
	Class        string
}

// The size of the bars.
const (
	barStep   = 12
	barWidth  = 10
	barHeight = 48
)

// dayColumn is the bar of a day.
type dayColumn struct {
	Path, Label string
	X           int
	Parts       []jobBar
}

// Columns are the bars of the days. What is not good is at least visible.
func (p jobOverviewPage) Columns() (columns []dayColumn) {
	most := int64(1)
	for i := range p.Days {
		most = max(most, p.Days[i].Count)
	}
	for i := range p.Days {
		d := &p.Days[i]
		c := dayColumn{Path: d.Path, X: i * barStep, Label: p.DayLabel(*d)}
		y := barHeight
		add := func(n int64, class string) {
			if n == 0 {
				return
			}
			height := min(max(int(n*barHeight/most), 3), y)
			y -= height
			c.Parts = append(c.Parts, jobBar{c.X, y, height, class})
		}
		add(d.Bad, "bad")
		add(d.Other, "warn")
		add(d.Good, "good")
		if d.Count == 0 {
			c.Parts = []jobBar{{c.X, barHeight - 1, 1, "none"}}
		}
		columns = append(columns, c)
	}
	return columns
}

// BarsWidth is the width of the image of the bars.
func (p jobOverviewPage) BarsWidth() int { return max(len(p.Days)*barStep, 1) }

// DayLabel says what became of the runs of a day.
func (p jobOverviewPage) DayLabel(d jobDay) string {
	number := func(n int64) string {
		if n == 0 {
			return ""
		}
		return p.labels.Number(n)
	}
	return p.labels.Label("job.day", "day", d.From.Format("Mon 2 Jan"), "runs", p.labels.Runs(d.Count), "failed", number(d.Failed),
		"lost", number(d.Lost), "missed", number(d.Missed), "skipped", number(d.Skipped))
}

// DayName is the name of a day.
func (jobOverviewPage) DayName(d jobDay) string { return d.From.Format("Mon 2 Jan") }

// DayDate is a day for programs.
func (jobOverviewPage) DayDate(d jobDay) string { return d.From.Format(time.DateOnly) }

// Micros is a duration in microseconds.
func (p jobOverviewPage) Micros(us int64) string {
	return p.labels.Short(time.Duration(us) * time.Microsecond)
}

// inSeconds is from which duration on a chart has seconds instead of milliseconds, in microseconds.
const inSeconds = 10_000_000

// DurationUnit is the unit of the chart of durations.
func (p jobOverviewPage) DurationUnit() string {
	return p.unit(func(d *jobDay) int64 { return d.High })
}

// LatenessUnit is the unit of the chart of lateness.
func (p jobOverviewPage) LatenessUnit() string {
	return p.unit(func(d *jobDay) int64 { return d.LateP })
}

func (p *jobOverviewPage) unit(of func(*jobDay) int64) string {
	for i := range p.Days {
		if of(&p.Days[i]) >= inSeconds {
			return "s"
		}
	}
	return "ms"
}

// Scaled is a number of microseconds in the unit of a chart.
func (jobOverviewPage) Scaled(us int64, unit string) string {
	scale := 1e3
	if unit == "s" {
		scale = 1e6
	}
	return strconv.FormatFloat(float64(us)/scale, 'f', -1, 64)
}

// Rate is the share of the runs that succeeded, in percent; empty without runs.
func (p jobOverviewPage) Rate() string {
	if p.Total.Count == 0 {
		return ""
	}
	share := float64(p.Total.Good) / float64(p.Total.Count) * 100
	if p.Total.Good < p.Total.Count && share > 99.9 {
		share = 99.9 // not 100 while one has failed
	}
	return strconv.FormatFloat(share, 'f', 1, 64) + " %"
}

// Verdict says why a run failed, or how it succeeded.
func (p jobOverviewPage) Verdict(e *cron.Execution) string {
	if e.Outcome == cron.OutcomeSucceeded {
		return p.labels.Reason(&e.Result)
	}
	return cmp.Or(p.labels.Diagnosis(&p.Report.Why), p.labels.Reason(&e.Result))
}

// Named says why a record is not the usual scheduled run; empty for one that is.
func (p jobOverviewPage) Named(r cron.HistoryRecord) string {
	switch r.KindName() {
	case "manual":
		return p.labels.Label("job.kind-manual")
	case "rerun":
		return p.labels.Label("job.kind-rerun")
	case "retry":
		return p.labels.Label("job.kind-retry")
	case "repeat":
		return p.labels.Label("job.kind-repeat")
	}
	return ""
}

// Opens tells whether a record was started, and has a page.
func (jobOverviewPage) Opens(r cron.HistoryRecord) bool {
	return r.Outcome != cron.OutcomeMissed && r.Outcome != cron.OutcomeSkipped
}

// Ended tells whether a record has a duration.
func (jobOverviewPage) Ended(r cron.HistoryRecord) bool {
	return r.Outcome == cron.OutcomeSucceeded || r.Outcome == cron.OutcomeFailed
}

// TagQuery is the search for jobs with a tag.
func (jobOverviewPage) TagQuery(tag string) string {
	if strings.ContainsFunc(tag, unicode.IsSpace) {
		tag = `"` + tag + `"`
	}
	return "tag:" + tag
}
