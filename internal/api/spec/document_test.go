package spec

import (
	"strings"
	"testing"
)

// sample is a document with one of everything that a page shows.
func sample() *Document {
	return &Document{
		Title: "Sample", Version: "1", Security: Security{Name: "key", Scheme: "bearer"},
		Groups: []Group{{Name: "Two words", Operations: []Operation{
			{
				Method: "PUT", Path: "/things/{id}", ID: "put", Summary: "Put <b>",
				Parameters: []Parameter{
					{In: "path", Name: "id", Schema: Integer("Its number.").Like(7)},
					{In: "query", Name: "a", Schema: String("").Like("x y")},
					{In: "query", Name: "b", Schema: Integer("").Like(2)},
					{In: "query", Name: "c", Schema: Integer("")},
				},
				Body: &Body{Content: Content{MediaType: "application/json", Schema: Ref("Thing"), Example: `{"name":"it's"}`}},
			},
			{Method: "GET", Path: "/things/{id}", ID: "get", Summary: "Get", Open: true,
				Parameters: []Parameter{{In: "header", Name: "If-Match", Schema: String("").Like(`"1"`)}}},
		}}},
		Schemas: []Member{Of("Thing", Object("A thing with `code` & <markup>.\n\nMore.",
			Of("id", Integer("").Output()), Of("name", String("A name.").UpTo(9).WithDefault("")),
			Maybe("inner", Object("", Of("list", Array("", Object("", Of("x", Integer("").Within(1, 2)))))).OrNull()),
			Of("kind", Integer("").Choose(Choice{0, "none", ""}, Choice{1, "one", "the first"}))))},
	}
}

func TestJSONKeepsTheOrder(t *testing.T) {
	text, err := sample().JSON()
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, part := range []string{`"openapi":"3.1.1"`, `"/things/{id}":{"put":{`, `"summary":"Put <b>"`, `"required":true`,
		`"get":{`, `"security":[]`, `"Thing":{"type":"object"`, `"id":{"type":"integer","readOnly":true}`,
		`"default":"","maxLength":9`, `"inner":{"type":["object","null"]`, `"minimum":1,"maximum":2`,
		`{"title":"none","const":0},{"title":"one","description":"the first","const":1}`, `"required":["id","name","kind"]`} {
		found := strings.Index(string(text)[at:], part)
		if found < 0 {
			t.Fatalf("%s does not follow in %s", part, text[at:])
		}
		at += found
	}
}

func TestInput(t *testing.T) {
	s := Input("Sent.", sample().Schemas[0].Schema.Members, "name")
	var names []string
	for _, m := range s.Members {
		names = append(names, m.Name)
	}
	if got := strings.Join(names, " "); got != "name inner kind" || strings.Join(s.Required, " ") != "name" {
		t.Errorf("the input has %s, and %v is mandatory", got, s.Required)
	}
	if inner := s.Members[1].Schema; inner.Required != nil || len(inner.Members) != 1 {
		t.Errorf("what is in it is %+v", inner)
	}
	if of := sample().Schemas[0].Schema; len(of.Required) != 3 {
		t.Errorf("the original is changed: %v", of.Required)
	}
}

func TestCommands(t *testing.T) {
	d := sample()
	for i, want := range []string{
		`curl -X PUT "$URL"'/things/7?a=x%20y&b=2' \
  -H "Authorization: Bearer $KEY" \
  -H 'Content-Type: application/json' \
  -d '{"name":"it'\''s"}'`,
		`curl "$URL"'/things/{id}' \
  -H 'If-Match: "1"'`,
	} {
		if got := d.curl(d.Groups[0].Operations[i]); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}

func TestPageEscapes(t *testing.T) {
	page, policy, err := sample().Page()
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"Put &lt;b&gt;", `href="#two-words"`, `id="two-words"`, "<code>code</code> &amp; &lt;markup&gt;.</p><p>More.",
		"inner.list[].x", "1 to 2", "at most 9 characters", "<code>1</code> one: the first", pageStyle} {
		if !strings.Contains(string(page), part) {
			t.Errorf("the page does not have %s", part)
		}
	}
	if !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") {
		t.Errorf("the policy is %s", policy)
	}
}
