package cron

import "time"

// Event is what a notice tells an account about a job. The numbers are stored.
type Event int

// The events.
const (
	EventFailure    Event = 1
	EventSuccess    Event = 2 // after failures
	EventDisabled   Event = 3 // by the service, after too many failures
	EventCertExpiry Event = 4
)

// Notice is a message that an account is owed.
type Notice struct {
	JobID       int64
	AccountID   int64
	ExecutionID int64 // what it is about
	Event       Event
	Created     time.Time
}

// Conclusion is all that follows from a completion.
type Conclusion struct {
	State   JobState
	Disable bool      // the service disables the job
	Events  []Event   // each becomes a notice
	Again   time.Time // when the occurrence is to be tried once more; zero when it has ended
}

// Conclude decides what follows from completion c, given the job's definition and state as they are now and the plan of
// its account. It is pure. The rules are those of the cron-job.org API:
//
// All failures in a row drive EventFailure, which comes once, when their number equals Notification.OnFailureCount.
// Counted failures drive disabling: a timeout only lifts their number to at least 1, any other failure adds 1, and more
// than the plan's MaxFailures disable the job, monitors excepted. A fault of ours, StatusInternalError, moves neither.
// A success and being disabled reset both. EventSuccess
// comes when a success follows a failure and, with OnFailure on, at least OnFailureCount of them.
//
// Ours are: an occurrence counts once, as its last attempt; a lost execution changes the last status only; an
// execution that somebody asked for moves no counter; nothing is sent for a job that was disabled meanwhile, unless by
// its one occurrence; a paused job is not tried again.
func Conclude(j *Job, st JobState, c *Completion, p Plan, now time.Time) Conclusion {
	r := &c.Result
	out := Conclusion{State: st}
	next := &out.State
	if !r.Started.Before(st.LastExecution) {
		next.LastStatus, next.LastExecution = r.Status, r.Started
		next.LastDuration, next.CertExpiry = r.Duration, r.CertExpiry
	}
	outcome := r.Outcome()
	out.Again = again(j, c, outcome, now)
	if !j.counts() || c.Launch.Kind == KindManual {
		return out
	}
	n := &j.Notification
	switch {
	case outcome == OutcomeLost || r.Status == StatusInternalError || !out.Again.IsZero():
	case outcome == OutcomeSucceeded:
		if n.OnSuccess && st.Failures > 0 && (!n.OnFailure || st.Failures >= n.OnFailureCount) {
			out.Events = append(out.Events, EventSuccess)
		}
		next.Failures, next.CountedFailures = 0, 0
	default:
		next.Failures++
		if r.Status == StatusTimeout {
			next.CountedFailures = max(next.CountedFailures, 1)
		} else {
			next.CountedFailures++
		}
		if n.OnFailure && next.Failures == n.OnFailureCount {
			out.Events = append(out.Events, EventFailure)
		}
		if next.CountedFailures > p.MaxFailures && j.Type != TypeMonitoring && j.Enabled {
			out.Disable = true
			next.Failures, next.CountedFailures = 0, 0
			if n.OnDisable {
				out.Events = append(out.Events, EventDisabled)
			}
		}
	}
	if e := r.CertExpiry; n.OnCertExpiry && !e.IsZero() && !e.Equal(st.CertNoticed) && e.Sub(now) <= n.CertExpiryAhead {
		next.CertNoticed = e
		out.Events = append(out.Events, EventCertExpiry)
	}
	return out
}

// again is when an attempt with the given outcome is followed by another; zero when it is the last.
func again(j *Job, c *Completion, outcome Outcome, now time.Time) time.Time {
	policy, attempt := &c.Launch.Job.Policy, c.Launch.Attempt
	switch {
	case j.Timing.Paused(now):
	case outcome == OutcomeLost && policy.Delivery == AtLeastOnce && attempt <= policy.Retry.Count+MaxRepeats:
		return now
	case outcome == OutcomeFailed && attempt <= policy.Retry.Count && j.counts() && c.Launch.Kind == KindScheduled &&
		c.Result.Status != StatusInvalidURL:
		return now.Add(policy.Retry.wait(attempt, c.Result.RetryAfter))
	}
	return time.Time{}
}
