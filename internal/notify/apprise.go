package notify

import (
	"punctual/internal/cron"
	"punctual/internal/message"
)

// apprise notifies by an Apprise API server, POST /notify/{key}: https://github.com/caronc/apprise-api#api-details. The URL has the
// key of the configuration.
var apprise = Kind{
	Name: "apprise", Title: "Apprise API", Fields: []Field{hook("apprise"), {Name: "tag"}},
	build: buildApprise, judge: judgeApprise,
}

// appriseText is a length that Apprise passes on to most services whole.
const appriseText = 4000

var appriseTypes = [...]string{
	message.SeverityInfo: "info", message.SeverityGood: "success", message.SeverityWarning: "warning", message.SeverityError: "failure",
}

func buildApprise(d *draft) (cron.Request, error) {
	body := object{
		"title": shorten(d.Subject, 250), "body": plain.body(d.Notification, appriseText), "type": appriseTypes[d.Severity], "format": "text",
	}
	if tag := d.setting("tag"); tag != "" {
		body["tag"] = tag
	}
	return postJSON(d.setting("url"), body)
}

// judgeApprise knows two statuses of its own: no configuration has the key, and a service behind it failed.
func judgeApprise(a *answer) (Verdict, bool) {
	switch a.status {
	case 204:
		return refused(cron.ChannelNotFound, "")
	case 424:
		return refused(cron.ChannelBroken, said(a.body))
	}
	return usual()
}
