package app

import (
	"cmp"
	"context"

	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/notify"
	"punctual/internal/statuspage"
)

// newSender makes what sends messages to channels. The service and the scheduler, which are made later, are read when it sends.
func (n *node) newSender() error {
	mailer, err := newMailer(n.config)
	if err != nil {
		return err
	}
	c := notify.Config{
		Store: n.db, Mails: n.db, Limit: n.messages, Exchanger: n.exchanger, Node: func() int64 { return n.jobs.Epoch() }, Context: n.messageContext, Now: n.db.Now,
		Paused: func() bool { return n.jobs.Draining() }, Metrics: n.metrics, Logger: n.logger,
	}
	if mailer != nil {
		c.Mailer, n.mailer = mailer, mailer
	}
	n.sender = notify.NewSender(c)
	return nil
}

// messageContext is what a message says besides its notices. Links begin with the configured URL only.
func (n *node) messageContext(d *cron.MessageDelivery) message.Context {
	x := message.Context{Account: cmp.Or(d.Account.Title, d.Account.Email), Now: n.db.Now()}
	if url := configuredURL(n.config); url != "" {
		x.Console = url + "/console"
		x.Act, x.Unsubscribe = n.service.MessageLinks(&d.Message)
	}
	return x
}

// sendMessages sends messages to channels while the node runs. It stops before the scheduler, which ends the node's claim on them.
func (n *node) sendMessages(context.Context) (stop func() error, err error) {
	n.metrics.Gauge("notifications_in_flight", "Messages to channels that are being sent.", func() float64 { return float64(n.sender.Sending()) })
	n.metrics.Gauge("notifications_waiting", "Messages to channels that wait, on all nodes, counted up to 10,000; -1 if the database cannot be read.",
		gaugeOf(n.db.WaitingMessages))
	if !n.role().Works() {
		return nil, nil
	}
	return inBackground(n.sender.Run, n.fail), nil
}

// tellSubscribers tells subscribers of status pages while the node runs.
func (n *node) tellSubscribers(context.Context) (stop func() error, err error) {
	s := notify.NewSubscribers(notify.SubscriberConfig{
		Store: n.db, Exchanger: n.exchanger, Mailer: n.mailer, Now: n.db.Now, Paused: n.jobs.Draining, Logger: n.logger,
		Links: func(d *statuspage.Delivery) notify.SubscriberLinks {
			page, manage := n.service.SubscriberLinks(d)
			return notify.SubscriberLinks{Page: page, Manage: manage}
		},
	})
	return inBackground(s.Run, n.fail), nil
}
