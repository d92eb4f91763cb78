package checker_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
	"punctual/internal/store/storetest"
	"punctual/test/checker"
)

// noon is when the jobs of these tests were created.
var noon = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }

// everySecond is due at each second.
func everySecond() cron.Schedule {
	s := storetest.EveryMinute()
	s.Seconds = cron.Every
	return s
}

// scene is a ledger under construction and the requests that the target received.
type scene struct {
	checker.Ledger
	checker.Witness
}

func (s *scene) job(schedule cron.Schedule, edit func(*cron.Job)) int64 {
	var j cron.JobRecord
	j.Job = cron.NewJob()
	j.ID = int64(len(s.Jobs) + 1)
	j.Enabled, j.Schedule, j.Created, j.Updated = true, schedule, noon, noon
	j.Request.URL = fmt.Sprintf("http://target/%d?u=%%cjo:uuid4%%", j.ID)
	if edit != nil {
		edit(&j.Job)
	}
	s.Jobs = append(s.Jobs, j)
	return j.ID
}

func (s *scene) record(job int64, planned time.Time, attempt int, o cron.Outcome) *checker.Record {
	r := checker.Record{Node: 1}
	r.ID, r.JobID, r.Planned, r.Attempt, r.Outcome = int64(len(s.Records)+1), job, planned, attempt, o
	r.Result.Started, r.Result.Duration = planned.Add(3*time.Millisecond), 20*time.Millisecond
	r.Lateness = 3*time.Millisecond + 400*time.Microsecond
	switch o {
	case cron.OutcomeSucceeded:
		r.Result.Status, r.Result.HTTPStatus = cron.StatusOK, 200
	case cron.OutcomeFailed:
		r.Result.Status, r.Result.HTTPStatus = cron.StatusHTTPError, 500
	case cron.OutcomeLost:
		r.Result.Status, r.Result.Fault = cron.StatusInternalError, cron.FaultLost
		r.Result.Duration, r.Lateness = 0, 0
	case cron.OutcomeMissed:
		r.Node, r.Result.Fault = 0, cron.FaultMissed
	case cron.OutcomeSkipped:
		r.Node, r.Result.Fault, r.Last, r.Count = 0, cron.FaultOverlap, planned, 1
	}
	if r.Result.HTTPStatus != 0 {
		r.Result.URL = fmt.Sprintf("http://target/%d?u=%d", job, r.ID)
		s.Received[r.Result.URL]++
	}
	s.Records = append(s.Records, r)
	return &s.Records[len(s.Records)-1]
}

// settle sets the states and next runs that follow from the records.
func (s *scene) settle() {
	for i := range s.Jobs {
		j := &s.Jobs[i]
		after := noon
		for _, r := range s.Records {
			if r.JobID != j.ID {
				continue
			}
			after = r.Planned
			if r.Count > 0 {
				after = r.Last
			} else if !r.Result.Started.Before(j.State.LastExecution) {
				j.State.LastExecution, j.State.LastStatus = r.Result.Started, r.Result.Status
				j.State.LastDuration = r.Result.Duration
			}
		}
		j.State.NextRun = j.NextAfter(after)
	}
}

// newScene is a ledger without violations that contains everything that is allowed. The numbers are job IDs.
func newScene() *scene {
	s := &scene{Witness: checker.Witness{From: noon, To: at(10), Received: map[string]int{}, InFlight: 2, Stopped: true}}
	s.Nodes = []checker.Node{{Epoch: 1, Dead: true}, {Epoch: 2, Dead: true}}

	plain := s.job(everySecond(), nil) // 1: records 1 to 10
	for i := 1; i <= 10; i++ {
		s.record(plain, at(i), 1, cron.OutcomeSucceeded)
	}
	retried := s.job(storetest.EveryMinute(), func(j *cron.Job) { j.Policy.Retry.Count = 2 }) // 2: 11 to 13
	s.record(retried, at(60), 1, cron.OutcomeFailed)
	for attempt := 2; attempt <= 3; attempt++ {
		r := s.record(retried, at(60), attempt, cron.OutcomeFailed)
		r.Result.Started = at(60 * attempt).Add(time.Millisecond)
		r.Lateness = time.Millisecond
	}
	repeated := s.job(everySecond(), func(j *cron.Job) { j.Policy.Delivery = cron.AtLeastOnce }) // 3: 14 to 24
	for i := 1; i <= 9; i++ {
		s.record(repeated, at(i), 1, cron.OutcomeSucceeded)
	}
	s.record(repeated, at(10), 1, cron.OutcomeLost)
	r := s.record(repeated, at(10), 2, cron.OutcomeSucceeded)
	r.Node, r.Result.Started = 2, at(14)
	late := s.job(everySecond(), nil) // 4: 25 to 27
	gap := s.record(late, at(1), 1, cron.OutcomeMissed)
	gap.Last, gap.Count, gap.Result.Started = at(8), 8, at(9).Add(time.Millisecond)
	s.record(late, at(9), 1, cron.OutcomeSucceeded)
	s.record(late, at(10), 1, cron.OutcomeLost)
	off := s.job(everySecond(), func(j *cron.Job) { j.Enabled = false }) // 5: 28
	gap = s.record(off, at(1), 1, cron.OutcomeSkipped)
	gap.Last, gap.Count, gap.Result.Fault, gap.Result.Started = at(2), 2, cron.FaultDisabled, at(3)
	slow := s.job(everySecond(), func(j *cron.Job) { j.Policy.Overlap = cron.OverlapSkip }) // 6: 29 to 38
	for i := 1; i <= 9; i += 2 {
		s.record(slow, at(i), 1, cron.OutcomeSucceeded).Result.Duration = 1500 * time.Millisecond
		s.record(slow, at(i+1), 1, cron.OutcomeSkipped)
	}
	old := s.job(everySecond(), func(j *cron.Job) { j.Schedule.ExpiresAt = 20260105120005 }) // 7: 39
	gap = s.record(old, at(1), 1, cron.OutcomeMissed)
	gap.Last, gap.Count, gap.Result.Started = at(5), 5, at(4000)
	s.job(cron.NewSchedule(), nil)                        // 8
	once := s.job(cron.NewSchedule(), func(j *cron.Job) { // 9: 40
		j.Enabled, j.Timing.RunAtPassed, j.Timing.RunAt = false, true, at(7)
	})
	s.record(once, at(7), 1, cron.OutcomeSucceeded)
	paused := s.job(everySecond(), func(j *cron.Job) { j.Timing.PausedUntil = at(9) }) // 10: 41, 42
	s.record(paused, at(9), 1, cron.OutcomeSucceeded)
	s.record(paused, at(10), 1, cron.OutcomeSucceeded)
	asleep := s.job(everySecond(), func(j *cron.Job) { j.AccountID = 1 }) // 11: 43, 44; its account is disabled
	s.record(asleep, at(1), 1, cron.OutcomeSucceeded)
	gap = s.record(asleep, at(2), 1, cron.OutcomeSkipped)
	gap.AccountID, gap.Last, gap.Count, gap.Result.Fault, gap.Result.Started = 1, at(5), 4, cron.FaultAccountDisabled, at(6)
	back := s.job(everySecond(), func(j *cron.Job) { j.AccountID = 2 }) // 12: 45 to 48; its account was disabled
	gap = s.record(back, at(1), 1, cron.OutcomeSkipped)
	gap.AccountID, gap.Last, gap.Count, gap.Result.Fault, gap.Result.Started = 2, at(7), 7, cron.FaultAccountDisabled, at(8)
	for i := 8; i <= 10; i++ {
		s.record(back, at(i), 1, cron.OutcomeSucceeded)
	}
	broken := s.job(storetest.EveryMinute(), func(j *cron.Job) { j.Policy.Overlap = cron.OverlapSkip }) // 13: 49, 50
	s.record(broken, at(60), 1, cron.OutcomeSucceeded)
	s.record(broken, at(120), 1, cron.OutcomeFailed)
	s.Accounts = map[int64]checker.Account{1: {ID: 1, Disabled: true, Enabled: at(6)}, 2: {ID: 2, Enabled: at(8)}}
	s.settle()
	s.Jobs[1].State.Failures, s.Jobs[1].State.CountedFailures = 1, 1
	s.Problems = []checker.Problem{{ID: 1, Kind: cron.ProblemFailed}, {ID: 2, Kind: cron.ProblemLost, JobID: late, State: cron.ProblemAcknowledged},
		{ID: 3, Kind: cron.ProblemMissed, JobID: old, State: cron.ProblemSnoozed}, {ID: 4, State: cron.ProblemResolved},
		{ID: 5, Kind: cron.ProblemFailed, State: cron.ProblemResolved, ByPerson: true}}
	for job, problem := range map[int64]int64{retried: 1, late: 2, old: 3, broken: 5} {
		s.Jobs[job-1].ProblemID = problem
	}
	s.Actions = []checker.Action{
		{ID: 1, State: cron.ActionFinished, Changed: 2, Jobs: []checker.ActionJob{{1, 1, 1, 2, cron.ActionChanged, cron.EffectEdited},
			{1, 2, 1, 0, cron.ActionSkipped, 0}, {1, 99, 3, 3, cron.ActionChanged, cron.EffectDeleted}},
			Versions: []checker.ActionVersion{{1, 1, 2}}},
		{ID: 2, State: cron.ActionFinished, DryRun: true, Changed: 1, Jobs: []checker.ActionJob{{2, 1, 2, 0, cron.ActionChanged, cron.EffectEdited}}},
		{ID: 3, State: cron.ActionFinished, Ended: true, Jobs: []checker.ActionJob{{3, 1, 2, 0, cron.ActionWaiting, 0}}},
	}
	s.Notices = []checker.Notice{{ID: 1, Created: at(1), Messages: 2}, {ID: 2, Created: at(2), Messages: 1}, {ID: 3, Created: at(3), Untold: 1},
		{ID: 4, Created: at(20), Unrouted: true}}
	s.Messages = []checker.Message{
		{ID: 1, State: cron.MessageSent, Count: 2, Linked: 2, Listed: 2, Attempts: 3, Node: 1, Ended: at(5)},
		{ID: 2, State: cron.MessageWaiting, Count: 1, Linked: 1, Listed: 1, Due: at(9)},
		{ID: 3, State: cron.MessageDropped, Drop: cron.DropMuted, Count: 1, Linked: 1, Listed: 1, Ended: at(6)},
		{ID: 4, State: cron.MessageFailed, Count: 500, Linked: 500, Listed: cron.MaxListedNotices, Attempts: 1, Node: 2, Ended: at(7)},
	}
	s.Told = map[int64]int{1: 2}
	s.components(slow, broken)
	return s
}

// components adds a component for each of two jobs, and one for both. The last result of the first job waits.
func (s *scene) components(slow, broken int64) {
	up := func(component, job int64) checker.ComponentJob {
		s.Jobs[job-1].Type = cron.TypeMonitoring
		return checker.ComponentJob{ComponentID: component, JobID: job, Health: statuspage.HealthUp}
	}
	for i, jobs := range [][]int64{{slow}, {broken}, {slow, broken}} {
		c := checker.Component{ID: int64(i + 1), Changed: noon, Rule: statuspage.DefaultRule(), State: statuspage.Operational,
			Transitions: []statuspage.Transition{{ComponentID: int64(i + 1), At: at(61), State: statuspage.Operational}}}
		for _, job := range jobs {
			c.Jobs = append(c.Jobs, up(c.ID, job))
		}
		s.Components = append(s.Components, c)
	}
	success := func(took time.Duration) statuspage.Run {
		return statuspage.Run{Verdict: statuspage.Succeeded, Duration: took}
	}
	of := func(job int64, runs ...statuspage.Run) *checker.Monitor {
		return &checker.Monitor{JobID: job, Window: statuspage.Window{Runs: runs}}
	}
	long := success(1500 * time.Millisecond)
	s.Monitors = map[int64]*checker.Monitor{slow: of(slow, long, long, long, long),
		broken: of(broken, success(20*time.Millisecond), statuspage.Run{Verdict: statuspage.Failed})}
	s.Monitors[slow].Waiting = []statuspage.Run{long}
}

func TestAFaultlessLedgerHasNoViolations(t *testing.T) {
	s := newScene()
	for _, v := range checker.Find(&s.Ledger, s.Witness) {
		t.Error(v)
	}
}

// TestOrdersOfResults replays a job whose occurrences are retried while a later one is in flight. Nodes may have written the two results in
// both orders, but the next first attempt began when they had been written, and none may be missing.
func TestOrdersOfResults(t *testing.T) {
	failure := statuspage.Run{Verdict: statuspage.Failed}
	long, short := statuspage.Run{Verdict: statuspage.Succeeded, Duration: 100 * time.Millisecond}, statuspage.Run{Verdict: statuspage.Succeeded,
		Duration: 20 * time.Millisecond}
	for _, test := range []struct {
		name    string
		begins  int // when the second attempt begins
		missed  bool
		runs    []statuspage.Run
		allowed bool
		change  func(*scene, *checker.Record) // of the evidence, and of the first attempt that is in flight; nil for nothing
	}{
		{"in the order of the IDs", 2, false, []statuspage.Run{long, failure, short}, true, nil},
		{"in the other order", 2, false, []statuspage.Run{failure, long, short}, true, nil},
		{"the other order, long after", 40, false, []statuspage.Run{failure, long, short}, false, nil},
		{"after the next first attempt", 2, false, []statuspage.Run{long, short, failure}, false, nil},
		{"before both first attempts", 2, false, []statuspage.Run{short, failure, long}, false, nil},
		{"one is left out", 2, false, []statuspage.Run{long, short}, false, nil},
		{"one counts twice", 2, false, []statuspage.Run{failure, failure, long, short}, false, nil},
		{"missed before both", 2, true, []statuspage.Run{{}, {}, failure, long, short}, true, nil},
		{"missed between them", 2, true, []statuspage.Run{failure, {}, {}, long, short}, true, nil},
		{"missed after both", 2, true, []statuspage.Run{long, failure, {}, {}, short}, true, nil},
		{"missed in one step, written in two", 2, true, []statuspage.Run{failure, {}, long, {}, short}, false, nil},
		{"missed after the next first attempt", 2, true, []statuspage.Run{long, failure, short, {}, {}}, false, nil},
		{"the other order, long after, and it had to wait", 40, false, []statuspage.Run{failure, long, short}, true,
			func(s *scene, _ *checker.Record) { s.Delayed = true }},
		{"lost, in the other order, long after", 40, false, []statuspage.Run{failure, {}, short}, true,
			func(_ *scene, first *checker.Record) { first.Outcome, first.Result.Duration = cron.OutcomeLost, 0 }},
		{"forgotten, with too little time for that", 2, false, []statuspage.Run{short}, false, nil},
		{"forgotten, as the next was written late", 2, true, []statuspage.Run{{}, {}, short}, true, func(s *scene, first *checker.Record) {
			s.of(first.JobID, at(3)).Result.Started, s.of(first.JobID, at(50)).Result.Started = at(63), at(64)
		}},
		{"forgotten between two that were written in one step", 2, true, []statuspage.Run{{}, short}, false, func(s *scene, first *checker.Record) {
			s.of(first.JobID, at(3)).Result.Started, s.of(first.JobID, at(50)).Result.Started = at(70), at(71)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScene()
			job := s.job(everySecond(), func(j *cron.Job) {
				j.Type, j.Policy.Overlap, j.Policy.Retry.Count = cron.TypeMonitoring, cron.OverlapSkip, 1
			})
			s.record(job, at(1), 1, cron.OutcomeFailed)
			s.record(job, at(2), 1, cron.OutcomeSucceeded).Result.Duration = long.Duration
			again := s.record(job, at(1), 2, cron.OutcomeFailed)
			again.Result.Started = at(test.begins).Add(time.Millisecond)
			if test.missed {
				gap := s.record(job, at(3), 1, cron.OutcomeMissed)
				gap.Last, gap.Count, gap.Result.Started = at(4), 2, at(5)
			}
			s.record(job, at(50), 1, cron.OutcomeSucceeded).Result.Duration = short.Duration
			slices.SortStableFunc(s.Records, func(a, b checker.Record) int {
				return cmp.Or(cmp.Compare(a.JobID, b.JobID), a.Planned.Compare(b.Planned), cmp.Compare(a.Attempt, b.Attempt))
			})
			if test.change != nil {
				test.change(s, s.of(job, at(2)))
			}
			s.To = at(51)
			m := &checker.Monitor{JobID: job}
			for _, run := range test.runs {
				m.Window.Add(run)
			}
			s.Monitors[job] = m
			s.Components = append(s.Components, checker.Component{ID: 4, Changed: noon, Rule: statuspage.DefaultRule(), State: statuspage.Operational,
				Jobs: []checker.ComponentJob{{ComponentID: 4, JobID: job, Health: statuspage.HealthUp},
					{ComponentID: 4, JobID: 13, Health: statuspage.HealthUp}},
				Transitions: []statuspage.Transition{{ComponentID: 4, At: at(3), State: statuspage.Operational}}})
			var found []checker.Violation
			for _, v := range checker.Find(&s.Ledger, s.Witness) {
				if v.Check == "monitor" && strings.HasPrefix(v.Text, fmt.Sprintf("job %d of component 4 ", job)) {
					found = append(found, v)
				}
			}
			if (len(found) == 0) != test.allowed {
				t.Errorf("found %v", found)
			}
		})
	}
}

// TestEachCheckCanFail breaks the ledger in one place at a time. A fault may be found by several checks.
func TestEachCheckCanFail(t *testing.T) {
	tests := []struct {
		check, name string
		break_      func(*scene)
	}{
		{"coverage", "an occurrence has no record", func(s *scene) { s.drop(5) }},
		{"coverage", "the last occurrence has no record", func(s *scene) { s.drop(10) }},
		{"coverage", "a gap covers one that ran", func(s *scene) { s.find(25).Last = at(9) }},
		{"coverage", "a one-time job has no record", func(s *scene) { s.drop(40) }},
		{"coverage", "an occurrence after a pause has no record", func(s *scene) { s.drop(41) }},
		{"occurrence", "during a pause", func(s *scene) { s.find(41).Planned = at(8) }},
		{"coverage", "while the account was disabled", func(s *scene) { s.find(45).Last, s.find(45).Count = at(6), 6 }},
		{"coverage", "before what a disabled account has on record", func(s *scene) { s.drop(43) }},
		{"coverage", "up to where a disabled account has stopped", func(s *scene) { s.drop(44) }},
		{"plan", "a disabled account has forgotten where it stopped", func(s *scene) { s.Jobs[10].State.NextRun = time.Time{} }},
		{"outcome", "skipped for an account that is enabled", func(s *scene) { s.find(45).Last, s.find(45).Count = at(8), 8 }},
		{"coverage", "a job without any record", func(s *scene) { s.job(everySecond(), nil) }},
		{"occurrence", "an instant that is not due", func(s *scene) { s.find(11).Planned = at(59) }},
		{"occurrence", "half a second past", func(s *scene) { s.find(10).Planned = at(10).Add(500 * time.Millisecond) }},
		{"occurrence", "a wrong count", func(s *scene) { s.find(25).Count = 7 }},
		{"occurrence", "at least too many", func(s *scene) { s.find(25).Count, s.find(25).AtLeast = 9, true }},
		{"occurrence", "an end before the start", func(s *scene) { s.find(25).Last = at(0) }},
		{"occurrence", "a started record that covers more", func(s *scene) { s.find(3).Last, s.find(3).Count = at(4), 2 }},
		{"outcome", "success without an answer", func(s *scene) { s.find(4).Result.HTTPStatus = 0 }},
		{"outcome", "failure that looks like success", func(s *scene) { s.find(11).Result.Status = cron.StatusOK }},
		{"outcome", "lost by another fault", func(s *scene) { s.find(27).Result.Fault = cron.FaultReset }},
		{"outcome", "missed by a node", func(s *scene) { s.find(25).Node = 1 }},
		{"outcome", "skipped without a reason", func(s *scene) { s.find(28).Result.Fault = cron.FaultNone }},
		{"outcome", "an unknown outcome", func(s *scene) { s.find(2).Outcome = 17 }},
		{"outcome", "started before its time", func(s *scene) { s.find(2).Result.Started = at(-1) }},
		{"misfire", "missed within the grace", func(s *scene) { s.find(39).Result.Started = at(6) }},
		{"misfire", "missed within the second after the grace", func(s *scene) {
			s.find(39).Result.Started = at(5).Add(time.Hour + 900*time.Millisecond)
		}},
		{"misfire", "missed although it should run", func(s *scene) { s.Jobs[6].Policy.Misfire = cron.MisfireRun }},
		{"misfire", "missed in favour of nothing", func(s *scene) { s.drop(26) }},
		{"attempts", "a hole", func(s *scene) { s.drop(12) }},
		{"attempts", "no first", func(s *scene) { s.drop(11) }},
		{"succession", "a retry is missing", func(s *scene) { s.drop(13) }},
		{"succession", "a repeat is missing", func(s *scene) { s.drop(24) }},
		{"succession", "a retry too many", func(s *scene) { s.Jobs[1].Policy.Retry.Count = 1 }},
		{"succession", "a repeat of what is sent at most once", func(s *scene) { s.Jobs[2].Policy.Delivery = cron.AtMostOnce }},
		{"succession", "a success is tried again", func(s *scene) { s.find(11).Outcome = cron.OutcomeSucceeded }},
		{"succession", "an attempt waits that has been made", func(s *scene) { s.pend(2, 60, 3) }},
		{"succession", "an attempt waits after a success", func(s *scene) { s.pend(1, 3, 2) }},
		{"succession", "an attempt waits without one before it", func(s *scene) { s.pend(8, 3, 2) }},
		{"sending", "a request came twice", func(s *scene) { s.Received["http://target/1?u=3"]++ }},
		{"sending", "a request without a record", func(s *scene) { s.Received["http://target/1?u=1000"]++ }},
		{"sending", "two requests for one lost execution", func(s *scene) {
			s.Received["http://target/4?u=1000"]++
			s.Received["http://target/4?u=1001"]++
		}},
		{"sending", "a request of a skipped execution", func(s *scene) { s.Received["http://target/6?u=1000"]++ }},
		{"sending", "two records of one request", func(s *scene) { s.find(2).Result.URL = s.find(3).Result.URL }},
		{"answers", "an answer that was never given", func(s *scene) { delete(s.Received, "http://target/1?u=3") }},
		{"lost", "more than were in flight", func(s *scene) { s.InFlight = 1 }},
		{"lost", "on a node that lives", func(s *scene) { s.Nodes[0].Dead, s.Stopped = false, false }},
		{"lease", "started after it", func(s *scene) { s.Nodes[0].Lease = noon }},
		{"overlap", "started while it ran", func(s *scene) { s.find(31).Result.Started = at(2) }},
		{"lateness", "too little", func(s *scene) { s.find(3).Lateness = 0 }},
		{"lateness", "too much", func(s *scene) { s.find(3).Lateness = time.Second }},
		{"lateness", "a retry later than its occurrence", func(s *scene) { s.find(12).Lateness = time.Hour }},
		{"lateness", "negative", func(s *scene) { s.find(12).Lateness = -1 }},
		{"order", "a later occurrence was claimed first", func(s *scene) { s.find(3).ID, s.find(4).ID = 4, 3 }},
		{"order", "a later attempt was claimed first", func(s *scene) { s.find(12).ID, s.find(13).ID = 13, 12 }},
		{"order", "two records share an id", func(s *scene) { s.find(3).ID = 30 }},
		{"order", "too large for a client", func(s *scene) { s.find(38).ID = 1 << 53 }},
		{"state", "an older execution", func(s *scene) { s.Jobs[0].State.LastExecution = s.find(9).Result.Started }},
		{"state", "another status", func(s *scene) { s.Jobs[0].State.LastStatus = cron.StatusTimeout }},
		{"state", "another duration", func(s *scene) { s.Jobs[0].State.LastDuration++ }},
		{"state", "never executed", func(s *scene) { s.Jobs[7].State.LastStatus = cron.StatusOK }},
		{"state", "failures without a failure", func(s *scene) { s.Jobs[0].State.Failures = 1 }},
		{"state", "more failures than executions", func(s *scene) { s.Jobs[1].State.Failures = 5 }},
		{"state", "forgotten failures", func(s *scene) {
			s.Jobs[1].Policy.Retry.Count = 0
			s.Jobs[1].State.Failures, s.Jobs[1].State.CountedFailures = 0, 0
		}},
		{"plan", "an occurrence is left out", func(s *scene) { s.Jobs[0].State.NextRun = at(12) }},
		{"plan", "an occurrence comes again", func(s *scene) { s.Jobs[0].State.NextRun = at(10) }},
		{"plan", "never again", func(s *scene) { s.Jobs[0].State.NextRun = time.Time{} }},
		{"plan", "disabled and planned", func(s *scene) { s.Jobs[4].State.NextRun = at(11) }},
		{"plan", "expired and planned", func(s *scene) { s.Jobs[6].State.NextRun = at(11) }},
		{"notice", "never routed", func(s *scene) { s.Notices[3].Created = at(9).Add(-time.Minute) }},
		{"notice", "routed to nobody", func(s *scene) { s.Notices[1].Messages = 0 }},
		{"notice", "a reason and a message", func(s *scene) { s.Notices[0].Untold = 2 }},
		{"notice", "a message before it was routed", func(s *scene) { s.Notices[3].Messages = 1 }},
		{"message", "no end", func(s *scene) { s.Messages[0].Ended = time.Time{} }},
		{"message", "an end while it waits", func(s *scene) { s.Messages[1].Ended = at(3) }},
		{"message", "dropped without a reason", func(s *scene) { s.Messages[2].Drop = cron.DropNone }},
		{"message", "sent without an attempt", func(s *scene) { s.Messages[0].Attempts = 0 }},
		{"message", "sent by nobody", func(s *scene) { s.Messages[0].Node = 0 }},
		{"message", "it tells nothing", func(s *scene) { s.Messages[1].Linked, s.Messages[1].Listed = 0, 0 }},
		{"message", "it tells less than it has", func(s *scene) { s.Messages[0].Count = 1 }},
		{"message", "it lists too few", func(s *scene) { s.Messages[0].Listed = 1 }},
		{"message", "it lists too many", func(s *scene) { s.Messages[3].Listed++ }},
		{"message", "sending after a clean stop", func(s *scene) {
			m := &s.Messages[1]
			m.State, m.Attempts, m.Node = cron.MessageSending, 1, 2
		}},
		{"message", "sending by a dead node", func(s *scene) {
			m := &s.Messages[1]
			m.State, m.Attempts, m.Node, s.Stopped = cron.MessageSending, 1, 1, false
		}},
		{"telling", "it did not arrive", func(s *scene) { delete(s.Told, 1) }},
		{"telling", "it arrived more often than it was attempted", func(s *scene) { s.Told[1] = 4 }},
		{"telling", "nobody sent it", func(s *scene) { s.Told[99] = 1 }},
		{"problem", "of a job that does not exist", func(s *scene) { s.Jobs[1].ProblemID = 9 }},
		{"problem", "a job has one that is resolved", func(s *scene) { s.Problems[0].State = cron.ProblemResolved }},
		{"problem", "a job has that of another", func(s *scene) { s.Jobs[1].ProblemID, s.Jobs[3].ProblemID = 2, 1 }},
		{"problem", "of another account", func(s *scene) { s.Problems[0].AccountID = 7 }},
		{"problem", "one is open that nobody has", func(s *scene) { s.Problems[3].State = cron.ProblemOpen }},
		{"problem", "one is acknowledged that nobody has", func(s *scene) { s.Jobs[3].ProblemID = 0 }},
		{"problem", "a job that never succeeded has none", func(s *scene) { s.Jobs[1].ProblemID, s.Problems[0].State = 0, cron.ProblemResolved }},
		{"problem", "a job that missed everything has none", func(s *scene) { s.Jobs[6].ProblemID, s.Problems[2].State = 0, cron.ProblemResolved }},
		{"problem", "a job that never failed has one", func(s *scene) { s.Jobs[0].ProblemID = 1 }},
		{"problem", "none after a failure", func(s *scene) { s.Jobs[12].ProblemID = 0 }},
		{"problem", "one after a success", func(s *scene) { s.find(50).Outcome, s.find(50).Result.Status = cron.OutcomeSucceeded, cron.StatusOK }},
		{"action", "a job is changed twice", func(s *scene) { s.Actions[0].Versions = append(s.Actions[0].Versions, checker.ActionVersion{1, 1, 3}) }},
		{"action", "a job has no version", func(s *scene) { s.Actions[0].Versions = nil }},
		{"action", "a job has another version", func(s *scene) { s.Actions[0].Versions[0].Version = 3 }},
		{"action", "a job that was skipped has a version", func(s *scene) { s.Actions[0].Versions = append(s.Actions[0].Versions, checker.ActionVersion{1, 2, 2}) }},
		{"action", "a job that is not part of it", func(s *scene) { s.Actions[0].Versions = append(s.Actions[0].Versions, checker.ActionVersion{1, 5, 2}) }},
		{"action", "a dry run has made a version", func(s *scene) { s.Actions[1].Versions = []checker.ActionVersion{{2, 1, 3}} }},
		{"action", "a job waits in the end", func(s *scene) { s.Actions[2].Ended = false }},
		{"action", "wrong counts", func(s *scene) { s.Actions[0].Changed = 1 }},
		{"action", "deleted in another version", func(s *scene) { s.Actions[0].Jobs[2].After = 4 }},
		{"monitor", "a result is left out", func(s *scene) { s.Monitors[6].Waiting = nil }},
		{"monitor", "a result counts twice", func(s *scene) { s.Monitors[6].Waiting = append(s.Monitors[6].Waiting, s.Monitors[6].Waiting...) }},
		{"monitor", "nothing is known of a job", func(s *scene) { delete(s.Monitors, 6) }},
		{"monitor", "a result took longer", func(s *scene) { s.Monitors[13].Window.Runs[0].Duration++ }},
		{"monitor", "a failure counts as a success", func(s *scene) { s.Monitors[13].Window.Runs[1].Verdict = statuspage.Succeeded }},
		{"monitor", "a job is down, and its component knows", func(s *scene) {
			c := &s.Components[1]
			c.Jobs[0].Health, c.State, c.Transitions[0].State = statuspage.HealthDown, statuspage.MajorOutage, statuspage.MajorOutage
		}},
		{"monitor", "a job is down, and its component does not know", func(s *scene) { s.Components[2].Jobs[0].Health = statuspage.HealthDown }},
		{"monitor", "it shows another state than its transitions", func(s *scene) { s.Components[0].State = statuspage.Unknown }},
		{"monitor", "an outage that no result tells of", func(s *scene) {
			first := s.Components[0].Transitions[0]
			outage, end := first, first
			outage.At, outage.State, end.At = first.At.Add(time.Second), statuspage.MajorOutage, first.At.Add(2*time.Second)
			s.Components[0].Transitions = append(s.Components[0].Transitions, outage, end)
		}},
		{"monitor", "a job that does not exist", func(s *scene) { s.Components[0].Jobs[0].JobID = 99 }},
		{"monitor", "a job of another type", func(s *scene) { s.Jobs[5].Type = cron.TypeDefault }},
		{"orphans", "a response without an execution", func(s *scene) { s.Orphans = []string{"1 stored response"} }},
		{"end", "still running", func(s *scene) { s.find(10).Outcome = cron.OutcomeRunning }},
		{"end", "still alive", func(s *scene) { s.Nodes[1].Dead = false }},
	}
	seeded := map[string]bool{}
	for _, test := range tests {
		seeded[test.check] = true
		t.Run(test.check+": "+test.name, func(t *testing.T) {
			s := newScene()
			test.break_(s)
			found := checker.Find(&s.Ledger, s.Witness)
			if !slices.ContainsFunc(found, func(v checker.Violation) bool { return v.Check == test.check }) {
				t.Errorf("the check did not notice; found %v", found)
			}
		})
	}
	for _, check := range checker.Checks() {
		if !seeded[check.Name] {
			t.Errorf("no ledger breaks the check %q", check.Name)
		}
		if check.Promise == "" {
			t.Errorf("the check %q promises nothing", check.Name)
		}
	}
}

// of is the record of an occurrence.
func (s *scene) of(job int64, planned time.Time) *checker.Record {
	return &s.Records[slices.IndexFunc(s.Records, func(r checker.Record) bool { return r.JobID == job && r.Planned.Equal(planned) })]
}

// find is the record with an ID in a scene without violations.
func (s *scene) find(id int64) *checker.Record {
	i := slices.IndexFunc(s.Records, func(r checker.Record) bool { return r.ID == id })
	return &s.Records[i]
}

func (s *scene) drop(id int64) {
	s.Records = slices.DeleteFunc(s.Records, func(r checker.Record) bool { return r.ID == id })
}

func (s *scene) pend(job int64, planned, attempt int) {
	s.Pending = append(s.Pending, checker.Pending{JobID: job, Planned: at(planned), Attempt: attempt})
}
