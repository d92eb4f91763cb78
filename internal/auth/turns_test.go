package auth

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"punctual/internal/cron"
)

// queueUp lets callers wait one after another, and returns in which order they had their turns.
func queueUp(t *testing.T, q *turns, from ...string) (served func() []string, refused func() []string) {
	t.Helper()
	var mu sync.Mutex
	var done, turned []string
	for _, addr := range from {
		go func() {
			err := q.take(context.Background(), netip.MustParseAddr(addr))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				done = append(done, addr)
				return
			}
			if cron.KindOf(err) != cron.TooMany {
				t.Errorf("%s: %v", addr, err)
			}
			turned = append(turned, addr)
		}()
		synctest.Wait()
	}
	read := func(list *[]string) func() []string {
		return func() []string {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(*list)
		}
	}
	return read(&done), read(&turned)
}

// TestTurnsAreFair floods the queue from one address: others wait one turn each, and find room.
func TestTurnsAreFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newTurns(1, 4)
		if err := q.take(t.Context(), netip.MustParseAddr("192.0.2.1")); err != nil {
			t.Fatal(err)
		}
		served, refused := queueUp(t, q, "192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.1", // the fifth finds no room
			"192.0.2.2", "2001:db8::1", // displace the flood's last two
			"2001:db8:0:ffff::2", // of the same /48, which has one waiting already: nobody has three
			"192.0.2.3",          // displaces the flood's last but one
			"192.0.2.4")          // no network has two waiting any more
		want := []string{"192.0.2.1", "192.0.2.1", "192.0.2.1", "2001:db8:0:ffff::2", "192.0.2.1", "192.0.2.4"}
		if got := refused(); !slices.Equal(got, want) {
			t.Errorf("refused: %v, want %v", got, want)
		}
		for range 4 {
			q.give()
			synctest.Wait()
		}
		if got, want := served(), []string{"192.0.2.1", "192.0.2.2", "2001:db8::1", "192.0.2.3"}; !slices.Equal(got, want) {
			t.Errorf("served: %v, want %v", got, want)
		}
		q.give()
		if q.free != 1 || q.room != 4 || len(q.waiting) != 0 || len(q.round) != 0 {
			t.Errorf("what is left: %+v", q)
		}
	})
}

func TestTurnsOfCallersWhoLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newTurns(1, 4)
		_ = q.take(t.Context(), netip.Addr{})
		gone := errors.New("gone")
		ctx, cancel := context.WithCancelCause(t.Context())
		left := make(chan error)
		go func() { left <- q.take(ctx, netip.MustParseAddr("192.0.2.1")) }()
		synctest.Wait()
		served, _ := queueUp(t, q, "192.0.2.1", "192.0.2.2")
		cancel(gone)
		if err := <-left; !errors.Is(err, gone) {
			t.Errorf("left with %v", err)
		}
		q.give()
		synctest.Wait()
		q.give()
		synctest.Wait()
		q.give()
		if got := served(); !slices.Equal(got, []string{"192.0.2.1", "192.0.2.2"}) || q.free != 1 || q.room != 4 {
			t.Errorf("served %v, %d free, room for %d", got, q.free, q.room)
		}
	})
}

// TestTurnsUnderRace lets many callers come and leave at the same time; every turn must come back.
func TestTurnsUnderRace(t *testing.T) {
	q := newTurns(2, 8)
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			from := netip.AddrFrom4([4]byte{192, 0, 2, byte(i % 5)})
			for n := range 50 {
				ctx, cancel := context.WithCancel(t.Context())
				if n%3 == 0 {
					go cancel()
				}
				if q.take(ctx, from) == nil {
					q.give()
				}
				cancel()
			}
		})
	}
	wg.Wait()
	if q.free != 2 || q.room != 8 || len(q.waiting) != 0 || len(q.round) != 0 {
		t.Errorf("what is left: %+v", q)
	}
}
