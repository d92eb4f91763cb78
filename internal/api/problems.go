package api

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/message"
)

// jobProblem is a problem of jobs. Times are Unix seconds.
type jobProblem struct {
	ProblemID    int64   `json:"problemId"`
	State        string  `json:"state"`
	Kind         string  `json:"kind"`
	Cause        string  `json:"cause"`
	Sentence     string  `json:"sentence"`
	Host         *string `json:"host"` // null where none was called
	FirstSeen    int64   `json:"firstSeen"`
	LastSeen     int64   `json:"lastSeen"`
	Runs         int64   `json:"runs"`
	RunsComplete bool    `json:"runsComplete"`
	Jobs         int     `json:"jobs"`
	JobIDs       []int64 `json:"jobIds"` // of some of them
	Reopened     int     `json:"reopened"`
	Note         string  `json:"note"`
	By           *string `json:"by"`           // who changed it last; null for the service
	Changed      *int64  `json:"changed"`      // when; null for never
	SnoozedUntil *int64  `json:"snoozedUntil"` // null for one that is not snoozed
	Resolved     *int64  `json:"resolved"`     // null for one that is not resolved
}

func newJobProblem(c *message.Catalogue, p *cron.JobProblem, why *cron.Diagnosis) jobProblem {
	answer := jobProblem{
		ProblemID: p.ID, State: p.State.String(), Kind: p.Kind.String(), Cause: p.FirstCause().String(), Sentence: c.Diagnosis(why),
		Host: wire.StringOrNull(why.Host), FirstSeen: p.Opened.Unix(), LastSeen: p.LastSeen.Unix(), Runs: p.Runs, RunsComplete: !p.RunsAtLeast,
		Jobs: p.Jobs, JobIDs: append([]int64{}, p.JobIDs...), Reopened: p.Reopened, Note: p.Note, By: wire.StringOrNull(p.By),
		Changed: wire.UnixOrNull(p.Acted),
	}
	switch p.State {
	case cron.ProblemSnoozed:
		answer.SnoozedUntil = wire.UnixOrNull(p.SnoozedUntil)
	case cron.ProblemResolved:
		answer.Resolved = wire.UnixOrNull(p.Resolved)
	}
	return answer
}

func (a *api) listProblems(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	var (
		p              wire.Problems
		query          = wire.Query(r, &p)
		states, cursor string
		q              = cron.ProblemQuery{Limit: wire.DefaultProblemsPage}
	)
	query.Text("state", &states)
	query.Text("cursor", &cursor)
	wire.Integer(query, "limit", &q.Limit, 1, wire.MaxProblemsPage)
	for _, name := range strings.Split(states, ",") {
		if name == "" {
			continue
		}
		state := problemState(name)
		if state < 0 {
			query.Add("state", cron.Problem{Rule: cron.RuleUnknownValue, Given: name})
		}
		q.States = append(q.States, state)
	}
	if cursor != "" {
		opened, id, ok := strings.Cut(cursor, "-")
		ms, err := strconv.ParseUint(opened, 10, 60)
		number, err2 := strconv.ParseUint(id, 10, 60)
		if !ok || err != nil || err2 != nil || number == 0 {
			query.Add("cursor", cron.Problem{Rule: cron.RuleCursor})
		}
		q.After = cron.ProblemPosition{Opened: time.UnixMilli(int64(ms)), ID: int64(number)}
	}
	if err := p.Err(); err != nil {
		return err
	}
	list, why, next, err := a.service.Problems(r.Context(), actor, &q)
	if err != nil {
		return err
	}
	answer := struct {
		Problems []jobProblem `json:"problems"`
		Next     *string      `json:"next"` // the cursor of the next page; null at the end
	}{Problems: make([]jobProblem, len(list))}
	for i := range list {
		answer.Problems[i] = newJobProblem(languageOf(r), &list[i], &why[i])
	}
	if next.ID != 0 {
		answer.Next = new(strconv.FormatInt(next.Opened.UnixMilli(), 10) + "-" + strconv.FormatInt(next.ID, 10))
	}
	return reply(w, answer)
}

// problemState is the state of a name; -1 for none.
func problemState(name string) cron.ProblemState {
	for state, known := range cron.ProblemStateNames {
		if name == known {
			return cron.ProblemState(state)
		}
	}
	return -1
}

// problemJob is a job that has a problem.
type problemJob struct {
	JobID         int64  `json:"jobId"`
	Title         string `json:"title"`
	URL           string `json:"url"`
	Enabled       bool   `json:"enabled"`
	LastExecution *int64 `json:"lastExecution"` // Unix seconds; null for none
}

// problemEdit is a version that a job got before a problem opened.
type problemEdit struct {
	JobID   int64    `json:"jobId"`
	Version int64    `json:"version"`
	Created int64    `json:"created"` // Unix seconds
	By      string   `json:"by"`
	Way     string   `json:"way"`
	Changes []string `json:"changes"`
}

func (a *api) getProblem(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	d, err := a.service.Problem(r.Context(), actor, pathID(r, "problemId"))
	if err != nil {
		return err
	}
	answer := struct {
		Problem jobProblem    `json:"problem"`
		Jobs    []problemJob  `json:"jobs"`
		Edits   []problemEdit `json:"edits"`
	}{newJobProblem(languageOf(r), &d.JobProblem, &d.Why), make([]problemJob, len(d.Jobs)), make([]problemEdit, len(d.Edits))}
	for i, j := range d.Jobs {
		answer.Jobs[i] = problemJob{j.JobID, j.Title, cron.MaskURL(j.URL), j.Enabled, wire.UnixOrNull(j.LastExecution)}
	}
	for i := range d.Edits {
		v := &d.Edits[i]
		answer.Edits[i] = problemEdit{v.JobID, v.Version, v.Created.Unix(), v.Author.Label, v.Author.Way, append([]string{}, v.Changes...)}
	}
	return reply(w, answer)
}

// actOnProblem is the handler of a change of a problem to a state; nil for one of its note only.
func (a *api) actOnProblem(state *cron.ProblemState) func(http.ResponseWriter, *http.Request, cron.Actor) error {
	return func(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
		body, err := wire.ReadObject(w, r, problemBody)
		if err != nil {
			return err
		}
		action := cron.ProblemAction{State: state}
		if body.Has("note") {
			action.Note = new(string)
			body.Text("note", action.Note)
		} else if state == nil {
			body.Need("note")
		}
		if state != nil && *state == cron.ProblemSnoozed {
			body.MustHave("until")
			wire.Instant(body, "until", &action.Until)
		}
		a.tellIgnored(w, r, body, "", nil)
		if err := body.Err(); err != nil {
			return err
		}
		if err := a.service.ActOnProblem(r.Context(), actor, pathID(r, "problemId"), action); err != nil {
			return err
		}
		return reply(w, struct{}{})
	}
}
