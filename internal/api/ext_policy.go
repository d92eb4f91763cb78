package api

import (
	"time"

	"punctual/internal/cron"
)

// policy is the members of a job that say what happens when an execution cannot be, or was not, a plain success in its
// instant.
type policy struct {
	Misfire      string `json:"misfire"`
	GraceSeconds int64  `json:"graceSeconds"` // defaultGrace stands for the default
	Overlap      string `json:"overlap"`
	Delivery     string `json:"delivery"`
	Retry        retry  `json:"retry"`
}

type retry struct {
	Count          int     `json:"count"`
	DelaySeconds   int64   `json:"delaySeconds"`
	Factor         float64 `json:"factor"`
	CeilingSeconds int64   `json:"ceilingSeconds"`
}

// defaultGrace is cron.UnsetGrace on the wire.
const defaultGrace = -1

// The names of the policies, by their numbers.
var (
	misfireNames  = []string{cron.MisfireSkip: "skip", cron.MisfireRun: "run"}
	overlapNames  = []string{cron.OverlapAllow: "allow", cron.OverlapSkip: "skip"}
	deliveryNames = []string{cron.AtMostOnce: "at-most-once", cron.AtLeastOnce: "at-least-once"}
)

func newPolicy(p *cron.Policy) policy {
	r := &p.Retry
	return policy{
		Misfire: misfireNames[p.Misfire], GraceSeconds: max(wholeSeconds(p.Grace), defaultGrace),
		Overlap: overlapNames[p.Overlap], Delivery: deliveryNames[p.Delivery],
		Retry: retry{r.Count, wholeSeconds(r.Delay), r.Factor, wholeSeconds(r.Ceiling)},
	}
}

// readPolicy merges the members of a job that belong to its policy.
func readPolicy(o object, p *cron.Policy) {
	choice(o, "misfire", &p.Misfire, misfireNames)
	o.seconds("graceSeconds", &p.Grace, defaultGrace, cron.MaxGrace)
	choice(o, "overlap", &p.Overlap, overlapNames)
	choice(o, "delivery", &p.Delivery, deliveryNames)

	retry := o.object("retry")
	integer(retry, "count", &p.Retry.Count, 0, cron.MaxRetries)
	retry.seconds("delaySeconds", &p.Retry.Delay, 0, cron.MaxRetryDelay)
	retry.number("factor", &p.Retry.Factor, 1, cron.MaxFactor)
	retry.seconds("ceilingSeconds", &p.Retry.Ceiling, 0, cron.MaxRetryDelay)
}

// wholeSeconds is a duration as the wire has it.
func wholeSeconds(d time.Duration) int64 { return int64(d / time.Second) }
