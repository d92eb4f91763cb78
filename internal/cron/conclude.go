package cron

import (
	"slices"
	"time"
)

// Conclusion is everything that follows from a completion.
type Conclusion struct {
	State       JobState
	Disable     bool         // the service disables the job
	Notices     []NoticeKind // that are to be delivered
	NextAttempt time.Time    // when the occurrence is attempted again; zero when it has ended
}

// Conclude decides what follows from completion c, given the current definition and state of the job and the plan of its
// account. It is a pure function.
//
// The rules of the cron-job.org API:
//
//   - Failures counts every failure in a row. When it reaches Notification.OnFailureCount, one NoticeFailure follows.
//   - CountedFailures drives disabling. A timeout raises it to 1 if it is 0; any other failure adds 1. When it exceeds the
//     plan's MaxFailures, the job is disabled, unless it belongs to a monitor.
//   - StatusInternalError is a fault of the service and changes neither.
//   - A success resets both, and so does being disabled. NoticeSuccess follows a success after a failure and, with
//     OnFailure on, after at least OnFailureCount of them.
//
// Our own rules:
//
//   - An occurrence counts once, by its last attempt.
//   - A lost execution changes only the last status.
//   - A manual execution changes no counter.
//   - No notice is sent for a job that was disabled meanwhile, unless it is a one-time job that is done.
//   - A paused job has no further attempts.
//   - Whether a job is silenced is not asked here: see Conclusion.Silence.
//   - A failure whose notice was due while the job was silenced is told by the next one, and a success after failures that nobody
//     was told of is not.
//   - A failure that was told ends with a NoticeSuccess, also when the counters were reset meanwhile or the success is a manual
//     execution. Failures that go on after the latter are told anew.
func Conclude(j *Job, st JobState, c *Completion, p Plan, now time.Time) Conclusion {
	r := &c.Result
	out := Conclusion{State: st}
	next := &out.State
	if !r.Started.Before(st.LastExecution) {
		next.LastStatus, next.LastExecution = r.Status, r.Started
		next.LastDuration, next.CertExpiry = r.Duration, r.CertExpiry
	}
	outcome := r.Outcome()
	out.NextAttempt = nextAttempt(j, c, outcome, now)
	if !j.countsResults() {
		return out
	}
	n := &j.Notification
	if c.Launch.Kind == KindManual {
		if outcome == OutcomeSucceeded && st.Told == ToldFailure && n.OnSuccess {
			out.Notices = append(out.Notices, NoticeSuccess)
			next.Told, next.FailingSince = ToldRecovery, time.Time{}
		}
		return out
	}
	switch {
	case outcome == OutcomeLost || r.Status == StatusInternalError || !out.NextAttempt.IsZero():
	case outcome == OutcomeSucceeded:
		recovers := st.Told == ToldFailure || st.Failures > 0 && (!n.OnFailure || st.Failures >= n.OnFailureCount && !st.FailureUntold)
		if n.OnSuccess && recovers && st.Told != ToldRecovery {
			out.Notices = append(out.Notices, NoticeSuccess)
		}
		next.Failures, next.CountedFailures, next.FailureUntold = 0, 0, false
		next.Told, next.FailingSince = ToldNothing, time.Time{}
	default:
		next.Failures++
		if st.FailingSince.IsZero() {
			next.FailingSince = r.Started
		}
		if r.Status == StatusTimeout {
			next.CountedFailures = max(next.CountedFailures, 1)
		} else {
			next.CountedFailures++
		}
		again := st.FailureUntold || st.Told == ToldRecovery && next.Failures > n.OnFailureCount
		if n.OnFailure && (next.Failures == n.OnFailureCount || again) {
			out.Notices = append(out.Notices, NoticeFailure)
			next.FailureUntold, next.Told = false, ToldFailure
		}
		if next.CountedFailures > p.MaxFailures && j.Type != TypeMonitoring && j.Enabled {
			out.Disable = true
			next.Failures, next.CountedFailures, next.FailureUntold = 0, 0, false
			if n.OnDisable {
				out.Notices = append(out.Notices, NoticeDisabled)
			}
		}
	}
	if e := r.CertExpiry; n.OnCertExpiry && !e.IsZero() && !e.Equal(st.CertNoticed) && e.Sub(now) <= n.CertExpiryAhead {
		next.CertNoticed = e
		out.Notices = append(out.Notices, NoticeCertExpiry)
	}
	return out
}

// Silence takes the notices back, since the job is silenced; before is the state that Conclude was given. What is still so when
// the silence ends is told then: failures that go on, a
// recovery, and the expiry of a certificate.
func (c *Conclusion) Silence(before *JobState) {
	if slices.Contains(c.Notices, NoticeFailure) && !c.Disable {
		c.State.FailureUntold = true
	}
	if before.Told == ToldFailure && c.State.Told != ToldFailure {
		c.State.FailingSince = before.FailingSince
	}
	c.State.CertNoticed, c.State.Told, c.Notices = before.CertNoticed, before.Told, nil
}

// Told is what an account was told of the failures of a job. The numbers are stored.
type Told int

// What an account was told.
const (
	ToldNothing  Told = 0
	ToldFailure  Told = 1
	ToldRecovery Told = 2 // after ToldFailure, by a manual execution: the failures of the schedule go on as far as is known
)

// nextAttempt is the time of the attempt that follows one with the given outcome; zero when it was the last.
func nextAttempt(j *Job, c *Completion, outcome Outcome, now time.Time) time.Time {
	policy, attempt := &c.Launch.Job.Policy, c.Launch.Attempt
	switch {
	case j.Timing.Paused(now):
	case outcome == OutcomeLost && policy.Delivery == AtLeastOnce && attempt <= policy.Retry.Count+MaxRepeats:
		return now
	case outcome == OutcomeFailed && attempt <= policy.Retry.Count && j.countsResults() && c.Launch.Kind == KindScheduled &&
		c.Result.Status != StatusInvalidURL:
		return now.Add(policy.Retry.wait(attempt, c.Result.RetryAfter))
	}
	return time.Time{}
}
