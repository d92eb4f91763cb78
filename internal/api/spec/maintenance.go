package spec

import (
	"net/http"
	"slices"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

func maintenanceOperations() Group {
	id := idParameter("windowId", "The number of the maintenance window.")
	const one = `{"window":{"title":"Move of the shop","effect":"pause","start":1774659600,"end":1774666800,"tags":["shop"]}}`
	return Group{
		Name: "Maintenance windows",
		Description: "Spans of time, once or by a schedule, in which jobs are paused or silenced: all jobs of the account, or those that " +
			"a window names by number, folder or tag.",
		Operations: []Operation{
			{
				Method: http.MethodGet, Path: "/maintenance", ID: "listMaintenanceWindows", Summary: "List the maintenance windows", Added: true,
				Description: "Windows that are over are listed for 30 days.",
				Responses:   answers(jsonAnswer("The windows by their numbers.", "", Of("windows", Array("", Ref("MaintenanceWindow"))), next())),
			},
			{
				Method: http.MethodPost, Path: "/maintenance", ID: "createMaintenanceWindow", Summary: "Plan a maintenance window", Added: true,
				Description: "Either `start` and `end`, or `schedule` and `durationSeconds`. An account has at most 100 windows; a further one " +
					"takes the place of the one that has been over for the longest time.",
				Parameters: creating(),
				Body:       jsonBody("The window.", "window", Input("", maintenanceMembers(), "title"), one),
				Responses:  creatingAnswers(made("The window was planned.", "windowId", "window"), http.StatusBadRequest),
			},
			{
				Method: http.MethodGet, Path: "/maintenance/{windowId}", ID: "getMaintenanceWindow", Summary: "Read a maintenance window", Added: true,
				Parameters: []Parameter{id},
				Responses:  answers(jsonAnswer("The window.", "", Of("window", Ref("MaintenanceWindow"))), http.StatusNotFound),
			},
			{
				Method: http.MethodPatch, Path: "/maintenance/{windowId}", ID: "changeMaintenanceWindow", Summary: "Change a maintenance window", Added: true,
				Description: "It takes effect at once. A schedule replaces the former one, or the only span; `start` and `end` replace a schedule.",
				Parameters:  []Parameter{id},
				Body:        jsonBody("The members to change.", "window", Input("", maintenanceMembers()), `{"window":{"end":1774670400}}`),
				Responses:   answers(doneAnswer(), http.StatusBadRequest, http.StatusNotFound),
			},
			{
				Method: http.MethodDelete, Path: "/maintenance/{windowId}", ID: "deleteMaintenanceWindow", Summary: "Delete a maintenance window", Added: true,
				Description: "A window that is in force ends at once.",
				Parameters:  []Parameter{id},
				Responses:   answers(doneAnswer(), http.StatusNotFound),
			},
		},
	}
}

// windowMembers are the members that say when a window is.
func windowMembers() []Member {
	var starts []Member
	for _, m := range detailedScheduleMembers() {
		if m.Name != "spreadSeconds" {
			m.Schema.Added = false
			starts = append(starts, Maybe(m.Name, m.Schema))
		}
	}
	return []Member{
		Of("start", Time("When it starts; null for a window by a schedule.").OrNull()),
		Of("end", Time("When it ends, at most 366 days later; null for a window by a schedule.").OrNull()),
		Of("schedule", Either("When it starts, by a schedule like that of a job; null for a window with `start`. The time part of a "+
			"crontab line is accepted too.", Object("", starts...).OrNull(), String(""))),
		Maybe("timezone", String("The IANA name of the time zone of a crontab line; only in requests.").WithDefault("UTC")),
		Of("durationSeconds", Integer("How long it lasts from each start; null for a window with `start`.").In("s").
			Within(1, wire.WholeSeconds(cron.MaxMaintenance)).OrNull()),
	}
}

func maintenanceMembers() []Member {
	return slices.Concat([]Member{
		Of("windowId", Integer("The number of the window.").Output()),
		Of("title", String("The title; surrounding spaces are removed.").NotEmpty().UpTo(cron.MaxFolderTitle)),
		Of("effect", String("What happens to the jobs.").WithDefault(wire.MaintenanceNames[0]).Choose(named(wire.MaintenanceNames,
			"they run, and no notices are written", "what is due is recorded as skipped, retries wait, and no notices are written")...)),
	}, windowMembers(), []Member{
		Of("jobIds", Array("The jobs with these numbers. The window is for jobs that any of `jobIds`, `folderIds` and `tags` names; for all if "+
			"the three are empty.", Integer("").AtLeast(1)).UpTo(cron.MaxMaintenanceItems)),
		Of("folderIds", Array("The jobs in these folders; 0 is the root folder.", Integer("").AtLeast(0)).UpTo(cron.MaxMaintenanceItems)),
		Of("tags", Array("The jobs with any of these tags, ignoring case.", String("").UpTo(cron.MaxTagLength)).UpTo(cron.MaxMaintenanceTags)),
	}, windowStateMembers())
}

// windowStateMembers are the members that tell when a window is in force, and who changed it.
func windowStateMembers() []Member {
	return []Member{
		Of("active", Boolean("It is in force.").Output()),
		Of("nextStart", Time("When it starts next, after the span that is in force; null for never.").OrNull().Output()),
		Of("nextEnd", Time("When the span in force ends, or else the next one; null for a window that is over.").OrNull().Output()),
		Of("created", Time("When it was planned.").Output()),
		Of("updated", Time("When it was last changed.").Output()),
		Of("updatedBy", String("Who changed it last.").Output()),
	}
}

// maintenanceSchemas are the schemas of maintenance windows.
func maintenanceSchemas() []Member {
	return []Member{Of("MaintenanceWindow", Object("A maintenance window.", maintenanceMembers()...))}
}
