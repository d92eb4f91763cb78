package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// createIdempotent makes a job by a call that takes effect once, and answers with its URL and ID.
func (s *suite) createIdempotent(db *store.Store, c cron.IdempotentCall, url string) (answer string, replayed bool, err error) {
	j := cron.NewJob()
	j.AccountID, j.Request.URL = c.AccountID, url
	got, replayed, err := db.Idempotent(s.ctx(), c, func(ctx context.Context) ([]byte, error) {
		err := db.CreateJob(ctx, &j)
		return fmt.Append(nil, url, " ", j.ID), err
	})
	return string(got), replayed, err
}

// idempotencyTests are about calls that take effect once.
var idempotencyTests = []test{
	{"a call is performed once, and answered alike", func(s *suite) {
		db, account, _ := s.start()
		c := cron.IdempotentCall{AccountID: account, Key: "key", Request: [32]byte{1}}
		first, replayed, err := s.createIdempotent(db, c, "http://a.example/")
		s.ok(err)
		s.equal("replayed", replayed, false)
		for _, db := range []*store.Store{db, s.open()} {
			again, replayed, err := s.createIdempotent(db, c, "http://b.example/")
			s.ok(err)
			s.equal("replayed", replayed, true)
			s.equal("answer", again, first)
		}
		s.equal("jobs", s.raw().Rows("job"), int64(1))
	}},
	{"a call is signalled", func(s *suite) {
		db, account, _ := s.start()
		select {
		case <-db.Changed():
		default:
		}
		_, _, err := s.createIdempotent(db, cron.IdempotentCall{AccountID: account, Key: "key"}, "http://a.example/")
		s.ok(err)
		select {
		case <-db.Changed():
		default:
			s.Error("creating a job once is not signalled")
		}
	}},
	{"what a call has done is there for its own reads, and for nobody else's before it ends", func(s *suite) {
		db, account, _ := s.start()
		other := s.open()
		_, _, err := db.Idempotent(s.ctx(), cron.IdempotentCall{AccountID: account, Key: "key"}, func(ctx context.Context) ([]byte, error) {
			j := cron.NewJob()
			j.AccountID, j.Request.URL = account, "http://a.example/"
			if err := db.CreateJob(ctx, &j); err != nil {
				return nil, err
			}
			inside, err := db.CountJobs(ctx, account)
			s.equal("inside", inside, 1)
			outside, err2 := other.CountJobs(s.ctx(), account)
			s.equal("outside", outside, 0)
			return nil, errors.Join(err, err2)
		})
		s.ok(err)
		n, err := other.CountJobs(s.ctx(), account)
		s.ok(err)
		s.equal("afterwards", n, 1)
	}},
	{"a call that fails leaves nothing, and its key is free", func(s *suite) {
		db, account, _ := s.start()
		c := cron.IdempotentCall{AccountID: account, Key: "key", Request: [32]byte{1}}
		cause := errors.New("cause")
		_, _, err := db.Idempotent(s.ctx(), c, func(ctx context.Context) ([]byte, error) {
			j := cron.NewJob()
			j.AccountID, j.Request.URL = account, "http://a.example/"
			return []byte("answer"), errors.Join(db.CreateJob(ctx, &j), cause)
		})
		if !errors.Is(err, cause) {
			s.Errorf("the error is %v, want %v", err, cause)
		}
		s.equal("jobs", s.raw().Rows("job"), int64(0))
		s.equal("calls", s.raw().Rows("idempotency_key"), int64(0))
		c.Request = [32]byte{2}
		_, replayed, err := s.createIdempotent(db, c, "http://b.example/")
		s.ok(err)
		s.equal("replayed", replayed, false)
	}},
	{"a key belongs to one request of one account", func(s *suite) {
		db, account, _ := s.start()
		c := cron.IdempotentCall{AccountID: account, Key: "key", Request: [32]byte{1}}
		_, _, err := s.createIdempotent(db, c, "http://a.example/")
		s.ok(err)
		other := c
		other.Request[31]++
		_, _, err = s.createIdempotent(db, other, "http://a.example/")
		s.refused(err, cron.Unprocessable, cron.SubjectNone)
		other = c
		other.AccountID = s.account(db)
		_, replayed, err := s.createIdempotent(db, other, "http://a.example/")
		s.ok(err)
		s.equal("replayed", replayed, false)
		for _, key := range []string{"KEY", "key "} {
			other = c
			other.Key = key
			_, replayed, err := s.createIdempotent(db, other, "http://a.example/")
			s.ok(err)
			s.equal("replayed", replayed, false)
		}
	}},
	{"after a day a key is free, and upkeep forgets it", func(s *suite) {
		db, account, _ := s.start()
		c := cron.IdempotentCall{AccountID: account, Key: "key", Request: [32]byte{1}}
		_, _, err := s.createIdempotent(db, c, "http://a.example/")
		s.ok(err)
		s.maintain(db)
		s.equal("calls", s.raw().Rows("idempotency_key"), int64(1))
		age := func() { s.raw().SetOnlyKeyTime(db.Now().Add(-cron.IdempotencyKeyLifetime - time.Second)) }
		age()
		c.Request[0]++
		_, replayed, err := s.createIdempotent(db, c, "http://a.example/")
		s.ok(err)
		s.equal("replayed", replayed, false)
		age()
		s.maintain(db)
		s.equal("calls", s.raw().Rows("idempotency_key"), int64(0))
	}},
	{"an account has a limited number of idempotency keys", func(s *suite) {
		db, account, _ := s.start()
		stranger := s.account(db)
		for _, id := range []int64{account, stranger} {
			s.raw().AddKeys(id, cron.MaxIdempotencyKeys-1, db.Now())
		}
		for i, want := range []cron.ErrorKind{cron.Internal, cron.TooMany} {
			c := cron.IdempotentCall{AccountID: account, Key: fmt.Sprint(i)}
			_, _, err := s.createIdempotent(db, c, "http://a.example/")
			if cron.KindOf(err) != want || want == cron.Internal && err != nil {
				s.Errorf("call %d: %v", i, err)
			}
		}
		s.raw().SetKeyTime(account, "key 1", db.Now().Add(-cron.IdempotencyKeyLifetime))
		_, _, err := s.createIdempotent(db, cron.IdempotentCall{AccountID: account, Key: "last"}, "http://a.example/")
		s.ok(err)
	}},
	{"of racing calls one is performed, and all are answered alike", func(s *suite) {
		db, account, _ := s.start()
		var (
			wg        sync.WaitGroup
			performed atomic.Int64
			answers   sync.Map
		)
		for _, db := range []*store.Store{db, s.open()} {
			for range 20 { // more than a pool has connections
				wg.Go(func() {
					answer, replayed, err := s.createIdempotent(db, cron.IdempotentCall{AccountID: account, Key: "key"}, "http://a.example/")
					if err != nil {
						s.Errorf("create once: %v", err)
					}
					if !replayed {
						performed.Add(1)
					}
					answers.Store(answer, true)
				})
			}
		}
		wg.Wait()
		s.equal("performed", performed.Load(), int64(1))
		s.equal("jobs", s.raw().Rows("job"), int64(1))
		n := 0
		answers.Range(func(any, any) bool { n++; return true })
		s.equal("answers", n, 1)
	}},
	{"calls under many keys do not wait for each other's connections", func(s *suite) {
		db, account, _ := s.start()
		const calls = 40
		var wg sync.WaitGroup
		for i := range calls {
			wg.Go(func() {
				c := cron.IdempotentCall{AccountID: account, Key: fmt.Sprint(i)}
				_, _, err := db.Idempotent(s.ctx(), c, func(ctx context.Context) ([]byte, error) {
					if _, err := db.CountJobs(ctx, account); err != nil {
						return nil, err
					}
					f := cron.Folder{AccountID: account, Title: fmt.Sprint(i)}
					return nil, db.CreateFolder(ctx, &f)
				})
				if err != nil {
					s.Errorf("call %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		s.equal("folders", s.raw().Rows("folder"), int64(calls))
	}},
	{"no answer is stored in the clear, or opens in the place of another", func(s *suite) {
		db, account, _ := s.start()
		const secret = "answer-1029384756"
		for _, key := range []string{"one", "two"} {
			_, _, err := db.Idempotent(s.ctx(), cron.IdempotentCall{AccountID: account, Key: key}, func(context.Context) ([]byte, error) {
				return []byte(secret + key), nil
			})
			s.ok(err)
		}
		if s.holds(secret) {
			s.Errorf("%q stands in the database", secret)
		}
		s.raw().MoveAnswer("one", "two")
		_, _, err := s.createIdempotent(db, cron.IdempotentCall{AccountID: account, Key: "one"}, "http://a.example/")
		if err == nil || strings.Contains(err.Error(), secret) {
			s.Errorf("the error is %v", err)
		}
	}},
	{"calls go with their account", func(s *suite) {
		db, account, _ := s.start()
		_, _, err := s.createIdempotent(db, cron.IdempotentCall{AccountID: account, Key: "key"}, "http://a.example/")
		s.ok(err)
		s.ok(db.DeleteAccount(s.ctx(), account))
		s.equal("calls", s.raw().Rows("idempotency_key"), int64(0))
	}},
}

// conditionTests are about changes of what somebody has seen before.
var conditionTests = []test{
	{"a job is deleted only when that is allowed", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account, withSecrets)
		cause := errors.New("cause")
		err := db.DeleteJobIf(s.ctx(), account, j.ID, cron.Author{}, func(seen *cron.Job) error {
			s.equal("job", *seen, j)
			return cause
		})
		if !errors.Is(err, cause) {
			s.Errorf("the error is %v, want %v", err, cause)
		}
		s.record(db, account, j.ID)
		err = db.DeleteJobIf(s.ctx(), s.account(db), j.ID, cron.Author{}, func(*cron.Job) error { return cause })
		s.missing(err, cron.SubjectJob)
		s.ok(db.DeleteJobIf(s.ctx(), account, j.ID, cron.Author{}, func(*cron.Job) error { return nil }))
		_, err = db.Job(s.ctx(), account, j.ID)
		s.missing(err, cron.SubjectJob)
	}},
	{"what follows an edit stands and falls with it", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account, withSecrets)
		cause := errors.New("cause")
		rename := func(j *cron.Job) error { j.Title = "edited"; return nil }
		entry := func(ctx context.Context, title string) error {
			return db.Audited(ctx, &cron.AuditEntry{AccountID: account, Action: "edit", Title: title}, nil)
		}
		for _, failure := range []error{cause, nil} {
			err := db.UpdateJob(s.ctx(), account, j.ID, rename, func(ctx context.Context, before, after *cron.Job, _ []string) error {
				s.equal("titles", []string{before.Title, after.Title}, []string{j.Title, "edited"})
				s.equal("secrets", before.Request, j.Request)
				return errors.Join(entry(ctx, after.Title), failure)
			})
			s.equal("refused", errors.Is(err, cause), failure != nil)
		}
		for _, failure := range []error{cause, nil} {
			err := db.DeleteJobIf(s.ctx(), account, j.ID, cron.Author{}, func(*cron.Job) error { return nil }, func(ctx context.Context, j *cron.Job) error {
				return errors.Join(entry(ctx, "deleted "+j.Title), failure)
			})
			s.equal("refused", errors.Is(err, cause), failure != nil)
		}
		entries, _, err := db.Audit(s.ctx(), cron.AuditFilter{AccountID: account}, 10)
		s.ok(err)
		s.equal("entries", len(entries), 2)
		s.equal("titles", []string{entries[0].Title, entries[1].Title}, []string{"deleted edited", "edited"})
	}},
	{"of racing editors who have seen the same one wins", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		var (
			wg   sync.WaitGroup
			wins atomic.Int64
		)
		stale := errors.New("stale")
		for _, db := range []*store.Store{db, s.open()} {
			for i := range 8 {
				wg.Go(func() {
					err := db.UpdateJob(s.ctx(), account, j.ID, func(seen *cron.Job) error {
						if seen.Title != "" {
							return stale
						}
						seen.Title = fmt.Sprint("by ", i)
						return nil
					})
					switch {
					case err == nil:
						wins.Add(1)
					case !errors.Is(err, stale):
						s.Errorf("edit: %v", err)
					}
				})
			}
		}
		wg.Wait()
		s.equal("winners", wins.Load(), int64(1))
	}},
	{"the jobs of a folder are listed", func(s *suite) {
		db, account, _ := s.start()
		f := s.folder(db, account, "folder")
		into := func(j *cron.Job) { j.FolderID = f.ID }
		inside := []cron.Job{s.job(db, account, into), s.job(db, account, into), s.job(db, account, into)}
		outside := s.job(db, account)
		stranger := s.account(db)
		s.job(db, stranger)
		for _, tt := range []struct {
			account, folder int64
			most            int
			want            []int64
		}{
			{account, f.ID, 10, []int64{inside[0].ID, inside[1].ID, inside[2].ID}},
			{account, f.ID, 2, []int64{inside[0].ID, inside[1].ID}},
			{account, 0, 10, []int64{outside.ID}},
			{stranger, f.ID, 10, nil},
		} {
			ids, err := db.FolderJobs(s.ctx(), tt.account, tt.folder, tt.most)
			s.ok(err)
			s.equal("jobs", ids, tt.want)
		}
	}},
}
