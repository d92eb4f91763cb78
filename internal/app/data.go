package app

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/gofrs/flock"

	"punctual/internal/config"
	"punctual/internal/message"
	"punctual/internal/store"
)

// Files in the data directory beside the database.
const (
	lockName = "punctual.lock"
	keyName  = "secret.key"
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

// loadKey returns the key that seals secrets, from the configuration or from its file, which is created if mayCreate.
func loadKey(c config.Config, mayCreate bool) (key [32]byte, err error) {
	if c.Key != "" {
		return decodeKey(c.Key, "PUNCTUAL_SECRET_KEY")
	}
	path := filepath.Join(c.Data, keyName)
	text, err := os.ReadFile(path)
	switch {
	case err == nil:
		return decodeKey(string(text), path)
	case !errors.Is(err, fs.ErrNotExist):
		return key, fmt.Errorf("read the key of the secrets: %w", err)
	case !mayCreate:
		return key, fmt.Errorf("%w in %s", store.ErrNoDatabase, c.Data)
	}
	if _, err := os.Stat(filepath.Join(c.Data, store.FileName)); err == nil {
		return key, errors.New(message.Default().KeyMissing(path))
	}
	_, _ = rand.Read(key[:]) // never fails
	return key, writeKey(path, base64.StdEncoding.EncodeToString(key[:])+"\n")
}

// writeKey makes the key file durable before the key is used.
func writeKey(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("make the key of the secrets: %w", err)
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write the key of the secrets: %w", err)
	}
	return nil
}

func decodeKey(text, source string) (key [32]byte, err error) {
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != len(key) {
		return key, errors.New(message.Default().BadKey(source))
	}
	copy(key[:], b)
	return key, nil
}
