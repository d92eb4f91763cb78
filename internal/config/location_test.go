package config

import (
	"io"
	"strings"
	"testing"
)

func TestLocation(t *testing.T) {
	const (
		post = "postgres://user:hidden@db.example.com:5432/punctual"
		pair = "postgres://user:hidden@a.example.com:5432,b.example.com:5433/punctual?target_session_attrs=read-write"
	)
	for text, want := range map[string]Location{
		"sqlite:/var/lib/punctual": {Dir: "/var/lib/punctual"}, "sqlite:data": {Dir: "data"}, post: {URL: post}, pair: {URL: pair},
		"postgresql://localhost/x": {URL: "postgresql://localhost/x"},
		"sqlite:":                  {}, "/var/lib/punctual": {}, "mysql://localhost/x": {}, "postgres://user:hidden@host:port/x": {},
		"postgres://user:hidden@a:5432,b:port/x": {}, "postgres://user:hidden@a/%zz": {},
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

// TestDatabaseFlags has flags about PostgreSQL that cannot be meant.
func TestDatabaseFlags(t *testing.T) {
	const url = "postgres://user:hidden@a:5432,b:5432/x"
	for _, args := range []string{
		"serve --database mysql://a/b", "serve --database postgres://user:hidden@a:5432,b:hidden/x", "serve --database-direct " + url,
		"serve --database " + url + " --database-direct sqlite:a", "serve --database " + url + " --database-connections 3",
		"serve --database-connections 1001",
	} {
		if _, err := Parse(strings.Fields(args), io.Discard); err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %v", args, err)
		}
	}
	c, err := Parse(strings.Fields("serve --database "+url+" --database-direct "+url+" --database-connections 4"), io.Discard)
	if err != nil || c.Database != url || c.DatabaseDirect != url || c.DatabaseConnections != 4 {
		t.Errorf("the configuration is %+v, %v", c, err)
	}
}
