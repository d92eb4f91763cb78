package publictest

import (
	"context"
	"net/netip"
	"strings"
	"sync"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// Subscriptions are those of visitors, in memory. The token of each is its address, and that of a confirmation too.
type Subscriptions struct {
	mu    sync.Mutex
	pages *Pages
	all   map[string]*statuspage.Subscription
	err   error
}

// NewSubscriptions returns Subscriptions to pages.
func NewSubscriptions(pages *Pages) *Subscriptions {
	return &Subscriptions{pages: pages, all: map[string]*statuspage.Subscription{}}
}

// SetError makes StatusSubscribe fail.
func (s *Subscriptions) SetError(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// Of is the subscriber with an address; nil for none.
func (s *Subscriptions) Of(address string) *statuspage.Subscriber {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.all[address]; x != nil {
		return new(x.Subscriber)
	}
	return nil
}

// StatusSubscribe implements public.Subscriptions. What has no "@" or "://" is no address.
func (s *Subscriptions) StatusSubscribe(_ context.Context, _ netip.Addr, x *statuspage.Subscriber) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	if !strings.Contains(x.Address, "@") && !strings.Contains(x.Address, "://") {
		return &cron.Error{Kind: cron.Invalid, Problems: []cron.Problem{{Pointer: "/address", Rule: cron.RuleEmail, Given: x.Address}}}
	}
	if x.Kind == statuspage.SubscriberWebhook {
		x.Secret = "whsec_shown"
	}
	s.pages.mu.Lock()
	defer s.pages.mu.Unlock()
	s.all[x.Address] = &statuspage.Subscription{Subscriber: *x, Page: s.pages.views[x.PageID].Page}
	return nil
}

func (s *Subscriptions) find(token string) (statuspage.Subscription, error) {
	if x := s.all[token]; x != nil {
		return *x, nil
	}
	if token == "gone" {
		return statuspage.Subscription{}, &cron.Error{Kind: cron.Gone, Subject: cron.SubjectLink}
	}
	return statuspage.Subscription{}, cron.Missing(cron.SubjectLink)
}

// StatusConfirmation implements public.Subscriptions.
func (s *Subscriptions) StatusConfirmation(_ context.Context, token string) (statuspage.Subscription, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.find(token)
}

// ConfirmStatusSubscription implements public.Subscriptions.
func (s *Subscriptions) ConfirmStatusSubscription(_ context.Context, token string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, err := s.find(token)
	if err == nil {
		x.Subscriber.Confirmed = s.pages.Now()
		s.all[token] = &x
	}
	return token, err
}

// StatusSubscription implements public.Subscriptions.
func (s *Subscriptions) StatusSubscription(ctx context.Context, token string) (statuspage.Subscription, error) {
	return s.StatusConfirmation(ctx, token)
}

// ChangeStatusSubscription implements public.Subscriptions.
func (s *Subscriptions) ChangeStatusSubscription(_ context.Context, token string, components []int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, err := s.find(token)
	if err == nil {
		x.Subscriber.ComponentIDs = components
		s.all[token] = &x
	}
	return err
}

// StatusUnsubscribe implements public.Subscriptions.
func (s *Subscriptions) StatusUnsubscribe(_ context.Context, token string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !strings.Contains(token, "@") {
		return cron.Missing(cron.SubjectLink)
	}
	delete(s.all, token)
	return nil
}
