package notify

import (
	"strconv"
	"strings"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// pushover pushes a message, POST /1/messages.json: https://pushover.net/api.
var pushover = Kind{
	Name: "pushover", Title: "Pushover",
	Fields: []Field{
		server("pushover", "https://api.pushover.net"), token("token"), token("user"), {Name: "device"},
		{Name: "priority", Choices: []string{"-2", "-1", "0", "1"}, Default: "0"},
	},
	build: buildPushover, judge: judgePushover,
}

// Limits of Pushover in characters.
const (
	pushoverText  = 1024
	pushoverTitle = 250
	pushoverURL   = 512
	pushoverLabel = 100
)

func buildPushover(d *draft) (cron.Request, error) {
	n := *d.Notification
	body := object{"token": d.setting("token"), "user": d.setting("user"), "title": shorten(d.Subject, pushoverTitle), "priority": -1}
	if d.Severity == message.SeverityError { // the others make no sound
		body["priority"], _ = strconv.Atoi(d.setting("priority"))
	}
	if len(d.Links) > 0 && len(d.Links[0].URL) <= pushoverURL {
		body["url"], body["url_title"] = d.Links[0].URL, shorten(d.Links[0].Label, pushoverLabel)
		n.Links = n.Links[1:]
	}
	if device := d.setting("device"); device != "" {
		body["device"] = device
	}
	if !d.At.IsZero() {
		body["timestamp"] = d.At.Unix()
	}
	body["message"] = plain.body(&n, pushoverText)
	return postJSON(d.at("/1/messages.json"), body)
}

func judgePushover(a *answer) (Verdict, bool) {
	var reply struct {
		Status *int
		Token  string
		User   string
		Errors []string
	}
	if !a.json(&reply) || reply.Status == nil {
		if a.ok() {
			return refused(cron.ChannelAnswer, said(a.body))
		}
		return usual()
	}
	says := strings.Join(reply.Errors, "; ")
	switch {
	case *reply.Status == 1 && a.ok():
		return Verdict{}, true
	case reply.Token == "invalid", reply.User == "invalid":
		return refused(cron.ChannelUnauthorized, says)
	case a.ok():
		return refused(cron.ChannelAnswer, says)
	}
	return usual()
}
