package notify

import "punctual/internal/cron"

// homeAssistant calls a webhook trigger of an automation, which sees the JSON as trigger.json:
// https://www.home-assistant.io/docs/automation/trigger/#webhook-trigger.
var homeAssistant = Kind{
	Name: "homeAssistant", Title: "Home Assistant", Fields: []Field{hook("homeAssistant")},
	build: buildHomeAssistant,
}

// homeAssistantText keeps a message short enough for the notifications of phones.
const homeAssistantText = 2000

func buildHomeAssistant(d *draft) (cron.Request, error) {
	body := object{
		"id": d.ID, "event": d.Event, "severity": d.Severity.String(), "problem": d.Key, "job": d.Title,
		"title": shorten(d.Subject, 300), "message": plain.parts(d.Notification, homeAssistantText, false),
	}
	if url := d.link(); url != "" {
		body["url"] = url
	}
	if !d.At.IsZero() {
		body["time"] = instant(d.At)
	}
	return postJSON(d.setting("url"), body)
}
