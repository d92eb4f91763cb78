package app

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"punctual/internal/config"
	"punctual/internal/message"
	"punctual/internal/store"
)

// keySource is where the keys of the secrets come from: the configuration, or a file in the data directory. The newest key
// is the last one.
type keySource struct {
	text string // the keys in the configuration; empty for the file
	path string // of the file
	name string // for people
}

// findKeys returns the keys that a process uses. The file is created for a new database if mayCreate.
func findKeys(c config.Config, mayCreate bool) (keySource, error) {
	if c.Key != "" {
		return keySource{text: c.Key, name: "PUNCTUAL_SECRET_KEY"}, nil
	}
	path := filepath.Join(c.Data, keyName)
	k := keySource{path: path, name: path}
	_, err := os.Stat(path)
	switch {
	case err == nil:
		return k, nil
	case !errors.Is(err, fs.ErrNotExist):
		return k, fmt.Errorf("read the key of the secrets: %w", err)
	case !mayCreate:
		return k, fmt.Errorf("%w in %s", store.ErrNoDatabase, c.Data)
	}
	if _, err := os.Stat(filepath.Join(c.Data, store.FileName)); err == nil {
		return k, errors.New(message.Default().KeyMissing(path))
	}
	return k, k.create()
}

// read reads the keys.
func (k keySource) read() ([][32]byte, error) {
	if k.path == "" {
		return decodeKeys(k.text, k.name)
	}
	text, err := os.ReadFile(k.path)
	if err != nil {
		return nil, fmt.Errorf("read the key of the secrets: %w", err)
	}
	return decodeKeys(string(text), k.name)
}

// create makes the file with a new key.
func (k keySource) create() error { return k.createWith(newKey()) }

// createWith makes the file with a key.
func (k keySource) createWith(key [32]byte) error {
	f, err := os.OpenFile(k.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("make the key of the secrets: %w", err)
	}
	_, err = f.WriteString(encodeKeys(key))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil { // durable before the key is used
		return fmt.Errorf("write the key of the secrets: %w", err)
	}
	return nil
}

// newKey makes a key.
func newKey() (key [32]byte) {
	_, _ = rand.Read(key[:]) // never fails
	return key
}

// decodeKeys reads keys in base64, separated by white space or commas.
func decodeKeys(text, source string) (keys [][32]byte, err error) {
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n,", r) }) {
		b, err := base64.StdEncoding.DecodeString(word)
		if err != nil || len(b) != len([32]byte{}) {
			return nil, errors.New(message.Default().BadKey(source))
		}
		if key := [32]byte(b); !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New(message.Default().BadKey(source))
	}
	return keys, nil
}

// encodeKeys is the text of a file with keys.
func encodeKeys(keys ...[32]byte) string {
	var text strings.Builder
	for _, key := range keys {
		text.WriteString(base64.StdEncoding.EncodeToString(key[:]) + "\n")
	}
	return text.String()
}
