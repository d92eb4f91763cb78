package api

import (
	"net/http"
	"time"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/service"
)

// getStats adds up what was due in a span of time.
func (a *api) getStats(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	var (
		p       wire.Problems
		query   = wire.Query(r, &p)
		request service.StatsRequest
		step    int
	)
	wire.Integer(query, "job", &request.JobID, 1, 1<<53)
	wire.Span(query, &request.From, &request.To)
	wire.Choice(query, "step", &step, wire.StepNames)
	if err := p.Err(); err != nil {
		return err
	}
	request.Step = wire.StepLengths[step]
	stats, err := a.service.Stats(r.Context(), a.now(), actor, request)
	if err != nil {
		return err
	}
	answer := struct {
		From int64 `json:"from"` // Unix seconds
		To   int64 `json:"to"`
		AsOf int64 `json:"asOf"`
		tally
		Usual  *band       `json:"usualDuration"` // null for a whole account
		Series []statsStep `json:"series"`        // null without a step
	}{From: stats.From.Unix(), To: stats.To.Unix(), AsOf: stats.AsOf.Unix(), tally: newTally(&stats.Total), Usual: newBand(stats.Usual)}
	if step > 0 {
		answer.Series = make([]statsStep, len(stats.Steps))
		for i := range stats.Steps {
			answer.Series[i] = statsStep{stats.Steps[i].From.Unix(), newTally(&stats.Steps[i].Tally)}
		}
	}
	return reply(w, answer)
}

// statsStep is one step of a series.
type statsStep struct {
	From int64 `json:"from"` // Unix seconds
	tally
}

// tally is what was due in a span of time.
type tally struct {
	Occurrences occurrences  `json:"occurrences"`
	Attempts    attempts     `json:"attempts"`
	Lateness    *percentiles `json:"lateness"` // null without an attempt that ended
	Duration    *percentiles `json:"duration"`
}

// attempts are numbers by outcome.
type attempts struct {
	Running   int64 `json:"running"`
	Succeeded int64 `json:"succeeded"`
	Failed    int64 `json:"failed"`
	Lost      int64 `json:"lost"`
}

type occurrences struct {
	attempts
	Missed  int64 `json:"missed"`
	Skipped int64 `json:"skipped"`
}

// percentiles are in ms.
type percentiles struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// band is in ms.
type band struct {
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	Count int64   `json:"count"`
}

func newBand(b *cron.Band) *band {
	if b == nil {
		return nil
	}
	return &band{inMS(b.Low), inMS(b.High), b.Count}
}

func inMS(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func newTally(t *cron.Tally) tally {
	return tally{
		Occurrences: occurrences{newAttempts(&t.Occurrences), t.Occurrences[cron.OutcomeMissed],
			t.Occurrences[cron.OutcomeSkipped]},
		Attempts: newAttempts(&t.Attempts),
		Lateness: newPercentiles(&t.Lateness), Duration: newPercentiles(&t.Duration),
	}
}

func newAttempts(o *cron.Outcomes) attempts {
	return attempts{o[cron.OutcomeRunning], o[cron.OutcomeSucceeded], o[cron.OutcomeFailed], o[cron.OutcomeLost]}
}

func newPercentiles(h *cron.Histogram) *percentiles {
	if h.Count() == 0 {
		return nil
	}
	return &percentiles{inMS(h.Quantile(0.5)), inMS(h.Quantile(0.9)), inMS(h.Quantile(0.99)), inMS(h.Max())}
}
