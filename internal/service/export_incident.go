package service

import (
	"context"
	"strings"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// incidents writes the incidents of status pages with their updates, and the maintenances.
func (x *exporter) incidents(ctx context.Context) error {
	pages, err := x.service.store.StatusPages(ctx, x.account.ID)
	if err != nil {
		return err
	}
	x.name("incidents")
	x.text("[")
	first := true
	for n := range pages {
		for before, more := int64(0), true; more; {
			list, err := x.service.store.Incidents(ctx, x.account.ID, pages[n].ID, before, MaxIncidentsPage)
			if err != nil {
				return err
			}
			for i := range list {
				x.item(first, exportIncident(&list[i]))
				first, before = false, list[i].ID
			}
			more = len(list) == MaxIncidentsPage
		}
	}
	x.text("]")
	var plans []statuspage.Plan
	for n := range pages {
		list, err := x.service.store.StatusPlans(ctx, x.account.ID, pages[n].ID)
		if err != nil {
			return err
		}
		plans = append(plans, list...)
	}
	exportList(x, "statusPageMaintenances", plans, exportPlan)
	return nil
}

func exportIncident(i *statuspage.Incident) any {
	updates := make([]map[string]any, len(i.Updates))
	for n := range i.Updates {
		u := &i.Updates[n]
		impacts := make([]map[string]any, len(u.Impacts))
		for k, impact := range u.Impacts {
			impacts[k] = map[string]any{"componentId": impact.ComponentID, "state": impact.State.String()}
		}
		updates[n] = map[string]any{"updateId": u.ID, "phase": u.Phase.String(), "text": u.Text, "at": u.At.Unix(), "impacts": impacts, "by": u.By}
	}
	return map[string]any{"incidentId": i.ID, "statusPageId": i.PageID, "title": i.Title, "draft": i.Draft, "automatic": i.Automatic != 0,
		"started": i.Started.Unix(), "resolved": unixOrNil(i.Resolved), "created": i.Created.Unix(), "updates": updates}
}

func exportPlan(p *statuspage.Plan) any {
	object := map[string]any{"maintenanceId": p.ID, "statusPageId": p.PageID, "title": p.Title, "text": p.Text, "effect": p.Effect.String(),
		"componentIds": append([]int64{}, p.ComponentIDs...), "start": unixOrNil(p.Start), "end": unixOrNil(p.End), "created": p.Created.Unix(),
		"updated": p.Updated.Unix(), "updatedBy": p.UpdatedBy}
	if !p.Once() {
		object["durationSeconds"] = seconds(p.Duration)
		putSchedule(object, p.Schedule)
	}
	return object
}

// putSchedule puts the schedule of the starts of a maintenance into an object.
func putSchedule(object map[string]any, s cron.Schedule) {
	starts := cron.Job{Schedule: s}
	for i := range jobFields {
		if f := &jobFields[i]; strings.HasPrefix(f.pointer, "/schedule/") && f.pointer != "/schedule/spreadSeconds" {
			put(object, f.pointer, f.value(&starts))
		}
	}
}
