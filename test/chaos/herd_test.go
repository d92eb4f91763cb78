package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
	"punctual/test/harness"
)

// createHerd creates jobs of every kind in several accounts, the operator's first, beside the running nodes. It returns
// the operator's.
func createHerd(t *testing.T, db *store.Store, target string, jobs int, rng *rand.Rand) (operators []int64) {
	t.Helper()
	operator, err := db.Operator(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	accounts := []int64{operator.ID}
	for i := range 3 {
		a := cron.Account{Email: fmt.Sprintf("a%d@example.com", i), Plan: cron.PlanUnlimited}
		if err := db.CreateAccount(t.Context(), &a); err != nil {
			t.Fatal(err)
		}
		accounts = append(accounts, a.ID)
	}
	herd := make([]cron.Job, jobs)
	for i := range herd {
		herd[i] = randomJob(rng, target, i)
		herd[i].AccountID = accounts[rng.IntN(len(accounts))]
	}
	work := make(chan *cron.Job)
	var workers sync.WaitGroup
	for range 32 { // each waits for the disk, so that they are committed together
		workers.Go(func() {
			for j := range work {
				if err := db.CreateJob(context.WithoutCancel(t.Context()), j); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range herd {
		work <- &herd[i]
	}
	close(work)
	workers.Wait()
	for i := range herd {
		if herd[i].AccountID == operator.ID {
			operators = append(operators, herd[i].ID)
		}
	}
	return operators
}

// randomJob is the job with the given number, which its URL has too.
func randomJob(rng *rand.Rand, target string, number int) cron.Job {
	j := cron.NewJob()
	j.Enabled, j.Schedule, j.Timeout = true, randomSchedule(rng), 2
	path := fmt.Sprintf("/job/%d", number)
	switch rng.IntN(20) {
	case 0:
		path = "/status/500" + path
	case 1:
		path = "/every/3" + path
	case 2:
		path = "/drop" + path
	case 3:
		path = "/hang" + path
		j.Timeout = 1
	case 4, 5, 6:
		path = fmt.Sprintf("/delay/%dms%s", rng.IntN(1500), path)
	}
	j.Request.URL = target + path + "?u=" + cron.PlaceholderUUID
	soon := time.Now().Truncate(time.Second).Add(time.Duration(2+rng.IntN(8)) * time.Second)
	switch rng.IntN(20) {
	case 0:
		j.Timing.RunAt = soon
	case 1:
		j.Timing.PausedUntil = soon
	case 2, 3:
		j.Timing.Spread = 5 * time.Second
	}
	p := &j.Policy
	p.Delivery, p.Overlap, p.Misfire = cron.Delivery(rng.IntN(2)), cron.Overlap(rng.IntN(2)), cron.Misfire(rng.IntN(2))
	p.Grace = []time.Duration{cron.UnsetGrace, 0, time.Second, 3 * time.Second, time.Minute}[rng.IntN(5)]
	p.Retry = cron.Retry{Count: max(0, rng.IntN(5)-2), Delay: time.Second, Factor: 1, Ceiling: time.Second}
	j.Notification.OnFailure, j.Notification.OnSuccess = rng.IntN(2) == 0, rng.IntN(2) == 0
	return j
}

// randomSchedule is due at each second, or at every second to eighth of each minute.
func randomSchedule(rng *rand.Rand) cron.Schedule {
	s := cron.Schedule{Timezone: "UTC", Seconds: cron.Every, Minutes: cron.Every, Hours: cron.Every, MonthDays: cron.Every,
		Months: cron.Every, Weekdays: cron.Every}
	if rng.IntN(10) > 0 {
		s.Seconds = 0
		period := 2 + rng.IntN(7)
		for second := rng.IntN(period); second < 60; second += period {
			s.Seconds |= cron.SetOf(second)
		}
	}
	return s
}

// edit changes jobs through whatever node is up, until the round stops it. A node may die before it answers.
func (r *round) edit(ctx context.Context, jobs []int64, rng *rand.Rand) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Duration(rng.IntN(60)) * time.Millisecond):
		}
		path := fmt.Sprintf("/jobs/%d", jobs[rng.IntN(len(jobs))])
		var change harness.Fields
		switch rng.IntN(8) {
		case 0, 1:
			change = harness.Fields{"enabled": false}
		case 2:
			change = harness.Fields{"schedule": harness.Fields{"seconds": randomSchedule(rng).Seconds.Members()[:2]}}
		default:
			change = harness.Fields{"enabled": true, "title": "edited"}
		}
		answer, err := r.current.Load().Try("PATCH", path, harness.Fields{"job": change}, nil)
		if err == nil && !slices.Contains([]int{200, 500}, answer.Status) {
			r.t.Errorf("edit a job: status %d: %s", answer.Status, answer.Body)
		}
	}
}
