package spec

import (
	"net/http"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/service"
)

func scheduleOperations() Group {
	var parameters []Parameter
	add := func(name string, joined bool, s Schema) {
		parameters = append(parameters, Parameter{In: "query", Name: name, Joined: joined, Schema: s})
	}
	add("jobId", false, Integer("A job of the account, whose schedule, `runAt`, spread and pause are the defaults. Its runs are marked with the "+
		"maintenance windows that it is in then."))
	add("cron", false, String("The time part of a crontab line; replaces the fields from `seconds` to `wdays`.").Like("30 2 * * *"))
	for _, m := range detailedScheduleMembers() {
		if m.Name != "spreadSeconds" {
			m.Schema.Added = false
			add(m.Name, m.Schema.Items != nil, m.Schema)
		}
	}
	add("runAt", false, Time("A one-time job; 0 for none.").WithDefault(0))
	add("from", false, String("Unix seconds or RFC 3339; by default now."))
	add("count", false, Integer("Number of runs.").Within(1, service.MaxPreview).WithDefault(wire.DefaultPreview))
	return Group{
		Name:        "Schedules",
		Description: "Previews and time zones.",
		Operations: []Operation{
			{
				Method: http.MethodGet, Path: "/schedule/preview", ID: "previewSchedule", Summary: "Preview a schedule", Added: true,
				Parameters: parameters,
				Responses: answers(jsonAnswer("The runs of the schedule.", "",
					Of("runs", Array("The runs; fewer than `count` if there are no more.", Object("",
						Of("at", Time("The time of the run.")),
						Of("local", String("The local time.").Like("2026-03-29T03:00:00")),
						Of("offset", String("The offset from UTC.").Like("+02:00")),
						Of("note", String("How the run is affected when the clocks change.").Choose(named(wire.PreviewNotes,
							"not affected", "it replaces local times that do not occur that day", "its local time occurs twice, and runs "+
								"the first time only", "its local time occurs twice, and this is the second time")...)),
						Maybe("maintenance", Object("The maintenance window that the job `jobId` is in then, one that pauses it if there is one; left out if "+
							"there is none.",
							Of("windowId", Integer("The window.")), Of("title", String("Its title.")),
							Of("effect", String("What happens to the job.").Choose(named(wire.MaintenanceNames,
								"it runs, and nothing is told of it", "it does not run")...))))))),
					Of("skipped", Array("Local times that match the schedule but do not occur, because the clocks were set forward.", Object("",
						Of("first", String("The first one.")), Of("last", String("The last one.")),
						Of("count", Integer("How many there are.").AtLeast(1)),
						Of("at", Time("The run that replaces them; null if there is none.").OrNull())))),
					Of("words", String("The schedule in words.")),
					Of("crontab", String("The schedule as crontab text; null if it cannot be written so.").OrNull())),
					http.StatusBadRequest, http.StatusNotFound),
			},
			{
				Method: http.MethodGet, Path: "/schedule/load", ID: "getScheduleLoad", Summary: "Count the runs ahead", Added: true,
				Parameters: []Parameter{
					{In: "query", Name: "timezone", Schema: String("The time zone of `week`.").WithDefault("UTC").Like("Europe/Berlin")},
					{In: "query", Name: "host", Schema: String("Only jobs that call this host.").Like("example.com:8080")},
					{In: "query", Name: "spreadSeconds", Schema: Integer("Adds `spread`: the day as it would be if every job had this "+
						"`spreadSeconds`.").In("s").Within(0, wire.WholeSeconds(cron.MaxSpread)).WithDefault(0)},
				},
				Responses: answers(jsonAnswer("What the schedules of all enabled jobs plan, without retries and manual runs.", "",
					Of("from", Time("The current minute.")),
					Of("day", Array("The runs in each minute of the 24 hours from `from` on.", Integer("").AtLeast(0))),
					Of("spread", Array("The same with `spreadSeconds`; null without it.", Integer("").AtLeast(0)).OrNull()),
					Of("week", Array("The runs in each hour of the week, from Monday 0:00 on, of the seven days from `from` on.",
						Integer("").AtLeast(0))),
					Of("hosts", Array("Up to 100 hosts with the most runs in the day.", Object("",
						Of("host", String("The host, and the port if the URL has one.")),
						Of("jobs", Integer("Jobs that call it.").AtLeast(1)),
						Of("day", Integer("Runs in the day.").AtLeast(0)),
						Of("week", Integer("Runs in the week.").AtLeast(0))))),
					Of("jobs", Integer("Jobs that were counted.").AtLeast(0)),
					Of("passed", Integer("Jobs that were not counted, since there are too many runs.").AtLeast(0))),
					http.StatusBadRequest, http.StatusTooManyRequests),
			},
			{
				Method: http.MethodGet, Path: "/timezones", ID: "listTimeZones", Summary: "List the time zones", Added: true,
				Parameters: []Parameter{ifNoneMatch()},
				Responses: answers(cacheable(jsonAnswer("The time zones that a schedule may use.", "",
					Of("release", String("The release of the IANA time zone database in use.").
						Like("2026f")),
					Of("version", String("Identifies the exact content of the time zone data.")),
					Of("timeZones", Array("", Object("",
						Of("name", String("The IANA name.")),
						Of("offset", String("The current offset from UTC.").Like("+01:00")),
						Of("offsetSeconds", Integer("The same in seconds; positive east of UTC.").In("s"))))))),
					notModifiedAnswer()),
			},
		},
	}
}

// setOf is an array of numbers from low to high, or -1 for all.
func setOf(text string, high int) Schema {
	s := Array(text+" `[-1]` matches every value; `[]` matches none, so the job never runs.",
		Integer("").Within(wire.Every, high))
	return s
}

// scheduleMembers are the members of schedule.
func scheduleMembers() []Member {
	return []Member{
		Of("timezone", String("The IANA name of the time zone.").WithDefault("UTC").Like("Europe/Berlin")),
		Of("expiresAt", Integer("The last local time at which the job may run, as YYYYMMDDhhmmss; 0 is never.").
			AtLeast(0).WithDefault(0).Like(20301231235959)),
		Of("hours", setOf("Hours, 0 to 23.", 23)),
		Of("mdays", setOf("Days of the month, 1 to 31. If neither `mdays` nor `wdays` contains every value, a day "+
			"matches if it is in either of them, unless `days` is `both`.", 31)),
		Of("minutes", setOf("Minutes, 0 to 59.", 59)),
		Of("months", setOf("Months, 1 to 12.", 12)),
		Of("wdays", setOf("Days of the week, 0 to 6; 0 is Sunday, and so is 7 when it is sent.", 7)),
	}
}

func detailedScheduleMembers() []Member {
	return append(scheduleMembers(), Extras(
		Of("seconds", setOf("Seconds, 0 to 59; by default `[0]`.", 59)),
		Of("days", String("How `mdays` and `wdays` combine if neither contains every value.").WithDefault(wire.DayNames[0]).
			Choose(named(wire.DayNames, "a day matches if it is in either of them", "a day matches if it is in both")...)),
		Of("lastDay", Boolean("Adds the last day of each month to `mdays`.").WithDefault(false)),
		Of("dst", String("What happens when the clocks change.").WithDefault(wire.DSTNames[0]).Choose(named(wire.DSTNames,
			"a job with fixed times runs exactly once for each of them", "a job runs whenever the local time matches")...)),
		Of("spreadSeconds", Integer("Delays the job by a fixed time shorter than this, so that jobs do not "+
			"all run in the same second.").In("s").Within(0, wire.WholeSeconds(cron.MaxSpread)).WithDefault(0)))...)
}
