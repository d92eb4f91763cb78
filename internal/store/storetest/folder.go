package storetest

import (
	"errors"
	"strconv"
	"sync"
	"sync/atomic"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// folder creates a folder.
func (s *suite) folder(db *store.Store, account int64, title string) cron.Folder {
	s.Helper()
	f := cron.Folder{AccountID: account, Title: title}
	s.ok(db.CreateFolder(s.ctx(), &f))
	return f
}

var folderTests = []test{
	{"folders are listed by title", func(s *suite) {
		db, account, _ := s.start()
		s.folder(db, s.account(db), "another account's")
		z, a, m := s.folder(db, account, "zebra"), s.folder(db, account, "Ant"), s.folder(db, account, "mouse ☂")
		folders, err := db.Folders(s.ctx(), account)
		s.ok(err)
		s.equal("folders", folders, []cron.Folder{a, m, z})
		read, err := db.Folder(s.ctx(), account, m.ID)
		s.ok(err)
		s.equal("folder", read, m)
	}},
	{"a title exists once in an account, in any letter case", func(s *suite) {
		db, account, _ := s.start()
		for _, pair := range [][2]string{
			{"Backups", "bACKUPS"}, {"Ärger", "äRGER"}, {"ΣΊΣΥΦΟΣ", "σίσυφοσ"}, {"same", "same"},
		} {
			first := s.folder(db, account, pair[0])
			again := cron.Folder{AccountID: account, Title: pair[1]}
			s.refused(db.CreateFolder(s.ctx(), &again), cron.Conflict, cron.SubjectFolder)
			other := s.folder(db, account, "other "+pair[0])
			other.Title = pair[1]
			s.refused(db.RenameFolder(s.ctx(), &other), cron.Conflict, cron.SubjectFolder)
			first.Title = pair[1]
			s.ok(db.RenameFolder(s.ctx(), &first)) // itself, in another letter case
			read, err := db.Folder(s.ctx(), account, first.ID)
			s.ok(err)
			s.equal("folder", read, first)
		}
		s.folder(db, s.account(db), "same")
	}},
	{"of racing folders of one title one is made", func(s *suite) {
		db, account, _ := s.start()
		other := s.open()
		var (
			wg   sync.WaitGroup
			made atomic.Int64
		)
		for i := range 8 {
			wg.Go(func() {
				f := cron.Folder{AccountID: account, Title: "Backups"}
				err := []*store.Store{db, other}[i%2].CreateFolder(s.ctx(), &f)
				if err == nil {
					made.Add(1)
				} else if cron.KindOf(err) != cron.Conflict {
					s.Errorf("the error is %v, want a conflict", err)
				}
			})
		}
		wg.Wait()
		s.equal("made", made.Load(), int64(1))
	}},
	{"racing changes of titles leave no title twice", func(s *suite) {
		db, account, _ := s.start()
		var wg sync.WaitGroup
		for i, db := range []*store.Store{db, s.open()} {
			f := s.folder(db, account, string(rune('a'+i)))
			wg.Go(func() {
				for range 20 {
					for _, title := range []string{"same", f.Title} {
						err := db.RenameFolder(s.ctx(), &cron.Folder{ID: f.ID, AccountID: account, Title: title})
						if err != nil && cron.KindOf(err) != cron.Conflict {
							s.Errorf("the error is %v, want a conflict", err)
						}
					}
				}
			})
		}
		wg.Wait()
	}},
	{"a folder that does not exist is missing, and so is another account's", func(s *suite) {
		db, account, _ := s.start()
		theirs := s.folder(db, s.account(db), "theirs")
		for _, id := range []int64{theirs.ID, theirs.ID + 1000} {
			_, err := db.Folder(s.ctx(), account, id)
			s.missing(err, cron.SubjectFolder)
			s.missing(db.RenameFolder(s.ctx(), &cron.Folder{ID: id, AccountID: account, Title: "x"}), cron.SubjectFolder)
			s.missing(db.DeleteFolder(s.ctx(), account, id, cron.Author{}), cron.SubjectFolder)
		}
		read, err := db.Folder(s.ctx(), theirs.AccountID, theirs.ID)
		s.ok(err)
		s.equal("folder", read, theirs)
	}},
	{"a job is in a folder of its account", func(s *suite) {
		db, account, _ := s.start()
		f, theirs := s.folder(db, account, "mine"), s.folder(db, s.account(db), "theirs")
		j := s.job(db, account, func(j *cron.Job) { j.FolderID = f.ID })
		s.equal("job", s.record(db, account, j.ID).Job, j)
		for _, id := range []int64{theirs.ID, theirs.ID + 1000} {
			err := db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error { j.FolderID = id; return nil })
			s.unknownFolder(err, id)
			other := cron.NewJob()
			other.AccountID, other.FolderID = account, id
			s.unknownFolder(db.CreateJob(s.ctx(), &other), id)
		}
		s.equal("job", s.record(db, account, j.ID).Job, j)
		n, err := db.CountJobs(s.ctx(), account)
		s.ok(err)
		s.equal("jobs", n, 1)
		s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error { j.FolderID = 0; return nil }))
		s.equal("folder", s.record(db, account, j.ID).FolderID, int64(0))
	}},
	{"the jobs of a deleted folder move to the root", func(s *suite) {
		db, account, _ := s.start()
		gone, stays := s.folder(db, account, "gone"), s.folder(db, account, "stays")
		a := s.job(db, account, func(j *cron.Job) { j.FolderID = gone.ID })
		b := s.job(db, account, func(j *cron.Job) { j.FolderID = stays.ID })
		before := s.record(db, account, a.ID)
		s.ok(db.DeleteFolder(s.ctx(), account, gone.ID, cron.Author{}))
		_, err := db.Folder(s.ctx(), account, gone.ID)
		s.missing(err, cron.SubjectFolder)
		before.FolderID = 0
		s.equal("job", s.record(db, account, a.ID), before)
		s.equal("folder of the other", s.record(db, account, b.ID).FolderID, stays.ID)
	}},
	{"no job is left in a folder that was deleted meanwhile", func(s *suite) {
		db, account, _ := s.start()
		other := s.open()
		j := s.job(db, account)
		for range 10 {
			f := s.folder(db, account, "folder")
			var wg sync.WaitGroup
			wg.Go(func() {
				err := other.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error { j.FolderID = f.ID; return nil })
				if err != nil && cron.KindOf(err) != cron.Invalid {
					s.Errorf("edit: %v", err)
				}
			})
			wg.Go(func() {
				if err := db.DeleteFolder(s.ctx(), account, f.ID, cron.Author{}); err != nil {
					s.Errorf("delete: %v", err)
				}
			})
			wg.Wait()
			s.equal("folder", s.record(db, account, j.ID).FolderID, int64(0))
		}
	}},
}

// unknownFolder expects that a job is refused for its folder.
func (s *suite) unknownFolder(err error, id int64) {
	s.Helper()
	e, ok := errors.AsType[*cron.Error](err)
	if !ok || e.Kind != cron.Invalid {
		s.Fatalf("the error is %v, want kind invalid", err)
	}
	s.equal("problems", e.Problems, []cron.Problem{
		{Pointer: "/folderId", Rule: cron.RuleUnknownFolder, Given: strconv.FormatInt(id, 10)},
	})
}
