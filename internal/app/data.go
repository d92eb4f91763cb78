package app

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"

	"github.com/gofrs/flock"
)

// Files in the data directory beside the database.
const (
	lockName    = "punctual.lock"
	keyName     = "secret.key"
	oldKeysName = "secret.key.old"
	keyLockName = "secret.key.lock"
)

var errLocked = errors.New("another service holds the data directory")

// lockData creates the data directory and locks it. The lock ends with the process at the latest.
func lockData(dir string) (unlock func() error, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	lock := flock.New(filepath.Join(dir, lockName), flock.SetPermissions(0o600))
	taken, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	if !taken {
		return nil, fmt.Errorf("%w: %s", errLocked, dir)
	}
	return lock.Unlock, nil
}

// warnOfReaders logs a warning if others than the owner can read the data directory or the key.
func warnOfReaders(dir string, logger *slog.Logger) {
	if runtime.GOOS == "windows" {
		return // on Windows these bits say nothing
	}
	for _, f := range []struct{ path, text, remedy string }{
		{dir, "other users may read the data directory", "chmod 700"},
		{filepath.Join(dir, keyName), "other users may read the key of the secrets", "chmod 600"},
	} {
		if info, err := os.Stat(f.path); err == nil && info.Mode().Perm()&0o077 != 0 {
			logger.Warn(f.text, slog.String("path", f.path), slog.String("mode", info.Mode().Perm().String()),
				slog.String("remedy", f.remedy+" "+f.path))
		}
	}
}
