package api

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"punctual/internal/api/ledger"
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
	ledger.Head
	Headers *string `json:"headers"`
	Body    *string `json:"body"`
	ledger.Tail
}

func newHistoryItem(c *message.Catalogue, e *cron.Execution) historyItem {
	item := historyItem{
		Head: ledger.NewHead(c, e), Headers: wire.TextOrNull(e.Result.Headers), Body: wire.TextOrNull(e.Result.Body),
		Tail: ledger.NewTail(&e.Result),
	}
	if item.Headers != nil && item.Body == nil {
		item.Body = new("") // the response was saved, and its body was empty
	}
	return item
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
	ledger.Origin
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
	case cron.MendConnection:
		return &mend{kind, wire.ConnectionNames[cron.ConnectionFresh]}
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
		ledger.NewOrigin(e),
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
