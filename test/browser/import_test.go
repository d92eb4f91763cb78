package browser

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// pastedCrontab is what somebody brings from a machine.
const pastedCrontab = `MAILTO=ops@example.com
CRON_TZ=Europe/Berlin
# Nightly report
0 3 * * * curl -fsS -X POST -H 'Content-Type: application/json' -d '{"kind":"nightly"}' https://reports.example.com/run >/dev/null 2>&1
*/5 * * * * flock -n /tmp/poll.lock wget -qO- "https://shop.example.com/cron.php?key=$CRON_KEY"
15 6 * * 1-5 root /usr/bin/curl -m 30 --retry 3 https://backup.example.com/weekly
0 25 * * * curl https://example.com/never
@reboot /usr/local/bin/agent
`

// TestImportACrontab pastes a crontab, looks at what was read, and creates the jobs; with scripts and without.
func TestImportACrontab(t *testing.T) {
	t.Parallel()
	tab, client := withJobs(t, 0)
	tab.Open("/console/jobs/import").See("Commands or crontab lines").Look("import-empty")
	tab.do("paste", chromedp.SetValue("#text", pastedCrontab)) // typing takes long
	tab.Press("Read").See("3 jobs found").See("The value of the variable CRON_KEY is not known").Look("import-read")
	tab.Press("Create the ticked jobs").At("/console/jobs").See("The jobs were created.")
	if n := len(client.Jobs()); n != 3 { // one of them was there before
		t.Errorf("there are %d jobs", n)
	}
	tab.WithoutScripts().Open("/console/jobs/import").do("paste", chromedp.SetValue("#text", "curl -d a=1 https://one.example.com/"))
	tab.Press("Read").SeeText("1 job found")
	tab.Press("Create the ticked jobs").SeeText("one.example.com")
	if job := client.Job(4); job.URL != "https://one.example.com/" {
		t.Errorf("the job is %+v", job)
	}
}
