package app

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"punctual/internal/auth"
	"punctual/internal/config"
	"punctual/internal/cron"
	"punctual/internal/service"
	"punctual/internal/store"
)

const testURL = "https://localhost:8443"

// program runs commands on a database of its own.
type program struct {
	t    *testing.T
	args []string // that come before those of each command
	db   *store.Store
}

// newProgram makes a database as the first start of the service does.
func newProgram(t *testing.T) *program {
	t.Helper()
	dir := t.TempDir()
	keys, err := findKeys(config.Config{Data: dir}, true)
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), store.Options{Dir: dir, Keys: keys.read, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := firstStart(t.Context(), service.New(service.Config{Store: db, Secret: db.ServiceSecret()}), "", testURL, io.Discard); err != nil {
		t.Fatal(err)
	}
	if err := db.SetServiceURL(t.Context(), testURL); err != nil {
		t.Fatal(err)
	}
	return &program{t, []string{"--data", dir}, db}
}

// run runs a command that succeeds and returns what it prints.
func (p *program) run(args ...string) string {
	p.t.Helper()
	var stdout, stderr bytes.Buffer
	if code := Run(p.t.Context(), append(p.args, args...), strings.NewReader(""), &stdout, &stderr); code != exitOK || stderr.Len() > 0 {
		p.t.Fatalf("%v: exit code %d, stderr %q", args, code, &stderr)
	}
	return stdout.String()
}

// refuse runs a command that fails with a sentence that says something.
func (p *program) refuse(code int, says string, args ...string) {
	p.t.Helper()
	var stdout, stderr bytes.Buffer
	got := Run(p.t.Context(), append(p.args, args...), strings.NewReader(""), &stdout, &stderr)
	if got != code || stdout.Len() > 0 || !strings.Contains(stderr.String(), says) ||
		!strings.HasPrefix(stderr.String(), "punctual: ") || strings.Count(stderr.String(), "\n") != 1 {
		p.t.Errorf("%v: exit code %d, stdout %q, stderr %q; want %d and %q", args, got, &stdout, &stderr, code, says)
	}
}

// rows are the lines of a table but for its head, with single spaces.
func rows(table string) []string {
	lines := strings.Split(strings.TrimSuffix(table, "\n"), "\n")
	for i := range lines {
		lines[i] = regexp.MustCompile(`  +`).ReplaceAllString(strings.TrimSpace(lines[i]), " | ")
	}
	return lines[1:]
}

func TestAccountCommands(t *testing.T) {
	p := newProgram(t)
	today := p.db.Now().UTC().Format(time.DateOnly)
	p.run("account", "create", "Jane@example.com")
	p.run("account", "create", "--plan", "member", "--private-networks=off", "joe@example.com")
	p.run("account", "set-plan", "JANE@example.com", "unlimited", "--set", "maxJobs=7;requestsPerSecond=2")
	p.run("account", "disable", "joe@example.com")
	want := []string{
		"1 | operator@localhost | unlimited | enabled | all | " + today,
		"2 | jane@example.com | unlimited, maxJobs=7, requestsPerSecond=2 | enabled | all | " + today,
		"3 | joe@example.com | member | disabled | public | " + today,
	}
	if got := rows(p.run("account", "list")); !slices.Equal(got, want) {
		t.Errorf("the accounts are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	p.run("account", "enable", "joe@example.com")
	p.run("account", "set-plan", "jane@example.com", "default")
	p.run("account", "set-plan", "jane@example.com", "default", "--private-networks=off")
	p.run("account", "set-plan", "jane@example.com", "default")
	p.run("account", "disable", "3")
	p.run("account", "delete", "--later", "joe@example.com")
	if got := p.run("account", "list"); !strings.Contains(got, "disabled, to be deleted on "+p.db.Now().UTC().Add(7*24*time.Hour).Format(time.DateOnly)) {
		t.Errorf("the accounts are\n%s", got)
	}
	p.run("account", "restore", "3")
	for _, answer := range []string{"", "yes\n", "later\n", "NOW"} {
		var stdout, stderr bytes.Buffer
		args := append(slices.Clone(p.args), "account", "delete", "joe@example.com")
		code := Run(t.Context(), args, strings.NewReader(answer), &stdout, &stderr)
		if refused := answer == "" || answer == "yes\n"; refused != (code == exitFailed) || refused != strings.Contains(stderr.String(), "--now or --later") ||
			!strings.Contains(stdout.String(), "now or later") {
			t.Errorf("the answer %q: exit code %d, stdout %q, stderr %q", answer, code, &stdout, &stderr)
		}
	}
	want = []string{want[0], "2 | jane@example.com | default | enabled | public | " + today}
	if got := rows(p.run("account", "list")); !slices.Equal(got, want) {
		t.Errorf("the accounts are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	p.refuse(exitFailed, "not an e-mail address", "account", "create", "jane")
	p.refuse(exitFailed, "not an e-mail address", "account", "create", "Jane <jane@example.com>")
	p.refuse(exitFailed, "already", "account", "create", "jane@EXAMPLE.com")
	p.refuse(exitFailed, "no plan", "account", "create", "--plan", "golden", "x@example.com")
	p.refuse(exitFailed, "default, member, unlimited", "account", "set-plan", "jane@example.com", "golden")
	p.refuse(exitFailed, "no number called \"jobs\"", "account", "set-plan", "jane@example.com", "member", "--set", "jobs=1")
	p.refuse(exitFailed, "maxJobs is -1", "account", "set-plan", "jane@example.com", "member", "--set", "maxJobs=-1")
	p.refuse(exitFailed, "may always call", "account", "set-plan", "Operator@localhost", "unlimited", "--private-networks=off")
	p.refuse(exitFailed, "operator's account", "account", "delete", "--now", "operator@localhost")
	for _, command := range []string{"disable", "enable", "delete", "restore"} {
		p.refuse(exitFailed, `no account with the e-mail address or the number "joe@example.com"`, "account", command, "joe@example.com")
	}
	p.refuse(exitFailed, "no account", "account", "set-plan", "joe@example.com", "member")
}

func TestKeyCommands(t *testing.T) {
	p := newProgram(t)
	p.run("account", "create", "jane@example.com")
	today := p.db.Now().UTC().Format(time.DateOnly)
	month := p.db.Now().UTC().Add(720 * time.Hour).Format(time.DateOnly)
	var keys []string
	for _, args := range [][]string{
		{"--title", "everything"},
		{"--title", "look", "--read-only", "--expires", "720h"},
		{"--title", "here", "--allow-from", "192.0.2.7,2001:db8::7,198.51.100.77/24", "--allow-from", "::ffff:203.0.113.1"},
	} {
		key := p.run(append([]string{"apikey", "create", "--account", "Jane@example.com"}, args...)...)
		if !regexp.MustCompile(`^punctual_[A-Za-z0-9_-]{43}\n$`).MatchString(key) {
			t.Fatalf("%v prints %q", args, key)
		}
		keys = append(keys, strings.TrimSpace(key))
	}
	hint := func(i int) string { return "…" + keys[i][len(keys[i])-4:] }
	want := []string{
		"2 | " + hint(0) + " | everything | usable | " + today + " | never | all | anywhere",
		"3 | " + hint(1) + " | look | usable | " + today + " | " + month + " | read | anywhere",
		"4 | " + hint(2) + " | here | usable | " + today + " | never | all | " +
			"192.0.2.7/32, 2001:db8::7/128, 198.51.100.0/24, 203.0.113.1/32",
	}
	if got := rows(p.run("apikey", "list", "--account", "jane@example.com")); !slices.Equal(got, want) {
		t.Errorf("the keys are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := rows(p.run("apikey", "list")); len(got) != 1 || !strings.Contains(got[0], "first key") {
		t.Errorf("the operator's keys are %q", got)
	}

	authenticate := func(key, from string) (cron.Actor, error) {
		return auth.New(p.db).Authenticate(t.Context(), p.db.Now(), "Bearer "+key, netip.MustParseAddr(from))
	}
	actor, err := authenticate(keys[2], "203.0.113.1")
	if err != nil || actor.Account.Email != "jane@example.com" {
		t.Errorf("the key is that of %+v, %v", actor, err)
	}
	if _, err := authenticate(keys[2], "203.0.113.2"); cron.KindOf(err) != cron.Forbidden {
		t.Errorf("from elsewhere: %v", err)
	}
	p.refuse(exitFailed, "no API key 2", "apikey", "revoke", "2") // of the operator
	p.run("apikey", "revoke", "2", "--account", "jane@example.com")
	_, err = authenticate(keys[0], "203.0.113.1")
	if cron.KindOf(err) != cron.Unauthorized {
		t.Errorf("a revoked key: %v", err)
	}
	p.refuse(exitFailed, "no API key 2", "apikey", "revoke", "2", "--account", "jane@example.com")
	p.refuse(exitFailed, "no account", "apikey", "create", "--account", "joe@example.com")
	p.refuse(exitFailed, "no account", "apikey", "list", "--account", "joe@example.com")
	p.refuse(exitUsage, `"192.0.2" is not an address`, "apikey", "create", "--allow-from", "192.0.2")
	p.refuse(exitUsage, "--expires", "apikey", "create", "--expires", "-1h")
	p.refuse(exitFailed, "--expires: The key must end in the future", "apikey", "create", "--expires", "2001-01-31")
	p.refuse(exitFailed, "at most 128 characters", "apikey", "create", "--title", strings.Repeat("x", 129))
	p.refuse(exitFailed, "--allow-from: ", "apikey", "create", "--title", strings.Repeat("x", 129), "--expires", "2001-01-31",
		"--allow-from", strings.Repeat("192.0.2.1,", 100)+"192.0.2.1") // all at once
	p.run("account", "set-plan", "jane@example.com", "unlimited", "--set", "maxKeys=2")
	p.refuse(exitFailed, "no further API key", "apikey", "create", "--account", "jane@example.com")
}

func TestPlansFile(t *testing.T) {
	p := newProgram(t)
	file := filepath.Join(t.TempDir(), "plans.json")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.args = append(p.args, "--plans", file)
	p.refuse(exitFailed, "plans.json", "account", "list")
	for text, says := range map[string]string{
		`{`:                           "plans.json",
		`[]`:                          "plans.json",
		`{"golden":{"maxJobs":"x"}}`:  "plans.json",
		`{"golden":{"jobs":1}}`:       `no number called "jobs"`,
		`{"golden":{"maxJobs":-1}}`:   `plan "golden": maxJobs is -1`,
		`{"golden":{"maxJobs":1e99}}`: "plans.json",
	} {
		write(text)
		p.refuse(exitFailed, says, "account", "list")
	}
	write(`{"golden":{"maxKeys":1},"default":{"maxKeys":2}}`)
	p.run("account", "create", "--plan", "golden", "jane@example.com")
	p.run("account", "create", "joe@example.com")
	p.run("apikey", "create", "--account", "jane@example.com")
	p.refuse(exitFailed, `The plan "golden" of jane@example.com allows no further API key`, "apikey", "create", "--account",
		"jane@example.com")
	p.run("apikey", "create", "--account", "joe@example.com")
	p.run("apikey", "create", "--account", "joe@example.com")
	p.refuse(exitFailed, "no further API key", "apikey", "create", "--account", "joe@example.com")
}

func TestCommandsNeedADatabase(t *testing.T) {
	dir := t.TempDir()
	p := &program{t: t, args: []string{"--data", dir}}
	for _, args := range [][]string{{"account", "list"}, {"apikey", "create"}, {"backup", filepath.Join(dir, "copy")}} {
		p.refuse(exitFailed, "punctual serve", args...)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("the directory holds %v, %v", files, err)
	}
}

func TestCommandsEndWithTheirContext(t *testing.T) {
	p := newProgram(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	if code := Run(ctx, append(p.args, "account", "list"), strings.NewReader(""), &stdout, &stderr); code != exitFailed || stdout.Len() > 0 {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, &stdout, &stderr)
	}
}

// TestNothingGivenIsRefused runs commands with empty values, as an unset variable of a shell gives them. None does what
// it would do without the flag, such as making a key that may be used from anywhere.
func TestNothingGivenIsRefused(t *testing.T) {
	p := newProgram(t)
	before := p.run("apikey", "list") + p.run("account", "list")
	for _, args := range [][]string{
		{"apikey", "create", "--allow-from="}, {"apikey", "create", "--allow-from", ""}, {"apikey", "create", "--allow-from=192.0.2.1,"},
		{"apikey", "create", "--title="}, {"apikey", "create", "--title= "}, {"apikey", "create", "--expires="},
		{"apikey", "create", "--account="}, {"apikey", "list", "--account="}, {"apikey", "revoke", "1", "--account="},
		{"apikey", "revoke", ""}, {"account", "create", ""}, {"account", "create", "a@example.com", "--plan="},
		{"account", "set-plan", "operator@localhost", "member", "--set="}, {"account", "disable", ""}, {"account", "delete", ""},
		{"backup", ""}, {"serve", "--deny-targets="}, {"serve", "--allow-targets="}, {"serve", "--trusted-proxies="},
		{"serve", "--executor-addresses="}, {"serve", "--database="}, {"serve", "--listen="}, {"serve", "--drain="},
	} {
		p.refuse(exitUsage, "See punctual --help", args...)
	}
	if after := p.run("apikey", "list") + p.run("account", "list"); after != before {
		t.Errorf("there was\n%s\nand is\n%s", before, after)
	}
}

// TestExpiryOfAKey makes keys that end after days and weeks, and on a date.
func TestExpiryOfAKey(t *testing.T) {
	p := newProgram(t)
	for _, given := range []string{"30d", "2w", "1w2d12h", "720h", "2099-12-31", "2099-12-31T12:00:00+02:00"} {
		p.run("apikey", "create", "--expires", given)
	}
	keys, err := p.db.APIKeys(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	const day = 24 * time.Hour
	for i, want := range []time.Duration{30 * day, 14 * day, 9*day + 12*time.Hour, 30 * day} {
		if k := keys[1+i]; k.Expires.Sub(k.Created).Round(time.Minute) != want {
			t.Errorf("key %d ends after %v, want %v", k.ID, k.Expires.Sub(k.Created), want)
		}
	}
	for i, want := range []string{"2099-12-31T00:00:00Z", "2099-12-31T10:00:00Z"} {
		if got := keys[5+i].Expires.UTC().Format(time.RFC3339); got != want {
			t.Errorf("a key ends at %s, want %s", got, want)
		}
	}
}

// TestErrorsAreOurs looks for the words of libraries in what commands say of their failure.
func TestErrorsAreOurs(t *testing.T) {
	p := newProgram(t)
	dir := t.TempDir()
	for _, args := range [][]string{
		{"backup", filepath.Join(dir, "missing", "copy")}, {"backup", dir}, {"account", "list", "--plans", filepath.Join(dir, "missing")},
		{"account", "list", "--plans", dir}, {"account", "list", "--database", "postgres://a:b@[x/y"},
		{"account", "list", "--database", "postgres://a:b@127.0.0.1:1/x"},
		{"nothing"}, {"serv"}, {"serve", "--slot", "1"}, {"serve", "more"}, {"apikey"}, {"account"}, {"apikey", "revoke"},
		{"apikey", "revoke", "x"}, {"account", "set-plan"}, {"account", "set-plan", "a", "b", "--set", "x"}, {"serve", "--slots"},
		{"serve", "--drain", "soon"}, {"serve", "--drain", "999999999w"}, {"apikey", "create", "--expires", "30"},
		{"apikey", "create", "--read-only=maybe"}, {"apikey", "create", "--title", "-x"}, {"serve", "--executor-addresses", "x"},
	} {
		var stdout, stderr bytes.Buffer
		code := Run(t.Context(), append(p.args, args...), strings.NewReader(""), &stdout, &stderr)
		text := stderr.String()
		if code == exitOK || stdout.Len() > 0 || strings.Count(text, "\n") != 1 || !strings.HasPrefix(text, "punctual: ") {
			t.Errorf("%v: exit code %d, stdout %q, stderr %q", args, code, &stdout, text)
		}
		for _, foreign := range []string{"expected", "unexpected", "unknown flag", "invalid", "parse", "strconv", "no such file", "open ",
			"dial", "%!", "(from envar", "perhaps", "..", "syscall", "EOF"} {
			if strings.Contains(strings.ReplaceAll(text, dir, ""), foreign) {
				t.Errorf("%v says %q: %s", args, foreign, text)
			}
		}
	}
}

// TestEmptyVariablesCountAsUnset starts commands where variables of the environment are there and empty.
func TestEmptyVariablesCountAsUnset(t *testing.T) {
	p := newProgram(t)
	for _, name := range []string{"DRAIN", "SLOTS", "DENY_TARGETS", "DATABASE", "PLANS", "SECRET_KEY"} {
		t.Setenv("PUNCTUAL_"+name, "")
	}
	p.run("account", "list")
	t.Setenv("PUNCTUAL_DATA", "")
	p.run("account", "list") // of --data
}
