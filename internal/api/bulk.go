package api

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"slices"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// bulkResult is the result for one of the jobs.
type bulkResult struct {
	JobID   int64    `json:"jobId"`
	Status  int      `json:"status"`
	Problem *problem `json:"problem"` // null on success
}

// changeJobs applies one change to many jobs, each in a transaction of its own.
func (a *api) changeJobs(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	body, err := wire.ReadObject(w, r, bulkBody)
	if err != nil {
		return err
	}
	action := wire.BulkAction(-1)
	wire.Choice(body, "action", &action, wire.BulkActions)
	body.MustHave("action")
	do, unread, err := a.bulkChange(r.Context(), actor, action, body)
	if err != nil {
		return err
	}
	ids, err := a.bulkJobs(r.Context(), actor, body)
	if err != nil {
		return err
	}
	a.tellIgnored(w, r, body, "/job", unread)
	results, err := do(ids)
	if err != nil {
		return err
	}
	answer := struct {
		Results   []bulkResult `json:"results"`
		Succeeded int          `json:"succeeded"`
		Failed    int          `json:"failed"`
	}{Results: make([]bulkResult, len(ids))}
	for i, err := range results {
		answer.Results[i] = bulkResult{JobID: ids[i], Status: http.StatusOK}
		if err == nil {
			answer.Succeeded++
			continue
		}
		answer.Failed++
		status, e := a.classify(r, cron.Under("/job", err))
		p := newProblem(languageOf(r), status, e)
		answer.Results[i].Status, answer.Results[i].Problem = status, &p
	}
	return reply(w, answer)
}

// bulkChange reads the change. do applies it to jobs and returns their errors. unread lists the members that are ignored.
func (a *api) bulkChange(ctx context.Context, actor cron.Actor, action wire.BulkAction, body wire.Object) (
	do func(jobIDs []int64) ([]error, error), unread []string, err error) {
	patch := &cron.JobPatch{}
	switch action {
	case wire.BulkEnable, wire.BulkDisable:
		patch.Fields, patch.Values.Enabled = []string{"/enabled"}, action == wire.BulkEnable
	case wire.BulkMove:
		patch.Fields = []string{"/folderId"}
		wire.Integer(body, "toFolderId", &patch.Values.FolderID, 0, math.MaxInt64)
		body.MustHave("toFolderId")
		if err := a.service.CheckFolder(ctx, actor, patch.Values.FolderID); err != nil {
			return nil, nil, cron.Under("/toFolderId", err)
		}
	case wire.BulkPatch:
		body.MustHave("job")
		job, ok := body.Value("job")
		if len(job) > wire.MaxBulkPatch {
			body.Add("job", cron.Problem{Rule: cron.RuleTooLong, Limit: wire.MaxBulkPatch, Unit: cron.UnitBytes})
		} else if ok {
			patch, unread = readPatch(job)
			if err := a.service.CheckPatch(actor, patch); err != nil {
				return nil, nil, cron.Under("/job", err)
			}
		}
	case wire.BulkDelete:
		return func(jobIDs []int64) ([]error, error) { return a.service.DeleteJobs(ctx, actor, jobIDs) }, nil, body.Err()
	}
	return func(jobIDs []int64) ([]error, error) {
		return a.service.ChangeJobs(ctx, actor, jobIDs, patch)
	}, unread, body.Err()
}

// bulkJobs reads the IDs of the jobs: a list, without repetitions, or all jobs of a folder.
func (a *api) bulkJobs(ctx context.Context, actor cron.Actor, body wire.Object) ([]int64, error) {
	listed := body.Has("jobIds")
	inFolder := body.Has("folderId")
	if listed == inFolder {
		body.Problems.Add(body.At(), cron.Problem{Rule: cron.RuleEitherOr, Given: "jobIds", Want: "folderId"})
		return nil, body.Err()
	}
	var (
		ids    []int64
		folder int64
		err    error
	)
	at := "jobIds"
	if inFolder {
		at = "folderId"
		wire.Integer(body, "folderId", &folder, 0, math.MaxInt64)
		if err := body.Err(); err != nil {
			return nil, err
		}
		if ids, err = a.service.FolderJobs(ctx, actor, folder, wire.MaxBulkJobs+1); err != nil {
			return nil, cron.Under("/folderId", err)
		}
	} else {
		seen := map[int64]bool{}
		body.Each("jobIds", func(index string, item json.RawMessage) {
			id, wrong := wire.ParseInteger(item, 1, math.MaxInt64)
			switch {
			case wrong.Rule != cron.RuleNone:
				body.Problems.Add(body.At("jobIds", index), wrong)
			case !seen[id] && len(ids) <= wire.MaxBulkJobs:
				seen[id] = true
				ids = append(ids, id)
			}
		})
	}
	if len(ids) > wire.MaxBulkJobs {
		body.Add(at, cron.Problem{Rule: cron.RuleTooMany, Limit: wire.MaxBulkJobs})
	}
	return slices.Clip(ids), body.Err()
}
