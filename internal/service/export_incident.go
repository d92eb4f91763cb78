package service

import (
	"context"
	"strings"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// incidents writes the incidents with their updates, and the maintenances, of the status pages that were written. A page may be deleted meanwhile.
func (x *exporter) incidents(ctx context.Context) error {
	x.name("incidents")
	x.text("[")
	first := true
	for _, page := range x.pageIDs {
		var last statuspage.Incident
		for more := true; more; {
			list, others, err := x.service.store.IncidentsBehind(ctx, x.account.ID, page, last.Started, last.ID, MaxIncidentsPage)
			if err != nil && cron.KindOf(err) != cron.NotFound {
				return err
			}
			for i := range list {
				x.item(first, exportIncident(&list[i]))
				first, last = false, list[i]
			}
			more = others
		}
	}
	x.text("]")
	var plans []statuspage.Plan
	for _, page := range x.pageIDs {
		list, err := x.service.store.StatusPlans(ctx, x.account.ID, page)
		if err != nil && cron.KindOf(err) != cron.NotFound {
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
