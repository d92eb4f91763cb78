package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

// poolers are the ways in which people run PgBouncer. With few server connections, a session setting that is left behind shows at once.
var poolers = map[string][]string{
	"session":     {"pool_mode = session", "default_pool_size = 60"},
	"transaction": {"pool_mode = transaction", "default_pool_size = 4"},
	// As its documentation suggests for programs that insist.
	"ignoring settings": {"pool_mode = transaction", "default_pool_size = 4",
		"ignore_startup_parameters = extra_float_digits, statement_timeout, lock_timeout, idle_session_timeout, idle_in_transaction_session_timeout, " +
			"default_transaction_isolation, tcp_keepalives_idle, tcp_keepalives_interval, tcp_keepalives_count, punctual.direct"},
}

// TestPoolers has nodes behind PgBouncer migrate a database at once, create, claim and finish jobs, and hear of each other.
func TestPoolers(t *testing.T) {
	for name, settings := range poolers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			real := storetest.EmptyPostgres(t)
			o := store.Options{URL: storetest.StartPooler(t, real, settings...).URL}
			nodes := make([]*store.Store, 3)
			var wg sync.WaitGroup
			for i := range nodes {
				wg.Go(func() { nodes[i] = open(t, o) })
			}
			wg.Wait()
			raw := past(t, store.Options{URL: real})
			if n := number(t, raw, `SELECT count(*) - count(DISTINCT version_id) FROM schema_version`); n != 0 {
				t.Errorf("%d migrations ran more than once", n)
			}

			var jobs sync.WaitGroup
			for i, db := range nodes {
				jobs.Go(func() { runJobs(t, db, raw, fmt.Sprintf("%d@example.com", i)) })
			}
			jobs.Wait()
			if n := number(t, raw, `SELECT count(*) FROM execution WHERE outcome = 0`); n != 0 {
				t.Errorf("%d executions have no result", n)
			}
			checkSettings(t, nodes[0])
			// What was set for a transaction has gone with it, on all connections to the server.
			for range 20 {
				for setting, want := range map[string]string{"lock_timeout": "0", "plan_cache_mode": "auto", "enable_seqscan": "on"} {
					if got, err := nodes[1].Setting(t.Context(), setting); err != nil || name != "session" && got != want {
						t.Fatalf("%s is %s outside of a transaction, want %s: %v", setting, got, want, err)
					}
				}
			}
			listeners := int64(0)
			if name == "session" {
				listeners = 3
			}
			if listeners > 0 {
				listening(t, store.Options{URL: real}, listeners)
			} else if n := number(t, raw, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'`); n > 0 {
				t.Errorf("%d nodes listen by connections that they do not keep", n)
			}
		})
	}
}

// runJobs creates jobs, enough of them for COPY, and runs as many executions on a node, with others.
func runJobs(t *testing.T, db *store.Store, raw *sql.DB, email string) {
	account := cron.Account{Email: email, Plan: cron.PlanUnlimited}
	ok(t, db.CreateAccount(t.Context(), &account))
	node, err := db.StartNode(t.Context(), cron.Node{Name: email})
	ok(t, err)
	const jobs = 20
	for range jobs {
		j := newJob(account.ID)
		ok(t, db.CreateJob(t.Context(), &j))
	}
	for done := 0; done < 2*jobs; {
		tables(t, raw).SetAllDue(db.Now().Add(-time.Second))
		claimed, err := db.Claim(t.Context(), cron.ClaimRequest{Node: node, Limit: 100})
		ok(t, err)
		var batch []cron.Completion
		for _, l := range claimed.Launches {
			c := completion(l, cron.StatusOK)
			c.Result.Headers, c.Result.Body = []byte("A: b\r\n\r\n"), []byte("body")
			batch = append(batch, c)
		}
		ok(t, db.Finish(t.Context(), batch))
		done += len(batch)
	}
}

// checkSettings looks at what holds inside the transactions of an account, of claims and of results.
func checkSettings(t *testing.T, db *store.Store) {
	t.Helper()
	scheduler := map[string]string{
		"lock_timeout": "0", "plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "enable_hashjoin": "off", "idle_in_transaction_session_timeout": "10s",
	}
	for class, want := range map[string]map[string]string{
		"account": {"lock_timeout": "5s", "plan_cache_mode": "auto", "statement_timeout": "0", "transaction_isolation": "read committed"},
		"claims":  scheduler, "results": scheduler,
	} {
		for setting, value := range want {
			if got, err := db.SettingInside(t.Context(), class, setting); err != nil || got != value {
				t.Errorf("a transaction of %s has %s = %s, want %s: %v", class, setting, got, value, err)
			}
		}
	}
}

// TestPoolerWithDirectURL gives nodes behind PgBouncer the URL of the database: they migrate and listen by it.
func TestPoolerWithDirectURL(t *testing.T) {
	t.Parallel()
	real := storetest.EmptyPostgres(t)
	pooler := storetest.StartPooler(t, real, poolers["transaction"]...)
	o := store.Options{URL: pooler.URL, DirectURL: real}
	here, there := open(t, o), open(t, o)
	account, _ := newAccount(t, here)
	listening(t, store.Options{URL: real}, 2)
	drain(there)
	j := newJob(account)
	ok(t, here.CreateJob(t.Context(), &j))
	select {
	case <-there.Changed():
	case <-time.After(testTimeout):
		t.Fatal("the other node is not woken")
	}
	if _, err := store.Open(t.Context(), store.Options{URL: pooler.URL, DirectURL: pooler.URL, Logger: slog.New(slog.DiscardHandler)}); !errors.Is(err, store.ErrPooler) {
		t.Errorf("with the URL of the pooler as the direct one: %v", err)
	}
}

// TestPoolerWithFewConnections has PgBouncer give each client a connection of its own, of which it has few: others wait there.
func TestPoolerWithFewConnections(t *testing.T) {
	t.Parallel()
	real := storetest.Postgres(t)
	pooler := storetest.StartPooler(t, real, "pool_mode = session", "default_pool_size = 6")
	db := open(t, store.Options{URL: pooler.URL + "&connect_timeout=1"})
	account, _ := newAccount(t, db)
	var calls sync.WaitGroup
	for range 30 {
		calls.Go(func() {
			for range 10 {
				if _, _, err := db.Jobs(t.Context(), account); err != nil {
					t.Error(err)
				}
			}
		})
	}
	calls.Wait()
	runJobs(t, db, past(t, store.Options{URL: real}), "other@example.com")
}

// TestPoolerRefuses has poolers that the service cannot use, or only until the URL is changed.
func TestPoolerRefuses(t *testing.T) {
	t.Parallel()
	real := storetest.Postgres(t)
	for name, c := range map[string]struct{ mode, parameter, says string }{
		"statement pooling": {"statement", "", "statement pooling"},
		"a parameter":       {"transaction", "&search_path=elsewhere", "search_path"},
	} {
		pooler := storetest.StartPooler(t, real, "pool_mode = "+c.mode)
		_, err := store.Open(t.Context(), store.Options{URL: pooler.URL + c.parameter, Logger: slog.New(slog.DiscardHandler)})
		if !errors.Is(err, store.ErrPooler) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// limitedRole makes a role that may use the database of a URL, and returns the URL for it.
func limitedRole(t *testing.T, address string, limit int) (url string, setLimit func(int)) {
	t.Helper()
	raw := past(t, store.Options{URL: address})
	role := "r" + strings.ToLower(t.Name())[4:] + fmt.Sprint(limit)
	exec(t, raw, fmt.Sprintf(`CREATE ROLE %s LOGIN PASSWORD 'secret' CONNECTION LIMIT %d`, role, limit))
	exec(t, raw, `GRANT CREATE ON SCHEMA public TO `+role)
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		for _, statement := range []string{`DROP OWNED BY ` + role + ` CASCADE`, `DROP ROLE ` + role} {
			if _, err := raw.ExecContext(ctx, statement); err != nil {
				t.Error(err)
			}
		}
	})
	return strings.Replace(address, "postgres:"+password(t, address)+"@", role+":secret@", 1), func(limit int) {
		exec(t, raw, fmt.Sprintf(`ALTER ROLE %s CONNECTION LIMIT %d`, role, limit))
	}
}

// TestPostgresFewConnections opens a store where few connections are allowed, and has them become fewer while it works.
func TestPostgresFewConnections(t *testing.T) {
	t.Parallel()
	real := storetest.EmptyPostgres(t)
	raw := past(t, store.Options{URL: real})
	address, setLimit := limitedRole(t, real, 3)
	var log bytes.Buffer
	o := store.Options{URL: address, Logger: slog.New(slog.NewTextHandler(&log, nil))}
	if _, err := store.Open(t.Context(), o); !errors.Is(err, store.ErrFewConnections) {
		t.Errorf("with 3 connections: %v", err)
	}
	setLimit(4)
	few := open(t, o)
	runJobs(t, few, raw, "few@example.com")
	if !strings.Contains(log.String(), "few connections") || !strings.Contains(log.String(), "recommended=16") {
		t.Errorf("the log does not say so: %s", log.String())
	}
	ok(t, few.Close())

	setLimit(40)
	many := open(t, o)
	account, _ := newAccount(t, many)
	setLimit(7) // connections that there are stay
	var calls sync.WaitGroup
	for range 60 {
		calls.Go(func() {
			for range 20 {
				if _, _, err := many.Jobs(t.Context(), account); err != nil {
					t.Error(err)
				}
			}
		})
	}
	runJobs(t, many, raw, "many@example.com")
	calls.Wait()
}

// TestPostgresForeignSettings has somebody set for the database what would break the service.
func TestPostgresForeignSettings(t *testing.T) {
	t.Parallel()
	if storetest.Pooled() {
		t.Skip("behind a pooler, reads outside of transactions have the settings of the role")
	}
	address := storetest.EmptyPostgres(t)
	raw := past(t, store.Options{URL: address})
	raw.SetMaxOpenConns(1) // which keeps the settings from before
	name := address[strings.LastIndex(address, "/")+1 : strings.Index(address, "?")]
	for _, setting := range []string{"statement_timeout = 1", "lock_timeout = 1", "idle_in_transaction_session_timeout = 1", "idle_session_timeout = 20",
		"default_transaction_isolation = serializable", "synchronous_commit = off"} {
		exec(t, raw, `ALTER DATABASE `+name+` SET `+setting)
	}
	db := open(t, store.Options{URL: address})
	runJobs(t, db, raw, "a@example.com")
	listening(t, store.Options{URL: address + "&statement_timeout=0&idle_session_timeout=0"}, 1)
	checkSettings(t, db)
	if got, err := db.SettingInside(t.Context(), "claims", "synchronous_commit"); err != nil || got != "on" {
		t.Errorf("synchronous_commit is %s: %v", got, err)
	}
}

// TestPostgresBecomesReadOnly makes the server refuse writes while a store has connections, which are not used again afterwards.
func TestPostgresBecomesReadOnly(t *testing.T) {
	t.Parallel()
	address := storetest.Postgres(t)
	db, raw := open(t, store.Options{URL: address}), past(t, store.Options{URL: address})
	raw.SetMaxOpenConns(1)
	account, node := newAccount(t, db)
	name := address[strings.LastIndex(address, "/")+1 : strings.Index(address, "?")]
	ok(t, db.CheckWrite(t.Context()))
	exec(t, raw, `ALTER DATABASE `+name+` SET default_transaction_read_only = on`)
	exec(t, raw, `SET default_transaction_read_only = off`)
	exec(t, raw, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	soon(t, "the fault", func() bool { return cron.DatabaseFaultOf(db.CheckWrite(t.Context())) == cron.DatabaseReadOnly })
	if _, _, err := db.Jobs(t.Context(), account); err != nil {
		t.Errorf("what can be read is not: %v", err)
	}
	exec(t, raw, `ALTER DATABASE `+name+` SET default_transaction_read_only = off`)
	if storetest.Pooled() { // as RECONNECT does: a pooler keeps its sessions, and with them the former setting
		exec(t, raw, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	}
	soon(t, "a write", func() bool { return db.CheckWrite(t.Context()) == nil })
	soon(t, "a heartbeat", func() bool { return beat(t.Context(), db, node) == nil })
}

// TestPostgresHosts has a URL whose first host does not answer, and whose second one refuses: the third is used, and tried first later.
func TestPostgresHosts(t *testing.T) {
	t.Parallel()
	if storetest.Pooled() {
		t.Skip("a pooler has one host")
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	defer func() { ok(t, silent.Close()) }()
	real := storetest.Postgres(t)
	first := fmt.Sprintf("@%s,127.0.0.1:1,", silent.Addr())
	db := open(t, store.Options{URL: strings.Replace(real, "@", first, 1) + "&connect_timeout=1"})
	account, _ := newAccount(t, db)
	silentAsked := make(chan struct{}, 100)
	go func() {
		for range 100 {
			if _, err := silent.Accept(); err != nil {
				return
			}
			silentAsked <- struct{}{}
		}
	}()
	for len(silentAsked) < 1 { // what waits in the backlog: the first attempt
		time.Sleep(time.Millisecond)
	}
	asked := len(silentAsked)
	raw := past(t, store.Options{URL: real})
	exec(t, raw, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'punctual' AND datname = current_database()`)
	soon(t, "an answer", func() bool { _, _, err := db.Jobs(t.Context(), account); return err == nil })
	if len(silentAsked) > asked {
		t.Error("the host that does not answer was asked again")
	}
}
