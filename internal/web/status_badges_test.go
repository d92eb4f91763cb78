package web_test

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// badgePaths are the paths of the badges that a page shows, each of which it shows once as an image.
func (a answer) badgePaths() (paths []string) {
	for _, found := range regexp.MustCompile(`<img src="(/status/[^"]+)"`).FindAllStringSubmatch(a.body, -1) {
		paths = append(paths, found[1])
	}
	return paths
}

// TestStatusBadges shows the badges of a page and its components, with tokens when not everybody may read the page, which editors renew.
func TestStatusBadges(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	viewer := c.join(t, b, "bob@example.com", "viewer")
	page := b.statusPage("Example status")
	b.component(page, "Shop [new] | `x` \"y\"")
	id := c.lastPage(t).Components[0].ID
	of := fmt.Sprintf("/status/example-status/components/%d/badges/", id)
	draft := b.get(page+"/badges").says(200, "The page is a draft", ">http://example.com/status/example-status/badges/state.svg<", ">http://example.com"+of+"state.svg<").hides("Everybody can see them")
	if paths := draft.badgePaths(); len(paths) > 0 {
		t.Errorf("a draft shows %q", paths)
	}
	b.post(page + "/publish")
	open := b.get(page+"/badges").says(200, "Everybody can see them", `![Example status: State](http://example.com/status/example-status/badges/state.svg)`,
		`![Shop \[new\] \| \`+"`x\\` &#34;y&#34;: State](http://example.com"+of+"state.svg)", `alt=&#34;Shop [new] | `+"`x` &amp;#34;y&amp;#34;: State&#34;&gt;").
		hides("The page is a draft", "/badges/renew")
	if paths := strings.Join(open.badgePaths(), " "); paths != "/status/example-status/badges/state.svg "+of+"state.svg" {
		t.Errorf("the page shows %s", paths)
	}
	b.get(page+"/badges?show=uptime-30d").says(200, of+"uptime-30d.svg", "Uptime 30 days").hides("state.svg")
	b.get(page+"/badges?show=nothing&from=x").says(200, of+"state.svg")

	if err := c.service.ChangeStatusPage(t.Context(), cron.OperatorOf(c.account(t)), c.lastPage(t).ID, nil, func(p *statuspage.Page) { p.Access = statuspage.AccessMembers }); err != nil {
		t.Fatal(err)
	}
	const token = `/status/example-status/badges/%d-[0-9a-f]{24}/state.svg`
	first := b.get(page+"/badges").says(200, "the addresses hold a token", `action="`+page+`/badges/renew"`).badgePaths()
	if len(first) != 2 || !regexp.MustCompile(fmt.Sprintf(token, 0)).MatchString(first[0]) {
		t.Fatalf("the badges are %q", first)
	}
	viewer.get(page+"/badges").says(200, first...).hides("/badges/renew")
	viewer.post(page+"/badges/renew").says(403, "needs the role editor")
	b.post("/console/status/4711/badges/renew").says(404)
	b.get("/console/status/4711/badges").says(404)
	b.post(page + "/badges/renew").leads(page + "/badges?done=badges-renewed")
	second := b.get(page+"/badges?done=badges-renewed").says(200, "The badges have other addresses.").hides(first...).badgePaths()
	if len(second) != 2 || !regexp.MustCompile(fmt.Sprintf(token, 1)).MatchString(second[0]) {
		t.Errorf("the badges are %q", second)
	}
}

// TestManyStatusBadges shows each component once, and never more images than visitors may get at once.
func TestManyStatusBadges(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	page := b.statusPage("Large")
	b.post(page + "/publish")
	err := c.service.ChangeStatusPage(t.Context(), cron.OperatorOf(c.account(t)), c.lastPage(t).ID, nil, func(p *statuspage.Page) {
		for i := range statuspage.MaxComponents {
			p.Components = append(p.Components, statuspage.Component{Title: fmt.Sprint("Component ", i)})
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	next := page + "/badges?show=last-run"
	for next != "" {
		a := b.get(next).says(200)
		paths := a.badgePaths()
		if len(paths) > 26 {
			t.Errorf("%s shows %d images", next, len(paths))
		}
		for _, p := range paths {
			if seen[p] || !strings.HasSuffix(p, "/last-run.svg") {
				t.Errorf("%s shows %s", next, p)
			}
			seen[p] = true
		}
		found := regexp.MustCompile(`href="([^"]+)">Next page`).FindStringSubmatch(a.body)
		next = ""
		if found != nil {
			next = strings.ReplaceAll(found[1], "&amp;", "&")
			if u, err := url.Parse(next); err != nil || u.Query().Get("show") != "last-run" {
				t.Fatalf("the next page is %s", next)
			}
		}
	}
	if len(seen) != statuspage.MaxComponents+1 {
		t.Errorf("%d badges", len(seen))
	}
}
