package web

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"path"
	"strings"

	"punctual/internal/message"
)

//go:embed templates
var templates embed.FS

// pageSet holds the pages in one language by the name of their file. A page begins with the layout that it has, and
// defines what that asks for.
type pageSet map[string]*template.Template

// execute writes a page.
func (s pageSet) execute(w io.Writer, page string, data any) error {
	t, ok := s[page]
	if !ok {
		return fmt.Errorf("there is no page %s", page)
	}
	return t.ExecuteTemplate(w, page+".html", data)
}

// parsePages reads all pages, once for each language.
func parsePages(static *staticFiles) (map[string]pageSet, error) {
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
			page, err := template.Must(layouts.Clone()).ParseFS(templates, path.Join("templates", f.Name()))
			if err != nil {
				return nil, fmt.Errorf("read a page: %w", err)
			}
			all[c.Tag][strings.TrimSuffix(f.Name(), ".html")] = page
		}
	}
	return all, nil
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
