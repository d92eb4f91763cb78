package web_test

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"punctual/internal/cron"
	"punctual/internal/web"
)

// formOf is what a browser sends of the editor's form: the values of its controls, as the page has them.
func formOf(t testing.TB, body string) url.Values {
	t.Helper()
	document, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	f := url.Values{}
	for n := range document.Descendants() {
		if n.Type == html.ElementNode && n.Data == "form" && attribute(n, "id") == "editor" {
			fillForm(n, f)
		}
	}
	if len(f) == 0 {
		t.Fatalf("the page has no editor:\n%s", body)
	}
	return f
}

// fillForm adds what the controls of a form send.
func fillForm(form *html.Node, f url.Values) {
	for n := range form.Descendants() {
		name := attribute(n, "name")
		if n.Type != html.ElementNode || name == "" || has(n, "disabled") {
			continue
		}
		switch kind := attribute(n, "type"); {
		case n.Data == "input" && (kind == "checkbox" || kind == "radio"):
			if has(n, "checked") {
				f.Add(name, attribute(n, "value"))
			}
		case n.Data == "input":
			f.Add(name, strings.NewReplacer("\r", "", "\n", "").Replace(attribute(n, "value")))
		case n.Data == "textarea":
			text := ""
			if n.FirstChild != nil {
				text = n.FirstChild.Data
			}
			f.Add(name, strings.ReplaceAll(text, "\n", "\r\n"))
		case n.Data == "select":
			f.Add(name, selected(n))
		}
	}
}

// selected is the value of the option of a list that is selected: the first one when none is marked.
func selected(list *html.Node) string {
	var first, chosen *html.Node
	for n := range list.Descendants() {
		if n.Type != html.ElementNode || n.Data != "option" {
			continue
		}
		if first == nil {
			first = n
		}
		if has(n, "selected") {
			chosen = n
		}
	}
	if chosen == nil {
		chosen = first
	}
	return attribute(chosen, "value")
}

// sendForm posts the form that a page shows, edited: pairs of a name and a value that replaces all of that name, for this once.
func (b *visitor) sendForm(path string, f url.Values, pairs ...string) answer {
	b.t.Helper()
	f = maps.Clone(f)
	for i := 0; i+1 < len(pairs); i += 2 {
		f.Del(pairs[i])
		if pairs[i+1] != "" {
			f.Set(pairs[i], pairs[i+1])
		}
	}
	return b.send("POST", path, f.Encode())
}

// storedJob reads a job.
func (c *console) storedJob(t testing.TB, id int64) cron.Job {
	t.Helper()
	record, err := c.store.Job(t.Context(), c.account(t).ID, id)
	if err != nil {
		t.Fatal(err)
	}
	return record.Job
}

func settingsOf(id int64) string { return fmt.Sprintf("/console/jobs/%d/settings", id) }

// TestEditorHasEveryField makes sure that each field that a patch can set has controls on the page of the editor.
func TestEditorHasEveryField(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	document, err := html.Parse(strings.NewReader(b.get("/console/jobs/new").says(200).body))
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for n := range document.Descendants() {
		if n.Type == html.ElementNode {
			there[attribute(n, "name")] = true
		}
	}
	controls := web.EditorControls()
	for field := range cron.JobFields() {
		names := controls[field]
		if len(names) == 0 {
			t.Errorf("the editor has no control for %s", field)
		}
		for _, name := range names {
			optional := slices.Contains([]string{"folderTitle", "folderTitleWas", "authPasswordClear", "bodyClear", "channel"}, name)
			if !there[name] && !optional {
				t.Errorf("the page has no control %s for %s", name, field)
			}
		}
	}
}

// TestNewJob creates a job by the form, without scripts.
func TestNewJob(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	page := b.get("/console/jobs/new").says(200, "Next runs", "Europe/Berlin", "every 15 minutes", "A run that fails is not retried")
	f := formOf(t, page.body)
	b.sendForm("/console/jobs/new", f, "url", "ftp://x", "retries", "11", "timezone", "Mars/Base", "do", "create").
		says(422, "is not supported", "out of range", "is not a known time zone", `id="url-error"`, `id="retries-error"`, `id="timezone-error"`, `value="ftp://x"`)
	shown := b.sendForm("/console/jobs/new", f, "url", "https://a.example/x", "retries", "3", "timezone", "Europe/Berlin", "mode", "weekly",
		"weeklyDay", "2", "weeklyTime", "22:30", "do", "show").says(200, "every Tuesday", "Retry 3 after 4 min: 7 min after the first failure", "https://a.example/x")
	f = formOf(t, shown.body)
	if f.Get("crontab") != "30 22 * * 2" || !slices.Equal(f["hour"], []string{"22"}) || f.Get("mode") != "weekly" {
		t.Errorf("the other modes show %q, %v", f.Get("crontab"), f["hour"])
	}
	a := b.sendForm("/console/jobs/new", f, "jobTitle", hostile, "do", "create", "tags", "a, b ,a", "headerName", "X-A", "headerValue", "1")
	jobs, _, err := c.store.Jobs(t.Context(), 1)
	if err != nil || len(jobs) != 1 {
		t.Fatal(jobs, err, a.body)
	}
	job := c.storedJob(t, jobs[0].ID)
	a.leads(fmt.Sprintf("/console/jobs/%d?done=created", job.ID))
	if job.Title != hostile || !job.Enabled || job.Policy.Retry.Count != 3 || len(job.Tags) != 2 || !job.SaveResponses || !job.Notification.OnFailure ||
		!slices.Equal(job.Request.Headers, []cron.Header{{Name: "X-A", Value: "1"}}) || job.Schedule.Weekdays != cron.SetOf(2) {
		t.Errorf("the job is %+v", job)
	}
	b.get(settingsOf(job.ID)).says(200, "&lt;script&gt;").hides("<script>alert")
}

// TestSaveChangesOnly sends a form of the settings as it is, and with one change, for jobs of many kinds.
func TestSaveChangesOnly(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	berlin, err := cron.LoadZone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(48 * time.Hour).Truncate(time.Second)
	for name, edit := range map[string]func(*cron.Job){
		"plain":   func(*cron.Job) {},
		"never":   func(j *cron.Job) { j.Schedule.Hours, j.Schedule.Seconds = 0, 0 },
		"seconds": func(j *cron.Job) { j.Schedule.Seconds = cron.SetOf(5, 17) },
		"once":    func(j *cron.Job) { j.Timing.RunAt = later },
		"ambiguous": func(j *cron.Job) {
			j.Schedule.Timezone, j.Timing.RunAt = "Europe/Berlin", time.Date(2027, 10, 31, 2, 30, 0, 0, berlin).Add(time.Hour)
		},
		"both days": func(j *cron.Job) {
			j.Schedule.MonthDays, j.Schedule.Weekdays, j.Schedule.Days = cron.SetOf(13, 17), cron.SetOf(5), cron.DaysBoth
		},
		"last day": func(j *cron.Job) { j.Schedule.MonthDays, j.Schedule.LastDay = 0, true },
		"expiry":   func(j *cron.Job) { j.Schedule.ExpiresAt = 20301231235959 },
		"texts": func(j *cron.Job) {
			j.Title, j.Description = hostile+"\nsecond", "\n\nfirst\r\nsecond\rthird"
			j.Request.Body = "\r\n{\"a\": 1}\n\n\x01" + hostile
			j.Exchange.Success = &cron.Success{Status: []cron.StatusRange{{First: 200, Last: 204}, {First: 404, Last: 404}}, Contains: "a\r\nb ", NotContains: "\n", Matches: "^x"}
		},
		"body of zeros": func(j *cron.Job) { j.Request.Method, j.Request.Body = cron.MethodPost, "a\x00b" },
		"large body":    func(j *cron.Job) { j.Request.Body = strings.Repeat("<", 1<<20) },
		"secrets": func(j *cron.Job) {
			j.Request.URL = "https://user:s3cr3t-url@a.example/x"
			j.Request.Auth = cron.BasicAuth{Enable: true, User: "me", Password: "s3cr3t-password"}
			j.SigningSecret = cron.GenerateSigningSecret
			j.Request.Headers = []cron.Header{{Name: "Authorization", Value: "Bearer s3cr3t-1"}, {Name: "X-A", Value: "1"}, {Name: "authorization", Value: "s3cr3t-2"},
				{Name: "X-A", Value: `2"`}, {Name: "Cookie", Value: "a=%secret:A%"}}
		},
		"times": func(j *cron.Job) {
			j.Timing.PausedUntil, j.Timing.PauseNote, j.Notification.SilencedUntil = later, "moving", cron.Forever
			j.Timing.Spread, j.Policy.Grace, j.Policy.LateAfter, j.Timeout = 90*time.Second, 0, time.Hour, 0
			j.Policy.Retry = cron.Retry{Count: 10, Delay: 90 * time.Second, Factor: 1.25, Ceiling: 24 * time.Hour}
			j.Notification.CertExpiryAhead, j.Exchange.Unverified, j.Exchange.FollowRedirects = 36*time.Hour, true, 10
			j.Exchange.Connection = cron.ConnectionReuse
		},
		"channels": func(j *cron.Job) { j.ChannelIDs = []int64{} },
	} {
		t.Run(name, func(t *testing.T) {
			job := c.newJob(t, edit)
			before := c.storedJob(t, job.ID)
			page := b.get(settingsOf(job.ID)).says(200).hides("s3cr3t", "whsec_")
			if len(page.body) > 120<<10 {
				t.Errorf("the page has %d bytes", len(page.body))
			}
			f := formOf(t, page.body)
			b.sendForm(settingsOf(job.ID), f, "do", "save").leads(settingsOf(job.ID) + "?done=saved")
			after := c.storedJob(t, job.ID)
			if changes := cron.JobChanges(&before, &after); len(changes) > 0 || !after.Updated.Equal(before.Updated) {
				t.Errorf("saving what was shown changed %q", changes)
			}
			b.sendForm(settingsOf(job.ID), f, "do", "save", "tags", "new").leads(settingsOf(job.ID) + "?done=saved")
			after = c.storedJob(t, job.ID)
			if changes := cron.JobChanges(&before, &after); !slices.Equal(changes, []string{"/tags"}) {
				t.Errorf("changing the tags changed %q", changes)
			}
			shown := b.sendForm(settingsOf(job.ID), formOf(t, b.get(settingsOf(job.ID)).body), "do", "show").says(200).hides("s3cr3t", "whsec_")
			b.sendForm(settingsOf(job.ID), formOf(t, shown.body), "do", "save").leads(settingsOf(job.ID) + "?done=saved")
			again := c.storedJob(t, job.ID)
			if changes := cron.JobChanges(&after, &again); len(changes) > 0 {
				t.Errorf("saving what was shown again changed %q", changes)
			}
		})
	}
}
