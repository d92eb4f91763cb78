package store_test

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

// TestEditGivesUp changes a job whenever an edit is about to save it.
func TestEditGivesUp(t *testing.T) {
	storetest.OnEach(t, func(t *testing.T, o store.Options) {
		db, raw := open(t, o), past(t, o)
		account, _ := newAccount(t, db)
		j := newJob(account)
		ok(t, db.CreateJob(t.Context(), &j))
		before, err := db.Job(t.Context(), account, j.ID)
		ok(t, err)
		tries := 0
		for name, edit := range map[string]func(see func(*cron.Job) error) error{
			"update": func(see func(*cron.Job) error) error { return db.UpdateJob(t.Context(), account, j.ID, see) },
			"delete": func(see func(*cron.Job) error) error {
				return db.DeleteJobIf(t.Context(), account, j.ID, cron.Author{}, see)
			},
		} {
			tries = 0
			err := edit(func(j *cron.Job) error {
				tries++
				j.Title = "lost"
				tables(t, raw).TouchJob(j.ID)
				return nil
			})
			if e, is := errors.AsType[*cron.Error](err); !is || e.Kind != cron.Conflict || e.Problems[0].Rule != cron.RuleEdited {
				t.Errorf("%s: %v, want a conflict", name, err)
			}
			if tries != 8 {
				t.Errorf("%s: %d tries, want 8", name, tries)
			}
		}
		after, err := db.Job(t.Context(), account, j.ID)
		ok(t, err)
		if after.Title != before.Title {
			t.Errorf("the title is %q, want %q", after.Title, before.Title)
		}
	})
}

// TestLockedRow holds a row lock for longer than a call waits.
func TestLockedRow(t *testing.T) {
	o := storetest.Databases[1].New(t)
	address, err := url.Parse(o.URL)
	ok(t, err)
	q := address.Query()
	q.Set("lock_timeout", "20")
	address.RawQuery = q.Encode()
	raw := past(t, o)
	o.URL = address.String()
	db := open(t, o)
	account, _ := newAccount(t, db)
	j := newJob(account)
	ok(t, db.CreateJob(t.Context(), &j))
	release := tables(t, raw).LockJob(j.ID)
	edit := func() error {
		return db.UpdateJob(t.Context(), account, j.ID, func(j *cron.Job) error { j.Title = "edited"; return nil })
	}
	err = edit()
	if e, is := errors.AsType[*cron.Error](err); !is || e.Kind != cron.TooMany || e.RetryAfter != time.Second ||
		e.Problems[0].Rule != cron.RuleLocked {
		t.Errorf("the call ends with %v, want that it is to come again", err)
	}
	release()
	ok(t, edit())
}

// endless is a query that runs without end on both databases.
const endless = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT count(*) FROM n`

// TestCallsEnd runs a query without end.
func TestCallsEnd(t *testing.T) {
	storetest.OnEach(t, func(t *testing.T, o store.Options) {
		db, raw := open(t, o), past(t, o)
		account, _ := newAccount(t, db)
		db.SetCallTime(50 * time.Millisecond)
		for range 3 {
			if _, err := db.ReadNumber(t.Context(), account, endless); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("an endless read ends with %v", err)
			}
		}
		db.SetCallTime(time.Minute)
		if n, err := db.ReadNumber(t.Context(), account, `SELECT 7`); err != nil || n != 7 {
			t.Errorf("the next read gives %d, %v", n, err)
		}
		if o.URL != "" {
			soon(t, "the end of the query in the database", func() bool {
				return number(t, raw, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
					AND state = 'active' AND query LIKE '%n (i)%' AND pid <> pg_backend_pid()`) == 0
			})
		}
	})
}

// TestOneAccountFillsTheQueue has one account with as many calls waiting for SQLite's writer as possible. Then come a claim,
// a call of another account and a heartbeat.
func TestOneAccountFillsTheQueue(t *testing.T) {
	o := storetest.Databases[0].New(t)
	db, raw := open(t, o), past(t, o)
	account, node := newAccount(t, db)
	other := storetest.NewAccount(t, db, "b@example.com", cron.PlanUnlimited)
	due := newJob(other.ID)
	ok(t, db.CreateJob(t.Context(), &due))
	tables(t, raw).SetDue(due.ID, db.Now().Add(-time.Second))
	var (
		mu      sync.Mutex
		order   []string
		calls   sync.WaitGroup
		refused int
	)
	defer db.Intercept(func(query string, args []any) error {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case strings.Contains(query, "INSERT INTO execution"):
			order = append(order, "claim")
		case strings.Contains(query, "INSERT INTO job "):
			order = append(order, map[bool]string{true: "greedy", false: "other"}[slices.Contains(args, any(account))])
		}
		return nil
	})()
	create := func(account int64) {
		calls.Go(func() {
			j := newJob(account)
			if err := db.CreateJob(t.Context(), &j); cron.KindOf(err) == cron.TooMany {
				mu.Lock()
				defer mu.Unlock()
				refused++
			} else if err != nil {
				t.Error(err)
			}
		})
	}
	var claimed cron.Claimed
	ok(t, db.InTransaction(t.Context(), func(context.Context) error { // the writer is busy meanwhile
		for range 64 {
			create(account)
		}
		soon(t, "the queue", func() bool { return db.Queued() == 64 })
		for range 10 {
			create(account)
		}
		soon(t, "the refusal", func() bool { mu.Lock(); defer mu.Unlock(); return refused == 10 })
		create(other.ID)
		calls.Go(func() {
			var err error
			if claimed, err = db.Claim(t.Context(), cron.ClaimRequest{Node: node, Limit: 10}); err != nil {
				t.Error(err)
			}
		})
		soon(t, "the claim", func() bool { return db.Queued() == 66 })
		return beat(t.Context(), db, node)
	}))
	calls.Wait()
	if len(claimed.Launches) != 1 {
		t.Errorf("%d executions were claimed, want 1", len(claimed.Launches))
	}
	if len(order) < 3 || order[0] != "claim" || slices.Index(order, "other") > 2 || len(order) != 66 {
		t.Errorf("%d writes in the order %v, want the claim first and the other account next or after one", len(order), order)
	}
}
