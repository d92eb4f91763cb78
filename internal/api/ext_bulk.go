package api

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"slices"

	"punctual/internal/cron"
	"punctual/internal/service"
)

// Limits on a call that changes many jobs.
const (
	maxBulkJobs  = 1000
	maxBulkPatch = 64 << 10 // bytes of the change, each of which is written once for each job
)

// bulkAction is what is done to each of many jobs.
type bulkAction int

const (
	bulkEnable bulkAction = iota
	bulkDisable
	bulkMove
	bulkDelete
	bulkPatch
)

// bulkActions are the names of the actions, by their numbers.
var bulkActions = []string{
	bulkEnable: "enable", bulkDisable: "disable", bulkMove: "move", bulkDelete: "delete", bulkPatch: "patch",
}

// bulkResult is what came of one of many jobs.
type bulkResult struct {
	JobID   int64    `json:"jobId"`
	Status  int      `json:"status"`
	Problem *problem `json:"problem"` // null when it was done
}

// changeJobs does the same to many jobs, each for itself.
func (a *api) changeJobs(w http.ResponseWriter, r *http.Request, account cron.Account) error {
	body, err := readObject(w, r, bulkBody)
	if err != nil {
		return err
	}
	action := bulkAction(-1)
	choice(body, "action", &action, bulkActions)
	body.mustHave("action")
	do, unread, err := a.bulkChange(r.Context(), account, action, body)
	if err != nil {
		return err
	}
	ids, err := a.bulkJobs(r.Context(), account, body)
	if err != nil {
		return err
	}
	a.tellIgnored(w, r, body, "/job", unread)
	errs := a.service.EachJob(r.Context(), ids, do)
	answer := struct {
		Results   []bulkResult `json:"results"`
		Succeeded int          `json:"succeeded"`
		Failed    int          `json:"failed"`
	}{Results: make([]bulkResult, len(ids))}
	for i, err := range errs {
		answer.Results[i] = bulkResult{JobID: ids[i], Status: http.StatusOK}
		if err == nil {
			answer.Succeeded++
			continue
		}
		answer.Failed++
		status, e := a.classify(r, under("/job", err))
		p := a.problem(status, e)
		answer.Results[i].Status, answer.Results[i].Problem = status, &p
	}
	return reply(w, answer)
}

// bulkChange reads what is to be done to each job; unread is what nothing reads of what a job is to be.
func (a *api) bulkChange(ctx context.Context, account cron.Account, action bulkAction, body object) (
	do func(ctx context.Context, jobID int64) error, unread []string, err error) {
	var change service.Change
	switch action {
	case bulkEnable, bulkDisable:
		change = func(job *cron.Job) error {
			job.Enabled, job.Timing.Spent = action == bulkEnable, false // somebody says what the job is to be
			return nil
		}
	case bulkMove:
		var folder int64
		integer(body, "toFolderId", &folder, 0, math.MaxInt64)
		body.mustHave("toFolderId")
		if err := a.service.CheckFolder(ctx, account, folder); err != nil {
			return nil, nil, under("/toFolderId", err)
		}
		change = func(job *cron.Job) error {
			job.FolderID = folder
			return nil
		}
	case bulkPatch:
		body.mustHave("job")
		patch, ok := body.value("job")
		if len(patch) > maxBulkPatch {
			body.add("job", cron.Problem{Rule: cron.RuleTooLong, Limit: maxBulkPatch, Unit: cron.UnitBytes})
		} else if ok {
			change, unread = jobChange(patch)
			if err := a.service.TryChange(account, change); err != nil {
				return nil, nil, under("/job", err)
			}
		}
	case bulkDelete:
		return func(ctx context.Context, jobID int64) error {
			return a.service.DeleteJob(ctx, account, jobID, nil)
		}, nil, body.problems.Err()
	}
	return func(ctx context.Context, jobID int64) error {
		_, err := a.service.ChangeJob(ctx, account, jobID, nil, change)
		return err
	}, unread, body.problems.Err()
}

// bulkJobs reads which jobs are meant: a list, each counted once, or all of a folder.
func (a *api) bulkJobs(ctx context.Context, account cron.Account, body object) ([]int64, error) {
	_, listed := body.value("jobIds")
	_, inFolder := body.value("folderId")
	if listed == inFolder {
		body.problems.add("", cron.Problem{Rule: cron.RuleEitherOr, Given: "jobIds", Want: "folderId"})
		return nil, body.problems.Err()
	}
	var (
		ids    []int64
		folder int64
		err    error
	)
	at := "jobIds"
	if inFolder {
		at = "folderId"
		integer(body, "folderId", &folder, 0, math.MaxInt64)
		if err := body.problems.Err(); err != nil {
			return nil, err
		}
		if ids, err = a.service.FolderJobs(ctx, account, folder, maxBulkJobs+1); err != nil {
			return nil, under("/folderId", err)
		}
	} else {
		seen := map[int64]bool{}
		body.each("jobIds", func(index string, item json.RawMessage) {
			id, wrong := parseInteger(item, 1, math.MaxInt64)
			switch {
			case wrong.Rule != cron.RuleNone:
				body.problems.add("/jobIds/"+index, wrong)
			case !seen[id] && len(ids) <= maxBulkJobs:
				seen[id] = true
				ids = append(ids, id)
			}
		})
	}
	if len(ids) > maxBulkJobs {
		body.add(at, cron.Problem{Rule: cron.RuleTooMany, Limit: maxBulkJobs})
	}
	return slices.Clip(ids), body.problems.Err()
}
