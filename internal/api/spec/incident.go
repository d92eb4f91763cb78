package spec

import (
	"net/http"
	"slices"

	"punctual/internal/api/wire"
	"punctual/internal/service"
	"punctual/internal/statuspage"
)

func incidentOperations() Group {
	page := idParameter("statusPageId", "The number of the status page.")
	one := []Parameter{page, idParameter("incidentId", "The number of the incident.")}
	const (
		list  = "/statuspages/{statusPageId}/incidents"
		opens = `{"incident":{"title":"Checkout is slow","update":{"phase":"investigating","text":"We look into it.",` +
			`"impacts":[{"componentId":3,"state":"degraded"}]}}}`
	)
	return Group{
		Name: "Incidents",
		Description: "Disturbances that a status page tells of. An incident is a list of updates: each has a phase, a text, and the components whose " +
			"state it changes. A component that an update does not name keeps its impact; an update that resolves the incident clears all impacts, and a " +
			"later update opens it again. Updates can be dated back; history and uptime follow.",
		Operations: []Operation{
			{
				Method: http.MethodGet, Path: list, ID: "listIncidents", Summary: "List the incidents of a status page", Added: true,
				Description: "Drafts too. A page keeps 1000 incidents; a further one takes the place of the one that was resolved first.",
				Parameters: []Parameter{page,
					{In: "query", Name: "limit", Schema: Integer("Incidents in a page.").Within(1, service.MaxIncidentsPage).WithDefault(service.MaxIncidentsPage)},
					{In: "query", Name: "cursor", Schema: String("`next` of the previous page.")}},
				Responses: answers(jsonAnswer("A page of incidents, the latest start first.", "", Of("incidents", Array("", Ref("Incident"))), next()),
					http.StatusBadRequest, http.StatusNotFound),
			},
			{
				Method: http.MethodPost, Path: list, ID: "createIncident", Summary: "Open an incident", Added: true,
				Description: "With its first update. A page has at most 50 incidents at once that are not resolved.",
				Parameters:  append(creating(), page),
				Body:        jsonBody("The incident.", "incident", Input("", incidentMembers(true), "title", "update"), opens),
				Responses:   creatingAnswers(made("The incident was opened.", "incidentId", "incident"), http.StatusBadRequest, http.StatusNotFound),
			},
			{
				Method: http.MethodGet, Path: list + "/{incidentId}", ID: "getIncident", Summary: "Read an incident", Added: true,
				Parameters: one,
				Responses:  answers(jsonAnswer("The incident.", "", Of("incident", Ref("Incident"))), http.StatusNotFound),
			},
			{
				Method: http.MethodPatch, Path: list + "/{incidentId}", ID: "changeIncident", Summary: "Change an incident", Added: true,
				Description: "Its title, and whether it is a draft. What it says is changed by its updates.",
				Parameters:  one,
				Body:        jsonBody("The members to change.", "incident", Input("", incidentMembers(false)), `{"incident":{"draft":false}}`),
				Responses:   answers(doneAnswer(), http.StatusBadRequest, http.StatusNotFound),
			},
			{
				Method: http.MethodDelete, Path: list + "/{incidentId}", ID: "deleteIncident", Summary: "Delete an incident", Added: true,
				Description: "Its impact is taken out of the history of the components, too.",
				Parameters:  one,
				Responses:   answers(doneAnswer(), http.StatusNotFound),
			},
			{
				Method: http.MethodPost, Path: list + "/{incidentId}/updates", ID: "createIncidentUpdate", Summary: "Add an update to an incident", Added: true,
				Description: "An incident has at most 200 updates, with 256 KiB of text together.",
				Parameters:  append(creating(), one...),
				Body: jsonBody("The update.", "update", Input("", incidentUpdateMembers(), "text"),
					`{"update":{"phase":"resolved","text":"A server was replaced. All is well again."}}`),
				Responses: creatingAnswers(made("The update was added.", "updateId", "update"), http.StatusBadRequest, http.StatusNotFound),
			},
			{
				Method: http.MethodPatch, Path: list + "/{incidentId}/updates/{updateId}", ID: "changeIncidentUpdate", Summary: "Change an update of an incident",
				Added:       true,
				Description: "History and uptime follow when its phase, time or impacts change.",
				Parameters:  append(slices.Clone(one), idParameter("updateId", "The number of the update.")),
				Body:        jsonBody("The members to change.", "update", Input("", incidentUpdateMembers()), `{"update":{"text":"We looked into it."}}`),
				Responses:   answers(doneAnswer(), http.StatusBadRequest, http.StatusNotFound),
			},
		},
	}
}

// incidentMembers are the members of an incident. A request that opens it has its first update.
func incidentMembers(opens bool) []Member {
	members := []Member{
		Of("incidentId", Integer("The number of the incident.").Output()),
		Of("title", String("The title; surrounding spaces are removed.").NotEmpty().UpTo(statuspage.MaxIncidentTitle)),
		Of("draft", Boolean("Only people of the account see it, and it has no impact.").WithDefault(false)),
		Of("automatic", Boolean("The service opened it, since a component had an outage. It resolves it, too, unless somebody changes the incident.").Output()),
		Of("phase", phaseOf("Of the latest update.").Output()),
		Of("started", Time("When the first update was.").Output()),
		Of("resolved", Time("When it was resolved; null when it is not.").OrNull().Output()),
		Of("impacts", Array("The impacts that are in effect.", impactSchema()).Output()),
		Of("updates", Array("The updates, the latest first.", Ref("IncidentUpdate")).Output()),
		Of("created", Time("When it was written down.").Output()),
	}
	if opens {
		members = append(members, Of("update", Input("The first update.", incidentUpdateMembers(), "text")))
	}
	return members
}

func incidentUpdateMembers() []Member {
	return []Member{
		Of("updateId", Integer("The number of the update.").Output()),
		Of("phase", phaseOf("How far the incident is.").WithDefault(wire.PhaseNames[0])),
		Of("text", String("What visitors are told, in Markdown.").NotEmpty().UpTo(statuspage.MaxUpdateText)),
		Of("at", Time("When it was: now if it is left out, and at most 366 days ago.")),
		Of("impacts", Array("The components whose state changes with it; none for one that resolves the incident.", impactSchema()).
			UpTo(statuspage.MaxComponents)),
		Of("by", String("Who wrote it; visitors are not told.").Output()),
	}
}

func phaseOf(text string) Schema {
	return String(text).Choose(named(wire.PhaseNames, "the cause is not known yet", "the cause is known", "it was mended, and is watched", "it is over")...)
}

func impactSchema() Schema {
	return Object("", Of("componentId", Integer("The number of a component of the page.").AtLeast(1)),
		Of("state", String("Its state while the incident has this impact.").Choose(named(wire.ImpactNames,
			"no impact", "slow, or less than it is to be", "some of it does not work", "it does not work")...)))
}

// incidentSchemas are the schemas of incidents.
func incidentSchemas() []Member {
	return []Member{Of("Incident", Object("An incident of a status page.", incidentMembers(false)...)),
		Of("IncidentUpdate", Object("An update of an incident.", incidentUpdateMembers()...))}
}
