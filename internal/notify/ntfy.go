package notify

import (
	"net/url"
	"strings"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// ntfy publishes JSON: https://docs.ntfy.sh/publish/#publish-as-json. The URL may be that of the topic.
var ntfy = Kind{
	Name: "ntfy", Title: "ntfy",
	Fields: []Field{server("ntfy", "https://ntfy.sh"), {Name: "topic"}, {Name: "token", Secret: true}},
	build:  buildNtfy, together: checkNtfy,
}

// Limits of ntfy: bytes of a message, characters of a title, and buttons.
const (
	ntfyText    = 4096
	ntfyTitle   = 250
	ntfyButtons = 3
)

var (
	ntfyPriorities = [...]int{message.SeverityInfo: 3, message.SeverityGood: 3, message.SeverityWarning: 4, message.SeverityError: 5}
	ntfyTags       = [...]string{
		message.SeverityInfo: "information_source", message.SeverityGood: "white_check_mark", message.SeverityWarning: "warning",
		message.SeverityError: "rotating_light",
	}
)

func buildNtfy(d *draft) (cron.Request, error) {
	server, topic := ntfyTopic(d.setting("url"), d.setting("topic"))
	text := markup{size: bytesIn}
	n := *d.Notification
	n.Links = nil
	body := object{
		"topic": topic, "title": shorten(d.Subject, ntfyTitle), "message": text.body(&n, ntfyText),
		"priority": ntfyPriorities[d.Severity], "tags": []string{ntfyTags[d.Severity]},
	}
	var actions []object
	for _, l := range d.Links[:min(len(d.Links), ntfyButtons)] {
		actions = append(actions, object{"action": "view", "label": shorten(l.Label, 50), "url": l.URL})
	}
	if actions != nil {
		body["actions"] = actions
	}
	if url := d.link(); url != "" {
		body["click"] = url
	}
	var headers []cron.Header
	if token := d.setting("token"); token != "" {
		headers = append(headers, bearer(token))
	}
	return postJSON(server, body, headers...)
}

// ntfyTopic is the server and the topic: the last part of the path of the URL when the topic has no setting.
func ntfyTopic(rawURL, topic string) (server, name string) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return rawURL, topic
	}
	u.RawQuery, u.Fragment = "", ""
	path := strings.Trim(u.Path, "/")
	if topic == "" {
		at := strings.LastIndexByte(path, '/')
		path, topic = path[:max(at, 0)], path[at+1:]
	}
	u.Path, u.RawPath = "/"+path, ""
	return u.String(), topic
}

func checkNtfy(settings map[string]string) []cron.Problem {
	if _, topic := ntfyTopic(ntfySetting(settings, "url"), ntfySetting(settings, "topic")); topic == "" {
		return []cron.Problem{{Pointer: "/topic", Rule: cron.RuleMandatory}}
	}
	return nil
}

func ntfySetting(settings map[string]string, name string) string {
	return strings.TrimSpace(settings[name])
}
