package notify

import (
	"cmp"
	"context"
	"errors"
	"log/slog"

	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/statuspage"
)

// mail tells a subscriber by mail, in the language of the page.
func (s *Subscribers) mail(ctx context.Context, d *statuspage.Delivery) told {
	links := s.Links(d)
	if s.Mailer == nil || links.Manage == "" {
		return told{}
	}
	words := message.Choose(cmp.Or(d.Page.Language, d.Subscriber.Language), message.Languages())
	err := s.Mailer.Send(ctx, words.StatusMail(d.Subscriber.Address, d, links.Page, links.Manage))
	if err == nil {
		return told{sent: true}
	}
	failure, ok := errors.AsType[*cron.MailError](err)
	if !ok || !failure.OfMail() {
		if ctx.Err() == nil {
			s.Logger.Error("a mail to a subscriber could not be sent; trying again later", slog.Any("error", err))
		}
		return told{}
	}
	refused := !failure.Temporary
	return told{blames: true, final: refused, gone: refused && failure.Fault == cron.MailRecipient}
}

// statusEvent is the body of a request to a webhook. docs/status-pages.md has its schema.
type statusEvent struct {
	Type      string          `json:"type"`
	Timestamp string          `json:"timestamp"`
	Data      statusEventData `json:"data"`
}

type statusEventData struct {
	Page        statusEventPage         `json:"page"`
	Incident    *statusEventIncident    `json:"incident,omitempty"`
	Maintenance *statusEventMaintenance `json:"maintenance,omitempty"`
	Unsubscribe string                  `json:"unsubscribe,omitempty"` // where the subscription is changed, and where a POST ends it
}

type statusEventPage struct {
	Title string `json:"title"`
	URL   string `json:"url,omitempty"`
}

type statusEventIncident struct {
	IncidentID int64    `json:"incidentId"`
	Title      string   `json:"title"`
	Phase      string   `json:"phase"`
	Text       string   `json:"text"`    // of the update, in Markdown
	Started    int64    `json:"started"` // Unix seconds, as all instants
	Components []string `json:"components"`
}

type statusEventMaintenance struct {
	MaintenanceID int64    `json:"maintenanceId"`
	Title         string   `json:"title"`
	Text          string   `json:"text"`
	Start         int64    `json:"start"`
	End           int64    `json:"end"`
	Components    []string `json:"components"`
}

func newStatusEvent(d *statuspage.Delivery, links SubscriberLinks) statusEvent {
	n := &d.Notice
	at := n.Created
	if n.Kind == statuspage.NoticeConfirm {
		at = d.Begun
	}
	e := statusEvent{Type: n.Kind.String(), Timestamp: instant(at), Data: statusEventData{
		Page: statusEventPage{d.Page.Title, links.Page}, Unsubscribe: links.Manage}}
	components := append([]string{}, d.Components...)
	switch {
	case n.Kind == statuspage.NoticeConfirm:
	case n.Kind.OfIncident():
		e.Data.Incident = &statusEventIncident{n.ObjectID, n.Title, n.Phase.String(), n.Text, unix(n.Start), components}
	default:
		e.Data.Maintenance = &statusEventMaintenance{n.ObjectID, n.Title, n.Text, unix(n.Start), unix(n.End), components}
	}
	return e
}

// webhook tells a subscriber by a signed request.
func (s *Subscribers) webhook(ctx context.Context, d *statuspage.Delivery) told {
	request, err := postJSON(d.Subscriber.Address, newStatusEvent(d, s.Links(d)), cron.Header{Name: "webhook-id", Value: d.Key()})
	if err != nil {
		s.Logger.Error("a request to a subscriber could not be made", slog.Any("error", err))
		return told{final: true}
	}
	call := cron.Call{AccountID: d.Subscriber.AccountID, Request: request, Literal: true, Now: s.Now(), Timeout: subscriberTimeout,
		MaxResponse: subscriberAnswer, Exchange: cron.Exchange{Oversize: cron.OversizeTruncate}, SigningSecret: d.Subscriber.Secret}
	if d.Global {
		call.Access = cron.AccessGlobal
	}
	result := s.Exchanger.Do(ctx, call)
	v := webhook.verdict(&result)
	if v.Fault == cron.ChannelOK {
		return told{sent: true}
	}
	ours := v.Fault == cron.ChannelLost || v.Fault == cron.ChannelInside
	return told{gone: v.Gone, blames: !ours, wait: result.RetryAfter}
}
