package statuspage

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
)

// Effect is what a maintenance does to the jobs of its components. The numbers are stored.
type Effect int

// The effects.
const (
	EffectNone    Effect = iota
	EffectSilence        // no notices are given
	EffectPause          // what is due is skipped, too
)

// EffectCount is the number of effects.
const EffectCount = int(EffectPause) + 1

var effectNames = [EffectCount]string{"none", "silence", "pause"}

// String is the name of the effect in the API.
func (e Effect) String() string {
	return nameOf("Effect", effectNames[:], int(e))
}

// Plan is a planned maintenance of components of a page: one span of time, or one from each occurrence of a schedule on.
type Plan struct {
	ID           int64
	PageID       int64
	AccountID    int64
	Title        string
	Text         string // Markdown
	Effect       Effect // on the jobs that the components have while it lasts
	ComponentIDs []int64
	Start        time.Time // of the only span; zero for a maintenance by a schedule, as End
	End          time.Time
	Schedule     cron.Schedule // of the starts, in all others
	Duration     time.Duration // of each span of those; whole seconds
	Created      time.Time
	Updated      time.Time
	UpdatedBy    string // as cron.Author.Label
}

// MinPlanSpacing is how far two starts of a schedule are apart at least, so that the history of a component stays short.
const MinPlanSpacing = 12 * time.Hour

// Once reports whether the maintenance has one span only.
func (p *Plan) Once() bool { return !p.Start.IsZero() }

// Window is the maintenance window that has the spans of the plan.
func (p *Plan) Window() cron.MaintenanceWindow {
	return cron.MaintenanceWindow{Title: p.Title, Start: p.Start, End: p.End, Schedule: p.Schedule, Duration: p.Duration}
}

// Accept takes a plan that was edited, before being what it was, into its normal form and reports what is wrong. The components are those of
// the page; those that the plan had before may be gone. The error is a *cron.Error of kind Invalid.
func (p *Plan) Accept(components []int64, before *Plan) error {
	var c cron.Checker
	p.Text = strings.TrimSpace(p.Text)
	c.Lines("/text", p.Text, MaxMaintenanceText)
	c.Choice("/effect", int(p.Effect), EffectCount)
	switch {
	case len(p.ComponentIDs) == 0:
		c.Add("/componentIds", cron.Problem{Rule: cron.RuleMandatory})
	case len(p.ComponentIDs) > MaxComponents:
		c.Add("/componentIds", cron.Problem{Rule: cron.RuleTooMany, Limit: MaxComponents})
	}
	for _, id := range p.ComponentIDs {
		if len(p.ComponentIDs) <= MaxComponents && !slices.Contains(components, id) && !slices.Contains(before.ComponentIDs, id) {
			c.Add("/componentIds", cron.Problem{Rule: cron.RuleUnknownComponent, Given: strconv.FormatInt(id, 10)})
		}
	}
	p.ComponentIDs = slices.Compact(slices.Sorted(slices.Values(p.ComponentIDs)))
	w := p.Window()
	err := w.Accept()
	p.Title, p.Start, p.End, p.Schedule, p.Duration = w.Title, w.Start, w.End, w.Schedule, w.Duration
	if err == nil && !p.Once() {
		err = p.Schedule.CheckSpacing(MinPlanSpacing)
	}
	return cron.JoinProblems(err, c.Err())
}

// Span is the span that the maintenance has at now, or the next one. ok is false when none ends after now.
func (p *Plan) Span(now time.Time) (start, end time.Time, ok bool) {
	w := p.Window()
	return w.Span(now)
}

// InProgress reports whether the maintenance is in progress at an instant.
func (p *Plan) InProgress(at time.Time) bool {
	start, _, ok := p.Span(at)
	return ok && !start.After(at)
}

// Boundary is the first start or end of a span after an instant. ok is false when there is none.
func (p *Plan) Boundary(after time.Time) (at time.Time, ok bool) {
	start, end, ok := p.Span(after)
	if ok && !start.After(after) {
		return end, true
	}
	return start, ok
}
