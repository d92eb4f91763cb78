package web_test

import (
	"crypto/sha256"
	"encoding/hex"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"punctual/internal/message"
)

var (
	labelInTemplate = regexp.MustCompile(`\b(?:t|Label) "([^"]+)"`)
	iconInTemplate  = regexp.MustCompile(`\bicon "([^"]+)"`)
)

// sources are the texts of all templates by their paths.
func sources(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"templates/*.html", "templates/layout/*.html"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatal(pattern, err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			all[path] = string(text)
		}
	}
	return all
}

// labelsInCode are the keys of labels in the Go files: strings that look like one.
func labelsInCode(t *testing.T, isKey func(string) bool) []string {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for n := range ast.Preorder(file) {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				if text, err := strconv.Unquote(literal.Value); err == nil && isKey(text) {
					found = append(found, text)
				}
			}
		}
	}
	return found
}

// TestLabels compares the labels with those that templates and code use.
func TestLabels(t *testing.T) {
	used := map[string]bool{}
	for _, text := range sources(t) {
		for _, found := range labelInTemplate.FindAllStringSubmatch(text, -1) {
			used[found[1]] = true
		}
	}
	known := slices.DeleteFunc(message.Default().LabelKeys(), func(key string) bool {
		return strings.HasPrefix(key, "public.") || strings.HasPrefix(key, "incident.automatic-") || // those of the packages public and service
			strings.HasPrefix(key, "subscriber-mail.") // of mails
	})
	for _, key := range labelsInCode(t, func(text string) bool { return slices.Contains(known, text) }) {
		used[key] = true
	}
	for key := range used {
		if !slices.Contains(known, key) {
			t.Errorf("there is no label %s", key)
		}
	}
	for _, key := range known {
		if !used[key] {
			t.Errorf("the label %s is not used", key)
		}
	}
	for _, c := range message.Languages() {
		if keys := c.LabelKeys(); !slices.Equal(keys, message.Default().LabelKeys()) {
			t.Errorf("%s has the labels %q", c.Tag, keys)
		}
	}
}

// text is what a template shows outside of its actions and tags.
var notText = regexp.MustCompile(`(?s)\{\{.*?\}\}|<[^>]*>`)

// TestTemplatesHaveNoText keeps all text in the catalogue.
func TestTemplatesHaveNoText(t *testing.T) {
	letters := regexp.MustCompile(`[A-Za-z]{2,}`)
	attributes := regexp.MustCompile(`(?:aria-label|title|placeholder|alt|value)="([^"{]*[A-Za-z]{2,}[^"{]*)"`)
	for path, source := range sources(t) {
		// An action in a tag may hold what looks like the end of the tag, so actions go first.
		rest := notText.ReplaceAllString(regexp.MustCompile(`(?s)\{\{.*?\}\}`).ReplaceAllString(source, ""), " ")
		if found := letters.FindAllString(rest, -1); found != nil {
			t.Errorf("%s has the text %q", path, found)
		}
		for _, found := range attributes.FindAllStringSubmatch(source, -1) {
			if !strings.Contains(found[0], `value="`) {
				t.Errorf("%s has the text %q", path, found[1])
			}
		}
	}
}

// TestIcons compares the icons with those that pages use, and with their checksums: they are as they were published.
func TestIcons(t *testing.T) {
	used := map[string]bool{}
	for _, text := range sources(t) {
		for _, found := range iconInTemplate.FindAllStringSubmatch(text, -1) {
			used[found[1]] = true
		}
	}
	for _, name := range labelsInCode(t, func(text string) bool { return !strings.ContainsAny(text, " ./") }) {
		used[name] = true // those of states
	}
	for _, file := range publishedAs(t, "static/vendor/lucide/") {
		if name, icon := strings.CutSuffix(file, ".svg"); icon && !used[name] {
			t.Errorf("the icon %s is not used", name)
		}
	}
}

// TestVendored compares the scripts of others with their checksums.
func TestVendored(t *testing.T) {
	publishedAs(t, "static/vendor/htmx/")
	publishedAs(t, "static/vendor/uplot/")
}

// publishedAs compares the files of a directory with their checksums, and lists them. One is the licence.
func publishedAs(t *testing.T, dir string) (names []string) {
	t.Helper()
	sums, err := os.ReadFile(dir + "SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{}
	for line := range strings.Lines(string(sums)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		listed[name] = sum
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Name() == "SHA256SUMS" {
			continue
		}
		content, err := os.ReadFile(dir + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != listed[f.Name()] {
			t.Errorf("%s differs from its checksum", f.Name())
		}
		names = append(names, f.Name())
	}
	if !slices.Contains(names, "LICENSE") {
		t.Errorf("%s has no licence", dir)
	}
	if want := slices.Sorted(maps.Keys(listed)); !slices.Equal(names, want) {
		t.Errorf("%s has %v, and checksums of %v", dir, names, want)
	}
	return names
}
