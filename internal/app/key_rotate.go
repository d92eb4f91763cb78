package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gofrs/flock"

	"punctual/internal/message"
	"punctual/internal/store"
)

const (
	// keyWait is how long a rotation waits until the nodes have read the new key: they look every 2 s, and a node that died
	// counts for 10 s.
	keyWait = 15 * time.Second
	keyPoll = 200 * time.Millisecond
)

// rotateKey encrypts all secrets with the newest key, which it makes when the one in use is the newest. store/rotate.go
// describes the steps. Each of them can be repeated, so the command continues what was interrupted.
func rotateKey(ctx context.Context, in *invocation) error {
	unlock, err := in.keys.lock()
	if err != nil {
		return err
	}
	defer unlock()
	target, err := in.newestKey(ctx)
	if err != nil {
		return err
	}
	if err := in.useKey(ctx, target); err != nil {
		return err
	}
	done, err := in.store.Reseal(ctx)
	if err != nil {
		return err
	}
	current, err := in.store.CurrentKey(ctx)
	if err != nil {
		return err
	}
	if current != target {
		return errors.New(message.Default().OtherRotation())
	}
	kept, err := in.keys.retire(target)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(in.stdout, message.Default().KeyRotated(done.Values, done.Unopened, kept))
	return err
}

// newestKey is the key to rotate to. It is made when it is the one in use, unless another one is still to be retired: then
// a rotation was interrupted after it had begun to use the newest key.
func (in *invocation) newestKey(ctx context.Context) (store.KeyID, error) {
	keys, err := in.keys.read()
	if err != nil {
		return store.KeyID{}, err
	}
	current, err := in.store.CurrentKey(ctx)
	if err != nil {
		return store.KeyID{}, err
	}
	newest := store.IDOf(keys[len(keys)-1])
	if newest != current || len(keys) > 1 {
		return newest, nil
	}
	if in.keys.path == "" {
		return store.KeyID{}, errors.New(message.Default().NoSecondKey())
	}
	key := newKey()
	for store.IDOf(key) == current {
		key = newKey()
	}
	if err := replaceFile(in.keys.path, encodeKeys(append(keys, key)...)); err != nil {
		return store.KeyID{}, err
	}
	return store.IDOf(key), in.store.RefreshKeys(ctx)
}

// useKey makes the nodes use a key, once all of them have it.
func (in *invocation) useKey(ctx context.Context, id store.KeyID) error {
	for deadline := time.Now().Add(keyWait); time.Now().Before(deadline); {
		missing, err := in.store.NodesWithout(ctx, id)
		if err != nil {
			return err
		}
		if len(missing) == 0 || in.aloneOnSQLite() {
			break
		}
		if !sleep(ctx, keyPoll) {
			return ctx.Err()
		}
	}
	err := in.service.UseKey(ctx, operator(), id, false)
	var lacking *store.NodesError
	if !errors.As(err, &lacking) {
		return err
	}
	if in.config.Database == "" {
		// A service that was killed left its row. The lock proves it, and keeps another one from starting meanwhile.
		if unlock, err := lockData(in.config.Data); err == nil {
			return errors.Join(in.service.UseKey(ctx, operator(), id, true), unlock())
		}
	}
	return errors.New(message.Default().NodesLackKey(in.keys.name, lacking.Nodes))
}

// aloneOnSQLite tells that no service has the data directory.
func (in *invocation) aloneOnSQLite() bool {
	if in.config.Database != "" {
		return false
	}
	unlock, err := lockData(in.config.Data)
	return err == nil && unlock() == nil
}

// lock keeps other rotations from changing the file of the keys.
func (k keySource) lock() (unlock func(), err error) {
	if k.path == "" {
		return func() {}, nil
	}
	lock := flock.New(filepath.Join(filepath.Dir(k.path), keyLockName), flock.SetPermissions(0o600))
	taken, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the key of the secrets: %w", err)
	}
	if !taken {
		return nil, errors.New(message.Default().OtherRotation())
	}
	return func() { _ = lock.Unlock() }, nil
}

// retire moves all keys but one from the file to another one beside it, for backups. kept is its path; empty when the keys
// are in the configuration.
func (k keySource) retire(id store.KeyID) (kept string, err error) {
	if k.path == "" {
		return "", nil
	}
	keys, err := k.read()
	if err != nil {
		return "", err
	}
	kept = filepath.Join(filepath.Dir(k.path), oldKeysName)
	old := keySource{path: kept, name: kept}
	retired, err := old.read()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	var left [][32]byte
	for _, key := range keys {
		if store.IDOf(key) == id {
			left = append(left, key)
		} else if !slices.Contains(retired, key) {
			retired = append(retired, key)
		}
	}
	if len(left) == 0 {
		return "", errors.New(message.Default().OtherRotation())
	}
	if len(left) == len(keys) {
		return kept, nil
	}
	if err := replaceFile(kept, encodeKeys(retired...)); err != nil {
		return "", err
	}
	return kept, replaceFile(k.path, encodeKeys(left...))
}

// replaceFile replaces a file of keys, or creates it. Whatever happens, the file has the former text or the new one, and a
// file that was there keeps its owner and mode.
func replaceFile(path, text string) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	before, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write the key of the secrets: %w", err)
	}
	if before == nil { // beside the file of the keys, whose owner it gets
		if before, err = os.Stat(filepath.Join(filepath.Dir(path), keyName)); err != nil {
			return fmt.Errorf("write the key of the secrets: %w", err)
		}
	}
	partial := path + ".new"
	if err := os.Remove(partial); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write the key of the secrets: %w", err)
	}
	f, err := os.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write the key of the secrets: %w", err)
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, giveTo(f, before), f.Chmod(before.Mode().Perm()), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(partial, path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("write the key of the secrets: %w", err)
	}
	return nil
}

// syncDir makes a new name in a directory durable, where the operating system supports that.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	_ = d.Sync()
	return d.Close()
}
