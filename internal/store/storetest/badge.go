package storetest

import (
	"context"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

var badgeTests = []test{
	{"renewals of badges are counted, also for a job that comes back from the bin", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		count := func(want int64) {
			s.Helper()
			n, err := db.BadgeRenewals(s.ctx(), account, j.ID)
			s.ok(err)
			_, public, err := db.PublicJob(s.ctx(), j.ID)
			s.ok(err)
			s.equal("renewals", []int64{n, public}, []int64{want, want})
		}
		count(0)
		s.ok(db.RenewJobBadge(s.ctx(), account, j.ID))
		s.ok(db.RenewJobBadge(s.ctx(), account, j.ID))
		count(2)
		for _, id := range []int64{j.ID + 1, -1} {
			s.missing(db.RenewJobBadge(s.ctx(), account, id), cron.SubjectJob)
		}
		s.missing(db.RenewJobBadge(s.ctx(), account+1, j.ID), cron.SubjectJob)
		_, err := db.BadgeRenewals(s.ctx(), account+1, j.ID)
		s.missing(err, cron.SubjectJob)

		s.ok(db.DeleteJob(s.ctx(), account, j.ID))
		_, _, err = db.PublicJob(s.ctx(), j.ID)
		s.missing(err, cron.SubjectJob)
		b, former, err := db.BinJob(s.ctx(), account, j.ID)
		s.ok(err)
		s.ok(db.RestoreJob(s.ctx(), &b, &former, func(context.Context) error { return nil }))
		count(2)

		s.setEnabled(db, account, false)
		_, _, err = db.PublicJob(s.ctx(), j.ID)
		s.missing(err, cron.SubjectJob)
	}},
	{"renewals of badges of a page are counted", func(s *suite) {
		db, account, _ := s.start()
		p := s.shown(db, account, 1)
		s.ok(db.RenewPageBadges(s.ctx(), account, p.ID))
		read, err := db.StatusPage(s.ctx(), account, p.ID)
		s.ok(err)
		e, _, err := db.StatusEntrance(s.ctx(), p.Slug)
		s.ok(err)
		s.equal("renewals", []int64{read.BadgeRenewals, e.BadgeRenewals, read.Version - p.Version}, []int64{1, 1, 0})
		s.missing(db.RenewPageBadges(s.ctx(), account+1, p.ID), cron.SubjectStatusPage)
	}},
	{"badges of components read the runs of their jobs", func(s *suite) {
		db, account, node := s.start()
		first, second := s.job(db, account), s.job(db, account)
		p := s.shown(db, account, 2, func(p *statuspage.Page) { p.Components[0].JobIDs = []int64{first.ID} })
		component, none := p.Components[0].ID, p.Components[1].ID
		s.flood(account, first.ID, 10, db.Now().Add(-time.Hour))
		s.flood(account, second.ID, 10, db.Now().Add(-time.Hour))
		s.rollUp(db)
		s.runs(db, node, first, succeeded)
		s.runs(db, node, second, succeeded)
		state := s.record(db, account, first.ID).State
		for id, want := range map[int64]statuspage.Runs{0: {Last: state.LastExecution, Next: state.NextRun}, component: {Last: state.LastExecution, Next: state.NextRun},
			none: {}, none + 1: {}} {
			runs, err := db.StatusRuns(s.ctx(), account, p.ID, id)
			s.ok(err)
			s.equal("runs", runs, want)
		}
		for id, want := range map[int64]int64{0: 10, component: 10, none: 0, none + 1: 0} {
			taken, err := db.StatusDurations(s.ctx(), account, p.ID, id, db.Now().Add(-24*time.Hour))
			s.ok(err)
			s.equal("durations", taken.Count(), want)
		}
		taken, err := db.StatusDurations(s.ctx(), account, p.ID, 0, db.Now().Add(2*time.Hour))
		s.ok(err)
		s.equal("later durations", taken.Count(), int64(0))
	}},
	{"renewals of a job go with the job", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		s.ok(db.RenewJobBadge(s.ctx(), account, j.ID))
		s.ok(db.DeleteJob(s.ctx(), account, j.ID))
		_, err := db.PurgeJob(s.ctx(), account, j.ID)
		s.ok(err)
		s.raw().Exec(`UPDATE deleted_job SET deleted_at = 1`)
		s.pruned(db, "job_badge", 0)
	}},
}
