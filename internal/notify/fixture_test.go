package notify

import (
	"strings"
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// at is when the messages of the tests are sent.
var sentAt = time.Date(2026, 3, 1, 2, 3, 9, 0, time.UTC)

// channelOf is a channel of a kind whose service is at a URL.
func channelOf(kind, base string) *cron.Channel {
	settings := map[string]map[string]string{
		"webhook":       {"url": base + "/hooks/Zx81Kq09", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
		"http":          {"url": base + "/notify/{event}?id={id}", "method": "PUT"},
		"slack":         {"url": base + "/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"},
		"discord":       {"url": base + "/api/webhooks/123456789012345678/abcdefghijklmnopqrstuvwxyz"},
		"teams":         {"url": base + "/workflows/0123456789abcdef/triggers/manual/paths/invoke?api-version=2016-06-01&sig=Abc0123456789"},
		"googleChat":    {"url": base + "/v1/spaces/AAAA0000/messages?key=AIza0123456789&token=t0ken0123456789"},
		"mattermost":    {"url": base + "/hooks/xxx0generated0key0xxx", "channel": "alerts"},
		"rocketChat":    {"url": base + "/hooks/5a1b2c3d4e5f/TokenTokenToken01", "channel": "#alerts"},
		"matrix":        {"url": base, "room": "!abc:example.org", "token": "syt_0123456789abcdef"},
		"telegram":      {"url": base, "token": "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11", "chat": "-1001234567890", "thread": "7"},
		"signal":        {"url": base, "number": "+491701234567", "recipients": "+491707654321, group.abc="},
		"ntfy":          {"url": base + "/alerts", "token": "tk_0123456789abcdef"},
		"gotify":        {"url": base + "/gotify/", "token": "AzBc0123456789x"},
		"pushover":      {"url": base, "token": "azGDORePK8gMaC0QOYAMyEEuzJnyUi", "user": "uQiRzpo4DXghDmr9QzzfQu27cmVRsG", "priority": "1"},
		"zulip":         {"url": base, "bot": "cron-bot@example.org", "key": "a0b1c2d3e4f5g6h7", "channel": "ops"},
		"webex":         {"url": base, "token": "webex0123456789", "room": "Y2lzY29zcGFyazovL3VzL1JPT00v"},
		"lark":          {"url": base + "/open-apis/bot/v2/hook/0a1b2c3d-4e5f", "secret": "larkSecret0123456"},
		"pagerDuty":     {"url": base, "routingKey": "R0123456789abcdef0123456789abcde"},
		"splunkOnCall":  {"url": base + "/integrations/generic/20131114/alert/0a1b2c3d4e5f/$routing_key", "routingKey": "data base"},
		"homeAssistant": {"url": base + "/api/webhook/some_hook_id_0123"},
		"apprise":       {"url": base + "/notify/my-config-key-01", "tag": "ops"},
		"twilio":        {"url": base, "accountSid": "AC0123456789abcdef0123456789abcdef", "token": "auth0token0123456", "from": "+15005550006", "to": "+491701234567"},
	}[kind]
	return &cron.Channel{ID: 1, AccountID: 2, Kind: kind, Settings: settings}
}

// messages are those that the golden payloads show.
func messages() map[string]*message.Notification {
	links := []message.Link{
		{Kind: message.LinkOpen, Label: "Open the run", URL: "https://cron.example.com/console/runs/7-1-2-99"},
		{Kind: message.LinkAcknowledge, Label: "Acknowledge", URL: "https://cron.example.com/console/act/token"},
		{Kind: message.LinkSnooze, Label: "Snooze", URL: "https://cron.example.com/console/act/token#snooze"},
	}
	planned := time.Date(2026, 3, 1, 2, 3, 4, 0, time.UTC)
	notice := cron.Notice{
		ID: 5, AccountID: 2, Kind: cron.NoticeFailure, Created: planned.Add(2 * time.Second), JobID: 7, Title: "Backup <db> & files",
		URL: "https://shop.example.com/backup?key=hidden", FolderID: 3, Tags: []string{"nightly"}, Next: planned.Add(24 * time.Hour),
		ExecutionID: 99, Attempt: 1, Planned: planned, Failures: 3, ProblemID: 11, Cause: 0xabcdef0123456789, Since: planned.Add(-48 * time.Hour),
		Result: cron.Result{Status: cron.StatusHTTPError, HTTPStatus: 503, Reason: "Service Unavailable", Started: planned.Add(5 * time.Millisecond),
			Duration: 1234 * time.Millisecond},
	}
	failure := &message.Notification{
		ID: "msg_123", Event: "failure", Severity: message.SeverityError, Key: "problem-11", At: notice.Created, Account: "Shop",
		Title:   notice.Title,
		Subject: "Backup <db> & files failed: 503 Service Unavailable",
		Summary: "The server answered 503 Service Unavailable. It has failed 3 times in a row, since 27 February 2026, 03:03.",
		Facts: []message.Fact{
			{Name: "planned", Label: "Planned", Value: "1 March 2026, 03:03:04 Europe/Berlin"}, {Name: "duration", Label: "Duration", Value: "1.2 s (usually 0.4 s)"},
			{Name: "next", Label: "Next run", Value: "2 March 2026, 03:03:04"},
		},
		Excerpt: "{\"error\":\"disk full\"}\nsecond line", Runbook: "Free space on *db1*.\nThen run it again.", Links: links,
		Footer: "You get this because this channel is a default of the account Shop.",
		Source: &cron.Message{ID: 123, AccountID: 2, Kind: cron.NoticeFailure, ProblemID: 11, Notices: []cron.Notice{notice}, Count: 1},
	}
	solved := notice
	solved.Kind, solved.Result.Status, solved.Result.HTTPStatus, solved.Result.Reason = cron.NoticeSuccess, cron.StatusOK, 200, "OK"
	recovery := &message.Notification{
		ID: "msg_124", Event: "recovery", Severity: message.SeverityGood, Key: "problem-11", At: notice.Created.Add(time.Hour), Account: "Shop",
		Title: notice.Title, Subject: "Backup <db> & files works again", Summary: "It had failed for 2 days.", Links: links[:1],
		Facts:  []message.Fact{{Name: "next", Label: "Next run", Value: "2 March 2026, 03:03:04"}},
		Source: &cron.Message{ID: 124, AccountID: 2, Kind: cron.NoticeSuccess, ProblemID: 11, Notices: []cron.Notice{solved}, Count: 1},
	}
	test := &message.Notification{
		ID: "msg_125", Event: "test", Severity: message.SeverityInfo, Key: "test-125", At: notice.Created, Account: "Shop",
		Subject: "Test of the channel Team", Summary: "Messages of Punctual arrive here.",
		Source: &cron.Message{ID: 125, AccountID: 2, Kind: cron.NoticeTest, Count: 1, Notices: []cron.Notice{{Kind: cron.NoticeTest, Created: notice.Created}}},
	}
	several := &message.Notification{
		ID: "msg_126", Event: "failure", Severity: message.SeverityError, Key: "problem-11", At: notice.Created, Account: "Shop",
		Subject: "22 jobs failed: 503 Service Unavailable", Summary: "22 jobs of shop.example.com failed for the same reason.",
		More: "And 20 more.", Links: links[:1],
		Jobs:   []message.Line{{Title: "Backup", Text: "503 Service Unavailable", URL: "https://cron.example.com/console/jobs/7"}, {Title: "Mails", Text: "503"}},
		Source: &cron.Message{ID: 126, AccountID: 2, Kind: cron.NoticeFailure, ProblemID: 11, Notices: []cron.Notice{notice, notice}, Count: 22},
	}
	return map[string]*message.Notification{"failure": failure, "recovery": recovery, "test": test, "several": several}
}

// hostileTexts are titles and answers that somebody chose to break a service or its readers.
var hostileTexts = map[string]string{
	"line breaks":      "a\r\nBcc: eve@example.org\r\n\r\nbody\nb\v\f\u2028\u2029c",
	"HTML":             `<script>alert(1)</script><b>bold</b></code></pre><a href="javascript:x">y</a>&lt;&amp;"'`,
	"Markdown":         "**bold** _it_ ~~no~~ `code` ```\nfence\n``` [link](https://evil.example) ![i](https://evil.example/x.png) # head\n> quote\n- item",
	"mentions":         "@everyone @here @channel @all <!channel> <!here> <@U012345> <@&123> <#C01> @**all** @_**Jane|5** <users/all> #**ops** @room",
	"Slack link":       "<https://evil.example|Open the run> *x*",
	"templates":        "{subject} {{subject}} %secret:TOKEN% %cjo:unixtime% ${jndi:x} $routing_key",
	"10,000 letters":   strings.Repeat("abcdefghi ", 1000),
	"10,000 of a word": strings.Repeat("ü", 10_000),
	"10,000 emoji":     strings.Repeat("😀", 10_000),
	"10,000 marks":     strings.Repeat("*_`<&", 2000),
	"10,000 quotes":    strings.Repeat("\"\\", 5000),
	"invalid UTF-8":    "a\xff\xfe\xc3(\xed\xa0\x80b",
	"overrides":        "\u202egpj.exe\u202c \u2066x\u2069 \u200f",
	"controls":         "\x00\x01\x1b[31mred\x7f\u0085",
	"nothing":          "\x00\u202e",
	"empty":            "",
}

// hostile is a message with a text everywhere.
func hostile(event, text string) *message.Notification {
	n := *messages()[event]
	n.Account, n.Title, n.Subject, n.Summary = text, text, text, text
	n.Facts = nil
	for range 40 {
		n.Facts = append(n.Facts, message.Fact{Name: "x", Label: text, Value: text})
	}
	n.Excerpt, n.Runbook, n.Footer, n.More = text, text, text, text
	n.Jobs = nil
	for range cron.MaxListedNotices {
		n.Jobs = append(n.Jobs, message.Line{Title: text, Text: text, URL: "https://cron.example.com/console/jobs/1?a=)|>\"" + text})
	}
	source := *n.Source
	source.Notices = nil
	for i := range cron.MaxListedNotices {
		x := n.Source.Notices[0]
		x.ID, x.Title, x.URL, x.Detail, x.Result.Reason = int64(i), text, "https://shop.example.com/"+text, text, "x"
		source.Notices = append(source.Notices, x)
	}
	n.Source = &source
	return &n
}
