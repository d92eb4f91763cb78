package service

import (
	"context"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
	"punctual/internal/store"
)

// StatusMaintenances lists the maintenances of a status page, those that are over too.
func (s *Service) StatusMaintenances(ctx context.Context, actor cron.Actor, pageID int64) ([]statuspage.Plan, error) {
	if err := s.allow(&actor, UseListPlans); err != nil {
		return nil, err
	}
	return s.store.StatusPlans(ctx, actor.Account.ID, pageID)
}

// StatusMaintenance reads a maintenance of a status page. The error is of kind NotFound when the page has none of that ID.
func (s *Service) StatusMaintenance(ctx context.Context, actor cron.Actor, pageID, planID int64) (statuspage.Plan, error) {
	if err := s.allow(&actor, UseListPlans); err != nil {
		return statuspage.Plan{}, err
	}
	return s.store.StatusPlan(ctx, actor.Account.ID, pageID, planID)
}

// AddStatusMaintenance plans a maintenance of a status page and sets its ID. It takes the place of one that is over when the account has as many
// as are possible; the error is of kind TooMany when none is.
func (s *Service) AddStatusMaintenance(ctx context.Context, actor cron.Actor, pageID int64, p *statuspage.Plan) error {
	if err := s.allow(&actor, UseCreatePlan); err != nil {
		return err
	}
	p.ID, p.PageID, p.AccountID, p.UpdatedBy = 0, pageID, actor.Account.ID, authorOf(&actor).Label
	return s.audited(ctx, &actor, cron.AuditEntry{Action: actPlanAdd, Object: objectPlan, Title: p.Title},
		func(ctx context.Context, e *cron.AuditEntry) error {
			err := s.store.CreateStatusPlan(ctx, p, func(components []int64) error { return p.Accept(components, new(statuspage.Plan)) })
			e.ObjectID, e.Title = p.ID, p.Title
			return err
		})
}

// ChangeStatusMaintenance edits a maintenance of a status page. It takes effect at once. An error of change changes nothing and is returned as
// it is.
func (s *Service) ChangeStatusMaintenance(ctx context.Context, actor cron.Actor, pageID, planID int64, change func(*statuspage.Plan) error) error {
	if err := s.allow(&actor, UseChangePlan); err != nil {
		return err
	}
	return s.audited(ctx, &actor, cron.AuditEntry{Action: actPlanSet, Object: objectPlan, ObjectID: planID},
		func(ctx context.Context, e *cron.AuditEntry) error {
			return s.store.UpdateStatusPlan(ctx, actor.Account.ID, pageID, planID, func(p *statuspage.Plan, components []int64) error {
				before := *p
				if err := change(p); err != nil {
					return err
				}
				p.ID, p.PageID, p.AccountID, p.Created = before.ID, before.PageID, before.AccountID, before.Created
				if err := p.Accept(components, &before); err != nil {
					return err
				}
				p.UpdatedBy = authorOf(&actor).Label
				e.Title, e.Changes = p.Title, changesOf(planFields, &before, p)
				return nil
			})
		})
}

// planFields are the values of a maintenance of a status page.
var planFields = []auditField[statuspage.Plan]{
	{"/title", func(p *statuspage.Plan) any { return p.Title }},
	{"/text", func(p *statuspage.Plan) any { return p.Text }},
	{"/effect", func(p *statuspage.Plan) any { return p.Effect }},
	{"/componentIds", func(p *statuspage.Plan) any { return p.ComponentIDs }},
	{"/start", func(p *statuspage.Plan) any { return p.Start.Unix() }},
	{"/end", func(p *statuspage.Plan) any { return p.End.Unix() }},
	{"/schedule", func(p *statuspage.Plan) any { return p.Schedule }},
	{"/durationSeconds", func(p *statuspage.Plan) any { return p.Duration }},
}

// DeleteStatusMaintenance removes a maintenance of a status page. One that is in progress ends.
func (s *Service) DeleteStatusMaintenance(ctx context.Context, actor cron.Actor, pageID, planID int64) error {
	if err := s.allow(&actor, UseDeletePlan); err != nil {
		return err
	}
	return s.audited(ctx, &actor, cron.AuditEntry{Action: actPlanDrop, Object: objectPlan, ObjectID: planID},
		func(ctx context.Context, e *cron.AuditEntry) error {
			p, err := s.store.StatusPlan(ctx, actor.Account.ID, pageID, planID)
			if err != nil {
				return err
			}
			e.Title = p.Title
			return s.store.DeleteStatusPlan(ctx, actor.Account.ID, pageID, planID)
		})
}

// automaticWords are what an automatic incident says, and who says it.
func automaticWords(a *store.AutomaticIncident) (title, text, by string) {
	c := words(a.Language)
	if a.Back {
		return "", c.Label("incident.automatic-back"), byService
	}
	return c.Label("incident.automatic-title", "title", a.Component), c.Label("incident.automatic-text"), byService
}

// WorkStatusPages takes a step of what status pages do by themselves: maintenances begin and end, incidents are made automatically and
// resolved, and announcements end. more asks for another step soon.
func (s *Service) WorkStatusPages(ctx context.Context) (more bool, err error) {
	if are, err := s.store.AnyStatusPage(ctx); err != nil || !are {
		return false, err
	}
	for _, step := range []func(context.Context) (bool, error){
		s.store.ShowMaintenance,
		func(ctx context.Context) (bool, error) { return s.store.WorkIncidents(ctx, automaticWords) },
		s.store.EndAnnouncements,
	} {
		again, err := step(ctx)
		if err != nil {
			return false, err
		}
		more = more || again
	}
	return more, nil
}
