package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"punctual/test/harness"
)

// TestTestRun tests a job that is not saved from the editor, follows it in the drawer, and mends what is wrong; then one that is
// stored, without scripts.
func TestTestRun(t *testing.T) {
	t.Parallel()
	held := make(chan struct{})
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/old":
			<-held
			http.Redirect(w, r, "/new", http.StatusMovedPermanently)
		default:
			fmt.Fprint(w, `{"ok": true}`)
		}
	}))
	t.Cleanup(target.Close)
	tab, client := withJobs(t, 0)
	often := harness.Fields{"account": harness.Fields{"limits": harness.Fields{"testRunIntervalSeconds": 0}}}
	if a, err := client.Try("PATCH", "/accounts/1", often, nil); err != nil || a.Status != http.StatusOK {
		t.Fatal(a.Status, string(a.Body), err)
	}
	tab.Open("/console/jobs/new").Fill("URL", target.URL+"/old").Click("Test").See("Waiting for the answer").See("End the test").Look("test-running")
	close(held)
	tab.See("Update the URL").See("301 Moved Permanently").Look("test-failed")
	tab.act("take the URL over", chromedp.Click(button("Update the URL"))) // a link, which a script follows within the page
	if got := read(tab, "read the URL", chromedp.Evaluate[string](`document.getElementById("url").value`)); got != target.URL+"/new" {
		t.Errorf("the field has %q", got)
	}
	tab.Click("Test").See("Succeeded").See("200 OK").Look("test-succeeded")

	id := client.CreateJob(harness.Fields{"title": "Stored", "url": target.URL + "/stored"})
	answer, err := client.Try("POST", "/testruns", harness.Fields{"jobId": id}, nil)
	if err != nil {
		t.Fatal(err)
	}
	tab.Expect(dialog).WithoutScripts().Open("/console" + strings.Replace(answer.Header.Get("Location"), "/testruns", "/tests", 1))
	for range 100 {
		if strings.Contains(tab.Text("body"), "Succeeded") {
			return
		}
		tab.Press("Look again")
	}
	t.Error("the test has not ended")
}
