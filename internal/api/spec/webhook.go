package spec

import (
	"net/http"

	"punctual/internal/cron"
)

// webhookOperations are the requests that the service makes, to channels of the kind "webhook".
func webhookOperations() []Operation {
	return []Operation{{
		Method: http.MethodPost, Path: "message", ID: "receiveMessage", Summary: "A message to a channel of the kind webhook", Added: true, Open: true,
		Description: "Signed by the Standard Webhooks specification. A message is sent until it is answered with a status from 200 to 299, for a " +
			"day; each time with the same `webhook-id`.",
		Parameters: []Parameter{
			{In: "header", Name: "webhook-id", Schema: String("The ID of the message."), Required: true},
			{In: "header", Name: "webhook-timestamp", Schema: String("When it is sent, as Unix time."), Required: true},
			{In: "header", Name: "webhook-signature", Schema: String("`v1,` and the signature, in base64.")},
		},
		Body:      &Body{Description: "The message.", Content: Content{MediaType: "application/json", Schema: Ref("WebhookMessage")}},
		Responses: []Response{{Status: http.StatusNoContent, Description: "The message was taken."}},
	}}
}

func webhookSchemas() []Member {
	kinds := String("What happened. If the message tells of several things, the gravest. There may be further ones in future.").
		Like(cron.NoticeFailure.String())
	severity := String("How grave it is.").Choose(named([]string{"info", "good", "warning", "error"}, "a test", "a recovery",
		"a certificate that expires, a reminder, the state of the service", "a failure, a disabled job, missed runs")...)
	link := Object("", Of("kind", String("What it leads to.").Choose(named([]string{"open", "acknowledge", "snooze"}, "a page of the console",
		"a page to acknowledge the problem on", "a page to snooze the problem on")...)),
		Of("label", String("Its text.")), Of("url", String("Its URL.")))
	fact := Object("", Of("name", String("The same in all languages, such as `planned`.")), Of("label", String("For people.")),
		Of("value", String("For people.")))
	return []Member{
		Of("WebhookMessage", Object("A message to a channel of the kind webhook.",
			Of("type", kinds), Of("timestamp", dateTime("When the latest of its events happened.")),
			Of("data", Object("What it says.",
				Of("messageId", String("Its ID, as in `webhook-id`.").Like("msg_123")),
				Of("account", String("The name of the account.")),
				Of("severity", severity),
				Of("problemKey", String("The same in all messages about one problem.")),
				Maybe("problemId", Integer("The number of the problem, if all of it is about one.")),
				Of("subject", String("What happened, in a line.")),
				Of("summary", String("What happened, in sentences.")),
				Of("facts", Array("Details.", fact)),
				Maybe("excerpt", String("The beginning of the answer.")),
				Maybe("runbook", String("The beginning of the job's description, in Markdown.")),
				Of("links", Array("Pages; none if the service does not know its own address.", link)),
				Of("count", Integer("How many events it tells.")),
				Of("notices", Array("The first of them.", Ref("WebhookNotice")).UpTo(cron.MaxListedNotices)),
			)))),
		Of("WebhookNotice", Object("An event that a message tells.",
			Of("event", kinds), Of("created", Time("When it happened.")),
			Maybe("jobId", Integer("The number of the job.")),
			Maybe("title", String("The title of the job.")),
			Maybe("url", String("The URL of the job, without query and credentials.")),
			Maybe("folderId", Integer("The folder of the job.")),
			Maybe("tags", Array("The tags of the job.", String(""))),
			Maybe("identifier", String("The execution, as in its history.")),
			Maybe("jobLogId", Integer("The number of the execution.")),
			Maybe("datePlanned", Time("When it was planned.")),
			Maybe("date", Time("When it started.")),
			Maybe("duration", Integer("How long it took.").In("ms")),
			Maybe("status", Integer("Its status, as in the history.")),
			Maybe("statusText", String("The same in words.")),
			Maybe("httpStatus", Integer("The status code of the response.")),
			Maybe("attempt", Integer("The number of the attempt, from 1.")),
			Maybe("failures", Integer("Failures in a row.")),
			Maybe("missed", Integer("Occurrences that were missed.")),
			Maybe("failingSince", Time("Since when the job fails.")),
			Maybe("nextExecution", Time("When it runs next.")),
			Maybe("sslCertExpiry", Time("When the certificate of its host expires.")),
			Maybe("problemId", Integer("The problem that it belongs to.")),
			Maybe("cause", String("Identifies why it failed: 16 hexadecimal digits.")),
			Maybe("detail", String("The subject of an event of the service itself, such as a node.")),
		)),
	}
}

// dateTime is an instant as RFC 3339 writes it.
func dateTime(description string) Schema {
	s := String(description)
	s.Format = "date-time"
	return s
}
