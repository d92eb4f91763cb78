package api

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

	"punctual/internal/api/ledger"
	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// accountExports is how many exports an account may have under way, on one node.
const accountExports = 2

// readFormat is what the query string asks for, or else the header Accept.
func readFormat(query wire.Object, r *http.Request) wire.Format {
	chosen, best := wire.FormatJSON, 0.0
	for _, item := range strings.Split(strings.Join(r.Header.Values("Accept"), ","), ",") {
		mediaType, params, err := mime.ParseMediaType(item)
		if err != nil {
			continue
		}
		quality := 1.0
		if q, given := params["q"]; given {
			quality, _ = strconv.ParseFloat(q, 64) // what cannot be read is not wanted
		}
		for f, name := range wire.FormatTypes {
			if mediaType == name && quality > best {
				chosen, best = wire.Format(f), quality
			}
		}
	}
	wire.Choice(query, "format", &chosen, wire.FormatNames)
	return chosen
}

// export sends all records that the filter wants.
func (a *api) export(w http.ResponseWriter, r *http.Request, actor cron.Actor, f cron.HistoryFilter, as wire.Format) error {
	if !r.ProtoAtLeast(1, 1) {
		return wire.Invalid(cron.Problem{Rule: cron.RuleHTTPVersion})
	}
	if !a.exports.Enter(actor.Account.ID, accountExports) {
		return &cron.Error{Kind: cron.TooMany}
	}
	defer a.exports.Leave(actor.Account.ID)
	return ledger.Send(w, r, a.logger, languageOf(r), as, a.service.AllHistory(r.Context(), actor, f))
}
