package web_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"punctual/internal/cron"
	"punctual/internal/service"
	"punctual/internal/store/storetest"
)

// crontab is a text with jobs of all kinds, and lines that become none.
const crontab = `MAILTO=ops@example.com
CRON_TZ=Asia/Tokyo
# Nightly report
0 3 * * * curl -fsS -X POST -d a=1 https://a.example/report >/dev/null 2>&1
*/5 * * * * curl "https://b.example/hook?token=$TOKEN"
0 25 * * * curl https://c.example/
0 4 * * * php /srv/artisan
0 5 * * * curl ftp://d.example/
curl https://bob:s3cret@e.example/`

var (
	digestOf = regexp.MustCompile(`name="digest" value="(\w+)"`)
	tableOf  = regexp.MustCompile(`name="table" value="(\w+)"`)
	tickOf   = regexp.MustCompile(`name="row" value="(\d+)"[^>]* checked>`)
)

// imported is the form of the import with what was read of a text.
func (b *visitor) imported(t testing.TB, text string, more ...string) (pairs []string) {
	t.Helper()
	pairs = append([]string{"text", text, "zone", "Europe/Berlin", "schedule", "0 * * * *"}, more...)
	a := b.post("/console/jobs/import", append(pairs, "do", "read")...).says(200)
	if found := digestOf.FindStringSubmatch(a.body); found != nil {
		pairs = append(pairs, "digest", found[1], "table", tableOf.FindStringSubmatch(a.body)[1])
	}
	for _, found := range tickOf.FindAllStringSubmatch(a.body, -1) {
		pairs = append(pairs, "row", found[1])
	}
	return pairs
}

func TestImport(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	b.get("/console/jobs/import").says(200, "Commands or crontab lines", `value="0 * * * *"`).hides("Create the ticked jobs")
	b.post("/console/jobs/import", "text", crontab, "zone", "Europe/Berlin", "schedule", "0 * * * *", "do", "read").says(200, "4 jobs found", "Nightly report",
		"Asia/Tokyo", `<time datetime=`, "The value of the variable TOKEN is not known", "php", "sends no HTTP request", "Line 6:", "25",
		"ftp", "https://bob:xxxxx@e.example/", "Channels tell you", "Create the ticked jobs").hides(`href="https://bob`)

	pairs := b.imported(t, crontab)
	if ticks := strings.Count(strings.Join(pairs, "\n"), "row\n"); ticks != 2 { // not the one with a variable, nor the one with ftp
		t.Errorf("%d rows are ticked: %q", ticks, pairs)
	}
	b.post("/console/jobs/import", append(pairs, "do", "create", "row", "1")...).leads("/console/jobs?done=imported")
	first, second, third := c.storedJob(t, 1), c.storedJob(t, 2), c.storedJob(t, 3)
	if first.Title != "Nightly report" || first.Schedule.Timezone != "Asia/Tokyo" || first.Request.Body != "a=1" || !first.Enabled || !first.Notification.OnFailure {
		t.Errorf("%+v", first)
	}
	if second.Request.URL != "https://b.example/hook?token=$TOKEN" || third.Request.URL != "https://bob:s3cret@e.example/" ||
		third.Schedule.Hours != cron.Every {
		t.Errorf("%+v, %+v", second, third)
	}
	at := b.post("/console/jobs/import", append(b.imported(t, crontab), "edit", "1")...)
	at.leads("/console/jobs/new?paste=CRON_TZ%3DAsia%2FTokyo+%2A%2F5+%2A+%2A+%2A+%2A+curl+%22https%3A%2F%2Fb.example%2Fhook%3Ftoken%3D%24TOKEN%22")
	b.get(at.header.Get("Location")).says(200, `value="https://b.example/hook?token=$TOKEN"`, "Asia/Tokyo", "The value of the variable TOKEN")
	b.post("/console/jobs/import", b.imported(t, "curl https://one.example/ -H 'X: y'")...).says(200)
	b.post("/console/jobs/import", append(b.imported(t, "curl https://one.example/ -H 'X: y'"), "do", "create")...).leads("/console/jobs/4?done=created")
}

func TestImportMistakes(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	b.post("/console/jobs/import", "text", " ", "zone", "Mars", "schedule", "x").says(422, `id="text-error"`, `id="zone-error"`, `id="schedule-error"`)
	b.post("/console/jobs/import", "text", "what is this", "zone", "UTC", "schedule", "@daily").says(200, "what is this", "sends no HTTP request").hides("Create the ticked")
	pairs := b.imported(t, "curl https://a.example/\ncurl https://b.example/")
	changed := append([]string(nil), pairs...)
	for i := range changed {
		changed[i] = strings.ReplaceAll(changed[i], "a.example", "z.example")
	}
	b.post("/console/jobs/import", append(changed, "do", "create")...).says(422, "have changed since the table was made", "z.example")
	var none []string
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i] != "row" {
			none = append(none, pairs[i], pairs[i+1])
		}
	}
	b.post("/console/jobs/import", append(none, "do", "create")...).says(422, "No job is ticked")
	b.post("/console/jobs/import", append(b.imported(t, "curl https://a.example/\ncurl https://b.example/", "folder", "4711"), "do", "create")...).
		says(422, "Created: 0 jobs. Not created: 2 jobs")
	if err := c.service.ChangeAccount(t.Context(), command(), c.account(t).Email, service.AccountChange{Overrides: cron.Overrides{"maxJobs": 1}}); err != nil {
		t.Fatal(err)
	}
	b.post("/console/jobs/import", append(b.imported(t, "curl https://a.example/\ncurl https://b.example/"), "do", "create")...).
		says(422, "2 jobs are ticked, but the plan of the account has room for 1 job more")
	if page, _, err := c.service.Jobs(t.Context(), c.store.Now(), cron.OperatorOf(c.account(t))); err != nil || len(page) != 0 {
		t.Errorf("%d jobs, %v", len(page), err)
	}
}

// TestImportSentAgain reloads the answer to an import of which one job could not be created, and goes back to its table.
func TestImportSentAgain(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	const text = "curl https://a.example/\ncurl https://b.example/\ncurl https://c.example/"
	pairs := append(b.imported(t, text), "do", "create")
	table := pairs[slices.Index(pairs, "table")+1]
	refuse := storetest.NewTables(t, storetest.Raw(t, c.options))
	refuse.Exec(`CREATE TRIGGER refuse BEFORE INSERT ON job WHEN new.url LIKE '%b.example%' BEGIN SELECT RAISE(ABORT, 'refused'); END`)
	jobs := func() (urls []string) {
		page, _, err := c.service.Jobs(t.Context(), c.store.Now(), cron.OperatorOf(c.account(t)))
		if err != nil {
			t.Fatal(err)
		}
		for i := range page {
			urls = append(urls, page[i].URL)
		}
		return urls
	}
	for range 2 { // the second time is the reload
		b.post("/console/jobs/import", pairs...).says(422, "Created: 2 jobs. Not created: 1 job", "/console/jobs/1", "/console/jobs/2", `name="table" value="`+table+`"`)
		if got := jobs(); !slices.Equal(got, []string{"https://a.example/", "https://c.example/"}) {
			t.Fatalf("the jobs are %q", got)
		}
	}
	refuse.Exec(`DROP TRIGGER refuse`)
	for range 2 { // and back to the table
		b.post("/console/jobs/import", pairs...).leads("/console/jobs?done=imported")
		if got := jobs(); len(got) != 3 {
			t.Fatalf("the jobs are %q", got)
		}
	}
	b.post("/console/jobs/import", append(b.imported(t, text), "do", "create")...).leads("/console/jobs?done=imported")
	if got := jobs(); len(got) != 6 {
		t.Errorf("of another table of the same text, the jobs are %q", got)
	}
	pairs[slices.Index(pairs, "table")+1] = "x"
	b.post("/console/jobs/import", pairs...).says(422, "have changed since the table was made")
}

// TestImportRights opens the page as a viewer, and sends hostile and large texts.
func TestImportRights(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	viewer := c.join(t, b, "bob@example.com", "viewer")
	viewer.get("/console/jobs/import").says(403, "needs the role editor")
	viewer.post("/console/jobs/import", "text", "curl a.example", "zone", "UTC", "schedule", "@daily").says(403, "needs the role editor")

	hostile := "# <script>alert(1)</script>\n0 1 * * * curl 'https://a.example/<img src=x>' -H '<b>: \"><script>' --\"><i>x\n"
	b.post("/console/jobs/import", "text", hostile+"<script>alert(2)</script>", "zone", "UTC", "schedule", "@daily", "do", "read").says(200).
		hides("<script>alert", "<img", "<i>x", "<b>:")
	var many strings.Builder
	for i := range 150 {
		fmt.Fprintf(&many, "%d %d * * * curl -X POST -d @body -H 'Authorization: Bearer 0123456789abcdef0123456789abcdef' --proxy http://p:3128 \"https://host-%d.example.com/path?token=$A$B$C\"\n", i%60, i%24, i)
	}
	a := b.post("/console/jobs/import", "text", many.String(), "zone", "UTC", "schedule", "@daily", "do", "read").says(200, "100 jobs found", "the rest was not read")
	if len(a.body) > 120<<10 {
		t.Errorf("the page has %d bytes", len(a.body))
	}
	b.post("/console/jobs/import", "text", strings.Repeat("x", 70<<10), "zone", "UTC", "schedule", "@daily", "do", "read").says(200, "The text is too long")
}
