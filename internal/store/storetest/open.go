package storetest

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"punctual/internal/cron"
	"punctual/internal/store"
)

var openTests = []test{
	{"what was written is there again", func(s *suite) {
		db, err := store.Open(s.ctx(), s.options)
		s.ok(err)
		account := s.account(db)
		job := s.job(db, account)
		s.ok(db.Close())

		db = s.open()
		s.ok(db.Ping(s.ctx()))
		s.equal("job", s.record(db, account, job.ID).Job, job)
	}},
	{"the URL of the service is the last that was recorded", func(s *suite) {
		db := s.open()
		for _, want := range []string{"", "http://localhost:8080", "https://cron.example.com"} {
			if want != "" {
				s.ok(db.SetServiceURL(s.ctx(), want))
			}
			got, err := db.ServiceURL(s.ctx())
			s.ok(err)
			s.equal("URL", got, want)
		}
	}},
	{"another key is refused", func(s *suite) {
		s.open()
		for _, readOnly := range []bool{false, true} {
			options := s.options
			options.Key[0]++
			options.NoMigrate = readOnly
			s.fails(options, store.ErrOtherKey)
		}
	}},
	{"a command makes no database", func(s *suite) {
		options := s.options
		options.NoMigrate = true
		s.fails(options, store.ErrNoDatabase)
		if s.isSQLite() {
			files, err := os.ReadDir(s.options.Dir)
			s.ok(err)
			s.equal("files", len(files), 0)
		} else {
			tables := s.raw().Number(`SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()`)
			s.equal("tables", tables, int64(0))
		}
	}},
	{"a command uses a database as it stands", func(s *suite) {
		db := s.open()
		account := s.account(db)
		options := s.options
		options.NoMigrate = true
		command, err := store.Open(s.ctx(), options)
		s.ok(err)
		a, err := command.Operator(s.ctx())
		s.ok(err)
		s.equal("operator", a.ID, account)
		s.ok(command.Close())
	}},
	{"a database that nothing was migrated in yet is none", func(s *suite) {
		s.raw().AddVersionTable()
		options := s.options
		options.NoMigrate = true
		s.fails(options, store.ErrNoDatabase)
	}},
	{"a newer database is used as it is", func(s *suite) {
		db, err := store.Open(s.ctx(), s.options)
		s.ok(err)
		s.ok(db.Close())
		s.raw().AddMigration(99999)
		before := s.raw().Rows("schema_version")
		for _, readOnly := range []bool{false, true} {
			options := s.options
			options.NoMigrate = readOnly
			db, err := store.Open(s.ctx(), options)
			s.ok(err)
			key, err := db.CurrentKey(s.ctx())
			s.ok(err)
			if err := db.UseKey(s.ctx(), key, true); !errors.Is(err, store.ErrNewer) {
				s.Errorf("a rotation of the key, which may not know all sealed columns, gets %v", err)
			}
			if _, err := db.Reseal(s.ctx()); !errors.Is(err, store.ErrNewer) {
				s.Errorf("sealing again gets %v", err)
			}
			_, err = db.StartNode(s.ctx(), cron.Node{Name: "older"})
			s.ok(err)
			s.ok(db.Close())
		}
		s.equal("versions", s.raw().Rows("schema_version"), before)
	}},
	{"a newer database for newer programs is refused and left alone", func(s *suite) {
		db, err := store.Open(s.ctx(), s.options)
		s.ok(err)
		s.ok(db.Close())
		s.raw().AddMigration(99999)
		s.raw().RaiseMinimum(99998)
		before := s.raw().Rows("schema_version")
		for _, readOnly := range []bool{false, true} {
			options := s.options
			options.NoMigrate = readOnly
			s.fails(options, store.ErrNewer)
		}
		s.equal("versions", s.raw().Rows("schema_version"), before)
	}},
	{"an edit is signalled to the handle that made it", func(s *suite) {
		db, account, _ := s.start()
		drain := func() {
			select {
			case <-db.Changed():
			default:
			}
		}
		signalled := func(what string) {
			s.Helper()
			select {
			case <-db.Changed():
			default:
				s.Errorf("%s is not signalled", what)
			}
		}
		drain()
		job := s.job(db, account)
		signalled("creating a job")
		s.ok(db.UpdateJob(s.ctx(), account, job.ID, func(*cron.Job) error { return nil }))
		signalled("updating a job")
		s.ok(db.DeleteJob(s.ctx(), account, job.ID))
		signalled("deleting a job")
	}},
	{"a context that has ended opens nothing", func(s *suite) {
		ctx, cancel := context.WithCancel(s.ctx())
		cancel()
		db, err := store.Open(ctx, s.options)
		if err == nil {
			s.ok(db.Close())
		}
		if !errors.Is(err, context.Canceled) {
			s.Errorf("the error is %v, want %v", err, context.Canceled)
		}
	}},
}

// fails expects that the database does not open.
func (s *suite) fails(options store.Options, want error) {
	s.Helper()
	db, err := store.Open(s.ctx(), options)
	if err == nil {
		s.ok(db.Close())
	}
	if !errors.Is(err, want) {
		s.Errorf("the error is %v, want %v", err, want)
	}
}

// holds tells whether what the database keeps on its disk, or in its columns, has the text in it.
func (s *suite) holds(text string) bool {
	s.Helper()
	if s.isSQLite() {
		found := false
		s.ok(filepath.WalkDir(s.options.Dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			content, err := os.ReadFile(path)
			found = found || bytes.Contains(content, []byte(text))
			return err
		}))
		return found
	}
	var tables []string
	s.raw().rows(`SELECT tablename FROM pg_tables WHERE schemaname = current_schema()`, nil, func(scan func(...any)) {
		var name string
		scan(&name)
		tables = append(tables, name)
	})
	for _, table := range tables {
		quoted := strings.NewReplacer("%", `\%`, "_", `\_`, `\`, `\\`).Replace(text)
		n := s.raw().Number(`SELECT count(*) FROM `+table+` AS t WHERE t::text LIKE '%' || $1 || '%'
			OR t::text LIKE '%' || encode(convert_to($2, 'UTF8'), 'hex') || '%'`, quoted, text)
		if n > 0 {
			return true
		}
	}
	return false
}
