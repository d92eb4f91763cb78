package notify

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"punctual/internal/message"
)

// TestBodiesFit lays out random messages in every markup: they fit, are whole characters, and have their links.
func TestBodiesFit(t *testing.T) {
	markups := map[string]*markup{
		"plain": {}, "plain in bytes": {size: bytesIn}, "Discord": &discordMarkup, "chats": &chatMarkup, "HTML": &htmlMarkup,
		"Telegram": &telegramMarkup, "Zulip": &zulipMarkup,
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.Custom(func(t *rapid.T) string {
			part := rapid.SampledFrom([]string{"a", " ", "\n", "ü", "😀", "*", "<", "&", "`", "```", "@", "]( ", "\\", "word ", "\"", "|"}).Draw(t, "part")
			return strings.Repeat(part, rapid.IntRange(0, 300).Draw(t, "times"))
		})
		n := &message.Notification{
			Summary: strings.Join(rapid.SliceOfN(text, 0, 5).Draw(t, "summary"), ""), More: text.Draw(t, "more"), Excerpt: text.Draw(t, "excerpt"),
			Runbook: text.Draw(t, "runbook"), Footer: text.Draw(t, "footer"),
			Links: []message.Link{{Label: "Open", URL: "https://cron.example.com/console/runs/1"}},
		}
		for range rapid.IntRange(0, 5).Draw(t, "facts") {
			n.Facts = append(n.Facts, message.Fact{Label: text.Draw(t, "label"), Value: text.Draw(t, "value")})
			n.Jobs = append(n.Jobs, message.Line{Title: text.Draw(t, "title"), Text: text.Draw(t, "line"), URL: "https://cron.example.com/console/jobs/1"})
		}
		n = tidy(n)
		limit := rapid.IntRange(200, 5000).Draw(t, "limit")
		for name, m := range markups {
			body := m.body(n, limit)
			if size := m.measure(body); size > limit || !utf8.ValidString(body) {
				t.Fatalf("%s: %d of %d: %q", name, size, limit, body)
			}
			if !strings.Contains(body, "https://cron.example.com/console/runs/1") {
				t.Fatalf("%s has no link: %q", name, body)
			}
			if fences := strings.Count(body, "```"); fences%2 != 0 && m.code != nil && m != &htmlMarkup && m != &telegramMarkup {
				t.Fatalf("%s leaves a fence open: %q", name, body)
			}
		}
	})
}

// TestCut cuts texts at every limit.
func TestCut(t *testing.T) {
	for _, text := range []string{"", "a", "abc def", "üüüü", "😀😀😀", "a\xff\xfeb", "  ", "e\u0301e\u0301"} {
		for name, size := range map[string]func(string) int{"bytes": bytesIn, "characters": charactersIn, "units": unitsIn} {
			for limit := range 20 {
				got := cut(text, limit, size)
				if size(got) > limit || utf8.ValidString(text) && !utf8.ValidString(got) {
					t.Errorf("%q cut to %d %s is %q", text, limit, name, got)
				}
				if size(text) <= limit && got != text {
					t.Errorf("%q, which has %d %s, is cut to %q", text, limit, name, got)
				}
				// It is as long as possible: one character more would not fit.
				if trimmed, cut := strings.CutSuffix(got, mark); cut && got != text {
					_, next := utf8.DecodeRuneInString(text[len(trimmed):])
					if more := text[:len(trimmed)+next] + mark; !strings.HasSuffix(text[:len(trimmed)+next], " ") && size(more) <= limit {
						t.Errorf("%q cut to %d %s is %q, and %q fits", text, limit, name, got, more)
					}
				}
			}
		}
	}
}
