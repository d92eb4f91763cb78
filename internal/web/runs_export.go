package web

import (
	"punctual/internal/api/ledger"
	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// exportRuns sends the whole list as a file, in the form that the API has. It may be long, so nothing of it is kept in memory.
func exportRuns(v *visit) error {
	p, err := v.runsPage(v.r.URL.Query())
	if err != nil {
		return err
	}
	if err := p.Query.check.Err(); err != nil {
		return err
	}
	if !v.r.ProtoAtLeast(1, 1) { // without chunks, nobody could tell a part of a file from all of it
		return &cron.Error{Kind: cron.Invalid, Problems: []cron.Problem{{Rule: cron.RuleHTTPVersion}}}
	}
	as := wire.FormatCSV
	if v.r.URL.Query().Get("format") == wire.FormatNames[wire.FormatNDJSON] {
		as = wire.FormatNDJSON
	}
	if !v.web.exports.Enter(v.actor.Person.ID, personExports) {
		return busy()
	}
	defer v.web.exports.Leave(v.actor.Person.ID)
	return ledger.Send(v.w, v.r, v.web.logger, v.catalogue, as, v.web.service.AllHistory(v.ctx(), v.actor, p.Query.Filter))
}
