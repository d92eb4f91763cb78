package api

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
)

// The types that a value can be expected to have; package message knows these words.
const (
	typeArray   = "array"
	typeBoolean = "boolean"
	typeInteger = "integer"
	typeNumber  = "number"
	typeObject  = "object"
	typeString  = "string"
)

// problems collects what is wrong with a body, up to a number that a response can hold, and the objects of the body that
// were looked at.
type problems struct {
	cron.Checker
	count   int
	objects []object
}

func (p *problems) add(pointer string, wrong cron.Problem) {
	if p.count < maxProblems {
		p.count++
		p.Add(pointer, wrong)
	}
}

// object is a JSON object that is read member by member. What reads a member into a variable leaves the variable as it
// is when the member is absent or null, and notes a problem when the member is not what it should be. Of members that
// share a name the last one counts.
type object struct {
	members  map[string]json.RawMessage
	names    []string        // of the members in their order
	read     map[string]bool // the names that were asked for; nil when nobody wants to know
	pointer  string
	problems *problems
}

// newObject reads raw, which is valid JSON. What is no object is a problem and has no members.
func newObject(raw json.RawMessage, pointer string, p *problems) object {
	o := object{pointer: pointer, problems: p}
	switch {
	case raw[0] == '{':
		o.members, o.read = map[string]json.RawMessage{}, map[string]bool{}
		walk(raw, func(name string, value json.RawMessage) {
			if _, again := o.members[name]; !again {
				o.names = append(o.names, name)
			}
			o.members[name] = value
		})
		p.objects = append(p.objects, o)
	case string(raw) != "null":
		p.add(pointer, cron.Problem{Rule: cron.RuleWrongType, Want: typeObject})
	}
	return o
}

// value is a member as it stands in the JSON text; ok is false when it is absent or null.
func (o object) value(name string) (raw json.RawMessage, ok bool) {
	if o.read != nil {
		o.read[name] = true
	}
	raw, ok = o.members[name]
	return raw, ok && string(raw) != "null"
}

// skip takes note of members that are ignored on purpose, such as those that are read only.
func (o object) skip(names ...string) {
	for _, name := range names {
		_, _ = o.value(name)
	}
}

func (o object) add(name string, p cron.Problem) { o.problems.add(o.pointer+"/"+escape(name), p) }

// need notes that something is missing in a member.
func (o object) need(name string) { o.add(name, cron.Problem{Rule: cron.RuleMandatory}) }

// mustHave notes when a member is missing.
func (o object) mustHave(name string) {
	if _, ok := o.value(name); !ok {
		o.need(name)
	}
}

// each visits the items of a member that is an array, and tells whether it is one.
func (o object) each(name string, visit func(index string, item json.RawMessage)) bool {
	raw, ok := o.value(name)
	if !ok {
		return false
	}
	if raw[0] != '[' {
		o.wrongType(name, typeArray)
		return false
	}
	walk(raw, visit)
	return true
}

func (o object) wrongType(name, want string) {
	o.add(name, cron.Problem{Rule: cron.RuleWrongType, Want: want})
}

// object is a member that is an object; one without members when it is absent or null.
func (o object) object(name string) object {
	pointer := o.pointer + "/" + name
	raw, ok := o.value(name)
	if !ok {
		return object{pointer: pointer, problems: o.problems}
	}
	return newObject(raw, pointer, o.problems)
}

func (o object) text(name string, to *string) {
	raw, ok := o.value(name)
	if !ok {
		return
	}
	s, ok := parseText(raw)
	if !ok {
		o.wrongType(name, typeString)
		return
	}
	*to = s
}

func (o object) boolean(name string, to *bool) {
	raw, ok := o.value(name)
	if !ok {
		return
	}
	switch text, _ := scalar(raw); text {
	case "true", "1":
		*to = true
	case "false", "0":
		*to = false
	default:
		o.wrongType(name, typeBoolean)
	}
}

// integer reads a member that lies between low and high.
func integer[T ~int | ~int64](o object, name string, to *T, low, high int64) {
	raw, ok := o.value(name)
	if !ok {
		return
	}
	n, wrong := parseInteger(raw, low, high)
	if wrong.Rule != cron.RuleNone {
		o.add(name, wrong)
		return
	}
	*to = T(n)
}

// seconds reads a duration in whole seconds, from low seconds up to high.
func (o object) seconds(name string, to *time.Duration, low int64, high time.Duration) {
	n := int64(*to / time.Second)
	integer(o, name, &n, low, int64(high/time.Second))
	*to = time.Duration(n) * time.Second
}

// number reads a number between low and high, or a string of one.
func (o object) number(name string, to *float64, low, high int64) {
	raw, ok := o.value(name)
	if !ok {
		return
	}
	text, ok := scalar(raw)
	n, err := strconv.ParseFloat(text, 64)
	switch {
	case !ok, !json.Valid([]byte(text)), errors.Is(err, strconv.ErrSyntax): // Go reads more than JSON, such as NaN
		o.wrongType(name, typeNumber)
	case err != nil, n < float64(low), n > float64(high):
		o.add(name, cron.Problem{Rule: cron.RuleOutOfRange, Given: text, Min: low, Max: high})
	default:
		*to = n
	}
}

// every stands for all numbers of a set.
const every = -1

// set reads an array of numbers between low and high, or every.
func (o object) set(name string, to *cron.Set, low, high int64) {
	var set cron.Set
	given := o.each(name, func(index string, item json.RawMessage) {
		if _, wrong := parseInteger(item, every, every); wrong.Rule == cron.RuleNone {
			set = cron.Every
			return
		}
		n, wrong := parseInteger(item, low, high)
		if wrong.Rule != cron.RuleNone {
			o.problems.add(o.pointer+"/"+name+"/"+index, wrong)
			return
		}
		set |= cron.SetOf(int(n))
	})
	if given {
		*to = set
	}
}

// choice reads a member whose value is one of the given names, and stores the index of the name.
func choice[T ~int](o object, name string, to *T, names []string) {
	raw, ok := o.value(name)
	if !ok {
		return
	}
	s, ok := parseText(raw)
	if !ok {
		o.wrongType(name, typeString)
		return
	}
	for i, n := range names {
		if s == n {
			*to = T(i)
			return
		}
	}
	o.add(name, cron.Problem{Rule: cron.RuleUnknownValue, Given: s, Want: strings.Join(names, ", ")})
}

// scalar is the text of a string, or of a number, true or false as it is written; ok is false for all else.
func scalar(raw json.RawMessage) (text string, ok bool) {
	switch raw[0] {
	case '"':
		return parseText(raw)
	case '{', '[', 'n':
		return "", false
	}
	return string(raw), true
}

func parseText(raw json.RawMessage) (s string, ok bool) {
	if raw[0] != '"' {
		return "", false
	}
	return s, json.Unmarshal(raw, &s) == nil
}

// parseInteger reads an integer between low and high: a number without a fraction, or a string of digits that may have
// a sign.
func parseInteger(raw json.RawMessage, low, high int64) (int64, cron.Problem) {
	text, ok := scalar(raw)
	if !ok {
		return 0, cron.Problem{Rule: cron.RuleWrongType, Want: typeInteger}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if errors.Is(err, strconv.ErrSyntax) && raw[0] != '"' {
		n, err = parseFloat(text)
	}
	outside := errors.Is(err, strconv.ErrRange) || err == nil && (n < low || n > high)
	switch {
	case outside:
		return 0, cron.Problem{Rule: cron.RuleOutOfRange, Given: text, Min: low, Max: high}
	case err != nil:
		return 0, cron.Problem{Rule: cron.RuleWrongType, Want: typeInteger}
	}
	return n, cron.Problem{}
}

// parseFloat reads an integer that is written with a fraction or an exponent, such as 1.0 or 1e3.
func parseFloat(text string) (int64, error) {
	f, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil:
		return 0, err
	case f != math.Trunc(f):
		return 0, strconv.ErrSyntax
	case math.Abs(f) > 1<<53:
		return 0, strconv.ErrRange
	}
	return int64(f), nil
}

// walk visits the members of a JSON object or the items of a JSON array one after the other. token is the name of a
// member or the index of an item. raw is valid JSON, of which values are parts and no copies.
func walk(raw json.RawMessage, visit func(token string, value json.RawMessage)) {
	c := cursor{raw: raw, at: 1}
	for i := 0; c.next() != 0 && c.next() != ']' && c.next() != '}'; i++ {
		token := strconv.Itoa(i)
		if raw[0] == '{' {
			token, _ = parseText(c.value())
			c.take(':')
		}
		value := c.value()
		if len(value) == 0 {
			return // cannot be; but never loop
		}
		visit(token, value)
		c.take(',')
	}
}

// cursor goes through valid JSON.
type cursor struct {
	raw json.RawMessage
	at  int
}

// next is the next byte that is no blank, and 0 at the end.
func (c *cursor) next() byte {
	for ; c.at < len(c.raw); c.at++ {
		if b := c.raw[c.at]; b != ' ' && b != '\t' && b != '\r' && b != '\n' {
			return b
		}
	}
	return 0
}

// take goes over a byte when it comes next.
func (c *cursor) take(b byte) {
	if c.next() == b {
		c.at++
	}
}

// value goes over a value and returns it as it stands there.
func (c *cursor) value() json.RawMessage {
	c.next()
	start, depth := c.at, 0
	for ; c.at < len(c.raw); c.at++ {
		switch c.raw[c.at] {
		case '"':
			for c.at++; c.at < len(c.raw) && c.raw[c.at] != '"'; c.at++ {
				if c.raw[c.at] == '\\' {
					c.at++
				}
			}
			if c.at = min(c.at, len(c.raw)-1); depth == 0 {
				c.at++
				return c.raw[start:c.at:c.at]
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return c.raw[start:c.at:c.at] // the end of what the value is in
			}
			if depth--; depth == 0 {
				c.at++
				return c.raw[start:c.at:c.at]
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return c.raw[start:c.at:c.at]
			}
		}
	}
	return c.raw[start:c.at:c.at]
}

// escape is a name as a part of a JSON pointer (RFC 6901, section 3).
func escape(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}
