package notify

import (
	"strings"

	"punctual/internal/cron"
)

// slack posts to an incoming webhook: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks, with blocks by
// https://docs.slack.dev/reference/block-kit/blocks. The blocks are in an attachment, which has a colour.
var slack = Kind{
	Name: "slack", Title: "Slack", Fields: []Field{hook("slack")},
	build: buildSlack, judge: judgeSlack,
}

// Limits of Slack in characters, and of lists.
const (
	slackText    = 3000 // of a section
	slackField   = 2000
	slackFields  = 10
	slackBlocks  = 50
	slackButton  = 75
	slackButtons = 25
	slackURL     = 3000
	slackContext = 2000
)

func buildSlack(d *draft) (cron.Request, error) {
	blocks := []object{slackSection(d.Summary)}
	var fields []object
	for _, f := range d.Facts {
		if len(fields) < slackFields {
			fields = append(fields, slackPlain(f.Label+"\n"+f.Value, slackField))
		}
	}
	if len(fields) > 0 {
		blocks = append(blocks, object{"type": "section", "fields": fields})
	}
	for _, j := range d.Jobs {
		text := escapeSlack(shorten(j.Title, 200))
		if j.URL != "" {
			text = "<" + escapeSlack(j.URL) + "|" + strings.ReplaceAll(text, "|", "¦") + ">"
		}
		blocks = append(blocks, object{"type": "section", "text": object{
			"type": "mrkdwn", "verbatim": true, "text": "• " + text + ": " + escapeSlack(shorten(j.Text, 500))}})
	}
	if d.More != "" {
		blocks = append(blocks, slackSection(d.More))
	}
	if d.Excerpt != "" {
		blocks = append(blocks, object{"type": "rich_text", "elements": []object{{
			"type": "rich_text_preformatted", "elements": []object{{"type": "text", "text": shorten(d.Excerpt, slackText)}}}}})
	}
	if d.Runbook != "" {
		blocks = append(blocks, slackSection(d.Runbook))
	}
	var buttons []object
	for _, l := range d.Links {
		if len(buttons) < slackButtons && len(l.URL) <= slackURL {
			buttons = append(buttons, object{"type": "button", "text": slackPlain(l.Label, slackButton), "url": l.URL})
		}
	}
	if len(buttons) > 0 {
		blocks = append(blocks, object{"type": "actions", "elements": buttons})
	}
	if d.Footer != "" {
		blocks = append(blocks, object{"type": "context", "elements": []object{slackPlain(d.Footer, slackContext)}})
	}
	return postJSON(d.setting("url"), object{
		"text":        cut(escapeSlack(shorten(d.Subject, 1000)), slackText, unitsIn),
		"attachments": []object{{"color": d.colour(), "blocks": blocks[:min(len(blocks), slackBlocks)]}},
	})
}

// slackSection is a text without formatting. A section cannot be empty.
func slackSection(text string) object {
	if text == "" {
		text = mark
	}
	return object{"type": "section", "text": slackPlain(text, slackText)}
}

func slackPlain(text string, limit int) object {
	return object{"type": "plain_text", "text": shorten(text, limit), "emoji": false}
}

// escapeSlack escapes the three characters that control links and mentions
// (https://docs.slack.dev/messaging/formatting-message-text). Formatting has no escape, so it is taken apart.
func escapeSlack(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;",
		"*", "*"+joint, "_", "_"+joint, "~", "~"+joint, "`", "`"+joint, "@", "@"+joint).Replace(s)
}

// judgeSlack knows the errors of webhooks by their text.
func judgeSlack(a *answer) (Verdict, bool) {
	switch says := strings.TrimSpace(string(a.body)); {
	case a.ok() && says != "ok" && strings.HasPrefix(says, "{"):
		var reply struct {
			OK    *bool
			Error string
		}
		if a.json(&reply) && reply.OK != nil && !*reply.OK {
			return refused(cron.ChannelAnswer, reply.Error)
		}
	case says == "no_service", says == "no_service_id", says == "channel_not_found", says == "channel_is_archived", says == "team_disabled":
		return Verdict{Fault: cron.ChannelNotFound, Detail: says, Gone: a.status == 410}, true
	case says == "invalid_token", says == "no_active_hooks", says == "action_prohibited", says == "posting_to_general_channel_denied":
		return refused(cron.ChannelUnauthorized, says)
	}
	return usual()
}
