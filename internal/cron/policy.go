package cron

import (
	"strconv"
	"time"
)

// Policy says what happens when an occurrence cannot run on time or fails.
type Policy struct {
	Misfire  Misfire
	Grace    time.Duration // how late an occurrence can be found and still run normally; whole seconds, or UnsetGrace
	Overlap  Overlap
	Delivery Delivery
	Retry    Retry
	// LateAfter is the lateness from which on a success is a problem (JobProblem); 0 for none. Whole seconds.
	LateAfter time.Duration
}

// Misfire says what happens with an occurrence that is found later than its grace. The numbers are stored.
type Misfire int

// The misfire policies.
const (
	MisfireSkip Misfire = 0 // it is recorded as missed
	MisfireRun  Misfire = 1 // the latest one runs once, at once; earlier ones are recorded as missed
)

// Overlap says what happens when a job is due while its previous execution is in flight. The numbers are stored.
type Overlap int

// The overlap policies.
const (
	OverlapAllow Overlap = 0
	OverlapSkip  Overlap = 1 // the occurrence is recorded as skipped
)

// Delivery says what happens with an execution of unknown outcome. The numbers are stored.
type Delivery int

// The delivery contracts.
const (
	AtMostOnce  Delivery = 0 // it is recorded as lost
	AtLeastOnce Delivery = 1 // it is recorded as lost and repeated with a higher attempt number
)

// Retry says how a failed occurrence is retried.
type Retry struct {
	Count   int           // further attempts after the first one; 0 for none
	Delay   time.Duration // before the first retry
	Factor  float64       // by which the delay grows with each retry
	Ceiling time.Duration // the longest delay
}

// Limits on Policy.
const (
	MaxGrace      = 7 * 24 * time.Hour
	MaxRetries    = 10
	MaxRetryDelay = 24 * time.Hour
	MaxFactor     = 10
	// MaxRepeats limits how often an at-least-once occurrence is repeated after it was lost, so that a request that
	// crashes its node cannot do so endlessly.
	MaxRepeats = 3
)

// UnsetGrace as Policy.Grace means the default: the time to the next occurrence, at most LongestDefaultGrace.
const (
	UnsetGrace          = -1 * time.Second
	LongestDefaultGrace = time.Hour
)

// DefaultPolicy is the policy of a new job.
func DefaultPolicy() Policy {
	return Policy{Grace: UnsetGrace, Retry: Retry{Delay: time.Minute, Factor: 2, Ceiling: time.Hour}}
}

// check adds what is wrong with the policy.
func (p *Policy) check(c *Checker) {
	c.Choice("/misfire", int(p.Misfire), 2)
	c.Choice("/overlap", int(p.Overlap), 2)
	c.Choice("/delivery", int(p.Delivery), 2)
	if p.Grace > MaxGrace {
		c.Add("/graceSeconds", OutOfRange(int64(p.Grace/time.Second), 0, int64(MaxGrace/time.Second)))
	}
	if p.LateAfter < 0 || p.LateAfter > MaxLateAfter {
		c.Add("/lateAfterSeconds", OutOfRange(int64(p.LateAfter/time.Second), 0, int64(MaxLateAfter/time.Second)))
	}
	r := p.Retry
	if r.Count < 0 || r.Count > MaxRetries {
		c.Add("/retry/count", OutOfRange(int64(r.Count), 0, MaxRetries))
	}
	if r.Delay < 0 || r.Delay > MaxRetryDelay {
		c.Add("/retry/delaySeconds", OutOfRange(int64(r.Delay/time.Second), 0, int64(MaxRetryDelay/time.Second)))
	}
	if r.Ceiling < 0 || r.Ceiling > MaxRetryDelay {
		c.Add("/retry/ceilingSeconds", OutOfRange(int64(r.Ceiling/time.Second), 0, int64(MaxRetryDelay/time.Second)))
	}
	if !(r.Factor >= 1 && r.Factor <= MaxFactor) {
		given := strconv.FormatFloat(r.Factor, 'g', -1, 64)
		c.Add("/retry/factor", Problem{Rule: RuleOutOfRange, Given: given, Min: 1, Max: MaxFactor})
	}
}

// normalize truncates durations to whole seconds and makes any negative grace UnsetGrace.
func (p *Policy) normalize() {
	if p.Grace = p.Grace.Truncate(time.Second); p.Grace < 0 {
		p.Grace = UnsetGrace
	}
	p.LateAfter = p.LateAfter.Truncate(time.Second)
	p.Retry.Delay, p.Retry.Ceiling = p.Retry.Delay.Truncate(time.Second), p.Retry.Ceiling.Truncate(time.Second)
}

// Waits are the delays of all retries, from the end of the attempt before, when the server names none.
func (r Retry) Waits() []time.Duration {
	var waits []time.Duration
	for attempt := range min(r.Count, MaxRetries) {
		waits = append(waits, r.wait(attempt+1, 0))
	}
	return waits
}

// wait is the delay of the retry after the given attempt (1 is the first). A longer Retry-After of the server takes
// precedence, up to MaxRetryDelay.
func (r Retry) wait(attempt int, retryAfter time.Duration) time.Duration {
	d := float64(r.Delay)
	for range attempt - 1 {
		if d *= r.Factor; d >= float64(r.Ceiling) {
			break
		}
	}
	wait := time.Duration(min(d, float64(max(r.Ceiling, r.Delay))))
	return min(max(wait, retryAfter), MaxRetryDelay)
}

// Span is how long after its first failure the last attempt of an occurrence can be due, unless a server asks for more time.
func (r Retry) Span() (span time.Duration) {
	for attempt := range r.Count {
		span += r.wait(attempt+1, 0)
	}
	return span
}
