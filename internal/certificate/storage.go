package certificate

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
)

// A lock has a lease that is renewed every lockRenew. A node that waits for a lock tries every lockPoll.
const (
	lockLease = 30 * time.Second
	lockRenew = lockLease / 3
	lockPoll  = time.Second
)

var (
	errClosed  = errors.New("the service stops")
	errNotHeld = errors.New("the lock is not held")
)

// Store keeps files and locks for all nodes. The paths of files have slashes, and a path is a file or a directory.
type Store interface {
	ACMEFile(ctx context.Context, path string) (value []byte, modified time.Time, found bool, err error)
	SaveACMEFile(ctx context.Context, path string, value []byte) error
	DeleteACMEFile(ctx context.Context, path string) error
	ACMEFiles(ctx context.Context, directory string) (paths []string, err error)
	LockACME(ctx context.Context, name, owner string, lease time.Duration) (locked bool, err error)
	UnlockACME(ctx context.Context, name, owner string) error
}

// storage adapts a Store to the library. After close, nothing reaches the Store.
type storage struct {
	store      Store
	challenges chan struct{} // admits one lookup of a challenge at a time, because strangers can cause lookups

	life    context.Context // ends with close
	end     context.CancelFunc
	running sync.WaitGroup // calls, and renewals of leases

	mu     sync.Mutex
	closed bool
	held   map[string]*held // by name
}

// held is a lock that this node holds. Each has its own owner, so that it also excludes other users on the same node.
type held struct {
	owner   string
	release context.CancelFunc // ends the renewals
	renewed chan struct{}      // closed once they have ended
}

var (
	_ certmagic.Storage   = (*storage)(nil)
	_ certmagic.TryLocker = (*storage)(nil)
)

func newStorage(s Store) *storage {
	life, end := context.WithCancel(context.Background())
	return &storage{store: s, challenges: make(chan struct{}, 1), life: life, end: end, held: make(map[string]*held)}
}

// String keeps what the storage holds out of the log.
func (*storage) String() string { return "database" }

// begin opens a call; done ends it. Its context ends with the storage too.
func (s *storage) begin(ctx context.Context) (_ context.Context, done func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, errClosed
	}
	s.running.Add(1)
	ctx, cancel := context.WithCancel(ctx)
	unlink := context.AfterFunc(s.life, cancel)
	return ctx, func() {
		unlink()
		cancel()
		s.running.Done()
	}, nil
}

// close ends all calls and releases all locks.
func (s *storage) close() (err error) {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.end()
	s.running.Wait()
	for name, h := range s.held { // no other goroutine is left
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		err = errors.Join(err, s.store.UnlockACME(ctx, name, h.owner))
		cancel()
	}
	return err
}

// Store implements certmagic.Storage.
func (s *storage) Store(ctx context.Context, key string, value []byte) error {
	ctx, done, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	return s.store.SaveACMEFile(ctx, key, value)
}

// Load implements certmagic.Storage.
func (s *storage) Load(ctx context.Context, key string) ([]byte, error) {
	ctx, done, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if strings.Contains(key, "/challenge_tokens/") {
		select {
		case s.challenges <- struct{}{}:
			defer func() { <-s.challenges }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	value, _, found, err := s.store.ACMEFile(ctx, key)
	if err == nil && !found {
		err = fs.ErrNotExist
	}
	return value, err
}

// Delete implements certmagic.Storage.
func (s *storage) Delete(ctx context.Context, key string) error {
	ctx, done, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	return s.store.DeleteACMEFile(ctx, key)
}

// Exists implements certmagic.Storage.
func (s *storage) Exists(ctx context.Context, key string) bool {
	_, err := s.Stat(ctx, key)
	return err == nil
}

// List implements certmagic.Storage: all files below a directory, or what is directly in it.
func (s *storage) List(ctx context.Context, directory string, recursive bool) ([]string, error) {
	ctx, done, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	paths, err := s.store.ACMEFiles(ctx, directory)
	if err == nil && len(paths) == 0 {
		err = fs.ErrNotExist
	}
	if err != nil || recursive {
		return paths, err
	}
	var (
		children []string
		known    = make(map[string]bool)
	)
	for _, p := range paths {
		name, _, _ := strings.Cut(strings.TrimPrefix(p, directory+"/"), "/")
		if child := directory + "/" + name; !known[child] {
			known[child] = true
			children = append(children, child)
		}
	}
	return children, nil
}

// Stat implements certmagic.Storage.
func (s *storage) Stat(ctx context.Context, key string) (certmagic.KeyInfo, error) {
	ctx, done, err := s.begin(ctx)
	if err != nil {
		return certmagic.KeyInfo{}, err
	}
	defer done()
	value, modified, found, err := s.store.ACMEFile(ctx, key)
	if err != nil {
		return certmagic.KeyInfo{}, err
	}
	if found {
		return certmagic.KeyInfo{Key: key, Modified: modified, Size: int64(len(value)), IsTerminal: true}, nil
	}
	below, err := s.store.ACMEFiles(ctx, key)
	if err == nil && len(below) == 0 {
		err = fs.ErrNotExist
	}
	return certmagic.KeyInfo{Key: key}, err
}

// Lock implements certmagic.Locker.
func (s *storage) Lock(ctx context.Context, name string) error {
	ctx, done, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	for {
		locked, err := s.tryLock(ctx, name)
		if err != nil || locked {
			return err
		}
		if !sleep(ctx, lockPoll) {
			return fmt.Errorf("wait for a lock: %w", ctx.Err())
		}
	}
}

// TryLock implements certmagic.TryLocker.
func (s *storage) TryLock(ctx context.Context, name string) (bool, error) {
	ctx, done, err := s.begin(ctx)
	if err != nil {
		return false, err
	}
	defer done()
	return s.tryLock(ctx, name)
}

func (s *storage) tryLock(ctx context.Context, name string) (bool, error) {
	owner := rand.Text()
	locked, err := s.store.LockACME(ctx, name, owner, lockLease)
	if err != nil || !locked {
		return false, err
	}
	held := &held{owner: owner, renewed: make(chan struct{})}
	var renewing context.Context
	renewing, held.release = context.WithCancel(s.life)
	s.running.Go(func() {
		defer close(held.renewed)
		for sleep(renewing, lockRenew) {
			// After an error the next renewal may still be in time. A lost lock is not taken back.
			if ours, err := s.store.LockACME(renewing, name, owner, lockLease); err == nil && !ours {
				return
			}
		}
	})
	s.mu.Lock()
	s.held[name] = held
	s.mu.Unlock()
	return true, nil
}

// Unlock implements certmagic.Locker.
func (s *storage) Unlock(ctx context.Context, name string) error {
	ctx, done, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	s.mu.Lock()
	h, ok := s.held[name]
	delete(s.held, name)
	s.mu.Unlock()
	if !ok {
		return errNotHeld
	}
	h.release()
	<-h.renewed // a renewal under way would take the lock again
	return s.store.UnlockACME(ctx, name, h.owner)
}
