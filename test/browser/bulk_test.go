package browser

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

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
	client.CreateJob(harness.Fields{"title": "Heartbeat", "url": "https://status.example.com/ping", "enabled": true, "schedule": harness.EveryMinute()})
	for i := range n {
		client.CreateJob(harness.Fields{
			"title": fmt.Sprintf("Report of customer %d", 1000+i*37), "url": fmt.Sprintf("https://%s/reports/%d?format=pdf", oldHost, 1000+i*37), "enabled": true,
			"schedule": harness.Fields{"timezone": "Europe/Berlin", "hours": []int{2 + i%20}, "minutes": []int{i % 55}, "mdays": []int{-1}, "months": []int{-1}, "wdays": []int{-1}},
		})
	}
	return openTab(t, addressOf(node)).setUp(node), client
}

// TestTwoHundredJobs replaces the host of two hundred jobs and moves their times, looks before it does, and takes it back.
func TestTwoHundredJobs(t *testing.T) {
	t.Parallel()
	tab, client := withJobs(t, 200)
	tab.Open("/console/jobs").tabTo("q").Type("host:" + oldHost).Leave(kb.Enter).See("Report of customer 1037").Press("Change all that match")
	tab.See("All jobs that match").Look("bulk-sheet")
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

// TestTwoHundredJobsWithoutScripts does the same without JavaScript, and deletes jobs.
func TestTwoHundredJobsWithoutScripts(t *testing.T) {
	t.Parallel()
	tab, client := withJobs(t, 200)
	tab.WithoutScripts().Open("/console/jobs?q=host:" + oldHost).Press("Change all that match").SeeText("All jobs that match")
	tab.Press("Another text").SeeText("Another header")
	tab.Fill("Find", oldHost).Fill("Replace by", "new.example.com").Fill("Move by minutes", "5").Press("Preview")
	tab.refreshUntil("200 jobs would change").Press("Edit this change").SeeText("All jobs that match").Fill("Move by minutes", "10").Press("Preview")
	tab.refreshUntil("200 jobs would change").Press("Change 200 jobs").refreshUntil("200 jobs changed")
	if job := client.Job(2); job.URL != "https://new.example.com/reports/1000?format=pdf" || job.Schedule.Minutes[0] != 10 {
		t.Errorf("the job is %+v", job)
	}
	tab.Press("Undo").refreshUntil("200 jobs put back")
	if job := client.Job(2); job.URL != "https://old.example.com/reports/1000?format=pdf" || job.Schedule.Minutes[0] != 0 {
		t.Errorf("the job is %+v", job)
	}
	tab.Open("/console/jobs?q=host:" + oldHost).Press("Change all that match").Press("Preview the deletion").refreshUntil("200 jobs would be deleted").Press("Delete 200 jobs").refreshUntil("200 jobs deleted")
	tab.Open("/console/settings/bin").Press("Restore").SeeText("The job is back.")
	if n := len(client.Jobs()); n != 2 {
		t.Errorf("there are %d jobs", n)
	}
}

// refreshUntil opens the page of an action again until it says something, as people do whose browsers run no scripts.
func (tab *Tab) refreshUntil(text string) *Tab {
	tab.t.Helper()
	for tab.t.Context().Err() == nil && !strings.Contains(tab.Text("body"), text) {
		tab.Open(tab.Path())
	}
	return tab
}

// TestTwoHundredJobsByKeyboard does the same with nothing but the keyboard.
func TestTwoHundredJobsByKeyboard(t *testing.T) {
	t.Parallel()
	tab, client := withJobs(t, 200)
	tab.Open("/console/jobs").tabTo("q").Type("host:" + oldHost).Leave(kb.Enter).See("Report of customer 1037")
	tab.tabToButton("Change all that match").Leave(kb.Enter).See("All jobs that match")
	tab.tabTo("shift").Type("5").tabTo("find-0").Type(oldHost).tabTo("replace-0").Type("new.example.com").Leave(kb.Enter)
	tab.See("200 jobs would change").tabTo("apply").Leave(kb.Enter)
	tab.See("200 jobs changed").tabTo("undo").Leave(kb.Enter)
	tab.See("200 jobs put back")
	if job := client.Job(2); job.URL != "https://old.example.com/reports/1000?format=pdf" || job.Schedule.Minutes[0] != 0 {
		t.Errorf("the job is %+v", job)
	}
}

// TestBinAndMaintenance looks at deleted jobs, and plans maintenance.
func TestBinAndMaintenance(t *testing.T) {
	t.Parallel()
	tab, client := withJobs(t, 5)
	tab.Open("/console/settings/bin").See("The bin is empty").Look("bin-empty")
	client.DeleteJob(2)
	client.DeleteJob(3)
	tab.Open("/console/settings/bin").See("Report of customer 1037").Look("bin")
	tab.Press("Report of customer 1037").Fill("Name", "x").Expect(422).Press("Delete for good").See("exactly as the bin shows it").Look("bin-purge")
	tab.Fill("Name", "Report of customer 1037").Press("Delete for good").See("Deleted for good.")
	tab.Press("Restore").See("The job is back.")
	tab.Open("/console/settings/maintenance").See("No maintenance is planned").Look("maintenance-empty")
	tab.Press("Plan a window").Fill("Title", "Move of the database").Look("maintenance-new").Press("Plan it").See("The window is planned.")
	tab.Press("Plan a window").Fill("Title", "Backups on Sundays").Choice("By a schedule").Fill("Starts at", "at night").Choice("The jobs that any of these names")
	tab.tabTo("jobs").Type("heartbeat").Expect(422).Press("Plan it").See("Correct what is marked").Look("maintenance-wrong")
	tab.Fill("Starts at", "0 2 * * sun").Fill("Jobs with any of these tags", "db, backup").Press("Plan it").See("The window is planned.").Look("maintenance")
	tab.Press("Backups on Sundays").See("Delete this window").Look("maintenance-edit").Press("Delete the window").See("Removed.")
}
