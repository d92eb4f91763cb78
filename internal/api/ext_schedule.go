package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"punctual/internal/cron"
)

// The instants that the wire knows: those of the years that RFC 3339 can write, in Unix seconds.
const (
	firstInstant = -62135596800
	lastInstant  = 253402300799
)

// timing is the members of a job that say when it is due, besides its schedule. Times are Unix seconds.
type timing struct {
	RunAt       *int64 `json:"runAt"`
	PausedUntil *int64 `json:"pausedUntil"`
	PauseNote   string `json:"pauseNote"`
}

func newTiming(t *cron.Timing) timing {
	return timing{unixOrNull(t.RunAt), unixOrNull(t.PausedUntil), t.PauseNote}
}

// readTiming merges the members of a job, and of its schedule, that belong to its timing.
func readTiming(job, schedule object, t *cron.Timing) {
	readInstant(job, "runAt", &t.RunAt)
	readInstant(job, "pausedUntil", &t.PausedUntil)
	job.text("pauseNote", &t.PauseNote)
	schedule.seconds("spreadSeconds", &t.Spread, 0, cron.MaxSpread)
	if _, given := job.value("enabled"); given {
		t.Spent = false // somebody says what the job is to be
	}
}

// readInstant reads Unix seconds, where 0 stands for none.
func readInstant(o object, name string, to *time.Time) {
	n := to.Unix()
	if to.IsZero() {
		n = 0
	}
	integer(o, name, &n, 0, lastInstant)
	if *to = time.Unix(n, 0).UTC(); n == 0 {
		*to = time.Time{}
	}
}

// How many occurrences a preview shows.
const (
	defaultPreview = 5
	longestPreview = 100
)

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

// previewNotes are the names of the notes, by their numbers.
var previewNotes = []string{
	cron.NoteNone: "", cron.NoteShifted: "shifted", cron.NoteFirst: "first", cron.NoteRepeated: "repeated",
}

// previewSchedule shows the occurrences of a schedule that the query string describes.
func (a *api) previewSchedule(w http.ResponseWriter, r *http.Request, _ cron.Account) error {
	var (
		p     problems
		query = queryObject(r, &p)
		s     = cron.NewSchedule()
		runAt time.Time
		from  = a.now()
		count = defaultPreview
	)
	readSchedule(query, &s)
	readCrontab(query, "cron", &s)
	readInstant(query, "runAt", &runAt)
	readTime(query, "from", &from)
	integer(query, "count", &count, 1, longestPreview)
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
		answer.Runs[i] = previewRun{run.At.Unix(), run.At.Format(local), run.At.Format(offset), previewNotes[run.Note]}
	}
	for i, gap := range p.Skipped {
		answer.Skipped[i] = previewGap{gap.First.Format(local), gap.Last.Format(local), gap.Count, unixOrNull(gap.At)}
	}
	return answer
}

// queryObject is a query string as an object, so that it is read like one: its members are strings, and arrays of those
// where a set of numbers is expected. A parameter without a value is as one that is not there.
func queryObject(r *http.Request, p *problems) object {
	o := object{members: map[string]json.RawMessage{}, problems: p}
	for name, values := range r.URL.Query() {
		text := strings.TrimSpace(values[len(values)-1])
		if text == "" {
			continue
		}
		var value any = text
		switch name {
		case "seconds", "minutes", "hours", "mdays", "months", "wdays":
			items := strings.Split(text, ",")
			for i := range items {
				items[i] = strings.TrimSpace(items[i])
			}
			value = items
		}
		if raw, err := json.Marshal(value); err == nil { // which strings always are
			o.members[name] = raw
		}
	}
	return o
}

// readCrontab reads the text of a crontab line over the sets of a schedule, and over its time zone when it names one.
func readCrontab(o object, name string, s *cron.Schedule) {
	var text string
	if o.text(name, &text); text == "" {
		return
	}
	parsed, err := cron.ParseCrontab(text)
	if e, ok := errors.AsType[*cron.CrontabError](err); ok {
		o.add(name, cron.Problem{Rule: cron.RuleCrontab, Crontab: e})
		return
	}
	parsed.ExpiresAt, parsed.DST = s.ExpiresAt, s.DST
	if parsed.Timezone == "" {
		parsed.Timezone = s.Timezone
	}
	*s = parsed
}

// readTime reads Unix seconds or a time as of RFC 3339.
func readTime(o object, name string, to *time.Time) {
	var text string
	if o.text(name, &text); text == "" {
		return
	}
	// The + of an offset that is not escaped stands for a space in a query string.
	if t, err := time.Parse(time.RFC3339, strings.ReplaceAll(text, " ", "+")); err == nil {
		*to = t
		return
	}
	n, wrong := parseInteger(o.members[name], firstInstant, lastInstant)
	if wrong.Rule == cron.RuleWrongType {
		wrong.Want = "time in Unix seconds, or as 2026-03-29T00:00:00Z,"
	}
	if wrong.Rule != cron.RuleNone {
		o.add(name, wrong)
		return
	}
	*to = time.Unix(n, 0)
}
