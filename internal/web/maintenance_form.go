package web

import (
	"cmp"
	"errors"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
)

// windowUnits are the units of durations, by their names in the form.
var windowUnits = map[string]time.Duration{"minutes": time.Minute, "hours": time.Hour, "days": 24 * time.Hour}

// maxFoundTitles is how many jobs of one form are looked up by their titles; further ones need their numbers.
const maxFoundTitles = 20

// windowForm is the form of a window.
func (v *visit) windowForm(w *cron.MaintenanceWindow) (form, error) {
	f := newForm("title", w.Title, "effect", "silence", "scope", "all", "tags", strings.Join(w.Tags, ", "))
	if w.Effect == cron.MaintenancePause {
		f.values.Set("effect", "pause")
	}
	v.setSpans(f, w)
	if len(w.JobIDs)+len(w.FolderIDs)+len(w.Tags) > 0 {
		f.values.Set("scope", "some")
	}
	for _, id := range w.FolderIDs {
		f.values.Add("folder", formatID(id))
	}
	var lines []string
	for _, id := range w.JobIDs {
		job, err := v.web.service.Job(v.ctx(), v.web.now(), v.actor, id)
		switch {
		case cron.KindOf(err) == cron.NotFound:
			lines = append(lines, jobLine(id, v.catalogue.Label("maintenance.gone")))
		case err != nil:
			return f, err
		default:
			lines = append(lines, jobLine(id, jobTitle(&job.Job)))
		}
	}
	f.values.Set("jobs", strings.Join(lines, "\n"))
	return f, nil
}

// suggestSpan sets the fields that say when a window is, for a new one: the next whole hour.
func (v *visit) suggestSpan(f form) {
	zone := v.plainView().zone
	start := v.web.now().In(zone).Truncate(time.Hour).Add(time.Hour)
	v.setSpans(f, &cron.MaintenanceWindow{Start: start, End: start.Add(time.Hour)})
	f.values.Set("zone", zone.String())
	f.values.Set("duration", "60")
}

// setSpans sets the fields that say when a window is.
func (v *visit) setSpans(f form, w *cron.MaintenanceWindow) {
	zone := v.plainView().zone
	f.values.Set("kind", "once")
	f.values.Set("start", localTimeText(w.Start, zone))
	f.values.Set("end", localTimeText(w.End, zone))
	f.values.Set("zone", cmp.Or(w.Schedule.Timezone, "UTC"))
	f.values.Set("unit", "minutes")
	if w.Once() {
		return
	}
	f.values.Set("kind", "schedule")
	line, _ := w.Schedule.Crontab()
	f.values.Set("schedule", line)
	for _, unit := range []string{"days", "hours", "minutes"} {
		if w.Duration%windowUnits[unit] == 0 {
			f.values.Set("unit", unit)
			break
		}
	}
	unit := windowUnits[f.Value("unit")]
	f.values.Set("duration", strconv.FormatFloat(float64(w.Duration)/float64(unit), 'f', -1, 64))
}

// jobLine is a job in the list of the form: its number, and its title for people.
func jobLine(id int64, title string) string {
	return "#" + formatID(id) + " " + oneLine(title, maxBinTitle)
}

// readWindow reads the form; before is the window as it is, or the zero value.
func (v *visit) readWindow(before cron.MaintenanceWindow) (cron.MaintenanceWindow, error) {
	var c cron.Checker
	w := cron.MaintenanceWindow{Title: v.form("title")}
	if v.form("effect") == "pause" {
		w.Effect = cron.MaintenancePause
	}
	v.readSpans(&c, &w, &before)
	if v.form("scope") == "some" {
		if err := v.takeTypedFolder(v.r.PostForm, true, &c); err != nil {
			return w, err
		}
		for _, id := range v.r.PostForm["folder"] {
			w.FolderIDs = append(w.FolderIDs, parseID(id))
		}
		w.Tags = splitTags(v.form("tags"))
		ids, err := v.readJobs(&c, before.JobIDs)
		if err != nil {
			return w, err
		}
		w.JobIDs = ids
		if len(w.FolderIDs)+len(w.Tags)+len(w.JobIDs) == 0 && c.Err() == nil {
			c.Add("/jobs", cron.Problem{Rule: cron.RuleMandatory})
		}
	}
	err := c.Err()
	if err == nil {
		return w, nil
	}
	v.fillSpan(&w)
	return w, cron.JoinProblems(err, w.Accept())
}

// readSpans reads when a window is.
func (v *visit) readSpans(c *cron.Checker, w, before *cron.MaintenanceWindow) {
	if v.form("kind") == "schedule" {
		v.readWindowSchedule(c, w, before)
		return
	}
	if w.Start = v.localTime("start", c); v.form("start") == "" {
		c.Add("/start", cron.Problem{Rule: cron.RuleMandatory})
	}
	if w.End = v.localTime("end", c); v.form("end") == "" {
		c.Add("/end", cron.Problem{Rule: cron.RuleMandatory})
	}
}

// fillSpan completes a span whose missing times are complained about already.
func (v *visit) fillSpan(w *cron.MaintenanceWindow) {
	if v.form("kind") != "schedule" && (w.Start.IsZero() || w.End.IsZero()) {
		w.Start = v.web.now()
		w.End = w.Start.Add(time.Hour)
	}
}

// readWindowSchedule reads when a window starts by a crontab line. An empty one keeps a schedule that no such line can say.
func (v *visit) readWindowSchedule(c *cron.Checker, w, before *cron.MaintenanceWindow) {
	n, err := strconv.ParseFloat(strings.TrimSpace(v.form("duration")), 64)
	if err != nil || n > float64(cron.MaxMaintenance/time.Minute) {
		n = 0 // which is out of range
	}
	w.Duration = time.Duration(n * float64(windowUnits[v.form("unit")]))
	line := strings.TrimSpace(v.form("schedule"))
	if _, said := before.Schedule.Crontab(); line == "" && !said && !before.Once() && before.ID != 0 {
		w.Schedule = before.Schedule
		w.Schedule.Timezone = v.form("zone")
		return
	}
	if line == "" {
		c.Add("/schedule", cron.Problem{Rule: cron.RuleMandatory})
		return
	}
	parsed, err := cron.ParseCrontab(line)
	if e, ok := errors.AsType[*cron.CrontabError](err); ok {
		c.Add("/schedule", cron.Problem{Rule: cron.RuleCrontab, Crontab: e})
		return
	}
	parsed.Timezone = cmp.Or(parsed.Timezone, strings.TrimSpace(v.form("zone")))
	parsed.ExpiresAt, parsed.DST = before.Schedule.ExpiresAt, before.Schedule.DST
	w.Schedule = parsed
}

// readJobs reads jobs, a line for each: a number, with or without # before it and a title behind it, or a title. Those of known
// need not exist any longer.
func (v *visit) readJobs(c *cron.Checker, known []int64) (ids []int64, err error) {
	looked := 0
	for line := range strings.Lines(v.form("jobs")) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if len(ids) > cron.MaxMaintenanceItems {
			return ids, nil // which is refused
		}
		if id := lineID(line); id != 0 {
			if err := v.checkJob(c, id, known); err != nil {
				return nil, err
			}
			ids = append(ids, id)
			continue
		}
		if looked++; looked > maxFoundTitles {
			c.Add("/jobs", cron.Problem{Rule: cron.RuleTooMany, Limit: maxFoundTitles})
			return ids, nil
		}
		found, err := v.jobsTitled(line)
		if err != nil {
			return nil, err
		}
		if len(found) != 1 {
			c.Add("/jobs", cron.Problem{Rule: cron.RuleUnknownJob, Given: line})
			continue
		}
		ids = append(ids, found[0])
	}
	return ids, nil
}

// lineID is the number with which a line begins; 0 if there is none.
func lineID(line string) int64 {
	word, _, _ := strings.Cut(line, " ")
	if number, ok := strings.CutPrefix(word, "#"); ok {
		return parseID(number)
	}
	return parseID(line) // a title may begin with a number
}

// checkJob adds that the account has no such job, unless it is known.
func (v *visit) checkJob(c *cron.Checker, id int64, known []int64) error {
	for _, other := range known {
		if other == id {
			return nil
		}
	}
	_, err := v.web.service.Job(v.ctx(), v.web.now(), v.actor, id)
	if cron.KindOf(err) == cron.NotFound {
		c.Add("/jobs", cron.Problem{Rule: cron.RuleUnknownJob, Given: formatID(id)})
		return nil
	}
	return err
}

// jobsTitled lists the jobs of a title, ignoring case.
func (v *visit) jobsTitled(title string) (ids []int64, err error) {
	q := cron.JobQuery{Limit: pageRows}
	q.Filter.Text = title
	page, err := v.web.service.SearchJobs(v.ctx(), v.web.now(), v.actor, &q)
	if cron.KindOf(err) == cron.Invalid { // too long to be a title
		return nil, nil
	}
	for i := range page.Jobs {
		if strings.EqualFold(strings.TrimSpace(page.Jobs[i].Title), title) {
			ids = append(ids, page.Jobs[i].ID)
		}
	}
	return ids, err
}
