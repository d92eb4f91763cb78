package service

import (
	"net/url"
	"slices"
	"strings"

	"punctual/internal/cron"
	"punctual/internal/notify"
)

// secretsAgain is an error of kind Invalid when an edit leads a channel to another host, and keeps a token or a header that was given for
// the former one. Who edits a channel may not have been told them. A signing secret is not sent, so it stays.
func (change *ChannelChange) secretsAgain(before, after *cron.Channel) error {
	host, moved := originOf(after)
	if _, former := originOf(before); former == moved {
		return nil
	}
	var c cron.Checker
	kind, ok := notify.Find(after.Kind)
	if !ok {
		return nil
	}
	again := cron.Problem{Rule: cron.RuleSecretAgain, Given: host}
	for _, f := range kind.Fields {
		if !f.Secret || f.Generated || f.IsURL() || after.Settings[f.Name] == "" {
			continue
		}
		given := strings.TrimSpace(change.Settings[f.Name])
		if shown, _ := shownSetting(kind, f.Name, given); given == "" || given == shown {
			c.Add("/settings/"+f.Name, again)
		}
	}
	masked := func(h cron.Header) bool { return h.Value == cron.Masked }
	if len(after.Headers) > 0 && (!slices.Contains(change.Fields, "/headers") || slices.ContainsFunc(change.Values.Headers, masked)) {
		c.Add("/headers", again)
	}
	return c.Err()
}

// originOf is the host that a channel sends to, and its scheme, host and port; empty for mails.
func originOf(c *cron.Channel) (host, origin string) {
	u, err := url.Parse(notify.Target(c.Kind, c.Settings))
	if err != nil || u.Host == "" {
		return "", ""
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[strings.ToLower(u.Scheme)]
	}
	return host, strings.ToLower(u.Scheme) + "://" + host + ":" + port
}
