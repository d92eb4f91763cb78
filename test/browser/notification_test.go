package browser

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"punctual/internal/config"
	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/notify/email"
	"punctual/internal/notify/email/emailtest"
)

// mailed sends a notification by a mail server, and returns the HTML that arrives.
func mailed(t *testing.T, m *cron.Message, c *cron.Channel) string {
	t.Helper()
	server := emailtest.Start(t, emailtest.Options{NoTLS: true, NoAuth: true})
	host, port, err := net.SplitHostPort(server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	sender, err := email.New(config.SMTP{Host: host, Port: number, TLS: config.NoTLS}, "Punctual <cron@example.com>")
	if err != nil {
		t.Fatal(err)
	}
	n := message.Default().Notification(m, c, message.Context{
		Account: "Example Ltd.", Console: "https://cron.example.com/console", Act: "https://cron.example.com/console/act/k7Qm2x",
		Unsubscribe: "https://cron.example.com/console/unsubscribe/k7Qm2x", Now: m.Created.Add(time.Second),
	})
	if err := sender.SendNotification(t.Context(), "jane@example.org", &n); err != nil {
		t.Fatal(err)
	}
	arrived, _ := server.Wait(t, "jane@example.org", 0)
	return arrived.HTML
}

// TestNotificationMails looks at mails as a mail program shows them.
func TestNotificationMails(t *testing.T) {
	t.Parallel()
	night := time.Date(2026, 11, 27, 1, 0, 2, 0, time.UTC)
	failure := cron.Notice{
		Kind: cron.NoticeFailure, Created: night, JobID: 7, Title: "Nightly backup", URL: "https://backup.example.com/run?token=x",
		Timezone: "Europe/Berlin", Next: night.Add(time.Hour), Usual: cron.Band{Low: 1200 * time.Millisecond, High: 3100 * time.Millisecond, Count: 90},
		Runbook: "# If the backup fails\n\n1. Look at the **disk** of `db-1`: `df -h /var`.\n2. If it is full, remove old dumps.\n3. Otherwise call Jane, " +
			"see [the wiki](https://wiki.example.com/backup).\n\n| disk | size |\n|---|---|\n| /var | 200 GB |\n",
		ExecutionID: 4711, Attempt: 1, Planned: night.Add(-2 * time.Second), Failures: 3, ProblemID: 12, Cause: 77, Since: night.Add(-2 * time.Hour),
		Result: cron.Result{Status: cron.StatusHTTPError, HTTPStatus: 503, URL: "https://backup.example.com/run", Started: night,
			Duration: 31200 * time.Millisecond, RetryAfter: 2 * time.Minute,
			Body: []byte("{\n  \"error\": \"no space left on device\",\n  \"path\": \"/var/lib/backup/2026-11-27.dump.gz.part\"\n}\n")},
	}
	recovery := failure
	recovery.Kind, recovery.Failures = cron.NoticeSuccess, 13
	recovery.Result = cron.Result{Status: cron.StatusOK, HTTPStatus: 200, Started: night, Duration: 2 * time.Second}
	hostile := failure
	hostile.Title = strings.Repeat("Verylongtitlewithoutspaces", 15) + "<script>alert(1)</script>"
	hostile.Runbook, hostile.Result.Body = "<script>alert(1)</script>\n\n"+strings.Repeat("x", 300), []byte("<h1>"+strings.Repeat("<td>&nbsp;", 90))
	one := func(n cron.Notice) *cron.Message {
		return &cron.Message{ID: 345, Kind: n.Kind, ProblemID: 12, Created: night, Count: 1, Notices: []cron.Notice{n}}
	}
	list := &cron.Message{ID: 346, Kind: cron.NoticeFailure, ProblemID: 12, Created: night, Count: 214}
	for i := range cron.MaxListedNotices {
		n := failure
		n.JobID, n.Title, n.Failures, n.Result.Started = int64(i), fmt.Sprintf("Report of customer %d", 1000+i*37), 1+i%3, night.Add(time.Duration(i)*time.Second)
		list.Notices = append(list.Notices, n)
	}
	pages := map[string]string{
		"/failure":  mailed(t, one(failure), &cron.Channel{Kind: "owners"}),
		"/recovery": mailed(t, one(recovery), &cron.Channel{Kind: "owners"}),
		"/several":  mailed(t, list, &cron.Channel{Kind: "email", Title: "Night watch"}),
		"/hostile":  mailed(t, one(hostile), &cron.Channel{Kind: "email", Title: "Night watch"}),
		"/own":      mailed(t, one(failure), &cron.Channel{Kind: "email", Title: "Night watch", Template: "{job} is broken.\n\n{status}\n{excerpt}"}),
		"/test":     mailed(t, one(cron.Notice{Kind: cron.NoticeTest, Created: night}), &cron.Channel{Kind: "email", Title: "Night watch"}),
		"/node":     mailed(t, one(cron.Notice{Kind: cron.NoticeNodeGone, Created: night, Detail: "cron-2"}), &cron.Channel{Kind: "owners"}),
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		_, _ = io.WriteString(w, pages[r.URL.Path])
	}))
	t.Cleanup(s.Close)
	tab := openTab(t, s.URL)
	for path := range pages {
		tab.Open(path)
		tab.Look("mail" + strings.ReplaceAll(path, "/", "-"))
	}
}
