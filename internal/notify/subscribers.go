package notify

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync/atomic"
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/statuspage"
)

// SubscriberStore keeps what subscribers of status pages are to be told.
type SubscriberStore interface {
	// MakeDeliveries makes a chunk of the deliveries of a notice. more asks for another step.
	MakeDeliveries(ctx context.Context) (more bool, err error)
	ClaimDeliveries(ctx context.Context, c statuspage.DeliveryClaim) ([]statuspage.Delivery, error)
	FinishDelivery(ctx context.Context, r statuspage.DeliveryResult) error
}

// SubscriberLinks are addresses that a delivery tells; empty where the service does not know its own URL.
type SubscriberLinks struct {
	Page   string // what visitors read: the incident, or the page
	Manage string // where the subscriber chooses what to get, and where a POST unsubscribes
}

// SubscriberConfig configures Subscribers. All fields but Mailer and Paused are needed.
type SubscriberConfig struct {
	Store     SubscriberStore
	Exchanger Exchanger
	Mailer    Mailer // nil for a service without a mail server
	Links     func(d *statuspage.Delivery) SubscriberLinks
	Now       func() time.Time
	Paused    func() bool // whether to start nothing; nil for never
	Logger    *slog.Logger
}

// Places of deliveries to subscribers on a node, and of one account on all nodes. They are apart from those of messages and mails.
const (
	deliveryPlaces    = 16
	deliveriesAtOnce  = 4
	deliverySteps     = 4 // chunks of deliveries that are made before some are claimed
	subscriberTimeout = 10 * time.Second
	subscriberAnswer  = 16 << 10 // bytes that a webhook may answer
)

// Subscribers tells subscribers of status pages. store/status_notice.go describes how a notice gets to them. A delivery is made at least
// once, with the same key each time.
type Subscribers struct {
	SubscriberConfig
	loop

	slow    slowAccounts
	sending atomic.Int64
}

// NewSubscribers returns Subscribers.
func NewSubscribers(c SubscriberConfig) *Subscribers {
	return &Subscribers{SubscriberConfig: c, loop: newLoop(c.Logger)}
}

// Run makes deliveries until ctx ends, and returns when those in progress have ended.
func (s *Subscribers) Run(ctx context.Context) error { return s.loop.run(ctx, nil, s.pass) }

// pass does what is due, and returns how long there is nothing to do.
func (s *Subscribers) pass(ctx, attempts, recording context.Context) time.Duration {
	if s.Paused != nil && s.Paused() {
		return pollPeriod
	}
	more, err := s.work(ctx, attempts, recording)
	switch {
	case err == nil:
		s.unread.Store(false)
		if more {
			return 0
		}
		return pollPeriod
	case ctx.Err() == nil && !s.unread.Swap(true):
		message.LogDatabase(s.Logger, "what subscribers are to be told cannot be read; trying again", err)
	}
	return retryPause
}

func (s *Subscribers) work(ctx, attempts, recording context.Context) (more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, storeLimit)
	defer cancel()
	more = true
	for step := 0; more && step < deliverySteps; step++ {
		if more, err = s.Store.MakeDeliveries(ctx); err != nil {
			return false, fmt.Errorf("make deliveries: %w", err)
		}
	}
	room := deliveryPlaces - int(s.sending.Load())
	if room <= 0 {
		return false, nil // the end of one wakes the loop
	}
	list, err := s.Store.ClaimDeliveries(ctx, statuspage.DeliveryClaim{Limit: room, Most: deliveriesAtOnce, Slow: s.slow.list()})
	if err != nil {
		return false, fmt.Errorf("claim deliveries: %w", err)
	}
	for i := range list {
		d := &list[i]
		s.sending.Add(1)
		s.works.Go(func() {
			began := time.Now()
			result := s.attempt(attempts, d)
			if d.Subscriber.Kind == statuspage.SubscriberWebhook {
				s.slow.note(d.Subscriber.AccountID, time.Since(began))
			}
			s.record(recording, "the result of a delivery to a subscriber cannot be written; trying again", func(ctx context.Context) error {
				return s.Store.FinishDelivery(ctx, result)
			})
			s.sending.Add(-1)
			s.signalEnd()
		})
	}
	return more, nil
}

// attempt makes a delivery. It does not panic. Whom it is for and what it says stays out of the log.
func (s *Subscribers) attempt(ctx context.Context, d *statuspage.Delivery) (r statuspage.DeliveryResult) {
	own := statuspage.DeliveryResult{ID: d.ID, SubscriberID: d.Subscriber.ID, Attempts: d.Attempts, Confirms: d.Notice.Kind == statuspage.NoticeConfirm}
	defer func() {
		if v := recover(); v != nil {
			s.Logger.Error("a delivery to a subscriber ended in a panic", slog.Int64("delivery", d.ID), slog.Any("panic", v),
				slog.String("stack", string(debug.Stack())))
			r = own
			r.Next = s.again(d, 0)
		}
	}()
	r = own
	if d.Dropped || d.Subscriber.Address == "" {
		return r
	}
	send := s.webhook
	if d.Subscriber.Kind == statuspage.SubscriberMail {
		send = s.mail
	}
	v := send(ctx, d)
	r.Sent, r.Gone, r.Blames = v.sent, v.gone, v.blames
	switch {
	case r.Sent || r.Gone:
	case ctx.Err() != nil: // the node stops
		r.Blames, r.Next = false, s.Now()
	case !v.final:
		r.Next = s.again(d, v.wait)
	}
	return r
}

// again is when a delivery is tried again; zero for never.
func (s *Subscribers) again(d *statuspage.Delivery, wait time.Duration) time.Time {
	if d.Notice.Kind == statuspage.NoticeConfirm && d.Attempts >= statuspage.MaxConfirmAttempts {
		return time.Time{}
	}
	patience := cron.Mail{Attempts: d.Attempts, Expires: d.Begun.Add(statuspage.DeliveryPatience)}
	next := patience.NextAttempt(s.Now(), rand.Float64())
	if least := s.Now().Add(min(wait, time.Hour)); !next.IsZero() && next.Before(least) {
		return least
	}
	return next
}

// told is what became of an attempt.
type told struct {
	sent, gone, blames, final bool
	wait                      time.Duration // for which the receiver asks
}
