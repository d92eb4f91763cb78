package public_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"punctual/internal/message"
)

// sources are the texts of the package's templates, or of its Go files.
func sources(t *testing.T, patterns ...string) string {
	t.Helper()
	all := ""
	for _, pattern := range patterns {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatal(pattern, err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(path, "_test.go") {
				all += string(text)
			}
		}
	}
	return all
}

// TestLabels compares the labels of status pages with those that are used.
func TestLabels(t *testing.T) {
	used := map[string]bool{}
	for _, key := range regexp.MustCompile(`"(public\.[a-z0-9-]+)"`).FindAllStringSubmatch(sources(t, "templates/*.html", "templates/layout/*.html", "*.go"), -1) {
		used[key[1]] = true
	}
	for _, key := range message.Default().LabelKeys() {
		if strings.HasPrefix(key, "public.") && !used[key] {
			t.Errorf("the label %s is not used", key)
		}
		delete(used, key)
	}
	for key := range used {
		t.Errorf("there is no label %s", key)
	}
}

// TestTemplatesHaveNoText keeps all text in the catalogue, but for the names of formats.
func TestTemplatesHaveNoText(t *testing.T) {
	text := regexp.MustCompile(`(?s)\{\{.*?\}\}`).ReplaceAllString(sources(t, "templates/*.html", "templates/layout/*.html"), "")
	text = regexp.MustCompile(`(?s)<[^>]*>`).ReplaceAllString(text, " ")
	for _, word := range regexp.MustCompile(`[A-Za-z]{2,}`).FindAllString(text, -1) {
		if word != "Atom" && word != "RSS" && word != "JSON" {
			t.Errorf("a template has the text %q", word)
		}
	}
}

// TestNothingInline keeps styles and scripts out of templates, which the content security policy would block.
func TestNothingInline(t *testing.T) {
	for _, found := range regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|<script>`).FindAllString(sources(t, "templates/*.html", "templates/layout/*.html"), -1) {
		t.Errorf("a template has %q", found)
	}
}
