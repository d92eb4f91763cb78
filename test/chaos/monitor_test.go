package chaos

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"

	"punctual/test/harness"
)

// createMonitors creates a status page with jobs that nobody edits: a component for each, and some for several. It turns the jobs on when
// the page has them, so that every result of theirs counts.
func createMonitors(t *testing.T, s *harness.Service, node *harness.Node, target string, rng *rand.Rand) {
	t.Helper()
	client := harness.NewClient(t, node.URL, s.CreateAccount("monitors@example.com", "unlimited"))
	const jobs = 24
	var (
		ids        []int64
		components []harness.Fields
	)
	component := func(jobs ...int64) {
		most := 1 + rng.IntN(3)
		components = append(components, harness.Fields{"title": fmt.Sprint("component ", len(components)), "jobIds": jobs, "needed": rng.IntN(len(jobs) + 1),
			"rule": harness.Fields{"failures": 1 + rng.IntN(most), "of": most, "successes": 1 + rng.IntN(2)}})
	}
	for i := range jobs {
		job := randomJob(rng, target, 1_000_000+i)
		job["enabled"] = false
		delete(job, "runAt")
		delete(job, "pausedUntil")
		if i%6 > 0 { // results of those that overlap have no order that the ledger tells
			job["overlap"] = "skip"
		}
		if i%2 == 0 {
			job["url"] = fmt.Sprintf("%s/every/%d/job/%d?u=%%cjo:uuid4%%", target, 2+rng.IntN(3), 1_000_000+i)
		}
		ids = append(ids, client.CreateJob(job))
		component(ids[i])
	}
	for i := 0; i < jobs; i += 6 {
		component(ids[i : i+2+rng.IntN(5)]...)
	}
	page := harness.Fields{"statusPage": harness.Fields{"title": "Systems", "published": true, "components": components}}
	if answer := client.Do("POST", "/statuspages", page, nil); answer.Status != http.StatusOK {
		t.Fatalf("create a status page: status %d: %s", answer.Status, answer.Body)
	}
	for _, id := range ids {
		client.ChangeJob(id, harness.Fields{"enabled": true})
	}
}
