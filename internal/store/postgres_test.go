package store_test

import (
	"context"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"punctual/internal/cron"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

// testTimeout is how long a test waits for something that should happen at once.
const testTimeout = 30 * time.Second

// soon waits for a condition.
func soon(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(testTimeout); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s does not come", what)
		}
	}
}

// TestPostgresManyNodesAtOnce starts nodes together on an empty database: they migrate it once.
func TestPostgresManyNodesAtOnce(t *testing.T) {
	o := store.Options{URL: storetest.EmptyPostgres(t)}
	handles := make([]*store.Store, 6)
	var wg sync.WaitGroup
	for i := range handles {
		wg.Go(func() {
			o := o
			o.Key, o.Logger = [32]byte{1}, slog.New(slog.DiscardHandler)
			var err error
			if handles[i], err = store.Open(t.Context(), o); err != nil {
				t.Errorf("node %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	raw := past(t, o)
	repeated := number(t, raw, `SELECT count(*) - count(DISTINCT version_id) FROM schema_version`)
	if repeated != 0 {
		t.Errorf("%d migrations ran more than once", repeated)
	}
	for _, db := range handles {
		if db != nil {
			_, err := db.StartNode(t.Context(), cron.Node{Name: "test"})
			ok(t, err)
			ok(t, db.Close())
		}
	}
	if n := tables(t, raw).Rows("node"); n != int64(len(handles)) {
		t.Errorf("%d nodes share the database, want %d", n, len(handles))
	}
}

// TestPostgresResultsAreHOT makes sure that a result changes no index, unless it is a failure.
func TestPostgresResultsAreHOT(t *testing.T) {
	options := store.Options{URL: storetest.Postgres(t)}
	db, raw := open(t, options), past(t, options)
	allBefore, hotBefore := tables(t, raw).Updates("execution%")
	account, node := newAccount(t, db)
	j := newJob(account)
	ok(t, db.CreateJob(t.Context(), &j))
	tables(t, raw).CopyJob(j.ID, 19)
	tables(t, raw).SetAllDue(db.Now().Add(-time.Second))
	claimed, err := db.Claim(t.Context(), cron.ClaimRequest{Node: node, Limit: 100})
	ok(t, err)
	batch := make([]cron.Completion, len(claimed.Launches))
	for i, l := range claimed.Launches {
		batch[i] = completion(l, []cron.Status{cron.StatusOK, cron.StatusHTTPError}[i/15])
		batch[i].Result.Peer = "2001:db8::1234:5678"
	}
	ok(t, db.Finish(t.Context(), batch))
	ok(t, db.Close())
	soon(t, "the count of updates", func() bool {
		all, hot := tables(t, raw).Updates("execution%")
		all, hot = all-allBefore, hot-hotBefore
		if all == 20 && hot != 15 {
			t.Fatalf("%d of %d updates changed no index, want those of 15 successes", hot, all)
		}
		return all == 20
	})
}

// TestPostgresStatesAreHOT checks that a success after a success changes no index of job_state either, and reads and writes
// nothing of problems.
func TestPostgresStatesAreHOT(t *testing.T) {
	options := store.Options{URL: storetest.Postgres(t)}
	db, raw := open(t, options), past(t, options)
	account, node := newAccount(t, db)
	j := newJob(account)
	ok(t, db.CreateJob(t.Context(), &j))
	tables(t, raw).CopyJob(j.ID, 9)
	exec(t, raw, `UPDATE job_state SET last_status = $1`, int(cron.StatusOK))
	tables(t, raw).SetAllDue(db.Now().Add(-time.Second))
	claimed, err := db.Claim(t.Context(), cron.ClaimRequest{Node: node, Limit: 100})
	ok(t, err)
	var batch []cron.Completion
	for _, l := range claimed.Launches {
		batch = append(batch, completion(l, cron.StatusOK))
	}
	undo := db.Intercept(func(query string, _ []any) error {
		if touchesProblem.MatchString(query) {
			t.Errorf("a success runs %s", query)
		}
		return nil
	})
	defer undo()
	ok(t, db.InTransaction(t.Context(), func(ctx context.Context) error {
		if err := db.Finish(ctx, batch); err != nil {
			return err
		}
		n, err := db.ReadNumber(ctx, account, `SELECT n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'job_state'`)
		if n != 10 {
			t.Errorf("%d of 10 successes changed no index", n)
		}
		return err
	}))
}

var touchesProblem = regexp.MustCompile(`\bproblem\b`)

// TestPostgresEndsIdleTransactions checks that a paused node keeps its locks no longer than its lease.
func TestPostgresEndsIdleTransactions(t *testing.T) {
	db := open(t, store.Options{URL: storetest.Postgres(t)})
	got, err := db.SettingInside(t.Context(), "", "idle_in_transaction_session_timeout")
	ok(t, err)
	if limit, err := time.ParseDuration(got); err != nil || limit <= 0 || limit > cron.Lease {
		t.Errorf("a transaction may stay idle for %s, want at most %s", got, cron.Lease)
	}
}

// TestPostgresSignals checks that an edit on one node wakes another.
func TestPostgresSignals(t *testing.T) {
	o := store.Options{URL: storetest.Postgres(t)}
	here, there := open(t, o), open(t, o)
	account, _ := newAccount(t, here)
	listening(t, o, 2)
	drain(there)
	j := newJob(account)
	ok(t, here.CreateJob(t.Context(), &j))
	select {
	case <-there.Changed():
	case <-time.After(testTimeout):
		t.Fatal("the other node is not woken")
	}
}

// listening waits until n nodes listen and have received their first signal.
func listening(t testing.TB, o store.Options, n int64) {
	t.Helper()
	raw := past(t, o)
	soon(t, "a listener", func() bool {
		return number(t, raw, `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND query LIKE 'LISTEN%' AND state = 'idle'`) >= n
	})
	time.Sleep(50 * time.Millisecond) // until the first signal
}

func drain(db *store.Store) {
	select {
	case <-db.Changed():
	default:
	}
}

// TestPostgresGoesAway stops the server while nodes work and starts it again.
func TestPostgresGoesAway(t *testing.T) {
	server := storetest.StartServer(t)
	o := store.Options{URL: server.URL()}
	db, other := open(t, o), open(t, o)
	account, node := newAccount(t, db)
	j := newJob(account)
	ok(t, db.CreateJob(t.Context(), &j))
	raw := past(t, o)
	tables(t, raw).SetAllDue(db.Now().Add(-time.Second))
	claimed, err := db.Claim(t.Context(), cron.ClaimRequest{Node: node, Limit: 1})
	ok(t, err)
	if len(claimed.Launches) != 1 {
		t.Fatalf("claimed %d", len(claimed.Launches))
	}
	batch := []cron.Completion{completion(claimed.Launches[0], cron.StatusOK)}

	server.Stop(t)
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	defer cancel()
	for what, err := range map[string]error{
		"ping":      db.Ping(ctx),
		"heartbeat": beat(ctx, db, node),
		"finish":    db.Finish(ctx, batch),
		"create":    db.CreateJob(ctx, &j),
	} {
		if err == nil {
			t.Errorf("%s reports no error while the database is away", what)
		} else if strings.Contains(err.Error(), password(t, o.URL)) {
			t.Errorf("the error of %s has the password: %v", what, err)
		}
	}
	if ctx.Err() != nil {
		t.Error("a call waits for the database")
	}

	server.Start(t)
	soon(t, "an answer", func() bool { return db.Ping(t.Context()) == nil })
	soon(t, "a heartbeat", func() bool { return beat(t.Context(), db, node) == nil })
	soon(t, "the result", func() bool { return db.Finish(t.Context(), batch) == nil })
	h, err := db.History(t.Context(), account, j.ID, 50)
	ok(t, err)
	if len(h) != 1 || h[0].Outcome != cron.OutcomeSucceeded {
		t.Errorf("the history is %+v, want the result", h)
	}
	soon(t, "a signal", func() bool {
		drain(other)
		ok(t, db.UpdateJob(t.Context(), account, j.ID, func(*cron.Job) error { return nil }))
		select {
		case <-other.Changed():
			return true
		case <-time.After(100 * time.Millisecond):
			return false
		}
	})
}

// password is the one in a URL.
func password(t testing.TB, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	ok(t, err)
	p, _ := u.User.Password()
	return p
}

func TestPostgresCannotOpen(t *testing.T) {
	good := storetest.Postgres(t)
	const secret = "wrong-password-1234"
	for name, bad := range map[string]string{
		"a wrong password":   strings.Replace(good, password(t, good), secret, 1),
		"no such database":   strings.Replace(good, "/test_", "/missing_", 1),
		"nobody listens":     "postgres://postgres:" + secret + "@127.0.0.1:1/postgres?sslmode=disable",
		"no URL":             "postgres://postgres:" + secret + "@127.0.0.1:port/postgres",
		"no TLS on our side": strings.Replace(good, "sslmode=disable", "sslmode=require", 1),
	} {
		db, err := store.Open(t.Context(), store.Options{URL: bad, Logger: slog.New(slog.DiscardHandler)})
		if err == nil {
			ok(t, db.Close())
			t.Errorf("%s: no error", name)
		} else if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), password(t, good)) {
			t.Errorf("%s: the error has the password: %v", name, err)
		}
	}
}

// TestPostgresClock compares Now with the database's clock, read before and after.
func TestPostgresClock(t *testing.T) {
	o := store.Options{URL: storetest.Postgres(t)}
	db, raw := open(t, o), past(t, o)
	clock := func() int64 {
		return number(t, raw, `SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint`)
	}
	ok(t, db.MeasureClock(t.Context()))
	before := clock()
	now := db.Now().UnixMilli()
	after := clock()
	// The error of the measurement is at most half of a round trip.
	const slack = 2000
	if now < before-slack || now > after+slack {
		t.Errorf("Now is %d; the database says %d before and %d after", now, before, after)
	}
}

// TestPostgresConnections checks that a node never uses more than its share of connections.
func TestPostgresConnections(t *testing.T) {
	o := store.Options{URL: storetest.Postgres(t)}
	db, raw := open(t, o), past(t, o)
	raw.SetMaxOpenConns(1)
	var (
		wg   sync.WaitGroup
		stop = make(chan struct{})
		most int64
	)
	for account := range int64(100) {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, _, err := db.Jobs(t.Context(), account); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 20 {
		most = max(most, number(t, raw, `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND application_name = 'punctual'`))
	}
	close(stop)
	wg.Wait()
	if most < 2 || most > 16 {
		t.Errorf("the node has %d connections", most)
	}
}

// TestAbandonedWaitsForClaims has a claim whose transaction is still open in the database after its node has given up.
func TestAbandonedWaitsForClaims(t *testing.T) {
	o := store.Options{URL: storetest.Postgres(t)}
	db, raw := open(t, o), past(t, o)
	account, node := newAccount(t, db)
	commit := tables(t, raw).BeginLaunch(account, node, db.Now())

	found := make(chan int)
	go func() {
		abandoned, err := db.Abandoned(t.Context(), node, nil)
		if err != nil {
			t.Error(err)
		}
		found <- len(abandoned)
	}()
	soon(t, "the wait", func() bool {
		return number(t, raw, `SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
			WHERE NOT granted AND datname = current_database()`) > 0
	})
	commit()
	if n := <-found; n != 1 {
		t.Errorf("found %d executions, want the one of the claim", n)
	}
}

// TestPostgresSearchIgnoresTheCollation searches a title under a collation that folds ASCII letters in its own way:
// Turkish has a dotless i.
func TestPostgresSearchIgnoresTheCollation(t *testing.T) {
	kind := storetest.Databases[1]
	options := kind.New(t)
	db, raw := open(t, options), past(t, options)
	if number(t, raw, `SELECT count(*) FROM pg_collation WHERE collname = 'tr-x-icu'`) == 0 {
		t.Skip("this PostgreSQL server has no collations of ICU")
	}
	exec(t, raw, `ALTER TABLE job ALTER COLUMN title TYPE TEXT COLLATE "tr-x-icu"`)
	account, _ := newAccount(t, db)
	j := newJob(account)
	j.Title = "NIGHTLY INDEX"
	ok(t, db.CreateJob(t.Context(), &j))
	tables(t, raw).AddExecutionPerJob(db.Now())
	for _, text := range []string{"nightly index", "NIGHTLY INDEX"} {
		page, err := db.Search(t.Context(), account, &cron.HistoryQuery{Filter: cron.HistoryFilter{Text: text}, Limit: 10})
		ok(t, err)
		if len(page.Records) != 1 {
			t.Errorf("%q finds %d records, want 1", text, len(page.Records))
		}
	}
}

// TestPostgresClaimPassesOverRecords claims occurrences some of which are in the ledger already, as after a restore of older states: the
// COPY of all of them fails, and the claim takes the others.
func TestPostgresClaimPassesOverRecords(t *testing.T) {
	options := store.Options{URL: storetest.Postgres(t)}
	db, raw := open(t, options), past(t, options)
	account, node := newAccount(t, db)
	j := newJob(account)
	ok(t, db.CreateJob(t.Context(), &j))
	tables(t, raw).CopyJob(j.ID, 39)
	at := db.Now().Add(-time.Second)
	var copied, inserted int
	undo := db.Intercept(func(query string, _ []any) error {
		copied += strings.Count(query, "COPY execution")
		inserted += strings.Count(query, "INSERT INTO execution")
		return nil
	})
	defer undo()
	launched := make(map[int64]bool)
	for _, claim := range []struct{ limit, launches, copied, inserted int }{{15, 15, 1, 0}, {100, 25, 2, 1}, {100, 0, 3, 2}} {
		tables(t, raw).SetAllDue(at)
		claimed, err := db.Claim(t.Context(), cron.ClaimRequest{Node: node, Limit: claim.limit})
		ok(t, err)
		for _, l := range claimed.Launches {
			if launched[l.Job.ID] {
				t.Errorf("job %d is launched twice", l.Job.ID)
			}
			launched[l.Job.ID] = true
		}
		if len(claimed.Launches) != claim.launches || copied != claim.copied || inserted != claim.inserted {
			t.Errorf("%d launches, %d COPY, %d INSERT, want %+v", len(claimed.Launches), copied, inserted, claim)
		}
	}
	if n := number(t, raw, `SELECT count(*) FROM execution JOIN job_state USING (job_id) WHERE next_run_at > planned_at`); n != 40 {
		t.Errorf("%d records are in the ledger, want 40", n)
	}
}

// TestPostgresCopiesResults writes a batch that is long enough for COPY, and reads all of it.
func TestPostgresCopiesResults(t *testing.T) {
	options := store.Options{URL: storetest.Postgres(t)}
	db, raw := open(t, options), past(t, options)
	account, node := newAccount(t, db)
	j := newJob(account)
	ok(t, db.CreateJob(t.Context(), &j))
	tables(t, raw).CopyJob(j.ID, 19)
	tables(t, raw).SetAllDue(db.Now().Add(-time.Second))
	claimed, err := db.Claim(t.Context(), cron.ClaimRequest{Node: node, Limit: 100})
	ok(t, err)
	var batch []cron.Completion
	for i, l := range claimed.Launches {
		c := completion(l, []cron.Status{cron.StatusOK, cron.StatusHTTPError}[i%2])
		c.Result.Started = c.Result.Started.Truncate(time.Millisecond)
		c.Result.Reason, c.Result.Detail, c.Result.Peer = "Grüße", strings.Repeat("x", i), "192.0.2.1"
		c.Result.Headers, c.Result.Body = []byte("A: b\r\n\r\n"), []byte{0, 255, byte(i)}
		c.Result.Stats.Connect, c.Result.CertExpiry = time.Duration(i)*time.Microsecond, time.UnixMilli(int64(i+1)*1e6).UTC()
		if i%3 == 0 {
			c.Result.Redirects, c.Result.Truncated = []cron.Redirect{{Status: 302, URL: "http://example.com/"}}, true
		}
		batch = append(batch, c)
	}
	ok(t, db.Finish(t.Context(), append(batch, batch[3]))) // one of them twice
	for _, c := range batch {
		got, err := db.Execution(t.Context(), account, c.Launch.Job.ID, c.Launch.ExecutionID)
		ok(t, err)
		want := c.Result
		want.Duration = want.Stats.Total
		if diff := cmp.Diff(want, got.Result); diff != "" {
			t.Errorf("the result differs (-want +got):\n%s", diff)
		}
	}
	if n := number(t, raw, `SELECT count(*) FROM job_state JOIN execution USING (job_id) WHERE last_execution_at = started_at`); n != 20 {
		t.Errorf("%d states tell of the latest execution, want 20", n)
	}
}

// TestPostgresResultsOfADroppedDay finishes an execution whose day has been dropped meanwhile, as another node does when its retention ends.
func TestPostgresResultsOfADroppedDay(t *testing.T) {
	options := store.Options{URL: storetest.Postgres(t)}
	db, raw := open(t, options), past(t, options)
	account, node := newAccount(t, db)
	j := newJob(account)
	ok(t, db.CreateJob(t.Context(), &j))
	for range 2 { // the second one by the name of the whole table
		due := db.Now().Add(-time.Second)
		tables(t, raw).SetAllDue(due)
		claimed, err := db.Claim(t.Context(), cron.ClaimRequest{Node: node, Limit: 1})
		ok(t, err)
		if len(claimed.Launches) != 1 {
			t.Fatalf("claimed %d", len(claimed.Launches))
		}
		exec(t, raw, `DROP TABLE IF EXISTS execution_`+due.UTC().Format("20060102"))
		ok(t, db.Finish(t.Context(), []cron.Completion{completion(claimed.Launches[0], cron.StatusOK)}))
	}
	h, err := db.History(t.Context(), account, j.ID, 50)
	ok(t, err)
	if len(h) != 1 || h[0].Outcome != cron.OutcomeSucceeded {
		t.Errorf("the history is %+v, want the result of the second execution, which is among the rest", h)
	}
}
