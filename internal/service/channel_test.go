package service_test

import (
	"context"
	"strings"
	"testing"

	"punctual/internal/cron"
	"punctual/internal/service"
	"punctual/internal/store/storetest"
)

// tester keeps what it is to send, and answers with what is next.
type tester struct {
	sent []cron.MessageDelivery
	next cron.MessageResult
}

// TestChannel keeps a message.
func (s *tester) TestChannel(_ context.Context, d *cron.MessageDelivery) cron.MessageResult {
	s.sent = append(s.sent, *d)
	return s.next
}

// channelOf makes a channel as a person would.
func channelOf(w *world, actor cron.Actor, kind string, settings map[string]string) cron.Channel {
	w.Helper()
	c, _, err := w.NewChannel(actor, &service.ChannelChange{Kind: kind, Settings: settings})
	w.ok(err)
	w.ok(w.AddChannel(w.Context(), actor, &c))
	return c
}

// linksTo are the tokens of the links of the mails that were sent to an address.
func linksTo(w *world, to string) (tokens []string) {
	w.Helper()
	w.FinishBackground(w.Context())
	mails := w.mail.mails
	w.mail.mails = nil
	for _, m := range mails {
		if _, token, ok := strings.Cut(m.Text, service.ChannelPath); ok && m.To == to {
			token, _, _ = strings.Cut(token, "\n")
			tokens = append(tokens, token)
		}
	}
	return tokens
}

// TestAddressesAreConfirmed makes channels of addresses: those of strangers' accounts are used once whoever has the address agrees.
func TestAddressesAreConfirmed(t *testing.T) {
	w := newWorld(t, nil)
	owner := w.ownAccount()
	owner.Account.Access = cron.AccessAll
	to := func(address string) map[string]string { return map[string]string{"to": address} }
	if c := channelOf(w, owner, "email", to("any@example.org")); !c.Confirmed {
		t.Error("the account of the operator has to have an address confirmed")
	}
	w.ok(w.db.UpdateAccount(w.Context(), owner.Account.ID, func(a *cron.Account) error { a.Access = cron.AccessGlobal; return nil }))
	owner.Account.Access = cron.AccessGlobal
	w.ok(w.db.UpdatePerson(w.Context(), owner.Person.ID, func(p *cron.Person) error { p.Confirmed = true; return nil }))
	if c := channelOf(w, owner, "email", to(strings.ToUpper(owner.Person.Email))); !c.Confirmed {
		t.Error("a member has to confirm the own address")
	}
	if c := channelOf(w, owner, "webhook", map[string]string{"url": "https://a.example/"}); !c.Confirmed {
		t.Error("a webhook has to be confirmed")
	}
	c := channelOf(w, owner, "email", to("Jane@example.org"))
	tokens := linksTo(w, "jane@example.org")
	if c.Confirmed || len(tokens) != 1 {
		t.Fatalf("the channel is %+v, and %d links were sent", c, len(tokens))
	}
	read := func() cron.Channel {
		t.Helper()
		c, err := w.db.Channel(w.Context(), c.AccountID, c.ID)
		w.ok(err)
		return c
	}
	if info, err := w.ChannelLink(w.Context(), tokens[0]); err != nil || info.Email != "jane@example.org" || read().Confirmed {
		t.Errorf("looking at the link: %+v, %v, confirmed %v", info, err, read().Confirmed)
	}
	client := service.Client{Console: true}
	w.ok(w.ConfirmChannel(w.Context(), client, tokens[0]))
	if !read().Confirmed {
		t.Error("it is not confirmed")
	}
	w.fails(w.ConfirmChannel(w.Context(), client, tokens[0]), cron.Gone, cron.RuleLinkUsed)

	// Another address has to be confirmed again, and the link of the former one is of no use.
	_, err := w.ChangeChannel(w.Context(), owner, c.ID, &service.ChannelChange{Settings: to("john@example.org")})
	w.ok(err)
	first := linksTo(w, "john@example.org")
	_, err = w.ChangeChannel(w.Context(), owner, c.ID, &service.ChannelChange{Settings: to("joan@example.org")})
	w.ok(err)
	second := linksTo(w, "joan@example.org")
	if read().Confirmed || len(first) != 1 || len(second) != 1 {
		t.Fatalf("confirmed %v, links %q and %q", read().Confirmed, first, second)
	}
	w.fails(w.ConfirmChannel(w.Context(), client, first[0]), cron.Gone, cron.RuleLinkExpired)
	w.ok(w.DeleteChannel(w.Context(), owner, c.ID))
	w.fails(w.ConfirmChannel(w.Context(), client, second[0]), cron.Gone, cron.RuleLinkExpired)
}

// TestConfirmationsAreBounded asks one address, and many, again and again.
func TestConfirmationsAreBounded(t *testing.T) {
	w := newWorld(t, nil)
	owner := w.ownAccount()
	w.ok(w.db.UpdateAccount(w.Context(), owner.Account.ID, func(a *cron.Account) error {
		a.Access, a.Plan = cron.AccessGlobal, cron.PlanUnlimited
		return nil
	}))
	owner.Account.Access, owner.Account.Plan = cron.AccessGlobal, cron.PlanUnlimited
	made := 0
	for range 30 {
		c, _, err := w.NewChannel(owner, &service.ChannelChange{Kind: "email", Settings: map[string]string{"to": "victim@example.org"}})
		w.ok(err)
		if err := w.AddChannel(w.Context(), owner, &c); err == nil {
			made++
		} else if cron.KindOf(err) != cron.TooMany {
			t.Fatal(err)
		}
	}
	if sent := len(linksTo(w, "victim@example.org")); sent != made || sent == 0 || sent > 10 { // 5 in an hour, which may end in between
		t.Errorf("%d channels have sent %d mails", made, sent)
	}
	c := cron.Channel{AccountID: owner.Account.ID, Kind: "email", Enabled: true, Settings: map[string]string{"to": "other@example.org"}}
	w.ok(w.db.CreateChannel(w.Context(), &c))
	for range 4 {
		result, err := w.TestChannel(w.Context(), owner, c.ID)
		w.ok(err)
		if result.Fault != cron.ChannelUnconfirmed {
			t.Errorf("the result is %+v", result)
		}
	}
	if sent := len(linksTo(w, "other@example.org")); sent < 1 || sent > 2 {
		t.Errorf("tests have sent %d mails", sent)
	}
}

// TestTests tests channels, of one receiver and of several, until there were too many.
func TestTests(t *testing.T) {
	sender := &tester{}
	w := newWorld(t, func(c *service.Config) { c.Channels = sender })
	owner := w.member("first@example.com", cron.RoleOwner)
	w.member("second@example.com", cron.RoleOwner)
	w.member("viewer@example.com", cron.RoleViewer)
	hook := channelOf(w, owner, "webhook", map[string]string{"url": "https://a.example/"})
	list, err := w.db.Channels(w.Context(), owner.Account.ID, 0, 1)
	w.ok(err)
	if _, err := w.TestChannel(w.Context(), owner, hook.ID); err != nil || len(sender.sent) != 1 {
		t.Fatalf("%v, sent %d", err, len(sender.sent))
	}
	d := sender.sent[0]
	if d.Message.Kind != cron.NoticeTest || len(d.Message.Notices) != 1 || d.Channel.Settings["url"] != "https://a.example/" ||
		d.Account.ID != owner.Account.ID || d.Message.ID != 0 {
		t.Errorf("sent %+v", d)
	}
	if _, err := w.TestChannel(w.Context(), owner, list[0].ID); err != nil || len(sender.sent) != 3 || sender.sent[1].Message.Recipient == sender.sent[2].Message.Recipient {
		t.Errorf("%v, sent %+v", err, sender.sent)
	}
	sender.next.Fault = cron.ChannelUnauthorized
	if result, err := w.TestChannel(w.Context(), owner, list[0].ID); err != nil || result.Fault != cron.ChannelUnauthorized || len(sender.sent) != 4 {
		t.Errorf("%v, %+v, sent %d", err, result, len(sender.sent))
	}
	sender.next.Fault = cron.ChannelOK
	for i, p := range []string{"first@example.com", "second@example.com"} {
		w.ok(w.db.UpdateChannel(w.Context(), owner.Account.ID, list[0].ID, func(c *cron.Channel) error {
			c.Unsubscribed = append(c.Unsubscribed, p)
			return nil
		}))
		result, err := w.TestChannel(w.Context(), owner, list[0].ID)
		if want := [...]cron.ChannelFault{cron.ChannelOK, cron.ChannelUnsubscribed}[i]; err != nil || result.Fault != want || len(sender.sent) != 5 {
			t.Errorf("without %d owners: %v, %+v, sent %d", i+1, err, result, len(sender.sent))
		}
	}
	refused := 0
	for range 12 { // 6 in a minute, which may end in between
		if _, err := w.TestChannel(w.Context(), owner, hook.ID); cron.KindOf(err) == cron.TooMany {
			refused++
		} else {
			w.ok(err)
		}
	}
	if refused < 3 || len(sender.sent) != 5+12-refused {
		t.Errorf("%d of 12 further tests were refused, and %d sent", refused, len(sender.sent))
	}
}

// TestTestsAreNoted shows what became of the latest test, also of one of a service without mail.
func TestTestsAreNoted(t *testing.T) {
	sender := &tester{}
	w := newWorld(t, func(c *service.Config) { c.Channels = sender })
	owner := w.ownAccount()
	c := channelOf(w, owner, "webhook", map[string]string{"url": "https://a.example/"})
	for _, r := range []cron.MessageResult{{Fault: cron.ChannelUnauthorized, Detail: "HTTP 401"}, {}, {Fault: cron.ChannelNotFound, Gone: true}} {
		sender.next = r
		_, err := w.TestChannel(w.Context(), owner, c.ID)
		w.ok(err)
		got, err := w.Channel(w.Context(), owner, c.ID)
		w.ok(err)
		if failed := !got.LastFailed.Before(got.LastSent); failed != (r.Fault != cron.ChannelOK) || got.Stopped != cron.ChannelOK || got.Failures != 0 {
			t.Errorf("after %+v: %+v", r, got)
		}
	}
}

// TestSecretsStayWithTheirHost leads channels to other hosts by people who were not told the secrets.
func TestSecretsStayWithTheirHost(t *testing.T) {
	w := newWorld(t, nil)
	owner := w.ownAccount()
	change := func(id int64, settings map[string]string, headers []cron.Header) error {
		c := service.ChannelChange{Settings: settings}
		if headers != nil {
			c.Values.Headers, c.Fields = headers, []string{"/headers"}
		}
		_, err := w.ChangeChannel(w.Context(), owner, id, &c)
		return err
	}
	secretsOf := func(id int64) string {
		c, err := w.db.Channel(w.Context(), owner.Account.ID, id)
		w.ok(err)
		return c.Settings["url"] + " " + c.Settings["token"]
	}
	const masked = cron.Masked
	gotify := channelOf(w, owner, "gotify", map[string]string{"url": "https://push.example/", "token": "first-token"})
	w.ok(change(gotify.ID, map[string]string{"url": "https://PUSH.example:443/below"}, nil)) // the same host
	for _, settings := range []map[string]string{
		{"url": "https://evil.example/"}, {"url": "https://evil.example/", "token": masked}, {"url": "http://push.example/"},
		{"url": "https://push.example:8443/", "token": " "},
	} {
		if settings["token"] == " " {
			w.fails(change(gotify.ID, settings, nil), cron.Invalid, cron.RuleMandatory)
			continue
		}
		w.fails(change(gotify.ID, settings, nil), cron.Invalid, cron.RuleSecretAgain)
	}
	w.ok(change(gotify.ID, map[string]string{"url": "https://evil.example/", "token": "second-token"}, nil))
	if got := secretsOf(gotify.ID); got != "https://evil.example/ second-token" {
		t.Errorf("the channel has %s", got)
	}

	hook, _, err := w.NewChannel(owner, &service.ChannelChange{Kind: "webhook", Settings: map[string]string{"url": "https://a.example/x"},
		Values: cron.Channel{Headers: []cron.Header{{Name: "Authorization", Value: "Bearer x"}}}, Fields: []string{"/headers"}})
	w.ok(err)
	w.ok(w.AddChannel(w.Context(), owner, &hook))
	moved := map[string]string{"url": "https://b.example/x"}
	w.fails(change(hook.ID, moved, nil), cron.Invalid, cron.RuleSecretAgain)
	w.fails(change(hook.ID, moved, []cron.Header{{Name: "Authorization", Value: masked}}), cron.Invalid, cron.RuleSecretAgain)
	w.ok(change(hook.ID, moved, []cron.Header{{Name: "Authorization", Value: "Bearer y"}}))
	slack := channelOf(w, owner, "slack", map[string]string{"url": "https://hooks.slack.com/services/a"})
	w.ok(change(slack.ID, map[string]string{"url": "https://hooks.slack-gov.com/services/b"}, nil)) // its URL is all that it has
}

// TestNobodyConfirms makes channels of strangers' addresses by a service that sends no mail.
func TestNobodyConfirms(t *testing.T) {
	w := newWorld(t, func(c *service.Config) { c.Mailer = nil })
	owner := w.member("jane@example.com", cron.RoleOwner)
	w.ok(w.db.UpdateAccount(w.Context(), owner.Account.ID, func(a *cron.Account) error { a.Access = cron.AccessGlobal; return nil }))
	owner.Account.Access = cron.AccessGlobal
	c, _, err := w.NewChannel(owner, &service.ChannelChange{Kind: "email", Settings: map[string]string{"to": "any@example.org"}})
	w.ok(err)
	w.fails(w.AddChannel(w.Context(), owner, &c), cron.Invalid, cron.RuleNobodyConfirms)
	c.Settings["to"] = owner.Person.Email
	w.ok(w.db.UpdatePerson(w.Context(), owner.Person.ID, func(p *cron.Person) error { p.Confirmed = true; return nil }))
	w.ok(w.AddChannel(w.Context(), owner, &c))
	_, err = w.ChangeChannel(w.Context(), owner, c.ID, &service.ChannelChange{Settings: map[string]string{"to": "any@example.org"}})
	w.fails(err, cron.Invalid, cron.RuleNobodyConfirms)
	if told, err := w.Told(w.Context(), owner); err != nil || told {
		t.Errorf("without a mail server, somebody is told: %v, %v", told, err)
	}
	channelOf(w, owner, "webhook", map[string]string{"url": "https://a.example/"})
	if told, err := w.Told(w.Context(), owner); err != nil || !told {
		t.Errorf("by a webhook, somebody is told: %v, %v", told, err)
	}
}

// TestStartAgain enables a channel that the service has stopped.
func TestStartAgain(t *testing.T) {
	w := newWorld(t, nil)
	owner := w.ownAccount()
	c := channelOf(w, owner, "webhook", map[string]string{"url": "https://a.example/"})
	storetest.NewTables(t, storetest.Raw(t, w.options)).SetChannelResult(c.ID, cron.ChannelNotFound, 3, "gone")
	change := func(fields ...string) cron.Channel {
		t.Helper()
		_, err := w.ChangeChannel(w.Context(), owner, c.ID, &service.ChannelChange{Values: cron.Channel{Enabled: true, Title: "x"}, Fields: fields})
		w.ok(err)
		read, err := w.db.Channel(w.Context(), c.AccountID, c.ID)
		w.ok(err)
		return read
	}
	if got := change("/title"); got.Stopped != cron.ChannelNotFound {
		t.Errorf("another title makes it %+v", got)
	}
	if got := change("/enabled"); got.Stopped != cron.ChannelOK || got.Failures != 0 {
		t.Errorf("enabled, it is %+v", got)
	}
}

// TestResendsAreBounded sends a message again and again.
func TestResendsAreBounded(t *testing.T) {
	w := newWorld(t, nil)
	owner := w.ownAccount()
	c := channelOf(w, owner, "webhook", map[string]string{"url": "https://a.example/"})
	id := storetest.NewTables(t, storetest.Raw(t, w.options)).AddMessage(c, cron.MessageSent)
	made := 0
	for range 90 {
		if _, err := w.Resend(w.Context(), owner, id); err == nil {
			made++
		} else if cron.KindOf(err) != cron.TooMany {
			t.Fatal(err)
		}
	}
	if made < 30 || made > 60 { // 30 in a minute, which may end in between
		t.Errorf("%d of 90 were sent again", made)
	}
}
