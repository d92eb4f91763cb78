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

// answersAfter is how long an address takes to connect; negative to refuse, and 0 to stay silent.
type answersAfter map[int]time.Duration

// raceOf runs a race of count addresses and tells which won, -1 for none, and how many were tried at once at most.
func raceOf(t *testing.T, count int, timeout time.Duration, after answersAfter) (won, most int, err error) {
	t.Helper()
	addrs := make([]netip.AddrPort, count)
	index := make(map[netip.AddrPort]int)
	for i := range addrs {
		addrs[i] = netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), 80)
		index[addrs[i]] = i
	}
	won = -1
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
		won = index[addr]
		mu.Unlock()
		conn, _ := net.Pipe()
		return conn, nil
	}
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	_, err = newRace(New(Config{}), addrs, timeout, connect).run(ctx)
	return won, most, err
}

// TestRace has rows of addresses with the one that wins. However many are silent, two are tried at once.
func TestRace(t *testing.T) {
	const second = time.Second
	for name, row := range map[string]struct {
		count   int
		timeout time.Duration
		after   answersAfter
		won     int
		fault   cron.Fault
		within  time.Duration
	}{
		"the first":                        {3, 30 * second, answersAfter{0: 10 * time.Millisecond, 1: 1}, 0, 0, 10 * time.Millisecond},
		"the second overtakes":             {3, 30 * second, answersAfter{0: 5 * second, 1: 1}, 1, 0, maxStagger + 1},
		"the last, behind silent ones":     {16, 30 * second, answersAfter{15: 1}, 15, 0, 15 * second},
		"all are slow":                     {16, 30 * second, answersAfter{14: 3 * second, 15: 3 * second}, 14, 0, 17 * second},
		"one that was given up":            {4, 30 * second, answersAfter{0: 3 * second, 2: -1, 3: -1}, 0, 0, 8 * second},
		"a short timeout":                  {16, second, answersAfter{15: 1}, 15, 0, second},
		"all refuse":                       {16, 30 * second, answersAfter{}, -1, cron.FaultRefused, second},
		"silence and refusals":             {5, 30 * second, answersAfter{1: -1, 2: -1, 3: -1, 4: -1}, -1, cron.FaultConnectTimeout, 30 * second},
		"nothing but silence":              {16, 30 * second, answersAfter{}, -1, cron.FaultConnectTimeout, 30 * second},
		"nothing but silence, and no time": {16, time.Millisecond, answersAfter{}, -1, cron.FaultConnectTimeout, 30 * second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if name == "all refuse" {
					for i := range row.count {
						row.after[i] = -1
					}
				}
				begun := time.Now()
				won, most, err := raceOf(t, row.count, row.timeout, row.after)
				if won != row.won || most > maxAttempts || time.Since(begun) > row.within {
					t.Errorf("address %d won after %v, and %d were tried at once", won, time.Since(begun), most)
				}
				if f, _ := err.(*fault); (f == nil) != (row.won >= 0) || f != nil && f.fault != row.fault {
					t.Errorf("%v", err)
				}
			})
		})
	}
}
