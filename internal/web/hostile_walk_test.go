package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
	"punctual/internal/web"
)

// hostileNotes are Markdown that tries to become HTML, and links that no page may have.
const hostileNotes = hostile + "\n\n<img src=x onerror=alert(1)>\n\n[x](javascript:alert(1)) ![x](data:text/html,x) <javascript:alert(1)>"

// withoutTexts are the pages that show nothing of what the account holds, or a file, or that need a link of their own; each has
// tests of its own.
var withoutTexts = []string{
	"/console/events", "/console/visit/{slug}", "/console/setup/{token}", "/console/sign-in", "/console/sign-in/code", "/console/confirm", "/console/sign-in/oidc/{name}",
	"/console/sign-in/oidc/{name}/callback", "/console/confirm/oidc/{name}", "/console/settings/sign-in/identities/{name}", "/console/sign-up",
	"/console/sign-up/{token}", "/console/lost-password", "/console/password/{token}", "/console/email/{token}", "/console/invitation/{token}",
	"/console/act/{token}", "/console/unsubscribe/{token}", "/console/channel/{token}", "/console/settings/account/export", "/console/tests/{id}",
	"/console/tests/{id}/events", "/console/settings/accounts/{id}/disable", "/console/keyboard",
}

// TestHostileWalk gives everything in an account hostile texts, and visits every page there is.
func TestHostileWalk(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	account := c.account(t)
	actor := cron.OperatorOf(account)
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ok(c.service.Rename(t.Context(), actor, hostile))
	folder, gone := cron.Folder{AccountID: account.ID, Title: hostile}, cron.Folder{AccountID: account.ID, Title: "x" + hostile}
	ok(c.service.AddFolder(t.Context(), actor, &folder))
	ok(c.service.AddFolder(t.Context(), actor, &gone))
	fill := func(j *cron.Job) {
		j.Title, j.FolderID, j.Description, j.Tags = hostile, folder.ID, hostileNotes, []string{hostile, "javascript:alert(1)"}
		j.Request.URL = "https://a.example/?q=%3Cscript%3E'\"><script>alert(1)</script>"
		j.Request.Headers = []cron.Header{{Name: "X-Colour", Value: hostile}, {Name: "X-Colour", Value: "\"><img src=x>"}}
		j.Request.Body, j.Timing.PauseNote = hostile, hostile
		j.Schedule.Timezone, j.Notification.OnSuccess = "UTC", true
	}
	job, binned := c.newJob(t, fill), c.newJob(t, fill)
	ok(c.store.UpdateJob(t.Context(), account.ID, job.ID, func(j *cron.Job) error { j.Title = "y" + hostile; return nil }))
	node, err := c.store.StartNode(t.Context(), cron.Node{Name: hostile})
	ok(err)
	c.attempt(t, node, &job, nil)
	for range 3 {
		c.attempt(t, node, &job, func(r *cron.Result) {
			r.Status, r.HTTPStatus, r.Reason, r.Fault, r.Detail = cron.StatusHTTPError, 503, hostile, cron.FaultNone, hostile
			r.URL, r.Headers, r.Body = job.Request.URL, []byte("HTTP/1.1 503 "+hostile+"\r\nX-Colour: "+hostile+"\r\n\r\n"), []byte(hostileNotes)
			r.Redirects = []cron.Redirect{{URL: "javascript:alert(1)", Status: 302}}
		})
	}
	ok(c.service.DeleteJob(t.Context(), actor, binned.ID, nil))
	ok(c.service.DeleteFolder(t.Context(), actor, gone.ID))
	channel := cron.Channel{AccountID: account.ID, Kind: "webhook", Title: hostile, Enabled: true, Default: true, Settings: map[string]string{"url": "https://a.example/hook"}}
	ok(c.service.AddChannel(t.Context(), actor, &channel))
	c.attempt(t, node, &job, nil) // a recovery, of which the channel is told
	secret := cron.Secret{AccountID: account.ID, Name: "TOKEN", Value: hostile}
	ok(c.service.AddSecret(t.Context(), actor, &secret))
	window := cron.MaintenanceWindow{AccountID: account.ID, Title: hostile, Start: time.Now(), End: time.Now().Add(time.Hour), Tags: []string{hostile}}
	ok(c.service.AddMaintenance(t.Context(), actor, &window))
	page := b.statusPage(hostile)
	b.component(page, hostile, "text", hostileNotes, "job", fmt.Sprint(job.ID), "group", " new", "newGroup", hostile)
	status := c.lastPage(t)
	b.post(page+"/settings", "title", hostile, "slug", status.Slug, "text", hostileNotes, "timezone", "UTC", "theme", "dark", "days", "90", "access", "public",
		"announcement", hostileNotes).leads(page + "/settings?done=saved")
	b.post(fmt.Sprintf("%s/components/%d/state", page, status.Components[0].ID), "state", "degraded")
	b.post(page + "/publish")
	x := statuspage.Subscriber{PageID: status.ID, Address: hostile}
	ok(c.store.Subscribe(t.Context(), &x, [32]byte{1}, func(context.Context, *statuspage.Subscriber, bool) error { return nil }))
	b.post(page+"/incidents/new", "title", hostile, "phase", "identified", "text", hostileNotes, fmt.Sprint("impact-", status.Components[0].ID), "majorOutage", "do", "publish")
	b.post(page+"/maintenances/new", "title", hostile, "text", hostileNotes, "kind", "once", "start", "2999-01-01T10:00", "end", "2999-01-01T11:00",
		"component", fmt.Sprint(status.Components[0].ID), "effect", "silence", "do", "save")
	b.upload(page+"/logo", "file", picture(t), "do", "upload")
	b.post("/console/views", "title", hostile, "q", `"<script>alert(1)</script>"`)
	b.post("/console/problems/1", "do", "note", "note", hostileNotes)
	b.post("/console/jobs/bulk", "job", fmt.Sprint(job.ID), "in-0", "title", "find-0", "y", "replace-0", hostile)
	c.work(t)
	b.post("/console/settings/people", "email", "eve@example.com", "role", "viewer")
	b.post("/console/settings/keys", "title", hostile, "scopes", "all")

	_, err = c.store.RouteNotices(t.Context())
	ok(err)
	history, err := c.service.SearchHistory(t.Context(), actor, &cron.HistoryQuery{Limit: 2})
	ok(err)
	names := strings.NewReplacer("{identifier}", history.Records[1].Identifier(), "{version}", "1",
		"{componentId}", fmt.Sprint(status.Components[0].ID), "{incidentId}", "1", "{updateId}", "1", "{maintenanceId}", "2", "{subscriberId}", "1")
	ids := map[string]int64{
		"/console/jobs/": job.ID, "/console/settings/bin/jobs/": binned.ID, "/console/settings/bin/folders/": gone.ID, "/console/folders/": folder.ID,
		"/console/settings/channels/": channel.ID, "/console/settings/secrets/": secret.ID, "/console/settings/maintenance/": window.ID, "/console/status/": status.ID,
	}
	visited := 0
	for _, route := range web.Routes() {
		method, pattern, _ := strings.Cut(route, " ")
		if method != http.MethodGet || slices.Contains(withoutTexts, pattern) {
			continue
		}
		id := int64(1)
		for prefix, of := range ids {
			if strings.HasPrefix(pattern, prefix) {
				id = of
			}
		}
		path := names.Replace(strings.ReplaceAll(pattern, "{id}", fmt.Sprint(id)))
		for _, query := range []string{"", "?q=" + url.QueryEscape(hostile) + "&text=" + url.QueryEscape(hostile) + "&done=" + url.QueryEscape(hostile) + "&next=" + url.QueryEscape("javascript:alert(1)")} {
			a := b.get(path + query) // which checks the page
			if a.status >= 500 || query == "" && a.status != http.StatusOK && a.status != http.StatusSeeOther {
				t.Errorf("%s: status %d", path+query, a.status)
			}
			kind := a.header.Get("Content-Type")
			if !strings.HasPrefix(kind, "text/html") {
				if a.status == http.StatusOK && !strings.Contains(a.header.Get("Content-Disposition"), "attachment") {
					t.Errorf("%s: a file of type %s that browsers open", path+query, kind)
				}
				continue
			}
			for _, harm := range []string{"<script>alert", "<img src=x", `href="javascript:`, `src="data:text`, `action="javascript:`} {
				if strings.Contains(a.body, harm) {
					t.Errorf("%s holds %s", path+query, harm)
				}
			}
			visited++
		}
	}
	t.Logf("%d pages", visited)
}
