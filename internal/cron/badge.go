package cron

// BadgeParts is what a job's public badge shows beside its state, as a bit set. The numbers are those of the cron-job.org
// API.
type BadgeParts int

// The parts.
const (
	BadgeTitle     BadgeParts = 1 << 0
	BadgeExecution BadgeParts = 1 << 1 // the time of the last execution
	BadgeLatency   BadgeParts = 1 << 2 // its duration
)

// Valid reports whether p has no other bits.
func (p BadgeParts) Valid() bool { return p&^(BadgeTitle|BadgeExecution|BadgeLatency) == 0 }
