package web_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
)

// maxPage is the largest page in bytes.
const maxPage = 120 << 10

// TestRun shows a run with all that belongs to it, and a target cannot put anything into the page but text.
func TestRun(t *testing.T) {
	w := newRunWorld(t)
	b := w.b
	w.change(t, func(p *cron.JobPatch) {
		p.Fields, p.Values.SaveResponses = []string{"/saveResponses"}, true
	})
	good := w.run(w.job.ID, succeeded(`{"status":"fine","list":[1,2,{"a":null}]}`))
	bad := w.run(w.job.ID, failed(503))
	page := b.get(bad).says(200, "target.example answered 503", "Where the time went", "Waiting for the answer", "median of 1 good runs", "Set-Cookie", "a=1", "b=2",
		"&lt;p&gt;&lt;script&gt;", "Compared with the last good run", good, "Asked for by", "jane@example.com", "Version 2", "/curl", "/again", "Runs with this cause").
		hides("<script>alert", "ZgotmplZ", "<p><script")
	if strings.Count(page.body, ">Set-Cookie<") != 2 {
		t.Error("a header that repeats is not shown twice")
	}
	b.get(good).says(200, "It answered 200 OK within 11 ms", `class="json-name"`, "fine", "{ 2 }").hides("Compared with")
	b.get(good+"?body=text").says(200, "{&#34;status&#34;:&#34;fine&#34;")
	b.get(good+"?body=hex").says(200, "7b 22 73 74")
	for path, status := range map[string]int{bad + "x": 404, "/console/runs/1": 404, "/console/runs/1-2-3-4": 404, bad[:len(bad)-1] + "9": 404, bad + "/body": 200} {
		b.get(path).says(status)
	}
}

// change edits the job.
func (w *runWorld) change(t testing.TB, edit func(*cron.JobPatch)) {
	t.Helper()
	var patch cron.JobPatch
	edit(&patch)
	if _, err := w.service.ChangeJob(t.Context(), cron.OperatorOf(w.account(t)), w.job.ID, nil, &patch); err != nil {
		t.Fatal(err)
	}
}

// TestRunsThatDidNotRun have a page, too, with the reason.
func TestRunsThatDidNotRun(t *testing.T) {
	w := newRunWorld(t)
	now := w.store.Now()
	missed := w.recorded(cron.Execution{Planned: now.Add(-2 * time.Hour), Last: now.Add(-time.Hour), Count: 60, AtLeast: true, Outcome: cron.OutcomeMissed,
		Result: cron.Result{Started: now.Add(-time.Hour), Fault: cron.FaultMissed}})
	w.b.get(missed).says(200, "found it too late", "This stands for 60 runs or more").hides("Response", "Started")
	l := w.begin(w.job.ID)
	running := pageOf(&cron.Execution{ID: l.ExecutionID, JobID: w.job.ID, Planned: l.Planned})
	w.b.get(running).says(200, "It has been running for", `hx-trigger="live:run`).hides("Response")
}

// TestHostileAnswers shows the largest answers of every kind within the limits of a page.
func TestHostileAnswers(t *testing.T) {
	w := newRunWorld(t)
	w.change(t, func(p *cron.JobPatch) { p.Fields, p.Values.SaveResponses = []string{"/saveResponses"}, true })
	whole := func(text string) []byte {
		return bytes.Repeat([]byte(text), cron.MaxStoredBody/len(text)+1)[:cron.MaxStoredBody]
	}
	list, err := json.Marshal(strings.Split(strings.Repeat("<,", 15_000), ","))
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string][]byte{
		"escaped": whole("<&\"'"), "quoted": whole("\""), "lines": whole("\n"), "zeros": whole("\x00"), "not text": whole("\xff\xfe<"),
		"controls": whole("\x1b[31m\u202e"), "deep": []byte(strings.Repeat("[", 9000) + strings.Repeat("]", 9000)), "not JSON": []byte(strings.Repeat("[", 60_000)),
		"wide":    []byte("[" + strings.Repeat("0,", 30_000) + "0]"),
		"objects": []byte("[" + strings.Repeat(`{"<":{}},`, 6000) + "0]"), "names": []byte(`{"` + strings.Repeat("<", 60_000) + `":1}`),
		"strings": list, "same": []byte(`{"a":1,"a":2}`), "cut character": whole("aäöü"), "empty": {},
	} {
		r := failed(500)
		r.Body, r.Headers = body, bytes.Repeat([]byte("<\"'&>: "+strings.Repeat("<", 100)+"\r\n"), 5000)
		r.Reason, r.URL = strings.Repeat("<", 255), "https://target.example/"+strings.Repeat("<", 8000)
		for range 40 {
			r.Redirects = append(r.Redirects, cron.Redirect{Status: 302, URL: r.URL})
		}
		if name != "same" { // which is compared with what stands before it
			good := succeeded("")
			good.Body, good.Headers = bytes.ReplaceAll(body, []byte("<"), []byte("\">")), []byte("X: y\r\n\r\n")
			w.run(w.job.ID, good)
		}
		path := w.run(w.job.ID, r)
		for _, way := range []string{"", "?body=tree", "?body=text", "?body=hex", "?body=html"} {
			if page := w.b.get(path+way).says(200).hides("\u202e", "\x1b"); len(page.body) > maxPage {
				t.Errorf("%s: the page%s has %d bytes", name, way, len(page.body))
			}
		}
		file := w.b.get(path + "/body")
		if file.status != 200 || file.body != string(body) || file.header.Get("Content-Type") != "application/octet-stream" ||
			!strings.HasPrefix(file.header.Get("Content-Disposition"), "attachment; ") || !strings.Contains(file.header.Get("Content-Security-Policy"), "sandbox") ||
			file.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: the file has %d bytes and the headers %v", name, len(file.body), file.header)
		}
		if file := w.b.get(path + "/headers"); file.status != 200 || file.body != string(r.Headers) {
			t.Errorf("%s: the headers have %d bytes", name, len(file.body))
		}
	}
}

// TestListsOfRunsStaySmall shows the worst rows within the limits of a page.
func TestListsOfRunsStaySmall(t *testing.T) {
	w := newRunWorld(t)
	w.change(t, func(p *cron.JobPatch) {
		p.Fields, p.Values.Title = []string{"/title"}, strings.Repeat("<", cron.MaxTitleLength)
	})
	now := w.store.Now()
	for i := range 100 {
		at := now.Add(-time.Duration(i) * 14 * time.Minute)
		w.recorded(cron.Execution{Planned: at, Kind: cron.KindManual, Outcome: cron.OutcomeFailed, Lateness: time.Hour, Result: cron.Result{Started: at, Status: cron.StatusHTTPError,
			HTTPStatus: 500 + i, Reason: strings.Repeat("'", 255), URL: fmt.Sprintf("https://%s%d.example/", strings.Repeat("<", 200), i)}})
		w.recorded(cron.Execution{Planned: at.Add(-time.Minute), Last: at, Count: 1 << 40, AtLeast: true, Outcome: []cron.Outcome{cron.OutcomeMissed, cron.OutcomeSkipped}[i%2],
			Result: cron.Result{Started: at, Fault: cron.FaultMissed}})
	}
	for i := range 300 {
		f := cron.Folder{AccountID: w.account(t).ID, Title: strings.Repeat("\"", cron.MaxTitleLength-4) + fmt.Sprint(i)}
		if err := w.store.CreateFolder(t.Context(), &f); err != nil {
			t.Fatal(err)
		}
	}
	many := "?not.text=" + strings.Repeat("%3C", 200)
	for i := range 20 {
		many += fmt.Sprint("&not.job=", 1000+i)
	}
	for _, query := range []string{"?span=7d", "?group=cause", many, many + "&group=cause", "?span=7d&text=" + strings.Repeat("%3C", 200)} {
		if page := w.b.get("/console/runs" + query).says(200); len(page.body) > maxPage {
			t.Errorf("the page of %.30s has %d bytes", query, len(page.body))
		}
	}
	w.b.get("/console/runs" + many + "&not.job=3000").says(422).hides("&not.job=1000")
}
