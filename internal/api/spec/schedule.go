package spec

import (
	"net/http"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

func scheduleOperations() Group {
	var parameters []Parameter
	add := func(name string, joined bool, s Schema) {
		parameters = append(parameters, Parameter{In: "query", Name: name, Joined: joined, Schema: s})
	}
	add("cron", false, String("The time part of a crontab line; it goes before the sets.").Like("30 2 * * *"))
	for _, m := range detailedScheduleMembers() {
		if m.Name != "spreadSeconds" {
			m.Schema.Added = false
			add(m.Name, m.Schema.Items != nil, m.Schema)
		}
	}
	add("runAt", false, Time("A one-time job; 0 for none.").WithDefault(0))
	add("from", false, String("Where to begin, in Unix seconds or as of RFC 3339; now when left out."))
	add("count", false, Integer("How many runs.").Within(1, wire.LongestPreview).WithDefault(wire.DefaultPreview))
	return Group{
		Name:        "Schedules",
		Description: "What schedules mean. Nothing is changed.",
		Operations: []Operation{
			{
				Method: http.MethodGet, Path: "/schedule/preview", ID: "previewSchedule", Summary: "Preview a schedule", Added: true,
				Parameters: parameters,
				Responses: answers(jsonAnswer("What the schedule does.", "",
					Of("runs", Array("The runs; fewer than `count` when there are no more.", Object("",
						Of("at", Time("When it is.")),
						Of("local", String("What clocks show then.").Like("2026-03-29T03:00:00")),
						Of("offset", String("From UTC.").Like("+02:00")),
						Of("note", String("What a change of the clocks does to it.").Choose(named(wire.PreviewNotes,
							"nothing", "it stands for local times that do not come that day", "its local time comes twice, and is due "+
								"the first time only", "its local time comes twice, and this is the second time")...))))),
					Of("skipped", Array("Local times that the schedule names and no clock shows.", Object("",
						Of("first", String("The first of them.")), Of("last", String("The last.")),
						Of("count", Integer("How many.").AtLeast(1)),
						Of("at", Time("The run that stands for them; null for none.").OrNull())))),
					Of("words", String("The schedule in words.")),
					Of("crontab", String("The sets as crontab text; null when they cannot be written so.").OrNull())),
					http.StatusBadRequest),
			},
			{
				Method: http.MethodGet, Path: "/timezones", ID: "listTimeZones", Summary: "List the time zones", Added: true,
				Parameters: []Parameter{ifNoneMatch()},
				Responses: answers(cacheable(jsonAnswer("The time zones that a schedule may name.", "",
					Of("release", String("The release of the IANA time zone database that schedules are read with.").
						Like("2026f")),
					Of("version", String("Identifies the zone data; it changes when anything in them does.")),
					Of("timeZones", Array("", Object("",
						Of("name", String("The IANA name.")),
						Of("offset", String("What it is now, from UTC.").Like("+01:00")),
						Of("offsetSeconds", Integer("The same in seconds, east of UTC.").In("s"))))))),
					notModifiedAnswer()),
			},
		},
	}
}

// setOf is an array of numbers from low to high, or -1 for all.
func setOf(text string, high int) Schema {
	s := Array(text+" `[-1]` is all, `[]` none, so that the job never runs.",
		Integer("").Within(wire.Every, high))
	return s
}

// scheduleMembers are those of schedule.
func scheduleMembers() []Member {
	return []Member{
		Of("timezone", String("The IANA name of the time zone.").WithDefault("UTC").Like("Europe/Berlin")),
		Of("expiresAt", Integer("The last local time that still runs, as YYYYMMDDhhmmss; 0 is never.").
			AtLeast(0).WithDefault(0).Like(20301231235959)),
		Of("hours", setOf("Hours, 0 to 23.", 23)),
		Of("mdays", setOf("Days of the month, 1 to 31. When `mdays` and `wdays` both leave something out, a day that "+
			"is in either of them matches, unless `days` says otherwise.", 31)),
		Of("minutes", setOf("Minutes, 0 to 59.", 59)),
		Of("months", setOf("Months, 1 to 12.", 12)),
		Of("wdays", setOf("Days of the week, 0 to 6; 0 is Sunday, and so is 7 when it is sent.", 7)),
	}
}

func detailedScheduleMembers() []Member {
	return append(scheduleMembers(), Extras(
		Of("seconds", setOf("Seconds, 0 to 59; `[0]` when left out.", 59)),
		Of("days", String("`mdays` and `wdays` both leave something out.").WithDefault(wire.DayNames[0]).
			Choose(named(wire.DayNames, "a day matches that is in either of them", "a day matches that is in both of them")...)),
		Of("lastDay", Boolean("The last day of each month matches as if it were in `mdays`.").WithDefault(false)),
		Of("dst", String("What a change of the clocks does.").WithDefault(wire.DSTNames[0]).Choose(named(wire.DSTNames,
			"a job with fixed times runs once for each of them", "a job runs whenever the clock shows its time")...)),
		Of("spreadSeconds", Integer("The job runs later by a fixed time shorter than this, so that jobs do not "+
			"all run in one second.").In("s").Within(0, wire.WholeSeconds(cron.MaxSpread)).WithDefault(0)))...)
}
