package browser

import (
	"encoding/json"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// someJobs are jobs as people have them.
var someJobs = []string{
	`{"title":"Nightly backup","url":"https://shop.example.com/backup","enabled":true,"tags":["prod","backup"],"folderId":1,"schedule":{"timezone":"Europe/Berlin","hours":[3],"minutes":[30],"mdays":[-1],"months":[-1],"wdays":[-1]}}`,
	`{"title":"Sync orders","url":"https://old.example.com/api/v2/orders/sync?full=0","enabled":true,"requestMethod":1,"tags":["prod"],"folderId":1,"schedule":{"timezone":"UTC","hours":[-1],"minutes":[0,15,30,45],"mdays":[-1],"months":[-1],"wdays":[-1]}}`,
	`{"title":"Invoices","url":"https://billing.example.com/run","enabled":false,"schedule":{"timezone":"UTC","hours":[6],"minutes":[0],"mdays":[1],"months":[-1],"wdays":[-1]}}`,
	`{"title":"Warm the cache of the product pages in all languages after the price import has ended","url":"https://shop.example.com/warm","enabled":true,"schedule":{"timezone":"UTC","hours":[4],"minutes":[5],"mdays":[-1],"months":[-1],"wdays":[1,2,3,4,5]}}`,
}

// TestJobs looks for jobs, narrows the list, saves a view of it, and goes through it by keyboard.
func TestJobs(t *testing.T) {
	t.Parallel()
	tab, client := withJobs(t, 0)
	tab.Open("/console/folders").Fill("New folder", "Shop EU").Press("Create").See("The folder was created.").Look("folders")
	for _, job := range someJobs {
		client.Do("PUT", "/jobs", map[string]json.RawMessage{"job": json.RawMessage(job)}, nil)
	}
	tab.Open("/console/jobs").See("Nightly backup").See("Shop EU").Look("jobs")
	tab.Click("Tag").See("backup").Look("jobs-menu").Press("prod").See("Sync orders").SeeNot("Invoices").Look("jobs-filtered")
	tab.Click("Save as view").Fill("Name", "Production").Press("Save the view").See("The view was saved.").Look("jobs-view")
	tab.Open("/console/views").See("tag:prod").Look("views")
	tab.Expect(422).Open("/console/jobs?q=hots:a+state:broken").See("no filter").Look("jobs-wrong")

	tab.Open("/console/jobs").See("Invoices")
	tab.Type("j").Type("x").Type("j").Type("x").Type("k")
	chosen := `[...document.querySelectorAll("input[name=job]:checked")].length + " " + document.activeElement.textContent`
	if got := read(tab, "see what is selected", chromedp.Evaluate[string](chosen)); got != "2 Heartbeat" {
		t.Errorf("selected, and where the focus is: %q", got)
	}
	tab.Type("?").See("Next and previous row").Look("keyboard").Type(kb.Escape)
	tab.Type("j").Type(".").See("Copy as curl").Look("jobs-row-menu").Press("Enable").At("/console/jobs").See("The job is enabled")
}

// TestJobsEmpty shows the list before there are jobs.
func TestJobsEmpty(t *testing.T) {
	t.Parallel()
	setUp(t).Open("/console/jobs").See("A job calls a URL").Look("jobs-empty")
}

// TestJobsWithHistory shows jobs with all kinds of runs.
func TestJobsWithHistory(t *testing.T) {
	t.Parallel()
	_, tab := demo(t)
	tab.Open("/console/jobs").See("Website").Look("jobs-demo")
}

// TestJobsWithoutScripts does the same by links and forms alone, and takes back that a job was deleted.
func TestJobsWithoutScripts(t *testing.T) {
	t.Parallel()
	tab, client := withJobs(t, 0)
	for _, job := range someJobs[2:] {
		client.Do("PUT", "/jobs", map[string]json.RawMessage{"job": json.RawMessage(job)}, nil)
	}
	tab.Open("about:blank").WithoutScripts().Open("/console/jobs?q=invoices").SeeText("Invoices").SeeNot("Warm the cache")
	tab.Press("Disabled").SeeText("Invoices").Press("Show all jobs").SeeText("Warm the cache")
	tab.Open("/console/jobs?q=invoices")
	tab.act("open the menu of a row", chromedp.Click(chromedp.CSS(".acts summary")))
	tab.Press("Delete (move to the bin)").At("/console/jobs").SeeText("No job matches")
	tab.Press("Undo").At("/console/jobs").SeeText("Invoices")
}
