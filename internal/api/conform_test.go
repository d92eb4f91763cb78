package api_test

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"punctual/internal/api"
)

// conforming is a handler whose every request and answer is compared with /openapi.json.
type conforming struct {
	http.Handler
	t testing.TB
}

// published is the description of the API.
var published = sync.OnceValues(func() (*contract, error) {
	w := httptest.NewRecorder()
	api.New(api.Config{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/openapi.json", nil))
	return newContract(w.Body.Bytes())
})

// ServeHTTP passes a request on, and reports what the description says otherwise of it.
func (c conforming) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	description, err := published()
	if err != nil {
		c.t.Fatal(err)
	}
	var sent bytes.Buffer
	if r.Body != nil {
		r.Body = io.NopCloser(io.TeeReader(r.Body, &sent))
	}
	path := r.URL.Path
	answer := &answer{ResponseWriter: w, status: http.StatusOK}
	c.Handler.ServeHTTP(answer, r)
	if answer.Header().Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(&answer.body)
		if err != nil {
			c.t.Fatal(err)
		}
		text, err := io.ReadAll(z)
		if err != nil {
			c.t.Fatal(err)
		}
		answer.body = *bytes.NewBuffer(text)
	}
	if err := description.check(r, path, sent.Bytes(), answer); err != nil {
		c.t.Errorf("%s %s %.300s: %d %.1000s: %v", r.Method, r.URL, sent.String(), answer.status, answer.body.String(), err)
	}
}

// answer keeps a copy of what is written.
type answer struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (a *answer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	_, _ = a.body.Write(b)
	return a.ResponseWriter.Write(b)
}

func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// contract is a description that requests and answers are compared with.
type contract struct {
	document   map[string]any
	compiler   *jsonschema.Compiler
	operations []described
	mu         sync.Mutex
	compiled   map[string]*jsonschema.Schema // by pointer
}

// described is one operation.
type described struct {
	method, path string
	pattern      *regexp.Regexp
	definition   map[string]any
}

// The two forms of the description: as it is, and with objects that have no other members than those it names, which is
// how answers have to be.
const (
	lenient = "lenient.json"
	strict  = "strict.json"
)

func newContract(text []byte) (*contract, error) {
	c := &contract{compiler: jsonschema.NewCompiler(), compiled: map[string]*jsonschema.Schema{}}
	for _, name := range []string{lenient, strict} {
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return nil, fmt.Errorf("read the description: %w", err)
		}
		if name == strict {
			closeObjects(document)
		}
		if err := c.compiler.AddResource(name, document); err != nil {
			return nil, fmt.Errorf("add the description: %w", err)
		}
		if name == lenient {
			c.document = document.(map[string]any)
		}
	}
	for path, item := range c.document["paths"].(map[string]any) {
		if slices.Contains([]string{"/", "/healthz", "/readyz", "/metrics"}, path) {
			continue // answered before the API
		}
		pattern := regexp.QuoteMeta(path)
		pattern = regexp.MustCompile(`\\\{\w+\\\}`).ReplaceAllString(pattern, `[^/]+`)
		for method, definition := range item.(map[string]any) {
			c.operations = append(c.operations, described{
				strings.ToUpper(method), path, regexp.MustCompile("^" + pattern + "$"), definition.(map[string]any),
			})
		}
	}
	// The most specific one comes first, as with the routes.
	slices.SortFunc(c.operations, func(a, b described) int {
		return cmp.Or(cmp.Compare(strings.Count(a.path, "{"), strings.Count(b.path, "{")), -cmp.Compare(len(a.path), len(b.path)))
	})
	return c, nil
}

// closeObjects forbids other members of each object schema in v than those that it names.
func closeObjects(v any) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			closeObjects(item)
		}
	case map[string]any:
		_, ok := v["properties"].(map[string]any)
		if (ok || v["type"] == "object") && v["additionalProperties"] == nil {
			v["additionalProperties"] = false
		}
		for _, item := range v {
			closeObjects(item)
		}
	}
}

func (c *contract) operation(method, path string) (described, bool) {
	for _, o := range c.operations {
		if o.method == strings.ToUpper(method) && o.pattern.MatchString(path) {
			return o, true
		}
	}
	return described{}, false
}

// schema compiles the schema at a pointer of one of the forms.
func (c *contract) schema(form string, pointer ...string) (*jsonschema.Schema, error) {
	at := form + "#"
	for _, part := range pointer {
		at += "/" + strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(part)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.compiled[at]; s != nil {
		return s, nil
	}
	s, err := c.compiler.Compile(at)
	if err == nil {
		c.compiled[at] = s
	}
	return s, err
}

// validate compares a JSON text with a schema.
func (c *contract) validate(text []byte, form string, pointer ...string) error {
	s, err := c.schema(form, pointer...)
	if err != nil {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return s.Validate(v)
}

// check compares a request and its answer with the description.
func (c *contract) check(r *http.Request, path string, sent []byte, a *answer) error {
	if strings.EqualFold(r.Method, http.MethodOptions) {
		return nil
	}
	media, _, _ := strings.Cut(a.Header().Get("Content-Type"), ";")
	o, ok := c.operation(r.Method, path)
	if !ok {
		if a.status != http.StatusNotFound || media != "application/problem+json" {
			return errors.New("the call is not described")
		}
		return c.validate(a.body.Bytes(), strict, "components", "schemas", "Problem")
	}
	status := strconv.Itoa(a.status)
	response, ok := dig(o.definition, "responses", status).(map[string]any)
	if !ok {
		return errors.New("the status is not described")
	}
	headers, _ := response["headers"].(map[string]any)
	for name, h := range headers {
		if dig(h, "required") == true && a.Header().Get(name) == "" {
			return fmt.Errorf("the header %s is missing", name)
		}
	}
	contents, _ := response["content"].(map[string]any)
	at := []string{"paths", o.path, strings.ToLower(o.method), "responses", status, "content", media, "schema"}
	switch {
	case len(contents) == 0:
		if a.body.Len() > 0 && !strings.EqualFold(r.Method, http.MethodHead) {
			return errors.New("a body is not described")
		}
	case contents[media] == nil:
		return fmt.Errorf("the media type %q is not described", media)
	case media == "application/json" || media == "application/problem+json":
		if err := c.validate(a.body.Bytes(), strict, at...); err != nil {
			return err
		}
	case media == "application/x-ndjson":
		for line := range bytes.Lines(a.body.Bytes()) {
			if err := c.validate(line, strict, "components", "schemas", "Record"); err != nil {
				return err
			}
		}
	case media == "text/event-stream":
		if err := c.checkEvents(a.body.String()); err != nil {
			return err
		}
	}
	if a.status/100 != 2 {
		return nil
	}
	if err := c.checkQuery(r, o); err != nil {
		return err
	}
	return c.checkBody(sent, o)
}

// eventSchemas are those of the data of events.
var eventSchemas = map[string]string{"execution": "Record", "job": "JobEvent", "problem": "ProblemEvent", "action": "ActionEvent",
	"notification": "NotificationEvent", "gap": "GapEvent", "testRun": "TestRun"}

func (c *contract) checkEvents(stream string) error {
	for block := range strings.SplitSeq(stream, "\n\n") {
		var name string
		for line := range strings.Lines(block) {
			field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
			switch field {
			case "event":
				name = value
			case "data":
				if err := c.validate([]byte(value), strict, "components", "schemas", eventSchemas[name]); err != nil {
					return fmt.Errorf("event %q: %w", name, err)
				}
			}
		}
	}
	return nil
}

// checkQuery compares the parameters of a request that was accepted.
func (c *contract) checkQuery(r *http.Request, o described) error {
	list, _ := o.definition["parameters"].([]any)
	for i, p := range list {
		name, _ := dig(p, "name").(string)
		values := r.URL.Query()[name]
		given := strings.TrimSpace(strings.Join(values, ","))
		if dig(p, "in") != "query" || given == "" {
			continue
		}
		schema := dig(p, "schema").(map[string]any)
		var value any = values[len(values)-1]
		if schema["type"] == "array" {
			var items []any
			for item := range strings.SplitSeq(given, ",") {
				items = append(items, strings.TrimSpace(item))
			}
			value = items
		}
		text, err := json.Marshal(c.canonical(value, schema))
		if err != nil {
			return err
		}
		err = c.validate(text, lenient, "paths", o.path, strings.ToLower(o.method), "parameters", strconv.Itoa(i), "schema")
		if err != nil {
			return fmt.Errorf("parameter %s: %w", name, err)
		}
	}
	return nil
}

// checkBody compares the body of a request that was accepted, in its canonical form.
func (c *contract) checkBody(sent []byte, o described) error {
	schema, ok := dig(o.definition, "requestBody", "content", "application/json", "schema").(map[string]any)
	if !ok || len(sent) == 0 || !json.Valid(sent) {
		return nil // not looked at, or read no further than it is JSON
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(sent))
	if err != nil {
		return err
	}
	text, err := json.Marshal(c.canonical(value, schema))
	if err != nil {
		return err
	}
	return c.validate(text, lenient, "paths", o.path, strings.ToLower(o.method), "requestBody", "content", "application/json",
		"schema")
}

// canonical is a value as the description has it, where the service takes other forms for the same.
func (c *contract) canonical(v any, schema map[string]any) any {
	if ref, ok := schema["$ref"].(string); ok {
		return c.canonical(v, dig(c.document, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...).(map[string]any))
	}
	if choices, ok := schema["oneOf"].([]any); ok && schema["type"] == nil {
		return c.canonical(v, choices[0].(map[string]any))
	}
	kind, _ := schema["type"].(string)
	if kinds, ok := schema["type"].([]any); ok {
		kind = kinds[0].(string)
	}
	text := fmt.Sprint(v)
	switch kind {
	case "integer":
		if choices, ok := schema["oneOf"].([]any); ok {
			for _, choice := range choices {
				if title, _ := dig(choice, "title").(string); strings.EqualFold(title, text) {
					return dig(choice, "const")
				}
			}
		}
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	case "number":
		if s, ok := v.(string); ok && json.Valid([]byte(s)) {
			return json.Number(s)
		}
	case "boolean":
		switch text {
		case "1", "true":
			return true
		case "0", "false":
			return false
		}
	case "string":
		if n, ok := v.(json.Number); ok {
			if f, err := n.Float64(); err == nil {
				return strconv.FormatFloat(f, 'f', -1, 64)
			}
			return n.String()
		}
		if s, ok := v.(string); ok {
			return strings.TrimSpace(s)
		}
	case "array":
		if list, ok := v.([]any); ok {
			items := make([]any, len(list))
			for i, item := range list {
				items[i] = c.canonical(item, schema["items"].(map[string]any))
			}
			return items
		}
	case "object":
		return c.canonicalObject(v, schema)
	}
	return v
}

func (c *contract) canonicalObject(v any, schema map[string]any) any {
	others, _ := schema["additionalProperties"].(map[string]any)
	if list, ok := v.([]any); ok && others != nil { // of headers
		object := map[string]any{}
		for _, item := range list {
			name := cmp.Or(dig(item, "key"), dig(item, "name"))
			object[fmt.Sprint(name)] = dig(item, "value")
		}
		v = object
	}
	given, ok := v.(map[string]any)
	if !ok {
		return v
	}
	object := maps.Clone(given)
	properties, _ := schema["properties"].(map[string]any)
	for name, value := range given {
		definition, known := properties[name].(map[string]any)
		switch {
		case value == nil:
			delete(object, name)
		case known:
			object[name] = c.canonical(value, definition)
		case others != nil:
			object[name] = c.canonical(value, others)
		}
	}
	return object
}

// dig is a member of a member of a JSON object; nil when there is none.
func dig(v any, names ...string) any {
	for _, name := range names {
		object, _ := v.(map[string]any)
		v = object[name]
	}
	return v
}
