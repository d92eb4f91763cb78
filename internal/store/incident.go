package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// Whoever changes incidents or maintenances of a page locks the row of the page first, and then those of its components.

// incidentRow is the columns of incident but id.
func incidentRow(i *statuspage.Incident) columns {
	return func(list *columnList) {
		list.add("page_id", integer(&i.PageID))
		list.add("account_id", integer(&i.AccountID))
		list.add("title", text(&i.Title))
		list.add("draft", flag(&i.Draft))
		list.add("automatic", integer(&i.Automatic))
		list.add("touched", flag(&i.Touched))
		list.add("phase", integer(&i.Phase))
		list.add("started_at", moment(&i.Started))
		list.add("resolved_at", moment(&i.Resolved))
		list.add("impacts", impactsField{&i.Impacts})
		list.add("created_at", moment(&i.Created))
	}
}

// incidentUpdateRow is the columns of incident_update but id.
func incidentUpdateRow(incidentID *int64, u *statuspage.Update) columns {
	return func(list *columnList) {
		list.add("incident_id", integer(incidentID))
		list.add("phase", integer(&u.Phase))
		list.add("body", text(&u.Text))
		list.add("at", moment(&u.At))
		list.add("impacts", impactsField{&u.Impacts})
		list.add("written_by", text(&u.By))
	}
}

var (
	incidentNames        = names("incident", incidentRow(new(statuspage.Incident)))
	incidentInsert       = insertRow("incident", incidentRow(new(statuspage.Incident)))
	incidentWrite        = updateRow("incident", incidentRow(new(statuspage.Incident)))
	incidentUpdateNames  = names("incident_update", incidentUpdateRow(new(int64), new(statuspage.Update)))
	incidentUpdateInsert = insertRow("incident_update", incidentUpdateRow(new(int64), new(statuspage.Update)))
	incidentUpdateWrite  = updateRow("incident_update", incidentUpdateRow(new(int64), new(statuspage.Update)))
)

func scanIncident(scan scanner, i *statuspage.Incident) error {
	return scan(append([]any{&i.ID}, targets(incidentRow(i))...)...)
}

// impactsField is impacts. The column has them as JSON, and empty for none.
type impactsField struct{ to *[]statuspage.Impact }

type impactRow struct {
	Component int64 `json:"c"`
	State     int   `json:"s"`
}

// Scan implements sql.Scanner.
func (f impactsField) Scan(value any) error {
	var encoded string
	if err := (textField{&encoded}).Scan(value); err != nil || encoded == "" {
		return err
	}
	var rows []impactRow
	if err := json.Unmarshal([]byte(encoded), &rows); err != nil {
		return fmt.Errorf("decode impacts: %w", err)
	}
	*f.to = make([]statuspage.Impact, len(rows))
	for n, row := range rows {
		(*f.to)[n] = statuspage.Impact{ComponentID: row.Component, State: statuspage.State(row.State)}
	}
	return nil
}

func (f impactsField) value() any {
	if len(*f.to) == 0 {
		return ""
	}
	rows := make([]impactRow, len(*f.to))
	for n, impact := range *f.to {
		rows[n] = impactRow{impact.ComponentID, int(impact.State)}
	}
	return encode(rows)
}

// Incident reads an incident of a page of an account with its updates.
func (s *Store) Incident(ctx context.Context, accountID, pageID, incidentID int64) (i statuspage.Incident, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return i, err
	}
	defer leave()
	return s.incident(ctx, s.read, accountID, pageID, incidentID)
}

func (s *Store) incident(ctx context.Context, q queryer, accountID, pageID, incidentID int64) (statuspage.Incident, error) {
	return s.oneIncident(ctx, q, `id = $1 AND page_id = $2 AND account_id = $3`, incidentID, pageID, accountID)
}

// oneIncident reads the incident that a condition selects, with its updates.
func (s *Store) oneIncident(ctx context.Context, q queryer, where string, args ...any) (statuspage.Incident, error) {
	list, err := s.incidents(ctx, q, wholeTexts, where, args...)
	if err != nil {
		return statuspage.Incident{}, err
	}
	if len(list) == 0 {
		return statuspage.Incident{}, cron.Missing(cron.SubjectIncident)
	}
	return list[0], nil
}

// PublicIncidents lists what visitors of a page are told of: incidents that are not drafts and not resolved, or resolved at an instant or after
// it, the latest start first. Of their updates it has the statuspage.ShownUpdates newest, with texts of statuspage.ShownTexts bytes at most:
// that of an update without room is empty.
func (s *Store) PublicIncidents(ctx context.Context, accountID, pageID int64, since time.Time, limit int) ([]statuspage.Incident, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	return s.incidents(ctx, s.read, newestTexts, `page_id = $1 AND account_id = $2 AND NOT draft AND (resolved_at = 0 OR resolved_at >= $3)
		ORDER BY started_at DESC, id DESC LIMIT $4`, pageID, accountID, millis(since), limit)
}

// checkPage checks that an account has a page; lock is that of a transaction that changes what the page shows.
func checkPage(ctx context.Context, q queryer, accountID, pageID int64, lock string) error {
	var one int
	err := q.QueryRowContext(ctx, `SELECT 1 FROM status_page WHERE id = $1 AND account_id = $2`+lock, pageID, accountID).Scan(&one)
	return oneRow(err, cron.SubjectStatusPage)
}

// changeShown runs a change of the incidents or maintenances of a page, with the components that the page has.
func (s *Store) changeShown(ctx context.Context, accountID, pageID int64,
	change func(ctx context.Context, q queryer, components []int64) error) error {
	return s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
		if err := checkPage(ctx, q, accountID, pageID, s.engine.lock(forUpdate)); err != nil {
			return err
		}
		components, err := collect(ctx, q, "list the components of the page", single[int64],
			`SELECT id FROM status_component WHERE page_id = $1 ORDER BY id`, pageID)
		if err != nil {
			return err
		}
		return change(ctx, q, components)
	})
}

// CreateIncident adds an incident that check accepts, by the components of the page, and sets its ID and those of its updates. At
// statuspage.MaxIncidents it takes the place of the one that was resolved first. The error is of kind TooMany when the page has
// statuspage.MaxOpenIncidents that are not resolved.
func (s *Store) CreateIncident(ctx context.Context, i *statuspage.Incident, check func(components []int64) error) error {
	return s.changeShown(ctx, i.AccountID, i.PageID, func(ctx context.Context, q queryer, components []int64) error {
		if err := check(components); err != nil {
			return err
		}
		return s.addIncident(ctx, q, i)
	})
}

// addIncident is CreateIncident for an incident that is accepted.
func (s *Store) addIncident(ctx context.Context, q queryer, i *statuspage.Incident) error {
	if err := s.boundIncidents(ctx, q, i); err != nil {
		return err
	}
	i.Fold()
	i.Created = s.stamp()
	i.ID = 0
	if err := q.QueryRowContext(ctx, incidentInsert, values(nil, incidentRow(i))...).Scan(&i.ID); err != nil {
		return fmt.Errorf("create the incident: %w", err)
	}
	return s.writeUpdates(ctx, q, i, &statuspage.Incident{Draft: true})
}

// boundIncidents keeps the bounds of a page before an incident is added.
func (s *Store) boundIncidents(ctx context.Context, q queryer, i *statuspage.Incident) error {
	var all, open int
	err := q.QueryRowContext(ctx, `SELECT count(*), count(*) FILTER (WHERE resolved_at = 0) FROM incident WHERE page_id = $1`, i.PageID).Scan(&all, &open)
	if err != nil {
		return fmt.Errorf("count the incidents: %w", err)
	}
	if open >= statuspage.MaxOpenIncidents {
		return &cron.Error{Kind: cron.TooMany, Subject: cron.SubjectIncident}
	}
	if all >= statuspage.MaxIncidents {
		_, err = q.ExecContext(ctx, `DELETE FROM incident WHERE id = (SELECT id FROM incident
			WHERE page_id = $1 AND resolved_at <> 0 ORDER BY resolved_at, id LIMIT 1)`, i.PageID)
		if err != nil {
			return fmt.Errorf("delete the oldest incident: %w", err)
		}
	}
	return nil
}

// UpdateIncident reads an incident with its updates, lets change edit it, by the components of the page, and writes it. Updates can be added,
// changed and taken off; what follows from them is worked out. change does no more than that, and may run more than once; its error
// changes nothing and is returned as it is.
func (s *Store) UpdateIncident(ctx context.Context, accountID, pageID, incidentID int64,
	change func(i *statuspage.Incident, components []int64) error) error {
	return s.changeShown(ctx, accountID, pageID, func(ctx context.Context, q queryer, components []int64) error {
		i, err := s.incident(ctx, q, accountID, pageID, incidentID)
		if err != nil {
			return err
		}
		before := i
		before.Updates = slices.Clone(i.Updates)
		if err := change(&i, components); err != nil {
			return err
		}
		return s.writeIncident(ctx, q, &i, &before)
	})
}

// writeIncident writes an incident that was changed, and what follows from that.
func (s *Store) writeIncident(ctx context.Context, q queryer, i, before *statuspage.Incident) error {
	length := 0
	for n := range i.Updates {
		length += len(i.Updates[n].Text)
	}
	if len(i.Updates) > statuspage.MaxUpdates || length > statuspage.MaxUpdateTexts {
		return &cron.Error{Kind: cron.TooMany, Subject: cron.SubjectIncidentUpdate}
	}
	i.Fold()
	if _, err := q.ExecContext(ctx, incidentWrite, values([]any{i.ID}, incidentRow(i))...); err != nil {
		return fmt.Errorf("change the incident: %w", err)
	}
	return s.writeUpdates(ctx, q, i, before)
}

// DeleteIncident removes an incident of a page of an account, and the impact that it had.
func (s *Store) DeleteIncident(ctx context.Context, accountID, pageID, incidentID int64) error {
	return s.changeShown(ctx, accountID, pageID, func(ctx context.Context, q queryer, _ []int64) error {
		i, err := s.incident(ctx, q, accountID, pageID, incidentID)
		if err != nil {
			return err
		}
		if _, err := q.ExecContext(ctx, `DELETE FROM incident WHERE id = $1`, incidentID); err != nil {
			return fmt.Errorf("delete the incident: %w", err)
		}
		return s.showIncident(ctx, q, &statuspage.Incident{PageID: pageID, Draft: true}, &i)
	})
}

// writeUpdates writes the updates of an incident that differ from before, what visitors see of that, and what subscribers are told.
func (s *Store) writeUpdates(ctx context.Context, q queryer, i, before *statuspage.Incident) error {
	for n := range i.Updates {
		u := &i.Updates[n]
		at := slices.IndexFunc(before.Updates, func(b statuspage.Update) bool { return u.ID != 0 && b.ID == u.ID })
		switch {
		case at < 0:
			u.ID = 0
			if err := q.QueryRowContext(ctx, incidentUpdateInsert, values(nil, incidentUpdateRow(&i.ID, u))...).Scan(&u.ID); err != nil {
				return fmt.Errorf("add the update: %w", err)
			}
		case !sameUpdate(u, &before.Updates[at]):
			if _, err := q.ExecContext(ctx, incidentUpdateWrite, values([]any{u.ID}, incidentUpdateRow(&i.ID, u))...); err != nil {
				return fmt.Errorf("change the update: %w", err)
			}
		}
	}
	for n := range before.Updates {
		id := before.Updates[n].ID
		if !slices.ContainsFunc(i.Updates, func(u statuspage.Update) bool { return u.ID == id }) {
			if _, err := q.ExecContext(ctx, `DELETE FROM incident_update WHERE id = $1`, id); err != nil {
				return fmt.Errorf("delete the update: %w", err)
			}
		}
	}
	if n, ok := i.UpdateNotice(before, s.Now()); ok {
		if err := s.addNotice(ctx, q, &n); err != nil {
			return err
		}
	}
	return s.showIncident(ctx, q, i, before)
}

func sameUpdate(a, b *statuspage.Update) bool {
	return a.Phase == b.Phase && a.Text == b.Text && a.At.Equal(b.At) && a.By == b.By && slices.Equal(a.Impacts, b.Impacts)
}

// showIncident makes visitors see a change of an incident: it counts the revision of the page, and writes the layer of incidents anew from the
// first instant on at which the impact of the incident changed.
func (s *Store) showIncident(ctx context.Context, q queryer, i, before *statuspage.Incident) error {
	if i.Draft && before.Draft {
		return nil
	}
	named, from := changedImpacts(i, before)
	if len(named) == 0 {
		return s.raiseRevisions(ctx, q, i.PageID)
	}
	if oldest := s.Now().Add(-transitionsKept).Truncate(time.Millisecond); from.Before(oldest) {
		from = oldest
	}
	incidents, err := s.incidents(ctx, q, noTexts, `page_id = $1 AND NOT draft AND (resolved_at = 0 OR resolved_at >= $2)`, i.PageID, millis(from))
	if err != nil {
		return err
	}
	return s.setLayers(ctx, q, i.PageID, statuspage.LayerIncident, from, statuspage.IncidentLayers(incidents, named, from))
}

// changedImpacts lists the components that an incident names, or named before, and the first instant at which its impact is another one than
// before.
func changedImpacts(i, before *statuspage.Incident) (named []int64, from time.Time) {
	first := func(at time.Time) {
		if from.IsZero() || at.Before(from) {
			from = at
		}
	}
	add := func(of, other *statuspage.Incident) {
		if of.Draft {
			return
		}
		for n := range of.Updates {
			u := &of.Updates[n]
			for _, impact := range u.Impacts {
				named = append(named, impact.ComponentID)
			}
			same := !other.Draft && slices.ContainsFunc(other.Updates, func(o statuspage.Update) bool {
				return o.Phase == u.Phase && o.At.Equal(u.At) && slices.Equal(o.Impacts, u.Impacts)
			})
			if !same {
				first(u.At)
			}
		}
	}
	add(i, before)
	add(before, i)
	if from.IsZero() {
		return nil, from
	}
	slices.Sort(named)
	return slices.Compact(named), from
}
