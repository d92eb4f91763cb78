package api_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"punctual/internal/api"
	"punctual/internal/auth"
	"punctual/internal/cron"
	"punctual/internal/store/storetest"
)

// TestBodiesAreUTF8 has a row for each way in which a body can be no UTF-8: it is refused with the place.
func TestBodiesAreUTF8(t *testing.T) {
	c := newClient(t)
	for name, tt := range map[string]struct {
		body, pointer, offset, given string
	}{
		"ISO-8859-1":           {"{\"job\":{\"url\":\"a.example\",\"auth\":{\"user\":\"J\xf6rg\"}}}", "/job/auth/user", "43", "0xF6"},
		"cut off":              {"{\"job\":{\"title\":\"\xc3\"}}", "/job/title", "17", "0xC3"},
		"too long a form":      {"{\"job\":{\"title\":\"\xc0\x80\"}}", "/job/title", "17", "0xC0"},
		"an encoded half":      {"{\"job\":{\"title\":\"\xed\xa0\x80\"}}", "/job/title", "17", "0xED"},
		"beyond Unicode":       {"{\"job\":{\"title\":\"\xf5\x80\x80\x80\"}}", "/job/title", "17", "0xF5"},
		"in an array":          {"{\"job\":{\"schedule\":{\"hours\":[1,2,\"\xff\"]}}}", "/job/schedule/hours/2", "34", "0xFF"},
		"in a name":            {"{\"job\":{\"auth\":{\"us\xe9r\":1}}}", "/job/auth", "19", "0xE9"},
		"in a name with ~":     {"{\"job\":{\"a~/b\":\"\xe9\"}}", "/job/a~0~1b", "16", "0xE9"},
		"between values":       {"{\"job\":\xa0{}}", "/job", "7", "0xA0"},
		"behind all":           {"{\"job\":{}}\xff", "", "10", "0xFF"},
		"UTF-16":               {"\xff\xfe{\x00}\x00", "", "0", "0xFF"},
		"only a beginning":     {"{\"job\":{\"title\":\"\xe2\x82", "/job/title", "17", "0xE2"},
		"a high half":          {`{"job":{"title":"\ud800"}}`, "/job/title", "17", `\ud800`},
		"a high half and more": {`{"job":{"title":"\uD83Dabcdefgh"}}`, "/job/title", "17", `\uD83D`},
		"a low half":           {`{"job":{"title":"a\udc00\ud800"}}`, "/job/title", "18", `\udc00`},
		"two high halves":      {`{"job":{"title":"\ud800\ud800\udc00"}}`, "/job/title", "17", `\ud800`},
		"a half in a name":     {`{"job":{"extendedData":{"headers":{"\udfff":"x"}}}}`, "/job/extendedData/headers", "36", `\udfff`},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.do("PUT", "/jobs", tt.body, "Content-Type: application/json; charset=iso-8859-1")
			var p problem
			decode(t, got.body, &p)
			detail := p.Detail
			if tt.pointer != "" {
				if len(p.Errors) != 1 || p.Errors[0].Pointer != tt.pointer {
					t.Fatalf("got %s", got.body)
				}
				detail = p.Errors[0].Detail
			}
			for _, want := range []string{"UTF-8", tt.given, "offset " + tt.offset + " "} {
				if got.status != 400 || !strings.Contains(detail, want) {
					t.Errorf("status %d: %q is without %q", got.status, detail, want)
				}
			}
		})
	}
}

// TestByteOrderMark makes sure that one is skipped, and only in front.
func TestByteOrderMark(t *testing.T) {
	c := newClient(t)
	const mark = "\ufeff"
	if got := c.do("PUT", "/jobs", mark+` {"job":{"url":"a.example","title":"`+mark+`b"}}`); got.status != 200 {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	if title := c.job("/jobs/1").Title; title != mark+"b" {
		t.Errorf("the title is %q", title)
	}
	if got := c.do("PUT", "/jobs", mark+mark+`{"job":{"url":"a.example"}}`); got.status != 400 {
		t.Errorf("status %d: %s", got.status, got.body)
	}
}

// endless is a body that does not end, and counts what is read of it.
type endless struct {
	start, more string
	read        int
}

func (e *endless) Read(b []byte) (int, error) {
	n := 0
	for n < len(b) {
		if e.read < len(e.start) {
			b[n] = e.start[e.read]
		} else {
			b[n] = e.more[(e.read-len(e.start))%len(e.more)]
		}
		e.read++
		n++
	}
	return n, nil
}

// TestBodiesAreRefusedWhileTheyAreRead attacks with bodies that never end: little of them is read, and the place is named.
func TestBodiesAreRefusedWhileTheyAreRead(t *testing.T) {
	c := newClient(t)
	c.testOften()
	path := c.create(everyField)
	const little = 128 << 10
	for _, tt := range []struct {
		method, path, start, more, pointer string
		most                               int
	}{
		{"PATCH", path, `{"job":{"schedule":{"hours":[1`, `,1`, "/job/schedule/hours", little},
		{"PUT", "/jobs", `{"job":{"success":{"status":["200"`, `,"200"`, "/job/success/status", little},
		{"PUT", "/jobs", `{"job":{"extendedData":{"headers":{"a":1`, `,"a":1`, "/job/extendedData/headers", little},
		{"PUT", "/jobs", `{"job":{"extendedData":{"headers":[{}`, `,{}`, "/job/extendedData/headers", little},
		{"PUT", "/jobs", `{"job":{"x":1`, `,"x":1`, "/job", little},
		{"PUT", "/jobs", `{"x":1`, `,"x":1`, "", little},
		{"PUT", "/jobs", `{"job":{"x":[[1],[[1`, `],[1`, "/job/x/1", little},
		{"PUT", "/jobs", `{"job":`, `[`, "", little},
		{"PUT", "/jobs", `{"job":`, `{"a":`, "", little},
		{"PUT", "/jobs", `{"job":{"title":"`, `x`, "", 8 << 20},
		{"POST", "/jobs/bulk", `{"jobIds":[1`, `,1`, "/jobIds", little},
		{"POST", "/jobs/bulk", `{"job":{"title":"`, `x`, "", 1 << 20},
		{"PUT", "/folders", `{"folder":{"title":"`, `x`, "", little},
		{"POST", "/maintenance", `{"window":{"jobIds":[1`, `,1`, "/window/jobIds", little},
		{"POST", "/statuspages/1/incidents", `{"incident":{"update":{"impacts":[{}`, `,{}`, "/incident/update/impacts", little},
		{"POST", "/statuspages/1/maintenances", `{"maintenance":{"componentIds":[1`, `,1`, "/maintenance/componentIds", little},
		{"POST", "/maintenance", `{"window":{"schedule":{"hours":[1`, `,1`, "/window/schedule/hours", little},
		{"POST", "/statuspages", `{"statusPage":{"components":[{"jobIds":[1`, `,1`, "/statusPage/components/0/jobIds", little},
		{"POST", "/statuspages", `{"statusPage":{"networks":["::"`, `,"::"`, "/statusPage/networks", little},
		{"POST", "/statuspages", `{"statusPage":{"text":"`, `x`, "", 3 << 20},
		{"POST", "/apikeys", `{"apiKey":{"allowFrom":["::"`, `,"::"`, "/apiKey/allowFrom", little},
		{"POST", "/apikeys", `{"apiKey":{"title":"`, `x`, "", little},
		{"PUT", "/tls", `{"tls":{"caBundle":"`, `x`, "", 3 << 20},
		{"POST", path + "/clone", `{"job":{"schedule":{"wdays":[1`, `,1`, "/job/schedule/wdays", little},
		{"POST", "/testruns", `{"job":{"schedule":{"wdays":[1`, `,1`, "/job/schedule/wdays", little},
		{"POST", "/testruns", `{"jobId":1,"x":[`, `[`, "", little},
		{"POST", "/testruns", `{"job":{"title":"`, `x`, "", 8 << 20},
	} {
		for _, once := range []bool{false, true} {
			body := &endless{start: tt.start, more: tt.more}
			r := httptest.NewRequest(tt.method, tt.path, body)
			r.ContentLength = -1
			r.Header.Set("Authorization", "Bearer "+c.key)
			r.Header.Set("Content-Type", "application/json")
			if once {
				r.Header.Set("Idempotency-Key", strconv.Itoa(body.read))
			}
			w := httptest.NewRecorder()
			c.server.ServeHTTP(w, r)
			var p problem
			decode(t, w.Body.String(), &p)
			pointer := ""
			if len(p.Errors) > 0 {
				pointer = p.Errors[0].Pointer
			}
			if w.Code != 400 || len(p.Errors) > 1 || pointer != tt.pointer || body.read > tt.most {
				t.Errorf("%s %s %s: %d after %d bytes: %s", tt.method, tt.path, tt.start, w.Code, body.read, w.Body)
			}
		}
	}
}

// TestTheLargestJob makes sure that a job of the largest size may be sent in the longest form.
func TestTheLargestJob(t *testing.T) {
	c := newClient(t)
	long := func(n int) string { return strings.Repeat(`\u0061`, n) }
	var headers []string
	for i := range 500 {
		headers = append(headers, fmt.Sprintf(`{"key":"X-%03d","value":"%s"}`, i, long(125)))
	}
	path := c.create(`{"url":"http://a.example/` + long(8000) + `","title":"` + long(512) + `",
		"auth":{"user":"` + long(8192) + `","password":"` + long(8192) + `"},
		"success":{"contains":"` + long(1024) + `","notContains":"` + long(1024) + `","matches":"` + long(499) + `"},
		"extendedData":{"headers":[` + strings.Join(headers, ",") + `],"body":"` + long(1<<20) + `"}}`)
	if got := c.job(path); len(got.ExtendedData.Body) != 1<<20 || len(got.ExtendedData.Headers) != 500 {
		t.Errorf("%d bytes and %d headers read back", len(got.ExtendedData.Body), len(got.ExtendedData.Headers))
	}
}

// TestIgnored has a row for each call that has a body: members that nothing reads are named, others are not.
func TestIgnored(t *testing.T) {
	c := newClient(t)
	c.testOften()
	c.statusPage("Status")
	path, folder := c.create(everyField), c.createFolder("a")
	problem := fmt.Sprint("/problems/", storetest.NewTables(t, c.server.raw(t)).AddProblems(c.account.ID, 1, cron.ProblemOpen, time.Now()), "/")
	whole := part(t, json.RawMessage(c.must("GET", path, "")), "jobDetails")
	var many []string
	for i := range 30 {
		many = append(many, fmt.Sprintf(`"m%02d":0`, i))
	}
	for _, tt := range []struct{ method, path, body, want string }{
		{"PUT", "/jobs", `{"job":{"url":"a.example","requestHeaders":{"a":1},"requestBody":"x"},"JOB":{}}`,
			"/JOB, /job/requestHeaders, /job/requestBody"},
		{"PUT", "/jobs", `{"job":{"url":"a.example","body":"x","extendedData":{"headers":[{"key":"a","value":"b","x":1}],"Body":1}}}`,
			"/job/body, /job/extendedData/Body, /job/extendedData/headers/0/x"},
		{"PUT", "/jobs", `{"job":` + whole + `}`, ""}, // what reads back may be sent
		{"PATCH", path, `{"job":` + whole + `}`, ""},
		{"PATCH", path, `{"job":{"jobId":7,"lastStatus":1,"type":1,"auth":null,"schedule":{"weeks":[1],"seconds":[0]}}}`,
			"/job/schedule/weeks"},
		{"PATCH", path, `{"job":{"a,b":1,"ü/~":2,"a b":3,"%":4,"\r\n":5}}`,
			"/job/a%2Cb, /job/%C3%BC~1~0, /job/a%20b, /job/%25, /job/%0D%0A"},
		{"PATCH", path, `{"job":{"x":1,"x":2,"enabled":true,"enabled":true}}`, "/job/x"},
		{"PATCH", path, `{"job":{` + strings.Join(many, ",") + `},"x":0}`,
			"/x, /job/m00, /job/m01, /job/m02, /job/m03, /job/m04, /job/m05, /job/m06, /job/m07, /job/m08, /job/m09, " +
				"/job/m10, /job/m11, /job/m12, /job/m13, /job/m14, /job/m15, /job/m16, /job/m17, /job/m18"},
		{"PATCH", path, `{"job":{"` + strings.Repeat("x", 1000) + `":0}}`, "/job/" + strings.Repeat("x", 246) + "..."},
		{"POST", path + "/clone", `{"job":{"titel":"x"},"x":1}`, "/x, /job/titel"},
		{"POST", path + "/clone", ``, ""},
		{"POST", "/testruns", `{"job":{"titel":"x","jobId":7},"jobId":1,"x":1}`, "/x, /job/titel"},
		{"POST", "/testruns", `{"job":` + whole + `}`, ""},
		{"POST", "/history/rerun", `{"filter":{"from":1,"state":"late"},"rate":1}`, "/rate, /filter/state"},
		{"POST", "/jobs/bulk", `{"action":"enable","jobIds":[1],"job":{},"toFolderId":0}`, "/job, /toFolderId"},
		{"POST", "/jobs/bulk", `{"action":"patch","jobIds":[1],"job":{"colour":1}}`, "/job/colour"},
		{"POST", "/actions", `{"x":1,"action":{"jobIds":[],"y":1,"operations":[{"kind":"patch","job":{"colour":1}}]}}`, "/x, /action/y, /action/operations/0/job/colour"},
		{"PUT", "/folders", `{"folder":{"title":"b","folderId":7,"colour":1}}`, "/folder/colour"},
		{"PATCH", folder, `{"folder":{"name":"b"}}`, "/folder/name"},
		{"POST", "/apikeys", `{"apiKey":{"title":"a","created":1,"enabled":false}}`, "/apiKey/enabled"},
		{"POST", "/secrets", `{"secret":{"name":"A","value":"x","jobIds":[1]},"x":1}`, "/x"},
		{"PATCH", "/secrets/1", `{"secret":{"name":"A","value":"y","valeu":"x"}}`, "/secret/name, /secret/valeu"},
		{"POST", "/channels", `{"channel":{"kind":"webhook","url":"https://a.example/","created":1,"colour":1,"quietHours":{"form":"22:00"}},"x":1}`,
			"/x, /channel/colour, /channel/quietHours/form"},
		{"PATCH", "/channels/1", `{"channel":{"title":"a","kind":"owners","titel":"a"}}`, "/channel/titel"},
		{"POST", "/channels/1/mute", `{"until":0,"note":"a"}`, "/note"},
		{"POST", problem + "acknowledge", `{"note":"a","by":"b"}`, "/by"},
		{"POST", problem + "snooze", `{"until":4102444800,"note":"a","title":"b"}`, "/title"},
		{"POST", problem + "note", `{"note":"a","until":1}`, "/until"},
		{"POST", problem + "resolve", `{"until":1}`, "/until"},
		{"POST", "/maintenance", `{"window":{"title":"a","start":4102444800,"end":4102444801,"timezone":"UTC","active":true,"jobs":[]},"x":1}`, "/x, /window/timezone, /window/jobs"},
		{"POST", "/maintenance", `{"window":{"title":"a","schedule":"0 2 * * *","timezone":"UTC","durationSeconds":1}}`, ""},
		{"POST", "/statuspages/1/incidents", `{"incident":{"title":"a","phase":"resolved","by":"x","update":{"text":"x","by":"x","impact":[]}},"x":1}`,
			"/x, /incident/by, /incident/update/impact"},
		{"PATCH", "/statuspages/1/incidents/1", `{"incident":{"title":"a","update":{}}}`, "/incident/update"},
		{"POST", "/statuspages/1/incidents/1/updates", `{"update":{"text":"x","updateId":1,"title":"x"}}`, "/update/title"},
		{"PATCH", "/statuspages/1/incidents/1/updates/1", `{"update":{"text":"x","draft":true}}`, "/update/draft"},
		{"POST", "/statuspages/1/maintenances", `{"maintenance":{"title":"a","start":4102444800,"end":4102444801,"componentIds":[1],"jobIds":[1],"active":true}}`,
			"/maintenance/jobIds"},
		{"POST", "/statuspages/1/domains", `{"domain":{"host":"status.example.net","fault":"none","port":1},"x":1}`, "/x, /domain/port"},
		{"PATCH", "/statuspages/1/maintenances/3", `{"maintenance":{"title":"a","windowId":1}}`, "/maintenance/windowId"},
		{"PATCH", "/maintenance/1", `{"window":{"schedule":{"hours":[1],"minutes":[0],"months":[1],"mdays":[1],"wdays":[1],"spreadSeconds":1},"durationSeconds":1}}`, "/window/schedule/spreadSeconds"},
		{"POST", "/statuspages", `{"statusPage":{"title":"a","created":1,"colour":1,"components":[{"title":"x","state":"unknown","name":1,"rule":{"of":3,"mean":1}}]}}`,
			"/statusPage/colour, /statusPage/components/0/name, /statusPage/components/0/rule/mean"},
		{"POST", "/statuspages/1/components/1/state", `{"state":"degraded","text":"a"}`, "/text"},
		{"PATCH", "/statuspages/1", `{"statusPage":{"text":"a","title2":"b"}}`, "/statusPage/title2"},
		{"PUT", "/tls", `{"tls":{"certificateExpiry":1,"key":""}}`, "/tls/key"},
	} {
		got := c.do(tt.method, tt.path, tt.body)
		if ignored := strings.Join(got.header["Punctual-Ignored"], "|"); got.status/100 != 2 || ignored != tt.want {
			t.Errorf("%s %s %.100s: status %d, ignored %q, want %q", tt.method, tt.path, tt.body, got.status, ignored, tt.want)
		}
	}
	epoch, err := c.server.store.StartNode(t.Context(), cron.Node{Name: "node"})
	if err != nil {
		t.Fatal(err)
	}
	operator := c.withKey(cron.APIKey{Operator: true})
	got := operator.do("PATCH", fmt.Sprintf("/nodes/%d", epoch), `{"node":{"drain":true,"role":"api"},"x":1}`)
	if ignored := got.header.Get("Punctual-Ignored"); got.status != 200 || ignored != "/x, /node/drain" {
		t.Errorf("status %d, ignored %q", got.status, ignored)
	}
	person := c.signIn("views@example.com", cron.RoleViewer)
	got = person.do("POST", "/views", `{"view":{"title":"a","filter":{"tags":["x"],"not":{"states":[]}},"x":1},"y":2}`)
	if ignored := got.header.Get("Punctual-Ignored"); got.status != 200 || ignored != "/y, /view/x, /view/filter/tags, /view/filter/not/states" {
		t.Errorf("status %d, ignored %q", got.status, ignored)
	}
	got = person.do("PATCH", "/views/1", `{"view":{"filters":{}}}`)
	if ignored := got.header.Get("Punctual-Ignored"); got.status != 200 || ignored != "/view/filters" {
		t.Errorf("status %d, ignored %q", got.status, ignored)
	}
	// A call that takes effect once tells it each time, and one that fails tells it too.
	for range 2 {
		got := c.do("PUT", "/folders", `{"folder":{"title":"once","colour":1}}`, "Idempotency-Key: a")
		if ignored := got.header.Get("Punctual-Ignored"); ignored != "/folder/colour" {
			t.Errorf("status %d, ignored %q", got.status, ignored)
		}
	}
	got = c.do("PUT", "/jobs", `{"job":{"urls":"a.example"}}`)
	if ignored := got.header.Get("Punctual-Ignored"); got.status != 400 || ignored != "/job/urls" {
		t.Errorf("status %d, ignored %q", got.status, ignored)
	}
	if log := c.server.log.String(); log != "" {
		t.Errorf("logged: %s", log)
	}
}

// TestIgnoredIsLogged makes sure that the log tells it to whoever looks for it, and not what the members hold.
func TestIgnoredIsLogged(t *testing.T) {
	c := newClient(t)
	var log strings.Builder
	c.server.Handler = api.New(api.Config{
		Service: newService(c.server.store, nil), Auth: auth.New(c.server.store), Now: c.server.store.Now,
		Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	c.must("PUT", "/folders", `{"folder":{"title":"a","colour":"secret"}}`)
	if text := log.String(); !strings.Contains(text, "level=DEBUG") || !strings.Contains(text, "/folder/colour") ||
		strings.Contains(text, "secret") {
		t.Errorf("logged: %s", text)
	}
}

// TestEveryBodyTellsWhatIsIgnored makes sure that no call with a body is without the header in its description.
func TestEveryBodyTellsWhatIsIgnored(t *testing.T) {
	description, err := published()
	if err != nil {
		t.Fatal(err)
	}
	var calls []string
	for _, o := range description.operations {
		body, _ := o.definition["requestBody"].(map[string]any)
		if dig(body["content"], "application/json") == nil { // none, or a file
			continue
		}
		calls = append(calls, o.method+" "+o.path)
		responses, _ := o.definition["responses"].(map[string]any)
		if dig(cmp.Or(responses["200"], responses["202"]), "headers", "Punctual-Ignored") == nil {
			t.Errorf("%s %s does not tell what it ignores", o.method, o.path)
		}
	}
	slices.Sort(calls)
	want := []string{"PATCH /accounts/{accountId}", "PATCH /channels/{channelId}", "PATCH /folders/{folderId}", "PATCH /jobs/{jobId}", "PATCH /maintenance/{windowId}", "PATCH /nodes/{epoch}", "PATCH /people/{personId}", "PATCH /secrets/{secretId}", "PATCH /statuspages/{statusPageId}",
		"PATCH /statuspages/{statusPageId}/incidents/{incidentId}", "PATCH /statuspages/{statusPageId}/incidents/{incidentId}/updates/{updateId}",
		"PATCH /statuspages/{statusPageId}/maintenances/{maintenanceId}",
		"PATCH /views/{viewId}", "POST /accounts", "POST /actions",
		"POST /apikeys", "POST /channels", "POST /channels/{channelId}/mute", "POST /history/rerun", "POST /invitations", "POST /jobs/bulk", "POST /jobs/{jobId}/clone", "POST /maintenance",
		"POST /problems/{problemId}/acknowledge", "POST /problems/{problemId}/note", "POST /problems/{problemId}/resolve",
		"POST /problems/{problemId}/snooze", "POST /secrets", "POST /sessions", "POST /statuspages", "POST /statuspages/{statusPageId}/components/{componentId}/state",
		"POST /statuspages/{statusPageId}/domains", "POST /statuspages/{statusPageId}/incidents", "POST /statuspages/{statusPageId}/incidents/{incidentId}/updates",
		"POST /statuspages/{statusPageId}/maintenances",
		"POST /testruns", "POST /views", "PUT /folders", "PUT /jobs", "PUT /tls"}
	if !slices.Equal(calls, want) {
		t.Errorf("calls with a body are %q; TestIgnored has rows for %q", calls, want)
	}
}

// TestRepeatedHeaders follows headers whose names repeat through everything that a job goes through.
func TestRepeatedHeaders(t *testing.T) {
	c := newClient(t)
	const first = `[{"key":"Cookie","value":"a=1"},{"key":"X","value":"y"},{"key":"cookie","value":"b=2"},` +
		`{"key":"Cookie","value":"a=1"}]`
	path := c.create(`{"url":"a.example","enabled":true,"extendedData":{"headers":` + first + `},` + everyMinute + `}`)
	tag := func() string { return c.do("GET", path, "").header.Get("ETag") }
	headers := func(path string) string {
		return part(t, json.RawMessage(c.must("GET", path, "")), "jobDetails.extendedData.headers")
	}
	before := tag()
	c.must("PATCH", path, `{"job":`+part(t, json.RawMessage(c.must("GET", path, "")), "jobDetails")+`}`)
	if got := headers(path); got != first || tag() != before {
		t.Errorf("sent again, they are %s", got)
	}
	copied := "/jobs/" + part(t, json.RawMessage(c.must("POST", path+"/clone", "")), "jobId")
	if got := headers(copied); got != first {
		t.Errorf("the copy has %s", got)
	}
	const second = `[{"key":"cookie","value":"b=2"},{"key":"Cookie","value":"a=1"}]`
	c.must("POST", "/jobs/bulk", `{"action":"patch","folderId":0,"job":{"extendedData":{"headers":`+second+`}}}`)
	if got := headers(path) + headers(copied); got != second+second || tag() == before {
		t.Errorf("changed together, they are %s", got)
	}
	after := tag()
	c.must("PATCH", path, `{"job":{"extendedData":{"headers":[{"key":"Cookie","value":"a=1"},{"key":"cookie","value":"b=2"}]}}}`)
	if tag() == after {
		t.Error("the version is the same for another order")
	}
}
