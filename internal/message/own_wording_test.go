package message_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"punctual/internal/cron"
	"punctual/internal/message"
)

func TestTemplates(t *testing.T) {
	n := message.Default().Notification(told(failed()), room, inside)
	list := message.Default().Notification(several(10_000), room, inside)
	quoted := func(s string) string {
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return string(text[1 : len(text)-1])
	}
	for name, tt := range map[string]struct {
		template string
		n        *message.Notification
		escape   func(string) string
		want     string
	}{
		"nothing":           {"", &n, nil, ""},
		"only text":         {"It failed.", &n, nil, "It failed."},
		"values":            {"{job} ({account}): {status}, next {next}", &n, nil, "Nightly backup (Example Ltd.): 503 Service Unavailable, next Fri 27 November 2026, 03:00:00 CET"},
		"JSON":              {`{"text":"{job}","more":{"id":"{id}","body":"{excerpt}"},"list":[{}]}`, &n, quoted, `{"text":"Nightly backup","more":{"id":"msg_345","body":"{\n  \"error\": \"no space left on device\"\n}"},"list":[{}]}`},
		"a query":           {"https://sms.example.com/?text={status}", &n, url.QueryEscape, "https://sms.example.com/?text=503+Service+Unavailable"},
		"numbers":           {"{jobId} {problemId} {count} {failures}", &n, nil, "7 12 1 3"},
		"links":             {"{url} {acknowledge} {snooze}", &n, nil, "https://cron.example.com/console/problems/12 https://cron.example.com/console/act/TOKEN https://cron.example.com/console/act/TOKEN#snooze"},
		"time":              {"{time} {event} {severity} {key}", &n, nil, "2026-11-27T01:00:02Z failure error problem-12"},
		"what it lacks":     {"[{expiry}{lasted}{attempt}{jobs}]", &n, nil, "[]"},
		"braces":            {"{ {} {{job}} {x y} {1} } {", &n, nil, "{ {} {Nightly backup} {x y} {1} } {"},
		"unknown":           {"{subjekt}", &n, nil, "{subjekt}"},
		"an open one":       {"{job} {job", &n, nil, "Nightly backup {job"},
		"several jobs":      {"{count} {jobId}", &list, nil, "10000 "},
		"values stay plain": {"{target}", &message.Notification{Facts: []message.Fact{{Name: "target", Value: "{job} {target}"}}}, nil, "{job} {target}"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := message.FillTemplate(tt.template, tt.n, tt.escape)
			if err != nil || got != tt.want {
				t.Errorf("filled %q, %v; want %q", got, err, tt.want)
			}
		})
	}
	if got, _ := message.FillTemplate("{jobs}", &list, nil); strings.Count(got, "\n") != cron.MaxListedNotices || !strings.HasSuffix(got, "9,980 more are not listed.") {
		t.Errorf("the list is %q", got)
	}
}

func TestCheckTemplate(t *testing.T) {
	for template, want := range map[string]cron.Rule{
		"":                                  cron.RuleNone,
		`{"text":"{subject}","a":{"b":{}}}`: cron.RuleNone,
		"{job} {":                           cron.RuleNone,
		"{subjekt} and {jobb}":              cron.RuleTemplateName,
		"{Job}":                             cron.RuleTemplateName,
		strings.Repeat("x", cron.MaxChannelTemplate):       cron.RuleNone,
		strings.Repeat("x", cron.MaxChannelTemplate) + "x": cron.RuleTooLong,
	} {
		got := message.CheckTemplate(template)
		if want == cron.RuleNone && got != nil || want != cron.RuleNone && (len(got) != 1 || got[0].Rule != want) {
			t.Errorf("%.40q: %+v", template, got)
		}
	}
	s := message.Default().Problem(message.CheckTemplate("{subjekt}")[0])
	if !strings.HasPrefix(s, `"{subjekt}" is not a placeholder of templates. These are: {account}, {acknowledge}, `) {
		t.Errorf("the sentence is %q", s)
	}
}

// TestPlaceholdersAreFilled makes sure that each placeholder has a value in some notification.
func TestPlaceholdersAreFilled(t *testing.T) {
	missing := message.Placeholders()
	for _, tt := range notifications() {
		n := message.Default().Notification(tt.m, tt.channel, inside)
		missing = slices.DeleteFunc(missing, func(name string) bool {
			got, err := message.FillTemplate("{"+name+"}", &n, nil)
			return err == nil && got != ""
		})
	}
	if len(missing) > 0 {
		t.Errorf("nothing fills %v", missing)
	}
}

// TestTemplatesAreBounded fills as much as a template can hold with the largest values.
func TestTemplatesAreBounded(t *testing.T) {
	n := message.Default().Notification(several(10_000), room, inside)
	wanted := 0
	escape := func(s string) string { wanted += len(s); return s }
	got, err := message.FillTemplate(strings.Repeat("{jobs}", cron.MaxChannelTemplate/len("{jobs}")), &n, escape)
	if !errors.Is(err, message.ErrTemplateSize) || got != "" {
		t.Errorf("filled %d bytes, %v", len(got), err)
	}
	if wanted > 100<<10 {
		t.Errorf("made %d bytes of values before it stopped", wanted)
	}
}

func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"{job}", "{{job}}", `{"a":"{summary}"}`, "{", "{}", "}{", "{é}"} {
		f.Add(s)
	}
	n := message.Default().Notification(told(failed()), room, inside)
	f.Fuzz(func(t *testing.T, template string) {
		got, err := message.FillTemplate(template, &n, nil)
		if err == nil && len(message.CheckTemplate(template)) == 0 && !strings.Contains(template, "{") && got != template {
			t.Errorf("%q without placeholders became %q", template, got)
		}
	})
}
