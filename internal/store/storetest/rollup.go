package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// rollUp counts everything that is old enough, whenever it was looked at last.
func (s *suite) rollUp(db *store.Store) {
	s.Helper()
	for range 100 {
		s.raw().SetRollupsDue()
		more, err := db.RollUp(s.ctx())
		s.ok(err)
		if !more {
			return
		}
	}
	s.Fatal("the statistics come to no end")
}

// stats adds up the statistics of an account, or of a job, in a span.
func (s *suite) stats(db *store.Store, account, jobID int64, from, to time.Time) (total cron.Tally, asOf time.Time) {
	s.Helper()
	stats, err := db.Stats(s.ctx(), account, &cron.StatsQuery{JobID: jobID, From: from, To: to})
	s.ok(err)
	for i := range stats.Hours {
		if h := &stats.Hours[i]; h.Hour.Before(from) || !h.Hour.Before(to) || h.Hour != h.Hour.Truncate(time.Hour) {
			s.Errorf("the hour %v does not belong to %v–%v", h.Hour, from, to)
		}
		total.Merge(&stats.Hours[i].Tally)
	}
	return total, stats.AsOf
}

// plain is what a plain look at all rows counts.
type plain struct {
	attempts, occurrences cron.Outcomes
	lateness, duration    []time.Duration
}

func plainCount(ledger []cron.Execution, jobID int64, from, to time.Time) (p plain) {
	type occurrence struct {
		jobID, planned int64
		kind           cron.Kind
	}
	last := make(map[occurrence]*cron.Execution)
	for i := range ledger {
		e := &ledger[i]
		at := e.Planned
		if e.Last.After(at) {
			at = e.Last
		}
		if jobID != 0 && e.JobID != jobID || at.Before(from) || !at.Before(to) {
			continue
		}
		if e.Outcome == cron.OutcomeMissed || e.Outcome == cron.OutcomeSkipped {
			p.occurrences[e.Outcome] += e.Count
			continue
		}
		p.attempts[e.Outcome]++
		if e.Outcome == cron.OutcomeSucceeded || e.Outcome == cron.OutcomeFailed {
			p.lateness = append(p.lateness, e.Lateness)
			p.duration = append(p.duration, e.Result.Duration)
		}
		key := occurrence{e.JobID, e.Planned.UnixMilli(), e.Kind}
		if f := last[key]; f == nil || f.Attempt < e.Attempt {
			last[key] = e
		}
	}
	for _, e := range last {
		p.occurrences[e.Outcome]++
	}
	slices.Sort(p.lateness)
	slices.Sort(p.duration)
	return p
}

// agree compares statistics with a plain count.
func (s *suite) agree(what string, got cron.Tally, want plain) {
	s.Helper()
	s.equal(what+": attempts", got.Attempts, want.attempts)
	s.equal(what+": occurrences", got.Occurrences, want.occurrences)
	for name, h := range map[string]struct {
		got  *cron.Histogram
		want []time.Duration
	}{"lateness": {&got.Lateness, want.lateness}, "duration": {&got.Duration, want.duration}} {
		s.equal(what+": number of "+name, h.got.Count(), int64(len(h.want)))
		if len(h.want) == 0 {
			continue
		}
		s.equal(what+": longest "+name, h.got.Max(), h.want[len(h.want)-1].Truncate(time.Microsecond))
		for _, percent := range []int{50, 90, 99} {
			exact := h.want[max((len(h.want)*percent+99)/100, 1)-1]
			got := h.got.Quantile(float64(percent) / 100)
			if diff := (got - exact).Abs(); diff > exact/32+time.Microsecond {
				s.Errorf("%s: p%d of %s is %v, want %v", what, percent, name, got, exact)
			}
		}
	}
}

var rollupTests = []test{
	{"statistics agree with a plain count, whenever they are counted", func(s *suite) {
		db, account, _ := s.start()
		stranger := s.account(db)
		jobs := []cron.Job{s.job(db, account), s.job(db, account), s.job(db, stranger)}
		begin := db.Now().UTC().Truncate(time.Hour).Add(-12 * time.Hour)
		random := rand.New(rand.NewPCG(3, 4))
		ledgers := map[int64][]cron.Execution{}
		check := func(when int) {
			s.Helper()
			from := begin.Add(time.Duration(random.IntN(10)) * time.Hour)
			to := from.Add(time.Duration(1+random.IntN(10)) * time.Hour)
			for _, span := range [][2]time.Time{{from, to}, {begin.Add(-24 * time.Hour), begin.Add(24 * time.Hour)}} {
				for _, j := range jobs {
					for _, jobID := range []int64{0, j.ID} {
						got, _ := s.stats(db, j.AccountID, jobID, span[0], span[1])
						s.agree("statistics", got, plainCount(ledgers[j.AccountID], jobID, span[0], span[1]))
					}
				}
			}
			for account, ledger := range ledgers {
				s.equal("minutes", s.recent(db, account, begin.Add(-time.Hour)), plainMinutes(ledger, begin.Add(-time.Hour)))
			}
			if s.Failed() {
				s.Fatalf("after %d records", when)
			}
		}
		at := begin
		for i := range 400 {
			at = at.Add(time.Duration(random.IntN(200_000)) * time.Millisecond)
			if db.Now().Sub(at) < 2*time.Minute {
				break
			}
			e := randomRecord(random, &jobs[random.IntN(len(jobs))], at)
			s.put(&e)
			ledgers[e.AccountID] = append(ledgers[e.AccountID], e)
			for account, ledger := range ledgers {
				for k := range ledger {
					e := &ledger[k]
					switch {
					case e.Outcome != cron.OutcomeRunning && e.Outcome != cron.OutcomeLost || random.IntN(20) > 0:
						continue
					case e.Outcome == cron.OutcomeRunning && random.IntN(3) == 0:
						e.Outcome = cron.OutcomeLost
					default:
						e.Outcome = cron.OutcomeSucceeded + cron.Outcome(random.IntN(2))
						e.Lateness, e.Result.Duration = time.Second, time.Duration(random.Int64N(1e9))
						e.Result.Duration = e.Result.Duration.Truncate(time.Microsecond)
					}
					s.raw().SetResult(e)
				}
				// Another attempt at one that failed or was lost, independently of its present outcome.
				if k := random.IntN(len(ledger) + 1); k < len(ledger) {
					former := &ledger[k]
					next := randomRecord(random, &cron.Job{ID: former.JobID, AccountID: account}, at)
					next.Planned, next.Kind, next.Attempt = former.Planned, former.Kind, former.Attempt+1
					ended := former.Outcome == cron.OutcomeFailed || former.Outcome == cron.OutcomeLost
					started := next.Outcome != cron.OutcomeMissed && next.Outcome != cron.OutcomeSkipped
					again := slices.ContainsFunc(ledger, func(e cron.Execution) bool {
						return e.JobID == next.JobID && e.Planned.Equal(next.Planned) && e.Attempt == next.Attempt
					})
					if ended && started && !again {
						s.put(&next)
						ledgers[account] = append(ledgers[account], next)
					}
				}
			}
			if random.IntN(15) == 0 {
				s.rollUp(db)
			}
			if random.IntN(10) == 0 {
				check(i)
			}
		}
		s.rollUp(db)
		check(400)
		s.equal("tallies of the account", s.raw().RowsOfAccount("rollup_account", account) > 5, true)
	}},
	{"what is not counted yet is added, up to a bound, and then counted in many steps", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		now := db.Now().UTC().Truncate(time.Second)
		end := now.Add(-5 * time.Minute)
		s.flood(account, j.ID, 6000, end)
		from, to := now.Add(-24*time.Hour).Truncate(time.Hour), now.Add(time.Hour).Truncate(time.Hour)
		for _, jobID := range []int64{0, j.ID} {
			total, asOf := s.stats(db, account, jobID, from, to)
			s.equal("counted by the question", total.Attempts[cron.OutcomeSucceeded], int64(2000))
			s.equal("as of", asOf, end.Add(-4000*time.Second))
		}
		s.rollUp(db)
		for _, jobID := range []int64{0, j.ID} {
			total, asOf := s.stats(db, account, jobID, from, to)
			s.equal("counted", total.Attempts[cron.OutcomeSucceeded], int64(6000))
			s.equal("longest", total.Duration.Max(), 6*time.Millisecond)
			if asOf.Before(now) {
				s.Errorf("as of %v, want now", asOf)
			}
		}
		s.raw().Clear("execution")
		total, _ := s.stats(db, account, j.ID, from, to)
		s.equal("after the history is gone", total.Attempts[cron.OutcomeSucceeded], int64(6000))
	}},
	{"what was claimed a moment ago is left to be counted later", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account)
		l := s.claimOne(db, node)
		s.rollUp(db)
		s.equal("position", s.raw().RollupPosition(account), int64(0))
		from, to := l.Planned.Truncate(time.Hour), l.Planned.Truncate(time.Hour).Add(time.Hour)
		total, _ := s.stats(db, account, j.ID, from, to)
		s.equal("running", total.Occurrences[cron.OutcomeRunning], int64(1))
		s.finish(db, succeeded(l))
		total, _ = s.stats(db, account, 0, from, to)
		s.equal("succeeded", total.Occurrences[cron.OutcomeSucceeded], int64(1))
		s.equal("running", total.Occurrences[cron.OutcomeRunning], int64(0))
	}},
	{"nodes that count at the same time count everything once", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		now := db.Now().UTC().Truncate(time.Second)
		s.flood(account, j.ID, 3000, now.Add(-5*time.Minute))
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for range 10 {
					if _, err := db.RollUp(s.ctx()); err != nil {
						s.Errorf("count: %v", err)
					}
				}
			})
		}
		wg.Wait()
		s.rollUp(db)
		s.raw().Clear("execution")
		total, _ := s.stats(db, account, 0, now.Add(-24*time.Hour).Truncate(time.Hour), now.Add(time.Hour).Truncate(time.Hour))
		s.equal("counted", total.Attempts[cron.OutcomeSucceeded], int64(3000))
	}},
	{"statistics go with their job and account", func(s *suite) {
		db, account, _ := s.start()
		other := s.account(db)
		j, gone, of := s.job(db, account), s.job(db, account), s.job(db, other)
		now := db.Now()
		for _, job := range []cron.Job{j, gone, of} {
			s.flood(job.AccountID, job.ID, 10, now.Add(-time.Hour))
		}
		running := randomRecord(rand.New(rand.NewPCG(1, 1)), &of, now.Add(-time.Hour).UTC().Truncate(time.Second))
		running.Outcome = cron.OutcomeLost
		s.put(&running)
		s.rollUp(db)
		s.equal("watched", s.raw().RowsOfAccount("rollup_open", other), int64(1))
		_, err := db.Stats(s.ctx(), other, &cron.StatsQuery{JobID: j.ID, From: now.Add(-time.Hour), To: now})
		s.missing(err, cron.SubjectJob)
		s.ok(db.DeleteJob(s.ctx(), account, gone.ID))
		_, err = db.PurgeJob(s.ctx(), account, gone.ID)
		s.ok(err)
		_, err = db.Stats(s.ctx(), account, &cron.StatsQuery{JobID: gone.ID, From: now.Add(-time.Hour), To: now})
		s.missing(err, cron.SubjectJob)
		s.raw().SetDeleted(time.UnixMilli(0))
		s.maintain(db)
		s.equal("of a deleted job", s.raw().RowsOfJob("rollup_job", gone.ID), int64(0))
		total, _ := s.stats(db, account, 0, now.Add(-3*time.Hour).Truncate(time.Hour), now.Add(time.Hour).Truncate(time.Hour))
		s.equal("of the account, as it was", total.Attempts[cron.OutcomeSucceeded], int64(20))
		s.flood(account, gone.ID, 1, now.Add(-30*time.Minute))
		s.rollUp(db)
		s.ok(db.DeleteAccount(s.ctx(), other))
		s.equal("of a deleted account", s.raw().RowsOfAccount("rollup_account", other)+
			s.raw().RowsOfAccount("rollup_state", other)+
			s.raw().RowsOfAccount("rollup_open", other)+s.raw().RowsOfAccount("rollup_minute", other), int64(0))
	}},
	{"deleting many jobs deletes few rows at a time", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		s.copies(j.ID, 250)
		kept := s.job(db, s.account(db))
		s.raw().AddTallies(j.ID, 4500)
		s.raw().AddTallies(kept.ID, 4500)
		s.ok(db.DeleteAccount(s.ctx(), account))
		s.equal("jobs", s.raw().Rows("job_state"), int64(1))
		s.equal("gone jobs", s.raw().Rows("deleted_job"), int64(251))
		s.raw().SetDeleted(time.UnixMilli(0))
		for left := int64(4500); ; {
			more, err := db.Maintain(s.ctx())
			s.ok(err)
			now := s.raw().RowsOfJob("rollup_job", j.ID)
			if left-now > 2000 {
				s.Fatalf("one step deletes %d rows", left-now)
			}
			if left = now; !more {
				break
			}
		}
		s.equal("rows", s.raw().Rows("rollup_job"), int64(4500))
		s.equal("gone jobs", s.raw().Rows("deleted_job"), int64(0))
	}},
	{"accounts in which nothing has happened wait, and one that cannot be counted holds up no other", func(s *suite) {
		db, account, _ := s.start()
		broken, quiet := s.account(db), s.account(db)
		now := db.Now()
		for _, a := range []int64{broken, account} {
			s.flood(a, s.job(db, a).ID, 10, now.Add(-time.Hour))
		}
		s.job(db, quiet)
		s.rollUp(db)
		before := s.raw().RollupVersion(quiet)
		s.raw().Exec(`UPDATE rollup_account SET tally = $2 WHERE account_id = $1`, broken, []byte{255})
		for _, a := range []int64{broken, account} {
			s.flood(a, s.job(db, a).ID, 10, now.Add(-time.Hour))
		}
		s.raw().SetRollupsDue()
		_, err := db.RollUp(s.ctx())
		if err == nil || !strings.Contains(err.Error(), fmt.Sprint("account ", broken)) {
			s.Errorf("the error is %v", err)
		}
		s.raw().Clear("execution")
		total, _ := s.stats(db, account, 0, now.Add(-24*time.Hour).Truncate(time.Hour), now.Add(time.Hour).Truncate(time.Hour))
		s.equal("counted", total.Attempts[cron.OutcomeSucceeded], int64(20))
		s.equal("version of what is quiet", s.raw().RollupVersion(quiet), before)
		_, err = db.RollUp(s.ctx())
		s.ok(err)
		s.equal("due", s.raw().RollupsDue(now), int64(0))
	}},
	{"statistics are kept for a year", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		s.flood(account, j.ID, 2, db.Now().Add(-367*24*time.Hour))
		s.flood(account, j.ID, 2, db.Now().Add(-364*24*time.Hour))
		s.rollUp(db)
		s.raw().SetRollupsUnpruned()
		s.rollUp(db)
		s.raw().Exec(`INSERT INTO rollup_minute (account_id, minute, succeeded, failed, missed) VALUES ($1, 1, 1, 1, 1)`, account)
		s.raw().SetRollupsUnpruned()
		s.rollUp(db)
		s.equal("counts of minutes", s.raw().RowsOfAccount("rollup_minute", account), int64(0))
		oldest := db.Now().Add(-cron.StatsKept)
		for _, table := range []string{"rollup_job", "rollup_account"} {
			old, kept := s.raw().TalliesBefore(table, oldest)
			s.equal("too old", old, int64(0))
			s.equal("kept", kept > 0, true)
		}
	}},
	{"a lost execution is watched for a day", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		at := db.Now().UTC().Truncate(time.Second).Add(-time.Hour)
		e := cron.Execution{AccountID: account, JobID: j.ID, Planned: at, Attempt: 1, Outcome: cron.OutcomeLost,
			Result: cron.Result{Started: at}}
		s.put(&e)
		s.rollUp(db)
		s.equal("watched", s.raw().Rows("rollup_open"), int64(1))
		s.raw().SetOpenSince(db.Now().Add(-25 * time.Hour))
		s.rollUp(db)
		s.equal("watched", s.raw().Rows("rollup_open"), int64(0))
	}},
}
