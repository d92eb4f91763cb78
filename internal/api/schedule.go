package api

import (
	"errors"
	"net/http"
	"time"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// timing is the members of a job that say when it is due, besides its schedule. Times are Unix seconds.
type timing struct {
	RunAt       *int64 `json:"runAt"`
	PausedUntil *int64 `json:"pausedUntil"`
	PauseNote   string `json:"pauseNote"`
}

func newTiming(t *cron.Timing) timing {
	return timing{wire.UnixOrNull(t.RunAt), wire.UnixOrNull(t.PausedUntil), t.PauseNote}
}

// readTiming merges the members of a job, and of its schedule, that belong to its timing.
func readTiming(job, schedule wire.Object, t *cron.Timing) {
	wire.Instant(job, "runAt", &t.RunAt)
	wire.Instant(job, "pausedUntil", &t.PausedUntil)
	job.Text("pauseNote", &t.PauseNote)
	schedule.Seconds("spreadSeconds", &t.Spread, 0, cron.MaxSpread)
	if _, given := job.Value("enabled"); given {
		t.Spent = false // somebody says what the job is to be
	}
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
}

// previewGap is local times that clocks are put forward across.
type previewGap struct {
	First string `json:"first"`
	Last  string `json:"last"`
	Count int    `json:"count"`
	At    *int64 `json:"at"` // the occurrence that stands for them
}

// previewSchedule shows the occurrences of a schedule that the query string describes.
func (a *api) previewSchedule(w http.ResponseWriter, r *http.Request, _ cron.Account) error {
	var (
		p     wire.Problems
		query = wire.Query(r, &p)
		s     = cron.NewSchedule()
		runAt time.Time
		from  = a.now()
		count = wire.DefaultPreview
	)
	readSchedule(query, &s)
	readCrontab(query, "cron", &s)
	wire.Instant(query, "runAt", &runAt)
	wire.Time(query, "from", &from)
	wire.Integer(query, "count", &count, 1, wire.LongestPreview)
	s.Check(&p.Checker, "")
	if err := p.Err(); err != nil {
		return err
	}
	answer := newPreview(s.Preview(from, count))
	if text, ok := s.Crontab(); ok {
		answer.Crontab = &text
	}
	if !runAt.IsZero() {
		answer = newPreview(s.PreviewOnce(runAt, from))
	}
	answer.Words = a.messages.Schedule(&s, runAt)
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
		answer.Runs[i] = previewRun{run.At.Unix(), run.At.Format(local), run.At.Format(offset), wire.PreviewNotes[run.Note]}
	}
	for i, gap := range p.Skipped {
		answer.Skipped[i] = previewGap{gap.First.Format(local), gap.Last.Format(local), gap.Count, wire.UnixOrNull(gap.At)}
	}
	return answer
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
