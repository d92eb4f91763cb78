package fetch

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
)

func TestStagger(t *testing.T) {
	for _, row := range []struct {
		timeout time.Duration
		count   int
		want    time.Duration
	}{
		{30 * time.Second, 2, maxStagger}, {30 * time.Second, maxAddrs, maxStagger}, {time.Hour, 3, maxStagger},
		{time.Second, 2, 250 * time.Millisecond}, {time.Second, 4, 125 * time.Millisecond},
		{time.Second, maxAddrs, 31250 * time.Microsecond}, {time.Millisecond, 2, minStagger}, {0, 2, minStagger},
	} {
		if got := stagger(row.timeout, row.count, maxStagger); got != row.want {
			t.Errorf("%d addresses in %v: %v, want %v", row.count, row.timeout, got, row.want)
		}
	}
}

// answersAfter is how long an address takes to connect; negative to refuse, and 0 to never answer.
type answersAfter map[int]time.Duration

// connectTo connects to one of count addresses. It returns the index of the address that was used, -1 for none, and the
// largest number of attempts at once.
func connectTo(t *testing.T, count int, timeout time.Duration, after answersAfter) (used, most int, err error) {
	t.Helper()
	addrs := make([]netip.AddrPort, count)
	index := make(map[netip.AddrPort]int)
	for i := range addrs {
		addrs[i] = netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), 80)
		index[addrs[i]] = i
	}
	used = -1
	var (
		mu   sync.Mutex
		open int
	)
	connect := func(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
		mu.Lock()
		open++
		most = max(most, open)
		mu.Unlock()
		defer func() {
			mu.Lock()
			open--
			mu.Unlock()
		}()
		wait := after[index[addr]]
		var ready <-chan time.Time
		if wait != 0 {
			ready = time.After(wait.Abs())
		}
		select {
		case <-ctx.Done():
			return nil, dialFault(ctx.Err(), addr)
		case <-ready:
		}
		if wait < 0 {
			return nil, dialFault(syscall.ECONNREFUSED, addr)
		}
		mu.Lock()
		used = index[addr]
		mu.Unlock()
		conn, _ := net.Pipe()
		return conn, nil
	}
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	_, err = newHappyEyeballs(New(Config{}), addrs, timeout, connect).run(ctx)
	return used, most, err
}

// TestHappyEyeballs has rows of addresses, with the one that is used. At most two are tried at once.
func TestHappyEyeballs(t *testing.T) {
	const second = time.Second
	for name, row := range map[string]struct {
		count   int
		timeout time.Duration
		after   answersAfter
		used    int
		fault   cron.Fault
		within  time.Duration
	}{
		"the first":                               {3, 30 * second, answersAfter{0: 10 * time.Millisecond, 1: 1}, 0, 0, 10 * time.Millisecond},
		"the second is faster":                    {3, 30 * second, answersAfter{0: 5 * second, 1: 1}, 1, 0, maxStagger + 1},
		"the last, behind silent ones":            {16, 30 * second, answersAfter{15: 1}, 15, 0, 15 * second},
		"all are slow":                            {16, 30 * second, answersAfter{14: 3 * second, 15: 3 * second}, 14, 0, 17 * second},
		"one whose attempt was cancelled":         {4, 30 * second, answersAfter{0: 3 * second, 2: -1, 3: -1}, 0, 0, 8 * second},
		"a short timeout":                         {16, second, answersAfter{15: 1}, 15, 0, second},
		"all refuse":                              {16, 30 * second, answersAfter{}, -1, cron.FaultRefused, second},
		"silence and refusals":                    {5, 30 * second, answersAfter{1: -1, 2: -1, 3: -1, 4: -1}, -1, cron.FaultConnectTimeout, 30 * second},
		"nothing but silence":                     {16, 30 * second, answersAfter{}, -1, cron.FaultConnectTimeout, 30 * second},
		"nothing but silence, and a tiny timeout": {16, time.Millisecond, answersAfter{}, -1, cron.FaultConnectTimeout, 30 * second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if name == "all refuse" {
					for i := range row.count {
						row.after[i] = -1
					}
				}
				start := time.Now()
				used, most, err := connectTo(t, row.count, row.timeout, row.after)
				if used != row.used || most > maxAttempts || time.Since(start) > row.within {
					t.Errorf("address %d used after %v, and %d were tried at once", used, time.Since(start), most)
				}
				if f, _ := err.(*fault); (f == nil) != (row.used >= 0) || f != nil && f.fault != row.fault {
					t.Errorf("%v", err)
				}
			})
		})
	}
}
