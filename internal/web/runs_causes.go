package web

import (
	"time"
)

// causeRow is the failures with the same cause: the same fault, host and status.
type causeRow struct {
	Sentence    string
	Count       string
	Jobs        string
	First, Last time.Time
	Path        string // of the runs
	Without     string // the address of the list without them
	Latest      string // the page of the latest run
	JobsPath    string // of the only job; empty when there are several
}

// What the list of causes shows: so many of them, each with so many bytes of HTML of its sentence.
const (
	shownCauses = 50
	causeText   = 600
)

// loadCauses counts failures by their causes.
func (p *runsPage) loadCauses(v *visit) error {
	found, why, err := v.web.service.Failures(v.ctx(), v.actor, &p.Query.Filter)
	if err != nil {
		return err
	}
	p.Partial, p.Back = found.More || len(found.Groups) > shownCauses, found.Back
	for i := range found.Groups[:min(len(found.Groups), shownCauses)] {
		g := &found.Groups[i]
		cause := g.Cause.String()
		row := causeRow{
			Sentence: p.fit(p.labels.Diagnosis(&why[i]), causeText), Count: p.Count(g.Count),
			Jobs: p.Count(g.Jobs), First: g.First, Last: g.Example.Result.Started, Latest: runPath(&g.Example),
			Path: p.Query.with("cause", cause, "group", ""),
		}
		if len(g.JobIDs) == 1 && g.Jobs == 1 {
			row.JobsPath = jobAddress(g.JobIDs[0], "")
		}
		if !p.Query.has(notPrefix+"cause", cause) && len(p.Query.Filter.Causes) == 0 {
			row.Without = p.Query.toggled(notPrefix+"cause", cause)
		}
		p.Causes = append(p.Causes, row)
	}
	return nil
}
