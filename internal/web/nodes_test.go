package web_test

import (
	"testing"

	"punctual/internal/cron"
)

// TestNodes shows operators, and nobody else, the nodes and the plans.
func TestNodes(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	if _, err := c.store.StartNode(t.Context(), cron.Node{Name: hostile}); err != nil {
		t.Fatal(err)
	}
	b.get("/console/settings/nodes").says(200, "&lt;script&gt;", "Works", "Size of the database", "Messages that wait").hides("<script>alert")
	plans := b.get("/console/settings/plans").says(200, "unlimited", "default", "5 min", "64 KiB", "30 days")
	for i := range cron.PlanLimits {
		if cron.PlanLimits[i].What == "" {
			t.Errorf("%s says nothing", cron.PlanLimits[i].Name)
		}
	}
	plans.hides("…")
	other := c.join(t, b, "bob@example.com", "owner")
	for _, page := range []string{"nodes", "plans", "service"} {
		other.get("/console/settings/" + page).says(403)
		other.get("/console/settings").hides("/console/settings/" + page)
	}
}
