package service

import (
	"context"
	"slices"
	"time"

	"punctual/internal/cron"
)

// ChannelTester sends messages to channels.
type ChannelTester interface {
	// TestChannel sends a message that is not stored, and returns what became of it. It ends with ctx.
	TestChannel(ctx context.Context, d *cron.MessageDelivery) cron.MessageResult
}

// Limits on tests of channels.
const (
	kindChannelTestMinute = 1131
	kindChannelTestDay    = 1132
	kindChannelAsked      = 1133

	channelTestsMinute = 6
	channelTestsDay    = 100
	testedOwners       = 10 // of a channel that tells the owners
)

// TestChannel sends a message to a channel at once, also to one that is muted, disabled or was stopped, and returns what became of it. An
// e-mail address that nobody has confirmed is sent the link to do so again, at most once an hour. What became of it is noted on the
// channel as that of a message is, but stops no channel and starts none. The error is of kind TooMany after too many tests.
func (s *Service) TestChannel(ctx context.Context, actor cron.Actor, channelID int64) (result cron.MessageResult, err error) {
	if err := s.allow(&actor, UseTestChannel); err != nil {
		return result, err
	}
	account := actor.Account.ID
	c, err := s.store.Channel(ctx, account, channelID)
	if err != nil {
		return result, err
	}
	if err := s.countFor(ctx, account, []cron.RateLimit{
		{Kind: kindChannelTestDay, Subject: account, Window: 24 * time.Hour, Max: channelTestsDay},
		{Kind: kindChannelTestMinute, Subject: account, Window: time.Minute, Max: channelTestsMinute},
	}); err != nil {
		return result, err
	}
	if err := s.note(ctx, &actor, cron.AuditEntry{Action: actChannelTest, Object: objectChannel, ObjectID: channelID, Title: channelTitle(&c)}); err != nil {
		return result, err
	}
	if !c.Confirmed {
		return cron.MessageResult{Fault: cron.ChannelUnconfirmed}, s.askAgain(ctx, &actor, &c)
	}
	switch {
	case s.channels == nil:
		result = cron.MessageResult{Fault: cron.ChannelNoMail}
	case c.Kind == cron.KindOwners:
		result, err = s.testOwners(ctx, &actor, &c)
	default:
		result, err = s.testOne(ctx, &actor, &c, "", c.Language)
	}
	if err != nil {
		return result, err
	}
	return result, s.store.NoteChannelTest(context.WithoutCancel(ctx), account, channelID, &result)
}

// countFor counts something of an account. The error is of kind TooMany when one of the limits is reached.
func (s *Service) countFor(ctx context.Context, accountID int64, limits []cron.RateLimit) error {
	over, err := s.store.Count(ctx, accountID, limits)
	if err == nil && over.Wait > 0 {
		err = &cron.Error{Kind: cron.TooMany, RetryAfter: over.Wait}
	}
	return err
}

// askAgain sends the link to confirm an address again.
func (s *Service) askAgain(ctx context.Context, actor *cron.Actor, c *cron.Channel) error {
	err := s.countFor(ctx, actor.Account.ID, []cron.RateLimit{{Kind: kindChannelAsked, Subject: c.ID, Window: time.Hour, Max: 1}})
	if cron.KindOf(err) == cron.TooMany {
		return nil // one is on its way
	}
	if err != nil {
		return err
	}
	return s.askConfirmation(ctx, actor, c)
}

// testOne sends a test to one receiver.
func (s *Service) testOne(ctx context.Context, actor *cron.Actor, c *cron.Channel, recipient, language string) (cron.MessageResult, error) {
	material, err := s.store.TLS(ctx, c.AccountID)
	if err != nil {
		return cron.MessageResult{}, err
	}
	now := s.store.Now()
	m := cron.Message{AccountID: c.AccountID, ChannelID: c.ID, Recipient: recipient, Language: language, Kind: cron.NoticeTest, Created: now,
		Due: now, Attempts: 1, Count: 1, Notices: []cron.Notice{{AccountID: c.AccountID, Kind: cron.NoticeTest, Created: now}}}
	return s.channels.TestChannel(ctx, &cron.MessageDelivery{Message: m, Channel: *c, Account: actor.Account,
		TLS: cron.NewChannelTLS(material.Roots)}), nil
}

// testOwners sends a test to each owner who has not unsubscribed, or to the address of an account without any, and returns the first
// failure.
func (s *Service) testOwners(ctx context.Context, actor *cron.Actor, c *cron.Channel) (result cron.MessageResult, err error) {
	members, err := s.store.Memberships(ctx, c.AccountID)
	if err != nil {
		return result, err
	}
	sent, owned := 0, false
	for i := range members {
		p := &members[i].Person
		if members[i].Role != cron.RoleOwner {
			continue
		}
		if owned = true; p.Disabled || slices.Contains(c.Unsubscribed, p.Email) || sent == testedOwners {
			continue
		}
		sent++
		if result, err = s.testOne(ctx, actor, c, p.Email, p.Language); err != nil || result.Fault != cron.ChannelOK {
			return result, err
		}
	}
	switch {
	case sent > 0:
		return result, nil
	case owned || slices.Contains(c.Unsubscribed, actor.Account.Email):
		return cron.MessageResult{Fault: cron.ChannelUnsubscribed}, nil
	}
	return s.testOne(ctx, actor, c, actor.Account.Email, c.Language)
}
