package cron

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// searchNamesOf are the folders and the present of these tests.
func searchNamesOf(t testing.TB) *JobSearchNames {
	t.Helper()
	berlin, err := LoadZone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return &JobSearchNames{Now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), Zone: berlin,
		Folders: []Folder{{ID: 3, Title: "Shop EU"}, {ID: 4, Title: "none"}, {ID: 5, Title: "#3"}, {ID: 6, Title: `a"b\c`}}}
}

// TestParseJobSearch reads searches of all kinds. want is what JobFilter's text form is.
func TestParseJobSearch(t *testing.T) {
	now := searchNamesOf(t).Now
	type c = JobCriteria
	for text, want := range map[string]JobFilter{
		"":                             {},
		"  backup\tNightly ":           {JobCriteria: c{Text: "backup Nightly"}},
		`"two words" one`:              {JobCriteria: c{Text: "two words one"}},
		`backup -draft -"old one"`:     {JobCriteria: c{Text: "backup"}, Not: c{Text: "draft old one"}},
		"https://a.example/x?y:z":      {JobCriteria: c{Text: "https://a.example/x?y:z"}},
		"10:30 - --":                   {JobCriteria: c{Text: "10:30 -"}, Not: c{Text: "-"}},
		`"state:failing" "-x"`:         {JobCriteria: c{Text: "state:failing -x"}},
		"state:failing STATE:Paused":   {JobCriteria: c{Conditions: []JobCondition{JobFailing, JobPaused}}},
		"state:enabled":                {Not: c{Conditions: []JobCondition{JobDisabled}}},
		"-state:enabled":               {JobCriteria: c{Conditions: []JobCondition{JobDisabled}}},
		"-state:failing":               {Not: c{Conditions: []JobCondition{JobFailing}}},
		"outcome:ok outcome:timeout":   {JobCriteria: c{Statuses: []Status{StatusOK, StatusTimeout}}},
		"outcome:failed":               {JobCriteria: c{Statuses: failedStatuses()}},
		`folder:"shop eu" folder:#6`:   {JobCriteria: c{Folders: []int64{3, 6}}},
		"folder:none -folder:#4":       {JobCriteria: c{Folders: []int64{0}}, Not: c{Folders: []int64{4}}},
		`folder:"a\"b\\c"`:             {JobCriteria: c{Folders: []int64{6}}},
		"tag:a tag:b -tag:c tag:a":     {JobCriteria: c{Tags: []string{"a", "b"}}, Not: c{Tags: []string{"c"}}},
		"method:post":                  {JobCriteria: c{Methods: []Method{MethodPost}}},
		"host:Old.example.com:8080":    {JobCriteria: c{Hosts: []string{"old.example.com:8080"}}},
		"zone:Europe/Berlin":           {JobCriteria: c{Timezones: []string{"Europe/Berlin"}}},
		`by:"Jane Doe"`:                {JobCriteria: c{ChangedBy: []string{"Jane Doe"}}},
		"changed:7d next-before:90m":   {JobCriteria: c{ChangedSince: now.Add(-7 * 24 * time.Hour), NextBefore: now.Add(90 * time.Minute)}},
		"-next-after:2w":               {Not: c{NextAfter: now.Add(14 * 24 * time.Hour)}},
		"changed:2026-04-01":           {JobCriteria: c{ChangedSince: time.Date(2026, 3, 31, 22, 0, 0, 0, time.UTC)}},
		"changed:2026-04-01t10:00:00z": {JobCriteria: c{ChangedSince: time.Date(2026, 4, 1, 10, 0, 0, 0, time.UTC)}},
	} {
		got, err := ParseJobSearch(text, searchNamesOf(t))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		for _, at := range []*time.Time{&got.ChangedSince, &got.NextBefore, &got.NextAfter, &got.Not.NextAfter} {
			if !at.IsZero() {
				*at = at.UTC()
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q is read as\n%+v, want\n%+v", text, got, want)
		}
	}
}

// TestWrongJobSearch names everything that is wrong, with the token that is.
func TestWrongJobSearch(t *testing.T) {
	type wrong struct {
		rule  Rule
		given string
	}
	for text, want := range map[string][]wrong{
		"hots:a.example":          {{RuleSearchName, "hots"}},
		"note:x tag: -host:":      {{RuleSearchName, "note"}, {RuleSearchValue, "tag"}, {RuleSearchValue, "host"}},
		`tag:"`:                   {{RuleSearchQuote, `tag:"`}, {RuleSearchValue, "tag"}},
		`"abc`:                    {{RuleSearchQuote, `"abc`}},
		"state:broken":            {{RuleUnknownValue, "broken"}},
		"outcome:bad":             {{RuleUnknownValue, "bad"}},
		"method:fetch":            {{RuleUnknownValue, "fetch"}},
		"folder:nothing":          {{RuleSearchFolder, "nothing"}},
		"folder:#99":              {{RuleSearchFolder, "#99"}},
		"zone:Mars/Base":          {{RuleUnknownTimeZone, "Mars/Base"}},
		"changed:soon":            {{RuleSearchTime, "soon"}},
		"changed:d":               {{RuleSearchTime, "d"}},
		"next-before:99999999d":   {{RuleSearchTime, "99999999d"}},
		"next-before:ü":           {{RuleSearchTime, "ü"}},
		strings.Repeat("a", 201):  {{RuleTooLong, ""}},
		strings.Repeat("a ", 30):  {{RuleTooMany, ""}},
		strings.Repeat("a", 1001): {{RuleTooLong, ""}},
		"tag:a\x01b":              {{RuleControlCharacter, ""}},
	} {
		_, err := ParseJobSearch(text, searchNamesOf(t))
		var got []wrong
		if e, ok := err.(*Error); ok && e.Kind == Invalid {
			for _, p := range e.Problems {
				got = append(got, wrong{p.Rule, p.Given})
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
}

// FuzzJobSearch writes every search that can be read, and reads it again.
func FuzzJobSearch(f *testing.F) {
	for _, text := range []string{`a "b c" -d -"e:f" x:`, `-state:enabled outcome:failed outcome:none folder:#5 folder:#4`, `folder:"a\"b\\c" tag:"//x" "//y" by:\\"`,
		"https://x - -- -:a", "changed:1h -next-before:2030-01-01", `tag:"a b" host:A:1 "tag:b\"`, "\u00a0 a\u3000b"} {
		f.Add(text)
	}
	names := searchNamesOf(f)
	f.Fuzz(func(t *testing.T, text string) {
		first, err := ParseJobSearch(text, names)
		if err != nil {
			return
		}
		written := FormatJobSearch(&first, names)
		second, err := ParseJobSearch(written, names)
		if len(written) > MaxJobSearch {
			return
		}
		if err != nil {
			t.Fatalf("%q is written as %q, which is wrong: %v", text, written, err)
		}
		if again := FormatJobSearch(&second, names); again != written || !slices.Equal(first.Words(), second.Words()) {
			t.Fatalf("%q is written as %q, then as %q", text, written, again)
		}
	})
}

// TestEveryConditionHasAName compares the names in searches with the conditions that there are.
func TestEveryConditionHasAName(t *testing.T) {
	if len(conditionNames) != int(jobConditions) || slices.Contains(conditionNames, "") || len(statusNames) != int(StatusOther)+1 {
		t.Errorf("the names are %q and %q", conditionNames, statusNames)
	}
}
