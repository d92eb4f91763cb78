package certificate

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// leases are the locks of a Store, in memory and by the clock of synctest.
type leases struct {
	Store
	mu      sync.Mutex
	owner   string
	until   time.Time
	renewed int
	failing bool // of renewals
}

func (l *leases) LockACME(_ context.Context, _, owner string, lease time.Duration) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.failing && l.owner == owner:
		return false, errors.New("the database is away")
	case l.owner != "" && l.owner != owner && time.Now().Before(l.until):
		return false, nil
	case l.owner == owner:
		l.renewed++
	}
	l.owner, l.until = owner, time.Now().Add(lease)
	return true, nil
}

func (l *leases) UnlockACME(_ context.Context, _, owner string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.owner == owner {
		l.owner = ""
	}
	return nil
}

func (l *leases) set(failing bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failing = failing
}

// TestLeasesAreRenewed holds a lock for an hour, in which one renewal fails, while another node waits for it. The other node gets it when it is released, and no earlier.
func TestLeasesAreRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := new(leases)
		a, b := newStorage(db), newStorage(db)
		if err := a.Lock(t.Context(), "order"); err != nil {
			t.Fatal(err)
		}
		got := make(chan time.Time, 1)
		go func() {
			if err := b.Lock(t.Context(), "order"); err != nil {
				t.Error(err)
			}
			got <- time.Now()
		}()
		if ok, err := a.TryLock(t.Context(), "order"); ok || err != nil {
			t.Errorf("a lock is taken twice on one node: %v, %v", ok, err)
		}
		time.Sleep(30*time.Minute - lockRenew/2)
		db.set(true)
		time.Sleep(lockRenew)
		db.set(false)
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		if db.renewed < int(time.Hour/lockRenew)-2 || len(got) > 0 {
			t.Errorf("the lease was renewed %d times, and the other node has the lock: %v", db.renewed, len(got) > 0)
		}
		released := time.Now()
		if err := a.Unlock(t.Context(), "order"); err != nil {
			t.Fatal(err)
		}
		if at := <-got; at.Before(released) || at.Sub(released) > lockPoll {
			t.Errorf("the other node got the lock %s after its release", at.Sub(released))
		}
		if err := errors.Join(a.close(), b.close()); err != nil || db.owner != "" {
			t.Errorf("closed with %v, and %q has the lock", err, db.owner)
		}
		if err := b.Store(t.Context(), "file", nil); !errors.Is(err, errClosed) {
			t.Errorf("a closed storage writes: %v", err)
		}
	})
}

// TestCloseEndsWaits closes a storage while it waits for a lock of another node.
func TestCloseEndsWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := &leases{owner: "other", until: time.Now().Add(time.Hour)}
		s := newStorage(db)
		ended := make(chan error)
		go func() { ended <- s.Lock(t.Context(), "order") }()
		synctest.Wait()
		if err := s.close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the wait ends with %v", err)
		}
		if db.owner != "other" {
			t.Error("the lock of the other node was taken")
		}
	})
}
