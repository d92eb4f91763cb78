package command

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// value is a value of a script: a text, a hash table or object, or an array.
type value struct {
	text  string
	bare  bool // text is a number, a truth value or null
	hash  bool
	pairs []pair // of a hash table
	list  bool
	items []*value // of an array, or the arguments of which an object was made
}

// pair is an entry of a hash table.
type pair struct {
	key   string
	value *value
}

// string is the value as a text.
func (v *value) string() string {
	if v == nil || v.bare && v.text == "null" {
		return ""
	}
	if v.list {
		texts := make([]string, 0, len(v.items))
		for _, i := range v.items {
			texts = append(texts, i.text)
		}
		return strings.Join(texts, " ")
	}
	return v.text
}

// property is the value of a key, which is added if it is missing.
func (v *value) property(key string) *value {
	for _, p := range v.pairs {
		if strings.EqualFold(p.key, key) {
			return p.value
		}
	}
	found := &value{}
	v.add(key, found)
	return found
}

// add adds a value to a hash table.
func (v *value) add(key string, item *value) {
	v.hash = true
	if len(v.pairs) < maxVariables {
		v.pairs = append(v.pairs, pair{key, item})
	}
}

// json is the value as ConvertTo-Json writes it, without its line breaks.
func (v *value) json(depth int) string {
	var b strings.Builder
	v.writeJSON(&b, depth)
	return b.String()
}

func (v *value) writeJSON(b *strings.Builder, depth int) {
	if depth > maxDepth || b.Len() > MaxText {
		b.WriteString("null")
		return
	}
	switch {
	case v.list:
		b.WriteByte('[')
		for i, item := range v.items {
			if i > 0 {
				b.WriteByte(',')
			}
			item.writeJSON(b, depth+1)
		}
		b.WriteByte(']')
	case v.hash:
		b.WriteByte('{')
		for i, p := range v.pairs {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(quoteJSON(p.key))
			b.WriteByte(':')
			p.value.writeJSON(b, depth+1)
		}
		b.WriteByte('}')
	case v.bare && json.Valid([]byte(v.text)):
		b.WriteString(v.text)
	default:
		b.WriteString(quoteJSON(v.text))
	}
}

// quoteJSON is a text in JSON.
func quoteJSON(text string) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a text has no errors
	return strings.TrimSuffix(b.String(), "\n")
}

// expression reads values that are joined by +.
func (p *script) expression() *value {
	v := p.postfix(p.primary())
	for {
		p.skipSpace(false)
		if !strings.HasPrefix(p.rest(), "+") || p.steps > maxSteps {
			return v
		}
		p.at++
		p.skipSpace(true)
		next := p.postfix(p.primary())
		v = &value{text: p.grow(v.string() + next.string())}
	}
}

// grow bounds what strings of a script can grow to.
func (p *script) grow(text string) string {
	if p.grown += len(text); len(text) > MaxText || p.grown > 4*MaxText {
		p.note(ReasonExpansion, "+")
		return ""
	}
	return text
}

// primary reads a value.
func (p *script) primary() *value {
	p.skipSpace(false)
	p.steps++
	if p.depth++; p.depth > maxDepth || p.steps > maxSteps || p.at >= len(p.text) {
		if p.depth--; p.at < len(p.text) {
			p.at = len(p.text)
		}
		return &value{}
	}
	defer func() { p.depth-- }()
	switch {
	case p.has(`@"`) || p.has("@'"):
		return &value{text: p.hereString(p.text[p.at-1])}
	case p.has("@{"):
		return p.hashTable()
	case p.has("@("):
		return &value{list: true, items: p.list(")")}
	case p.has("$("), p.has("("):
		p.skipSpace(true)
		v := p.pipeline()
		p.skipSpace(true)
		if strings.HasPrefix(p.rest(), ",") {
			p.at++
			v = &value{list: true, items: append([]*value{v}, p.list(")")...)}
			return v
		}
		p.has(")")
		return v
	case p.has(`'`):
		return &value{text: p.singleQuoted()}
	case p.has(`"`):
		return &value{text: p.doubleQuoted(`"`)}
	case p.has("$"):
		return p.variableValue()
	case p.has("["):
		return p.typed()
	}
	start := p.at
	if v, ok := p.number(); ok {
		return v
	}
	p.at = start
	return &value{text: p.bareWord()}
}

// typed reads a value behind the name of a type in brackets, or a static member of the type.
func (p *script) typed() *value {
	start := p.at
	for open := 1; p.at < len(p.text) && open > 0; p.at++ {
		switch p.text[p.at] {
		case '[':
			open++
		case ']':
			open--
		case '\n':
			return &value{}
		}
	}
	kind := strings.Trim(p.text[start:p.at], "[] ")
	if p.has("::") {
		return &value{text: p.name(""), hash: true}
	}
	v := p.postfix(p.primary())
	if strings.EqualFold(kind, "char") {
		if n, err := strconv.ParseInt(v.text, 0, 32); err == nil && utf8.ValidRune(rune(n)) {
			return &value{text: string(rune(n))}
		}
	}
	return v
}

// list reads values up to an end.
func (p *script) list(end string) (items []*value) {
	for {
		before := p.at
		p.skipSpace(true)
		if p.at >= len(p.text) || p.has(end) || p.steps > maxSteps {
			return items
		}
		if !p.has(",") {
			items = append(items, p.expression())
		}
		if p.at == before {
			p.at++
		}
	}
}

// hashTable reads key = value pairs up to the brace that ends them.
func (p *script) hashTable() *value {
	v := &value{hash: true}
	for {
		before := p.at
		p.skipSpace(true)
		if p.at >= len(p.text) || p.has("}") || p.steps > maxSteps {
			return v
		}
		var key string
		if strings.IndexByte(`'"$(`, p.text[p.at]) >= 0 {
			key = p.primary().string()
		} else {
			key = p.name("-.")
		}
		p.skipSpace(false)
		if p.has("=") {
			p.skipSpace(true)
			v.add(key, p.pipeline())
		}
		if p.at == before {
			p.at++
		}
	}
}

// variableValue is the value of the variable whose name comes next.
func (p *script) variableValue() *value {
	var name string
	if p.has("{") {
		name = p.name(":-. ")
		p.has("}")
	} else {
		name = p.name(":?")
	}
	switch lower := strings.ToLower(name); lower {
	case "true", "false", "null":
		return &value{text: lower, bare: true}
	default:
		if v := p.variables[lower]; v != nil {
			p.grow(v.text)
			return v
		}
	}
	p.note(ReasonVariable, strings.TrimPrefix(name, "env:"))
	return &value{text: "$" + name}
}

// postfix reads members, calls and indexes behind a value.
func (p *script) postfix(v *value) *value {
	for {
		switch {
		case strings.HasPrefix(p.rest(), "::"), strings.HasPrefix(p.rest(), ".") && p.at+1 < len(p.text) && isLetter(p.text[p.at+1]):
			p.at++
			p.has(":")
			name := p.name("")
			if !p.has("(") {
				v = v.property(name)
				continue
			}
			v = invoke(v, name, p.list(")"))
		case strings.HasPrefix(p.rest(), "["):
			p.at++
			v = v.property(p.expression().string())
			p.has("]")
		case strings.HasPrefix(p.rest(), "(") && !v.hash && v.text != "": // New-Object Type(arguments)
			p.at++
			v = &value{items: p.list(")")}
		case strings.HasPrefix(p.rest(), "(") && v.hash && len(v.pairs) == 0:
			p.at++
			v = invoke(v, "", p.list(")"))
		default:
			return v
		}
		if p.steps++; p.steps > maxSteps {
			return v
		}
	}
}

// invoke calls a method: Add of hash tables and collections, and those that turn a text into bytes, which stay the text.
func invoke(v *value, method string, arguments []*value) *value {
	switch {
	case strings.EqualFold(method, "Add") && len(arguments) == 2:
		v.add(arguments[0].string(), arguments[1])
	case strings.EqualFold(method, "Add") && len(arguments) == 1 && len(arguments[0].items) >= 2: // a cookie
		v.add(arguments[0].items[0].string(), arguments[0].items[1])
	case strings.EqualFold(method, "GetBytes") && len(arguments) == 1:
		return arguments[0]
	}
	return &value{}
}
