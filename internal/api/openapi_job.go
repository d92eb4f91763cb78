package api

import (
	"net/http"
	"slices"

	"punctual/internal/api/openapi"
	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// jobExample is a job as one would create it.
const jobExample = `{"job":{"title":"Backup","url":"https://example.com/backup","enabled":true,"saveResponses":true,` +
	`"schedule":{"timezone":"Europe/Berlin","minutes":[30],"hours":[3],"mdays":[-1],"months":[-1],"wdays":[-1]}}}`

func jobOperations() openapi.Group {
	ifMatch := openapi.Parameter{In: "header", Name: "If-Match", Schema: openapi.String(
		"Do it only while the job has this ETag, or one of several; `*` for whatever it has.").Extra()}
	return openapi.Group{
		Name:        "Jobs",
		Description: "A job is a URL, what to send to it, and when.",
		Operations: []openapi.Operation{
			{
				Method: http.MethodGet, Path: "/jobs", ID: "listJobs", Summary: "List the jobs",
				Description: "All jobs of the account: enabled ones first, then by `lastStatus`, `url` and `jobId`.",
				Responses: answers(jsonAnswer("The jobs.", "",
					openapi.Of("jobs", openapi.Array("The jobs.", openapi.Ref("Job"))),
					openapi.Of("someFailed", openapi.Boolean("Some jobs could not be read and are missing.")))),
			},
			{
				Method: http.MethodPut, Path: "/jobs", ID: "createJob", Summary: "Create a job",
				Description: "Only `url` is mandatory. A job is disabled unless `enabled` is true, and never runs with the default " +
					"schedule.",
				Parameters: creating(),
				Body:       jsonBody("The job.", "job", openapi.Ref("NewJob"), jobExample),
				Responses: answers(withETag(created(jsonAnswer("The job was created.", `{"jobId":1}`,
					openapi.Of("jobId", openapi.Integer("The number of the new job."))))),
					slices.Concat(creatingProblems(), []any{http.StatusBadRequest})...),
			},
			{
				Method: http.MethodGet, Path: "/jobs/{jobId}", ID: "getJob", Summary: "Show a job",
				Parameters: []openapi.Parameter{jobIDParameter(), {In: "header", Name: "If-None-Match", Schema: openapi.String(
					"Answer with 304 while the job's definition has this ETag, or one of several.").Extra()}},
				Responses: answers(withETag(jsonAnswer("The job.", "", openapi.Of("jobDetails", openapi.Ref("DetailedJob")))),
					withETag(openapi.Response{Status: http.StatusNotModified, Description: "The definition is the one that the caller has."}),
					http.StatusNotFound),
			},
			{
				Method: http.MethodPatch, Path: "/jobs/{jobId}", ID: "changeJob", Summary: "Change a job",
				Description: "Send what changes. Saving a job begins its counts of failures anew.",
				Parameters:  []openapi.Parameter{jobIDParameter(), ifMatch},
				Body:        jsonBody("What changes.", "job", openapi.Ref("JobChange"), `{"job":{"enabled":false}}`),
				Responses: answers(withETag(doneAnswer()), http.StatusBadRequest, http.StatusNotFound,
					http.StatusPreconditionFailed),
			},
			{
				Method: http.MethodDelete, Path: "/jobs/{jobId}", ID: "deleteJob", Summary: "Delete a job",
				Parameters: []openapi.Parameter{jobIDParameter(), ifMatch},
				Responses: answers(doneAnswer(), problemOf(http.StatusBadRequest, "The job belongs to a monitor."),
					http.StatusNotFound, http.StatusPreconditionFailed),
			},
		},
	}
}

// statusChoices are the results of an execution.
func statusChoices() []openapi.Choice {
	return numbered("not executed yet", "success", "DNS error", "could not connect", "HTTP error", "timeout",
		"too much response data", "invalid URL", "error of the service, or lost", "anything else, such as a TLS failure")
}

// jobHeadMembers are those of jobHead.
func jobHeadMembers() []openapi.Member {
	return []openapi.Member{
		openapi.Of("jobId", openapi.Integer("The number of the job.").Output()),
		openapi.Of("enabled", openapi.Boolean("The job runs.").WithDefault(false)),
		openapi.Of("title", openapi.String("What the job is called; trimmed.").WithDefault("").UpTo(cron.MaxTitleLength)),
		openapi.Of("saveResponses", openapi.Boolean("The history keeps headers and bodies of responses.").WithDefault(false)),
		openapi.Of("url", openapi.String("What is called: http or https; without a scheme, http. `%cjo:unixtime%` and "+
			"`%cjo:uuid4%` are filled in anew for each execution.").UpTo(cron.MaxURLLength).Like("https://example.com/")),
		openapi.Of("lastStatus", openapi.Integer("What came of the latest execution.").Choose(statusChoices()...).
			WithDefault(0).Output()),
		openapi.Of("lastDuration", openapi.Integer("How long the latest execution took.").In("ms").AtLeast(0).Output()),
		openapi.Of("lastExecution", openapi.Time("When the latest execution started; 0 before the first.").Output()),
		openapi.Of("sslCertExpiry", openapi.Time("When the certificate expires that the latest execution saw; null when it saw "+
			"none.").OrNull().Output()),
		openapi.Of("nextExecution", openapi.Time("When the job is due next, or would be if it were enabled; null for never.").
			OrNull().Output()),
	}
}

// jobTailMembers are those of jobTail.
func jobTailMembers() []openapi.Member {
	return []openapi.Member{
		openapi.Of("type", openapi.Integer("What the job belongs to.").Choose(numbered("nothing", "a monitor")...).Output()),
		openapi.Of("requestTimeout", openapi.Integer("How long an execution may take; -1 is the plan's default. The plan's "+
			"maximum holds when the job runs.").In("s").WithDefault(cron.DefaultTimeout)),
		openapi.Of("redirectSuccess", openapi.Boolean("301, 302, 303, 307 and 308 count as success.").WithDefault(false)),
		openapi.Of("folderId", openapi.Integer("The folder that the job is in; 0 is the root folder.").AtLeast(0).WithDefault(0)),
	}
}

// detailMembers are those of a detailed job between its head and its tail.
func detailMembers() []openapi.Member {
	return []openapi.Member{
		openapi.Of("auth", openapi.Object("HTTP basic authentication.",
			openapi.Of("enable", openapi.Boolean("Send it.").WithDefault(false)),
			openapi.Of("user", openapi.String("The user.").WithDefault("")),
			openapi.Of("password", openapi.String("The password.").WithDefault("")))),
		openapi.Of("notification", openapi.Object("What the account is told of.",
			openapi.Of("onFailure", openapi.Boolean("Failures.").WithDefault(false)),
			openapi.Of("onFailureCount", openapi.Integer("After so many in a row; lower values become 1.").WithDefault(1)),
			openapi.Of("onSuccess", openapi.Boolean("The first success after a failure.").WithDefault(false)),
			openapi.Of("onDisable", openapi.Boolean("That the service disables the job, after too many failures.").WithDefault(false)),
			openapi.Of("onSslCertExpiry", openapi.Boolean("That the target's certificate expires soon.").WithDefault(false)),
			openapi.Of("onSslCertExpirySeconds", openapi.Integer("So long before; lower values become 0.").In("s").
				WithDefault(wire.WholeSeconds(cron.DefaultNotification().CertExpiryAhead))))),
		openapi.Of("extendedData", openapi.Object("What is sent.",
			openapi.Of("headers", openapi.Either("Request headers by their names, 64 KiB together. A list of objects with `key` or "+
				"`name` and `value` is taken too; there a name may repeat. They are shown as such a list when a name repeats.",
				openapi.Map("", openapi.String("")), openapi.Array("", openapi.Object("",
					openapi.Of("key", openapi.String("")), openapi.Of("value", openapi.String("")))).UpTo(wire.MaxItems))),
			openapi.Of("body", openapi.String("The body; sent with POST, PUT, PATCH and DELETE.").WithDefault("").
				UpTo(cron.MaxBodyLength)))),
	}
}

// setOf is an array of numbers from low to high, or -1 for all.
func setOf(text string, high int) openapi.Schema {
	s := openapi.Array(text+" `[-1]` is all, `[]` none, so that the job never runs.",
		openapi.Integer("").Within(wire.Every, high))
	return s
}

// scheduleMembers are those of schedule.
func scheduleMembers() []openapi.Member {
	return []openapi.Member{
		openapi.Of("timezone", openapi.String("The IANA name of the time zone.").WithDefault("UTC").Like("Europe/Berlin")),
		openapi.Of("expiresAt", openapi.Integer("The last local time that still runs, as YYYYMMDDhhmmss; 0 is never.").
			AtLeast(0).WithDefault(0).Like(20301231235959)),
		openapi.Of("hours", setOf("Hours, 0 to 23.", 23)),
		openapi.Of("mdays", setOf("Days of the month, 1 to 31. When `mdays` and `wdays` both leave something out, a day that "+
			"is in either of them matches, unless `days` says otherwise.", 31)),
		openapi.Of("minutes", setOf("Minutes, 0 to 59.", 59)),
		openapi.Of("months", setOf("Months, 1 to 12.", 12)),
		openapi.Of("wdays", setOf("Days of the week, 0 to 6; 0 is Sunday, and so is 7 when it is sent.", 7)),
	}
}

func detailedScheduleMembers() []openapi.Member {
	return append(scheduleMembers(), openapi.Extras(
		openapi.Of("seconds", setOf("Seconds, 0 to 59; `[0]` when left out.", 59)),
		openapi.Of("days", openapi.String("`mdays` and `wdays` both leave something out.").WithDefault(wire.DayNames[0]).
			Choose(named(wire.DayNames, "a day matches that is in either of them", "a day matches that is in both of them")...)),
		openapi.Of("lastDay", openapi.Boolean("The last day of each month matches as if it were in `mdays`.").WithDefault(false)),
		openapi.Of("dst", openapi.String("What a change of the clocks does.").WithDefault(wire.DSTNames[0]).Choose(named(wire.DSTNames,
			"a job with fixed times runs once for each of them", "a job runs whenever the clock shows its time")...)),
		openapi.Of("spreadSeconds", openapi.Integer("The job runs later by a fixed time shorter than this, so that jobs do not "+
			"all run in one second.").In("s").Within(0, wire.WholeSeconds(cron.MaxSpread)).WithDefault(0)))...)
}

func methodMember() openapi.Member {
	return openapi.Of("requestMethod", openapi.Integer("The HTTP method; its name is taken too.").WithDefault(0).
		Choose(numbered(methodNames()...)...))
}

// addedMembers are those that a detailed job has beyond the contract.
func addedMembers() []openapi.Member {
	retry := cron.DefaultPolicy().Retry
	return openapi.Extras(
		openapi.Of("runAt", openapi.Time("The one instant at which the job is due, whatever its schedule says; null for a job "+
			"with a schedule, 0 to go back to it.").OrNull()),
		openapi.Of("pausedUntil", openapi.Time("Nothing before this instant is due; null for a job that is not paused, 0 to end "+
			"the pause.").OrNull()),
		openapi.Of("pauseNote", openapi.String("Why it is paused.").WithDefault("").UpTo(cron.MaxPauseNote)),
		openapi.Of("misfire", openapi.String("An occurrence that is found later than the grace.").WithDefault(wire.MisfireNames[0]).
			Choose(named(wire.MisfireNames, "is recorded as missed", "runs now; of several the latest")...)),
		openapi.Of("graceSeconds", openapi.Integer("How late an occurrence may be found and still simply run; -1 is the time to "+
			"the next one, at most an hour.").In("s").Within(wire.DefaultGrace, wire.WholeSeconds(cron.MaxGrace)).WithDefault(wire.DefaultGrace)),
		openapi.Of("overlap", openapi.String("The job is due while its former execution still runs.").WithDefault(wire.OverlapNames[0]).
			Choose(named(wire.OverlapNames, "it runs", "the occurrence is recorded as skipped")...)),
		openapi.Of("delivery", openapi.String("An execution whose outcome nobody knows, after a crash.").
			WithDefault(wire.DeliveryNames[0]).Choose(named(wire.DeliveryNames, "is lost", "is repeated, up to three times")...)),
		openapi.Of("retry", openapi.Object("Further attempts after a failure.",
			openapi.Of("count", openapi.Integer("How many.").Within(0, cron.MaxRetries).WithDefault(retry.Count)),
			openapi.Of("delaySeconds", openapi.Integer("The pause before the first.").In("s").
				Within(0, wire.WholeSeconds(cron.MaxRetryDelay)).WithDefault(wire.WholeSeconds(retry.Delay))),
			openapi.Of("factor", openapi.Number("By which the pause grows with each.").Within(1, cron.MaxFactor).
				WithDefault(retry.Factor)),
			openapi.Of("ceilingSeconds", openapi.Integer("The longest pause.").In("s").
				Within(0, wire.WholeSeconds(cron.MaxRetryDelay)).WithDefault(wire.WholeSeconds(retry.Ceiling))))),
		openapi.Of("followRedirects", openapi.Integer("How many redirects are followed at most.").Within(0, cron.MaxRedirects).
			WithDefault(0)),
		openapi.Of("success", successSchema().OrNull()),
		openapi.Of("verifyTls", openapi.Boolean("The server's certificate has to be valid.").WithDefault(true)),
		openapi.Of("oversize", openapi.String("A response that is larger than the plan allows.").WithDefault(wire.OversizeNames[0]).
			Choose(named(wire.OversizeNames, "fails", "is cut, and judged by what was received")...)))
}

func successSchema() openapi.Schema {
	text := func(about string) openapi.Schema {
		return openapi.String(about).WithDefault("").UpTo(cron.MaxCriterionLength)
	}
	return openapi.Object("Criteria that a response must meet; null for the rule of the contract, `{}` to go back to it. "+
		"Criteria replace all that there are.",
		openapi.Of("status", openapi.Array("Status codes and ranges of them; without any, 2xx.",
			openapi.String("").Matching(`^[1-9][0-9]{2}(-[1-9][0-9]{2})?$`).Like("200-299")).UpTo(cron.MaxStatusRanges)),
		openapi.Of("contains", text("The body holds this text.")),
		openapi.Of("notContains", text("The body does not hold this text.")),
		openapi.Of("matches", text("A regular expression (RE2) that matches some part of the body.")))
}

func jobMembers() []openapi.Member {
	return slices.Concat(jobHeadMembers(), jobTailMembers(), []openapi.Member{
		openapi.Of("schedule", openapi.Ref("Schedule")), methodMember(),
	})
}

func detailedJobMembers() []openapi.Member {
	return slices.Concat(jobHeadMembers(), detailMembers(), jobTailMembers(), []openapi.Member{
		openapi.Of("schedule", openapi.Object("When the job is due.", detailedScheduleMembers()...)), methodMember(),
	}, addedMembers())
}

// jobSchemas are the objects of jobs.
func jobSchemas() []openapi.Member {
	return []openapi.Member{
		openapi.Of("Job", openapi.Object("A job as lists have it.", jobMembers()...)),
		openapi.Of("Schedule", openapi.Object("When a job is due: whenever second, minute, hour, month and day match. "+
			"`DetailedJob` shows our additions too.", scheduleMembers()...)),
		openapi.Of("DetailedJob", openapi.Object("A job with all that belongs to it.", detailedJobMembers()...)),
		openapi.Of("NewJob", openapi.Input("A job that is to be created.", detailedJobMembers(), "url")),
		openapi.Of("JobChange", openapi.Input("Members of a job that change.", detailedJobMembers())),
	}
}
