package scheduler

import (
	"testing"

	"punctual/internal/cron"
)

// TestOpenFrom asks, at each step of claims and results, from which id on executions may be under way. Other nodes have
// come to 100.
func TestOpenFrom(t *testing.T) {
	f := newFlight(10, 10)
	launch := func(id int64) cron.Launch {
		return cron.Launch{ExecutionID: id, Job: &cron.Job{}, Plan: &cron.Plan{}}
	}
	start := func(ids ...int64) {
		for _, id := range ids {
			l := launch(id)
			f.start(&l, func() { f.landed(l.Job, 0) })
		}
	}
	record := func(id int64) { f.recorded([]cron.Completion{{Launch: launch(id)}}) }
	for _, step := range []struct {
		what string
		do   func()
		want int64
	}{
		{"nothing was claimed", func() {}, 100},
		{"the first claim is under way", f.claims, 0},
		{"it took some", func() { start(7, 9); f.claimed() }, 7},
		{"another is under way", f.claims, 7},
		{"the oldest is recorded meanwhile", func() { record(7) }, 9},
		{"and the other", func() { record(9) }, 9},
		{"the claim took nothing", f.claimed, 100},
		{"one fails", f.claims, 9},
		{"what it took is found", func() { start(12); f.claimed() }, 12},
		{"and recorded", func() { record(12) }, 100},
	} {
		step.do()
		f.running.Wait()
		if got := f.openFrom(100); got != step.want {
			t.Errorf("%s: %d, want %d", step.what, got, step.want)
		}
	}
}
