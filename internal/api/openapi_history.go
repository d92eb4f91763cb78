package api

import (
	"net/http"
	"slices"

	"punctual/internal/api/openapi"
	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/service"
)

func historyOperations() openapi.Group {
	identifier := openapi.Parameter{In: "path", Name: "identifier", Schema: openapi.String(
		"The `identifier` of the execution, from the history.").Like("1-31-0-1")}
	cursor := []openapi.Parameter{
		{In: "query", Name: "limit", Schema: openapi.Integer("Records of a page.").Within(1, service.MaxHistoryPage).
			WithDefault(wire.DefaultHistoryPage)},
		{In: "query", Name: "cursor", Schema: openapi.String("The page that `next` of another page leads to.")},
		{In: "query", Name: "format", Schema: openapi.String("How records are sent; `Accept` says it too.").
			WithDefault(wire.FormatNames[wire.FormatJSON]).Choose(named(wire.FormatNames, "a page", "all of them, one to a line", "all of them")...)},
	}
	const searching = "The newest records first. A page looks at a limited number of records: with a filter that matches " +
		"little it may be short, or empty, although there is more. Go on until `next` is null."
	return openapi.Group{
		Name:        "History",
		Description: "What came of each occurrence of a job.",
		Operations: []openapi.Operation{
			{
				Method: http.MethodGet, Path: "/jobs/{jobId}/history", ID: "listHistory", Summary: "List the latest executions of a job",
				Description: "The latest 50 executions that were started and have ended, newest first.",
				Parameters:  []openapi.Parameter{jobIDParameter()},
				Responses: answers(jsonAnswer("The executions.", "",
					openapi.Of("history", openapi.Array("The executions, with `headers` and `body` null.", openapi.Ref("HistoryItem"))),
					openapi.Of("predictions", openapi.Array("When the job is due next.", openapi.Time("")).UpTo(3))),
					http.StatusNotFound),
			},
			{
				Method: http.MethodGet, Path: "/jobs/{jobId}/history/{identifier}", ID: "getExecution",
				Summary:    "Show an execution",
				Parameters: []openapi.Parameter{jobIDParameter(), identifier},
				Responses: answers(jsonAnswer("The execution.", "",
					openapi.Of("jobHistoryDetails", openapi.Ref("HistoryDetails"))),
					problemOf(http.StatusBadRequest, "The identifier has not four parts."), http.StatusNotFound),
			},
			{
				Method: http.MethodGet, Path: "/history", ID: "searchHistory", Summary: "Search the records of all jobs", Added: true,
				Description: searching,
				Parameters: slices.Concat([]openapi.Parameter{
					{In: "query", Name: "job", Schema: openapi.Integer("Only those of this job.").AtLeast(1)},
				}, filterParameters(), cursor),
				Responses: answers(searchAnswer(), http.StatusBadRequest, http.StatusNotFound),
			},
			{
				Method: http.MethodGet, Path: "/jobs/{jobId}/executions", ID: "searchExecutions",
				Summary: "Search the records of a job", Added: true, Description: searching,
				Parameters: slices.Concat([]openapi.Parameter{jobIDParameter()}, filterParameters(), cursor),
				Responses:  answers(searchAnswer(), http.StatusBadRequest, http.StatusNotFound),
			},
			{
				Method: http.MethodGet, Path: "/stats", ID: "getStats", Summary: "Add up what was due", Added: true,
				Description: "An attempt counts once, by what became of it. An occurrence counts once, by its last attempt, in the " +
					"hour in which it was due; a missed or skipped record counts as many as it covers.",
				Parameters: append([]openapi.Parameter{
					{In: "query", Name: "job", Schema: openapi.Integer("Only what was due of this job.").AtLeast(1)},
					{In: "query", Name: "step", Schema: openapi.String("Steps of a series, too.").Choose(named(wire.StepNames[1:],
						"full hours", "full days (UTC)")...).Like("hour")},
				}, spanParameters("The span is widened to full hours or days.")...),
				Responses: answers(jsonAnswer("The numbers.", "", slices.Concat([]openapi.Member{
					openapi.Of("from", openapi.Time("Where the span begins.")),
					openapi.Of("to", openapi.Time("Where it ends.")),
					openapi.Of("asOf", openapi.Time("What was begun until then is counted.")),
				}, tallyMembers(), []openapi.Member{
					openapi.Of("series", openapi.Array("The steps of the span, the oldest first; null without `step`.",
						openapi.Object("", append([]openapi.Member{openapi.Of("from", openapi.Time("Where the step begins."))},
							tallyMembers()...)...)).OrNull()),
				})...), http.StatusBadRequest, http.StatusNotFound),
			},
		},
	}
}

func spanParameters(more string) []openapi.Parameter {
	return []openapi.Parameter{
		{In: "query", Name: "from", Schema: openapi.String("Unix seconds or RFC 3339. " + more).Like("2026-03-01T00:00:00Z")},
		{In: "query", Name: "to", Schema: openapi.String("Unix seconds or RFC 3339; exclusive.")},
	}
}

// filterParameters are those that choose records.
func filterParameters() []openapi.Parameter {
	var names []openapi.Choice
	for _, o := range wire.Outcomes {
		names = append(names, openapi.Choice{Value: o.String()})
	}
	return slices.Concat([]openapi.Parameter{
		{In: "query", Name: "folder", Schema: openapi.Integer("Only those of jobs in this folder; 0 is the root folder.").AtLeast(0)},
		{In: "query", Name: "outcome", Joined: true, Schema: openapi.Array("Only these outcomes.",
			openapi.String("").Choose(names...)).Like("failed")},
		{In: "query", Name: "httpStatus", Joined: true, Schema: openapi.Array("Only these status codes and ranges of them.",
			openapi.String("").Matching(`^[1-9][0-9]{2}(-[1-9][0-9]{2})?$`)).UpTo(cron.MaxStatusRanges)},
		{In: "query", Name: "text", Schema: openapi.String("A text in `url`, `jobTitle` or `statusText`, in any letter case.").
			UpTo(cron.MaxFilterText)},
	}, spanParameters("`date` is at or after it."))
}

func searchAnswer() openapi.Response {
	r := jsonAnswer("A page, or all records as NDJSON or CSV. A connection that breaks off means that something is missing.", "",
		openapi.Of("history", openapi.Array("The records, the newest first.", openapi.Ref("Record"))),
		openapi.Of("next", openapi.String("The cursor of the next page; null when there is no older record.").OrNull()),
		openapi.Of("searchedBackTo", openapi.Time("Up to here, back in time, everything was looked at; null with `next`.").OrNull()))
	r.Contents = append(r.Contents,
		openapi.Content{MediaType: wire.FormatTypes[wire.FormatNDJSON], Schema: openapi.String("A `Record` to a line.")},
		openapi.Content{MediaType: wire.FormatTypes[wire.FormatCSV], Schema: openapi.String("A header, and a record to a row.")})
	return r
}

// tallyMembers are those of tally.
func tallyMembers() []openapi.Member {
	count := func(text string) openapi.Schema { return openapi.Integer(text).AtLeast(0) }
	attempts := []openapi.Member{
		openapi.Of("running", count("Not over yet.")), openapi.Of("succeeded", count("")), openapi.Of("failed", count("")),
		openapi.Of("lost", count("Nobody knows what came of them.")),
	}
	percentiles := func(text string) openapi.Schema {
		return openapi.Object(text+", in ms; null when no attempt has ended.",
			openapi.Of("p50", openapi.Number("Half of them exceed it.").In("ms")),
			openapi.Of("p90", openapi.Number("A tenth of them.").In("ms")),
			openapi.Of("p99", openapi.Number("A hundredth of them.").In("ms")),
			openapi.Of("max", openapi.Number("None of them.").In("ms"))).OrNull()
	}
	return []openapi.Member{
		openapi.Of("occurrences", openapi.Object("Instants at which jobs were due, by outcome.", append(slices.Clone(attempts),
			openapi.Of("missed", count("Found too late.")), openapi.Of("skipped", count("Not started.")))...)),
		openapi.Of("attempts", openapi.Object("Executions, by outcome.", attempts...)),
		openapi.Of("lateness", percentiles("From the instant at which an attempt was due to its start")),
		openapi.Of("duration", percentiles("How long attempts took")),
	}
}

func statsSchema() openapi.Schema {
	step := func(text string) openapi.Schema { return openapi.Integer(text).In("µs").AtLeast(0) }
	return openapi.Object("Timings, each from the start of the execution. A phase that was not reached is 0; the others never "+
		"decrease.",
		openapi.Of("nameLookup", step("The name was resolved.")),
		openapi.Of("connect", step("The TCP connection stood.")),
		openapi.Of("appConnect", step("The TLS handshake was done; 0 without TLS.")),
		openapi.Of("preTransfer", step("The request was about to be sent.")),
		openapi.Of("startTransfer", step("The first byte of the response came.")),
		openapi.Of("total", step("The end.")))
}

// executionMembers are those that all kinds of history have, before headers and body, and those behind.
func executionMembers() (before, after []openapi.Member) {
	return []openapi.Member{
			openapi.Of("jobLogId", openapi.Integer("The number of the record; later ones have larger numbers, below 2^53.")),
			openapi.Of("jobId", openapi.Integer("The number of the job.")),
			openapi.Of("identifier", openapi.String("Names the execution in a path: job, day and month (from 0) of `datePlanned` in "+
				"UTC, and `jobLogId`.").Like("1-31-0-1")),
			openapi.Of("date", openapi.Time("When it started.")),
			openapi.Of("datePlanned", openapi.Time("When it was due.")),
			openapi.Of("jitter", openapi.Integer("How late it started.").In("ms").AtLeast(0)),
			openapi.Of("url", openapi.String("As it was called.")),
			openapi.Of("duration", openapi.Integer("How long it took.").In("ms").AtLeast(0)),
			openapi.Of("status", openapi.Integer("What came of it.").Choose(statusChoices()...)),
			openapi.Of("statusText", openapi.String("The reason phrase of the response, or a sentence.")),
			openapi.Of("httpStatus", openapi.Integer("The status code of the response; 0 without one.").Within(0, 999)),
		}, []openapi.Member{
			openapi.Of("stats", statsSchema()),
			openapi.Of("sslCertExpiry", openapi.Time("When the certificate of the target expires; null when none was seen.").OrNull()),
		}
}

// historySchemas are the objects of the history.
func historySchemas() []openapi.Member {
	before, after := executionMembers()
	item := slices.Concat(before, []openapi.Member{
		openapi.Of("headers", openapi.String("The headers of the response, as received; null in lists, and unless responses are "+
			"saved. Each byte that is not UTF-8 is shown as U+FFFD.").OrNull()),
		openapi.Of("body", openapi.String("Its body, likewise; at most 64 KiB.").OrNull()),
	}, after)
	return []openapi.Member{
		openapi.Of("HistoryItem", openapi.Object("An execution that was started.", item...)),
		openapi.Of("HistoryDetails", openapi.Object("An execution with its response.", append(slices.Clone(item), openapi.Extras(
			openapi.Maybe("redirects", openapi.Array("The redirects that were followed; left out when there were none.", openapi.Object("",
				openapi.Of("url", openapi.String("Where it led to.")),
				openapi.Of("status", openapi.Integer("The status code of the redirect."))))),
			openapi.Maybe("truncated", openapi.Boolean("The body was larger than the plan allows, and was cut; left out when it was not.")),
			openapi.Maybe("headersBase64", openapi.String("The bytes of `headers` in base64 (RFC 4648, section 4); only when they are not UTF-8.")),
			openapi.Maybe("bodyBase64", openapi.String("The bytes of `body`, likewise.")))...)...)),
		openapi.Of("Record", openapi.Object("A record of the ledger: an execution, or occurrences that did not run.",
			slices.Concat(before, after, recordMembers())...)),
	}
}

// recordMembers are those that a record has beyond an item of the contract's history.
func recordMembers() []openapi.Member {
	return openapi.Extras(
		openapi.Of("jobTitle", openapi.String("The title of the job now.")),
		openapi.Of("outcome", openapi.String("What became of it.").Choose(
			openapi.Choice{Value: "running", Meaning: "started, and not over yet"},
			openapi.Choice{Value: "succeeded"}, openapi.Choice{Value: "failed"},
			openapi.Choice{Value: "skipped", Meaning: "not started, as `reason` says"},
			openapi.Choice{Value: "lost", Meaning: "started, and the service stopped before the result was known"},
			openapi.Choice{Value: "missed", Meaning: "not started: found too late"})),
		openapi.Of("kind", openapi.String("Why it took place.").Choose(
			openapi.Choice{Value: "scheduled"}, openapi.Choice{Value: "retry", Meaning: "after a failure"},
			openapi.Choice{Value: "repeat", Meaning: "after an execution was lost"},
			openapi.Choice{Value: "manual", Meaning: "somebody asked for it"})),
		openapi.Of("attempt", openapi.Integer("1 for the first attempt at its occurrence.").AtLeast(1)),
		openapi.Of("reason", openapi.String("A word for what `statusText` says; empty when the response counts as it is.").
			Choose(reasonChoices()...)),
		openapi.Of("covers", openapi.Object("The occurrences that a missed or skipped record stands for; null for all others.",
			openapi.Of("first", openapi.Time("The first of them.")), openapi.Of("last", openapi.Time("The last.")),
			openapi.Of("count", openapi.Integer("How many.").AtLeast(1)),
			openapi.Of("atLeast", openapi.Boolean("They were too many to be counted to the end."))).OrNull()))
}

// reasonChoices are the words for what went wrong, in the order of their numbers.
func reasonChoices() []openapi.Choice {
	var faults []cron.Fault
	for f := range wire.FaultNames {
		faults = append(faults, f)
	}
	slices.Sort(faults)
	choices := make([]openapi.Choice, len(faults))
	for i, f := range faults {
		choices[i] = openapi.Choice{Value: wire.FaultNames[f]}
	}
	return choices
}
