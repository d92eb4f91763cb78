package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares a response with testdata/name.json, which is indented but otherwise as it goes over the wire.
func golden(t *testing.T, name string, status int, got response) {
	t.Helper()
	if got.status != status {
		t.Errorf("%s: status %d, want %d: %s", name, got.status, status, got.body)
	}
	mediaType := "application/json"
	if status != 200 {
		mediaType = "application/problem+json"
	}
	if is := got.header.Get("Content-Type"); is != mediaType {
		t.Errorf("%s: Content-Type %q, want %q", name, is, mediaType)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(got.body), "", "  "); err != nil {
		t.Fatalf("%s: %v in %s", name, err, got.body)
	}
	path := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, b.Bytes(), want)
	}
}

// fullJob sets every field to something that is not its default.
const fullJob = `{
	"enabled": true, "title": " Nightly <backup> & more ", "saveResponses": true,
	"url": "https://example.com/run?a=%20&b=%cjo:unixtime%#x", "requestTimeout": 20, "redirectSuccess": true, "requestMethod": 4,
	"auth": {"enable": true, "user": "me", "password": "s3cret\u2028\"\\"},
	"notification": {"onFailure": true, "onFailureCount": 3, "onSuccess": true, "onDisable": true,
		"onSslCertExpiry": true, "onSslCertExpirySeconds": 86400},
	"extendedData": {"headers": {"X-Second": "2", "Accept": "text/plain", "X-Id": "%cjo:uuid4%"}, "body": "{\"a\":\"<ü>\"}"},
	"schedule": {"timezone": "Europe/Berlin", "expiresAt": 20301231235959, "hours": [23, 5], "mdays": [-1], "minutes": [30, 0, 30],
		"months": [12, 1], "wdays": [7, 1], "seconds": [15], "lastDay": true, "days": "both", "dst": "wallclock", "spreadSeconds": 600},
	"pausedUntil": 946800000, "pauseNote": "until the <move> is done", "silencedUntil": 946850000,
	"misfire": "run", "graceSeconds": 0, "lateAfterSeconds": 90, "overlap": "skip", "delivery": "at-least-once",
	"retry": {"count": 2, "delaySeconds": 10, "factor": 2.5, "ceilingSeconds": 600},
	"description": " # Runbook\n\nCall <ops> & wait. ", "tags": ["prod", " Ümlaut ", "PROD", ""], "channelIds": [1, "1"],
	"followRedirects": 3, "verifyTls": false, "oversize": "truncate", "connection": "reuse",
	"traceparent": true, "signingSecret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	"success": {"status": ["200-299", 404], "contains": "<ok>", "notContains": "error", "matches": "^\\{.*\\}$"}}`

// TestGoldenCalls walks through every call. The clock starts at 2000-01-01T00:00:00Z, a Saturday.
func TestGoldenCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		golden(t, "jobs_empty", 200, c.do("GET", "/jobs", ""))
		golden(t, "job_created", 200, c.do("PUT", "/jobs", `{"job":{"url":"example.com"}}`))
		golden(t, "job_default", 200, c.do("GET", "/jobs/1", ""))
		full := c.create(fullJob)
		golden(t, "job_full", 200, c.do("GET", full, ""))
		minutely := c.create(`{"url":"http://example.org/m","enabled":true,"saveResponses":true,"title":"every minute",
			"schedule":{"hours":[-1],"mdays":[-1],"minutes":[-1],"months":[-1],"wdays":[-1]}}`)
		golden(t, "history_empty", 200, c.do("GET", full+"/history", ""))

		time.Sleep(time.Minute)
		c.server.execute(t, 3*time.Millisecond, cron.Result{
			Status: cron.StatusOK, HTTPStatus: 200, Reason: "All Right", Duration: 81234 * time.Microsecond,
			Stats: cron.Stats{
				NameLookup: 1001 * time.Microsecond, Connect: 2002 * time.Microsecond, AppConnect: 30003 * time.Microsecond,
				PreTransfer: 30004 * time.Microsecond, StartTransfer: 80000 * time.Microsecond, Total: 81234 * time.Microsecond,
			},
			CertExpiry: time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC),
			Headers:    []byte("Content-Type: text/html\r\nSet-Cookie: a=b\r\nX: \u00fc\x01\r\n\r\n"), Body: []byte("<p>&amp; \u2028\x00</p>"),
		})
		time.Sleep(time.Minute)
		c.server.execute(t, 1500*time.Millisecond, cron.Result{
			Status: cron.StatusHTTPError, HTTPStatus: 503, Duration: 5 * time.Millisecond,
			Stats:   cron.Stats{Total: 5 * time.Millisecond},
			Headers: []byte("\r\n"), Body: []byte{},
		})
		time.Sleep(time.Minute)
		c.server.execute(t, 0, cron.Result{
			Status: cron.StatusDNSError, Fault: cron.FaultHostNotFound, Detail: "example.org",
			Duration: 7 * time.Millisecond, Stats: cron.Stats{Total: 7 * time.Millisecond},
		})
		time.Sleep(time.Minute)
		c.server.lose(t)
		golden(t, "history", 200, c.do("GET", minutely+"/history", ""))
		golden(t, "execution", 200, c.do("GET", minutely+"/history/3-1-0-1", ""))
		golden(t, "execution_empty_body", 200, c.do("GET", minutely+"/history/3-1-0-2", ""))
		golden(t, "execution_no_response", 200, c.do("GET", minutely+"/history/3-1-0-3", ""))
		golden(t, "execution_lost", 200, c.do("GET", minutely+"/history/3-1-0-4", ""))
		golden(t, "jobs", 200, c.do("GET", "/jobs", ""))

		golden(t, "job_changed", 200, c.do("PATCH", full, `{"job":{"enabled":false}}`))
		golden(t, "history_disabled", 200, c.do("GET", full+"/history", ""))
		golden(t, "job_disabled", 200, c.do("GET", full, ""))
		golden(t, "job_deleted", 200, c.do("DELETE", full, ""))

		golden(t, "folders_empty", 200, c.do("GET", "/folders", ""))
		golden(t, "folder_created", 200, c.do("PUT", "/folders", `{"folder":{"title":" Nightly <backup> & more "}}`))
		c.must("PUT", "/folders", `{"folder":{"title":"äußerst wichtig"}}`)
		c.must("PUT", "/folders", `{"folder":{"title":"Daily"}}`)
		golden(t, "folders", 200, c.do("GET", "/folders", ""))
		golden(t, "folder", 200, c.do("GET", "/folders/1", ""))
		golden(t, "folder_changed", 200, c.do("PATCH", "/folders/1", `{"folder":{"title":"nightly"}}`))
		golden(t, "folder_deleted", 200, c.do("DELETE", "/folders/3", ""))
		golden(t, "folders_changed", 200, c.do("GET", "/folders", ""))
		_, err := c.server.store.StartNode(t.Context(), cron.Node{Name: "web-1", Role: cron.NodeWorker, Version: "v1.2.3", Addresses: []netip.Addr{
			netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("192.0.2.1"),
		}})
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "executor_nodes", 200, c.do("GET", "/executor-nodes.json", "", "Authorization:"))
	})
}

// TestGoldenErrors provokes every error that a caller can.
func TestGoldenErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		c := s.newClient(t, "a@example.com", "tiny")
		existing := c.create(`{"url":"example.com"}`)
		other := s.newClient(t, "b@example.com", cron.PlanDefault)
		monitor := cron.NewJob()
		monitor.AccountID, monitor.Type, monitor.Request.URL = c.account.ID, cron.TypeMonitoring, "http://example.com"

		golden(t, "error_path", 404, c.do("GET", "/job", ""))
		golden(t, "error_method", 404, c.do("POST", "/jobs", ""))
		golden(t, "error_key", 401, c.do("GET", "/jobs", "", "Authorization:"))
		golden(t, "error_media_type", 400, c.do("PUT", "/jobs", "{}", "Content-Type: text/plain"))
		golden(t, "error_json", 400, c.do("PUT", "/jobs", `{"job":`))
		golden(t, "error_body_type", 400, c.do("PUT", "/jobs", `[]`))
		golden(t, "error_body_length", 400, c.do("PUT", "/jobs", `{"job":{"title":"`+strings.Repeat("x", 8<<20)+`"}}`))
		golden(t, "error_no_job", 400, c.do("PUT", "/jobs", `{}`))
		golden(t, "error_job_type", 400, c.do("PUT", "/jobs", `{"job":[]}`))
		golden(t, "error_no_url", 400, c.do("PUT", "/jobs", `{"job":{}}`))
		golden(t, "error_url_scheme", 400, c.do("PUT", "/jobs", `{"job":{"url":"ftp://example.com"}}`))
		golden(t, "error_url_host", 400, c.do("PUT", "/jobs", `{"job":{"url":"http:///path"}}`))
		golden(t, "error_url_syntax", 400, c.do("PUT", "/jobs", `{"job":{"url":"http://example.com:port/"}}`))
		golden(t, "error_url_blocked", 400, c.do("PUT", "/jobs", `{"job":{"url":"169.254.169.254/latest"}}`))
		golden(t, "error_folder", 400, c.do("PUT", "/jobs", `{"job":{"url":"example.com","folderId":7}}`))
		golden(t, "error_everything", 400, c.do("PUT", "/jobs", everythingWrong()))
		golden(t, "error_types", 400, c.do("PATCH", existing, `{"job":{"enabled":"yes","title":5,"saveResponses":2,
			"url":{},
			"requestTimeout":1.5,"requestMethod":[],"auth":[],"notification":"x","extendedData":{"headers":"x","body":null},
			"schedule":{"timezone":1,"expiresAt":"soon","hours":5,"dst":1}}}`))
		golden(t, "error_no_such_job", 404, c.do("GET", "/jobs/4711", ""))
		golden(t, "error_job_of_another", 404, other.do("GET", existing, ""))
		golden(t, "error_identifier", 400, c.do("GET", existing+"/history/1-2-3", ""))
		golden(t, "error_no_such_execution", 404, c.do("GET", existing+"/history/1-1-0-99", ""))
		if err := s.store.CreateJob(t.Context(), &monitor); err != nil {
			t.Fatal(err)
		}
		golden(t, "error_monitor_job", 400, c.do("DELETE", "/jobs/2", ""))
		full := c.do("PUT", "/jobs", "not even JSON")
		golden(t, "error_too_many_jobs", 429, full)
		if full.header.Get("Retry-After") != "60" {
			t.Errorf("Retry-After is %q", full.header.Get("Retry-After"))
		}
		golden(t, "error_too_often", 400, c.do("PATCH", existing, `{"job":{"schedule":{"hours":[-1],"mdays":[-1],
			"minutes":[-1],"months":[-1],"wdays":[-1],"seconds":[0,20]}}}`))

		c.must("PUT", "/folders", `{"folder":{"title":"Backups"}}`)
		golden(t, "error_no_folder", 400, c.do("PUT", "/folders", `{}`))
		golden(t, "error_no_folder_title", 400, c.do("PUT", "/folders", `{"folder":{}}`))
		golden(t, "error_folder_title_length", 400, c.do("PUT", "/folders",
			`{"folder":{"title":"`+strings.Repeat("ü", 129)+`"}}`))
		golden(t, "error_folder_exists", 409, c.do("PUT", "/folders", `{"folder":{"title":"BACKUPS"}}`))
		golden(t, "error_no_such_folder", 404, c.do("GET", "/folders/4711", ""))

		badge := c.do("GET", existing+"/0123456789abcdef/status-1.svg", "", "Authorization:")
		golden(t, "error_badge", 404, badge)
		reader := c.withKey(cron.APIKey{Scopes: cron.ScopeRead})
		golden(t, "error_key_scope", 403, reader.do("DELETE", existing, ""))
		elsewhere := c.withKey(cron.APIKey{AllowFrom: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}})
		golden(t, "error_key_address", 403, elsewhere.do("GET", "/jobs", ""))

		// The clock stands still between two calls, as nothing sleeps.
		for range 5 {
			other.must("GET", "/jobs", "")
		}
		rate := other.do("GET", "/jobs", "")
		golden(t, "error_rate", 429, rate)
		if after := rate.header.Get("Retry-After"); after != "1" {
			t.Errorf("Retry-After is %q after too many calls in a second", after)
		}
		for i := range 95 {
			if i%5 == 0 {
				time.Sleep(time.Second)
			}
			other.do("GET", "/jobs/4711", "")
		}
		quota := other.do("GET", "/folders", "")
		golden(t, "error_quota", 429, quota)
		if after, want := quota.header.Get("Retry-After"), strconv.Itoa(24*60*60-19); after != want {
			t.Errorf("Retry-After is %q after too many calls in a day, want %s", after, want)
		}
		if s.log.Len() > 0 {
			t.Errorf("what callers do wrong was logged: %s", s.log)
		}

		// A database that fails.
		broken := newServer(t)
		c = broken.newClient(t, "a@example.com", cron.PlanUnlimited)
		broken.close()
		golden(t, "error_internal", 500, c.do("GET", "/jobs", ""))
		log := broken.log.String()
		if lines := strings.Count(log, "\n"); lines != 1 || !strings.Contains(log, "database is closed") {
			t.Errorf("our fault was not logged once, but: %s", log)
		}
	})
}

func everythingWrong() string {
	return `{"job":{"title":"` + strings.Repeat("ü", 513) + `\u0000","url":"","requestTimeout":1e300,
		"requestMethod":"BREW","folderId":9e99,
		"extendedData":{"headers":{"a b":"x","X-Control":"a\u0001b","X/~":true},"body":"` + strings.Repeat("x", 1<<20+1) + `"},
		"notification":{"onFailureCount":1e10,"onSslCertExpirySeconds":1e10},
		"schedule":{"timezone":"Mars/Olympus","expiresAt":20301331000000,"hours":[0,24,-2],"mdays":[0],"minutes":[60,"x"],
			"months":[13],"wdays":[8,null],"seconds":[60],"lastDay":"maybe","days":"neither","dst":"never"},
		"misfire":"later","graceSeconds":604801,"lateAfterSeconds":86401,"overlap":"queue","delivery":"exactly-once",
		"retry":{"count":11,"delaySeconds":-1,"factor":0.5,"ceilingSeconds":86401},
		"traceparent":"maybe","signingSecret":"whsec_short","followRedirects":11,"verifyTls":"maybe","oversize":"cut","connection":"keep","success":{"status":["2xx",99,"300-200",[]],
			"contains":1,"notContains":"` + strings.Repeat("x", 1025) + `","matches":"("}}}`
}

// The fields of the contract's objects, in its order.
var (
	scheduleFields = []string{"timezone", "expiresAt", "hours", "mdays", "minutes", "months", "wdays"}
	jobFields      = []string{"jobId", "enabled", "title", "saveResponses", "url", "lastStatus", "lastDuration", "lastExecution",
		"sslCertExpiry", "nextExecution", "type", "requestTimeout", "redirectSuccess", "folderId", "schedule", "requestMethod"}
	detailedJobFields = slices.Concat(jobFields[:10], []string{"auth", "notification", "extendedData"}, jobFields[10:],
		[]string{"runAt", "pausedUntil", "pauseNote", "silencedUntil", "misfire", "graceSeconds", "lateAfterSeconds", "overlap", "delivery", "retry",
			"followRedirects", "success", "verifyTls", "oversize", "connection", "traceparent", "signingSecret", "description", "tags", "channelIds", "created", "createdBy", "updated", "updatedBy"})
	folderFields  = []string{"folderId", "title"}
	historyFields = []string{"jobLogId", "jobId", "identifier", "date", "datePlanned", "jitter", "url", "duration", "status",
		"statusText", "httpStatus", "headers", "body", "stats", "sslCertExpiry"}
	fieldOrders = map[string][]string{
		"jobs":                jobFields,
		"jobs/schedule":       scheduleFields,
		"jobDetails":          detailedJobFields,
		"jobDetails/auth":     {"enable", "user", "password"},
		"jobDetails/schedule": slices.Concat(scheduleFields, []string{"seconds", "days", "lastDay", "dst", "spreadSeconds"}),
		"jobDetails/notification": {"onFailure", "onFailureCount", "onSuccess", "onDisable", "onSslCertExpiry",
			"onSslCertExpirySeconds"},
		"jobDetails/extendedData": {"headers", "body"},
		"jobDetails/retry":        {"count", "delaySeconds", "factor", "ceilingSeconds"},
		"history":                 historyFields,
		"history/stats":           {"nameLookup", "connect", "appConnect", "preTransfer", "startTransfer", "total"},
		"jobDetails/success":      {"status", "contains", "notContains", "matches"},
		"jobHistoryDetails":       slices.Concat(historyFields, []string{"sentence", "mend", "cause", "ipAddress", "version"}),
		"folders":                 folderFields,
		"folderDetails":           folderFields,
		"jobHistoryDetails/stats": {"nameLookup", "connect", "appConnect", "preTransfer", "startTransfer", "total"},
	}
)

// TestGoldenFields reads the golden files as a foreign client would, and checks the order of fields.
func TestGoldenFields(t *testing.T) {
	seen := map[string]bool{}
	paths, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(filepath.Base(path), "error_") {
			var p problem
			decode(t, string(text), &p)
			if p.Title == "" || p.Detail == "" || p.Status < 400 {
				t.Errorf("%s lacks what a problem has", path)
			}
			continue
		}
		var answer struct {
			JobID             int64           `json:"jobId"`
			Jobs              []job           `json:"jobs"`
			SomeFailed        bool            `json:"someFailed"`
			JobDetails        *detailedJob    `json:"jobDetails"`
			History           []historyItem   `json:"history"`
			Predictions       []int64         `json:"predictions"`
			JobHistoryDetails *historyDetails `json:"jobHistoryDetails"`
			Folders           []folder        `json:"folders"`
			FolderID          int64           `json:"folderId"`
			FolderDetails     *folder         `json:"folderDetails"`
			IPAddresses       []string        `json:"ipAddresses"`
			Account           *accountDetails `json:"account"`
			APIKeys           []apiKey        `json:"apiKeys"`
			Person            *struct{}       `json:"person"`
			Role              string          `json:"role"`
		}
		decode(t, string(text), &answer)
		for object, fields := range fieldsOf(t, text) {
			want, ok := fieldOrders[object]
			if !ok {
				continue
			}
			seen[object] = true
			for _, got := range fields {
				if !slices.Equal(got, want) {
					t.Errorf("%s: the fields of %s are %v, want %v", path, object, got, want)
				}
			}
		}
	}
	for object := range fieldOrders {
		if !seen[object] {
			t.Errorf("no golden file holds %s", object)
		}
	}
}

// fieldsOf lists the names in each object of a JSON text in their order, by the path of the object without indices.
func fieldsOf(t *testing.T, text []byte) map[string][][]string {
	t.Helper()
	found := map[string][][]string{}
	decoder := json.NewDecoder(bytes.NewReader(text))
	var walk func(path string)
	walk = func(path string) {
		token, err := decoder.Token()
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		switch token {
		case json.Delim('{'):
			for decoder.More() {
				name, err := decoder.Token()
				if err != nil {
					t.Fatal(err)
				}
				names = append(names, name.(string))
				walk(strings.TrimPrefix(path+"/"+name.(string), "/"))
			}
			found[path] = append(found[path], names)
		case json.Delim('['):
			for decoder.More() {
				walk(path)
			}
		default:
			return
		}
		if _, err := decoder.Token(); err != nil {
			t.Fatal(err)
		}
	}
	walk("")
	return found
}
