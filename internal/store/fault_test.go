package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/stdlib"

	"punctual/internal/cron"
	"punctual/internal/store/storetest"
)

// TestAllOrNothing aborts every kind of write before each of its statements in turn. Nothing of it must be left, and it
// must succeed afterwards.
func TestAllOrNothing(t *testing.T) {
	for _, kind := range storetest.Databases {
		t.Run(kind.Name, func(t *testing.T) {
			options := kind.New(t)
			options.Plans = cron.Plans{cron.PlanUnlimited: {MaxFailures: 0, Retention: time.Hour}}
			db, raw := open(t, options), past(t, options)
			account, node := newAccount(t, db)
			for range 2 {
				ok(t, db.CreateChannel(t.Context(), &cron.Channel{AccountID: account, Kind: "webhook", Enabled: true, Default: true, Reminder: time.Hour}))
			}
			folder := cron.Folder{AccountID: account, Title: "folder"}
			ok(t, db.CreateFolder(t.Context(), &folder))
			create := func(edit func(*cron.Job)) cron.Job {
				t.Helper()
				j := newJob(account)
				j.FolderID = folder.ID
				j.Request.Body = "secret"
				j.Notification = cron.Notification{OnFailure: true, OnFailureCount: 1, OnDisable: true}
				edit(&j)
				ok(t, db.CreateJob(t.Context(), &j))
				return j
			}
			due := func(j cron.Job) {
				t.Helper()
				tables(t, raw).SetDue(j.ID, db.Now().Add(-time.Second))
			}
			disabled := create(func(*cron.Job) {})
			retried := create(func(j *cron.Job) { j.Policy.Retry.Count = 1 })
			repeated := create(func(j *cron.Job) { j.Policy.Delivery, j.Policy.Overlap = cron.AtLeastOnce, cron.OverlapSkip })
			flapping := create(func(*cron.Job) {})
			var (
				batch, results []cron.Completion
				sending        []int64 // messages
			)
			finished := func(status cron.Status) func() {
				return func() {
					due(flapping)
					claimed, err := db.Claim(t.Context(), cron.ClaimRequest{Node: node, Limit: 10})
					ok(t, err)
					for _, l := range claimed.Launches {
						if l.Job.ID == flapping.ID {
							results = []cron.Completion{completion(l, status)}
						}
					}
				}
			}
			finish := func() error { return db.Finish(t.Context(), results) }

			for _, step := range []struct {
				name    string
				prepare func() // not intercepted
				run     func() error
			}{
				{name: "create an account", run: func() error {
					return db.CreateAccount(t.Context(), &cron.Account{Email: "b@example.com", Plan: cron.PlanMember})
				}},
				{name: "create a job", run: func() error {
					j := newJob(account)
					j.FolderID, j.Request.Body = folder.ID, "secret"
					return db.CreateJob(t.Context(), &j)
				}},
				{
					name:    "claim",
					prepare: func() { due(disabled); due(retried); due(repeated) },
					run: func() error {
						claimed, err := db.Claim(t.Context(), cron.ClaimRequest{Node: node, Limit: 10})
						for _, l := range claimed.Launches {
							if l.Job.ID != repeated.ID {
								batch = append(batch, completion(l, cron.StatusHTTPError))
								batch[len(batch)-1].Result.Headers = []byte("\r\n")
							}
						}
						return err
					},
				},
				{
					name:    "finish",
					prepare: func() { due(disabled) }, // so that it is due when it is disabled
					run:     func() error { return db.Finish(t.Context(), batch) },
				},
				{name: "claim an attempt, and skip an overlap", prepare: func() {
					tables(t, raw).FindPending()
					due(repeated)
				}, run: func() error {
					_, err := db.Claim(t.Context(), cron.ClaimRequest{Node: node, Limit: 10})
					return err
				}},
				{name: "disable a job", prepare: func() { due(retried) }, run: func() error {
					return db.UpdateJob(t.Context(), account, retried.ID, func(j *cron.Job) error { j.Enabled = false; return nil })
				}},
				{name: "enable a job", run: func() error {
					return db.UpdateJob(t.Context(), account, retried.ID, func(j *cron.Job) error { j.Enabled = true; return nil })
				}},
				{name: "disable an account", prepare: func() { due(retried) }, run: func() error {
					return db.UpdateAccount(t.Context(), account, disableAccount)
				}},
				{name: "claim what a disabled account has due", run: func() error {
					_, err := db.Claim(t.Context(), cron.ClaimRequest{Node: node, Limit: 10})
					return err
				}},
				{name: "wake a job", prepare: func() {
					tables(t, raw).SetEnabled(account, db.Now())
				}, run: func() error { return db.WakeJobs(t.Context(), account) }},
				{name: "delete a folder", run: func() error {
					return db.DeleteFolder(t.Context(), account, folder.ID, cron.Author{})
				}},
				{name: "delete a job", run: func() error {
					return db.DeleteJob(t.Context(), account, disabled.ID)
				}},
				{name: "restore a folder", run: func() error {
					_, _, err := db.RestoreFolder(t.Context(), account, folder.ID, cron.Author{})
					return err
				}},
				{name: "restore a job", run: func() error {
					b, j, err := db.BinJob(t.Context(), account, disabled.ID)
					if err != nil {
						return err
					}
					return db.RestoreJob(t.Context(), &b, &j, func(context.Context) error { return nil })
				}},
				{name: "restore a version", run: func() error {
					_, err := db.RestoreVersion(t.Context(), account, retried.ID, 1, func(j *cron.Job) error { j.Title = "former"; return nil })
					return err
				}},
				{name: "forget a version", run: func() error { return db.ForgetVersion(t.Context(), account, retried.ID, 1) }},
				{name: "count a request", run: func() error {
					_, err := db.Count(t.Context(), account, []cron.RateLimit{
						{Kind: 1, Subject: 1, Window: time.Hour, Max: 10}, {Kind: 2, Subject: 1, Window: time.Hour, Max: 10},
					})
					return err
				}},
				{name: "ask for a run", run: func() error {
					_, err := db.RequestRun(t.Context(), account, retried.ID, cron.Author{})
					return err
				}},
				{name: "repeat executions", run: func() error {
					_, err := db.Rerun(t.Context(), account, &cron.RerunPlan{Runs: []cron.Rerun{
						{JobID: retried.ID, RecordID: 4711, Planned: db.Now(), After: time.Hour},
						{JobID: retried.ID, RecordID: 4712, Planned: db.Now(), After: 2 * time.Hour},
					}}, cron.Author{Label: "jane@example.com", Way: cron.WayAPI})
					return err
				}},
				{name: "open a problem", prepare: finished(cron.StatusTimeout), run: finish},
				{name: "change the problem", prepare: finished(cron.StatusHTTPError), run: finish},
				{name: "resolve the problem", prepare: finished(cron.StatusOK), run: finish},
				{name: "open it again", prepare: finished(cron.StatusTimeout), run: finish},
				{name: "delete a job that has a problem", run: func() error {
					return db.DeleteJob(t.Context(), account, flapping.ID)
				}},
				{name: "claim what was missed", prepare: func() {
					tables(t, raw).SetDue(repeated.ID, db.Now().Add(-5*time.Hour))
				}, run: func() error {
					_, err := db.Claim(t.Context(), cron.ClaimRequest{Node: node, Limit: 10})
					return err
				}},
				{name: "route notices", run: func() error {
					_, err := db.RouteNotices(t.Context())
					return err
				}},
				{name: "claim messages", prepare: func() {
					tables(t, raw).HurryMessages(db.Now().Add(-time.Second))
				}, run: func() error {
					claimed, err := db.ClaimMessages(t.Context(), cron.MessageClaim{Node: node, Limit: 4})
					for _, d := range claimed.Deliveries {
						sending = append(sending, d.Message.ID)
					}
					return err
				}},
				{name: "a message is sent, and a reminder follows", run: func() error {
					return db.FinishMessage(t.Context(), &cron.MessageResult{MessageID: sending[0], Node: node})
				}},
				{name: "a message fails, and its channel is stopped", run: func() error {
					return db.FinishMessage(t.Context(), &cron.MessageResult{MessageID: sending[1], Node: node, Fault: cron.ChannelNotFound, Gone: true})
				}},
				{name: "send a message again", run: func() error {
					_, err := db.ResendMessage(t.Context(), account, sending[0])
					return err
				}},
				{name: "give back messages that nobody sends", run: func() error {
					_, err := db.ClaimMessages(t.Context(), cron.MessageClaim{Node: node})
					return err
				}},
				{name: "create a job once", run: func() error {
					c := cron.IdempotentCall{AccountID: account, Key: "key"}
					_, _, err := db.Idempotent(t.Context(), c, func(ctx context.Context) ([]byte, error) {
						j := newJob(account)
						j.Request.Body = "secret"
						return []byte("answer"), db.CreateJob(ctx, &j)
					})
					return err
				}},
			} {
				if step.prepare != nil {
					step.prepare()
				}
				before := dump(t, raw)
				for at := 1; ; at++ {
					cut := errors.New("cut off")
					seen := 0
					undo := db.Intercept(func(string, []any) error {
						if seen++; seen == at {
							return cut
						}
						return nil
					})
					batchBefore := len(batch)
					err := step.run()
					undo()
					if err == nil && seen < at {
						if at == 1 {
							t.Errorf("%s runs no statement", step.name)
						}
						break
					}
					if err == nil {
						t.Errorf("%s reports no error when statement %d fails", step.name, at)
						break
					}
					batch = batch[:batchBefore]
					if diff := cmp.Diff(before, dump(t, raw)); diff != "" {
						t.Fatalf("%s, cut off before statement %d, leaves (-before +after):\n%s", step.name, at, diff)
					}
				}
				if cmp.Equal(before, dump(t, raw)) {
					t.Errorf("%s changes nothing", step.name)
				}
			}
			var outcomes []int64
			for _, job := range []cron.Job{disabled, retried, repeated} {
				outcomes = append(outcomes, tables(t, raw).RowsOfJob("execution", job.ID))
			}
			// Of the first a failure and what was due when it was disabled; of the second three attempts and what was due when
			// it and its account were disabled; of the third what runs, two overlaps and what was missed.
			if want := []int64{2, 5, 4}; !cmp.Equal(outcomes, want) {
				t.Errorf("the jobs have %v records, want %v", outcomes, want)
			}
		})
	}
}

// dump reads all rows of all tables except that of the migrations, as text.
func dump(t testing.TB, raw *sql.DB) (lines []string) {
	t.Helper()
	tables := `SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace
		AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> 'schema_version'`
	if _, isPostgres := raw.Driver().(*stdlib.Driver); !isPostgres {
		tables = `SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'schema_version' AND name NOT LIKE 'sqlite%'`
	}
	for _, table := range texts(t, raw, tables) {
		for _, row := range texts(t, raw, `SELECT * FROM `+table) {
			lines = append(lines, table+": "+row)
		}
	}
	return lines
}

// texts reads the rows of a query, each as text, in the order of the texts.
func texts(t testing.TB, raw *sql.DB, query string, args ...any) (lines []string) {
	t.Helper()
	rows, err := raw.Query(query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	ok(t, err)
	for rows.Next() {
		values := make([]any, len(columns))
		fields := make([]any, len(columns))
		for i := range values {
			fields[i] = &values[i]
		}
		ok(t, rows.Scan(fields...))
		lines = append(lines, strings.TrimSuffix(fmt.Sprintln(values...), "\n"))
	}
	ok(t, rows.Err())
	slices.Sort(lines)
	return lines
}
