package api

import (
	"punctual/internal/api/wire"
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

func newPolicy(p *cron.Policy) policy {
	r := &p.Retry
	return policy{
		Misfire: wire.MisfireNames[p.Misfire], GraceSeconds: max(wire.WholeSeconds(p.Grace), wire.DefaultGrace),
		Overlap: wire.OverlapNames[p.Overlap], Delivery: wire.DeliveryNames[p.Delivery],
		Retry: retry{r.Count, wire.WholeSeconds(r.Delay), r.Factor, wire.WholeSeconds(r.Ceiling)},
	}
}

// readPolicy merges the members of a job that belong to its policy.
func readPolicy(o wire.Object, p *cron.Policy) {
	wire.Choice(o, "misfire", &p.Misfire, wire.MisfireNames)
	o.Seconds("graceSeconds", &p.Grace, wire.DefaultGrace, cron.MaxGrace)
	wire.Choice(o, "overlap", &p.Overlap, wire.OverlapNames)
	wire.Choice(o, "delivery", &p.Delivery, wire.DeliveryNames)

	retry := o.Object("retry")
	wire.Integer(retry, "count", &p.Retry.Count, 0, cron.MaxRetries)
	retry.Seconds("delaySeconds", &p.Retry.Delay, 0, cron.MaxRetryDelay)
	retry.Number("factor", &p.Retry.Factor, 1, cron.MaxFactor)
	retry.Seconds("ceilingSeconds", &p.Retry.Ceiling, 0, cron.MaxRetryDelay)
}
