package api

import (
	"net/http"
	"net/netip"

	"punctual/internal/cron"
)

// listExecutorNodes tells which addresses executions come from, for firewalls of targets.
func (a *api) listExecutorNodes(w http.ResponseWriter, _ *http.Request, _ cron.Actor) error {
	return reply(w, struct {
		IPAddresses []netip.Addr `json:"ipAddresses"`
	}{a.executorAddresses})
}
