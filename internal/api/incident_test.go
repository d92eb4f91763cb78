package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"punctual/internal/statuspage"
)

// statusPage adds a status page with two components.
func (c *client) statusPage(title string) statuspage.Page {
	c.t.Helper()
	p := statuspage.NewPage()
	p.AccountID, p.Title = c.account.ID, title
	p.Components = []statuspage.Component{{Title: title, Rule: statuspage.DefaultRule()}, {Title: "other", Rule: statuspage.DefaultRule()}}
	if err := c.server.store.CreateStatusPage(c.t.Context(), &p); err != nil {
		c.t.Fatal(err)
	}
	return p
}

func TestIncidents(t *testing.T) {
	c := newClient(t)
	p := c.statusPage("Status")
	a, b := p.Components[0].ID, p.Components[1].ID
	list := fmt.Sprintf("/statuspages/%d/incidents", p.ID)
	opened := c.must("POST", list, fmt.Sprintf(`{"incident":{"title":" slow ","update":{"text":"we look","at":%d,"impacts":[`+
		`{"componentId":%d,"state":"degraded"},{"componentId":%d,"state":"majorOutage"}]}}}`, time.Now().Unix()-3600, a, b))
	path := list + "/" + part(t, []byte(opened), "incidentId")
	update := path + "/updates/" + part(t, []byte(c.must("POST", path+"/updates",
		fmt.Sprintf(`{"update":{"phase":"identified","text":"a server","impacts":[{"componentId":%d,"state":"operational"}]}}`, b))), "updateId")
	c.must("PATCH", update, `{"update":{"text":"the *server*"}}`)
	c.must("PATCH", path, `{"incident":{"title":"Checkout is slow"}}`)
	got := c.must("GET", path, "")
	for _, want := range []string{`"title":"Checkout is slow","draft":false,"automatic":false,"phase":"identified"`, `"resolved":null`,
		fmt.Sprintf(`"impacts":[{"componentId":%d,"state":"degraded"}],"updates":[{"updateId":2,"phase":"identified","text":"the *server*"`, a)} {
		if !strings.Contains(got, want) {
			t.Errorf("the incident is %s, without %s", got, want)
		}
	}
	c.must("POST", path+"/updates", `{"update":{"phase":"resolved","text":"over"}}`)
	got = c.must("GET", path, "")
	if strings.Contains(got, `"resolved":null`) || !strings.Contains(got, `"impacts":[],"updates":[{"updateId":3,"phase":"resolved"`) {
		t.Errorf("the incident is %s", got)
	}
	c.must("POST", list, `{"incident":{"title":"b","draft":true,"update":{"text":"x"}}}`)
	first := c.must("GET", list+"?limit=1", "")
	var page struct {
		Incidents []struct{ Title string }
		Next      *string
	}
	if err := json.Unmarshal([]byte(first), &page); err != nil || page.Next == nil || page.Incidents[0].Title != "b" {
		t.Fatalf("the first page is %s", first)
	}
	next := c.must("GET", list+"?limit=1&cursor="+*page.Next, "")
	if err := json.Unmarshal([]byte(next), &page); err != nil || page.Next != nil || page.Incidents[0].Title != "Checkout is slow" {
		t.Errorf("the second page is %s", next)
	}
	c.must("DELETE", path, "")
	if got := c.do("GET", path, ""); got.status != 404 {
		t.Errorf("a deleted incident: status %d", got.status)
	}
}

func TestWrongIncidents(t *testing.T) {
	c := newClient(t)
	p, other := c.statusPage("Status"), c.statusPage("Another")
	list := fmt.Sprintf("/statuspages/%d/incidents", p.ID)
	c.must("POST", list, `{"incident":{"title":"a","update":{"text":"x"}}}`)
	for _, tt := range []struct{ method, path, body, pointer string }{
		{"POST", list, `{"incident":{"title":"a"}}`, "/incident/update"},
		{"POST", list, `{"incident":{"update":{"text":"x"}}}`, "/incident/title"},
		{"POST", list, `{"incident":{"title":"a","update":{}}}`, "/incident/update/text"},
		{"POST", list, `{"incident":{"title":"a","update":{"text":"x","phase":"over"}}}`, "/incident/update/phase"},
		{"POST", list, `{"incident":{"title":"a","update":{"text":"x","at":4102444800}}}`, "/incident/update/at"},
		{"POST", list, `{"incident":{"title":"a","update":{"text":"x","impacts":[{"componentId":1,"state":"maintenance"}]}}}`, "/incident/update/impacts/0/state"},
		{"POST", list, `{"incident":{"title":"a","update":{"text":"x","impacts":[{"state":"degraded"}]}}}`, "/incident/update/impacts/0/componentId"},
		{"POST", list, fmt.Sprintf(`{"incident":{"title":"a","update":{"text":"x","impacts":[{"componentId":%d,"state":"degraded"}]}}}`,
			other.Components[0].ID), "/incident/update/impacts/0/componentId"},
		{"PATCH", list + "/1", `{"incident":{"title":""}}`, "/incident/title"},
		{"POST", list + "/1/updates", `{"update":{"phase":"resolved"}}`, "/update/text"},
		{"PATCH", list + "/1/updates/1", `{"update":{"text":" "}}`, "/update/text"},
		{"POST", fmt.Sprintf("/statuspages/%d/maintenances", p.ID), `{"maintenance":{"title":"a","start":4102444800,"end":4102444801,"componentIds":[]}}`,
			"/maintenance/componentIds"},
		{"POST", fmt.Sprintf("/statuspages/%d/maintenances", p.ID), `{"maintenance":{"title":"a","schedule":"0 * * * *","durationSeconds":60,"componentIds":[1]}}`,
			"/maintenance/schedule"},
	} {
		got := c.do(tt.method, tt.path, tt.body)
		if got.status != 400 || !strings.Contains(got.body, `"pointer":"`+tt.pointer+`"`) {
			t.Errorf("%s %s %s: status %d %s, want a problem at %s", tt.method, tt.path, tt.body, got.status, got.body, tt.pointer)
		}
	}
	for _, path := range []string{list + "/9", fmt.Sprintf("/statuspages/%d/incidents/1", other.ID), "/statuspages/9/incidents", list + "/1/updates/9"} {
		method, body := "GET", ""
		if strings.Contains(path, "updates") {
			method, body = "PATCH", `{"update":{"text":"x"}}`
		}
		if got := c.do(method, path, body); got.status != 404 {
			t.Errorf("%s %s: status %d", method, path, got.status)
		}
	}
}

func TestMaintenanceOfStatusPages(t *testing.T) {
	c := newClient(t)
	p := c.statusPage("Status")
	list := fmt.Sprintf("/statuspages/%d/maintenances", p.ID)
	path := list + "/" + part(t, []byte(c.must("POST", list, fmt.Sprintf(`{"maintenance":{"title":"move","text":"*soon*","effect":"pause","componentIds":[%d],`+
		`"start":4102444800,"end":4102448400}}`, p.Components[0].ID))), "maintenanceId")
	got := c.must("GET", path, "")
	for _, want := range []string{`"title":"move","text":"*soon*","effect":"pause"`, `"start":4102444800,"end":4102448400,"schedule":null`,
		`"active":false,"nextStart":4102444800,"nextEnd":4102448400`} {
		if !strings.Contains(got, want) {
			t.Errorf("the maintenance is %s, without %s", got, want)
		}
	}
	c.must("PATCH", path, `{"maintenance":{"schedule":"0 2 * * sun","timezone":"Europe/Berlin","durationSeconds":7200,"effect":"none"}}`)
	got = c.must("GET", list, "")
	if !strings.Contains(got, `"start":null`) || !strings.Contains(got, `"durationSeconds":7200`) || !strings.Contains(got, `"effect":"none"`) {
		t.Errorf("the maintenances are %s", got)
	}
	if windows := strings.TrimSpace(c.must("GET", "/maintenance", "")); windows != `{"windows":[],"next":null}` {
		t.Errorf("the windows of the account are %s", windows)
	}
	c.must("DELETE", path, "")
	if got := c.do("GET", path, ""); got.status != 404 {
		t.Errorf("a deleted maintenance: status %d", got.status)
	}
}
