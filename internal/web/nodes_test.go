package web_test

import (
	"fmt"
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
	nodes, err := c.store.Nodes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	page := fmt.Sprintf("/console/settings/nodes/%d/", nodes[0].Epoch)
	b.get("/console/settings/nodes").says(200, page+"drain", "Everything", "Heartbeat", "Clock").hides("No node runs jobs", page+"resume")
	b.post(page + "drain").leads("/console/settings/nodes?done=node-drains")
	b.get("/console/settings/nodes?done=node-drains").says(200, "The node drains.", "Drains", "No node runs jobs now", page+"resume").hides(page + "drain")
	b.post(page + "resume").leads("/console/settings/nodes?done=node-resumed")
	b.get("/console/settings/nodes").says(200, page+"drain").hides("No node runs jobs")
	b.post("/console/settings/nodes/4711/drain").says(404)
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
