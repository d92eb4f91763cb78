package service_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"punctual/internal/cron"
	"punctual/internal/service"
	"punctual/internal/statuspage"
	"punctual/internal/store/storetest"
)

// published adds a page that visitors may read, with two components.
func (w *world) published(a cron.Actor, change func(*statuspage.Page)) statuspage.Page {
	w.Helper()
	return w.page(a, func(p *statuspage.Page) {
		p.Published, p.Components = true, []statuspage.Component{{Title: "Website", Rule: statuspage.DefaultRule()}, {Title: "API", Rule: statuspage.DefaultRule()}}
		change(p)
	})
}

func (w *world) subscribe(from string, p *statuspage.Page, kind statuspage.SubscriberKind, address string, components ...int64) (statuspage.Subscriber, error) {
	w.Helper()
	x := statuspage.Subscriber{PageID: p.ID, Kind: kind, Address: address, ComponentIDs: components}
	err := w.StatusSubscribe(w.Context(), client(from).Address, &x)
	return x, err
}

// TestSubscribe follows a subscription by mail from the form to its end.
func TestSubscribe(t *testing.T) {
	w := newWorld(t, nil)
	ctx := t.Context()
	editor := w.member("editor@example.com", cron.RoleEditor)
	p := w.published(editor, func(*statuspage.Page) {})
	_, err := w.subscribe("192.0.2.1", &p, statuspage.SubscriberMail, " Jane@Example.com ", p.Components[1].ID, 4711)
	w.ok(err)
	mail := w.oneMail("jane@example.com")
	if mail.Sender != "Acme" || mail.Unsubscribe != "" {
		t.Errorf("the mail is %+v", mail)
	}
	token := w.tokenIn(mail, service.SubscribePath)
	for _, wrong := range []string{"", "x", token + "x", strings.Replace(token, ".", "..", 1)} {
		_, err = w.StatusConfirmation(ctx, wrong)
		w.fails(err, cron.NotFound, cron.RuleNone)
		w.fails(w.StatusUnsubscribe(ctx, wrong), cron.NotFound, cron.RuleNone)
	}
	w.fails(w.StatusUnsubscribe(ctx, token), cron.NotFound, cron.RuleNone) // it confirms, and no more
	for range 2 {                                                          // a program that opens links does no harm
		found, err := w.StatusConfirmation(ctx, token)
		w.ok(err)
		if !found.Subscriber.Confirmed.IsZero() || found.Page.Title != "Acme" || found.Subscriber.Address != "jane@example.com" {
			t.Errorf("the link tells %+v", found)
		}
	}
	manage, err := w.ConfirmStatusSubscription(ctx, token)
	w.ok(err)
	_, err = w.ConfirmStatusSubscription(ctx, token)
	w.ok(err)
	found, err := w.StatusSubscription(ctx, manage)
	w.ok(err)
	if got := found.Subscriber.ComponentIDs; len(got) != 1 || got[0] != p.Components[1].ID || found.Subscriber.Confirmed.IsZero() {
		t.Errorf("the subscription is %+v", found.Subscriber)
	}
	w.ok(w.ChangeStatusSubscription(ctx, manage, []int64{p.Components[0].ID, p.Components[1].ID}))
	if found, err = w.StatusSubscription(ctx, manage); err != nil || found.Subscriber.ComponentIDs != nil {
		t.Errorf("all components are %v, %v", found.Subscriber.ComponentIDs, err)
	}
	w.ok(w.ChangeStatusPage(ctx, editor, p.ID, nil, func(p *statuspage.Page) { p.Published = false }))
	if found, err = w.StatusSubscription(ctx, manage); err != nil || found.Page.Components != nil || found.Page.Groups != nil {
		t.Errorf("a subscriber of a draft is told of %+v, %v", found.Page, err)
	}
	w.fails(w.ChangeStatusSubscription(ctx, manage, []int64{p.Components[0].ID}), cron.NotFound, cron.RuleNone)
	_, err = w.StatusSubscription(ctx, token)
	w.fails(err, cron.NotFound, cron.RuleNone)
	w.ok(w.StatusUnsubscribe(ctx, manage))
	w.ok(w.StatusUnsubscribe(ctx, manage))
	_, err = w.StatusSubscription(ctx, manage)
	w.fails(err, cron.Gone, cron.RuleNone)
	w.fails(w.ChangeStatusSubscription(ctx, manage, nil), cron.Gone, cron.RuleNone)
	_, err = w.StatusConfirmation(ctx, token)
	w.fails(err, cron.Gone, cron.RuleNone)
}

// TestSubscribeTellsNothing answers alike whether an address is new, was asked just now, or is subscribed, and asks it once an hour.
func TestSubscribeTellsNothing(t *testing.T) {
	w := newWorld(t, nil)
	editor := w.member("editor@example.com", cron.RoleEditor)
	p := w.published(editor, func(*statuspage.Page) {})
	for _, address := range []string{"jane@example.com", "JANE@example.com"} {
		_, err := w.subscribe("192.0.2.1", &p, statuspage.SubscriberMail, address)
		w.ok(err)
	}
	token := w.tokenIn(w.oneMail("jane@example.com"), service.SubscribePath)
	_, err := w.ConfirmStatusSubscription(t.Context(), token)
	w.ok(err)
	if mails := w.sent(); len(mails) != 0 {
		t.Errorf("mails: %+v", mails)
	}
	secrets := map[string]bool{}
	for range 3 {
		x, err := w.subscribe("192.0.2.1", &p, statuspage.SubscriberWebhook, "https://hooks.example/a")
		w.ok(err)
		if !cron.IsSigningSecret(x.Secret) || secrets[x.Secret] {
			t.Errorf("the secret is %q", x.Secret)
		}
		secrets[x.Secret] = true
	}
	list, _, err := w.Subscribers(t.Context(), editor, p.ID, 0, 10)
	w.ok(err)
	if len(list) != 2 || list[0].Secret != "" {
		t.Errorf("the subscribers are %+v", list)
	}
}

// TestKnownSubscriber sends whoever is subscribed the link to manage that, and changes nothing.
func TestKnownSubscriber(t *testing.T) {
	w := newWorld(t, nil)
	editor := w.member("editor@example.com", cron.RoleEditor)
	p := w.published(editor, func(*statuspage.Page) {})
	_, err := w.subscribe("192.0.2.1", &p, statuspage.SubscriberMail, "jane@example.com")
	w.ok(err)
	_, err = w.ConfirmStatusSubscription(t.Context(), w.tokenIn(w.oneMail("jane@example.com"), service.SubscribePath))
	w.ok(err)
	storetest.NewTables(t, storetest.Raw(t, w.options)).Exec(`DELETE FROM usage`) // an hour passes
	_, err = w.subscribe("192.0.2.1", &p, statuspage.SubscriberMail, "jane@example.com", p.Components[0].ID)
	w.ok(err)
	found, err := w.StatusSubscription(t.Context(), w.tokenIn(w.oneMail("jane@example.com"), service.SubscriptionPath))
	w.ok(err)
	if found.Subscriber.ComponentIDs != nil {
		t.Errorf("the subscription is %+v", found.Subscriber)
	}
}

// TestExpiredSubscription ends a link with the time in which it could be used, and with a later request for the same address.
func TestExpiredSubscription(t *testing.T) {
	w := newWorld(t, nil)
	editor := w.member("editor@example.com", cron.RoleEditor)
	p := w.published(editor, func(*statuspage.Page) {})
	raw := storetest.NewTables(t, storetest.Raw(t, w.options))
	var tokens [2]string
	for n := range tokens {
		raw.Exec(`DELETE FROM usage`) // an hour passes
		_, err := w.subscribe("192.0.2.1", &p, statuspage.SubscriberMail, "jane@example.com")
		w.ok(err)
		tokens[n] = w.tokenIn(w.oneMail("jane@example.com"), service.SubscribePath)
	}
	_, err := w.ConfirmStatusSubscription(t.Context(), tokens[0])
	w.fails(err, cron.Gone, cron.RuleLinkExpired)
	_, err = w.StatusConfirmation(t.Context(), tokens[1])
	w.ok(err)
	raw.AgeSubscribers(statuspage.ConfirmWithin)
	_, err = w.StatusConfirmation(t.Context(), tokens[1])
	w.fails(err, cron.Gone, cron.RuleLinkExpired)
	_, err = w.ConfirmStatusSubscription(t.Context(), tokens[1])
	w.fails(err, cron.Gone, cron.RuleLinkExpired)
}

// TestSubscribeRefuses refuses what is no address that may be told.
func TestSubscribeRefuses(t *testing.T) {
	w := newWorld(t, nil)
	editor := w.member("editor@example.com", cron.RoleEditor)
	public := w.published(editor, func(*statuspage.Page) {})
	members := w.published(editor, func(p *statuspage.Page) { p.Access = statuspage.AccessMembers })
	draft := w.page(editor, func(*statuspage.Page) {})
	for n, tt := range []struct {
		page    *statuspage.Page
		kind    statuspage.SubscriberKind
		address string
		want    cron.ErrorKind
		rule    cron.Rule
	}{
		{&public, statuspage.SubscriberMail, "jane", cron.Invalid, cron.RuleEmail},
		{&public, statuspage.SubscriberMail, "jane@example.com\r\nBcc: x@example.com", cron.Invalid, cron.RuleEmail},
		{&public, statuspage.SubscriberWebhook, "http://a.example/", cron.Invalid, cron.RuleWebhookHTTPS},
		{&public, statuspage.SubscriberWebhook, "ftp://a.example/", cron.Invalid, cron.RuleNone},
		{&public, statuspage.SubscriberWebhook, "https://a.example/" + strings.Repeat("x", 2000), cron.Invalid, cron.RuleTooLong},
		{&draft, statuspage.SubscriberMail, "jane@example.com", cron.NotFound, cron.RuleNone},
	} {
		_, err := w.subscribe(fmt.Sprint("192.0.2.", n+1), tt.page, tt.kind, tt.address)
		w.fails(err, tt.want, tt.rule)
	}
	for n, tt := range []struct {
		page   *statuspage.Page
		member bool
		want   cron.ErrorKind
	}{{&members, false, cron.Invalid}, {&public, true, cron.Invalid}, {&members, true, 0}} {
		x := statuspage.Subscriber{PageID: tt.page.ID, Kind: statuspage.SubscriberWebhook, Address: "http://a.example/", Member: tt.member}
		err := w.StatusSubscribe(t.Context(), client(fmt.Sprint("198.51.100.", n+1)).Address, &x)
		if tt.want == 0 {
			w.ok(err)
			continue
		}
		w.fails(err, tt.want, cron.RuleWebhookHTTPS)
	}
	if mails := w.sent(); len(mails) != 0 {
		t.Errorf("mails: %+v", mails)
	}
}

// TestSubscribeFlood bounds what one visitor, and all of them together, cause.
func TestSubscribeFlood(t *testing.T) {
	w := newWorld(t, nil)
	editor := w.member("editor@example.com", cron.RoleEditor)
	p, other := w.published(editor, func(*statuspage.Page) {}), w.published(editor, func(*statuspage.Page) {})
	asked := 0
	for n := range 30 {
		_, err := w.subscribe("192.0.2.1", &p, statuspage.SubscriberMail, fmt.Sprint("x", n, "@example.com"))
		if err == nil {
			asked++
			continue
		}
		w.fails(err, cron.TooMany, cron.RuleNone)
	}
	if asked != 20 {
		t.Errorf("one network asked %d addresses", asked)
	}
	pages := []*statuspage.Page{&p, &other}
	w.sent()
	for n := range 40 { // one mailbox from everywhere
		_, err := w.subscribe(fmt.Sprintf("198.51.%d.1", n), pages[n%2], statuspage.SubscriberMail, fmt.Sprintf("victim+%d@example.com", n))
		w.ok(err)
	}
	if mails := w.sent(); len(mails) != 10 {
		t.Errorf("one mailbox got %d mails", len(mails))
	}
	var last error
	for n := 0; n < 250 && last == nil; n++ {
		_, last = w.subscribe(fmt.Sprintf("203.0.%d.1", n), &p, statuspage.SubscriberMail, fmt.Sprint("y", n, "@example.com"))
	}
	w.fails(last, cron.TooMany, cron.RuleNone)
}

// TestExportSubscribers writes all subscribers, none of them as a formula.
func TestExportSubscribers(t *testing.T) {
	w := newWorld(t, nil)
	editor := w.member("editor@example.com", cron.RoleEditor)
	p := w.published(editor, func(p *statuspage.Page) { p.Components[0].Title = "=1+1" })
	for n := range service.MaxSubscribersPage + 5 {
		x := statuspage.Subscriber{PageID: p.ID, Address: fmt.Sprint("+", n, "@example.com"), ComponentIDs: []int64{p.Components[0].ID}}
		w.ok(w.db.Subscribe(t.Context(), &x, [32]byte{byte(n)}, func(context.Context, *statuspage.Subscriber, bool) error { return nil }))
	}
	var out strings.Builder
	w.ok(w.ExportSubscribers(t.Context(), editor, p.ID, &out))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != service.MaxSubscribersPage+6 || !strings.Contains(lines[1], ",email,'+104@example.com,'=1+1,") {
		t.Errorf("%d lines: %.300s", len(lines), out.String())
	}
}
