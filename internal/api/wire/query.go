package wire

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
)

// Query is a query string as an object, so that it is read like one: its members are strings, and arrays of those
// where a set of numbers is expected. A parameter without a value is as one that is not there.
func Query(r *http.Request, p *Problems) Object {
	o := Object{members: map[string]json.RawMessage{}, Problems: p}
	for name, values := range r.URL.Query() {
		text := strings.TrimSpace(values[len(values)-1])
		if text == "" {
			continue
		}
		var value any = text
		switch name {
		case "seconds", "minutes", "hours", "mdays", "months", "wdays":
			items := strings.Split(text, ",")
			for i := range items {
				items[i] = strings.TrimSpace(items[i])
			}
			value = items
		}
		if raw, err := json.Marshal(value); err == nil { // which strings always are
			o.members[name] = raw
		}
	}
	return o
}

// The instants that the wire knows: those of the years that RFC 3339 can write, in Unix seconds.
const (
	firstInstant = -62135596800
	LastInstant  = 253402300799

	Forever = -1 // stands for cron.Forever
)

// Instant reads Unix seconds, where 0 stands for none.
func Instant(o Object, name string, to *time.Time) {
	n := to.Unix()
	if to.IsZero() {
		n = 0
	}
	Integer(o, name, &n, 0, LastInstant)
	if *to = time.Unix(n, 0).UTC(); n == 0 {
		*to = time.Time{}
	}
}

// ReadUntil reads the end of something in Unix seconds, where 0 stands for none and Forever for cron.Forever.
func ReadUntil(o Object, name string, to *time.Time) {
	n := int64(0)
	if !to.IsZero() {
		n = to.Unix()
	}
	if Integer(o, name, &n, Forever, LastInstant); n == Forever {
		n = LastInstant
	}
	if *to = time.Unix(n, 0).UTC(); n == 0 {
		*to = time.Time{}
	}
}

// Time reads Unix seconds or a time as of RFC 3339.
func Time(o Object, name string, to *time.Time) {
	raw, given := o.Value(name)
	if !given || string(raw) == `""` {
		return
	}
	text, _ := ParseText(raw) // "" for a number
	// The + of an offset that is not escaped stands for a space in a query string.
	if t, err := time.Parse(time.RFC3339, strings.ReplaceAll(text, " ", "+")); err == nil {
		*to = t
		return
	}
	n, wrong := ParseInteger(raw, firstInstant, LastInstant)
	if wrong.Rule == cron.RuleWrongType {
		wrong.Want = "time in Unix seconds, or as 2026-03-29T00:00:00Z,"
	}
	if wrong.Rule != cron.RuleNone {
		o.Add(name, wrong)
		return
	}
	*to = time.Unix(n, 0)
}

// Span reads the ends of a span of time.
func Span(query Object, from, to *time.Time) {
	Time(query, "from", from)
	Time(query, "to", to)
	if !from.IsZero() && !to.IsZero() && !from.Before(*to) {
		query.Add("to", cron.Problem{Rule: cron.RuleOutOfRange, Given: strconv.FormatInt(to.Unix(), 10),
			Min: from.Unix() + 1, Max: LastInstant})
	}
}

// List is the items of a parameter that is given several times, or holds several items separated by commas.
func List(values url.Values, name string) []string {
	var items []string
	for _, item := range strings.Split(strings.Join(values[name], ","), ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}
