package browser

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// tick clicks the control with a name and a value.
func (tab *Tab) tick(name, value string) *Tab {
	tab.t.Helper()
	tab.script(fmt.Sprintf(`document.querySelector('[name=%q][value=%q]').click()`, name, value))
	return tab
}

// script runs a statement in the page.
func (tab *Tab) script(statement string) {
	tab.t.Helper()
	tab.act(statement, chromedp.Evaluate[chromedp.Void](`(() => { `+statement+` })()`))
}

// put gives a control a value, as typing does.
func (tab *Tab) put(id, value string) *Tab {
	tab.t.Helper()
	tab.script(fmt.Sprintf(`const control = document.getElementById(%q); control.value = %q; control.dispatchEvent(new Event("input", { bubbles: true }))`, id, value))
	return tab
}

// holds waits until a control has a value.
func (tab *Tab) holds(id, value string) *Tab {
	tab.t.Helper()
	tab.wait("see that "+id+" is "+value, fmt.Sprintf(`document.getElementById(%q)?.value === %q`, id, value))
	return tab
}

// TestEditor makes a job: what lies ahead follows what is typed, and the modes of the schedule follow each other.
func TestEditor(t *testing.T) {
	t.Parallel()
	tab := setUp(t)
	tab.Open("/console/jobs/new").See("every 15 minutes").Look("editor-new")

	tab.tick("mode", "weekly").tick("weeklyDay", "5").See("at 09:00, Monday and Friday")
	tab.holds("crontab", "0 9 * * 1,5")
	tab.tick("mode", "crontab").put("crontab", "*/20 8-10 * * 1-5").See("every 20 minutes from 08:00 to 10:40, Monday to Friday")
	tab.put("crontab", "0 25 * * *").See("Correct the schedule").See("out of range")
	tab.put("crontab", "30 2 * * *").See("every day at 02:30").Look("editor-crontab")
	tab.tick("mode", "custom").tick("hour", "14").See("at 02:30 and 14:30").holds("crontab", "30 2,14 * * *").Look("editor-custom")
	tab.Click("If it fails").put("retries", "4").See("Retry 4 after 8 min: 15 min after the first failure").Look("editor-retries")
	tab.Click("Advanced").Choose("Connection", "is reused where possible").Look("editor-advanced")
	tab.tick("mode", "once").See("Correct the schedule")
	tab.tick("mode", "daily")
	tab.put("dailyTime", "04:15").See("every day at 04:15")

	tab.Click("Add a header")
	tab.script(`document.querySelectorAll("[name=headerName]")[1].value = "X-Run"; document.querySelectorAll("[name=headerValue]")[1].focus()`)
	tab.Click("Placeholders and secrets")
	tab.script(`[...document.querySelectorAll("[data-insert]")].find((code) => code.textContent === "%cjo:executionid%").click()`)
	tab.put("url", "nowhere else").Expect(422).Press("Create").See("Correct what is marked").Look("editor-wrong")
	tab.act("paste", chromedp.SendKeys("#paste", "https://a.example/nightly"))
	tab.Press("Fill in").See("The URL was filled in")
	tab.holds("url", "https://a.example/nightly").Look("editor-pasted")
	tab.Expect(dialog).Open("/console/jobs/new") // which the changed form asks about
}

// TestEditorWithoutScripts makes and changes a job with scripts turned off.
func TestEditorWithoutScripts(t *testing.T) {
	t.Parallel()
	tab := setUp(t)
	tab.WithoutScripts().Open("/console/jobs/new")
	tab.act("paste", chromedp.SendKeys("#paste", "https://a.example/nightly"))
	tab.Press("Fill in").SeeText("The URL was filled in")
	tab.Fill("Title", "Nightly").Fill("Tags", "night")
	tab.act("choose a mode", chromedp.Click(`//label[span[normalize-space(.) = "Crontab"]]`))
	tab.Fill("Crontab line", "15 3 * * *").Press("Show the next runs").SeeText("every day at 03:15").SeeText("UTC")
	if got := tab.Text(".next-runs tbody tr td"); !strings.HasSuffix(got, "03:15") {
		t.Errorf("the first run is %q", got)
	}
	tab.Press("Create").At("/console/jobs/1").Open("/console/jobs/1/settings").SeeText("Nightly")
	tab.Fill("Title", "Every night").Press("Save").At("/console/jobs/1/settings").SeeText("Saved.")
}
