package storetest

import (
	"context"
	"encoding/hex"
	"math/rand/v2"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// versions lists the versions of a job, the newest first.
func (s *suite) versions(db *store.Store, j cron.Job) []cron.JobVersion {
	s.Helper()
	list, err := db.Versions(s.ctx(), j.AccountID, j.ID, 0, 1000)
	s.ok(err)
	return list
}

// definition is a job without what a version does not have.
func definition(j cron.Job) cron.Job {
	j.Created, j.Updated, j.CreatedBy, j.UpdatedBy = time.Time{}, time.Time{}, cron.Author{}, cron.Author{}
	return j
}

// defines checks that a version has the definition of a job.
func (s *suite) defines(db *store.Store, version int64, want cron.Job) {
	s.Helper()
	v, j, err := db.Version(s.ctx(), want.AccountID, want.ID, version)
	s.ok(err)
	s.equal("version", v.Version, version)
	s.equal("definition", definition(j), definition(want))
	s.equal("maker", j.CreatedBy, want.CreatedBy)
}

// rename gives a job another title.
func (s *suite) rename(db *store.Store, j cron.Job, title string) cron.Job {
	s.Helper()
	s.ok(db.UpdateJob(s.ctx(), j.AccountID, j.ID, func(j *cron.Job) error {
		j.Title, j.UpdatedBy = title, cron.Author{PersonID: 7, Label: "jane@example.com", Way: cron.WayConsole}
		return nil
	}))
	return s.record(db, j.AccountID, j.ID).Job
}

// bin reads a deleted job.
func (s *suite) bin(db *store.Store, j cron.Job) (cron.BinJob, cron.Job) {
	s.Helper()
	b, definition, err := db.BinJob(s.ctx(), j.AccountID, j.ID)
	s.ok(err)
	return b, definition
}

// restore brings back a deleted job.
func (s *suite) restore(db *store.Store, j cron.Job) error {
	s.Helper()
	b, definition := s.bin(db, j)
	return db.RestoreJob(s.ctx(), &b, &definition, func(context.Context) error { return nil })
}

var versionTests = []test{
	{"each change of a job is a version, whoever makes it", func(s *suite) {
		db, account, node := s.start()
		full := fullJob(account)
		full.Type = cron.TypeDefault
		s.ok(db.CreateJob(s.ctx(), &full))
		first := s.record(db, account, full.ID).Job
		second := s.rename(db, first, "second")
		list := s.versions(db, first)
		s.equal("versions", len(list), 2)
		s.equal("changes", list[0].Changes, []string{"/title"})
		s.equal("author", list[0].Author, cron.Author{PersonID: 7, Label: "jane@example.com", Way: cron.WayConsole})
		s.equal("kept", list[0].Kept && list[1].Kept, true)
		s.defines(db, 1, first)
		s.defines(db, 2, second)

		f := s.folder(db, account, "folder")
		j := s.due(db, account, func(j *cron.Job) {
			j.FolderID = f.ID
			j.Timing.RunAt = db.Now().Add(-time.Second).Truncate(time.Second)
		})
		s.ok(db.DeleteFolder(s.ctx(), account, f.ID, cron.Author{Label: "joe"}))
		moved := s.record(db, account, j.ID).Job
		s.defines(db, 1, j)
		s.defines(db, 2, moved)
		s.claimOne(db, node)
		done := s.record(db, account, j.ID).Job
		s.equal("enabled", done.Enabled, false)
		list = s.versions(db, j)
		s.equal("versions", len(list), 3)
		s.equal("way", list[0].Author.Way, cron.WayService)
		s.equal("who deleted the folder", list[1].Author.Label, "joe")
		done.Timing.RunAtPassed = false // which is no part of what people define
		s.defines(db, 3, done)
	}},
	{"an edit and a deletion keep what the job was, also if its definition goes while they are prepared", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		forget := func() { s.raw().Exec(`UPDATE job_version SET sealed = NULL WHERE job_id = $1`, j.ID) }
		tries := 0
		s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error {
			if tries++; tries == 1 {
				forget()
			}
			j.Title = "edited"
			return nil
		}))
		s.equal("tries", tries, 2)
		_, former, err := db.Version(s.ctx(), account, j.ID, 1)
		s.ok(err)
		s.equal("the former title", former.Title, j.Title)
		tries = 0
		s.ok(db.DeleteJobIf(s.ctx(), account, j.ID, cron.Author{}, func(*cron.Job) error {
			if tries++; tries == 1 {
				forget()
			}
			return nil
		}))
		_, deleted, err := db.BinJob(s.ctx(), account, j.ID)
		s.ok(err)
		s.equal("the title in the bin", deleted.Title, "edited")
	}},
	{"the first edit of a job from before versions keeps what it was", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		s.raw().Exec(`DELETE FROM job_version`)
		s.rename(db, j, "other")
		s.defines(db, 1, j)
		s.equal("versions", len(s.versions(db, j)), 2)
	}},
	{"an edit that fails makes no version", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		err := db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error { j.FolderID = 99; return nil })
		s.unknownFolder(err, 99)
		s.equal("versions", len(s.versions(db, j)), 1)
	}},
	{"versions of others are not found", func(s *suite) {
		db, account, _ := s.start()
		j, stranger := s.job(db, account), s.account(db)
		_, err := db.Versions(s.ctx(), stranger, j.ID, 0, 10)
		s.missing(err, cron.SubjectJob)
		_, _, err = db.Version(s.ctx(), stranger, j.ID, 1)
		s.missing(err, cron.SubjectJob)
		s.missing(db.ForgetVersion(s.ctx(), stranger, j.ID, 1), cron.SubjectJob)
		_, _, err = db.Version(s.ctx(), account, j.ID, 2)
		s.missing(err, cron.SubjectVersion)
	}},
	{"the secrets of a version can be forgotten, but not of what runs", func(s *suite) {
		db, account, _ := s.start()
		full := fullJob(account)
		full.Type = cron.TypeDefault
		s.ok(db.CreateJob(s.ctx(), &full))
		s.refused(db.ForgetVersion(s.ctx(), account, full.ID, 1), cron.Conflict, cron.SubjectVersion)
		s.rename(db, full, "other")
		s.ok(db.ForgetVersion(s.ctx(), account, full.ID, 1))
		v, j, err := db.Version(s.ctx(), account, full.ID, 1)
		s.ok(err)
		s.equal("forgotten", v.Forgotten, true)
		want := definition(full)
		want.Forget()
		s.equal("definition", definition(j), want)
		s.equal("password", j.Request.Auth.Password+j.SigningSecret+j.Request.Body, "")
	}},
	{"old versions go, but for the newest of each job", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		for range cron.MinVersions + 4 {
			s.rename(db, j, "other")
		}
		s.maintain(db)
		s.equal("versions", len(s.versions(db, j)), cron.MinVersions+5)
		s.raw().Exec(`UPDATE job_version SET created_at = 1`)
		s.maintain(db)
		list := s.versions(db, j)
		s.equal("versions", len(list), cron.MinVersions)
		s.equal("newest", list[0].Version, int64(cron.MinVersions+5))
	}},
	{"a deleted job comes back as it was, with its history", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account, func(j *cron.Job) { j.Request.URL = "https://user:pass@example.com/"; j.Request.Body = "secret" })
		s.runs(db, node, j, failed)
		before, history := s.record(db, account, j.ID).Job, s.history(db, account, j.ID)
		s.ok(db.DeleteJobIf(s.ctx(), account, j.ID, cron.Author{Label: "jane"}, func(*cron.Job) error { return nil }))
		_, err := db.Job(s.ctx(), account, j.ID)
		s.missing(err, cron.SubjectJob)
		b, _ := s.bin(db, j)
		s.equal("by", b.DeletedBy, "jane")
		s.equal("url", b.URL, "https://example.com/")
		list, err := db.BinJobs(s.ctx(), account, cron.BinPosition{}, 10)
		s.ok(err)
		s.equal("bin", list, []cron.BinJob{b})
		_, _, err = db.BinJob(s.ctx(), s.account(db), j.ID)
		s.missing(err, cron.SubjectJob)

		s.raw().SetDeleted(time.UnixMilli(0))
		s.maintain(db)
		s.ok(s.restore(db, j))
		after := s.record(db, account, j.ID)
		s.equal("definition", definition(after.Job), definition(before))
		s.equal("history", s.history(db, account, j.ID), history)
		s.equal("planned", after.State.NextRun, j.NextAfter(db.Now()))
		s.equal("failures", after.State.Failures, 0)
		s.equal("version", s.versions(db, j)[0].Restored, int64(1))
		_, _, err = db.BinJob(s.ctx(), account, j.ID)
		s.missing(err, cron.SubjectJob)
		other := s.job(db, account)
		s.equal("the next job has another ID", other.ID > j.ID, true)
		s.ok(db.DeleteJob(s.ctx(), account, j.ID))
		s.ok(s.restore(db, j))
	}},
	{"a job comes back to the root when its folder is gone", func(s *suite) {
		db, account, _ := s.start()
		f := s.folder(db, account, "folder")
		j := s.job(db, account, func(j *cron.Job) { j.FolderID = f.ID })
		s.ok(db.DeleteJob(s.ctx(), account, j.ID))
		s.ok(db.DeleteFolder(s.ctx(), account, f.ID, cron.Author{}))
		s.ok(s.restore(db, j))
		s.equal("folder", s.record(db, account, j.ID).FolderID, int64(0))
	}},
	{"a bin has as many jobs as the plan, and a restore needs room", func(s *suite) {
		db, account, _ := s.start()
		s.ok(db.UpdateAccount(s.ctx(), account, func(a *cron.Account) error { a.Overrides = cron.Overrides{"maxJobs": 2}; return nil }))
		var jobs []cron.Job
		for range 3 {
			j := s.job(db, account)
			s.ok(db.DeleteJob(s.ctx(), account, j.ID))
			jobs = append(jobs, j)
		}
		_, _, err := db.BinJob(s.ctx(), account, jobs[0].ID)
		s.missing(err, cron.SubjectJob)
		s.job(db, account)
		s.ok(s.restore(db, jobs[1]))
		s.refused(s.restore(db, jobs[2]), cron.TooMany, cron.SubjectJob)
		s.bin(db, jobs[2])
		purged, err := db.PurgeJob(s.ctx(), account, jobs[2].ID)
		s.ok(err)
		s.equal("purged", purged.Title, jobs[2].Title)
		_, err = db.PurgeJob(s.ctx(), account, jobs[2].ID)
		s.missing(err, cron.SubjectJob)
		s.raw().SetDeleted(time.UnixMilli(0))
		s.maintain(db)
		s.equal("versions of a purged job", s.raw().RowsOfJob("job_version", jobs[2].ID)+s.raw().RowsOfJob("job_version", jobs[0].ID), int64(0))
		s.equal("versions of a job", s.raw().RowsOfJob("job_version", jobs[1].ID), int64(2))
	}},
	{"the bin is emptied in time", func(s *suite) {
		db, account, _ := s.start()
		j, f := s.job(db, account), s.folder(db, account, "folder")
		s.ok(db.DeleteJob(s.ctx(), account, j.ID))
		s.ok(db.DeleteFolder(s.ctx(), account, f.ID, cron.Author{}))
		s.maintain(db)
		s.bin(db, j)
		s.raw().Exec(`UPDATE bin_job SET purges_at = 1`)
		s.raw().Exec(`UPDATE bin_folder SET purges_at = 1`)
		_, _, err := db.BinJob(s.ctx(), account, j.ID)
		s.missing(err, cron.SubjectJob)
		s.maintain(db)
		s.equal("rows", s.raw().Rows("bin_job")+s.raw().Rows("bin_folder"), int64(0))
	}},
	{"a folder comes back with the jobs that nobody has changed since", func(s *suite) {
		db, account, _ := s.start()
		f := s.folder(db, account, "folder")
		in := func(j *cron.Job) { j.FolderID = f.ID }
		kept, changed, gone := s.job(db, account, in), s.job(db, account, in), s.job(db, account, in)
		s.ok(db.DeleteFolder(s.ctx(), account, f.ID, cron.Author{}))
		list, err := db.BinFolders(s.ctx(), account)
		s.ok(err)
		s.equal("jobs", list[0].JobIDs, []int64{kept.ID, changed.ID, gone.ID})
		time.Sleep(2 * time.Millisecond) // so that the change is later than the deletion, in milliseconds
		s.rename(db, changed, "other")
		s.ok(db.DeleteJob(s.ctx(), account, gone.ID))
		_, _, err = db.RestoreFolder(s.ctx(), s.account(db), f.ID, cron.Author{})
		s.missing(err, cron.SubjectFolder)
		again := s.folder(db, account, "FOLDER")
		_, _, err = db.RestoreFolder(s.ctx(), account, f.ID, cron.Author{})
		s.refused(err, cron.Conflict, cron.SubjectFolder)
		s.ok(db.DeleteFolder(s.ctx(), account, again.ID, cron.Author{}))
		back, moved, err := db.RestoreFolder(s.ctx(), account, f.ID, cron.Author{Label: "jane"})
		s.ok(err)
		s.equal("moved", moved, 1)
		s.equal("folder", back, f)
		s.equal("kept", s.record(db, account, kept.ID).FolderID, f.ID)
		s.equal("changed", s.record(db, account, changed.ID).FolderID, int64(0))
		s.defines(db, 3, s.record(db, account, kept.ID).Job)
	}},
	{"the definition of a version is restored", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		s.rename(db, j, "other")
		_, former, err := db.Version(s.ctx(), account, j.ID, 1)
		s.ok(err)
		made, err := db.RestoreVersion(s.ctx(), account, j.ID, 1, func(j *cron.Job) error { *j = former; return nil })
		s.ok(err)
		s.equal("made", made, int64(3))
		s.defines(db, 3, j)
		s.equal("restored", s.versions(db, j)[0].Restored, int64(1))
	}},
	{"a record says which version ran", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account)
		s.runs(db, node, j, failed)
		s.rename(db, j, "other")
		s.runs(db, node, j, failed)
		s.runs(db, node, s.rename(db, j, "third"), failed)
		var versions []int64
		for _, e := range s.history(db, account, j.ID) {
			versions = append(versions, e.Version)
		}
		s.equal("versions, the latest first", versions, []int64{3, 2, 1})

		once := s.due(db, account, func(j *cron.Job) { j.Timing.RunAt = db.Now().Add(-time.Second).Truncate(time.Second) })
		launch := s.claimOne(db, node)
		s.equal("job", launch.Job.ID, once.ID)
		s.finish(db, failed(launch))
		s.equal("the version that ran, and not the one that the claim made", s.history(db, account, once.ID)[0].Version, int64(1))
	}},
	{"a job is deleted and restored while it runs and while a retry waits", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account, daily(db.Now().Add(6*time.Hour)), func(j *cron.Job) { j.Policy.Retry.Count, j.Policy.Retry.Delay = 3, time.Hour })
		launch := s.claimOne(db, node)
		s.ok(db.DeleteJob(s.ctx(), account, j.ID))
		s.ok(s.restore(db, j))
		s.finish(db, failed(launch))
		s.equal("history", s.history(db, account, j.ID)[0].ID, launch.ExecutionID)
		s.equal("retries", s.raw().RowsOfJob("pending", j.ID), int64(1))
		s.ok(db.DeleteJob(s.ctx(), account, j.ID))
		s.equal("retries of a deleted job", s.raw().RowsOfJob("pending", j.ID), int64(0))
		s.ok(s.restore(db, j))
		s.equal("retries of a restored job", s.raw().RowsOfJob("pending", j.ID), int64(0))
		s.claimNone(db, node)
		s.plan(j.ID, db.Now().Add(-time.Second))
		second := s.claimOne(db, node)
		s.ok(db.DeleteJob(s.ctx(), account, j.ID))
		s.finish(db, failed(second))
		s.ok(s.restore(db, j))
		s.equal("records", len(s.history(db, account, j.ID)), 2)
		s.equal("failures", s.record(db, account, j.ID).State.Failures, 0)
	}},
	{"a job that the service disabled before versions were kept comes back from the bin", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account, func(j *cron.Job) { j.Timing.RunAt = db.Now().Add(-time.Second).Truncate(time.Second) })
		s.raw().Exec(`DELETE FROM job_version`)
		s.finish(db, succeeded(s.claimOne(db, node)))
		list := s.versions(db, j)
		s.equal("versions", len(list), 1)
		s.equal("kept", list[0].Kept, false)
		_, _, err := db.Version(s.ctx(), account, j.ID, list[0].Version)
		s.missing(err, cron.SubjectVersion)
		before := s.record(db, account, j.ID).Job
		s.ok(db.DeleteJob(s.ctx(), account, j.ID))
		s.ok(s.restore(db, j))
		s.equal("definition", definition(s.record(db, account, j.ID).Job), definition(before))
		s.equal("kept", s.versions(db, j)[1].Kept, true)
	}},
	{"a restored version whose folder is gone is at the root, and says so", func(s *suite) {
		db, account, _ := s.start()
		f := s.folder(db, account, "folder")
		j := s.job(db, account, func(j *cron.Job) { j.FolderID = f.ID })
		s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error { j.FolderID, j.Title = 0, "other"; return nil }))
		s.ok(db.DeleteFolder(s.ctx(), account, f.ID, cron.Author{}))
		_, former, err := db.Version(s.ctx(), account, j.ID, 1)
		s.ok(err)
		made, err := db.RestoreVersion(s.ctx(), account, j.ID, 1, func(j *cron.Job) error { *j = former; return nil })
		s.ok(err)
		want := s.record(db, account, j.ID).Job
		s.equal("folder", want.FolderID, int64(0))
		s.equal("title", want.Title, j.Title)
		s.defines(db, made, want)
	}},
	{"versions that share a definition forget it together", func(s *suite) {
		db, account, _ := s.start()
		f := s.folder(db, account, "folder")
		j := s.job(db, account, func(j *cron.Job) { j.FolderID, j.Request.Body = f.ID, "secret" })
		s.ok(db.DeleteFolder(s.ctx(), account, f.ID, cron.Author{}))
		s.refused(db.ForgetVersion(s.ctx(), account, j.ID, 2), cron.Conflict, cron.SubjectVersion)
		s.rename(db, j, "other")
		s.raw().Exec(`UPDATE job_version SET sealed = NULL, value = 0 WHERE version = 2`)
		s.rename(db, j, "third")
		s.ok(db.ForgetVersion(s.ctx(), account, j.ID, 2))
		for _, v := range s.versions(db, j) {
			s.equal("forgotten", v.Forgotten, v.Version <= 2)
		}
		_, former, err := db.Version(s.ctx(), account, j.ID, 1)
		s.ok(err)
		s.equal("body", former.Request.Body, "")
	}},
	{"large versions again and again stay within the limit of the plan", func(s *suite) {
		db, account, _ := s.start()
		const limit, body = 2 << 20, 256 << 10
		s.ok(db.UpdateAccount(s.ctx(), account, func(a *cron.Account) error { a.Overrides = cron.Overrides{"maxVersionBytes": limit}; return nil }))
		random := rand.NewChaCha8([32]byte{})
		fill := func(j *cron.Job) {
			bytes := make([]byte, body)
			_, _ = random.Read(bytes)
			j.Request.Body = hex.EncodeToString(bytes)
		}
		deleted, j := s.job(db, account, fill), s.job(db, account)
		s.ok(db.DeleteJob(s.ctx(), account, deleted.ID))
		most := int64(0)
		for range 20 {
			s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error { fill(j); return nil }))
			most = max(most, s.raw().Number(`SELECT sum(size) FROM job_version WHERE account_id = $1`, account))
		}
		s.equal("within the limit", most <= limit+2*body, true)
		s.maintain(db)
		list := s.versions(db, j)
		s.equal("versions", len(list), 21)
		s.equal("the oldest and the newest are kept", []bool{list[20].Kept, list[0].Kept}, []bool{false, true})
		s.bin(db, deleted) // which is older, and goes last
		s.defines(db, 21, s.record(db, account, j.ID).Job)

		s.ok(db.UpdateAccount(s.ctx(), account, func(a *cron.Account) error { a.Overrides = cron.Overrides{"maxVersionBytes": 1}; return nil }))
		s.job(db, account, fill)
		s.equal("bytes", s.raw().Number(`SELECT sum(size) FROM job_version WHERE account_id = $1`, account), int64(0))
		_, _, err := db.BinJob(s.ctx(), account, deleted.ID)
		s.missing(err, cron.SubjectJob)
	}},
}
