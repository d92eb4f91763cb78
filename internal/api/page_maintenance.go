package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/service"
	"punctual/internal/statuspage"
)

// pageMaintenance is a maintenance of a status page. Times are Unix seconds.
type pageMaintenance struct {
	MaintenanceID int64   `json:"maintenanceId"`
	Title         string  `json:"title"`
	Text          string  `json:"text"`
	Effect        string  `json:"effect"`
	ComponentIDs  []int64 `json:"componentIds"`
	windowSpan
	windowState
	Created   int64  `json:"created"`
	Updated   int64  `json:"updated"`
	UpdatedBy string `json:"updatedBy"`
}

func newPageMaintenance(p *statuspage.Plan, now time.Time) pageMaintenance {
	state := service.StateOfWindow(p.Window(), now)
	return pageMaintenance{
		MaintenanceID: p.ID, Title: p.Title, Text: p.Text, Effect: p.Effect.String(), ComponentIDs: append([]int64{}, p.ComponentIDs...),
		windowSpan: newWindowSpan(&state.MaintenanceWindow), windowState: newWindowState(&state),
		Created: p.Created.Unix(), Updated: p.Updated.Unix(), UpdatedBy: p.UpdatedBy,
	}
}

func (a *api) listPageMaintenances(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	list, err := a.service.StatusMaintenances(r.Context(), actor, pathID(r, "statusPageId"))
	if err != nil {
		return err
	}
	now := a.now()
	answer := struct {
		Maintenances []pageMaintenance `json:"maintenances"`
		Next         *string           `json:"next"`
	}{Maintenances: make([]pageMaintenance, len(list))}
	for n := range list {
		answer.Maintenances[n] = newPageMaintenance(&list[n], now)
	}
	return reply(w, answer)
}

func (a *api) getPageMaintenance(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	p, err := a.service.StatusMaintenance(r.Context(), actor, pathID(r, "statusPageId"), pathID(r, "maintenanceId"))
	if err != nil {
		return err
	}
	return reply(w, struct {
		Maintenance pageMaintenance `json:"maintenance"`
	}{newPageMaintenance(&p, a.now())})
}

func (a *api) createPageMaintenance(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	change, err := a.readPageMaintenance(w, r, true)
	if err != nil {
		return err
	}
	return a.effect(w, r, func(ctx context.Context, w http.ResponseWriter) error {
		var p statuspage.Plan
		change(&p)
		if err := a.service.AddStatusMaintenance(ctx, actor, pathID(r, "statusPageId"), &p); err != nil {
			return cron.Under("/maintenance", err)
		}
		return reply(w, struct {
			MaintenanceID int64 `json:"maintenanceId"`
		}{p.ID})
	})
}

func (a *api) changePageMaintenance(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	change, err := a.readPageMaintenance(w, r, false)
	if err != nil {
		return err
	}
	err = a.service.ChangeStatusMaintenance(r.Context(), actor, pathID(r, "statusPageId"), pathID(r, "maintenanceId"), always(change))
	if err != nil {
		return cron.Under("/maintenance", err)
	}
	return reply(w, struct{}{})
}

func (a *api) deletePageMaintenance(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	err := a.service.DeleteStatusMaintenance(r.Context(), actor, pathID(r, "statusPageId"), pathID(r, "maintenanceId"))
	if err != nil {
		return err
	}
	return reply(w, struct{}{})
}

// readPageMaintenance reads what a request sets of a maintenance. One that gets a schedule loses its only span, and the other way round.
func (a *api) readPageMaintenance(w http.ResponseWriter, r *http.Request, creates bool) (change func(*statuspage.Plan), err error) {
	body, outer, err := wire.ReadMember(w, r, planBody, "maintenance")
	if err != nil {
		return nil, err
	}
	var (
		p      wire.Problems
		given  statuspage.Plan
		window cron.MaintenanceWindow
		o      = wire.NewObject(body, "", &p)
	)
	o.Skip("maintenanceId", "active", "nextStart", "nextEnd", "created", "updated", "updatedBy")
	o.Text("title", &given.Title)
	o.Text("text", &given.Text)
	wire.Choice(o, "effect", &given.Effect, wire.PlanEffectNames)
	readNumbers(o, "componentIds", &given.ComponentIDs)
	span := readWindow(o, &window, creates)
	a.tellIgnored(w, r, outer, "/maintenance", p.Unread())
	if err := p.Err(); err != nil {
		return nil, cron.Under("/maintenance", err)
	}
	return func(p *statuspage.Plan) {
		w := p.Window()
		span(&w)
		p.Start, p.End, p.Schedule, p.Duration = w.Start, w.End, w.Schedule, w.Duration
		set(o.Has("title"), &p.Title, given.Title)
		set(o.Has("text"), &p.Text, given.Text)
		set(o.Has("effect"), &p.Effect, given.Effect)
		set(o.Has("componentIds"), &p.ComponentIDs, slices.Clone(given.ComponentIDs))
	}, nil
}
