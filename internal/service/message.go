package service

import (
	"context"
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// MaxMessagesPage is the largest page of Messages.
const MaxMessagesPage = 100

// Messages lists messages of the account, the newest first, without their notices. next is the Before of the next page, and 0 at
// the end.
func (s *Service) Messages(ctx context.Context, actor cron.Actor, q cron.MessageQuery) (list []cron.Message, next int64, err error) {
	if err := s.allow(&actor, UseListMessages); err != nil {
		return nil, 0, err
	}
	limit := min(q.Limit, MaxMessagesPage)
	q.Limit = limit + 1
	list, err = s.store.Messages(ctx, actor.Account.ID, &q)
	if err == nil && len(list) > limit {
		list = list[:limit]
		next = list[limit-1].ID
	}
	return list, next, err
}

// Message reads a message with the notices that it lists, and its words. The links to act and to unsubscribe are left out, since
// they are its receiver's.
func (s *Service) Message(ctx context.Context, actor cron.Actor, messageID int64) (m cron.Message, text message.Notification, err error) {
	if err := s.allow(&actor, UseGetMessage); err != nil {
		return m, text, err
	}
	if m, err = s.store.Message(ctx, actor.Account.ID, messageID); err != nil {
		return m, text, err
	}
	c, err := s.store.Channel(ctx, actor.Account.ID, m.ChannelID)
	if err != nil && cron.KindOf(err) != cron.NotFound {
		return m, text, err
	}
	about := message.Context{Account: nameOf(&actor.Account), Now: s.store.Now()}
	if s.publicURL != "" {
		about.Console = s.publicURL + consolePath
	}
	return m, language(&actor).Notification(&m, &c, about), nil
}

// consolePath is where the console begins.
const consolePath = "/console"

// Limits on sending messages again, which what a channel gets in a minute does not bound.
const (
	kindResendMinute = 1134
	kindResendDay    = 1135

	resendsMinute = 30
	resendsDay    = 1000
)

// Resend makes a new message of the notices of one that has ended, which is sent at once, and returns its ID. The error is of kind
// Conflict for one that has not ended, and of kind TooMany after too many.
func (s *Service) Resend(ctx context.Context, actor cron.Actor, messageID int64) (id int64, err error) {
	if err := s.allow(&actor, UseResendMessage); err != nil {
		return 0, err
	}
	account := actor.Account.ID
	if err := s.countFor(ctx, account, []cron.RateLimit{
		{Kind: kindResendDay, Subject: account, Window: 24 * time.Hour, Max: resendsDay},
		{Kind: kindResendMinute, Subject: account, Window: time.Minute, Max: resendsMinute},
	}); err != nil {
		return 0, err
	}
	err = s.audited(ctx, &actor, cron.AuditEntry{Action: actMessageAgain, Object: objectMessage, ObjectID: messageID},
		func(ctx context.Context, _ *cron.AuditEntry) error {
			id, err = s.store.ResendMessage(ctx, account, messageID)
			return err
		})
	return id, err
}
