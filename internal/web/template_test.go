package web

import (
	"bytes"
	"html/template"
	"io"
	"path"
	"strings"
	"testing"

	"punctual/internal/message"
)

// TestPagesHaveTheirParts reads every page as it is when it is first shown, and finds all that it uses.
func TestPagesHaveTheirParts(t *testing.T) {
	static, err := loadStatic()
	if err != nil {
		t.Fatal(err)
	}
	all, err := findPages(static)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range message.Languages() {
		layouts, err := template.New("").Funcs(functions(c, static)).ParseFS(templates, "templates/layout/*.html")
		if err != nil {
			t.Fatal(err)
		}
		for name, read := range all[c.Tag] {
			page, err := read()
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			// With all parts of the layouts the page is the same, as far as it can be executed without data.
			whole, err := template.Must(layouts.Clone()).ParseFS(templates, path.Join("templates", name+".html"))
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			for _, part := range page.Templates() {
				if part.Tree == nil {
					continue
				}
				for _, used := range uses(nil, part.Tree.Root) {
					if page.Lookup(used) == nil {
						t.Errorf("the page %s uses %s, which it does not have", name, used)
					}
				}
			}
			var have, want bytes.Buffer
			_ = page.ExecuteTemplate(&have, name+".html", nil)
			_ = whole.ExecuteTemplate(&want, name+".html", nil)
			if have.String() != want.String() {
				t.Errorf("the page %s differs", name)
			}
		}
	}
	if err := all[message.Languages()[0].Tag].execute(io.Discard, "none", nil); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("a page that is not there: %v", err)
	}
}
