package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
)

// TestReadingTimings has a row for each sentence of the documentation about when a job is due besides its schedule.
func TestReadingTimings(t *testing.T) {
	checkReadings(t, []reading{
		{name: "defaults", job: `{"url":"a.example"}`,
			want: wants{"runAt": "null", "pausedUntil": "null", "pauseNote": `""`, "schedule.spreadSeconds": "0"}},
		{name: "null in a PUT", job: `{"url":"a.example","runAt":null,"pausedUntil":null,"pauseNote":null,
			"schedule":{"spreadSeconds":null}}`,
			want: wants{"runAt": "null", "pausedUntil": "null", "pauseNote": `""`, "schedule.spreadSeconds": "0"}},
		{name: "null in a PATCH", patch: true, job: `{"runAt":null,"pausedUntil":null,"pauseNote":null,
			"schedule":{"spreadSeconds":null}}`,
			want: wants{"runAt": "4102444800", "pausedUntil": "4070908800", "pauseNote": `"old"`,
				"schedule.spreadSeconds": "7"}},
		{name: "a PATCH of the schedule keeps a one-time job", patch: true, job: `{"schedule":{"hours":[-1]}}`,
			want: wants{"runAt": "4102444800", "nextExecution": "4102444800"}},
		{name: "back to the schedule", patch: true, job: `{"runAt":0,"pausedUntil":0,"schedule":{"expiresAt":0}}`,
			want: wants{"runAt": "null"}},
		{name: "zero in a PUT", job: `{"url":"a.example","runAt":0,"pausedUntil":"0"}`,
			want: wants{"runAt": "null", "pausedUntil": "null"}},
		{name: "the end of a pause ends its note", patch: true, job: `{"pausedUntil":0}`,
			want: wants{"pausedUntil": "null", "pauseNote": `""`}},
		{name: "a note without a pause", job: `{"url":"a.example","pauseNote":"x"}`, want: wants{"pauseNote": `""`}},
		{name: "a note is trimmed", patch: true, job: `{"pauseNote":" until May\n"}`,
			want: wants{"pauseNote": `"until May"`}},
		{name: "a one-time job", job: `{"url":"a.example","runAt":"4102444801"}`,
			want: wants{"runAt": "4102444801", "nextExecution": "4102444801", "enabled": "false"}},
		{name: "an instant that is over", job: `{"url":"a.example","runAt":1}`,
			want: wants{"runAt": "1", "nextExecution": "null"}},
		{name: "an instant within the pause", patch: true, job: `{"pausedUntil":4102444801}`,
			want: wants{"nextExecution": "null"}},
		{name: "the bounds", job: `{"url":"a.example","runAt":253402300799,"pausedUntil":253402300799,"pauseNote":"` +
			strings.Repeat("ü", 200) + `","schedule":{"spreadSeconds":3600}}`,
			want: wants{"runAt": "253402300799", "pausedUntil": "253402300799", "schedule.spreadSeconds": "3600"}},
		{name: "beyond the bounds", job: `{"url":"a.example","runAt":253402300800,"pausedUntil":-1,
			"schedule":{"spreadSeconds":3601}}`,
			bad: []string{"/job/runAt", "/job/pausedUntil", "/job/schedule/spreadSeconds"}},
		{name: "a note that is too long", patch: true, job: `{"pauseNote":"` + strings.Repeat("x", 201) + `"}`,
			bad: []string{"/job/pauseNote"}},
		{name: "and without a pause", job: `{"url":"a.example","pauseNote":"` + strings.Repeat("x", 201) + `"}`,
			bad: []string{"/job/pauseNote"}},
		{name: "a note that nobody can read", patch: true, job: `{"pauseNote":"a\u0000b"}`, bad: []string{"/job/pauseNote"}},
		{name: "silenced", job: `{"url":"a.example","silencedUntil":4102444800}`, want: wants{"silencedUntil": "4102444800", "pausedUntil": "null"}},
		{name: "silenced for good", patch: true, job: `{"silencedUntil":-1}`, want: wants{"silencedUntil": "-1", "pausedUntil": "4070908800"}},
		{name: "silenced for good by its last second", job: `{"url":"a.example","silencedUntil":"253402300799"}`, want: wants{"silencedUntil": "-1"}},
		{name: "not silenced", patch: true, job: `{"silencedUntil":0}`, want: wants{"silencedUntil": "null"}},
		{name: "silenced by default", job: `{"url":"a.example","silencedUntil":null}`, want: wants{"silencedUntil": "null"}},
		{name: "silenced before and after time", job: `{"url":"a.example","silencedUntil":-2}`, bad: []string{"/job/silencedUntil"}},
		{name: "silenced for longer than for good", job: `{"url":"a.example","silencedUntil":253402300800}`, bad: []string{"/job/silencedUntil"}},
		{name: "other types", job: `{"url":"a.example","runAt":"soon","pausedUntil":true,"pauseNote":7,
			"schedule":{"spreadSeconds":[]}}`,
			bad: []string{"/job/runAt", "/job/pausedUntil", "/job/pauseNote", "/job/schedule/spreadSeconds"}},
		{name: "no schedule at all", job: `{"url":"a.example","schedule":7}`, bad: []string{"/job/schedule"}},
		{name: "a schedule that never comes", job: `{"url":"a.example","enabled":true,
			"schedule":{"hours":[0],"minutes":[0],"mdays":[31],"months":[2],"wdays":[-1]}}`,
			want: wants{"nextExecution": "null", "enabled": "true"}},
	})
}

// TestOneTimeJob follows one through its life. The clock starts at 2000-01-01T00:00:00Z.
func TestOneTimeJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		path := c.create(`{"url":"a.example","enabled":true,"runAt":946684830,"retry":{"count":1},
			"schedule":{"hours":[-1],"mdays":[-1],"minutes":[-1],"months":[-1],"wdays":[-1]}}`)
		golden(t, "schedule/job_once", 200, c.do("GET", path, ""))
		golden(t, "schedule/job_once_history", 200, c.do("GET", path+"/history", ""))
		time.Sleep(30 * time.Second)
		c.server.execute(t, 0, cron.Result{Status: cron.StatusHTTPError, HTTPStatus: 500})
		golden(t, "schedule/job_once_tried", 200, c.do("GET", path, ""))
		c.must("PATCH", path, `{"job":{"title":"still to be tried again"}}`)
		time.Sleep(time.Minute)
		c.server.execute(t, 0, cron.Result{Status: cron.StatusOK, HTTPStatus: 200})
		golden(t, "schedule/job_once_done", 200, c.do("GET", path+"/history", ""))

		// Once more, but somebody says that it is to be disabled while it waits for another attempt.
		c.must("PATCH", path, `{"job":{"enabled":true,"runAt":`+fmt.Sprint(time.Now().Unix()+5)+`}}`)
		time.Sleep(5 * time.Second)
		c.server.execute(t, 0, cron.Result{Status: cron.StatusHTTPError, HTTPStatus: 500})
		c.must("PATCH", path, `{"job":{"enabled":false}}`)
		time.Sleep(time.Hour)
		if launches := c.server.claim(t); len(launches) > 0 {
			t.Errorf("launched %+v", launches)
		}
	})
}

// TestSpreadAndPausedJobs shows what predictions say. The clock starts at 2000-01-01T00:00:00Z.
func TestSpreadAndPausedJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		const hourly = `"hours":[-1],"mdays":[-1],"minutes":[0],"months":[-1],"wdays":[-1]`
		path := c.create(`{"url":"a.example","enabled":true,"schedule":{"spreadSeconds":600,` + hourly + `}}`)
		predictions := func(want ...int64) {
			t.Helper()
			var answer struct {
				History     []historyItem `json:"history"`
				Predictions []int64       `json:"predictions"`
			}
			decode(t, c.must("GET", path+"/history", ""), &answer)
			for i := range want {
				want[i] += 946684800
			}
			if !slices.Equal(answer.Predictions, want) || *c.job(path).NextExecution != want[0] {
				t.Errorf("predictions %v and next execution %d, want %v", answer.Predictions, *c.job(path).NextExecution, want)
			}
		}
		const delay = 370 // of job 1
		predictions(delay, 3600+delay, 7200+delay)
		c.must("PATCH", path, `{"job":{"pausedUntil":946695600,"pauseNote":"three hours"}}`)
		predictions(10800+delay, 14400+delay, 18000+delay)
		time.Sleep((10800 + delay + 1) * time.Second) // the delay has milliseconds too
		launches := c.server.claim(t)
		if len(launches) != 1 || launches[0].Planned.Unix() != 946684800+10800+delay {
			t.Errorf("launched %+v", launches)
		}
		predictions(14400+delay, 18000+delay, 21600+delay)
	})
}

// previewOf is the path of a preview with the given parameters, names and values in turn.
func previewOf(parameters ...string) string {
	q := url.Values{}
	for i := 0; i < len(parameters); i += 2 {
		q.Set(parameters[i], parameters[i+1])
	}
	return "/schedule/preview?" + q.Encode()
}

// TestGoldenPreviews shows changes of the clocks under both rules, and all that a preview takes. The clock stands at
// 2000-01-01T00:00:00Z.
func TestGoldenPreviews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		show := func(name string, parameters ...string) {
			t.Helper()
			golden(t, "schedule/"+name, 200, c.do("GET", previewOf(parameters...), ""))
		}
		show("default", "cron", "*/15 9-17 * * 1-5", "timezone", "Europe/Berlin")
		for _, rule := range []string{"once", "wallclock"} {
			nightly := []string{"cron", "30 2 * * *", "timezone", "Europe/Berlin", "count", "3", "dst", rule}
			show("spring_"+rule, append(nightly, "from", "2026-03-28T00:00:00+01:00")...)
			show("autumn_"+rule, append(nightly, "from", "2026-10-24T12:00:00+02:00")...)
		}
		halfHourly := []string{"cron", "*/30 * * * *", "timezone", "Europe/Berlin", "count", "4"}
		show("spring_hourly", append(halfHourly, "from", "2026-03-29T01:30:00+01:00")...)
		show("autumn_hourly", append(halfHourly, "from", "2026-10-25T02:00:00+02:00")...)
		show("several_become_one", "cron", "*/20 2 * * *", "timezone", "Europe/Berlin", "from", "1774738800", "count", "2")
		show("day_that_never_was", "cron", "0 12 * * *", "timezone", "Pacific/Apia", "from", "2011-12-29T22:00:00Z",
			"count", "2")
		show("local_mean_time", "cron", "0 12 1 1 *", "timezone", "Europe/Berlin", "from", "1890-01-01T00:00:00Z",
			"count", "1")
		show("sets", "seconds", "0,30", "minutes", "0, 30", "hours", "-1", "mdays", "-1", "months", "2", "wdays", "7,6",
			"timezone", "America/New_York", "expiresAt", "200002050030", "count", "100", "from", "949726800")
		show("no_sets")
		show("impossible", "cron", "0 0 31 2 *")
		show("leap_day", "cron", "0 0 29 2 *", "from", "2096-03-01T00:00:00Z", "count", "1")
		show("zone_of_the_text", "cron", "CRON_TZ=Asia/Tokyo @daily", "timezone", "UTC", "count", "1")

		show("one_time", "runAt", "946684800", "timezone", "Europe/Berlin", "cron", "@daily")
		show("one_time_over", "runAt", "946684799", "timezone", "Europe/Berlin")

		golden(t, "schedule/error_cron", 400, c.do("GET", previewOf("cron", "0 0 L-3 * *"), ""))
		golden(t, "schedule/error_everything", 400, c.do("GET", previewOf("cron", "60 * * * *", "timezone", "Mars",
			"dst", "never", "expiresAt", "x", "hours", "1,24", "minutes", "a", "from", "yesterday", "count", "101"), ""))
		golden(t, "schedule/error_from", 400, c.do("GET", previewOf("cron", "* * * * *", "from", "253402300800"), ""))
	})
}

// TestPreviewOfAJob previews a job as it is stored, and with other minutes: maintenance windows are marked.
func TestPreviewOfAJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		c, stranger := s.newClient(t, "a@example.com", cron.PlanUnlimited), s.newClient(t, "b@example.com", cron.PlanUnlimited)
		path := c.create(`{"url":"a.example","enabled":true,"schedule":{"hours":[-1],"mdays":[-1],"minutes":[30],"months":[-1],"wdays":[-1]}}`)
		id := strings.TrimPrefix(path, "/jobs/")
		c.must("POST", "/maintenance", `{"window":{"title":"Move","effect":"pause","start":946688400,"end":946692000,"jobIds":[`+id+`]}}`)
		var p struct {
			Runs []struct {
				Local, Offset, Note string
				At                  int64
				Maintenance         *struct {
					WindowID      int64
					Title, Effect string
				}
			}
			Skipped []any
			Words   string
			Crontab *string
		}
		shown := func(parameters ...string) (words []string) {
			t.Helper()
			p.Runs = nil
			decode(t, c.must("GET", previewOf(append(parameters, "jobId", id)...), ""), &p)
			for _, run := range p.Runs {
				text := run.Local[11:16]
				if m := run.Maintenance; m != nil {
					text += fmt.Sprint(" ", m.WindowID, m.Title, m.Effect)
				}
				words = append(words, text)
			}
			return words
		}
		if got, want := shown("count", "3"), []string{"00:30", "01:30 1Movepause", "02:30"}; !slices.Equal(got, want) {
			t.Errorf("the job: %q", got)
		}
		if got, want := shown("count", "2", "minutes", "0,59"), []string{"00:00", "00:59"}; !slices.Equal(got, want) {
			t.Errorf("with other minutes: %q", got)
		}
		if got, want := shown("runAt", "946689000"), []string{"01:10 1Movepause"}; !slices.Equal(got, want) {
			t.Errorf("once: %q", got)
		}
		for _, target := range []string{previewOf("jobId", id), previewOf("jobId", "999")} {
			if got := stranger.do("GET", target, ""); got.status != 404 {
				t.Errorf("a stranger previews %s: %d %s", target, got.status, got.body)
			}
		}
		for _, wrong := range []string{"0", "-1", "x"} {
			if got := c.do("GET", previewOf("jobId", wrong), ""); got.status != 400 || !strings.Contains(got.body, "/jobId") {
				t.Errorf("jobId %s: %d %s", wrong, got.status, got.body)
			}
		}
	})
}

// TestPreviewIsWhatRuns creates a job with the sets of a preview and compares the two.
func TestPreviewIsWhatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		path := c.create(`{"url":"a.example","enabled":true,"schedule":{"timezone":"Europe/Berlin","hours":[2,14],
			"mdays":[-1],"minutes":[30],"months":[-1],"wdays":[0,6]}}`)
		type answer struct {
			Runs []struct {
				At                  int64
				Local, Offset, Note string
			}
			Skipped []any
			Words   string
			Crontab *string
		}
		time.Sleep(84*24*time.Hour + time.Hour) // to 2000-03-25, a day before the clocks change
		for range 6 {
			var p answer
			decode(t, c.must("GET", previewOf("hours", "2,14", "minutes", "30", "mdays", "-1", "months", "-1", "wdays", "0,6",
				"timezone", "Europe/Berlin", "count", "3"), ""), &p)
			var h struct {
				History     []historyItem
				Predictions []int64
			}
			decode(t, c.must("GET", path+"/history", ""), &h)
			for i, run := range p.Runs {
				if h.Predictions[i] != run.At {
					t.Errorf("the preview says %+v, the predictions %v", p.Runs, h.Predictions)
				}
			}
			c.server.execute(t, 0, cron.Result{Status: cron.StatusOK, HTTPStatus: 200})
			time.Sleep(time.Until(time.Unix(p.Runs[0].At, 0)) + time.Second)
		}
	})
}

func TestReadingPreviews(t *testing.T) {
	c := newClient(t)
	at := c.must("GET", previewOf("cron", "0 3 * * *", "from", "2026-03-02T03:00:00Z", "count", "1"), "")
	same := func(parameters ...string) string {
		return previewOf(append([]string{"cron", "0 3 * * *", "from", "1772420400", "count", "1"}, parameters...)...)
	}
	for name, path := range map[string]string{
		"an offset":                            same("from", "2026-03-02T05:00:00+02:00"),
		"an offset, not escaped":               "/schedule/preview?cron=0+3+*+*+*&from=2026-03-02T05:00:00+02:00&count=1",
		"Unix seconds":                         same(),
		"a moment after the last":              same("from", "2026-03-01T03:00:00.000000001Z"),
		"what is empty is not there":           same("hours", "", "timezone", "", "dst", "", "expiresAt", " "),
		"unknown parameters":                   same("colour", "red"),
		"the last one counts":                  strings.Replace(same(), "count=1", "count=7&count=1", 1),
		"the sets, which the text goes before": same("hours", "5"),
	} {
		if got := c.must("GET", path, ""); got != at {
			t.Errorf("%s: %s, want %s", name, got, at)
		}
	}
	for path, want := range map[string][]string{
		previewOf("cron", "0 3 * *"):                                 {"/cron"},
		previewOf("hours", "1,x, ,25", "minutes", "1,,2"):            {"/hours/1", "/hours/2", "/hours/3", "/minutes/1"},
		previewOf("count", "0", "from", "2026-02-30T00:00:00Z"):      {"/from", "/count"},
		previewOf("timezone", "Europe/Nowhere", "expiresAt", "2026"): {"/timezone", "/expiresAt"},
	} {
		got := c.do("GET", path, "")
		list := pointers(t, got)
		slices.Sort(list)
		slices.Sort(want)
		if got.status != http.StatusBadRequest || !slices.Equal(list, want) {
			t.Errorf("%s: %d %v, want %v", path, got.status, list, want)
		}
	}
	if got := c.do("GET", previewOf("cron", "@daily"), "", "Authorization:"); got.status != http.StatusUnauthorized {
		t.Errorf("without a key: %d", got.status)
	}
	if got := c.do("POST", previewOf("cron", "@daily"), ""); got.status != http.StatusNotFound {
		t.Errorf("another method: %d", got.status)
	}
}

// FuzzPreview sends anything as a query string. It is never our fault, and what is shown is in order.
func FuzzPreview(f *testing.F) {
	for _, seed := range []string{
		"cron=*/15+9-17+*+*+1-5&timezone=Europe/Berlin&count=3",
		"hours=1,2&minutes=-1&mdays=-1&months=-1&wdays=7&dst=wallclock", "cron=0+0+31+2+*", "from=9e99",
		"from=-62135596800&cron=*+*+*+*+*", "cron=%00", "expiresAt=99991231235959&cron=@yearly",
		"cron=*+*+*+*+*+*&from=253402300799", "cron=*+*+*+*+*+*&from=0000-01-01T00:00:00Z", "%zz", "a;b",
	} {
		f.Add(seed)
	}
	c := newClient(f)
	f.Fuzz(func(t *testing.T, query string) {
		r := &client{t, c.server, c.account, c.key}
		escaped := url.PathEscape(query)
		if values, err := url.ParseQuery(query); err == nil {
			escaped = values.Encode()
		}
		switch got := r.do("GET", "/schedule/preview?"+escaped, ""); got.status {
		case http.StatusOK:
			var p struct {
				Runs []struct {
					At    int64  `json:"at"`
					Local string `json:"local"`
				} `json:"runs"`
				Words string `json:"words"`
			}
			decodeSome(t, got.body, &p)
			if p.Words == "" || len(p.Runs) > 100 {
				t.Errorf("%s", got.body)
			}
			for i, run := range p.Runs {
				if i > 0 && run.At <= p.Runs[i-1].At {
					t.Errorf("run %d is not after the one before: %s", i, got.body)
				}
			}
		case http.StatusBadRequest:
			pointers(t, got)
		default:
			t.Errorf("%d %s", got.status, got.body)
		}
	})
}

// TestScheduleDocumentation makes the calls that docs/schedules.md shows and compares the answers.
func TestScheduleDocumentation(t *testing.T) {
	text, err := os.ReadFile("../../docs/schedules.md")
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t)
	call := regexp.MustCompile("(?s)```\nGET (/schedule/preview[^\n]*)\n```\n\n```json\n(.*?)```")
	calls := call.FindAllStringSubmatch(string(text), -1)
	if len(calls) < 3 {
		t.Fatalf("the documentation shows %d calls", len(calls))
	}
	for _, call := range calls {
		if got, want := compact(t, c.must("GET", call[1], "")), compact(t, call[2]); got != want {
			t.Errorf("%s: got\n%s, want\n%s", call[1], got, want)
		}
	}
	rows := regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([^|]+) \\|$").FindAllStringSubmatch(string(text), -1)
	words := 0
	for _, row := range rows {
		s, err := cron.ParseCrontab(row[1])
		if err != nil {
			continue // a table of another kind
		}
		words++
		var p struct {
			Words string `json:"words"`
		}
		decodeSome(t, c.must("GET", previewOf("cron", row[1], "timezone", "Europe/Berlin"), ""), &p)
		if p.Words != row[2] {
			t.Errorf("%s: the documentation says %q, the service %q (%+v)", row[1], row[2], p.Words, s)
		}
	}
	if words < 8 {
		t.Errorf("the documentation has the words for %d lines", words)
	}
}

// decodeSome reads some members of a JSON object.
func decodeSome(t testing.TB, text string, to any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), to); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}

// compact is a JSON text without its white space.
func compact(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return b.String()
}

// scheduleLoad is the answer to GET /schedule/load.
type scheduleLoad struct {
	From              int64
	Day, Spread, Week []int
	Hosts             []hostLoad
	Jobs, Passed      int
}

type hostLoad struct {
	Host            string
	Jobs, Day, Week int
}

// TestScheduleLoad counts the runs of enabled jobs, with the parameters and without.
func TestScheduleLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t) // on Saturday, 2000-01-01
		const schedule = `"schedule":{"hours":[-1],"mdays":[-1],"minutes":[%s],"months":[-1],"wdays":[-1]}`
		for _, job := range []string{
			`"url":"http://user:secret@A.example:8080/x","enabled":true,` + fmt.Sprintf(schedule, "0"),
			`"url":"http://b.example/","enabled":true,` + fmt.Sprintf(schedule, "-1"),
			`"url":"http://c.example/",` + fmt.Sprintf(schedule, "-1"),
		} {
			c.create("{" + job + "}")
		}
		read := func(query string) (l scheduleLoad) {
			decode(t, c.must("GET", "/schedule/load"+query, ""), &l)
			return l
		}
		l := read("")
		want := []hostLoad{{"b.example", 1, 1440, 7 * 1440}, {"a.example:8080", 1, 24, 7 * 24}}
		if !slices.Equal(l.Hosts, want) || l.Jobs != 2 || l.Passed != 0 || l.Day[0] != 2 || l.Day[1] != 1 || l.Week[5*24] != 61 {
			t.Errorf("the load is %+v", l)
		}
		if l.Spread != nil || len(l.Day) != 1440 || len(l.Week) != 168 || l.From != 946684800 {
			t.Errorf("the load begins at %d, with %d minutes and %d hours", l.From, len(l.Day), len(l.Week))
		}
		if l := read("?host=A.Example:8080&timezone=Europe/Berlin&spreadSeconds=3600"); l.Jobs != 1 || len(l.Spread) != 1440 || l.Day[60] != 1 {
			t.Errorf("the load of a host is %+v", l)
		}
		for query, pointer := range map[string]string{
			"timezone=Mars": "/timezone", "spreadSeconds=3601": "/spreadSeconds", "spreadSeconds=x": "/spreadSeconds",
		} {
			if got := c.do("GET", "/schedule/load?"+query, ""); got.status != 400 || !strings.Contains(got.body, `"pointer":"`+pointer+`"`) {
				t.Errorf("%s: %d %s", query, got.status, got.body)
			}
		}
	})
}
