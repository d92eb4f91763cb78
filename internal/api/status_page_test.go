package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"punctual/internal/cron"
)

// page is a status page in answers.
type page struct {
	StatusPageID    int64    `json:"statusPageId"`
	Title           string   `json:"title"`
	Slug            string   `json:"slug"`
	Text            string   `json:"text"`
	Accent          string   `json:"accent"`
	Theme           string   `json:"theme"`
	Timezone        string   `json:"timezone"`
	Language        string   `json:"language"`
	Days            int      `json:"days"`
	Published       bool     `json:"published"`
	Access          string   `json:"access"`
	HasPassword     bool     `json:"hasPassword"`
	Networks        []string `json:"networks"`
	Announcement    string   `json:"announcement"`
	AnnouncedUntil  *int64   `json:"announcedUntil"`
	WithMaintenance bool     `json:"withMaintenance"`
	Groups          []struct {
		Title string `json:"title"`
		Text  string `json:"text"`
		Fold  string `json:"fold"`
	} `json:"groups"`
	Components []struct {
		ComponentID int64   `json:"componentId"`
		Group       string  `json:"group"`
		Title       string  `json:"title"`
		Text        string  `json:"text"`
		JobIDs      []int64 `json:"jobIds"`
		Needed      int     `json:"needed"`
		Rule        struct {
			Failures    int   `json:"failures"`
			Of          int   `json:"of"`
			Successes   int   `json:"successes"`
			SlowAfterMs int64 `json:"slowAfterMs"`
			Percent     int   `json:"percent"`
		} `json:"rule"`
		AutomaticMinutes int64  `json:"automaticMinutes"`
		PublishAutomatic bool   `json:"publishAutomatic"`
		State            string `json:"state"`
		Since            *int64 `json:"since"`
		Hand             *struct {
			State string `json:"state"`
			Set   int64  `json:"set"`
			By    string `json:"by"`
		} `json:"hand"`
	} `json:"components"`
	HasLogo     bool   `json:"hasLogo"`
	HasDarkLogo bool   `json:"hasDarkLogo"`
	Created     int64  `json:"created"`
	Updated     int64  `json:"updated"`
	UpdatedBy   string `json:"updatedBy"`
}

func (c *client) page(path string) (p page) {
	c.t.Helper()
	var answer struct {
		Page page `json:"statusPage"`
	}
	decode(c.t, c.must("GET", path, ""), &answer)
	return answer.Page
}

func (c *client) makePage(fields string) (path string) {
	c.t.Helper()
	return "/statuspages/" + part(c.t, json.RawMessage(c.must("POST", "/statuspages", `{"statusPage":`+fields+`}`)), "statusPageId")
}

const everyPageField = `{"title":" Systems ","slug":"Systems","text":"*All*","accent":"#0A1B2C","theme":"dark","timezone":"Europe/Berlin","language":"de",
	"days":30,"published":true,"access":"password","password":"open sesame","networks":["192.0.2.7","2001:db8::/32"],"announcement":"Soon",
	"announcedUntil":4102444800,"withMaintenance":true,"groups":[{"title":"Europe","text":"EU","fold":"healthy"}],
	"components":[{"title":"Website","group":"Europe","text":"www","jobIds":[1],"needed":1,"automaticMinutes":5,"publishAutomatic":true,
	"rule":{"failures":1,"of":4,"successes":3,"slowAfterMs":1500,"percent":50}},{"title":"Shop"}]}`

// TestStatusPages makes a page, changes it, and sends back what was read.
func TestStatusPages(t *testing.T) {
	c := newClient(t)
	c.testOften()
	job := c.create(everyField)
	path := c.makePage(everyPageField)
	p := c.page(path)
	if got := fmt.Sprintln(p.Title, p.Slug, p.Accent, p.Theme, p.Timezone, p.Language, p.Days, p.Published, p.Access, p.HasPassword, p.Networks,
		*p.AnnouncedUntil, p.WithMaintenance, p.Groups); got != "Systems systems #0a1b2c dark Europe/Berlin de 30 true password true [192.0.2.7/32 2001:db8::/32]"+
		" 4102444800 true [{Europe EU healthy}]\n" || len(p.Components) != 2 {
		t.Error(got)
	}
	if of := p.Components[0]; fmt.Sprintln(of.Group, of.JobIDs, of.Needed, of.Rule, of.AutomaticMinutes, of.PublishAutomatic, of.State) !=
		"Europe [1] 1 {1 4 3 1500 50} 5 true unknown\n" || fmt.Sprint(p.Components[1].Rule) != "{2 3 2 0 95}" {
		t.Errorf("%+v", p.Components)
	}

	// The job is one of a monitor now.
	if got := c.must("GET", job, ""); !strings.Contains(got, `"type":1`) {
		t.Error(got)
	}
	if got := c.do("DELETE", job, ""); got.status != 400 || !strings.Contains(got.body, "Systems") {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	action := c.must("POST", "/jobs/bulk", `{"action":"delete","jobIds":[1]}`)
	if !strings.Contains(action, "Systems") {
		t.Error(action)
	}

	// What is read may be sent.
	before := c.do("GET", path, "")
	if got := c.do("PATCH", path, before.body); got.status != 200 || got.header.Get("Punctual-Ignored") != "" {
		t.Errorf("status %d, ignored %q: %s", got.status, got.header.Get("Punctual-Ignored"), got.body)
	}
	after := c.do("GET", path, "")
	if withoutUpdate(after.body) != withoutUpdate(before.body) {
		t.Errorf("%s has become %s", before.body, after.body)
	}

	// Of a component that stays, what is not sent stays.
	if got := c.do("PATCH", path, `{"statusPage":{"components":[{"title":"New"},{"componentId":1,"title":"Web"}]}}`, "If-Match: "+before.header.Get("ETag")); got.status != 412 {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	if got := c.do("PATCH", path, `{"statusPage":{"components":[{"title":"New"},{"componentId":1,"title":"Web"}]}}`, "If-Match: "+after.header.Get("ETag")); got.status != 200 {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	p = c.page(path)
	if of := p.Components[1]; len(p.Components) != 2 || of.ComponentID != 1 || of.Title != "Web" || fmt.Sprint(of.JobIDs, of.Rule) != "[1] {1 4 3 1500 50}" {
		t.Errorf("%+v", p.Components)
	}
	c.must("PATCH", path, `{"statusPage":{"announcedUntil":null,"components":[],"groups":[],"networks":[]}}`)
	if p := c.page(path); p.AnnouncedUntil != nil || len(p.Components)+len(p.Groups)+len(p.Networks) != 0 || !p.HasPassword {
		t.Errorf("%+v", p)
	}
	c.must("DELETE", job, "")

	second := c.makePage(`{"title":"Systems"}`)
	if p := c.page(second); p.Slug != "systems-2" || p.Published || p.Days != 90 || p.Timezone != "UTC" {
		t.Errorf("%+v", p)
	}
	var list struct {
		Pages []page  `json:"statusPages"`
		Next  *string `json:"next"`
	}
	decode(t, c.must("GET", "/statuspages", ""), &list)
	if len(list.Pages) != 2 || list.Pages[1].Title != "Systems" || list.Next != nil {
		t.Errorf("%+v", list)
	}
	c.must("DELETE", path, "")
	if got := c.do("GET", path, ""); got.status != 404 {
		t.Errorf("status %d: %s", got.status, got.body)
	}
}

// TestComponentState sets and releases the state of a component.
func TestComponentState(t *testing.T) {
	c := newClient(t)
	c.testOften()
	path := c.makePage(`{"title":"x","components":[{"title":"a"}]}`)
	state := path + "/components/1/state"
	for _, name := range []string{"operational", "degraded", "partialOutage", "majorOutage", "maintenance"} {
		c.must("POST", state, `{"state":"`+name+`"}`)
		if of := c.page(path).Components[0]; of.State != name || of.Hand == nil || of.Hand.State != name || of.Hand.By == "" || of.Since == nil {
			t.Errorf("%+v", of)
		}
	}
	for _, bad := range []string{`{}`, `{"state":"unknown"}`, `{"state":"down"}`, `{"state":1}`} {
		if got := c.do("POST", state, bad); got.status != 400 || !strings.Contains(got.body, `"pointer":"/state"`) {
			t.Errorf("%s: status %d: %s", bad, got.status, got.body)
		}
	}
	c.must("POST", state, `{"state":null}`)
	if of := c.page(path).Components[0]; of.State != "unknown" || of.Hand != nil {
		t.Errorf("%+v", of)
	}
	if got := c.do("POST", path+"/components/2/state", `{"state":"degraded"}`); got.status != 404 {
		t.Errorf("status %d: %s", got.status, got.body)
	}
}

// TestStatusPageProblems sends pages that are wrong, and looks where the problems point.
func TestStatusPageProblems(t *testing.T) {
	c := newClient(t)
	c.testOften()
	c.changeAccount(func(a *cron.Account) { a.Overrides = cron.Overrides{"maxStatusPages": 2} })
	c.makePage(`{"title":"First","slug":"first"}`)
	many := func(item string, n int) string { return "[" + strings.Repeat(item+",", n-1) + item + "]" }
	for _, test := range []struct{ fields, pointer string }{
		{`{}`, "/title"},
		{`{"title":"a\nb"}`, "/title"},
		{`{"title":"` + strings.Repeat("x", 101) + `"}`, "/title"},
		{`{"title":"x","slug":"-a"}`, "/slug"},
		{`{"title":"x","slug":"a_b"}`, "/slug"},
		{`{"title":"x","slug":"` + strings.Repeat("x", 64) + `"}`, "/slug"},
		{`{"title":"x","slug":"console"}`, "/slug"},
		{`{"title":"x","accent":"red"}`, "/accent"},
		{`{"title":"x","theme":"blue"}`, "/theme"},
		{`{"title":"x","timezone":"Mars/Base"}`, "/timezone"},
		{`{"title":"x","language":"d_e"}`, "/language"},
		{`{"title":"x","days":31}`, "/days"},
		{`{"title":"x","access":"password"}`, "/password"},
		{`{"title":"x","password":"short"}`, "/password"},
		{`{"title":"x","password":"` + strings.Repeat("x", 201) + `"}`, "/password"},
		{`{"title":"x","networks":["10.0.0.0/8","x"]}`, "/networks/1"},
		{`{"title":"x","networks":` + many(`"10.0.0.0/8"`, 51) + `}`, "/networks"},
		{`{"title":"x","text":"` + strings.Repeat("x", 8193) + `"}`, "/text"},
		{`{"title":"x","text":"\u0000"}`, "/text"},
		{`{"title":"x","announcedUntil":-5}`, "/announcedUntil"},
		{`{"title":"x","groups":[{"title":"a"},{"title":"a"}]}`, "/groups/1/title"},
		{`{"title":"x","groups":[{"title":""}]}`, "/groups/0/title"},
		{`{"title":"x","components":[{"title":"a","group":"b"}]}`, "/components/0/group"},
		{`{"title":"x","components":[{"title":""}]}`, "/components/0/title"},
		{`{"title":"x","components":[{"title":"a","needed":1}]}`, "/components/0/needed"},
		{`{"title":"x","components":[{"title":"a","jobIds":[99]}]}`, "/components/0/jobIds/0"},
		{`{"title":"x","components":[{"title":"a","jobIds":["a"]}]}`, "/components/0/jobIds/0"},
		{`{"title":"x","components":[{"title":"a","componentId":1}]}`, "/components/0/componentId"},
		{`{"title":"x","components":[{"title":"a","rule":{"failures":4}}]}`, "/components/0/rule/failures"},
		{`{"title":"x","components":[{"title":"a","rule":{"of":21}}]}`, "/components/0/rule/of"},
		{`{"title":"x","components":[{"title":"a","rule":{"successes":0}}]}`, "/components/0/rule/successes"},
		{`{"title":"x","components":[{"title":"a","rule":{"percent":0}}]}`, "/components/0/rule/percent"},
		{`{"title":"x","components":[{"title":"a","rule":{"slowAfterMs":3600001}}]}`, "/components/0/rule/slowAfterMs"},
		{`{"title":"x","components":[{"title":"a","automaticMinutes":-1}]}`, "/components/0/automaticMinutes"},
		{`{"title":"x","components":` + many(`{"title":"a"}`, 101) + `}`, "/components"},
	} {
		got := c.do("POST", "/statuspages", `{"statusPage":`+test.fields+`}`)
		if got.status != 400 || !strings.Contains(got.body, `"pointer":"/statusPage`+test.pointer+`"`) {
			t.Errorf("%.100s: status %d: %s; want a problem with %s", test.fields, got.status, got.body, test.pointer)
		}
	}
	if got := c.do("POST", "/statuspages", `{"statusPage":{"title":"x","slug":"FIRST"}}`); got.status != 409 {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	c.makePage(`{"title":"Second"}`)
	if got := c.do("POST", "/statuspages", `{"statusPage":{"title":"Third"}}`); got.status != 429 {
		t.Errorf("status %d: %s", got.status, got.body)
	}
}

// TestStatusLogos uploads a picture and files that are none.
func TestStatusLogos(t *testing.T) {
	c := newClient(t)
	c.testOften()
	path := c.makePage(`{"title":"x"}`)
	var file bytes.Buffer
	if err := jpeg.Encode(&file, image.NewGray(image.Rect(0, 0, 1600, 100)), nil); err != nil {
		t.Fatal(err)
	}
	if got := c.do("GET", path+"/logo", ""); got.status != 404 {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	for _, bad := range []string{"", "hello", `<svg xmlns="http://www.w3.org/2000/svg"/>`, strings.Repeat("x", 1<<20+1)} {
		if got := c.do("PUT", path+"/logo", bad, "Content-Type: image/png"); got.status != 400 {
			t.Errorf("%.20q: status %d: %s", bad, got.status, got.body)
		}
	}
	if got := c.do("PUT", path+"/logo/dark", file.String(), "Content-Type: image/jpeg"); got.status != 200 {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	got := c.do("GET", path+"/logo/dark", "")
	config, err := png.DecodeConfig(strings.NewReader(got.body))
	if err != nil || config.Width != 800 || config.Height != 50 || got.header.Get("Content-Type") != "image/png" {
		t.Errorf("%v %+v %v", err, config, got.header)
	}
	if p := c.page(path); p.HasLogo || !p.HasDarkLogo {
		t.Errorf("%+v", p)
	}
	c.must("DELETE", path+"/logo/dark", "")
	if got := c.do("DELETE", path+"/logo/dark", ""); got.status != 404 {
		t.Errorf("status %d: %s", got.status, got.body)
	}
}
