package cron

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// concludeNow is when the completions of these tests are concluded.
var concludeNow = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

// The results of these tests, which all started a second before.
var (
	okResult      = resultOf(StatusOK)
	httpError     = resultOf(StatusHTTPError)
	timeoutResult = resultOf(StatusTimeout)
	lostResult    = func() Result { r := Lost(); r.Started = concludeNow.Add(-time.Second); return r }()
)

func resultOf(s Status) Result {
	return Result{Status: s, Started: concludeNow.Add(-time.Second), Duration: time.Second}
}

func TestConclude(t *testing.T) {
	type outcome struct {
		Failures, Counted int
		Disable           bool
		Events            []NoticeKind
		Again             time.Duration // after concludeNow; 0 for none
	}
	const allowed = 15 // counted failures
	retry := func(j *Job) {
		j.Policy.Retry = Retry{Count: 2, Delay: 10 * time.Second, Factor: 3, Ceiling: 20 * time.Second}
	}
	for _, test := range []struct {
		name              string
		job               func(*Job) // from one that wants no notices; nil changes nothing
		failures, counted int        // before
		launch            Launch     // Attempt is 1 when it is 0
		result            Result
		want              outcome
	}{
		{name: "success without failures before is nothing new", job: wantsAll, result: okResult},
		{name: "any failure counts twice", result: httpError, want: outcome{Failures: 1, Counted: 1}},
		{name: "a DNS error is a failure", result: resultOf(StatusDNSError), want: outcome{Failures: 1, Counted: 1}},
		{
			name: "a fault of ours moves no counter and is not told", job: wantsAll, failures: 4, counted: 3,
			result: resultOf(StatusInternalError), want: outcome{Failures: 4, Counted: 3},
		},
		{
			name: "it never disables", job: wantsAll, failures: 40, counted: allowed + 1,
			result: resultOf(StatusInternalError), want: outcome{Failures: 40, Counted: allowed + 1},
		},
		{
			name: "all failures in a row count", failures: 7, counted: 4, result: httpError,
			want: outcome{Failures: 8, Counted: 5},
		},
		{name: "a timeout lifts the counted failures to 1", result: timeoutResult, want: outcome{Failures: 1, Counted: 1}},
		{
			name: "a timeout lifts the counted failures to 1 only", failures: 7, counted: 4, result: timeoutResult,
			want: outcome{Failures: 8, Counted: 4},
		},
		{name: "success resets both", failures: 7, counted: 4, result: okResult},

		{
			name: "the first failure is told", job: wantsAll, result: httpError,
			want: outcome{Failures: 1, Counted: 1, Events: []NoticeKind{NoticeFailure}},
		},
		{
			name: "the second is not", job: wantsAll, failures: 1, counted: 1, result: httpError,
			want: outcome{Failures: 2, Counted: 2},
		},
		{
			name: "not before onFailureCount", job: wantsAllAfter(3), failures: 1, counted: 1, result: httpError,
			want: outcome{Failures: 2, Counted: 2},
		},
		{
			name: "at onFailureCount", job: wantsAllAfter(3), failures: 2, counted: 2, result: httpError,
			want: outcome{Failures: 3, Counted: 3, Events: []NoticeKind{NoticeFailure}},
		},
		{
			name: "a timeout drives onFailure as well", job: wantsAllAfter(3), failures: 2, counted: 1, result: timeoutResult,
			want: outcome{Failures: 3, Counted: 1, Events: []NoticeKind{NoticeFailure}},
		},
		{
			name: "not after onFailureCount", job: wantsAllAfter(3), failures: 3, counted: 3, result: httpError,
			want: outcome{Failures: 4, Counted: 4},
		},
		{
			name: "not unless onFailure", job: func(j *Job) { wantsAll(j); j.Notification.OnFailure = false }, result: httpError,
			want: outcome{Failures: 1, Counted: 1},
		},

		{
			name: "success after a failure is told", job: wantsAll, failures: 1, counted: 1, result: okResult,
			want: outcome{Events: []NoticeKind{NoticeSuccess}},
		},
		{
			name: "with onFailure only after as many as onFailureCount", job: wantsAllAfter(3), failures: 2, counted: 2,
			result: okResult,
		},
		{
			name: "with onFailure after as many as onFailureCount", job: wantsAllAfter(3), failures: 3, counted: 0,
			result: okResult, want: outcome{Events: []NoticeKind{NoticeSuccess}},
		},
		{
			name: "without onFailure after one", failures: 1, counted: 1, result: okResult,
			job:  func(j *Job) { wantsAllAfter(3)(j); j.Notification.OnFailure = false },
			want: outcome{Events: []NoticeKind{NoticeSuccess}},
		},
		{
			name: "not unless onSuccess", job: func(j *Job) { wantsAll(j); j.Notification.OnSuccess = false },
			failures: 1, counted: 1, result: okResult,
		},

		{
			name: "as many counted failures as the plan allows do not disable", job: wantsAll, failures: 20,
			counted: allowed - 1, result: httpError, want: outcome{Failures: 21, Counted: allowed},
		},
		{
			name: "more do, and both counters are reset", job: wantsAll, failures: 20, counted: allowed, result: httpError,
			want: outcome{Disable: true, Events: []NoticeKind{NoticeDisabled}},
		},
		{
			name: "a timeout never does", job: wantsAll, failures: 20, counted: allowed, result: timeoutResult,
			want: outcome{Failures: 21, Counted: allowed},
		},
		{
			name: "it is not told unless onDisable", job: func(j *Job) { wantsAll(j); j.Notification.OnDisable = false },
			failures: 20, counted: allowed, result: httpError, want: outcome{Disable: true},
		},
		{
			name: "the failure that disables is told too", job: wantsAllAfter(21), failures: 20, counted: allowed,
			result: httpError, want: outcome{Disable: true, Events: []NoticeKind{NoticeFailure, NoticeDisabled}},
		},
		{
			name: "monitors excepted", job: func(j *Job) { wantsAll(j); j.Type = TypeMonitoring },
			failures: 20, counted: allowed, result: httpError, want: outcome{Failures: 21, Counted: allowed + 1},
		},

		{
			name: "lost changes no counter", job: wantsAll, failures: 2, counted: 1, result: lostResult,
			want: outcome{Failures: 2, Counted: 1},
		},
		{
			name: "lost is not tried again", job: retry, result: lostResult,
		},
		{
			name: "lost is repeated at once where the job wants that", result: lostResult,
			job: func(j *Job) { j.Policy.Delivery = AtLeastOnce }, want: outcome{Again: atOnce},
		},
		{
			name: "lost is repeated as often as it may be", launch: Launch{Attempt: 3}, result: lostResult,
			job: func(j *Job) { j.Policy.Delivery = AtLeastOnce }, want: outcome{Again: atOnce},
		},
		{
			name: "lost is repeated no more often", launch: Launch{Attempt: 4}, result: lostResult,
			job: func(j *Job) { j.Policy.Delivery = AtLeastOnce },
		},
		{
			name: "lost is repeated besides the attempts of failures", launch: Launch{Attempt: 5}, result: lostResult,
			job: func(j *Job) { retry(j); j.Policy.Delivery = AtLeastOnce }, want: outcome{Again: atOnce},
		},
		{
			name: "what was asked for by hand is repeated too", launch: Launch{Kind: KindManual}, result: lostResult,
			job: func(j *Job) { j.Policy.Delivery = AtLeastOnce }, want: outcome{Again: atOnce},
		},

		{
			name: "an occurrence that is tried again has not failed yet", failures: 1, counted: 1, result: httpError,
			job:  func(j *Job) { wantsAllAfter(2)(j); retry(j) },
			want: outcome{Failures: 1, Counted: 1, Again: 10 * time.Second},
		},
		{
			name: "the pause grows up to the ceiling", job: retry, launch: Launch{Attempt: 2}, result: timeoutResult,
			want: outcome{Again: 20 * time.Second},
		},
		{
			name: "the last attempt fails", launch: Launch{Attempt: 3}, result: httpError,
			job:  func(j *Job) { wantsAll(j); retry(j) },
			want: outcome{Failures: 1, Counted: 1, Events: []NoticeKind{NoticeFailure}},
		},
		{
			name: "a success ends the attempts", launch: Launch{Attempt: 2}, failures: 1, counted: 1, result: okResult,
			job: func(j *Job) { wantsAll(j); retry(j) }, want: outcome{Events: []NoticeKind{NoticeSuccess}},
		},
		{
			name: "an invalid URL stays one", job: retry, result: resultOf(StatusInvalidURL),
			want: outcome{Failures: 1, Counted: 1},
		},
		{
			name: "the target may ask for a longer pause", job: retry, want: outcome{Again: time.Hour},
			result: func() Result { r := httpError; r.RetryAfter = time.Hour; return r }(),
		},
		{
			name: "but not for a shorter one", job: retry, want: outcome{Again: 10 * time.Second},
			result: func() Result { r := httpError; r.RetryAfter = time.Second; return r }(),
		},
		{
			name: "and not for days", job: retry, want: outcome{Again: MaxRetryDelay},
			result: func() Result { r := httpError; r.RetryAfter = 1000 * time.Hour; return r }(),
		},

		{
			name: "what was asked for by hand moves no counter", job: wantsAll, failures: 1, counted: 1,
			launch: Launch{Kind: KindManual}, result: httpError, want: outcome{Failures: 1, Counted: 1},
		},
		{
			name: "its success resets none", job: wantsAll, failures: 1, counted: 1,
			launch: Launch{Kind: KindManual}, result: okResult, want: outcome{Failures: 1, Counted: 1},
		},
		{
			name: "its failure disables nothing", job: wantsAll, failures: 20, counted: allowed,
			launch: Launch{Kind: KindManual}, result: httpError, want: outcome{Failures: 20, Counted: allowed},
		},
		{
			name: "it is not tried again", job: retry, launch: Launch{Kind: KindManual}, result: httpError,
		},
		{
			name: "nothing is sent for a job that was disabled by hand meanwhile", failures: 1, counted: 1, result: okResult,
			job: func(j *Job) { wantsAll(j); j.Enabled = false }, want: outcome{Failures: 1, Counted: 1},
		},
		{
			name: "nor is it tried again", result: httpError, job: func(j *Job) { wantsAll(j); retry(j); j.Enabled = false },
		},
	} {
		j := NewJob()
		j.Enabled = true
		if test.job != nil {
			test.job(&j)
		}
		test.launch.Job, test.launch.Attempt = &j, max(test.launch.Attempt, 1)
		state := JobState{Failures: test.failures, CountedFailures: test.counted}
		c := Completion{Launch: test.launch, Result: test.result}
		got := Conclude(&j, state, &c, Plan{MaxFailures: allowed}, concludeNow)
		summary := outcome{
			Failures: got.State.Failures, Counted: got.State.CountedFailures, Disable: got.Disable, Events: got.Notices,
		}
		if !got.NextAttempt.IsZero() {
			summary.Again = got.NextAttempt.Sub(concludeNow)
			if summary.Again == 0 {
				summary.Again = atOnce
			}
		}
		if diff := cmp.Diff(test.want, summary); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		if got.State.LastStatus != test.result.Status || !got.State.LastExecution.Equal(test.result.Started) {
			t.Errorf("%s: the last status is %v of %v", test.name, got.State.LastStatus, got.State.LastExecution)
		}
	}
}

// atOnce stands for an attempt without a pause, as 0 stands for none.
const atOnce = time.Nanosecond

func wantsAll(j *Job) {
	j.Notification = Notification{OnFailure: true, OnFailureCount: 1, OnSuccess: true, OnDisable: true}
}

func wantsAllAfter(failures int) func(*Job) {
	return func(j *Job) { wantsAll(j); j.Notification.OnFailureCount = failures }
}

func TestConcludeCertificate(t *testing.T) {
	const ahead = 24 * time.Hour
	soon, later := concludeNow.Add(ahead), concludeNow.Add(ahead+time.Second)
	told := []NoticeKind{NoticeCertExpiry}
	for _, test := range []struct {
		name            string
		job             func(*Job)
		seen, noticed   time.Time
		result          Result
		kind            Kind
		want            []NoticeKind
		wantCertNoticed time.Time
	}{
		{name: "once it is near", seen: soon, result: okResult, want: told, wantCertNoticed: soon},
		{name: "not before", seen: later, result: okResult},
		{name: "when it is over", seen: concludeNow.Add(-time.Hour), result: okResult, want: told,
			wantCertNoticed: concludeNow.Add(-time.Hour)},
		{name: "once for each instant", seen: soon, noticed: soon, result: okResult, wantCertNoticed: soon},
		{name: "again for another certificate", seen: soon, noticed: soon.Add(-time.Hour), result: okResult, want: told,
			wantCertNoticed: soon},
		{name: "not when there was none", noticed: soon, result: okResult, wantCertNoticed: soon},
		{name: "with a failure too", seen: soon, result: httpError, want: told, wantCertNoticed: soon},
		{name: "not unless the job asks for it", seen: soon, result: okResult,
			job: func(j *Job) { j.Notification.OnCertExpiry = false }},
		{name: "not for a disabled job", seen: soon, result: okResult, job: func(j *Job) { j.Enabled = false }},
		{name: "not for what was asked for by hand", seen: soon, result: okResult, kind: KindManual},
		{name: "before an attempt that follows", seen: soon, result: httpError, want: told, wantCertNoticed: soon,
			job: func(j *Job) { j.Policy.Retry.Count = 1 }},
	} {
		j := NewJob()
		j.Enabled, j.Notification.OnCertExpiry, j.Notification.CertExpiryAhead = true, true, ahead
		if test.job != nil {
			test.job(&j)
		}
		c := Completion{Launch: Launch{Job: &j, Attempt: 1, Kind: test.kind}, Result: test.result}
		c.Result.CertExpiry = test.seen
		got := Conclude(&j, JobState{CertNoticed: test.noticed}, &c, Plan{MaxFailures: 15}, concludeNow)
		if !slices.Equal(got.Notices, test.want) || !got.State.CertNoticed.Equal(test.wantCertNoticed) {
			t.Errorf("%s: told %v, noted %v", test.name, got.Notices, got.State.CertNoticed)
		}
		if !got.State.CertExpiry.Equal(test.seen) {
			t.Errorf("%s: the job shows the expiry %v, want %v", test.name, got.State.CertExpiry, test.seen)
		}
	}
}

// TestConcludeRecovery follows what an account hears of a job that fails, is mended in some way, and succeeds.
func TestConcludeRecovery(t *testing.T) {
	begun := concludeNow.Add(-time.Hour)
	failing := JobState{Failures: 3, CountedFailures: 3, FailingSince: begun, Told: ToldFailure}
	edited := JobState{FailingSince: begun, Told: ToldFailure}
	byHand := JobState{Failures: 3, CountedFailures: 3, Told: ToldRecovery}
	silenced := func(c *Conclusion, before JobState) { c.Silence(&before) }
	for _, test := range []struct {
		name    string
		job     func(*Job)
		before  JobState
		kind    Kind
		result  Result
		then    func(*Conclusion, JobState)
		notices []NoticeKind
		told    Told
		since   time.Time
	}{
		{name: "the first failure begins it", result: httpError, notices: []NoticeKind{NoticeFailure}, told: ToldFailure,
			since: httpError.Started},
		{name: "a failure that nobody is told of begins it too", job: func(j *Job) { j.Notification = DefaultNotification() },
			result: httpError, since: httpError.Started},
		{name: "further ones change nothing", before: failing, result: httpError, told: ToldFailure, since: begun},
		{name: "nor does a fault of the service", before: failing, result: resultOf(StatusInternalError), told: ToldFailure, since: begun},
		{name: "a success ends it", before: failing, result: okResult, notices: []NoticeKind{NoticeSuccess}},
		{name: "also after an edit of the job", before: edited, result: okResult, notices: []NoticeKind{NoticeSuccess}},
		{name: "also after an edit and fewer failures than are told", job: wantsAllAfter(5), before: edited, result: okResult,
			notices: []NoticeKind{NoticeSuccess}},
		{name: "but not when nobody wants to hear of it", before: edited, result: okResult,
			job: func(j *Job) { wantsAll(j); j.Notification.OnSuccess = false }},
		{name: "a success by hand tells of it", before: failing, kind: KindManual, result: okResult, notices: []NoticeKind{NoticeSuccess},
			told: ToldRecovery},
		{name: "once", before: byHand, kind: KindManual, result: okResult, told: ToldRecovery},
		{name: "and the next one of the schedule does not again", before: byHand, result: okResult},
		{name: "but its next failure is told", before: byHand, result: httpError, notices: []NoticeKind{NoticeFailure}, told: ToldFailure,
			since: httpError.Started},
		{name: "a failure by hand changes nothing", before: failing, kind: KindManual, result: httpError, told: ToldFailure, since: begun},
		{name: "what a silence keeps back is told later", before: failing, result: okResult, then: silenced, told: ToldFailure, since: begun},
		{name: "also by hand", before: failing, kind: KindManual, result: okResult, then: silenced, told: ToldFailure, since: begun},
		{name: "a failure in silence is not told", result: httpError, then: silenced, since: httpError.Started},
	} {
		j := NewJob()
		j.Enabled = true
		wantsAll(&j)
		if test.job != nil {
			test.job(&j)
		}
		c := Completion{Launch: Launch{Job: &j, Attempt: 1, Kind: test.kind}, Result: test.result}
		got := Conclude(&j, test.before, &c, Plan{MaxFailures: 15}, concludeNow)
		if test.then != nil {
			test.then(&got, test.before)
		}
		if !slices.Equal(got.Notices, test.notices) || got.State.Told != test.told || !got.State.FailingSince.Equal(test.since) {
			t.Errorf("%s: told %v (%v), failing since %v", test.name, got.Notices, got.State.Told, got.State.FailingSince)
		}
	}
}

// TestConcludeLastExecution checks that the execution that started last is shown, in whichever order they end.
func TestConcludeLastExecution(t *testing.T) {
	j := NewJob()
	state := JobState{
		LastStatus: StatusOK, LastExecution: concludeNow, LastDuration: time.Minute, CertExpiry: concludeNow.Add(time.Hour),
		NextRun: concludeNow.Add(time.Hour),
	}
	for _, test := range []struct {
		started time.Time
		shown   bool
	}{
		{concludeNow.Add(-time.Millisecond), false}, {concludeNow, true}, {concludeNow.Add(time.Millisecond), true},
	} {
		c := Completion{Launch: Launch{Job: &j, Attempt: 1}, Result: httpError}
		c.Result.Started = test.started
		want := state
		if test.shown {
			want.LastStatus, want.LastExecution = StatusHTTPError, test.started
			want.LastDuration, want.CertExpiry = c.Result.Duration, time.Time{}
		}
		if got := Conclude(&j, state, &c, Plan{}, concludeNow).State; got != want {
			t.Errorf("started %v: %+v, want %+v", test.started, got, want)
		}
	}
}

// concludeModel knows the results of a job's occurrences that failed in a row, oldest first, where Conclude has
// counters.
type concludeModel []Status

// counted is how many of them count for disabling: all but timeouts, and one that stands first.
func (m concludeModel) counted() int {
	n := 0
	for i, s := range m {
		if s != StatusTimeout || i == 0 {
			n++
		}
	}
	return n
}

// TestConcludeModel lets a job run for a while and compares counters and notices with the model.
func TestConcludeModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var (
			model concludeModel
			heard Told // by the account; a save changes nothing about it
			state JobState
			plan  = Plan{MaxFailures: rapid.IntRange(0, 4).Draw(t, "max failures")}
			j     = NewJob()
			drawn = rapid.Bool()
		)
		j.Type = JobType(rapid.IntRange(0, 1).Draw(t, "type"))
		j.Policy.Retry.Count = rapid.IntRange(0, 2).Draw(t, "retries")
		j.Policy.Delivery = Delivery(rapid.IntRange(0, 1).Draw(t, "delivery"))
		save := func(enabled bool) { // as a user does
			j.Enabled = enabled
			j.Notification = Notification{
				OnFailure: drawn.Draw(t, "onFailure"), OnFailureCount: rapid.IntRange(1, 4).Draw(t, "count"),
				OnSuccess: drawn.Draw(t, "onSuccess"), OnDisable: drawn.Draw(t, "onDisable"),
			}
			state.Failures, state.CountedFailures = 0, 0
			model = nil
		}
		save(true)

		// conclude performs one attempt and tells whether another follows.
		conclude := func(kind Kind, attempt int) (again bool) {
			r := rapid.SampledFrom([]Result{
				okResult, httpError, httpError, timeoutResult, timeoutResult, lostResult, resultOf(StatusInvalidURL),
			}).Draw(t, "result")
			c := Completion{Launch: Launch{Job: &j, Kind: kind, Attempt: attempt}, Result: r}
			got := Conclude(&j, state, &c, plan, concludeNow)

			var (
				events  []NoticeKind
				disable bool
				n       = &j.Notification
				fault   = r.Status != StatusOK && r.Fault != FaultLost
			)
			if r.Fault == FaultLost {
				again = j.Policy.Delivery == AtLeastOnce && attempt <= j.Policy.Retry.Count+MaxRepeats
			} else if fault && j.Enabled && kind == KindScheduled && r.Status != StatusInvalidURL {
				again = attempt <= j.Policy.Retry.Count
			}
			if j.Enabled && kind == KindScheduled && !again && r.Fault != FaultLost {
				if fault {
					model = append(model, r.Status)
					if n.OnFailure && (len(model) == n.OnFailureCount || heard == ToldRecovery && len(model) > n.OnFailureCount) {
						events, heard = append(events, NoticeFailure), ToldFailure
					}
					disable = j.Type != TypeMonitoring && model.counted() > plan.MaxFailures
				} else {
					contract := len(model) > 0 && (!n.OnFailure || len(model) >= n.OnFailureCount)
					if n.OnSuccess && heard != ToldRecovery && (contract || heard == ToldFailure) {
						events = append(events, NoticeSuccess)
					}
					heard = ToldNothing
				}
				if disable && n.OnDisable {
					events = append(events, NoticeDisabled)
				}
				if disable || !fault {
					model = nil
				}
			}
			if j.Enabled && kind == KindManual && r.Status == StatusOK && n.OnSuccess && heard == ToldFailure {
				events, heard = append(events, NoticeSuccess), ToldRecovery
			}
			if !slices.Equal(got.Notices, events) || got.Disable != disable || got.NextAttempt.IsZero() == again {
				t.Fatalf("%+v\nwant events %v, disable %v, again %v", got, events, disable, again)
			}
			if got.State.Failures != len(model) || got.State.CountedFailures != model.counted() {
				t.Fatalf("%+v\nwant the counters of %v", got.State, model)
			}
			state = got.State
			if disable {
				j.Enabled = false
			}
			return again
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 15).Draw(t, "step") {
			case 0:
				save(true)
			case 1:
				save(false)
			case 2:
				conclude(KindManual, 1)
			default:
				for attempt := 1; conclude(KindScheduled, attempt); attempt++ {
				}
			}
		}
	})
}
