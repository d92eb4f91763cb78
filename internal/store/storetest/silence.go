package storetest

import (
	"time"

	"punctual/internal/cron"
)

// silencedFor silences a job for a while from now on.
func silencedFor(now time.Time, d time.Duration) func(*cron.Job) {
	return func(j *cron.Job) { j.Notification.SilencedUntil = now.Add(d).UTC().Truncate(time.Second) }
}

var silenceTests = []test{
	{"nothing is told of a silenced job, and everything else goes on", func(s *suite) {
		s.options.Plans = cron.Plans{cron.PlanMember: {MaxFailures: 3}}
		db, account, node := s.start()
		j := s.job(db, account, allNotices, silencedFor(db.Now(), time.Hour))
		s.runs(db, node, j, failed, failed)
		s.equal("notices", len(s.notices(j.ID)), 0)
		s.equal("records", len(s.ledger(j.ID)), 2)
		state := s.record(db, account, j.ID).State
		s.equal("failures", []int{state.Failures, state.CountedFailures}, []int{2, 2})
		s.equal("untold", state.FailureUntold, true)
		s.equal("problems", len(s.problems(db, account, cron.ProblemOpen)), 1)
		s.runs(db, node, j, failed, failed)
		rec := s.record(db, account, j.ID)
		s.equal("enabled, untold", []bool{rec.Enabled, rec.State.FailureUntold}, []bool{false, false})
		s.equal("notices", len(s.notices(j.ID)), 0)
	}},
	{"failures that outlast the silence are told, once", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account, allNotices, silencedFor(db.Now(), time.Hour))
		s.runs(db, node, j, failed, failed)
		s.raw().EndSilence(j.ID, db.Now())
		s.runs(db, node, j, failed, failed, succeeded)
		s.equal("notices", s.notices(j.ID), []cron.NoticeKind{cron.NoticeFailure, cron.NoticeSuccess})
	}},
	{"an edit begins to count anew, silenced or not", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account, allNotices, silencedFor(db.Now(), time.Hour))
		s.runs(db, node, j, failed)
		rec := s.edit(db, j, func(j *cron.Job) {
			j.Notification.SilencedUntil, j.Notification.OnFailureCount = time.Time{}, 2
		})
		s.equal("untold", rec.State.FailureUntold, false)
		s.runs(db, node, j, failed)
		s.equal("notices", len(s.notices(j.ID)), 0)
		s.runs(db, node, j, failed)
		s.equal("notices", s.notices(j.ID), []cron.NoticeKind{cron.NoticeFailure})
	}},
	{"a silence is a version, and comes back with one", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account, silencedFor(db.Now(), time.Hour))
		until := j.Notification.SilencedUntil
		s.edit(db, j, func(j *cron.Job) { j.Notification.SilencedUntil = cron.Forever })
		list := s.versions(db, j)
		s.equal("changes", list[0].Changes, []string{"/silencedUntil"})
		_, former, err := db.Version(s.ctx(), account, j.ID, list[1].Version)
		s.ok(err)
		s.equal("silenced", former.Notification.SilencedUntil.UTC(), until)
		s.equal("for good", s.record(db, account, j.ID).Notification.SilencedUntil, cron.Forever)
	}},
	{"silenced jobs are found", func(s *suite) {
		db, account, _ := s.start()
		now := db.Now()
		s.job(db, account)
		over := s.job(db, account, silencedFor(now, -time.Hour))
		quiet := s.job(db, account, silencedFor(now, time.Hour))
		good := s.job(db, account, func(j *cron.Job) { j.Notification.SilencedUntil = cron.Forever })
		filter := cron.JobFilter{JobCriteria: cron.JobCriteria{Conditions: []cron.JobCondition{cron.JobSilenced}}}
		ids, _, err := db.FindJobs(s.ctx(), account, &filter, 0, 10)
		s.ok(err)
		s.equal("silenced", ids, []int64{quiet.ID, good.ID})
		s.edit(db, quiet, func(j *cron.Job) { j.Notification.SilencedUntil = time.Time{} })
		s.edit(db, over, func(j *cron.Job) { j.Notification.SilencedUntil = cron.Forever })
		ids, _, err = db.FindJobs(s.ctx(), account, &filter, 0, 10)
		s.ok(err)
		s.equal("silenced", ids, []int64{over.ID, good.ID})
	}},
}
