package checker

import "punctual/internal/cron"

// Problem is a row of problem.
type Problem struct {
	ID        int64
	AccountID int64
	Kind      cron.ProblemKind
	JobID     int64
	State     cron.ProblemState
	ByPerson  bool // somebody changed it last
}

func scanProblem(scan func(...any) error) (p Problem, err error) {
	var by string
	err = scan(&p.ID, &p.AccountID, &p.Kind, &p.JobID, &p.State, &by)
	p.ByPerson = by != ""
	return p, err
}

// searchProblem compares the problems that jobs have with their records, and problems with the jobs that have them.
func searchProblem(e *evidence) {
	problems := make(map[int64]*Problem, len(e.Problems))
	for i := range e.Problems {
		problems[e.Problems[i].ID] = &e.Problems[i]
	}
	named := make(map[int64]bool, len(problems))
	for _, h := range e.jobs {
		id := h.job.ProblemID
		if id != 0 {
			named[id] = true
			switch p := problems[id]; {
			case p == nil:
				e.add("job %d has problem %d, which does not exist", h.job.ID, id)
			case p.State == cron.ProblemResolved && !p.ByPerson:
				e.add("job %d has problem %d, which is resolved", h.job.ID, id)
			case p.AccountID != h.job.AccountID || p.JobID != 0 && p.JobID != h.job.ID:
				e.add("job %d has problem %d, which is that of another account or job", h.job.ID, id)
			}
		}
		e.compareProblem(h)
	}
	for id, p := range problems {
		if p.State != cron.ProblemResolved && !named[id] {
			e.add("problem %d is in state %s, and no job has it", id, p.State)
		}
	}
}

// compareProblem says whether the records of a job allow the problem that it has, or has not. Results are not on record in the
// order in which they were written, so only what every order leads to is a violation.
func (e *evidence) compareProblem(h history) {
	var (
		sure             *Record // a failure that counts
		bad, good, hands int
		last             = e.lastResult(h)
	)
	for i := range h.records {
		r := &h.records[i]
		switch {
		case r.Kind == cron.KindManual && r.started():
			hands++
		case r.Outcome == cron.OutcomeSucceeded:
			good++
		case r.Outcome == cron.OutcomeFailed, r.Outcome == cron.OutcomeLost, r.Outcome == cron.OutcomeMissed:
			bad++
			if countsAsFailure(h.job, r) {
				sure = r
			}
		}
	}
	has := h.job.ProblemID != 0
	switch {
	case hands > 0 || e.Paused: // a result may have come after another one had been settled as lost
	case has && bad == 0:
		e.add("job %d has problem %d, but never failed", h.job.ID, h.job.ProblemID)
	case !has && good == 0 && sure != nil:
		e.add("job %d has no problem, but never succeeded, and %s counts as a failure", h.job.ID, sure.text())
	case last == nil:
	case !has && countsAsFailure(h.job, last):
		e.add("job %d has no problem, but its last result is %s", h.job.ID, last.text())
	case has && last.Outcome == cron.OutcomeSucceeded && h.job.Policy.LateAfter == 0:
		e.add("job %d has problem %d, but its last result is %s", h.job.ID, h.job.ProblemID, last.text())
	}
}

// countsAsFailure tells whether a record certainly gave its job a problem: without another attempt after it, and while the job was
// as it is now.
func countsAsFailure(j *cron.JobRecord, r *Record) bool {
	if !j.Enabled || !r.Result.Started.After(j.Updated) {
		return false
	}
	switch r.Outcome {
	case cron.OutcomeFailed:
		return r.Attempt > j.Policy.Retry.Count || r.Result.Status == cron.StatusInvalidURL
	case cron.OutcomeLost:
		return j.Policy.Delivery == cron.AtMostOnce
	case cron.OutcomeMissed:
		return true
	}
	return false
}

// lastResult is the record whose result was written last; nil when that is not certain, as for jobs that may overlap. A job that may
// not is started when all before it has been written, and only further attempts of an occurrence may come in between.
func (e *evidence) lastResult(h history) *Record {
	if h.job.Policy.Overlap != cron.OverlapSkip {
		return nil
	}
	var last, first *Record
	for i := range h.records {
		r := &h.records[i]
		if (r.started() || r.Outcome == cron.OutcomeMissed) && (last == nil || r.ID > last.ID) {
			last = r
		}
	}
	for i := range h.records {
		if r := &h.records[i]; last != nil && r.Attempt == 1 && sameOccurrence(r, last) {
			first = r
		}
	}
	if first == nil {
		return nil
	}
	for i := range h.records {
		r := &h.records[i]
		switch {
		case sameOccurrence(r, last) || r.Outcome == cron.OutcomeSkipped:
		case r.ID > first.ID:
			return nil
		case last.Outcome == cron.OutcomeMissed && r.started() && e.mayWait(r, last.Result.Started):
			return nil
		}
	}
	return last
}
