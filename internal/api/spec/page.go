package spec

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
)

//go:embed page.tmpl
var pageTemplate string

//go:embed page.css
var pageStyle string

// Page returns the HTML page, which loads nothing and runs no script. policy is its Content-Security-Policy, which
// allows only its style sheet.
func (d *Document) Page() (page []byte, policy string, err error) {
	t, err := template.New("page").Funcs(template.FuncMap{
		"anchor": anchor, "code": code, "curl": d.curl, "members": flatten, "pretty": pretty, "prose": prose, "status": http.StatusText,
		"type": typeName, "limits": limits, "choices": choices, "value": value,
	}).Parse(pageTemplate)
	if err != nil {
		return nil, "", fmt.Errorf("read the template: %w", err)
	}
	var b bytes.Buffer
	err = t.Execute(&b, struct {
		*Document
		Style template.CSS
	}{d, template.CSS(pageStyle)})
	if err != nil {
		return nil, "", fmt.Errorf("write the page: %w", err)
	}
	hash := sha256.Sum256([]byte(pageStyle))
	policy = "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	return b.Bytes(), policy, nil
}

// anchor is the URL fragment of a name.
func anchor(name string) string { return strings.ToLower(strings.ReplaceAll(name, " ", "-")) }

// prose is a description as HTML paragraphs.
func prose(text string) template.HTML {
	var b strings.Builder
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		b.WriteString("<p>" + string(code(paragraph)) + "</p>")
	}
	return template.HTML(b.String())
}

// code is a text as HTML, with text between backquotes as code.
func code(text string) template.HTML {
	var b strings.Builder
	for i, part := range strings.Split(text, "`") {
		part = template.HTMLEscapeString(part)
		if i%2 == 1 {
			part = "<code>" + part + "</code>"
		}
		b.WriteString(part)
	}
	return template.HTML(b.String())
}

// row is a member in a table. Its name is qualified by the names of the objects that contain it.
type row struct {
	Name      string
	Schema    Schema
	Mandatory bool
}

// flatten lists the members of an object, each followed by the members of its own object.
func flatten(s Schema) []row { return appendRows(nil, "", s) }

func appendRows(rows []row, prefix string, s Schema) []row {
	for _, m := range s.Members {
		rows = append(rows, row{prefix + m.Name, m.Schema, slices.Contains(s.Required, m.Name)})
		if inner := m.Schema.Items; inner != nil && len(inner.Members) > 0 {
			rows = appendRows(rows, prefix+m.Name+"[].", *inner)
		} else {
			rows = appendRows(rows, prefix+m.Name+".", m.Schema)
		}
	}
	return rows
}

// reference is the name of a type, with a link to a schema.
type reference struct{ Before, Name, After string }

// typeName describes the type of a schema. Name is the name of a schema of the document.
func typeName(s Schema) reference {
	if name, ok := strings.CutPrefix(s.Ref, schemaPath); ok {
		return reference{Name: name}
	}
	if s.Items != nil {
		r := typeName(*s.Items)
		r.Before = "array of " + r.Before
		return r
	}
	switch t := s.Type.(type) {
	case string:
		return reference{Before: t}
	case []string:
		return reference{Before: strings.Join(t, " or ")}
	}
	if len(s.OneOf) > 0 {
		r := typeName(s.OneOf[0])
		r.After = " or " + typeName(s.OneOf[1]).Before
		return r
	}
	return reference{Before: "any"}
}

// limits describes which values of its type a schema allows.
func limits(s Schema) string {
	var list []string
	switch {
	case s.Minimum != nil && s.Maximum != nil:
		list = append(list, fmt.Sprintf("%v to %v", s.Minimum, s.Maximum))
	case s.Minimum != nil:
		list = append(list, fmt.Sprintf("at least %v", s.Minimum))
	case s.Maximum != nil:
		list = append(list, fmt.Sprintf("at most %v", s.Maximum))
	}
	if s.MaxLength > 0 {
		list = append(list, fmt.Sprintf("at most %d characters", s.MaxLength))
	}
	if s.MaxItems > 0 {
		list = append(list, fmt.Sprintf("at most %d items", s.MaxItems))
	}
	if s.Items != nil {
		if inner := limits(*s.Items); inner != "" {
			list = append(list, "each "+inner)
		}
	}
	return strings.Join(list, ", ")
}

// choices lists the values of an enumeration.
func choices(s Schema) []Schema {
	if s.Items != nil {
		s = *s.Items
	}
	if len(s.OneOf) > 0 && s.OneOf[0].Const != nil {
		return s.OneOf
	}
	return nil
}

// value is a JSON value on one line.
func value(v any) string {
	text, err := encode(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

// pretty is an indented example.
func pretty(c Content) string {
	var b bytes.Buffer
	if !c.isJSON() || json.Indent(&b, []byte(c.Example), "", "  ") != nil {
		return c.Example
	}
	return b.String()
}

// curl is a command line that makes the request.
func (d *Document) curl(o Operation) string {
	path, query := o.Path, ""
	var b strings.Builder
	b.WriteString("curl")
	if o.Method != http.MethodGet {
		b.WriteString(" -X " + o.Method)
	}
	for _, p := range o.Parameters {
		if len(p.Schema.Examples) == 0 {
			continue
		}
		example := fmt.Sprint(p.Schema.Examples[0])
		switch p.In {
		case "path":
			path = strings.ReplaceAll(path, "{"+p.Name+"}", example)
		case "query":
			query += map[bool]string{true: "?", false: "&"}[query == ""] + p.Name + "=" + strings.ReplaceAll(example, " ", "%20")
		}
	}
	b.WriteString(" '$URL" + path + query + "'")
	command := strings.ReplaceAll(b.String(), "'$URL", "\"$URL\"'")
	b.Reset()
	b.WriteString(command)
	if !o.Open {
		b.WriteString(" \\\n  -H \"Authorization: Bearer $KEY\"")
	}
	for _, p := range o.Parameters {
		if p.In == "header" && len(p.Schema.Examples) > 0 {
			fmt.Fprintf(&b, " \\\n  -H '%s: %v'", p.Name, p.Schema.Examples[0])
		}
	}
	if o.Body != nil && o.Body.Example != "" {
		fmt.Fprintf(&b, " \\\n  -H 'Content-Type: %s' \\\n  -d '%s'", o.Body.MediaType, strings.ReplaceAll(o.Body.Example, "'", `'\''`))
	}
	return b.String()
}
