package api

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// rules counts the rules of package cron.
func rules(t *testing.T) int {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../cron/error.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range file.Decls {
		list, ok := d.(*ast.GenDecl)
		if !ok || list.Tok != token.CONST {
			continue
		}
		if kind, ok := list.Specs[0].(*ast.ValueSpec).Type.(*ast.Ident); ok && kind.Name == "Rule" {
			return len(list.Specs)
		}
	}
	t.Fatal("there are no rules")
	return 0
}

// TestEveryRuleHasASentenceForCallers looks at both layers together.
func TestEveryRuleHasASentenceForCallers(t *testing.T) {
	if len(catalogues) != len(message.Languages()) {
		t.Fatalf("there are %d catalogues", len(catalogues))
	}
	for _, c := range catalogues {
		seen := map[string]cron.Rule{}
		none := c.Problem(cron.Problem{Rule: cron.RuleNone})
		for rule := range cron.Rule(rules(t)) {
			s := c.Problem(cron.Problem{Rule: rule, Given: "GIVEN", Want: "integer", Min: 17, Max: 42, Limit: 512})
			if other, ok := seen[s]; ok || rule != cron.RuleNone && s == none {
				t.Errorf("%s says of rule %d what it says of %d: %q", c.Tag, rule, other, s)
			}
			seen[s] = rule
		}
	}
}

// TestEveryLanguageHasALayer compares the keys of the layers.
func TestEveryLanguageHasALayer(t *testing.T) {
	for _, c := range message.Languages() {
		layer, ok := layers[c.Tag]
		if !ok {
			t.Errorf("%s has no layer", c.Tag)
		}
		for rule := range maps.Keys(englishLayer.Problems) {
			if layer.Problems[rule] == "" {
				t.Errorf("%s has no sentence for callers of rule %d", c.Tag, rule)
			}
		}
		for about := range maps.Keys(englishLayer.Errors) {
			if layer.Errors[about] == "" {
				t.Errorf("%s has no sentence for callers of %v", c.Tag, about)
			}
		}
	}
}

// TestLanguageOfARequest asks in several languages.
func TestLanguageOfARequest(t *testing.T) {
	for _, headers := range [][]string{nil, {"en-GB, en;q=0.9"}, {"tlh"}, {"tlh, *;q=0.1"}, {"en;q=0"}, {"tlh", "en"}, {";;;"}} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/nowhere", nil)
		r.Header["Accept-Language"] = headers
		if got := languageOf(r); got.Tag != "en" || got != catalogues[0] {
			t.Errorf("%q: %s", headers, got.Tag)
		}
	}
}
