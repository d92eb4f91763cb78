package api

import (
	"fmt"
	"net/http"
	"slices"

	"punctual/internal/api/openapi"
	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// creating is the parameters of a call that creates something, besides the given ones.
func creating(others ...openapi.Parameter) []openapi.Parameter {
	return append(others, openapi.Parameter{In: "header", Name: "Idempotency-Key", Schema: openapi.String(
		"A text of the caller's choice, in ASCII: for 24 hours, the same call with the same text takes effect once, and is " +
			"answered as it was the first time.").UpTo(cron.MaxOnceKey).Extra()})
}

// created adds to the answer of such a call.
func created(r openapi.Response) openapi.Response {
	r.Headers = append(r.Headers, openapi.Maybe("Idempotency-Replayed",
		openapi.String("`true` when the call took effect before.")))
	return r
}

// creatingProblems are the errors that Idempotency-Key adds. conflicts are other reasons for a 409.
func creatingProblems(conflicts ...string) []any {
	text := "A call with this Idempotency-Key is under way."
	for _, c := range conflicts {
		text = c + " Or a call with this Idempotency-Key is under way."
	}
	return []any{problemOf(http.StatusConflict, text),
		problemOf(http.StatusUnprocessableEntity, "The Idempotency-Key came with another request before.")}
}

func runOperations() openapi.Group {
	runAnswered := func(status int, text string) openapi.Response {
		r := jsonAnswer(text, "", openapi.Of("run", openapi.Ref("Run")))
		r.Status = status
		return r
	}
	accepted := created(runAnswered(http.StatusAccepted, "The job runs as soon as there is a free slot."))
	accepted.Headers = append(accepted.Headers, openapi.Of("Location", openapi.String("The path of the run.")))
	var actions []openapi.Choice
	for _, name := range wire.BulkActions {
		actions = append(actions, openapi.Choice{Value: name})
	}
	bulk := openapi.Object("",
		openapi.Of("action", openapi.String("What is done to each job.").Choose(actions...)),
		openapi.Maybe("jobIds", openapi.Array("The jobs; either this or `folderId`.", openapi.Integer("").AtLeast(1))),
		openapi.Maybe("folderId", openapi.Integer("All jobs of this folder; 0 is the root folder.").AtLeast(0)),
		openapi.Maybe("toFolderId", openapi.Integer("For `move`: where to.").AtLeast(0)),
		openapi.Maybe("job", openapi.Ref("JobChange")))
	return openapi.Group{
		Name:        "Acting on jobs",
		Description: "What is done with jobs beside changing one.",
		Operations: []openapi.Operation{
			{
				Method: http.MethodPost, Path: "/jobs/{jobId}/run", ID: "runJob", Summary: "Run a job now", Added: true,
				Description: "Apart from its schedule, which does not move; a disabled or paused job too. A run moves no counter of " +
					"failures, disables nothing and sends no notice.",
				Parameters: creating(jobIDParameter()),
				Responses: answers(accepted, slices.Concat([]any{http.StatusBadRequest, http.StatusNotFound}, creatingProblems(
					"A run of the job waits already, or the job still runs and skips overlaps."))...),
			},
			{
				Method: http.MethodGet, Path: "/jobs/{jobId}/runs/{runId}", ID: "getRun", Summary: "Show a run", Added: true,
				Parameters: []openapi.Parameter{jobIDParameter(), {In: "path", Name: "runId", Schema: openapi.Integer(
					"The number of the run.").Like(1767225601500)}},
				Responses: answers(runAnswered(http.StatusOK, "The run."), http.StatusNotFound),
			},
			{
				Method: http.MethodPost, Path: "/jobs/{jobId}/clone", ID: "cloneJob", Summary: "Copy a job", Added: true,
				Description: "The copy is disabled, and has another title, unless the body says otherwise.",
				Parameters:  creating(jobIDParameter()),
				Body: &openapi.Body{Description: "What differs from the job.", Optional: true, Content: openapi.Content{
					MediaType: "application/json", Example: `{"job":{"title":"Backup of the other server","enabled":true}}`,
					Schema: openapi.Object("", openapi.Maybe("job", openapi.Ref("JobChange"))),
				}},
				Responses: answers(withETag(created(jsonAnswer("The copy was made.", `{"jobId":2}`,
					openapi.Of("jobId", openapi.Integer("The number of the copy."))))),
					slices.Concat(creatingProblems(), []any{http.StatusBadRequest, http.StatusNotFound})...),
			},
			{
				Method: http.MethodPost, Path: "/jobs/bulk", ID: "changeJobs", Summary: "Change many jobs", Added: true,
				Description: fmt.Sprintf("Each job is changed for itself, and has a result of its own; at most %d jobs. `job` has "+
					"at most %d KiB.", wire.MaxBulkJobs, wire.MaxBulkPatch>>10),
				Body: &openapi.Body{Description: "What is done, and to which jobs.", Content: openapi.Content{
					MediaType: "application/json", Schema: bulk, Example: `{"action":"disable","jobIds":[1,2]}`,
				}},
				Responses: answers(jsonAnswer("What came of each job.", "",
					openapi.Of("results", openapi.Array("In the order of the jobs, each of which counts once.", openapi.Object("",
						openapi.Of("jobId", openapi.Integer("The job.")),
						openapi.Of("status", openapi.Integer("The status that a call for this job would have had.")),
						openapi.Of("problem", openapi.Ref("Problem").OrNull())))),
					openapi.Of("succeeded", openapi.Integer("How many were changed.").AtLeast(0)),
					openapi.Of("failed", openapi.Integer("How many were not.").AtLeast(0))),
					http.StatusBadRequest, problemOf(http.StatusNotFound, "The folder is not there.")),
			},
			{
				Method: http.MethodGet, Path: "/jobs/{jobId}/badge", ID: "listBadges", Summary: "Show where a job's badges are", Added: true,
				Parameters: []openapi.Parameter{jobIDParameter(), {In: "query", Name: "options", Joined: true, Schema: openapi.Array(
					"Only the badges with these options; see the badge. All eight when left out.",
					openapi.Integer("").Within(0, int(wire.AllBadges)))}},
				Responses: answers(jsonAnswer("The badges.", "", openapi.Of("badges", openapi.Array("", openapi.Object("",
					openapi.Of("options", openapi.Integer("1 for the title, 2 for the last execution, 4 for its duration, added up.").
						Within(0, int(wire.AllBadges))),
					openapi.Of("title", openapi.Boolean("It shows the title.")),
					openapi.Of("lastExecution", openapi.Boolean("It shows when the job was executed last.")),
					openapi.Of("duration", openapi.Boolean("It shows how long that took.")),
					openapi.Of("path", openapi.String("The path of the image; whoever knows it sees it.")))))),
					http.StatusBadRequest, http.StatusNotFound),
			},
		},
	}
}

func eventOperations() openapi.Group {
	stream := openapi.Response{
		Status: http.StatusOK, Description: "The stream.",
		Contents: []openapi.Content{{MediaType: "text/event-stream", Schema: openapi.String("Server-Sent Events (HTML standard). " +
			"`execution`: a `Record`, when an execution is under way and when a record is final. `job`: a `JobEvent`. `gap`: a " +
			"`GapEvent`."),
			Example: "event: job\nid: 1767225600-1042-7\ndata: {\"jobId\":1,\"change\":\"created\",\"date\":1767225600}\n\n"}},
	}
	return openapi.Group{
		Name:        "Events",
		Description: "What happens in the account, as it happens.",
		Operations: []openapi.Operation{{
			Method: http.MethodGet, Path: "/events", ID: "followEvents", Summary: "Follow what happens", Added: true,
			Description: "A stream that begins now, with the executions under way, or goes on after an event. Nothing is lost " +
				"between streams, but an event may come twice: drop an `execution` whose `jobLogId` and `outcome` you have seen. " +
				"A comment comes every 15 seconds; a stream ends after an hour, when its key does not work any more, or when " +
				"its client takes nothing for 10 seconds. An account may have 5 streams at once on a node.",
			Parameters: []openapi.Parameter{
				{In: "header", Name: "Last-Event-ID", Schema: openapi.String("Go on after the event with this id.")},
				{In: "query", Name: "after", Schema: openapi.String("The same, for clients that cannot send the header, which goes " +
					"before it.")},
			},
			Responses: answers(stream, problemOf(http.StatusBadRequest, "This is not the id of an event.")),
		}},
	}
}

func folderOperations() openapi.Group {
	title := openapi.Input("", folderMembers(), "title")
	return openapi.Group{
		Name:        "Folders",
		Description: "Folders group jobs. A job is in one folder, or in the root folder, 0.",
		Operations: []openapi.Operation{
			{
				Method: http.MethodGet, Path: "/folders", ID: "listFolders", Summary: "List the folders",
				Responses: answers(jsonAnswer("The folders, by title.", "",
					openapi.Of("folders", openapi.Array("", openapi.Ref("Folder"))))),
			},
			{
				Method: http.MethodPut, Path: "/folders", ID: "createFolder", Summary: "Create a folder",
				Parameters: creating(), Body: jsonBody("The folder.", "folder", title, `{"folder":{"title":"Backups"}}`),
				Responses: answers(created(jsonAnswer("The folder was created.", `{"folderId":1}`,
					openapi.Of("folderId", openapi.Integer("The number of the new folder.")))),
					slices.Concat(creatingProblems("There is a folder of that title."), []any{http.StatusBadRequest})...),
			},
			{
				Method: http.MethodGet, Path: "/folders/{folderId}", ID: "getFolder", Summary: "Show a folder",
				Parameters: []openapi.Parameter{folderIDParameter()},
				Responses: answers(jsonAnswer("The folder.", "", openapi.Of("folderDetails", openapi.Ref("Folder"))),
					http.StatusNotFound),
			},
			{
				Method: http.MethodPatch, Path: "/folders/{folderId}", ID: "changeFolder", Summary: "Rename a folder",
				Parameters: []openapi.Parameter{folderIDParameter()},
				Body: jsonBody("What changes.", "folder", openapi.Input("", folderMembers()),
					`{"folder":{"title":"Nightly backups"}}`),
				Responses: answers(doneAnswer(), http.StatusBadRequest, http.StatusNotFound,
					problemOf(http.StatusConflict, "Another folder has that title.")),
			},
			{
				Method: http.MethodDelete, Path: "/folders/{folderId}", ID: "deleteFolder", Summary: "Delete a folder",
				Description: "Its jobs move to the root folder.",
				Parameters:  []openapi.Parameter{folderIDParameter()},
				Responses:   answers(doneAnswer(), http.StatusNotFound),
			},
		},
	}
}

func folderMembers() []openapi.Member {
	return []openapi.Member{
		openapi.Of("folderId", openapi.Integer("The number of the folder.").Output()),
		openapi.Of("title", openapi.String("What it is called; trimmed, and unique in the account whatever its letter case.").
			NotEmpty().UpTo(cron.MaxFolderTitle)),
	}
}

func scheduleOperations() openapi.Group {
	var parameters []openapi.Parameter
	add := func(name string, joined bool, s openapi.Schema) {
		parameters = append(parameters, openapi.Parameter{In: "query", Name: name, Joined: joined, Schema: s})
	}
	add("cron", false, openapi.String("The time part of a crontab line; it goes before the sets.").Like("30 2 * * *"))
	for _, m := range detailedScheduleMembers() {
		if m.Name != "spreadSeconds" {
			m.Schema.Added = false
			add(m.Name, m.Schema.Items != nil, m.Schema)
		}
	}
	add("runAt", false, openapi.Time("A one-time job; 0 for none.").WithDefault(0))
	add("from", false, openapi.String("Where to begin, in Unix seconds or as of RFC 3339; now when left out."))
	add("count", false, openapi.Integer("How many runs.").Within(1, wire.LongestPreview).WithDefault(wire.DefaultPreview))
	return openapi.Group{
		Name:        "Schedules",
		Description: "What schedules mean. Nothing is changed.",
		Operations: []openapi.Operation{
			{
				Method: http.MethodGet, Path: "/schedule/preview", ID: "previewSchedule", Summary: "Preview a schedule", Added: true,
				Parameters: parameters,
				Responses: answers(jsonAnswer("What the schedule does.", "",
					openapi.Of("runs", openapi.Array("The runs; fewer than `count` when there are no more.", openapi.Object("",
						openapi.Of("at", openapi.Time("When it is.")),
						openapi.Of("local", openapi.String("What clocks show then.").Like("2026-03-29T03:00:00")),
						openapi.Of("offset", openapi.String("From UTC.").Like("+02:00")),
						openapi.Of("note", openapi.String("What a change of the clocks does to it.").Choose(named(wire.PreviewNotes,
							"nothing", "it stands for local times that do not come that day", "its local time comes twice, and is due "+
								"the first time only", "its local time comes twice, and this is the second time")...))))),
					openapi.Of("skipped", openapi.Array("Local times that the schedule names and no clock shows.", openapi.Object("",
						openapi.Of("first", openapi.String("The first of them.")), openapi.Of("last", openapi.String("The last.")),
						openapi.Of("count", openapi.Integer("How many.").AtLeast(1)),
						openapi.Of("at", openapi.Time("The run that stands for them; null for none.").OrNull())))),
					openapi.Of("words", openapi.String("The schedule in words.")),
					openapi.Of("crontab", openapi.String("The sets as crontab text; null when they cannot be written so.").OrNull())),
					http.StatusBadRequest),
			},
			{
				Method: http.MethodGet, Path: "/timezones", ID: "listTimeZones", Summary: "List the time zones", Added: true,
				Parameters: []openapi.Parameter{ifNoneMatch()},
				Responses: answers(cacheable(jsonAnswer("The time zones that a schedule may name.", "",
					openapi.Of("release", openapi.String("The release of the IANA time zone database that schedules are read with.").
						Like("2026f")),
					openapi.Of("version", openapi.String("Identifies the zone data; it changes when anything in them does.")),
					openapi.Of("timeZones", openapi.Array("", openapi.Object("",
						openapi.Of("name", openapi.String("The IANA name.")),
						openapi.Of("offset", openapi.String("What it is now, from UTC.").Like("+01:00")),
						openapi.Of("offsetSeconds", openapi.Integer("The same in seconds, east of UTC.").In("s"))))))),
					notModifiedAnswer()),
			},
		},
	}
}

func ifNoneMatch() openapi.Parameter {
	return openapi.Parameter{In: "header", Name: "If-None-Match", Schema: openapi.String("Answer with 304 while it has this ETag.")}
}

func cacheable(r openapi.Response) openapi.Response {
	r.Headers = append(r.Headers, openapi.Of("ETag", openapi.String("For `If-None-Match`.")),
		openapi.Of("Cache-Control", openapi.String("How long it may be kept.")))
	return r
}

func notModifiedAnswer() openapi.Response {
	return cacheable(openapi.Response{Status: http.StatusNotModified, Description: "It is the one that the caller has."})
}

func accountOperations() openapi.Group {
	pem := func(name, text string, most int) openapi.Member {
		return openapi.Of(name, openapi.String(text+", in PEM.").WithDefault("").UpTo(most))
	}
	roots := pem("caBundle", "Authorities that are trusted too", cron.MaxRootsLength)
	certificate := pem("certificate", "The client certificate, followed by its chain", cron.MaxCertificateLength)
	key := pem("privateKey", "Its private key, not encrypted; never shown", cron.MaxKeyLength)
	key.Schema.WriteOnly = true
	return openapi.Group{
		Name:        "Account",
		Description: "The account that the key acts for.",
		Operations: []openapi.Operation{
			{
				Method: http.MethodGet, Path: "/me", ID: "getAccount", Summary: "Show the account", Added: true,
				Responses: answers(jsonAnswer("The account, what its plan allows, and what of it is left.", "",
					openapi.Of("account", openapi.Ref("Account")))),
			},
			{
				Method: http.MethodGet, Path: "/apikeys", ID: "listKeys", Summary: "List the API keys", Added: true,
				Responses: answers(jsonAnswer("The keys, without the keys themselves.", "",
					openapi.Of("apiKeys", openapi.Array("", openapi.Ref("ApiKey"))))),
			},
			{
				Method: http.MethodPost, Path: "/apikeys", ID: "createKey", Summary: "Create an API key", Added: true,
				Description: "A key cannot create one that may do more than itself. What is left out is as with the key that asks.",
				Parameters:  creating(),
				Body: jsonBody("The key.", "apiKey", openapi.Input("", keyMembers()),
					`{"apiKey":{"title":"deployment","scopes":["read","write"],"expires":1798761600}}`),
				Responses: answers(created(jsonAnswer("The key was created.", "",
					openapi.Of("apiKeyId", openapi.Integer("The number of the key.")),
					openapi.Of("key", openapi.String("The key. It is shown this once.")))),
					slices.Concat(creatingProblems(), []any{http.StatusBadRequest})...),
			},
			{
				Method: http.MethodDelete, Path: "/apikeys/{apiKeyId}", ID: "deleteKey", Summary: "Delete an API key", Added: true,
				Parameters: []openapi.Parameter{{In: "path", Name: "apiKeyId", Schema: openapi.Integer("The number of the key.").Like(2)}},
				Responses:  answers(doneAnswer(), http.StatusBadRequest, http.StatusNotFound, http.StatusConflict),
			},
			{
				Method: http.MethodGet, Path: "/tls", ID: "getTls", Summary: "Show the certificates", Added: true,
				Responses: answers(jsonAnswer("What the executions of the account add to TLS.", "", openapi.Of("tls", openapi.Object("",
					roots, certificate,
					openapi.Of("certificateExpiry", openapi.Time("When the client certificate expires; null without one.").OrNull()))))),
			},
			{
				Method: http.MethodPut, Path: "/tls", ID: "setTls", Summary: "Set the certificates", Added: true,
				Description: "Replaces all; what is left out is gone.",
				Body: jsonBody("The certificates.", "tls", openapi.Input("", []openapi.Member{roots, certificate, key}),
					`{"tls":{"caBundle":"-----BEGIN CERTIFICATE-----\n…"}}`),
				Responses: answers(doneAnswer(), http.StatusBadRequest),
			},
			{
				Method: http.MethodDelete, Path: "/tls", ID: "deleteTls", Summary: "Delete the certificates", Added: true,
				Responses: answers(doneAnswer()),
			},
		},
	}
}

func openOperations() openapi.Group {
	badge := func(method, id, summary string) openapi.Operation {
		image := openapi.Response{Status: http.StatusOK, Description: "The image.", Headers: []openapi.Member{
			openapi.Of("Cache-Control", openapi.String("How long it may be kept.")),
		}}
		if method == http.MethodGet {
			image.Contents = []openapi.Content{{MediaType: "image/svg+xml", Schema: openapi.String("An image.")}}
		}
		return openapi.Operation{
			Method: method, Path: "/jobs/{jobId}/{token}/status-{options}.svg", ID: id, Summary: summary, Open: true,
			Description: "Ten calls a second are answered for each address.",
			Parameters: []openapi.Parameter{
				jobIDParameter(),
				{In: "path", Name: "token", Schema: openapi.String("Belongs to the job and the options.").
					Matching("^[0-9a-f]{16}$").Like("0123456789abcdef")},
				{In: "path", Name: "options", Schema: openapi.Integer("What the badge shows: 1 the title, 2 when the job was executed "+
					"last, 4 how long that took, added up.").Within(0, int(wire.AllBadges)).Like(3)},
			},
			Responses: inOrder([]openapi.Response{image, problemOf(http.StatusNotFound, "No such badge, or a wrong token."),
				problemOf(http.StatusTooManyRequests, ""), problemOf(http.StatusInternalServerError, "")}),
		}
	}
	publishedAs := func(mediaType, text string, s openapi.Schema) []openapi.Response {
		return inOrder([]openapi.Response{cacheable(openapi.Response{Status: http.StatusOK, Description: text,
			Contents: []openapi.Content{{MediaType: mediaType, Schema: s}}}), notModifiedAnswer()})
	}
	parts := func(status int, text, example string, members ...openapi.Member) openapi.Response {
		r := jsonAnswer(text, example, members...)
		r.Status = status
		return r
	}
	readiness := []openapi.Member{
		openapi.Of("database", openapi.String("`ok`, or what is wrong.")),
		openapi.Of("writing", openapi.String("`ok`, or why the database takes no writes. A write is tried at most once a second.")),
		openapi.Of("scheduler", openapi.String("`ok`, or what is wrong.")),
	}
	return openapi.Group{
		Name:        "Without a key",
		Description: "For anybody who can reach the service.",
		Operations: []openapi.Operation{
			badge(http.MethodGet, "getBadge", "Show a badge"),
			badge(http.MethodHead, "headBadge", "Show the headers of a badge"),
			{
				Method: http.MethodGet, Path: "/executor-nodes.json", ID: "listExecutorNodes",
				Summary: "List where executions come from", Open: true,
				Responses: []openapi.Response{jsonAnswer("The addresses.", `{"ipAddresses":["192.0.2.1"]}`,
					openapi.Of("ipAddresses", openapi.Array("IPv4 and IPv6 addresses.", openapi.String(""))))},
			},
			{
				Method: http.MethodGet, Path: "/openapi.json", ID: "getOpenApi", Summary: "Describe the API for programs", Open: true,
				Added: true, Parameters: []openapi.Parameter{ifNoneMatch()},
				Responses: publishedAs("application/json", "This document.", openapi.Schema{Type: "object", Others: &openapi.Schema{}}),
			},
			{
				Method: http.MethodGet, Path: "/docs", ID: "getDocs", Summary: "Describe the API for people", Open: true, Added: true,
				Parameters: []openapi.Parameter{ifNoneMatch()},
				Responses:  publishedAs("text/html", "This page.", openapi.String("HTML.")),
			},
			{
				Method: http.MethodGet, Path: "/", ID: "welcome", Summary: "Greet a visitor", Open: true, Added: true,
				Responses: []openapi.Response{{Status: http.StatusOK, Description: "A few lines about the service.",
					Contents: []openapi.Content{{MediaType: "text/plain", Schema: openapi.String("")}}}},
			},
			{
				Method: http.MethodGet, Path: "/healthz", ID: "getHealth", Summary: "Tell whether the process lives", Open: true,
				Added: true,
				Responses: []openapi.Response{parts(http.StatusOK, "It does.", `{"process":"ok"}`,
					openapi.Of("process", openapi.String("`ok`.")))},
			},
			{
				Method: http.MethodGet, Path: "/readyz", ID: "getReadiness", Summary: "Tell whether the service works", Open: true,
				Added: true,
				Responses: []openapi.Response{
					parts(http.StatusOK, "The database answers and takes writes, and the scheduler turns.",
						`{"database":"ok","writing":"ok","scheduler":"ok"}`,
						readiness...),
					parts(http.StatusServiceUnavailable, "One of them does not.", "", readiness...),
				},
			},
			{
				Method: http.MethodGet, Path: "/metrics", ID: "getMetrics", Summary: "Show the metrics", Open: true, Added: true,
				Responses: []openapi.Response{{Status: http.StatusOK, Description: "Metrics for Prometheus.",
					Contents: []openapi.Content{{MediaType: "text/plain", Schema: openapi.String("")}}}},
			},
		},
	}
}

// keyMembers are those of apiKey.
func keyMembers() []openapi.Member {
	scopes := []openapi.Choice{{Value: wire.ScopeAll, Meaning: "everything"}}
	for _, name := range wire.ScopeNames {
		scopes = append(scopes, openapi.Choice{Value: name})
	}
	return []openapi.Member{
		openapi.Of("apiKeyId", openapi.Integer("The number of the key.").Output()),
		openapi.Of("title", openapi.String("What it is for.").WithDefault("").UpTo(cron.MaxKeyTitle)),
		openapi.Of("hint", openapi.String("The last characters of the key.").Output()),
		openapi.Of("enabled", openapi.Boolean("It may be used.").Output()),
		openapi.Of("current", openapi.Boolean("It is the key that asks.").Output()),
		openapi.Of("scopes", openapi.Array("What it may do.", openapi.String("").Choose(scopes...))),
		openapi.Of("allowFrom", openapi.Array("Addresses and ranges that may use it; none is any.", openapi.String("").
			Like("192.0.2.0/24")).UpTo(cron.MaxKeyPrefixes)),
		openapi.Of("created", openapi.Time("When it was made.").Output()),
		openapi.Of("lastUsed", openapi.Time("When it was used last, to the hour; null for never.").OrNull().Output()),
		openapi.Of("expires", openapi.Time("When it ends to work; null for never.").OrNull()),
	}
}

// otherSchemas are the objects that belong to no job.
func otherSchemas() []openapi.Member {
	var numbers []openapi.Member
	for _, n := range [][3]string{
		{"dailyRequests", "Requests of a key in a UTC day."}, {"requestsPerSecond", "Requests a second of each call."},
		{"createJobsPerSecond", "Jobs created a second."}, {"createJobsPerMinute", "Jobs created a minute."},
		{"createFoldersPerSecond", "Folders created a second."}, {"createFoldersPerMinute", "Folders created a minute."},
		{"changeFoldersPerSecond", "Folders changed a second, and deleted a second."},
		{"maxJobs", "Jobs."}, {"maxKeys", "API keys."},
		{"minIntervalSeconds", "Between two runs of a job, at least.", "s"},
		{"defaultTimeoutSeconds", "Timeout of a request when the job names none.", "s"},
		{"maxTimeoutSeconds", "Longest timeout of a request.", "s"},
		{"maxResponseBytes", "Of a response, headers and body together.", "bytes"},
		{"maxInFlight", "Executions at once on a node."}, {"retentionDays", "How long the history is kept.", "days"},
	} {
		numbers = append(numbers, openapi.Of(n[0], openapi.Integer(n[1]+" Null is no limit.").In(n[2]).AtLeast(0).OrNull()))
	}
	numbers = append(numbers, openapi.Of("maxFailures", openapi.Integer("Failures in a row that a job survives.").AtLeast(0)))
	used := func(text string) openapi.Schema {
		return openapi.Object(text,
			openapi.Of("jobs", openapi.Integer("Jobs.").AtLeast(0).OrNull()),
			openapi.Of("apiKeys", openapi.Integer("API keys.").AtLeast(0).OrNull()),
			openapi.Of("requestsToday", openapi.Integer("Requests of this key in this UTC day.").AtLeast(0).OrNull()))
	}
	return []openapi.Member{
		openapi.Of("Run", openapi.Object("An execution that somebody asked for.",
			openapi.Of("runId", openapi.Integer("The number of the run: the instant of the call.").In("Unix ms")),
			openapi.Of("jobId", openapi.Integer("The job.")),
			openapi.Of("path", openapi.String("Where to ask how far it is.")),
			openapi.Of("state", openapi.String("How far it is.").Choose(named(wire.RunStates, "for a free slot", "", "")...)),
			openapi.Of("datePlanned", openapi.Time("The instant of the call, as the history has it.")),
			openapi.Of("outcome", openapi.String("What became of it, once finished: `succeeded`, `failed`, `lost`, or `skipped` when "+
				"it could not start.").OrNull()),
			openapi.Of("identifier", openapi.String("Of the execution in the history, once finished; null when it was skipped.").OrNull()))),
		openapi.Of("Folder", openapi.Object("A folder.", folderMembers()...)),
		openapi.Of("Account", openapi.Object("An account.",
			openapi.Of("email", openapi.String("Its address.")), openapi.Of("plan", openapi.String("The name of its plan.")),
			openapi.Of("created", openapi.Time("When it was made.")),
			openapi.Of("limits", openapi.Object("The numbers of the plan.", numbers...)),
			openapi.Of("used", used("How much of it there is; null for what is not counted.")),
			openapi.Of("left", used("How much is left; null for no limit.")),
			openapi.Of("apiKey", openapi.Ref("ApiKey")))),
		openapi.Of("ApiKey", openapi.Object("An API key, without the key itself.", keyMembers()...)),
		openapi.Of("JobEvent", openapi.Object("Something that was done to a job.",
			openapi.Of("jobId", openapi.Integer("The job.")),
			openapi.Of("change", openapi.String("What was done.").Choose(
				openapi.Choice{Value: cron.ChangeCreated.String()}, openapi.Choice{Value: cron.ChangeEdited.String()},
				openapi.Choice{Value: cron.ChangeDeleted.String()},
				openapi.Choice{Value: cron.ChangeDisabled.String(), Meaning: "by the service: after too many failures, or since a " +
					"one-time job had its occurrence"})),
			openapi.Of("date", openapi.Time("When it was done.")))),
		openapi.Of("GapEvent", openapi.Object("What happened before this event is not known any more, or not all of it: look into "+
			"the history.", openapi.Of("since", openapi.Time("From here on something may be missing.")))),
		openapi.Of("Problem", openapi.Object("What went wrong (RFC 9457).",
			openapi.Of("title", openapi.String("In a few words.")),
			openapi.Of("status", openapi.Integer("The HTTP status.").Within(400, 599)),
			openapi.Of("detail", openapi.String("In a sentence or two, and what to do about it.")),
			openapi.Maybe("errors", openapi.Array("The values that are wrong.", openapi.Object("",
				openapi.Of("pointer", openapi.String("Where it is: a JSON pointer (RFC 6901) into the body, or the name of a parameter "+
					"after a slash.").Like("/job/schedule/hours/1")),
				openapi.Of("detail", openapi.String("What is wrong with it.")))).UpTo(wire.MaxProblems)))),
	}
}
