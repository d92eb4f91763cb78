package service

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
)

// Links in messages let whoever gets one acknowledge or snooze its problem, or unsubscribe, without a session. Nothing of them is stored:
//
//	act          message ID "." MAC of "act", account, message and problem     for a day after the message was made, and once
//	unsubscribe  account "." channel "." address "." MAC of these              while there is the channel; again and again
//
// A page that GET shows changes nothing, since mail programs and chats open links before people do. Guesses are counted before
// anything is read.
const (
	ActPath         = "/console/act/"
	UnsubscribePath = "/console/unsubscribe/"

	actLifetime = 24 * time.Hour
	linkMAC     = 16 // bytes

	kindGuessLink     = 1141
	kindGuessLinkHour = 1142
)

// linkCode authenticates what a link says.
func (s *Service) linkCode(parts ...string) string {
	code := hmac.New(sha256.New, s.linkKey)
	for _, p := range parts {
		_, _ = code.Write([]byte(p)) // never fails
		_, _ = code.Write([]byte{0})
	}
	return base64.RawURLEncoding.EncodeToString(code.Sum(nil)[:linkMAC])
}

func (s *Service) actToken(m *cron.Message) string {
	id := strconv.FormatInt(m.ID, 10)
	return id + "." + s.linkCode("act", id, strconv.FormatInt(m.AccountID, 10), strconv.FormatInt(m.ProblemID, 10))
}

// MessageLinks are the URLs of the pages that act on the problem of a message and that unsubscribe its receiver; empty where there
// is nothing to act on, and when the service does not know its own URL.
func (s *Service) MessageLinks(m *cron.Message) (act, unsubscribe string) {
	if s.publicURL == "" {
		return "", ""
	}
	if m.ID != 0 && m.ProblemID != 0 && m.Kind != cron.NoticeSuccess {
		act = s.publicURL + ActPath + s.actToken(m)
	}
	parts := []string{strconv.FormatInt(m.AccountID, 10), strconv.FormatInt(m.ChannelID, 10), base64.RawURLEncoding.EncodeToString([]byte(m.Recipient))}
	token := strings.Join(parts, ".") + "." + s.linkCode(append([]string{"unsubscribe"}, parts...)...)
	return act, s.publicURL + UnsubscribePath + token
}

// guessLink counts the use of a link that may be a guess; back takes that back for one that is none.
func (s *Service) guessLink(ctx context.Context, client *Client) (back func(), err error) {
	a, err := s.reserve(ctx, client.Address, []cron.RateLimit{
		{Kind: kindGuessLinkHour, Subject: s.subjectOf("site", siteOf(client.Address)), Window: time.Hour, Max: 200},
		{Kind: kindGuessLink, Subject: s.subjectOf("network", networkOf(client.Address)), Window: 10 * time.Minute, Max: 30},
	})
	if err != nil {
		return nil, err
	}
	return func() { s.giveBack(ctx, a) }, nil
}

// ActInfo is what the page of a link to act on a problem shows.
type ActInfo struct {
	Account string // its name
	Title   string // of the job that the message tells of first
	Jobs    int    // that have the problem
	Since   time.Time
	State   cron.ProblemState
	Expires time.Time
	Problem int64 // its ID

	// A link that works no more tells no more than that, and where the problem is.
	Used    bool // the problem was acted on by this link
	Expired bool
}

// actMessage finds the message of a token. The error is of kind NotFound for a token that is wrong, and of kind Gone when it
// was used or has expired.
func (s *Service) actMessage(ctx context.Context, client *Client, token string) (m cron.Message, err error) {
	back, err := s.guessLink(ctx, client)
	if err != nil {
		return m, err
	}
	id, _, _ := strings.Cut(token, ".")
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return m, cron.Missing(cron.SubjectLink)
	}
	m, used, err := s.store.LinkedMessage(ctx, number)
	switch {
	case cron.KindOf(err) == cron.NotFound:
		return m, cron.Missing(cron.SubjectLink)
	case err != nil:
		return m, err
	case m.ProblemID == 0 || !hmac.Equal([]byte(token), []byte(s.actToken(&m))):
		return m, cron.Missing(cron.SubjectLink)
	}
	back()
	link := cron.Link{Used: used, Expires: m.Created.Add(actLifetime)}
	return m, link.Open(s.store.Now())
}

// ActLink tells what a link to act on a problem is for, and changes nothing.
func (s *Service) ActLink(ctx context.Context, client Client, token string) (info ActInfo, err error) {
	m, err := s.actMessage(ctx, &client, token)
	if over, ok := errors.AsType[*cron.Error](err); ok && over.Kind == cron.Gone && m.ProblemID != 0 {
		used := len(over.Problems) > 0 && over.Problems[0].Rule == cron.RuleLinkUsed
		return ActInfo{Problem: m.ProblemID, Used: used, Expired: !used}, nil
	}
	if err != nil {
		return info, err
	}
	account, err := s.store.Account(ctx, m.AccountID)
	if err != nil {
		return info, gone(err)
	}
	p, err := s.store.Problem(ctx, m.AccountID, m.ProblemID)
	if err != nil {
		return info, gone(err)
	}
	info = ActInfo{Account: nameOf(&account), Jobs: p.Jobs, Since: p.Opened, State: p.State, Expires: m.Created.Add(actLifetime), Problem: m.ProblemID}
	if len(m.Notices) > 0 {
		if info.Title = m.Notices[0].Title; info.Title == "" {
			info.Title, _ = cron.WithoutUser(m.Notices[0].URL)
		}
	}
	return info, nil
}

// gone is the error for a link whose subject is missing.
func gone(err error) error {
	if cron.KindOf(err) == cron.NotFound {
		return errLinkGone()
	}
	return err
}

// Act acknowledges the problem of a link or, when until is set, snoozes it. The error is of kind Conflict when it is resolved.
func (s *Service) Act(ctx context.Context, client Client, token string, until time.Time) error {
	m, err := s.actMessage(ctx, &client, token)
	if err != nil {
		return err
	}
	action := cron.ProblemAction{State: new(cron.ProblemAcknowledged), By: byLink}
	if !until.IsZero() {
		action.State, action.Until = new(cron.ProblemSnoozed), until
	}
	var c cron.Checker
	action.Check(&c, s.store.Now())
	if err := c.Err(); err != nil {
		return err
	}
	return gone(s.store.UseMessageLink(ctx, m.AccountID, m.ID, func(ctx context.Context) error {
		if err := s.store.ActOnProblem(ctx, m.AccountID, m.ProblemID, &action); err != nil {
			return err
		}
		return s.noteByLink(ctx, client, cron.AuditEntry{AccountID: m.AccountID, Action: problemActs[*action.State], Object: objectProblem,
			ObjectID: m.ProblemID})
	}))
}

// subscription is what a token to unsubscribe says.
type subscription struct {
	account, channel int64
	recipient        string // of a channel that tells several
}

// openSubscription reads a token. The error is of kind NotFound for one that is wrong.
func (s *Service) openSubscription(ctx context.Context, client *Client, token string) (sub subscription, err error) {
	back, err := s.guessLink(ctx, client)
	if err != nil {
		return sub, err
	}
	parts := strings.Split(token, ".")
	if len(parts) != 4 || !hmac.Equal([]byte(parts[3]), []byte(s.linkCode(slices.Insert(parts[:3:3], 0, "unsubscribe")...))) {
		return sub, cron.Missing(cron.SubjectLink)
	}
	back()
	sub.account, _ = strconv.ParseInt(parts[0], 10, 64) // which the code vouches for
	sub.channel, _ = strconv.ParseInt(parts[1], 10, 64)
	recipient, _ := base64.RawURLEncoding.DecodeString(parts[2])
	sub.recipient = string(recipient)
	return sub, nil
}

// UnsubscribeLink tells what a link to unsubscribe is for, and changes nothing.
func (s *Service) UnsubscribeLink(ctx context.Context, client Client, token string) (info ChannelInfo, err error) {
	sub, err := s.openSubscription(ctx, &client, token)
	if err != nil {
		return info, err
	}
	account, err := s.store.Account(ctx, sub.account)
	if err != nil {
		return info, gone(err)
	}
	c, err := s.store.Channel(ctx, sub.account, sub.channel)
	if err != nil {
		return info, gone(err)
	}
	info = ChannelInfo{Account: nameOf(&account), Email: sub.recipient}
	if info.Email == "" && c.Kind == kindMail {
		info.Email = c.Settings["to"]
	}
	return info, nil
}

// Unsubscribe stops the channel of a link on behalf of its receiver. Of a channel that tells the owners it leaves out one address.
func (s *Service) Unsubscribe(ctx context.Context, client Client, token string) error {
	sub, err := s.openSubscription(ctx, &client, token)
	if err != nil {
		return err
	}
	changed := false
	err = s.store.UpdateChannel(ctx, sub.account, sub.channel, func(c *cron.Channel) error {
		if c.Kind != cron.KindOwners {
			changed = c.Stopped != cron.ChannelUnsubscribed
			c.Stopped = cron.ChannelUnsubscribed
			return nil
		}
		address := strings.ToLower(sub.recipient)
		if changed = !slices.Contains(c.Unsubscribed, address); changed {
			c.Unsubscribed = append(slices.Clone(c.Unsubscribed), address)
			c.Unsubscribed = c.Unsubscribed[max(0, len(c.Unsubscribed)-cron.MaxUnsubscribed):]
		}
		return nil
	}, func(ctx context.Context, _, after *cron.Channel) error {
		if !changed {
			return nil
		}
		return s.noteByLink(ctx, client, cron.AuditEntry{AccountID: sub.account, Action: actChannelStop, Object: objectChannel, ObjectID: sub.channel,
			Title: channelTitle(after)})
	})
	return gone(err)
}
