package web_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
)

// change edits a stored job as somebody else does meanwhile.
func (c *console) change(t testing.TB, id int64, edit func(*cron.Job)) {
	t.Helper()
	err := c.store.UpdateJob(t.Context(), c.account(t).ID, id, func(job *cron.Job) error {
		edit(job)
		job.UpdatedBy = cron.Author{Label: "bob@example.com", Way: cron.WayConsole}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestChangedMeanwhile edits a job that somebody else saves meanwhile.
func TestChangedMeanwhile(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	job := c.newJob(t)
	f := formOf(t, b.get(settingsOf(job.ID)).body)
	c.change(t, job.ID, func(j *cron.Job) {
		j.Title, j.Tags, j.Schedule.Hours = "Theirs", []string{"theirs"}, cron.SetOf(5)
	})
	page := b.sendForm(settingsOf(job.ID), f, "jobTitle", "Mine", "dailyTime", "04:00", "retries", "2", "do", "save").
		says(409, "bob@example.com changed this job", "saved meanwhile of: Tags", "every day at 04:00, UTC", "every day at 05:00, UTC", `value="Mine"`, `value="theirs"`)
	if got := c.storedJob(t, job.ID); got.Title != "Theirs" || got.Policy.Retry.Count != 0 {
		t.Errorf("the job is %+v", got)
	}
	f = formOf(t, page.body)
	if want := []string{"title", "schedule"}; !slices.Equal(f["conflict"], want) {
		t.Errorf("the conflicts are %q, want %q", f["conflict"], want)
	}
	b.sendForm(settingsOf(job.ID), f, "do", "save", "choose-title", "mine").says(422, "Choose which of the two is kept", `value="mine" checked`)
	b.sendForm(settingsOf(job.ID), f, "do", "save", "choose-title", "mine", "choose-schedule", "theirs").leads(settingsOf(job.ID) + "?done=saved")
	got := c.storedJob(t, job.ID)
	if got.Title != "Mine" || got.Schedule.Hours != cron.SetOf(5) || !slices.Equal(got.Tags, []string{"theirs"}) || got.Policy.Retry.Count != 2 {
		t.Errorf("the job is %+v", got)
	}

	f = formOf(t, b.get(settingsOf(job.ID)).body)
	c.change(t, job.ID, func(j *cron.Job) { j.Request.Auth.Password = "s3cr3t" })
	f = formOf(t, b.sendForm(settingsOf(job.ID), f, "jobTitle", "Last", "do", "save").says(409, "Your changes are still in the form").hides("s3cr3t").body)
	b.sendForm(settingsOf(job.ID), f, "do", "save").leads(settingsOf(job.ID) + "?done=saved")
	if got = c.storedJob(t, job.ID); got.Title != "Last" || got.Request.Auth.Password != "s3cr3t" {
		t.Errorf("the job is %+v", got)
	}
}

// TestKeptSecrets replaces, keeps and removes what a page does not show.
func TestKeptSecrets(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	job := c.newJob(t, func(j *cron.Job) {
		j.Request.URL = "https://user:s3cr3t-url@a.example/x"
		j.Request.Auth = cron.BasicAuth{Enable: true, User: "me", Password: "s3cr3t-password"}
		j.Request.Headers = []cron.Header{{Name: "Authorization", Value: "s3cr3t-1"}, {Name: "X-Api-Key", Value: "s3cr3t-2"}}
		j.SigningSecret = cron.GenerateSigningSecret
	})
	before := c.storedJob(t, job.ID)
	save := func(pairs ...string) answer {
		f := formOf(t, b.get(settingsOf(job.ID)).says(200).hides("s3cr3t", "whsec_").body)
		return b.sendForm(settingsOf(job.ID), f, append(pairs, "do", "save")...)
	}
	saved := settingsOf(job.ID) + "?done=saved"

	save("url", "https://user:xxxxx@a.example/y?z=1").leads(saved)
	if got := c.storedJob(t, job.ID).Request.URL; got != "https://user:s3cr3t-url@a.example/y?z=1" {
		t.Errorf("the URL is %s", got)
	}
	for _, elsewhere := range []string{"https://user:xxxxx@evil.example/y", "http://user:xxxxx@a.example/", "https://other:xxxxx@a.example/",
		"https://user:xxxxx@a.example:444/", "https://user:xxxxx@a.example.evil.example/"} {
		save("url", elsewhere).says(422, "type them again").hides("s3cr3t")
	}
	f := formOf(t, b.get(settingsOf(job.ID)).body)
	f["headerName"] = []string{"X-Api-Key", "X-Other", ""}
	f["headerValue"] = []string{"", "1", ""}
	f["headerKept"] = []string{"x-api-key#0", "", ""}
	b.sendForm(settingsOf(job.ID), f, "do", "save").leads(saved)
	if got := c.storedJob(t, job.ID).Request.Headers; !slices.Equal(got, []cron.Header{{Name: "X-Api-Key", Value: "s3cr3t-2"}, {Name: "X-Other", Value: "1"}}) {
		t.Errorf("the headers are %v", got)
	}
	f = formOf(t, b.get(settingsOf(job.ID)).body)
	f["headerName"] = []string{"X-Shown", "X-Other", ""} // a value is kept for its name only
	b.sendForm(settingsOf(job.ID), f, "do", "save").says(422, "a name and no value").hides("s3cr3t")

	save("authPassword", "another").leads(saved)
	if got := c.storedJob(t, job.ID).Request.Auth.Password; got != "another" {
		t.Errorf("the password is %s", got)
	}
	save("authPasswordClear", "1").leads(saved)
	generated := formOf(t, func() string {
		f := formOf(t, b.get(settingsOf(job.ID)).body)
		return b.sendForm(settingsOf(job.ID), f, "do", "signing").says(200, "whsec_").body
	}())
	if got := c.storedJob(t, job.ID); got.SigningSecret != before.SigningSecret || got.Request.Auth.Password != "" {
		t.Errorf("the secrets are %q and %q", got.SigningSecret, got.Request.Auth.Password)
	}
	b.sendForm(settingsOf(job.ID), generated, "do", "save").leads(saved)
	if got := c.storedJob(t, job.ID).SigningSecret; got != generated.Get("signingSecret") || got == before.SigningSecret {
		t.Errorf("the secret is %q", got)
	}
	save("signing", "own", "signingSecret", "x").says(422, `id="signingSecret-error"`)
	save("signing", "none").leads(saved)
}

// TestCloneForm copies a job with the secrets that the page does not show.
func TestCloneForm(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	job := c.newJob(t, func(j *cron.Job) {
		j.Request.Auth.Password = "s3cr3t"
		j.Request.Headers = []cron.Header{{Name: "Authorization", Value: "s3cr3t"}}
		j.Tags = []string{"a"}
	})
	page := b.get(fmt.Sprintf("/console/jobs/new?from=%d", job.ID)).says(200, "Copy of", "will not run at these times").hides("s3cr3t")
	a := b.sendForm("/console/jobs/new", formOf(t, page.body), "enabled", "1", "jobTitle", "Second", "do", "create")
	jobs, _, err := c.store.Jobs(t.Context(), 1)
	if err != nil || len(jobs) != 2 {
		t.Fatal(jobs, err, a.body)
	}
	made := c.storedJob(t, jobs[1].ID)
	if made.ID == job.ID {
		made = c.storedJob(t, jobs[0].ID)
	}
	if made.Title != "Second" || !made.Enabled || made.Request.Auth.Password != "s3cr3t" || made.Request.Headers[0].Value != "s3cr3t" || !slices.Equal(made.Tags, job.Tags) {
		t.Errorf("the copy is %+v", made)
	}
	b.get("/console/jobs/new?from=999").says(404)
}

// TestEditorRights shows the editor to a viewer, and to another account.
func TestEditorRights(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	job := c.newJob(t, func(j *cron.Job) {
		j.Request.Headers, j.Request.Body = []cron.Header{{Name: "X-A", Value: "s3cr3t"}}, "s3cr3t"
	})
	viewer := c.join(t, b, "bob@example.com", "viewer")
	page := viewer.get(settingsOf(job.ID)).says(200, "Viewers see the settings", "<fieldset class=\"all\" disabled>").hides("s3cr3t", `value="save"`)
	viewer.sendForm(settingsOf(job.ID), formOf(t, page.body), "jobTitle", "x", "do", "save").says(403)
	viewer.get("/console/jobs/new").says(403)
	viewer.post("/console/jobs/new", "url", "http://a.example", "do", "create").says(403)

	other := cron.Account{Email: "other@example.com", Plan: cron.PlanDefault}
	if err := c.store.CreateAccount(t.Context(), &other); err != nil {
		t.Fatal(err)
	}
	theirs := cron.NewJob()
	theirs.AccountID, theirs.Request.URL = other.ID, "https://b.example/"
	if err := c.store.CreateJob(t.Context(), &theirs); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{settingsOf(theirs.ID), fmt.Sprintf("/console/jobs/new?from=%d", theirs.ID), "/console/jobs/0/settings", "/console/jobs/x/settings"} {
		b.get(path).says(404)
	}
	b.post(settingsOf(theirs.ID), "jobTitle", "x", "do", "save").says(404)
	b.post("/console/jobs/new", "editor", "new", "from", fmt.Sprint(theirs.ID), "do", "create").says(404)
	b.post("/console/jobs/new", "editor", "new", "job", fmt.Sprint(theirs.ID), "do", "show").says(200)
}

// TestEditorButtons presses the buttons that save nothing.
func TestEditorButtons(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	later := time.Now().Add(time.Hour).Truncate(time.Hour)
	for i := range 12 {
		c.newJob(t, func(j *cron.Job) { j.Title, j.Enabled, j.Timing.RunAt = fmt.Sprint(i), true, later })
	}
	f := formOf(t, b.get("/console/jobs/new?paste=a.example/x").says(200, `value="http://a.example/x"`, "The URL was filled in").body)
	b.get("/console/jobs/new?url=https://a.example/y").says(200, `value="https://a.example/y"`)
	page := b.sendForm("/console/jobs/new", f, "mode", "once", "timezone", "UTC", "onceAt", later.UTC().Format("2006-01-02T15:04"), "do", "show").
		says(200, "At least 12 other jobs start in the same second", "Spread over 5 min")
	f = formOf(t, page.body)
	f = formOf(t, b.sendForm("/console/jobs/new", f, "do", "spread").says(200).body)
	if f.Get("spread") != "5" || f.Get("spreadUnit") != "m" {
		t.Errorf("the spread is %s %s", f.Get("spread"), f.Get("spreadUnit"))
	}
	f = formOf(t, b.sendForm("/console/jobs/new", f, "do", "add-header").says(200).body)
	if len(f["headerName"]) != 4 {
		t.Errorf("there are %d rows of headers", len(f["headerName"]))
	}
	f = formOf(t, b.sendForm("/console/jobs/new", f, "jobTitle", "Kept", "paste", "https://b.example/hook", "do", "create").says(200, "The URL was filled in").body)
	if f.Get("url") != "https://b.example/hook" || f.Get("jobTitle") != "Kept" || strings.TrimSpace(f.Get("paste")) != "" {
		t.Errorf("the form has %q, %q, %q", f.Get("url"), f.Get("jobTitle"), f.Get("paste"))
	}
	b.sendForm("/console/jobs/new", f, "paste", "https//a b", "do", "paste").says(422, `id="paste-error"`, "Kept")
	b.sendForm("/console/jobs/new", f, "mode", "crontab", "crontab", "0 25 * * *", "do", "show").says(200, `id="crontab-error"`, "Correct the schedule")
	b.sendForm("/console/jobs/new", f, "mode", "custom", "mday", "31", "month", "2", "do", "show").says(200, "never runs")
	b.sendForm("/console/jobs/new", f, "mode", "crontab", "crontab", "CRON_TZ=Asia/Tokyo 30 4 * * *", "do", "show").says(200, `value="Asia/Tokyo"`, `value="04:30"`)
}

// TestFormsOfOthers sends forms that have few of the editor's controls, and follows links that change a form.
func TestFormsOfOthers(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	f := formOf(t, b.post("/console/jobs/new", "paste", "https://a.example/x", "do", "paste").says(200, "The URL was filled in").body)
	want := formOf(t, b.get("/console/jobs/new").body)
	want.Set("url", "https://a.example/x")
	for name := range want {
		if !slices.Equal(f[name], want[name]) {
			t.Errorf("%s is %q, and %q at first", name, f[name], want[name])
		}
	}
	b.post("/console/jobs/new", "url", "https://b.example/", "do", "create").leads("/console/jobs/1?done=created")
	job := c.storedJob(t, 1)
	if !job.Enabled || job.Exchange.Unverified || !job.Notification.OnFailure || !job.SaveResponses {
		t.Errorf("the job is %+v", job)
	}

	settings := settingsOf(1)
	page := b.get(settings+"?mend=timeout&to=20").says(200, "Save to keep it", `data-guard="changed"`)
	b.sendForm(settings, formOf(t, page.body), "do", "save").leads(settings + "?done=saved")
	page = b.get(settings + "?mend=content-type&to=text/plain").says(200)
	b.sendForm(settings, formOf(t, page.body), "do", "save").leads(settings + "?done=saved")
	before := job
	job = c.storedJob(t, 1)
	if changes := cron.JobChanges(&before, &job); !slices.Equal(changes, []string{"/extendedData/headers", "/requestTimeout"}) || job.Timeout != 20 {
		t.Errorf("the changes are %q: %+v", changes, job)
	}
	b.get("/console/jobs/new?mend=url&to=https://c.example/").says(200, `value="https://c.example/"`)

	page = b.get(settings).says(200, "Connection")
	b.sendForm(settings, formOf(t, page.body), "do", "save", "connection", "1").leads(settings + "?done=saved")
	if got := c.storedJob(t, 1).Exchange.Connection; got != cron.ConnectionReuse {
		t.Errorf("the connection is %d", got)
	}
	page = b.get(settings+"?mend=connection").says(200, "Use new connections")
	b.sendForm(settings, formOf(t, page.body), "do", "save").leads(settings + "?done=saved")
	if got := c.storedJob(t, 1).Exchange.Connection; got != cron.ConnectionFresh {
		t.Errorf("the connection is %d", got)
	}
}

// TestSchedulePage asks what a schedule means.
func TestSchedulePage(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	b.get("/console/jobs/schedule").says(200, "every 15 minutes")
	q := url.Values{"mode": {"daily"}, "dailyTime": {"02:30"}, "timezone": {"Europe/Berlin"}, "enabled": {"1"}, "retries": {"2"}, "retryDelay": {"1"}, "retryDelayUnit": {"h"}}
	b.get("/console/jobs/schedule?"+q.Encode()).says(200, "every day at 02:30", "Europe/Berlin", "UTC", `value="30 2 * * *"`, "Retry 2 after 1 h")
	q.Set("timezone", `"><script>`)
	b.get("/console/jobs/schedule?"+q.Encode()).says(200, "is not a known time zone", "Correct the schedule").hides("<script>\"")
	for name, values := range q {
		for range 50 {
			values = append(values, "\x00"+hostile)
		}
		b.get("/console/jobs/schedule?" + url.Values{name: values, "mode": {"custom"}}.Encode()).says(200)
	}
}

// TestEditorWorstData shows a job in an account with as many folders and channels as there may be, and long texts.
func TestEditorWorstData(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	var last cron.Folder
	for i := range 300 {
		last = cron.Folder{AccountID: 1, Title: fmt.Sprintf("%s %d", strings.Repeat("&<long>", 15), i)}
		if err := c.store.CreateFolder(t.Context(), &last); err != nil {
			t.Fatal(err)
		}
	}
	job := c.newJob(t, func(j *cron.Job) {
		j.FolderID, j.Title, j.Description = last.ID, strings.Repeat("<", 512), strings.Repeat("a", 4096)
		j.Request.Body = strings.Repeat("x", 20<<10)
		j.Schedule.Minutes = cron.SetOf(1, 2, 5, 7, 11, 30)
		for i := range cron.MaxTags {
			j.Tags = append(j.Tags, fmt.Sprintf("%s%d", strings.Repeat("&", 60), i))
		}
	})
	page := b.get(settingsOf(job.ID)).says(200, `name="folderTitle"`)
	if len(page.body) > 120<<10 {
		t.Errorf("the page has %d bytes", len(page.body))
	}
	f := formOf(t, page.body)
	b.sendForm(settingsOf(job.ID), f, "do", "save", "folderTitle", "nowhere").says(422, "There is no folder nowhere", `value="nowhere"`)
	b.sendForm(settingsOf(job.ID), f, "do", "save").leads(settingsOf(job.ID) + "?done=saved")
	b.sendForm(settingsOf(job.ID), f, "do", "save", "folderTitle", "").leads(settingsOf(job.ID) + "?done=saved")
	if got := c.storedJob(t, job.ID).FolderID; got != 0 {
		t.Errorf("the folder is %d", got)
	}
	f = formOf(t, b.get(settingsOf(job.ID)).body)
	b.sendForm(settingsOf(job.ID), f, "do", "save", "body", strings.Repeat("\n", cron.MaxBodyLength/2)).leads(settingsOf(job.ID) + "?done=saved")
	b.sendForm(settingsOf(job.ID), f, "do", "save", "body", strings.Repeat("x", 4<<20)).says(422, "too long")
}
