package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// allowed says which packages of the project a package may import. A package that is not listed may not exist.
var allowed = map[string][]string{
	"punctual":                      {"app"},
	"punctual/internal/cron":        {},
	"punctual/internal/config":      {},
	"punctual/internal/metrics":     {},
	"punctual/internal/fetch":       {"cron"},
	"punctual/internal/store":       {"cron", "statuspage"},
	"punctual/internal/auth":        {"cron"},
	"punctual/internal/command":     {"cron"},
	"punctual/internal/message":     {"command", "cron", "statuspage"},
	"punctual/internal/scheduler":   {"cron", "message", "metrics"},
	"punctual/internal/service":     {"auth", "badge", "command", "cron", "linediff", "message", "notify", "picture", "statuspage", "store"},
	"punctual/internal/api":         {"badge", "cron", "download", "eventstream", "linediff", "service", "auth", "message", "statuspage", "api/ledger", "api/spec", "api/wire"},
	"punctual/internal/web":         {"auth", "badge", "command", "cron", "download", "eventstream", "markdown", "message", "service", "statuspage", "api/ledger", "api/wire"},
	"punctual/internal/download":    {},
	"punctual/internal/eventstream": {},
	"punctual/internal/linediff":    {},
	"punctual/internal/markdown":    {},
	"punctual/internal/zoneinfo":    {"cron"},
	"punctual/internal/statuspage":  {"cron"},
	"punctual/internal/badge":       {"cron", "statuspage"},
	"punctual/internal/picture":     {"cron"},
	"punctual/internal/public":      {"auth", "badge", "cron", "eventstream", "markdown", "message", "statuspage"},

	"punctual/internal/certificate":  {},
	"punctual/internal/notify":       {"cron", "message", "metrics", "statuspage"},
	"punctual/internal/notify/email": {"config", "cron", "markdown", "message"},
	"punctual/internal/app": {"api", "auth", "certificate", "config", "cron", "fetch", "message", "metrics", "notify", "notify/email",
		"public", "scheduler",
		"service", "statuspage", "store", "web", "zoneinfo"},

	"punctual/internal/zoneinfo/update": {"cron", "zoneinfo"}, // make zoneinfo

	"punctual/internal/api/spec":   {"badge", "cron", "linediff", "service", "statuspage", "api/wire"},
	"punctual/internal/api/wire":   {"cron", "statuspage"},
	"punctual/internal/api/ledger": {"cron", "download", "message", "api/wire"},

	// For tests only: nothing of the program imports them.
	"punctual/internal/store/storetest":        {"cron", "statuspage", "store"},
	"punctual/internal/auth/authtest":          {},
	"punctual/internal/public/publictest":      {"badge", "cron", "statuspage"},
	"punctual/internal/notify/email/emailtest": {},
}

// stdlibOnly are the packages that import nothing but the standard library and the project.
var stdlibOnly = []string{"punctual/internal/cron", "punctual/internal/scheduler", "punctual/internal/service",
	"punctual/internal/message", "punctual/internal/api", "punctual/internal/api/spec",
	"punctual/internal/api/wire", "punctual/internal/api/ledger", "punctual/internal/download", "punctual/internal/eventstream", "punctual/internal/notify",
	"punctual/internal/web", "punctual/internal/public"}

type listed struct {
	ImportPath string
	Doc        string
	Imports    []string
	GoFiles    []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Doc,Imports,GoFiles", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestImports(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles) == 0 || strings.HasPrefix(p.ImportPath, "punctual/test/") {
			continue // tests may import what they like
		}
		rooms, ok := allowed[p.ImportPath]
		if !ok {
			t.Errorf("package %s is not in the list of rooms", p.ImportPath)
		}
		for _, imported := range p.Imports {
			room, ours := strings.CutPrefix(imported, "punctual/internal/")
			switch {
			case ours && !slices.Contains(rooms, room):
				t.Errorf("%s must not import %s", p.ImportPath, imported)
			case !ours && slices.Contains(stdlibOnly, p.ImportPath) && strings.Contains(imported, "."):
				t.Errorf("%s must import the standard library only, not %s", p.ImportPath, imported)
			}
		}
	}
}

func TestPackagesHaveADocComment(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles) > 0 && p.Doc == "" {
			t.Errorf("package %s has no doc comment", p.ImportPath)
		}
	}
}
