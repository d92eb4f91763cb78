package web

import (
	"html/template"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"punctual/internal/cron"
)

// What a page shows of one job: titles are cut, and so are changes, since a page of the longest ones would be too large. The page of
// the one job shows them all.
const (
	actionTitle   = 80   // characters
	actionDetails = 1200 // bytes of HTML, in which the changes of a job fit
	changeMarkup  = 150  // bytes of HTML around a change
)

// actionRow is a job of an action in words.
type actionRow struct {
	cron.ActionJob
	Title   string
	Result  state
	Changes []changeRow
	Reasons []string
	More    int    // changes and reasons that are left out
	Whole   string // the address of the page with all of them
	Gone    bool   // the job has no page
	Later   bool   // the next run is another one
	Before  time.Time
	After   time.Time
}

// changeRow is a value that changes. What both texts begin and end with is set apart.
type changeRow struct {
	Name          string
	Hidden        bool
	Short         bool // both values fit into one line
	Start, Finish string
	Old, New      shownValue
}

func (v *visit) actionRows(p *actionPage, jobs []cron.ActionJob) (rows []actionRow, err error) {
	if len(jobs) == 0 {
		return nil, nil
	}
	values, err := v.fieldValues(p.view)
	if err != nil {
		return nil, err
	}
	for i := range jobs {
		rows = append(rows, p.row(&jobs[i], &values))
	}
	return rows, nil
}

// row is a job in words.
func (p *actionPage) row(job *cron.ActionJob, values *fieldValues) actionRow {
	d := &job.Detail
	row := actionRow{
		ActionJob: *job, Title: d.Title, Result: p.resultName(job.Result), Before: d.NextBefore, After: d.NextAfter,
		Gone:  job.Result == cron.ActionMissing || job.Effect == cron.EffectDeleted && !p.Action.DryRun,
		Later: !d.NextBefore.Equal(d.NextAfter) && job.Result == cron.ActionChanged,
		Whole: actionPath(p.Action.ID) + "?job=" + formatID(job.JobID),
	}
	room := actionDetails
	if p.One {
		room = math.MaxInt
	} else if title := []rune(row.Title); len(title) > actionTitle {
		row.Title = string(title[:actionTitle]) + "…"
	}
	for _, c := range d.Changes {
		change := p.change(c, values)
		if room -= change.size(); room < 0 {
			break
		}
		row.Changes = append(row.Changes, change)
	}
	for _, reason := range d.Reasons {
		reason = p.reason(reason)
		if room -= len(template.HTMLEscapeString(reason)); room < 0 {
			break
		}
		row.Reasons = append(row.Reasons, reason)
	}
	row.More = len(d.Changes) - len(row.Changes) + len(d.Reasons) - len(row.Reasons)
	return row
}

// change is a changed value in words.
func (p *actionPage) change(c cron.ActionChange, values *fieldValues) changeRow {
	row := changeRow{Name: p.FieldName(c.Pointer), Hidden: c.Hidden}
	if !c.Hidden {
		row.Old, row.New = values.Show(c.Pointer, c.From), values.Show(c.Pointer, c.To)
		row.Short = utf8.RuneCountInString(row.Old.Text) <= maxShort && utf8.RuneCountInString(row.New.Text) <= maxShort
		row.Start, row.Old.Text, row.New.Text, row.Finish = common(row.Old.Text, row.New.Text)
	}
	return row
}

// size is how long the change is in HTML.
func (c *changeRow) size() (n int) {
	for _, text := range []string{c.Start, c.Old.Text, c.New.Text, c.Finish} {
		n += len(template.HTMLEscapeString(text))
	}
	return n + changeMarkup
}

// maxShort is how many characters a value has of which two fit into one line.
const maxShort = 20

// minCommon is how long two texts are, in characters, of which it helps to see what differs.
const minCommon = 12

// common sets apart what two long texts begin and end with.
func common(old, new string) (start, oldRest, newRest, finish string) {
	from, to := []rune(old), []rune(new)
	least := min(len(from), len(to))
	if least < minCommon {
		return "", old, new, ""
	}
	head, tail := 0, 0
	for head < least && from[head] == to[head] {
		head++
	}
	for tail < least-head && from[len(from)-1-tail] == to[len(to)-1-tail] {
		tail++
	}
	return string(from[:head]), string(from[head : len(from)-tail]), string(to[head : len(to)-tail]), string(from[len(from)-tail:])
}

// reason is a reason with the name of the value in place of its pointer.
func (p *actionPage) reason(text string) string {
	pointer, sentence, ok := strings.Cut(text, ": ")
	if !ok || !strings.HasPrefix(pointer, "/") || strings.ContainsAny(pointer, " <") {
		return text
	}
	return p.FieldName(pointer) + ": " + sentence
}

// NextRun shows when a job runs next, in the zone that is chosen; empty for a zone that is not known.
func (p actionPage) NextRun(at time.Time, zone string) template.HTML {
	if at.IsZero() {
		return template.HTML(template.HTMLEscapeString(p.labels.Label("actions.no-next")))
	}
	if zone == "" {
		return p.Time(at)
	}
	return p.TimeIn(at, zone)
}
