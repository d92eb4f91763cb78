package spec

import (
	"net/http"
	"slices"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// jobExample is a job as one would create it.
const jobExample = `{"job":{"title":"Backup","url":"https://example.com/backup","enabled":true,"saveResponses":true,` +
	`"schedule":{"timezone":"Europe/Berlin","minutes":[30],"hours":[3],"mdays":[-1],"months":[-1],"wdays":[-1]}}}`

func jobOperations() Group {
	ifMatch := Parameter{In: "header", Name: "If-Match", Schema: String(
		"Do it only while the job has this ETag, or one of several; `*` for whatever it has.").Extra()}
	return Group{
		Name:        "Jobs",
		Description: "A job is a URL, what to send to it, and when.",
		Operations: []Operation{
			{
				Method: http.MethodGet, Path: "/jobs", ID: "listJobs", Summary: "List the jobs",
				Description: "All jobs of the account: enabled ones first, then by `lastStatus`, `url` and `jobId`.",
				Responses: answers(jsonAnswer("The jobs.", "",
					Of("jobs", Array("The jobs.", Ref("Job"))),
					Of("someFailed", Boolean("Some jobs could not be read and are missing.")))),
			},
			{
				Method: http.MethodPut, Path: "/jobs", ID: "createJob", Summary: "Create a job",
				Description: "Only `url` is mandatory. A job is disabled unless `enabled` is true, and never runs with the default " +
					"schedule.",
				Parameters: creating(),
				Body:       jsonBody("The job.", "job", Ref("NewJob"), jobExample),
				Responses: answers(withETag(created(jsonAnswer("The job was created.", `{"jobId":1}`,
					Of("jobId", Integer("The number of the new job."))))),
					slices.Concat(creatingProblems(), []any{http.StatusBadRequest})...),
			},
			{
				Method: http.MethodGet, Path: "/jobs/{jobId}", ID: "getJob", Summary: "Show a job",
				Parameters: []Parameter{jobIDParameter(), {In: "header", Name: "If-None-Match", Schema: String(
					"Answer with 304 while the job's definition has this ETag, or one of several.").Extra()}},
				Responses: answers(withETag(jsonAnswer("The job.", "", Of("jobDetails", Ref("DetailedJob")))),
					withETag(Response{Status: http.StatusNotModified, Description: "The definition is the one that the caller has."}),
					http.StatusNotFound),
			},
			{
				Method: http.MethodPatch, Path: "/jobs/{jobId}", ID: "changeJob", Summary: "Change a job",
				Description: "Send what changes. Saving a job begins its counts of failures anew.",
				Parameters:  []Parameter{jobIDParameter(), ifMatch},
				Body:        jsonBody("What changes.", "job", Ref("JobChange"), `{"job":{"enabled":false}}`),
				Responses: answers(withETag(doneAnswer()), http.StatusBadRequest, http.StatusNotFound,
					http.StatusPreconditionFailed),
			},
			{
				Method: http.MethodDelete, Path: "/jobs/{jobId}", ID: "deleteJob", Summary: "Delete a job",
				Parameters: []Parameter{jobIDParameter(), ifMatch},
				Responses: answers(doneAnswer(), problemOf(http.StatusBadRequest, "The job belongs to a monitor."),
					http.StatusNotFound, http.StatusPreconditionFailed),
			},
		},
	}
}

// statusChoices are the results of an execution.
func statusChoices() []Choice {
	return numbered("not executed yet", "success", "DNS error", "could not connect", "HTTP error", "timeout",
		"too much response data", "invalid URL", "error of the service, or lost", "anything else, such as a TLS failure")
}

// jobHeadMembers are those of jobHead.
func jobHeadMembers() []Member {
	return []Member{
		Of("jobId", Integer("The number of the job.").Output()),
		Of("enabled", Boolean("The job runs.").WithDefault(false)),
		Of("title", String("What the job is called; trimmed.").WithDefault("").UpTo(cron.MaxTitleLength)),
		Of("saveResponses", Boolean("The history keeps headers and bodies of responses.").WithDefault(false)),
		Of("url", String("What is called: http or https; without a scheme, http. `%cjo:unixtime%` and "+
			"`%cjo:uuid4%` are filled in anew for each execution.").UpTo(cron.MaxURLLength).Like("https://example.com/")),
		Of("lastStatus", Integer("What came of the latest execution.").Choose(statusChoices()...).
			WithDefault(0).Output()),
		Of("lastDuration", Integer("How long the latest execution took.").In("ms").AtLeast(0).Output()),
		Of("lastExecution", Time("When the latest execution started; 0 before the first.").Output()),
		Of("sslCertExpiry", Time("When the certificate expires that the latest execution saw; null when it saw "+
			"none.").OrNull().Output()),
		Of("nextExecution", Time("When the job is due next, or would be if it were enabled; null for never.").
			OrNull().Output()),
	}
}

// jobTailMembers are those of jobTail.
func jobTailMembers() []Member {
	return []Member{
		Of("type", Integer("What the job belongs to.").Choose(numbered("nothing", "a monitor")...).Output()),
		Of("requestTimeout", Integer("How long an execution may take; -1 is the plan's default. The plan's "+
			"maximum holds when the job runs.").In("s").WithDefault(cron.DefaultTimeout)),
		Of("redirectSuccess", Boolean("301, 302, 303, 307 and 308 count as success.").WithDefault(false)),
		Of("folderId", Integer("The folder that the job is in; 0 is the root folder.").AtLeast(0).WithDefault(0)),
	}
}

// detailMembers are those of a detailed job between its head and its tail.
func detailMembers() []Member {
	return []Member{
		Of("auth", Object("HTTP basic authentication.",
			Of("enable", Boolean("Send it.").WithDefault(false)),
			Of("user", String("The user.").WithDefault("")),
			Of("password", String("The password.").WithDefault("")))),
		Of("notification", Object("What the account is told of.",
			Of("onFailure", Boolean("Failures.").WithDefault(false)),
			Of("onFailureCount", Integer("After so many in a row; lower values become 1.").WithDefault(1)),
			Of("onSuccess", Boolean("The first success after a failure.").WithDefault(false)),
			Of("onDisable", Boolean("That the service disables the job, after too many failures.").WithDefault(false)),
			Of("onSslCertExpiry", Boolean("That the target's certificate expires soon.").WithDefault(false)),
			Of("onSslCertExpirySeconds", Integer("So long before; lower values become 0.").In("s").
				WithDefault(wire.WholeSeconds(cron.DefaultNotification().CertExpiryAhead))))),
		Of("extendedData", Object("What is sent.",
			Of("headers", Either("Request headers by their names, 64 KiB together. A list of objects with `key` or "+
				"`name` and `value` is taken too; there a name may repeat. They are shown as such a list when a name repeats.",
				Map("", String("")), Array("", Object("",
					Of("key", String("")), Of("value", String("")))).UpTo(wire.MaxItems))),
			Of("body", String("The body; sent with POST, PUT, PATCH and DELETE.").WithDefault("").
				UpTo(cron.MaxBodyLength)))),
	}
}

func methodMember() Member {
	return Of("requestMethod", Integer("The HTTP method; its name is taken too.").WithDefault(0).
		Choose(numbered(methodNames()...)...))
}

// addedMembers are those that a detailed job has beyond the contract.
func addedMembers() []Member {
	retry := cron.DefaultPolicy().Retry
	return Extras(
		Of("runAt", Time("The one instant at which the job is due, whatever its schedule says; null for a job "+
			"with a schedule, 0 to go back to it.").OrNull()),
		Of("pausedUntil", Time("Nothing before this instant is due; null for a job that is not paused, 0 to end "+
			"the pause.").OrNull()),
		Of("pauseNote", String("Why it is paused.").WithDefault("").UpTo(cron.MaxPauseNote)),
		Of("misfire", String("An occurrence that is found later than the grace.").WithDefault(wire.MisfireNames[0]).
			Choose(named(wire.MisfireNames, "is recorded as missed", "runs now; of several the latest")...)),
		Of("graceSeconds", Integer("How late an occurrence may be found and still simply run; -1 is the time to "+
			"the next one, at most an hour.").In("s").Within(wire.DefaultGrace, wire.WholeSeconds(cron.MaxGrace)).WithDefault(wire.DefaultGrace)),
		Of("overlap", String("The job is due while its former execution still runs.").WithDefault(wire.OverlapNames[0]).
			Choose(named(wire.OverlapNames, "it runs", "the occurrence is recorded as skipped")...)),
		Of("delivery", String("An execution whose outcome nobody knows, after a crash.").
			WithDefault(wire.DeliveryNames[0]).Choose(named(wire.DeliveryNames, "is lost", "is repeated, up to three times")...)),
		Of("retry", Object("Further attempts after a failure.",
			Of("count", Integer("How many.").Within(0, cron.MaxRetries).WithDefault(retry.Count)),
			Of("delaySeconds", Integer("The pause before the first.").In("s").
				Within(0, wire.WholeSeconds(cron.MaxRetryDelay)).WithDefault(wire.WholeSeconds(retry.Delay))),
			Of("factor", Number("By which the pause grows with each.").Within(1, cron.MaxFactor).
				WithDefault(retry.Factor)),
			Of("ceilingSeconds", Integer("The longest pause.").In("s").
				Within(0, wire.WholeSeconds(cron.MaxRetryDelay)).WithDefault(wire.WholeSeconds(retry.Ceiling))))),
		Of("followRedirects", Integer("How many redirects are followed at most.").Within(0, cron.MaxRedirects).
			WithDefault(0)),
		Of("success", successSchema().OrNull()),
		Of("verifyTls", Boolean("The server's certificate has to be valid.").WithDefault(true)),
		Of("oversize", String("A response that is larger than the plan allows.").WithDefault(wire.OversizeNames[0]).
			Choose(named(wire.OversizeNames, "fails", "is cut, and judged by what was received")...)))
}

func successSchema() Schema {
	text := func(about string) Schema {
		return String(about).WithDefault("").UpTo(cron.MaxCriterionLength)
	}
	return Object("Criteria that a response must meet; null for the rule of the contract, `{}` to go back to it. "+
		"Criteria replace all that there are.",
		Of("status", Array("Status codes and ranges of them; without any, 2xx.",
			String("").Matching(`^[1-9][0-9]{2}(-[1-9][0-9]{2})?$`).Like("200-299")).UpTo(cron.MaxStatusRanges)),
		Of("contains", text("The body holds this text.")),
		Of("notContains", text("The body does not hold this text.")),
		Of("matches", text("A regular expression (RE2) that matches some part of the body.")))
}

func jobMembers() []Member {
	return slices.Concat(jobHeadMembers(), jobTailMembers(), []Member{
		Of("schedule", Ref("Schedule")), methodMember(),
	})
}

func detailedJobMembers() []Member {
	return slices.Concat(jobHeadMembers(), detailMembers(), jobTailMembers(), []Member{
		Of("schedule", Object("When the job is due.", detailedScheduleMembers()...)), methodMember(),
	}, addedMembers())
}

// jobSchemas are the objects of jobs.
func jobSchemas() []Member {
	return []Member{
		Of("Job", Object("A job as lists have it.", jobMembers()...)),
		Of("Schedule", Object("When a job is due: whenever second, minute, hour, month and day match. "+
			"`DetailedJob` shows our additions too.", scheduleMembers()...)),
		Of("DetailedJob", Object("A job with all that belongs to it.", detailedJobMembers()...)),
		Of("NewJob", Input("A job that is to be created.", detailedJobMembers(), "url")),
		Of("JobChange", Input("Members of a job that change.", detailedJobMembers())),
	}
}
