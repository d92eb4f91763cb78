package spec

import (
	"net/http"
	"slices"

	"punctual/internal/api/wire"
)

// runOperations are those that do something with jobs.
func runOperations() Group {
	runAnswered := func(status int, text string) Response {
		r := jsonAnswer(text, "", Of("run", Ref("Run")))
		r.Status = status
		return r
	}
	accepted := created(runAnswered(http.StatusAccepted, "The job runs as soon as there is a free slot."))
	accepted.Headers = append(accepted.Headers, Of("Location", String("The path of the run.")))
	return Group{
		Name:        "Acting on jobs",
		Description: "What is done with jobs beside changing one.",
		Operations: []Operation{
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
				Parameters: []Parameter{jobIDParameter(), {In: "path", Name: "runId", Schema: Integer(
					"The number of the run.").Like(1767225601500)}},
				Responses: answers(runAnswered(http.StatusOK, "The run."), http.StatusNotFound),
			},
			{
				Method: http.MethodPost, Path: "/jobs/{jobId}/clone", ID: "cloneJob", Summary: "Copy a job", Added: true,
				Description: "The copy is disabled, and has another title, unless the body says otherwise.",
				Parameters:  creating(jobIDParameter()),
				Body: &Body{Description: "What differs from the job.", Optional: true, Content: Content{
					MediaType: "application/json", Example: `{"job":{"title":"Backup of the other server","enabled":true}}`,
					Schema: Object("", Maybe("job", Ref("JobChange"))),
				}},
				Responses: answers(withETag(created(jsonAnswer("The copy was made.", `{"jobId":2}`,
					Of("jobId", Integer("The number of the copy."))))),
					slices.Concat(creatingProblems(), []any{http.StatusBadRequest, http.StatusNotFound})...),
			},
			bulkOperation(),
			badgesOperation(),
		},
	}
}

// runSchemas are the objects of runs.
func runSchemas() []Member {
	return []Member{
		Of("Run", Object("An execution that somebody asked for.",
			Of("runId", Integer("The number of the run: the instant of the call.").In("Unix ms")),
			Of("jobId", Integer("The job.")),
			Of("path", String("Where to ask how far it is.")),
			Of("state", String("How far it is.").Choose(named(wire.RunStates, "for a free slot", "", "")...)),
			Of("datePlanned", Time("The instant of the call, as the history has it.")),
			Of("outcome", String("What became of it, once finished: `succeeded`, `failed`, `lost`, or `skipped` when "+
				"it could not start.").OrNull()),
			Of("identifier", String("Of the execution in the history, once finished; null when it was skipped.").OrNull()))),
	}
}
