package storetest

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// An hour's window rarely ends in a test; century never does.
const century = 100 * 365 * 24 * time.Hour

// count counts one request and tells whether it was within the limits.
func (s *suite) count(db *store.Store, limits ...cron.RateLimit) bool {
	s.Helper()
	over, err := db.Count(s.ctx(), 1, limits)
	s.ok(err)
	if over.Wait < 0 || over.Wait > 0 && !slices.ContainsFunc(limits, func(l cron.RateLimit) bool { return l.Kind == over.Kind }) {
		s.Errorf("exceeded is %+v", over)
	}
	return over == cron.Excess{}
}

func (s *suite) used(db *store.Store, l cron.RateLimit) int {
	s.Helper()
	n, err := db.Used(s.ctx(), l)
	s.ok(err)
	return n
}

var usageTests = []test{
	{"as many requests pass as the limit says", func(s *suite) {
		db := s.open()
		l := cron.RateLimit{Kind: 1, Subject: 7, Window: century, Max: 3}
		s.equal("used", s.used(db, l), 0)
		for i, want := range []bool{true, true, true, false, false} {
			s.equal("passed", s.count(db, l), want)
			s.equal("used", s.used(db, l), min(i+1, 3))
		}
		over, err := db.Count(s.ctx(), 1, []cron.RateLimit{l})
		s.ok(err)
		end := l.Start(db.Now()).Add(century)
		if at := db.Now().Add(over.Wait); at.After(end.Add(time.Minute)) || at.Before(end.Add(-time.Minute)) {
			s.Errorf("the wait ends at %v, the window at %v", at, end)
		}
	}},
	{"a request is taken back from its window, and no further than none", func(s *suite) {
		db := s.open()
		l := cron.RateLimit{Kind: 1, Subject: 7, Window: century, Max: 3}
		other := cron.RateLimit{Kind: 2, Subject: 7, Window: century, Max: 1}
		limits := []cron.RateLimit{l, other}
		s.equal("passed", s.count(db, limits...), true)
		s.equal("passed", s.count(db, l), true)
		s.ok(db.Uncount(s.ctx(), 1, limits, db.Now().Add(-2*century))) // of another window
		s.equal("used", []int{s.used(db, l), s.used(db, other)}, []int{2, 1})
		for _, want := range [][]int{{1, 0}, {0, 0}, {0, 0}} {
			s.ok(db.Uncount(s.ctx(), 1, limits, db.Now()))
			s.equal("used", []int{s.used(db, l), s.used(db, other)}, want)
		}
		s.equal("windows that are kept", s.raw().Windows(1)+s.raw().Windows(2), int64(0))
		s.equal("passed", s.count(db, limits...), true)
	}},
	{"kinds and subjects are apart", func(s *suite) {
		db := s.open()
		l := cron.RateLimit{Kind: 1, Subject: 7, Window: century, Max: 1}
		s.equal("passed", s.count(db, l), true)
		kind, subject := l, l
		kind.Kind, subject.Subject = 2, 8
		for _, other := range []cron.RateLimit{kind, subject} {
			s.equal("passed", s.count(db, other), true)
		}
		s.equal("passed", s.count(db, l), false)
	}},
	{"a request counts against all limits or none", func(s *suite) {
		db := s.open()
		wide := cron.RateLimit{Kind: 1, Subject: 7, Window: century, Max: 10}
		narrow := cron.RateLimit{Kind: 2, Subject: 7, Window: century, Max: 1}
		s.equal("passed", s.count(db, wide, narrow), true)
		s.equal("passed", s.count(db, wide, narrow), false)
		s.equal("used", s.used(db, wide), 1)
		s.equal("used", s.used(db, narrow), 1)
		s.equal("passed without limits", s.count(db), true)
	}},
	{"a new window starts at 0", func(s *suite) {
		db := s.open()
		l := cron.RateLimit{Kind: 1, Subject: 7, Window: century, Max: 1}
		s.equal("passed", s.count(db, l), true)
		s.raw().MoveWindow(-time.Second)
		s.equal("used", s.used(db, l), 0)
		s.equal("passed", s.count(db, l), true)
	}},
	{"racing requests are all counted", func(s *suite) {
		db := s.open()
		l := cron.RateLimit{Kind: 1, Subject: 7, Window: century, Max: 25}
		var (
			wg     sync.WaitGroup
			passed atomic.Int64
		)
		for _, db := range []*store.Store{db, s.open()} {
			for range 4 {
				wg.Go(func() {
					for range 10 {
						over, err := db.Count(s.ctx(), 1, []cron.RateLimit{l})
						if err != nil {
							s.Errorf("count: %v", err)
							return
						}
						if over.Wait == 0 {
							passed.Add(1)
						}
					}
				})
			}
		}
		wg.Wait()
		s.equal("passed", passed.Load(), int64(25))
		s.equal("used", s.used(db, l), 25)
	}},
	{"upkeep forgets old windows", func(s *suite) {
		db := s.open()
		old := cron.RateLimit{Kind: 1, Subject: 7, Window: time.Hour, Max: 1}
		s.equal("passed", s.count(db, old), true)
		s.raw().MoveWindow(-49 * time.Hour)
		today := cron.RateLimit{Kind: 2, Subject: 7, Window: 24 * time.Hour, Max: 1}
		s.equal("passed", s.count(db, today), true)
		s.maintain(db)
		s.equal("windows", s.raw().Rows("usage"), int64(1))
		s.raw().AddWindows(7, 1200)
		for left, more := int64(1200), true; more; {
			var err error
			more, err = db.Maintain(s.ctx())
			s.ok(err)
			now := s.raw().Windows(7)
			if left-now > 500 {
				s.Fatalf("one step deletes %d windows", left-now)
			}
			left = now
		}
		s.equal("windows", s.raw().Rows("usage"), int64(1))
	}},
}
