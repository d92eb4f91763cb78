package storetest

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// problems reads the problems of an account that are in one of some states, in the order of their IDs.
func (s *suite) problems(db *store.Store, account int64, states ...cron.ProblemState) []cron.JobProblem {
	s.Helper()
	list, err := db.Problems(s.ctx(), account, &cron.ProblemQuery{States: states, Limit: 5000})
	s.ok(err)
	slices.SortFunc(list, func(a, b cron.JobProblem) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// states describes problems: kind, state and jobs of each.
func (s *suite) problemStates(db *store.Store, account int64) (lines []string) {
	s.Helper()
	for _, p := range s.problems(db, account) {
		lines = append(lines, fmt.Sprint(p.Kind, " ", p.State, " ", p.JobIDs, " runs ", p.Runs))
	}
	return lines
}

// attempt plans a job for about a second ago, claims it and finishes it. Each call has another instant, also within one millisecond.
func (s *suite) attempt(db *store.Store, node, jobID int64, result func(cron.Launch) cron.Completion) cron.Completion {
	s.Helper()
	s.attempts++
	s.plan(jobID, db.Now().Add(-time.Second+time.Duration(s.attempts)*time.Millisecond))
	c := result(s.claimOne(db, node))
	s.finish(db, c)
	return c
}

// manually is attempt for a manual execution.
func (s *suite) manually(db *store.Store, node, jobID int64, result func(cron.Launch) cron.Completion) {
	s.Helper()
	s.ok(second(db.RequestRun(s.ctx(), s.raw().AccountOf(jobID), jobID, cron.Author{})))
	s.finish(db, result(s.claimOne(db, node)))
}

func second[T any](_ T, err error) error { return err }

func third[A, B any](_ A, _ B, err error) error { return err }

func lost(l cron.Launch) cron.Completion {
	c := cron.Completion{Launch: l, Result: cron.Lost()}
	c.Result.Started = time.Now().UTC()
	return c
}

func refusedBy(host string) func(cron.Launch) cron.Completion {
	return func(l cron.Launch) cron.Completion {
		c := succeeded(l)
		c.Result.Status, c.Result.HTTPStatus, c.Result.Fault, c.Result.URL = cron.StatusConnectFailed, 0, cron.FaultRefused, "http://"+host+"/"
		return c
	}
}

func short(l cron.Launch) cron.Completion {
	c := succeeded(l)
	c.Result.Status, c.Result.Fault, c.Result.Detail = cron.StatusInternalError, cron.FaultShortage, cron.ShortOfFiles
	return c
}

var problemTests = []test{
	{"jobs that fail for one host have one problem, which the last success resolves", func(s *suite) {
		db, account, node := s.start()
		const jobs = 30
		first := s.due(db, account)
		s.copies(first.ID, jobs-1)
		launches := s.claimMany(db, node, jobs)
		for i := range 3 { // as batches come
			var batch []cron.Completion
			for _, l := range launches[10*i : 10*i+10] {
				batch = append(batch, failed(l))
			}
			s.finish(db, batch...)
		}
		list := s.problems(db, account)
		s.equal("problems", len(list), 1)
		p := list[0]
		s.equal("its jobs, runs and state", []int64{int64(p.Jobs), p.Runs, int64(p.State)}, []int64{jobs, jobs, 0})
		s.equal("jobs that are listed", len(p.JobIDs), cron.MaxGroupJobs)
		named, err := db.ProblemJobs(s.ctx(), account, p.ID)
		s.ok(err)
		s.equal("jobs with titles", len(named), jobs)
		since, ofJob, err := db.JobProblem(s.ctx(), account, named[0].JobID)
		s.ok(err)
		s.equal("the problem of a job", ofJob != nil && ofJob.ID == p.ID && !since.IsZero(), true)
		_, _, err = db.JobProblem(s.ctx(), account+1, named[0].JobID)
		s.missing(err, cron.SubjectJob)

		s.raw().SetAllDue(db.Now().Add(-time.Second))
		launches = s.claimMany(db, node, jobs)
		for i, l := range launches {
			s.finish(db, succeeded(l))
			want := []cron.ProblemState{cron.ProblemOpen, cron.ProblemResolved}[i/(jobs-1)]
			if i >= jobs-2 {
				s.equal("state", s.problems(db, account)[0].State, want)
			}
		}
	}},
	{"a host that fails in several ways has one problem", func(s *suite) {
		db, account, node := s.start()
		j, other := s.job(db, account), s.job(db, account)
		answers := func(status cron.Status, code int, f cron.Fault) func(cron.Launch) cron.Completion {
			return func(l cron.Launch) cron.Completion {
				c := refusedBy("a.example")(l)
				c.Result.Status, c.Result.HTTPStatus, c.Result.Fault = status, code, f
				return c
			}
		}
		unavailable, timeout := answers(cron.StatusHTTPError, 503, cron.FaultNone), answers(cron.StatusTimeout, 0, cron.FaultTimeout)
		for range 2 {
			s.attempt(db, node, j.ID, unavailable)
			s.attempt(db, node, j.ID, timeout)
		}
		s.attempt(db, node, other.ID, refusedBy("a.example"))
		want := []string{fmt.Sprint("failed open [", j.ID, " ", other.ID, "] runs 5")}
		s.equal("problems", s.problemStates(db, account), want)
		p := s.problems(db, account)[0]
		s.equal("reopened", p.Reopened, 0)
		s.equal("first cause", p.FirstCause(), s.history(db, account, j.ID)[3].Cause)
		s.attempt(db, node, other.ID, answers(cron.StatusHTTPError, 500, cron.FaultNone))
		s.equal("another fault of one job", len(s.problems(db, account, cron.ProblemOpen)), 2)
		s.attempt(db, node, j.ID, succeeded)
		p = s.problems(db, account)[0]
		s.equal("resolved", []any{p.State, p.Runs, p.Jobs}, []any{cron.ProblemResolved, int64(5), 2})
	}},
	{"a job that flaps opens its problem again", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account)
		for i := range 4 {
			s.attempt(db, node, j.ID, failed)
			s.attempt(db, node, j.ID, failed)
			p := s.problems(db, account)[0]
			s.equal("open", []int{int(p.State), p.Reopened, int(p.Runs)}, []int{0, i, 2})
			s.ok(db.ActOnProblem(s.ctx(), account, p.ID, &cron.ProblemAction{State: new(cron.ProblemAcknowledged), Note: new("note"), By: "me"}))
			s.attempt(db, node, j.ID, succeeded)
			p = s.problems(db, account)[0]
			s.equal("resolved", []any{p.State, p.Note, p.By, p.Jobs, p.Runs}, []any{cron.ProblemResolved, "note", "", 1, int64(2)})
			s.equal("problems", s.raw().Rows("problem"), int64(1))
		}
	}},
	{"what changes the problem of a job", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account)
		id := j.ID
		s.manually(db, node, id, failed)
		s.equal("a manual failure", s.problemStates(db, account), []string(nil))
		s.attempt(db, node, id, lost)
		s.equal("a loss", s.problemStates(db, account), []string{fmt.Sprint("lost open [", id, "] runs 1")})
		s.attempt(db, node, id, short)
		s.equal("a fault of the service", s.problemStates(db, account), []string{fmt.Sprint("lost open [", id, "] runs 1")})
		s.attempt(db, node, id, refusedBy("a.example"))
		s.attempt(db, node, id, lost)
		s.ok(db.UpdateJob(s.ctx(), account, id, func(j *cron.Job) error { j.Title = "saved"; return nil }))
		s.manually(db, node, id, refusedBy("b.example"))
		a := fmt.Sprint("failed open [", id, "] runs 1")
		gone := fmt.Sprint("lost resolved [", id, "] runs 1")
		s.equal("a failure; a loss, a save and a manual failure after it", s.problemStates(db, account), []string{gone, a})
		s.attempt(db, node, id, refusedBy("b.example"))
		s.equal("another cause", s.problemStates(db, account),
			[]string{gone, fmt.Sprint("failed resolved [", id, "] runs 1"), fmt.Sprint("failed open [", id, "] runs 1")})
		s.manually(db, node, id, succeeded)
		s.equal("a manual success", len(s.problems(db, account, cron.ProblemOpen)), 0)
		s.attempt(db, node, id, short)
		s.equal("a fault of the service alone", len(s.problems(db, account, cron.ProblemOpen)), 1)
		s.ok(db.DeleteJob(s.ctx(), account, id))
		s.equal("the job is deleted", len(s.problems(db, account, cron.ProblemOpen)), 0)
		b, restored, err := db.BinJob(s.ctx(), account, id)
		s.ok(err)
		s.ok(db.RestoreJob(s.ctx(), &b, &restored, func(context.Context) error { return nil }))
		s.equal("it is restored", len(s.problems(db, account, cron.ProblemOpen)), 0)
	}},
	{"a failure opens a problem with its last attempt, and a disabled job keeps the one that it has", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account, func(j *cron.Job) { j.Policy.Retry.Count = 1 })
		s.attempt(db, node, j.ID, failed)
		s.equal("the first attempt", len(s.problems(db, account)), 0)
		s.hurry(db, j.ID)
		s.finish(db, failed(s.claimOne(db, node)))
		s.equal("the last attempt", len(s.problems(db, account)), 1)
		s.plan(j.ID, db.Now().Add(-time.Second))
		late := s.claimOne(db, node)
		s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error { j.SetEnabled(false); return nil }))
		s.finish(db, refusedBy("other.example")(late))
		s.equal("a failure after it was disabled", len(s.problems(db, account)), 1)
		s.equal("state", s.problems(db, account)[0].State, cron.ProblemOpen)
	}},
	{"missed occurrences and late runs are problems of a job", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account, func(j *cron.Job) { j.Policy.LateAfter, j.Policy.Grace = 30*time.Second, 30*time.Second })
		s.plan(j.ID, db.Now().Add(-150*time.Minute).Truncate(time.Second))
		for _, l := range s.claim(db, node, 10).Launches {
			s.Errorf("%v was claimed", l.Planned)
		}
		p := s.problems(db, account)[0]
		s.equal("missed", []any{p.Kind, p.State, p.JobIDs, p.Runs}, []any{cron.ProblemMissed, cron.ProblemOpen, []int64{j.ID}, int64(3)})
		inTime := func(l cron.Launch) cron.Completion {
			c := succeeded(l)
			c.Result.Started = l.Due.Add(30 * time.Second)
			return c
		}
		tooLate := func(l cron.Launch) cron.Completion {
			c := succeeded(l)
			c.Result.Started = l.Due.Add(30*time.Second + time.Millisecond)
			return c
		}
		s.attempt(db, node, j.ID, inTime)
		s.equal("open", len(s.problems(db, account, cron.ProblemOpen)), 0)
		s.attempt(db, node, j.ID, tooLate)
		s.attempt(db, node, j.ID, tooLate)
		p = s.problems(db, account, cron.ProblemOpen)[0]
		s.equal("late", []any{p.Kind, p.Runs, p.LateAfter()}, []any{cron.ProblemLate, int64(2), 30 * time.Second})
		s.manually(db, node, j.ID, tooLate)
		s.equal("after a manual run", len(s.problems(db, account, cron.ProblemOpen)), 0)
	}},
	{"a problem that somebody has resolved opens with the next failure", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account)
		s.attempt(db, node, j.ID, failed)
		id := s.problems(db, account)[0].ID
		act := func(state cron.ProblemState, until time.Time) error {
			return db.ActOnProblem(s.ctx(), account, id, &cron.ProblemAction{State: &state, Until: until, By: "me"})
		}
		s.ok(act(cron.ProblemSnoozed, db.Now().Add(time.Hour)))
		s.equal("snoozed", len(s.problems(db, account, cron.ProblemSnoozed)), 1)
		s.ok(act(cron.ProblemSnoozed, db.Now().Add(-time.Hour)))
		s.equal("the snooze has ended", s.problems(db, account, cron.ProblemOpen)[0].State, cron.ProblemOpen)
		s.ok(act(cron.ProblemResolved, time.Time{}))
		s.ok(act(cron.ProblemResolved, time.Time{}))
		p, err := db.Problem(s.ctx(), account, id)
		s.ok(err)
		s.equal("resolved", []any{p.State, p.By, p.Resolved.IsZero()}, []any{cron.ProblemResolved, "me", false})
		s.refused(act(cron.ProblemAcknowledged, time.Time{}), cron.Conflict, cron.SubjectProblem)
		s.attempt(db, node, j.ID, failed)
		p, err = db.Problem(s.ctx(), account, id)
		s.ok(err)
		s.equal("again", []any{p.State, p.By, p.Reopened, p.Resolved.IsZero(), p.Runs}, []any{cron.ProblemOpen, "", 1, true, int64(1)})
		stranger := s.account(db)
		s.missing(second(db.Problem(s.ctx(), stranger, id)), cron.SubjectProblem)
		s.missing(db.ActOnProblem(s.ctx(), stranger, id, &cron.ProblemAction{Note: new("x")}), cron.SubjectProblem)
		s.equal("of a stranger", len(s.problems(db, stranger)), 0)
		s.ok(db.DeleteAccount(s.ctx(), account))
		s.equal("of a deleted account", s.raw().Rows("problem"), int64(0))
	}},
	{"an account has a bounded number of problems", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account)
		s.raw().AddProblems(account, cron.MaxProblems-1, cron.ProblemOpen, db.Now())
		s.attempt(db, node, j.ID, refusedBy("a.example"))
		other := s.job(db, account)
		s.attempt(db, node, other.ID, refusedBy("b.example"))
		s.equal("the last one", len(s.problems(db, account, cron.ProblemOpen)), cron.MaxProblems)
		s.attempt(db, node, other.ID, refusedBy("a.example"))
		s.equal("jobs of one that there is", s.problems(db, account, cron.ProblemOpen)[cron.MaxProblems-1].Jobs, 2)
		s.attempt(db, node, j.ID, succeeded)
		s.attempt(db, node, other.ID, succeeded)
		s.raw().AddProblems(account, cron.MaxResolved, cron.ProblemResolved, db.Now())
		s.attempt(db, node, other.ID, refusedBy("b.example"))
		s.equal("opened when there is room", len(s.problems(db, account, cron.ProblemOpen)), cron.MaxProblems)
		if n := s.raw().Rows("problem"); n > cron.MaxProblems+cron.MaxResolved {
			s.Errorf("the account has %d problems", n)
		}
	}},
	{"upkeep deletes resolved problems with the history", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account)
		s.attempt(db, node, j.ID, failed)
		s.raw().AddProblems(account, 700, cron.ProblemResolved, db.Now().Add(-5*365*24*time.Hour))
		s.raw().AddProblems(account, 3, cron.ProblemResolved, db.Now())
		for more := true; more; {
			var err error
			more, err = db.Maintain(s.ctx())
			s.ok(err)
		}
		s.equal("problems", s.raw().Rows("problem"), int64(4))
	}},
	{"racing batches on two nodes leave open what jobs have", func(s *suite) {
		db, account, _ := s.start()
		const jobs, rounds = 24, 6
		s.copies(s.due(db, account).ID, jobs-1)
		stores := []*store.Store{db, s.open()}
		nodes := []int64{s.node(stores[0]), s.node(stores[1])}
		for round := range rounds {
			s.raw().SetAllDue(db.Now().Add(-time.Second))
			var wg sync.WaitGroup
			for i, db := range stores {
				launches := s.claimMany(db, nodes[i], jobs/2)
				batches := slices.Collect(slices.Chunk(launches, 3))
				for _, batch := range batches {
					wg.Go(func() {
						random := rand.New(rand.NewPCG(uint64(round), uint64(batch[0].Job.ID)))
						completions := make([]cron.Completion, len(batch))
						for i, l := range batch {
							completions[i] = []func(cron.Launch) cron.Completion{succeeded, succeeded, failed, refusedBy("a.example"), lost}[random.IntN(5)](l)
						}
						if err := db.Finish(s.ctx(), completions); err != nil {
							s.Errorf("finish: %v", err)
						}
					})
				}
			}
			wg.Wait()
			s.equal("open problems that no job has", s.raw().Number(`SELECT count(*) FROM problem WHERE state <> 3
				AND NOT EXISTS (SELECT 1 FROM job_state WHERE problem_id = problem.id)`), int64(0))
			s.equal("jobs with a resolved problem", s.raw().Number(`SELECT count(*) FROM job_state
				JOIN problem ON problem.id = job_state.problem_id WHERE problem.state = 3`), int64(0))
			s.equal("jobs whose problem disagrees with their last result", s.raw().Number(`SELECT count(*) FROM job_state
				WHERE (problem_id IS NULL) <> (last_status = 1)`), int64(0))
		}
	}},
	{"the edits before a problem are found", func(s *suite) {
		db, account, node := s.start()
		j, other := s.job(db, account), s.job(db, account)
		s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error { j.Title = "broken"; return nil }))
		s.attempt(db, node, j.ID, failed)
		p := s.problems(db, account)[0]
		edits, err := db.EditsBefore(s.ctx(), account, p.JobIDs, p.Opened.Add(-cron.ProblemEditSpan), p.Opened)
		s.ok(err)
		s.equal("edits", len(edits), 2)
		s.equal("the latest", edits[0].Changes, []string{"/title"})
		edits, err = db.EditsBefore(s.ctx(), s.account(db), []int64{j.ID, other.ID}, p.Opened.Add(-cron.ProblemEditSpan), p.Opened)
		s.ok(err)
		s.equal("of a stranger", len(edits), 0)
	}},
	{"pages of problems follow each other", func(s *suite) {
		db, account, _ := s.start()
		s.raw().AddProblems(account, 25, cron.ProblemOpen, db.Now())
		var got []int64
		q := cron.ProblemQuery{Limit: 10}
		for {
			page, err := db.Problems(s.ctx(), account, &q)
			s.ok(err)
			if len(page) == 0 {
				break
			}
			for _, p := range page {
				got = append(got, p.ID)
			}
			q.After = cron.ProblemPosition{Opened: page[len(page)-1].Opened, ID: page[len(page)-1].ID}
		}
		s.equal("problems", len(slices.Compact(sorted(got))), 25)
		s.equal("listed once", len(got), 25)
	}},
}
