package store_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

// TestSecretsCostOneStatement counts the statements of claims: those of jobs that name no secret have none for secrets, and the
// others one for all jobs together.
func TestSecretsCostOneStatement(t *testing.T) {
	for _, database := range storetest.Databases {
		t.Run(database.Name, func(t *testing.T) {
			o := database.New(t)
			db, raw := open(t, o), tables(t, past(t, o))
			account, node := newAccount(t, db)
			ok(t, db.CreateSecret(t.Context(), &cron.Secret{AccountID: account, Name: "A", Value: "value"}))
			create := func(names ...string) {
				j := newJob(account)
				for _, name := range names {
					j.Request.Body += "%secret:" + name + "%"
				}
				ok(t, db.CreateJob(t.Context(), &j))
				raw.SetDue(j.ID, db.Now().Add(-time.Second))
			}
			claim := func(admit cron.Admission) (statements, ofSecrets, launched int) {
				defer db.Intercept(func(query string, _ []any) error {
					if statements++; strings.Contains(query, "sealed_value") {
						ofSecrets++
					}
					return nil
				})()
				claimed, err := db.Claim(t.Context(), cron.ClaimRequest{Node: node, Limit: 100, Admit: func() cron.Admitter {
					return func(*cron.Job, *cron.Plan, int64) cron.Admission { return admit }
				}})
				ok(t, err)
				return statements, ofSecrets, len(claimed.Launches)
			}
			create()
			create()
			create()
			claim(cron.AdmitLater) // as below, so that both claims find their definitions in memory
			without, ofSecrets, launched := claim(cron.AdmitNow)
			if ofSecrets != 0 || launched != 3 {
				t.Errorf("a claim of %d jobs without secrets has %d statements for them", launched, ofSecrets)
			}
			create("A")
			create("A", "B")
			create("B")
			if _, ofSecrets, launched := claim(cron.AdmitLater); ofSecrets != 0 || launched != 0 {
				t.Errorf("a claim that admits %d jobs has %d statements for secrets", launched, ofSecrets)
			}
			with, ofSecrets, launched := claim(cron.AdmitNow)
			if ofSecrets != 1 || launched != 3 {
				t.Errorf("a claim of %d jobs with secrets has %d statements for them, want 1", launched, ofSecrets)
			}
			if database.Name == "PostgreSQL" && with != without+1 { // SQLite has one statement for each record
				t.Errorf("the claim has %d statements, %d without secrets", with, without)
			}
		})
	}
}

// writingSecrets are the methods of secrets that write, for TestOneDoor.
var writingSecrets = map[string]func(w *doorWorld, ctx context.Context, db *store.Store) error{
	"CreateSecret": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.CreateSecret(ctx, &cron.Secret{AccountID: w.account, Name: "NEW", Value: "value"})
	},
	"SetSecret": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		secrets, err := db.Secrets(ctx, w.account, 0, 1)
		if err != nil {
			return err
		}
		return db.SetSecret(ctx, &secrets[0])
	},
	"DeleteSecret": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		secrets, err := db.Secrets(ctx, w.account, 0, 1)
		if err != nil {
			return err
		}
		return db.DeleteSecret(ctx, w.account, secrets[0].ID)
	},
}
