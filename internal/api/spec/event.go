package spec

import (
	"net/http"

	"punctual/internal/cron"
)

func eventOperations() Group {
	stream := Response{
		Status: http.StatusOK, Description: "The stream.",
		Contents: []Content{{MediaType: "text/event-stream", Schema: String("Server-Sent Events (HTML standard). " +
			"`execution`: a `Record`, while an execution is in flight and when a record is final. `job`: a `JobEvent`. " +
			"`problem`: a `ProblemEvent`. `action`: an `ActionEvent`. `notification`: a `NotificationEvent`. `gap`: a `GapEvent`."),
			Example: "event: job\nid: 1767225600-1042-7\ndata: {\"jobId\":1,\"change\":\"created\",\"date\":1767225600}\n\n"}},
	}
	return Group{
		Name:        "Events",
		Description: "A stream of what happens in the account, in real time.",
		Operations: []Operation{{
			Method: http.MethodGet, Path: "/events", ID: "followEvents", Summary: "Stream events", Added: true,
			Description: "A new stream starts at the present, with the executions in flight; it can also resume after a given event. No " +
				"event is lost between streams, but an event may be sent twice: ignore an `execution` whose `jobLogId` and `outcome` " +
				"you have already processed. A comment is sent every 15 seconds. A stream ends after an hour, when its API key is " +
				"no longer valid, or when its client reads nothing for 10 seconds. An account may have 5 streams at once on each node.",
			Parameters: []Parameter{
				{In: "header", Name: "Last-Event-ID", Schema: String("Resume after the event with this id.")},
				{In: "query", Name: "after", Schema: String("The same, for clients that cannot send the header. If both are " +
					"given, the header is used.")},
			},
			Responses: answers(stream, problemOf(http.StatusBadRequest, "This is not the id of an event.")),
		}},
	}
}

// eventSchemas are the schemas of events.
func eventSchemas() []Member {
	return []Member{
		Of("JobEvent", Object("A change of a job.",
			Of("jobId", Integer("The job.")),
			Of("change", String("The kind of change.").Choose(
				Choice{Value: cron.ChangeCreated.String()}, Choice{Value: cron.ChangeEdited.String()},
				Choice{Value: cron.ChangeDeleted.String()},
				Choice{Value: cron.ChangeDisabled.String(), Meaning: "by the service: after too many failures, or because a " +
					"one-time job had its occurrence"})),
			Of("date", Time("When the job was changed.")))),
		Of("ActionEvent", Object("A step of an action.",
			Of("actionId", Integer("The action.")),
			Of("change", String("What happened.").Choose(
				Choice{Value: cron.ChangeActionMoved.String(), Meaning: "some of its jobs were selected, or got their results"},
				Choice{Value: cron.ChangeActionFinished.String()})),
			Of("date", Time("When it happened.")))),
		Of("NotificationEvent", Object("What became of a notification.",
			Of("notificationId", Integer("The notification.")),
			Of("change", String("What happened.").Choose(
				Choice{Value: cron.ChangeMessageWaiting.String(), Meaning: "it was made, or is to be tried again"},
				Choice{Value: cron.ChangeMessageSent.String(), Meaning: "the channel has taken it"},
				Choice{Value: cron.ChangeMessageFailed.String(), Meaning: "it is not tried again"},
				Choice{Value: cron.ChangeMessageDropped.String(), Meaning: "it was not to be sent, such as because the channel is muted"})),
			Of("date", Time("When it happened.")))),
		Of("ProblemEvent", Object("A change of a problem.",
			Of("problemId", Integer("The problem.")),
			Of("change", String("The kind of change.").Choose(
				Choice{Value: cron.ChangeProblemOpened.String(), Meaning: "by a failure, for the first time or again"},
				Choice{Value: cron.ChangeProblemAcknowledged.String()}, Choice{Value: cron.ChangeProblemSnoozed.String()},
				Choice{Value: cron.ChangeProblemResolved.String(), Meaning: "by the last success or by a person"},
				Choice{Value: cron.ChangeProblemNoted.String(), Meaning: "only its note was changed"})),
			Of("date", Time("When the problem was changed.")))),
		Of("GapEvent", Object("Events before this one are incomplete or no longer available; use the "+
			"history.", Of("since", Time("The time from which on events may be missing.")))),
	}
}
