package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
)

// wrong lists what is wrong, as pointers and rules.
func wrong(p *Problems) []string {
	e, ok := errors.AsType[*cron.Error](p.Err())
	if !ok {
		return nil
	}
	var list []string
	for _, problem := range e.Problems {
		list = append(list, fmt.Sprint(problem.Pointer, " ", problem.Rule))
	}
	return list
}

// TestMembers reads each kind of member from what clients send for it.
func TestMembers(t *testing.T) {
	names := []string{"zero", "one"}
	read := map[string]func(o Object) any{
		"text":    func(o Object) any { v := "old"; o.Text("m", &v); return v },
		"boolean": func(o Object) any { v := true; o.Boolean("m", &v); return v },
		"integer": func(o Object) any { v := 7; Integer(o, "m", &v, 1, 9); return v },
		"number":  func(o Object) any { v := 0.5; o.Number("m", &v, 0, 9); return v },
		"seconds": func(o Object) any { v := time.Minute; o.Seconds("m", &v, 0, time.Hour); return v },
		"set":     func(o Object) any { v := cron.SetOf(3); o.Set("m", &v, 0, 5); return v },
		"choice":  func(o Object) any { v := 0; Choice(o, "m", &v, names); return v },
		"instant": func(o Object) any { v := time.Unix(5, 0).UTC(); Instant(o, "m", &v); return v },
		"time":    func(o Object) any { v := time.Unix(5, 0); Time(o, "m", &v); return v.Unix() },
	}
	for _, tt := range []struct {
		kind, value string
		want        any
		rule        cron.Rule
	}{
		{"text", `"new"`, "new", 0}, {"text", `null`, "old", 0}, {"text", `1`, "old", cron.RuleWrongType},
		{"boolean", `"false"`, false, 0}, {"boolean", `0`, false, 0}, {"boolean", `2`, true, cron.RuleWrongType},
		{"integer", `"8"`, 8, 0}, {"integer", `1e0`, 1, 0}, {"integer", `10`, 7, cron.RuleOutOfRange},
		{"integer", `1.5`, 7, cron.RuleWrongType}, {"integer", `"1.0"`, 7, cron.RuleWrongType},
		{"integer", `99999999999999999999`, 7, cron.RuleOutOfRange}, {"integer", `{}`, 7, cron.RuleWrongType},
		{"number", `"2.5"`, 2.5, 0}, {"number", `"NaN"`, 0.5, cron.RuleWrongType}, {"number", `1e999`, 0.5, cron.RuleOutOfRange},
		{"seconds", `30`, 30 * time.Second, 0}, {"seconds", `3601`, time.Minute, cron.RuleOutOfRange},
		{"set", `[1,"2"]`, cron.SetOf(1) | cron.SetOf(2), 0}, {"set", `[-1]`, cron.Every, 0}, {"set", `[]`, cron.Set(0), 0},
		{"set", `[6]`, cron.Set(0), cron.RuleOutOfRange}, {"set", `3`, cron.SetOf(3), cron.RuleWrongType},
		{"choice", `"one"`, 1, 0}, {"choice", `"two"`, 0, cron.RuleUnknownValue}, {"choice", `1`, 0, cron.RuleWrongType},
		{"instant", `0`, time.Time{}, 0}, {"instant", `"9"`, time.Unix(9, 0).UTC(), 0},
		{"instant", `-1`, time.Unix(5, 0).UTC(), cron.RuleOutOfRange},
		{"time", `"1970-01-01T00:00:09Z"`, int64(9), 0}, {"time", `"1970-01-01T01:00:09 01:00"`, int64(9), 0},
		{"time", `"9"`, int64(9), 0}, {"time", `"noon"`, int64(5), cron.RuleWrongType},
	} {
		var p Problems
		o := NewObject(json.RawMessage(`{"m":0, "m":`+tt.value+`}`), "/at", &p) // the last one counts
		if got := read[tt.kind](o); got != tt.want {
			t.Errorf("%s of %s is %v, want %v", tt.kind, tt.value, got, tt.want)
		}
		if got := wrong(&p); tt.rule == 0 && got != nil || tt.rule != 0 && (len(got) != 1 ||
			!strings.HasPrefix(got[0], "/at/m") || !strings.HasSuffix(got[0], fmt.Sprint(" ", tt.rule))) {
			t.Errorf("%s of %s: %v, want rule %v", tt.kind, tt.value, got, tt.rule)
		}
	}
}

// TestPointers looks for names that a pointer has to escape, and for what is not there.
func TestPointers(t *testing.T) {
	var p Problems
	o := NewObject(json.RawMessage(`{"a/b":{"~":[1,2]},"x":1}`), "", &p)
	inner := o.Object("a/b")
	if got := inner.At("~", "1"); got != "/a~1b/~0/1" {
		t.Errorf("it is at %s", got)
	}
	absent := o.Object("none")
	absent.MustHave("m")
	o.Object("x")
	var names []string
	o.All(func(name string, value json.RawMessage) { names = append(names, name+"="+string(value)) })
	if want := []string{`a/b={"~":[1,2]}`, "x=1"}; !slices.Equal(names, want) {
		t.Errorf("the members are %q", names)
	}
	if got, want := wrong(&p), []string{fmt.Sprint("/none/m ", cron.RuleMandatory), fmt.Sprint("/x ", cron.RuleWrongType)}; !slices.Equal(got, want) {
		t.Errorf("wrong are %q, want %q", got, want)
	}
}

// TestUnread tells what nobody asked for, of as many members as are told.
func TestUnread(t *testing.T) {
	var p Problems
	o := NewObject(json.RawMessage(`{"read":1,"skipped":1,"a/b":{"c":1},"inner":{"x":1}}`), "", &p)
	var n int
	Integer(o, "read", &n, 0, 9)
	o.Skip("skipped", "absent")
	o.Object("inner")
	if got := o.Unread(); !slices.Equal(got, []string{"/a~1b", "/inner/x"}) {
		t.Errorf("unread are %q", got)
	}
	if got := (Object{}).Unread(); got != nil {
		t.Errorf("of nothing, unread are %q", got)
	}
	var many []string
	for i := range 2 * MaxIgnored {
		many = append(many, fmt.Sprintf(`"%d":1`, i))
	}
	var q Problems
	if got := NewObject(json.RawMessage("{"+strings.Join(many, ",")+"}"), "", &q).Unread(); len(got) != MaxIgnored {
		t.Errorf("%d are told", len(got))
	}
}

// TestProblemsAreBounded adds more than an answer holds.
func TestProblemsAreBounded(t *testing.T) {
	var p Problems
	for range 3 * MaxProblems {
		p.Add("/x", cron.Problem{Rule: cron.RuleMandatory})
	}
	if got := len(wrong(&p)); got != MaxProblems {
		t.Errorf("%d are kept", got)
	}
}

func TestQuery(t *testing.T) {
	var p Problems
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/?hours=1,%202&count=3&count=4&empty=&from=9&to=9", nil)
	o := Query(r, &p)
	var (
		hours    cron.Set
		count    int
		empty    = "old"
		from, to time.Time
	)
	o.Set("hours", &hours, 0, 23)
	Integer(o, "count", &count, 0, 9)
	o.Text("empty", &empty)
	Span(o, &from, &to)
	if hours != cron.SetOf(1)|cron.SetOf(2) || count != 4 || empty != "old" {
		t.Errorf("hours %v, count %d, empty %q", hours, count, empty)
	}
	if got, want := wrong(&p), []string{fmt.Sprint("/to ", cron.RuleOutOfRange)}; !slices.Equal(got, want) {
		t.Errorf("wrong are %q, want %q", got, want)
	}
	if got := List(map[string][]string{"x": {"a, b", "", "c,,"}}, "x"); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("the list is %q", got)
	}
}

// TestGiven asks for members that were read, at the top and within, and for all that were not given.
func TestGiven(t *testing.T) {
	var (
		p    Problems
		text string
	)
	o := NewObject(json.RawMessage(`{"a":"x","null":null,"wrong":1,"unread":"x","in":{"a":"x","null":null},"list":[]}`), "", &p)
	for _, name := range []string{"a", "null", "wrong", "absent"} {
		o.Text(name, &text)
	}
	in := o.Object("in")
	in.Text("a", &text)
	in.Text("null", &text)
	o.Object("list").Text("a", &text)
	o.Object("missing").Text("a", &text)
	asked := []string{"/in/a", "/in/null", "/in/absent", "/missing/a", "/list/a", "/list", "/wrong", "/unread", "/null", "/absent",
		"/a", "/in", "/missing"}
	want := []string{"/in/a", "/list", "/wrong", "/a", "/in"}
	if got := p.Given(slices.Values(asked)); !slices.Equal(got, want) {
		t.Errorf("given are %v, want %v", got, want)
	}
}
