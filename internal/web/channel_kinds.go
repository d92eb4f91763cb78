package web

import (
	"slices"

	"punctual/internal/service"
)

// kindText is what people read of a kind of channel.
type kindText struct {
	line    string // the label that says in a line what it is
	help    string // the label that says where its values come from; empty for none
	example string // of its URL
}

// popularKinds come first where people choose, in this order.
var popularKinds = []string{"email", "slack", "teams", "discord", "telegram", "ntfy", "webhook", "pagerDuty"}

// kindTexts are the texts of all kinds by their names.
var kindTexts = map[string]kindText{
	"owners":        {"channel-kind.owners", "", ""},
	"email":         {"channel-kind.email", "", ""},
	"webhook":       {"channel-kind.webhook", "channel-help.webhook", "https://example.com/punctual"},
	"http":          {"channel-kind.http", "channel-help.http", "https://example.com/notify"},
	"slack":         {"channel-kind.slack", "channel-help.slack", "https://hooks.slack.com/services/…"},
	"discord":       {"channel-kind.discord", "channel-help.discord", "https://discord.com/api/webhooks/…"},
	"teams":         {"channel-kind.teams", "channel-help.teams", "https://….logic.azure.com/workflows/…"},
	"googleChat":    {"channel-kind.google-chat", "channel-help.google-chat", "https://chat.googleapis.com/v1/spaces/…"},
	"mattermost":    {"channel-kind.mattermost", "channel-help.mattermost", "https://mattermost.example.com/hooks/…"},
	"rocketChat":    {"channel-kind.rocket-chat", "channel-help.rocket-chat", "https://chat.example.com/hooks/…"},
	"matrix":        {"channel-kind.matrix", "channel-help.matrix", "https://matrix.example.org"},
	"telegram":      {"channel-kind.telegram", "channel-help.telegram", ""},
	"signal":        {"channel-kind.signal", "channel-help.signal", "http://signal.example.com:8080"},
	"ntfy":          {"channel-kind.ntfy", "channel-help.ntfy", "https://ntfy.sh/my-topic"},
	"gotify":        {"channel-kind.gotify", "channel-help.gotify", "https://gotify.example.com"},
	"pushover":      {"channel-kind.pushover", "channel-help.pushover", ""},
	"zulip":         {"channel-kind.zulip", "channel-help.zulip", "https://example.zulipchat.com"},
	"webex":         {"channel-kind.webex", "channel-help.webex", ""},
	"lark":          {"channel-kind.lark", "channel-help.lark", "https://open.larksuite.com/open-apis/bot/v2/hook/…"},
	"pagerDuty":     {"channel-kind.pager-duty", "channel-help.pager-duty", ""},
	"splunkOnCall":  {"channel-kind.splunk-on-call", "channel-help.splunk-on-call", "https://alert.victorops.com/integrations/generic/…"},
	"homeAssistant": {"channel-kind.home-assistant", "channel-help.home-assistant", "https://home.example.com/api/webhook/…"},
	"apprise":       {"channel-kind.apprise", "channel-help.apprise", "https://apprise.example.com/notify/…"},
	"twilio":        {"channel-kind.twilio", "channel-help.twilio", ""},
}

// fieldText is what people read of a setting of a channel.
type fieldText struct{ label, hint string }

// settingTexts are the labels of settings by their names, or by the kind and the name where that means something of its own.
var settingTexts = map[string]fieldText{
	"to":        {"channel-field.email", ""},
	"twilio to": {"channel-field.to-number", "channel-hint.number"},
	"url":       {"channel-field.url", "channel-hint.url"},

	"hook":     {"channel-field.hook", ""},   // the URL of an incoming webhook
	"server":   {"channel-field.server", ""}, // the URL of a server
	"usual":    {"channel-field.server", "channel-hint.usual"},
	"ntfy url": {"channel-field.topic-url", "channel-hint.topic-url"},
	"secret":   {"channel-field.secret", "channel-hint.secret"},
	"method":   {"channel-field.method", ""},
	"channel":  {"channel-field.channel", "channel-hint.channel"},
	"room":     {"channel-field.room", ""},
	"token":    {"channel-field.token", ""},
	"chat":     {"channel-field.chat", "channel-hint.chat"},
	"thread":   {"channel-field.thread", ""},
	"number":   {"channel-field.number", "channel-hint.number"},
	"device":   {"channel-field.device", ""},
	"topic":    {"channel-field.topic", ""},
	"user":     {"channel-field.user", ""},
	"priority": {"channel-field.priority", ""},
	"bot":      {"channel-field.bot", ""},
	"key":      {"channel-field.key", ""},
	"tag":      {"channel-field.tag", ""},
	"from":     {"channel-field.from", "channel-hint.from"},

	"recipients": {"channel-field.recipients", "channel-hint.recipients"},
	"routingKey": {"channel-field.routing-key", ""},
	"accountSid": {"channel-field.account-sid", ""},

	"pagerDuty routingKey": {"channel-field.integration", ""},

	"zulip channel": {"channel-field.channel", ""},
	"lark secret":   {"channel-field.secret", ""},
	"ntfy topic":    {"channel-field.topic", "channel-hint.ntfy-topic"},
}

// textOfSetting is what people read of a field of a kind.
func textOfSetting(kind *service.ChannelKind, f *service.ChannelField) fieldText {
	if text, ok := settingTexts[kind.Name+" "+f.Name]; ok {
		return text
	}
	name := f.Name
	switch {
	case !f.IsURL():
	case f.Secret:
		name = "hook"
	case f.Default != "":
		name = "usual"
	case kind.Name != "webhook" && kind.Name != "http":
		name = "server"
	}
	return settingTexts[name]
}

// kindChoice is a kind as people choose it.
type kindChoice struct{ Name, Title, Line string }

// kindChoices are all kinds, the popular ones first.
func (v *visit) kindChoices(kinds []*service.ChannelKind) (popular, others []kindChoice) {
	for _, name := range popularKinds {
		if at := slices.IndexFunc(kinds, func(k *service.ChannelKind) bool { return k.Name == name }); at >= 0 {
			popular = append(popular, v.kindChoice(kinds[at]))
		}
	}
	for _, k := range kinds {
		if !slices.Contains(popularKinds, k.Name) {
			others = append(others, v.kindChoice(k))
		}
	}
	return popular, others
}

func (v *visit) kindChoice(k *service.ChannelKind) kindChoice {
	return kindChoice{k.Name, k.Title, v.catalogue.Label(kindTexts[k.Name].line)}
}
