package web

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"punctual/internal/cron"
)

// Sizes of the bar of the latest runs, in pixels.
const (
	listedRuns = 30
	runsStep   = 4
	runsHeight = 20
	runsLowest = 4
)

// How many characters of texts a row shows, so that a page of the longest ones stays small.
const (
	shownTitle = 72
	shownHost  = 44
	shownTag   = 20
	shownTags  = 3
)

// jobRow is a job as the list shows it.
type jobRow struct {
	cron.JobRecord
	Now      state
	Name     string // its title, or its URL without one
	Short    string
	Host     string
	Folder   string
	FolderAt string // the address of the list of the folder
	Labels   []tagLink
	MoreTags int
	Words    string // its schedule
	Last     state  // what became of the latest execution
	Bar      runBar
	IsPaused bool
	IsSilent bool
}

// tagLink is a tag, and the address of the list of the jobs that have it.
type tagLink struct{ Text, Path string }

// row makes a row of the list.
func (p *jobsPage) row(rec *cron.JobRecord, latest []cron.Execution) jobRow {
	r := jobRow{JobRecord: *rec, Now: p.JobState(rec), Host: cut(cron.TargetHost(rec.Request.URL), shownHost), Bar: p.bar(latest)}
	r.Name = rec.Title
	if r.Name == "" {
		r.Name = cron.MaskURL(rec.Request.URL)
	}
	r.Name, r.Short = cut(r.Name, shownTitle), cut(r.Name, shownTag)
	r.Words = p.labels.Schedule(&rec.Schedule, rec.Timing.RunAt)
	r.IsPaused, r.IsSilent = rec.Timing.Paused(p.now), rec.Notification.Silenced(p.now)
	switch rec.State.LastStatus {
	case cron.StatusUnknown:
	case cron.StatusOK:
		r.Last = p.RunState(cron.OutcomeSucceeded)
	default:
		r.Last = p.RunState(cron.OutcomeFailed)
		r.Last.Text = p.OutcomeName(rec.State.LastStatus)
	}
	for _, f := range p.names.Folders {
		if f.ID == rec.FolderID && f.ID != 0 {
			r.Folder, r.FolderAt = cut(f.Title, shownTag), jobsAddress(folderToken(f))
		}
	}
	for _, tag := range rec.Tags[:min(len(rec.Tags), shownTags)] {
		r.Labels = append(r.Labels, tagLink{cut(tag, shownTag), p.tagged(tag)})
	}
	r.MoreTags = len(rec.Tags) - len(r.Labels)
	return r
}

// tagged is the address of the list of the jobs that have a tag; empty for one that would make the page large.
func (p *jobsPage) tagged(tag string) string {
	f := cron.JobFilter{JobCriteria: cron.JobCriteria{Tags: []string{tag}}}
	if address := jobsAddress(cron.FormatJobSearch(&f, &p.names)); len(address) <= maxOffered {
		return address
	}
	return ""
}

// cut shortens a text to so many characters, and to twice as many bytes of HTML.
func cut(text string, most int) string {
	size, count := 0, 0
	for i, r := range text {
		size += max(utf8.RuneLen(r), escapedLength[r])
		if count++; count > most || size > 2*most {
			return strings.TrimSpace(text[:i]) + "…"
		}
	}
	return text
}

// escapedLength is how many bytes characters take that have a meaning in HTML.
var escapedLength = map[rune]int{'"': 5, '\'': 5, '&': 5, '<': 4, '>': 4, '+': 5, 0: 3, utf8.RuneError: 3}

// runBar is an image of the latest runs of a job, a stroke for each, the latest on the right. A good one is as high as it took long,
// one that failed reaches from top to bottom, and one that did not run is a dot, so that they differ without colour. Each kind is the
// path of an SVG, which the stylesheet turns upside down.
type runBar struct {
	Good, Bad, Odd, Idle string
	Text                 string // the same in words
}

func (p *jobsPage) bar(latest []cron.Execution) (b runBar) {
	longest := time.Millisecond
	for i := range latest {
		if e := &latest[i]; e.Outcome == cron.OutcomeSucceeded {
			longest = max(longest, e.Result.Duration)
		}
	}
	var good, bad, odd, idle strings.Builder
	counts := map[*strings.Builder]int{}
	for i := range latest {
		e, to, height := &latest[i], &good, runsHeight
		switch e.Outcome {
		case cron.OutcomeSucceeded:
			share := math.Sqrt(float64(e.Result.Duration) / float64(longest))
			height = runsLowest + int(share*float64(runsHeight-2*runsLowest))
		case cron.OutcomeFailed:
			to = &bad
		case cron.OutcomeLost, cron.OutcomeMissed:
			to, height = &odd, 2
		default:
			to, height = &idle, 2
		}
		counts[to]++
		x := (listedRuns-len(latest)+i)*runsStep + runsStep/2
		to.WriteString("M" + strconv.Itoa(x) + " 0v" + strconv.Itoa(height))
	}
	b = runBar{Good: good.String(), Bad: bad.String(), Odd: odd.String(), Idle: idle.String()}
	b.Text = p.labels.Label("jobs.bar-text", "runs", p.Count(len(latest)), "good", p.Count(counts[&good]), "bad", p.Count(counts[&bad]),
		"other", p.Count(counts[&odd]+counts[&idle]))
	return b
}

// jobColumn is the head of a column, which can be a button that sorts by it.
type jobColumn struct {
	Label  string
	Sort   string // what the button asks for; empty for none
	Sorted string // "ascending" or "descending" when the list is
}

// columns are the heads of the table.
func (p *jobsPage) columns() (list []jobColumn) {
	t := p.labels.Label
	for _, c := range []struct {
		label string
		sort  cron.JobSort
		down  bool // it is more useful that way
	}{
		{t("jobs.state"), cron.SortStatus, true}, {t("jobs.job"), cron.SortTitle, false}, {t("jobs.schedule"), cron.SortNext, false},
		{t("jobs.last"), cron.SortLast, true},
	} {
		column := jobColumn{Label: c.label}
		down := c.down
		if p.Search.Sort == c.sort {
			down = !p.Search.Descending
			column.Sorted = map[bool]string{true: "descending", false: "ascending"}[p.Search.Descending]
		}
		column.Sort = jobSorts[c.sort]
		if down {
			column.Sort = "-" + column.Sort
		}
		list = append(list, column)
	}
	return append(list, jobColumn{Label: t("jobs.bar")})
}
