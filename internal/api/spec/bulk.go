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
		Maybe("jobIds", Array("The jobs; either this or `folderId`.", Integer("").AtLeast(1))),
		Maybe("folderId", Integer("All jobs of this folder; 0 is the root folder.").AtLeast(0)),
		Maybe("toFolderId", Integer("For `move`: where to.").AtLeast(0)),
		Maybe("job", Ref("JobChange")))
	return Operation{
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
	}
}
