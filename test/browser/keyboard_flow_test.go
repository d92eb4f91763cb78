package browser

import (
	"regexp"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"punctual/internal/store/storetest"
	"punctual/test/harness"
)

// The flows of this file have nothing but the keyboard: the Tab key, Enter, and what is typed. Whatever gets the focus on the way is
// looked at, too.

// TestFirstMinuteByKeyboard goes from the first start to a job that was tested, created and run, and to a channel that was tested.
func TestFirstMinuteByKeyboard(t *testing.T) {
	t.Parallel()
	target := harness.NewTarget(t)
	node, url := start(t)
	tab := openTab(t, url)
	tab.Open(setupLink.FindString(node.Stdout())).focused("E-mail address").Type("jane@example.com")
	tab.tabTo("password").Type(password).Leave(kb.Enter).At("/console")
	tab.tabTo("paste").Type("*/5 * * * * curl -X POST -d 'a=1' " + target.URL + "/first").tabToButton("Continue").Leave(kb.Enter)
	tab.At("/console/jobs/new").See("every 5 minutes").tabToButton("Test").Type(kb.Enter).See("Succeeded").See("200 OK")
	tab.Type(kb.Tab).focus()
	tab.Type(kb.Escape).wait("the drawer is closed", `!document.querySelector("dialog")`)
	tab.focused("Test").tabToButton("Create and run now").Leave(kb.Enter)
	tab.At("/console/jobs/1").See("200 OK").See("Nobody is told yet").tabToButton("Choose a channel").Leave(kb.Enter)
	tab.tabToButton("Webhook").Leave(kb.Enter).tabToButton("URL").Type(target.URL + "/hook").tabToButton("Save and send a test").Leave(kb.Enter)
	tab.See("The test message arrived.")
	// The job may have become due meanwhile.
	if first, hooks := target.To("/first"), target.To("/hook"); len(first) < 2 || first[1].Body != "a=1" || len(hooks) != 1 {
		t.Errorf("the target received %+v and %+v", first, hooks)
	}
}

var problemKey = regexp.MustCompile(`"problemKey":"problem-(\d+)"`)

// TestThreeInTheMorningByKeyboard follows the link of a notice to the problem, says that somebody is at it, finds the edit that broke
// the job, takes it back, tests the job, runs again what failed, and sees that the problem has ended.
func TestThreeInTheMorningByKeyboard(t *testing.T) {
	t.Parallel()
	tab, tables, target := brokenByAnEdit(t)
	link := ""
	for deadline := time.Now().Add(harness.Timeout); link == ""; time.Sleep(50 * time.Millisecond) {
		for _, notice := range target.To("/hook") {
			if found := problemKey.FindStringSubmatch(notice.Body); found != nil {
				link = "/console/problems/" + found[1]
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("nobody is told")
		}
	}
	tab.Open(link).See("The job was changed between the two").tabTo("note").Type("On it.").tabToButton("Acknowledge").Leave(kb.Enter).See("Acknowledged.")
	tab.tabToButton("Sync the CRM").Leave(kb.Enter).At("/console/jobs/1/changes").tabToButton("1").Leave(kb.Enter)
	tab.See("What restoring this version changes").tabToButton("Restore this version").Leave(kb.Enter).See("The version is restored.")
	tab.tabToLink("/console/jobs/1/settings").Leave(kb.Enter).tabToButton("Test").Type(kb.Enter).See("Succeeded")
	tab.Type(kb.Escape).wait("the drawer is closed", `!document.querySelector("dialog")`)
	tab.focused("Test").Open(link).tabToButton("Run again what failed").Type(kb.Enter).See("Runs to start").tabToButton("Run them again").Leave(kb.Enter)
	tab.See("The runs are requested").tabToLink("/console/problems").Leave(kb.Enter).See("There is no problem.").tabToButton("Resolved").Leave(kb.Enter)
	tab.tabToButton("127.0.0.1:").Leave(kb.Enter).See("Lasted")
	if n := tables.Number(`SELECT count(*) FROM problem WHERE state = 3`); n != 1 {
		t.Errorf("%d problems are resolved", n)
	}
}

// brokenByAnEdit is a service with a job that succeeded, was changed and fails since; a webhook is told. The tab is signed in.
func brokenByAnEdit(t *testing.T) (tab *Tab, tables *storetest.Tables, target *harness.Target) {
	t.Helper()
	target = harness.NewTarget(t)
	s := harness.NewService(t, "")
	node := s.Start()
	client := s.Client(node)
	client.Do("POST", "/channels", harness.Fields{"channel": harness.Fields{"kind": "webhook", "url": target.URL + "/hook", "default": true}}, nil)
	id := client.CreateJob(harness.Fields{"title": "Sync the CRM", "url": target.URL + "/crm", "enabled": true, "saveResponses": true,
		"notification": harness.Fields{"onFailure": true}, "schedule": rarely()})
	tables = s.Tables()
	run := func() {
		before := tables.Number(`SELECT count(*) FROM execution WHERE outcome > 0`)
		tables.SetDue(id, time.Now().Add(-time.Second))
		for deadline := time.Now().Add(harness.Timeout); tables.Number(`SELECT count(*) FROM execution WHERE outcome > 0`) == before; time.Sleep(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the job does not run")
			}
		}
	}
	run()
	client.ChangeJob(id, harness.Fields{"url": target.URL + "/status/503"})
	run()
	return openTab(t, addressOf(node)).setUp(node), tables, target
}

// TestMenusByKeyboard opens a menu, which closes behind the focus, and a sheet from it, which gives the focus back.
func TestMenusByKeyboard(t *testing.T) {
	t.Parallel()
	tab, _ := withJobs(t, 0)
	tab.Open("/console/jobs/1").tabToButton("More").Type(kb.Enter).tabToButton("Delete").Type(kb.Tab)
	tab.wait("the menu is closed", `!document.querySelector("details.menu[open]")`)
	tab.Open("/console/jobs/1").tabToButton("More").Type(kb.Enter).tabToButton("Pause").Type(kb.Enter).See("A paused job does not run")
	tab.Type(kb.Escape).wait("the sheet is closed", `!document.querySelector("dialog")`)
	tab.focused("More")
	tab.Open("/console/jobs/new").tabToButton("Placeholders and secrets").Type(kb.Enter).tabToButton("%cjo:executionid%").Type(kb.Enter)
	if f := tab.focus(); f.ID != "body" {
		t.Errorf("the focus is on %+v", f)
	}
	tab.holds("body", "%cjo:executionid%")
}
