package api_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"punctual/internal/cron"
)

// searched is the answer to a search.
type searched struct {
	Jobs []struct {
		job
		Tags          []string `json:"tags"`
		State         []string `json:"state"`
		PausedUntil   *int64   `json:"pausedUntil"`
		SilencedUntil *int64   `json:"silencedUntil"`
		Updated       int64    `json:"updated"`
		UpdatedBy     string   `json:"updatedBy"`
	} `json:"jobs"`
	Next *string `json:"next"`
}

// searchJobs makes a search, and returns the numbers of the jobs.
func (c *client) searchJobs(query string) (answer searched, ids []int64) {
	c.t.Helper()
	decode(c.t, c.must("GET", "/jobs/search?"+query, ""), &answer)
	ids = []int64{}
	for _, j := range answer.Jobs {
		ids = append(ids, j.JobID)
	}
	return answer, ids
}

// TestSearch has a row for each parameter. Jobs and folders have the numbers from 1 on.
func TestSearchOfJobs(t *testing.T) {
	c := newClient(t)
	c.createFolder("a")
	for _, body := range []string{
		`{"url":"https://u:secret@shop.example:8443/backup","title":"Nightly 100%_done","enabled":true,"tags":["Prod","a"],"folderId":1,` + everyMinute + `}`,
		`{"url":"http://shop.example/","title":"report","description":"Call Zoë.","requestMethod":"POST","tags":["prod"]}`,
		`{"url":"http://other.example/","title":"Ärger","enabled":true,"pausedUntil":4070908800,"schedule":{"timezone":"Asia/Tokyo"}}`,
	} {
		c.create(body)
	}
	for _, tt := range []struct {
		query string
		want  []int64
	}{
		{"", []int64{1, 2, 3}},
		{"sort=-title", []int64{3, 2, 1}},
		{"text=NIGHT%20backup", []int64{1}},
		{"text=zo%C3%AB", []int64{2}},
		{"text=%C3%A4rger", []int64{3}},
		{"text=%25_", []int64{1}}, // no wildcards
		{"text=_%25", []int64{}},
		{"text=secret", []int64{}},
		{"text=pro", []int64{1, 2}},
		{"not.text=nightly%20zo%C3%AB", []int64{3}},
		{"state=disabled", []int64{2}},
		{"not.state=disabled,paused", []int64{1}},
		{"state=neverRan&state=failing", []int64{1, 2, 3}},
		{"state=failing,late", []int64{}},
		{"outcome=failed,1", []int64{}},
		{"outcome=0", []int64{1, 2, 3}},
		{"not.outcome=succeeded", []int64{1, 2, 3}},
		{"folderId=1", []int64{1}},
		{"not.folderId=1", []int64{2, 3}},
		{"folderId=0,7", []int64{2, 3}},
		{"tag=PROD", []int64{1, 2}},
		{"tag=prod,a", []int64{1}},
		{"not.tag=a", []int64{2, 3}},
		{"tag=pro", []int64{}},
		{"method=post", []int64{2}},
		{"method=1,8", []int64{2}},
		{"host=SHOP.example", []int64{1, 2}},
		{"host=shop.example:8443", []int64{1}},
		{"not.host=shop.example", []int64{3}},
		{"timezone=Asia/Tokyo", []int64{3}},
		{"changedSince=1", []int64{1, 2, 3}},
		{"changedSince=2100-01-01T00:00:00Z", []int64{}},
		{"changedBy=nobody", []int64{}},
		{"nextBefore=4070908800", []int64{1}},
		{"nextAfter=1&nextBefore=2100-01-01T00:00:00Z", []int64{1}},
		{"not.nextAfter=1", []int64{2, 3}},
		{"not.text=&state=&unknown=1", []int64{1, 2, 3}},
	} {
		if _, ids := c.searchJobs(tt.query); !slices.Equal(ids, tt.want) {
			t.Errorf("%s finds %v, want %v", tt.query, ids, tt.want)
		}
	}
	answer, _ := c.searchJobs("text=nightly")
	if j := answer.Jobs[0]; j.URL != "https://u:secret@shop.example:8443/backup" || !slices.Equal(j.Tags, []string{"Prod", "a"}) ||
		!slices.Equal(j.State, []string{"neverRan"}) || j.Updated == 0 || j.UpdatedBy == "" || j.NextExecution == nil {
		t.Errorf("found is %+v", j)
	}
	viewer := c.signIn("viewer@example.com", cron.RoleViewer)
	if got := viewer.must("GET", "/jobs/search", ""); strings.Contains(got, "secret") {
		t.Errorf("a viewer sees %s", got)
	}
	var tags struct {
		Tags []struct {
			Tag  string `json:"tag"`
			Jobs int    `json:"jobs"`
		} `json:"tags"`
	}
	decode(t, c.must("GET", "/tags", ""), &tags)
	if fmt.Sprint(tags.Tags) != "[{a 1} {Prod 2}]" {
		t.Errorf("the tags are %v", tags.Tags)
	}
}

// TestSearchPages reads pages of every order.
func TestPagesOfJobs(t *testing.T) {
	c := newClient(t)
	for i := range 7 {
		c.create(fmt.Sprintf(`{"url":"a.example","title":"%d"}`, i/2))
	}
	for _, sort := range []string{"title", "next", "last", "changed", "status"} {
		for _, order := range []string{sort, "-" + sort} {
			var all []int64
			query := "limit=2&sort=" + order
			for range 10 {
				answer, ids := c.searchJobs(query)
				all = append(all, ids...)
				if answer.Next == nil {
					break
				}
				query = "limit=2&sort=" + order + "&after=" + *answer.Next
			}
			slices.Sort(all)
			if !slices.Equal(all, []int64{1, 2, 3, 4, 5, 6, 7}) {
				t.Errorf("the pages by %s have %v", order, all)
			}
		}
	}
}

// TestSearchAttacks sends what nobody should.
func TestSearchAttacks(t *testing.T) {
	c := newClient(t)
	c.create(`{"url":"a.example","title":"x"}`)
	b64 := base64.RawURLEncoding.EncodeToString
	position := func(sort, down byte, rest string) string {
		return "after=" + b64([]byte{1, sort, down}) + b64([]byte(rest))
	}
	id := "\x00\x00\x00\x00\x00\x00\x00\x01"
	bad := map[string]string{
		"text=" + strings.Repeat("a%20", 100):       "/text",
		"text=" + strings.Repeat("x", 201):          "/text",
		"text=a%00b":                                "/text",
		"not.text=a%0Ab":                            "/not/text",
		"tag=a%00":                                  "/tag",
		"host=" + strings.Repeat("x", 321):          "/host",
		"changedBy=%00":                             "/changedBy",
		"timezone=%00":                              "/timezone",
		"folderId=" + strings.Repeat("1,", 101):     "/folderId",
		"tag=" + strings.Repeat("a,", 5000):         "/tag",
		"folderId=-1":                               "/folderId/0",
		"folderId=9999999999999999999":              "/folderId/0",
		"not.folderId=x":                            "/not/folderId/0",
		"state=silly":                               "/state/0",
		"outcome=10":                                "/outcome/0",
		"method=BREW":                               "/method/0",
		"changedSince=yesterday":                    "/changedSince",
		"nextBefore=-1":                             "/nextBefore",
		"nextAfter=999999999999999":                 "/nextAfter",
		"sort=url":                                  "/sort",
		"sort=--title":                              "/sort",
		"limit=1001":                                "/limit",
		"limit=0":                                   "/limit",
		"limit=99999999999999999999":                "/limit",
		"after=x":                                   "/after",
		"after=" + strings.Repeat("A", 5000):        "/after",
		position(0, 0, id) + b64([]byte("\xff")):    "/after",
		position(0, 0, id+"a\x00b"):                 "/after",
		position(0, 0, id+strings.Repeat("x", 257)): "/after",
		position(0, 1, id+"x"):                      "/after",
		"sort=next&" + position(0, 0, id+"x"):       "/after",
		"sort=next&" + position(1, 0, id+"x"):       "/after",
		"sort=status&" + position(4, 0, id+strings.Repeat("\xff", 8)): "/after",
		"sort=status&" + position(4, 0, strings.Repeat("\xff", 8)+id): "/after",
	}
	for query, pointer := range bad {
		got := c.do("GET", "/jobs/search?"+query, "")
		if at := pointers(t, got); got.status != 400 || !slices.Contains(at, pointer) {
			t.Errorf("%.80s: status %d, problems at %v, want one at %s", query, got.status, at, pointer)
		}
	}
	for _, query := range []string{
		"text=%FF%FE", "tag=%FF", "host=%FF&changedBy=%FF&timezone=%FF", "text='%3B%20DROP%20TABLE%20job--", "text=%22%20OR%20NEAR(", "text=*",
		"text=%F0%9F%92%A9", "tag=%25", "host=[::1]:80", "not.text=x&text=x", "sort=next&" + position(1, 0, id+"\x7f"+strings.Repeat("\xff", 7)),
		"sort=-status&" + position(4, 1, id+"\x7f"+strings.Repeat("\xff", 7)), position(0, 0, id), "text=" + url.QueryEscape(strings.Repeat("ab ", 20)),
		"text=" + strings.Repeat("%F0%9F%92%A9", 200), "method=CONNECT&not.method=0,1,2,3",
	} {
		if got := c.do("GET", "/jobs/search?"+query, ""); got.status != 200 {
			t.Errorf("%.80s: status %d: %s", query, got.status, got.body)
		}
	}
	// The word is a path for GET alone; a job is not hidden by it.
	if got := c.do("PATCH", "/jobs/search", `{"job":{}}`); got.status != 404 {
		t.Errorf("PATCH: status %d", got.status)
	}
	c.must("GET", "/jobs/1", "")
}

// TestViews keeps filters of two people.
func TestViews(t *testing.T) {
	c := newClient(t)
	ann, bob := c.signIn("ann@example.com", cron.RoleViewer), c.signIn("bob@example.com", cron.RoleOwner)
	const filter = `{"text":"a b","state":["late"],"outcome":[4],"folderId":[0],"tag":["x"],"method":[1],"host":["h"],"timezone":["UTC"],` +
		`"changedBy":["me"],"changedSince":7,"nextBefore":8,"nextAfter":9,"not":{"tag":["y"]}}`
	ann.must("POST", "/views", `{"view":{"title":" Mine ","filter":`+filter+`,"sort":"-next"}}`)
	if got, want := ann.must("GET", "/views", ""), `{"views":[{"viewId":1,"title":"Mine","filter":`+filter+`,"sort":"-next"}],"next":null}`; strings.TrimSpace(got) != want {
		t.Errorf("the views are %s, want %s", got, want)
	}
	for _, tt := range []struct {
		who          *client
		method, path string
		body         string
		status       int
		pointer      string
	}{
		{ann, "POST", "/views", `{"view":{"title":"MINE"}}`, 409, ""},
		{bob, "POST", "/views", `{"view":{"title":"MINE"}}`, 200, ""},
		{bob, "PATCH", "/views/1", `{"view":{"title":"x"}}`, 404, ""},
		{bob, "DELETE", "/views/1", ``, 404, ""},
		{c, "GET", "/views", ``, 403, ""},
		{c, "POST", "/views", `{"view":{"title":"x"}}`, 403, ""},
		{ann, "POST", "/views", `{"view":{}}`, 400, "/view/title"},
		{ann, "POST", "/views", `{}`, 400, ""},
		{ann, "POST", "/views", `{"view":{"title":"x","filter":7}}`, 400, "/view/filter"},
		{ann, "POST", "/views", `{"view":{"title":"x","sort":"-"}}`, 400, "/view/sort"},
		{ann, "POST", "/views", `{"view":{"title":"x","filter":{"state":["x"],"not":{"tag":"a"}}}}`, 400, "/view/filter/not/tag"},
		{ann, "POST", "/views", `{"view":{"title":"x","filter":{"text":"a\u0000"}}}`, 400, "/view/filter/text"},
		{ann, "POST", "/views", `{"view":{"title":"x","filter":{"tag":[` + strings.Repeat(`"a",`, 100) + `"a"]}}}`, 400, "/view/filter/tag"},
		{ann, "POST", "/views", `{"view":{"title":"a\nb"}}`, 400, "/view/title"},
		{ann, "POST", "/views", `{"view":{"title":"` + strings.Repeat("x", 129) + `"}}`, 400, "/view/title"},
		{ann, "PATCH", "/views/1", `{"view":{"title":" "}}`, 400, "/view/title"},
		{ann, "PATCH", "/views/1", `{"view":{"filter":{},"sort":"changed"}}`, 200, ""},
		{ann, "PATCH", "/views/99", `{"view":{}}`, 404, ""},
	} {
		got := tt.who.do(tt.method, tt.path, tt.body)
		if got.status != tt.status || tt.pointer != "" && !slices.Contains(pointers(t, got), tt.pointer) {
			t.Errorf("%s %s %.80s: status %d, want %d with %s: %s", tt.method, tt.path, tt.body, got.status, tt.status, tt.pointer, got.body)
		}
	}
	if got, want := ann.must("GET", "/views", ""), `{"views":[{"viewId":1,"title":"Mine","filter":{},"sort":"changed"}],"next":null}`; strings.TrimSpace(got) != want {
		t.Errorf("the views are %s, want %s", got, want)
	}
	ann.must("DELETE", "/views/1", "")
}
