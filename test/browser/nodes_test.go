package browser

import (
	"context"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"punctual/internal/store/storetest"
	"punctual/test/harness"
)

// TestNodes looks at a service of several nodes, drains one and resumes it with the keyboard.
func TestNodes(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, storetest.Postgres(t))
	node := s.Start("--node", "cron-1")
	addNodes(t, s)
	tab := openTab(t, addressOf(node)).setUp(node)
	tab.Open("/console/settings/nodes").See("cron-4").Look("nodes-several")
	// The navigation of an operator is longer than the window of a laptop.
	tab.do("have a small window", chromedp.EmulateViewport(wide, 500))
	tab.Open("/console/settings/nodes").wait("have the open page in sight in the navigation", `(() => {
		const side = document.querySelector(".side").getBoundingClientRect(), here = document.querySelector(".side [aria-current=page]").getBoundingClientRect();
		return here.top >= side.top && here.bottom <= side.bottom && here.bottom <= innerHeight;
	})()`)
	tab.tabToButton("Drain").Leave(kb.Enter).See("The node drains.")
	tab.tabToButton("Resume").Leave(kb.Enter).See("runs jobs again")
}

// addNodes adds nodes that are not run: one that drains, one that has died, one of a former version, and one that has another's name.
func addNodes(t *testing.T, s *harness.Service) {
	t.Helper()
	now := time.Now()
	for _, n := range []struct {
		name, role, version string
		started, heartbeat  time.Duration // ago
		draining            bool
		offset, inFlight    int
		lateness            int
	}{
		{"cron-2", "worker", "v1.4.0", 26 * time.Hour, time.Second, true, -3, 41, 250},
		{"cron-3", "api", "v1.4.0", 26 * time.Hour, time.Second, false, 1200, 0, 0},
		{"cron-4", "", "", 90 * 24 * time.Hour, 0, false, 0, 0, 0},
		{"cron-5", "all", "v1.4.0", 26 * time.Hour, 12 * time.Minute, false, 4, 118, 7100},
	} {
		lease, beat := now.Add(time.Hour), int64(0) // nobody is to settle it during the test
		if n.heartbeat > 0 {
			beat = now.Add(-n.heartbeat).UnixMilli()
		}
		if n.heartbeat > time.Minute {
			lease = now.Add(10*time.Second - n.heartbeat)
		}
		_, err := s.Database().ExecContext(context.Background(), `INSERT INTO node (name, started_at, lease_until, dead, zone_version, key_ids, role, version,
				draining, heartbeat_at, clock_offset_ms, in_flight, lateness_ms)
			SELECT $1, $2, $3, $4, zone_version, key_ids, $5, $6, $7, $8, $9, $10, $11 FROM node LIMIT 1`,
			n.name, now.Add(-n.started).UnixMilli(), lease.UnixMilli(), n.heartbeat > time.Minute, n.role, n.version, n.draining, beat, n.offset,
			n.inFlight, n.lateness)
		if err != nil {
			t.Fatal(err)
		}
	}
}
