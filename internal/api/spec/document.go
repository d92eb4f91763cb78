// Package spec describes the API: as an OpenAPI document for programs, and as an HTML page for people. Each resource
// has a file; document.go and page.go write the two forms.
package spec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Document is the description of an API.
type Document struct {
	Title       string
	Version     string
	Summary     string
	Description string
	License     License
	Security    Security
	Groups      []Group
	Webhooks    []Operation // requests that the service makes; Path is a name
	Schemas     []Member    // referred to by name
}

// License is the licence of the API.
type License struct {
	Name       string `json:"name"`
	Identifier string `json:"identifier"` // the SPDX identifier
}

// Security is an HTTP authentication scheme.
type Security struct {
	Name        string
	Scheme      string
	Description string
}

// Group is a set of related operations.
type Group struct {
	Name        string
	Description string
	Operations  []Operation
}

// Operation is a method of a path.
type Operation struct {
	Method      string
	Path        string
	ID          string
	Summary     string
	Description string
	Open        bool // needs no key
	Added       bool // not in the contract of cron-job.org
	Parameters  []Parameter
	Body        *Body
	Responses   []Response
}

// Parameter is a parameter of the path, the query or the headers. Path parameters are mandatory.
type Parameter struct {
	In     string // "path", "query" or "header"
	Name   string
	Schema Schema // also has the description of the parameter
	// Joined says that an array is sent as one comma-separated value.
	Joined bool
	// Required says that a request without it is a 400.
	Required bool
}

// Body is a request body.
type Body struct {
	Description string
	Optional    bool
	Content
}

// Response is a response of an operation.
type Response struct {
	Status      int
	Description string
	Headers     []Member
	Contents    []Content
}

// Content is a body with a media type.
type Content struct {
	MediaType string
	Schema    Schema
	Example   string // as in the body; JSON for that media type
}

// Member is something with a name: a member of an object, a header, or a schema.
type Member struct {
	Name     string
	Schema   Schema
	Optional bool
}

// Schema describes JSON values in JSON Schema 2020-12. The zero value allows any value.
type Schema struct {
	Ref         string   `json:"$ref,omitempty"`
	Type        any      `json:"type,omitempty"` // the name of a type, or two names if null is valid
	Title       string   `json:"title,omitempty"`
	Description string   `json:"description,omitempty"`
	Format      string   `json:"format,omitempty"`
	Const       any      `json:"const,omitempty"`
	OneOf       []Schema `json:"oneOf,omitempty"`
	Default     any      `json:"default,omitempty"`
	Minimum     any      `json:"minimum,omitempty"`
	Maximum     any      `json:"maximum,omitempty"`
	MinLength   int      `json:"minLength,omitempty"`
	MaxLength   int      `json:"maxLength,omitempty"`
	Pattern     string   `json:"pattern,omitempty"`
	Items       *Schema  `json:"items,omitempty"`
	MinItems    int      `json:"minItems,omitempty"`
	MaxItems    int      `json:"maxItems,omitempty"`
	Members     members  `json:"properties,omitempty"`
	Required    []string `json:"required,omitempty"`
	Others      *Schema  `json:"additionalProperties,omitempty"` // the schema of other members
	ReadOnly    bool     `json:"readOnly,omitempty"`
	WriteOnly   bool     `json:"writeOnly,omitempty"`
	Examples    []any    `json:"examples,omitempty"`
	Unit        string   `json:"x-unit,omitempty"`
	Added       bool     `json:"x-added,omitempty"`
}

const schemaPath = "#/components/schemas/"

// Ref refers to a named schema of the document.
func Ref(name string) Schema { return Schema{Ref: schemaPath + name} }

// Integer is a whole number.
func Integer(description string) Schema { return Schema{Type: "integer", Description: description} }

// Number is a number.
func Number(description string) Schema { return Schema{Type: "number", Description: description} }

// Boolean is true or false.
func Boolean(description string) Schema { return Schema{Type: "boolean", Description: description} }

// String is a text.
func String(description string) Schema { return Schema{Type: "string", Description: description} }

// Time is a Unix time in seconds.
func Time(description string) Schema {
	s := Integer(description).In("Unix s")
	s.Format = "int64"
	return s
}

// Until is a Time that may have no end.
func Until(description string) Schema { return Time(description + " -1 is for good.") }

// Array is an array.
func Array(description string, items Schema) Schema {
	return Schema{Type: "array", Description: description, Items: &items}
}

// Map is an object with members of any name.
func Map(description string, values Schema) Schema {
	return Schema{Type: "object", Description: description, Others: &values}
}

// Object is an object that always has all members that are not optional.
func Object(description string, list ...Member) Schema {
	s := Schema{Type: "object", Description: description, Members: list}
	for _, m := range list {
		if !m.Optional {
			s.Required = append(s.Required, m.Name)
		}
	}
	return s
}

// Input is an object in a request: the members that are not read-only. Only the given ones are mandatory; no nested
// member is.
func Input(description string, list []Member, mandatory ...string) Schema {
	return Schema{Type: "object", Description: description, Members: inputs(list), Required: mandatory}
}

func inputs(list []Member) (sent []Member) {
	for _, m := range list {
		if m.Schema.ReadOnly {
			continue
		}
		m.Schema.Members, m.Schema.Required = inputs(m.Schema.Members), nil
		if items := m.Schema.Items; items != nil && items.Members != nil {
			sent := *items
			sent.Members, sent.Required = inputs(items.Members), nil
			m.Schema.Items = &sent
		}
		sent = append(sent, m)
	}
	return sent
}

// Of makes a mandatory member of an object.
func Of(name string, s Schema) Member { return Member{Name: name, Schema: s} }

// Either is a value of one of two schemas.
func Either(description string, a, b Schema) Schema {
	return Schema{Description: description, OneOf: []Schema{a, b}}
}

// Maybe makes an optional member of an object.
func Maybe(name string, s Schema) Member { return Member{Name: name, Schema: s, Optional: true} }

// Choice is a value of an enumeration.
type Choice struct {
	Value   any
	Name    string // the name of a number
	Meaning string
}

// Choose restricts a schema to the given values.
func (s Schema) Choose(choices ...Choice) Schema {
	for _, c := range choices {
		s.OneOf = append(s.OneOf, Schema{Const: c.Value, Title: c.Name, Description: c.Meaning})
	}
	return s
}

// OrNull also allows null.
func (s Schema) OrNull() Schema {
	if s.Ref != "" {
		return Schema{OneOf: []Schema{s, {Type: "null"}}}
	}
	s.Type = []string{s.Type.(string), "null"}
	if s.OneOf != nil {
		s.OneOf = append(slices.Clone(s.OneOf), Schema{Type: "null"})
	}
	return s
}

// WithDefault sets the value of a member that is left out.
func (s Schema) WithDefault(v any) Schema {
	s.Default = v
	return s
}

// Within sets the range of a number.
func (s Schema) Within(low, high any) Schema {
	s.Minimum, s.Maximum = low, high
	return s
}

// AtLeast sets the minimum of a number.
func (s Schema) AtLeast(low any) Schema {
	s.Minimum = low
	return s
}

// UpTo sets the maximum number of characters of a string, or of items of an array.
func (s Schema) UpTo(n int) Schema {
	if s.Type == "array" {
		s.MaxItems = n
	} else {
		s.MaxLength = n
	}
	return s
}

// NotEmpty requires at least one character.
func (s Schema) NotEmpty() Schema {
	s.MinLength = 1
	return s
}

// Matching requires a string to match a pattern.
func (s Schema) Matching(pattern string) Schema {
	s.Pattern = pattern
	return s
}

// In sets the unit of a number.
func (s Schema) In(unit string) Schema {
	s.Unit = unit
	return s
}

// Output marks what the service sets, and ignores in requests.
func (s Schema) Output() Schema {
	s.ReadOnly = true
	return s
}

// Extra marks what is not in the contract of cron-job.org.
func (s Schema) Extra() Schema {
	s.Added = true
	return s
}

// Like sets an example.
func (s Schema) Like(example any) Schema {
	s.Examples = []any{example}
	return s
}

// About sets the description of a reference to a named schema.
func (s Schema) About(description string) Schema {
	s.Description = description
	return s
}

// Extras marks all members as Extra.
func Extras(list ...Member) []Member {
	marked := slices.Clone(list)
	for i := range marked {
		marked[i].Schema.Added = true
	}
	return marked
}

// JSON returns the OpenAPI document.
func (d *Document) JSON() ([]byte, error) {
	var tags []any
	var paths ordered
	for _, g := range d.Groups {
		tags = append(tags, ordered{{"name", g.Name}, {"description", g.Description}})
		for i := range g.Operations {
			o := &g.Operations[i]
			at := slices.IndexFunc(paths, func(p pair) bool { return p.name == o.Path })
			if at < 0 {
				at = len(paths)
				paths = append(paths, pair{o.Path, ordered(nil)})
			}
			paths[at].value = append(paths[at].value.(ordered), pair{strings.ToLower(o.Method), o.json(g.Name)})
		}
	}
	var webhooks ordered
	for i := range d.Webhooks {
		w := &d.Webhooks[i]
		webhooks = append(webhooks, pair{w.Path, ordered{{strings.ToLower(w.Method), w.json("")}}})
	}
	return encode(ordered{
		{"openapi", "3.1.1"},
		{"info", ordered{
			{"title", d.Title}, {"summary", d.Summary}, {"description", d.Description}, {"license", d.License},
			{"version", d.Version},
		}},
		{"servers", []any{ordered{{"url", "/"}}}},
		{"security", []any{ordered{{d.Security.Name, []any{}}}}},
		{"tags", tags},
		{"paths", paths},
		{"webhooks", webhooks},
		{"components", ordered{
			{"schemas", members(d.Schemas)},
			{"securitySchemes", ordered{{d.Security.Name, ordered{
				{"type", "http"}, {"scheme", d.Security.Scheme}, {"description", d.Security.Description},
			}}}},
		}},
	})
}

func (o *Operation) json(group string) ordered {
	j := ordered{{"operationId", o.ID}, {"summary", o.Summary}}
	if group != "" {
		j = append(ordered{{"tags", []string{group}}}, j...)
	}
	add := func(name string, v any) { j = append(j, pair{name, v}) }
	if o.Description != "" {
		add("description", o.Description)
	}
	if o.Open {
		add("security", []any{})
	}
	if o.Added {
		add("x-added", true)
	}
	if len(o.Parameters) > 0 {
		var list []any
		for _, p := range o.Parameters {
			list = append(list, p.json())
		}
		add("parameters", list)
	}
	if b := o.Body; b != nil {
		add("requestBody", ordered{
			{"description", b.Description}, {"required", !b.Optional}, {"content", contents{b.Content}.json()},
		})
	}
	responses := make(ordered, len(o.Responses))
	for i, r := range o.Responses {
		responses[i] = pair{strconv.Itoa(r.Status), r.json()}
	}
	add("responses", responses)
	return j
}

func (p *Parameter) json() ordered {
	s := p.Schema
	description := s.Description
	s.Description = ""
	j := ordered{{"name", p.Name}, {"in", p.In}, {"description", description}}
	if p.In == "path" || p.Required {
		j = append(j, pair{"required", true})
	}
	if p.Joined {
		j = append(j, pair{"style", "form"}, pair{"explode", false})
	}
	return append(j, pair{"schema", s})
}

func (r *Response) json() ordered {
	j := ordered{{"description", r.Description}}
	if len(r.Headers) > 0 {
		var headers ordered
		for _, h := range r.Headers {
			s := h.Schema
			description := s.Description
			s.Description = ""
			headers = append(headers, pair{h.Name, ordered{
				{"description", description}, {"required", !h.Optional}, {"schema", s},
			}})
		}
		j = append(j, pair{"headers", headers})
	}
	if len(r.Contents) > 0 {
		j = append(j, pair{"content", contents(r.Contents).json()})
	}
	return j
}

type contents []Content

func (list contents) json() ordered {
	var j ordered
	for _, c := range list {
		media := ordered{{"schema", c.Schema}}
		switch {
		case c.Example == "":
		case c.isJSON():
			media = append(media, pair{"example", json.RawMessage(c.Example)})
		default:
			media = append(media, pair{"example", c.Example})
		}
		j = append(j, pair{c.MediaType, media})
	}
	return j
}

func (c *Content) isJSON() bool {
	return strings.HasSuffix(c.MediaType, "json") && !strings.HasSuffix(c.MediaType, "ndjson")
}

// ordered is a JSON object with its members in the given order.
type ordered []pair

type pair struct {
	name  string
	value any
}

// MarshalJSON implements json.Marshaler.
func (o ordered) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, p := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Quote(p.name)) // names need no other escapes
		b.WriteByte(':')
		value, err := encode(p.value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// members are the members of an object schema, or schemas by name.
type members []Member

// MarshalJSON implements json.Marshaler.
func (m members) MarshalJSON() ([]byte, error) {
	var o ordered
	for _, member := range m {
		o = append(o, pair{member.Name, member.Schema})
	}
	return o.MarshalJSON()
}

// encode is json.Marshal without HTML escapes.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
