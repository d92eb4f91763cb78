package notify

import (
	"net/url"
	"strings"

	"punctual/internal/cron"
)

// zulip sends a message to a topic of a channel, POST /api/v1/messages: https://zulip.com/api/send-message. Messages about one job
// share a topic.
var zulip = Kind{
	Name: "zulip", Title: "Zulip",
	Fields: []Field{
		server("zulip", ""), {Name: "bot", Required: true, check: checkMail}, token("key"), {Name: "channel", Required: true},
		{Name: "topic"},
	},
	build: buildZulip, judge: judgeZulip,
}

// Limits of Zulip in characters.
const (
	zulipText  = 10_000
	zulipTopic = 60
)

// zulipMarkup has no escapes: Zulip's Markdown gives the backslash no meaning (https://zulip.com/help/format-your-message-using-markdown),
// so what would mean something is taken apart.
var zulipMarkup = markup{
	escape: escapeZulip, bold: boldMarkdown, size: charactersIn,
	code: fenced,
	link: func(label, url string) string { return "[" + escapeZulip(label) + "](" + url + ")" },
}

// escapeZulip is a text in which nothing is formatted, linked or mentioned.
func escapeZulip(s string) string {
	s = strings.NewReplacer("@", "@"+joint, "#", "#"+joint, "*", "*"+joint, "`", "`"+joint, "[", "["+joint, "~", "~"+joint, "$", "$"+joint,
		"](", "]"+joint+"(", "!", "!"+joint, "<", "<"+joint, "|", "|"+joint, "\n>", "\n"+joint+">", "\n/", "\n"+joint+"/").Replace(s)
	if strings.HasPrefix(s, ">") || strings.HasPrefix(s, "/") {
		s = joint + s
	}
	return s
}

func buildZulip(d *draft) (cron.Request, error) {
	topic := d.setting("topic")
	if topic == "" {
		topic = d.Title
	}
	if topic == "" {
		topic = d.Account
	}
	if topic == "" {
		topic = "Punctual"
	}
	subject := zulipMarkup.strong(cut(d.Subject, 300, charactersIn))
	return postForm(d.at("/api/v1/messages"), url.Values{
		"type": {"stream"}, "to": {d.setting("channel")}, "topic": {cut(topic, zulipTopic, charactersIn)},
		"content": {subject + "\n\n" + zulipMarkup.body(d.Notification, zulipText-charactersIn(subject)-len("\n\n"))},
	}, basic(d.setting("bot"), d.setting("key")))
}

func judgeZulip(a *answer) (Verdict, bool) {
	var reply struct {
		Result, Msg, Code string
		RetryAfter        float64 `json:"retry-after"`
	}
	if !a.json(&reply) || reply.Result == "" {
		if a.ok() {
			return refused(cron.ChannelAnswer, said(a.body))
		}
		return usual()
	}
	switch {
	case reply.Result == "success" && a.ok():
		return Verdict{}, true
	case reply.Code == "RATE_LIMIT_HIT":
		return Verdict{Fault: cron.ChannelBusy, Wait: seconds(reply.RetryAfter), Detail: reply.Msg}, true
	case reply.Code == "STREAM_DOES_NOT_EXIST":
		return refused(cron.ChannelNotFound, reply.Msg)
	case reply.Code == "UNAUTHORIZED", reply.Code == "INVALID_API_KEY", reply.Code == "USER_DEACTIVATED", reply.Code == "REALM_DEACTIVATED":
		return refused(cron.ChannelUnauthorized, reply.Msg)
	case a.ok():
		return refused(cron.ChannelAnswer, reply.Msg)
	}
	return usual()
}
