package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

// TestPolls asks for all kinds of background work: one statement answers as long as nothing changes, a commit of this node makes it ask anew, and
// whatever there is to do is then found by the question of its kind.
func TestPolls(t *testing.T) {
	for _, kind := range storetest.Databases {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			options := kind.New(t)
			options.SharePolls, options.Connections = true, 4 // too few to listen, since notifications make a node ask anew
			db, raw := open(t, options), past(t, options)
			db.SetPollAge(time.Hour)
			account, node := newAccount(t, db)
			job := newJob(account)
			ok(t, db.CreateJob(t.Context(), &job))
			asked := 0
			defer db.Intercept(func(string, []any) error {
				asked++
				return nil
			})()
			// found asks for all kinds, and lists those for which there is something.
			found := func() (list string, statements int) {
				asked = 0
				for _, ask := range []func(ctx context.Context) (string, error){
					func(ctx context.Context) (string, error) { return something("page", db.AnyStatusPage)(ctx) },
					func(ctx context.Context) (string, error) { return something("observed", db.Observable)(ctx) },
					func(ctx context.Context) (string, error) { return something("notice", db.OpenNotice)(ctx) },
					func(ctx context.Context) (string, error) {
						_, is, err := db.ClaimAction(ctx, node)
						return map[bool]string{true: "action "}[is], err
					},
					func(ctx context.Context) (string, error) {
						waiting, err := db.WaitingTestRuns(ctx, 0, nil, 10)
						return map[bool]string{true: "test run "}[len(waiting) > 0], err
					},
					func(ctx context.Context) (string, error) {
						due, err := db.DueDeliveries(ctx, statuspage.DeliveryClaim{Limit: 10, Most: 10})
						return map[bool]string{true: "delivery "}[due], err
					},
					func(ctx context.Context) (string, error) {
						revision, err := db.DomainsRevision(ctx)
						return fmt.Sprintf("domains %d ", revision), err
					},
				} {
					one, err := ask(t.Context())
					ok(t, err)
					list += one
				}
				return list, asked
			}
			changed := func() {
				ok(t, db.CreateFolder(t.Context(), &cron.Folder{AccountID: account, Title: fmt.Sprint(time.Now().UnixNano())}))
			}
			expect := func(want string, atLeast, atMost int) {
				t.Helper()
				if got, n := found(); got != want || n < atLeast || n > atMost {
					t.Errorf("found %q by %d statements, want %q by %d to %d", got, n, want, atLeast, atMost)
				}
			}
			revision := number(t, raw, `SELECT revision FROM status_domain_set`)
			nothing := fmt.Sprintf("domains %d ", revision)
			changed()
			expect(nothing, 1, 1)
			expect(nothing, 0, 0)

			other := options
			other.SharePolls = false
			another := open(t, other)
			page := statuspage.Page{AccountID: account, Title: "page"}
			ok(t, another.CreateStatusPage(t.Context(), &page))
			ok(t, another.StartAction(t.Context(), &cron.Action{AccountID: account}))
			ok(t, another.StartTestRun(t.Context(), &cron.TestRun{AccountID: account, Job: job}))
			exec(t, raw, `INSERT INTO monitor_result (account_id, job_id, at, outcome, status, duration_us) VALUES ($1, $2, 1, 1, 1, 1)`, account, job.ID)
			exec(t, raw, `INSERT INTO status_notice (page_id, account_id, kind, object_id, title, body, phase, starts_at, ends_at, component_ids, created_at)
				VALUES ($1, $2, 0, 1, '', '', 0, 0, 0, '', 1)`, page.ID, account)
			tables(t, raw).AddStatusLoad(account, 1, db.Now())
			exec(t, raw, `INSERT INTO status_delivery (notice_id, subscriber_id, account_id, created_at, due_at)
				SELECT (SELECT min(id) FROM status_notice), min(id), $1, 1, 1 FROM status_subscriber`, account)
			exec(t, raw, `UPDATE status_domain_set SET revision = revision + 1`)
			if options.URL == "" {
				expect(nothing, 0, 0) // nobody has told this node
			}
			changed()
			expect(fmt.Sprintf("page observed notice action test run delivery domains %d ", revision+1), 7, 20)
		})
	}
}

// something names what there is.
func something(name string, ask func(context.Context) (bool, error)) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		is, err := ask(ctx)
		return map[bool]string{true: name + " "}[is], err
	}
}

// polling opens a database on SQLite whose kept answers count for the whole test.
func polling(t *testing.T) (store.Options, *store.Store) {
	options := storetest.Databases[0].New(t)
	options.SharePolls = true
	db := open(t, options)
	db.SetPollAge(time.Hour)
	return options, db
}

// TestPollsForget attacks the kept answer: what changes while it is asked for is not kept.
func TestPollsForget(t *testing.T) {
	t.Parallel()
	options, db := polling(t)
	account, node := newAccount(t, db)
	started := false
	defer db.Intercept(func(query string, _ []any) error {
		if query == store.PollQuery && !started {
			started = true
			ok(t, db.StartAction(t.Context(), &cron.Action{AccountID: account}))
		}
		return nil
	})()
	for range 2 { // the first may have asked before
		_, _, err := db.ClaimAction(t.Context(), node)
		ok(t, err)
	}
	if number(t, past(t, options), `SELECT count(*) FROM action WHERE node = $1`, node) != 1 || !started {
		t.Error("the action that began meanwhile was not found")
	}
}

// TestPollsFail has the statement for all kinds fail: each kind then asks by itself, without trying that statement again at once.
func TestPollsFail(t *testing.T) {
	t.Parallel()
	_, db := polling(t)
	account, node := newAccount(t, db)
	ok(t, db.StartAction(t.Context(), &cron.Action{AccountID: account}))
	asked := 0
	defer db.Intercept(func(query string, _ []any) error {
		if query == store.PollQuery {
			asked++
			return errors.New("no answer")
		}
		return nil
	})()
	_, err := db.AnyStatusPage(t.Context())
	ok(t, err)
	_, found, err := db.ClaimAction(t.Context(), node)
	ok(t, err)
	if !found || asked != 1 {
		t.Errorf("an action is found: %v, after %d questions for all kinds", found, asked)
	}
}
