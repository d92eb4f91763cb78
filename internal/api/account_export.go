package api

import (
	"io"
	"net/http"

	"punctual/internal/cron"
	"punctual/internal/download"
)

// exportAccount sends all data of the account but secrets.
func (a *api) exportAccount(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	if !a.exports.Enter(actor.Account.ID, accountExports) {
		return &cron.Error{Kind: cron.TooMany}
	}
	defer a.exports.Leave(actor.Account.ID)
	return download.JSON(w, r, "punctual-account.json", a.logger, func(out io.Writer) error {
		return a.service.Export(r.Context(), actor, out)
	})
}
