package message

import (
	"time"

	"punctual/internal/cron"
)

// Brief is an instant in its own time zone for a sentence: the day, the time of day and the zone.
func (c *Catalogue) Brief(t time.Time) string { return c.grammar.brief(t) }

// Runs is a number of runs, such as "14 runs".
func (c *Catalogue) Runs(n int64) string { return c.grammar.number(n, nounRun) }

// Reason is how an execution ended in a few words, such as "connection refused" or "503 Service Unavailable"; "" when that is not known.
func (c *Catalogue) Reason(r *cron.Result) string {
	if words, known := c.reasons[r.Fault]; known {
		return fill(words, func(string) string { return c.unlessZero(r.Duration) })
	}
	if r.HTTPStatus == 0 {
		return ""
	}
	d := cron.Diagnosis{HTTPStatus: r.HTTPStatus, Reason: r.Reason}
	return plain(responseOf(&d))
}
