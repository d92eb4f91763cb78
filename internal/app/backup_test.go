package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

// scheduled are backups into a directory of their own, on a clock that the test moves.
type scheduled struct {
	*backups
	t        *testing.T
	clock    time.Time
	fault    error // of the next writes
	written  int
	failures int
	told     []string
	log      strings.Builder
}

func newScheduled(t *testing.T) *scheduled {
	s := &scheduled{t: t, clock: time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC)}
	s.backups = &backups{
		dir: filepath.Join(t.TempDir(), "backups"), every: time.Hour, keep: 3,
		write: func(_ context.Context, path string) error {
			if s.written++; s.fault != nil {
				return s.fault
			}
			return os.WriteFile(path, []byte("backup"), 0o600)
		},
		tell: func(_ context.Context, n *cron.Notice, _ time.Duration) error {
			s.told = append(s.told, n.Detail)
			return nil
		},
		now:    func() time.Time { return s.clock },
		failed: func() { s.failures++ },
	}
	s.logger = slog.New(slog.NewTextHandler(io.Writer(&s.log), nil))
	if err := s.prepare(); err != nil {
		t.Fatal(err)
	}
	return s
}

// after moves the clock and makes a step.
func (s *scheduled) after(d time.Duration) {
	s.t.Helper()
	s.clock = s.clock.Add(d)
	if err := s.step(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scheduled) files() (names []string) {
	s.t.Helper()
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func (s *scheduled) put(name string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte("older backup"), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func TestBackupsRotate(t *testing.T) {
	s := newScheduled(t)
	s.put("notes.txt")
	s.put("punctual-before-the-upgrade.db")
	s.after(0)
	for range 40 {
		s.after(10 * time.Minute)
	}
	if s.written != 7 {
		t.Errorf("%d backups were made in 400 minutes, want 7", s.written)
	}
	want := []string{"notes.txt", "punctual-20261128T070000Z.db", "punctual-20261128T080000Z.db", "punctual-20261128T090000Z.db",
		"punctual-before-the-upgrade.db"}
	if got := s.files(); !slices.Equal(got, want) {
		t.Errorf("the directory has %q, want %q", got, want)
	}
	if at := time.Unix(s.latest.Load(), 0); !at.Equal(s.clock.Truncate(time.Hour)) || s.size.Load() != int64(len("backup")) {
		t.Errorf("the latest backup is of %v and has %d bytes", at, s.size.Load())
	}
}

// TestBackupsAfterRestart has backups of a former process, and one that it did not complete.
func TestBackupsAfterRestart(t *testing.T) {
	s := newScheduled(t)
	s.put(backupName(s.clock.Add(-30 * time.Minute)))
	s.put(backupName(s.clock.Add(-5*time.Minute)) + partialSuffix)
	s.put(backupName(s.clock.Add(-5*time.Minute)) + partialSuffix + "-journal")
	s.put("copy.db.partial") // somebody else's
	if err := s.prepare(); err != nil {
		t.Fatal(err)
	}
	if got, want := s.files(), []string{"copy.db.partial", "punctual-20261128T023000Z.db"}; !slices.Equal(got, want) {
		t.Errorf("the directory has %q, want %q", got, want)
	}
	s.after(0)
	s.after(29 * time.Minute)
	if s.written != 0 {
		t.Error("a restart repeats the backup")
	}
	s.after(time.Minute)
	if s.written != 1 {
		t.Error("a restart delays the next backup")
	}
}

// TestBackupOfTheFuture has a backup that was made while the clock was wrong.
func TestBackupOfTheFuture(t *testing.T) {
	s := newScheduled(t)
	s.put(backupName(s.clock.AddDate(1, 0, 0)))
	for range 6 {
		s.after(10 * time.Minute)
	}
	if s.written != 1 {
		t.Errorf("%d backups were made within an hour, want 1", s.written)
	}
	if got := s.files(); len(got) != 2 {
		t.Errorf("the directory has %q", got)
	}
	for range 3 * 60 { // those of the future are the first to be removed
		s.after(time.Minute)
	}
	if got := s.files(); len(got) == 0 || slices.ContainsFunc(got, func(name string) bool {
		at, _ := backupTime(name)
		return at.After(s.clock)
	}) {
		t.Errorf("then the directory has %q", got)
	}
}

// TestBackupFails makes backups fail for a while: that is logged once, told to the operators, and costs no older backup.
func TestBackupFails(t *testing.T) {
	s := newScheduled(t)
	for range 3 {
		s.after(time.Hour)
	}
	before := s.files()
	s.fault = &os.PathError{Op: "write", Path: "/backups", Err: syscall.ENOSPC}
	for range 12 * 60 {
		s.after(10 * time.Second)
	}
	if got := s.files(); !slices.Equal(got, before) {
		t.Errorf("the directory has %q, and had %q", got, before)
	}
	if logged := strings.Count(s.log.String(), "level=ERROR"); logged != 1 || s.failures < 10 || s.failures > 24 {
		t.Errorf("%d failures were logged %d times:\n%s", s.failures, logged, s.log.String())
	}
	if len(s.told) == 0 || !strings.Contains(s.told[0], "its disk is full") {
		t.Errorf("the operators were told %q", s.told)
	}
	s.fault = nil
	s.after(backupRetry)
	if got := s.files(); len(got) != 3 || slices.Equal(got, before) {
		t.Errorf("then the directory has %q", got)
	}
	if !strings.Contains(s.log.String(), "succeed again") {
		t.Errorf("the log does not tell that backups succeed again:\n%s", s.log.String())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.clock = s.clock.Add(2 * time.Hour)
	s.fault = context.Canceled
	failures := s.failures
	if err := s.step(ctx); !errors.Is(err, context.Canceled) || s.failures != failures {
		t.Errorf("a stop counts as a failure: %v", err)
	}
}

// TestBackupOfStore makes a backup with the store, and one of a database whose copy is damaged on its way.
func TestBackupOfStore(t *testing.T) {
	o := storetest.Databases[0].New(t)
	db := storetest.Open(t, o)
	s := newScheduled(t)
	s.write = db.Backup
	s.after(0)
	names := s.files()
	if len(names) != 1 || s.failing {
		t.Fatalf("the directory has %q:\n%s", names, s.log.String())
	}
	restored := o
	restored.Dir, restored.NoMigrate = t.TempDir(), true
	if err := os.Rename(filepath.Join(s.dir, names[0]), filepath.Join(restored.Dir, store.FileName)); err != nil {
		t.Fatal(err)
	}
	if err := storetest.Open(t, restored).Ping(t.Context()); err != nil {
		t.Errorf("the backup: %v", err)
	}
}

// TestBackupDirectory has a directory that cannot be used, which the start of the service reports.
func TestBackupDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b := &backups{dir: file, logger: slog.New(slog.DiscardHandler)}
	if err := b.prepare(); err == nil || !strings.Contains(explain(err), "not a directory") {
		t.Errorf("a file as the directory: %v", err)
	}
}
