package spec

import (
	"net/http"
	"slices"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

func pageMaintenanceOperations() Group {
	page := idParameter("statusPageId", "The number of the status page.")
	one := []Parameter{page, idParameter("maintenanceId", "The number of the maintenance.")}
	const (
		list  = "/statuspages/{statusPageId}/maintenances"
		plans = `{"maintenance":{"title":"Move of the database","text":"Orders wait until it is over.","effect":"silence","componentIds":[3],` +
			`"start":1774659600,"end":1774666800}}`
	)
	return Group{
		Name: "Maintenance of status pages",
		Description: "Spans of time, once or by a schedule, in which components of a status page are in maintenance, as visitors are told in advance. " +
			"It can silence or pause the jobs that the components have.",
		Operations: []Operation{
			{
				Method: http.MethodGet, Path: list, ID: "listStatusPageMaintenances", Summary: "List the maintenances of a status page", Added: true,
				Description: "Those that are over are listed for 30 days.",
				Parameters:  []Parameter{page},
				Responses: answers(jsonAnswer("The maintenances by their numbers.", "", Of("maintenances", Array("", Ref("StatusPageMaintenance"))), next()),
					http.StatusNotFound),
			},
			{
				Method: http.MethodPost, Path: list, ID: "createStatusPageMaintenance", Summary: "Plan a maintenance of a status page", Added: true,
				Description: "Either `start` and `end`, or `schedule` and `durationSeconds`. The starts of a schedule are 12 hours apart at least. The status " +
					"pages of an account have at most 100 maintenances; a further one takes the place of the one that has been over for the longest time.",
				Parameters: append(creating(), page),
				Body:       jsonBody("The maintenance.", "maintenance", Input("", pageMaintenanceMembers(), "title", "componentIds"), plans),
				Responses:  creatingAnswers(made("The maintenance was planned.", "maintenanceId", "maintenance"), http.StatusBadRequest, http.StatusNotFound),
			},
			{
				Method: http.MethodGet, Path: list + "/{maintenanceId}", ID: "getStatusPageMaintenance", Summary: "Read a maintenance of a status page", Added: true,
				Parameters: one,
				Responses:  answers(jsonAnswer("The maintenance.", "", Of("maintenance", Ref("StatusPageMaintenance"))), http.StatusNotFound),
			},
			{
				Method: http.MethodPatch, Path: list + "/{maintenanceId}", ID: "changeStatusPageMaintenance", Summary: "Change a maintenance of a status page", Added: true,
				Description: "It takes effect at once. A schedule replaces the former one, or the only span; `start` and `end` replace a schedule.",
				Parameters:  one,
				Body:        jsonBody("The members to change.", "maintenance", Input("", pageMaintenanceMembers()), `{"maintenance":{"end":1774670400}}`),
				Responses:   answers(doneAnswer(), http.StatusBadRequest, http.StatusNotFound),
			},
			{
				Method: http.MethodDelete, Path: list + "/{maintenanceId}", ID: "deleteStatusPageMaintenance", Summary: "Delete a maintenance of a status page", Added: true,
				Description: "One that is in progress ends at once.",
				Parameters:  one,
				Responses:   answers(doneAnswer(), http.StatusNotFound),
			},
		},
	}
}

func pageMaintenanceMembers() []Member {
	return slices.Concat([]Member{
		Of("maintenanceId", Integer("The number of the maintenance.").Output()),
		Of("title", String("The title; surrounding spaces are removed.").NotEmpty().UpTo(cron.MaxFolderTitle)),
		Of("text", String("What visitors are told, in Markdown.").UpTo(statuspage.MaxMaintenanceText).WithDefault("")),
		Of("effect", String("What happens to the jobs that the components have.").WithDefault(wire.PlanEffectNames[0]).Choose(named(wire.PlanEffectNames,
			"nothing", "they run, and no notices are written", "what is due is recorded as skipped, retries wait, and no notices are written")...)),
		Of("componentIds", Array("The components of the page that are in maintenance.", Integer("").AtLeast(1)).UpTo(statuspage.MaxComponents)),
	}, windowMembers(), windowStateMembers())
}

// pageMaintenanceSchemas are the schemas of maintenances of status pages.
func pageMaintenanceSchemas() []Member {
	return []Member{Of("StatusPageMaintenance", Object("A maintenance of components of a status page.", pageMaintenanceMembers()...))}
}
