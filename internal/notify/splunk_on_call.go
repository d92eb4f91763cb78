package notify

import (
	"strings"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// splunkOnCall posts to a REST endpoint (VictorOps):
// https://help.splunk.com/en/splunk-observability-cloud/splunk-on-call/integrations-with-splunk-on-call/rest-endpoint-integration-for-splunk-on-call.
// The URL ends with the routing key, or with $routing_key as Splunk shows it.
var splunkOnCall = Kind{
	Name: "splunkOnCall", Title: "Splunk On-Call", Fields: []Field{hook("splunkOnCall"), {Name: "routingKey"}},
	build: buildSplunkOnCall, judge: judgeSplunkOnCall, together: checkSplunkOnCall,
}

// splunkOnCallText is the limit on the message in bytes: a request has 30 KB.
const splunkOnCallText = 10_000

// routingKey stands in the URL that Splunk shows.
const routingKey = "$routing_key"

func buildSplunkOnCall(d *draft) (cron.Request, error) {
	target := strings.TrimSuffix(d.setting("url"), routingKey)
	if key := d.setting("routingKey"); key != "" {
		target = strings.TrimRight(target, "/") + "/" + component(key)
	}
	kind := "CRITICAL"
	switch {
	case d.resolves():
		kind = "RECOVERY"
	case d.acknowledges():
		kind = "ACKNOWLEDGEMENT"
	case d.Severity == message.SeverityWarning:
		kind = "WARNING"
	case d.Severity != message.SeverityError:
		kind = "INFO"
	}
	text := markup{size: bytesIn}
	body := object{
		"message_type": kind, "entity_id": shorten(d.Key, 500), "entity_display_name": shorten(d.Subject, 500),
		"state_message": text.body(d.Notification, splunkOnCallText), "monitoring_tool": "Punctual",
	}
	if !d.At.IsZero() {
		body["state_start_time"] = d.At.Unix()
	}
	for _, l := range d.Links {
		body["vo_annotate.u."+shorten(l.Label, 100)] = l.URL
	}
	return postJSON(target, body)
}

func checkSplunkOnCall(settings map[string]string) []cron.Problem {
	if strings.HasSuffix(strings.TrimSpace(settings["url"]), routingKey) && strings.TrimSpace(settings["routingKey"]) == "" {
		return []cron.Problem{{Pointer: "/routingKey", Rule: cron.RuleMandatory}}
	}
	return nil
}

func judgeSplunkOnCall(a *answer) (Verdict, bool) {
	var reply struct{ Result, Message string }
	if a.ok() && a.json(&reply) && reply.Result == "failure" {
		return refused(cron.ChannelAnswer, reply.Message)
	}
	return usual()
}
