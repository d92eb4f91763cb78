package browser

import (
	"strings"
	"testing"
)

// TestRuns finds what failed, why and since when, and runs it again.
func TestRuns(t *testing.T) {
	t.Parallel()
	_, tab := demo(t)
	tab.Open("/console/runs").See("Runs from").Look("runs")
	tab.Open("/console/runs?span=7d&outcome=failed").See("Service Unavailable").Look("runs-failed")
	tab.Press("By cause").See("Leave out").Look("runs-causes")
	tab.Press("As a list").Click("More conditions").Fill("Text", "crm").Press("Apply").See("Sync the CRM").SeeNot("Exchange rates").Look("runs-text")
	tab.Press("Run again…").See("Runs to start").Look("runs-again")
	tab.Press("Run them again").See("The runs are requested")

	tab.Open("/console/runs?kind=manual").Press("503").See("answered 503").See("Where the time went").Look("run-failed")
	tab.Press("All runs of this job").See("Sync the CRM").Look("runs-job")
	tab.Open("/console/runs?text=stock&outcome=succeeded&kind=scheduled").Press("200").See("It answered 200").Look("run-good")
}

// TestRunsWithoutScripts narrows the list, opens a run and repeats it without JavaScript.
func TestRunsWithoutScripts(t *testing.T) {
	t.Parallel()
	_, tab := demo(t)
	tab.WithoutScripts().Open("/console/runs?kind=manual").SeeText("503").Press("503").SeeText("answered 503")
	path := tab.Path()
	if !strings.HasPrefix(path, "/console/runs/") {
		t.Fatal(path)
	}
	tab.Press("Run again").At(path).SeeText("The run is requested")
}
