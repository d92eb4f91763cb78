package spec

import (
	"fmt"
	"net/http"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// rerunOperation repeats records of the history.
func rerunOperation() Operation {
	var outcomes []Choice
	for _, o := range cron.RepeatableOutcomes {
		outcomes = append(outcomes, Choice{Value: o.String()})
	}
	filter := Object("Selects records, as the parameters of the search do.",
		Of("from", String("Unix seconds or RFC 3339. Only records whose `date` is at or after it.").Like("2026-03-01T00:00:00Z")),
		Maybe("to", String("Unix seconds or RFC 3339. The end is exclusive.")),
		Maybe("job", Integer("Only records of this job.").AtLeast(1)),
		Maybe("folder", Integer("Only records of the jobs that are in this folder now; 0 is the root folder.").AtLeast(0)),
		Maybe("outcome", Array("Only records with these outcomes; `failed`, `lost` and `missed` by default.", String("").Choose(outcomes...))),
		Maybe("cause", String("Only failures with this cause.").Matching("^[0-9A-Fa-f]{16}$")),
		Maybe("text", String("Only records with this text.").UpTo(cron.MaxFilterText)))
	return Operation{
		Method: http.MethodPost, Path: "/history/rerun", ID: "rerunHistory", Summary: "Run again what failed", Added: true,
		Description: fmt.Sprintf("Each selected record is repeated by a manual run of its job as it is now. A record is left out while a run "+
			"that repeats it waits or runs, and after one has succeeded, so that the call can be repeated. Of an occurrence, the last "+
			"attempt counts. At most %d runs are planned by a call, and at most %d of an account wait; of more records, the newest "+
			"are taken. All runs of a call are planned, or none.", cron.MaxReruns, cron.MaxWaitingReruns),
		Parameters: creating(),
		Body: &Body{Description: "What to repeat.", Content: Content{
			MediaType: "application/json",
			Example:   `{"filter":{"outcome":["failed","missed"],"from":"2026-03-01T00:00:00Z"},"perMinute":60,"dryRun":true}`,
			Schema: Object("",
				Of("filter", filter),
				Maybe("perMinute", Integer("Runs a minute.").Within(1, cron.MaxRerunRate).WithDefault(cron.DefaultRerunRate)),
				Maybe("perJob", Boolean("Repeat only the newest record of each job.").WithDefault(false)),
				Maybe("dryRun", Boolean("Say what would be repeated, and do nothing.").WithDefault(false))),
		}},
		Responses: creatingAnswers(created(jsonAnswer("What is repeated, or would be.", "", rerunMembers()...)), http.StatusBadRequest, http.StatusNotFound),
	}
}

// cancelRerunsOperation takes back what rerunOperation asked for.
func cancelRerunsOperation() Operation {
	return Operation{
		Method: http.MethodDelete, Path: "/history/rerun", ID: "cancelReruns", Summary: "Cancel the runs that repeat records", Added: true,
		Description: "All of the account that wait. Those that have begun go on. The records can be repeated again.",
		Responses:   answers(jsonAnswer("They were cancelled.", `{"runs":12}`, Of("runs", Integer("How many.").AtLeast(0)))),
	}
}

func rerunMembers() []Member {
	return []Member{
		Of("dryRun", Boolean("True if nothing was done.")),
		Of("records", Integer("Records that match.").AtLeast(0)),
		Of("repeated", Integer("Records that are left out, since a run that repeats them waits, runs or has succeeded.").AtLeast(0)),
		Of("runs", Integer("Runs that are planned.").AtLeast(0)),
		Of("jobs", Integer("Jobs that run.").AtLeast(0)),
		Of("notIdempotent", Integer("Jobs among them whose method is POST, PATCH or CONNECT, which may do something twice.").AtLeast(0)),
		Of("warnings", Array("These jobs; the first 100 of them.", Object("",
			Of("jobId", Integer("The job.")),
			Of("title", String("Its title.")),
			Of("method", String("Its method.")),
			Of("runs", Integer("How often it runs.").AtLeast(1)))).UpTo(wire.MaxRerunWarnings)),
		Of("seconds", Integer("The time from the first run to the last one.").In("s").AtLeast(0)),
		Of("first", Time("When the first run is due; null for a dry run, and if there are no runs.").OrNull()),
		Of("last", Time("When the last run is due.").OrNull()),
		Of("cut", Boolean("True if more records match than one call repeats.")),
		Of("searchedBackTo", Time("Only records back to this time were examined; null if all were.").OrNull()),
	}
}
