package spec

import (
	"net/http"
	"slices"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

func notificationOperations() Group {
	id := []Parameter{idParameter("notificationId", "The number of the notification.")}
	number := func(name, text string) Parameter {
		return Parameter{In: "query", Name: name, Schema: Integer(text).Within(1, wire.MaxID)}
	}
	return Group{
		Name:        "Notifications",
		Description: "What was sent to the channels, and what became of it. Each tells of one notice or of several.",
		Operations: []Operation{
			{
				Method: http.MethodGet, Path: "/notifications", ID: "listNotifications", Summary: "List the notifications", Added: true,
				Parameters: []Parameter{
					{In: "query", Name: "state", Schema: String("Only those in these states, separated by commas: `waiting`, `sending`, `sent`, `failed`, `dropped`. All without it.")},
					number("channelId", "Only those of this channel."), number("problemId", "Only those about this problem."), number("jobId", "Only those about this job."),
					{In: "query", Name: "limit", Schema: Integer("Notifications in a page.").Within(1, wire.MaxNotificationsPage).WithDefault(wire.DefaultNotificationsPage)},
					{In: "query", Name: "cursor", Schema: String("`next` of the previous page.")},
				},
				Responses: answers(jsonAnswer("A page of notifications, the newest first.", "",
					Of("notifications", Array("", Ref("Notification"))), next()), http.StatusBadRequest),
			},
			{
				Method: http.MethodGet, Path: "/notifications/{notificationId}", ID: "getNotification", Summary: "Get a notification", Added: true,
				Parameters: id,
				Responses: answers(jsonAnswer("The notification, with what it says.", "", Of("notification", Object("", slices.Concat(notificationMembers(), []Member{
					Of("subject", String("What happened, in a line.")), Of("summary", String("What happened, in sentences.")),
					Of("notices", Array("What it tells, the first ones.", Ref("Notice")).UpTo(cron.MaxListedNotices))})...))), http.StatusNotFound),
			},
			{
				Method: http.MethodPost, Path: "/notifications/{notificationId}/resend", ID: "resendNotification", Summary: "Send a notification again", Added: true,
				Description: "Makes a new notification that tells the same, of one that was sent, failed or was dropped.",
				Parameters:  append(slices.Clone(id), creating()...),
				Responses: creatingAnswers(created(jsonAnswer("It will be sent.", `{"notificationId":8}`, Of("notificationId", Integer("The number of the new one.")))),
					"The notification has not ended.", http.StatusNotFound),
			},
		},
	}
}

func notificationMembers() []Member {
	return []Member{
		Of("notificationId", Integer("Its number.")),
		Of("channelId", Integer("The channel, which may have been deleted.")),
		Of("recipient", String("Who is told, of a channel that tells several; null otherwise.").OrNull()),
		Of("state", String("What became of it.").Choose(named(cron.MessageStateNames[:], "it is sent when it is `due`", "a node is sending it", "",
			"no further attempt is made", "it was not to be sent, see `dropped`")...)),
		Of("dropped", String("Why it was not sent; null if it was not dropped.").Choose(named(given(cron.MessageDropNames[:]), "the channel is muted",
			"somebody has acknowledged the problem", "the problem is snoozed", "the problem is resolved",
			"the channel was disabled, stopped or deleted, or the receiver is no owner any more or has unsubscribed", "the account is disabled")...).OrNull()),
		Of("kind", String("Of its gravest notice, such as `failure` or `recovery`.")),
		Of("problemId", Integer("The problem that it tells of; null for none, or for several.").OrNull()),
		Of("jobIds", Array("The jobs that it tells of, the first ones.", Integer("The number of a job.")).UpTo(cron.MaxListedNotices)),
		Of("count", Integer("How many notices it tells.").AtLeast(0)),
		Of("created", Time("When it was made.")),
		Of("due", Time("When it is sent; null if it has ended.").OrNull()),
		Of("attempts", Integer("How often it was tried.").AtLeast(0)),
		Of("ended", Time("When it was sent, failed or was dropped; null if it was not.").OrNull()),
		Of("lastError", String("Why the last attempt failed, as a sentence; null if it did not.").OrNull()),
		Of("duration", Integer("Of the last attempt, in milliseconds.").AtLeast(0)),
	}
}

// notificationSchemas are the schemas of notifications.
func notificationSchemas() []Member {
	return []Member{
		Of("Notification", Object("A message to a channel.", notificationMembers()...)),
		Of("Notice", Object("Something that the account is told.",
			Of("kind", String("Such as `failure`, `recovery`, `disabled`, `certificateExpiry` or `missed`.")), Of("created", Time("When it happened.")),
			Of("jobId", Integer("The job; null if it is about none.").OrNull()), Of("title", String("The title that the job had.")),
			Of("url", String("The URL that the job had, without password and query; null if it is about no job.").OrNull()),
			Of("identifier", String("Of the execution, as in the history; null for none.").OrNull()))),
	}
}
