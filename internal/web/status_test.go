package web_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"mime/multipart"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// statusPage makes a status page by the console and returns its path.
func (b *visitor) statusPage(title string) string {
	b.t.Helper()
	a := b.post("/console/status", "title", title)
	path, ok := strings.CutSuffix(a.header.Get("Location"), "?done=status-created")
	if !ok {
		a.leads("the new page")
	}
	return path
}

// component adds a component to a page by the console.
func (b *visitor) component(page, title string, pairs ...string) {
	b.t.Helper()
	b.post(page+"/components/new", append([]string{"title", title, "failures", "2", "of", "3", "successes", "2", "percent", "95", "do", "save"}, pairs...)...).
		leads(page + "/components?done=component-added")
}

// lastPage is the status page of the account that was made last.
func (c *console) lastPage(t testing.TB) statuspage.Page {
	t.Helper()
	list, err := c.service.StatusPages(t.Context(), cron.OperatorOf(c.account(t)))
	if err != nil || len(list) == 0 {
		t.Fatal(list, err)
	}
	return list[len(list)-1]
}

// TestStatusPages makes a page from nothing but a title, publishes it and takes it back.
func TestStatusPages(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	b.get("/console/status").says(200, "A status page shows your users", `name="title"`, "Create the page")
	b.post("/console/status", "title", " ").says(422, "must be given")
	b.post("/console/status", "title", strings.Repeat("x", 101)).says(422, `value="xxx`)
	page := b.statusPage("Example status")
	b.get(page+"?done=status-created").says(200, "created as a draft", "Draft", "Preview", "/console/visit/example-status", "Add the first one", "not found")
	b.get("/console/status").says(200, `href="`+page+`"`, "Example status", "no components", "Draft", "No data")
	b.post(page + "/publish").leads(page + "?done=status-published")
	b.get(page+"?done=status-published").says(200, "The page is published", "http://example.com/status/example-status", "Unpublish", "Public")
	b.post(page + "/unpublish").leads(page + "?done=status-unpublished")
	b.get(page).says(200, "Draft").hides("Unpublish")
	for _, part := range []string{"", "/settings", "/components", "/components/new", "/incidents", "/incidents/new", "/maintenances", "/maintenances/new"} {
		b.get(page + part).says(200)
		b.get("/console/status/4711" + part).says(404)
		b.get("/console/status/x" + part).says(404)
	}
	b.get("/console/search?q=status+pages").says(200, `href="/console/status"`)
}

// TestComponents adds, orders, groups and removes components.
func TestComponents(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	page := b.statusPage("Status")
	var ids []int64
	for i := range 25 {
		ids = append(ids, c.newJob(t, titled(fmt.Sprint("watch the shop ", i))).ID)
	}
	other := c.newJob(t, titled("needle")).ID
	add := page + "/components/new"
	first := b.get(add).says(200, "watch the shop", "There are further jobs", `name="failures" type="text" value="2"`)
	if n := strings.Count(first.body, `name="job"`); n != 20 {
		t.Errorf("%d jobs are offered", n)
	}
	job := fmt.Sprint(ids[3])
	// The enter key in the field of the search finds; what was typed and ticked is kept.
	b.post(add, "title", "Web", "job", job, "find", "needle", "found", "", "do", "enter").
		says(200, `value="Web"`, `value="`+job+`" checked`, fmt.Sprintf(`value="%d"><span>needle`, other))
	b.post(add, "title", "Web", "find", "nothing like it", "do", "find").says(200, "No other job matches")
	b.post(add, "title", "Web", "find", strings.Repeat("word ", 100), "do", "find").says(200, "No other job matches")
	b.post(add, "title", "", "job", job, "failures", "9", "of", "3", "successes", "x", "percent", "95", "needed", "2", "automatic", "-1", "do", "save").
		says(422, "must be given", `id="failures-error"`, `id="successes-error"`, `id="needed-error"`, `id="automatic-error"`, `value="`+job+`" checked`)
	b.post(add, "title", "Web", "failures", "2", "of", "3", "successes", "2", "percent", "95", "job", "4711", "do", "save").says(422, "no job 4711")
	b.component(page, "Web", "job", job, "job", fmt.Sprint(other), "needed", "1", "slowAfter", "800", "automatic", "5", "publishAutomatic", "1")
	b.component(page, "Payments", "group", " new", "newGroup", "Europe")
	b.component(page, "Mail", "group", "Europe")
	b.component(page, "Search")
	p := c.lastPage(t)
	if w := p.Components[0]; len(w.JobIDs) != 2 || w.Needed != 1 || w.Rule.SlowAfter != 800*time.Millisecond || w.Automatic != 5*time.Minute || !w.PublishAutomatic {
		t.Errorf("%+v", w)
	}
	titles := func() (list string) {
		for _, x := range c.lastPage(t).Components {
			list += x.Group + ":" + x.Title + " "
		}
		return list
	}
	path := func(i int) string { return fmt.Sprintf("%s/components/%d", page, p.Components[i].ID) }
	b.get(page+"/components").says(200, "Europe", "2 jobs", "people", "Move up")
	b.post(page+"/components", "down", fmt.Sprint(p.Components[0].ID)).leads(page + "/components#component-" + fmt.Sprint(p.Components[0].ID))
	if got := titles(); got != ":Search Europe:Payments Europe:Mail :Web " {
		t.Error(got)
	}
	b.post(page+"/components", "up", fmt.Sprint(p.Components[1].ID)) // it is the first of its group
	b.post(page+"/components", "up", fmt.Sprint(p.Components[2].ID))
	if got := titles(); got != ":Search Europe:Mail Europe:Payments :Web " {
		t.Error(got)
	}
	b.post(page+"/components", "up", "4711").says(404)
	b.post(path(1), "title", "Payments", "group", "", "failures", "1", "of", "1", "successes", "1", "percent", "95", "do", "save").leads(page + "/components?done=saved")
	b.get(path(1)).says(200, `name="of" type="text" value="1"`)
	b.post(path(1), "title", strings.Repeat("x", 101), "do", "save").says(422, `id="title-error"`, "Delete the component")
	b.get(page + "/components/4711").says(404)
	b.post(page+"/components/4711", "title", "x", "failures", "1", "of", "1", "successes", "1", "percent", "95", "do", "save").says(404)

	groups := page + "/groups"
	b.get(groups).says(200, "Add the group")
	b.post(groups, "was", "", "title", "Europe").says(422, `value="Europe"`, `id="title-error"`)
	b.post(groups, "was", "", "title", hostile, "fold", "healthy").leads(page + "/components?done=saved")
	b.get(groups+"?n=1").says(200, `value="healthy" selected`, "&lt;script&gt;")
	b.post(page+"/components", "groupUp", "1").leads(page + "/components#g1")
	b.post(page+"/components", "groupUp", "0").leads(page + "/components#g0") // it is the first
	b.post(page+"/components", "groupDown", "2").says(404)
	b.post(page+"/components", "groupDown", "x").says(404)
	b.post(page + "/components").says(404)
	if g := c.lastPage(t).Groups; g[0].Title != hostile || g[0].Fold != statuspage.FoldHealthy {
		t.Error(g)
	}
	b.post(groups, "was", "Europe", "title", "World", "do", "save").leads(page + "/components?done=saved")
	if got := titles(); !strings.Contains(got, "World:Mail") {
		t.Error(got)
	}
	b.post(groups, "was", "World", "do", "remove").leads(page + "/components?done=saved")
	b.post(groups, "was", "World", "do", "remove").says(404)
	b.get(groups + "?n=7").says(404)
	b.post(path(0) + "/delete").leads(page + "/components?done=removed")
	b.post(path(0) + "/delete").says(404)
	if got := titles(); got != ":Search :Mail :Payments " {
		t.Error(got)
	}
}

// TestJobOfStatusPage shows on the page of a job which status pages need it, and why it cannot be deleted.
func TestJobOfStatusPage(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	page := b.statusPage("Shop <status>")
	id := fmt.Sprint(c.newJob(t, titled("probe")).ID)
	b.component(page, "Shop", "job", id)
	b.get("/console/jobs/"+id).says(200, "Status pages", `href="`+page+`"`, "Shop &lt;status&gt;")
	b.post("/console/jobs/"+id+"/delete").says(422, "Shop &lt;status&gt;")
	b.get("/console/jobs/" + id).says(200)
}

// TestComponentState sets a state by hand and releases it.
func TestComponentState(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	page := b.statusPage("Status")
	b.component(page, "Shop")
	path := fmt.Sprintf("%s/components/%d/state", page, c.lastPage(t).Components[0].ID)
	b.get(page).says(200, "No data", "Set the state")
	b.get(path).says(200, "State of Shop", `value="operational" checked`, "Under maintenance")
	b.post(path, "state", "on fire").says(422, "State of Shop")
	b.post(path, "state", "partialOutage").leads(page + "?done=component-set")
	b.get(page).says(200, "Partial outage", "set by jane@example.com", "Release", "since")
	b.get(path).says(200, `value="partialOutage" checked`)
	b.post(path).leads(page + "?done=component-released")
	b.get(page).says(200, "No data").hides("set by")
	b.post(page+"/components/4711/state", "state", "degraded").says(404)
	b.get(page + "/components/4711/state").says(404)
}

// TestStateOfStatusPage shows the state of a page as visitors see it: maintenance weighs more than what is unknown.
func TestStateOfStatusPage(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	page := b.statusPage("Status")
	b.component(page, "Shop")
	b.component(page, "Search")
	b.get("/console/status").says(200, "No data").hides("Under maintenance")
	b.post(fmt.Sprintf("%s/components/%d/state", page, c.lastPage(t).Components[0].ID), "state", "maintenance").leads(page + "?done=component-set")
	b.get("/console/status").says(200, "Under maintenance").hides("No data")
}

// picture is a small PNG.
func picture(t testing.TB) []byte {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, 20, 10))
	m.Set(3, 3, color.NRGBA{255, 0, 0, 255})
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// upload sends a form with a file.
func (b *visitor) upload(path, name string, file []byte, pairs ...string) answer {
	b.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for i := 0; i+1 < len(pairs); i += 2 {
		_ = w.WriteField(pairs[i], pairs[i+1])
	}
	part, err := w.CreateFormFile(name, "logo.png")
	if err != nil {
		b.t.Fatal(err)
	}
	_, _ = part.Write(file)
	_ = w.Close()
	before := b.header
	b.header = append(before[:len(before):len(before)], "Content-Type: "+w.FormDataContentType())
	defer func() { b.header = before }()
	return b.send("POST", path, body.String())
}

// TestStatusSettings changes everything that a page has beside its components.
func TestStatusSettings(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	page := b.statusPage("Status")
	b.statusPage("Other")
	settings := page + "/settings"
	b.get(settings).says(200, `value="page"`, `value="public" checked`, "90 days")
	good := []string{"title", "Shop status", "slug", "shop", "text", "**Hello**", "timezone", "Europe/Berlin", "accent", "#aa3300", "theme", "dark", "days", "30",
		"access", "password", "password", "correct horse", "networks", "192.0.2.7, 10.0.0.0/8\n2001:db8::/32", "announcement", "Moving", "announcedUntil", "2999-01-01T10:00",
		"withMaintenance", "1"}
	change := func(name, value string) []string {
		pairs := append([]string(nil), good...)
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				pairs[i+1] = value
			}
		}
		return pairs
	}
	for _, wrong := range []struct{ field, value, says string }{
		{"title", "", "must be given"}, {"slug", "Not a slug", ""}, {"slug", "console", ""}, {"timezone", "Mars/Base", ""}, {"accent", "red", ""},
		{"password", "short", ""}, {"password", "", ""}, {"networks", "10.0.0.0/8 nowhere", ""}, {"announcedUntil", "soon", "date"}, {"text", strings.Repeat("x", 9000), ""},
		{"announcement", strings.Repeat("x", 3000), ""},
	} {
		a := b.post(settings, change(wrong.field, wrong.value)...).says(422, wrong.says)
		if !strings.Contains(a.body, `id="`+wrong.field+`-error"`) {
			t.Errorf("%s %.20q: there is no error beside the field", wrong.field, wrong.value)
		}
		if (wrong.field == "password") == strings.Contains(a.body, "Type the password again") {
			t.Errorf("%s: whether the page asks for the password again", wrong.field)
		}
		if strings.Contains(a.body, "correct horse") {
			t.Errorf("%s: the page repeats the password", wrong.field)
		}
	}
	b.post(settings, change("days", "31")...).says(422)
	b.post(settings, change("slug", "other")...).says(409, "other")
	b.post(settings, good...).leads(settings + "?done=saved")
	p, err := c.service.StatusPage(t.Context(), cron.OperatorOf(c.account(t)), 1)
	if err != nil || p.Slug != "shop" || p.Theme != statuspage.ThemeDark || p.Access != statuspage.AccessPassword || len(p.Networks) != 3 || p.Days != 30 ||
		!p.WithMaintenance || p.AnnouncedUntil.IsZero() || p.Accent != "#aa3300" {
		t.Errorf("%+v %v", p, err)
	}
	b.get(settings).says(200, "**Hello**", "10.0.0.0/8", `value="2999-01-01T10:00"`, `value="password" checked`).hides("correct horse")
	b.post(settings, change("password", "")...).leads(settings + "?done=saved") // which keeps it
}

// TestStatusLogo takes pictures and nothing else.
func TestStatusLogo(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	page := b.statusPage("Status")
	logo := page + "/logo"
	b.get(logo).says(404)
	for name, file := range map[string][]byte{
		"nothing": nil, "text": []byte("<svg onload=alert(1)>"), "a broken picture": picture(t)[:40], "a large one": bytes.Repeat([]byte{0}, statuspage.MaxLogo+1),
	} {
		if a := b.upload(logo, "file", file, "do", "upload"); a.status != 422 || !strings.Contains(a.body, "notice bad") {
			t.Errorf("%s: status %d", name, a.status)
		}
	}
	b.post(logo, "do", "upload").says(422)
	b.upload(logo, "file", bytes.Repeat([]byte{0}, 8<<20), "do", "upload").says(422)
	b.upload(logo, "file", picture(t), "do", "upload", "dark", "").leads(page + "/settings?done=saved#logos")
	b.upload(logo, "file", picture(t), "do", "upload", "dark", "1").leads(page + "/settings?done=saved#logos")
	b.get(page+"/settings").says(200, `src="`+logo+`"`, `src="`+logo+`?dark=1"`)
	for _, path := range []string{logo, logo + "?dark=1"} {
		if a := b.get(path); a.status != 200 || a.header.Get("Content-Type") != "image/png" || a.header.Get("Content-Disposition") != "attachment" || !strings.HasPrefix(a.body, "\x89PNG") {
			t.Errorf("%s: %d %v", path, a.status, a.header)
		}
	}
	b.post(logo, "do", "remove", "dark", "1").leads(page + "/settings?done=saved#logos")
	b.get(logo + "?dark=1").says(404)
	b.get(logo).says(200)
}

// TestDeleteStatusPage asks for the title first.
func TestDeleteStatusPage(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	page := b.statusPage("My page")
	b.post(page+"/delete", "typed", "my page").says(422, "This is not the title", `value="my page"`)
	b.post(page+"/delete", "typed", " My page ").leads("/console/status?done=removed")
	b.get(page).says(404)
	b.post(page+"/delete", "typed", "My page").says(404)
}

// TestStatusViewers lets viewers see everything, and change nothing.
func TestStatusViewers(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	viewer := c.join(t, b, "bob@example.com", "viewer")
	viewer.get("/console/status").says(200, "Editors of the account").hides(`name="title"`)
	page := b.statusPage("Status")
	b.component(page, "Shop", "group", " new", "newGroup", "Europe")
	id := c.lastPage(t).Components[0].ID
	component := fmt.Sprintf("%s/components/%d", page, id)
	b.post(page+"/incidents/new", "title", "Slow", "phase", "investigating", "text", "We look.", "do", "publish")
	b.post(page+"/maintenances/new", "title", "Move", "kind", "once", "start", "2999-01-01T10:00", "end", "2999-01-01T11:00", "component", fmt.Sprint(id), "effect", "none", "do", "save")
	for _, path := range []string{page, page + "/components", page + "/incidents", page + "/incidents/1", page + "/maintenances", page + "/badges"} {
		viewer.get(path).says(200).hides(`method="post" action="`+page, page+"/components/new", "/incidents/new", "/maintenances/new")
	}
	for _, path := range []string{page + "/settings", component, page + "/maintenances/1"} {
		viewer.get(path).says(200, `<fieldset class="plain" disabled>`).hides("<button class=\"primary\"", "/delete", `type="file"`)
	}
	for _, path := range []string{page + "/components/new", component + "/state", page + "/groups", page + "/incidents/new", page + "/incidents/1/updates/1", page + "/maintenances/new"} {
		viewer.get(path).says(403, "needs the role editor")
	}
	for _, path := range []string{"/console/status", page + "/publish", page + "/unpublish", page + "/settings", page + "/logo", page + "/delete", page + "/components", page + "/groups",
		page + "/components/new", component, component + "/delete", component + "/state", page + "/incidents/new", page + "/incidents/1", page + "/incidents/1/updates",
		page + "/incidents/1/updates/1", page + "/incidents/1/delete", page + "/maintenances/new", page + "/maintenances/1", page + "/maintenances/1/delete"} {
		viewer.post(path, "title", "x", "typed", "Status", "phase", "resolved", "text", "x", "state", "degraded", "do", "save", "up", fmt.Sprint(id), "was", "Europe",
			"kind", "once", "start", "2999-01-01T10:00", "end", "2999-01-01T11:00", "component", fmt.Sprint(id), "effect", "none").says(403, "needs the role editor")
	}
}

// TestLargeStatusPage shows a page with as much as there may be, and the longest texts. No page of the console about it is too large.
func TestLargeStatusPage(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	page := b.statusPage(strings.Repeat(`"`, statuspage.MaxTitle))
	actor := cron.OperatorOf(c.account(t))
	job := c.newJob(t, titled(strings.Repeat(`"`, 100))).ID
	err := c.service.ChangeStatusPage(t.Context(), actor, c.lastPage(t).ID, nil, func(p *statuspage.Page) {
		for i := range statuspage.MaxGroups {
			p.Groups = append(p.Groups, statuspage.Group{Title: fmt.Sprintf("%02d%s", i, strings.Repeat(`"`, statuspage.MaxTitle-2)), Text: strings.Repeat(`"`, statuspage.MaxNote)})
		}
		for i := range statuspage.MaxComponents {
			p.Components = append(p.Components, statuspage.Component{Title: strings.Repeat(`"`, statuspage.MaxTitle), Text: strings.Repeat(`"`, statuspage.MaxNote),
				Group: p.Groups[i/2].Title, JobIDs: []int64{job}})
		}
		p.Text, p.Announcement = strings.Repeat(`"`, statuspage.MaxText), strings.Repeat(`"`, statuspage.MaxAnnouncement)
	})
	if err != nil {
		t.Fatal(err)
	}
	p := c.lastPage(t)
	small := func(path string) {
		t.Helper()
		if a := b.get(path).says(200); len(a.body) > 120<<10 {
			t.Errorf("%s has %d bytes", path, len(a.body))
		} else {
			t.Logf("%s: %d bytes", path, len(a.body))
		}
	}
	impacts := []string{"title", strings.Repeat(`"`, statuspage.MaxIncidentTitle), "phase", "investigating", "text", strings.Repeat("x", statuspage.MaxUpdateText), "do", "publish"}
	for i := range p.Components {
		id := p.Components[i].ID
		impacts = append(impacts, fmt.Sprintf("impact-%d", id), "degraded")
		if i%10 == 0 {
			if err := c.service.SetComponentState(t.Context(), actor, p.ID, id, new(statuspage.Degraded)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 3 {
		a := b.post(page+"/incidents/new", impacts...)
		if a.status != 303 {
			t.Fatalf("status %d: %.2000s", a.status, a.body)
		}
	}
	for range 8 {
		b.post(page+"/incidents/1/updates", impacts...).leads(page + "/incidents/1?done=incident-updated")
	}
	for _, path := range []string{"", "/components", "/components/new", "/components/" + fmt.Sprint(p.Components[0].ID), "/settings", "/incidents", "/incidents/new", "/incidents/1",
		"/incidents/1/updates/1", "/maintenances/new", "/groups?n=0", "/badges"} {
		small(page + path)
	}
	small("/console/status")
}
