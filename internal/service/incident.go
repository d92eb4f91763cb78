package service

import (
	"cmp"
	"context"
	"slices"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// MaxIncidentsPage is the largest page of Incidents, and what one has when nothing else is said.
const MaxIncidentsPage = 50

// Incidents lists incidents of a status page, drafts too, the latest start first, from behind the incident before on (0: all). more tells that
// there are others behind them. There are fewer than limit where their updates are long.
func (s *Service) Incidents(ctx context.Context, actor cron.Actor, pageID, before int64, limit int) (list []statuspage.Incident, more bool, err error) {
	if err := s.allow(&actor, UseListIncidents); err != nil {
		return nil, false, err
	}
	return s.store.Incidents(ctx, actor.Account.ID, pageID, before, max(1, min(limit, MaxIncidentsPage)))
}

// OpenIncidents lists the incidents of a status page that are not resolved, drafts too, the latest start first, without their updates. There
// are at most statuspage.MaxOpenIncidents.
func (s *Service) OpenIncidents(ctx context.Context, actor cron.Actor, pageID int64) ([]statuspage.Incident, error) {
	if err := s.allow(&actor, UseListIncidents); err != nil {
		return nil, err
	}
	return s.store.OpenIncidents(ctx, actor.Account.ID, pageID)
}

// Incident reads an incident. The error is of kind NotFound when the page has none of that ID.
func (s *Service) Incident(ctx context.Context, actor cron.Actor, pageID, incidentID int64) (statuspage.Incident, error) {
	if err := s.allow(&actor, UseListIncidents); err != nil {
		return statuspage.Incident{}, err
	}
	return s.store.Incident(ctx, actor.Account.ID, pageID, incidentID)
}

// AddIncident opens an incident with its first update, and sets their IDs. The error is of kind TooMany when the page has as many as are
// possible that are not resolved.
func (s *Service) AddIncident(ctx context.Context, actor cron.Actor, pageID int64, i *statuspage.Incident) error {
	if err := s.allow(&actor, UseCreateIncident); err != nil {
		return err
	}
	now := s.store.Now()
	first := i.Updates[0]
	first.By = authorOf(&actor).Label
	*i = statuspage.Incident{PageID: pageID, AccountID: actor.Account.ID, Title: i.Title, Draft: i.Draft, Touched: true}
	return s.audited(ctx, &actor, cron.AuditEntry{Action: actIncidentAdd, Object: objectIncident, Title: i.Title},
		func(ctx context.Context, e *cron.AuditEntry) error {
			err := s.store.CreateIncident(ctx, i, func(components []int64) error {
				u := first
				err := cron.Under("/update", u.Accept(components, new(statuspage.Update), now))
				i.Updates = []statuspage.Update{u}
				return cron.JoinProblems(i.Accept(), err)
			})
			e.ObjectID, e.Title = i.ID, i.Title
			return err
		})
}

// incidentFields are the values of an incident that people edit.
var incidentFields = []auditField[statuspage.Incident]{
	{"/title", func(i *statuspage.Incident) any { return i.Title }},
	{"/draft", func(i *statuspage.Incident) any { return i.Draft }},
}

// ChangeIncident edits the title of an incident, and whether it is a draft. An error of change changes nothing and is returned as it is.
func (s *Service) ChangeIncident(ctx context.Context, actor cron.Actor, pageID, incidentID int64, change func(*statuspage.Incident) error) error {
	return s.changeIncident(ctx, actor, actIncidentSet, pageID, incidentID, func(i *statuspage.Incident, _ []int64, e *cron.AuditEntry) error {
		edited := statuspage.Incident{Title: i.Title, Draft: i.Draft}
		err := change(&edited)
		if err == nil {
			err = edited.Accept()
		}
		if err != nil {
			return err
		}
		e.Changes = changesOf(incidentFields, i, &edited)
		i.Title, i.Draft = edited.Title, edited.Draft
		return nil
	})
}

// AddIncidentUpdate adds an update to an incident and sets its ID. An update that resolves the incident clears all its impacts; a later one
// opens it again. The error is of kind TooMany when the incident has as many as are possible.
func (s *Service) AddIncidentUpdate(ctx context.Context, actor cron.Actor, pageID, incidentID int64, u *statuspage.Update) error {
	now := s.store.Now()
	var changed *statuspage.Incident
	err := s.changeIncident(ctx, actor, actIncidentUpdate, pageID, incidentID, func(i *statuspage.Incident, components []int64, _ *cron.AuditEntry) error {
		if err := u.Accept(components, new(statuspage.Update), now); err != nil {
			return err
		}
		u.ID, u.By = 0, authorOf(&actor).Label
		i.Updates, changed = append(i.Updates, *u), i
		return nil
	})
	if err == nil {
		u.ID = slices.MaxFunc(changed.Updates, func(a, b statuspage.Update) int { return cmp.Compare(a.ID, b.ID) }).ID
	}
	return err
}

// ChangeIncidentUpdate edits an update of an incident. An error of change changes nothing and is returned as it is. The error is of kind
// NotFound when the incident does not have the update.
func (s *Service) ChangeIncidentUpdate(ctx context.Context, actor cron.Actor, pageID, incidentID, updateID int64,
	change func(*statuspage.Update) error) error {
	now := s.store.Now()
	return s.changeIncident(ctx, actor, actIncidentEdit, pageID, incidentID, func(i *statuspage.Incident, components []int64, e *cron.AuditEntry) error {
		u := i.Update(updateID)
		if u == nil {
			return cron.Missing(cron.SubjectIncidentUpdate)
		}
		before := *u
		if err := change(u); err != nil {
			return err
		}
		u.ID, u.By = before.ID, before.By
		if err := u.Accept(components, &before, now); err != nil {
			return err
		}
		e.Changes = changesOf(updateFields, &before, u)
		return nil
	})
}

// updateFields are the values of an update of an incident.
var updateFields = []auditField[statuspage.Update]{
	{"/phase", func(u *statuspage.Update) any { return u.Phase }},
	{"/text", func(u *statuspage.Update) any { return u.Text }},
	{"/at", func(u *statuspage.Update) any { return u.At.UnixNano() }},
	{"/impacts", func(u *statuspage.Update) any { return append([]statuspage.Impact{}, u.Impacts...) }},
}

// changeIncident edits an incident, which the service leaves alone from then on.
func (s *Service) changeIncident(ctx context.Context, actor cron.Actor, action string, pageID, incidentID int64,
	change func(i *statuspage.Incident, components []int64, e *cron.AuditEntry) error) error {
	if err := s.allow(&actor, UseChangeIncident); err != nil {
		return err
	}
	return s.audited(ctx, &actor, cron.AuditEntry{Action: action, Object: objectIncident, ObjectID: incidentID},
		func(ctx context.Context, e *cron.AuditEntry) error {
			return s.store.UpdateIncident(ctx, actor.Account.ID, pageID, incidentID, func(i *statuspage.Incident, components []int64) error {
				if err := change(i, components, e); err != nil {
					return err
				}
				i.Touched, e.Title = true, i.Title
				return nil
			})
		})
}

// DeleteIncident removes an incident, and the impact that it had on the history of components.
func (s *Service) DeleteIncident(ctx context.Context, actor cron.Actor, pageID, incidentID int64) error {
	if err := s.allow(&actor, UseDeleteIncident); err != nil {
		return err
	}
	return s.audited(ctx, &actor, cron.AuditEntry{Action: actIncidentDrop, Object: objectIncident, ObjectID: incidentID},
		func(ctx context.Context, e *cron.AuditEntry) error {
			i, err := s.store.Incident(ctx, actor.Account.ID, pageID, incidentID)
			if err != nil {
				return err
			}
			e.Title = i.Title
			return s.store.DeleteIncident(ctx, actor.Account.ID, pageID, incidentID)
		})
}
