package browser

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// axe holds axe-core of its npm package, which finds what keeps people from using a page. It is part of no program.
//
//go:embed axe
var axe embed.FS

// TestAxe makes sure that axe-core is as it was published, with its licence.
func TestAxe(t *testing.T) {
	sums, err := axe.ReadFile("axe/SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	files, err := axe.ReadDir("axe")
	if err != nil || len(files) != strings.Count(string(sums), "\n")+1 {
		t.Errorf("there are %d files, with checksums of others: %v", len(files), err)
	}
	for line := range strings.Lines(string(sums)) {
		want, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		content, err := axe.ReadFile("axe/" + name)
		if sum := sha256.Sum256(content); err != nil || hex.EncodeToString(sum[:]) != want {
			t.Errorf("%s differs from its checksum: %v", name, err)
		}
	}
}

// violation is what axe-core found, with the elements that it found it at.
type violation struct {
	ID, Help string
	Nodes    []struct {
		HTML, FailureSummary string
	}
}

// checkAccess makes sure that axe-core finds nothing: on a page of the console whatever the rule, and in a mail, which is
// no page, against WCAG 2.2 AA.
func (tab *Tab) checkAccess(name string) {
	tab.t.Helper()
	if tab.scriptless {
		return
	}
	if !read(tab, "look for axe-core", chromedp.Evaluate[bool](`typeof axe === "object"`)) {
		source, err := axe.ReadFile("axe/axe.min.js")
		if err != nil {
			tab.t.Fatal(err)
		}
		tab.do("load axe-core", chromedp.Evaluate[chromedp.Void](string(source)+";undefined"))
	}
	found := read(tab, "run axe-core", chromedp.Evaluate[[]violation](
		`axe.run(document, Object.assign({resultTypes: ["violations"]}, location.pathname.startsWith("/console") ? {} :
			{runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})).then((r) => r.violations.map((v) => ({ID: v.id, Help: v.help,
			Nodes: v.nodes.map((n) => ({HTML: n.html, FailureSummary: n.failureSummary}))})))`, chromedp.EvalAwaitPromise))
	for _, v := range found {
		var at strings.Builder
		for _, n := range v.Nodes[:min(len(v.Nodes), 5)] {
			fmt.Fprintf(&at, "\n%s\n%s", n.HTML, n.FailureSummary)
		}
		tab.t.Errorf("%s: %s: %s, at %d elements such as%s", name, v.ID, v.Help, len(v.Nodes), &at)
	}
}
