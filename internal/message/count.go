package message

import "time"

// JobCount is a number of jobs, such as "12,345 jobs".
func (c *Catalogue) JobCount(n int) string { return c.grammar.number(int64(n), nounJob) }

// Span is a duration in one or two units, such as "2 hours 5 minutes".
func (c *Catalogue) Span(d time.Duration) string { return c.grammar.span(d) }
