package cron

// BadgeParts are what a job's public badge shows beside its state, as bits. The numbers are those of the cron-job.org
// API.
type BadgeParts int

// The parts.
const (
	BadgeTitle     BadgeParts = 1 << 0
	BadgeExecution BadgeParts = 1 << 1 // when the job was executed last
	BadgeLatency   BadgeParts = 1 << 2 // how long that took
)

// Valid tells whether p has no other bits.
func (p BadgeParts) Valid() bool { return p&^(BadgeTitle|BadgeExecution|BadgeLatency) == 0 }
