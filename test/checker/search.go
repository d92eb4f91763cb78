package checker

import (
	"slices"
	"time"

	"punctual/internal/cron"
)

// searchCoverage compares the due instants of each enabled job with its records.
func searchCoverage(e *evidence) {
	for _, h := range e.jobs {
		if !h.job.Enabled && !h.job.Timing.RunAtPassed {
			continue
		}
		var covering []Record // one per occurrence or gap, in the order of time
		for _, r := range h.records {
			if r.Kind == cron.KindScheduled && r.Attempt == 1 {
				covering = append(covering, r)
			}
		}
		to := e.To
		if next := h.job.State.NextRun; e.Accounts[h.job.AccountID].Disabled && !next.IsZero() && !next.After(to) {
			to = next.Add(-time.Millisecond)
		}
		i := 0
		for due := h.job.OccurrenceAfter(e.from(h.job)); !due.IsZero() && !due.After(to); due = h.job.OccurrenceAfter(due) {
			for i < len(covering) && covering[i].last().Before(due) {
				i++
			}
			n := 0
			for j := i; j < len(covering) && !covering[j].Planned.After(due); j++ {
				if !covering[j].last().Before(due) {
					n++
				}
			}
			if n != 1 {
				e.add("job %d was due at %s, which %d records cover", h.job.ID, clock(due), n)
			}
		}
	}
}

// searchOccurrence finds records that do not match the schedule.
func searchOccurrence(e *evidence) {
	for _, h := range e.jobs {
		isDue := func(t time.Time) bool { return h.job.OccurrenceAfter(t.Add(-time.Second)).Equal(t) }
		for _, r := range h.records {
			switch {
			case r.Kind == cron.KindManual || !r.Planned.After(e.from(h.job)):
			case !isDue(r.Planned):
				e.add("%s stands for an instant at which the job was not due", r.text())
			case r.started():
				if r.Count != 0 || !r.Last.IsZero() {
					e.add("%s was started and covers other instants too", r.text())
				}
			case r.Last.Before(r.Planned) || !isDue(r.Last):
				e.add("%s ends at %s, at which the job was not due", r.text(), clock(r.Last))
			default:
				n := int64(1)
				for t := r.Planned; t.Before(r.Last) && n <= r.Count; n++ {
					t = h.job.OccurrenceAfter(t)
				}
				if n != r.Count && !(r.AtLeast && n > r.Count) {
					e.add("%s covers %d instants and counts %d", r.text(), n, r.Count)
				}
			}
		}
	}
}

// searchOutcome finds records whose fields contradict each other.
func searchOutcome(e *evidence) {
	reasons := []cron.Fault{cron.FaultOverlap, cron.FaultDisabled, cron.FaultPaused, cron.FaultAccountDisabled, cron.FaultMaintenance,
		cron.FaultInternal} // to skip
	for _, r := range e.Records {
		res := &r.Result
		agree := false
		switch r.Outcome {
		case cron.OutcomeRunning:
			agree = !e.Stopped && r.Node != 0
		case cron.OutcomeSucceeded:
			agree = r.Node != 0 && res.Status == cron.StatusOK && res.HTTPStatus != 0 && res.Fault == cron.FaultNone
		case cron.OutcomeFailed:
			agree = r.Node != 0 && res.Status > cron.StatusOK && res.Fault != cron.FaultLost &&
				(res.Fault != cron.FaultNone || res.Status == cron.StatusHTTPError)
		case cron.OutcomeSkipped:
			a := e.Accounts[r.AccountID]
			agree = r.Node == 0 && slices.Contains(reasons, res.Fault) &&
				(res.Fault != cron.FaultAccountDisabled || a.Disabled || r.last().Before(a.Enabled))
		case cron.OutcomeLost:
			agree = r.Node != 0 && res.Status == cron.StatusInternalError && res.Fault == cron.FaultLost
		case cron.OutcomeMissed:
			agree = r.Node == 0 && res.Fault == cron.FaultMissed
		}
		if !agree {
			e.add("%s has status %d, HTTP status %d, fault %d and node %d", r.text(), res.Status, res.HTTPStatus, res.Fault, r.Node)
		}
		if res.Started.Before(r.last().Add(-time.Second)) {
			e.add("%s was settled at %s, before its time", r.text(), clock(res.Started))
		}
	}
}

// searchMisfire finds occurrences that were missed although they could have run.
func searchMisfire(e *evidence) {
	for _, h := range e.jobs {
		for i, r := range h.records {
			if r.Outcome != cron.OutcomeMissed || !r.Planned.After(h.job.Updated) {
				continue
			}
			found := r.Result.Started
			next := h.job.OccurrenceAfter(r.Last)
			if !next.IsZero() && !next.After(found) {
				// It was replaced by a later occurrence, which must have been launched or skipped at the same time.
				if i+1 == len(h.records) || !h.records[i+1].Planned.Equal(next) {
					e.add("%s gave way to the one for %s, which has no record", r.text(), clock(next))
				}
				continue
			}
			grace := h.job.Policy.Grace
			if grace < 0 {
				grace = cron.LongestDefaultGrace
				if !next.IsZero() {
					grace = min(grace, next.Sub(r.Last))
				}
			}
			// An occurrence that is found within its second is in time.
			if late := found.Sub(r.Last).Truncate(time.Second); late <= grace || h.job.Policy.Misfire == cron.MisfireRun {
				e.add("%s was given up %s after %s, within its grace of %s", r.text(), late, clock(r.Last), grace)
			}
		}
	}
}

// searchAttempts finds missing attempts.
func searchAttempts(e *evidence) {
	var former *Record
	for i := range e.Records {
		r := &e.Records[i]
		want := 1
		if former != nil && sameOccurrence(former, r) {
			want = former.Attempt + 1
		}
		if r.Attempt != want {
			e.add("%s should be attempt %d", r.text(), want)
		}
		former = r
	}
}

func sameOccurrence(a, b *Record) bool {
	return a.JobID == b.JobID && a.Planned.Equal(b.Planned) && a.Kind == b.Kind
}

// searchSuccession compares what follows each attempt with the policy of its job, unless the job was edited later.
func searchSuccession(e *evidence) {
	for _, h := range e.jobs {
		policy := &h.job.Policy
		waits := make(map[Pending]bool, len(h.pending))
		for _, p := range h.pending {
			waits[p] = true
		}
		for i := range h.records {
			r := &h.records[i]
			if !r.Planned.After(h.job.Updated) || !r.Result.Started.After(h.job.Updated) {
				continue
			}
			if a := e.Accounts[h.job.AccountID]; a.Disabled || r.Result.Started.Before(a.Enabled) {
				continue // attempts that were due while the account was disabled were dropped
			}
			follows := i+1 < len(h.records) && sameOccurrence(r, &h.records[i+1])
			waiting := waits[Pending{r.JobID, r.Planned, r.Kind, r.Attempt + 1}]
			repeatable := policy.Delivery == cron.AtLeastOnce && r.Attempt <= policy.Retry.Count+cron.MaxRepeats
			retry := r.Outcome == cron.OutcomeFailed && r.Attempt <= policy.Retry.Count && r.Kind == cron.KindScheduled &&
				r.Result.Status != cron.StatusInvalidURL
			repeat := r.Outcome == cron.OutcomeLost && repeatable
			late := e.Paused && repeatable && e.nodes[r.Node].Dead // the result may have come after the repeat was planned
			switch {
			case follows && waiting:
				e.add("%s is followed by an attempt that waits still", r.text())
			case (follows || waiting) && !retry && !repeat && !late:
				e.add("%s is followed by another attempt, which the policy does not ask for", r.text())
			case (retry || repeat) && !follows && !waiting && (h.job.Enabled || h.job.Timing.RunAtPassed) && !h.job.Timing.Paused(r.Result.Started):
				e.add("%s is followed by nothing, but the policy asks for another attempt", r.text())
			}
			delete(waits, Pending{r.JobID, r.Planned, r.Kind, r.Attempt + 1})
		}
		for p := range waits {
			if p.Planned.After(h.job.Updated) && p.Kind == cron.KindScheduled {
				e.add("attempt %d of job %d for %s waits, but there was none before it", p.Attempt, p.JobID, clock(p.Planned))
			}
		}
	}
}

// searchSending compares the requests that the target received with the records: each request belongs to one record.
func searchSending(e *evidence) {
	if e.Received == nil {
		return
	}
	recorded := make(map[string]bool, len(e.Records))
	silent := make(map[string]int) // by job's URL: records that may have been sent but have no URL
	urls := make(map[int64]string, len(e.Jobs))
	for i := range e.Jobs {
		urls[e.Jobs[i].ID] = path(e.Jobs[i].Request.URL)
	}
	for i := range e.Records {
		r := &e.Records[i]
		switch url := r.Result.URL; {
		case !r.started():
		case url == "":
			silent[urls[r.JobID]]++
		case recorded[url]:
			e.add("%s has the URL %s of another execution", r.text(), url)
		default:
			recorded[url] = true
		}
	}
	for url, n := range e.Received {
		if n > 1 {
			e.add("%s was received %d times", url, n)
		}
		if recorded[url] || e.Forgotten[url] > 0 {
			continue
		}
		if silent[path(url)]--; silent[path(url)] < 0 {
			e.add("%s was received, but no record is left that it can belong to", url)
		}
	}
}

// searchAnswers finds records of responses that the target never sent.
func searchAnswers(e *evidence) {
	if e.Received == nil {
		return
	}
	for i := range e.Records {
		if r := &e.Records[i]; r.Result.HTTPStatus != 0 && e.Received[r.Result.URL] == 0 {
			e.add("%s has the HTTP status %d, but the target did not receive %q", r.text(), r.Result.HTTPStatus, r.Result.URL)
		}
	}
}

// searchLost counts lost executions.
func searchLost(e *evidence) {
	n := 0
	for i := range e.Records {
		r := &e.Records[i]
		if r.Outcome != cron.OutcomeLost {
			continue
		}
		n++
		if node, ok := e.nodes[r.Node]; !ok || !node.Dead {
			e.add("%s was lost, but its node %d lives", r.text(), r.Node)
		}
	}
	if n > e.InFlight {
		e.add("%d executions were lost, but only %d were in flight", n, e.InFlight)
	}
}

// searchLease finds executions that a node started when others may have settled what it ran. One that it does not send any more is lost.
func searchLease(e *evidence) {
	for i := range e.Records {
		r := &e.Records[i]
		if n, ok := e.nodes[r.Node]; ok && n.Dead && !n.Lease.IsZero() && r.started() && r.Outcome != cron.OutcomeLost && r.Result.Started.After(n.Lease) {
			e.add("%s was started at %s, and the lease of node %d ended at %s", r.text(), clock(r.Result.Started), r.Node, clock(n.Lease))
		}
	}
}

// searchOverlap compares the times of executions of jobs that skip overlaps. The end of a lost execution is unknown.
func searchOverlap(e *evidence) {
	for _, h := range e.jobs {
		if h.job.Policy.Overlap != cron.OverlapSkip || e.Paused {
			continue
		}
		for i := range h.records {
			a := &h.records[i]
			if !a.started() || a.Outcome == cron.OutcomeLost || a.Planned.Before(h.job.Updated) {
				continue
			}
			end := a.Result.Started.Add(a.Result.Duration)
			for j := range h.records {
				b := &h.records[j]
				if b.started() && b.Kind == cron.KindScheduled && b.Attempt == 1 && b.ID > a.ID &&
					b.Result.Started.Before(end.Add(-time.Millisecond)) {
					e.add("%s was started at %s, but execution %d still ran until %s", b.text(),
						clock(b.Result.Started), a.ID, clock(end))
				}
			}
		}
	}
}

// searchLateness recomputes lateness. The instant at which a further attempt was due is not stored; it is after the
// first one.
func searchLateness(e *evidence) {
	for i := range e.Records {
		r := &e.Records[i]
		if r.Outcome != cron.OutcomeSucceeded && r.Outcome != cron.OutcomeFailed {
			continue
		}
		late := max(0, r.Result.Started.Sub(r.Planned))
		off := r.Lateness - late
		if r.Lateness < 0 || off >= time.Millisecond || off <= -time.Millisecond && r.Attempt == 1 && r.Kind == cron.KindScheduled {
			e.add("%s started at %s and is said to be %s late", r.text(), clock(r.Result.Started), r.Lateness)
		}
	}
}

// searchOrder compares IDs with instants.
func searchOrder(e *evidence) {
	seen := make(map[int64]bool, len(e.Records))
	var first, former *Record // the previous occurrence's first attempt, and the previous record
	for i := range e.Records {
		r := &e.Records[i]
		if r.ID <= 0 || r.ID >= 1<<53 || seen[r.ID] {
			e.add("%s has an id that is not its own or out of range", r.text())
		}
		seen[r.ID] = true
		switch {
		case r.Kind != cron.KindScheduled:
			continue
		case r.Attempt > 1:
			if former != nil && sameOccurrence(former, r) && former.ID >= r.ID {
				e.add("%s has a lower id than the attempt before it, %d", r.text(), former.ID)
			}
		default:
			if first != nil && first.JobID == r.JobID && first.ID >= r.ID {
				e.add("%s has a lower id than execution %d for an earlier instant", r.text(), first.ID)
			}
			first = r
		}
		former = r
	}
}

// searchState compares the states of jobs with their latest executions.
func searchState(e *evidence) {
	for _, h := range e.jobs {
		st := &h.job.State
		var latest []*Record // those with the latest start
		succeeded, failed, running := 0, 0, 0
		for i := range h.records {
			r := &h.records[i]
			switch r.Outcome {
			case cron.OutcomeRunning:
				running++
				continue
			case cron.OutcomeSkipped, cron.OutcomeMissed:
				continue
			case cron.OutcomeSucceeded:
				succeeded++
			case cron.OutcomeFailed:
				failed++
			}
			if len(latest) == 0 || r.Result.Started.After(latest[0].Result.Started) {
				latest = latest[:0]
			}
			if len(latest) == 0 || r.Result.Started.Equal(latest[0].Result.Started) {
				latest = append(latest, r)
			}
		}
		if len(latest) == 0 {
			if st.LastStatus != cron.StatusUnknown || !st.LastExecution.IsZero() {
				e.add("job %d was never executed, but has the status %d of %s", h.job.ID, st.LastStatus, clock(st.LastExecution))
			}
			continue
		}
		agrees := false
		for _, r := range latest {
			agrees = agrees || st.LastExecution.Equal(r.Result.Started) && st.LastStatus == r.Result.Status &&
				st.LastDuration == r.Result.Duration
		}
		if !agrees {
			e.add("job %d has the status %d of %s after %s, but its latest is %s with status %d of %s after %s", h.job.ID,
				st.LastStatus, clock(st.LastExecution), st.LastDuration, latest[0].text(), latest[0].Result.Status,
				clock(latest[0].Result.Started), latest[0].Result.Duration)
		}
		if failed == 0 && (st.Failures != 0 || st.CountedFailures != 0) {
			e.add("job %d never failed, but has %d failures, %d counted", h.job.ID, st.Failures, st.CountedFailures)
		}
		if st.Failures > failed || st.CountedFailures > st.Failures {
			e.add("job %d failed %d times, but has %d failures, %d counted", h.job.ID, failed, st.Failures, st.CountedFailures)
		}
		sure := h.job.Enabled && h.job.Policy.Retry.Count == 0 && e.everyStartAfter(h) && running == 0
		if sure && succeeded == 0 && st.Failures != failed {
			e.add("job %d failed %d times and never succeeded, but has %d failures", h.job.ID, failed, st.Failures)
		}
	}
}

// everyStartAfter tells whether all executions of a job are newer than its latest edit, which resets the counters.
func (e *evidence) everyStartAfter(h history) bool {
	for i := range h.records {
		if !h.records[i].Result.Started.After(h.job.Updated) || h.records[i].Kind == cron.KindManual {
			return false
		}
	}
	return true
}

// searchPlan compares the next runs of jobs with their records.
func searchPlan(e *evidence) {
	for _, h := range e.jobs {
		if !h.job.Enabled {
			if !h.job.State.NextRun.IsZero() {
				e.add("job %d is disabled, but planned for %s", h.job.ID, clock(h.job.State.NextRun))
			}
			continue
		}
		after := h.job.Updated
		for i := range h.records {
			if r := &h.records[i]; r.Kind == cron.KindScheduled && r.last().After(after) {
				after = r.last()
			}
		}
		want := h.job.OccurrenceAfter(after)
		if !h.job.State.NextRun.Equal(want) {
			e.add("job %d is planned for %s, but after %s it is due at %s", h.job.ID, clock(h.job.State.NextRun),
				clock(after), clock(want))
		}
	}
}

// searchOrphans reports what was found while reading.
func searchOrphans(e *evidence) {
	for _, sentence := range e.Orphans {
		e.add("%s", sentence)
	}
}

// searchEnd finds what must not be left after a clean stop.
func searchEnd(e *evidence) {
	if !e.Stopped {
		return
	}
	for i := range e.Records {
		if r := &e.Records[i]; r.Outcome == cron.OutcomeRunning {
			e.add("%s is still running", r.text())
		}
	}
	for _, n := range e.Nodes {
		if !n.Dead {
			e.add("node %d is still alive", n.Epoch)
		}
	}
}
