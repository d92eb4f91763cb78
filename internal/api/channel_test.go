package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"punctual/internal/cron"
	"punctual/internal/store/storetest"
)

// TestChannels creates, reads, changes and deletes channels.
func TestChannels(t *testing.T) {
	c := newClient(t)
	member := func(body, path string) string { t.Helper(); return part(t, json.RawMessage(body), path) }
	get := func(id, path string) string {
		t.Helper()
		return member(c.must("GET", "/channels/"+id, ""), "channel."+path)
	}

	if kind := get("1", "kind"); kind != `"owners"` || get("1", "default") != "true" || get("1", "state") != `"active"` {
		t.Errorf("an account begins with a channel of kind %s", kind)
	}
	created := c.must("POST", "/channels", `{"channel":{"kind":"WebHook","title":" On call ","url":"https://joe:secret@a.example/x?t=1","default":true,
		"folderIds":[7,3,7],"tags":["Prod","prod"],"headers":{"X-Token":"h34der"},"template":"{subject}","language":"en","reminderSeconds":3600,
		"quietHours":{"from":"22:00","to":"07:30","timezone":"Europe/Berlin","exceptGrave":true}}}`)
	secret := member(created, "secret")
	if member(created, "channelId") != "2" || !strings.HasPrefix(secret, `"whsec_`) {
		t.Fatalf("created as %s", created)
	}
	for path, want := range map[string]string{
		"kind": `"webhook"`, "title": `"On call"`, "enabled": "true", "default": "true", "folderIds": "[3,7]", "tags": `["Prod"]`,
		"settings":   `{"secret":"xxxxx","url":"https://joe:secret@a.example/x?t=1"}`,
		"headers":    `{"X-Token":"xxxxx"}`,
		"quietHours": `{"from":"22:00","to":"07:30","timezone":"Europe/Berlin","exceptGrave":true}`,
		"template":   `"{subject}"`, "language": `"en"`, "reminderSeconds": "3600", "mutedUntil": "null", "state": `"active"`, "lastError": "null",
	} {
		if got := get("2", path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	stored := func() cron.Channel {
		t.Helper()
		channel, err := c.server.store.Channel(t.Context(), c.account.ID, 2)
		if err != nil {
			t.Fatal(err)
		}
		return channel
	}
	before := stored()
	if `"`+before.Settings["secret"]+`"` != secret {
		t.Error("the secret that was shown is another one")
	}
	whole := member(c.must("GET", "/channels/2", ""), "channel")
	if got := c.must("PATCH", "/channels/2", `{"channel":`+whole+`}`); strings.TrimSpace(got) != "{}" {
		t.Errorf("a change without another secret is answered with %s", got)
	}
	if after := stored(); after.Settings["secret"] != before.Settings["secret"] || after.Headers[0].Value != "h34der" {
		t.Errorf("sent as it was read, it is %+v", after)
	}
	other := member(c.must("PATCH", "/channels/2", `{"channel":{"secret":"generate","quietHours":null,"headers":{}}}`), "secret")
	if other == secret || get("2", "quietHours") != "null" || get("2", "headers") != "{}" || get("2", "title") != `"On call"` {
		t.Errorf("changed to %s", c.must("GET", "/channels/2", ""))
	}
	c.must("PATCH", "/channels/2", `{"channel":{"settings":{"url":"https://a.example/xxxxx"}}}`) // no secret of this kind
	if got := get("2", "settings"); !strings.Contains(got, `"https://a.example/xxxxx"`) {
		t.Errorf("the settings are %s", got)
	}
	c.must("PATCH", "/channels/2", `{"channel":{"settings":{"secret":"","url":"https://joe:secret@a.example/x?t=1"},"enabled":false}}`)
	if got := get("2", "settings"); got != `{"url":"https://joe:secret@a.example/x?t=1"}` || get("2", "state") != `"disabled"` {
		t.Errorf("without a secret it has %s", got)
	}
	viewer := c.signIn("viewer@example.com", cron.RoleViewer)
	if got := viewer.must("GET", "/channels/2", ""); strings.Contains(got, "joe:secret") {
		t.Errorf("a viewer sees %s", got)
	}
	c.must("DELETE", "/channels/2", "")
	for _, call := range []string{"GET", "DELETE"} {
		if got := c.do(call, "/channels/2", ""); got.status != 404 {
			t.Errorf("%s of a deleted channel: status %d", call, got.status)
		}
	}
	if list := c.must("GET", "/channels", ""); strings.Count(list, `"channelId"`) != 1 || strings.Contains(list, "h34der") {
		t.Errorf("the list is %s", list)
	}
	if log := c.server.log.String(); log != "" {
		t.Errorf("logged: %s", log)
	}
}

// TestChannelPages goes through a list page by page.
func TestChannelPages(t *testing.T) {
	c := newClient(t)
	for range 3 {
		c.must("POST", "/channels", `{"channel":{"kind":"webhook","url":"https://a.example/"}}`)
	}
	first := c.must("GET", "/channels?limit=2", "")
	if next := part(t, json.RawMessage(first), "next"); next != `"2"` {
		t.Errorf("the next page begins after %s", next)
	}
	if second := c.must("GET", "/channels?limit=2&cursor=2", ""); !strings.Contains(second, `"channelId":4`) || part(t, json.RawMessage(second), "next") != "null" {
		t.Errorf("the second page is %s", second)
	}
}

// TestBadChannels sends what no channel can be.
func TestBadChannels(t *testing.T) {
	c := newClient(t)
	c.changeAccount(func(a *cron.Account) { a.Access = cron.AccessGlobal })
	for body, want := range map[string]string{
		`{}`:                             `/channel/kind`,
		`{"kind":"pigeon"}`:              `/channel/kind`,
		`{"kind":"webhook"}`:             `/channel/settings/url`,
		`{"kind":"webhook","url":"a b"}`: `/channel/url`,
		`{"kind":"webhook","settings":{"url":"a b"}}`:                                                          `/channel/settings/url`,
		`{"kind":"webhook","url":"http://169.254.169.254/latest"}`:                                             `/channel/url`,
		`{"kind":"webhook","settings":{"url":"http://169.254.169.254/"}}`:                                      `/channel/settings/url`,
		`{"kind":"webhook","url":"https://a.example/","secret":"short"}`:                                       `/channel/secret`,
		`{"kind":"webhook","url":"https://a.example/","settings":{"x":"y"}}`:                                   `/channel/settings/x`,
		`{"kind":"webhook","url":"https://a.example/","room":"y"}`:                                             `/channel/room`,
		`{"kind":"webhook","url":7}`:                                                                           `/channel/url`,
		`{"kind":"webhook","url":"https://a.example/","settings":[]}`:                                          `/channel/settings`,
		`{"kind":"webhook","url":"https://a.example/","template":"{nothing}"}`:                                 `/channel/template`,
		`{"kind":"webhook","url":"https://a.example/","headers":{"a b":"c"}}`:                                  `/channel/headers/a b`,
		`{"kind":"webhook","url":"https://a.example/","title":"` + strings.Repeat("x", 129) + `"}`:             `/channel/title`,
		`{"kind":"webhook","url":"https://a.example/","quietHours":{"from":"25:00"}}`:                          `/channel/quietHours/from`,
		`{"kind":"webhook","url":"https://a.example/","quietHours":{"from":"1:00","timezone":"Mars/Olympus"}}`: `/channel/quietHours/timezone`,
		`{"kind":"webhook","url":"https://a.example/","reminderSeconds":10}`:                                   `/channel/reminderSeconds`,
		`{"kind":"webhook","url":"https://a.example/","reminderSeconds":99999999}`:                             `/channel/reminderSeconds`,
		`{"kind":"webhook","url":"https://a.example/","folderIds":["x"]}`:                                      `/channel/folderIds/0`,
		`{"kind":"webhook","url":"https://a.example/","tags":["a,b"]}`:                                         `/channel/tags`,
		`{"kind":"webhook","url":"https://a.example/","language":"no language"}`:                               `/channel/language`,
		`{"kind":"slack","url":"https://hooks.slack.com/services/x","headers":{"A":"b"}}`:                      `/channel/headers`,
		`{"kind":"slack","url":"https://hooks.slack.com/xxxxx"}`:                                               `/channel/url`,
		`{"kind":"gotify","url":"https://a.example","token":"xxxxx"}`:                                          `/channel/token`,
		`{"kind":"email","to":"nobody"}`:                                                                       `/channel/to`,
	} {
		got := c.do("POST", "/channels", `{"channel":`+body+`}`)
		if !strings.Contains(got.body, `"pointer":"`+want+`"`) || got.status != 400 {
			t.Errorf("%s: status %d, %s, want %s", body, got.status, got.body, want)
		}
	}
	for body, want := range map[string]string{`{"kind":"slack"}`: "/channel/kind", `{"to":"x"}`: "/channel/to"} {
		if got := c.do("PATCH", "/channels/1", `{"channel":`+body+`}`); got.status != 400 || !strings.Contains(got.body, want) {
			t.Errorf("PATCH %s: status %d, %s, want %s", body, got.status, got.body, want)
		}
	}
	if n := strings.Count(c.must("GET", "/channels", ""), `"channelId"`); n != 1 {
		t.Errorf("%d channels", n)
	}
}

// TestChannelKinds makes sure that nothing that a kind calls secret is ever shown.
func TestChannelKinds(t *testing.T) {
	c := newClient(t)
	const hidden = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	for _, kind := range []string{
		`"slack","url":"https://hooks.slack.com/services/%s"`, `"telegram","token":"1:%s","chat":"7"`, `"gotify","url":"https://a.example","token":"%s"`,
		`"webhook","url":"https://a.example","secret":"%s"`,
	} {
		answer := c.must("POST", "/channels", `{"channel":{"kind":`+fmt.Sprintf(kind, hidden)+`}}`)
		if strings.Contains(answer, hidden) {
			t.Errorf("%s is answered with %s", kind, answer)
		}
	}
	if list := c.must("GET", "/channels", ""); strings.Contains(list, hidden) || !strings.Contains(list, `"https://hooks.slack.com/xxxxx"`) {
		t.Errorf("the list is %s", list)
	}
	kinds := c.must("GET", "/channels/kinds", "")
	if !strings.Contains(kinds, `"kind":"slack"`) || !strings.Contains(kinds, `"name":"url","secret":true,"required":true`) {
		t.Errorf("the kinds are %s", kinds)
	}
}

// TestMute mutes a channel.
func TestMute(t *testing.T) {
	c := newClient(t)
	for until, want := range map[string]string{"-1": "-1", "4102444800": "4102444800", "0": "null", "1": "null"} {
		c.must("POST", "/channels/1/mute", `{"until":`+until+`}`)
		if got := part(t, json.RawMessage(c.must("GET", "/channels/1", "")), "channel.mutedUntil"); got != want {
			t.Errorf("muted until %s it is %s", until, got)
		}
	}
	for _, body := range []string{`{}`, `{"until":"x"}`, `{"until":-2}`} {
		if got := c.do("POST", "/channels/1/mute", body); got.status != 400 {
			t.Errorf("%s: status %d", body, got.status)
		}
	}
}

// TestNotifications lists, reads and repeats messages.
func TestNotifications(t *testing.T) {
	c := newClient(t)
	other := c.server.newClient(t, "other@example.com", cron.PlanUnlimited)
	tables := storetest.NewTables(t, c.server.raw(t))
	mine, theirs := cron.Channel{ID: 1, AccountID: c.account.ID}, cron.Channel{ID: 2, AccountID: other.account.ID}
	for state := cron.MessageWaiting; state <= cron.MessageDropped; state++ {
		tables.AddMessage(mine, state)
		tables.AddMessage(theirs, state)
	}
	for query, want := range map[string]int{
		"": 5, "?state=sent": 1, "?state=waiting,failed": 2, "?channelId=1": 5, "?channelId=2": 0, "?problemId=1": 0, "?jobId=1": 0, "?limit=2": 2,
		"?cursor=5": 2,
	} {
		if n := strings.Count(c.must("GET", "/notifications"+query, ""), `"notificationId"`); n != want {
			t.Errorf("%s: %d notifications, want %d", query, n, want)
		}
	}
	for _, query := range []string{"?state=x", "?channelId=x", "?limit=0", "?limit=101", "?cursor=x"} {
		if got := c.do("GET", "/notifications"+query, ""); got.status != 400 {
			t.Errorf("%s: status %d", query, got.status)
		}
	}
	one := c.must("GET", "/notifications/5", "")
	if part(t, json.RawMessage(one), "notification.state") != `"sent"` || part(t, json.RawMessage(one), "notification.kind") != `"failure"` {
		t.Errorf("the notification is %s", one)
	}
	for id, want := range map[string]int{"1": 409, "3": 409, "5": 200, "7": 200, "9": 200, "2": 404, "6": 404, "4711": 404, "x": 404} {
		if got := c.do("POST", "/notifications/"+id+"/resend", ""); got.status != want {
			t.Errorf("resend %s: status %d %s, want %d", id, got.status, got.body, want)
		}
	}
	if n := strings.Count(c.must("GET", "/notifications?state=waiting", ""), `"notificationId"`); n != 4 {
		t.Errorf("%d wait", n)
	}
	// An Idempotency-Key makes one.
	for range 2 {
		c.do("POST", "/notifications/5/resend", "", "Idempotency-Key: k")
	}
	if n := strings.Count(c.must("GET", "/notifications?state=waiting", ""), `"notificationId"`); n != 5 {
		t.Errorf("%d wait", n)
	}
}

// TestChannelsOfAPlan creates more than the plan allows.
func TestChannelsOfAPlan(t *testing.T) {
	c := newClient(t)
	c.changeAccount(func(a *cron.Account) { a.Overrides = cron.Overrides{"maxChannels": 2} })
	const body = `{"channel":{"kind":"webhook","url":"https://a.example/"}}`
	c.must("POST", "/channels", body)
	if got := c.do("POST", "/channels", body); got.status != 429 && got.status != 403 || !strings.Contains(got.body, "channel") {
		t.Errorf("status %d: %s", got.status, got.body)
	}
}
