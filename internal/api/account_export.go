package api

import (
	"log/slog"
	"net/http"
	"time"

	"punctual/internal/cron"
)

// exportAccount sends all data of the account but secrets. What fails after the first bytes breaks the connection, as with
// an export of the history.
func (a *api) exportAccount(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	if !a.exports.Enter(actor.Account.ID, accountExports) {
		return &cron.Error{Kind: cron.TooMany}
	}
	defer a.exports.Leave(actor.Account.ID)
	out := &exportWriter{w: w, connection: http.NewResponseController(w)}
	err := a.service.Export(r.Context(), actor, out)
	if err == nil || !out.begun {
		return err
	}
	if r.Context().Err() == nil {
		a.logger.WarnContext(r.Context(), "an export was broken off", slog.Any("error", err))
	}
	panic(http.ErrAbortHandler)
}

// exportWriter sends a file of JSON. Its client has some time for each write, and not for the whole.
type exportWriter struct {
	w          http.ResponseWriter
	connection *http.ResponseController
	begun      bool
}

// Write sends a part of the file.
func (e *exportWriter) Write(b []byte) (int, error) {
	if !e.begun {
		e.begun = true
		_ = e.connection.SetReadDeadline(time.Time{}) // the server's would end the request
		e.w.Header().Set("Content-Type", "application/json")
		e.w.Header().Set("Content-Disposition", `attachment; filename="punctual-account.json"`)
	}
	_ = e.connection.SetWriteDeadline(time.Now().Add(exportStall)) // not supported where nothing can stall
	return e.w.Write(b)
}
