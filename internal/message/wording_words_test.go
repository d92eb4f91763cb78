package message

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"punctual/internal/cron"
)

// The placeholders of the words of notifications.
var (
	ofOne = []string{"title", "diagnosis", "reason", "repeated", "failures", "spell", "since", "lasted", "clock", "host", "left", "expiry", "missed",
		"account", "channel", "detail", "late", "free", "channels", "fault"}
	ofReminders = []string{"inner", "told", "lasted"}
	ofSeveral   = []string{"jobs", "more", "first", "reason", "host", "diagnosis", "period"}
	ofParts     = map[string][]string{
		"late": {"clock", "late"}, "range": {"low", "high"}, "spell": {"often", "since"}, "nameless": {"number"}, "more": {"number"},
		"footer": {"channel", "account", "url"}, "footer.owners": {"account", "url"},
	}
)

// TestNotificationsHaveArguments looks for misspelt placeholders in the words of notifications, and for words that a language lacks.
func TestNotificationsHaveArguments(t *testing.T) {
	for _, c := range Languages() {
		check := func(what, sentence string, known []string) {
			t.Helper()
			if sentence == "" {
				t.Errorf("%s has no words for %s", c.Tag, what)
			}
			for _, name := range placeholders(sentence) {
				if !slices.Contains(known, name) {
					t.Errorf("%s: %s has the unknown argument %s", c.Tag, what, name)
				}
			}
		}
		for _, table := range []struct {
			own, original map[cron.NoticeKind]noticeText
			known         []string
		}{{c.notices, english.notices, ofOne}, {c.several, english.several, ofSeveral}} {
			own := table.own
			for kind, original := range table.original {
				names := table.known
				if kind == cron.NoticeReminder {
					names = ofReminders
				}
				what := fmt.Sprintf("%s (%d)", kind, kind)
				check("the subject of "+what, own[kind].subject, names)
				check("the summary of "+what, own[kind].summary, names)
				if original.line != "" {
					check("the line of "+what, own[kind].line, names)
				}
			}
		}
		for name := range english.facts {
			check("the part "+name, c.facts[name], ofParts[name])
		}
		for fault := range english.reasons {
			check(fmt.Sprintf("the fault %d", fault), c.reasons[fault], []string{"duration"})
		}
		for fault := range english.channelFaults {
			check(fmt.Sprintf("the channel fault %d", fault), c.channelFaults[fault], []string{"detail"})
		}
		if !slices.Equal(slices.Sorted(maps.Keys(c.drops)), slices.Sorted(maps.Keys(english.drops))) {
			t.Errorf("%s has other reasons for dropped messages", c.Tag)
		}
	}
}

// TestFactsHaveLabels makes sure that each fact and each link has one.
func TestFactsHaveLabels(t *testing.T) {
	for kind, names := range factsOf {
		for _, name := range names {
			if english.facts[name] == "" || !slices.Contains(factNames, name) {
				t.Errorf("the fact %s of %s has no label or is no placeholder of templates", name, kind)
			}
		}
	}
}
