package storetest

import (
	"punctual/internal/cron"
	"punctual/internal/statuspage"
	"punctual/internal/store"
)

// observe works out the states of components until nothing is left to do.
func (s *suite) observe(db *store.Store) {
	s.Helper()
	for {
		more, err := db.ObserveComponents(s.ctx())
		s.ok(err)
		if !more {
			return
		}
	}
}

// monitored is a job on a page of its own, of which nothing is known.
func (s *suite) monitored(db *store.Store, account int64, edits ...func(*cron.Job)) (j cron.Job, page, component int64) {
	s.Helper()
	j = s.job(db, account, edits...)
	page = s.raw().AddPage(account, "Europe/Berlin")
	return j, page, s.raw().AddComponent(page, statuspage.DefaultRule(), 0, j.ID)
}

// shows checks what a component shows.
func (s *suite) shows(component int64, want statuspage.State) {
	s.Helper()
	if got, _ := s.raw().ComponentState(component); got != want {
		s.Errorf("component %d is %s, want %s", component, got, want)
	}
}

var monitorTests = []test{
	{"results become states, and the page a new revision with each", func(s *suite) {
		db, account, node := s.start()
		j, page, component := s.monitored(db, account)
		revision := s.raw().PageRevision(page)
		for _, step := range []struct {
			result func(cron.Launch) cron.Completion
			want   statuspage.State
			shows  bool
		}{
			{succeeded, statuspage.Operational, true}, {failed, statuspage.Operational, false}, {failed, statuspage.MajorOutage, true},
			{succeeded, statuspage.MajorOutage, false}, {succeeded, statuspage.Operational, true}, {succeeded, statuspage.Operational, false},
		} {
			c := s.attempt(db, node, j.ID, func(l cron.Launch) cron.Completion {
				c := step.result(l)
				c.Result.Duration = 0 // it ends at once, and not in the future
				return c
			})
			s.observe(db)
			s.shows(component, step.want)
			if step.shows {
				revision++
				_, since := s.raw().ComponentState(component)
				s.equal("since", since, c.Result.Started)
			}
			s.equal("revision", s.raw().PageRevision(page), revision)
		}
		s.equal("results that are left", s.raw().Rows("monitor_result"), int64(0))
		s.equal("transitions", len(s.raw().Transitions(component, statuspage.LayerObserved)), 3)
	}},
}
