package e2e

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"punctual/test/harness"
)

// manager is the socket of a service manager.
type manager struct {
	mu    sync.Mutex
	heard []string // the assignments it received, in order
}

func newManager(t *testing.T, socket string) *manager {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	m := &manager{}
	var reading sync.WaitGroup
	reading.Go(func() {
		buffer := make([]byte, 4096)
		for {
			n, err := conn.Read(buffer)
			if err != nil {
				return
			}
			m.mu.Lock()
			m.heard = append(m.heard, strings.Split(string(buffer[:n]), "\n")...)
			m.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		_ = conn.Close()
		reading.Wait()
	})
	return m
}

// all returns the assignments received so far.
func (m *manager) all() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.heard)
}

func (m *manager) count(assignment string) (n int) {
	for _, a := range m.all() {
		if a == assignment {
			n++
		}
	}
	return n
}

// TestSystemd runs the service as systemd does.
func TestSystemd(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("systemd is for Linux")
	}
	short, err := os.MkdirTemp("", "punctual") // the path of a socket has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(short) })
	for name, socket := range map[string]string{
		"path": filepath.Join(short, "notify"), "abstract": fmt.Sprintf("@punctual-test-%x", rand.Uint64()),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, s := newManager(t, socket), harness.NewService(t, "")
			p := harness.Launch(t, append(s.Env(), "NOTIFY_SOCKET="+socket, "WATCHDOG_USEC=300000"), "serve", "--drain", "7s")
			await(t, "the watchdog hears from a ready service", func() bool {
				all := m.all()
				ready := slices.Index(all, "READY=1")
				return ready >= 0 && slices.Contains(all[ready:], "WATCHDOG=1")
			})
			p.Stop()
			all := m.all()
			stopping := slices.Index(all, "STOPPING=1")
			if m.count("READY=1") != 1 || m.count("STOPPING=1") != 1 || stopping < slices.Index(all, "READY=1") {
				t.Errorf("systemd heard %q", all)
			}
			if m.count("EXTEND_TIMEOUT_USEC=67000000") != 1 {
				t.Errorf("the drain asks for no time: %q", all)
			}
		})
	}
}

// TestSystemdHearsNothingOfAFailedStart starts a service that cannot run.
func TestSystemdHearsNothingOfAFailedStart(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("systemd is for Linux")
	}
	socket := fmt.Sprintf("@punctual-test-%x", rand.Uint64())
	m, s := newManager(t, socket), harness.NewService(t, "")
	code, _, _ := harness.Run(t, append(s.Env(), "NOTIFY_SOCKET="+socket), "serve", "--listen", "192.0.2.1:8080")
	if code != 1 || len(m.all()) != 0 {
		t.Errorf("exit code %d, systemd heard %q", code, m.all())
	}
}

// TestSystemdThatIsAway uses a socket that does not exist: the service runs in spite of it, and reports it.
func TestSystemdThatIsAway(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, "")
	p := harness.Launch(t, append(s.Env(), "NOTIFY_SOCKET=/nowhere/notify"), "serve")
	await(t, "the service says what is wrong", func() bool { return strings.Contains(p.Stderr(), "systemd does not hear") })
	p.Stop()
}
