package web

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"path"
	"strings"
	"sync"
	"text/template/parse"

	"punctual/internal/message"
)

//go:embed templates
var templates embed.FS

// pageSet reads the pages in one language by the name of their file, each when it is first shown. A page begins with the layout that it
// has, and defines what that asks for.
type pageSet map[string]func() (*template.Template, error)

// execute writes a page.
func (s pageSet) execute(w io.Writer, page string, data any) error {
	read, ok := s[page]
	if !ok {
		return fmt.Errorf("there is no page %s", page)
	}
	t, err := read()
	if err != nil {
		return err
	}
	return t.ExecuteTemplate(w, page+".html", data)
}

// findPages lists all pages, once for each language.
func findPages(static *staticFiles) (map[string]pageSet, error) {
	files, err := templates.ReadDir("templates")
	if err != nil {
		return nil, fmt.Errorf("list the pages: %w", err)
	}
	all := map[string]pageSet{}
	for _, c := range message.Languages() {
		layouts, err := template.New("").Funcs(functions(c, static)).ParseFS(templates, "templates/layout/*.html")
		if err != nil {
			return nil, fmt.Errorf("read the layouts: %w", err)
		}
		all[c.Tag] = pageSet{}
		for _, f := range files {
			if f.IsDir() {
				continue
			}
			all[c.Tag][strings.TrimSuffix(f.Name(), ".html")] = sync.OnceValues(func() (*template.Template, error) {
				return parsePage(f.Name(), layouts, functions(c, static))
			})
		}
	}
	return all, nil
}

// parsePage reads a page. Each page has its own copy of the parts of the layouts, since they are escaped for it; so it has only those
// that it uses.
func parsePage(file string, layouts *template.Template, functions template.FuncMap) (*template.Template, error) {
	page, err := template.New("").Funcs(functions).ParseFS(templates, path.Join("templates", file))
	if err != nil {
		return nil, fmt.Errorf("read a page: %w", err)
	}
	var used []string
	for _, t := range page.Templates() {
		if t.Tree != nil {
			used = uses(used, t.Tree.Root)
		}
	}
	for len(used) > 0 {
		name := used[0]
		used = used[1:]
		part := layouts.Lookup(name)
		if page.Lookup(name) != nil || part == nil || part.Tree == nil {
			continue
		}
		if _, err := page.AddParseTree(name, part.Tree.Copy()); err != nil {
			return nil, fmt.Errorf("add a part to the page %s: %w", file, err)
		}
		used = uses(used, part.Tree.Root)
	}
	return page, nil
}

// uses appends the names of the templates that a node uses.
func uses(names []string, node parse.Node) []string {
	branches := func(b *parse.BranchNode) []string {
		names = uses(names, b.List)
		if b.ElseList != nil {
			names = uses(names, b.ElseList)
		}
		return names
	}
	switch n := node.(type) {
	case *parse.ListNode:
		for _, inner := range n.Nodes {
			names = uses(names, inner)
		}
	case *parse.TemplateNode:
		return append(names, n.Name)
	case *parse.IfNode:
		return branches(&n.BranchNode)
	case *parse.RangeNode:
		return branches(&n.BranchNode)
	case *parse.WithNode:
		return branches(&n.BranchNode)
	}
	return names
}

// functions are what templates may call.
func functions(c *message.Catalogue, static *staticFiles) template.FuncMap {
	return template.FuncMap{
		"t":      c.Label,
		"icon":   static.icon,
		"static": static.path,
		"field":  newField,
	}
}
