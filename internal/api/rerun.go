package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// rerunAnswer says what is repeated, or would be.
type rerunAnswer struct {
	DryRun         bool       `json:"dryRun"`
	Records        int64      `json:"records"`
	Repeated       int64      `json:"repeated"`
	Runs           int        `json:"runs"`
	Jobs           int        `json:"jobs"`
	NotIdempotent  int        `json:"notIdempotent"`
	Warnings       []rerunJob `json:"warnings"` // the first of the jobs that are not idempotent
	Seconds        int64      `json:"seconds"`
	First          *int64     `json:"first"` // Unix seconds; null when nothing is repeated
	Last           *int64     `json:"last"`
	Cut            bool       `json:"cut"`
	SearchedBackTo *int64     `json:"searchedBackTo"` // Unix seconds; null when all records were examined
}

// rerunJob is a job whose method is not idempotent.
type rerunJob struct {
	JobID  int64  `json:"jobId"`
	Title  string `json:"title"`
	Method string `json:"method"`
	Runs   int    `json:"runs"`
}

// rerunHistory repeats records of the history, or says what that would do.
func (a *api) rerunHistory(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	body, err := wire.ReadObject(w, r, rerunBody)
	if err != nil {
		return err
	}
	q := cron.RerunQuery{PerMinute: cron.DefaultRerunRate}
	readRerunFilter(body.Object("filter"), &q.Filter)
	wire.Integer(body, "perMinute", &q.PerMinute, 1, cron.MaxRerunRate)
	body.Boolean("perJob", &q.PerJob)
	dryRun := false
	body.Boolean("dryRun", &dryRun)
	if err := body.Err(); err != nil {
		return err
	}
	plan, err := a.service.PlanReruns(r.Context(), actor, &q) // before the transaction, as it may take a second
	if cron.KindOf(err) == cron.Invalid {
		return cron.Under("/filter", err)
	}
	if err != nil {
		return err
	}
	a.tellIgnored(w, r, body, "", nil)
	if dryRun {
		return reply(w, newRerunAnswer(&plan, true))
	}
	return a.effect(w, r, func(ctx context.Context, w http.ResponseWriter) error {
		made, err := a.service.Rerun(ctx, actor, &plan)
		if err != nil {
			return err
		}
		return reply(w, newRerunAnswer(&made, false))
	})
}

// cancelReruns takes back the runs that repeat records and wait.
func (a *api) cancelReruns(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	count, err := a.service.CancelReruns(r.Context(), actor)
	if err != nil {
		return err
	}
	return reply(w, struct {
		Runs int `json:"runs"`
	}{count})
}

// readRerunFilter reads the members that the filter of a search has too.
func readRerunFilter(filter wire.Object, f *cron.HistoryFilter) {
	wire.Integer(filter, "job", &f.JobID, 1, 1<<53)
	if filter.Has("folder") {
		f.FolderID = new(int64)
		wire.Integer(filter, "folder", f.FolderID, 0, 1<<53)
	}
	names := make([]string, len(cron.RepeatableOutcomes))
	for i, o := range cron.RepeatableOutcomes {
		names[i] = o.String()
	}
	listed := filter.Each("outcome", func(index string, item json.RawMessage) {
		at, wrong := wire.ParseChoice(item, names)
		if wrong.Rule != cron.RuleNone {
			filter.Problems.Add(filter.At("outcome", index), wrong)
		} else if o := cron.RepeatableOutcomes[at]; !slices.Contains(f.Outcomes, o) {
			f.Outcomes = append(f.Outcomes, o)
		}
	})
	if !listed {
		f.Outcomes = []cron.Outcome{cron.OutcomeFailed, cron.OutcomeLost, cron.OutcomeMissed}
	}
	wire.Span(filter, &f.From, &f.To)
	filter.Text("text", &f.Text)
	readCause(filter, &f.Causes)
}

func newRerunAnswer(p *cron.RerunPlan, dryRun bool) rerunAnswer {
	answer := rerunAnswer{
		DryRun: dryRun, Records: p.Matched, Repeated: p.Repeated, Runs: len(p.Runs), Jobs: len(p.Jobs), Warnings: []rerunJob{},
		Seconds: int64((p.Takes() + time.Second - 1) / time.Second), Cut: p.Cut, SearchedBackTo: wire.UnixOrNull(p.Back),
	}
	for _, j := range p.Jobs {
		if j.Method.Idempotent() {
			continue
		}
		if answer.NotIdempotent++; answer.NotIdempotent <= wire.MaxRerunWarnings {
			answer.Warnings = append(answer.Warnings, rerunJob{j.ID, j.Title, j.Method.String(), j.Runs})
		}
	}
	if !p.Start.IsZero() {
		answer.First = new(p.Start.Add(p.Runs[0].After).Unix())
		answer.Last = new(p.Start.Add(p.Takes()).Unix())
	}
	return answer
}
