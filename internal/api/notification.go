package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/message"
)

// sentMessage is a message to a channel, which the API calls a notification. Times are Unix seconds.
type sentMessage struct {
	NotificationID int64   `json:"notificationId"`
	ChannelID      int64   `json:"channelId"`
	Recipient      *string `json:"recipient"` // null for a channel with one receiver
	State          string  `json:"state"`
	Dropped        *string `json:"dropped"` // null for one that was not dropped
	Kind           string  `json:"kind"`
	ProblemID      *int64  `json:"problemId"` // null for none
	JobIDs         []int64 `json:"jobIds"`
	Count          int     `json:"count"`
	Created        int64   `json:"created"`
	Due            *int64  `json:"due"` // null for one that has ended
	Attempts       int     `json:"attempts"`
	Ended          *int64  `json:"ended"`     // null for one that has not
	LastError      *string `json:"lastError"` // of the last attempt; null where it did not fail
	Duration       int64   `json:"duration"`  // of the last attempt, milliseconds
}

func newSentMessage(words *message.Catalogue, m *cron.Message) sentMessage {
	answer := sentMessage{
		NotificationID: m.ID, ChannelID: m.ChannelID, Recipient: wire.StringOrNull(m.Recipient), State: cron.MessageStateNames[m.State],
		Kind: m.Kind.String(), JobIDs: append([]int64{}, m.JobIDs...), Count: m.Count, Created: m.Created.Unix(), Attempts: m.Attempts,
		Ended: wire.UnixOrNull(m.Ended), Duration: m.Took.Milliseconds(),
	}
	if m.ProblemID != 0 {
		answer.ProblemID = &m.ProblemID
	}
	if m.State < cron.MessageSent {
		answer.Due = wire.UnixOrNull(m.Due)
	}
	if m.State == cron.MessageDropped {
		answer.Dropped = new(cron.MessageDropNames[m.Drop])
	}
	if m.Fault != cron.ChannelOK && m.State != cron.MessageSent {
		answer.LastError = new(words.ChannelFault(m.Fault, m.Detail))
	}
	return answer
}

func (a *api) listNotifications(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	var (
		p      wire.Problems
		query  = wire.Query(r, &p)
		states string
		q      = cron.MessageQuery{Limit: wire.DefaultNotificationsPage}
	)
	query.Text("state", &states)
	wire.Integer(query, "channelId", &q.ChannelID, 1, wire.MaxID)
	wire.Integer(query, "problemId", &q.ProblemID, 1, wire.MaxID)
	wire.Integer(query, "jobId", &q.JobID, 1, wire.MaxID)
	wire.Integer(query, "cursor", &q.Before, 1, wire.MaxID)
	wire.Integer(query, "limit", &q.Limit, 1, wire.MaxNotificationsPage)
	for name := range strings.SplitSeq(states, ",") {
		state := slices.Index(cron.MessageStateNames[:], name)
		switch {
		case name == "":
		case state < 0:
			query.Add("state", cron.Problem{Rule: cron.RuleUnknownValue, Given: name, Want: strings.Join(cron.MessageStateNames[:], ", ")})
		default:
			q.States = append(q.States, cron.MessageState(state))
		}
	}
	if err := p.Err(); err != nil {
		return err
	}
	list, next, err := a.service.Messages(r.Context(), actor, q)
	if err != nil {
		return err
	}
	answer := struct {
		Notifications []sentMessage `json:"notifications"`
		Next          *string       `json:"next"` // the cursor of the next page; null at the end
	}{Notifications: make([]sentMessage, len(list))}
	if next != 0 {
		answer.Next = new(strconv.FormatInt(next, 10))
	}
	for i := range list {
		answer.Notifications[i] = newSentMessage(languageOf(r), &list[i])
	}
	return reply(w, answer)
}

// sentNotice is one notice of a message.
type sentNotice struct {
	Kind       string  `json:"kind"`
	Created    int64   `json:"created"`
	JobID      *int64  `json:"jobId"` // null for one that is about no job
	Title      string  `json:"title"`
	URL        *string `json:"url"`        // without password; null for one that is about no job
	Identifier *string `json:"identifier"` // of the execution; null for none
}

func newSentNotice(n *cron.Notice) sentNotice {
	answer := sentNotice{Kind: n.Kind.String(), Created: n.Created.Unix(), Title: n.Title}
	if n.JobID != 0 {
		answer.JobID, answer.URL = &n.JobID, new(message.Target(n.URL))
	}
	if n.ExecutionID != 0 {
		answer.Identifier = new((&cron.Execution{ID: n.ExecutionID, JobID: n.JobID, Planned: n.Planned}).Identifier())
	}
	return answer
}

func (a *api) getNotification(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	m, text, err := a.service.Message(r.Context(), actor, pathID(r, "notificationId"))
	if err != nil {
		return err
	}
	type details struct {
		sentMessage
		Subject string       `json:"subject"`
		Summary string       `json:"summary"`
		Notices []sentNotice `json:"notices"` // the first of them
	}
	answer := details{newSentMessage(languageOf(r), &m), text.Subject, text.Summary, make([]sentNotice, len(m.Notices))}
	for i := range m.Notices {
		n := &m.Notices[i]
		answer.Notices[i] = newSentNotice(n)
		if n.JobID != 0 && !slices.Contains(answer.JobIDs, n.JobID) {
			answer.JobIDs = append(answer.JobIDs, n.JobID)
		}
	}
	return reply(w, struct {
		Notification details `json:"notification"`
	}{answer})
}

// resendNotification makes a new notification that tells the same.
func (a *api) resendNotification(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	if _, err := wire.ReadBody(w, r, runBody); err != nil {
		return err
	}
	return a.effect(w, r, func(ctx context.Context, w http.ResponseWriter) error {
		id, err := a.service.Resend(ctx, actor, pathID(r, "notificationId"))
		if err != nil {
			return err
		}
		return reply(w, struct {
			NotificationID int64 `json:"notificationId"`
		}{id})
	})
}
