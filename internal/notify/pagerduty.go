package notify

import (
	"strings"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// pagerDuty sends an event, POST /v2/enqueue: https://developer.pagerduty.com/docs/events-api-v2/trigger-events. A problem is one
// incident: it is triggered, acknowledged and resolved by the same dedup_key.
var pagerDuty = Kind{
	Name: "pagerDuty", Title: "PagerDuty",
	Fields: []Field{server("pagerDuty", "https://events.pagerduty.com"), token("routingKey")},
	build:  buildPagerDuty, judge: judgeStatusText,
}

// Limits of PagerDuty in characters.
const (
	pagerDutySummary = 1024
	pagerDutyKey     = 255
	pagerDutyText    = 4000 // of a value of the details; the event has 512 KB
)

var pagerDutySeverities = [...]string{
	message.SeverityInfo: "info", message.SeverityGood: "info", message.SeverityWarning: "warning", message.SeverityError: "error",
}

func buildPagerDuty(d *draft) (cron.Request, error) {
	target := d.at("/v2/enqueue")
	if given := d.setting("url"); strings.HasSuffix(given, "/v2/enqueue") {
		target = given
	}
	body := object{"routing_key": d.setting("routingKey"), "event_action": "trigger", "dedup_key": shorten(d.Key, pagerDutyKey)}
	switch {
	case d.resolves():
		body["event_action"] = "resolve"
		return postJSON(target, body)
	case d.acknowledges():
		body["event_action"] = "acknowledge"
		return postJSON(target, body)
	}
	details := object{"summary": shorten(d.Summary, pagerDutyText)}
	for _, f := range d.Facts {
		details[shorten(f.Label, 100)] = shorten(f.Value, 1000)
	}
	if jobs := plain.parts(&message.Notification{Jobs: d.Jobs, Summary: d.More}, pagerDutyText, false); len(d.Jobs) > 0 {
		details["jobs"] = jobs
	}
	if d.Excerpt != "" {
		details["response"] = shorten(d.Excerpt, pagerDutyText)
	}
	if d.Runbook != "" {
		details["runbook"] = shorten(d.Runbook, pagerDutyText)
	}
	payload := object{
		"summary": shorten(d.Subject, pagerDutySummary), "source": d.source(), "severity": pagerDutySeverities[d.Severity],
		"class": d.Event, "custom_details": details,
	}
	if !d.At.IsZero() {
		payload["timestamp"] = instant(d.At)
	}
	body["payload"], body["client"] = payload, "Punctual"
	var links []object
	for _, l := range d.Links {
		links = append(links, object{"href": l.URL, "text": shorten(l.Label, 100)})
	}
	if links != nil {
		body["links"] = links
	}
	if url := d.link(); url != "" {
		body["client_url"] = url
	}
	return postJSON(target, body)
}

// source names what a message comes from, which pagers require.
func (d *draft) source() string {
	for _, name := range [...]string{d.Title, d.Account} {
		if name != "" {
			return shorten(name, 200)
		}
	}
	return "Punctual"
}

// judgeStatusText reads answers that say {"status":"success"}.
func judgeStatusText(a *answer) (Verdict, bool) {
	var reply struct{ Status, Message string }
	if a.ok() && a.json(&reply) && reply.Status != "" && reply.Status != "success" {
		return refused(cron.ChannelAnswer, reply.Message)
	}
	return usual()
}
