package api

import (
	"errors"
	"math"
	"net/http"
	"strings"
	"time"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/service"
)

// schedule has the seven fields of the contract.
type schedule struct {
	Timezone  string `json:"timezone"`
	ExpiresAt int64  `json:"expiresAt"`
	Hours     []int  `json:"hours"`
	MonthDays []int  `json:"mdays"`
	Minutes   []int  `json:"minutes"`
	Months    []int  `json:"months"`
	Weekdays  []int  `json:"wdays"`
}

// detailedSchedule has our additions too.
type detailedSchedule struct {
	schedule
	Seconds       []int  `json:"seconds"`
	Days          string `json:"days"`
	LastDay       bool   `json:"lastDay"`
	DST           string `json:"dst"`
	SpreadSeconds int64  `json:"spreadSeconds"`
}

func newSchedule(s *cron.Schedule) schedule {
	return schedule{
		Timezone: s.Timezone, ExpiresAt: s.ExpiresAt,
		Hours: numbers(s.Hours), MonthDays: numbers(s.MonthDays), Minutes: numbers(s.Minutes),
		Months: numbers(s.Months), Weekdays: numbers(s.Weekdays),
	}
}

func newDetailedSchedule(s *cron.Schedule, spread time.Duration) detailedSchedule {
	return detailedSchedule{newSchedule(s), numbers(s.Seconds), wire.DayNames[s.Days], s.LastDay, wire.DSTNames[s.DST], wire.WholeSeconds(spread)}
}

// numbers is a set as the contract shows it.
func numbers(s cron.Set) []int {
	if s == cron.Every {
		return []int{wire.Every}
	}
	return s.Members()
}

// readSchedule merges the members of a schedule.
func readSchedule(o wire.Object, s *cron.Schedule) {
	o.Text("timezone", &s.Timezone)
	wire.Integer(o, "expiresAt", &s.ExpiresAt, math.MinInt64, math.MaxInt64)
	o.Set("hours", &s.Hours, 0, 23)
	o.Set("mdays", &s.MonthDays, 1, 31)
	o.Set("minutes", &s.Minutes, 0, 59)
	o.Set("months", &s.Months, 1, 12)
	o.Set("wdays", &s.Weekdays, 0, 7)
	o.Set("seconds", &s.Seconds, 0, 59)
	o.Boolean("lastDay", &s.LastDay)
	wire.Choice(o, "days", &s.Days, wire.DayNames)
	wire.Choice(o, "dst", &s.DST, wire.DSTNames)
}

// readCrontab reads the text of a crontab line over the sets of a schedule, and over its time zone when it names one.
func readCrontab(o wire.Object, name string, s *cron.Schedule) {
	var text string
	if o.Text(name, &text); text == "" {
		return
	}
	parsed, err := cron.ParseCrontab(text)
	if e, ok := errors.AsType[*cron.CrontabError](err); ok {
		o.Add(name, cron.Problem{Rule: cron.RuleCrontab, Crontab: e})
		return
	}
	parsed.ExpiresAt, parsed.DST = s.ExpiresAt, s.DST
	if parsed.Timezone == "" {
		parsed.Timezone = s.Timezone
	}
	*s = parsed
}

// preview is what a schedule does from an instant on.
type preview struct {
	Runs    []previewRun `json:"runs"`
	Skipped []previewGap `json:"skipped"`
	Words   string       `json:"words"`
	Crontab *string      `json:"crontab"`
}

// previewRun is an occurrence.
type previewRun struct {
	At     int64  `json:"at"` // Unix seconds
	Local  string `json:"local"`
	Offset string `json:"offset"`
	Note   string `json:"note"`

	Window *previewWindow `json:"maintenance,omitempty"` // that the job is in then
}

// previewWindow is a maintenance window.
type previewWindow struct {
	WindowID int64  `json:"windowId"`
	Title    string `json:"title"`
	Effect   string `json:"effect"`
}

// previewGap is local times that clocks are put forward across.
type previewGap struct {
	First string `json:"first"`
	Last  string `json:"last"`
	Count int    `json:"count"`
	At    *int64 `json:"at"` // the occurrence that stands for them
}

// previewSchedule shows the occurrences of a schedule that the query string describes.
func (a *api) previewSchedule(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	var (
		jobID int64
		wrong wire.Problems
	)
	query := wire.Query(r, &wrong)
	wire.Integer(query, "jobId", &jobID, 1, wire.MaxID)
	p, err := a.service.PreviewSchedule(r.Context(), a.now(), actor, jobID, func(to *service.PreviewRequest) error {
		to.Count = wire.DefaultPreview
		readSchedule(query, &to.Schedule)
		readCrontab(query, "cron", &to.Schedule)
		wire.Instant(query, "runAt", &to.RunAt)
		wire.Time(query, "from", &to.From)
		wire.Integer(query, "count", &to.Count, 1, service.MaxPreview)
		return wrong.Err()
	})
	if err != nil {
		return err
	}
	answer := newPreview(p.Preview)
	answer.Words = p.Words
	if p.Crontab != "" {
		answer.Crontab = &p.Crontab
	}
	return reply(w, answer)
}

func newPreview(p cron.Preview) preview {
	answer := preview{Runs: make([]previewRun, len(p.Runs)), Skipped: make([]previewGap, len(p.Skipped))}
	const local = "2006-01-02T15:04:05"
	for i, run := range p.Runs {
		offset := "-07:00"
		if _, seconds := run.At.Zone(); seconds%60 != 0 {
			offset = "-07:00:00" // as in the days of local mean time
		}
		shown := previewRun{At: run.At.Unix(), Local: run.At.Format(local), Offset: run.At.Format(offset), Note: wire.PreviewNotes[run.Note]}
		if w := run.Window; w != nil {
			shown.Window = &previewWindow{w.ID, w.Title, wire.MaintenanceNames[w.Effect]}
		}
		answer.Runs[i] = shown
	}
	for i, gap := range p.Skipped {
		answer.Skipped[i] = previewGap{gap.First.Format(local), gap.Last.Format(local), gap.Count, wire.UnixOrNull(gap.At)}
	}
	return answer
}

// load is the runs that schedules plan.
type load struct {
	From   int64      `json:"from"`   // Unix seconds
	Day    []int      `json:"day"`    // by minute
	Spread []int      `json:"spread"` // null without a spread
	Week   []int      `json:"week"`   // by hour
	Hosts  []hostLoad `json:"hosts"`
	Jobs   int        `json:"jobs"`
	Passed int        `json:"passed"`
}

type hostLoad struct {
	Host string `json:"host"`
	Jobs int    `json:"jobs"`
	Day  int    `json:"day"`
	Week int    `json:"week"`
}

// getScheduleLoad counts the runs ahead.
func (a *api) getScheduleLoad(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	var p wire.Problems
	query, asked := wire.Query(r, &p), cron.LoadQuery{Timezone: "UTC"}
	query.Text("timezone", &asked.Timezone)
	query.Text("host", &asked.Host)
	query.Seconds("spreadSeconds", &asked.Spread, 0, cron.MaxSpread)
	if err := p.Err(); err != nil {
		return err
	}
	asked.Host = strings.ToLower(asked.Host)
	planned, err := a.service.ScheduleLoad(r.Context(), a.now(), actor, asked)
	if err != nil {
		return err
	}
	answer := load{planned.From.Unix(), planned.Day, planned.Spread, planned.Week[:], make([]hostLoad, len(planned.Hosts)), planned.Jobs, planned.Passed}
	for i, h := range planned.Hosts {
		answer.Hosts[i] = hostLoad(h)
	}
	return reply(w, answer)
}
