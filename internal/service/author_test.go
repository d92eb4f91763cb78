package service_test

import (
	"testing"

	"punctual/internal/cron"
)

// TestAuthors changes a job as a person, as an API key and by a command.
func TestAuthors(t *testing.T) {
	w := newWorld(t, nil)
	person := w.member("anna@example.com", cron.RoleEditor)
	key := cron.Actor{Account: w.account, Key: &cron.APIKey{ID: 7, AccountID: w.account.ID, Title: "deploy", Scopes: cron.ScopeAll},
		Role: cron.RoleOwner, Way: cron.WayAPI}
	command := cron.OperatorOf(w.account)
	byPerson := cron.Author{PersonID: person.Person.ID, Label: person.Person.Email, Way: cron.WayConsole}
	byKey := cron.Author{KeyID: 7, Label: "deploy", Way: cron.WayAPI}
	byCommand := cron.Author{Label: "command line", Way: cron.WayCommand}

	patch := &cron.JobPatch{Values: cron.Job{Request: cron.Request{URL: "a.example"}}, Fields: []string{"/url"}}
	job, err := w.NewJob(person, patch)
	w.ok(err)
	w.ok(w.AddJob(w.Context(), person, &job))
	check := func(created, updated cron.Author) {
		t.Helper()
		rec, err := w.db.Job(w.Context(), w.account.ID, job.ID)
		w.ok(err)
		if rec.CreatedBy != created || rec.UpdatedBy != updated {
			t.Errorf("made by %+v and changed by %+v, want %+v and %+v", rec.CreatedBy, rec.UpdatedBy, created, updated)
		}
	}
	check(byPerson, byPerson)
	for _, change := range []struct {
		actor cron.Actor
		by    cron.Author
	}{{key, byKey}, {command, byCommand}, {person, byPerson}} {
		_, err := w.ChangeJob(w.Context(), change.actor, job.ID, nil, &cron.JobPatch{Values: cron.Job{Title: change.by.Label}, Fields: []string{"/title"}})
		w.ok(err)
		check(byPerson, change.by)
	}

	job, err = w.NewClone(w.Context(), key, job.ID, &cron.JobPatch{})
	w.ok(err)
	w.ok(w.AddJob(w.Context(), key, &job))
	check(byKey, byKey)
}
