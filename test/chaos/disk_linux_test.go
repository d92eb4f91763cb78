package chaos

import (
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"punctual/internal/store/storetest"
	"punctual/test/harness"
)

// smallDisk is a file system of so many MiB in memory. It goes with the test.
func smallDisk(t *testing.T, mib string) (dir string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "punctual-disk-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(dir) })
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+mib+"m,mode=0755"); err != nil {
		t.Skipf("a full disk is not tested: this user may not mount a file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestFullDisk fills the disk of the tables, which PostgreSQL's log is not on, again and again.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	rounds(t, 1, 1, func(t *testing.T, seed uint64) {
		dir := smallDisk(t, "256")
		c := &cluster{server: storetest.StartServer(t)}
		c.server.UseDirectory(t, dir)
		c.round = newRound(t, seed, harness.NewService(t, c.server.URL()), clusterNodes, 150)
		c.witness.Paused = true // results wait longer than a lease
		c.suffer(suffering(), seed, func(c *cluster, rng *rand.Rand) {
			c.pause(rng, time.Second, 3*time.Second)
			path := filepath.Join(dir, "filling")
			fill(c.t, path)
			c.happened()
			time.Sleep(between(rng, time.Second, 6*time.Second))
			if err := os.Remove(path); err != nil {
				c.t.Error(err)
			}
		})
		c.end()
	})
}

// TestFullLog fills the disk of PostgreSQL's write-ahead log, again and again. PostgreSQL ends with that, and does not start until there is room.
func TestFullLog(t *testing.T) {
	t.Parallel()
	rounds(t, 1, 1, func(t *testing.T, seed uint64) {
		dir := smallDisk(t, "48")
		c := &cluster{server: storetest.StartServerWithLog(t, dir, "wal_recycle=off", "max_wal_size=8MB", "min_wal_size=2MB",
			"full_page_writes=on")}
		c.round = newRound(t, seed, harness.NewService(t, c.server.URL()), clusterNodes, 150)
		c.witness.Paused = true
		ended, lasting := 0, suffering()
		if !soaking() {
			lasting /= 3
		}
		c.suffer(lasting, seed, func(c *cluster, rng *rand.Rand) {
			c.pause(rng, time.Second, 3*time.Second)
			path := filepath.Join(dir, "filling")
			asked := c.nodes[rng.IntN(clusterNodes)]
			answers := func(n *harness.Node, status int) bool {
				answer, err := http.Get(n.URL + "/readyz")
				if err != nil {
					return false
				}
				_ = answer.Body.Close()
				return answer.StatusCode == status
			}
			c.await("a node says that it is not ready", func() bool {
				fill(c.t, path) // again, as a checkpoint makes room
				return answers(asked, http.StatusServiceUnavailable)
			})
			c.happened()
			time.Sleep(between(rng, 0, 4*time.Second))
			if err := os.Remove(path); err != nil {
				c.t.Error(err)
			}
			room := time.Now()
			c.await("all nodes are ready", func() bool {
				if c.server.Revive(c.t) { // again, as it may end late
					ended++
				}
				return time.Since(room) > time.Second && // what a node answers can be a second old
					!slices.ContainsFunc(c.nodes, func(n *harness.Node) bool { return !answers(n, http.StatusOK) })
			})
		})
		c.end()
		t.Logf("PostgreSQL ended %d times", ended)
	})
}

// fill adds to a file until the disk is full.
func fill(t *testing.T, path string) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = f.Close() }()
	for _, piece := range []int64{1 << 20, 4 << 10} {
		for err == nil {
			_, err = io.CopyN(f, zeros{}, piece)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("fill the disk: %v", err)
		}
		err = nil
	}
}

// zeros is a reader of zeros without end.
type zeros struct{}

// Read implements io.Reader.
func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
