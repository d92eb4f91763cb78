package api

import (
	"net/http"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/message"
)

// failureGroup is the failures with the same cause. Times are Unix seconds.
type failureGroup struct {
	Cause      string  `json:"cause"`
	Sentence   string  `json:"sentence"`
	Reason     string  `json:"reason"`
	Host       *string `json:"host"` // null where none was called
	Status     int     `json:"status"`
	HTTPStatus int     `json:"httpStatus"`
	Count      int64   `json:"count"`
	Jobs       int     `json:"jobs"`
	JobIDs     []int64 `json:"jobIds"` // of some of them
	First      int64   `json:"first"`
	Last       int64   `json:"last"`
	Latest     string  `json:"latest"` // the identifier of the latest failure
}

// listCauses answers with failures by their causes.
func (a *api) listCauses(w http.ResponseWriter, r *http.Request, actor cron.Actor, f *cron.HistoryFilter) error {
	found, why, err := a.service.Failures(r.Context(), actor, f)
	if err != nil {
		return err
	}
	answer := struct {
		Causes         []failureGroup `json:"causes"`
		Complete       bool           `json:"complete"`
		SearchedBackTo *int64         `json:"searchedBackTo"` // Unix seconds; null when all failures were counted
	}{make([]failureGroup, len(found.Groups)), found.Back.IsZero() && !found.More, wire.UnixOrNull(found.Back)}
	language := languageOf(r)
	for i := range found.Groups {
		answer.Causes[i] = newFailureGroup(language, &found.Groups[i], &why[i])
	}
	return reply(w, answer)
}

func newFailureGroup(c *message.Catalogue, g *cron.FailureGroup, why *cron.Diagnosis) failureGroup {
	e := &g.Example
	return failureGroup{
		Cause: g.Cause.String(), Sentence: c.Diagnosis(why), Reason: wire.FaultNames[e.Result.Fault],
		Host: wire.StringOrNull(why.Host), Status: int(e.Result.Status), HTTPStatus: e.Result.HTTPStatus,
		Count: g.Count, Jobs: g.Jobs, JobIDs: g.JobIDs, First: g.First.Unix(), Last: e.Result.Started.Unix(), Latest: identifier(e),
	}
}
