package notify

import "punctual/internal/cron"

// webex creates a message, POST /v1/messages: https://developer.webex.com/docs/api/v1/messages/create-a-message.
var webex = Kind{
	Name: "webex", Title: "Webex",
	Fields: []Field{server("webex", "https://webexapis.com"), token("token"), {Name: "room", Required: true}},
	build:  buildWebex,
}

// webexText is the limit on a message in bytes.
const webexText = 7439

func buildWebex(d *draft) (cron.Request, error) {
	text := markup{size: bytesIn}
	subject := cut(d.Subject, 300, bytesIn)
	return postJSON(d.at("/v1/messages"), object{
		"roomId": d.setting("room"), "text": subject + "\n\n" + text.body(d.Notification, webexText-len(subject)-len("\n\n")),
	}, bearer(d.setting("token")))
}
