package wire

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzBody reads any text. Whatever the pieces it comes in, the outcome is the same; what is let through is UTF-8 without
// halves of surrogate pairs, and its objects and arrays are read as encoding/json reads them.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,"x,]}\"\\",{"b":null}],"c" : {} , "a":true}`, `[ ]`, `{}`, `[[[]],{"":""}]`, "\ufeff{}", "\xff", "\"\xc3",
		`"\ud83d\ude00\\ud800"`, `"\ud800"`, `"\udc00\ud800`, `"\ud8`, `"\`, "\"\\\xff\"", `{"a~/b":[0,"` + "\xe9" + `"]}`, `}]`, `,,,`, `{"a"`,
		strings.Repeat(`[`, 40), `[` + strings.Repeat(`1,`, 12) + `1]`, `{"\u0061":1,"a":-1.5e3}`, ` "a" : 1`,
	} {
		f.Add([]byte(seed), 3)
	}
	f.Fuzz(func(t *testing.T, body []byte, size int) {
		limit := BodyLimit{1 << 20, 10}
		whole := (&scanner{limit: limit}).scan(body, true)
		pieces := scanner{limit: limit}
		for end, wrong := 0, whole; ; {
			end = min(len(body), end+max(size, 1))
			wrong = pieces.scan(body[:end], end == len(body))
			if wrong.Rule != 0 || end == len(body) {
				if wrong != whole {
					t.Fatalf("%+v in pieces, %+v as a whole", wrong, whole)
				}
				break
			}
		}
		if whole.Rule != 0 {
			return
		}
		if !utf8.Valid(body) {
			t.Fatal("it is not UTF-8")
		}
		if body = bytes.TrimSpace(body); !json.Valid(body) {
			return
		}
		var text string
		if json.Unmarshal(body, &text) == nil && strings.ContainsRune(text, utf8.RuneError) &&
			!bytes.Contains(body, []byte("\ufffd")) && !bytes.Contains(bytes.ToLower(body), []byte(`\ufffd`)) {
			t.Fatalf("%q has half a surrogate pair", body)
		}
		checkWalk(t, body)
	})
}

// checkWalk compares what walk visits with what encoding/json reads.
func checkWalk(t *testing.T, body []byte) {
	var got []json.RawMessage
	switch body[0] {
	case '{':
		var want map[string]json.RawMessage
		if err := json.Unmarshal(body, &want); err != nil {
			t.Fatal(err)
		}
		members := map[string]json.RawMessage{}
		walk(body, func(name string, value json.RawMessage) {
			members[name] = value
			got = append(got, value)
		})
		if len(members) != len(want) {
			t.Fatalf("%d members, want %d", len(members), len(want))
		}
		for name, value := range want {
			if !bytes.Equal(members[name], value) {
				t.Fatalf("member %q is %q, want %q", name, members[name], value)
			}
		}
	case '[':
		var want []json.RawMessage
		if err := json.Unmarshal(body, &want); err != nil {
			t.Fatal(err)
		}
		walk(body, func(_ string, value json.RawMessage) { got = append(got, value) })
		if !slices.EqualFunc(got, want, func(a, b json.RawMessage) bool { return bytes.Equal(a, b) }) {
			t.Fatalf("items %q, want %q", got, want)
		}
	}
	for _, value := range got {
		checkWalk(t, value)
	}
}
