package spec

import (
	"fmt"
	"net/http"
	"slices"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/service"
)

func actionOperations() Group {
	id := idParameter("actionId", "The number of the action.")
	page := []Parameter{
		{In: "query", Name: "limit", Schema: Integer("Items in a page.").Within(1, service.MaxActionPage).WithDefault(wire.DefaultActionPage)},
		{In: "query", Name: "cursor", Schema: String("`next` of the previous page.")},
	}
	accepted := func(text, example string, members ...Member) Response {
		r := jsonAnswer(text, example, members...)
		r.Status = http.StatusAccepted
		return r
	}
	started := func(text string) Response {
		r := created(accepted(text, `{"actionId":1}`, Of("actionId", Integer("The number of the action."))))
		r.Headers = append(r.Headers, Of("Location", String("The path of the action.")))
		return r
	}
	return Group{
		Name: "Actions",
		Description: "An action changes any number of jobs in the background, with a result for each of them. Try it with a dry run first, " +
			"and take it back within 30 days.",
		Operations: []Operation{
			{
				Method: http.MethodPost, Path: "/actions", ID: "startAction", Summary: "Start an action", Added: true,
				Description: "Give the operations with `jobIds` or `filter`, or `confirms` alone to perform a dry run as it was shown. Jobs that are " +
					"changed by others between their selection and the action are skipped. Each operation applies to the result of the one before.",
				Parameters: creating(),
				Body: jsonBody("The action.", "action", Object("", actionMembers()...),
					`{"action":{"filter":{"tag":["prod"]},"operations":[{"kind":"replace","in":"url","find":"old.example","replace":"new.example"}],"dryRun":true}}`),
				Responses: creatingAnswers(started("The action is stored, and a node will work on it."), http.StatusBadRequest),
			},
			{
				Method: http.MethodGet, Path: "/actions", ID: "listActions", Summary: "List the actions", Added: true, Parameters: page,
				Description: "These calls do not count against the daily quota.",
				Responses: answers(jsonAnswer("A page of actions, the newest first.", "",
					Of("actions", Array("", Ref("Action"))), next()), http.StatusBadRequest),
			},
			{
				Method: http.MethodGet, Path: "/actions/{actionId}", ID: "getAction", Summary: "Show an action", Added: true,
				Description: "The action with a page of its jobs. These calls do not count against the daily quota.",
				Parameters: append([]Parameter{id, {In: "query", Name: "result", Schema: String("Only jobs with this result; all by default.").
					Choose(named(wire.ActionResults, resultMeanings...)...)}}, page...),
				Responses: answers(jsonAnswer("The action.", "", Of("action", Ref("Action")),
					Of("results", Array("Jobs in the order of their numbers.", Ref("ActionResult"))), next()), http.StatusBadRequest, http.StatusNotFound),
			},
			{
				Method: http.MethodPost, Path: "/actions/{actionId}/undo", ID: "undoAction", Summary: "Take back an action", Added: true,
				Description: "Starts an action that gives each job that the other one changed its former definition, unless it was changed since. " +
					"Deleted jobs come back from the bin. It can be taken back itself.",
				Parameters: append([]Parameter{id}, creating()...),
				Responses: creatingAnswers(started("The action is stored, and a node will work on it."),
					"The action has not finished, or it was a dry run.", http.StatusNotFound),
			},
			{
				Method: http.MethodPost, Path: "/actions/{actionId}/cancel", ID: "cancelAction", Summary: "Cancel an action", Added: true,
				Description: "The action ends after the chunk of jobs that is in work. What it has done stays, and can be taken back; jobs " +
					"without a result are `notReached`.",
				Parameters: []Parameter{id},
				Responses: answers(accepted("The action will end.", `{"actionId":1}`, Of("actionId", Integer("The number of the action."))),
					http.StatusNotFound, problemOf(http.StatusConflict, "The action has ended already.")),
			},
		},
	}
}

var resultMeanings = []string{
	"no result yet; as a parameter, all jobs", "changed; in a dry run, would be changed", "already as the action would make it",
	"the change would make the job invalid, for `reasons`", "changed by somebody since it was selected", "the account has no such job",
	"a fault of the service", "no result, as the action has ended before",
}

func actionMembers() []Member {
	return []Member{
		Maybe("jobIds", Array("The jobs.", Integer("").AtLeast(1)).UpTo(cron.MaxActionJobs)),
		Maybe("filter", Ref("JobFilter")),
		Maybe("confirms", Integer("The number of a finished dry run. Its operations are applied to the jobs that it would change.").AtLeast(1)),
		Maybe("operations", Array("The operations in order.", Ref("Operation")).UpTo(cron.MaxOperations)),
		Maybe("dryRun", Boolean("Report what the action would do, and change nothing.").WithDefault(false)),
	}
}

// actionSchemas are the schemas of actions.
func actionSchemas() []Member {
	count := func(about string) Schema { return Integer(about).AtLeast(0) }
	meanings := []string{"sets members of the job: `job`", "replaces text: `in`, `find`, `replace`, `pattern`",
		"adds a header beside those of the same name: `name`, `value`", "gives a header one value: `name`, `value`", "removes a header: `name`",
		"moves when the job is due: `minutes`", "changes the time zone: `timezone`, `keep`", "adds tags: `tags`", "removes tags: `tags`",
		"replaces all tags: `tags`", "moves the job: `folderId`", "enables the job", "disables the job",
		"moves the job to the bin; the only operation of its action"}
	return []Member{
		Of("Operation", Object("A change of a job. `kind` decides which other members count.",
			Of("kind", String("What it does.").Choose(named(service.OperationNames, meanings...)...)),
			Maybe("job", Ref("JobChange")),
			Maybe("in", String("Where text is replaced.").Choose(named(wire.ReplaceFields, "", "the values of all headers", "", "")...)),
			Maybe("find", String("The text; with `pattern`, a regular expression (RE2).").UpTo(cron.MaxCriterionLength)),
			Maybe("replace", String("What replaces it; with `pattern`, `$1` or `${name}` is what a group matched, and `$$` is a dollar sign.")),
			Maybe("pattern", Boolean("`find` is a regular expression.").WithDefault(false)),
			Maybe("name", String("The name of a header, ignoring case.")),
			Maybe("value", String("The value of the header.")),
			Maybe("minutes", Integer("Forwards; backwards if negative.").Within(-cron.MaxShift, cron.MaxShift)),
			Maybe("timezone", String("An IANA time zone.")),
			Maybe("keep", String("What stays.").Choose(named(wire.KeepNames, "the local times", "the instants of all executions")...)),
			Maybe("tags", Array("Tags.", String(""))),
			Maybe("folderId", Integer("The folder; 0 is the root folder.").AtLeast(0)))),
		Of("Action", Object("A change of many jobs.",
			Of("actionId", Integer("The number of the action.")),
			Of("state", String("How far it is.").Choose(named(append(slices.Clone(wire.ActionStates), wire.ActionFailed, wire.ActionCancelling, wire.ActionCancelled),
				"the jobs and their versions are being noted", "jobs get their results", "all jobs have their results",
				"ended by a fault of the service", "ends after the jobs that are in work", "was cancelled and has ended")...)),
			Of("dryRun", Boolean("It changes nothing.")),
			Of("undoes", Integer("The action that it takes back; null for none.").OrNull()),
			Of("operations", Array("The kinds of its operations.", String(""))),
			Of("by", String("Who started it.")),
			Of("created", Time("When it was started.")),
			Of("finished", Time("When it finished; null until then.").OrNull()),
			Of("expires", Time("When it is deleted, and can no longer be taken back.")),
			Of("counts", Object("How many jobs have each result; exact when it has finished.",
				Of("total", count("The jobs.")), Of("changed", count("")), Of("same", count("")), Of("invalid", count("")),
				Of("skipped", count("")), Of("missing", count("")), Of("failed", count("")),
				Of("notReached", count("Jobs without a result, when the action has ended.")))))),
		Of("ActionResult", Object("A job of an action.",
			Of("jobId", Integer("The job.")),
			Of("title", String("Its title, or its URL without credentials.")),
			Of("result", String("What became of it.").Choose(named(wire.ActionResults, resultMeanings...)...)),
			Of("effect", String("What was done to a job that changed; null otherwise.").
				Choose(named(wire.ActionEffects[cron.EffectEdited:], "", "", "brought back from the bin")...).OrNull()),
			Of("version", Integer("Its version when it was selected.").AtLeast(0)),
			Of("newVersion", Integer("The version that the action made; null for none.").OrNull()),
			Of("changes", Array("The values that differ.", Object("",
				Of("pointer", String("A JSON pointer into the job.")),
				Of("hidden", Boolean(fmt.Sprintf("It is a secret, or longer than %d characters, so `from` and `to` are null.", cron.MaxActionValue))),
				Of("from", Schema{}), Of("to", Schema{})))),
			Of("reasons", Array("Why the job is invalid, or what else to know.", String(""))),
			Of("nextExecutionBefore", Time("The next execution without the action; null for none.").OrNull()),
			Of("nextExecutionAfter", Time("The next execution with it; null for none.").OrNull()))),
	}
}
