package store_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	osexec "os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

func TestSQLiteFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "odd ?&#%41;ü'\" name")
	ok(t, os.Mkdir(dir, 0o700))
	o := store.Options{Dir: dir}
	db := open(t, o)
	newAccount(t, db)
	entries, err := os.ReadDir(dir)
	ok(t, err)
	for _, e := range entries {
		info, err := e.Info()
		ok(t, err)
		if mode := info.Mode(); mode != 0o600 {
			t.Errorf("%s has mode %v", e.Name(), mode)
		}
	}
	if len(entries) != 3 || entries[0].Name() != store.FileName {
		t.Errorf("the directory has %v, want the database with its log and index", entries)
	}
}

func TestSQLiteSettings(t *testing.T) {
	o := store.Options{Dir: t.TempDir()}
	db := open(t, o)
	db.InConnections(t.Context(), func(name string, pragma func(string) string) {
		for key, want := range map[string]string{
			"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "auto_vacuum": "2", "busy_timeout": "10000",
			"query_only": map[string]string{"reader": "1", "writer": "0"}[name],
		} {
			if got := pragma(key); got != want {
				t.Errorf("%s of a %s is %s, want %s", key, name, got, want)
			}
		}
	})
}

func TestSQLiteCannotOpen(t *testing.T) {
	file := func(content string) func(t *testing.T) string {
		return func(t *testing.T) string {
			dir := t.TempDir()
			ok(t, os.WriteFile(filepath.Join(dir, store.FileName), []byte(content), 0o600))
			return dir
		}
	}
	for _, test := range []struct {
		name    string
		prepare func(t *testing.T) (dir string)
		want    error // nil for any error
	}{
		{"an empty file", file(""), store.ErrNotADatabase},
		{"a database of another program", func(t *testing.T) string {
			dir := t.TempDir()
			db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, store.FileName))
			ok(t, err)
			exec(t, db, `CREATE TABLE other (id INTEGER)`)
			ok(t, db.Close())
			return dir
		}, store.ErrNotADatabase},
		{"a log of writes without its database", func(t *testing.T) string {
			dir := t.TempDir()
			ok(t, os.WriteFile(filepath.Join(dir, store.FileName+"-wal"), []byte("x"), 0o600))
			return dir
		}, store.ErrNotADatabase},
		{"a file that lost its last page", func(t *testing.T) string {
			o := store.Options{Dir: t.TempDir(), Key: [32]byte{1}, Logger: slog.New(slog.DiscardHandler)}
			path := filepath.Join(o.Dir, store.FileName)
			db, err := store.Open(t.Context(), o)
			ok(t, err)
			ok(t, db.Close())
			info, err := os.Stat(path)
			ok(t, err)
			ok(t, os.Truncate(path, info.Size()-1))
			return o.Dir
		}, store.ErrNotADatabase},
		{"another kind of file", file(strings.Repeat("not a database ", 1000)), store.ErrNotADatabase},
		{"a file that breaks off", func(t *testing.T) string {
			o := store.Options{Dir: t.TempDir()}
			path := filepath.Join(o.Dir, store.FileName)
			o.Key, o.Logger = [32]byte{1}, slog.New(slog.DiscardHandler)
			db, err := store.Open(t.Context(), o)
			ok(t, err)
			ok(t, db.Close())
			ok(t, os.Truncate(path, 4096+1000))
			return o.Dir
		}, store.ErrNotADatabase},
		{"no directory", func(t *testing.T) string { return filepath.Join(t.TempDir(), "missing") }, fs.ErrNotExist},
		{"a file for a directory", func(t *testing.T) string {
			return filepath.Join(file("")(t), store.FileName)
		}, nil},
		{"a directory that cannot be written", func(t *testing.T) string {
			if os.Geteuid() == 0 {
				t.Skip("root can write everywhere")
			}
			dir := t.TempDir()
			ok(t, os.Chmod(dir, 0o500))
			return dir
		}, fs.ErrPermission},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := store.Options{Dir: test.prepare(t), Logger: slog.New(slog.DiscardHandler)}
			for _, readOnly := range []bool{false, true} {
				o.NoMigrate = readOnly
				db, err := store.Open(t.Context(), o)
				if err == nil {
					ok(t, db.Close())
				}
				if readOnly && errors.Is(err, store.ErrNoDatabase) {
					continue
				}
				if err == nil || test.want != nil && !errors.Is(err, test.want) {
					t.Errorf("the error is %v, want %v", err, test.want)
				}
			}
		})
	}
}

// TestSQLiteBrokenOffStart opens what is left when the program ends while it creates the database.
func TestSQLiteBrokenOffStart(t *testing.T) {
	o := store.Options{Dir: t.TempDir()}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		ok(t, os.WriteFile(filepath.Join(o.Dir, store.FileName+".new"+suffix), []byte("half"), 0o600))
	}
	newAccount(t, open(t, o))
	left, err := filepath.Glob(filepath.Join(o.Dir, "*.new*"))
	if err != nil || len(left) > 0 {
		t.Errorf("%v are left, %v", left, err)
	}
}

// TestSQLiteOtherProcess writes all the time over another connection, as commands do: no call fails because the
// database is busy.
func TestSQLiteOtherProcess(t *testing.T) {
	o := store.Options{Dir: storetest.SQLite(t)}
	db, raw := open(t, o), past(t, o)
	account, node := newAccount(t, db)
	exec(t, raw, `CREATE TABLE other (n INTEGER) STRICT`)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		conn, err := raw.Conn(context.Background())
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		for {
			select {
			case <-stop:
				return
			default:
			}
			for _, statement := range []string{`BEGIN IMMEDIATE`, `INSERT INTO other VALUES (1)`, `COMMIT`} {
				if _, err := conn.ExecContext(context.Background(), statement); err != nil {
					t.Errorf("the other process: %v", err)
					return
				}
				time.Sleep(2 * time.Millisecond)
			}
		}
	})
	for range 30 {
		j := newJob(account)
		ok(t, db.CreateJob(t.Context(), &j))
		_, err := db.Claim(t.Context(), cron.ClaimRequest{Node: node, Limit: 1})
		ok(t, err)
		_, _, err = db.Jobs(t.Context(), account)
		ok(t, err)
	}
	close(stop)
	wg.Wait()
	if number(t, raw, `SELECT count(*) FROM other`) == 0 {
		t.Error("the other process wrote nothing")
	}
}

func TestSQLiteBackup(t *testing.T) {
	o := store.Options{Dir: storetest.SQLite(t)}
	db := open(t, o)
	account, _ := newAccount(t, db)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { // the service continues
		for {
			select {
			case <-stop:
				return
			default:
				j := newJob(account)
				j.Request.Body = "secret"
				if err := db.CreateJob(t.Context(), &j); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	copied := store.Options{Dir: t.TempDir(), NoMigrate: true}
	path := filepath.Join(copied.Dir, store.FileName)
	for {
		if n, err := db.CountJobs(t.Context(), account); err != nil || n > 5 {
			ok(t, err)
			break
		}
	}
	ok(t, db.Backup(t.Context(), path))
	close(stop)
	wg.Wait()

	info, err := os.Stat(path)
	ok(t, err)
	if info.Mode() != 0o600 {
		t.Errorf("the copy has mode %v", info.Mode())
	}
	backup := open(t, copied)
	jobs, _, err := backup.Jobs(t.Context(), account)
	ok(t, err)
	if len(jobs) < 6 {
		t.Errorf("the copy has %d jobs", len(jobs))
	}
	for _, j := range jobs {
		if rec, err := backup.Job(t.Context(), account, j.ID); err != nil || rec.Request.Body != "secret" {
			t.Errorf("job %d of the copy: %q, %v", j.ID, rec.Request.Body, err)
		}
	}
	if got := texts(t, past(t, copied), `PRAGMA integrity_check`); len(got) != 1 || got[0] != "ok" {
		t.Errorf("the copy is damaged: %v", got)
	}

	before, err := os.ReadFile(path)
	ok(t, err)
	if err := db.Backup(t.Context(), path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a backup over another reports %v, want %v", err, fs.ErrExist)
	}
	after, err := os.ReadFile(path)
	ok(t, err)
	if string(before) != string(after) {
		t.Error("the former backup was changed")
	}
	missing := filepath.Join(copied.Dir, "missing", "copy.db")
	if err := db.Backup(t.Context(), missing); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a backup into no directory reports %v, want %v", err, fs.ErrNotExist)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.Backup(ctx, filepath.Join(copied.Dir, "cancelled.db")); err == nil {
		t.Error("a backup that was cancelled reports no error")
	}
	entries, err := os.ReadDir(copied.Dir)
	ok(t, err)
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), store.FileName) {
			t.Errorf("%s is left behind", e.Name())
		}
	}
}

// TestSQLiteShrinks checks that the file shrinks after many rows were deleted.
func TestSQLiteShrinks(t *testing.T) {
	o := store.Options{Dir: storetest.SQLite(t), Plans: cron.Plans{cron.PlanUnlimited: {Retention: time.Hour}}}
	db, raw := open(t, o), past(t, o)
	account, _ := newAccount(t, db)
	tables(t, raw).AddExecutions(account, 1, 3000, db.Now().Add(-2*time.Hour), time.Millisecond)
	tables(t, raw).AddResponses(4000)
	pages := number(t, raw, `PRAGMA page_count`)
	for more := true; more; {
		var err error
		more, err = db.Maintain(t.Context())
		ok(t, err)
	}
	if n := tables(t, raw).Rows("response"); n != 0 {
		t.Errorf("%d responses are left", n)
	}
	if now := number(t, raw, `PRAGMA page_count`); now > pages/4 {
		t.Errorf("the file has %d pages, with all rows it had %d", now, pages)
	}
}

// crashDir is the environment variable that makes the test program the child of TestSQLiteCrash.
const crashDir = "PUNCTUAL_STORE_TEST_CRASH_DIR"

// crashJobs is how many jobs the child has, each due all the time.
const crashJobs = 20

// TestSQLiteCrash kills a process that claims and finishes several times. What it has reported must be in the
// database, and records and counters must agree.
func TestSQLiteCrash(t *testing.T) {
	o := store.Options{Dir: storetest.SQLite(t)}
	o.Plans = cron.Plans{cron.PlanUnlimited: {MaxFailures: 1 << 30, Retention: 24 * time.Hour}}
	db, raw := open(t, o), past(t, o)
	account, _ := newAccount(t, db)
	for range crashJobs {
		j := newJob(account)
		j.Notification.OnFailure = true
		ok(t, db.CreateJob(t.Context(), &j))
	}
	program, err := os.Executable()
	ok(t, err)
	claimed, finished := make(map[int64]bool), make(map[int64]bool)
	for range 5 {
		child := osexec.Command(program)
		child.Env, child.Stderr = append(os.Environ(), crashDir+"="+o.Dir), os.Stderr
		out, err := child.StdoutPipe()
		ok(t, err)
		ok(t, child.Start())
		lines := bufio.NewScanner(out)
		for left := 100 + rand.IntN(400); left > 0 && lines.Scan(); left-- {
			note(t, lines.Text(), claimed, finished)
		}
		ok(t, child.Process.Kill())
		for lines.Scan() { // what it wrote before it was killed
			note(t, lines.Text(), claimed, finished)
		}
		_ = child.Wait() // killed

		survivor := open(t, o)
		node, err := survivor.StartNode(t.Context(), cron.Node{Name: "survivor"})
		ok(t, err)
		_, err = survivor.SettleDead(t.Context(), node)
		ok(t, err)
		for _, found := range tables(t, raw).Inconsistencies() {
			t.Error(found)
		}
		for id := range claimed {
			if _, found := tables(t, raw).OutcomeOf(id); !found {
				t.Errorf("execution %d was claimed and has no record", id)
			}
		}
		for id := range finished {
			if o, _ := tables(t, raw).OutcomeOf(id); o != cron.OutcomeFailed {
				t.Errorf("execution %d was finished and has no result", id)
			}
		}
		if got := texts(t, raw, `PRAGMA integrity_check`); len(got) != 1 || got[0] != "ok" {
			t.Errorf("the database is damaged: %v", got)
		}
	}
	if len(finished) < 100 {
		t.Errorf("%d executions were finished", len(finished))
	}
}

// note reads a line of the child: a word and the id of an execution. The last line may be incomplete.
func note(t *testing.T, line string, claimed, finished map[int64]bool) {
	t.Helper()
	what, number, found := strings.Cut(strings.TrimSuffix(line, "."), " ")
	if !found || !strings.HasSuffix(line, ".") {
		return
	}
	id, err := strconv.ParseInt(number, 10, 64)
	ok(t, err)
	map[string]map[int64]bool{"claimed": claimed, "finished": finished}[what][id] = true
}

// crashChild claims and finishes until it is killed, and reports each of both.
func crashChild(dir string) int {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, "child:", err)
		return 1
	}
	ctx := context.Background()
	o := store.Options{Dir: dir, Key: [32]byte{1}, Logger: slog.New(slog.DiscardHandler)}
	o.Plans = cron.Plans{cron.PlanUnlimited: {MaxFailures: 1 << 30, Retention: 24 * time.Hour}}
	db, err := store.Open(ctx, o)
	if err != nil {
		return fail(err)
	}
	node, err := db.StartNode(ctx, cron.Node{Name: "child"})
	if err != nil {
		return fail(err)
	}
	raw, err := storetest.Connect(o)
	if err != nil {
		return fail(err)
	}
	for {
		if err := storetest.SetAllDue(ctx, raw, time.Now().Add(-time.Second)); err != nil {
			return fail(err)
		}
		claimed, err := db.Claim(ctx, cron.ClaimRequest{Node: node, Limit: 2 * crashJobs})
		if err != nil {
			return fail(err)
		}
		var batch []cron.Completion
		for _, l := range claimed.Launches {
			fmt.Printf("claimed %d.\n", l.ExecutionID)
			batch = append(batch, completion(l, cron.StatusHTTPError))
		}
		if err := db.Finish(ctx, batch); err != nil {
			return fail(err)
		}
		for _, c := range batch {
			fmt.Printf("finished %d.\n", c.Launch.ExecutionID)
		}
	}
}

// TestSQLiteRunningFrom has a claim write from where on executions run, once enough have ended since, and never past one that runs.
func TestSQLiteRunningFrom(t *testing.T) {
	o := storetest.Databases[0].New(t)
	db, raw := open(t, o), past(t, o)
	account, node := newAccount(t, db)
	j := newJob(account)
	ok(t, db.CreateJob(t.Context(), &j))
	const jobs = 1200
	tables(t, raw).CopyJob(j.ID, jobs-1)
	from := func() int64 { return number(t, raw, `SELECT running_from FROM node WHERE epoch = $1`, node) }
	at, inFlight := db.Now().Add(-20*time.Minute), map[int64]bool{}
	herd := func(finished int) {
		t.Helper()
		at = at.Add(time.Minute)
		tables(t, raw).SetAllDue(at)
		for more := true; more; {
			claimed, err := db.Claim(t.Context(), cron.ClaimRequest{Node: node, Limit: jobs})
			ok(t, err)
			more = claimed.More
			batch := make([]cron.Completion, 0, jobs)
			for _, l := range claimed.Launches {
				if inFlight[l.ExecutionID] = true; len(batch) < finished {
					batch = append(batch, completion(l, cron.StatusOK))
				}
			}
			ok(t, db.Finish(t.Context(), batch))
			for _, c := range batch {
				delete(inFlight, c.Launch.ExecutionID)
			}
			finished -= len(batch)
		}
		_, err := db.Heartbeat(t.Context(), cron.Heartbeat{Epoch: node, RunningFrom: func(latest int64) int64 {
			return slices.Min(append(slices.Collect(maps.Keys(inFlight)), latest))
		}})
		ok(t, err)
	}
	if from() != 1 {
		t.Errorf("a new node begins at %d", from())
	}
	herd(jobs)
	herd(jobs - 1)
	if from() != jobs {
		t.Errorf("after the first claim behind it, it begins at %d, want %d", from(), jobs)
	}
	runs := slices.Collect(maps.Keys(inFlight))[0]
	for range 3 {
		herd(jobs)
		if from() != runs {
			t.Errorf("it begins at %d, want %d, which runs", from(), runs)
		}
	}
	running, err := db.RunningExecutions(t.Context(), account)
	ok(t, err)
	if len(running) != 1 || running[0].ID != runs {
		t.Errorf("%d executions run, want execution %d", len(running), runs)
	}
}
