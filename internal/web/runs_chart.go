package web

import (
	"slices"
	"strconv"
	"time"

	"punctual/internal/cron"
	"punctual/internal/service"
)

// The chart of a list of runs: columns of a viewBox, each a span of time, with a bar for each outcome.
const (
	chartColumns = 48 // at most
	chartWidth   = 960
	chartHeight  = 72
	chartGap     = 2
)

// chartOutcomes are the outcomes in the order in which a column piles them up, from below.
var chartOutcomes = []cron.Outcome{cron.OutcomeSucceeded, cron.OutcomeSkipped, cron.OutcomeMissed, cron.OutcomeLost, cron.OutcomeFailed, cron.OutcomeRunning}

// chartFills are the classes of the bars.
var chartFills = map[cron.Outcome]string{
	cron.OutcomeSucceeded: "fill-good", cron.OutcomeFailed: "fill-bad", cron.OutcomeLost: "fill-warn", cron.OutcomeMissed: "fill-warn",
	cron.OutcomeSkipped: "fill-muted", cron.OutcomeRunning: "fill-accent",
}

// runsChart counts runs over time. Each column is a link to its runs; scripts let people choose several.
type runsChart struct {
	From, To time.Time
	Columns  []chartColumn
	Address  string // of the list without times, to which scripts add those that were chosen
	Narrowed bool   // the list has conditions that the chart does not have
	Most     string // the count of the highest column
	asOf     time.Time
	total    cron.Tally
	exact    bool // the list has the times of the chart
}

// chartColumn is one column of the chart.
type chartColumn struct {
	X, Width int
	Path     string
	Title    string
	Bars     []chartBar
}

// chartBar is the runs of a column with the same outcome.
type chartBar struct {
	Y, Height int
	Class     string
}

// runsChart counts the runs of a list over time; nil when they cannot be counted.
func (v *visit) runsChart(p view, q *runsQuery) (*runsChart, error) {
	now := v.web.now()
	from, to := q.Filter.From, q.Filter.To
	c := &runsChart{Narrowed: q.narrowed(), Address: q.with("from", "", "to", "", "span", ""), exact: !from.IsZero()}
	if to.IsZero() || to.After(now) {
		to = now
	}
	if from.IsZero() {
		from = to.Add(-30 * 24 * time.Hour)
	}
	if !from.Before(to) {
		return nil, nil
	}
	stats, err := v.web.service.Stats(v.ctx(), now, v.actor, service.StatsRequest{JobID: q.Filter.JobID, From: from, To: to, Step: time.Hour, Counts: true})
	if cron.KindOf(err) == cron.Invalid { // longer than the history is kept
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c.From, c.To, c.asOf, c.total = stats.From, stats.To, stats.AsOf, stats.Total
	c.draw(p, q, stats.Steps)
	return c, nil
}

// recordsOf is how many records of an outcome a tally counts. Missed and skipped ones count as the runs that they cover.
func recordsOf(t *cron.Tally, o cron.Outcome) int64 {
	if o == cron.OutcomeMissed || o == cron.OutcomeSkipped {
		return t.Occurrences[o]
	}
	return t.Attempts[o]
}

// wants tells whether the filter wants an outcome.
func (q *runsQuery) wants(o cron.Outcome) bool {
	f := &q.Filter
	return (len(f.Outcomes) == 0 || slices.Contains(f.Outcomes, o)) && !slices.Contains(f.Not.Outcomes, o)
}

// draw makes the columns.
func (c *runsChart) draw(p view, q *runsQuery, steps []service.StatsStep) {
	each := (len(steps) + chartColumns - 1) / chartColumns
	for _, step := range [...]int{1, 2, 3, 4, 6, 12, 24, 48} { // full parts of a day
		if step >= each {
			each = step
			break
		}
	}
	var tallies []service.StatsStep
	for part := range slices.Chunk(steps, each) {
		sum := service.StatsStep{From: part[0].From}
		for i := range part {
			for o := range sum.Attempts {
				sum.Attempts[o] += part[i].Attempts[o]
				sum.Occurrences[o] += part[i].Occurrences[o]
			}
		}
		tallies = append(tallies, sum)
	}
	most := int64(0)
	for i := range tallies {
		most = max(most, wantedOf(q, &tallies[i].Tally))
	}
	c.Most = p.Count(most)
	width := chartWidth / len(tallies)
	for i := range tallies {
		t := &tallies[i]
		end := t.From.Add(time.Duration(each) * time.Hour)
		column := chartColumn{X: i * width, Width: width - chartGap, Title: c.title(p, q, t, end),
			Path: q.with("span", "", "from", strconv.FormatInt(t.From.Unix(), 10), "to", strconv.FormatInt(end.Unix(), 10))}
		column.pile(q, &t.Tally, most)
		c.Columns = append(c.Columns, column)
	}
}

func wantedOf(q *runsQuery, t *cron.Tally) (n int64) {
	for _, o := range chartOutcomes {
		if q.wants(o) {
			n += recordsOf(t, o)
		}
	}
	return n
}

// pile makes the bars of a column. What there is can be seen, however little it is.
func (c *chartColumn) pile(q *runsQuery, t *cron.Tally, most int64) {
	bottom := chartHeight
	for _, o := range chartOutcomes {
		n := recordsOf(t, o)
		if n <= 0 || most <= 0 || !q.wants(o) {
			continue
		}
		height := min(max(int(n*chartHeight/most), 2), bottom)
		if height == 0 {
			continue
		}
		bottom -= height
		c.Bars = append(c.Bars, chartBar{bottom, height, chartFills[o]})
	}
}

// title says what a column counts.
func (c *runsChart) title(p view, q *runsQuery, t *service.StatsStep, end time.Time) string {
	text := t.From.In(p.zone).Format("2 Jan 15:04") + "–" + end.In(p.zone).Format("15:04 MST")
	if end.Sub(t.From) >= 24*time.Hour {
		text = t.From.In(p.zone).Format("2 Jan 15:04") + " – " + end.In(p.zone).Format("2 Jan 15:04 MST")
	}
	separator := ": "
	for _, o := range slices.Backward(chartOutcomes) {
		if n := recordsOf(&t.Tally, o); n > 0 && q.wants(o) {
			text += separator + p.labels.Label("runs.bar", "count", p.Count(n), "outcome", p.RunState(o).Text)
			separator = ", "
		}
	}
	if separator == ": " {
		text += separator + p.labels.Label("runs.bar-none")
	}
	return text
}

// ViewBox is the size of the drawing.
func (c *runsChart) ViewBox() string {
	return "0 0 " + strconv.Itoa(chartWidth) + " " + strconv.Itoa(chartHeight)
}

// Height is that of the drawing, in its own units.
func (c *runsChart) Height() int { return chartHeight }

// Base is where the line below the columns stands.
func (c *runsChart) Base() int { return chartHeight - 1 }

// FromUnix and ToUnix are the times of the chart for scripts, as wide as its columns.
func (c *runsChart) FromUnix() int64 { return c.From.Unix() }

// ToUnix is the end of the last column.
func (c *runsChart) ToUnix() int64 { return c.From.Unix() + int64(c.To.Sub(c.From)/time.Second) }

// DrawnWidth is how much of the width of the drawing the columns take.
func (c *runsChart) DrawnWidth() int {
	if len(c.Columns) == 0 {
		return chartWidth
	}
	last := c.Columns[len(c.Columns)-1]
	return last.X + last.Width + chartGap
}

// TotalWidth is the width of the drawing.
func (c *runsChart) TotalWidth() int { return chartWidth }

// count is how many runs of an outcome the list has; empty when that is not known.
func (c *runsChart) count(p view, o cron.Outcome, q *runsQuery) string {
	if c == nil || !c.exact || c.Narrowed || o == cron.OutcomeRunning {
		return ""
	}
	n := recordsOf(&c.total, o)
	if n == 0 {
		return ""
	}
	return p.Count(n)
}
