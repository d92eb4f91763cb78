package browser

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"punctual/test/harness"
)

// demoJob is a job of the demonstration, and what its history shows.
type demoJob struct {
	title, url, folder string
	tags               []string
	schedule           harness.Fields
	every              time.Duration // between the executions of its history
	usual              time.Duration // of an execution
	fails              int           // one in as many executions failed; 0 for none
	description        string
}

// demonstration is made once, as its statistics take half a minute, and then copied for each test.
var demonstration struct {
	once        sync.Once
	dir         string // the data directory of a service that has ended; empty when it could not be made
	secret, key string
	target      *httptest.Server
}

// demo is a service with data as those of a small company: folders, jobs with a month of history, channels, a problem. The tab is
// signed in as its operator.
func demo(t *testing.T) (s *harness.Service, tab *Tab) {
	t.Helper()
	startBrowser(t) // or the test is skipped, and not this one alone
	d := &demonstration
	d.once.Do(func() { makeDemo(t) })
	if d.dir == "" {
		t.Fatal("the demonstration could not be made; the first test that uses it says why")
	}
	s = harness.NewService(t, "")
	s.Secret, s.Key = d.secret, d.key
	if err := os.CopyFS(s.Dir, os.DirFS(d.dir)); err != nil {
		t.Fatal(err)
	}
	return s, openTab(t, addressOf(s.Start())).signIn("jane@example.com").At("/console")
}

// makeDemo makes the demonstration.
func makeDemo(t *testing.T) {
	t.Helper()
	d := &demonstration
	d.target = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		if strings.HasPrefix(r.URL.Path, "/status/503/") {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		fmt.Fprintln(w, "request of", r.URL.Path)
	}))
	s := harness.NewService(t, "")
	node := s.Start()
	tab := openTab(t, addressOf(node)).setUp(node)
	tab.Open("/console/settings/person").Fill("Name", "Jane Doe").Fill("Time zone", "Europe/Berlin").Press("Save")
	tab.Open("/console/settings/account").Fill("Name", "Example Corporation").Press("Save")

	api := s.Client(node)
	folders := map[string]any{"": 0}
	for _, title := range []string{"Billing", "Data platform", "Operations", "Website"} {
		var made struct{ FolderID int64 }
		if err := json.Unmarshal(api.Do("PUT", "/folders", harness.Fields{"folder": harness.Fields{"title": title}}, nil).Body, &made); err != nil {
			t.Fatal(err)
		}
		folders[title] = made.FolderID
	}
	for i, j := range demoJobs(d.target.URL) {
		fields := harness.Fields{
			"title": j.title, "url": j.url, "enabled": true, "saveResponses": true, "schedule": j.schedule,
			"folderId": folders[j.folder], "tags": j.tags, "description": j.description,
		}
		id := api.CreateJob(fields)
		addDemoHistory(s, id, i, j)
	}
	if _, err := api.Try("POST", fmt.Sprintf("/jobs/%d/run", demoFailing), nil, nil); err != nil {
		t.Fatal(err)
	}
	awaitProblem(t, api)
	awaitFigures(t, s)
	tab.Open("about:blank") // which follows nothing
	node.Stop()
	dir, err := os.MkdirTemp("", "punctual-demonstration-")
	if err == nil {
		err = os.CopyFS(dir, os.DirFS(s.Dir))
	}
	if err != nil {
		t.Fatal(err)
	}
	d.dir, d.secret, d.key = dir, s.Secret, s.Key
}

// endDemo removes the demonstration.
func endDemo() {
	if d := &demonstration; d.target != nil {
		d.target.Close()
		_ = os.RemoveAll(d.dir)
	}
}

// daily is the schedule of a time of day.
func daily(hour, minute int) harness.Fields {
	return harness.Fields{"timezone": "Europe/Berlin", "hours": []int{hour}, "minutes": []int{minute}, "mdays": []int{-1}, "months": []int{-1}, "wdays": []int{-1}}
}

// minutes is the schedule of some minutes of every hour.
func minutes(list ...int) harness.Fields {
	return harness.Fields{"timezone": "Europe/Berlin", "hours": []int{-1}, "minutes": list, "mdays": []int{-1}, "months": []int{-1}, "wdays": []int{-1}}
}

func demoJobs(target string) []demoJob {
	const day, runbook = 24 * time.Hour, "Writes to **warehouse**. When it fails:\n\n1. Look at the [dashboard](https://grafana.example.com/d/backup).\n" +
		"2. Is the disk full? `df -h /backup` on *db-2*.\n3. Run it again; it is idempotent."
	local := func(path string) string { return target + path }
	quarter := []int{0, 15, 30, 45}
	return []demoJob{
		{"Nightly database backup", "https://db.example.com/backup", "Operations", []string{"backup", "prod"}, daily(2, 30), day, 94 * time.Second, 0, runbook},
		{"Send invoices", "https://billing.example.com/invoices/send", "Billing", []string{"prod", "money"}, daily(6, 0), day, 4200 * time.Millisecond, 0, ""},
		{"Charge subscriptions", "https://billing.example.com/subscriptions/charge", "Billing", []string{"prod", "money"}, minutes(5), time.Hour, 1800 * time.Millisecond, 0, ""},
		{"Dunning reminders", "https://billing.example.com/dunning", "Billing", []string{"money"}, daily(9, 15), day, 950 * time.Millisecond, 0, ""},
		{"Exchange rates", "https://rates.example.com/v2/import?base=EUR", "Billing", nil, daily(16, 10), day, 320 * time.Millisecond, 9, ""},
		{"Import orders", "https://etl.example.com/orders", "Data platform", []string{"prod"}, minutes(quarter...), 15 * time.Minute, 7300 * time.Millisecond, 60, ""},
		{"Import shipments", "https://etl.example.com/shipments", "Data platform", []string{"prod"}, minutes(quarter...), 15 * time.Minute, 5100 * time.Millisecond, 0, ""},
		{"Refresh search index", "https://search.example.com/reindex", "Website", []string{"prod"}, minutes(10, 40), 30 * time.Minute, 12400 * time.Millisecond, 0, ""},
		{"Warm the cache of the shop", "https://shop.example.com/cache/warm", "Website", nil, minutes(0, 20, 40), 20 * time.Minute, 640 * time.Millisecond, 0, ""},
		{"Sitemap", "https://www.example.com/sitemap/build", "Website", nil, daily(3, 0), day, 2700 * time.Millisecond, 0, ""},
		{"Newsletter", "https://mail.example.com/newsletter/send", "Website", []string{"marketing"}, daily(10, 0), day, 38 * time.Second, 0, ""},
		{"Rotate logs", "https://ops.example.com/logs/rotate", "Operations", nil, daily(0, 5), day, 410 * time.Millisecond, 0, ""},
		{"Renew certificates", "https://ops.example.com/certificates/renew", "Operations", []string{"prod"}, daily(4, 20), day, 3100 * time.Millisecond, 0, ""},
		{"Clean up sessions", "https://app.example.com/sessions/clean", "Operations", nil, minutes(25), time.Hour, 220 * time.Millisecond, 0, ""},
		{"Weekly report", "https://reports.example.com/weekly", "Data platform", []string{"reports"}, daily(7, 45), day, 21 * time.Second, 0, ""},
		{"Sync the CRM", local("/status/503/crm/sync"), "Data platform", []string{"prod", "crm"}, harness.AtSeconds(0, 15, 30, 45), time.Hour, 1200 * time.Millisecond, 12, ""},
		{"Stock levels", local("/stock"), "Website", []string{"prod"}, harness.EveryMinute(), time.Minute, 90 * time.Millisecond, 0, ""},
		{"Heartbeat of the queue", local("/queue/heartbeat"), "", []string{"prod"}, harness.EveryMinute(), time.Minute, 30 * time.Millisecond, 0, ""},
	}
}

// screens are the pages of the console with the data of the demonstration, by their names.
var screens = map[string]string{
	"overview": "/console", "jobs": "/console/jobs", "jobs-search": "/console/jobs?q=tag:prod", "job": "/console/jobs/6", "job-failing": "/console/jobs/16",
	"job-runs": "/console/jobs/6/runs", "job-settings": "/console/jobs/1/settings", "job-changes": "/console/jobs/6/changes",
	"job-notices": "/console/jobs/16/notices", "job-new": "/console/jobs/new", "job-import": "/console/jobs/import", "job-curl": "/console/jobs/1/curl",
	"bulk": "/console/jobs/bulk?all=1", "actions": "/console/actions", "folders": "/console/folders", "views": "/console/views",
	"runs": "/console/runs", "runs-failed": "/console/runs?outcome=failed", "problems": "/console/problems", "problem": "/console/problems/1",
	"search": "/console/search?q=import", "keyboard": "/console/keyboard",
	"channels": "/console/settings/channels", "channel-kinds": "/console/settings/channels/new", "channel-new": "/console/settings/channels/new?kind=slack",
	"secrets": "/console/settings/secrets", "tls": "/console/settings/tls", "bin": "/console/settings/bin", "maintenance": "/console/settings/maintenance",
	"people": "/console/settings/people", "keys": "/console/settings/keys", "audit": "/console/settings/audit", "account": "/console/settings/account",
	"accounts": "/console/settings/accounts", "service": "/console/settings/service", "person": "/console/settings/person", "settings": "/console/settings",
}

// TestScreenshots takes pictures of every screen with the data of the demonstration.
func TestScreenshots(t *testing.T) {
	if screenshots == "" {
		t.Skip("set PUNCTUAL_TEST_SCREENSHOTS to a directory for the pictures")
	}
	_, tab := demo(t)
	for name, path := range screens {
		tab.Open(path).Look(name)
	}
}

// demoFailing is the ID of the job of the demonstration that fails.
const demoFailing = 16

// demoRuns is how many executions of a job its history has at most.
const demoRuns = 700

// addDemoHistory adds executions of the last 30 days to a job, the newest of which is its latest.
func addDemoHistory(s *harness.Service, id int64, place int, j demoJob) {
	tables := s.Tables()
	last := time.Now().Truncate(time.Minute).Add(-time.Duration(place*7%50+2) * time.Minute)
	runs := min(int(30*24*time.Hour/j.every), demoRuns)
	rows := make([]string, 0, runs)
	for i := range runs {
		planned := last.Add(-time.Duration(runs-1-i) * j.every).UnixMilli()
		total := j.usual.Seconds() * (0.85 + 0.3*chance(id, i)) * (1 + 0.1*math.Sin(float64(i)/9))
		result := "1, 200, 'OK'"
		outcome := 1
		if j.fails > 0 && int(chance(id, i+10_000)*float64(j.fails)) == 0 && i < runs-2 {
			outcome, result = 2, "4, 503, 'Service Unavailable'"
		}
		us := func(part float64) int64 { return int64(total * part * 1e6) }
		late := int64(500 + 4000*chance(id, i+20_000))
		rows = append(rows, fmt.Sprintf("(%d, %d, %d, %s, %d, %d, %d, %d, %d, %d, %d)", planned, outcome, planned+late/1000, result,
			us(0.01), us(0.03), us(0.08), us(0.08), us(0.9), us(1), late))
	}
	for chunk := range slices.Chunk(rows, 100) {
		tables.Exec(`INSERT INTO execution (account_id, job_id, planned_at, kind, attempt, node, outcome, started_at, status, http_status, reason,
				url, lookup_us, connect_us, app_connect_us, pre_transfer_us, start_transfer_us, total_us, lateness_us, cause)
			SELECT job.account_id, job.id, v.column1, 0, 1, 1, v.column2, v.column3, v.column4, v.column5, v.column6, job.url, v.column7, v.column8,
			       v.column9, v.column10, v.column11, v.column12, v.column13, CASE WHEN v.column2 = 2 THEN job.id END
			FROM job CROSS JOIN (VALUES `+strings.Join(chunk, ", ")+`) AS v WHERE job.id = $1`, id)
	}
	tables.Exec(`UPDATE job_state SET last_status = 1, last_execution_at = $2, last_duration_us = $3 WHERE job_id = $1`,
		id, last.UnixMilli(), j.usual.Microseconds())
}

// awaitProblem waits until a job has a problem, and returns its ID.
func awaitProblem(t *testing.T, api *harness.Client) int64 {
	t.Helper()
	for deadline := time.Now().Add(harness.Timeout); ; time.Sleep(100 * time.Millisecond) {
		answer, err := api.Try("GET", "/problems?state=open", nil, nil)
		var list struct {
			Problems []struct{ ProblemID int64 }
		}
		if err == nil {
			err = json.Unmarshal(answer.Body, &list)
		}
		switch {
		case err == nil && len(list.Problems) > 0:
			return list.Problems[0].ProblemID
		case time.Now().After(deadline):
			t.Fatalf("there is no problem: %v", err)
		}
	}
}

// awaitFigures waits until the history of the demonstration is counted.
func awaitFigures(t *testing.T, s *harness.Service) {
	t.Helper()
	tables := s.Tables()
	uncounted := func() int64 {
		return tables.Number(`SELECT count(*) FROM execution AS e LEFT JOIN rollup_state AS r ON r.account_id = e.account_id
			WHERE e.id > coalesce(r.position, 0) AND e.started_at < $1`, time.Now().Add(-5*time.Minute).UnixMilli())
	}
	for deadline := time.Now().Add(harness.Timeout); uncounted() > 0; time.Sleep(time.Second) {
		tables.Exec(`UPDATE rollup_state SET due_at = 0`) // accounts of which little was counted are counted again after a long while
		if time.Now().After(deadline) {
			t.Fatal("the history is not counted")
		}
	}
}

// chance is a number from 0 up to 1 that is the same each time.
func chance(id int64, i int) float64 {
	h := fnv.New32a()
	fmt.Fprintf(h, "%d-%d", id, i)
	return float64(h.Sum32()%10_000) / 10_000
}
