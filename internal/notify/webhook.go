package notify

import (
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// webhook posts JSON to any URL, signed by the Standard Webhooks specification (https://www.standardwebhooks.com, version 1). Its
// schema is in docs/notifications.md. A template replaces the body.
var webhook = Kind{
	Name: "webhook", Title: "Webhook", Headers: true, ownBody: true, signs: true,
	Fields: []Field{
		{Name: "url", Required: true, check: checkTemplateURL, isURL: true},
		{Name: "secret", Secret: true, Generated: true, check: checkSigningSecret},
	},
	build: buildWebhook,
}

func buildWebhook(d *draft) (cron.Request, error) {
	r, err := d.ownRequest(cron.MethodPost)
	if err != nil {
		return r, err
	}
	// Without a secret it has the ID and the time too, and no signature.
	r.Headers = withHeader(r.Headers, "webhook-id", d.ID)
	if d.setting("secret") == "" {
		r.Headers = withHeader(r.Headers, "webhook-timestamp", unixText(d.now))
	}
	return r, nil
}

// event is the body of a webhook.
type event struct {
	Type      string    `json:"type"`      // the name of the kind of the gravest notice
	Timestamp string    `json:"timestamp"` // of the latest notice
	Data      eventData `json:"data"`
}

type eventData struct {
	MessageID  string      `json:"messageId"`
	Account    string      `json:"account"`
	Severity   string      `json:"severity"`
	ProblemKey string      `json:"problemKey"` // the same for all messages about one problem
	ProblemID  int64       `json:"problemId,omitempty"`
	Subject    string      `json:"subject"`
	Summary    string      `json:"summary"`
	Facts      []eventFact `json:"facts"`
	Excerpt    string      `json:"excerpt,omitempty"`
	Runbook    string      `json:"runbook,omitempty"`
	Links      []eventLink `json:"links"`
	Count      int         `json:"count"` // of notices, of which the first are listed
	Notices    []eventItem `json:"notices"`
}

type eventFact struct {
	Name  string `json:"name"`
	Label string `json:"label"`
	Value string `json:"value"`
}

type eventLink struct {
	Kind  string `json:"kind"`
	Label string `json:"label"`
	URL   string `json:"url"`
}

// eventItem is a notice. Members that the API has too have the same names and units.
type eventItem struct {
	Event       string   `json:"event"`
	Created     int64    `json:"created"` // Unix seconds, as all instants
	JobID       int64    `json:"jobId,omitempty"`
	Title       string   `json:"title,omitempty"`
	URL         string   `json:"url,omitempty"` // without credentials and query
	FolderID    int64    `json:"folderId,omitempty"`
	Tags        []string `json:"tags,omitempty"`
	Identifier  string   `json:"identifier,omitempty"` // of the execution
	JobLogID    int64    `json:"jobLogId,omitempty"`
	DatePlanned int64    `json:"datePlanned,omitempty"`
	Date        int64    `json:"date,omitempty"`     // of the start
	Duration    int64    `json:"duration,omitempty"` // ms
	Status      int      `json:"status,omitempty"`
	StatusText  string   `json:"statusText,omitempty"`
	HTTPStatus  int      `json:"httpStatus,omitempty"`
	Attempt     int      `json:"attempt,omitempty"`
	Failures    int      `json:"failures,omitempty"` // in a row
	Missed      int64    `json:"missed,omitempty"`   // occurrences
	Since       int64    `json:"failingSince,omitempty"`
	Next        int64    `json:"nextExecution,omitempty"`
	CertExpiry  int64    `json:"sslCertExpiry,omitempty"`
	ProblemID   int64    `json:"problemId,omitempty"`
	Cause       string   `json:"cause,omitempty"`
	Detail      string   `json:"detail,omitempty"`
}

var linkNames = [...]string{message.LinkOpen: "open", message.LinkAcknowledge: "acknowledge", message.LinkSnooze: "snooze"}

// event is the message as the body of a webhook.
func (d *draft) event() event {
	e := event{Type: d.Event, Timestamp: instant(d.At), Data: eventData{
		MessageID: d.ID, Account: d.Account, Severity: d.Severity.String(), ProblemKey: d.Key, Subject: d.Subject, Summary: d.Summary,
		Facts: make([]eventFact, 0, len(d.Facts)), Excerpt: d.Excerpt, Runbook: d.Runbook, Links: make([]eventLink, 0, len(d.Links)),
		Notices: []eventItem{},
	}}
	for _, f := range d.Facts {
		e.Data.Facts = append(e.Data.Facts, eventFact(f))
	}
	for _, l := range d.Links {
		e.Data.Links = append(e.Data.Links, eventLink{linkNames[l.Kind], l.Label, l.URL})
	}
	if d.Source != nil {
		e.Data.ProblemID, e.Data.Count = d.Source.ProblemID, d.Source.Count
		for i := range d.Source.Notices {
			e.Data.Notices = append(e.Data.Notices, newEventItem(&d.Source.Notices[i]))
		}
	}
	return e
}

func newEventItem(n *cron.Notice) eventItem {
	item := eventItem{
		Event: n.Kind.String(), Created: unix(n.Created), JobID: n.JobID, Title: oneLine(n.Title), URL: oneLine(message.Target(n.URL)),
		FolderID: n.FolderID, JobLogID: n.ExecutionID, Failures: n.Failures, Missed: n.Missed, Since: unix(n.Since), Next: unix(n.Next),
		CertExpiry: unix(n.Result.CertExpiry), ProblemID: n.ProblemID, Cause: n.Cause.String(), Detail: oneLine(n.Detail),
	}
	for _, tag := range n.Tags {
		item.Tags = append(item.Tags, oneLine(tag))
	}
	if n.ExecutionID == 0 {
		return item
	}
	x := cron.Execution{ID: n.ExecutionID, JobID: n.JobID, Planned: n.Planned}
	item.Identifier, item.DatePlanned, item.Date = x.Identifier(), unix(n.Planned), unix(n.Result.Started)
	item.Duration, item.Attempt = n.Result.Duration.Milliseconds(), n.Attempt
	item.Status, item.HTTPStatus, item.StatusText = int(n.Result.Status), n.Result.HTTPStatus, oneLine(message.Default().Execution(&n.Result))
	return item
}

// unix is an instant in Unix seconds; 0 for none.
func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
