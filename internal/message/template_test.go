package message

import (
	"maps"
	"slices"
	"testing"

	"punctual/internal/cron"
)

func TestFill(t *testing.T) {
	arguments := map[string]string{"a": "one", "b": "", "dot": "end.", "trap": "{a} [x{b}|y]"}
	for sentence, want := range map[string]string{
		"":                  "",
		"Plain; 5% of it.":  "Plain; 5% of it.",
		"{a} and {a}.":      "one and one.",
		"It is {dot}.":      "It is end.",
		"It is {dot} Yes.":  "It is end. Yes.",
		"x{b}y":             "xy",
		"It[ of {a}] is.":   "It of one is.",
		"It[ of {b}] is.":   "It is.",
		"[{a}|none]":        "one",
		"[{b}|none, {a}]":   "none, one",
		"[{a}{b}|x][{b}|y]": "xy",
		"{trap}":            "{a} [x{b}|y]",
		"[{trap}|{a}]":      "{a} [x{b}|y]",
	} {
		if got := fill(sentence, func(name string) string { return arguments[name] }); got != want {
			t.Errorf("%q: %q, want %q", sentence, got, want)
		}
	}
}

// TestPlaceholdersHaveArguments looks for misspelt ones, and for translations that say less or more than the English does.
func TestPlaceholdersHaveArguments(t *testing.T) {
	check := func(language, what, sentence, original string, known ...string) {
		t.Helper()
		names := placeholders(sentence)
		for _, name := range names {
			if !slices.Contains(known, name) {
				t.Errorf("%s: %s has the unknown argument %s", language, what, name)
			}
		}
		if want := placeholders(original); !slices.Equal(slices.Sorted(slices.Values(names)), slices.Sorted(slices.Values(want))) {
			t.Errorf("%s: %s takes %v, and the English %v", language, what, names, want)
		}
	}
	for _, c := range Languages() {
		for rule, sentence := range c.layer.Problems {
			check(c.Tag, sentence, sentence, english.layer.Problems[rule],
				"given", "quoted", "want", "limit", "count", "type", "range")
		}
		for about, sentence := range c.layer.Errors {
			check(c.Tag, sentence, sentence, english.layer.Errors[about], "thing")
		}
		for fault, sentence := range c.faults {
			check(c.Tag, sentence, sentence, english.faults[fault], "detail", "quoted")
		}
		for _, l := range slices.Sorted(maps.Keys(english.labels)) {
			if c.labels[l] == "" {
				t.Errorf("%s has no label %d", c.Tag, l)
			}
		}
		if len(c.labels) != int(labelCopy)+1 {
			t.Errorf("%s has %d labels", c.Tag, len(c.labels))
		}
	}
}

// TestALayerGoesBefore shows that it changes nothing of the catalogue that it is put over.
func TestALayerGoesBefore(t *testing.T) {
	about := About{cron.NotFound, cron.SubjectJob}
	layered := english.With(Layer{
		Problems: map[cron.Rule]string{cron.RuleMandatory: "Send {limit}."}, Errors: map[About]string{about: "No {thing}."},
	})
	p := cron.Problem{Rule: cron.RuleMandatory, Limit: 7}
	if got := layered.Problem(p); got != "Send 7." {
		t.Errorf("the problem is %q", got)
	}
	if _, got := layered.Error(cron.NotFound, cron.SubjectJob); got != "No job." {
		t.Errorf("the error is %q", got)
	}
	if english.Problem(p) == layered.Problem(p) || len(english.layer.Errors) == len(layered.layer.Errors) {
		t.Error("the layer has changed the neutral sentences")
	}
	other := cron.Problem{Rule: cron.RuleURLHost}
	if layered.Problem(other) != english.Problem(other) {
		t.Error("the layer has lost a neutral sentence")
	}
}
