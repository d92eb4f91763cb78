package api

import (
	"net/http"
	"strconv"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// auditEntry is one entry of the audit log. Null is what does not apply.
type auditEntry struct {
	AuditID   int64    `json:"auditId"`
	At        int64    `json:"at"` // Unix milliseconds
	AccountID *int64   `json:"accountId"`
	Actor     string   `json:"actor"`
	PersonID  *int64   `json:"personId"`
	APIKeyID  *int64   `json:"apiKeyId"`
	SessionID *int64   `json:"sessionId"`
	Way       string   `json:"way"`
	Address   *string  `json:"address"`
	Action    string   `json:"action"`
	Object    string   `json:"object"`
	ObjectID  *int64   `json:"objectId"`
	Title     string   `json:"title"`
	Changes   []string `json:"changes"`
}

func newAuditEntry(e *cron.AuditEntry) auditEntry {
	id := func(n int64) *int64 {
		if n == 0 {
			return nil
		}
		return new(n)
	}
	answer := auditEntry{
		AuditID: e.ID, At: e.At.UnixMilli(), AccountID: id(e.AccountID), Actor: e.Actor, PersonID: id(e.PersonID),
		APIKeyID: id(e.KeyID), SessionID: id(e.SessionID), Way: e.Way, Action: e.Action, Object: e.Object,
		ObjectID: id(e.ObjectID), Title: e.Title, Changes: append([]string{}, e.Changes...),
	}
	if e.Address != "" {
		answer.Address = new(e.Address)
	}
	return answer
}

// listAudit lists who did what in the account, the newest first; for an operator who asks for all, in the whole service.
func (a *api) listAudit(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	var (
		p     wire.Problems
		query = wire.Query(r, &p)
		f     cron.AuditFilter
		limit = wire.DefaultAuditPage
	)
	query.Boolean("all", &f.All)
	wire.Integer(query, "personId", &f.PersonID, 1, wire.MaxID)
	wire.Integer(query, "apiKeyId", &f.KeyID, 1, wire.MaxID)
	wire.Integer(query, "objectId", &f.ObjectID, 1, wire.MaxID)
	wire.Integer(query, "cursor", &f.Before, 1, wire.MaxID)
	query.Text("action", &f.Action)
	query.Text("object", &f.Object)
	wire.Span(query, &f.From, &f.To)
	wire.Integer(query, "limit", &limit, 1, wire.MaxAuditPage)
	if err := p.Err(); err != nil {
		return err
	}
	entries, next, err := a.service.Audit(r.Context(), actor, f, limit)
	if err != nil {
		return err
	}
	answer := struct {
		Audit []auditEntry `json:"audit"`
		Next  *string      `json:"next"` // the cursor of the next page; null at the end
	}{Audit: make([]auditEntry, len(entries))}
	if next != 0 {
		answer.Next = new(strconv.FormatInt(next, 10))
	}
	for i := range entries {
		answer.Audit[i] = newAuditEntry(&entries[i])
	}
	return reply(w, answer)
}
