package store_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

// plainColumns are the columns of bytes that are not sealed, and why.
var plainColumns = map[string]string{
	"setting.value":                "a row each; see plainSettings",
	"api_key.hash":                 "a hash of a random key",
	"session.hash":                 "a hash of a random token",
	"link.hash":                    "a hash of a random token",
	"recovery_code.hash":           "a hash with a key that is derived from the secret of the service",
	"used_challenge.hash":          "a hash of a random challenge",
	"idempotency_key.request_hash": "a hash of a request",
	"passkey.credential_id":        "public",
	"passkey.credential":           "a public key and counters",
	"response.headers":             "history, which is no secret of the account",
	"response.body":                "history, which is no secret of the account",
	"zone_data.data":               "public",
	"rollup_account.tally":         "numbers",
	"rollup_job.tally":             "numbers",
	"monitor.results":              "numbers",
	"status_logo.picture":          "shown to visitors of a page",
	"status_subscriber.hash":       "a hash with a key that is derived from the secret of the service",
}

// plainSettings are the settings that are not sealed.
var plainSettings = []string{"installation", "service URL", "write check"}

// TestSealedColumns compares the list that a rotation walks with the schemas: every column of bytes is in it, or is known
// to be no secret.
func TestSealedColumns(t *testing.T) {
	t.Parallel()
	want := slices.Sorted(slices.Values(append(store.SealedColumns(), slices.Collect(maps.Keys(plainColumns))...)))
	want = slices.Compact(want)
	for name, lines := range map[string][]string{"SQLite": describeSQLite(t), "PostgreSQL": describePostgres(t)} {
		var got []string
		for _, line := range lines {
			if column, kind, ok := strings.Cut(line, " "); ok && strings.HasPrefix(kind+" ", "blob ") {
				got = append(got, column)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s has the columns of bytes\n%q\nbut known are\n%q", name, got, want)
		}
	}
}

// keysOf are keys as a configuration has them.
func keysOf(keys ...[32]byte) func() ([][32]byte, error) {
	return func() ([][32]byte, error) { return keys, nil }
}

var firstKey, secondKey = [32]byte{1}, [32]byte{2}

// plantSecrets writes a value into every sealed column.
func plantSecrets(t *testing.T, db *store.Store, n int) (account int64) {
	t.Helper()
	ctx := t.Context()
	a := cron.Account{Email: fmt.Sprintf("planted%d@example.com", n), Plan: cron.PlanUnlimited}
	ok(t, db.CreateAccount(ctx, &a))
	account = a.ID
	for i := range n {
		j := newJob(account)
		j.Request.URL = "http://robot:planted@example.com/"
		j.Request.Body = "planted body"
		ok(t, db.CreateJob(ctx, &j))
		s := cron.Secret{AccountID: account, Name: fmt.Sprintf("NAME_%d", i), Value: "planted value"}
		ok(t, db.CreateSecret(ctx, &s))
		c := cron.Channel{AccountID: account, Kind: "webhook", Settings: map[string]string{"secret": "planted setting"}}
		ok(t, db.CreateChannel(ctx, &c))
		ok(t, db.QueueMail(ctx, &cron.Mail{ID: fmt.Sprintf("mail %d/%d", account, i), Text: "planted link"}))
		ok(t, db.SaveACMEFile(ctx, fmt.Sprintf("file/%d/%d", account, i), []byte("planted file")))
		_, _, err := db.Idempotent(ctx, cron.IdempotentCall{AccountID: account, Key: fmt.Sprintf("key %d", i)},
			func(context.Context) ([]byte, error) { return []byte("planted answer"), nil })
		ok(t, err)
	}
	page := statuspage.Page{AccountID: account, Title: "planted", Published: true}
	ok(t, db.CreateStatusPage(ctx, &page))
	ok(t, db.Subscribe(ctx, &statuspage.Subscriber{PageID: page.ID, Address: "planted@example.com"}, [32]byte{byte(n)},
		func(context.Context, *statuspage.Subscriber, bool) error { return nil }))
	ok(t, db.StartAction(ctx, &cron.Action{AccountID: account}))
	ok(t, db.SetTLS(ctx, account, cron.TLSMaterial{Roots: "roots", Certificate: "certificate", Key: "planted key"}))
	p := cron.Person{Email: fmt.Sprintf("person%d@example.com", n)}
	ok(t, db.CreatePerson(ctx, &p))
	ok(t, db.SetTOTP(ctx, p.ID, []byte("planted app")))
	node, err := db.StartNode(ctx, cron.Node{Name: "test"})
	ok(t, err)
	job := newJob(account)
	for range 2 { // one that waits, and one that runs
		ok(t, db.StartTestRun(ctx, &cron.TestRun{AccountID: account, Job: job}))
	}
	waiting, err := db.WaitingTestRuns(ctx, 0, nil, 1)
	ok(t, err)
	run, _, err := db.ClaimTestRun(ctx, node, waiting[0], func(*cron.Job) bool { return true })
	ok(t, err)
	_, _, err = db.AdvanceTestRun(ctx, &cron.TestProgress{Node: node, ID: run.ID, AccountID: account})
	ok(t, err)
	ok(t, db.StopNode(ctx, node))
	return account
}

// TestRotate changes the key of a database with a value in every sealed column, interrupted before each statement in turn:
// in the end the new key opens everything and the former one nothing, and what is derived from the secret of the service
// is the same.
func TestRotate(t *testing.T) {
	t.Parallel()
	storetest.OnEach(t, func(t *testing.T, o store.Options) {
		o.Key = firstKey
		db := open(t, o)
		secret := db.ServiceSecret()
		account := plantSecrets(t, db, 3)
		o.Keys = keysOf(firstKey, secondKey)
		both := open(t, o)
		_, all, err := both.Opened(t.Context())
		ok(t, err)
		for _, column := range store.SealedColumns() {
			if all[column] == 0 {
				t.Errorf("%s has no value in it", column)
			}
		}
		ok(t, db.CheckWrite(t.Context()))
		ok(t, db.SetServiceURL(t.Context(), "http://localhost"))
		settings := lines(t, past(t, o), `SELECT name FROM setting`)
		slices.Sort(settings)
		if want := slices.Sorted(slices.Values(append([]string{"key check", "service secret"}, plainSettings...))); !slices.Equal(settings, want) {
			t.Errorf("the settings are %q, but known are %q", settings, want)
		}
		stopped := errors.New("stopped")
		for at := 1; ; at++ { // the statement that fails, as when the process is killed there
			n := 0
			undo := both.Intercept(func(string, []any) error {
				if n++; n == at {
					return stopped
				}
				return nil
			})
			err := both.UseKey(t.Context(), store.IDOf(secondKey), false)
			var done store.Resealed
			if err == nil {
				done, err = both.Reseal(t.Context())
			}
			undo()
			if err == nil {
				if done.Unopened != 0 {
					t.Errorf("%d values do not open", done.Unopened)
				}
				break
			}
			if at > 500 {
				t.Fatalf("the rotation comes to no end: %v", err)
			}
		}
		for key, opens := range map[[32]byte]bool{firstKey: false, secondKey: true} {
			ok(t, both.Forget(key))
			opened, now, err := both.Opened(t.Context())
			ok(t, err)
			want := map[string]int{}
			if opens {
				want = all
			}
			if !maps.Equal(now, all) || !maps.Equal(opened, want) {
				t.Errorf("the key %d opens %v of %v, want %v", key[0], opened, now, want)
			}
		}
		o.Keys = keysOf(firstKey)
		if other, err := store.Open(t.Context(), o); !errors.Is(err, store.ErrOtherKey) {
			t.Errorf("the former key: %v", errors.Join(err, closeIf(other)))
		}
		o.Keys = keysOf(secondKey)
		after := open(t, o)
		if after.ServiceSecret() != secret {
			t.Error("the secret of the service has changed")
		}
		jobs, failed, err := after.Jobs(t.Context(), account)
		ok(t, err)
		if len(jobs) != 3 || failed || jobs[0].Request.URL != "http://robot:planted@example.com/" {
			t.Errorf("%d jobs are listed, some failed: %t", len(jobs), failed)
		}
	})
}

func closeIf(db *store.Store) error {
	if db == nil {
		return nil
	}
	return db.Close()
}

// TestRotateAmongNodes changes the key while nodes with one handle each write: a node that lacks the key keeps it from
// being used, and a node that starts without it is refused afterwards. What writers seal meanwhile, the new key opens.
func TestRotateAmongNodes(t *testing.T) {
	t.Parallel()
	storetest.OnEach(t, func(t *testing.T, o store.Options) {
		ctx := t.Context()
		o.Key = firstKey
		have := [][32]byte{firstKey}
		o.Keys = func() ([][32]byte, error) { return slices.Clone(have), nil }
		node := open(t, o)
		account := plantSecrets(t, node, 5)
		_, err := node.StartNode(ctx, cron.Node{Name: "web"})
		ok(t, err)
		o.Keys = keysOf(firstKey, secondKey)
		command := open(t, o)
		err = command.UseKey(ctx, store.IDOf(secondKey), false)
		var lacking *store.NodesError
		if !errors.As(err, &lacking) || len(lacking.Nodes) != 1 || !strings.HasPrefix(lacking.Nodes[0], "web ") {
			t.Fatalf("with a node that lacks the key: %v", err)
		}
		have = append(have, secondKey)
		ok(t, node.RefreshKeys(ctx))

		// An edit that has read which key is in use keeps it from being replaced until it is committed.
		began, end := make(chan struct{}), make(chan struct{})
		edited := make(chan error, 1)
		go func() {
			edited <- node.InTransaction(ctx, func(ctx context.Context) error {
				err := node.SaveACMEFile(ctx, "late", []byte("value"))
				close(began)
				<-end
				return err
			})
		}()
		<-began
		used := make(chan error, 1)
		go func() { used <- command.UseKey(ctx, store.IDOf(secondKey), false) }()
		raw := past(t, o)
		if o.URL != "" {
			soon(t, "the wait", func() bool {
				return number(t, raw, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) > 0
			})
		}
		select {
		case err := <-used:
			t.Errorf("the key was replaced during an edit: %v", err)
		default:
		}
		close(end)
		ok(t, errors.Join(<-edited, <-used))
		_, err = command.Reseal(ctx)
		ok(t, err)

		j := newJob(account)
		j.Request.Body = "later"
		ok(t, node.CreateJob(ctx, &j))
		ok(t, command.Forget(secondKey))
		opened, all, err := command.Opened(ctx)
		ok(t, err)
		if !maps.Equal(opened, all) {
			t.Errorf("the new key opens %v of %v", opened, all)
		}
		ok(t, node.Forget(firstKey))
		if _, err := node.StartNode(ctx, cron.Node{Name: "late"}); !errors.Is(err, store.ErrOtherKey) {
			t.Errorf("a node without the key starts: %v", err)
		}
		if err := node.CreateJob(ctx, &j); !errors.Is(err, store.ErrOtherKey) {
			t.Errorf("a node without the key seals: %v", err)
		}
	})
}

// TestServiceSecretOfBefore has a database from before keys could be rotated: its key is the secret of the service.
func TestServiceSecretOfBefore(t *testing.T) {
	t.Parallel()
	storetest.OnEach(t, func(t *testing.T, o store.Options) {
		o.Key = firstKey
		if open(t, o).ServiceSecret() == firstKey {
			t.Error("the secret of a new database is its key")
		}
		exec(t, past(t, o), `DELETE FROM setting WHERE name = 'service secret'`)
		for _, readOnly := range []bool{true, false, true} { // a command before the service
			o.NoMigrate = readOnly
			if open(t, o).ServiceSecret() != firstKey {
				t.Error("the secret is not the key of before")
			}
		}
	})
}
