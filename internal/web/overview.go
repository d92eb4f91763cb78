package web

import (
	"cmp"
	"net/http"
	"strconv"
	"time"

	"punctual/internal/cron"
	"punctual/internal/service"
)

const pathProblems = root + "/problems"

func (w *web) overviewRoutes() []route {
	return []route{{"GET", root, signedIn, showOverview}}
}

// overviewPage is the first page after the sign-in.
type overviewPage struct {
	view
	Overview service.Overview
	BaseURL  string
	Sentence string
	Tiles    []tile
	Rows     []problemRow
	Strip    strip
	Changes  []recentChange
	More     bool // there are more changes
}

// tile is a number that leads to the list that it counts.
type tile struct {
	Path, Label, Count, Class, Icon string
}

func showOverview(v *visit) error {
	p := overviewPage{BaseURL: v.baseURL()}
	var err error
	if p.view, err = v.view("overview"); err != nil {
		return err
	}
	if p.Account.ID == 0 || p.Account.Disabled {
		return v.render(http.StatusOK, "overview", p)
	}
	p.Wide = true
	if p.Overview, err = v.web.service.Overview(v.ctx(), p.now, v.actor); err != nil {
		return err
	}
	p.Sentence, p.Tiles = p.sentence(), p.tiles()
	for i := range p.Overview.Unresolved {
		p.Rows = append(p.Rows, v.problemRow(&p.Overview.Unresolved[i], &p.Overview.Why[i]))
	}
	p.Strip = p.strip()
	p.Changes, p.More = p.changes()
	return v.render(http.StatusOK, "overview", p)
}

// NextWindow says what keeps back a run of those that come next; nil for nothing.
func (p overviewPage) NextWindow(i int) *linkedText {
	w := p.Overview.NextWindows[i]
	if w == nil {
		return nil
	}
	return new(windowNote(p.labels, w))
}

// several is the text of a label for one thing, or for a number of them.
func (p view) several(n int, one, many string, arguments ...any) string {
	if n == 1 {
		return p.labels.Label(one, arguments...)
	}
	return p.labels.Label(many, append(arguments, "count", p.Count(n))...)
}

// sentence says how the account is.
func (p *overviewPage) sentence() string {
	t, jobs := p.labels.Label, p.Overview.Jobs
	switch unresolved := p.Overview.Problems.Unresolved(); {
	case jobs.Jobs == 0:
		return t("overview.welcome")
	case jobs.Failing > 0:
		return p.several(jobs.Failing, "overview.one-failing", "overview.failing", "jobs", p.Count(jobs.Jobs))
	case unresolved > 0:
		return p.several(unresolved, "overview.one-problem", "overview.problems")
	case jobs.Late > 0:
		return p.several(jobs.Late, "overview.one-late", "overview.late")
	case jobs.Disabled == jobs.Jobs:
		return p.several(jobs.Jobs, "overview.one-disabled", "overview.all-disabled")
	}
	return p.several(jobs.Jobs, "overview.one-fine", "overview.fine")
}

// tiles are the numbers of the account.
func (p *overviewPage) tiles() []tile {
	jobs := p.Overview.Jobs
	missed := int(p.Overview.Day.Occurrences[cron.OutcomeMissed])
	late := p.Count(jobs.Late)
	if jobs.Late == cron.MaxLateCounted {
		late += "+"
	}
	filtered := func(state string) string { return pathJobs + "?q=state%3A" + state }
	t := p.labels.Label
	list := []tile{
		{filtered("failing"), t("overview.tile-failing"), p.Count(jobs.Failing), "bad", "circle-x"},
		{filtered("late"), t("overview.tile-late"), late, "warn", "clock-alert"},
		{pathRuns + "?outcome=missed&span=24h", t("overview.tile-missed"), p.Count(missed), "warn", "skip-forward"},
		{filtered("certificate"), t("overview.tile-certificates"), p.Count(jobs.Certificates), "warn", "shield-alert"},
		{filtered("paused"), t("overview.tile-paused"), p.Count(jobs.Paused), "", "circle-pause"},
		{filtered("silenced"), t("overview.tile-silenced"), p.Count(jobs.Silenced), "", "bell-off"},
		{filtered("disabled"), t("overview.tile-disabled"), p.Count(jobs.Disabled), "", "circle-slash"},
		{pathJobs, t("overview.tile-jobs"), p.Count(jobs.Jobs), "", "calendar-clock"},
	}
	for i := range list {
		if list[i].Count == "0" {
			list[i].Class = ""
		}
	}
	return list
}

// JobName is what a job is called: its title, or the host that it calls.
func (view) JobName(title, url string) string { return cmp.Or(title, cron.TargetHost(url)) }

// JobPath is the page of a job.
func (view) JobPath(id int64) string { return jobAddress(id, "") }

// Typical is how late executions started in the last day: half of them earlier, half of them later.
func (p overviewPage) Typical() string { return p.Duration(p.Overview.Day.Lateness.Quantile(0.5)) }

// Worst is what 99 of 100 executions started earlier than.
func (p overviewPage) Worst() string { return p.Duration(p.Overview.Day.Lateness.Quantile(0.99)) }

// recentChange is what somebody changed, in words.
type recentChange struct {
	By, Did, Title, Path string
	At                   time.Time
}

// changesShown is how many changes the overview tells of.
const changesShown = 8

// changes are the changes of the last day, latest first; those of one action are one.
func (p *overviewPage) changes() (rows []recentChange, more bool) {
	t := p.labels.Label
	removed := p.Overview.Removed
	gone := func(before time.Time) {
		for len(removed) > 0 && removed[0].Deleted.After(before) {
			b := &removed[0]
			rows = append(rows, recentChange{b.DeletedBy, t("overview.deleted"), p.JobName(b.Title, b.URL), p.JobPath(b.JobID), b.Deleted})
			removed = removed[1:]
		}
	}
	for i := 0; i < len(p.Overview.Edits); {
		e, jobs := &p.Overview.Edits[i], 0
		for i < len(p.Overview.Edits) && (jobs == 0 || e.ActionID != 0 && p.Overview.Edits[i].ActionID == e.ActionID || e.ActionID == 0 && p.sameEdit(e, &p.Overview.Edits[i])) {
			jobs++
			i++
		}
		gone(e.Created)
		row := recentChange{By: e.Author.Label, At: e.Created, Title: cmp.Or(e.Title, "#"+strconv.FormatInt(e.JobID, 10)), Path: p.JobPath(e.JobID) + "/changes"}
		switch {
		case e.ActionID != 0:
			row.Title, row.Path = t("overview.action"), pathActions+"/"+strconv.FormatInt(e.ActionID, 10)
			row.Did = p.several(jobs, "overview.changed-one-by", "overview.changed-many-by")
		case e.Version == 1 && jobs > 1:
			row.Did = t("overview.many-created", "count", p.Count(jobs))
		case e.Version == 1:
			row.Did = t("overview.created")
		case e.Restored != 0:
			row.Did = t("overview.restored")
		default:
			row.Did = t("overview.changed")
		}
		rows = append(rows, row)
	}
	gone(time.Time{})
	if len(rows) > changesShown {
		return rows[:changesShown], true
	}
	return rows, p.Overview.EditsAtLeast
}

// sameEdit tells whether two versions are told as one: those of one job by one person, and jobs that one person created one after
// the other.
func (p *overviewPage) sameEdit(a, b *cron.JobEdit) bool {
	switch {
	case b.ActionID != 0 || a.Author != b.Author || a.Restored != 0 || b.Restored != 0:
		return false
	case a.Version == 1:
		return b.Version == 1
	}
	return a.JobID == b.JobID && b.Version != 1
}

// Measured tells whether anything is known of how late executions started.
func (p overviewPage) Measured() bool { return p.Overview.Day.Lateness.Count() > 0 }
