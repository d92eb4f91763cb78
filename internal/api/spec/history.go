package spec

import (
	"net/http"
	"slices"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/service"
)

func historyOperations() Group {
	identifier := Parameter{In: "path", Name: "identifier", Schema: String(
		"The `identifier` of the execution, from the history.").Like("1-31-0-1")}
	cursor := []Parameter{
		{In: "query", Name: "limit", Schema: Integer("Records per page.").Within(1, service.MaxHistoryPage).
			WithDefault(wire.DefaultHistoryPage)},
		{In: "query", Name: "cursor", Schema: String("The value of `next` of the previous page.")},
		{In: "query", Name: "format", Schema: String("The format of the response; the header `Accept` selects it too.").
			WithDefault(wire.FormatNames[wire.FormatJSON]).Choose(named(wire.FormatNames, "a page", "all records, one per line", "all records")...)},
	}
	const searching = "Newest records first. A page examines a limited number of records, so that it can be short or empty although " +
		"older records match the filter. Continue until `next` is null."
	return Group{
		Name:        "History",
		Description: "The records of the occurrences of jobs.",
		Operations: []Operation{
			{
				Method: http.MethodGet, Path: "/jobs/{jobId}/history", ID: "listHistory", Summary: "List the latest executions of a job",
				Description: "The latest 50 executions that have ended, newest first.",
				Parameters:  []Parameter{jobIDParameter()},
				Responses: answers(jsonAnswer("The executions.", "",
					Of("history", Array("The executions, with `headers` and `body` null.", Ref("HistoryItem"))),
					Of("predictions", Array("The next occurrences of the job.", Time("")).UpTo(3))),
					http.StatusNotFound),
			},
			{
				Method: http.MethodGet, Path: "/jobs/{jobId}/history/{identifier}", ID: "getExecution",
				Summary:    "Show an execution",
				Parameters: []Parameter{jobIDParameter(), identifier},
				Responses: answers(jsonAnswer("The execution.", "",
					Of("jobHistoryDetails", Ref("HistoryDetails"))),
					problemOf(http.StatusBadRequest, "The identifier does not have four parts."), http.StatusNotFound),
			},
			{
				Method: http.MethodGet, Path: "/jobs/{jobId}/history/{identifier}/compare", ID: "compareExecution",
				Summary: "Compare an execution with the latest success before it", Added: true,
				Description: "Members are null if they do not differ or are not known.",
				Parameters:  []Parameter{jobIDParameter(), identifier},
				Responses: answers(jsonAnswer("The comparison.", "", Of("comparison", comparisonSchema())),
					problemOf(http.StatusBadRequest, "The identifier does not have four parts."), http.StatusNotFound),
			},
			{
				Method: http.MethodGet, Path: "/history", ID: "searchHistory", Summary: "Search the records of all jobs", Added: true,
				Description: searching,
				Parameters: slices.Concat([]Parameter{
					{In: "query", Name: "job", Schema: Integer("Only records of this job.").AtLeast(1)},
				}, filterParameters(), groupParameter(), cursor),
				Responses: answers(searchAnswer(), http.StatusBadRequest, http.StatusNotFound),
			},
			rerunOperation(),
			cancelRerunsOperation(),
			{
				Method: http.MethodGet, Path: "/jobs/{jobId}/executions", ID: "searchExecutions",
				Summary: "Search the records of a job", Added: true, Description: searching,
				Parameters: slices.Concat([]Parameter{jobIDParameter()}, filterParameters(), groupParameter(), cursor),
				Responses:  answers(searchAnswer(), http.StatusBadRequest, http.StatusNotFound),
			},
			{
				Method: http.MethodGet, Path: "/stats", ID: "getStats", Summary: "Show statistics", Added: true,
				Description: "Each attempt counts once, with its outcome. Each occurrence counts once, with the outcome of its latest " +
					"attempt, in the hour in which it was due. A missed or skipped record counts as the occurrences that it covers.",
				Parameters: statsParameters(),
				Responses: answers(jsonAnswer("The statistics.", "", slices.Concat([]Member{
					Of("from", Time("Start of the period.")),
					Of("to", Time("End of the period.")),
					Of("asOf", Time("Records created up to this time are counted.")),
				}, tallyMembers(), []Member{
					Of("usualDuration", Object("The range that nine of ten executions of the job lie in, in the 30 days before `to`; null without "+
						"`job`, and with fewer than 20 executions.",
						Of("low", Number("").In("ms")), Of("high", Number("").In("ms")),
						Of("count", Integer("The number of executions.").AtLeast(20))).OrNull()),
					Of("series", Array("The steps of the period, oldest first; null without `step`.",
						Object("", append([]Member{Of("from", Time("Start of the step."))},
							tallyMembers()...)...)).OrNull()),
				})...), http.StatusBadRequest, http.StatusNotFound),
			},
		},
	}
}

func statsParameters() []Parameter {
	return append([]Parameter{
		{In: "query", Name: "job", Schema: Integer("Only this job.").AtLeast(1)},
		{In: "query", Name: "step", Schema: String("Also return a series with these steps.").Choose(named(wire.StepNames[1:],
			"full hours", "full days (UTC)")...).Like("hour")},
	}, spanParameters("The period is widened to full hours or days.")...)
}

func spanParameters(more string) []Parameter {
	return []Parameter{
		{In: "query", Name: "from", Schema: String("Unix seconds or RFC 3339. " + more).Like("2026-03-01T00:00:00Z")},
		{In: "query", Name: "to", Schema: String("Unix seconds or RFC 3339. The end is exclusive.")},
	}
}

// filterParameters are the parameters that filter records.
func filterParameters() []Parameter {
	return slices.Concat([]Parameter{
		{In: "query", Name: "folder", Schema: Integer("Only records of the jobs that are in this folder now; 0 is the root folder.").AtLeast(0)},
	}, choiceParameters("", "Only records"), []Parameter{
		{In: "query", Name: "text", Schema: String("Only records with this text in `url`, `jobTitle`, the reason phrase of the response, or the " +
			"detail of the `reason`, such as a host or an address; ignoring case.").
			UpTo(cron.MaxFilterText)},
		{In: "query", Name: "cause", Schema: String("Only failures with this cause.").
			Matching("^[0-9A-Fa-f]{16}$")},
	}, choiceParameters("not.", "No records"), []Parameter{
		{In: "query", Name: "not.job", Joined: true, Schema: Array("No records of these jobs.", Integer("").AtLeast(1)).UpTo(cron.MaxFilterValues)},
		{In: "query", Name: "not.folder", Joined: true, Schema: Array("No records of the jobs that are in these folders now.", Integer("").AtLeast(0)).
			UpTo(cron.MaxFilterValues)},
		{In: "query", Name: "not.cause", Joined: true, Schema: Array("No failures with these causes.", String("").Matching("^[0-9A-Fa-f]{16}$")).
			UpTo(cron.MaxFilterValues)},
		{In: "query", Name: "not.text", Schema: String("No records with this text, as in `text`.").UpTo(cron.MaxFilterText)},
	}, spanParameters("Only records whose `date` is at or after it."))
}

// choiceParameters are the parameters of which any of several values can be asked for, and of which none is wanted with the prefix "not.".
func choiceParameters(prefix, which string) []Parameter {
	var outcomes, kinds []Choice
	for _, o := range wire.Outcomes {
		outcomes = append(outcomes, Choice{Value: o.String()})
	}
	for _, k := range cron.RecordKinds() {
		kinds = append(kinds, Choice{Value: k.String()})
	}
	return []Parameter{
		{In: "query", Name: prefix + "outcome", Joined: true, Schema: Array(which+" with these outcomes.", String("").Choose(outcomes...)).Like("failed")},
		{In: "query", Name: prefix + "reason", Joined: true, Schema: Array(which+" with these reasons.", String("").Choose(reasonChoices()...)).Like("timeout")},
		{In: "query", Name: prefix + "kind", Joined: true, Schema: Array(which+" of these kinds; `retry` includes `repeat`.",
			String("").Choose(kinds...)).Like("manual")},
		{In: "query", Name: prefix + "httpStatus", Joined: true, Schema: Array(which+" with these status codes, or ranges of them.",
			String("").Matching(`^[1-9][0-9]{2}(-[1-9][0-9]{2})?$`)).UpTo(cron.MaxStatusRanges)},
	}
}

func groupParameter() []Parameter {
	return []Parameter{{In: "query", Name: "groupBy", Schema: String("Count failures by their causes instead of listing records; " +
		"`limit`, `cursor` and `format` are then ignored.").Choose(Choice{Value: wire.GroupNames[0]})}}
}

func searchAnswer() Response {
	page := Object("A page.",
		Of("history", Array("The records, newest first.", Ref("Record"))),
		Of("next", String("The cursor of the next page; null if there are no older records.").OrNull()),
		Of("searchedBackTo", Time("The search has covered all records back to this time; null if `next` is null.").OrNull()))
	causes := Object("Failures by their causes, with `groupBy`.",
		Of("causes", Array("The causes, most frequent first.", Ref("FailureGroup")).UpTo(cron.MaxFailureGroups)),
		Of("complete", Boolean("True if all failures that match the filter were counted, and all causes are listed.")),
		Of("searchedBackTo", Time("Failures back to this time were counted; null if all were.").OrNull()))
	r := jsonAnswer("A page, failures by their causes, or all records as NDJSON or CSV. An export whose connection breaks is incomplete.", "")
	r.Contents[0].Schema = Either("", page, causes)
	r.Contents = append(r.Contents,
		Content{MediaType: wire.FormatTypes[wire.FormatNDJSON], Schema: String("One `Record` per line.")},
		Content{MediaType: wire.FormatTypes[wire.FormatCSV], Schema: String("A header row, and one record per row.")})
	return r
}

// failureGroupSchema is the failures with the same cause.
func failureGroupSchema() Schema {
	return Object("Failures with the same cause.",
		Of("cause", causeSchema("The cause.")),
		Of("sentence", String("Why the executions failed.")),
		Of("reason", String("A code for the same, or empty.").Choose(append([]Choice{{Value: ""}}, reasonChoices()...)...)),
		Of("host", String("The host that was called last; null if it is not known.").OrNull()),
		Of("status", Integer("The result.").Choose(statusChoices()...)),
		Of("httpStatus", Integer("The status code of the response; 0 without one.").Within(0, 999)),
		Of("count", Integer("The number of failures.").AtLeast(1)),
		Of("jobs", Integer("The number of jobs that failed.").AtLeast(1)),
		Of("jobIds", Array("Some of these jobs, the one that failed last first.", Integer("")).UpTo(cron.MaxGroupJobs)),
		Of("first", Time("When the first of the failed executions started.")),
		Of("last", Time("When the last one started.")),
		Of("latest", String("The `identifier` of the last one.").Like("1-31-0-1")))
}

// tallyMembers are the members of tally.
func tallyMembers() []Member {
	count := func(text string) Schema { return Integer(text).AtLeast(0) }
	attempts := []Member{
		Of("running", count("In flight.")), Of("succeeded", count("")), Of("failed", count("")),
		Of("lost", count("Their result is unknown.")),
	}
	percentiles := func(text string) Schema {
		return Object(text+", in ms; null if no attempt succeeded or failed.",
			Of("p50", Number("The median.").In("ms")),
			Of("p90", Number("The 90th percentile.").In("ms")),
			Of("p99", Number("The 99th percentile.").In("ms")),
			Of("max", Number("The maximum.").In("ms"))).OrNull()
	}
	return []Member{
		Of("occurrences", Object("Occurrences, by outcome.", append(slices.Clone(attempts),
			Of("missed", count("Found too late.")), Of("skipped", count("Not started.")))...)),
		Of("attempts", Object("Executions, by outcome.", attempts...)),
		Of("lateness", percentiles("Time from when an attempt was due to its start")),
		Of("duration", percentiles("Time from the start of an attempt to its end")),
	}
}

func statsSchema() Schema {
	step := func(text string) Schema { return Integer(text).In("µs").AtLeast(0) }
	return Object("Time from the start of the execution to the end of each phase; 0 for a phase that was not "+
		"reached.",
		Of("nameLookup", step("The name was resolved.")),
		Of("connect", step("The TCP connection was established.")),
		Of("appConnect", step("The TLS handshake was completed; 0 without TLS.")),
		Of("preTransfer", step("The request was about to be sent.")),
		Of("startTransfer", step("The first byte of the response arrived.")),
		Of("total", step("The execution ended.")))
}

// executionMembers are the common members of executions: those before headers and body, and those after them.
func executionMembers() (before, after []Member) {
	return []Member{
			Of("jobLogId", Integer("The number of the record; later ones have larger numbers, below 2^53.")),
			Of("jobId", Integer("The number of the job.")),
			Of("identifier", String("Identifies the execution in a path: `jobId`, day and month (from 0) of `datePlanned` in "+
				"UTC, and `jobLogId`.").Like("1-31-0-1")),
			Of("date", Time("When the execution started; for a missed or skipped record, when it was written.")),
			Of("datePlanned", Time("When the execution was due.")),
			Of("jitter", Integer("The lateness of the execution.").In("ms").AtLeast(0)),
			Of("url", String("The URL that was called.")),
			Of("duration", Integer("Time from start to end.").In("ms").AtLeast(0)),
			Of("status", Integer("The result.").Choose(statusChoices()...)),
			Of("statusText", String("The reason phrase of the response, or a sentence that explains the failure.")),
			Of("httpStatus", Integer("The status code of the response; 0 without one.").Within(0, 999)),
		}, []Member{
			Of("stats", statsSchema()),
			Of("sslCertExpiry", Time("When the certificate of the target expires; null if there was none.").OrNull()),
		}
}

// historySchemas are the schemas of the history.
func historySchemas() []Member {
	before, after := executionMembers()
	item := slices.Concat(before, []Member{
		Of("headers", String("The headers of the response, as received; null in lists, or if the response was not "+
			"saved. Each byte that is not UTF-8 is replaced with U+FFFD.").OrNull()),
		Of("body", String("The same for the body; at most 64 KiB.").OrNull()),
	}, after)
	return []Member{
		Of("HistoryItem", Object("An execution that was started.", item...)),
		Of("HistoryDetails", Object("An execution with its response.", append(slices.Clone(item), Extras(
			Maybe("redirects", Array("The redirects that were followed; left out if there were none.", redirectSchema())),
			Maybe("truncated", Boolean("True if the body was larger than the plan allows and was cut; otherwise left out.")),
			Maybe("headersBase64", String("The bytes of `headers` in base64 (RFC 4648, section 4); only if they are not UTF-8.")),
			Maybe("bodyBase64", String("The same for `body`.")),
			Of("sentence", String("Why the execution failed, and what to do where something can be done; null for a success.").OrNull()),
			Of("mend", mendSchema()), causeMember(), peerMember(), ranVersionMember())...)...)),
		Of("FailureGroup", failureGroupSchema()),
		Of("Record", Object("A record of the history: an execution, or occurrences that did not run.",
			slices.Concat(before, after, recordMembers())...)),
	}
}

// redirectSchema is a redirect that was followed.
func redirectSchema() Schema {
	return Object("",
		Of("url", String("The URL that the redirect led to.")),
		Of("status", Integer("The status code of the redirect.")))
}

// mendSchema is a change of a job.
func mendSchema() Schema {
	return Object("A change of the job, as it is now, after which it might succeed; null if there is none.",
		Of("kind", String("What to change.").Choose(
			Choice{Value: wire.MendNames[cron.MendURL], Meaning: "use `value` as `url`"},
			Choice{Value: wire.MendNames[cron.MendTimeout], Meaning: "raise `requestTimeout` to `value`, in seconds"},
			Choice{Value: wire.MendNames[cron.MendContentType], Meaning: "add the header `Content-Type` with `value`"},
			Choice{Value: wire.MendNames[cron.MendFollowRedirects], Meaning: "set `followRedirects` to `value`"},
			Choice{Value: wire.MendNames[cron.MendRedirectSuccess], Meaning: "set `redirectSuccess` to `value`, which is true"},
			Choice{Value: wire.MendNames[cron.MendOversize], Meaning: "set `oversize` to `value`, which is `truncate`"},
			Choice{Value: wire.MendNames[cron.MendConnection], Meaning: "set `connection` to `value`, which is `fresh`"})),
		Of("value", Schema{Description: "The new value: a string, an integer or true."}),
	).OrNull()
}

// recordMembers are the members of a record that an item of the contract's history does not have.
func recordMembers() []Member {
	return Extras(
		Of("jobTitle", String("The current title of the job.")),
		Of("outcome", String("The outcome.").Choose(
			Choice{Value: "running", Meaning: "in flight"},
			Choice{Value: "succeeded"}, Choice{Value: "failed"},
			Choice{Value: "skipped", Meaning: "not started, for the given `reason`"},
			Choice{Value: "lost", Meaning: "started, but the service stopped before the result was known"},
			Choice{Value: "missed", Meaning: "not started: found too late"})),
		Of("kind", String("Why the execution was started.").Choose(
			Choice{Value: "scheduled"}, Choice{Value: "retry", Meaning: "after a failure"},
			Choice{Value: "repeat", Meaning: "after a lost execution"},
			Choice{Value: "manual", Meaning: "a run on request"},
			Choice{Value: "rerun", Meaning: "a run on request that repeats a record"})),
		Of("attempt", Integer("The number of the attempt, 1 for the first.").AtLeast(1)),
		Of("reason", String("A code for why an execution failed or did not run, or empty.").
			Choose(append([]Choice{{Value: ""}}, reasonChoices()...)...)),
		Of("covers", Object("The occurrences that a missed or skipped record covers; null for other records.",
			Of("first", Time("The first occurrence.")), Of("last", Time("The last occurrence.")),
			Of("count", Integer("The number of occurrences.").AtLeast(1)),
			Of("atLeast", Boolean("True if there were too many to count them all."))).OrNull()),
		Of("rerunOf", String("The `identifier` of the record that the execution repeats; null if it repeats none.").Like("1-31-0-1").OrNull()),
		Of("requestedBy", String("Who asked for a `manual` or `rerun` execution: the e-mail address of a person, or the title of an "+
			"API key. Null for others, and for those from before this was kept.").OrNull()),
		Of("requestedWay", String("How it was asked for: `api`, `console`, `command` or `service`. Null where `requestedBy` is.").OrNull()),
		causeMember(), peerMember(), ranVersionMember())
}

func causeMember() Member {
	return Of("cause", causeSchema("Identifies why the execution failed: failures with the same reason, host and status have the "+
		"same cause. Null if it did not fail.").OrNull())
}

func ranVersionMember() Member {
	return Of("version", Integer("The version of the job that ran; null if none did, and for records from before versions were kept.").OrNull())
}

func peerMember() Member {
	return Of("ipAddress", String("The address of the server that was called last; null if no connection was opened.").
		Like("192.0.2.1").OrNull())
}

// causeSchema is the fingerprint of a failure.
func causeSchema(text string) Schema {
	return String(text).Matching("^[0-9a-f]{16}$").Like("49e3a0a062d33c5c")
}

// reasonChoices are the names of faults, in the order of their numbers.
func reasonChoices() []Choice {
	var choices []Choice
	for _, f := range wire.Faults {
		choices = append(choices, Choice{Value: wire.FaultNames[f]})
	}
	return choices
}
