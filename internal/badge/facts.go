package badge

import (
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// Job is a job as its badges show it.
type Job struct {
	ID        int64
	AccountID int64
	Renewals  int64 // of its addresses
	Enabled   bool
	State     cron.JobState
}

// Runs is how runs went.
type Runs struct {
	Succeeded, Failed int64 // by the last attempt of each occurrence
	Timed             int64 // how many durations there are
	Median            time.Duration
	statuspage.Runs
}

// Uptime is the share of the runs of a job that succeeded, from 0 to 1; known is false when none has ended. Runs that were missed, skipped
// or lost do not count.
func (r *Runs) Uptime() (share float64, known bool) {
	all := r.Succeeded + r.Failed
	if all <= 0 {
		return 0, false
	}
	return float64(r.Succeeded) / float64(all), true
}
