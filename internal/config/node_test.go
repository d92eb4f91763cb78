package config

import (
	"strings"
	"testing"
)

func TestNodeNames(t *testing.T) {
	for _, name := range []string{"web-1", "a", "7a", "web.example.com", "a_b", "A", strings.Repeat("a", 253)} {
		if !IsNodeName(name) || NodeNameOf(name) != name && len(name) < 200 {
			t.Errorf("%s is no name, or is made %s", name, NodeNameOf(name))
		}
	}
	for _, name := range []string{"", "7", "2026", "-a", ".a", "_", "a b", "ä", "a\n", "a/b", "<b>", strings.Repeat("a", 254)} {
		if IsNodeName(name) {
			t.Errorf("%q is a name", name)
		}
		if made := NodeNameOf(name); !IsNodeName(made) {
			t.Errorf("the host %q makes the name %q, which is none", name, made)
		}
	}
	for host, want := range map[string]string{"2026": "node-2026", "web 1": "web-1", "": "node", "--": "node"} {
		if made := NodeNameOf(host); made != want {
			t.Errorf("the host %q makes the name %q, want %q", host, made, want)
		}
	}
}

func TestNodeFlags(t *testing.T) {
	const postgres = "postgres://localhost/x"
	for _, args := range []string{"--node web-1", "--role all", "--role api --database " + postgres, "--role worker --database " + postgres} {
		if _, err := Parse(append([]string{"serve"}, strings.Fields(args)...), nil); err != nil {
			t.Errorf("serve %s: %v", args, err)
		}
	}
	for args, says := range map[string]string{
		"--node 7": "not consist of digits only", "--node a/b": "letters, digits", "--role api": "--role api needs --database",
		"--role worker": "only one service can use a SQLite database", "--role other": "--role",
	} {
		if _, err := Parse(append([]string{"serve"}, strings.Fields(args)...), nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("serve %s: %v", args, err)
		}
	}
	for args, want := range map[string]Command{"nodes": NodesList, "nodes list": NodesList, "nodes drain a": NodesDrain, "nodes resume 7": NodesResume} {
		if c, err := Parse(strings.Fields(args), nil); err != nil || c.Command != want {
			t.Errorf("%s is %q: %v", args, c.Command, err)
		}
	}
}
