package browser

import (
	"fmt"
	"testing"

	"punctual/test/harness"
)

// TestJobPage looks at a job with a month of history, and does what its page offers.
func TestJobPage(t *testing.T) {
	t.Parallel()
	_, tab := demo(t)
	tab.Open("/console/jobs/1").See("Runs by day").Look("job")
	tab.Press("90 days").See("Runs by day").Look("job-90")
	tab.Click("More").Look("job-more")
	tab.Open("/console/jobs/1/curl").See("curl").Look("job-curl")
	tab.Press("PowerShell 7").SeeText("curl.exe")
	tab.Open("/console/jobs/1/badge").See("Markdown").Look("job-badge")
	tab.Open("/console/jobs/1/pause").See("A paused job does not run").Look("job-pause")
	tab.Fill("Why", "moving the database").Press("For 1 hour").At("/console/jobs/1").See("Paused until").Look("job-paused")
	tab.Press("Resume").See("no longer paused")
	tab.Press("Enabled").See("The job is disabled.").Press("Enabled").See("The job is enabled.")
	tab.Open("/console/jobs/1/changes").See("Compare the chosen versions").Look("job-changes")
	tab.Press("Compare the chosen versions").See("Differences between").Look("job-differences")
	tab.Press("2").See("What restoring this version changes").Look("job-version")
	tab.Press("Restore this version").See("The version is restored.")
	tab.Open("/console/jobs/1/notices").See("What is told").Look("job-notices")
	tab.Open("/console/jobs/16").See("503 Service Unavailable").Look("job-failing")
}

// TestJobRunsLive requests a run, and sees what becomes of it without loading the page again.
func TestJobRunsLive(t *testing.T) {
	t.Parallel()
	target := harness.NewTarget(t)
	s := harness.NewService(t, "")
	node := s.Start()
	id := s.Client(node).CreateJob(harness.Fields{"title": "Backup", "url": target.URL + "/ok", "enabled": true, "schedule": daily(3, 0)})
	tab := openTab(t, addressOf(node)).setUp(node)
	tab.Open(fmt.Sprintf("/console/jobs/%d", id)).See("It has not run yet")
	tab.Press("Run now").See("The run was requested").See("Succeeded").See("The last run,")
}

// TestJobIsLoadedOnce makes sure that the page of a job is loaded again once when its stream of events opens, and once for each change.
func TestJobIsLoadedOnce(t *testing.T) {
	t.Parallel()
	tab, client := withJobs(t, 1)
	tab.Open("/console/jobs/2").See("It has not run yet")
	for range 2 { // the second time comes when nothing of what happened before is still to be told
		client.ChangeJob(2, harness.Fields{"enabled": false})
		tab.wait("the job is disabled", `document.getElementById("job-now").innerText.includes("Disabled")`)
		client.ChangeJob(2, harness.Fields{"enabled": true})
		tab.wait("the job is enabled", `!document.getElementById("job-now").innerText.includes("Disabled")`)
	}
	if all, part := tab.loaded("job-overview"), tab.loaded("job-now"); all > 5 || part > 0 {
		t.Errorf("the page was loaded again %d times, and a part of it %d times", all, part)
	}
}

// TestJobWithoutScripts runs, pauses, deletes and brings back a job without JavaScript.
func TestJobWithoutScripts(t *testing.T) {
	t.Parallel()
	target := harness.NewTarget(t)
	s := harness.NewService(t, "")
	node := s.Start()
	id := s.Client(node).CreateJob(harness.Fields{"title": "Backup", "url": target.URL + "/ok", "enabled": true, "schedule": daily(3, 0)})
	tab := openTab(t, addressOf(node)).WithoutScripts().setUp(node)
	page := fmt.Sprintf("/console/jobs/%d", id)
	tab.Open(page).SeeText("It has not run yet").Look("job-fresh")
	tab.Press("Run now").At(page).SeeText("The run was requested")
	tab.Click("More").Press("Silence…").At(page + "/silence").Press("Until somebody ends it").At(page).SeeText("nobody is told, until somebody ends it")
	tab.Press("End the silence").SeeText("no longer silenced").Click("More").Press("Delete").At(page).SeeText("This job was deleted").Look("job-bin")
	tab.Press("Bring it back").At(page).SeeText("Backup")
}
