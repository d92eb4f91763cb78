package spec

import (
	"net/http"
	"slices"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// jobExample is a job in a request that creates it.
const jobExample = `{"job":{"title":"Backup","url":"https://example.com/backup","enabled":true,"saveResponses":true,` +
	`"schedule":{"timezone":"Europe/Berlin","minutes":[30],"hours":[3],"mdays":[-1],"months":[-1],"wdays":[-1]}}}`

func jobOperations() Group {
	ifMatch := Parameter{In: "header", Name: "If-Match", Schema: String(
		"The call takes effect only if the job has this ETag, or one of several; `*` matches any.").Extra()}
	return Group{
		Name:        "Jobs",
		Description: "A job is a URL, what to send to it, and a schedule.",
		Operations: []Operation{
			{
				Method: http.MethodGet, Path: "/jobs", ID: "listJobs", Summary: "List the jobs",
				Description: "All jobs of the account: enabled jobs first, then by `lastStatus`, `url` and `jobId`. The list is compressed with " +
					"gzip where the header `Accept-Encoding` prefers it.",
				Responses: answers(jsonAnswer("The jobs.", "",
					Of("jobs", Array("The jobs.", Ref("Job"))),
					Of("someFailed", Boolean("Some jobs could not be read and are missing.")))),
			},
			{
				Method: http.MethodPut, Path: "/jobs", ID: "createJob", Summary: "Create a job",
				Description: "Only `url` is required. A new job is disabled unless `enabled` is true, and never runs with the default " +
					"schedule.",
				Parameters: creating(),
				Body:       jsonBody("The job.", "job", Ref("NewJob"), jobExample),
				Responses:  creatingAnswers(withETag(made("The job was created.", "jobId", "job")), http.StatusBadRequest),
			},
			{
				Method: http.MethodGet, Path: "/jobs/{jobId}", ID: "getJob", Summary: "Show a job",
				Parameters: []Parameter{jobIDParameter(), {In: "header", Name: "If-None-Match", Schema: String(
					"The response is a 304 if the job's definition has this ETag, or one of several.").Extra()}},
				Responses: answers(withETag(jsonAnswer("The job.", "", Of("jobDetails", Ref("DetailedJob")))),
					withETag(Response{Status: http.StatusNotModified, Description: "The definition has not changed."}),
					http.StatusNotFound),
			},
			{
				Method: http.MethodPatch, Path: "/jobs/{jobId}", ID: "changeJob", Summary: "Change a job",
				Description: "Send only the members that change. Saving a job resets its counts of failures.",
				Parameters:  []Parameter{jobIDParameter(), ifMatch},
				Body:        jsonBody("The members to change.", "job", Ref("JobChange"), `{"job":{"enabled":false}}`),
				Responses: answers(withETag(doneAnswer()), http.StatusBadRequest, http.StatusNotFound,
					http.StatusConflict, http.StatusPreconditionFailed),
			},
			{
				Method: http.MethodDelete, Path: "/jobs/{jobId}", ID: "deleteJob", Summary: "Delete a job",
				Parameters: []Parameter{jobIDParameter(), ifMatch},
				Responses: answers(doneAnswer(), problemOf(http.StatusBadRequest, "The job belongs to a monitor."),
					http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed),
			},
		},
	}
}

// statusChoices are the results of an execution.
func statusChoices() []Choice {
	return numbered("not executed yet", "success", "DNS error", "could not connect", "HTTP error", "timeout",
		"too much response data", "invalid URL", "error of the service, or lost", "anything else, such as a TLS failure")
}

// jobHeadMembers are the members of jobHead.
func jobHeadMembers() []Member {
	return []Member{
		Of("jobId", Integer("The number of the job.").Output()),
		Of("enabled", Boolean("The job runs.").WithDefault(false)),
		Of("title", String("The title; surrounding spaces are removed.").WithDefault("").UpTo(cron.MaxTitleLength)),
		Of("saveResponses", Boolean("Store headers and bodies of responses in the history.").WithDefault(false)),
		Of("url", String("The URL to call: http or https; http if there is no scheme. `%cjo:unixtime%` and "+
			"`%cjo:uuid4%` are replaced in each execution.").UpTo(cron.MaxURLLength).Like("https://example.com/")),
		Of("lastStatus", Integer("The result of the last execution.").Choose(statusChoices()...).
			WithDefault(0).Output()),
		Of("lastDuration", Integer("Duration of the last execution.").In("ms").AtLeast(0).Output()),
		Of("lastExecution", Time("When the last execution started; 0 if there was none.").Output()),
		Of("sslCertExpiry", Time("When the target's certificate in the last execution expires; null if there was "+
			"none.").OrNull().Output()),
		Of("nextExecution", Time("The next run, also shown for a disabled job; null if there is none.").
			OrNull().Output()),
	}
}

// jobTailMembers are the members of jobTail.
func jobTailMembers() []Member {
	return []Member{
		Of("type", Integer("What the job belongs to.").Choose(numbered("nothing", "a monitor")...).Output()),
		Of("requestTimeout", Integer("Timeout of an execution; -1 is the plan's default. The plan's "+
			"maximum is applied when the job runs.").In("s").WithDefault(cron.DefaultTimeout)),
		Of("redirectSuccess", Boolean("301, 302, 303, 307 and 308 count as success.").WithDefault(false)),
		Of("folderId", Integer("The folder that the job is in; 0 is the root folder.").AtLeast(0).WithDefault(0)),
	}
}

// detailMembers are the members of a detailed job between jobHead and jobTail.
func detailMembers() []Member {
	return []Member{
		Of("auth", Object("HTTP basic authentication.",
			Of("enable", Boolean("Send it.").WithDefault(false)),
			Of("user", String("The user.").WithDefault("")),
			Of("password", String("The password.").WithDefault("")))),
		Of("notification", Object("Which notices are created.",
			Of("onFailure", Boolean("For failures.").WithDefault(false)),
			Of("onFailureCount", Integer("The number of consecutive failures before that notice; lower values become 1.").WithDefault(1)),
			Of("onSuccess", Boolean("For the first success after a failure.").WithDefault(false)),
			Of("onDisable", Boolean("When the service disables the job after too many failures.").WithDefault(false)),
			Of("onSslCertExpiry", Boolean("Before the target's certificate expires.").WithDefault(false)),
			Of("onSslCertExpirySeconds", Integer("How long before; lower values become 0.").In("s").
				WithDefault(wire.WholeSeconds(cron.DefaultNotification().CertExpiryAhead))))),
		Of("extendedData", Object("What is sent.",
			Of("headers", Either("Request headers by name, at most 64 KiB in total. A list of objects with `key` or "+
				"`name` and `value` is accepted too; in a list, a name may repeat. Headers with a repeated name are returned as a list.",
				Map("", String("")), Array("", Object("",
					Of("key", String("")), Of("value", String("")))).UpTo(wire.MaxItems))),
			Of("body", String("The body; sent with POST, PUT, PATCH and DELETE.").WithDefault("").
				UpTo(cron.MaxBodyLength)))),
	}
}

func methodMember() Member {
	return Of("requestMethod", Integer("The HTTP method; its name is accepted too.").WithDefault(0).
		Choose(numbered(methodNames()...)...))
}

// addedMembers are the members of a detailed job that are not in the contract.
func addedMembers() []Member {
	retry := cron.DefaultPolicy().Retry
	return Extras(
		Of("runAt", Time("Makes the job due once, at this time, instead of by its schedule; null for a job "+
			"with a schedule, 0 to return to the schedule.").OrNull()),
		Of("pausedUntil", Time("The job is paused until this time; null if it is not paused, 0 to end "+
			"the pause.").OrNull()),
		Of("pauseNote", String("Why it is paused.").WithDefault("").UpTo(cron.MaxPauseNote)),
		Of("silencedUntil", Until("No notices are written about the job until this time, while it runs on; null if it is not "+
			"silenced, 0 to end the silence.").OrNull()),
		Of("misfire", String("What happens to an occurrence that is later than the grace period.").WithDefault(wire.MisfireNames[0]).
			Choose(named(wire.MisfireNames, "it is recorded as missed", "it runs now; of several occurrences, the latest one")...)),
		Of("graceSeconds", Integer("The grace period: how late an occurrence may still run; -1 is the time to "+
			"the next occurrence, but at most an hour.").In("s").Within(wire.DefaultGrace, wire.WholeSeconds(cron.MaxGrace)).WithDefault(wire.DefaultGrace)),
		Of("lateAfterSeconds", Integer("A run that succeeds and began later than this opens a problem; 0 is off.").In("s").
			Within(0, wire.WholeSeconds(cron.MaxLateAfter)).WithDefault(0)),
		Of("overlap", String("What happens if the job is due while its previous execution is in flight.").WithDefault(wire.OverlapNames[0]).
			Choose(named(wire.OverlapNames, "it runs", "the occurrence is recorded as skipped")...)),
		Of("delivery", String("What happens to an execution whose result is unknown after a crash.").
			WithDefault(wire.DeliveryNames[0]).Choose(named(wire.DeliveryNames, "it is recorded as lost", "it is repeated, up to three times")...)),
		Of("retry", Object("Retries after a failure.",
			Of("count", Integer("Maximum number of retries.").Within(0, cron.MaxRetries).WithDefault(retry.Count)),
			Of("delaySeconds", Integer("Delay before the first retry.").In("s").
				Within(0, wire.WholeSeconds(cron.MaxRetryDelay)).WithDefault(wire.WholeSeconds(retry.Delay))),
			Of("factor", Number("Factor by which the delay grows with each retry.").Within(1, cron.MaxFactor).
				WithDefault(retry.Factor)),
			Of("ceilingSeconds", Integer("Maximum delay.").In("s").
				Within(0, wire.WholeSeconds(cron.MaxRetryDelay)).WithDefault(wire.WholeSeconds(retry.Ceiling))))),
		Of("followRedirects", Integer("Maximum number of redirects to follow.").Within(0, cron.MaxRedirects).
			WithDefault(0)),
		Of("success", successSchema().OrNull()),
		Of("verifyTls", Boolean("Whether the server's certificate must be valid.").WithDefault(true)),
		Of("oversize", String("What happens to a response that is larger than the plan allows.").WithDefault(wire.OversizeNames[0]).
			Choose(named(wire.OversizeNames, "the execution fails", "the body is cut, and success is decided by the part received")...)),
		Of("connection", String("Which connection a request is sent over.").WithDefault(wire.ConnectionNames[0]).
			Choose(named(wire.ConnectionNames, "a new one, so that each execution tests the whole path",
				"one that a job of the account has left open a few seconds before, to the same host; a new one if there is none")...)),
		Of("traceparent", Boolean("Whether requests have the header `traceparent` of W3C Trace Context.").WithDefault(false)),
		Of("signingSecret", String("Secret that requests are signed with, by the Standard Webhooks specification: `whsec_` and 24 to 64 "+
			"bytes in base64. `generate` makes one; empty for none. Viewers see `xxxxx` instead.").WithDefault("")),
		Of("description", String("What to know about the job, such as a runbook, in Markdown; surrounding spaces are removed.").
			WithDefault("").UpTo(cron.MaxDescription)),
		Of("tags", Array("Its tags; spaces around each are removed, and so are those that repeat an earlier one, ignoring case. "+
			"New tags replace all existing ones.", String("Without commas.").UpTo(cron.MaxTagLength)).UpTo(wire.MaxItems)),
		Of("channelIds", Array("The channels that are told about the job; none in an empty list. Null leaves that to the account: its channels with a "+
			"rule for the job's folder or tags or, without such, its default channels. Null counts in a change too. Of a channel that is "+
			"deleted, the number stays and is ignored.", Integer("The number of a channel.")).UpTo(cron.MaxJobChannels).OrNull()),
		Of("created", Time("When the job was created.").Output()),
		Of("createdBy", String("Who created it: the e-mail address of a person, the title of an API key, `command line` or `the service`; "+
			"empty for a job from before this was kept.").Output()),
		Of("updated", Time("When the job was last saved.").Output()),
		Of("updatedBy", String("Who saved it last.").Output()))
}

func successSchema() Schema {
	text := func(about string) Schema {
		return String(about).WithDefault("").UpTo(cron.MaxCriterionLength)
	}
	return Object("Criteria that a response must meet; null without criteria, `{}` to remove them. "+
		"New criteria replace all existing ones.",
		Of("status", Array("Status codes and ranges of them; if empty, 2xx.",
			String("").Matching(`^[1-9][0-9]{2}(-[1-9][0-9]{2})?$`).Like("200-299")).UpTo(cron.MaxStatusRanges)),
		Of("contains", text("The body contains this text.")),
		Of("notContains", text("The body does not contain this text.")),
		Of("matches", text("A regular expression (RE2) that matches a part of the body.")))
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

// jobSchemas are the schemas of jobs.
func jobSchemas() []Member {
	return []Member{
		Of("Job", Object("A job in lists.", jobMembers()...)),
		Of("Schedule", Object("When a job is due: whenever the local time matches all fields. "+
			"`DetailedJob` has additional fields.", scheduleMembers()...)),
		Of("DetailedJob", Object("A job with all its members.", detailedJobMembers()...)),
		Of("NewJob", Input("A job to create.", detailedJobMembers(), "url")),
		Of("JobChange", Input("The members of a job to change.", detailedJobMembers())),
	}
}
