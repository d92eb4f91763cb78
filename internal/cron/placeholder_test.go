package cron

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestWhatPlaceholdersStandFor expands a text in a URL, a header, the body and the credentials.
func TestWhatPlaceholdersStandFor(t *testing.T) {
	made := 0
	uuid := func() string { made++; return strings.Repeat("u", made) }
	call := Call{JobID: 7, Title: "a b/ü%secret:A%\r\n", Now: time.Unix(99, 0), Secrets: map[string]string{"A": "x y%cjo:jobid%", "_b-1.C": ""},
		Attempt: Attempt{Execution: 12, Planned: time.Date(2026, 5, 3, 10, 0, 0, 999, time.FixedZone("", 7200)), Number: 3}}
	for _, row := range []struct{ given, text, url, shown string }{
		{given: "plain % %cjo:", text: "plain % %cjo:", url: "plain % %cjo:"},
		{given: "%cjo:unixtime%,%cjo:jobid%,%cjo:attempt%", text: "99,7,3", url: "99,7,3"},
		{given: "%cjo:executionid% %cjo:planned%", text: "12 1777795200", url: "12 1777795200"},
		{given: "%cjo:plannediso%", text: "2026-05-03T08:00:00Z", url: "2026-05-03T08%3A00%3A00Z"},
		{given: "%cjo:title%", text: "a b/ü%secret:A%\r\n", url: "a%20b%2F%C3%BC%25secret%3AA%25%0D%0A"},
		{given: "%cjo:other%%CJO:JOBID%%cjo:jobid", text: "%cjo:other%%CJO:JOBID%%cjo:jobid", url: "%cjo:other%%CJO:JOBID%%cjo:jobid"},
		{given: "%secret:A%|%secret:_b-1.C%", text: "x y%cjo:jobid%|", url: "x%20y%25cjo%3Ajobid%25|", shown: "%secret:A%|%secret:_b-1.C%"},
		{given: "%secret:%cjo:jobid%%secret:1a%%secret:a b%", text: "%secret:7%secret:1a%%secret:a b%",
			url: "%secret:7%secret:1a%%secret:a b%"},
		{given: "%cjo:attempt%%secret:A%cjo:attempt%", text: "3x y%cjo:jobid%cjo:attempt%", url: "3x%20y%25cjo%3Ajobid%25cjo:attempt%",
			shown: "3%secret:A%cjo:attempt%"},
		{given: "%secret:%cjo:title%%", text: "%secret:a b/ü%secret:A%\r\n%", url: "%secret:a%20b%2F%C3%BC%25secret%3AA%25%0D%0A%"},
	} {
		c := call
		c.Request = Request{URL: row.given, Headers: []Header{{"X", "x"}, {"Y", row.given}}, Body: row.given,
			Auth: BasicAuth{Enable: true, User: "%secret:A%%cjo:jobid%", Password: row.given}}
		if row.shown == "" {
			row.shown = row.url
		}
		x := c.Expand(uuid)
		if x.Body != row.text || x.Headers[1].Value != row.text || x.Headers[0] != (Header{"X", "x"}) || x.URL != row.url ||
			x.Shown != row.shown || x.Unknown != "" {
			t.Errorf("%s: %+v", row.given, x)
		}
		if x.Auth.User != "x y%cjo:jobid%%cjo:jobid%" {
			t.Errorf("the user is %q", x.Auth.User)
		}
		if c.Request.Headers[1].Value != row.given {
			t.Error("the headers of the job have changed")
		}
	}
	call.Request = Request{URL: "%cjo:uuid4%%secret:A%%cjo:uuid4%", Body: "%secret:lower%%secret:Z%"}
	if x := call.Expand(uuid); x.URL != "ux%20y%25cjo%3Ajobid%25uu" || x.Shown != "u%secret:A%uu" || x.Unknown != "lower" {
		t.Errorf("%+v", x)
	}
	call.Attempt.Test, call.Request = true, Request{Body: "%cjo:executionid%"}
	if x := call.Expand(uuid); x.Body != "test-12" {
		t.Errorf("a test run: %q", x.Body)
	}
}

// TestSecretsOfARequest has secrets where they can be, and where they cannot.
func TestSecretsOfARequest(t *testing.T) {
	r := Request{URL: "http://%secret:d%@a/", Headers: []Header{{"%secret:name%", "%secret:c%"}}, Body: "%secret:a%%secret:c%",
		Auth: BasicAuth{User: "%secret:B%", Password: "%secret:e%"}}
	if got := r.SecretNames(); !slices.Equal(got, []string{"B", "a", "c", "d", "e"}) {
		t.Errorf("the names are %q", got)
	}
	for url, rule := range map[string]Rule{
		"http://%secret:a%:%secret:b%@a.test/%secret:c%?%secret:d%#%secret:e%": RuleNone,
		"http://%secret:a%@a.test/":            RuleNone,
		"http://%secret:host%/":                RuleURLPlaceholder,
		"http://a.%secret:host%.test/":         RuleURLPlaceholder,
		"http://a.test:%secret:port%/":         RuleURLPlaceholder,
		"http://a.test:8%secret:port%/":        RuleURLPlaceholder,
		"%secret:scheme%://a.test/":            RuleURLSyntax,
		"http%secret:scheme%://a.test/":        RuleURLScheme,
		"http://%cjo:title%:%secret:b%@a.test": RuleURLPlaceholder,
		"http://%secret:a%:%cjo:jobid%@a.test": RuleURLPlaceholder,
	} {
		j := NewJob()
		j.Request.URL = url
		err := j.Accept(&Job{Request: j.Request})
		if e, _ := err.(*Error); rule == RuleNone && err != nil || rule != RuleNone && (e == nil || e.Problems[0].Rule != rule) {
			t.Errorf("%s: %v", url, err)
		}
	}
	for url, want := range map[string]string{
		"http://%secret:a%:%secret:b%@a.test/%secret:c%": "http://%secret:a%:xxxxx@a.test/%secret:c%",
		"http://%secret:a%@a.test/":                      "http://xxxxx@a.test/",
		"http://u%secret:a%v:b@a.test/":                  "http://u%secret:a%v:xxxxx@a.test/",
	} {
		if got := MaskURL(url); got != want {
			t.Errorf("%s is shown as %s", url, got)
		}
	}
}

// TestGrowthIsBounded has jobs whose placeholders can come to more than they are.
func TestGrowthIsBounded(t *testing.T) {
	title := strings.Repeat("\U0001F600", MaxTitleLength) // 2 KiB
	const titles = MaxPlaceholderGrowth / 4 / MaxTitleLength
	const secrets = MaxPlaceholderGrowth / MaxSecretLength
	for _, row := range []struct {
		title, url, header, body, password string
		pointer                            string
	}{
		{title: title, body: strings.Repeat("%cjo:title%", titles)},
		{title: title, body: strings.Repeat("%cjo:title%", titles+1), pointer: "/extendedData/body"},
		{title: title, url: strings.Repeat("%cjo:title%", titles/3), header: "%cjo:title%"},
		{title: title, url: strings.Repeat("%cjo:title%", titles/3+1), pointer: "/url"},
		{title: "short", body: strings.Repeat("%cjo:title%", MaxPlaceholders)},
		{body: strings.Repeat("%secret:a%", secrets)},
		{body: strings.Repeat("%secret:a%", secrets), header: "%secret:a%", pointer: "/extendedData/body"},
		{body: strings.Repeat("%secret:a%", secrets), password: "%secret:a%", pointer: "/auth/password"},
	} {
		j := NewJob()
		j.Title, j.Request.URL, j.Request.Body, j.Request.Auth.Password = row.title, "http://a.test/"+row.url, row.body, row.password
		if row.header != "" {
			j.Request.Headers = []Header{{"X", row.header}}
		}
		err := j.Accept(&Job{Request: j.Request})
		e, _ := err.(*Error)
		if row.pointer == "" && err != nil ||
			row.pointer != "" && (e == nil || e.Problems[0].Rule != RulePlaceholderGrowth || e.Problems[0].Pointer != row.pointer) {
			t.Errorf("%.40s %.40s %.40s: %v", row.url, row.header, row.body, err)
		}
	}
}

func TestSigningSecrets(t *testing.T) {
	for secret, fine := range map[string]bool{
		"": true, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw": true, " whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n": true, GenerateSigningSecret: true,
		"whsec_" + strings.Repeat("AAAA", 7) + "AA==": false, "whsec_" + strings.Repeat("AAAA", 21) + "AA==": true,
		"whsec_" + strings.Repeat("AAAA", 22): false, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw": false, "whsec_": false,
		"whsec_MfKQ9r8GKYqrTwj\nUPD8ILPZIo2LaLaSw": false, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS-": false, "Generate": false,
	} {
		j := NewJob()
		j.Request.URL, j.SigningSecret = "http://a.test/", secret
		if err := j.Accept(&Job{Request: j.Request}); (err == nil) != fine {
			t.Errorf("%q: %v", secret, err)
		}
		if _, ok := signingKey(j.SigningSecret); fine && secret != "" && !ok {
			t.Errorf("%q becomes %q", secret, j.SigningSecret)
		}
	}
	if first, second := NewSigningSecret(), NewSigningSecret(); first == second {
		t.Error("two secrets are the same")
	}
}
