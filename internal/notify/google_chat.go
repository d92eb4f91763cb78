package notify

import (
	"strings"

	"punctual/internal/cron"
)

// googleChat posts a card to an incoming webhook: https://developers.google.com/workspace/chat/quickstart/webhooks, by
// https://developers.google.com/workspace/chat/api/reference/rest/v1/cards. Texts of widgets are HTML with a few elements.
// Messages about one problem are a thread.
var googleChat = Kind{
	Name: "googleChat", Title: "Google Chat", Fields: []Field{hook("googleChat")},
	build: buildGoogleChat,
}

// googleChatSize is the limit on a message in bytes (https://developers.google.com/workspace/chat/api/reference/rest/v1/spaces.messages).
const googleChatSize = 32_000

func buildGoogleChat(d *draft) (cron.Request, error) {
	for scale := 1; ; scale *= 2 { // until it fits
		request, err := googleChatCard(d, scale)
		if err != nil || len(request.Body) <= googleChatSize || scale > 64 {
			return request, err
		}
	}
}

func googleChatCard(d *draft, scale int) (cron.Request, error) {
	text := func(s string, limit int) string {
		return strings.ReplaceAll(escapeHTML(shorten(s, max(limit/scale, 20))), "\n", "<br>")
	}
	var widgets []object
	add := func(s string, limit int) {
		if s != "" {
			widgets = append(widgets, object{"textParagraph": object{"text": text(s, limit)}})
		}
	}
	add(d.Summary, 4000)
	for _, f := range d.Facts {
		widgets = append(widgets, object{"decoratedText": object{"topLabel": shorten(f.Label, 100), "text": text(f.Value, 500), "wrapText": true}})
	}
	for _, j := range d.Jobs {
		title := "<b>" + text(j.Title, 200) + "</b>"
		if j.URL != "" {
			title = `<a href="` + escapeHTML(j.URL) + `">` + text(j.Title, 200) + "</a>"
		}
		widgets = append(widgets, object{"textParagraph": object{"text": "• " + title + ": " + text(j.Text, 300)}})
	}
	add(d.More, 500)
	add(d.Excerpt, 1000)
	add(d.Runbook, 2000)
	if len(d.Links) > 0 {
		var buttons []object
		for _, l := range d.Links {
			buttons = append(buttons, object{"text": shorten(l.Label, 100), "onClick": object{"openLink": object{"url": l.URL}}})
		}
		widgets = append(widgets, object{"buttonList": object{"buttons": buttons}})
	}
	add(d.Footer, 500)
	body := object{
		"fallbackText": shorten(d.Subject, 500),
		"cardsV2": []object{{"cardId": d.ID, "card": object{
			"header":   object{"title": shorten(d.Subject, 200)},
			"sections": []object{{"widgets": widgets}},
		}}},
	}
	target := d.setting("url")
	if d.Key != "" {
		body["thread"] = object{"threadKey": d.Key}
		target = withQuery(target, "messageReplyOption", "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD")
	}
	return postJSON(target, body)
}
