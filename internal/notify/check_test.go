package notify

import (
	"fmt"
	"strings"
	"testing"

	"punctual/internal/cron"
)

// TestCheckTakesWhatIsSent checks the channels of the other tests, and that each required setting is missed.
func TestCheckTakesWhatIsSent(t *testing.T) {
	for _, kind := range Kinds() {
		settings := map[string]string{"to": "jane@example.org"}
		switch {
		case kind.Name == "owners":
			settings = nil
		case !kind.Mail():
			settings = channelOf(kind.Name, "https://service.example.com").Settings
		}
		if problems := Check(kind.Name, settings, nil, "{subject}"); problems != nil {
			t.Errorf("%s: %+v", kind.Name, problems)
		}
		for _, f := range kind.Fields {
			value, given := settings[f.Name]
			if !given {
				continue
			}
			delete(settings, f.Name)
			problems := Check(kind.Name, settings, nil, "")
			if missed := len(problems) > 0 && problems[0].Pointer == "/"+f.Name && problems[0].Rule == cron.RuleMandatory; missed != (f.Required ||
				kind == &splunkOnCall && f.Name == "routingKey") {
				t.Errorf("%s without %s: %+v", kind.Name, f.Name, problems)
			}
			for bad, rule := range map[string]cron.Rule{
				"a\nb": cron.RuleControlCharacter, "a\xff": cron.RuleNotText, strings.Repeat("x", cron.MaxChannelSetting+1): cron.RuleTooLong,
			} {
				settings[f.Name] = bad
				problems := Check(kind.Name, settings, nil, "")
				if len(problems) == 0 || problems[0].Rule != rule {
					t.Errorf("%s with %s %.10q: %+v", kind.Name, f.Name, bad, problems)
				}
				if f.Secret && strings.Contains(fmt.Sprint(problems), bad) {
					t.Errorf("%s: a problem shows the secret %s", kind.Name, f.Name)
				}
			}
			settings[f.Name] = value
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	const slackURL = "https://hooks.slack.com/services/T0/B0/x"
	for name, tt := range map[string]struct {
		kind     string
		settings map[string]string
		headers  []cron.Header
		template string
		pointer  string
		rule     cron.Rule
	}{
		"an unknown kind":           {"pigeon", nil, nil, "", "/kind", cron.RuleUnknownValue},
		"an unknown setting":        {"slack", map[string]string{"url": slackURL, "colour": "red"}, nil, "", "/colour", cron.RuleUnknownValue},
		"a hook without TLS":        {"slack", map[string]string{"url": "http://hooks.slack.com/services/T0/B0/x"}, nil, "", "/url", cron.RuleNeedsHTTPS},
		"the hook of another":       {"discord", map[string]string{"url": slackURL}, nil, "", "/url", cron.RuleOtherService},
		"the hook of another below": {"slack", map[string]string{"url": "https://x.webhook.office.com/y"}, nil, "", "/url", cron.RuleOtherService},
		"no scheme":                 {"slack", map[string]string{"url": "hooks.slack.com/services"}, nil, "", "/url", cron.RuleURLScheme},
		"a file":                    {"gotify", map[string]string{"url": "file:///etc/passwd", "token": "x"}, nil, "", "/url", cron.RuleURLScheme},
		"no host":                   {"webhook", map[string]string{"url": "https:///x"}, nil, "", "/url", cron.RuleURLHost},
		"a template in the host":    {"http", map[string]string{"url": "https://{event}.example.com/"}, nil, "", "/url", cron.RuleURLPlaceholder},
		"a template as the host":    {"http", map[string]string{"url": "{url}"}, nil, "", "/url", cron.RuleURLScheme},
		"a template as the user":    {"http", map[string]string{"url": "https://{event}@example.com/"}, nil, "", "/url", cron.RuleURLPlaceholder},
		"an unknown template":       {"http", map[string]string{"url": "https://example.com/{nobody}"}, nil, "", "/url", cron.RuleTemplateName},
		"an unknown method":         {"http", map[string]string{"url": "https://example.com/", "method": "CONNECT"}, nil, "", "/method", cron.RuleUnknownValue},
		"headers where there are none": {"slack", map[string]string{"url": slackURL}, []cron.Header{{Name: "A", Value: "b"}}, "", "/headers",
			cron.RuleOutOfRange},
		"a header with a line break": {"http", map[string]string{"url": "https://example.com/"}, []cron.Header{{Name: "A", Value: "b\r\nC: d"}}, "",
			"/headers", cron.RuleControlCharacter},
		"a header without a name": {"http", map[string]string{"url": "https://example.com/"}, []cron.Header{{Name: "A B", Value: "b"}}, "", "/headers",
			cron.RuleHeaderName},
		"too many headers": {"webhook", map[string]string{"url": "https://example.com/"}, make([]cron.Header, 51), "", "/headers", cron.RuleHeaderName},
		"a bad template":   {"slack", map[string]string{"url": slackURL}, nil, "{nobody}", "/template", cron.RuleTemplateName},
		"a long template": {"slack", map[string]string{"url": slackURL}, nil, strings.Repeat("x", cron.MaxChannelTemplate+1), "/template",
			cron.RuleTooLong},
		"a short secret":     {"webhook", map[string]string{"url": "https://example.com/", "secret": "whsec_x"}, nil, "", "/secret", cron.RuleSigningSecret},
		"several addresses":  {"email", map[string]string{"to": "a@example.org, b@example.org"}, nil, "", "/to", cron.RuleEmail},
		"a name and address": {"email", map[string]string{"to": "Jane <jane@example.org>"}, nil, "", "/to", cron.RuleEmail},
		"no topic":           {"ntfy", map[string]string{"url": "https://ntfy.sh/"}, nil, "", "/topic", cron.RuleMandatory},
		"a local number": {"twilio", map[string]string{"accountSid": "AC0123456789abcdef0123456789abcdef", "token": "t", "from": "x", "to": "0170"}, nil, "",
			"/to", cron.RulePhoneNumber},
	} {
		problems := Check(tt.kind, tt.settings, tt.headers, tt.template)
		if len(problems) == 0 || problems[0].Pointer != tt.pointer || problems[0].Rule != tt.rule {
			t.Errorf("%s: %+v, want rule %d at %s", name, problems, tt.rule, tt.pointer)
		}
	}
}

// TestTarget finds the URL that the address guard has to allow.
func TestTarget(t *testing.T) {
	for _, tt := range []struct {
		kind     string
		settings map[string]string
		want     string
	}{
		{"slack", map[string]string{"url": " https://hooks.slack.com/services/x "}, "https://hooks.slack.com/services/x"},
		{"http", map[string]string{"url": "http://10.0.0.1/{id}"}, "http://10.0.0.1/1"},
		{"telegram", nil, "https://api.telegram.org"},
		{"email", map[string]string{"to": "jane@example.org"}, ""},
		{"owners", nil, ""}, {"pigeon", nil, ""},
	} {
		if got := Target(tt.kind, tt.settings); got != tt.want {
			t.Errorf("the target of %s is %q, want %q", tt.kind, got, tt.want)
		}
	}
	if k, ok := Find("GOOGLECHAT"); !ok || k.Name != "googleChat" {
		t.Error("names are not found ignoring case")
	}
}
