package e2e

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store/storetest"
	"punctual/test/checker"
	"punctual/test/harness"
)

// askedRun is a manual run as the API shows it.
type askedRun struct {
	Status int // of the response
	Run    struct {
		Path       string  `json:"path"`
		State      string  `json:"state"`
		RunID      int64   `json:"runId"`
		Outcome    *string `json:"outcome"`
		Identifier *string `json:"identifier"`
	} `json:"run"`
}

func askRun(t *testing.T, api *harness.Client, method, path string) (run askedRun) {
	t.Helper()
	answer, err := api.Try(method, path, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(answer.Body, &run); err != nil {
		t.Fatalf("%v in %s", err, answer.Body)
	}
	run.Status = answer.Status
	return run
}

// TestRunNow requests runs of disabled jobs while the only slot is taken: each job has one run that waits, and it
// starts once the slot is free.
func TestRunNow(t *testing.T) {
	t.Parallel()
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		target := harness.NewTarget(t)
		node := s.Start("--slots", "1")
		api := s.Client(node)
		off := harness.Fields{"enabled": false}
		busy := api.CreateJob(job(target, "/busy/gate", harness.Fields{}, off))
		waits := api.CreateJob(job(target, "/waits", harness.EveryMinute(), off))
		runOf := func(id int64) string { return fmt.Sprintf("/jobs/%d/run", id) }

		first := askRun(t, api, "POST", runOf(busy))
		await(t, "the slot is taken", func() bool { return len(target.To("/busy/gate")) == 1 })
		second := askRun(t, api, "POST", runOf(waits))
		if first.Status != 202 || second.Status != 202 {
			t.Fatalf("the runs are answered with %d and %d", first.Status, second.Status)
		}
		api.Refused(409, "POST", runOf(waits), nil)
		if now := askRun(t, api, "GET", second.Run.Path); now.Run.State != "waiting" || len(target.To("/waits")) > 0 {
			t.Errorf("without a free slot the run is %q, and the target was called %d times", now.Run.State,
				len(target.To("/waits")))
		}
		target.Open()
		for _, asked := range []askedRun{first, second} {
			var now askedRun
			await(t, "the run has ended", func() bool {
				now = askRun(t, api, "GET", asked.Run.Path)
				return now.Run.State == "finished"
			})
			if *now.Run.Outcome != "succeeded" {
				t.Errorf("the run ended as %q", *now.Run.Outcome)
			}
		}
		for _, id := range []int64{busy, waits} {
			h := api.History(id)
			if len(h.History) != 1 || len(h.Predictions) > 0 || api.Job(id).Enabled {
				t.Errorf("job %d: %+v", id, h)
			}
		}
		node.Stop()
		ledger := check(t, s, checker.Witness{From: time.Now(), To: time.Now(), Received: target.Counts(), Stopped: true})
		if len(ledger.Records) != 2 {
			t.Errorf("the ledger has %d records", len(ledger.Records))
		}
		for i, r := range ledger.Records {
			asked := []askedRun{first, second}[i]
			if r.Kind != cron.KindManual || r.Planned.UnixMilli() != asked.Run.RunID {
				t.Errorf("the ledger has %+v for %+v", r, asked)
			}
		}
	})
}

// TestARunIsHeardOfByOtherNodes requests a run on one node, whose slot is taken: the other node, which was asleep,
// performs it.
func TestARunIsHeardOfByOtherNodes(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, storetest.Postgres(t))
	target := harness.NewTarget(t)
	asked := s.Start("--slots", "1")
	api := s.Client(asked)
	off := harness.Fields{"enabled": false}
	busy := api.CreateJob(job(target, "/busy/gate", harness.Fields{}, off))
	heard := api.CreateJob(job(target, "/heard", harness.Fields{}, off))
	askRun(t, api, "POST", fmt.Sprintf("/jobs/%d/run", busy))
	await(t, "the slot is taken", func() bool { return len(target.To("/busy/gate")) == 1 })
	other := s.Start()
	askRun(t, api, "POST", fmt.Sprintf("/jobs/%d/run", heard))
	await(t, "the other node performs the run", func() bool { return len(target.To("/heard")) == 1 })
	target.Open()
	asked.Stop()
	other.Stop()
	ledger := check(t, s, checker.Witness{From: time.Now(), To: time.Now(), Received: target.Counts(), Stopped: true})
	if last := ledger.Records[1]; last.Node != ledger.Nodes[1].Epoch || last.Kind != cron.KindManual {
		t.Errorf("the run is on record as %+v", last)
	}
}
