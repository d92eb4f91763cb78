package spec

import (
	"net/http"

	"punctual/internal/cron"
)

func eventOperations() Group {
	stream := Response{
		Status: http.StatusOK, Description: "The stream.",
		Contents: []Content{{MediaType: "text/event-stream", Schema: String("Server-Sent Events (HTML standard). " +
			"`execution`: a `Record`, when an execution is under way and when a record is final. `job`: a `JobEvent`. `gap`: a " +
			"`GapEvent`."),
			Example: "event: job\nid: 1767225600-1042-7\ndata: {\"jobId\":1,\"change\":\"created\",\"date\":1767225600}\n\n"}},
	}
	return Group{
		Name:        "Events",
		Description: "What happens in the account, as it happens.",
		Operations: []Operation{{
			Method: http.MethodGet, Path: "/events", ID: "followEvents", Summary: "Follow what happens", Added: true,
			Description: "A stream that begins now, with the executions under way, or goes on after an event. Nothing is lost " +
				"between streams, but an event may come twice: drop an `execution` whose `jobLogId` and `outcome` you have seen. " +
				"A comment comes every 15 seconds; a stream ends after an hour, when its key does not work any more, or when " +
				"its client takes nothing for 10 seconds. An account may have 5 streams at once on a node.",
			Parameters: []Parameter{
				{In: "header", Name: "Last-Event-ID", Schema: String("Go on after the event with this id.")},
				{In: "query", Name: "after", Schema: String("The same, for clients that cannot send the header, which goes " +
					"before it.")},
			},
			Responses: answers(stream, problemOf(http.StatusBadRequest, "This is not the id of an event.")),
		}},
	}
}

// eventSchemas are the objects that a stream of events has.
func eventSchemas() []Member {
	return []Member{
		Of("JobEvent", Object("Something that was done to a job.",
			Of("jobId", Integer("The job.")),
			Of("change", String("What was done.").Choose(
				Choice{Value: cron.ChangeCreated.String()}, Choice{Value: cron.ChangeEdited.String()},
				Choice{Value: cron.ChangeDeleted.String()},
				Choice{Value: cron.ChangeDisabled.String(), Meaning: "by the service: after too many failures, or since a " +
					"one-time job had its occurrence"})),
			Of("date", Time("When it was done.")))),
		Of("GapEvent", Object("What happened before this event is not known any more, or not all of it: look into "+
			"the history.", Of("since", Time("From here on something may be missing.")))),
	}
}
