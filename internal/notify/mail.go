package notify

import (
	"context"
	"errors"
	"log/slog"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// The kinds that are mails. Every account begins with a channel of the first one.
var (
	owners = Kind{Name: "owners", Title: "E-mail to the owners"}
	mail   = Kind{Name: "email", Title: "E-mail", Fields: []Field{{Name: "to", Required: true, check: checkMail}}}
)

// mail sends a message as a mail.
func (s *Sender) mail(ctx context.Context, d *cron.MessageDelivery, n *message.Notification) cron.MessageResult {
	to := d.Message.Recipient
	if to == "" {
		to = mail.setting(d.Channel.Settings, "to")
	}
	switch {
	case s.Mailer == nil:
		return cron.MessageResult{Fault: cron.ChannelNoMail}
	case !d.Channel.Confirmed:
		return cron.MessageResult{Fault: cron.ChannelUnconfirmed}
	}
	err := s.Mailer.SendNotification(ctx, to, n)
	if err == nil {
		return cron.MessageResult{}
	}
	if ctx.Err() != nil {
		return cron.MessageResult{Fault: cron.ChannelLost}
	}
	failure, ok := errors.AsType[*cron.MailError](err)
	if !ok {
		s.Logger.Error("a message could not be made a mail", slog.Any("error", err))
		return cron.MessageResult{Fault: cron.ChannelInside}
	}
	r := cron.MessageResult{Fault: cron.ChannelMail}
	if !failure.OfMail() {
		s.Logger.Error("a message could not be mailed", slog.Any("error", err)) // which only an operator can mend
		return r
	}
	r.Detail, r.Final = detail(failure.Reply), !failure.Temporary
	// Of the owners, one address that bounces says nothing about the others.
	r.Gone = r.Final && failure.Fault == cron.MailRecipient && d.Channel.Kind == mail.Name
	return r
}
