package storetest

import (
	"math/rand/v2"
	"slices"
	"time"
)

var latestTests = []test{
	{"the latest records of jobs are the latest of each, whatever became of them", func(s *suite) {
		db, account, _ := s.start()
		stranger := s.account(db)
		random := rand.New(rand.NewPCG(5, 6))
		now := db.Now()
		var ids []int64
		want := map[int64][]int64{}
		for _, owner := range []int64{account, account, account, stranger} {
			j := s.job(db, owner)
			ids = append(ids, j.ID)
			for i := range 60 {
				e := randomRecord(random, &j, now.Add(time.Duration(i-60)*time.Duration(2*len(ids)+2)*time.Hour))
				e.Planned = e.Planned.Add(time.Duration(len(ids)) * time.Millisecond)
				s.put(&e)
				if owner == account {
					want[j.ID] = append(want[j.ID], e.ID)
				}
			}
		}
		idle := s.job(db, account)
		for _, count := range []int{1, 7, 60, 100} {
			latest, err := db.LatestRuns(s.ctx(), account, append(slices.Clone(ids), idle.ID, 1<<40), count)
			s.ok(err)
			for _, id := range append(slices.Clone(ids), idle.ID) {
				var got []int64
				for _, e := range latest[id] {
					got = append(got, e.ID)
					if e.JobID != id || e.Planned.IsZero() {
						s.Errorf("a record of job %d is %+v", id, e)
					}
				}
				if of := want[id][max(0, len(want[id])-count):]; !slices.Equal(got, of) {
					s.Errorf("the latest %d of job %d are %v, want %v", count, id, got, of)
				}
			}
		}
		none, err := db.LatestRuns(s.ctx(), account, nil, 30)
		s.ok(err)
		s.equal("records of no jobs", len(none), 0)
	}},
}
