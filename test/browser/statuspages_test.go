package browser

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestStatusConsole makes a status page, and looks at each of its places.
func TestStatusConsole(t *testing.T) {
	t.Parallel()
	tab := setUp(t)
	tab.Open("/console/status").See("A status page shows your users").Look("status-first")
	tab.Fill("Title", "Example Inc. status").Press("Create the page").See("created as a draft").Look("status-new")
	tab.Open("/console/status/1/components/new").Look("status-component-new")
	tab.Fill("Title", "Website").Fill("Description", "The shop and its pages").Press("Add the component").See("The component is added")
	for _, title := range []string{"API", "Payments"} {
		tab.Open("/console/status/1/components/new").Fill("Title", title).Choose("Group", "New group:").Fill("Its title", title+" in Europe").
			Press("Add the component").See("The component is added")
	}
	tab.Open("/console/status/1/components").Look("status-components")
	tab.Open("/console/status/1/groups?group=API%20in%20Europe").Look("status-group")
	tab.Open("/console/status/1/components/1/state").Look("status-component-state")
	tab.Choice("Partial outage").Press("Set the state").See("It holds until you release it").Press("Publish").See("The page is published").Look("status-page")
	tab.Open("/console/status").See("Partial outage").Look("status-pages")
	tab.Open("/console/status/1/settings").Look("status-settings")
	tab.Fill("Address", "not a slug").Expect(422).Press("Save").Look("status-settings-wrong")
	tab.Open("/console/status/1/maintenances").Look("status-maintenances-first")
	tab.Press("Plan maintenance").Look("status-maintenance-new")
	tab.Fill("Title", "Move to another data centre").Fill("What to tell visitors", "We **move**. The website is away for some minutes.").Choice("Website").
		Press("Plan").See("Move to another data centre").Look("status-maintenances")
	tab.Press("Move to another data centre").Look("status-maintenance")
}

// TestStatusBadges looks at the badges of a page that is a draft, that everybody may read, and that some may, and copies the code of one.
func TestStatusBadges(t *testing.T) {
	t.Parallel()
	tab := setUp(t)
	tab.Open("/console/status").Fill("Title", "Example Inc. status").Press("Create the page")
	for _, title := range []string{"Website", "Payments in Europe"} {
		tab.Open("/console/status/1/components/new").Fill("Title", title).Press("Add the component").See("The component is added")
	}
	tab.Press("Badges").See("The page is a draft").Look("status-badges-draft")
	tab.Open("/console/status/1").Press("Publish").See("The page is published").Press("Badges").See("Everybody can see them").Look("status-badges")
	tab.Click("Copy").See("Copied")
	tab.Press("Uptime 30 days").See("uptime-30d.svg").SeeNot("state.svg")
	tab.Open("/console/status/1/settings").Choice("Members of the account").Press("Save").See("Saved.")
	tab.Press("Badges").See("the addresses hold a token").Look("status-badges-token")
	before := tab.Text("#badge-0-address")
	tab.Press("Renew addresses").See("The badges have other addresses.")
	if after := tab.Text("#badge-0-address"); after == before {
		t.Errorf("the address is still %s", after)
	}
	shown := `[...document.querySelectorAll("main img")].filter((i) => i.complete && i.naturalWidth > 0).length === 3`
	tab.wait("the previews are there", shown)
}

// TestStatusFormOfTwo shows what somebody else saved while a form was open, and takes over what is chosen of it.
func TestStatusFormOfTwo(t *testing.T) {
	t.Parallel()
	tab := setUp(t)
	tab.Open("/console/status").Fill("Title", "Example").Press("Create the page").Press("New component").Fill("Title", "Shop").Press("Add the component").
		See("The component is added").Press("Shop").Fill("Title", "Shop and basket").Fill("Description", "Mine")
	tab.wait("somebody else has saved", `(window.saved ??= fetch(location.pathname, {method: "POST", body: new URLSearchParams({title: "Web shop", needed: "",
		failures: "3", of: "3", successes: "2", percent: "95", do: "save"})}).then(() => window.saved = true)) === true`)
	tab.Expect(409).Press("Save").See("Nothing was saved yet").See("Changed by both").See("Web shop").Look("status-changed")
	tab.Choice("Title: take").Press("Save").See("Web shop").Press("Web shop").See("Delete the component")
	if text := read(tab, "what was saved", chromedp.Evaluate[string](`document.querySelector("#text").value + document.querySelector("#failures").value`)); text != "Mine3" {
		t.Errorf("%q", text)
	}
	times := read(tab, "click twice", chromedp.Evaluate[int](`(() => {
		let times = 0;
		addEventListener("submit", (event) => { times += event.defaultPrevented ? 0 : 1; event.preventDefault(); });
		const save = document.querySelector("button.primary[value=save]");
		save.click();
		save.click();
		return times;
	})()`))
	if times != 1 {
		t.Errorf("a double click sends the form %d times", times)
	}
}

// TestIncidentInConsole goes from a problem to its resolution.
func TestIncidentInConsole(t *testing.T) {
	t.Parallel()
	tab, tables, job := oneFailing(t)
	tab.Open("/console/status").Fill("Title", "Example Inc. status").Press("Create the page").Press("New component").
		Fill("Title", "Shop").Choice("Sync the CRM").Press("Add the component").See("The component is added")
	tab.Open("/console/status/1").Press("Publish").See("The page is published")
	tab.Open("/console")
	tables.SetDue(job, time.Now().Add(-time.Second))
	tab.See("1 of 3 jobs is failing").Open("/console/problems/1").See("Tell visitors").Look("problem-tell").Press("Example Inc. status").See("filled in from a problem").Look("incident-new")
	if strings.Contains(tab.Text("main"), "Sync the CRM") {
		t.Error("the form tells visitors the name of a job")
	}
	tab.Fill("What to tell visitors", "Orders **fail** at present. We are looking into it.").Press("Show the text").See("As visitors see it").Look("incident-shown")
	tab.Press("Publish the incident").See("The incident is published").Look("incident")
	tab.Choice("Identified").Fill("What to tell visitors", "A disk is full. We make room.").Press("Post the update").See("The update is posted")
	tab.Open("/console/status/1").See("Open incidents").Look("status-page-incident")
	tab.Press("Disturbance of Shop").Choice("Resolved").Fill("What to tell visitors", "Orders work again.").Press("Post the update").See("The incident is resolved").Look("incident-resolved")
	tab.Open("/console/status/1/incidents").Look("incidents")
	tab.Open("/console/status/1").SeeNot("Open incidents")
}

// TestIncidentInConsoleByKeyboard writes an incident by keys alone.
func TestIncidentInConsoleByKeyboard(t *testing.T) {
	t.Parallel()
	tab := setUp(t)
	tab.Open("/console/status").tabTo("title").Type("Example").Leave(kb.Enter).See("created as a draft")
	tab.tabToButton("New component").Leave(kb.Enter).tabTo("title").Type("Shop").Leave(kb.Enter).See("The component is added")
	tab.Open("/console/status/1").tabToButton("New incident").Leave(kb.Enter).tabTo("title").Type("Slow").tabTo("text").Type("It is slow.").
		tabTo("impact-1").Type("Degraded").tabToButton("Publish the incident").Leave(kb.Enter).See("The incident is published").See("Shop: Degraded performance")
}

// TestStatusConsoleWithoutScripts makes a page, a component and an incident with JavaScript off.
func TestStatusConsoleWithoutScripts(t *testing.T) {
	t.Parallel()
	tab := setUp(t).WithoutScripts()
	tab.Open("/console/status").Fill("Title", "Plain").Press("Create the page").Press("New component").Fill("Title", "Shop").Press("Add the component").SeeText("The component is added")
	tab.Open("/console/status/1").Press("Set the state").Choice("Degraded").Press("Set the state").SeeText("It holds until you release it").Press("Release").SeeText("Released")
	tab.Press("New incident").Fill("Title", "Slow").Fill("What to tell visitors", "It is slow.").Press("Show the text").SeeText("As visitors see it")
	tab.Press("Publish the incident").SeeText("The incident is published")
}
