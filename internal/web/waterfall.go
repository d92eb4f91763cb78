package web

import (
	"cmp"
	"time"

	"punctual/internal/cron"
)

// waterfallWidth is the width of the drawing of a waterfall, in its own units.
const waterfallWidth = 600

// A phase is called slow when it took so much longer than the median: by a factor, and by a time that people notice.
const (
	slowFactor = 2
	slowBy     = 100 * time.Millisecond
)

// waterfall draws the phases of an exchange one after the other, as the template "waterfall" shows it: each with its bar, and below
// it that of the median of earlier successes.
type waterfall struct {
	Rows  []waterfallRow
	Total waterfallRow
	Of    int // how many successes the medians are of; 0 for none, without bars
}

// waterfallRow is a phase. X and the widths are in units of waterfallWidth.
type waterfallRow struct {
	Label, Class                  string
	Took, Usual                   string // empty when it was not reached, and without a median
	X, Width                      int
	UsualX, UsualWidth            int
	Slow                          bool
	Reached, HasUsual, ShowsUsual bool
}

// newWaterfall draws timings as CompareTimings lists them, whose medians are of a number of successes.
func (p view) newWaterfall(timings []cron.PhaseTiming, of int) *waterfall {
	w := &waterfall{Of: of}
	longest := time.Microsecond
	var now, usual time.Duration
	for _, t := range timings {
		if t.Phase != cron.PhaseNone {
			now, usual = now+max(t.Now, 0), usual+max(t.Median, 0)
		}
		longest = max(longest, t.Now, t.Median)
	}
	longest = max(longest, now, usual)
	scale := func(d time.Duration) int { return int(int64(waterfallWidth) * int64(d) / int64(longest)) }
	now, usual = 0, 0
	for _, t := range timings {
		row := waterfallRow{Label: p.phaseName(t.Phase), Reached: t.Now >= 0, HasUsual: t.Median >= 0,
			ShowsUsual: of > 0}
		if row.Reached {
			row.Took, row.Width = p.Duration(t.Now), max(scale(t.Now), 1)
		}
		if row.HasUsual {
			row.Usual, row.UsualWidth = p.Duration(t.Median), max(scale(t.Median), 1)
		}
		row.Slow = row.Reached && row.HasUsual && t.Now > slowFactor*t.Median && t.Now > t.Median+slowBy
		if row.Class = "fill-accent"; row.Slow {
			row.Class = "fill-warn"
		}
		if t.Phase == cron.PhaseNone {
			w.Total = row
			continue
		}
		row.X, row.UsualX = min(scale(now), waterfallWidth-1), min(scale(usual), waterfallWidth-1)
		now, usual = now+max(t.Now, 0), usual+max(t.Median, 0)
		w.Rows = append(w.Rows, row)
	}
	return w
}

// phaseLabels are the phases.
var phaseLabels = map[cron.Phase]string{
	cron.PhasePreparing: "phase.preparing", cron.PhaseResolving: "phase.resolving", cron.PhaseConnecting: "phase.connecting",
	cron.PhaseSecuring: "phase.securing", cron.PhaseSending: "phase.sending", cron.PhaseWaiting: "phase.waiting", cron.PhaseReceiving: "phase.receiving",
	cron.PhaseDone: "phase.done",
}

// phaseName is what a phase is called; cron.PhaseNone stands for all of them together.
func (p view) phaseName(phase cron.Phase) string {
	return p.labels.Label(cmp.Or(phaseLabels[phase], "phase.total"))
}
