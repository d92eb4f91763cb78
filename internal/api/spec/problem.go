package spec

import (
	"net/http"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

func problemOperations() Group {
	id := []Parameter{idParameter("problemId", "The number of the problem.")}
	note := Of("note", String("What to know about it; replaces the former note.").UpTo(cron.MaxProblemNote))
	act := func(name, operation, summary, text, example string, conflict bool, required []string, members ...Member) Operation {
		others := []any{http.StatusBadRequest, http.StatusNotFound}
		if conflict {
			others = append(others, problemOf(http.StatusConflict, "The problem is resolved."))
		}
		return Operation{
			Method: http.MethodPost, Path: "/problems/{problemId}/" + name, ID: operation, Summary: summary, Added: true, Description: text,
			Parameters: id,
			Body: &Body{Description: "What to change.", Content: Content{MediaType: "application/json",
				Schema: Input("", members, required...), Example: example}},
			Responses: answers(doneAnswer(), others...),
		}
	}
	return Group{
		Name:        "Problems",
		Description: "Failures that share a cause: one problem, however many jobs fail alike. The last success resolves it.",
		Operations: []Operation{
			{
				Method: http.MethodGet, Path: "/problems", ID: "listProblems", Summary: "List the problems", Added: true,
				Parameters: []Parameter{
					{In: "query", Name: "state", Schema: String("Only problems in these states, separated by commas: `open`, `acknowledged`, `snoozed`, `resolved`. " +
						"All without it.")},
					{In: "query", Name: "limit", Schema: Integer("Problems in a page.").Within(1, wire.MaxProblemsPage).WithDefault(wire.DefaultProblemsPage)},
					{In: "query", Name: "cursor", Schema: String("`next` of the previous page.")},
				},
				Responses: answers(jsonAnswer("A page of problems, the one that opened last first.", "",
					Of("problems", Array("", Ref("JobProblem"))), next()), http.StatusBadRequest),
			},
			{
				Method: http.MethodGet, Path: "/problems/{problemId}", ID: "getProblem", Summary: "Get a problem", Added: true,
				Parameters: id,
				Responses: answers(jsonAnswer("The problem, its jobs, and what was changed before it.", "",
					Of("problem", Ref("JobProblem")),
					Of("jobs", Array("The jobs that have it now, the first of them.", Ref("ProblemJob")).UpTo(cron.MaxProblemJobs)),
					Of("edits", Array("The changes of its jobs in the hour before it opened, latest first.", Ref("ProblemEdit")).UpTo(cron.MaxProblemEdits))),
					http.StatusNotFound),
			},
			act("acknowledge", "acknowledgeProblem", "Acknowledge a problem", "It is known, and somebody looks after it.",
				`{"note":"The provider works on it."}`, true, nil, note),
			act("snooze", "snoozeProblem", "Snooze a problem", "It is open again from then on, unless it is resolved by then.",
				`{"until":1767225600}`, true, []string{"until"}, Of("until", Time("When it is open again: in the future, and within 100 years.")), note),
			act("resolve", "resolveProblem", "Resolve a problem", "It opens again when a job fails for the same cause.", `{}`, false, nil, note),
			act("note", "noteProblem", "Write a note about a problem", "Its state stays.", `{"note":"Caused by the new firewall."}`, false,
				[]string{"note"}, note),
		},
	}
}

// jobProblemSchemas are the schemas of problems of jobs.
func jobProblemSchemas() []Member {
	job := Integer("The number of a job.")
	return []Member{
		Of("JobProblem", Object("Failures that share a cause.",
			Of("problemId", Integer("The number of the problem.")),
			Of("state", String("What was done about it.").Choose(
				Choice{Value: "open"}, Choice{Value: "acknowledged", Meaning: "somebody looks after it"},
				Choice{Value: "snoozed", Meaning: "until a time, then it is open again"},
				Choice{Value: "resolved", Meaning: "no job has it any more, or a person said so"})),
			Of("kind", String("What happened.").Choose(
				Choice{Value: "failed"}, Choice{Value: "lost", Meaning: "executions whose result is unknown"},
				Choice{Value: "missed", Meaning: "occurrences that were found too late"},
				Choice{Value: "late", Meaning: "executions that began later than `lateAfterSeconds` of the job"})),
			Of("cause", String("Identifies the cause of the failure that opened it, as in the history.").Like("5f0c1d3a9b7e2468")),
			Of("sentence", String("What happened, in words.")),
			Of("host", String("The host that was called last; null where none was.").OrNull()),
			Of("firstSeen", Time("When it opened, the last time.")),
			Of("lastSeen", Time("The latest failure.")),
			Of("runs", Integer("Failures since it opened.").AtLeast(0)),
			Of("runsComplete", Boolean("Whether all of them were counted.")),
			Of("jobs", Integer("Jobs that have it; for one that is resolved, that had it.").AtLeast(0)),
			Of("jobIds", Array("The first of them.", job).UpTo(cron.MaxGroupJobs)),
			Of("reopened", Integer("How often it was resolved and came back.").AtLeast(0)),
			Of("note", String("What people noted about it.")),
			Of("by", String("Who changed state or note last; null for the service.").OrNull()),
			Of("changed", Time("When state or note was changed last; null for never.").OrNull()),
			Of("snoozedUntil", Time("When it is open again; null if it is not snoozed.").OrNull()),
			Of("resolved", Time("When it was resolved; null if it is not.").OrNull()))),
		Of("ProblemJob", Object("A job that has a problem.", Of("jobId", job), Of("title", String("Its title.")),
			Of("url", String("Its URL, without password.")), Of("enabled", Boolean("Whether it is enabled.")),
			Of("lastExecution", Time("When its last execution began; null for never.").OrNull()))),
		Of("ProblemEdit", Object("A change of a job.", Of("jobId", job), Of("version", Integer("The version that it made.")),
			Of("created", Time("When it was made.")), Of("by", String("Who made it.")), Of("way", String("By which way: `api`, `console`, `command` or `service`.")),
			Of("changes", Array("JSON Pointers to what it changed.", String("A JSON Pointer."))))),
	}
}
