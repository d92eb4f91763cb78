package spec

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/net/html"
)

func operations() map[string]*Operation {
	all := map[string]*Operation{}
	for _, g := range Describe().Groups {
		for i := range g.Operations {
			o := &g.Operations[i]
			all[o.Method+" "+o.Path] = o
		}
	}
	return all
}

// TestDescriptionIsValid compares the document with the schema of OpenAPI 3.1 and its schemas with that of JSON Schema.
func TestDescriptionIsValid(t *testing.T) {
	text, err := Describe().JSON()
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open("testdata/openapi-3.1.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	meta, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("openapi.json", document); err != nil {
		t.Fatal(err)
	}
	if err := c.AddResource("https://spec.openapis.org/oas/3.1/schema/2022-10-07", meta); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("https://spec.openapis.org/oas/3.1/schema/2022-10-07")
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(document); err != nil {
		t.Error(err)
	}
	if bad, err := jsonschema.UnmarshalJSON(strings.NewReader(`{"openapi":"3.1.1","info":{"title":"x"}}`)); err != nil ||
		schema.Validate(bad) == nil {
		t.Errorf("a document without a version is valid, %v", err)
	}
	for pointer := range schemaPointers(document, "#") {
		if _, err := c.Compile("openapi.json" + pointer); err != nil {
			t.Errorf("%s: %v", pointer, err)
		}
	}
}

// TestExamplesAreValid compares the examples of the document with the schemas beside them.
func TestExamplesAreValid(t *testing.T) {
	text, err := Describe().JSON()
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("openapi.json", document); err != nil {
		t.Fatal(err)
	}
	compared := 0
	var compare func(v any, at string)
	compare = func(v any, at string) {
		object, _ := v.(map[string]any)
		if list, ok := v.([]any); ok {
			object = map[string]any{}
			for i, item := range list {
				object[strconv.Itoa(i)] = item
			}
		}
		for name, member := range object {
			compare(member, at+"/"+strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(name))
		}
		if strings.HasSuffix(at, "/properties") {
			return // members may be called example or default, too
		}
		examples, _ := object["examples"].([]any)
		schema := at
		if example, ok := object["example"]; ok {
			examples, schema = append(examples, example), at+"/schema"
		}
		if preset, ok := object["default"]; ok {
			examples = append(examples, preset)
		}
		if strings.Contains(at, "/parameters/") && strings.HasSuffix(at, "/schema") && object["type"] == "array" {
			return // as they stand in a query string
		}
		for _, example := range examples {
			s, err := c.Compile("openapi.json" + schema)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Validate(example); err != nil {
				t.Errorf("%s: %v", at, err)
			}
			compared++
		}
	}
	compare(document, "#")
	if compared < 50 {
		t.Errorf("there are only %d examples and defaults", compared)
	}
}

// schemaPointers finds the schemas of a document, outermost ones only.
func schemaPointers(v any, at string) map[string]bool {
	found := map[string]bool{}
	object, _ := v.(map[string]any)
	for name, member := range object {
		pointer := at + "/" + strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(name)
		if name == "schema" || at == "#/components/schemas" {
			found[pointer] = true
			continue
		}
		for p := range schemaPointers(member, pointer) {
			found[p] = true
		}
	}
	return found
}

// TestDescriptionSaysEverything looks for what a reader would miss.
func TestDescriptionSaysEverything(t *testing.T) {
	ids, names := map[string]bool{}, map[string]bool{}
	used := map[string]bool{}
	for _, m := range Describe().Schemas {
		names[m.Name] = true
		if m.Schema.Description == "" {
			t.Errorf("%s is not described", m.Name)
		}
		for _, inner := range m.Schema.Members {
			if inner.Schema.Description == "" && inner.Schema.Ref == "" && len(inner.Schema.OneOf) == 0 {
				t.Errorf("%s.%s is not described", m.Name, inner.Name)
			}
			checkUnit(t, m.Name+"."+inner.Name, inner)
		}
	}
	for name, o := range operations() {
		if ids[o.ID] || o.ID == "" || o.Summary == "" {
			t.Errorf("%s: id %q, summary %q", name, o.ID, o.Summary)
		}
		ids[o.ID] = true
		for _, p := range o.Parameters {
			if p.Schema.Description == "" {
				t.Errorf("%s: %s is not described", name, p.Name)
			}
			if p.In == "path" && len(p.Schema.Examples) == 0 {
				t.Errorf("%s: %s has no example", name, p.Name)
			}
		}
	}
	text, err := Describe().JSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`"#/components/schemas/(\w+)"`).FindAllStringSubmatch(string(text), -1) {
		if used[m[1]] = true; !names[m[1]] {
			t.Errorf("there is no schema %s", m[1])
		}
	}
	for name := range names {
		if !used[name] && !slices.Contains([]string{"JobEvent", "ProblemEvent", "ActionEvent", "NotificationEvent", "GapEvent"}, name) {
			t.Errorf("nothing refers to %s", name)
		}
	}
}

// checkUnit wants numbers of seconds, milliseconds and so on to say so.
func checkUnit(t *testing.T, name string, m Member) {
	t.Helper()
	if strings.HasSuffix(m.Name, "Seconds") && m.Schema.Unit == "" {
		t.Errorf("%s has no unit", name)
	}
	for _, inner := range m.Schema.Members {
		checkUnit(t, name+"."+inner.Name, inner)
	}
}

// TestPage reads the page as a browser does: it is well-formed, its links lead somewhere, and it needs nothing else.
func TestPage(t *testing.T) {
	page, policy, err := Describe().Page()
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^default-src 'none'; style-src 'sha256-[\w+/=]{44}';`).MatchString(policy) {
		t.Errorf("the policy is %q", policy)
	}
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	ids, links := map[string]bool{}, []string{}
	count := map[string]int{}
	last := 0
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		count[n.Data]++
		if level := strings.IndexByte("1234", n.Data[len(n.Data)-1]) + 1; n.Data[0] == 'h' && len(n.Data) == 2 && level > 0 {
			if level > last+1 {
				t.Errorf("a heading of level %d follows one of level %d", level, last)
			}
			last = level
		}
		for _, a := range n.Attr {
			switch {
			case a.Key == "id":
				if ids[a.Val] {
					t.Errorf("there are two with the id %q", a.Val)
				}
				ids[a.Val] = true
			case a.Key == "href" || a.Key == "aria-labelledby":
				links = append(links, strings.TrimPrefix(a.Val, "#"))
			case a.Key == "src" || a.Key == "style" || strings.HasPrefix(a.Key, "on"):
				t.Errorf("%s has %s=%q", n.Data, a.Key, a.Val)
			}
		}
	}
	for _, link := range links {
		if !ids[link] && link != "/openapi.json" {
			t.Errorf("the link %q leads nowhere", link)
		}
	}
	if count["script"]+count["link"]+count["img"] > 0 || count["main"] != 1 || count["nav"] != 1 || count["h1"] != 1 {
		t.Errorf("the page has %v", count)
	}
	for name, o := range operations() {
		if !ids[o.ID] {
			t.Errorf("the page does not have %s", name)
		}
	}
	for _, m := range Describe().Schemas {
		if !ids["schema-"+m.Name] {
			t.Errorf("the page does not have %s", m.Name)
		}
	}
	for _, left := range []string{"{{", "ZgotmplZ", "<no value>", "%!"} {
		if bytes.Contains(page, []byte(left)) {
			t.Errorf("the page has %q", left)
		}
	}
}
