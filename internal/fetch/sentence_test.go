package fetch

import (
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
)

var update = flag.Bool("update", false, "write the golden files anew")

// failure is an exchange that fails. PORT stands for the port of its server.
type failure struct {
	name   string
	url    string                               // "" is http://example.org:PORT/, or without the port
	serve  func(net.Conn)                       // nil for no server
	port   uint16                               // where there is no server
	job    func(*cron.Job)                      // sets up the job
	later  func(*cron.Job)                      // changes the job after the exchange
	global bool                                 // the account may call public addresses only
	config func(*Config)                        // sets up the client
	client func(*Client)                        // likewise, once it is made
	short  bool                                 // the timeout is over soon
	do     func(*Client, cron.Call) cron.Result // nil is what run is given
}

// The golden file has these instead of ports, timeouts and clocks, which differ in each run.
const (
	goldenPort    = "8080"
	goldenTimeout = 30 * time.Second
)

var goldenNow = time.Date(2026, time.November, 27, 15, 0, 0, 0, time.UTC)

// goldenPlan allows twice the timeout of the job.
var goldenPlan = cron.Plan{DefaultTimeout: goldenTimeout, MaxTimeout: 2 * goldenTimeout, MaxResponse: 256 << 10}

// run makes the exchange by do, and returns its result and its job, as the golden file has them.
func (f *failure) run(t *testing.T, trusted *authority, do func(*Client, cron.Call) cron.Result) (cron.Result, cron.Job) {
	port := f.port
	if f.serve != nil {
		port = serve(t, "127.0.0.1:0", f.serve).Port()
	}
	job := cron.NewJob()
	job.AccountID, job.SaveResponses, job.Request.URL = 1, true, f.url
	switch {
	case f.url != "":
	case port == 0:
		job.Request.URL = "http://example.org/"
	default:
		job.Request.URL = "http://example.org:PORT/"
	}
	if f.job != nil {
		f.job(&job)
	}
	given := job.Request.URL
	job.Request.URL = strings.ReplaceAll(given, "PORT", fmt.Sprint(port))
	config := Config{RootCAs: trusted.pool(), Resolver: names{
		"example.org": {"127.0.0.1"}, "www.example.org": {"127.0.0.1"}, "metadata.example.org": {"169.254.169.254"},
	}}
	if f.config != nil {
		f.config(&config)
	}
	client := New(config)
	if f.client != nil {
		f.client(client)
	}
	call := job.Call(&goldenPlan, cron.Material{}, cron.Attempt{}, time.Now())
	if f.global {
		call.Access = cron.AccessGlobal
	}
	if f.short {
		call.Timeout = 500 * time.Millisecond
	}
	if f.do != nil {
		do = f.do
	}
	r := do(client, call)
	job.Request.URL = strings.ReplaceAll(given, "PORT", goldenPort)
	if f.later != nil {
		f.later(&job)
	}
	return canonical(r, fmt.Sprint(port), f.short), job
}

// canonical replaces what differs in each run: the port, the timings of the phases that were reached, and dates.
func canonical(r cron.Result, port string, short bool) cron.Result {
	stable := strings.NewReplacer(":"+port, ":"+goldenPort, "500ms", "30s").Replace
	r.URL, r.Detail = stable(r.URL), stable(r.Detail)
	for i := range r.Redirects {
		r.Redirects[i].URL = stable(r.Redirects[i].URL)
	}
	if r.Headers != nil {
		r.Headers = []byte(stable(string(r.Headers)))
	}
	s := &r.Stats
	for i, phase := range []*time.Duration{&s.NameLookup, &s.Connect, &s.AppConnect, &s.PreTransfer, &s.StartTransfer} {
		if *phase > 0 {
			*phase = time.Duration(i+1) * time.Millisecond
		}
	}
	if r.Duration = 100 * time.Millisecond; short {
		r.Duration = goldenTimeout
	}
	switch {
	case r.CertExpiry.IsZero():
	case r.CertExpiry.Before(r.Started):
		r.CertExpiry = time.Date(2026, time.May, 3, 12, 0, 0, 0, time.UTC)
	default:
		r.CertExpiry = goldenNow.AddDate(1, 0, 0)
	}
	r.Started = goldenNow
	return r
}

// TestSentences makes an exchange for each way to fail, and compares its sentence, phase and mend with the golden file.
func TestSentences(t *testing.T) {
	trusted := newAuthority("trusted")
	rows := failures(t, trusted)
	results, jobs := make([]cron.Result, len(rows)), make([]cron.Job, len(rows))
	t.Run("exchanges", func(t *testing.T) {
		for i := range rows {
			t.Run(rows[i].name, func(t *testing.T) {
				t.Parallel()
				results[i], jobs[i] = rows[i].run(t, trusted, func(c *Client, call cron.Call) cron.Result { return c.Do(t.Context(), call) })
			})
		}
	})
	for fault := cron.FaultOverlap; fault <= cron.FaultMaintenance; fault++ { // no exchange was made
		rows = append(rows, failure{name: fmt.Sprintf("not started, %d", fault)})
		results, jobs = append(results, cron.Result{Fault: fault}), append(jobs, cron.NewJob())
	}
	var b strings.Builder
	causes, remedies := map[cron.Cause]bool{}, map[cron.Remedy]bool{}
	for i := range rows {
		d := cron.Diagnose(&results[i], &jobs[i], &goldenPlan)
		causes[d.Cause], remedies[d.Remedy] = true, true
		fmt.Fprintf(&b, "%s\n  %s\n", rows[i].name, message.Default().Diagnosis(&d))
		if phase := d.Phase.String(); phase != "" {
			fmt.Fprintf(&b, "  phase: %s\n", phase)
		}
		if d.Mend.Kind != cron.MendNone {
			fmt.Fprintf(&b, "  mend: %s\n", mendText(&d.Mend))
		}
		b.WriteString("\n")
	}
	for c := cron.CauseUnknown + 1; c <= cron.CauseAccountDisabled; c++ {
		// The former is for wordings of an older version, and the latter is about an execution that may have succeeded.
		if !causes[c] && c != cron.CauseMalformed && c != cron.CauseLate {
			t.Errorf("no exchange shows cause %d", c)
		}
	}
	for r := cron.RemedyOperator; r <= cron.RemedyMisfire; r++ {
		if !remedies[r] {
			t.Errorf("no exchange shows remedy %d", r)
		}
	}
	if causes[cron.CauseUnknown] || causes[cron.CauseMalformed] || causes[cron.CauseNone] {
		t.Error("a failure has a general sentence or none")
	}
	checkGolden(t, "sentences.txt", b.String())
}

func mendText(m *cron.Mend) string {
	switch m.Kind {
	case cron.MendURL, cron.MendContentType:
		return m.Text
	case cron.MendTimeout:
		return fmt.Sprintf("timeout %d", m.Number)
	case cron.MendFollowRedirects:
		return fmt.Sprintf("followRedirects %d", m.Number)
	case cron.MendRedirectSuccess:
		return "redirectSuccess"
	case cron.MendConnection:
		return "connection fresh"
	}
	return "oversize truncate"
}

// checkGolden compares a text with a file in testdata.
func checkGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i, line := range gotLines {
		if i >= len(wantLines) || line != wantLines[i] {
			t.Fatalf("%s, line %d: got\n%s\nwant\n%s", name, i+1, line, strings.Join(wantLines[min(i, len(wantLines)):min(i+1, len(wantLines))], ""))
		}
	}
	if len(gotLines) != len(wantLines) {
		t.Errorf("%s has %d lines more", name, len(wantLines)-len(gotLines))
	}
}
