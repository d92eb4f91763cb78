package service_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
	"punctual/internal/service"
	"punctual/internal/statuspage"
	"punctual/internal/store/storetest"
)

// ownAccount is an account apart from the operator's, with an owner.
func (w *world) ownAccount() (owner cron.Actor) {
	w.Helper()
	w.ok(w.SignUp(w.Context(), client("192.0.2.1"), "jane@example.com"))
	in, err := w.CompleteSignUp(w.Context(), client("192.0.2.1"), w.tokenIn(w.oneMail("jane@example.com"), service.SignUpPath),
		service.PersonForm{Password: good})
	w.ok(err)
	return w.actor(in.Token)
}

func TestDeletion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ctx := t.Context()
		owner := w.ownAccount()
		again := func() cron.Actor { return w.signedIn("jane@example.com") }
		w.ok(w.Rename(ctx, owner, " Web shop "))
		for _, typed := range []string{"", "web shop", "Web shop!", "other@example.com"} {
			_, err := w.RequestDeletion(ctx, owner, typed)
			w.fails(err, cron.Invalid, cron.RuleTypedName)
		}
		at, err := w.RequestDeletion(ctx, owner, "Web shop")
		w.ok(err)
		if d := at.Sub(w.db.Now()); d > 7*24*time.Hour || d < 7*24*time.Hour-time.Second {
			t.Errorf("it is deleted in %v", d)
		}
		if m := w.oneMail("jane@example.com"); !strings.Contains(m.Subject, "Web shop") || !strings.Contains(m.Text, at.UTC().Format("2006-01-02 15:04")) {
			t.Errorf("%+v", m)
		}
		_, err = w.NewFolder(again(), "x")
		w.fails(err, cron.Forbidden, cron.RuleAccountDeletes)
		_, err = w.Folders(ctx, again())
		w.ok(err)
		w.ok(w.CancelDeletion(ctx, again()))
		w.oneOf(w.sent(), "not deleted")
		_, err = w.NewFolder(again(), "x")
		w.ok(err)
		w.ok(w.CancelDeletion(ctx, again()))
		if mails := w.sent(); len(mails) > 0 {
			t.Errorf("%+v", mails)
		}
		_, err = w.RequestDeletion(ctx, again(), "JANE@example.com") // its address
		w.ok(err)
		time.Sleep(7 * 24 * time.Hour)
		w.fails(w.CancelDeletion(ctx, again()), cron.NotFound, cron.RuleNone)
		for range 10 {
			_, err = w.db.Maintain(ctx)
			w.ok(err)
		}
		if _, err := w.db.Account(ctx, owner.Account.ID); cron.KindOf(err) != cron.NotFound {
			t.Errorf("the account is there: %v", err)
		}
		if a := again(); a.Account.ID != 0 {
			t.Errorf("%+v", a)
		}
		if got := w.log(); !slices.Contains(got, "account.delete | the service | Web shop") {
			t.Errorf("the log is %q", got)
		}
	})
}

// TestTheOperatorsAccountStays asks for its end in every way.
func TestTheOperatorsAccountStays(t *testing.T) {
	w := newWorld(t, nil)
	owner := w.member("jane@example.com", cron.RoleOwner)
	_, err := w.RequestDeletion(t.Context(), owner, w.account.Email)
	w.fails(err, cron.Conflict, cron.RuleNone)
	for _, atOnce := range []bool{true, false} {
		w.fails(w.DeleteAccount(t.Context(), command, "", atOnce), cron.Conflict, cron.RuleNone)
	}
}

// TestDeletionByACommand has an account deleted later and at once.
func TestDeletionByACommand(t *testing.T) {
	w := newWorld(t, nil)
	owner := w.ownAccount()
	w.ok(w.DeleteAccount(t.Context(), command, "jane@example.com", false))
	w.oneOf(w.sent(), "will be deleted")
	if a, err := w.db.Account(t.Context(), owner.Account.ID); err != nil || a.Deletes.IsZero() {
		t.Errorf("%+v, %v", a, err)
	}
	w.ok(w.DeleteAccount(t.Context(), command, "jane@example.com", true))
	if _, err := w.db.Account(t.Context(), owner.Account.ID); cron.KindOf(err) != cron.NotFound {
		t.Error(err)
	}
}

// TestExport looks for everything but secrets in an export.
func TestExport(t *testing.T) {
	w := newWorld(t, nil)
	ctx := t.Context()
	a := w.member("jane@example.com", cron.RoleOwner)
	w.ok(w.Rename(ctx, a, "Web shop"))
	folder, err := w.NewFolder(a, "nightly")
	w.ok(err)
	w.ok(w.AddFolder(ctx, a, &folder))
	text, err := w.CreateAPIKey(ctx, w.db.Now(), a, func(k *cron.APIKey) error { k.Title = "deploy"; return nil })
	w.ok(err)
	var job cron.Job
	for range 2 {
		job, err = w.NewJob(a, secretJob(folder.ID))
		w.ok(err)
		w.ok(w.AddJob(ctx, a, &job))
	}
	page := statuspage.Page{Title: "Systems", Days: 90, Access: statuspage.AccessPassword, Password: "s3cret sesame",
		Components: []statuspage.Component{{Title: "Website", JobIDs: []int64{job.ID}}}}
	w.ok(w.AddStatusPage(ctx, a, &page))
	w.ok(w.SetStatusLogo(ctx, a, page.ID, true, storetest.Logo()))
	written, err := w.exportText(ctx, a)
	w.ok(err)
	var export struct {
		Format  int
		Account struct{ Title, Email string }
		People  []struct{ Email, Role string }
		APIKeys []struct{ Title string } `json:"apiKeys"`
		Folders []struct{ Title string }
		Jobs    []struct {
			JobID        int64 `json:"jobId"`
			FolderID     int64 `json:"folderId"`
			Title, URL   string
			Schedule     struct{ Hours []int }
			ExtendedData map[string]any
		}
		StatusPages []struct {
			Title, Access string
			LogoDark      []byte
			Components    []struct {
				Title  string
				JobIDs []int64 `json:"jobIds"`
			}
		}
		History []any
		TLS     map[string]string
	}
	if err := json.Unmarshal([]byte(written), &export); err != nil {
		t.Fatalf("%v: %s", err, written)
	}
	if export.Format != 1 || export.Account.Title != "Web shop" || export.People[0].Role != "owner" || export.APIKeys[0].Title != "deploy" ||
		export.Folders[0].Title != "nightly" || len(export.Jobs) != 2 || export.Jobs[1].FolderID != folder.ID || export.Jobs[1].Title != "backup" ||
		export.Jobs[1].URL != "https://user:xxxxx@a.example/" || export.Jobs[1].Schedule.Hours[0] != 3 || export.History == nil {
		t.Errorf("%s", written)
	}
	if p := export.StatusPages[0]; p.Title != "Systems" || p.Access != "password" || !bytes.HasPrefix(p.LogoDark, []byte("\x89PNG")) ||
		p.Components[0].Title != "Website" || p.Components[0].JobIDs[0] != job.ID {
		t.Errorf("%+v", p)
	}
	for _, secret := range []string{"s3cret", text, a.Person.PasswordHash, "argon2id"} {
		if strings.Contains(written, secret) {
			t.Errorf("the export tells %s", secret)
		}
	}
	if !strings.Contains(written, `"X-Token"`) {
		t.Error("the export does not name the headers")
	}
}

// secretJob is a job with secrets in every field that can have one.
func secretJob(folderID int64) *cron.JobPatch {
	p := &cron.JobPatch{Fields: []string{"/title", "/url", "/folderId", "/extendedData/headers", "/extendedData/body", "/auth/enable", "/auth/user",
		"/auth/password", "/schedule/hours"}}
	v := &p.Values
	v.Title, v.Request.URL, v.FolderID = "backup", "https://user:s3cret@a.example/", folderID
	v.Request.Headers = []cron.Header{{Name: "X-Token", Value: "s3cret"}}
	v.Request.Body, v.Request.Auth = "s3cret", cron.BasicAuth{Enable: true, User: "s3cret", Password: "s3cret"}
	v.Schedule.Hours = cron.SetOf(3)
	return p
}

// TestViewersSeeNoSecrets reads a job as a viewer and as an editor.
func TestViewersSeeNoSecrets(t *testing.T) {
	w := newWorld(t, nil)
	ctx, now := t.Context(), w.db.Now()
	editor, viewer := w.member("jane@example.com", cron.RoleEditor), w.member("bob@example.com", cron.RoleViewer)
	job, err := w.NewJob(editor, secretJob(0))
	w.ok(err)
	w.ok(w.AddJob(ctx, editor, &job))
	for name, a := range map[string]cron.Actor{"viewer": viewer, "editor": editor} {
		one, err := w.Job(ctx, now, a, job.ID)
		w.ok(err)
		list, _, err := w.Jobs(ctx, now, a)
		w.ok(err)
		text, err := json.Marshal([]any{one.Request, list[0]})
		w.ok(err)
		if strings.Contains(string(text), "s3cret") != (name == "editor") || !strings.Contains(string(text), "X-Token") {
			t.Errorf("%s sees %s", name, text)
		}
	}
}
