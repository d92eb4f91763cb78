package browser

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"punctual/internal/store/storetest"
	"punctual/test/harness"
)

// note types into the empty note of a problem.
func (tab *Tab) note(text string) *Tab {
	tab.t.Helper()
	tab.act("type the note", chromedp.SendKeys(`//textarea[@id = "note"]`, text))
	return tab
}

// rarely is a schedule that is not due while a test runs.
func rarely() harness.Fields {
	return harness.Fields{"timezone": "UTC", "minutes": []int{3}, "hours": []int{3}, "mdays": []int{29}, "months": []int{2}, "wdays": []int{-1}}
}

// oneFailing sets up a service with three jobs that are not due soon, the first of which fails as soon as it is due, and signs in.
func oneFailing(t *testing.T) (tab *Tab, tables *storetest.Tables, job int64) {
	t.Helper()
	target, s := harness.NewTarget(t), harness.NewService(t, "")
	node := s.Start()
	client := s.Client(node)
	for i, title := range []string{"Sync the CRM", "Send invoices", "Import orders"} {
		id := client.CreateJob(harness.Fields{"title": title, "url": target.URL + []string{"/status/503", "/invoices", "/orders"}[i], "enabled": true, "schedule": rarely()})
		if i == 0 {
			job = id
		}
	}
	return openTab(t, addressOf(node)).setUp(node), s.Tables(), job
}

// TestThreeInTheMorning has a job fail while somebody looks at the overview, who is told without a reload, and goes from there to
// what broke, says so, and sees it end.
func TestThreeInTheMorning(t *testing.T) {
	t.Parallel()
	tab, tables, job := oneFailing(t)
	tab.Open("/console").See("All 3 jobs are fine")
	tables.SetDue(job, time.Now().Add(-time.Second))
	tab.See("1 of 3 jobs is failing")
	tab.wait("the title of the tab", `document.title == "(1) Overview · Punctual"`)
	tab.Press("127.0.0.1:").See("The job had no success before").Look("problem")
	tab.note("The CRM is being moved.").Press("Acknowledge").See("Acknowledged.").See("by jane@example.com")
	tab.Open("/console/problems").See("The CRM is being moved.").Look("problems")
	tables.Exec(`UPDATE job SET url = replace(url, '/status/503', '/crm') WHERE id = $1`, job)
	tables.SetDue(job, time.Now().Add(-time.Second))
	tab.See("There is no problem.").Press("Resolved").See("The CRM is being moved.")
	tab.Open("/console").See("All 3 jobs are fine").See("The last problem ended")
}

// TestPalette goes to a job, a page and an action by keyboard.
func TestPalette(t *testing.T) {
	t.Parallel()
	_, tab := demo(t)
	press := func(keys string, m ...chromedp.KeyOption) {
		tab.act("press keys", chromedp.KeyEvent(keys, m...))
	}
	tab.Open("/console")
	press("k", chromedp.KeyModifiers(2)) // with Ctrl
	tab.See("Create a job").Look("palette")
	press("api k")
	tab.wait("the list is shorter", `!document.querySelector("#found").innerText.includes("Import a crontab")`)
	press(kb.ArrowDown)
	press(kb.Enter)
	tab.wait("the page of keys", `location.pathname == "/console/settings/keys" && document.readyState == "complete"`)
	press("k", chromedp.KeyModifiers(2))
	tab.See("Create a job")
	press("invoices")
	tab.See("Send invoices").Look("palette-job")
}

// TestOverviewWithoutScripts reads the overview and a problem, and acts, without JavaScript.
func TestOverviewWithoutScripts(t *testing.T) {
	t.Parallel()
	tab, tables, job := oneFailing(t)
	tab.Open("/console")
	tables.SetDue(job, time.Now().Add(-time.Second))
	tab.See("1 of 3 jobs is failing")
	tab = tab.WithoutScripts()
	tab.Open("/console").SeeText("1 of 3 jobs is failing").Press("127.0.0.1:").note("seen").Press("Acknowledge").SeeText("Acknowledged.")
	tab.Open("/console/search?q=invoices").SeeText("Send invoices").Press("Send invoices").SeeText("Send invoices")
}

// TestEmptyAccount leads somebody without jobs to the first one.
func TestEmptyAccount(t *testing.T) {
	t.Parallel()
	tab := setUp(t)
	tab.Open("/console").See("Paste a URL").Look("overview-empty")
	tab.Open("/console/problems").See("There is no problem.").Look("problems-empty")
	tab.Open("/console/search?q=nothing").See("Nothing matches").Look("search-empty")
}
