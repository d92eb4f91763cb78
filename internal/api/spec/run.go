package spec

import (
	"fmt"
	"net/http"
	"slices"

	"punctual/internal/api/wire"
)

func runOperations() Group {
	runAnswered := func(status int, text string) Response {
		r := jsonAnswer(text, "", Of("run", Ref("Run")))
		r.Status = status
		return r
	}
	accepted := created(runAnswered(http.StatusAccepted, "The job runs as soon as there is a free slot."))
	accepted.Headers = append(accepted.Headers, Of("Location", String("The path of the run.")))
	var actions []Choice
	for _, name := range wire.BulkActions {
		actions = append(actions, Choice{Value: name})
	}
	bulk := Object("",
		Of("action", String("What is done to each job.").Choose(actions...)),
		Maybe("jobIds", Array("The jobs; either this or `folderId`.", Integer("").AtLeast(1))),
		Maybe("folderId", Integer("All jobs of this folder; 0 is the root folder.").AtLeast(0)),
		Maybe("toFolderId", Integer("For `move`: where to.").AtLeast(0)),
		Maybe("job", Ref("JobChange")))
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
			{
				Method: http.MethodPost, Path: "/jobs/bulk", ID: "changeJobs", Summary: "Change many jobs", Added: true,
				Description: fmt.Sprintf("Each job is changed for itself, and has a result of its own; at most %d jobs. `job` has "+
					"at most %d KiB.", wire.MaxBulkJobs, wire.MaxBulkPatch>>10),
				Body: &Body{Description: "What is done, and to which jobs.", Content: Content{
					MediaType: "application/json", Schema: bulk, Example: `{"action":"disable","jobIds":[1,2]}`,
				}},
				Responses: answers(jsonAnswer("What came of each job.", "",
					Of("results", Array("In the order of the jobs, each of which counts once.", Object("",
						Of("jobId", Integer("The job.")),
						Of("status", Integer("The status that a call for this job would have had.")),
						Of("problem", Ref("Problem").OrNull())))),
					Of("succeeded", Integer("How many were changed.").AtLeast(0)),
					Of("failed", Integer("How many were not.").AtLeast(0))),
					http.StatusBadRequest, problemOf(http.StatusNotFound, "The folder is not there.")),
			},
			{
				Method: http.MethodGet, Path: "/jobs/{jobId}/badge", ID: "listBadges", Summary: "Show where a job's badges are", Added: true,
				Parameters: []Parameter{jobIDParameter(), {In: "query", Name: "options", Joined: true, Schema: Array(
					"Only the badges with these options; see the badge. All eight when left out.",
					Integer("").Within(0, int(wire.AllBadges)))}},
				Responses: answers(jsonAnswer("The badges.", "", Of("badges", Array("", Object("",
					Of("options", Integer("1 for the title, 2 for the last execution, 4 for its duration, added up.").
						Within(0, int(wire.AllBadges))),
					Of("title", Boolean("It shows the title.")),
					Of("lastExecution", Boolean("It shows when the job was executed last.")),
					Of("duration", Boolean("It shows how long that took.")),
					Of("path", String("The path of the image; whoever knows it sees it.")))))),
					http.StatusBadRequest, http.StatusNotFound),
			},
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
