package store

import (
	"context"
	"fmt"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// An incident is made automatically for a component whose jobs say that it has an outage, and have said so for as long as the component asks. An
// outage begins with the first transition of the observed layer to an outage, and ends when that layer is operational or degraded;
// being unknown in between does not end it. status_component.outage_at is when the outage began that an incident was made for. It changes
// in the transaction that makes the incident, which holds the row of the page, so each outage has one incident: also on many nodes,
// after a restart, and when people delete the incident or resolve it early.

// AutomaticIncident says what an automatic incident is to tell. The store decides when there is one.
type AutomaticIncident struct {
	ComponentID int64
	Component   string // its title
	Language    string // of the page
	Back        bool   // the component is back, and the incident is resolved
}

// AutomaticWords is how an automatic incident tells of something.
type AutomaticWords func(a *AutomaticIncident) (title, text, by string)

// Instants in the history of the component c, by its observed layer.
const (
	lastUp = `coalesce((SELECT t.at FROM status_transition t WHERE t.component_id = c.id AND t.layer = 0 AND t.state IN (1, 2)
		ORDER BY t.at DESC LIMIT 1), 0)`
	outageFrom = `(SELECT t.at FROM status_transition t WHERE t.component_id = c.id AND t.layer = 0 AND t.state IN (3, 4) AND t.at > ` + lastUp + `
		ORDER BY t.at LIMIT 1)`
	maintainedUntil = `coalesce((SELECT t.at FROM status_transition t WHERE t.component_id = c.id AND t.layer = 3 ORDER BY t.at DESC LIMIT 1), 0)`
	observedNow     = `(SELECT t.state FROM status_transition t WHERE t.component_id = c.id AND t.layer = 0 ORDER BY t.at DESC LIMIT 1)`
	observedSince   = `(SELECT t.at FROM status_transition t WHERE t.component_id = c.id AND t.layer = 0 ORDER BY t.at DESC LIMIT 1)`
)

// selectOutages finds components that are to have an incident at $1.
const selectOutages = `SELECT c.id, c.account_id, c.page_id, c.title, c.publish_automatic, c.state, ` + outageFrom + `,
		(SELECT language FROM status_page WHERE status_page.id = c.page_id)
	FROM status_component c WHERE c.automatic_minutes > 0 AND c.state IN (3, 4) AND ` + observedNow + ` IN (3, 4) AND c.outage_at <= ` + lastUp + `
		AND ` + outageFrom + ` <= $1 - c.automatic_minutes * 60000 AND ` + maintainedUntil + ` <= $1 - c.automatic_minutes * 60000`

// selectRecovered finds the automatic incidents that nobody has touched whose components are back, or gone.
const selectRecovered = `SELECT i.id, i.account_id, i.page_id, i.automatic, coalesce(c.title, ''), coalesce(` + observedSince + `, 0),
		(SELECT language FROM status_page WHERE status_page.id = i.page_id)
	FROM incident i LEFT JOIN status_component c ON c.id = i.automatic
	WHERE i.automatic <> 0 AND i.resolved_at = 0 AND NOT i.touched AND (c.id IS NULL OR ` + observedNow + ` IN (1, 2))`

// automaticRow is what is done about one component or incident.
type automaticRow struct {
	AutomaticIncident
	id, account, page int64 // id is the incident that is to be resolved
	publish           bool
	state             statuspage.State
	at                time.Time // the outage began, or the component came back
}

func scanOutage(scan scanner, r *automaticRow) error {
	return scan(&r.ComponentID, &r.account, &r.page, &r.Component, flag(&r.publish), integer(&r.state), moment(&r.at), &r.Language)
}

func scanRecovered(scan scanner, r *automaticRow) error {
	r.Back = true
	return scan(&r.id, &r.account, &r.page, &r.ComponentID, &r.Component, moment(&r.at), &r.Language)
}

// automaticChunk is how many incidents a step looks for.
const automaticChunk = 20

// WorkIncidents makes automatic incidents that are due, and resolves those that are over. more asks for another step soon.
func (s *Store) WorkIncidents(ctx context.Context, words AutomaticWords) (more bool, err error) {
	ctx = upkeep.with(ctx)
	outages, err := collect(ctx, s.read, "look for outages without an incident", scanOutage, selectOutages+` ORDER BY c.id LIMIT $2`,
		millis(s.Now()), automaticChunk)
	if err != nil {
		return false, err
	}
	recovered, err := collect(ctx, s.read, "look for automatic incidents that are over", scanRecovered, selectRecovered+` ORDER BY i.id LIMIT $1`,
		automaticChunk)
	if err != nil {
		return false, err
	}
	for _, row := range append(outages, recovered...) {
		err := s.changeShown(ctx, row.account, row.page, func(ctx context.Context, q queryer, _ []int64) error {
			if row.Back {
				return s.resolveAutomatic(ctx, q, row, words)
			}
			return s.openAutomatic(ctx, q, row.ComponentID, words)
		})
		if err != nil && cron.KindOf(err) != cron.NotFound { // deleted meanwhile
			return false, fmt.Errorf("work on automatic incidents: %w", err)
		}
	}
	return len(outages) == automaticChunk || len(recovered) == automaticChunk, nil
}

// openAutomatic makes the incident of a component, if it still is to have one. A page that has too many incidents gets none.
func (s *Store) openAutomatic(ctx context.Context, q queryer, componentID int64, words AutomaticWords) error {
	now := s.stamp()
	rows, err := collect(ctx, q, "look at the outage again", scanOutage, selectOutages+` AND c.id = $2`, millis(now), componentID)
	if err != nil || len(rows) == 0 {
		return err
	}
	row := rows[0]
	if _, err := q.ExecContext(ctx, `UPDATE status_component SET outage_at = $2 WHERE id = $1`, row.ComponentID, millis(row.at)); err != nil {
		return fmt.Errorf("note the outage: %w", err)
	}
	u := statuspage.Update{At: now, Impacts: []statuspage.Impact{{ComponentID: row.ComponentID, State: row.state}}}
	i := statuspage.Incident{PageID: row.page, AccountID: row.account, Draft: !row.publish, Automatic: row.ComponentID}
	i.Title, u.Text, u.By = words(&row.AutomaticIncident)
	i.Updates = []statuspage.Update{u}
	if err := s.addIncident(ctx, q, &i); cron.KindOf(err) != cron.TooMany {
		return err
	}
	return nil
}

// resolveAutomatic resolves an incident at the instant at which its component came back, if nobody has touched it since.
func (s *Store) resolveAutomatic(ctx context.Context, q queryer, row automaticRow, words AutomaticWords) error {
	i, err := s.incident(ctx, q, row.account, row.page, row.id)
	if err != nil || i.Touched || !i.Resolved.IsZero() {
		return err
	}
	before := i
	at := row.at
	if at.IsZero() { // the component is gone
		at = s.stamp()
	}
	if at.Before(i.Updates[0].At) {
		at = i.Updates[0].At
	}
	_, text, by := words(&row.AutomaticIncident)
	i.Updates = append([]statuspage.Update{{Phase: statuspage.Resolved, Text: text, At: at, By: by}}, i.Updates...)
	return s.writeIncident(ctx, q, &i, &before)
}

// EndAnnouncements takes the announcements off pages whose end has passed. more asks for another step soon.
func (s *Store) EndAnnouncements(ctx context.Context) (more bool, err error) {
	ctx = upkeep.with(ctx)
	now := millis(s.Now())
	pages, err := collect(ctx, s.read, "look for announcements that are over", single[int64],
		`SELECT id FROM status_page WHERE announced_until <> 0 AND announced_until <= $1 ORDER BY id LIMIT $2`, now, automaticChunk)
	if err != nil || len(pages) == 0 {
		return false, err
	}
	err = s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		_, err := q.ExecContext(ctx, `UPDATE status_page SET announcement = '', announced_until = 0, version = version + 1, revision = revision + 1
			WHERE `+s.engine.in("id", 1)+` AND announced_until <> 0 AND announced_until <= $2`, s.engine.list(pages), now)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("end announcements: %w", err)
	}
	return len(pages) == automaticChunk, nil
}
