package storetest

import (
	"fmt"
	"time"

	"punctual/internal/statuspage"
)

// LayerSince lists the transitions of a layer of a component in words: the offset from an instant, and the state or "clear".
func (x *Tables) LayerSince(componentID int64, layer statuspage.Layer, from time.Time) (list []string) {
	x.t.Helper()
	for _, t := range x.Transitions(componentID, layer) {
		list = append(list, fmt.Sprint(t.At.Sub(from).Round(time.Millisecond), " ", wordsOf(t)))
	}
	return list
}

// wordsOf is the state of a transition, or "clear".
func wordsOf(t statuspage.Transition) string {
	if t.Clear {
		return "clear"
	}
	return t.State.String()
}

// Observe makes the observed layer of a component have a transition, which the component shows.
func (x *Tables) Observe(componentID int64, state statuspage.State, at time.Time) {
	x.t.Helper()
	x.execOne(`INSERT INTO status_transition (component_id, layer, at, state, clear) VALUES ($1, 0, $2, $3, $4)`,
		componentID, at.UnixMilli(), int(state), false)
	x.execOne(`UPDATE status_component SET state = $2, since = $3 WHERE id = $1`, componentID, int(state), at.UnixMilli())
}

// ShowPlanFrom makes a maintenance of a status page be shown until an instant only, as if no node had run since.
func (x *Tables) ShowPlanFrom(id int64, at time.Time) {
	x.t.Helper()
	x.execOne(`UPDATE maintenance SET shown_at = $2, next_at = 1 WHERE id = $1`, id, at.UnixMilli())
}

// AddIncidents adds incidents of a page that are resolved, the first one first.
func (x *Tables) AddIncidents(accountID, pageID int64, n int, first time.Time) {
	x.t.Helper()
	for i := range n {
		at := first.Add(time.Duration(i) * time.Second).UnixMilli()
		x.execOne(`INSERT INTO incident (page_id, account_id, title, draft, phase, started_at, resolved_at, impacts, created_at)
			VALUES ($1, $2, $3, $4, 3, $5, $5, '', $5)`, pageID, accountID, fmt.Sprint("old ", i), false, at)
	}
}
