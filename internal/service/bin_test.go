package service_test

import (
	"strings"
	"testing"

	"punctual/internal/cron"
)

// TestExportHasTheBin deletes a job and looks for it, without its credentials.
func TestExportHasTheBin(t *testing.T) {
	w := newWorld(t, nil)
	jane := w.member("jane@example.com", cron.RoleOwner)
	job, err := w.NewJob(jane, setURL("https://joe:s3cret@gone.example/"))
	w.ok(err)
	w.ok(w.AddJob(t.Context(), jane, &job))
	w.ok(w.DeleteJob(t.Context(), jane, job.ID, nil))
	text, err := w.exportText(t.Context(), jane)
	w.ok(err)
	if !strings.Contains(text, `"url":"https://gone.example/"`) || !strings.Contains(text, `"binFolders":[]`) || strings.Contains(text, "s3cret") {
		t.Errorf("the export is %s", text)
	}
}
