package web_test

import (
	"fmt"
	"strings"
	"testing"

	"punctual/internal/store/storetest"
)

// TestManyFolders opens all pages with a menu of folders in an account with 5,000 of the worst titles, and chooses one that no menu
// offers.
func TestManyFolders(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	job := c.newJob(t)
	tables := storetest.NewTables(t, storetest.Raw(t, c.options))
	tables.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
		INSERT INTO folder (account_id, title, title_key) SELECT 1, $1 || i, $1 || i FROM n`, strings.Repeat("<", 120))
	last := fmt.Sprint(tables.Number(`SELECT max(id) FROM folder`))
	title := strings.Repeat("<", 120) + "5000"
	tables.Exec(`UPDATE job SET folder_id = $1`, tables.Number(`SELECT max(id) FROM folder`))
	option := `value="` + last + `"`

	for path, says := range map[string]string{
		"/console/jobs/new": `name="folderTitle"`, path(job, "/settings"): `name="folderTitle"`, "/console/jobs": "Folders", "/console/folders": "Next page",
		"/console/jobs?q=folder:%23" + last: "Backup", "/console/jobs/bulk?job=1": "The list has the first 200 of 5,000 folders", "/console/jobs/import": "of 5,000 folders",
		"/console/jobs/import?folder=" + last: option + " selected", "/console/runs": "of 5,000 folders", "/console/runs?folder=" + last: option + " selected",
		"/console/settings/maintenance/new": "of 5,000 folders", "/console/settings/channels/new?kind=webhook": "of 5,000 folders", path(job, ""): "Backup",
		path(job, "/runs"): "Backup", "/console": "Backup", "/console/search?q=a": "", "/console/settings/bin": "", "/console/views": "",
	} {
		if page := b.get(path).says(200, says); len(page.body) > maxPage {
			t.Errorf("%s has %d bytes", path, len(page.body))
		}
	}

	b.post("/console/jobs/bulk", "job", "1", "folderTitle", "nowhere").says(422, "There is no folder nowhere", `value="nowhere"`)
	b.post("/console/jobs/bulk", "job", "1", "folderTitle", title).leads("/console/actions/1")
	b.get("/console/jobs/bulk?from=1").says(200, option+" selected")

	text := []string{"text", "curl https://a.example/", "zone", "UTC", "schedule", "@daily", "do", "read"}
	b.post("/console/jobs/import", append(text, "folderTitle", "nowhere")...).says(422, "There is no folder nowhere")
	b.post("/console/jobs/import", append(text, "folderTitle", strings.ToUpper(title))...).says(200, option+" selected", "1 job found")

	window := []string{"title", "w", "effect", "pause", "kind", "schedule", "schedule", "@daily", "zone", "UTC", "duration", "1", "unit", "hours", "scope", "some"}
	b.post("/console/settings/maintenance", append(window, "folderTitle", "nowhere")...).says(422, "There is no folder nowhere", `value="nowhere"`)
	b.post("/console/settings/maintenance", append(window, "folderTitle", title)...).leads("/console/settings/maintenance?done=maintenance-planned")
	b.get("/console/settings/maintenance/1").says(200, option+" checked")

	channel := []string{"kind", "webhook", "set-url", "https://a.example/"}
	b.post("/console/settings/channels/new", append(channel, "folderTitle", "nowhere")...).says(422, "There is no folder nowhere", `value="nowhere"`)
	b.post("/console/settings/channels/new", append(channel, "folderTitle", title)...).says(200, "channel")
	b.get("/console/settings/channels/2/settings").says(200, option+" checked")

	b.get("/console/runs?folderTitle=nowhere").says(422, "There is no folder nowhere")
	b.get("/console/runs?folderTitle="+strings.Repeat("%3C", 120)+"5000").says(200, option+" selected")
	w, err := c.store.MaintenanceWindow(t.Context(), 1, 1)
	if err != nil || fmt.Sprint(w.FolderIDs) != "["+last+"]" {
		t.Errorf("the window has the folders %v, %v", w.FolderIDs, err)
	}
}
