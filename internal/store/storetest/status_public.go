package storetest

import (
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

var statusPublicTests = []test{
	{"visitors read published incidents, the latest start first", func(s *suite) {
		db, account, _ := s.start()
		p, other := s.shown(db, account, 1), s.shown(db, account, 1, func(p *statuspage.Page) { p.Slug = "other" })
		first := s.incident(db, &p, 3*time.Hour, impact(&p.Components[0], statuspage.Degraded))
		second, third := s.incident(db, &p, time.Hour), s.incident(db, &p, 2*time.Hour)
		draft := statuspage.Incident{PageID: p.ID, AccountID: account, Title: "draft", Draft: true,
			Updates: []statuspage.Update{{Text: "x", At: db.Now().UTC().Truncate(time.Millisecond)}}}
		s.ok(db.CreateIncident(s.ctx(), &draft, func([]int64) error { return nil }))
		s.incident(db, &other, time.Minute)
		ids := func(before int64, limit int) (ids []int64) {
			s.Helper()
			list, err := db.PublishedIncidents(s.ctx(), p.ID, before, limit)
			s.ok(err)
			for _, n := range list {
				ids = append(ids, n.ID)
			}
			return ids
		}
		s.equal("all", ids(0, 10), []int64{second.ID, third.ID, first.ID})
		s.equal("some", ids(0, 2), []int64{second.ID, third.ID})
		s.equal("the rest", ids(third.ID, 10), []int64{first.ID})
		list, err := db.PublishedIncidents(s.ctx(), p.ID, 0, 10)
		s.ok(err)
		s.equal("updates of a list", len(list[0].Updates), 0)
		hash, err := db.StatusPasswordHash(s.ctx(), p.ID)
		s.ok(err)
		s.equal("hash", hash, "")
		_, err = db.StatusPasswordHash(s.ctx(), 4711)
		s.missing(err, cron.SubjectStatusPage)
		n, err := db.PublicIncident(s.ctx(), p.ID, first.ID)
		s.ok(err)
		s.equal("updates", len(n.Updates), 1)
		for _, id := range []int64{draft.ID, first.ID + 100} {
			_, err = db.PublicIncident(s.ctx(), p.ID, id)
			s.missing(err, cron.SubjectIncident)
		}
		_, err = db.PublicIncident(s.ctx(), other.ID, first.ID)
		s.missing(err, cron.SubjectIncident)
		_, err = db.PublishedIncidents(s.ctx(), p.ID, draft.ID, 10)
		s.missing(err, cron.SubjectIncident)
	}},
}
