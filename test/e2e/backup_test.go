package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"punctual/test/harness"
)

// backupsIn lists the backups in a directory.
func backupsIn(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "punctual-*Z.db"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestScheduledBackup has a service with backups killed and started again, and restores what it has made.
func TestScheduledBackup(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, "")
	dir := filepath.Join(t.TempDir(), "backups")
	s.Extra = []string{"PUNCTUAL_BACKUP_DIR=" + dir}
	node := s.Start()
	id := s.Client(node).CreateJob(harness.Fields{"url": "example.com"})
	await(t, "there is a backup", func() bool { return len(backupsIn(t, dir)) == 1 })
	node.Kill()
	partial := filepath.Join(dir, "punctual-20200101T000000Z.db.partial")
	if err := os.WriteFile(partial, []byte("SQLite"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Start().Stop()
	if _, err := os.Stat(partial); !os.IsNotExist(err) {
		t.Errorf("what a backup left that was interrupted: %v", err)
	}
	made := backupsIn(t, dir)
	if len(made) != 1 {
		t.Errorf("after another start there are %q", made)
	}
	text, err := os.ReadFile(made[0])
	if err != nil {
		t.Fatal(err)
	}
	restored := harness.NewService(t, "")
	restored.Secret, restored.Key = s.Secret, s.Key
	if err := os.Mkdir(restored.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(restored.Dir, "punctual.db"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := restored.Client(restored.Start()).Job(id).URL; got != "http://example.com" {
		t.Errorf("the backup has the job with %q", got)
	}
}

// TestBackupFlags has flags of backups that make no sense.
func TestBackupFlags(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, "")
	dir := t.TempDir()
	for says, args := range map[string][]string{
		"PostgreSQL":    {"--backup-dir", dir, "--database", "postgres://user@127.0.0.1:1/none"},
		"--backup-keep": {"--backup-dir", dir, "--backup-keep", "0"},
		"at least 1m":   {"--backup-dir", dir, "--backup-every", "1s"},
	} {
		code, _, stderr := harness.Run(t, s.Env(), append([]string{"serve"}, args...)...)
		if code != 2 || !strings.Contains(stderr, says) {
			t.Errorf("%v: exit code %d, %q", args, code, stderr)
		}
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := harness.Run(t, s.Env(), "serve", "--backup-dir", file)
	if code != 1 {
		t.Errorf("a file as the directory: exit code %d", code)
	}
	checkSentence(t, s, stderr, []string{"directory"})
}
