package api_test

import (
	"encoding/json"
	"slices"
	"testing"
)

// TestEachFieldChangesAlone patches a new job with one field of everyField at a time: no other one changes.
func TestEachFieldChangesAlone(t *testing.T) {
	const unset = `{"url":"http://unset.example/","pausedUntil":4000000000}` // paused, so that it can have a note
	c := newClient(t)
	before, want := c.details(c.create(unset), "nextExecution", "created", "updated"), c.details(c.create(everyField), "nextExecution", "created", "updated")
	change := func(value any, path ...string) {
		t.Helper()
		for _, name := range slices.Backward(path) {
			value = map[string]any{name: value}
		}
		body, err := json.Marshal(map[string]any{"job": value})
		if err != nil {
			t.Fatal(err)
		}
		job := c.create(unset)
		c.must("PATCH", job, string(body))
		all := c.details(job, "nextExecution", "created", "updated")
		got, from, to := all, before, want
		for _, name := range path[:len(path)-1] {
			got, from, to = got[name].(map[string]any), from[name].(map[string]any), to[name].(map[string]any)
		}
		name := path[len(path)-1]
		if !jsonEqual(t, got[name], to[name]) || jsonEqual(t, from[name], to[name]) {
			t.Errorf("%s has made %v of %v", body, got[name], from[name])
		}
		if got[name] = from[name]; !jsonEqual(t, all, before) {
			t.Errorf("%s has made\n%v\nof\n%v", body, all, before)
		}
	}
	var fields map[string]any
	decodeSome(t, everyField, &fields)
	for name, value := range fields {
		inner, isObject := value.(map[string]any)
		if !isObject || name == "success" { // criteria replace each other as a whole
			change(value, name)
			continue
		}
		for member, value := range inner {
			change(value, name, member)
		}
	}
}
