package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"punctual/test/harness"
)

// createJobs creates jobs of every kind in several accounts and returns those of the operator.
func createJobs(t *testing.T, s *harness.Service, node *harness.Node, told *receiver, target string, jobs int, rng *rand.Rand) (
	operators []int64) {
	t.Helper()
	clients := []*harness.Client{s.Client(node)}
	for i := range 3 {
		clients = append(clients, harness.NewClient(t, node.URL, s.CreateAccount(fmt.Sprintf("a%d@example.com", i), "unlimited")))
	}
	for _, client := range clients {
		createChannel(t, client, told)
	}
	type order struct {
		account int
		job     harness.Fields
	}
	orders := make(chan order)
	var (
		workers sync.WaitGroup
		mu      sync.Mutex
	)
	for range 16 { // parallel, so that writes are committed together
		workers.Go(func() {
			for o := range orders {
				id, err := clients[o.account].TryCreateJob(o.job)
				if err != nil {
					t.Error(err)
				}
				if o.account == 0 {
					mu.Lock()
					operators = append(operators, id)
					mu.Unlock()
				}
			}
		})
	}
	for i := range jobs {
		orders <- order{rng.IntN(len(clients)), randomJob(rng, target, i)}
	}
	close(orders)
	workers.Wait()
	slices.Sort(operators)
	return operators
}

// randomJob is a job with the given number, which its URL contains.
func randomJob(rng *rand.Rand, target string, number int) harness.Fields {
	pick := func(names ...string) string { return names[rng.IntN(len(names))] }
	path, timeout := fmt.Sprintf("/job/%d", number), 2
	switch rng.IntN(20) {
	case 0:
		path = "/status/500" + path
	case 1:
		path = "/every/3" + path
	case 2:
		path = "/drop" + path
	case 3:
		path = "/hang" + path
		timeout = 1
	case 4, 5, 6:
		path = fmt.Sprintf("/delay/%dms%s", rng.IntN(1500), path)
	}
	schedule := harness.AtSeconds(randomSeconds(rng)...)
	job := harness.Fields{
		"url": target + path + "?u=%cjo:uuid4%", "enabled": true, "schedule": schedule, "requestTimeout": timeout,
		"misfire": pick("skip", "run"), "graceSeconds": []int{-1, 0, 1, 3, 60}[rng.IntN(5)],
		"overlap": pick("allow", "skip"), "delivery": pick("at-most-once", "at-least-once"),
		"retry":        harness.Fields{"count": max(0, rng.IntN(5)-2), "delaySeconds": 1, "factor": 1, "ceilingSeconds": 1},
		"notification": harness.Fields{"onFailure": rng.IntN(2) == 0, "onSuccess": rng.IntN(2) == 0},
	}
	soon := time.Now().Unix() + int64(2+rng.IntN(8))
	switch rng.IntN(20) {
	case 0:
		job["runAt"] = soon
	case 1:
		job["pausedUntil"] = soon
	case 2, 3:
		schedule["spreadSeconds"] = 5
	}
	return job
}

// randomSeconds are all seconds of a minute, or every second to eighth one.
func randomSeconds(rng *rand.Rand) (seconds []int) {
	if rng.IntN(10) == 0 {
		return []int{-1}
	}
	period := 2 + rng.IntN(7)
	for second := rng.IntN(period); second < 60; second += period {
		seconds = append(seconds, second)
	}
	return seconds
}

// edit changes jobs on any node that runs, until the round ends. A node may die before it answers.
func (r *round) edit(ctx context.Context, jobs []int64, rng *rand.Rand) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Duration(rng.IntN(60)) * time.Millisecond):
		}
		if rng.IntN(4) == 0 {
			r.act(jobs, rng)
			continue
		}
		path := fmt.Sprintf("/jobs/%d", jobs[rng.IntN(len(jobs))])
		var change harness.Fields
		switch rng.IntN(8) {
		case 0, 1:
			change = harness.Fields{"enabled": false}
		case 2:
			change = harness.Fields{"schedule": harness.Fields{"seconds": randomSeconds(rng)}}
		default:
			change = harness.Fields{"enabled": true, "title": "edited"}
		}
		answer, err := r.current.Load().Try("PATCH", path, harness.Fields{"job": change}, nil)
		// 429 means that a node which died or is paused holds the row of the job.
		if err == nil && !slices.Contains([]int{200, 429, 500, 503}, answer.Status) {
			r.t.Errorf("edit a job: status %d: %s", answer.Status, answer.Body)
		}
	}
}

// act starts an action over some of the jobs, cancels one, takes one back, or acknowledges a problem.
func (r *round) act(jobs []int64, rng *rand.Rand) {
	var (
		path = "/actions"
		body any
		some = harness.Fields{"dryRun": rng.IntN(4) == 0, "operations": []harness.Fields{{"kind": "addTags", "tags": []string{fmt.Sprint("t", rng.IntN(1000))}}}}
	)
	switch number := 1 + rng.IntN(5); rng.IntN(8) {
	case 0:
		path = fmt.Sprintf("/actions/%d/undo", number)
	case 1:
		path = fmt.Sprintf("/actions/%d/cancel", number)
	case 2:
		path, body = fmt.Sprintf("/problems/%d/acknowledge", number), harness.Fields{}
	case 3:
		some["filter"] = harness.Fields{}
		body = harness.Fields{"action": some}
	default:
		at := rng.IntN(len(jobs))
		some["jobIds"] = jobs[at:min(len(jobs), at+1+rng.IntN(150))]
		body = harness.Fields{"action": some}
	}
	answer, err := r.current.Load().Try("POST", path, body, nil)
	if err == nil && !slices.Contains([]int{200, 202, 404, 409, 429, 500, 503}, answer.Status) {
		r.t.Errorf("%s: status %d: %s", path, answer.Status, answer.Body)
	}
}
