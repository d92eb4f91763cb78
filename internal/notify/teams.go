package notify

import (
	"strings"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// teams posts an adaptive card to a webhook of Workflows ("When a Teams webhook request is received"):
// https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using, with the elements of
// https://adaptivecards.io/explorer. Texts are runs of a RichTextBlock, in which nothing is Markdown.
var teams = Kind{
	Name: "teams", Title: "Microsoft Teams", Fields: []Field{hook("teams")},
	build: buildTeams, judge: judgeTeams,
}

// Limits of Teams: bytes of a message, and buttons of a card.
const (
	teamsSize    = 28 << 10
	teamsButtons = 6
)

var teamsStyles = [...]string{
	message.SeverityInfo: "accent", message.SeverityGood: "good", message.SeverityWarning: "warning", message.SeverityError: "attention",
}

func buildTeams(d *draft) (cron.Request, error) {
	for scale := 1; ; scale *= 2 { // until it fits
		request, err := teamsCard(d, scale)
		if err != nil || len(request.Body) <= teamsSize || scale > 64 {
			return request, err
		}
	}
}

// teamsCard makes the card; its texts are the shorter the larger the scale.
func teamsCard(d *draft, scale int) (cron.Request, error) {
	text := func(s string, limit int) string { return shorten(s, max(limit/scale, 20)) }
	body := []object{{
		"type": "Container", "style": teamsStyles[d.Severity], "bleed": true,
		"items": []object{teamsText(object{"text": text(d.Subject, 500), "weight": "Bolder", "size": "Medium"})},
	}}
	add := func(s string, limit int) {
		if s != "" {
			body = append(body, teamsText(object{"text": text(s, limit)}))
		}
	}
	add(d.Summary, 4000)
	for _, f := range d.Facts {
		body = append(body, teamsText(object{"text": text(f.Label, 100) + ": ", "weight": "Bolder"}, object{"text": text(f.Value, 500)}))
	}
	for _, j := range d.Jobs {
		title := object{"text": text(j.Title, 200), "weight": "Bolder"}
		if j.URL != "" {
			title["selectAction"] = object{"type": "Action.OpenUrl", "url": j.URL}
		}
		body = append(body, teamsText(object{"text": "• "}, title, object{"text": ": " + text(j.Text, 300)}))
	}
	add(d.More, 500)
	if d.Excerpt != "" {
		body = append(body, teamsText(object{"text": text(d.Excerpt, 1000), "fontType": "Monospace", "size": "Small"}))
	}
	add(d.Runbook, 2000)
	if d.Footer != "" {
		body = append(body, teamsText(object{"text": text(d.Footer, 500), "size": "Small", "isSubtle": true}))
	}
	var actions []object
	for _, l := range d.Links[:min(len(d.Links), teamsButtons)] {
		actions = append(actions, object{"type": "Action.OpenUrl", "title": text(l.Label, 100), "url": l.URL})
	}
	card := object{
		"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
		"fallbackText": text(d.Subject, 500), "msteams": object{"width": "Full"}, "body": body,
	}
	if actions != nil {
		card["actions"] = actions
	}
	return postJSON(d.setting("url"), object{"type": "message", "attachments": []object{{
		"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": nil, "content": card}}})
}

// teamsText is a paragraph of runs.
func teamsText(runs ...object) object {
	for _, r := range runs {
		r["type"] = "TextRun"
	}
	return object{"type": "RichTextBlock", "inlines": runs}
}

// judgeTeams reads the answer of the connectors that Workflows follow, which say 200 for a message that they dropped.
func judgeTeams(a *answer) (Verdict, bool) {
	says := string(a.body)
	if !a.ok() || !strings.Contains(says, "failed") {
		return usual()
	}
	if strings.Contains(says, "429") {
		return refused(cron.ChannelBusy, says)
	}
	return refused(cron.ChannelAnswer, says)
}
