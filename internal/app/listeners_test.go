package app

import (
	"bytes"
	"log/slog"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"

	"punctual/internal/cron"
	"punctual/internal/fetch"
)

// TestListeners tells other nodes of as many addresses as they keep.
func TestListeners(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	own := make([]netip.AddrPort, cron.MaxListeners+3)
	for i := range own {
		own[i] = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 8080)
	}
	for _, row := range []struct{ own, told int }{{2, 2}, {cron.MaxListeners, cron.MaxListeners}, {len(own), cron.MaxListeners}} {
		log.Reset()
		n := &node{guard: &fetch.Guard{Own: own[:row.own]}, logger: slog.New(slog.NewTextHandler(&log, nil))}
		listeners := n.listeners()
		for range 2 {
			if got := listeners(); !slices.Equal(got, own[:row.told]) {
				t.Errorf("of %d listeners %d are told", row.own, len(got))
			}
		}
		if got, want := strings.Count(log.String(), "rest=3"), max(0, row.own-row.told)/3; got != want || (want == 0) != (log.Len() == 0) {
			t.Errorf("with %d listeners the log says %q", row.own, log.String())
		}
	}
}

// TestHostID is about Linux, which tells machines and network namespaces apart.
func TestHostID(t *testing.T) {
	t.Parallel()
	id := hostID()
	if id != hostID() || runtime.GOOS == "linux" && len(id) != 32 {
		t.Errorf("the host is %q and then %q", id, hostID())
	}
}
