package statuspage

import (
	"fmt"
	"slices"
	"time"
)

// Limits of subscribers.
const (
	MaxSubscriberURL      = 2000           // bytes of the URL of a webhook
	MaxWaitingSubscribers = 200            // of a page that have not confirmed
	ConfirmWithin         = 24 * time.Hour // after that a subscription that nobody confirmed is deleted
	SubscriberPatience    = 5 * 24 * time.Hour
	DeliveryPatience      = 24 * time.Hour // for which a delivery is tried
	MaxConfirmAttempts    = 5              // to have a webhook confirm itself
	MaxWaitingDeliveries  = 100            // to a subscriber; older ones are dropped
	MaxNoticeDelay        = time.Hour      // what happened earlier is not told any more
	SoonBefore            = 24 * time.Hour // how long before a maintenance subscribers are reminded
)

// SubscriberKind is how a subscriber is told. The numbers are stored.
type SubscriberKind int

// The kinds of subscribers.
const (
	SubscriberMail    SubscriberKind = iota
	SubscriberWebhook                // a signed request, by the Standard Webhooks specification
)

// SubscriberKindNames are the names of the kinds in the API.
var SubscriberKindNames = []string{SubscriberMail: "email", SubscriberWebhook: "webhook"}

// String is the name of the kind in the API.
func (k SubscriberKind) String() string { return nameOf("SubscriberKind", SubscriberKindNames, int(k)) }

// Subscriber is told of incidents and maintenances of a page.
type Subscriber struct {
	ID           int64
	PageID       int64
	AccountID    int64
	Kind         SubscriberKind
	Address      string // an e-mail address, or a URL
	Secret       string // that requests to a webhook are signed with
	Language     string // of the visitor who subscribed; it counts where the page has none
	Member       bool   // a member of the account subscribed it, to a page for members
	ComponentIDs []int64
	Created      time.Time // when it was asked for the last time before it was confirmed
	Expires      time.Time // when it is deleted unless it is confirmed; zero once it is
	Confirmed    time.Time // zero while it waits
	Failing      time.Time // since when deliveries have failed; zero when the last one succeeded
}

// Wants tells whether a notice about some components is for the subscriber. One that concerns none in particular is for all.
func (s *Subscriber) Wants(components []int64) bool {
	return len(s.ComponentIDs) == 0 || len(components) == 0 ||
		slices.ContainsFunc(components, func(id int64) bool { return slices.Contains(s.ComponentIDs, id) })
}

// NoticeKind is what subscribers are told of. The numbers are stored.
type NoticeKind int

// The kinds of notices.
const (
	NoticeConfirm NoticeKind = iota // asks a webhook to confirm itself; it is stored nowhere
	NoticePublished
	NoticeUpdated
	NoticeResolved
	NoticeAnnounced
	NoticeSoon
	NoticeStarted
	NoticeEnded
	NoticeCancelled
)

var noticeNames = []string{"subscription.confirm", "incident.published", "incident.updated", "incident.resolved", "maintenance.announced",
	"maintenance.soon", "maintenance.started", "maintenance.ended", "maintenance.cancelled"}

// NoticeKindCount is the number of kinds.
const NoticeKindCount = int(NoticeCancelled) + 1

// String is the name of the kind, as the type of requests to webhooks has it.
func (k NoticeKind) String() string { return nameOf("NoticeKind", noticeNames, int(k)) }

// OfIncident tells whether the notice is about an incident.
func (k NoticeKind) OfIncident() bool {
	return k == NoticePublished || k == NoticeUpdated || k == NoticeResolved
}

// Notice tells subscribers of a page of one thing, as it was when it happened.
type Notice struct {
	ID           int64
	PageID       int64
	AccountID    int64
	Kind         NoticeKind
	ObjectID     int64 // the incident or the maintenance
	Title, Text  string
	Phase        Phase     // of an incident
	Start, End   time.Time // of the span of a maintenance
	ComponentIDs []int64
	Created      time.Time
}

// UpdateNotice is the notice about a change of an incident, before being what it was: its latest new update, or the latest of all when the
// incident is published. ok is false when subscribers are not told: of a draft, and of what is dated back.
func (i *Incident) UpdateNotice(before *Incident, now time.Time) (n Notice, ok bool) {
	if i.Draft {
		return n, false
	}
	var latest *Update
	for k := range i.Updates {
		u := &i.Updates[k]
		if before.Draft || before.Update(u.ID) == nil {
			latest = u
			break // they are in their order, the newest first
		}
	}
	if latest == nil || latest.At.Before(now.Add(-MaxNoticeDelay)) {
		return n, false
	}
	n = Notice{PageID: i.PageID, AccountID: i.AccountID, Kind: NoticeUpdated, ObjectID: i.ID, Title: i.Title, Text: latest.Text, Phase: latest.Phase,
		Start: i.Started}
	switch {
	case latest.Phase == Resolved:
		n.Kind = NoticeResolved
	case before.Draft:
		n.Kind = NoticePublished
	}
	for k := range i.Updates {
		for _, impact := range i.Updates[k].Impacts {
			n.ComponentIDs = append(n.ComponentIDs, impact.ComponentID)
		}
	}
	slices.Sort(n.ComponentIDs)
	n.ComponentIDs = slices.Compact(n.ComponentIDs)
	return n, true
}

// Notice is a notice about a span of the maintenance.
func (p *Plan) Notice(kind NoticeKind, start, end time.Time) Notice {
	return Notice{PageID: p.PageID, AccountID: p.AccountID, Kind: kind, ObjectID: p.ID, Title: p.Title, Text: p.Text, Start: start, End: end,
		ComponentIDs: p.ComponentIDs}
}

// Reminder is when subscribers are next reminded of a span of the maintenance that begins more than SoonBefore after an instant; zero for
// never.
func (p *Plan) Reminder(after time.Time) time.Time {
	const tries = 3 // a span that is in progress then, and the one that follows it
	at := after.Add(SoonBefore)
	for range tries {
		start, end, ok := p.Span(at)
		if !ok {
			break
		}
		if start.After(after.Add(SoonBefore)) {
			return start.Add(-SoonBefore)
		}
		at = end
	}
	return time.Time{}
}

// Delivery is a notice to one subscriber, with all that is told of the page.
type Delivery struct {
	ID         int64
	Attempts   int // that have begun, this one included
	Begun      time.Time
	Subscriber Subscriber
	Notice     Notice
	Components []string // titles of those that the notice names
	Page       Page     // without components
	Global     bool     // only global addresses may be reached
	Dropped    bool     // nobody is to be told any more: the page is not published, or its account is disabled
}

// Key identifies the notice to the subscriber: the same for each attempt, and different on the whole service.
func (d *Delivery) Key() string {
	if d.Notice.Kind == NoticeConfirm {
		return fmt.Sprintf("sub_%d_%d", d.Subscriber.ID, d.Subscriber.Created.UnixMilli())
	}
	return fmt.Sprintf("status_%d_%d", d.Notice.ID, d.Subscriber.ID)
}

// DeliveryResult is how an attempt ended.
type DeliveryResult struct {
	ID           int64
	SubscriberID int64
	Attempts     int
	Confirms     bool      // it was to confirm a subscription
	Sent         bool      // the receiver has taken it
	Gone         bool      // the receiver will never take one again: the subscriber is removed
	Blames       bool      // the receiver is why it was not sent
	Next         time.Time // when it is tried again; zero for never
}

// DeliveryClaim says what is to be claimed.
type DeliveryClaim struct {
	Limit int     // of deliveries
	Most  int     // of one account at once, on all nodes
	Slow  []int64 // accounts whose receivers took long lately; they get one at once each
}

// Subscription is a subscriber with what they may know of the page.
type Subscription struct {
	Subscriber Subscriber
	Page       Page
}

// KnownComponents are those of some components that a page has, in order; none when it has all of them, or none of them.
func KnownComponents(p *Page, ids []int64) (known []int64) {
	for i := range p.Components {
		if id := p.Components[i].ID; slices.Contains(ids, id) {
			known = append(known, id)
		}
	}
	if len(known) == len(p.Components) {
		return nil
	}
	slices.Sort(known)
	return known
}
