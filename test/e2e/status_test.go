package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"punctual/internal/store/storetest"
	"punctual/test/checker"
	"punctual/test/harness"
)

// pageEmail is the account of the pages of these tests.
const pageEmail = "pages@example.com"

// statusPage is a status page of an account, by the API of one node.
type statusPage struct {
	t         *testing.T
	service   *harness.Service
	client    *harness.Client
	path      string // in the API
	component int64
}

// newStatusPage makes an account, and a draft with one component of it that has jobs.
func newStatusPage(t *testing.T, s *harness.Service, n *harness.Node, jobs func(*harness.Client) []int64) *statusPage {
	t.Helper()
	p := &statusPage{t: t, service: s, client: harness.NewClient(t, n.URL, s.CreateAccount(pageEmail, "unlimited"))}
	component := harness.Fields{"title": "Website"}
	if jobs != nil {
		component["jobIds"] = jobs(p.client)
	}
	made := p.call("POST", "/statuspages", harness.Fields{"statusPage": harness.Fields{"title": "Systems", "slug": "systems", "components": []harness.Fields{component}}})
	p.path = fmt.Sprintf("/statuspages/%.0f", made["statusPageId"])
	p.component = int64(p.definition()["components"].([]any)[0].(map[string]any)["componentId"].(float64))
	return p
}

// call makes a request that must succeed.
func (p *statusPage) call(method, path string, body any) (answer map[string]any) {
	p.t.Helper()
	a := p.client.Do(method, path, body, nil)
	if a.Status != http.StatusOK {
		p.t.Fatalf("%s %s: status %d: %s", method, path, a.Status, a.Body)
	}
	if err := json.Unmarshal(a.Body, &answer); err != nil {
		p.t.Fatal(err)
	}
	return answer
}

func (p *statusPage) definition() map[string]any {
	p.t.Helper()
	return p.call("GET", p.path, nil)["statusPage"].(map[string]any)
}

// visitor reads a page at one node.
type visitor struct {
	t    *testing.T
	node *harness.Node
	last time.Time // when the latest answer came
}

// seen is what a visitor sees.
type seen struct {
	status int
	html   string
	Page   struct {
		Title     string `json:"title"`
		State     string `json:"state"`
		UpdatedAt int64  `json:"updatedAt"`
		Stale     bool   `json:"stale"`
	} `json:"page"`
	Announcement string `json:"announcement"`
	Incidents    []struct {
		Title string `json:"title"`
		Phase string `json:"phase"`
	} `json:"incidents"`
}

// get reads a path of the page.
func (v *visitor) get(path string) (status int, body []byte) {
	v.t.Helper()
	r, err := http.Get(v.node.URL + "/status/systems" + path)
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	if body, err = io.ReadAll(r.Body); err != nil {
		v.t.Fatal(err)
	}
	if r.StatusCode == http.StatusOK && r.Header.Get("Cache-Control") != "public, max-age=1" {
		v.t.Errorf("caches may keep %s: %s", path, r.Header.Get("Cache-Control"))
	}
	return r.StatusCode, body
}

// see reads the page for people and the one for programs.
func (v *visitor) see() (s seen) {
	v.t.Helper()
	status, html := v.get("")
	asJSON, body := v.get(".json")
	if asJSON != status { // a change may have come between the two
		status, html = v.get("")
		if asJSON, body = v.get(".json"); asJSON != status {
			v.t.Errorf("the page answers %d, and %d as JSON", status, asJSON)
		}
	}
	s.status, s.html = status, string(html)
	if status == http.StatusOK {
		if err := json.Unmarshal(body, &s); err != nil {
			v.t.Fatal(err)
		}
	}
	v.last = time.Now()
	return s
}

// look reads the page again when a second has passed since the last time: the node has to ask the database.
func (v *visitor) look() seen {
	v.t.Helper()
	time.Sleep(time.Until(v.last.Add(1200 * time.Millisecond)))
	return v.see()
}

// awaitSeen looks until the page is as it should be, ten times a second, since an address has a limit.
func (v *visitor) awaitSeen(what string, is func(seen) bool) {
	v.t.Helper()
	await(v.t, what, func() bool {
		time.Sleep(time.Until(v.last.Add(100 * time.Millisecond)))
		return is(v.see())
	})
}

// stream follows the events of the page.
type stream struct {
	changes atomic.Int64
	ended   atomic.Bool
	cut     atomic.Bool // the connection ended before the answer
	close   func()
}

func (v *visitor) follow() *stream {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), "GET", v.node.URL+"/status/systems/events", nil)
	if err != nil {
		v.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		v.t.Fatalf("the events answer %d", answer.StatusCode)
	}
	done := make(chan struct{})
	s := &stream{close: func() {
		_ = answer.Body.Close()
		<-done
	}}
	go func() {
		defer close(done)
		lines := bufio.NewScanner(answer.Body)
		for lines.Scan() {
			if lines.Text() == "event: change" {
				s.changes.Add(1)
			}
		}
		s.cut.Store(lines.Err() != nil)
		s.ended.Store(true)
	}()
	v.t.Cleanup(s.close)
	return s
}

// twoNodes starts two nodes where the database can be shared, else one that is both.
func twoNodes(s *harness.Service) (a, b *harness.Node) {
	a = s.Start()
	if s.URL == "" {
		return a, a
	}
	return a, s.Start()
}

// pageChange is a change of a page, and whether it can be seen.
type pageChange struct {
	name   string
	change func()
	shows  func(seen) bool
}

// changes are some of every kind, for a draft.
func (p *statusPage) changes() []pageChange {
	hand := func(state any) func() {
		return func() {
			p.call("POST", fmt.Sprintf("%s/components/%d/state", p.path, p.component), harness.Fields{"state": state})
		}
	}
	is := func(status int, state string) func(seen) bool {
		return func(s seen) bool { return s.status == status && s.Page.State == state }
	}
	fields := func(name string, value any) func() {
		return func() { p.call("PATCH", p.path, harness.Fields{"statusPage": harness.Fields{name: value}}) }
	}
	incident := func() {
		p.call("POST", p.path+"/incidents", harness.Fields{"incident": harness.Fields{"title": "It burns", "update": harness.Fields{
			"phase": "investigating", "text": "We look.", "impacts": []harness.Fields{{"componentId": p.component, "state": "partialOutage"}}}}})
	}
	account := func(command string) func() {
		return func() {
			if code, _, stderr := harness.Run(p.t, p.service.Env(), "account", command, pageEmail); code != 0 {
				p.t.Fatalf("account %s: exit code %d: %s", command, code, stderr)
			}
		}
	}
	return []pageChange{
		{"published", fields("published", true), is(200, "unknown")},
		{"set by hand", hand("operational"), is(200, "operational")},
		{"another title", fields("title", "Our systems"), func(s seen) bool { return s.Page.Title == "Our systems" }},
		{"an incident", incident, func(s seen) bool { return len(s.Incidents) == 1 && s.Incidents[0].Title == "It burns" }},
		{"released, with the impact of the incident", hand(nil), is(200, "partialOutage")},
		{"an announcement", fields("announcement", "We move."), func(s seen) bool { return strings.Contains(s.Announcement, "We move.") }},
		{"a draft again", fields("published", false), is(404, "")},
		{"published again", fields("published", true), is(200, "partialOutage")},
		{"its account disabled", account("disable"), is(404, "")},
		{"its account enabled", account("enable"), is(200, "partialOutage")},
	}
}

// TestStatusPageOnEachNode changes a page at one node, and reads it at another. The first request there that comes a second after another one
// shows the change.
func TestStatusPageOnEachNode(t *testing.T) {
	t.Parallel()
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		a, b := twoNodes(s)
		p, v := newStatusPage(t, s, a, nil), &visitor{t: t, node: b}
		for _, step := range p.changes() {
			if before := v.see(); step.shows(before) {
				t.Fatalf("%s: the page shows it before the change: %+v", step.name, before)
			}
			step.change()
			changed := time.Now()
			after := v.look()
			if !step.shows(after) {
				t.Errorf("%s: the page shows %+v", step.name, after)
			}
			t.Logf("%s: seen %s after the change", step.name, v.last.Sub(changed).Round(time.Millisecond))
		}
	})
}

// TestStatusPageStreams follows the events of a page at one node while it is changed at another one. Each change is an event, after which the
// node shows it, or the end of the stream when there is no page any more.
func TestStatusPageStreams(t *testing.T) {
	t.Parallel()
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		a, b := twoNodes(s)
		p, v := newStatusPage(t, s, a, nil), &visitor{t: t, node: b}
		for _, step := range p.changes() {
			if v.see().status != http.StatusOK {
				step.change()
				v.awaitSeen(step.name, step.shows)
				continue
			}
			events := v.follow()
			step.change()
			changed := time.Now()
			await(t, step.name+": the stream tells of it or ends", func() bool { return events.changes.Load() > 0 || events.ended.Load() })
			t.Logf("%s: told %s after the change", step.name, time.Since(changed).Round(time.Millisecond))
			after := v.see()
			if !step.shows(after) || events.ended.Load() != (after.status == http.StatusNotFound) {
				t.Errorf("%s: after the event the page shows %+v; the stream has ended: %t", step.name, after, events.ended.Load())
			}
			events.close()
		}
		events := v.follow()
		b.Stop()
		await(t, "the stream ends with the node", events.ended.Load)
		if events.cut.Load() {
			t.Error("the stream was cut")
		}
	})
}

// TestStatusPageFollowsRuns lets the runs of a job fail and succeed again. The state becomes public on the node that has nothing to do with it.
func TestStatusPageFollowsRuns(t *testing.T) {
	t.Parallel()
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		a, b := twoNodes(s)
		target := harness.NewTarget(t)
		begin := time.Now()
		var id int64
		p := newStatusPage(t, s, a, func(c *harness.Client) []int64 {
			id = c.CreateJob(job(target, "/up", harness.EverySecond(), harness.Fields{"overlap": "skip"}))
			return []int64{id}
		})
		p.call("PATCH", p.path, harness.Fields{"statusPage": harness.Fields{"published": true}})
		v := &visitor{t: t, node: b}
		v.awaitSeen("the page is operational", func(s seen) bool { return s.Page.State == "operational" })
		for _, step := range []struct{ path, state string }{{"/status/500/down", "majorOutage"}, {"/up/again", "operational"}} {
			events := v.follow()
			p.client.ChangeJob(id, harness.Fields{"url": target.URL + step.path + "?u=%cjo:uuid4%"})
			await(t, "two runs have a result", func() bool { return len(target.To(step.path)) > 1 })
			decided := target.To(step.path)[1].At
			await(t, "the stream tells of "+step.state, func() bool { return events.changes.Load() > 0 })
			t.Logf("%s: told %s after the run that decided", step.state, time.Since(decided).Round(time.Millisecond))
			if now := v.see(); now.Page.State != step.state || strings.Contains(now.html, target.URL) {
				t.Errorf("after the event the page is %s: %s", now.Page.State, now.html)
			}
			events.close()
		}
		end := time.Now()
		s.AwaitSettled(end)
		for _, n := range []*harness.Node{a, b} {
			n.Stop()
		}
		check(t, s, checker.Witness{From: begin, To: end, Received: target.Counts(), Stopped: true})
	})
}

// TestStatusPageWithoutDatabase stops PostgreSQL under two nodes. The one that has shown a page shows it still, and says from when it is; its
// streams stay open, and tell when the page is live again.
func TestStatusPageWithoutDatabase(t *testing.T) {
	t.Parallel()
	server := storetest.StartServer(t)
	s := harness.NewService(t, server.URL())
	a, b := s.Start(), s.Start()
	p, v := newStatusPage(t, s, a, nil), &visitor{t: t, node: b}
	p.call("PATCH", p.path, harness.Fields{"statusPage": harness.Fields{"published": true}})
	live := v.look()
	if live.status != http.StatusOK || live.Page.Stale || strings.Contains(live.html, `id="stale"`) {
		t.Fatalf("the page is %+v", live)
	}
	events := v.follow()
	server.Stop(t)
	var away seen
	v.awaitSeen("the page says that it is not live", func(s seen) bool { away = s; return s.Page.Stale })
	since := `<time datetime="` + time.Unix(away.Page.UpdatedAt, 0).UTC().Format(time.RFC3339) + `">`
	for range 3 {
		old := v.look()
		if old.status != http.StatusOK || !old.Page.Stale || old.Page.Title != live.Page.Title || old.Page.UpdatedAt != away.Page.UpdatedAt {
			t.Errorf("without a database the page is %+v", old)
		}
		_, notice, _ := strings.Cut(old.html, `id="stale"`)
		if notice, _, _ = strings.Cut(notice, "</p>"); !strings.Contains(notice, since) {
			t.Errorf("the page says %q, but not %q", notice, since)
		}
	}
	first := &visitor{t: t, node: a} // has never shown the page
	if old := first.see(); old.status != http.StatusServiceUnavailable || strings.Contains(old.html, "postgres") {
		t.Errorf("a node that knows nothing answers %d: %s", old.status, old.html)
	}
	for _, path := range []string{"/incidents", "/incidents/1"} {
		if status, _ := v.get(path); status != http.StatusServiceUnavailable {
			t.Errorf("without a database %s answers %d", path, status)
		}
	}
	await(t, "the stream tells that the page is not live", func() bool { return events.changes.Load() > 0 })
	told := events.changes.Load()
	server.Start(t)
	a.AwaitStatus("/readyz", 200)
	b.AwaitStatus("/readyz", 200)
	await(t, "the stream tells that the page is live", func() bool { return events.changes.Load() > told })
	v.awaitSeen("the page is live again", func(s seen) bool { return !s.Page.Stale && !strings.Contains(s.html, `id="stale"`) })
	p.call("PATCH", p.path, harness.Fields{"statusPage": harness.Fields{"title": "Back"}})
	if now := first.look(); now.Page.Title != "Back" || now.Page.Stale {
		t.Errorf("after the change the page is %+v", now)
	}
	v.awaitSeen("the change", func(s seen) bool { return s.Page.Title == "Back" })
	if events.ended.Load() {
		t.Error("the stream has ended")
	}
}

// TestStatusPageThatHangs locks the table of status pages. Visitors see the last rendering, jobs go on, and nothing is missing afterwards.
func TestStatusPageThatHangs(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, storetest.Postgres(t))
	a, b := s.Start(), s.Start()
	target := harness.NewTarget(t)
	begin := time.Now()
	p := newStatusPage(t, s, a, func(c *harness.Client) []int64 {
		return []int64{c.CreateJob(job(target, "/up", harness.EverySecond(), harness.Fields{"overlap": "skip"}))}
	})
	p.call("PATCH", p.path, harness.Fields{"statusPage": harness.Fields{"published": true}})
	v := &visitor{t: t, node: b}
	v.awaitSeen("the page is operational", func(s seen) bool { return s.Page.State == "operational" })
	lock, err := s.Database().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Rollback() }()
	if _, err := lock.ExecContext(t.Context(), `LOCK TABLE status_page IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	v.awaitSeen("the page says that it is not live", func(s seen) bool {
		if s.status != http.StatusOK || s.Page.State != "operational" {
			t.Errorf("the page is %+v", s)
		}
		return s.Page.Stale
	})
	received := target.Received()
	await(t, "the job goes on", func() bool { return target.Received() > received+10 })
	s.AwaitSettled(time.Now())
	if err := lock.Rollback(); err != nil {
		t.Fatal(err)
	}
	v.awaitSeen("the page is live again", func(s seen) bool { return !s.Page.Stale && s.Page.State == "operational" })
	end := time.Now()
	s.AwaitSettled(end)
	a.Stop()
	b.Stop()
	check(t, s, checker.Witness{From: begin, To: end, Received: target.Counts(), Stopped: true})
}
