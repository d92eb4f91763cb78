package scheduler

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"punctual/internal/cron"
)

const second, minute, hour = time.Second, time.Minute, time.Hour

// occurrences lists when a schedule is due after one offset from midnight and up to another.
func occurrences(schedule cron.Schedule, after, until time.Duration) (at []time.Duration) {
	midnight := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	for t, ok := schedule.Next(midnight.Add(after)); ok && clock(t) <= until; t, ok = schedule.Next(t) {
		at = append(at, clock(t))
	}
	return at
}

func TestJobsRunInTheirSecond(t *testing.T) {
	inBubble(t, func(w *world) {
		schedules := map[string]cron.Schedule{
			"http://second/":  everySecond,
			"http://minute/":  everyMinute,
			"http://seconds/": times(cron.SetOf(7, 8, 43), cron.Every, cron.Every),
			"http://once/":    in(1*minute + 59*second),
			"http://never/":   in(23 * hour),
		}
		for target, schedule := range schedules {
			w.job(schedule, target)
		}
		w.start()
		w.at(2*minute + 500*time.Millisecond)
		for target, schedule := range schedules {
			expect(w, target, offsets(w.targets.asked(target)), occurrences(schedule, 0, 2*minute))
		}
		w.stop()
		ledger := w.ledger()
		if n := len(w.targets.asked("")); len(ledger) != n {
			w.Errorf("%d records of %d calls", len(ledger), n)
		}
		for _, e := range ledger {
			if e.Outcome != cron.OutcomeSucceeded || !e.Started.Equal(e.Planned) || e.Lateness != 0 || e.Attempt != 1 {
				w.Errorf("%v, started %v", e, clock(e.Started))
			}
		}
	})
}

func TestTheLaunchRecordStandsBeforeTheExchange(t *testing.T) {
	inBubble(t, func(w *world) {
		w.job(everySecond, "http://a/?take=1500ms")
		w.job(in(10*second), "http://b/?status=500", func(j *cron.Job) {
			j.Policy.Retry = cron.Retry{Count: 1, Delay: second, Factor: 1, Ceiling: second}
		})
		var records sync.Map
		w.targets.during = func(c call) {
			if _, url, ok := w.tables().Running(c.execution); !ok || url != c.url {
				w.Errorf("while %v is asked, its record runs on this node: %v, for %q", c, ok, url)
			}
			if _, twice := records.LoadOrStore(c.execution, c); twice {
				w.Errorf("%v is asked for a record that was used before", c)
			}
		}
		w.start()
		w.at(20 * second)
		w.stop()
		if n := len(w.targets.asked("http://b/")); n != 2 {
			w.Errorf("%d attempts, want 2", n)
		}
	})
}

func TestNeverMoreInFlightThanSlots(t *testing.T) {
	inBubble(t, func(w *world) {
		w.config.Slots, w.config.HostSlots = 24, 5
		for i := range 12 {
			if i > 0 {
				w.newAccount()
			}
			for range 4 {
				id := w.job(everySecond, fmt.Sprintf("http://host%d/?take=1700ms", i%8))
				w.clones(id, 1, w.accounts[i])
			}
		}
		w.start()
		w.at(8 * second)
		w.stop()
		if p := w.targets.peak; p > 24 || p < 20 {
			w.Errorf("%d in flight at once, want 20 to 24", p)
		}
		for host, p := range w.targets.peaks {
			if p > 5 {
				w.Errorf("%d in flight at once to %s, want at most 5", p, host)
			}
		}
	})
}

// claimedTwice finds executions that were claimed or exchanged more than once.
func (w *world) claimedTwice() (twice []int64) {
	seen := make(map[int64]int)
	for _, l := range w.db.claimed {
		seen[l.ExecutionID]++
	}
	for _, c := range w.targets.asked("") {
		seen[c.execution] += 1 << 16
	}
	for id, n := range seen {
		if n != 1<<16|1 {
			twice = append(twice, id)
		}
	}
	return twice
}

func TestABurstRunsRoundRobinAndNothingTwice(t *testing.T) {
	inBubble(t, func(w *world) {
		const accounts = 20
		perAccount := 250
		if raced {
			perAccount = 40 // SQLite is slow under the race detector
		}
		id := w.job(in(1*second), "http://a/?take=100ms")
		for range accounts - 1 {
			w.newAccount()
		}
		w.clones(id, perAccount-1, w.accounts[0])
		w.clones(id, perAccount, w.accounts[1:]...)
		w.start()
		w.at(minute)
		w.stop()

		if n := len(w.targets.asked("")); n != accounts*perAccount {
			w.Errorf("%d calls, want %d", n, accounts*perAccount)
		}
		if twice := w.claimedTwice(); twice != nil {
			w.Errorf("not exactly once: executions %v", twice)
		}
		if n := w.tables().FirstAttempts(cron.OutcomeSucceeded); n != int64(accounts*perAccount) {
			w.Errorf("%d succeeded", n)
		}
		if w.targets.peak > w.config.Slots {
			w.Errorf("%d in flight at once", w.targets.peak)
		}
		// At any time every account has had its share, up to the effect of the limit on accounts.
		served := make(map[int64]int)
		for i, l := range w.db.claimed {
			served[l.Job.AccountID]++
			if i%accounts == accounts-1 {
				least, most := i, 0
				for _, account := range w.accounts {
					least, most = min(least, served[account]), max(most, served[account])
				}
				if most-least > perAccount/2 {
					w.Fatalf("after %d launches one account had %d and another %d", i+1, least, most)
				}
			}
		}
	})
}

func TestAnAccountWithManyJobsDoesNotDelayAnother(t *testing.T) {
	inBubble(t, func(w *world) {
		id := w.job(in(1*second), "http://many/?take=1s")
		w.clones(id, 500, w.accounts[0])
		few := w.newAccount()
		id = w.job(in(1*second), "http://few/?take=1s", func(j *cron.Job) { j.AccountID = few })
		w.clones(id, 4, few)
		id = w.job(everySecond, "http://later/", func(j *cron.Job) { j.AccountID = few })
		w.start()
		w.at(5*second + 500*time.Millisecond)
		expect(w, "the few", offsets(w.targets.asked("http://few/")), []time.Duration{1 * second, 1 * second, 1 * second, 1 * second, 1 * second})
		expect(w, "those that come later", offsets(w.targets.asked("http://later/")), occurrences(everySecond, 0, 5*second))
		_ = id
	})
}

func TestHangingTargetsLeaveRoomForOthers(t *testing.T) {
	for _, hanging := range []int{1, 3, 6} {
		t.Run(fmt.Sprintf("%d accounts", hanging), func(t *testing.T) {
			inBubble(t, func(w *world) {
				for range hanging {
					account := w.newAccount()
					id := w.job(everySecond, "http://hang/?hang", func(j *cron.Job) { j.AccountID = account })
					w.clones(id, 99, account)
				}
				w.config.HostSlots = w.config.Slots
				w.job(everySecond, "http://quick/")
				w.start()
				w.at(8*second + 500*time.Millisecond)
				expect(w, "the quick", offsets(w.targets.asked("http://quick/")), occurrences(everySecond, 0, 8*second))
			})
		})
	}
}

func TestFreeSlotsAreUsedWhileOthersHang(t *testing.T) {
	inBubble(t, func(w *world) {
		for i := range 15 {
			w.job(in(1*second), fmt.Sprintf("http://hang%d/?hang", i), func(j *cron.Job) { j.AccountID = w.newAccount() })
		}
		for i := range 5 {
			w.job(in(2*second), fmt.Sprintf("http://quick%d/", i), func(j *cron.Job) { j.AccountID = w.newAccount() })
		}
		w.config.Slots = 16
		w.start()
		w.at(3 * second)
		if n := len(w.targets.asked("http://quick")); n != 5 {
			w.Errorf("%d of 5 quick executions took place beside those that hang", n)
		}
	})
}

func TestOneHostAtItsLimitDoesNotDelayOthers(t *testing.T) {
	inBubble(t, func(w *world) {
		w.config.HostSlots = 2
		id := w.job(in(1*second), "http://slow/?take=10s")
		w.clones(id, 9, w.accounts[0])
		w.job(everySecond, "http://quick/")
		w.start()
		w.at(8*second + 500*time.Millisecond)
		expect(w, "the quick", offsets(w.targets.asked("http://quick/")), occurrences(everySecond, 0, 8*second))
		w.at(2 * minute)
		if n := len(w.targets.asked("http://slow/")); n != 10 {
			w.Errorf("%d slow executions, want all 10", n)
		}
		if p := w.targets.peaks["slow"]; p != 2 {
			w.Errorf("%d in flight at once to one host, want 2", p)
		}
	})
}

func TestOlderWorkGoesFirst(t *testing.T) {
	inBubble(t, func(w *world) {
		w.config.Slots = 1
		w.job(in(1*second), "http://a/?take=5s")
		w.job(in(4*second), "http://d/?take=1s")
		w.job(in(3*second), "http://c/?take=1s")
		w.job(in(2*second), "http://b/?take=1s")
		w.start()
		w.at(30 * second)
		var order string
		for _, c := range w.targets.asked("") {
			order += c.host
		}
		if order != "abcd" {
			w.Errorf("order %q, want abcd", order)
		}
	})
}

func TestANewJobWakesTheLoop(t *testing.T) {
	for name, existing := range map[string]bool{"beside another": true, "as the first": false} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				if existing {
					w.job(in(1*hour), "http://other/")
				}
				w.at(123 * time.Millisecond) // so that no poll comes in a full second
				w.start()
				w.at(10*second + 999*time.Millisecond)
				w.job(in(11*second), "http://new/")
				w.at(12 * second)
				expect(w, "calls", offsets(w.targets.asked("http://new/")), []time.Duration{11 * second})
			})
		})
	}
}

func TestThePollFindsWhatALostHintWouldHaveTold(t *testing.T) {
	for name, existing := range map[string]bool{"beside another": true, "as the first": false} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				if existing {
					w.job(in(1*hour), "http://other/")
				}
				w.db.deaf = true
				w.start()
				w.at(10*second + 400*time.Millisecond)
				w.job(in(11*second), "http://early/")
				w.at(20*second + 999*time.Millisecond)
				w.job(in(21*second), "http://late/")
				w.at(22 * second)
				expect(w, "calls", offsets(w.targets.asked("http://early/")), []time.Duration{11 * second})
				if late := offsets(w.targets.asked("http://late/")); len(late) != 1 || late[0] > 21*second+poll {
					w.Errorf("the late one ran at %v", late)
				}
			})
		})
	}
}

func TestEditsCountUntilTheInstant(t *testing.T) {
	inBubble(t, func(w *world) {
		changed := w.job(in(10*second), "http://before/")
		disabled := w.job(in(10*second), "http://disabled/")
		deleted := w.job(in(10*second), "http://deleted/")
		earlier := w.job(in(1*hour), "http://earlier/")
		later := w.job(in(10*second), "http://later/")
		w.start()
		w.at(9*second + 999*time.Millisecond)
		w.edit(changed, func(j *cron.Job) { j.Request.URL = "http://after/" })
		w.edit(disabled, func(j *cron.Job) { j.Enabled = false })
		w.ok(w.db.DeleteJob(w.Context(), w.accounts[0], deleted))
		w.edit(earlier, func(j *cron.Job) { j.Schedule = in(10 * second) })
		w.edit(later, func(j *cron.Job) { j.Schedule = in(20 * second) })
		w.at(1 * minute)
		w.stop()
		got := lines(w.targets.asked(""))
		if got != "10s http://after/\n10s http://earlier/\n20s http://later/\n" &&
			got != "10s http://earlier/\n10s http://after/\n20s http://later/\n" {
			w.Errorf("calls:\n%s", got)
		}
		if n := len(w.ledger()); n != 3 {
			w.Errorf("ledger:\n%s", lines(w.ledger()))
		}
	})
}

func TestEditsWhileAJobRuns(t *testing.T) {
	inBubble(t, func(w *world) {
		var (
			schedule = times(cron.SetOf(1, 31), cron.Every, cron.Every)
			target   = "http://a/?take=10s"
			changed  = w.job(schedule, target)
			disabled = w.job(schedule, target)
			deleted  = w.job(schedule, target)
		)
		w.start()
		w.at(5 * second)
		w.edit(changed, func(j *cron.Job) { j.Request.URL = "http://b/?status=500" })
		w.edit(disabled, func(j *cron.Job) { j.Enabled = false })
		w.ok(w.db.DeleteJob(w.Context(), w.accounts[0], deleted))
		w.at(20 * second)
		for _, id := range []int64{changed, disabled} {
			if st := w.state(id).State; st.LastStatus != cron.StatusOK || st.LastDuration != 10*second || clock(st.LastExecution) != 1*second {
				w.Errorf("the state of job %d is %+v", id, st)
			}
		}
		w.at(50 * second)
		if st := w.state(changed).State; st.LastStatus != cron.StatusHTTPError {
			w.Errorf("the state of the changed job is %+v", st)
		}
		w.stop()
		expect(w, "ledger", w.ledger(), []entry{
			{JobID: changed, Planned: w.time(1 * second), Attempt: 1, Outcome: cron.OutcomeSucceeded},
			{JobID: changed, Planned: w.time(31 * second), Attempt: 1, Outcome: cron.OutcomeFailed},
			{JobID: disabled, Planned: w.time(1 * second), Attempt: 1, Outcome: cron.OutcomeSucceeded},
			{JobID: deleted, Planned: w.time(1 * second), Attempt: 1, Outcome: cron.OutcomeSucceeded},
		})
	})
}

func (w *world) time(offset time.Duration) time.Time {
	return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Add(offset)
}

// gap is a record of occurrences that did not run.
func (w *world) gap(job int64, outcome cron.Outcome, first, last time.Duration, count int64) entry {
	return entry{JobID: job, Planned: w.time(first), Last: w.time(last), Attempt: 1, Outcome: outcome, Count: count}
}

// ran is a record of an execution.
func (w *world) ran(job int64, planned time.Duration, attempt int, outcome cron.Outcome) entry {
	return entry{JobID: job, Planned: w.time(planned), Attempt: attempt, Outcome: outcome}
}

func TestMisfires(t *testing.T) {
	const (
		missed    = cron.OutcomeMissed
		succeeded = cron.OutcomeSucceeded
	)
	grace := func(d time.Duration) func(*cron.Job) {
		return func(j *cron.Job) { j.Policy.Grace = d }
	}
	run := func(j *cron.Job) { j.Policy.Misfire = cron.MisfireRun }
	tests := []struct {
		name     string
		schedule cron.Schedule
		policy   func(*cron.Job)
		down, up time.Duration
		want     func(w *world, job int64) []entry
	}{
		{"the default grace is the time to the next slot", everyMinute, nil, 2*minute + 30*second, 7*minute + 20*second,
			func(w *world, job int64) []entry {
				return []entry{w.ran(job, 1*minute, 1, succeeded), w.ran(job, 2*minute, 1, succeeded),
					w.gap(job, missed, 3*minute, 6*minute, 4), w.ran(job, 7*minute, 1, succeeded), w.ran(job, 8*minute, 1, succeeded)}
			}},
		{"a nightly job within the hour", in(3 * hour), nil, 2 * hour, 3*hour + 59*minute,
			func(w *world, job int64) []entry { return []entry{w.ran(job, 3*hour, 1, succeeded)} }},
		{"a nightly job after more than an hour", in(3 * hour), nil, 2 * hour, 4*hour + 1*second,
			func(w *world, job int64) []entry { return []entry{w.gap(job, missed, 3*hour, 3*hour, 1)} }},
		{"at the end of its grace", in(1 * hour), grace(5 * second), 30 * minute, 1*hour + 5*second,
			func(w *world, job int64) []entry { return []entry{w.ran(job, 1*hour, 1, succeeded)} }},
		{"beyond its grace", in(1 * hour), grace(5 * second), 30 * minute, 1*hour + 6*second,
			func(w *world, job int64) []entry { return []entry{w.gap(job, missed, 1*hour, 1*hour, 1)} }},
		{"without any grace", everyMinute, grace(0), 2*minute + 30*second, 4*minute + 59*second,
			func(w *world, job int64) []entry {
				return []entry{w.ran(job, 1*minute, 1, succeeded), w.ran(job, 2*minute, 1, succeeded), w.gap(job, missed, 3*minute, 4*minute, 2),
					w.ran(job, 5*minute, 1, succeeded), w.ran(job, 6*minute, 1, succeeded)}
			}},
		{"to be run late", in(1 * hour), run, 30 * minute, 23 * hour,
			func(w *world, job int64) []entry { return []entry{w.ran(job, 1*hour, 1, succeeded)} }},
		{"only the latest is to be run late", times(cron.SetOf(0), cron.SetOf(0), cron.SetOf(1, 2, 3)), run, 30 * minute, 23 * hour,
			func(w *world, job int64) []entry {
				return []entry{w.gap(job, missed, 1*hour, 2*hour, 2), w.ran(job, 3*hour, 1, succeeded)}
			}},
		{"every second of an hour", times(cron.Every, cron.Every, cron.SetOf(1)), nil, 30 * minute, 2*hour + 30*second,
			func(w *world, job int64) []entry {
				return []entry{w.gap(job, missed, 1*hour, 2*hour-2*second, 3599), w.ran(job, 2*hour-1*second, 1, succeeded)}
			}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				id := w.job(test.schedule, "http://a/", func(j *cron.Job) {
					if test.policy != nil {
						test.policy(j)
					}
				})
				if test.down < 5*minute {
					w.start()
				}
				w.at(test.down)
				w.reopen(test.up - test.down)
				w.start()
				time.Sleep(1*minute + 15*second)
				w.stop()
				expect(w, "ledger", w.ledger(), test.want(w, id))
				for _, e := range w.ledger() {
					if late := max(0, test.up-clock(e.Planned)); e.Planned.After(w.time(test.down)) && e.Count == 0 && e.Lateness != late {
						w.Errorf("%v was %v late, want %v", e, e.Lateness, late)
					}
				}
			})
		})
	}
}

func TestASkippedOverlap(t *testing.T) {
	inBubble(t, func(w *world) {
		id := w.job(everySecond, "http://a/?take=2500ms", func(j *cron.Job) { j.Policy.Overlap = cron.OverlapSkip })
		allowed := w.job(everySecond, "http://b/?take=2500ms")
		w.start()
		w.at(6*second + 500*time.Millisecond)
		w.stop()
		var want []entry
		for _, at := range []time.Duration{1 * second, 4 * second} {
			want = append(want, w.ran(id, at, 1, cron.OutcomeSucceeded), w.gap(id, cron.OutcomeSkipped, at+1*second, at+1*second, 1),
				w.gap(id, cron.OutcomeSkipped, at+2*second, at+2*second, 1))
		}
		expect(w, "skipped", w.ledger(id), want)
		for _, e := range w.ledger(id) {
			if e.Count > 0 && e.Fault != cron.FaultOverlap {
				w.Errorf("%v because of %d", e, e.Fault)
			}
		}
		expect(w, "allowed", offsets(w.targets.asked("http://b/")), occurrences(everySecond, 0, 6*second))
		_ = allowed
	})
}

func TestRetries(t *testing.T) {
	inBubble(t, func(w *world) {
		retry := func(j *cron.Job) {
			j.Policy.Retry = cron.Retry{Count: 4, Delay: 10 * second, Factor: 2, Ceiling: 30 * second}
		}
		growing := w.job(in(10*second), "http://growing/?status=500&take=1s", retry)
		asked := w.job(in(10*second), "http://asked/?status=503&after=40s", retry)
		mended := w.job(in(10*second), "http://mended/?status=500", retry)
		given := w.job(in(10*second), "http://given/?status=500", retry)
		w.start()
		w.at(15 * second)
		w.edit(mended, func(j *cron.Job) { j.Request.URL = "http://mended/" })
		w.edit(given, func(j *cron.Job) { j.Enabled = false })
		w.at(4 * minute)
		w.stop()

		// A delay counts from the moment in which the result is recorded.
		pauses := func(target string) (rounded []time.Duration) {
			calls := w.targets.asked(target)
			for i := range len(calls) - 1 {
				rounded = append(rounded, calls[i+1].at.Sub(calls[i].at).Truncate(second))
			}
			return rounded
		}
		expect(w, "growing", pauses("http://growing/"), []time.Duration{11 * second, 21 * second, 31 * second, 31 * second})
		expect(w, "asked", pauses("http://asked/"), []time.Duration{40 * second, 40 * second, 40 * second, 40 * second})
		const failed = cron.OutcomeFailed
		var want []entry
		for _, id := range []int64{growing, asked} {
			for attempt := range 5 {
				want = append(want, w.ran(id, 10*second, attempt+1, failed))
			}
		}
		want = append(want, w.ran(mended, 10*second, 1, failed), w.ran(mended, 10*second, 2, cron.OutcomeSucceeded), w.ran(given, 10*second, 1, failed))
		expect(w, "ledger", w.ledger(), want)
		if n := w.tables().Rows("pending"); n != 0 {
			w.Errorf("%d attempts are left", n)
		}
		if st := w.state(growing).State; st.Failures != 1 {
			w.Errorf("an occurrence counted as %d failures", st.Failures)
		}
	})
}

func TestAWaveOfRetriesDoesNotHoldUpTheSchedule(t *testing.T) {
	for _, slots := range []int{2, 8, 24} {
		t.Run(fmt.Sprintf("%d slots", slots), func(t *testing.T) {
			inBubble(t, func(w *world) {
				w.config.Slots = slots
				id := w.job(in(1*second), "http://failing/?status=500&take=1s", func(j *cron.Job) {
					j.Policy.Retry = cron.Retry{Count: 10, Factor: 1}
				})
				w.clones(id, 3*slots, w.accounts[0])
				other := w.newAccount()
				w.job(times(cron.SetOf(15), cron.Every, cron.Every), "http://other/", func(j *cron.Job) { j.AccountID = other })
				w.start()
				w.at(25 * second)
				if n := len(w.targets.asked("http://failing")); n < 10*slots/2 {
					w.Errorf("%d attempts", n)
				}
				if calls := offsets(w.targets.asked("http://other/")); len(calls) != 1 {
					w.Errorf("the schedule waits for retries")
				}
			})
		})
	}
}

func TestLatenessIsReportedOnce(t *testing.T) {
	inBubble(t, func(w *world) {
		w.config.Slots = 4
		id := w.job(in(10*second), "http://a/?take=1s")
		w.clones(id, 100, w.accounts[0])
		node := w.start()
		w.at(9 * second)
		if late := node.LateBy(); late != 0 {
			w.Errorf("%v late before anything is due", late)
		}
		w.at(20*second + 500*time.Millisecond)
		if late := node.LateBy(); late < 10*second || late > 11*second {
			w.Errorf("%v late, want about 10s", late)
		}
		w.at(2 * minute)
		if late := node.LateBy(); late != 0 {
			w.Errorf("%v late when all is done", late)
		}
		if n := w.logs.count("falling behind"); n != 1 {
			w.Errorf("%d warnings, want 1", n)
		}
		if n := w.logs.count("caught up"); n != 1 {
			w.Errorf("%d times caught up, want 1", n)
		}
	})
}

// TestAnAccountThatWaitsForItself has far more due than its plan lets it have in flight, on a node with slots to spare.
func TestAnAccountThatWaitsForItself(t *testing.T) {
	inBubble(t, func(w *world) {
		w.config.Slots = 100
		a := cron.Account{Email: "few@example.com", Plan: cron.PlanUnlimited, Overrides: cron.Overrides{"maxInFlight": 2}}
		w.ok(w.db.CreateAccount(w.Context(), &a))
		account := a.ID
		id := w.job(in(10*second), "http://a/?take=1s", func(j *cron.Job) { j.AccountID = account })
		w.clones(id, 40, account)
		node := w.start()
		for i := range 35 {
			w.at(time.Duration(i) * second)
			if late := node.LateBy(); late != 0 {
				w.Errorf("%v late after %d seconds", late, i)
			}
		}
		if n := w.logs.count("falling behind"); n != 0 {
			w.Errorf("%d warnings", n)
		}
		if n := w.logs.count("as many in flight as they may"); n != 1 {
			w.Errorf("it was told %d times", n)
		}
	})
}

func TestAClaimWhoseAnswerWasLost(t *testing.T) {
	inBubble(t, func(w *world) {
		once := w.job(in(10*second), "http://once/")
		least := w.job(in(10*second), "http://least/", func(j *cron.Job) { j.Policy.Delivery = cron.AtLeastOnce })
		running := w.job(in(5*second), "http://running/?take=20s")
		w.start()
		w.at(9 * second)
		w.db.inject(fault(failAfter).on(opClaim))
		w.at(10 * second)
		w.db.inject(nil)
		w.at(20 * second)
		expect(w, "ledger", w.ledger(), []entry{
			w.ran(once, 10*second, 1, cron.OutcomeLost),
			w.ran(least, 10*second, 1, cron.OutcomeLost),
			w.ran(least, 10*second, 2, cron.OutcomeSucceeded),
			w.ran(running, 5*second, 1, cron.OutcomeRunning),
		})
		w.stop()
		if calls := w.targets.asked("http://once/"); len(calls) != 0 {
			w.Errorf("sent all the same: %v", calls)
		}
		if e := w.ledger(running); e[0].Outcome != cron.OutcomeSucceeded {
			w.Errorf("what ran meanwhile: %v", e)
		}
	})
}

func TestAClaimThatFails(t *testing.T) {
	for name, f := range map[string]fault{"before": failBefore, "for a long time": hang} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				id := w.job(in(10*second), "http://a/")
				w.start()
				w.at(9 * second)
				w.db.inject(f.on(opClaim))
				w.at(25 * second)
				w.db.inject(nil)
				w.at(40 * second)
				w.stop()
				expect(w, "ledger", w.ledger(), []entry{w.ran(id, 10*second, 1, cron.OutcomeSucceeded)})
				if w.logs.count("trying again") == 0 {
					w.Error("nothing was said")
				}
			})
		})
	}
}
