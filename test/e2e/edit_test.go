package e2e

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"punctual/test/checker"
	"punctual/test/harness"
)

// TestEditsCountUntilTheInstant edits jobs shortly before they are due. An edit that was answered before the instant
// counts: the former definition does not run.
func TestEditsCountUntilTheInstant(t *testing.T) {
	t.Parallel()
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		target := harness.NewTarget(t)
		node := s.Start()
		api := s.Client(node)
		instant := time.Now().Truncate(time.Second).Add(8 * time.Second)
		type trial struct {
			path, edit        string
			created, answered time.Time
		}
		trials := make([]trial, 60)
		var edits sync.WaitGroup
		for i := range trials {
			x := &trials[i]
			x.path, x.edit = fmt.Sprintf("/before/%d", i), []string{"disabled", "changed", "deleted"}[i%3]
			job := "/jobs/" + strconv.FormatInt(api.CreateJob(job(target, x.path, harness.AtSeconds(instant.Second()))), 10)
			x.created = time.Now()
			edits.Go(func() {
				time.Sleep(time.Until(instant.Add(-rand.N(1500 * time.Millisecond))))
				method, change := "PATCH", harness.Fields{"enabled": false}
				switch x.edit {
				case "changed":
					change = harness.Fields{"url": target.URL + "/after" + x.path}
				case "deleted":
					method = "DELETE"
				}
				answer, err := api.Try(method, job, harness.Fields{"job": change}, nil)
				if err != nil || answer.Status != 200 {
					t.Errorf("%s %s: status %d, %v", method, job, answer.Status, err)
				}
				x.answered = answer.At
			})
		}
		edits.Wait()
		s.AwaitSettled(instant)
		node.Stop()

		counts := map[string]int{}
		for _, r := range target.Requests() {
			counts[r.Path]++
		}
		for _, x := range trials {
			if !x.created.Before(instant) {
				t.Logf("the machine was too busy to create the job for %s in time", x.path)
				continue
			}
			before, after := counts[x.path], counts["/after"+x.path]
			if before+after > 1 || x.edit == "changed" && before+after != 1 {
				t.Errorf("the job that was %s was called %d times as it was and %d times as it became", x.edit, before, after)
			}
			if !x.answered.Before(instant) {
				continue // both results are allowed
			}
			if before > 0 {
				t.Errorf("the job that was %s %s before its instant ran as it was", x.edit, instant.Sub(x.answered))
			}
		}
		check(t, s, checker.Witness{From: instant, To: instant, Stopped: true})
	})
}

// TestEnabledAgain disables and enables jobs: they continue at the next instant, and there are no records of the time
// between.
func TestEnabledAgain(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, "")
	target := harness.NewTarget(t)
	node := s.Start()
	api := s.Client(node)
	id := api.CreateJob(job(target, "/again", harness.EverySecond()))
	await(t, "the job runs", func() bool { return len(target.To("/again")) > 1 })
	api.ChangeJob(id, harness.Fields{"enabled": false})
	off := time.Now()
	time.Sleep(2500 * time.Millisecond)
	on := time.Now()
	api.ChangeJob(id, harness.Fields{"enabled": true})
	before := len(target.To("/again"))
	await(t, "the job runs again", func() bool { return len(target.To("/again")) > before+1 })
	s.AwaitSettled(time.Now())
	for _, item := range api.History(id).History {
		// An instant during the edit itself may have been claimed before it.
		if planned := time.Unix(item.DatePlanned, 0); planned.After(off) && planned.Before(on) {
			t.Errorf("the job ran at %v, but it was disabled from %v to %v", planned, off, on)
		}
	}
	node.Stop()
	check(t, s, checker.Witness{From: on, To: on.Add(time.Second), Received: target.Counts(), Stopped: true})
}
