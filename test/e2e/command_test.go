package e2e

import (
	"debug/elf"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"punctual/test/harness"
)

// TestCommands runs commands beside a running service.
func TestCommands(t *testing.T) {
	t.Parallel()
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		node := s.Start()
		run := func(args ...string) string {
			t.Helper()
			code, stdout, stderr := harness.Run(t, s.Env(), args...)
			if code != 0 || stderr != "" {
				t.Fatalf("%v: exit code %d, stderr %q", args, code, stderr)
			}
			return stdout
		}
		refuse := func(says string, args ...string) {
			t.Helper()
			code, stdout, stderr := harness.Run(t, s.Env(), args...)
			if code != 1 || stdout != "" {
				t.Errorf("%v: exit code %d, stdout %q", args, code, stdout)
			}
			checkSentence(t, s, stderr, []string{says})
		}

		key := run("apikey", "create", "--title", "second")
		if !regexp.MustCompile(`^punctual_[A-Za-z0-9_-]{43}\n$`).MatchString(key) {
			t.Fatalf("apikey create prints %q", key)
		}
		second := harness.NewClient(t, node.URL, strings.TrimSpace(key))
		id := second.CreateJob(harness.Fields{"url": "example.com"})
		if got := s.Client(node).Job(id).URL; got != "http://example.com" {
			t.Errorf("the operator's other key sees %q", got)
		}
		reader := harness.NewClient(t, node.URL, strings.TrimSpace(run("apikey", "create", "--read-only")))
		reader.Refused(403, "PATCH", "/jobs/1", harness.Fields{"job": harness.Fields{"title": "x"}})
		reader.Job(id)
		elsewhere := harness.NewClient(t, node.URL, strings.TrimSpace(run("apikey", "create", "--allow-from", "192.0.2.7/32")))
		elsewhere.Refused(403, "GET", "/jobs", nil)
		if list := run("apikey", "list"); strings.Count(list, "\n") != 5 || !strings.Contains(list, "second") ||
			strings.Contains(list, strings.TrimSpace(key)) {
			t.Errorf("apikey list prints\n%s", list)
		}
		run("apikey", "revoke", "2")
		second.Refused(401, "GET", "/jobs", nil)
		refuse("apikey list", "apikey", "revoke", "2")

		run("account", "create", "jane@example.com")
		refuse("already", "account", "create", "Jane@Example.com")
		refuse("not an e-mail address", "account", "create", "jane")
		refuse("no plan", "account", "create", "joe@example.com", "--plan", "golden")
		jane := harness.NewClient(t, node.URL, strings.TrimSpace(run("apikey", "create", "--account", "jane@example.com")))
		jane.Refused(404, "GET", "/jobs/1", nil)
		refuse("no account", "apikey", "create", "--account", "joe@example.com")
		run("account", "set-plan", "jane@example.com", "member")
		if list := run("account", "list"); strings.Count(list, "\n") != 3 ||
			!regexp.MustCompile(`jane@example\.com +member +enabled`).MatchString(list) {
			t.Errorf("account list prints\n%s", list)
		}
		run("account", "disable", "jane@example.com")
		jane.Refused(401, "GET", "/jobs", nil)
		run("account", "enable", "jane@example.com")
		jane.Jobs()
		run("account", "delete", "--now", "jane@example.com")
		jane.Refused(401, "GET", "/jobs", nil)
		refuse("operator", "account", "delete", "operator@localhost")

		copied := filepath.Join(t.TempDir(), "punctual.db")
		if s.URL != "" {
			refuse("pg_dump", "backup", copied)
			return
		}
		run("backup", copied)
		refuse("exists", "backup", copied)
		restored := harness.NewService(t, "")
		restored.Dir, restored.Secret, restored.Key = filepath.Dir(copied), s.Secret, s.Key
		if got := restored.Client(restored.Start()).Job(id).URL; got != "http://example.com" {
			t.Errorf("the copy has the job with %q", got)
		}
	})
}

// TestCommandsWithoutADatabase runs commands without a database. They do not create one.
func TestCommandsWithoutADatabase(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, "")
	for _, args := range [][]string{{"apikey", "create"}, {"account", "list"}, {"backup", filepath.Join(t.TempDir(), "x")}} {
		code, stdout, stderr := harness.Run(t, s.Env(), args...)
		if code != 1 || stdout != "" {
			t.Errorf("%v: exit code %d, stdout %q", args, code, stdout)
		}
		checkSentence(t, s, stderr, []string{"no database", "punctual serve"})
	}
	if _, err := os.Stat(s.Dir); !os.IsNotExist(err) {
		t.Errorf("the data directory was made: %v", err)
	}
}

// TestUsage runs the program with wrong arguments and with requests for help.
func TestUsage(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"nothing", "serve --nothing", "serve more", "apikey", "apikey nothing", "serve --slots x",
		"--nothing", "apikey create --expires soon", "version --slots 1", "serve --slots"} {
		code, stdout, stderr := harness.Run(t, nil, strings.Fields(args)...)
		if code != 2 || stdout != "" || !strings.HasPrefix(stderr, "punctual: ") || !strings.Contains(stderr, "punctual --help") {
			t.Errorf("punctual %s: exit code %d, stdout %q, stderr %q", args, code, stdout, stderr)
		}
	}
	code, stdout, stderr := harness.Run(t, nil, "version")
	if code != 0 || stderr != "" || !regexp.MustCompile(`^punctual \S.*\ntime zone data 20\d\d[a-z]+\n$`).MatchString(stdout) {
		t.Errorf("punctual version: exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	for _, args := range [][]string{{}, {"--help"}, {"-h"}} {
		code, stdout, stderr := harness.Run(t, nil, args...)
		if code != 0 || stderr != "" {
			t.Errorf("punctual %v: exit code %d, stderr %q", args, code, stderr)
		}
		for _, command := range []string{"serve", "apikey create", "version"} {
			if !strings.Contains(stdout, "\n  "+command) {
				t.Errorf("punctual %v does not name the command %q:\n%s", args, command, stdout)
			}
		}
	}
}

// TestHelpNamesTheEnvironment looks for the variable of each flag of serve in its help, once.
func TestHelpNamesTheEnvironment(t *testing.T) {
	t.Parallel()
	code, help, stderr := harness.Run(t, nil, "serve", "--help")
	if code != 0 || stderr != "" {
		t.Fatalf("exit code %d, stderr %q", code, stderr)
	}
	exceptions := map[string]string{"key": "PUNCTUAL_SECRET_KEY"}
	flags := regexp.MustCompile(`(?m)^ {2,8}(?:-\w, )?--([a-z-]+)`).FindAllStringSubmatchIndex(help, -1)
	if len(flags) < 7 {
		t.Fatalf("the help has %d flags:\n%s", len(flags), help)
	}
	for i, f := range flags {
		end := len(help)
		if i+1 < len(flags) {
			end = flags[i+1][0]
		}
		name, text := help[f[2]:f[3]], help[f[0]:end]
		if name == "help" {
			continue
		}
		variable := exceptions[name]
		if variable == "" {
			variable = "PUNCTUAL_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		}
		if strings.Count(text, "$"+variable) != 1 {
			t.Errorf("the help of --%s does not name $%s once:\n%s", name, variable, text)
		}
	}
}

// TestEnvironment sets flags by environment variables. A flag on the command line wins.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, "")
	node := s.Start() // the directory, the key and the address are set by the environment
	if _, err := os.Stat(filepath.Join(s.Dir, "punctual.db")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(s.Dir, "secret.key")); !os.IsNotExist(err) {
		t.Errorf("a key was given, and another one was made: %v", err)
	}
	node.Stop()
	for variable, value := range map[string]string{"SLOTS": "0", "DRAIN": "-1s", "LISTEN": "x", "DATABASE": "x:"} {
		code, _, stderr := harness.Run(t, append(s.Env(), "PUNCTUAL_"+variable+"="+value), "serve")
		if code != 2 || !strings.Contains(stderr, strings.ToLower(variable)) {
			t.Errorf("PUNCTUAL_%s=%s: exit code %d, stderr %q", variable, value, code, stderr)
		}
	}
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	s.Start("--data", elsewhere).Stop()
	if _, err := os.Stat(filepath.Join(elsewhere, "punctual.db")); err != nil {
		t.Error(err)
	}
}

// TestSecretsAreForTheOwnerOnly checks the modes of the files that the service writes, and searches them for secrets in
// plain text.
func TestSecretsAreForTheOwnerOnly(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, "")
	s.Secret = ""
	node := s.Start()
	const secret = "correct horse battery staple"
	s.Client(node).CreateJob(harness.Fields{"url": "example.com", "auth": harness.Fields{"password": secret},
		"extendedData": harness.Fields{"headers": harness.Fields{"X-Token": secret}, "body": secret}})
	for _, entry := range append(files(t, s.Dir), "punctual.lock", "punctual.db-wal", "punctual.db-shm") {
		path, _, _ := strings.Cut(entry, " ")
		if !filepath.IsAbs(path) {
			path = filepath.Join(s.Dir, path)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Error(err)
			continue
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has the mode %v", path, info.Mode())
		}
		if text, err := os.ReadFile(path); err == nil && (strings.Contains(string(text), secret) || strings.Contains(string(text), s.Key)) {
			t.Errorf("%s holds a secret in the clear", path)
		}
	}
	node.Stop()
	if log := node.Stderr(); strings.Contains(log, secret) || strings.Contains(log, s.Key) {
		t.Errorf("the log holds a secret:\n%s", log)
	}
}

// TestStaticBinary checks that the program has no dynamic interpreter.
func TestStaticBinary(t *testing.T) {
	t.Parallel()
	if harness.Racing() || runtime.GOOS != "linux" {
		t.Skip("only a program for Linux without the race detector is static")
	}
	f, err := elf.Open(harness.Binary(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("the program has a segment %v", p.Type)
		}
	}
}
