package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// run is an execution that somebody asked for. What is not known yet is null.
type run struct {
	RunID       int64   `json:"runId"` // Unix ms
	JobID       int64   `json:"jobId"`
	Path        string  `json:"path"`
	State       string  `json:"state"`
	DatePlanned int64   `json:"datePlanned"` // Unix seconds
	Outcome     *string `json:"outcome"`
	Identifier  *string `json:"identifier"` // in the history
}

func newRun(r *cron.Run) run {
	answer := run{
		RunID: r.Planned.UnixMilli(), JobID: r.JobID,
		Path:  fmt.Sprintf("/jobs/%d/runs/%d", r.JobID, r.Planned.UnixMilli()),
		State: wire.RunStates[r.State], DatePlanned: r.Planned.Unix(),
	}
	if e := &r.Execution; r.State == cron.RunFinished {
		answer.Outcome = new(e.Outcome.String())
		if e.Outcome != cron.OutcomeSkipped { // which has no place in the history
			answer.Identifier = new(identifier(e))
		}
	}
	return answer
}

// runJob executes a job now. It answers before the execution has started.
func (a *api) runJob(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	return a.effect(w, r, func(ctx context.Context, w http.ResponseWriter) error {
		asked, err := a.service.RunJob(ctx, actor, pathID(r, "jobId"))
		if err != nil {
			return err
		}
		answer := newRun(&asked)
		w.Header().Set("Location", answer.Path)
		return write(w, http.StatusAccepted, "application/json", runAnswer{answer})
	})
}

func (a *api) getRun(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	asked, err := a.service.Run(r.Context(), actor, pathID(r, "jobId"), time.UnixMilli(pathID(r, "runId")).UTC())
	if err != nil {
		return err
	}
	return reply(w, runAnswer{newRun(&asked)})
}

type runAnswer struct {
	Run run `json:"run"`
}
