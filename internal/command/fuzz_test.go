package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzRead reads any text. Nothing may panic, and what comes out is bounded and can be shown.
func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, one := range strings.Split(string(text), "\n=====\n") {
			f.Add(one)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := Read(text)
		checkBounds(t, text, &r)
	})
}

// checkBounds checks what holds for every text.
func checkBounds(t *testing.T, text string, r *Result) {
	t.Helper()
	if len(r.Entries) > MaxEntries || len(r.Unread) > maxUnread {
		t.Errorf("%d entries, %d unread", len(r.Entries), len(r.Unread))
	}
	lines := strings.Count(text, "\n") + strings.Count(text, "\r") + 1
	for i := range r.Entries {
		e := &r.Entries[i]
		if e.Line < 1 || e.Line > lines {
			t.Errorf("line %d of %d", e.Line, lines)
		}
		if len(e.Notes) > maxNotes+1 {
			t.Errorf("%d notes", len(e.Notes))
		}
		for _, n := range e.Notes {
			checkText(t, n.Text)
		}
		for _, field := range e.Patch.Fields {
			if strings.Count(strings.Join(e.Patch.Fields, " ")+" ", field+" ") != 1 {
				t.Errorf("field %s is set twice", field)
			}
		}
		if e.Tool != ToolNone && !e.Patch.Sets("/url") {
			t.Error("a command without a URL")
		}
		_ = e.Patch.Check()
	}
	for _, u := range r.Unread {
		checkText(t, u.Text)
		if u.Line < 1 || u.Line > lines {
			t.Errorf("line %d of %d unread", u.Line, lines)
		}
		if (u.Reason == ReasonCrontab) != (u.Crontab != nil) {
			t.Errorf("%v: %v", u.Reason, u.Crontab)
		}
	}
}

func checkText(t *testing.T, text string) {
	t.Helper()
	if len(text) > maxNoteText || !utf8.ValidString(text) || strings.ContainsAny(text, "\n\x00") {
		t.Errorf("the text %q cannot be shown", text)
	}
}
