package cron

import "time"

// CertificateAhead is how long before its end a certificate is worth a look.
const CertificateAhead = 14 * 24 * time.Hour

// MaxLateCounted is up to how many late jobs are counted.
const MaxLateCounted = 5000

// JobCounts says how many jobs of an account there are, and of how many a JobCondition holds.
type JobCounts struct {
	Jobs         int
	Failing      int
	Late         int // at most MaxLateCounted
	Paused       int
	Silenced     int
	Disabled     int
	Certificates int // JobCertificate
}

// ProblemCounts says how many problems of an account are in a state, and when the last one ended.
type ProblemCounts struct {
	Open, Acknowledged, Snoozed int
	LastResolved                time.Time // zero if none is known
}

// Unresolved is how many problems there are.
func (c *ProblemCounts) Unresolved() int { return c.Open + c.Acknowledged + c.Snoozed }

// JobEdit is a version of a job with the title that the job has now.
type JobEdit struct {
	JobVersion
	Title   string // "" for a job that is deleted for good
	Deleted bool   // the job is in the bin
}
