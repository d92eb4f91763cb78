package cron

import (
	"strings"
	"testing"
	"time"
)

// TestExpandIsLinear counts how often a UUID is made, and bounds what is allocated by what comes out.
func TestExpandIsLinear(t *testing.T) {
	made := 0
	uuid := func() string { made++; return "" }
	c := Call{Now: time.Unix(7, 0)}
	c.Request.Body = strings.Repeat(PlaceholderUUID+PlaceholderUnixTime+"x", 20_000)
	allocations := testing.AllocsPerRun(1, func() { made = 0; c.Expand(uuid) })
	if got := c.Expand(uuid).Body; got != strings.Repeat("7x", 20_000) {
		t.Errorf("%d bytes", len(got))
	}
	if allocations > 100 {
		t.Errorf("%v allocations for one body", allocations)
	}
	c.Request.Body = PlaceholderUUID
	if uuid = func() string { return PlaceholderUUID }; c.Expand(uuid).Body != PlaceholderUUID {
		t.Error("what was filled in is filled in again")
	}
}

func TestPlaceholdersOfAJob(t *testing.T) {
	for _, row := range []struct {
		url, header, body string
		pointer           string
		rule              Rule
	}{
		{url: "http://%cjo:unixtime%/", pointer: "/url", rule: RuleURLPlaceholder},
		{url: "http://%cjo:uuid4%.a.test/", pointer: "/url", rule: RuleURLPlaceholder},
		{url: "http://a.test:%cjo:unixtime%/", pointer: "/url", rule: RuleURLPlaceholder},
		{url: "http://a.test:8%cjo:unixtime%/", pointer: "/url", rule: RuleURLPlaceholder},
		{url: "http://%cjo:unixtime%@a.test/", pointer: "/url", rule: RuleURLPlaceholder},
		{url: "http://u:%cjo:uuid4%@a.test/", pointer: "/url", rule: RuleURLPlaceholder},
		{url: "http://[::%cjo:unixtime%]/", pointer: "/url", rule: RuleURLPlaceholder},
		{url: "http://a.test/%cjo:unixtime%?%cjo:uuid4%#%cjo:uuid4%"},
		{url: "http://a.test?%cjo:uuid4%@b.test/"},
		{body: strings.Repeat(PlaceholderUUID, MaxPlaceholders)},
		{body: strings.Repeat(PlaceholderUUID, MaxPlaceholders+1), pointer: "/extendedData/body", rule: RulePlaceholders},
		{header: strings.Repeat(PlaceholderUnixTime, MaxPlaceholders), body: PlaceholderUUID,
			pointer: "/extendedData/body", rule: RulePlaceholders},
		{header: strings.Repeat(PlaceholderUUID, MaxPlaceholders+1), body: PlaceholderUUID,
			pointer: "/extendedData/headers", rule: RulePlaceholders},
		{body: strings.Repeat("%cjo:other%", 2*MaxPlaceholders)},
	} {
		j := NewJob()
		j.Request.URL, j.Request.Body = row.url, row.body
		if row.url == "" {
			j.Request.URL = "http://a.test/"
		}
		if row.header != "" {
			j.Request.Headers = []Header{{"X", row.header}}
		}
		err := j.Accept(&Job{Request: j.Request})
		if row.rule == RuleNone {
			if err != nil {
				t.Errorf("%+v: %v", row, err)
			}
			continue
		}
		e, _ := err.(*Error)
		if e == nil || len(e.Problems) != 1 || e.Problems[0].Pointer != row.pointer || e.Problems[0].Rule != row.rule {
			t.Errorf("%s: %v", row.url, err)
		}
	}
}

// TestPatternsAreJudgedByWhatTheyCompileTo has short patterns that compile to much.
func TestPatternsAreJudgedByWhatTheyCompileTo(t *testing.T) {
	for pattern, fine := range map[string]bool{
		`^\{"ok": *true[,}]`: true, `^\pL{1,20}$`: true, `(?i)(error|warning|fatal)\W+\w{1,50}`: true,
		`[^<]{400}`: true, strings.Repeat("a", 480): true,
		strings.Repeat(`\pC`, 340): false, `\pL{400}`: false, `(?i)` + strings.Repeat(`[\pL\pN]`, 100): false,
		strings.Repeat(`\PL`, 300): false, `(\pC{20}){20}`: false, `((a{0,100}){0,100}){0,100}`: false,
	} {
		j := NewJob()
		j.Request.URL = "http://a.test/"
		j.Exchange.Success = &Success{Matches: pattern}
		if err := j.Accept(&Job{Request: j.Request}); (err == nil) != fine {
			t.Errorf("%.40s: %v, %d bytes", pattern, err, PatternSize(pattern))
		}
	}
}
