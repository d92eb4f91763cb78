package web_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// seen is what a form knows of what it shows.
func (b *visitor) seen(path string) string {
	b.t.Helper()
	seen := between(b.get(path).says(200).body, `name="seen" value="`, `"`)
	if seen == "" {
		b.t.Fatalf("%s has no form that is compared", path)
	}
	return seen
}

// TestFormsThatTwoEdit opens each form about a status page twice. What one of the two has changed, the other does not overwrite unasked.
func TestFormsThatTwoEdit(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	page := b.statusPage("Status")
	b.component(page, "Shop", "group", " new", "newGroup", "Europe")
	b.component(page, "Search")
	p := c.lastPage(t)
	shop := fmt.Sprint(p.Components[0].ID)
	b.post(page+"/incidents/new", "title", "Slow", "phase", "investigating", "text", "We look.", "do", "publish")
	b.post(page+"/maintenances/new", "title", "Move", "kind", "once", "start", "2999-01-01T10:00", "end", "2999-01-01T11:00", "component", shop, "effect", "none", "zone", "UTC",
		"unit", "minutes", "do", "save")
	rule := []string{"failures", "2", "of", "3", "successes", "2", "percent", "95", "group", "Europe"}
	settings := []string{"slug", p.Slug, "timezone", "UTC", "theme", "system", "days", "90", "access", "public"}
	plan := []string{"kind", "once", "start", "2999-01-01T10:00", "end", "2999-01-01T11:00", "component", shop, "effect", "none", "zone", "UTC", "unit", "minutes"}
	at := between(b.get(page+"/incidents/1/updates/1").body, `name="at" type="datetime-local" value="`, `"`)
	for _, tt := range []struct {
		show, send   string
		form         []string // what nobody changes
		field, other string   // which both and one of them change
		was          [2]string
	}{
		{page + "/components/" + shop, "", rule, "title", "text", [2]string{"Shop", ""}},
		{page + "/groups?n=0", page + "/groups", []string{"was", "Europe", "title", "Europe"}, "text", "fold", [2]string{"", "open"}},
		{page + "/settings", "", settings, "title", "announcement", [2]string{"Status", ""}},
		{page + "/maintenances/1", "", plan, "title", "text", [2]string{"Move", ""}},
		{page + "/incidents/1/updates/1", "", []string{"at", at}, "text", "phase", [2]string{"We look.", "investigating"}},
	} {
		t.Run(strings.TrimPrefix(tt.show, page), func(t *testing.T) {
			send := tt.show
			if tt.send != "" {
				send = tt.send
			}
			to := map[string]string{"fold": "collapsed", "phase": "identified"}[tt.other]
			if to == "" {
				to = "other text"
			}
			fill := func(seen, value, other string, more ...string) []string {
				return append(append([]string{"seen", seen, "do", "save", tt.field, value, tt.other, other}, tt.form...), more...)
			}
			saved := func(a answer) {
				t.Helper()
				if a.status != 303 {
					t.Fatalf("status %d: %s", a.status, a.body)
				}
			}
			says := func(text string) {
				t.Helper()
				b.get(tt.show).says(200, text)
			}
			first := b.seen(tt.show)
			saved(b.post(send, fill(first, tt.was[0], to)...))
			// What one saved, the other form takes, and nothing is saved yet.
			met := b.post(send, fill(first, "zebra", tt.was[1])...).says(409, "Nothing was saved yet", "The form now has what they saved of", "zebra").hides("Changed by both")
			b.get(tt.show).hides("zebra")
			second := between(met.body, `name="seen" value="`, `"`)
			saved(b.post(send, fill(second, "zebra", to)...))
			says("zebra")
			says(to)
			// What both changed is chosen: here what the other saved.
			met = b.post(send, fill(second, "theirs too", to)...).says(409, "Changed by both", "theirs too", "zebra")
			third := between(met.body, `name="seen" value="`, `"`)
			saved(b.post(send, fill(third, "theirs too", to, "theirs", tt.field)...))
			b.get(tt.show).says(200, "zebra").hides("theirs too")
			// And here the own text.
			saved(b.post(send, fill(third, "at last", to)...))
			b.get(tt.show).says(200, "at last")
			// A choice counts only for what was shown.
			b.post(send, fill(third, "zebra again", to, "theirs", tt.field)...).says(409, "Changed by both", "zebra again", "at last")
		})
	}

	// A look at the text keeps what was chosen.
	b.post(page+"/maintenances/1", append(plan, "seen", "x", "title", "Move", "theirs", "title", "do", "preview")...).
		says(200, `name="theirs" value="title"`, `name="seen" value="x"`)
	title := b.seen(page + "/incidents/1")
	b.post(page+"/incidents/1", "seen", title, "title", "Very slow", "do", "save").leads(page + "/incidents/1?done=saved")
	b.post(page+"/incidents/1", "seen", title, "title", "A bit slow", "do", "save").says(409, "Changed by both", "Very slow", "A bit slow")
	got, err := c.service.Incident(t.Context(), cron.OperatorOf(c.account(t)), p.ID, 1)
	if err != nil || got.Title != "Very slow" {
		t.Error(got.Title, err)
	}
}

// TestDeleteChangedComponent shows a component that was changed before it is deleted, and moves no group by a list that is old.
func TestDeleteChangedComponent(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	page := b.statusPage("Status")
	b.component(page, "Shop", "group", " new", "newGroup", "Europe")
	b.component(page, "Search", "group", " new", "newGroup", "Asia")
	path := fmt.Sprintf("%s/components/%d", page, c.lastPage(t).Components[0].ID)
	seen, order := b.seen(path), b.seen(page+"/components")
	err := c.service.ChangeStatusPage(t.Context(), cron.OperatorOf(c.account(t)), c.lastPage(t).ID, nil, func(p *statuspage.Page) {
		p.Components[0].Title = "Shop in use"
		p.Groups[0], p.Groups[1] = p.Groups[1], p.Groups[0]
	})
	if err != nil {
		t.Fatal(err)
	}
	now := b.post(path+"/delete", "seen", seen).says(409, "Nothing was deleted yet", "Shop in use")
	b.post(page+"/components", "groupDown", "0", "seen", order).says(409, "Nothing was moved")
	if got := c.lastPage(t).Groups[0].Title; got != "Asia" {
		t.Error(got)
	}
	b.post(page+"/components", "groupDown", "0", "seen", b.seen(page+"/components")).leads(page + "/components#g0")
	if got := c.lastPage(t).Groups[0].Title; got != "Europe" {
		t.Error(got)
	}
	b.post(path+"/delete", "seen", between(now.body, `name="seen" value="`, `"`)).leads(page + "/components?done=removed")
}

// TestLongIncident shows all updates of an incident by parts of a bounded size, each update once.
func TestLongIncident(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	page := b.statusPage("Status")
	actor := cron.OperatorOf(c.account(t))
	err := c.service.ChangeStatusPage(t.Context(), actor, c.lastPage(t).ID, nil, func(p *statuspage.Page) {
		for range statuspage.MaxComponents {
			p.Components = append(p.Components, statuspage.Component{Title: strings.Repeat(`"`, statuspage.MaxTitle)})
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	p := c.lastPage(t)
	impacts := make([]statuspage.Impact, len(p.Components))
	i := statuspage.Incident{PageID: p.ID, AccountID: p.AccountID, Title: "x"}
	at := c.store.Now()
	for n := range statuspage.MaxUpdates {
		for k := range impacts {
			impacts[k] = statuspage.Impact{ComponentID: p.Components[k].ID, State: statuspage.State(1 + (n+k)%4)}
		}
		u := statuspage.Update{Text: fmt.Sprintf("Update %d. %s", n, strings.Repeat(`"`, 500)), At: at.Add(-1e9)}
		if n%20 == 0 {
			u.Impacts = append(u.Impacts, impacts...)
		}
		if n%40 == 7 {
			u.Text += strings.Repeat(`"`, statuspage.MaxUpdateText-len(u.Text))
		}
		i.Updates = append(i.Updates, u)
	}
	if err := c.store.CreateIncident(t.Context(), &i, func([]int64) error { return nil }); err != nil {
		t.Fatal(err)
	}
	path := fmt.Sprintf("%s/incidents/%d", page, i.ID)
	small := func(path string) string {
		t.Helper()
		a := b.get(path).says(200)
		if len(a.body) > 130<<10 {
			t.Errorf("%s has %d bytes", path, len(a.body))
		}
		return a.body
	}
	if !strings.Contains(small(path), path+"?updates=all") {
		t.Error("nothing leads to the rest of the updates")
	}
	counts, parts := map[string]int{}, 0
	for next := "all"; next != ""; parts++ {
		body := small(path + "?updates=" + next)
		for _, line := range strings.Split(body, "Update ")[1:] {
			if n, _, ok := strings.Cut(line, ". "); ok {
				counts[n]++
			}
		}
		next = between(body, `href="`+path+`?updates=`, `"`)
	}
	for n, times := range counts {
		if times != 1 {
			t.Errorf("update %s is shown %d times", n, times)
		}
	}
	if len(counts) != statuspage.MaxUpdates || parts < 5 {
		t.Errorf("%d updates in %d parts", len(counts), parts)
	}
	b.get(path + "?updates=4711").says(404)
}

// TestOldOpenIncident finds an incident that is open behind many that are resolved.
func TestOldOpenIncident(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	page := b.statusPage("Status")
	b.component(page, "Shop")
	b.post(page+"/incidents/new", "title", "Forgotten", "phase", "monitoring", "text", "x", "at", time.Now().AddDate(0, -3, 0).Format("2006-01-02")+"T12:00", "do", "publish").leads(page + "/incidents/1?done=incident-published")
	for range 60 {
		b.post(page+"/incidents/new", "title", "Over", "phase", "resolved", "text", "x", "do", "publish")
	}
	b.get(page).says(200, "Open incidents", "Forgotten").hides("Over<")
}
