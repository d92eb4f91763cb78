package e2e

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"punctual/internal/cron"
	"punctual/test/harness"
)

// TestOneAccountHurtsNoOther has an account send the largest possible requests: lists of millions of numbers, and many
// changes of one job, whose row another session locks if the database has row locks. The jobs of another account run
// meanwhile.
func TestOneAccountHurtsNoOther(t *testing.T) {
	t.Parallel()
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		const jobs, runs = 20, 3
		target := harness.NewTarget(t)
		node := s.Start()
		api := s.Client(node)
		attacker := harness.NewClient(t, node.URL, s.CreateAccount("attacker@example.com", "unlimited"))
		held := attacker.CreateJob(harness.Fields{"url": target.URL + "/held"})
		path := "/jobs/" + strconv.FormatInt(held, 10)
		release := func() {}
		if s.URL != "" {
			release = s.Tables().LockJob(held)
		}

		var (
			attack  sync.WaitGroup
			mu      sync.Mutex
			answers = map[string]int{}
			end     = make(chan struct{})
		)
		send := func(what string, body any, most int) {
			for range most {
				select {
				case <-end:
					return
				default:
				}
				answer, err := attacker.Try(http.MethodPatch, path, body, nil)
				if err != nil {
					continue // refused while it was being sent
				}
				mu.Lock()
				answers[fmt.Sprint(what, " ", answer.Status)]++
				mu.Unlock()
			}
		}
		numbers := `{"job":{"schedule":{"hours":[1` + strings.Repeat(",1", 4_000_000-1) + `]}}}`
		for range 7 {
			attack.Go(func() { send("numbers", numbers, 3) })
		}
		for i := range 40 {
			attack.Go(func() { send("change", harness.Fields{"job": harness.Fields{"title": fmt.Sprint(i)}}, 1000) })
		}
		await(t, "the attack is under way", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(answers) > 0
		})
		for i := range jobs {
			api.CreateJob(job(target, fmt.Sprint("/other/", i), harness.AtSeconds(-1)))
		}
		await(t, "the jobs of the other account have run", func() bool {
			counts := map[string]int{}
			for _, r := range target.Requests() {
				counts[r.Path]++
			}
			for i := range jobs {
				if counts[fmt.Sprint("/other/", i)] < runs {
					return false
				}
			}
			return true
		})
		close(end)
		release()
		attack.Wait()
		t.Logf("the attack was answered with %v", answers)
		for answer := range answers {
			if strings.HasPrefix(answer, "numbers 2") || strings.HasSuffix(answer, " 500") {
				t.Errorf("the attack was answered with %s", answer)
			}
		}
		tables := s.Tables()
		missed := tables.Rows("execution") - tables.Executions(cron.OutcomeRunning) - tables.Executions(cron.OutcomeSucceeded)
		if missed > 0 {
			t.Errorf("%d executions of the other account failed or were missed", missed)
		}
	})
}
