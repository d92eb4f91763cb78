package e2e

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store/storetest"
	"punctual/test/checker"
	"punctual/test/harness"
)

// TestTwoNodesShareTheWork runs a burst on two nodes with few slots that neither could run alone. They have the same name, which changes
// nothing but that operators are told.
func TestTwoNodesShareTheWork(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, storetest.Postgres(t))
	target := harness.NewTarget(t)
	nodes := []*harness.Node{s.Start("--slots", "6", "--node", "twin"), s.Start("--slots", "6", "--node", "twin")}
	const warning = "another node with this name runs"
	if strings.Contains(nodes[0].Stderr(), warning) || !strings.Contains(nodes[1].Stderr(), warning) {
		t.Errorf("the logs say %s and %s", nodes[0].Stderr(), nodes[1].Stderr())
	}
	var listed struct{ Nodes []listedNode }
	if err := json.Unmarshal(s.Client(nodes[0]).Do("GET", "/nodes", nil, nil).Body, &listed); err != nil {
		t.Fatal(err)
	}
	if l := listed.Nodes; len(l) != 2 || l[0].Name != "twin" || l[1].Name != "twin" || l[0].Epoch == l[1].Epoch || !l[0].Alive || !l[1].Alive {
		t.Errorf("the nodes are listed as %+v", l)
	}
	begin := time.Now()
	for i := range 20 {
		s.Client(nodes[i%2]).CreateJob(job(target, fmt.Sprintf("/shared/%d/delay/150ms", i), harness.EverySecond()))
	}
	await(t, "both nodes have worked", func() bool {
		return s.Tables().WorkingNodes() == 2 && len(target.Requests()) > 100
	})
	end := time.Now()
	s.AwaitSettled(end)
	for _, n := range nodes {
		n.Stop()
	}
	ledger := check(t, s, checker.Witness{From: begin, To: end, Received: target.Counts(), Stopped: true})
	shares := map[int64]int{}
	for _, r := range ledger.Records {
		if r.Node != 0 {
			shares[r.Node]++
		}
	}
	if len(shares) != 2 {
		t.Errorf("the nodes performed %v", shares)
	}
}

// TestANodeHearsOfAnothersJobs creates a job on one node, which is then paused. The other node, which was asleep, runs
// it.
func TestANodeHearsOfAnothersJobs(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, storetest.Postgres(t))
	target := harness.NewTarget(t)
	busy, asleep := s.Start(), s.Start()
	time.Sleep(time.Second) // the other node has nothing to do
	var (
		path    string
		instant time.Time
	)
	for ahead := 2 * time.Second; ; ahead *= 2 { // a busy machine needs more time
		instant = time.Now().Truncate(time.Second).Add(ahead)
		path = "/heard/" + ahead.String()
		s.Client(busy).CreateJob(job(target, path, harness.Fields{}, harness.Fields{"runAt": instant.Unix()}))
		busy.Pause()
		if time.Now().Before(instant) {
			break
		}
		busy.Resume()
	}
	await(t, "the other node performs the job", func() bool { return len(target.To(path)) > 0 })
	if at := target.To(path)[0].At; at.Before(instant) {
		t.Errorf("the job was due at %v and was called at %v", instant, at)
	}
	busy.Resume()
	s.AwaitSettled(instant)
	busy.Stop()
	asleep.Stop()
	ledger := check(t, s, checker.Witness{From: instant, To: instant, Received: target.Counts(), Stopped: true})
	if last := ledger.Records[len(ledger.Records)-1]; last.Node != ledger.Nodes[1].Epoch {
		t.Errorf("the job was performed by node %d of %v", last.Node, ledger.Nodes)
	}
}

// TestAKilledNodeIsSucceeded kills one of two nodes with executions in flight: they are lost, and the other node
// continues.
func TestAKilledNodeIsSucceeded(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, storetest.Postgres(t))
	target := harness.NewTarget(t)
	nodes := []*harness.Node{s.Start(), s.Start()}
	begin := time.Now()
	const jobs = 20
	for i := range jobs {
		s.Client(nodes[0]).CreateJob(job(target, fmt.Sprintf("/killed/%d/delay/400ms", i), harness.EverySecond()))
	}
	await(t, "executions are in flight", func() bool { return len(target.Requests()) >= 2*jobs })
	nodes[0].Kill()
	inFlight := running(t, s)
	s.AwaitNodes(1)
	end := time.Now()
	s.AwaitSettled(end)
	nodes[1].Stop()
	check(t, s, checker.Witness{From: begin, To: end, Received: target.Counts(), InFlight: inFlight, Stopped: true})
}

// running is the number of executions that are not settled.
func running(t *testing.T, s *harness.Service) int {
	t.Helper()
	return int(s.Tables().Executions(cron.OutcomeRunning))
}

// TestADatabaseThatGoesAway stops PostgreSQL under a service and starts it again: the service reports it, loses
// nothing, and continues.
func TestADatabaseThatGoesAway(t *testing.T) {
	t.Parallel()
	server := storetest.StartServer(t)
	s := harness.NewService(t, server.URL())
	target := harness.NewTarget(t)
	node := s.Start()
	begin := time.Now()
	for i := range 10 {
		s.Client(node).CreateJob(job(target, fmt.Sprintf("/away/%d/delay/300ms", i), harness.EverySecond()))
	}
	for range 2 {
		before := len(target.Requests())
		await(t, "the jobs run", func() bool { return len(target.Requests()) >= before+20 })
		server.Stop(t)
		node.AwaitStatus("/readyz", 503)
		node.AwaitStatus("/healthz", 200)
		if problem := s.Client(node).Refused(500, "GET", "/jobs", nil); len(problem.Errors) > 0 {
			t.Errorf("without a database the service answers %+v", problem)
		}
		time.Sleep(3 * time.Second)
		server.Start(t)
		node.AwaitStatus("/readyz", 200)
	}
	before := len(target.Requests())
	await(t, "the jobs run again", func() bool { return len(target.Requests()) >= before+20 })
	end := time.Now()
	s.AwaitSettled(end)
	node.Stop()
	check(t, s, checker.Witness{From: begin, To: end, Received: target.Counts(), Stopped: true})
}

// TestJobsDoNotReachOtherNodes has jobs of one node call the listeners of another one, by address and by a name that leads there.
func TestJobsDoNotReachOtherNodes(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, storetest.Postgres(t))
	worker := s.Start()
	front := s.Start("--role", "api", "--operations-listen", "0.0.0.0:0")
	api := s.Client(worker)
	metrics := port(t, operationsURL(t, front))
	for _, port := range []string{port(t, front.URL), metrics} {
		await(t, "a URL with the address of the other node is refused", func() bool {
			_, err := api.TryCreateJob(harness.Fields{"url": "http://127.0.0.1:" + port + "/metrics"})
			return err != nil
		})
		p := api.Refused(400, "PUT", "/jobs", harness.Fields{"job": harness.Fields{"url": "http://127.0.0.1:" + port + "/metrics"}})
		if len(p.Errors) != 1 || p.Errors[0].Pointer != "/job/url" {
			t.Errorf("the job is refused with %+v", p)
		}
	}
	call := func(url string) details {
		t.Helper()
		return performed(t, api, api.CreateJob(harness.Fields{"url": url, "enabled": true, "schedule": harness.EverySecond()}))
	}
	// Where localhost is ::1, too, this listener is there as well.
	if d := call("http://localhost:" + metrics + "/metrics"); d.Status != statusConnectFailed || !strings.HasPrefix(d.StatusText, "This service may not call") {
		t.Errorf("a call of the other node is %+v", d)
	}

	// A listener of its own port is nobody's, and that of a node which has just ended counts until it may have started again.
	target := harness.NewTarget(t)
	if d := call("http://localhost:" + port(t, target.URL) + "/free"); d.Status != statusOK {
		t.Errorf("a call of a target is %+v", d)
	}
	front.Stop()
	time.Sleep(3 * time.Second) // more than a round of learning
	if d := call("http://localhost:" + metrics + "/again"); !strings.HasPrefix(d.StatusText, "This service may not call") {
		t.Errorf("after the other node has ended, a call of it is %+v", d)
	}
	worker.Stop()
}

// port is that of a URL.
func port(t *testing.T, text string) string {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u.Port()
}
