package service

import (
	"context"
	"strconv"
	"strings"

	"punctual/internal/cron"
)

// ChannelPath is the page that confirms the e-mail address of a channel; the token follows.
const ChannelPath = "/console/channel/"

// kindMail is the kind of a channel that is one e-mail address.
const kindMail = "email"

// isConfirmed tells whether a channel may be used without somebody having confirmed its e-mail address. Strangers, whose accounts
// reach global addresses only, have to prove that an address which is not that of a member wants their mails.
func (s *Service) isConfirmed(ctx context.Context, account *cron.Account, c *cron.Channel) (bool, error) {
	if c.Kind != kindMail || account.Access != cron.AccessGlobal {
		return true, nil
	}
	members, err := s.store.Memberships(ctx, account.ID)
	if err != nil {
		return false, err
	}
	for i := range members {
		if p := &members[i].Person; p.Confirmed && !p.Disabled && strings.EqualFold(p.Email, c.Settings["to"]) {
			return true, nil
		}
	}
	return false, nil
}

// errNobodyConfirms refuses an address that would have to be confirmed, by a service that sends no mail.
func errNobodyConfirms() error {
	return &cron.Error{Kind: cron.Invalid, Subject: cron.SubjectChannel, Problems: []cron.Problem{
		{Pointer: "/settings/to", Rule: cron.RuleNobodyConfirms}}}
}

// askConfirmation sends a link to the e-mail address of a channel unless it is confirmed, in the transaction of ctx. The
// error is of kind TooMany when the account, or the address, has been sent too many.
func (s *Service) askConfirmation(ctx context.Context, actor *cron.Actor, c *cron.Channel) error {
	if c.Confirmed || !s.canLink() {
		return nil
	}
	address, ok := parseEmail(c.Settings["to"])
	if !ok {
		return nil
	}
	if err := s.reserveInvitation(ctx, actor, address); err != nil {
		return err
	}
	token, err := s.newLink(ctx, &cron.Link{Kind: cron.LinkChannel, AccountID: c.AccountID, Email: address, Detail: strconv.FormatInt(c.ID, 10)})
	if err != nil {
		return err
	}
	return s.post(ctx, words(c.Language).ChannelMail(address, nameOf(&actor.Account), s.publicURL+ChannelPath+token))
}

// ChannelInfo is what a page about a channel shows to somebody without a session.
type ChannelInfo struct {
	Account string // its name
	Email   string // that is told
}

// ChannelLink tells what a link to confirm an e-mail address is for.
func (s *Service) ChannelLink(ctx context.Context, token string) (info ChannelInfo, err error) {
	l, err := s.openLink(ctx, cron.LinkChannel, token)
	if err != nil {
		return info, err
	}
	account, err := s.store.Account(ctx, l.AccountID)
	if cron.KindOf(err) == cron.NotFound {
		err = errLinkGone()
	}
	return ChannelInfo{Account: nameOf(&account), Email: l.Email}, err
}

// errLinkGone says that what a link was for is no longer there.
func errLinkGone() error {
	return &cron.Error{Kind: cron.Gone, Subject: cron.SubjectLink, Problems: []cron.Problem{{Rule: cron.RuleLinkExpired}}}
}

// ConfirmChannel lets the account of a link send to the address that the link was sent to.
func (s *Service) ConfirmChannel(ctx context.Context, client Client, token string) error {
	l, err := s.openLink(ctx, cron.LinkChannel, token)
	if err != nil {
		return err
	}
	return s.store.UseLink(ctx, l.Hash, func(ctx context.Context, l cron.Link) error {
		id, _ := strconv.ParseInt(l.Detail, 10, 64)
		err := s.store.UpdateChannel(ctx, l.AccountID, id, func(c *cron.Channel) error {
			if c.Kind != kindMail || !strings.EqualFold(c.Settings["to"], l.Email) {
				return errLinkGone()
			}
			c.Confirmed = true
			return nil
		}, func(ctx context.Context, _, after *cron.Channel) error {
			return s.noteByLink(ctx, client, cron.AuditEntry{AccountID: l.AccountID, Action: actChannelConfirm, Object: objectChannel,
				ObjectID: id, Title: channelTitle(after)})
		})
		if cron.KindOf(err) == cron.NotFound {
			return errLinkGone()
		}
		return err
	})
}

// noteByLink writes an entry about what somebody did who has no more than a link.
func (s *Service) noteByLink(ctx context.Context, client Client, e cron.AuditEntry) error {
	e.Way, e.Actor = cron.WayConsole, byLink
	if client.Address.IsValid() {
		e.Address = client.Address.String()
	}
	return s.store.Audited(ctx, &e, func(context.Context) error { return nil })
}
