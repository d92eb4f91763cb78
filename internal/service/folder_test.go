package service_test

import (
	"slices"
	"testing"

	"punctual/internal/cron"
	"punctual/internal/service"
	"punctual/internal/store/storetest"
)

// createFolder makes a folder and returns its ID.
func createFolder(t *testing.T, svc *service.Service, account cron.Account, title string) (int64, error) {
	t.Helper()
	folder, err := svc.NewFolder(as(account), title)
	if err != nil {
		return 0, err
	}
	err = svc.AddFolder(t.Context(), as(account), &folder)
	return folder.ID, err
}

func TestFolders(t *testing.T) {
	svc, s, _, account := newService(t, cron.Plan{Name: "any"})
	stranger := storetest.NewAccount(t, s, "b@example.com", "any")
	id, err := createFolder(t, svc, account, " Backups\n")
	if err != nil {
		t.Fatal(err)
	}
	if f, err := svc.Folder(t.Context(), as(account), id); err != nil || f.Title != "Backups" {
		t.Errorf("the folder is %+v, %v", f, err)
	}
	if _, err := createFolder(t, svc, stranger, "Backups"); err != nil {
		t.Errorf("another account's folder of that title: %v", err)
	}
	if _, err := createFolder(t, svc, account, "bACKUPS"); cron.KindOf(err) != cron.Conflict {
		t.Errorf("a second folder of that title: %v", err)
	}
	other, err := createFolder(t, svc, account, "Archive")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		err  error
		kind cron.ErrorKind
	}{
		{"no title", svc.ChangeFolder(t.Context(), as(account), id, new(" ")), cron.Invalid},
		{"a title that exists", svc.ChangeFolder(t.Context(), as(account), other, new("BACKUPS")), cron.Conflict},
		{"no title for a folder that is missing", svc.ChangeFolder(t.Context(), as(account), 4711, new("")),
			cron.Invalid},
		{"a title that exists for one that is missing", svc.ChangeFolder(t.Context(), as(account), 4711, new("Backups")),
			cron.NotFound},
		{"nothing to change of one that is missing", svc.ChangeFolder(t.Context(), as(account), 4711, nil), cron.NotFound},
		{"another account's", svc.ChangeFolder(t.Context(), as(stranger), id, new("mine")), cron.NotFound},
		{"another account's, deleted", svc.DeleteFolder(t.Context(), as(stranger), id), cron.NotFound},
	} {
		if cron.KindOf(tt.err) != tt.kind {
			t.Errorf("%s: %v", tt.name, tt.err)
		}
	}
	if err := svc.ChangeFolder(t.Context(), as(account), id, new("BACKUPS")); err != nil {
		t.Errorf("another letter case for the title: %v", err)
	}
	if err := svc.ChangeFolder(t.Context(), as(account), id, nil); err != nil {
		t.Errorf("nothing to change: %v", err)
	}
	inFolder := setURL("a.example")
	inFolder.Values.FolderID, inFolder.Fields = id, append(inFolder.Fields, "/folderId")
	jobID, err := createJob(t, svc, account, inFolder)
	if err != nil {
		t.Fatal(err)
	}
	if err := svc.DeleteFolder(t.Context(), as(account), id); err != nil {
		t.Fatal(err)
	}
	if job, err := s.Job(t.Context(), account.ID, jobID); err != nil || job.FolderID != 0 {
		t.Errorf("the job of a deleted folder is %+v, %v", job, err)
	}
	folders, err := svc.Folders(t.Context(), as(account))
	want := []cron.Folder{{ID: other, AccountID: account.ID, Title: "Archive"}}
	if err != nil || !slices.Equal(folders, want) {
		t.Errorf("the folders are %+v, %v", folders, err)
	}
}

func TestBadges(t *testing.T) {
	svc, s, _, account := newService(t, cron.Plan{Name: "any"})
	id, err := createJob(t, svc, account, setURL("a.example"))
	if err != nil {
		t.Fatal(err)
	}
	token := service.BadgeToken(svc, account.ID, id, 0, cron.BadgeTitle)
	if len(token) != 16 {
		t.Errorf("the token is %q", token)
	}
	job, err := svc.Badge(t.Context(), id, token, cron.BadgeTitle)
	if err != nil || job.ID != id || job.Request.URL != "http://a.example" {
		t.Errorf("the job is %+v, %v", job, err)
	}
	for name, other := range map[string]string{
		"another account": service.BadgeToken(svc, account.ID+1, id, 0, cron.BadgeTitle),
		"another job":     service.BadgeToken(svc, account.ID, id+1, 0, cron.BadgeTitle),
		"other parts":     service.BadgeToken(svc, account.ID, id, 0, 0),
		"another key": service.BadgeToken(service.New(service.Config{Store: s, Secret: [32]byte{1}}),
			account.ID, id, 0, cron.BadgeTitle),
		"capitals": "0123456789ABCDEF",
		"nothing":  "",
		"a prefix": token[:8],
	} {
		if _, err := svc.Badge(t.Context(), id, other, cron.BadgeTitle); other == token || cron.KindOf(err) != cron.NotFound {
			t.Errorf("the token of %s: %v", name, err)
		}
	}
	if _, err := svc.Badge(t.Context(), id, service.BadgeToken(svc, account.ID, id, 0, 8), 8); cron.KindOf(err) != cron.NotFound {
		t.Errorf("parts that do not exist: %v", err)
	}
	if _, err := svc.Badge(t.Context(), id+1, service.BadgeToken(svc, account.ID, id+1, 0, 0), 0); cron.KindOf(err) != cron.NotFound {
		t.Errorf("a job that does not exist: %v", err)
	}
}
