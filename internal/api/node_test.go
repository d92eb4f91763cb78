package api_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"punctual/internal/cron"
)

// TestNodesOverTheAPI lists nodes, drains one and resumes it, as an operator. Nobody else may.
func TestNodesOverTheAPI(t *testing.T) {
	c := newClient(t)
	operator := c.withKey(cron.APIKey{Operator: true})
	epoch, err := c.server.store.StartNode(t.Context(), cron.Node{Name: "web-1", Role: cron.NodeWorker, Version: "v1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.server.store.Heartbeat(t.Context(), cron.Heartbeat{
		Epoch: epoch, RunningFrom: func(latest int64) int64 { return latest }, InFlight: 3, Lateness: 1500 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	type item struct {
		Epoch, Started, Heartbeat int64
		Name, Role, Version       string
		InFlight                  int
		LatenessMs, ClockOffsetMs int64
		Draining, Alive           bool
	}
	list := func() (nodes []item, working int) {
		var answer struct {
			Nodes   []item
			Working int
		}
		decode(t, operator.must("GET", "/nodes", ""), &answer)
		return answer.Nodes, answer.Working
	}
	nodes, working := list()
	if working != 1 || len(nodes) != 1 || nodes[0].Started == 0 || nodes[0].Heartbeat < nodes[0].Started {
		t.Fatalf("listed %+v, %d of them working", nodes, working)
	}
	nodes[0].Started, nodes[0].Heartbeat = 0, 0
	if want := (item{Epoch: epoch, Name: "web-1", Role: "worker", Version: "v1.2.3", InFlight: 3, LatenessMs: 1500, Alive: true}); nodes[0] != want {
		t.Errorf("listed %+v, want %+v", nodes[0], want)
	}
	path := fmt.Sprintf("/nodes/%d", epoch)
	for _, draining := range []bool{true, true, false} {
		var answer struct{ Working int }
		decode(t, operator.must("PATCH", path, fmt.Sprintf(`{"node":{"draining":%t}}`, draining)), &answer)
		if nodes, working := list(); nodes[0].Draining != draining || working != answer.Working || (working == 0) != draining {
			t.Errorf("draining %t: %+v, %d of them working", draining, nodes, working)
		}
	}
	operator.must("PATCH", path, `{"node":{}}`)
	for target, body := range map[string]string{"/nodes/4711": `{"node":{"draining":true}}`, "/nodes/4712": `{"node":{}}`, "/nodes/web-1": `{"node":{"draining":true}}`} {
		if got := operator.do("PATCH", target, body); got.status != http.StatusNotFound {
			t.Errorf("%s is answered with %d %s", target, got.status, got.body)
		}
	}
	if got := operator.do("PATCH", path, `{"node":{"draining":"perhaps"}}`); got.status != http.StatusBadRequest {
		t.Errorf("a bad value is answered with %d %s", got.status, got.body)
	}
	for _, call := range []string{"GET /nodes", "PATCH " + path} {
		var method, target string
		_, _ = fmt.Sscan(call, &method, &target)
		if got := c.do(method, target, map[string]string{"PATCH": `{"node":{"draining":true}}`}[method]); got.status != http.StatusForbidden {
			t.Errorf("%s with the key of an account is answered with %d", call, got.status)
		}
	}
}

// TestStrangersAskForTheAddresses has a stranger ask again and again: the database is asked once.
func TestStrangersAskForTheAddresses(t *testing.T) {
	c := newClient(t)
	first := c.must("GET", "/executor-nodes.json", "")
	c.server.close()
	for range 100 {
		if got := c.do("GET", "/executor-nodes.json", "", "Authorization:"); got.status != 200 || string(got.body) != string(first) {
			t.Fatalf("status %d: %s", got.status, got.body)
		}
	}
}
