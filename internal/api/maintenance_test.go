package api_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"punctual/internal/cron"
	"punctual/internal/store/storetest"
)

// window is a maintenance window in answers.
type window struct {
	WindowID int64  `json:"windowId"`
	Title    string `json:"title"`
	Effect   string `json:"effect"`
	Start    *int64 `json:"start"`
	End      *int64 `json:"end"`
	Schedule *struct {
		jobSchedule
		Seconds []int  `json:"seconds"`
		Days    string `json:"days"`
		LastDay bool   `json:"lastDay"`
		DST     string `json:"dst"`
	} `json:"schedule"`
	DurationSeconds *int64   `json:"durationSeconds"`
	JobIDs          []int64  `json:"jobIds"`
	FolderIDs       []int64  `json:"folderIds"`
	Tags            []string `json:"tags"`
	Active          bool     `json:"active"`
	NextStart       *int64   `json:"nextStart"`
	NextEnd         *int64   `json:"nextEnd"`
	Created         int64    `json:"created"`
	Updated         int64    `json:"updated"`
	UpdatedBy       string   `json:"updatedBy"`
}

func (c *client) window(path string) (w window) {
	c.t.Helper()
	var answer struct {
		Window window `json:"window"`
	}
	decode(c.t, c.must("GET", path, ""), &answer)
	return answer.Window
}

func (c *client) planWindow(window string) (path string) {
	c.t.Helper()
	return "/maintenance/" + part(c.t, json.RawMessage(c.must("POST", "/maintenance", `{"window":`+window+`}`)), "windowId")
}

// TestMaintenance plans windows, changes them between the two forms, and sends back what was read.
func TestMaintenance(t *testing.T) {
	c := newClient(t)
	c.testOften()
	job, folder := c.create(everyField), c.createFolder("shop")
	if job != "/jobs/1" || folder != "/folders/1" {
		t.Fatal(job, folder)
	}
	now := c.server.store.Now().Unix()
	once := c.planWindow(fmt.Sprintf(`{"title":" Move ","effect":"pause","start":%d,"end":"%d","jobIds":[1,"1"],"folderIds":[1,0],"tags":[" shop ","SHOP"]}`,
		now-3600, now+3600))
	w := c.window(once)
	if w.Title != "Move" || w.Effect != "pause" || *w.Start != now-3600 || *w.End != now+3600 || w.Schedule != nil || w.DurationSeconds != nil ||
		!w.Active || w.NextStart != nil || *w.NextEnd != now+3600 || w.UpdatedBy == "" || w.Created == 0 ||
		fmt.Sprint(w.JobIDs, w.FolderIDs, w.Tags) != "[1] [0 1] [shop]" {
		t.Errorf("%+v", w)
	}
	nightly := c.planWindow(`{"title":"Night","schedule":"0 2 * * 1-5","timezone":"Europe/Berlin","durationSeconds":7200}`)
	w = c.window(nightly)
	if w.Effect != "silence" || w.Start != nil || *w.DurationSeconds != 7200 || w.NextStart == nil && !w.Active || w.NextEnd == nil ||
		w.Schedule.Timezone != "Europe/Berlin" || !slices.Equal(w.Schedule.Hours, []int{2}) || !slices.Equal(w.Schedule.Seconds, []int{0}) ||
		fmt.Sprint(w.JobIDs, w.FolderIDs, w.Tags) != "[] [] []" {
		t.Errorf("%+v", w)
	}
	named := c.planWindow(`{"title":"Zone","schedule":"CRON_TZ=Asia/Tokyo 0 2 * * *","durationSeconds":60}`)
	if w := c.window(named); w.Schedule.Timezone != "Asia/Tokyo" {
		t.Errorf("%+v", w)
	}
	var list struct {
		Windows []window `json:"windows"`
		Next    *string  `json:"next"`
	}
	decode(t, c.must("GET", "/maintenance", ""), &list)
	if len(list.Windows) != 3 || list.Windows[0].WindowID != 1 || list.Next != nil {
		t.Errorf("%+v", list)
	}

	// What is read may be sent.
	for _, path := range []string{once, nightly} {
		before := c.must("GET", path, "")
		if got := c.do("PATCH", path, before); got.status != 200 || got.header.Get("Punctual-Ignored") != "" {
			t.Errorf("status %d, ignored %q: %s", got.status, got.header.Get("Punctual-Ignored"), got.body)
		}
		if after := c.must("GET", path, ""); withoutUpdate(after) != withoutUpdate(before) {
			t.Errorf("%s has become %s", before, after)
		}
	}

	c.must("PATCH", nightly, `{"window":{"start":4102444800,"end":4102448400}}`)
	if w := c.window(nightly); w.Schedule != nil || w.DurationSeconds != nil || *w.Start != 4102444800 || w.Active || *w.NextStart != 4102444800 {
		t.Errorf("with a start %+v", w)
	}
	c.must("PATCH", once, `{"window":{"schedule":{"hours":[-1],"minutes":[0,30],"mdays":[-1],"months":[-1],"wdays":[-1]},"durationSeconds":1800,
		"effect":"silence","jobIds":[]}}`)
	if w := c.window(once); w.Start != nil || w.End != nil || !w.Active || w.NextStart == nil || w.Effect != "silence" || len(w.JobIDs) != 0 || len(w.Tags) != 1 {
		t.Errorf("with a schedule %+v", w)
	}
	c.must("DELETE", once, "")
	if got := c.do("GET", once, ""); got.status != 404 {
		t.Errorf("status %d: %s", got.status, got.body)
	}
}

func withoutUpdate(body string) string {
	before, _, _ := strings.Cut(body, `,"updated":`)
	return before
}

// TestBadMaintenance has a row for each kind of window that is refused, with the values that are named.
func TestBadMaintenance(t *testing.T) {
	c := newClient(t)
	c.testOften()
	stranger := c.server.newClient(t, "stranger@example.com", cron.PlanUnlimited)
	theirs := stranger.create(`{"url":"a.example"}`)
	path := c.planWindow(`{"title":"a","start":4102444800,"end":4102448400}`)
	_, id, _ := strings.Cut(theirs, "/jobs/")
	many := "[1" + strings.Repeat(",1", 998) + "]"
	const span, often = `"title":"a","start":4102444800,"end":4102448400`, `"title":"a","schedule":"0 2 * * *","durationSeconds":60`
	for _, tt := range []struct{ method, window, pointers string }{
		{"POST", `{"title":"a"}`, "/window"},
		{"POST", `{` + span + `,"schedule":"0 2 * * *"}`, "/window"},
		{"POST", `{` + span + `,"durationSeconds":60}`, "/window"},
		{"POST", `{"start":4102444800,"end":4102448400}`, "/window/title"},
		{"POST", `{"title":"a","start":4102444800}`, "/window/end"},
		{"POST", `{"title":"a","end":4102444800}`, "/window/start"},
		{"POST", `{"title":"a","start":4102444800,"end":4102444800}`, "/window/end"},
		{"POST", `{"title":"a","start":4102444800000,"end":4102444801000}`, "/window/end /window/start"},
		{"POST", `{"title":"a","start":1,"end":4102444800}`, "/window/end"},
		{"POST", `{"title":"a","schedule":"0 2 * * *"}`, "/window/durationSeconds"},
		{"POST", `{"title":"a","schedule":"0 2 * * *","durationSeconds":0}`, "/window/durationSeconds"},
		{"POST", `{"title":"a","schedule":"0 2 * * *","durationSeconds":31622401}`, "/window/durationSeconds"},
		{"POST", `{"title":"a","durationSeconds":60}`, "/window/schedule"},
		{"POST", `{"title":"a","schedule":"25 * * *","durationSeconds":60}`, "/window/schedule"},
		{"POST", `{"title":"a","schedule":{"hours":[2]},"durationSeconds":60}`, "/window/schedule/mdays /window/schedule/minutes /window/schedule/months /window/schedule/wdays"},
		{"POST", `{"title":"a","schedule":"0 2 * * *","timezone":"Mars","durationSeconds":60}`, "/window/schedule/timezone"},
		{"POST", `{"title":"a","schedule":7,"durationSeconds":60}`, "/window/schedule"},
		{"POST", `{` + often + `,"effect":"stop"}`, "/window/effect"},
		{"POST", `{` + often + `,"jobIds":[99]}`, "/window/jobIds"},
		{"POST", `{` + often + `,"jobIds":[` + id + `]}`, "/window/jobIds"},
		{"POST", `{` + often + `,"jobIds":[0]}`, "/window/jobIds"},
		{"POST", `{` + often + `,"jobIds":["x"]}`, "/window/jobIds/0"},
		{"POST", `{` + often + `,"folderIds":[99]}`, "/window/folderIds"},
		{"POST", `{` + often + `,"tags":["a,b"]}`, "/window/tags"},
		{"POST", `{` + often + `,"jobIds":` + many + `,"tags":[7,[]]}`, "/window/jobIds /window/tags/0 /window/tags/1"},
		{"PATCH", `{"title":" "}`, "/window/title"},
		{"PATCH", `{"end":4102444799}`, "/window/end"},
		{"PATCH", `{"durationSeconds":60}`, "/window/schedule"},
		{"PATCH", `{"start":0,"end":0}`, "/window/durationSeconds /window/schedule"},
	} {
		target := "/maintenance"
		if tt.method == "PATCH" {
			target = path
		}
		got := c.do(tt.method, target, `{"window":`+tt.window+`}`)
		var p problem
		decode(t, got.body, &p)
		var pointers []string
		for _, e := range p.Errors {
			pointers = append(pointers, e.Pointer)
		}
		slices.Sort(pointers)
		if got.status != 400 || strings.Join(pointers, " ") != tt.pointers {
			t.Errorf("%s %.200s: status %d: %s", tt.method, tt.window, got.status, got.body)
		}
	}
	if w := c.window(path); *w.Start != 4102444800 || *w.End != 4102448400 {
		t.Errorf("a change that was refused has changed it: %+v", w)
	}
	for _, call := range []string{"GET /maintenance/99", "PATCH /maintenance/99", "DELETE /maintenance/99", "DELETE /maintenance/x"} {
		method, target, _ := strings.Cut(call, " ")
		body := ""
		if method == "PATCH" {
			body = `{"window":{"title":"x"}}`
		}
		if got := c.do(method, target, body); got.status != 404 {
			t.Errorf("%s: status %d: %s", call, got.status, got.body)
		}
	}
}

// TestMaintenanceSkips looks at what a window does through the API: the record, its word and its sentence.
func TestMaintenanceSkips(t *testing.T) {
	c := newClient(t)
	c.testOften()
	path := c.create(`{"url":"a.example","enabled":true,"tags":["shop"],` + everyMinute + `}`)
	now := c.server.store.Now().Unix()
	c.planWindow(fmt.Sprintf(`{"title":"Move","effect":"pause","start":%d,"end":%d,"tags":["Shop"]}`, now-60, now+3600))
	storetest.NewTables(t, c.server.raw(t)).SetAllDue(c.server.store.Now())
	if launches := c.server.claim(t); len(launches) != 0 {
		t.Fatalf("%d executions run", len(launches))
	}
	answer := c.must("GET", path+"/executions", "")
	if !strings.Contains(answer, `"maintenance"`) || !strings.Contains(answer, "a maintenance window paused the job") {
		t.Error(answer)
	}
}
