package browser

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"punctual/test/harness"
)

// wait waits until an expression is true.
func (tab *Tab) wait(what, expression string) {
	tab.t.Helper()
	for deadline := time.Now().Add(harness.Timeout); ; time.Sleep(100 * time.Millisecond) {
		if yes, err := chromedp.Run(tab.ctx, chromedp.Evaluate[bool](expression)); err == nil && yes {
			return
		}
		if time.Now().After(deadline) {
			tab.t.Fatalf("%s: not yet\n%s", what, tab.where())
		}
	}
}

// TestThreeInTheMorning has a job fail while somebody looks at the overview, who is told without a reload, and goes from there to
// what broke, says so, and sees it end.
func TestThreeInTheMorning(t *testing.T) {
	t.Parallel()
	s, tab := demo(t)
	tables := s.Tables()
	job := tables.Number(`SELECT id FROM job WHERE title = 'Sync the CRM'`)
	tab.Open("/console").Look("overview")
	tables.SetDue(job, time.Now().Add(-time.Second))
	tab.See("Problems").See("of 18 jobs is failing")
	tab.wait("the title of the tab", `document.title == "(1) Overview · Punctual"`)
	tab.Look("overview-failing")
	tab.Press("127.0.0.1:").See("First failure beside the last success").Look("problem")
	tab.Fill("Note", "The CRM is being moved.").Press("Acknowledge").See("Acknowledged.").See("by Jane Doe").Look("problem-acknowledged")
	tab.Open("/console/problems").See("The CRM is being moved.").Look("problems")
	tables.Exec(fmt.Sprintf(`UPDATE job SET url = replace(url, '/status/503', '') WHERE id = %d`, job))
	tables.SetDue(job, time.Now().Add(-time.Second))
	tab.See("There is no problem.").Press("Resolved").See("The CRM is being moved.")
	tab.Open("/console").See("All 18 jobs are fine").See("The last problem ended")
}

// TestPalette goes to a job, a page and an action by keyboard.
func TestPalette(t *testing.T) {
	t.Parallel()
	_, tab := demo(t)
	press := func(keys string, m ...chromedp.KeyOption) {
		tab.do("press keys", chromedp.KeyEvent(keys, m...))
	}
	tab.Open("/console")
	press("k", chromedp.KeyModifiers(2)) // with Ctrl
	tab.See("Create a job").Look("palette")
	press("api k")
	tab.wait("the list is shorter", `!document.querySelector("#found").innerText.includes("Import a crontab")`)
	press(kb.ArrowDown)
	press(kb.Enter)
	tab.wait("the page of keys", `location.pathname == "/console/settings/keys"`)
	press("k", chromedp.KeyModifiers(2))
	tab.See("Create a job")
	press("invoices")
	tab.See("Send invoices").Look("palette-job")
}

// TestOverviewWithoutScripts reads the overview and a problem, and acts, without JavaScript.
func TestOverviewWithoutScripts(t *testing.T) {
	t.Parallel()
	s, tab := demo(t)
	s.Tables().SetDue(s.Tables().Number(`SELECT id FROM job WHERE title = 'Sync the CRM'`), time.Now().Add(-time.Second))
	tab.Open("/console").See("of 18 jobs is failing")
	tab = tab.WithoutScripts()
	tab.Open("/console").SeeText("of 18 jobs is failing").Press("127.0.0.1:").Fill("Note", "seen").Press("Acknowledge").SeeText("Acknowledged.")
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
