package wire

import (
	"encoding/json"
	"errors"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
)

// The types that a value can be expected to have; package message knows these words.
const (
	TypeArray   = "array"
	TypeBoolean = "boolean"
	TypeInteger = "integer"
	TypeNumber  = "number"
	TypeObject  = "object"
	TypeString  = "string"
)

// MaxProblems is how many bad values of a request are reported at most.
const MaxProblems = 100

// HeaderIgnored is the header of an answer that names the members of a body that nothing has read.
const HeaderIgnored = "Punctual-Ignored"

// MaxIgnored is how many of them are named at most.
const MaxIgnored = 20

// Problems collects what is wrong with a body, up to a number that a response can hold, and the objects of the body that
// were looked at.
type Problems struct {
	cron.Checker
	count   int
	objects []Object
}

// Add notes that something is wrong with the value at pointer.
func (p *Problems) Add(pointer string, wrong cron.Problem) {
	if p.count < MaxProblems {
		p.count++
		p.Checker.Add(pointer, wrong)
	}
}

// Unread points to the members that nothing has read, at most MaxIgnored of them. Members of those are not looked at.
func (p *Problems) Unread() []string {
	var pointers []string
	for _, o := range p.objects {
		for _, name := range o.names {
			if len(pointers) == MaxIgnored {
				return pointers
			}
			if !o.read[name] {
				pointers = append(pointers, o.pointer+"/"+escape(name))
			}
		}
	}
	return pointers
}

// Given are those of the pointers that lead to a member that was read and is not null.
func (p *Problems) Given(pointers iter.Seq[string]) (given []string) {
	for pointer := range pointers {
		end := strings.LastIndexByte(pointer, '/')
		parent, name := pointer[:end], pointer[end+1:]
		if slices.ContainsFunc(p.objects, func(o Object) bool { return o.pointer == parent && o.read[name] && o.given(name) }) {
			given = append(given, pointer)
		}
	}
	return given
}

// Object is a JSON object that is read member by member. What reads a member into a variable leaves the variable as it
// is when the member is absent or null, and notes a problem when the member is not what it should be. Of members that
// share a name the last one counts.
type Object struct {
	members  map[string]json.RawMessage
	names    []string        // of the members in their order
	read     map[string]bool // the names that were asked for; nil when nobody wants to know
	pointer  string
	Problems *Problems
}

// NewObject reads raw, which is valid JSON. Any other value than an object is a problem and has no members.
func NewObject(raw json.RawMessage, pointer string, p *Problems) Object {
	o := Object{pointer: pointer, Problems: p}
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
		p.Add(pointer, cron.Problem{Rule: cron.RuleWrongType, Want: TypeObject})
	}
	return o
}

// Err is nil when nothing is wrong with the whole body that o is a part of.
func (o Object) Err() error { return o.Problems.Err() }

// Unread points to the members of the whole body that nothing has read; an object that was not read has none.
func (o Object) Unread() []string {
	if o.Problems == nil {
		return nil
	}
	return o.Problems.Unread()
}

// Value is a member as it stands in the JSON text; ok is false when it is absent or null.
func (o Object) Value(name string) (raw json.RawMessage, ok bool) {
	if o.read != nil {
		o.read[name] = true
	}
	return o.members[name], o.given(name)
}

// Has tells whether a member is neither absent nor null.
func (o Object) Has(name string) bool {
	_, ok := o.Value(name)
	return ok
}

// given is Has without noting that the member was asked for.
func (o Object) given(name string) bool {
	raw, ok := o.members[name]
	return ok && string(raw) != "null"
}

// Null tells whether a member is there and null.
func (o Object) Null(name string) bool {
	raw, ok := o.members[name]
	return ok && string(raw) == "null"
}

// Skip takes note of members that are ignored on purpose, such as those that are read only.
func (o Object) Skip(names ...string) {
	for _, name := range names {
		_, _ = o.Value(name)
	}
}

// At points to a member, or to what is in it: items by their indices, members by their names.
func (o Object) At(path ...string) string {
	pointer := o.pointer
	for _, token := range path {
		pointer += "/" + escape(token)
	}
	return pointer
}

// Pointer is the JSON pointer (RFC 6901) to a value in the body.
func Pointer(path ...string) string { return Object{}.At(path...) }

// Add notes that something is wrong with a member.
func (o Object) Add(name string, p cron.Problem) { o.Problems.Add(o.At(name), p) }

// Need notes that something is missing in a member.
func (o Object) Need(name string) { o.Add(name, cron.Problem{Rule: cron.RuleMandatory}) }

// MustHave notes when a member is missing.
func (o Object) MustHave(name string) {
	if !o.Has(name) {
		o.Need(name)
	}
}

// Each visits the items of a member that is an array, and tells whether it is one.
func (o Object) Each(name string, visit func(index string, item json.RawMessage)) bool {
	raw, ok := o.Value(name)
	if !ok {
		return false
	}
	if raw[0] != '[' {
		o.WrongType(name, TypeArray)
		return false
	}
	walk(raw, visit)
	return true
}

// All visits the members in the order in which their names appeared; of those that share a name, the last one.
func (o Object) All(visit func(name string, value json.RawMessage)) {
	for _, name := range o.names {
		value, _ := o.Value(name)
		visit(name, value)
	}
}

// WrongType notes that a member has not the type that is wanted.
func (o Object) WrongType(name, want string) {
	o.Add(name, cron.Problem{Rule: cron.RuleWrongType, Want: want})
}

// Object is a member that is an object; one without members when it is absent or null.
func (o Object) Object(name string) Object {
	pointer := o.At(name)
	raw, ok := o.Value(name)
	if !ok {
		return Object{pointer: pointer, Problems: o.Problems}
	}
	return NewObject(raw, pointer, o.Problems)
}

// Text reads a string.
func (o Object) Text(name string, to *string) {
	raw, ok := o.Value(name)
	if !ok {
		return
	}
	s, ok := ParseText(raw)
	if !ok {
		o.WrongType(name, TypeString)
		return
	}
	*to = s
}

// Boolean reads true or false, 1 or 0, or one of these as a string.
func (o Object) Boolean(name string, to *bool) {
	raw, ok := o.Value(name)
	if !ok {
		return
	}
	switch text, _ := Scalar(raw); text {
	case "true", "1":
		*to = true
	case "false", "0":
		*to = false
	default:
		o.WrongType(name, TypeBoolean)
	}
}

// Integer reads a member that lies between low and high.
func Integer[T ~int | ~int64](o Object, name string, to *T, low, high int64) {
	raw, ok := o.Value(name)
	if !ok {
		return
	}
	n, wrong := ParseInteger(raw, low, high)
	if wrong.Rule != cron.RuleNone {
		o.Add(name, wrong)
		return
	}
	*to = T(n)
}

// Seconds reads a duration in whole seconds, from low seconds up to high. Less than a duration can hold is the least that
// it can.
func (o Object) Seconds(name string, to *time.Duration, low int64, high time.Duration) {
	const longest = int64(math.MaxInt64 / time.Second)
	n := int64(*to / time.Second)
	Integer(o, name, &n, low, int64(high/time.Second))
	*to = time.Duration(max(n, -longest)) * time.Second
}

// Number reads a number between low and high, or a string of one.
func (o Object) Number(name string, to *float64, low, high int64) {
	raw, ok := o.Value(name)
	if !ok {
		return
	}
	text, ok := Scalar(raw)
	n, err := strconv.ParseFloat(text, 64)
	switch {
	case !ok, !json.Valid([]byte(text)), errors.Is(err, strconv.ErrSyntax): // Go reads more than JSON, such as NaN
		o.WrongType(name, TypeNumber)
	case err != nil, n < float64(low), n > float64(high):
		o.Add(name, cron.Problem{Rule: cron.RuleOutOfRange, Given: text, Min: low, Max: high})
	default:
		*to = n
	}
}

// Every stands for all numbers of a set.
const Every = -1

// Set reads an array of numbers between low and high, or Every.
func (o Object) Set(name string, to *cron.Set, low, high int64) {
	var set cron.Set
	given := o.Each(name, func(index string, item json.RawMessage) {
		if _, wrong := ParseInteger(item, Every, Every); wrong.Rule == cron.RuleNone {
			set = cron.Every
			return
		}
		n, wrong := ParseInteger(item, low, high)
		if wrong.Rule != cron.RuleNone {
			o.Problems.Add(o.At(name, index), wrong)
			return
		}
		set |= cron.SetOf(int(n))
	})
	if given {
		*to = set
	}
}

// Choice reads a member whose value is one of the given names, and stores the index of the name.
func Choice[T ~int](o Object, name string, to *T, names []string) {
	raw, ok := o.Value(name)
	if !ok {
		return
	}
	i, wrong := ParseChoice(raw, names)
	if wrong.Rule != cron.RuleNone {
		o.Add(name, wrong)
		return
	}
	*to = T(i)
}
