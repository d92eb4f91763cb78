package browser

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"punctual/test/harness"
)

// TestFirstMinute goes from the first start to a run that succeeded, and to a channel that was tested.
func TestFirstMinute(t *testing.T) {
	t.Parallel()
	target := harness.NewTarget(t)
	node, url := start(t)
	tab := openTab(t, url)
	tab.Open(setupLink.FindString(node.Stdout()))
	tab.Fill("E-mail address", "jane@example.com").Fill("Password", password).Press("Create the operator").At("/console").Look("first-overview")
	tab.Fill("Paste a URL", "*/5 * * * * curl -X POST -H 'X-Colour: blue' -d 'a=1' "+target.URL+"/first")
	tab.Press("Continue").At("/console/jobs/new").See("every 5 minutes").Look("first-job")
	tab.Press("Create and run now").At("/console/jobs/1").See("200 OK").See("Nobody is told yet").Look("first-run")
	tab.Press("Choose a channel").Press("Webhook").Fill("URL", target.URL+"/hook").Press("Save and send a test").See("The test message arrived.").Look("first-channel")
	// The job may have become due meanwhile.
	if first, hooks := target.To("/first"), target.To("/hook"); len(first) == 0 || first[0].Method != "POST" || first[0].Body != "a=1" || len(hooks) != 1 {
		t.Errorf("the target received %+v and %+v", first, hooks)
	}
}

// TestEverydayWithoutScripts signs in, creates a job, edits, tests, runs, finds, changes and deletes it without JavaScript.
func TestEverydayWithoutScripts(t *testing.T) {
	t.Parallel()
	target := harness.NewTarget(t)
	node, url := start(t)
	tab := openTab(t, url).WithoutScripts().setUp(node)
	tab.Click("jane@example.com").Press("Sign out").At("/console/sign-in")
	tab.Fill("E-mail address", "jane@example.com").Fill("Password", password).Leave(kb.Enter).At("/console")
	tab.Fill("Paste a URL", target.URL+"/first").Press("Continue").At("/console/jobs/new").Fill("Title", "Backup").Press("Create").At("/console/jobs/1")
	tab.Open("/console/jobs/1/settings").Fill("Title", "Nightly backup").Press("Save").SeeText("Saved.")
	tab.Open("/console/jobs/1").Press("Test").At("/console/tests/1").refreshUntil("Succeeded")
	tab.Open("/console/jobs/1").Press("Run now").At("/console/jobs/1").refreshUntil("200 OK")
	tab.Open("/console/jobs").act("search", chromedp.SendKeys("#q", "nightly host:127.0.0.1"))
	tab.Press("Search").SeeText("Nightly backup").Press("Change all that match")
	tab.Fill("Find", "/first").Fill("Replace by", "/second").Press("Preview").refreshUntil("1 job would change")
	tab.Press("Change 1 job").refreshUntil("1 job changed").Open("/console/jobs/1").SeeText(target.URL + "/second")
	tab.Click("More").Press("Delete").SeeText("This job was deleted").Open("/console/jobs").SeeNot("Nightly backup")
	if n := len(target.To("/first")); n != 2 {
		t.Errorf("the target received %d requests", n)
	}
}
