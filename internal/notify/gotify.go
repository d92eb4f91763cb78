package notify

import (
	"punctual/internal/cron"
	"punctual/internal/message"
)

// gotify creates a message, POST /message: https://gotify.net/api-docs#/message/createMessage, with the extras of
// https://gotify.net/docs/msgextras.
var gotify = Kind{
	Name: "gotify", Title: "Gotify", Fields: []Field{server("gotify", ""), token("token")},
	build: buildGotify,
}

// gotifyText keeps a message readable; Gotify itself has no limit.
const gotifyText = 4000

var gotifyPriorities = [...]int{message.SeverityInfo: 4, message.SeverityGood: 4, message.SeverityWarning: 6, message.SeverityError: 8}

func buildGotify(d *draft) (cron.Request, error) {
	extras := object{"client::display": object{"contentType": "text/plain"}}
	if url := d.link(); url != "" {
		extras["client::notification"] = object{"click": object{"url": url}}
	}
	return postJSON(d.at("/message"), object{
		"title": shorten(d.Subject, 300), "message": plain.body(d.Notification, gotifyText), "priority": gotifyPriorities[d.Severity],
		"extras": extras,
	}, cron.Header{Name: "X-Gotify-Key", Value: d.setting("token")})
}
