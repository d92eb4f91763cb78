package web_test

import (
	"context"
	"html"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/service"
	"punctual/internal/store/storetest"
)

// courier takes tests of channels, and answers with what is next.
type courier struct {
	sent []cron.MessageDelivery
	next cron.MessageResult
}

// TestChannel keeps a test.
func (c *courier) TestChannel(_ context.Context, d *cron.MessageDelivery) cron.MessageResult {
	c.sent = append(c.sent, *d)
	return c.next
}

// channels are those of the first account.
func (c *console) channels(t testing.TB) []cron.Channel {
	t.Helper()
	list, err := c.store.Channels(t.Context(), c.account(t).ID, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// lastChannel is the newest channel of the first account, and the path of its page.
func (c *console) lastChannel(t testing.TB) (cron.Channel, string) {
	t.Helper()
	list := c.channels(t)
	last := list[len(list)-1]
	return last, "/console/settings/channels/" + strconv.FormatInt(last.ID, 10)
}

// TestFirstChannel goes from the banner to a test that arrives.
func TestFirstChannel(t *testing.T) {
	tester := &courier{}
	c := newConsoleWith(t, settings{channels: tester})
	b := c.setUp(t)
	b.get("/console/settings/channels").says(200, "Nobody is told yet", "E-mail to the owners", "No mail server", "/channels/new")
	choose := b.get("/console/settings/channels/new").says(200, "Slack", "Twilio", "An incident for each problem")
	if popular, other := strings.Index(choose.body, "kind=slack"), strings.Index(choose.body, "kind=http"); popular < 0 || popular > other {
		t.Error("popular kinds do not come first")
	}
	b.get("/console/settings/channels/new?kind=slack").says(200, "incoming webhook", `name="set-url"`, `value="1" checked`)
	b.get("/console/settings/channels/new?kind=nothing").says(200, "kind=slack")
	const hook = "https://hooks.slack.com/services/T0/B0/hidden-part"
	wrong := b.post("/console/settings/channels/new", "kind", "slack", "set-url", "https://discord.com/x", "title", hostile, "then", "test")
	wrong.says(422, "is a host of Discord", "&lt;script&gt;").hides("<script>alert")
	b.post("/console/settings/channels/new", "kind", "slack", "set-url", hook, "title", hostile, "default", "1", "then", "test").
		leads("/console/settings/channels/2?done=tested")
	b.get("/console/settings/channels/2?done=tested").says(200, "The test message arrived.", "Works", "&lt;script&gt;").hides("hidden-part", "<script>alert")
	if len(tester.sent) != 1 || tester.sent[0].Channel.Settings["url"] != hook {
		t.Fatalf("sent %+v", tester.sent)
	}
	b.get("/console/settings/channels").says(200, "Works", "All jobs that name no channels").hides("Nobody is told yet")
	tester.next = cron.MessageResult{Fault: cron.ChannelUnauthorized, Detail: "HTTP 403: " + hostile}
	b.post("/console/settings/channels/2/test").leads("/console/settings/channels/2?done=tested")
	b.get("/console/settings/channels/2?done=tested").says(200, "did not arrive", "rejects the token", "Failing", "&lt;script&gt;").
		hides("The test message arrived", "<script>alert")
	b.get("/console/settings/channels/2").says(200, "Nothing has arrived since")
}

// TestEveryKindHasAForm makes a form of each kind, which has each of its settings and never the value of a secret.
func TestEveryKindHasAForm(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	kinds, err := c.service.ChannelKinds(cron.OperatorOf(c.account(t)))
	if err != nil || len(kinds) < 20 {
		t.Fatal(len(kinds), err)
	}
	choose := b.get("/console/settings/channels/new")
	for _, k := range kinds {
		choose.says(200, "kind="+k.Name+`"`, k.Title)
		page := b.get("/console/settings/channels/new?kind="+k.Name).says(200, "New channel: "+k.Title)
		for _, f := range k.Fields {
			page.says(200, `name="set-`+f.Name+`"`)
		}
		if empty := regexp.MustCompile(`<label for="set-[^"]*"> *(<|$)`).FindString(page.body); empty != "" {
			t.Errorf("%s has a field without a label: %s", k.Name, empty)
		}
		if k.Headers != strings.Contains(page.body, `name="headers"`) {
			t.Errorf("%s: headers are wrong", k.Name)
		}
		settings := map[string]string{}
		for _, f := range k.Fields {
			if settings[f.Name] = "x"; f.Secret {
				settings[f.Name] = "never-shown-again"
			}
		}
		stored := cron.Channel{AccountID: c.account(t).ID, Kind: k.Name, Enabled: true, Confirmed: true, Settings: settings}
		if err := c.store.CreateChannel(t.Context(), &stored); err != nil {
			t.Fatal(err)
		}
		path := "/console/settings/channels/" + strconv.FormatInt(stored.ID, 10)
		b.get(path).says(200, k.Title).hides("never-shown-again")
		b.get(path+"/settings").says(200, "Settings of "+k.Title).hides("never-shown-again")
	}
}

// TestChannelForm fills in all of the form, and keeps, replaces and removes secrets.
func TestChannelForm(t *testing.T) {
	c := newConsoleWith(t, settings{channels: &courier{}})
	b := c.setUp(t)
	account := c.account(t)
	folder := cron.Folder{AccountID: account.ID, Title: "Night " + hostile}
	if err := c.store.CreateFolder(t.Context(), &folder); err != nil {
		t.Fatal(err)
	}
	made := b.post("/console/settings/channels/new", "kind", "webhook", "set-url", "https://a.example/x", "title", "Hook", "tags", "prod, night",
		"folder", strconv.FormatInt(folder.ID, 10), "headers", "Authorization: Bearer kept-token\r\nX-Team: ops", "from", "22:00", "to", "07:30",
		"timezone", "Europe/Berlin", "grave", "1", "reminder", "3600", "template", "{subject}\r\n{summary}", "then", "save")
	made.says(200, "whsec_", "not shown again", "22:00 to 07:30, Europe/Berlin")
	ch, path := c.lastChannel(t)
	if ch.Title != "Hook" || ch.Default || len(ch.Tags) != 2 || len(ch.FolderIDs) != 1 || ch.QuietFrom != 22*60 || ch.QuietTo != 7*60+30 || !ch.QuietGrave ||
		ch.Reminder != time.Hour || ch.Template != "{subject}\n{summary}" || len(ch.Headers) != 2 || ch.Headers[0].Value != "Bearer kept-token" {
		t.Fatalf("made %+v", ch)
	}
	form := b.get(path+"/settings").says(200, `value="22:00"`, `value="3600" selected`, "prod, night", "Authorization: xxxxx", "&lt;script&gt;").
		hides("kept-token", "whsec_", "<script>alert")
	fields := []string{"set-url", "https://a.example/y", "headers", "Authorization: xxxxx\r\nX-Team: dev", "reminder", "3600", "then", "save"}
	if !strings.Contains(form.body, `name="generate"`) {
		t.Error("the signing secret cannot be made anew")
	}
	b.post(path+"/settings", fields...).leads(path + "?done=saved")
	kept, _ := c.lastChannel(t)
	if kept.Settings["secret"] != ch.Settings["secret"] || kept.Headers[0].Value != "Bearer kept-token" || kept.Headers[1].Value != "dev" ||
		kept.Settings["url"] != "https://a.example/y" || len(kept.Tags) != 0 {
		t.Errorf("kept %+v", kept)
	}
	fields[1] = "https://b.example/"
	b.post(path+"/settings", fields...).says(422, "The channel sends to b.example now", `value="https://b.example/"`)
	fields[3] = "no header"
	b.post(path+"/settings", fields...).says(422, "no header")
	b.post(path+"/settings", "set-url", "https://a.example/y", "generate", "1", "from", "22:00", "tags", strings.Repeat("x", 500)).
		says(422, "A value is missing here")
	again := b.post(path+"/settings", "set-url", "https://a.example/y", "generate", "1").says(200, "whsec_")
	if other, _ := c.lastChannel(t); other.Settings["secret"] == ch.Settings["secret"] || !strings.Contains(html.UnescapeString(again.body), other.Settings["secret"]) {
		t.Error("the signing secret is the former one")
	}

	b.post("/console/settings/channels/new", "kind", "ntfy", "set-url", "https://ntfy.sh/topic", "set-token", "tk_kept").leads("/console/settings/channels/3?done=channel-made")
	_, path = c.lastChannel(t)
	b.post(path+"/settings", "set-url", "https://ntfy.sh/other", "set-topic", "").leads(path + "?done=saved")
	if got, _ := c.lastChannel(t); got.Settings["token"] != "tk_kept" {
		t.Errorf("kept %v", got.Settings)
	}
	b.post(path+"/settings", "set-url", "https://ntfy.sh/other", "remove-token", "1").leads(path + "?done=saved")
	if got, _ := c.lastChannel(t); got.Settings["token"] != "" {
		t.Errorf("kept %v", got.Settings)
	}
}

// TestChannelSwitches mutes, stops, starts and deletes a channel.
func TestChannelSwitches(t *testing.T) {
	tester := &courier{}
	c := newConsoleWith(t, settings{channels: tester})
	b := c.setUp(t)
	b.post("/console/settings/channels/new", "kind", "slack", "set-url", "https://hooks.slack.com/services/x").leads("/console/settings/channels/2?done=channel-made")
	ch, path := c.lastChannel(t)
	for hours, says := range map[string]string{"8": "Muted until ", "-1": "Muted", "nonsense": "Muted until "} {
		b.post(path+"/mute", "hours", hours).leads(path + "?done=muted")
		b.get(path).says(200, says, "Unmute")
	}
	b.post(path+"/mute", "hours", "0").leads(path + "?done=unmuted")
	b.get(path).says(200, "Not tried yet").hides("Unmute")
	b.post(path + "/disable").leads(path + "?done=disabled")
	b.get(path).says(200, "Off", "Turn on")
	b.post(path + "/enable").leads(path + "?done=enabled")
	storetest.NewTables(t, storetest.Raw(t, c.options)).SetChannelResult(ch.ID, cron.ChannelRejected, 3, "no <b>")
	b.get(path).says(200, "Stopped", "Start again", "no &lt;b&gt;")
	b.post(path + "/enable").leads(path + "?done=enabled")
	if got, _ := c.lastChannel(t); got.Stopped != cron.ChannelOK {
		t.Errorf("enabled, it is %+v", got)
	}
	refused := 0
	for range 14 { // 6 in a minute, which may end in between
		if got := b.post(path + "/test"); got.status == 429 {
			got.says(429, `role="alert"`)
			refused++
		}
	}
	if refused == 0 {
		t.Error("no test was refused")
	}

	viewer := c.join(t, b, "bob@example.com", "viewer")
	viewer.get("/console/settings/channels").says(200, "Slack").hides("/channels/new")
	viewer.get(path).says(200, "Slack").hides(`action="/console/settings/channels`)
	viewer.get("/console/settings/channels/new").says(403)
	viewer.get("/console/settings/channels/new?kind=slack").says(403)
	viewer.get(path + "/settings").says(403)
	for _, form := range []string{"/settings", "/test", "/enable", "/disable", "/mute", "/delete"} {
		viewer.post(path + form).says(403)
	}
	viewer.post("/console/settings/channels/new", "kind", "slack", "set-url", "https://hooks.slack.com/services/y").says(403)
	if len(c.channels(t)) != 2 {
		t.Fatal("a viewer has made a channel")
	}
	b.post(path + "/delete").leads("/console/settings/channels?done=channel-deleted")
	b.get(path).says(404)
	b.post(path + "/delete").says(404)
}

// TestChannelsOfOthers asks for channels and messages of another account.
func TestChannelsOfOthers(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	other := storetest.NewAccount(t, c.store, "other@example.com", cron.PlanUnlimited)
	theirs, err := c.store.Channels(t.Context(), other.ID, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	message := storetest.NewTables(t, storetest.Raw(t, c.options)).AddMessage(theirs[0], cron.MessageFailed)
	path := "/console/settings/channels/" + strconv.FormatInt(theirs[0].ID, 10)
	for _, page := range []string{path, path + "/settings", "/console/settings/messages/" + strconv.FormatInt(message, 10)} {
		b.get(page).says(404)
	}
	for _, form := range []string{path + "/settings", path + "/test", path + "/enable", path + "/mute", path + "/delete",
		"/console/settings/messages/" + strconv.FormatInt(message, 10) + "/again"} {
		b.post(form, "hours", "1").says(404)
	}
}

// TestMessages shows what a channel was sent, page by page, and sends one again.
func TestMessages(t *testing.T) {
	c := newConsoleWith(t, settings{channels: &courier{}})
	b := c.setUp(t)
	b.post("/console/settings/channels/new", "kind", "slack", "set-url", "https://hooks.slack.com/services/x")
	ch, path := c.lastChannel(t)
	b.get(path).says(200, "No messages.")
	tables := storetest.NewTables(t, storetest.Raw(t, c.options))
	var failed int64
	for i := range 120 {
		id := tables.AddMessage(ch, []cron.MessageState{cron.MessageSent, cron.MessageFailed, cron.MessageDropped}[i%3])
		if i%3 == 1 {
			failed = id
		}
	}
	first := b.get(path).says(200, "Failed", "Not sent", "Next page")
	if n := strings.Count(first.body, "/console/settings/messages/"); n != 50 {
		t.Errorf("the page shows %d messages", n)
	}
	if len(first.body) > 120<<10 {
		t.Errorf("the page has %d bytes", len(first.body))
	}
	only := b.get(path + "?state=failed").says(200)
	if n := strings.Count(only.body, "/console/settings/messages/"); n != 40 {
		t.Errorf("the page shows %d messages that failed", n)
	}
	b.get(path+"?state=nothing&before=x").says(200, "Next page")
	page := "/console/settings/messages/" + strconv.FormatInt(failed, 10)
	b.get(page).says(200, "Send again", "Slack")
	sent := b.post(page + "/again")
	to := sent.header.Get("Location")
	if sent.status != 303 || !strings.HasSuffix(to, "?done=resent") {
		t.Fatalf("sending again leads to %q: %d", to, sent.status)
	}
	b.get(to).says(200, "The message is sent again.", "Waiting").hides("/again")
	b.post(strings.TrimSuffix(to, "?done=resent") + "/again").says(409)
	b.get("/console/settings/messages/4711").says(404)
	b.post(path + "/delete")
	b.get(page).says(200, "A channel that was deleted").hides("/again")
}

// TestUnconfirmedChannel makes a channel of an address that has to be confirmed, by a service with and without mail.
func TestUnconfirmedChannel(t *testing.T) {
	for _, mail := range []bool{true, false} {
		c := newConsoleWith(t, settings{mail: mail, publicURL: "http://example.com", channels: &courier{}})
		b := c.setUp(t)
		err := c.store.UpdateAccount(t.Context(), c.account(t).ID, func(a *cron.Account) error { a.Access = cron.AccessGlobal; return nil })
		if err != nil {
			t.Fatal(err)
		}
		made := b.post("/console/settings/channels/new", "kind", "email", "set-to", "team@example.org", "then", "test")
		if !mail {
			made.says(422, "would have to confirm it", `value="team@example.org"`)
			continue
		}
		made.leads("/console/settings/channels/2?done=asked")
		b.get("/console/settings/channels/2?done=asked").says(200, "Nobody has confirmed this address", "Not confirmed", "Send the link again")
		if m := c.mail(t); m.To != "team@example.org" || !strings.Contains(m.Text, service.ChannelPath) {
			t.Errorf("sent %+v", m)
		}
	}
}

// TestUntold shows on other pages that nobody is told, while that is so.
func TestUntold(t *testing.T) {
	c := newConsoleWith(t, settings{channels: &courier{}})
	b := c.setUp(t)
	viewer := c.join(t, b, "bob@example.com", "viewer")
	c.newJob(t, titled("nightly"))
	b.get("/console").says(200, "Nobody is told yet", `href="/console/settings/channels/new"`)
	viewer.get("/console").says(200, "Nobody is told yet").hides(`href="/console/settings/channels/new"`)
	b.post("/console/settings/channels/new", "kind", "slack", "set-url", "https://hooks.slack.com/services/x", "then", "test")
	b.get("/console").says(200).hides("Nobody is told yet")
	b.post("/console/settings/channels/2/mute", "hours", "-1")
	b.get("/console").says(200, "Nobody is told yet")
}
