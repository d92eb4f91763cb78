package notify

import (
	"punctual/internal/cron"
)

// mattermost posts to an incoming webhook: https://developers.mattermost.com/integrate/webhooks/incoming, with an attachment by
// https://developers.mattermost.com/integrate/reference/message-attachments.
var mattermost = Kind{
	Name: "mattermost", Title: "Mattermost",
	Fields: []Field{hook("mattermost"), {Name: "channel"}},
	build:  buildMattermost,
}

// mattermostText is the limit on a post in characters; attachments have their own share of it.
const mattermostText = 16_383

func buildMattermost(d *draft) (cron.Request, error) {
	return postJSON(d.setting("url"), attachmentOf(d, mattermostText/2))
}

// rocketChat posts to an incoming webhook: https://docs.rocket.chat/docs/integrations, with the attachments of
// https://developer.rocket.chat/apidocs/post-message.
var rocketChat = Kind{
	Name: "rocketChat", Title: "Rocket.Chat",
	Fields: []Field{hook("rocketChat"), {Name: "channel"}},
	build:  buildRocketChat, judge: judgeSuccess,
}

// rocketChatText is the usual limit on a message in characters (Message_MaxAllowedSize).
const rocketChatText = 5000

func buildRocketChat(d *draft) (cron.Request, error) {
	return postJSON(d.setting("url"), attachmentOf(d, rocketChatText/2))
}

// chatMarkup is the Markdown of Mattermost and Rocket.Chat.
var chatMarkup = markup{escape: escapeMarkdown, bold: boldMarkdown, code: fenced, link: linkMarkdown}

// attachmentOf is a message with an attachment, which has a colour and a table of facts. The format is that of Slack's first
// attachments, which Mattermost and Rocket.Chat share.
func attachmentOf(d *draft, limit int) object {
	n := *d.Notification
	n.Facts, n.Footer = nil, ""
	attachment := object{
		"fallback": shorten(d.Subject, 300), "color": d.colour(), "title": shortenEscaped(d.Subject, 300, 600, escapeMarkdown),
		"text": chatMarkup.body(&n, limit),
	}
	if url := d.link(); url != "" {
		attachment["title_link"] = url
	}
	var fields []object
	room := limit / 2
	for _, f := range d.Facts {
		value := shortenEscaped(f.Value, 500, 1000, escapeMarkdown)
		if room -= unitsIn(value) + unitsIn(f.Label); room < 0 {
			break
		}
		fields = append(fields, object{"title": shortenEscaped(f.Label, 100, 200, escapeMarkdown), "value": value, "short": unitsIn(value) <= 40})
	}
	if fields != nil {
		attachment["fields"] = fields
	}
	if d.Footer != "" {
		attachment["footer"] = shortenEscaped(d.Footer, 300, 600, escapeMarkdown)
	}
	body := object{"text": "", "attachments": []object{attachment}}
	if channel := d.setting("channel"); channel != "" {
		body["channel"] = channel
	}
	return body
}

// judgeSuccess reads answers that say {"success":false,"error":…}.
func judgeSuccess(a *answer) (Verdict, bool) {
	var reply struct {
		Success *bool
		Error   string
	}
	if a.ok() && a.json(&reply) && reply.Success != nil && !*reply.Success {
		return refused(cron.ChannelAnswer, reply.Error)
	}
	return usual()
}
