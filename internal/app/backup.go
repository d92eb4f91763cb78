package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/store"
)

// Scheduled backups of the SQLite database are files of one directory, whose names say when each was begun and so sort by time:
//
//	punctual-20261128T030000Z.db           a backup: complete and checked
//	punctual-20261129T030000Z.db.partial   one that is being written, or was when the process ended
//
// A backup gets its name when it is complete and was checked (store.Backup), and only then the oldest ones are removed. The files alone
// say when the next backup is due, so a restart neither repeats nor delays one.
const (
	backupPrefix  = "punctual-"
	backupFormat  = "20060102T150405Z"
	backupSuffix  = ".db"
	partialSuffix = ".partial"

	backupLooks = 10 * time.Second // between two looks whether a backup is due
	backupRetry = 5 * time.Minute  // after a failure
	backupTold  = 24 * time.Hour   // is told again after
)

// backups makes scheduled backups.
type backups struct {
	dir    string
	every  time.Duration
	keep   int
	write  func(ctx context.Context, path string) error
	tell   func(ctx context.Context, n *cron.Notice, every time.Duration) error
	now    func() time.Time
	logger *slog.Logger

	failing bool      // the latest try failed
	retryAt time.Time // no earlier

	latest, size atomic.Int64 // the Unix time of the latest backup, and its bytes; 0 without one
	failed       func()       // counts a failure
}

// prepare makes the directory, and removes what an interrupted backup has left.
func (b *backups) prepare() error {
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return fmt.Errorf("make the directory of the backups: %w", err)
	}
	entries, err := os.ReadDir(b.dir)
	if err != nil {
		return fmt.Errorf("list the backups: %w", err)
	}
	for _, e := range entries {
		name, _, partial := strings.Cut(e.Name(), partialSuffix) // SQLite adds a suffix of its own to a journal
		if _, ours := backupTime(name); !partial || !ours {
			continue
		}
		if err := os.Remove(filepath.Join(b.dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove an interrupted backup: %w", err)
		}
		b.logger.Warn("a backup that was interrupted was removed", slog.String("file", e.Name()))
	}
	_, err = b.list(b.now())
	return err
}

// backupTime is when a backup was begun, by the name of its file.
func backupTime(name string) (at time.Time, ok bool) {
	stamp, ok := strings.CutPrefix(name, backupPrefix)
	if !ok {
		return at, false
	}
	if stamp, ok = strings.CutSuffix(stamp, backupSuffix); !ok {
		return at, false
	}
	at, err := time.Parse(backupFormat, stamp)
	return at, err == nil
}

// backupName is the inverse of backupTime.
func backupName(at time.Time) string {
	return backupPrefix + at.UTC().Format(backupFormat) + backupSuffix
}

// list lists the names of the backups, the oldest one first, and notes the latest one for the metrics. Those from the future, which a
// wrong clock has made, come before all others: they say nothing about when a backup is due, and are the first to be removed.
func (b *backups) list(now time.Time) (names []string, err error) {
	entries, err := os.ReadDir(b.dir)
	if err != nil {
		return nil, fmt.Errorf("list the backups: %w", err)
	}
	for _, e := range entries {
		if _, ok := backupTime(e.Name()); ok && e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	future := func(name string) bool {
		at, _ := backupTime(name)
		return at.After(now)
	}
	slices.SortFunc(names, func(x, y string) int {
		switch fx := future(x); {
		case fx == future(y):
			return strings.Compare(x, y)
		case fx:
			return -1
		}
		return 1
	})
	var latest, size int64
	if len(names) > 0 && !future(names[len(names)-1]) {
		last := names[len(names)-1]
		at, _ := backupTime(last)
		if info, err := os.Stat(filepath.Join(b.dir, last)); err == nil {
			latest, size = at.Unix(), info.Size()
		}
	}
	b.latest.Store(latest)
	b.size.Store(size)
	return names, nil
}

// step makes a backup if one is due. A failure is logged when it is the first one, and told to the operators.
func (b *backups) step(ctx context.Context) error {
	now := b.now()
	if now.Before(b.retryAt) {
		return nil
	}
	err := b.backUp(ctx, now)
	switch {
	case ctx.Err() != nil:
		return err // the node stops
	case err == nil:
		b.failing, b.retryAt = false, time.Time{}
		return nil
	}
	b.retryAt = now.Add(min(b.every, backupRetry))
	b.failed()
	if !b.failing {
		message.LogDatabase(b.logger, "a scheduled backup failed; it is tried again", err, slog.String("dir", b.dir))
	}
	b.failing = true
	return b.tell(ctx, &cron.Notice{Kind: cron.NoticeBackup, Detail: explain(err)}, backupTold)
}

// backUp makes a backup if one is due, and then removes the oldest ones.
func (b *backups) backUp(ctx context.Context, now time.Time) error {
	names, err := b.list(now)
	if err != nil {
		return err
	}
	if !b.due(names, now) {
		return nil
	}
	name := backupName(now)
	if err := b.write(ctx, filepath.Join(b.dir, name)); err != nil {
		return err
	}
	if names, err = b.list(now); err != nil {
		return err
	}
	b.logger.Info("the database was backed up", slog.String("file", filepath.Join(b.dir, name)), slog.Int64("bytes", b.size.Load()),
		slog.Duration("took", b.now().Sub(now)))
	if b.failing {
		b.logger.Info("scheduled backups succeed again")
	}
	for _, old := range names[:max(0, len(names)-b.keep)] {
		if err := os.Remove(filepath.Join(b.dir, old)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove an old backup: %w", err)
		}
	}
	return nil
}

// due tells whether it is time for a backup. Those from the future, which a wrong clock has made, do not count.
func (b *backups) due(names []string, now time.Time) bool {
	for _, name := range slices.Backward(names) {
		if at, _ := backupTime(name); !at.After(now) {
			return now.Sub(at) >= b.every
		}
	}
	return true
}

// backingUp makes scheduled backups, with --backup-dir.
func (n *node) backingUp() worker {
	if n.backups == nil {
		return worker{}
	}
	return worker{
		name: "backups", first: backupLooks, period: backupLooks, pause: time.Second, yields: true,
		step:    func(ctx context.Context) (more bool, err error) { return false, n.backups.step(ctx) },
		failure: "the operators could not be told of a failed backup; trying again",
	}
}

// prepareBackups refuses a directory that cannot be used when the node starts, rather than at night.
func (n *node) prepareBackups(context.Context) (stop func() error, err error) {
	o := n.config.Serve
	failures := n.metrics.BackupFailures
	if o.BackupDir != "" {
		n.backups = &backups{
			dir: o.BackupDir, every: o.BackupEvery, keep: o.BackupKeep, write: n.db.Backup, tell: n.db.TellOperators, now: time.Now,
			logger: n.logger, failed: failures.Inc,
		}
		if err := n.backups.prepare(); err != nil {
			return nil, err
		}
	}
	gauge := func(read func(b *backups) int64) func() float64 {
		return func() float64 {
			if n.backups == nil {
				return 0
			}
			return float64(read(n.backups))
		}
	}
	n.metrics.Gauge("backup_last_success_timestamp_seconds", "When the latest scheduled backup was begun, as Unix time; 0 without one.",
		gauge(func(b *backups) int64 { return b.latest.Load() }))
	n.metrics.Gauge("backup_size_bytes", "Size of the latest scheduled backup; 0 without one.",
		gauge(func(b *backups) int64 { return b.size.Load() }))
	n.metrics.Gauge("backup_disk_free_bytes", "Free bytes on the disk of the scheduled backups; 0 without them.", func() float64 {
		if n.backups == nil {
			return 0
		}
		free, _, _ := diskSpace(o.BackupDir)
		return float64(free)
	})
	n.metrics.Gauge("disk_free_bytes", "Free bytes on the disk of the SQLite database; 0 with PostgreSQL.", func() float64 {
		if n.config.Database != "" {
			return 0
		}
		free, _, _ := diskSpace(n.config.Data)
		return float64(free)
	})
	return nil, nil
}

// disks are the disks of the SQLite database and its backups. On the disk of the database, its log may double, since it grows while a
// backup is read. A backup takes what the latest one took, or else what the database does.
func (n *node) disks() []*disk {
	if n.config.Database != "" {
		return nil
	}
	path := filepath.Join(n.config.Data, store.FileName)
	log := func() int64 { return 2 * fileSize(path+"-wal") }
	if n.backups == nil {
		return []*disk{{dir: n.config.Data, space: spaceOf(n.config.Data), needs: log}}
	}
	backup := func() int64 {
		if size := n.backups.size.Load(); size > 0 {
			return size
		}
		return fileSize(path)
	}
	if sameDisk(n.config.Data, n.backups.dir) {
		return []*disk{{dir: n.config.Data, space: spaceOf(n.config.Data), needs: func() int64 { return log() + backup() }}}
	}
	return []*disk{
		{dir: n.config.Data, space: spaceOf(n.config.Data), needs: log},
		{dir: n.backups.dir, space: spaceOf(n.backups.dir), needs: backup},
	}
}

func spaceOf(dir string) func() (free, total int64, ok bool) {
	return func() (free, total int64, ok bool) { return diskSpace(dir) }
}

// fileSize is the size of a file; 0 when there is none.
func fileSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}
