package cron

import (
	"slices"
	"strings"
	"time"
)

// MaintenanceWindow is spans of time in which some jobs of an account are paused or silenced: one span, or one from each occurrence of
// a schedule on.
type MaintenanceWindow struct {
	ID        int64
	AccountID int64
	Title     string
	Effect    MaintenanceEffect
	Start     time.Time // of the only span; zero for a window by a schedule, as End
	End       time.Time
	Schedule  Schedule      // of the starts, in all other windows
	Duration  time.Duration // of each span of those; whole seconds
	// The jobs that any of these names; all of the account when all three are empty. Jobs and folders may be gone.
	JobIDs    []int64
	FolderIDs []int64 // 0 is the root folder
	Tags      []string
	// PageID is the status page of whose components the window is a maintenance; 0 for a window of the account. It is for the jobs that the
	// components have now, which JobIDs lists where the window is asked about jobs.
	PageID       int64
	ComponentIDs []int64
	Created      time.Time
	Updated      time.Time
	UpdatedBy    string // as Author.Label
}

// MaintenanceEffect is what happens to jobs in a window. The numbers are stored.
type MaintenanceEffect int

// The effects.
const (
	MaintenanceNone    MaintenanceEffect = -1 // nothing: only of a status page
	MaintenanceSilence MaintenanceEffect = 0  // no notices are given; executions go on
	MaintenancePause   MaintenanceEffect = 1  // what is due is skipped, retries wait, and no notices are given
)

// Limits of maintenance windows.
const (
	MaxMaintenanceWindows = 100 // of an account
	MaxMaintenanceItems   = 100 // jobs or folders of one
	MaxMaintenanceTags    = 20  // of one
	MaxMaintenance        = 366 * 24 * time.Hour
)

// all reports whether the window is for all jobs of the account.
func (w *MaintenanceWindow) all() bool {
	return w.PageID == 0 && len(w.JobIDs)+len(w.FolderIDs)+len(w.Tags) == 0
}

// Once reports whether the window has one span only.
func (w *MaintenanceWindow) Once() bool { return !w.Start.IsZero() }

// Accept takes the window for one that can be stored: it brings it into its normal form and reports what is wrong.
func (w *MaintenanceWindow) Accept() error {
	var c Checker
	w.Title = strings.TrimSpace(w.Title)
	c.Title("/title", w.Title, MaxFolderTitle)
	c.Choice("/effect", int(w.Effect), int(MaintenancePause)+1)
	if w.Once() || !w.End.IsZero() {
		if w.Schedule = (Schedule{}); w.Duration != 0 {
			c.Add("/schedule", Problem{Rule: RuleMandatory})
		}
		w.acceptSpan(&c)
	} else {
		w.acceptSchedule(&c)
	}
	for _, list := range []struct {
		pointer string
		ids     *[]int64
		least   int64
	}{{"/jobIds", &w.JobIDs, 1}, {"/folderIds", &w.FolderIDs, 0}} {
		slices.Sort(*list.ids)
		*list.ids = slices.Compact(*list.ids)
		if n := len(*list.ids); n > MaxMaintenanceItems {
			c.Add(list.pointer, Problem{Rule: RuleTooMany, Limit: MaxMaintenanceItems})
		} else if n > 0 && (*list.ids)[0] < list.least {
			c.Add(list.pointer, OutOfRange((*list.ids)[0], list.least, 1<<53-1))
		}
	}
	w.Tags = distinctTags(w.Tags, MaxMaintenanceTags)
	checkTags(&c, w.Tags, MaxMaintenanceTags)
	return c.Err()
}

func (w *MaintenanceWindow) acceptSpan(c *Checker) {
	w.Start, w.End = WholeSeconds(w.Start), WholeSeconds(w.End)
	c.Instant("/start", w.Start)
	c.Instant("/end", w.End)
	switch {
	case !w.Once():
		c.Add("/start", Problem{Rule: RuleMandatory})
	case w.End.IsZero():
		c.Add("/end", Problem{Rule: RuleMandatory})
	case c.Err() == nil && (!w.End.After(w.Start) || w.End.Sub(w.Start) > MaxMaintenance):
		c.Add("/end", OutOfRange(w.End.Unix(), w.Start.Unix()+1, w.Start.Add(MaxMaintenance).Unix()))
	}
}

func (w *MaintenanceWindow) acceptSchedule(c *Checker) {
	w.Duration = w.Duration.Truncate(time.Second)
	if w.Duration < time.Second || w.Duration > MaxMaintenance {
		c.Add("/durationSeconds", OutOfRange(int64(w.Duration/time.Second), 1, int64(MaxMaintenance/time.Second)))
	}
	if w.Schedule == (Schedule{}) {
		c.Add("/schedule", Problem{Rule: RuleMandatory})
		return
	}
	w.Schedule.Check(c, "/schedule")
	for _, field := range []struct {
		name string
		set  Set
	}{
		{"seconds", w.Schedule.Seconds}, {"minutes", w.Schedule.Minutes}, {"hours", w.Schedule.Hours}, {"months", w.Schedule.Months},
		{"wdays", w.Schedule.Weekdays}, {"mdays", w.Schedule.MonthDays},
	} {
		if field.set == 0 && !(field.name == "mdays" && w.Schedule.LastDay) { // it would never start
			c.Add("/schedule/"+field.name, Problem{Rule: RuleMandatory})
		}
	}
}

// spanFrom is the first span that ends after t; ok is false when there is none.
func (w *MaintenanceWindow) spanFrom(t time.Time) (start, end time.Time, ok bool) {
	if w.Once() {
		return w.Start, w.End, t.Before(w.End)
	}
	start, ok = w.Schedule.Next(t.Add(-w.Duration))
	return start, start.Add(w.Duration), ok
}

// maxJoinedSpans bounds how many spans Span joins.
const maxJoinedSpans = 100

// Span is the span that the window has at now, or the next one. Spans that overlap or touch are one, as far as maxJoinedSpans of
// them go. ok is false when none ends after now.
func (w *MaintenanceWindow) Span(now time.Time) (start, end time.Time, ok bool) {
	start, end, ok = w.spanFrom(now)
	if !ok || w.Once() {
		return start, end, ok
	}
	last := start
	for range maxJoinedSpans {
		next, more := w.Schedule.Next(last)
		if !more || next.After(end) {
			break
		}
		last, end = next, next.Add(w.Duration)
	}
	return start, end, true
}

// Maintenance is windows of an account, prepared for questions about many of its jobs. It keeps what it has worked out, and is for one
// goroutine. A nil Maintenance has no windows.
type Maintenance struct {
	all      []*windowSpan // for all jobs
	byJob    map[int64][]*windowSpan
	byFolder map[int64][]*windowSpan
	byTag    map[string][]*windowSpan
}

// windowSpan is a window and the span that it was asked about last: the first one that ends after from.
type windowSpan struct {
	MaintenanceWindow
	from, start, end time.Time
}

// NewMaintenance prepares windows.
func NewMaintenance(list []MaintenanceWindow) *Maintenance {
	m := &Maintenance{byJob: make(map[int64][]*windowSpan), byFolder: make(map[int64][]*windowSpan), byTag: make(map[string][]*windowSpan)}
	for i := range list {
		w := &windowSpan{MaintenanceWindow: list[i]}
		if w.all() {
			m.all = append(m.all, w)
		}
		for _, id := range w.JobIDs {
			m.byJob[id] = append(m.byJob[id], w)
		}
		for _, id := range w.FolderIDs {
			m.byFolder[id] = append(m.byFolder[id], w)
		}
		for _, tag := range w.Tags {
			m.byTag[TagKey(tag)] = append(m.byTag[TagKey(tag)], w)
		}
	}
	return m
}

// NeedsTags reports whether answers depend on the tags of jobs.
func (m *Maintenance) NeedsTags() bool { return m != nil && len(m.byTag) > 0 }

// of lists the windows of a job, by its ID, folder and tags. One may be listed several times.
func (m *Maintenance) of(j *Job) []*windowSpan {
	windows := slices.Concat(m.all, m.byJob[j.ID], m.byFolder[j.FolderID])
	if m.NeedsTags() {
		for _, tag := range j.Tags {
			windows = append(windows, m.byTag[TagKey(tag)]...)
		}
	}
	return windows
}

// never is later than everything that is planned.
var never = Forever.Add(MaxMaintenance)

// at is the first span that ends after t; it begins never when there is none.
func (w *windowSpan) at(t time.Time) (start, end time.Time) {
	if w.from.IsZero() || t.Before(w.from) || !t.Before(w.end) {
		start, end, ok := w.spanFrom(t)
		if !ok {
			start, end = never, never
		}
		w.from, w.start, w.end = t, start, end
	}
	return w.start, w.end
}

// Paused reports whether a window pauses the job at an instant, and until when it certainly does. Of the job it looks at ID, folder and
// tags.
func (m *Maintenance) Paused(j *Job, at time.Time) (until time.Time, paused bool) {
	if m == nil {
		return time.Time{}, false
	}
	until, paused = pausedAt(m.of(j), at)
	if !paused {
		until = time.Time{}
	}
	return until, paused
}

// Mark notes the windows of the job in a preview. Of the job it looks at ID, folder and tags.
func (m *Maintenance) Mark(j *Job, p *Preview) {
	windows := m.of(j)
	for i := range p.Runs {
		run := &p.Runs[i]
		for _, w := range windows {
			if start, _ := w.at(run.At); !start.After(run.At) && (run.Window == nil || w.Effect == MaintenancePause && run.Window.Effect != MaintenancePause) {
				run.Window = &w.MaintenanceWindow
			}
		}
	}
}

// pausedAt is Paused for windows of a job; if none pauses it, this is so until the given time.
func pausedAt(windows []*windowSpan, at time.Time) (until time.Time, paused bool) {
	until = never
	for _, w := range windows {
		if w.Effect != MaintenancePause {
			continue
		}
		start, end := w.at(at)
		switch inside := !start.After(at); {
		case inside && (!paused || end.After(until)):
			until, paused = end, true
		case !inside && !paused && start.Before(until):
			until = start
		}
	}
	return until, paused
}

// Silenced reports whether no notices are given about what happened to the job between two instants, since it is silenced at the
// second one, or a window of the account, of either effect, has a span that reaches between them. Of the job it looks at ID, folder,
// tags and notification.
func (j *Job) Silenced(m *Maintenance, from, to time.Time) bool {
	if j.Notification.Silenced(to) {
		return true
	}
	if m == nil {
		return false
	}
	return slices.ContainsFunc(m.of(j), func(w *windowSpan) bool {
		start, _ := w.at(from)
		return !start.After(to)
	})
}

// maxGapParts bounds into how many parts Split divides.
const maxGapParts = 8

// GapPart is a part of an OccurrenceRange.
type GapPart struct {
	OccurrenceRange
	Paused bool // a window paused the job
}

// Split divides occurrences of a job that did not run into those in which a window paused it, and the others. What lies behind
// the first few parts is one part that counts as not paused.
func (m *Maintenance) Split(j *Job, g OccurrenceRange) (parts []GapPart) {
	windows := m.of(j)
	for range maxGapParts - 1 {
		until, paused := pausedAt(windows, g.First)
		part := g
		if !until.After(g.Last) {
			part = OccurrenceRange{First: g.First, Last: j.latest(g.First, until.Add(-time.Millisecond))}
			part.Count, part.AtLeast = j.count(part.First, part.Last)
		}
		if n := len(parts); n > 0 && parts[n-1].Paused == paused { // of two windows in a row
			p := &parts[n-1]
			p.Last, p.Count, p.AtLeast = part.Last, p.Count+part.Count, p.AtLeast || part.AtLeast
		} else {
			parts = append(parts, GapPart{part, paused})
		}
		next := j.OccurrenceAfter(part.Last)
		if next.IsZero() || next.After(g.Last) {
			return parts
		}
		g.First = next
		g.Count, g.AtLeast = j.count(g.First, g.Last)
	}
	return append(parts, GapPart{g, false})
}

// Selects reports whether the window is for the job. Of the job it looks at ID, folder and tags.
func (w *MaintenanceWindow) Selects(j *Job) bool {
	if w.all() || slices.Contains(w.JobIDs, j.ID) || slices.Contains(w.FolderIDs, j.FolderID) {
		return true
	}
	return slices.ContainsFunc(w.Tags, func(tag string) bool {
		return slices.ContainsFunc(j.Tags, func(of string) bool { return TagKey(of) == TagKey(tag) })
	})
}
