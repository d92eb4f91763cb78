package public_test

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	"punctual/internal/public/publictest"
	"punctual/internal/statuspage"
)

// TestOneAnswerHoldsUpNoOther answers everything else of a page while the database takes long for one of its lists, which is asked for once.
func TestOneAnswerHoldsUpNoOther(t *testing.T) {
	w := newWorld(t)
	w.pages.Set(publictest.Outage("acme", noon))
	hang := make(chan struct{})
	w.pages.Hang(hang)
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			if rec := w.get("/status/acme/incidents"); rec.Code != 200 || !strings.Contains(rec.Body.String(), "Mail was late") {
				t.Errorf("status %d", rec.Code)
			}
		})
	}
	<-hang // one of them asks the database
	for _, path := range []string{"", ".json", "/incidents/9", "/components/1", "/feed.atom"} {
		check(t, w.get("/status/acme"+path), 200)
	}
	close(hang)
	group.Wait()
}

// TestLongIncident shows an incident with as much as there can be by parts of a bounded size.
func TestLongIncident(t *testing.T) {
	w := newWorld(t)
	v := publictest.Large("acme", noon)
	n := statuspage.Incident{ID: 5, Title: "Long", Started: noon}
	for i := range statuspage.MaxUpdates {
		u := statuspage.Update{ID: int64(900 - i), Text: fmt.Sprintf("Update %d. %s", i, strings.Repeat(`"<`, 640)), At: noon}
		for c := range 100 * (i % 2) {
			u.Impacts = append(u.Impacts, statuspage.Impact{ComponentID: int64(c) + 1, State: statuspage.Degraded})
		}
		n.Updates = append(n.Updates, u)
	}
	v.Incidents = []statuspage.Incident{n}
	w.pages.Set(v)
	seen := map[string]bool{}
	for path := "/status/acme/incidents/5"; path != ""; {
		rec := w.get(path)
		check(t, rec, 200)
		if rec.Body.Len() > 120<<10 {
			t.Errorf("%s has %d bytes", path, rec.Body.Len())
		}
		for _, found := range regexp.MustCompile(`Update \d+\.`).FindAllString(rec.Body.String(), -1) {
			seen[found] = true
		}
		if path != "/status/acme/incidents/5" {
			check(t, rec, 200, "The newest updates")
		}
		_, rest, _ := strings.Cut(rec.Body.String(), `href="/status/acme/incidents/5?updates=`)
		id, _, more := strings.Cut(rest, `"`)
		if path = ""; more {
			path = "/status/acme/incidents/5?updates=" + id
		}
		w.wait(1e9) // addresses have limits
	}
	if len(seen) != statuspage.MaxUpdates {
		t.Errorf("%d of %d updates are shown", len(seen), statuspage.MaxUpdates)
	}
	for _, wrong := range []string{"1", "x", "-1"} {
		check(t, w.get("/status/acme/incidents/5?updates="+wrong), 404)
	}
}

// TestUpdatesWithoutRoom leaves updates out of feeds and JSON whose texts have no room, and the page links to the one that it cannot show.
func TestUpdatesWithoutRoom(t *testing.T) {
	w := newWorld(t)
	v := publictest.Outage("acme", noon)
	v.Incidents[0].Updates[1].Text = ""
	v.Incidents[1].Updates[0].Text, v.Incidents[1].Updates[1].Text = "", ""
	w.pages.Set(v)
	check(t, w.get("/status/acme.json"), 200, "about an hour", `"title":"Search was slow","phase":"resolved"`, `"updates":[]`)
	for _, feed := range []string{"feed.atom", "feed.rss", "feed.json"} {
		rec := w.get("/status/acme/" + feed)
		check(t, rec, 200, "about an hour", "Search was slow")
		if strings.Contains(rec.Body.String(), "Investigating") && strings.Count(rec.Body.String(), "Investigating") > 1 {
			t.Errorf("%s shows updates without texts: %s", feed, rec.Body)
		}
	}
}

// TestRenderingsAreBounded keeps no more of the answers of a page than there is room for.
func TestRenderingsAreBounded(t *testing.T) {
	w := newWorld(t)
	v := publictest.Full("acme", noon)
	w.pages.Set(v)
	w.pages.SetPicture(v.Page.ID, make([]byte, 5<<20))
	for range 3 {
		for _, path := range []string{"/logo", "/logo/dark"} {
			if rec := w.get("/status/acme" + path); rec.Code != 200 || rec.Body.Len() != 5<<20 {
				t.Fatalf("status %d, %d bytes", rec.Code, rec.Body.Len())
			}
		}
	}
	if n := w.pages.Pictured(); n != 1+3 {
		t.Errorf("the database was asked %d times: the first picture is kept, and there is no room for the second one", n)
	}
}
