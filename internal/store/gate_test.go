package store

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
)

// TestFairQueue has one account with many items and others with few, which are served in between.
func TestFairQueue(t *testing.T) {
	var f fairQueue[string]
	for _, item := range []string{"a1", "a2", "a3", "a4"} {
		f.push(1, item)
	}
	f.push(2, "b1")
	f.push(3, "c1")
	f.push(3, "c2")
	if !f.remove(1, "a2") || f.remove(1, "a2") || f.remove(4, "d") {
		t.Error("an item is taken back once, and one that does not wait never")
	}
	account, item, _ := f.pop(anyAccount)
	f.unpop(account, item)
	var order []string
	for {
		_, item, ok := f.pop(anyAccount)
		if !ok {
			break
		}
		order = append(order, item)
	}
	if want := []string{"a1", "b1", "c1", "a3", "c2", "a4"}; !slices.Equal(order, want) {
		t.Errorf("the order is %v, want %v", order, want)
	}
	if !f.empty() || len(f.waiting) != 0 {
		t.Error("something is left")
	}
}

// TestWriterIsFair has an account with as many calls as may wait, then one call of another, a claim and results.
func TestWriterIsFair(t *testing.T) {
	w, _ := openWriter(t)
	release := busy(t, w)
	calls := named{w: w}
	for range maxWaiting {
		calls.begin(t, ofAccount(1), "many")
	}
	if err := w.do(t.Context(), ofAccount(1), insert(0)); cron.KindOf(err) != cron.TooMany {
		t.Errorf("one call too many: %v", err)
	}
	calls.begin(t, results, "results")
	calls.begin(t, ofAccount(2), "other")
	calls.begin(t, claims, "claim")
	release()
	order := calls.wait(t)
	for name, most := range map[string]int{"claim": 0, "other": 2, "results": 2 * (maxGroupCalls + 1)} {
		if at := slices.Index(order, name); at < 0 || at > most {
			t.Errorf("%s is number %d, want %d at most", name, at, most)
		}
	}
}

// TestStrangersTakeTurns has strangers of three networks with as many sign-ins as may wait, whose turns are negative numbers, and
// then a call of an account, one of a person and a claim, which wait for a few of them only.
func TestStrangersTakeTurns(t *testing.T) {
	w, _ := openWriter(t)
	release := busy(t, w)
	calls := named{w: w}
	for range maxWaiting {
		for network := range int64(3) {
			calls.begin(t, ofAccount(-1<<40-network), "sign-in")
		}
	}
	calls.begin(t, ofAccount(1), "account")
	calls.begin(t, ofPerson(1), "person")
	calls.begin(t, claims, "claim")
	release()
	order := calls.wait(t)
	for name, most := range map[string]int{"claim": 0, "account": 4, "person": 5} {
		if at := slices.Index(order, name); at < 0 || at > most {
			t.Errorf("%s is number %d of %d, want %d at most", name, at, len(order), most)
		}
	}
}

// TestWriterBoundsATurn has calls that take long: those that wait with them are not held up, and keep their order.
func TestWriterBoundsATurn(t *testing.T) {
	w, _ := openWriter(t)
	var (
		now   time.Time
		order []int
		done  []<-chan error
	)
	w.now = func() time.Time { return now }
	release := busy(t, w)
	for n := range 3 {
		done = append(done, begin(t.Context(), w, ofAccount(int64(n)), func(context.Context, queryer) error {
			order = append(order, n)
			now = now.Add(2 * groupTime)
			if n == 0 { // comes in the middle of the group, and goes ahead of the rest of it
				done = append(done, begin(t.Context(), w, claims, func(context.Context, queryer) error {
					order = append(order, 9)
					return nil
				}))
			}
			return nil
		}))
	}
	first := done[0]
	release()
	if err := <-first; err != nil { // it has added to done
		t.Error(err)
	}
	for _, d := range done[1:] {
		if err := <-d; err != nil {
			t.Error(err)
		}
	}
	if want := []int{0, 9, 1, 2}; !slices.Equal(order, want) {
		t.Errorf("the order is %v, want %v", order, want)
	}
}

// TestGate has an account that uses up its share and waits for more.
func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(8)
		entered := make(chan int64, 2*maxWaiting)
		enter := func(ctx context.Context, account int64) {
			go func() {
				if err := g.enter(ctx, account); err == nil {
					entered <- account
				} else if !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			}()
			synctest.Wait()
		}
		cancelled, cancel := context.WithCancel(t.Context())
		for range 2 {
			enter(t.Context(), 1)
		}
		enter(cancelled, 1)
		for range maxWaiting - 1 {
			enter(t.Context(), 1)
		}
		if err := g.enter(t.Context(), 1); cron.KindOf(err) != cron.TooMany {
			t.Errorf("one call too many: %v", err)
		}
		enter(t.Context(), 2)
		if len(entered) != 3 {
			t.Errorf("%d calls have entered, want the share of the one account and the call of the other", len(entered))
		}
		cancel()
		synctest.Wait()
		for range maxWaiting + 1 {
			g.leave(1)
			synctest.Wait()
		}
		g.leave(2)
		if g.free != 8 || len(g.taken) != 0 || !g.waiting.empty() || len(entered) != maxWaiting+2 {
			t.Errorf("%d connections are free, %d accounts have some, and %d calls have entered", g.free, len(g.taken), len(entered))
		}
		for range 4 { // no call leaves
			for range 2 {
				enter(t.Context(), int64(len(entered)))
			}
		}
		var late error
		for range 8 {
			late = g.enter(t.Context(), 1000)
		}
		if cron.KindOf(late) != cron.Unavailable {
			t.Errorf("a call that nobody makes room for: %v", late)
		}
	})
}

// TestShareConnections divides few connections and many.
func TestShareConnections(t *testing.T) {
	for limit, want := range map[int][classLease + 1]int{
		1: {classLease: 1, classUpkeep: 1, classClaim: 1, classAccount: 1}, 10: {classLease: 1, classUpkeep: 1, classClaim: 1, classAccount: 1},
		20:  {classLease: 1, classUpkeep: 1, classClaim: 2, classAccount: 5},
		32:  {classLease: 1, classUpkeep: 2, classClaim: 4, classAccount: 8},
		997: {classLease: 1, classUpkeep: 2, classClaim: 4, classAccount: 8},
	} {
		if got := shareConnections(limit); got != want {
			t.Errorf("of %d: %v, want %v", limit, got, want)
		}
	}
}

// TestEditQueue has an edit that does not end: the edits that wait for it are refused, and leave nothing in the queue.
func TestEditQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			e       editQueue
			waiting sync.WaitGroup
		)
		leave, err := e.enter(t.Context(), 1, 7)
		if err != nil {
			t.Fatal(err)
		}
		for range maxWaiting {
			waiting.Go(func() {
				if _, err := e.enter(t.Context(), 1, 7); cron.KindOf(err) != cron.TooMany {
					t.Errorf("an edit that waits for long: %v", err)
				}
			})
		}
		synctest.Wait()
		if _, err := e.enter(t.Context(), 1, 8); cron.KindOf(err) != cron.TooMany {
			t.Errorf("one edit too many: %v", err)
		}
		other, err := e.enter(t.Context(), 2, 9)
		if err != nil {
			t.Errorf("an edit of another account: %v", err)
		}
		other()
		waiting.Wait()
		leave()
		if len(e.jobs) != 0 || len(e.users) != 0 || len(e.waiting) != 0 {
			t.Errorf("%d jobs, %d users and %d accounts are left", len(e.jobs), len(e.users), len(e.waiting))
		}
	})
}
