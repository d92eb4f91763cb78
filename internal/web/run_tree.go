package web

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of a tree. What is below the deepest level is shown as text.
const (
	treeDepth  = 24
	treeOpen   = 2    // levels that are open at first
	treeText   = 1000 // bytes of HTML of a value
	treeMarkup = 90   // bytes of HTML around a node
)

// jsonNode is a value of a JSON document.
type jsonNode struct {
	Name     string // of the member, or the index of the element
	Named    bool   // it is a member of an object
	Value    string // of a value without children
	Class    string // what kind of value that is: "text", "number" or "word"
	Brackets string // "{}" or "[]" for a value with children
	Children []*jsonNode
	Count    int  // children, also those that are not shown
	More     int  // children that are not shown
	Open     bool // the children are shown at first
	cut      bool // of the root: something is not shown
}

// newTree reads a JSON object or array, with all members in their order; nil for anything else.
func newTree(body []byte) *jsonNode {
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	if len(trimmed) == 0 || trimmed[0] != '{' && trimmed[0] != '[' || !utf8.Valid(body) || !json.Valid(body) {
		return nil
	}
	t := tree{left: bodyBytes, decoder: json.NewDecoder(bytes.NewReader(body))}
	t.decoder.UseNumber()
	root := t.node(0)
	if t.failed {
		return nil
	}
	root.cut = t.cut
	return root
}

// tree reads a document, of which it shows so much.
type tree struct {
	decoder     *json.Decoder
	left        int
	cut, failed bool
}

// node reads the next value.
func (t *tree) node(depth int) *jsonNode {
	if depth == treeDepth {
		return t.deepest()
	}
	token, err := t.decoder.Token()
	if err != nil {
		t.failed = true
		return &jsonNode{}
	}
	delimiter, nested := token.(json.Delim)
	if !nested {
		return t.leaf(token)
	}
	n := &jsonNode{Brackets: string(delimiter) + map[json.Delim]string{'{': "}", '[': "]"}[delimiter], Open: depth < treeOpen}
	for ; t.decoder.More() && !t.failed; n.Count++ {
		name := strconv.Itoa(n.Count)
		if delimiter == '{' {
			key, err := t.decoder.Token()
			if err != nil {
				t.failed = true
				break
			}
			name, _ = key.(string)
		}
		if t.left <= 0 {
			var skipped json.RawMessage
			t.failed = t.failed || t.decoder.Decode(&skipped) != nil
			t.cut = true
			n.More++
			continue
		}
		name = t.take(name)
		t.left -= treeMarkup
		child := t.node(depth + 1)
		child.Name, child.Named = name, delimiter == '{'
		n.Children = append(n.Children, child)
	}
	if _, err := t.decoder.Token(); err != nil { // the end of it
		t.failed = true
	}
	return n
}

// deepest reads a value whole, and shows it as text.
func (t *tree) deepest() *jsonNode {
	var raw json.RawMessage
	if err := t.decoder.Decode(&raw); err != nil {
		t.failed = true
	}
	return &jsonNode{Value: t.take(string(raw)), Class: "word"}
}

func (t *tree) leaf(token json.Token) *jsonNode {
	switch value := token.(type) {
	case string:
		return &jsonNode{Value: t.take(quoted(value)), Class: "text"}
	case json.Number:
		return &jsonNode{Value: t.take(value.String()), Class: "number"}
	case bool:
		return &jsonNode{Value: strconv.FormatBool(value), Class: "word"}
	}
	return &jsonNode{Value: "null", Class: "word"}
}

// quoted is a text as JSON writes it.
func quoted(text string) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a string can always be encoded
	return strings.TrimSuffix(b.String(), "\n")
}

// take is what is shown of a text.
func (t *tree) take(text string) string {
	short := bounded(text, treeText)
	for _, r := range short {
		t.left -= htmlSize(r)
	}
	if len(short) < len(text) {
		t.cut = true
		return visible(short) + "…"
	}
	return visible(short)
}
