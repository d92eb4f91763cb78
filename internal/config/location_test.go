package config

import (
	"io"
	"strings"
	"testing"
)

func TestLocation(t *testing.T) {
	const post = "postgres://user:hidden@db.example.com:5432/punctual"
	for text, want := range map[string]Location{
		"sqlite:/var/lib/punctual": {Dir: "/var/lib/punctual"}, "sqlite:data": {Dir: "data"}, post: {URL: post},
		"postgresql://localhost/x": {URL: "postgresql://localhost/x"},
		"sqlite:":                  {}, "/var/lib/punctual": {}, "mysql://localhost/x": {}, "postgres://user:hidden@host:port/x": {},
	} {
		got, err := parseLocation(text)
		if got != want || (err == nil) != (want != Location{}) {
			t.Errorf("%q is %+v, %v", text, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "hidden") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

// TestMoveFlags has databases that nothing can be moved between.
func TestMoveFlags(t *testing.T) {
	for _, args := range []string{
		"move", "move --from sqlite:a", "move --from sqlite:a --to sqlite:b", "move --from postgres://a/b --to postgres://c/d",
	} {
		if _, err := Parse(strings.Fields(args), io.Discard); err == nil {
			t.Errorf("%s: no error", args)
		}
	}
	c, err := Parse(strings.Fields("move --from sqlite:a --to postgres://c/d --to-key key"), io.Discard)
	if err != nil || c.Command != Move || c.Move.From.Dir != "a" || c.Move.To.URL != "postgres://c/d" || c.Move.ToKey != "key" {
		t.Errorf("the configuration is %+v, %v", c.Move, err)
	}
}
