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
		{In: "query", Name: "limit", Schema: Integer("Records of a page.").Within(1, service.MaxHistoryPage).
			WithDefault(wire.DefaultHistoryPage)},
		{In: "query", Name: "cursor", Schema: String("The page that `next` of another page leads to.")},
		{In: "query", Name: "format", Schema: String("How records are sent; `Accept` says it too.").
			WithDefault(wire.FormatNames[wire.FormatJSON]).Choose(named(wire.FormatNames, "a page", "all of them, one to a line", "all of them")...)},
	}
	const searching = "The newest records first. A page looks at a limited number of records: with a filter that matches " +
		"little it may be short, or empty, although there is more. Go on until `next` is null."
	return Group{
		Name:        "History",
		Description: "What came of each occurrence of a job.",
		Operations: []Operation{
			{
				Method: http.MethodGet, Path: "/jobs/{jobId}/history", ID: "listHistory", Summary: "List the latest executions of a job",
				Description: "The latest 50 executions that were started and have ended, newest first.",
				Parameters:  []Parameter{jobIDParameter()},
				Responses: answers(jsonAnswer("The executions.", "",
					Of("history", Array("The executions, with `headers` and `body` null.", Ref("HistoryItem"))),
					Of("predictions", Array("When the job is due next.", Time("")).UpTo(3))),
					http.StatusNotFound),
			},
			{
				Method: http.MethodGet, Path: "/jobs/{jobId}/history/{identifier}", ID: "getExecution",
				Summary:    "Show an execution",
				Parameters: []Parameter{jobIDParameter(), identifier},
				Responses: answers(jsonAnswer("The execution.", "",
					Of("jobHistoryDetails", Ref("HistoryDetails"))),
					problemOf(http.StatusBadRequest, "The identifier has not four parts."), http.StatusNotFound),
			},
			{
				Method: http.MethodGet, Path: "/history", ID: "searchHistory", Summary: "Search the records of all jobs", Added: true,
				Description: searching,
				Parameters: slices.Concat([]Parameter{
					{In: "query", Name: "job", Schema: Integer("Only those of this job.").AtLeast(1)},
				}, filterParameters(), cursor),
				Responses: answers(searchAnswer(), http.StatusBadRequest, http.StatusNotFound),
			},
			{
				Method: http.MethodGet, Path: "/jobs/{jobId}/executions", ID: "searchExecutions",
				Summary: "Search the records of a job", Added: true, Description: searching,
				Parameters: slices.Concat([]Parameter{jobIDParameter()}, filterParameters(), cursor),
				Responses:  answers(searchAnswer(), http.StatusBadRequest, http.StatusNotFound),
			},
			{
				Method: http.MethodGet, Path: "/stats", ID: "getStats", Summary: "Add up what was due", Added: true,
				Description: "An attempt counts once, by what became of it. An occurrence counts once, by its last attempt, in the " +
					"hour in which it was due; a missed or skipped record counts as many as it covers.",
				Parameters: append([]Parameter{
					{In: "query", Name: "job", Schema: Integer("Only what was due of this job.").AtLeast(1)},
					{In: "query", Name: "step", Schema: String("Steps of a series, too.").Choose(named(wire.StepNames[1:],
						"full hours", "full days (UTC)")...).Like("hour")},
				}, spanParameters("The span is widened to full hours or days.")...),
				Responses: answers(jsonAnswer("The numbers.", "", slices.Concat([]Member{
					Of("from", Time("Where the span begins.")),
					Of("to", Time("Where it ends.")),
					Of("asOf", Time("What was begun until then is counted.")),
				}, tallyMembers(), []Member{
					Of("series", Array("The steps of the span, the oldest first; null without `step`.",
						Object("", append([]Member{Of("from", Time("Where the step begins."))},
							tallyMembers()...)...)).OrNull()),
				})...), http.StatusBadRequest, http.StatusNotFound),
			},
		},
	}
}

func spanParameters(more string) []Parameter {
	return []Parameter{
		{In: "query", Name: "from", Schema: String("Unix seconds or RFC 3339. " + more).Like("2026-03-01T00:00:00Z")},
		{In: "query", Name: "to", Schema: String("Unix seconds or RFC 3339; exclusive.")},
	}
}

// filterParameters are those that choose records.
func filterParameters() []Parameter {
	var names []Choice
	for _, o := range wire.Outcomes {
		names = append(names, Choice{Value: o.String()})
	}
	return slices.Concat([]Parameter{
		{In: "query", Name: "folder", Schema: Integer("Only those of jobs in this folder; 0 is the root folder.").AtLeast(0)},
		{In: "query", Name: "outcome", Joined: true, Schema: Array("Only these outcomes.",
			String("").Choose(names...)).Like("failed")},
		{In: "query", Name: "httpStatus", Joined: true, Schema: Array("Only these status codes and ranges of them.",
			String("").Matching(`^[1-9][0-9]{2}(-[1-9][0-9]{2})?$`)).UpTo(cron.MaxStatusRanges)},
		{In: "query", Name: "text", Schema: String("A text in `url`, `jobTitle` or `statusText`, in any letter case.").
			UpTo(cron.MaxFilterText)},
	}, spanParameters("`date` is at or after it."))
}

func searchAnswer() Response {
	r := jsonAnswer("A page, or all records as NDJSON or CSV. A connection that breaks off means that something is missing.", "",
		Of("history", Array("The records, the newest first.", Ref("Record"))),
		Of("next", String("The cursor of the next page; null when there is no older record.").OrNull()),
		Of("searchedBackTo", Time("Up to here, back in time, everything was looked at; null with `next`.").OrNull()))
	r.Contents = append(r.Contents,
		Content{MediaType: wire.FormatTypes[wire.FormatNDJSON], Schema: String("A `Record` to a line.")},
		Content{MediaType: wire.FormatTypes[wire.FormatCSV], Schema: String("A header, and a record to a row.")})
	return r
}

// tallyMembers are those of tally.
func tallyMembers() []Member {
	count := func(text string) Schema { return Integer(text).AtLeast(0) }
	attempts := []Member{
		Of("running", count("Not over yet.")), Of("succeeded", count("")), Of("failed", count("")),
		Of("lost", count("Nobody knows what came of them.")),
	}
	percentiles := func(text string) Schema {
		return Object(text+", in ms; null when no attempt has ended.",
			Of("p50", Number("Half of them exceed it.").In("ms")),
			Of("p90", Number("A tenth of them.").In("ms")),
			Of("p99", Number("A hundredth of them.").In("ms")),
			Of("max", Number("None of them.").In("ms"))).OrNull()
	}
	return []Member{
		Of("occurrences", Object("Instants at which jobs were due, by outcome.", append(slices.Clone(attempts),
			Of("missed", count("Found too late.")), Of("skipped", count("Not started.")))...)),
		Of("attempts", Object("Executions, by outcome.", attempts...)),
		Of("lateness", percentiles("From the instant at which an attempt was due to its start")),
		Of("duration", percentiles("How long attempts took")),
	}
}

func statsSchema() Schema {
	step := func(text string) Schema { return Integer(text).In("µs").AtLeast(0) }
	return Object("Timings, each from the start of the execution. A phase that was not reached is 0; the others never "+
		"decrease.",
		Of("nameLookup", step("The name was resolved.")),
		Of("connect", step("The TCP connection stood.")),
		Of("appConnect", step("The TLS handshake was done; 0 without TLS.")),
		Of("preTransfer", step("The request was about to be sent.")),
		Of("startTransfer", step("The first byte of the response came.")),
		Of("total", step("The end.")))
}

// executionMembers are those that all kinds of history have, before headers and body, and those behind.
func executionMembers() (before, after []Member) {
	return []Member{
			Of("jobLogId", Integer("The number of the record; later ones have larger numbers, below 2^53.")),
			Of("jobId", Integer("The number of the job.")),
			Of("identifier", String("Names the execution in a path: job, day and month (from 0) of `datePlanned` in "+
				"UTC, and `jobLogId`.").Like("1-31-0-1")),
			Of("date", Time("When it started.")),
			Of("datePlanned", Time("When it was due.")),
			Of("jitter", Integer("How late it started.").In("ms").AtLeast(0)),
			Of("url", String("As it was called.")),
			Of("duration", Integer("How long it took.").In("ms").AtLeast(0)),
			Of("status", Integer("What came of it.").Choose(statusChoices()...)),
			Of("statusText", String("The reason phrase of the response, or a sentence.")),
			Of("httpStatus", Integer("The status code of the response; 0 without one.").Within(0, 999)),
		}, []Member{
			Of("stats", statsSchema()),
			Of("sslCertExpiry", Time("When the certificate of the target expires; null when none was seen.").OrNull()),
		}
}

// historySchemas are the objects of the history.
func historySchemas() []Member {
	before, after := executionMembers()
	item := slices.Concat(before, []Member{
		Of("headers", String("The headers of the response, as received; null in lists, and unless responses are "+
			"saved. Each byte that is not UTF-8 is shown as U+FFFD.").OrNull()),
		Of("body", String("Its body, likewise; at most 64 KiB.").OrNull()),
	}, after)
	return []Member{
		Of("HistoryItem", Object("An execution that was started.", item...)),
		Of("HistoryDetails", Object("An execution with its response.", append(slices.Clone(item), Extras(
			Maybe("redirects", Array("The redirects that were followed; left out when there were none.", Object("",
				Of("url", String("Where it led to.")),
				Of("status", Integer("The status code of the redirect."))))),
			Maybe("truncated", Boolean("The body was larger than the plan allows, and was cut; left out when it was not.")),
			Maybe("headersBase64", String("The bytes of `headers` in base64 (RFC 4648, section 4); only when they are not UTF-8.")),
			Maybe("bodyBase64", String("The bytes of `body`, likewise.")))...)...)),
		Of("Record", Object("A record of the ledger: an execution, or occurrences that did not run.",
			slices.Concat(before, after, recordMembers())...)),
	}
}

// recordMembers are those that a record has beyond an item of the contract's history.
func recordMembers() []Member {
	return Extras(
		Of("jobTitle", String("The title of the job now.")),
		Of("outcome", String("What became of it.").Choose(
			Choice{Value: "running", Meaning: "started, and not over yet"},
			Choice{Value: "succeeded"}, Choice{Value: "failed"},
			Choice{Value: "skipped", Meaning: "not started, as `reason` says"},
			Choice{Value: "lost", Meaning: "started, and the service stopped before the result was known"},
			Choice{Value: "missed", Meaning: "not started: found too late"})),
		Of("kind", String("Why it took place.").Choose(
			Choice{Value: "scheduled"}, Choice{Value: "retry", Meaning: "after a failure"},
			Choice{Value: "repeat", Meaning: "after an execution was lost"},
			Choice{Value: "manual", Meaning: "somebody asked for it"})),
		Of("attempt", Integer("1 for the first attempt at its occurrence.").AtLeast(1)),
		Of("reason", String("A word for what `statusText` says; empty when the response counts as it is.").
			Choose(reasonChoices()...)),
		Of("covers", Object("The occurrences that a missed or skipped record stands for; null for all others.",
			Of("first", Time("The first of them.")), Of("last", Time("The last.")),
			Of("count", Integer("How many.").AtLeast(1)),
			Of("atLeast", Boolean("They were too many to be counted to the end."))).OrNull()))
}

// reasonChoices are the words for what went wrong, in the order of their numbers.
func reasonChoices() []Choice {
	var faults []cron.Fault
	for f := range wire.FaultNames {
		faults = append(faults, f)
	}
	slices.Sort(faults)
	choices := make([]Choice, len(faults))
	for i, f := range faults {
		choices[i] = Choice{Value: wire.FaultNames[f]}
	}
	return choices
}
