package service

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// Visitors subscribe to a status page that they may read; the package public asks. Nobody is signed in:
//
//	mail     StatusSubscribe ──▶ mail with a link ──▶ its page, which changes nothing ──▶ ConfirmStatusSubscription
//	webhook  StatusSubscribe ──▶ signed request to it ──▶ a status of 2xx confirms       (notify/subscribers.go)
//
// What is answered does not tell whether an address is subscribed already. What strangers may cause is counted by where they come from, by
// the page, and by the receiver, who is asked once an hour for each page.
const (
	SubscribePath       = "/status/subscribe/confirm/" // pages that links lead to; the token follows
	SubscriptionPath    = "/status/subscribe/manage/"
	kindSubscribeSite   = 1161
	kindSubscribeNet    = 1162
	kindSubscribePage   = 1163
	kindSubscribeTo     = 1164
	kindSubscribeToPage = 1165
)

// visitorLimits bound the subscriptions that a visitor asks for.
func (s *Service) visitorLimits(address netip.Addr) []cron.RateLimit {
	return []cron.RateLimit{
		{Kind: kindSubscribeSite, Subject: s.subjectOf("site", siteOf(address)), Window: time.Hour, Max: 60},
		{Kind: kindSubscribeNet, Subject: s.subjectOf("network", networkOf(address)), Window: time.Hour, Max: 20},
	}
}

// pageLimit bounds those of a page.
func pageLimit(pageID int64) []cron.RateLimit {
	return []cron.RateLimit{{Kind: kindSubscribePage, Subject: pageID, Window: time.Hour, Max: 200}}
}

// receiverLimits bound how often a mailbox or a host is asked, by all pages and by one.
func (s *Service) receiverLimits(pageID int64, receiver, address string) []cron.RateLimit {
	return []cron.RateLimit{
		{Kind: kindSubscribeTo, Subject: s.subjectOf("receiver", receiver), Window: time.Hour, Max: 10},
		{Kind: kindSubscribeToPage, Subject: s.subjectOf("subscriber", strconv.FormatInt(pageID, 10), address), Window: time.Hour, Max: 1},
	}
}

// SubscribesByMail tells whether visitors can subscribe by mail.
func (s *Service) SubscribesByMail() bool { return s.canLink() }

// StatusSubscribe asks whoever has an address whether they want to be told of a page; what counts of x is its page, kind, address, language and
// components, and whether a member of the account asks. It sets the secret that requests to a webhook are signed with. The error is of kind Invalid when the address, or a component,
// is none, and of kind TooMany when too much was asked for.
func (s *Service) StatusSubscribe(ctx context.Context, visitor netip.Addr, x *statuspage.Subscriber) error {
	turn := -1 - s.subjectOf("turn", siteOf(visitor))
	if err := s.countSubscription(ctx, turn, s.visitorLimits(visitor)); err != nil { // before anything large is read
		return err
	}
	p, err := s.store.PublicStatusPage(ctx, x.PageID)
	if err != nil {
		return err
	}
	*x = statuspage.Subscriber{PageID: p.ID, AccountID: p.AccountID, Kind: x.Kind, Address: strings.TrimSpace(x.Address), Language: x.Language,
		Member: x.Member && p.Access == statuspage.AccessMembers, ComponentIDs: statuspage.KnownComponents(&p, x.ComponentIDs)}
	receiver, err := s.acceptSubscriber(ctx, &p, x)
	if err != nil {
		return err
	}
	if err := s.countSubscription(ctx, turn, pageLimit(p.ID)); err != nil {
		return err
	}
	if over, err := s.store.Count(ctx, turn, s.receiverLimits(p.ID, receiver, x.Address)); err != nil || over.Wait > 0 {
		return err // whoever was asked just now is not asked again, and nobody learns of it
	}
	w := words(p.Language)
	if p.Language == "" {
		w = words(x.Language)
	}
	asked := *x
	return s.store.Subscribe(ctx, &asked, s.subscriberHash(x), func(ctx context.Context, found *statuspage.Subscriber, known bool) error {
		switch {
		case x.Kind != statuspage.SubscriberMail:
			return nil
		case known:
			return s.postFor(ctx, true, w.SubscribedMail(x.Address, p.Title, s.manageLink(found)))
		}
		return s.postFor(ctx, true, w.SubscribeMail(x.Address, p.Title, s.publicURL+SubscribePath+s.subscriberToken("confirm", found)))
	})
}

// countSubscription counts what a visitor asks for. The error is of kind TooMany after too much.
func (s *Service) countSubscription(ctx context.Context, turn int64, limits []cron.RateLimit) error {
	over, err := s.store.Count(ctx, turn, limits)
	if err == nil && over.Wait > 0 {
		err = &cron.Error{Kind: cron.TooMany, RetryAfter: over.Wait}
	}
	return err
}

// acceptSubscriber takes the address into its normal form, makes a secret, and tells the mailbox or the host that is asked.
func (s *Service) acceptSubscriber(ctx context.Context, p *statuspage.Page, x *statuspage.Subscriber) (receiver string, err error) {
	wrong := func(problem cron.Problem) error {
		problem.Pointer = "/address"
		return &cron.Error{Kind: cron.Invalid, Subject: cron.SubjectSubscriber, Problems: []cron.Problem{problem}}
	}
	if x.Kind == statuspage.SubscriberMail {
		if !s.canLink() {
			return "", noMail()
		}
		address, ok := parseEmail(x.Address)
		if !ok {
			return "", wrong(cron.Problem{Rule: cron.RuleEmail, Given: x.Address})
		}
		x.Address = address
		return mailboxOf(address), nil
	}
	access := cron.AccessGlobal
	if x.Member {
		account, err := s.store.Account(ctx, p.AccountID)
		if err != nil {
			return "", err
		}
		access = account.Access
	}
	if len(x.Address) > statuspage.MaxSubscriberURL {
		return "", wrong(cron.Problem{Rule: cron.RuleTooLong, Limit: statuspage.MaxSubscriberURL, Unit: cron.UnitBytes})
	}
	u, problem := cron.ParseURL(x.Address)
	if problem.Rule == cron.RuleNone {
		problem = s.addresses.CheckHost(u.Hostname(), portOf(u), access)
	}
	switch {
	case problem.Rule != cron.RuleNone:
		return "", wrong(problem)
	case u.Scheme != "https" && access == cron.AccessGlobal:
		return "", wrong(cron.Problem{Rule: cron.RuleWebhookHTTPS})
	}
	x.Address, x.Secret = u.String(), cron.NewSigningSecret()
	return strings.ToLower(u.Hostname()), nil
}

// subscriberHash tells kind and address of a subscriber apart from others.
func (s *Service) subscriberHash(x *statuspage.Subscriber) (hash [32]byte) {
	code := hmac.New(sha256.New, s.subscriberKey)
	_, _ = code.Write([]byte(x.Kind.String() + "\x00" + x.Address)) // never fails
	code.Sum(hash[:0])
	return hash
}

// subscriberToken authenticates a link to a subscription: its number, when it was asked for, and a code of both.
func (s *Service) subscriberToken(purpose string, x *statuspage.Subscriber) string {
	parts := []string{strconv.FormatInt(x.ID, 36), strconv.FormatInt(x.Created.UnixMilli(), 36)}
	return strings.Join(parts, ".") + "." + s.linkCode("subscriber "+purpose, parts[0], parts[1])
}

// manageLink is where a subscriber chooses what to get, and unsubscribes; empty when the service does not know its own URL.
func (s *Service) manageLink(x *statuspage.Subscriber) string {
	if s.publicURL == "" {
		return ""
	}
	return s.publicURL + SubscriptionPath + s.subscriberToken("manage", x)
}

// SubscriberLinks are the addresses that a delivery tells: of what it is about, and of the subscription.
func (s *Service) SubscriberLinks(d *statuspage.Delivery) (page, manage string) {
	if s.publicURL == "" {
		return "", ""
	}
	page = s.publicURL + "/status/" + d.Page.Slug
	if d.Notice.Kind.OfIncident() {
		page += "/incidents/" + strconv.FormatInt(d.Notice.ObjectID, 10)
	}
	return page, s.manageLink(&d.Subscriber)
}

// openSubscriberToken is the number that a token has, and when its subscription was asked for. The error is of kind NotFound for a token
// that is none.
func (s *Service) openSubscriberToken(purpose, token string) (id int64, created time.Time, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || !hmac.Equal([]byte(parts[2]), []byte(s.linkCode("subscriber "+purpose, parts[0], parts[1]))) {
		return 0, created, cron.Missing(cron.SubjectLink)
	}
	id, _ = strconv.ParseInt(parts[0], 36, 64)
	millis, _ := strconv.ParseInt(parts[1], 36, 64)
	return id, time.UnixMilli(millis).UTC(), nil
}

// subscriptionOf reads the subscription of a token. The error is of kind Gone when it is no longer there.
func (s *Service) subscriptionOf(ctx context.Context, purpose, token string) (found statuspage.Subscription, err error) {
	id, created, err := s.openSubscriberToken(purpose, token)
	if err != nil {
		return found, err
	}
	if found.Subscriber, err = s.store.Subscriber(ctx, id); err == nil {
		x := &found.Subscriber
		if !x.Created.Equal(created) || !x.Expires.IsZero() && !s.store.Now().Before(x.Expires) {
			return found, errLinkGone()
		}
		found.Page, err = s.store.PublicStatusPage(ctx, x.PageID)
		found.Page.PasswordHash, found.Page.Networks = "", nil
		if !found.Page.Published { // what a draft has is nobody's business yet
			found.Page.Components, found.Page.Groups = nil, nil
		}
	}
	if cron.KindOf(err) == cron.NotFound {
		err = errLinkGone()
	}
	found.Subscriber.Secret = ""
	return found, err
}

// StatusConfirmation tells what a link to confirm a subscription is for. The error is of kind NotFound when it is none, and of kind Gone when
// it has expired.
func (s *Service) StatusConfirmation(ctx context.Context, token string) (statuspage.Subscription, error) {
	return s.subscriptionOf(ctx, "confirm", token)
}

// ConfirmStatusSubscription confirms the subscription of a link, and returns the token by which it is managed.
func (s *Service) ConfirmStatusSubscription(ctx context.Context, token string) (manage string, err error) {
	found, err := s.subscriptionOf(ctx, "confirm", token)
	if err != nil {
		return "", err
	}
	err = s.store.ConfirmSubscriber(ctx, found.Subscriber.ID, found.Subscriber.Created)
	if cron.KindOf(err) == cron.NotFound {
		err = errLinkGone()
	}
	return s.subscriberToken("manage", &found.Subscriber), err
}

// StatusSubscription is the subscription that a link manages. The error is of kind Gone when it has ended.
func (s *Service) StatusSubscription(ctx context.Context, token string) (statuspage.Subscription, error) {
	return s.subscriptionOf(ctx, "manage", token)
}

// ChangeStatusSubscription sets the components of the subscription that a link manages; none is all.
func (s *Service) ChangeStatusSubscription(ctx context.Context, token string, components []int64) error {
	found, err := s.subscriptionOf(ctx, "manage", token)
	if err != nil {
		return err
	}
	if !found.Page.Published {
		return cron.Missing(cron.SubjectStatusPage)
	}
	err = s.store.ChangeSubscriber(ctx, found.Subscriber.ID, statuspage.KnownComponents(&found.Page, components))
	if cron.KindOf(err) == cron.NotFound {
		err = errLinkGone()
	}
	return err
}

// StatusUnsubscribe ends the subscription that a link manages. It may have ended already.
func (s *Service) StatusUnsubscribe(ctx context.Context, token string) error {
	id, _, err := s.openSubscriberToken("manage", token)
	if err != nil {
		return err
	}
	return s.store.Unsubscribe(ctx, id)
}
