package browser

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"punctual/test/harness"
)

// oldHost is where the jobs of these tests call, but for a few.
const oldHost = "old.example.com"

// withJobs sets up a service with an operator and n jobs of which nearly all call oldHost, and signs in.
func withJobs(t *testing.T, n int) (tab *Tab, client *harness.Client) {
	t.Helper()
	s := harness.NewService(t, "")
	node := s.Start()
	client = s.Client(node)
	client.CreateJob(harness.Fields{"title": "Heartbeat", "url": "https://status.example.com/ping", "enabled": true, "schedule": harness.EveryMinute()["schedule"]})
	for i := range n {
		client.CreateJob(harness.Fields{
			"title": fmt.Sprintf("Report of customer %d", 1000+i*37), "url": fmt.Sprintf("https://%s/reports/%d?format=pdf", oldHost, 1000+i*37), "enabled": true,
			"schedule": harness.Fields{"timezone": "Europe/Berlin", "hours": []int{2 + i%20}, "minutes": []int{i % 55}, "mdays": []int{-1}, "months": []int{-1}, "wdays": []int{-1}},
		})
	}
	tab = openTab(t, strings.Replace(node.URL, "127.0.0.1", "localhost", 1))
	tab.Open(setupLink.FindString(node.Stdout())).Fill("E-mail address", "jane@example.com").Fill("Password", password)
	return tab.Press("Create the operator").At("/console"), client
}

// matching is the sheet for all jobs that a search finds.
func matching(search string) string {
	return "/console/jobs/bulk?" + url.Values{"all": {"1"}, "filter": {url.Values{"q": {search}}.Encode()}}.Encode()
}

// TestTwoHundredJobs replaces the host of two hundred jobs and moves their times, looks before it does, and takes it back.
func TestTwoHundredJobs(t *testing.T) {
	t.Parallel()
	tab, client := withJobs(t, 200)
	tab.Open(matching("host:" + oldHost)).See("All jobs that match").Look("bulk-sheet")
	tab.Fill("Find", oldHost).Fill("Replace by", "new.example.com").Fill("Move by minutes", "5").Press("Preview")
	tab.See("200 jobs would change").Look("bulk-preview")
	tab.Press("Change 200 jobs").See("200 jobs changed").Look("bulk-done")
	job := client.Job(2)
	if job.URL != "https://new.example.com/reports/1000?format=pdf" || job.Schedule.Minutes[0] != 5 {
		t.Errorf("the job is %+v", job)
	}
	tab.Press("Undo").See("200 jobs put back").Look("bulk-undone")
	if job := client.Job(2); job.URL != "https://old.example.com/reports/1000?format=pdf" || job.Schedule.Minutes[0] != 0 {
		t.Errorf("the job is %+v", job)
	}
	tab.Open("/console/actions").See("Undo of change 2").Look("bulk-actions")
}
