package storetest

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"punctual/internal/store"
)

const secretOfCA = "acme-3c1f9e77"

var certificateTests = []test{
	{"files are written, replaced, read and listed", func(s *suite) {
		db := s.open()
		for _, path := range []string{"acme/ca/users/a.json", "acme/ca/users/b.json", "acme/ca.json", "certificates/ä/x", "acme/ca%/x"} {
			s.ok(db.SaveACMEFile(s.ctx(), path, []byte("first")))
			s.ok(db.SaveACMEFile(s.ctx(), path, []byte(path)))
		}
		other := s.open() // of another node
		value, modified, found, err := other.ACMEFile(s.ctx(), "acme/ca/users/a.json")
		s.ok(err)
		s.equal("value", string(value), "acme/ca/users/a.json")
		if !found || db.Now().Sub(modified).Abs() > time.Hour {
			s.Errorf("found %v, modified %v", found, modified)
		}
		_, _, found, err = db.ACMEFile(s.ctx(), "acme/ca/users")
		s.ok(err)
		s.equal("a directory is a file", found, false)
		for directory, want := range map[string][]string{
			"acme/ca": {"acme/ca/users/a.json", "acme/ca/users/b.json"}, "acme/c": nil, "certificates/ä": {"certificates/ä/x"},
			"acme/ca/users/a.json": nil, "acme/ca_": nil,
		} {
			got, err := db.ACMEFiles(s.ctx(), directory)
			s.ok(err)
			s.equal(directory, got, want)
		}
	}},
	{"a deleted directory takes its files along and no others", func(s *suite) {
		db := s.open()
		for _, path := range []string{"a/b", "a/b/c", "a/b/d/e", "a/bc", "a/b.crt"} {
			s.ok(db.SaveACMEFile(s.ctx(), path, []byte("x")))
		}
		s.ok(db.DeleteACMEFile(s.ctx(), "a/b"))
		s.ok(db.DeleteACMEFile(s.ctx(), "a/b")) // there need not be any
		got, err := db.ACMEFiles(s.ctx(), "a")
		s.ok(err)
		s.equal("files", got, []string{"a/b.crt", "a/bc"})
	}},
	{"files are sealed, each for its path", func(s *suite) {
		db := s.open()
		s.ok(db.SaveACMEFile(s.ctx(), "a.key", []byte(secretOfCA)))
		s.ok(db.SaveACMEFile(s.ctx(), "b.key", []byte("other")))
		if s.holds(secretOfCA) {
			s.Error("a private key stands in the database")
		}
		s.raw().MoveACMEFile("b.key", "a.key")
		if value, _, _, err := db.ACMEFile(s.ctx(), "b.key"); err == nil {
			s.Errorf("a value that was moved opens: %q", value)
		}
	}},
	{"one owner has a lock, until it gives it back or its lease ends", func(s *suite) {
		a, b := s.open(), s.open()
		lock := func(db *store.Store, owner string, want bool) {
			s.Helper()
			got, err := db.LockACME(s.ctx(), "order", owner, time.Minute)
			s.ok(err)
			s.equal(owner+" locks", got, want)
		}
		lock(a, "a", true)
		lock(a, "a", true) // renewed
		lock(b, "b", false)
		s.ok(b.UnlockACME(s.ctx(), "order", "b"))
		lock(b, "b", false)
		s.ok(a.UnlockACME(s.ctx(), "order", "a"))
		lock(b, "b", true)
		s.raw().EndACMELock(a.Now().Add(-time.Second))
		lock(a, "a", true)
		lock(b, "b", false) // what it had cannot be renewed
		s.ok(b.UnlockACME(s.ctx(), "order", "b"))
		lock(b, "b", false)
	}},
	{"of many who want a lock at once one gets it", func(s *suite) {
		nodes := []*store.Store{s.open(), s.open()}
		var (
			got     atomic.Int32
			running sync.WaitGroup
		)
		for i := range 16 {
			running.Go(func() {
				locked, err := nodes[i%2].LockACME(s.ctx(), "order", strconv.Itoa(i), time.Minute)
				if err != nil {
					s.Error(err)
				}
				if locked {
					got.Add(1)
				}
			})
		}
		running.Wait()
		s.equal("who have the lock", got.Load(), int32(1))
	}},
}
