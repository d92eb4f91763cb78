package storetest

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

var raceTests = []test{
	{"racing claimers take each occurrence once, and all of them", func(s *suite) {
		db, account, _ := s.start()
		const jobs = 300
		s.copies(s.due(db, account).ID, jobs-1)
		var (
			wg    sync.WaitGroup
			mu    sync.Mutex
			taken []int64
		)
		for _, db := range []*store.Store{db, s.open(), s.open()} {
			node := s.node(db)
			for range 3 {
				wg.Go(func() {
					for {
						claimed, err := db.Claim(s.ctx(), cron.ClaimRequest{Node: node, Limit: 1 + rand.IntN(40)})
						if err != nil {
							s.Errorf("claim: %v", err)
							return
						}
						mu.Lock()
						taken = append(taken, jobIDs(claimed.Launches)...)
						done := len(taken) >= jobs || len(claimed.Launches) == 0 && claimed.Next.After(db.Now())
						mu.Unlock()
						if done {
							return
						}
					}
				})
			}
		}
		wg.Wait()
		s.equal("claimed", len(taken), jobs)
		s.equal("claimed without repeats", len(slices.Compact(sorted(taken))), jobs)
		s.equal("records", s.raw().Rows("execution"), int64(jobs))
	}},
	{"an edit that has returned is what runs", func(s *suite) {
		db, account, node := s.start()
		editor := s.open()
		j := s.job(db, account)
		var (
			wg       sync.WaitGroup
			returned atomic.Int64 // the version that is known to be saved
			stop     = make(chan struct{})
		)
		wg.Go(func() {
			for version := 1; ; version++ {
				select {
				case <-stop:
					return
				default:
				}
				err := editor.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error {
					j.Title, j.Request.Body = strconv.Itoa(version), strconv.Itoa(version)
					return nil
				})
				if err != nil {
					s.Errorf("edit: %v", err)
					return
				}
				returned.Store(int64(version))
			}
		})
		for i := range 50 {
			s.plan(j.ID, db.Now().Add(time.Duration(i-100)*time.Second)) // another instant each time
			before := returned.Load()
			for _, l := range s.claim(db, node, 1).Launches {
				title, err := strconv.ParseInt(l.Job.Title+"0", 10, 64) // none is version 0
				s.ok(err)
				if title/10 < before {
					s.Errorf("version %d runs, and %d was saved before the claim", title/10, before)
				}
				s.equal("body and title", l.Job.Request.Body, l.Job.Title)
			}
		}
		close(stop)
		wg.Wait()
	}},
	{"a job that is disabled in a race with claims runs or is skipped", func(s *suite) {
		s.endsOnce(func(db *store.Store, account, jobID int64) error {
			return db.UpdateJob(s.ctx(), account, jobID, func(j *cron.Job) error { j.Enabled = false; return nil })
		}, 1)
	}},
	{"a job that is deleted in a race with claims runs at most once", func(s *suite) {
		s.endsOnce(func(db *store.Store, account, jobID int64) error {
			return db.DeleteJob(s.ctx(), account, jobID)
		}, 0)
	}},
	{"edits, claims and results of the same jobs do not fail", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account, func(j *cron.Job) { j.Policy.Retry.Count = 1 })
		s.copies(j.ID, 19)
		jobs, _, err := db.Jobs(s.ctx(), account)
		s.ok(err)
		var wg sync.WaitGroup
		finished := new(atomic.Int64)
		for _, db := range []*store.Store{db, s.open()} {
			node := s.node(db)
			wg.Go(func() {
				for range 40 {
					claimed, err := db.Claim(s.ctx(), cron.ClaimRequest{Node: node, Limit: 10})
					if err != nil {
						s.Errorf("claim: %v", err)
						return
					}
					var completions []cron.Completion
					for _, l := range claimed.Launches {
						completions = append(completions, failed(l))
					}
					rand.Shuffle(len(completions), func(i, k int) {
						completions[i], completions[k] = completions[k], completions[i]
					})
					if err := db.Finish(s.ctx(), completions); err != nil {
						s.Errorf("finish: %v", err)
						return
					}
					finished.Add(int64(len(completions)))
				}
			})
			wg.Go(func() {
				for range 40 {
					j := jobs[rand.IntN(len(jobs))]
					err := db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error { j.Enabled = !j.Enabled; return nil })
					if err != nil {
						s.Errorf("edit: %v", err)
						return
					}
				}
			})
		}
		for i := range 40 {
			s.raw().SetSomeDue(i%7, 7, db.Now().Add(time.Duration(i-1000)*time.Second))
			s.raw().FindPending()
		}
		wg.Wait()
		ended := s.raw().Executions(cron.OutcomeFailed)
		s.equal("finished", ended, finished.Load())
		s.equal("running", s.raw().Executions(cron.OutcomeRunning), int64(0))
	}},
	{"results of two nodes for the same jobs all count", func(s *suite) {
		db, account, node := s.start()
		other := s.open()
		const jobs, rounds = 20, 5
		s.copies(s.due(db, account, func(j *cron.Job) { j.Notification.OnFailureCount = 1000 }).ID, jobs-1)
		var batches [2][]cron.Completion
		for round := range rounds * 2 {
			s.raw().SetAllDue(db.Now().Add(time.Duration(round-100) * time.Second))
			for _, l := range s.claimMany(db, node, jobs) {
				batches[round%2] = append(batches[round%2], failed(l))
			}
		}
		var wg sync.WaitGroup
		for i, db := range []*store.Store{db, other} {
			wg.Go(func() {
				for batch := range slices.Chunk(batches[i], jobs/2) {
					slices.Reverse(batch) // a batch may come in any order
					if err := db.Finish(s.ctx(), batch); err != nil {
						s.Errorf("finish: %v", err)
					}
				}
			})
		}
		wg.Wait()
		all := s.raw().JobsWithFailures(rounds * 2)
		s.equal("jobs with all failures", all, int64(jobs))
	}},
}

// endsOnce lets edits race with claims. Each job has one record at the end, of its run or of being skipped, or none
// where an edit that wins leaves no record.
func (s *suite) endsOnce(edit func(db *store.Store, account, jobID int64) error, recordsOfEdit int) {
	db, account, node := s.start()
	editor := s.open()
	const jobs = 60
	ids := make([]int64, jobs)
	for i := range ids {
		ids[i] = s.due(db, account).ID
	}
	var (
		wg      sync.WaitGroup
		mu      sync.Mutex
		edited  = make(map[int64]bool)
		claimed = make(map[int64]bool)
	)
	wg.Go(func() {
		for _, id := range ids {
			if err := edit(editor, account, id); err != nil {
				s.Errorf("edit: %v", err)
			}
			mu.Lock()
			edited[id] = true
			mu.Unlock()
		}
	})
	wg.Go(func() {
		for range jobs {
			mu.Lock()
			before := len(edited)
			done := make(map[int64]bool, before)
			for id := range edited {
				done[id] = true
			}
			mu.Unlock()
			c, err := db.Claim(s.ctx(), cron.ClaimRequest{Node: node, Limit: 2})
			if err != nil {
				s.Errorf("claim: %v", err)
				return
			}
			for _, l := range c.Launches {
				if done[l.Job.ID] {
					s.Errorf("job %d is launched after the edit had returned", l.Job.ID)
				}
				claimed[l.Job.ID] = true
			}
		}
	})
	wg.Wait()
	for _, id := range ids {
		ledger := s.ledger(id)
		want, outcome := recordsOfEdit, cron.OutcomeSkipped
		if claimed[id] {
			want, outcome = 1, cron.OutcomeRunning
		}
		if len(ledger) != want || want == 1 && ledger[0].Outcome != outcome {
			s.Errorf("job %d, claimed: %v, has the records %+v", id, claimed[id], ledger)
		}
	}
	if len(claimed) == 0 {
		s.Log("no claim won")
	}
}
