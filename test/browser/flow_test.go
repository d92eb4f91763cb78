package browser

import (
	"testing"

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
	if first, hooks := target.To("/first"), target.To("/hook"); len(first) != 1 || first[0].Method != "POST" || first[0].Body != "a=1" || len(hooks) != 1 {
		t.Errorf("the target received %+v and %+v", first, hooks)
	}
}
