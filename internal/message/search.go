package message

import (
	"strings"

	"punctual/internal/cron"
)

// Outcome returns the status text of an execution, or "" while it runs.
func (c *Catalogue) Outcome(e *cron.Execution) string {
	if e.Outcome == cron.OutcomeRunning {
		return ""
	}
	return c.Execution(&e.Result)
}

// Mentioned returns the faults whose sentences may contain a text, at least part of it outside the detail, and the status
// codes whose reason phrases contain it. It ignores case. With these, and the text in details, the database can search
// executions although it does not store the sentences.
func (c *Catalogue) Mentioned(text string) (faults []cron.Fault, codes []int64) {
	const detail = "\uFFFC" // a placeholder that no search contains
	text = strings.ToLower(text)
	quotes := strings.ContainsAny(text, `"\`) // details may be quoted
	for f := range c.faults {
		said := strings.ToLower(c.Execution(&cron.Result{Status: cron.StatusOther, Fault: f, Detail: detail}))
		parts := strings.Split(said, detail)
		found := quotes || strings.Contains(said, text)
		for i := range len(parts) - 1 {
			found = found || overlaps(parts[i], text) || overlaps(text, parts[i+1])
		}
		if found {
			faults = append(faults, f)
		}
	}
	for code := range int64(1000) {
		said := c.Execution(&cron.Result{Status: cron.StatusOK, HTTPStatus: int(code)})
		if strings.Contains(strings.ToLower(said), text) {
			codes = append(codes, code)
		}
	}
	return faults, codes
}

// overlaps reports whether a suffix of a is a prefix of b.
func overlaps(a, b string) bool {
	for n := 1; n <= min(len(a), len(b)); n++ {
		if a[len(a)-n:] == b[:n] {
			return true
		}
	}
	return false
}
