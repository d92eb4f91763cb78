package api

import (
	"net/http"
	"time"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/linediff"
	"punctual/internal/message"
	"punctual/internal/service"
)

// comparison is an execution beside the latest success before it. Its members are null where they do not differ or are not known.
type comparison struct {
	Execution  string                  `json:"execution"` // identifiers
	Good       *string                 `json:"good"`
	Complete   bool                    `json:"complete"`
	Status     change[*comparedStatus] `json:"status"`
	MedianOf   int                     `json:"medianOf"`
	Timings    []comparedTiming        `json:"timings"`
	Headers    *comparedHeaders        `json:"headers"`
	Body       *comparedBody           `json:"body"`
	IPAddress  *change[*string]        `json:"ipAddress"`
	CertExpiry *change[*int64]         `json:"sslCertExpiry"`
}

// change is what something was in the success, and is in the execution.
type change[T any] struct {
	Before T `json:"before"`
	Now    T `json:"now"`
}

type comparedStatus struct {
	Status     int    `json:"status"`
	StatusText string `json:"statusText"`
	HTTPStatus int    `json:"httpStatus"`
}

// comparedTiming is a phase, in µs; null where it was not reached.
type comparedTiming struct {
	Phase  string `json:"phase"`
	Now    *int64 `json:"us"`
	Median *int64 `json:"medianUs"`
	Good   *int64 `json:"goodUs"`
}

type comparedHeaders struct {
	Lines     []comparedLine `json:"lines"`
	Truncated bool           `json:"truncated"`
}

type comparedBody struct {
	Equal     bool           `json:"equal"`
	Binary    bool           `json:"binary"`
	Lines     []comparedLine `json:"lines"`
	Truncated bool           `json:"truncated"`
}

type comparedLine struct {
	Op   string `json:"op"`
	Text string `json:"text"`
}

// compareExecution compares an execution with the latest success before it.
func (a *api) compareExecution(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	id, err := executionID(r)
	if err != nil {
		return err
	}
	compared, err := a.service.Compare(r.Context(), actor, pathID(r, "jobId"), id)
	if err != nil {
		return err
	}
	if identifier(&compared.Execution) != r.PathValue("identifier") {
		return cron.Missing(cron.SubjectExecution)
	}
	return reply(w, struct {
		Comparison comparison `json:"comparison"`
	}{newComparison(languageOf(r), &compared)})
}

func newComparison(c *message.Catalogue, compared *service.Comparison) comparison {
	e, good := &compared.Execution, compared.Good.Latest
	answer := comparison{
		Execution: identifier(e), Complete: compared.Good.Complete, MedianOf: len(compared.Good.Stats),
		Status:  change[*comparedStatus]{Now: newComparedStatus(c, e)},
		Timings: make([]comparedTiming, len(compared.Timings)),
	}
	for i, t := range compared.Timings {
		answer.Timings[i] = comparedTiming{t.Phase.String(), microsecondsOrNull(t.Now), microsecondsOrNull(t.Median), microsecondsOrNull(t.Good)}
		if t.Phase == cron.PhaseNone {
			answer.Timings[i].Phase = "total"
		}
	}
	if good == nil {
		return answer
	}
	answer.Good, answer.Status.Before = new(identifier(good)), newComparedStatus(c, good)
	if before, now := good.Result.Peer, e.Result.Peer; before != now {
		answer.IPAddress = &change[*string]{wire.StringOrNull(before), wire.StringOrNull(now)}
	}
	if before, now := good.Result.CertExpiry, e.Result.CertExpiry; !before.Equal(now) {
		answer.CertExpiry = &change[*int64]{wire.UnixOrNull(before), wire.UnixOrNull(now)}
	}
	if d := compared.Headers; d != nil {
		answer.Headers = &comparedHeaders{newComparedLines(d.Lines), d.Truncated}
	}
	if d := compared.Body; d != nil {
		answer.Body = &comparedBody{d.Equal, d.Binary, newComparedLines(d.Lines), d.Truncated}
	}
	return answer
}

func newComparedStatus(c *message.Catalogue, e *cron.Execution) *comparedStatus {
	return &comparedStatus{int(e.Result.Status), c.Outcome(e), e.Result.HTTPStatus}
}

func newComparedLines(lines []linediff.Line) []comparedLine {
	list := make([]comparedLine, len(lines))
	for i, l := range lines {
		list[i] = comparedLine(l)
	}
	return list
}

// microsecondsOrNull is d, and nil when it is negative.
func microsecondsOrNull(d time.Duration) *int64 {
	if d < 0 {
		return nil
	}
	return new(d.Microseconds())
}
