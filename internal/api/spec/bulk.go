package spec

import (
	"fmt"
	"net/http"

	"punctual/internal/api/wire"
)

// bulkOperation changes many jobs.
func bulkOperation() Operation {
	var actions []Choice
	for _, name := range wire.BulkActions {
		actions = append(actions, Choice{Value: name})
	}
	bulk := Object("",
		Of("action", String("What is done to each job.").Choose(actions...)),
		Maybe("jobIds", Array("The jobs; give either `jobIds` or `folderId`.", Integer("").AtLeast(1))),
		Maybe("folderId", Integer("All jobs of this folder; 0 is the root folder.").AtLeast(0)),
		Maybe("toFolderId", Integer("The destination of `move`.").AtLeast(0)),
		Maybe("job", Ref("JobChange")))
	return Operation{
		Method: http.MethodPost, Path: "/jobs/bulk", ID: "changeJobs", Summary: "Change many jobs", Added: true,
		Description: fmt.Sprintf("Applies one action to at most %d jobs. Each job is changed independently and has its own "+
			"result. `job` may have %d KiB.", wire.MaxBulkJobs, wire.MaxBulkPatch>>10),
		Body: &Body{Description: "The action and the jobs.", Content: Content{
			MediaType: "application/json", Schema: bulk, Example: `{"action":"disable","jobIds":[1,2]}`,
		}},
		Responses: answers(jsonAnswer("The result for each job.", "",
			Of("results", Array("In the order of the jobs, with each job once.", Object("",
				Of("jobId", Integer("The job.")),
				Of("status", Integer("The status that the call for this job alone would have.")),
				Of("problem", Ref("Problem").OrNull())))),
			Of("succeeded", Integer("How many jobs were changed.").AtLeast(0)),
			Of("failed", Integer("How many jobs were not changed.").AtLeast(0))),
			http.StatusBadRequest, problemOf(http.StatusNotFound, "The folder does not exist.")),
	}
}
