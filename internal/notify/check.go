package notify

import (
	stdmail "net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// Check reports what is wrong with a channel of a kind. The pointers are "/kind", "/" and the name of a setting, "/headers" and
// "/template". No problem has the value of a secret.
func Check(kind string, settings map[string]string, headers []cron.Header, template string) []cron.Problem {
	var c checker
	k, ok := Find(kind)
	if !ok {
		names := make([]string, len(kinds))
		for i, k := range kinds {
			names[i] = k.Name
		}
		c.add("/kind", cron.Problem{Rule: cron.RuleUnknownValue, Given: kind, Want: strings.Join(names, ", ")})
		return c.problems
	}
	for i := range k.Fields {
		c.field(&k.Fields[i], settings[k.Fields[i].Name])
	}
	for _, name := range slices.Sorted(keys(settings)) {
		if !slices.ContainsFunc(k.Fields, func(f Field) bool { return f.Name == name }) {
			c.add("/"+name, cron.Problem{Rule: cron.RuleUnknownValue, Given: name, Want: k.fieldNames()})
		}
	}
	if k.Headers {
		c.headers(headers)
	} else if len(headers) > 0 {
		c.add("/headers", cron.Problem{Rule: cron.RuleOutOfRange, Given: strconv.Itoa(len(headers))})
	}
	c.template("/template", template, cron.MaxChannelTemplate)
	if k.together != nil {
		c.problems = append(c.problems, k.together(settings)...)
	}
	return c.problems
}

func (k *Kind) fieldNames() string {
	names := make([]string, len(k.Fields))
	for i, f := range k.Fields {
		names[i] = f.Name
	}
	return strings.Join(names, ", ")
}

func keys(m map[string]string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

type checker struct{ problems []cron.Problem }

func (c *checker) add(pointer string, p cron.Problem) {
	p.Pointer = pointer
	c.problems = append(c.problems, p)
}

// field adds what is wrong with the value of a field.
func (c *checker) field(f *Field, value string) {
	pointer := "/" + f.Name
	value = strings.TrimSpace(value)
	switch {
	case value == "" && f.Required:
		c.add(pointer, cron.Problem{Rule: cron.RuleMandatory})
	case value == "":
	case len(value) > cron.MaxChannelSetting:
		c.add(pointer, cron.Problem{Rule: cron.RuleTooLong, Limit: cron.MaxChannelSetting, Unit: cron.UnitBytes})
	case !utf8.ValidString(value):
		c.add(pointer, cron.Problem{Rule: cron.RuleNotText})
	case strings.ContainsFunc(value, unicode.IsControl):
		c.add(pointer, cron.Problem{Rule: cron.RuleControlCharacter})
	case f.Choices != nil && !slices.Contains(f.Choices, value):
		c.add(pointer, cron.Problem{Rule: cron.RuleUnknownValue, Given: value, Want: strings.Join(f.Choices, ", ")})
	case f.check != nil:
		if p := f.check(value); p.Rule != cron.RuleNone {
			c.add(pointer, p)
		}
	}
}

// headers adds what is wrong with the headers of a channel, whose values are templates.
func (c *checker) headers(headers []cron.Header) {
	const pointer = "/headers"
	total := 0
	for _, h := range headers {
		total += len(h.Name) + len(h.Value)
		switch {
		case !cron.IsToken(h.Name):
			c.add(pointer, cron.Problem{Rule: cron.RuleHeaderName, Given: h.Name})
		case h.Value == "":
			c.add(pointer, cron.Problem{Rule: cron.RuleEmptyHeader, Given: h.Name})
		case strings.ContainsFunc(h.Value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
			c.add(pointer, cron.Problem{Rule: cron.RuleControlCharacter, Given: h.Name})
		default:
			c.template(pointer, h.Value, cron.MaxHeaderLength)
		}
	}
	switch {
	case len(headers) > cron.MaxChannelHeaders:
		c.add(pointer, cron.Problem{Rule: cron.RuleTooMany, Limit: cron.MaxChannelHeaders})
	case total > cron.MaxHeaderLength:
		c.add(pointer, cron.Problem{Rule: cron.RuleTooLong, Limit: cron.MaxHeaderLength, Unit: cron.UnitBytes})
	}
}

// template adds what is wrong with a template.
func (c *checker) template(pointer, template string, longest int64) {
	switch {
	case int64(len(template)) > longest:
		c.add(pointer, cron.Problem{Rule: cron.RuleTooLong, Limit: longest, Unit: cron.UnitBytes})
	case !utf8.ValidString(template):
		c.add(pointer, cron.Problem{Rule: cron.RuleNotText})
	default:
		for _, p := range message.CheckTemplate(template) {
			c.add(pointer, p)
		}
	}
}

// serviceHosts are the hosts at which services take messages. One that begins with a dot stands for all below it.
var serviceHosts = [...]struct{ host, kind, title string }{
	{"hooks.slack.com", "slack", "Slack"}, {"hooks.slack-gov.com", "slack", "Slack"},
	{"discord.com", "discord", "Discord"}, {".discord.com", "discord", "Discord"}, {"discordapp.com", "discord", "Discord"},
	{".webhook.office.com", "teams", "Microsoft Teams"}, {".logic.azure.com", "teams", "Microsoft Teams"},
	{".api.powerplatform.com", "teams", "Microsoft Teams"},
	{"chat.googleapis.com", "googleChat", "Google Chat"},
	{"api.telegram.org", "telegram", "Telegram"},
	{"ntfy.sh", "ntfy", "ntfy"},
	{"api.pushover.net", "pushover", "Pushover"},
	{"webexapis.com", "webex", "Webex"},
	{"open.larksuite.com", "lark", "Lark"}, {"open.feishu.cn", "lark", "Lark"},
	{"events.pagerduty.com", "pagerDuty", "PagerDuty"}, {"events.eu.pagerduty.com", "pagerDuty", "PagerDuty"},
	{"alert.victorops.com", "splunkOnCall", "Splunk On-Call"},
	{"api.twilio.com", "twilio", "Twilio"},
}

// serviceAt is the kind that has a host, and its title; "" for a host that anybody may have.
func serviceAt(host string) (kind, title string) {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, s := range &serviceHosts {
		if host == s.host || s.host[0] == '.' && strings.HasSuffix(host, s.host) {
			return s.kind, s.title
		}
	}
	return "", ""
}

// urlOf checks a URL that messages of a kind are sent to. Where the host is one of a known service, it has to be that of the kind,
// and encrypted.
func urlOf(kind string) func(value string) cron.Problem {
	return func(value string) cron.Problem {
		p := checkURL(value)
		if p.Rule != cron.RuleNone {
			return p
		}
		u, err := url.Parse(value)
		if err != nil {
			return cron.Problem{Rule: cron.RuleURLSyntax}
		}
		switch at, title := serviceAt(u.Hostname()); {
		case at == "":
		case at != kind:
			return cron.Problem{Rule: cron.RuleOtherService, Given: u.Hostname(), Want: title}
		case u.Scheme != "https":
			return cron.Problem{Rule: cron.RuleNeedsHTTPS, Given: u.Hostname()}
		}
		return cron.Problem{}
	}
}

// checkURL checks a URL without placeholders.
func checkURL(value string) cron.Problem {
	if len(value) > cron.MaxURLLength {
		return cron.Problem{Rule: cron.RuleTooLong, Limit: cron.MaxURLLength, Unit: cron.UnitBytes}
	}
	_, p := cron.ParseURL(value)
	return p
}

// checkTemplateURL checks a URL whose path and query are a template.
func checkTemplateURL(value string) cron.Problem {
	if problems := message.CheckTemplate(value); len(problems) > 0 {
		return problems[0]
	}
	first, second := sample(value, "1"), sample(value, "2")
	if p := checkURL(first); p.Rule != cron.RuleNone {
		return p
	}
	u, _ := cron.ParseURL(first)
	v, p := cron.ParseURL(second)
	if p.Rule != cron.RuleNone || u.Scheme != v.Scheme || u.Host != v.Host || u.User.String() != v.User.String() {
		return cron.Problem{Rule: cron.RuleURLPlaceholder}
	}
	return cron.Problem{}
}

// sample is a template with all values replaced by the same text.
func sample(template, value string) string {
	filled, err := message.FillTemplate(template, new(message.Notification), func(string) string { return value })
	if err != nil {
		return template
	}
	return filled
}

func checkMail(value string) cron.Problem {
	const longest = 254 // RFC 5321, section 4.5.3.1.3
	if a, err := stdmail.ParseAddress(value); err != nil || a.Address != value || len(value) > longest {
		return cron.Problem{Rule: cron.RuleEmail, Given: value}
	}
	return cron.Problem{}
}

var phoneNumber = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`) // E.164

func checkPhone(value string) cron.Problem {
	if !phoneNumber.MatchString(value) {
		return cron.Problem{Rule: cron.RulePhoneNumber, Given: value}
	}
	return cron.Problem{}
}

// checkSigningSecret checks the secret of the Standard Webhooks signature.
func checkSigningSecret(value string) cron.Problem {
	if !cron.IsSigningSecret(value) {
		return cron.Problem{Rule: cron.RuleSigningSecret}
	}
	return cron.Problem{}
}
