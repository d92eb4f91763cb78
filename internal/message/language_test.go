package message_test

import (
	"strings"
	"testing"

	"punctual/internal/message"
)

func TestChoose(t *testing.T) {
	offered := []*message.Catalogue{{Tag: "en"}, {Tag: "de"}, {Tag: "pt-br"}}
	for accepted, want := range map[string]string{
		"":                                "en",
		"en":                              "en",
		"de":                              "de",
		"DE":                              "de",
		"de-CH":                           "de",
		"de-CH-1996":                      "de",
		"pt-BR":                           "pt-br",
		"pt":                              "en", // which has no catalogue of its own
		"fr":                              "en",
		"fr, de":                          "de",
		"fr;q=0.9, de;q=0.1":              "de",
		"en;q=0.5, de;q=0.8":              "de",
		"de;q=0.5, en;q=0.8":              "en",
		"de, en":                          "de",
		"en, de":                          "en",
		"de ; q = 0.2 , en;q=0.1":         "de",
		"de;Q=0.3,en;q=0.2":               "de",
		"*":                               "en",
		"*, en;q=0":                       "de",
		"en;q=0":                          "en", // something has to be said
		"de;q=0, en;q=0.1":                "en",
		"de;q=0":                          "en",
		"de;q=2, en;q=0.1":                "en", // no weight
		"de;q=-1":                         "en",
		"de;q=NaN":                        "en",
		"de;q=":                           "en",
		"de;level=1":                      "en",
		"x-klingon, -, ;;, ,, de":         "de",
		strings.Repeat("fr, ", 49) + "de": "de",
		strings.Repeat("fr, ", 50) + "de": "en", // is not looked at
	} {
		if got := message.Choose(accepted, offered).Tag; got != want {
			t.Errorf("%.60q: %s, want %s", accepted, got, want)
		}
	}
}

func TestLanguages(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range message.Languages() {
		if c.Tag == "" || c.Tag != strings.ToLower(c.Tag) || seen[c.Tag] {
			t.Errorf("a language has the tag %q", c.Tag)
		}
		seen[c.Tag] = true
	}
	if message.Default().Tag != "en" {
		t.Errorf("the process speaks %s", message.Default().Tag)
	}
}

// FuzzChoose reads any header.
func FuzzChoose(f *testing.F) {
	for _, seed := range []string{"", "de-CH;q=0.8, *;q=0.1", ";q", "-", "--;q=1", "*;q=0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, accepted string) {
		if message.Choose(accepted, message.Languages()) == nil {
			t.Fatal("no language")
		}
	})
}
