package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"punctual/internal/store/storetest"
	"punctual/test/checker"
	"punctual/test/harness"
)

// TestProcessesMigrateOnce starts several processes at once on an empty database.
func TestProcessesMigrateOnce(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, storetest.EmptyPostgres(t))
	processes := make([]*harness.Process, 5)
	for i := range processes {
		processes[i] = harness.Launch(t, append(s.Env(), "PUNCTUAL_DATA="+t.TempDir()), "serve")
	}
	for i, p := range processes {
		await(t, "each process serves", func() bool {
			if p.Ended() {
				t.Fatalf("process %d ended:\n%s", i, p.Stderr())
			}
			return strings.Contains(p.Stderr(), "msg=serving")
		})
	}
	var repeated, nodes int
	err := s.Database().QueryRowContext(t.Context(), `SELECT (SELECT count(*) - count(DISTINCT version_id) FROM schema_version),
		(SELECT count(*) FROM node WHERE NOT dead)`).Scan(&repeated, &nodes)
	if err != nil || repeated != 0 || nodes != len(processes) {
		t.Errorf("%d migrations ran more than once, and %d nodes run: %v", repeated, nodes, err)
	}
	for _, p := range processes {
		p.Stop()
	}
}

// TestUpgradeUnderLoad has a later version of the program migrate the database of two nodes under load, and start beside them. What only
// adds something leaves them alone, and a third node of theirs starts. What removes something makes them finish what they run and end,
// and none of their version starts any more.
func TestUpgradeUnderLoad(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, storetest.Postgres(t))
	target := harness.NewTarget(t)
	nodes := []*harness.Node{s.Start(), s.Start()}
	begin := time.Now()
	for i := range 20 {
		s.Client(nodes[i%2]).CreateJob(job(target, fmt.Sprintf("/upgrade/%d/delay/300ms", i), harness.EverySecond()))
	}
	goesOn := func(what string) {
		t.Helper()
		before := len(target.Requests())
		await(t, what, func() bool { return len(target.Requests()) >= before+40 })
		for _, n := range nodes {
			if n.Ended() {
				t.Fatalf("a node has ended:\n%s", n.Stderr())
			}
		}
	}
	goesOn("the jobs run")
	s.Tables().Widen()
	s.Tables().AddMigration(9990)
	goesOn("the jobs run in a newer database")
	nodes = append(nodes, s.Start()) // restarted by its supervisor, say, before it is upgraded
	client := s.Client(nodes[2])
	client.Job(client.CreateJob(job(target, "/upgrade/new", harness.EverySecond())))
	goesOn("the jobs run with a further node")

	end := time.Now()
	s.AwaitSettled(end)

	// The newer program has announced that it removes something.
	s.Tables().RaiseMinimum(9990)
	for i, n := range nodes {
		if code := n.Wait(); code != 1 {
			t.Errorf("node %d ends with code %d", i, code)
		}
		for _, text := range []string{"at least version 9990", "knows version", "Start it again with a newer version"} {
			if !strings.Contains(n.Stderr(), text) {
				t.Errorf("node %d does not say %q:\n%s", i, text, n.Stderr())
			}
		}
	}
	if alive, err := s.LiveNodes(); err != nil || alive != 0 {
		t.Errorf("%d nodes have not left: %v", alive, err)
	}
	if n := running(t, s); n != 0 {
		t.Errorf("%d executions were not finished", n)
	}
	code, _, stderr := harness.Run(t, append(s.Env(), "PUNCTUAL_DATA="+t.TempDir()), "serve")
	if code != 1 || !strings.Contains(stderr, "9990") || !strings.Contains(stderr, "Use a newer version of the program") {
		t.Errorf("a further node of the former version ends with code %d: %s", code, stderr)
	}
	check(t, s, checker.Witness{From: begin, To: end, Received: target.Counts(), Stopped: true})
}
