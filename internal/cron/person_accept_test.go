package cron

import (
	"slices"
	"strings"
	"testing"
)

func TestAcceptPerson(t *testing.T) {
	for _, tt := range []struct {
		name   string
		person Person
		want   []string
	}{
		{"nothing", Person{}, nil},
		{"everything", Person{Name: " Zoë ", Zone: "Europe/Berlin", Language: "de-CH", Theme: "dark"}, nil},
		{"the longest name", Person{Name: strings.Repeat("ü", MaxPersonName)}, nil},
		{"a longer one", Person{Name: strings.Repeat("ü", MaxPersonName+1)}, []string{"/name"}},
		{"lines", Person{Name: "a\nBcc: b@example.com"}, []string{"/name"}},
		{"not UTF-8", Person{Name: "\xff"}, []string{"/name"}},
		{"unknown", Person{Zone: "../etc/passwd", Language: "en;q=1", Theme: "blue"}, []string{"/zone", "/language", "/theme"}},
		{"a long language", Person{Language: strings.Repeat("a", 36)}, []string{"/language"}},
	} {
		if got := pointersOf(t, tt.person.Accept(), Invalid); !slices.Equal(got, tt.want) {
			t.Errorf("%s: problems at %v, want %v", tt.name, got, tt.want)
		}
	}
	p := Person{Name: " Zoë "}
	if err := p.Accept(); err != nil || p.Name != "Zoë" {
		t.Errorf("%q, %v", p.Name, err)
	}
}

func TestAcceptAccountTitle(t *testing.T) {
	for title, ok := range map[string]bool{"": true, " Web ": true, strings.Repeat("x", MaxAccountTitle+1): false, "a\tb\x00": false} {
		a := Account{Title: title}
		if err := a.AcceptTitle(); (err == nil) != ok || ok && a.Title != strings.TrimSpace(title) {
			t.Errorf("%q: %q, %v", title, a.Title, err)
		}
	}
}
