package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"punctual/internal/store/storetest"
	"punctual/test/checker"
	"punctual/test/harness"
)

// listedNode is a node as GET /nodes lists it.
type listedNode struct {
	Epoch         int64
	Name, Role    string
	Alive         bool
	Draining      bool
	Heartbeat     int64
	ClockOffsetMs *int64
	LatenessMs    *int64
	InFlight      *int
}

// listNodes lists the live nodes by name, and how many work.
func listNodes(t *testing.T, api *harness.Client) (nodes map[string]listedNode, working int) {
	t.Helper()
	var answer struct {
		Nodes   []listedNode
		Working int
	}
	if err := json.Unmarshal(api.Do("GET", "/nodes", nil, nil).Body, &answer); err != nil {
		t.Fatal(err)
	}
	nodes = map[string]listedNode{}
	for _, n := range answer.Nodes {
		if n.Alive {
			nodes[n.Name] = n
		}
	}
	return nodes, answer.Working
}

// TestRolesAndDraining has a node that serves and two that work, and drains these one after the other.
func TestRolesAndDraining(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, storetest.Postgres(t))
	target := harness.NewTarget(t)
	front := s.Start("--role", "api", "--node", "front", "--executor-addresses", "192.0.2.9")
	if !strings.Contains(front.Stderr(), "no node runs jobs at present") {
		t.Error("the log of a first node that only serves does not say that nothing runs")
	}
	workers := map[string]*harness.Node{}
	for i, name := range []string{"w1", "w2"} {
		workers[name] = s.Start("--role", "worker", "--node", name, "--executor-addresses", fmt.Sprintf("192.0.2.%d,192.0.2.7", i+1))
	}
	api := s.Client(front)

	// A worker serves its health only.
	for _, path := range []string{"/jobs", "/nodes", "/openapi.json"} {
		if p := s.Client(workers["w1"]).Refused(503, "GET", path, nil); !strings.Contains(p.Detail, "--role worker") {
			t.Errorf("a worker answers GET %s with %q", path, p.Detail)
		}
	}
	for _, path := range []string{"/console", "/status/x", "/"} {
		workers["w1"].AwaitStatus(path, 503)
	}
	workers["w1"].AwaitStatus("/healthz", 200)
	workers["w1"].AwaitStatus("/metrics", 200)

	begin := time.Now()
	for i := range 6 {
		api.CreateJob(job(target, fmt.Sprintf("/role/%d", i), harness.EverySecond()))
	}
	await(t, "jobs run", func() bool { return len(target.Requests()) > 12 })
	nodes, working := listNodes(t, api)
	for name, role := range map[string]string{"front": "api", "w1": "worker", "w2": "worker"} {
		n := nodes[name]
		if n.Role != role || n.Draining || n.Heartbeat == 0 || n.ClockOffsetMs == nil || n.LatenessMs == nil || n.InFlight == nil {
			t.Errorf("the node %s is listed as %+v", name, n)
		}
	}
	if len(nodes) != 3 || working != 2 {
		t.Errorf("%d live nodes, of which %d work", len(nodes), working)
	}
	await(t, "the addresses of the workers are listed", func() bool {
		var list struct{ IPAddresses []string }
		err := json.Unmarshal(api.Do("GET", "/executor-nodes.json", nil, nil).Body, &list)
		return err == nil && slices.Equal(list.IPAddresses, []string{"192.0.2.1", "192.0.2.2", "192.0.2.7"})
	})

	// Drained by command, one node starts nothing more, and the other goes on.
	command := func(says string, args ...string) {
		t.Helper()
		code, stdout, stderr := harness.Run(t, s.Env(), append([]string{"nodes"}, args...)...)
		if code != 0 || !strings.Contains(stdout, says) {
			t.Errorf("punctual nodes %v: exit code %d, %q, %q", args, code, stdout, stderr)
		}
	}
	command("front  api     serves")
	command("w1     worker  works", "list")
	started := func(node int64) (last int64) {
		t.Helper()
		err := s.Database().QueryRowContext(t.Context(), `SELECT coalesce(max(id), 0) FROM execution WHERE node = $1`, node).Scan(&last)
		if err != nil {
			t.Fatal(err)
		}
		return last
	}
	command("drains", "drain", "w1")
	workers["w1"].AwaitStatus("/readyz", 503)
	workers["w1"].AwaitStatus("/healthz", 200)
	await(t, "a claim that had begun has ended", func() bool { return running(t, s) == 0 })
	last, before := started(nodes["w1"].Epoch), len(target.Requests())
	await(t, "the other node runs the jobs", func() bool { return len(target.Requests()) > before+18 })
	if now := started(nodes["w1"].Epoch); now != last {
		t.Errorf("the drained node has started execution %d after %d", now, last)
	}
	command("w1     worker  draining")

	// Drained over the API, the last one may be drained, which the answer tells.
	var answer struct{ Working int }
	path := fmt.Sprintf("/nodes/%d", nodes["w2"].Epoch)
	if err := json.Unmarshal(api.Do("PATCH", path, harness.Fields{"node": harness.Fields{"draining": true}}, nil).Body, &answer); err != nil || answer.Working != 0 {
		t.Errorf("after the last node was drained, %d work: %v", answer.Working, err)
	}
	workers["w2"].AwaitStatus("/readyz", 503)
	command("No node runs jobs now")
	command("runs jobs again", "resume", fmt.Sprint(nodes["w1"].Epoch))
	workers["w1"].AwaitStatus("/readyz", 200)
	await(t, "the resumed node runs the jobs", func() bool { return started(nodes["w1"].Epoch) > last })
	for _, wrong := range []string{"w3", "4711"} {
		if code, _, stderr := harness.Run(t, s.Env(), "nodes", "drain", wrong); code != 1 || !strings.Contains(stderr, "No live node") {
			t.Errorf("draining %s: exit code %d, %q", wrong, code, stderr)
		}
	}

	// Two nodes may have one name, which is told, and a name then does not say which one is to drain.
	twin := s.Start("--role", "worker", "--node", "w1")
	if !strings.Contains(twin.Stderr(), "another node with this name runs") {
		t.Error("the log of a second node of the name does not warn")
	}
	command("Several live nodes have the name w1")
	if code, _, stderr := harness.Run(t, s.Env(), "nodes", "drain", "w1"); code != 1 || !strings.Contains(stderr, "Give the epoch instead") {
		t.Errorf("draining one of two: exit code %d, %q", code, stderr)
	}

	end := time.Now()
	s.AwaitSettled(end)
	for _, n := range []*harness.Node{twin, workers["w1"], workers["w2"], front} {
		n.Stop()
	}
	ledger := check(t, s, checker.Witness{From: begin, To: end, Received: target.Counts(), Stopped: true})
	for _, r := range ledger.Records {
		if r.Node == nodes["front"].Epoch {
			t.Errorf("the node that only serves has run %+v", r)
		}
	}
}

// TestRolesNeedPostgreSQL starts a worker on SQLite.
func TestRolesNeedPostgreSQL(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, "")
	code, _, stderr := harness.Run(t, s.Env(), "serve", "--role", "worker")
	if code != 2 || !strings.Contains(stderr, "--role worker needs --database") {
		t.Errorf("exit code %d, %q", code, stderr)
	}
}
