package cron_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"punctual/internal/cron"
)

// TestSpread makes sure that runs keep to the rate, the order of their records, and the distances of their jobs.
func TestSpread(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		jobs := map[int64]*cron.RerunJob{}
		for id := range int64(4) {
			jobs[id] = &cron.RerunJob{ID: id, Apart: time.Duration(rapid.SampledFrom([]int{0, 0, 2, 31, 3601}).Draw(t, "apart")) * time.Second}
		}
		var p cron.RerunPlan
		for i := range rapid.IntRange(0, 100).Draw(t, "records") {
			p.Runs = append(p.Runs, cron.Rerun{JobID: rapid.Int64Range(0, 4).Draw(t, "job"), RecordID: int64(1000 - i)}) // 4 is gone
		}
		perMinute := rapid.IntRange(1, cron.MaxRerunRate).Draw(t, "rate")
		had := 0
		for _, r := range p.Runs {
			if r.JobID < 4 {
				had++
			}
		}
		p.Spread(perMinute, jobs)
		if len(p.Runs) != had && !p.Cut || len(p.Runs) > had {
			t.Fatalf("%d runs of %d records, cut: %t", len(p.Runs), had, p.Cut)
		}
		interval := time.Minute / time.Duration(perMinute)
		last, runs := map[int64]cron.Rerun{}, map[int64]int{}
		for i, r := range p.Runs {
			if i == 0 && r.After != 0 {
				t.Fatalf("the first run is due after %v", r.After)
			}
			if i > 0 && r.After-p.Runs[i-1].After < interval-time.Millisecond {
				t.Fatalf("runs at %v and %v are closer than %v", p.Runs[i-1].After, r.After, interval)
			}
			if former, ran := last[r.JobID]; ran && (former.RecordID > r.RecordID ||
				r.After-former.After < jobs[r.JobID].Apart-time.Millisecond) {
				t.Fatalf("job %d runs at %v and %v, for %d and %d", r.JobID, former.After, r.After, former.RecordID, r.RecordID)
			}
			if r.After > cron.MaxRerunSpan {
				t.Fatalf("a run is due after %v", r.After)
			}
			last[r.JobID] = r
			runs[r.JobID]++
		}
		for _, j := range p.Jobs {
			if j.Runs != runs[j.ID] {
				t.Fatalf("job %d has %d runs, not %d", j.ID, runs[j.ID], j.Runs)
			}
		}
		if p.Takes() > 0 && p.Takes() != p.Runs[len(p.Runs)-1].After {
			t.Fatalf("it takes %v", p.Takes())
		}
	})
}
