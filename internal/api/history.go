package api

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/message"
)

func (a *api) listHistory(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	executions, predictions, err := a.service.History(r.Context(), a.now(), actor, pathID(r, "jobId"))
	if err != nil {
		return err
	}
	answer := struct {
		History     []historyItem `json:"history"`
		Predictions []int64       `json:"predictions"`
	}{make([]historyItem, len(executions)), make([]int64, len(predictions))}
	language := languageOf(r)
	for i := range executions {
		answer.History[i] = newHistoryItem(language, &executions[i])
	}
	for i, t := range predictions {
		answer.Predictions[i] = t.Unix()
	}
	return reply(w, answer)
}

func (a *api) getExecution(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	id, err := executionID(r)
	if err != nil {
		return err
	}
	execution, why, err := a.service.Execution(r.Context(), actor, pathID(r, "jobId"), id)
	if err != nil {
		return err
	}
	if identifier(&execution) != r.PathValue("identifier") {
		return cron.Missing(cron.SubjectExecution)
	}
	return reply(w, struct {
		Details historyDetails `json:"jobHistoryDetails"`
	}{newHistoryDetails(languageOf(r), &execution, &why)})
}

// executionID is the number of the execution that the path names. The caller compares the rest of the identifier.
func executionID(r *http.Request) (int64, error) {
	wanted := r.PathValue("identifier")
	parts := strings.Split(wanted, "-")
	if len(parts) != 4 {
		return 0, wire.Invalid(cron.Problem{Rule: cron.RuleIdentifier, Given: wanted})
	}
	return parseID(parts[3]), nil
}

// historyItem is HistoryItem of the contract. Field order counts.
type historyItem struct {
	historyHead
	Headers *string `json:"headers"`
	Body    *string `json:"body"`
	historyTail
}

// historyHead is what is told of an execution before its response.
type historyHead struct {
	JobLogID    int64  `json:"jobLogId"`
	JobID       int64  `json:"jobId"`
	Identifier  string `json:"identifier"`
	Date        int64  `json:"date"` // Unix seconds
	DatePlanned int64  `json:"datePlanned"`
	Jitter      int64  `json:"jitter"` // ms
	URL         string `json:"url"`
	Duration    int64  `json:"duration"` // ms
	Status      int    `json:"status"`
	StatusText  string `json:"statusText"`
	HTTPStatus  int    `json:"httpStatus"`
}

// historyTail is what is told of it after its response.
type historyTail struct {
	Stats      stats  `json:"stats"`
	CertExpiry *int64 `json:"sslCertExpiry"`
}

// stats are in µs.
type stats struct {
	NameLookup    int64 `json:"nameLookup"`
	Connect       int64 `json:"connect"`
	AppConnect    int64 `json:"appConnect"`
	PreTransfer   int64 `json:"preTransfer"`
	StartTransfer int64 `json:"startTransfer"`
	Total         int64 `json:"total"`
}

func newHistoryItem(c *message.Catalogue, e *cron.Execution) historyItem {
	item := historyItem{
		historyHead: newHistoryHead(c, e), Headers: wire.TextOrNull(e.Result.Headers), Body: wire.TextOrNull(e.Result.Body),
		historyTail: newHistoryTail(&e.Result),
	}
	if item.Headers != nil && item.Body == nil {
		item.Body = new("") // the response was saved, and its body was empty
	}
	return item
}

func newHistoryHead(c *message.Catalogue, e *cron.Execution) historyHead {
	r := &e.Result
	return historyHead{
		JobLogID:    e.ID,
		JobID:       e.JobID,
		Identifier:  identifier(e),
		Date:        r.Started.Unix(),
		DatePlanned: e.Planned.Unix(),
		Jitter:      e.Lateness.Milliseconds(),
		URL:         r.URL,
		Duration:    r.Duration.Milliseconds(),
		Status:      int(r.Status),
		StatusText:  c.Outcome(e),
		HTTPStatus:  r.HTTPStatus,
	}
}

func newHistoryTail(r *cron.Result) historyTail {
	return historyTail{
		Stats:      newStats(&r.Stats),
		CertExpiry: wire.UnixOrNull(r.CertExpiry),
	}
}

func newStats(s *cron.Stats) stats {
	return stats{s.NameLookup.Microseconds(), s.Connect.Microseconds(), s.AppConnect.Microseconds(),
		s.PreTransfer.Microseconds(), s.StartTransfer.Microseconds(), s.Total.Microseconds()}
}

func identifier(e *cron.Execution) string { return e.Identifier() }

// historyDetails is HistoryItem of the contract, with our additions behind it where they have something to say.
type historyDetails struct {
	historyItem
	Redirects     []redirect `json:"redirects,omitempty"`
	Truncated     bool       `json:"truncated,omitempty"`
	HeadersBase64 []byte     `json:"headersBase64,omitempty"`
	BodyBase64    []byte     `json:"bodyBase64,omitempty"`
	explained
	historyCause
}

// historyCause groups failures, and tells which server was called and which version of the job ran.
type historyCause struct {
	Cause     *string `json:"cause"`     // the fingerprint in hexadecimal; null but for failures
	IPAddress *string `json:"ipAddress"` // null where no connection was opened
	Version   *int64  `json:"version"`   // of the job that ran; null for none
}

func newHistoryCause(e *cron.Execution) historyCause {
	return historyCause{wire.StringOrNull(e.Cause.String()), wire.StringOrNull(e.Result.Peer), positiveOrNull(e.Version)}
}

// explained is why an attempt failed, and what to do about it.
type explained struct {
	Sentence *string `json:"sentence"` // null for a success
	Mend     *mend   `json:"mend"`     // null where there is none
}

func newExplained(c *message.Catalogue, why *cron.Diagnosis) explained {
	e := explained{Mend: newMend(&why.Mend)}
	if why.Cause != cron.CauseNone {
		e.Sentence = new(c.Diagnosis(why))
	}
	return e
}

// mend is a change of a job after which it might succeed. Value depends on Kind.
type mend struct {
	Kind  string `json:"kind"`
	Value any    `json:"value"`
}

// newMend is m on the wire; nil for none.
func newMend(m *cron.Mend) *mend {
	kind := wire.MendNames[m.Kind]
	switch m.Kind {
	case cron.MendNone:
		return nil
	case cron.MendTimeout, cron.MendFollowRedirects:
		return &mend{kind, m.Number}
	case cron.MendRedirectSuccess:
		return &mend{kind, true}
	case cron.MendOversize:
		return &mend{kind, wire.OversizeNames[cron.OversizeTruncate]}
	}
	return &mend{kind, m.Text}
}

// redirect is a redirect that was followed.
type redirect struct {
	URL    string `json:"url"` // that it led to
	Status int    `json:"status"`
}

func newHistoryDetails(c *message.Catalogue, e *cron.Execution, why *cron.Diagnosis) historyDetails {
	r := &e.Result
	return historyDetails{
		newHistoryItem(c, e), newRedirects(r.Redirects), r.Truncated, unlessText(r.Headers), unlessText(r.Body), newExplained(c, why),
		newHistoryCause(e),
	}
}

func newRedirects(list []cron.Redirect) []redirect {
	redirects := make([]redirect, len(list))
	for i, r := range list {
		redirects[i] = redirect{r.URL, r.Status}
	}
	return redirects
}

// unlessText is b when it is not UTF-8, so that a JSON string cannot hold it.
func unlessText(b []byte) []byte {
	if utf8.Valid(b) {
		return nil
	}
	return b
}

// historyRecord is a HistoryItem of the contract without headers and body, and with what we add.
type historyRecord struct {
	historyHead
	historyTail
	JobTitle string   `json:"jobTitle"`
	Outcome  string   `json:"outcome"`
	Kind     string   `json:"kind"`
	Attempt  int      `json:"attempt"`
	Reason   string   `json:"reason"`
	Covers   *covered `json:"covers"`  // null but for missed and skipped records
	RerunOf  *string  `json:"rerunOf"` // the identifier of the record that is repeated; null for none
	historyCause
}

// covered are the occurrences that a record stands for. Times are Unix seconds.
type covered struct {
	First   int64 `json:"first"`
	Last    int64 `json:"last"`
	Count   int64 `json:"count"`
	AtLeast bool  `json:"atLeast"`
}

func newHistoryRecord(c *message.Catalogue, r *cron.HistoryRecord) historyRecord {
	e := &r.Execution
	record := historyRecord{
		historyHead: newHistoryHead(c, e), historyTail: newHistoryTail(&e.Result),
		JobTitle: r.Title, Outcome: e.Outcome.String(), Kind: r.KindName(), Attempt: e.Attempt,
		Reason: wire.FaultNames[e.Result.Fault], historyCause: newHistoryCause(e),
	}
	if e.Outcome == cron.OutcomeMissed || e.Outcome == cron.OutcomeSkipped {
		record.Covers = &covered{e.Planned.Unix(), e.Last.Unix(), e.Count, e.AtLeast}
	}
	if of := r.RerunOf; of.ID != 0 {
		record.RerunOf = new(identifier(&cron.Execution{ID: of.ID, JobID: e.JobID, Planned: of.Planned}))
	}
	return record
}
