package spec

import (
	"net/http"

	"punctual/internal/api/wire"
)

// runOperations are the operations that act on jobs: runs, copies, bulk changes and badges.
func runOperations() Group {
	runAnswered := func(status int, text string) Response {
		r := jsonAnswer(text, "", Of("run", Ref("Run")))
		r.Status = status
		return r
	}
	accepted := created(runAnswered(http.StatusAccepted, "The job runs as soon as a slot is free."))
	accepted.Headers = append(accepted.Headers, Of("Location", String("The path of the run.")))
	return Group{
		Name:        "Job actions",
		Description: "Running, copying and changing jobs, and their badges.",
		Operations: []Operation{
			{
				Method: http.MethodPost, Path: "/jobs/{jobId}/run", ID: "runJob", Summary: "Run a job now", Added: true,
				Description: "Does not change the next scheduled run, and works for disabled and paused jobs too. A run does not count as " +
					"a failure, disable the job or create a notice.",
				Parameters: creating(jobIDParameter()),
				Responses:  creatingAnswers(accepted, "A run of the job is already waiting, or the job is in flight and its `overlap` is `skip`.", http.StatusBadRequest, http.StatusNotFound),
			},
			{
				Method: http.MethodGet, Path: "/jobs/{jobId}/runs/{runId}", ID: "getRun", Summary: "Show a run", Added: true,
				Parameters: []Parameter{jobIDParameter(), {In: "path", Name: "runId", Schema: Integer(
					"The number of the run.").Like(1767225601500)}},
				Responses: answers(runAnswered(http.StatusOK, "The run."), http.StatusNotFound),
			},
			{
				Method: http.MethodPost, Path: "/jobs/{jobId}/clone", ID: "cloneJob", Summary: "Copy a job", Added: true,
				Description: "Copies a job with its secrets. Unless the body changes it, the copy is disabled, and its title ends with \" (copy)\".",
				Parameters:  creating(jobIDParameter()),
				Body: &Body{Description: "The members that differ from the job.", Optional: true, Content: Content{
					MediaType: "application/json", Example: `{"job":{"title":"Backup of the other server","enabled":true}}`,
					Schema: Object("", Maybe("job", Ref("JobChange"))),
				}},
				Responses: creatingAnswers(withETag(created(jsonAnswer("The copy was created.", `{"jobId":2}`,
					Of("jobId", Integer("The number of the copy."))))), http.StatusBadRequest, http.StatusNotFound),
			},
			bulkOperation(),
			badgesOperation(),
			renewBadgesOperation(),
		},
	}
}

// runSchemas are the schemas of manual runs.
func runSchemas() []Member {
	return []Member{
		Of("Run", Object("An execution on request.",
			Of("runId", Integer("The number of the run: the time of the call.").In("Unix ms")),
			Of("jobId", Integer("The job.")),
			Of("path", String("The path of the run.")),
			Of("state", String("The state of the run.").Choose(named(wire.RunStates, "for a free slot", "", "")...)),
			Of("datePlanned", Time("The time of the call, as in the history.")),
			Of("outcome", String("Once finished: `succeeded`, `failed`, `lost`, or `skipped` if "+
				"it could not start.").OrNull()),
			Of("identifier", String("Once finished: the identifier of the execution in the history; null if it was skipped.").OrNull()))),
	}
}
