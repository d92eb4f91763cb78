package api_test

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"punctual/internal/cron"
)

// FuzzJob sends anything as a job. It is never our fault; what is accepted reads back as the contract says, and what
// reads back can be sent again and stays the same.
func FuzzJob(f *testing.F) {
	for _, seed := range []string{
		`{"job":` + everyField + `}`,
		`{"job":` + fullJob + `}`,
		everythingWrongInShort,
		`{"job":{"url":"a.example","extendedData":{"headers":[{"key":"A","value":1},{"name":"B","value":"\r\n2"}]}}}`,
		`{"job":{"url":"a.example/?u=http://b","schedule":{"hours":["-1",5],"wdays":[7.0],
			"expiresAt":"203012312359"}}}`,
		`{"job":{"url":null,"title":"\ud800\u0000"}}`, `{"job":[]}`, `[]`, `null`, ``, `{"job":{"enabled":"1",
			"url":"x"},"job":{}}`, "\ufeff{\"job\":{\"url\":\"a.example\",\"title\":\"\xe9\"}}",
		`{"job":{"url":"http:/a.example","extendedData":{"headers":[{"key":"A","value":"1"},{"key":"a","value":"2"}]}}}`,
		`{"job":{"url":"https://u:p@a.example/","x":1,"schedule":{"hours":[` + strings.Repeat("1,", 500) + `1]}}}`,
	} {
		f.Add([]byte(seed))
	}
	c := newClient(f)
	base := c.create(everyField)
	f.Fuzz(func(t *testing.T, body []byte) {
		checkJob(t, &client{t, c.server, c.account, c.key}, base, string(body))
	})
}

// checkJob sends a body as a new job and as a change of the job at base, and tells whether it was accepted.
func checkJob(t *testing.T, c *client, base, body string) (accepted bool) {
	t.Helper()
	c.must("PATCH", base, `{"job":`+everyField+`}`)
	put := c.do("PUT", "/jobs", body, "Content-Type: application/json")
	checkAnswer(t, put)
	if put.status == 200 {
		path := "/jobs/" + part(t, json.RawMessage(put.body), "jobId")
		checkReadBack(t, c, path)
		c.must("DELETE", path, "")
	}
	before := c.must("GET", base, "")
	patch := c.do("PATCH", base, body, "Content-Type: application/json")
	checkAnswer(t, patch)
	if patch.status == 200 {
		checkReadBack(t, c, base)
	} else if after := c.must("GET", base, ""); withoutNext(t, after) != withoutNext(t, before) {
		t.Errorf("a refused PATCH changed the job to %s", after)
	}
	if put.status == 200 && patch.status != 200 {
		t.Errorf("PUT was accepted, PATCH was not: %s", patch.body)
	}
	return put.status == 200
}

const everythingWrongInShort = `{"job":{"url":"ftp://x","requestTimeout":1e300,"requestMethod":"BREW","folderId":9e99,
	"extendedData":{"headers":{"a b":"x","X/~":true}},"schedule":{"timezone":"Mars","expiresAt":1,"hours":[24],"dst":"never"},
	"misfire":1,"graceSeconds":-2,"retry":{"factor":"NaN"},"followRedirects":-1,"oversize":1,"connection":"x",
	"success":{"status":["x"],"matches":"a{1001}"}}}`

// checkAnswer checks what is true of every answer.
func checkAnswer(t *testing.T, got response) {
	t.Helper()
	switch got.status {
	case 200:
	case 400:
		for _, pointer := range pointers(t, got) {
			if !strings.HasPrefix(pointer, "/job") {
				t.Errorf("a problem is at %q", pointer)
			}
		}
	default:
		t.Errorf("status %d: %s", got.status, got.body)
	}
	if !utf8.ValidString(got.body) {
		t.Errorf("the answer is not UTF-8: %q", got.body)
	}
}

// checkReadBack checks what is true of every job that was accepted.
func checkReadBack(t *testing.T, c *client, path string) {
	t.Helper()
	first := c.job(path)
	if !strings.HasPrefix(strings.ToLower(first.URL), "http") || strings.TrimSpace(first.Title) != first.Title ||
		first.Type != 0 ||
		first.RequestMethod < 0 || first.RequestMethod > 8 || first.FolderID != 0 || first.LastStatus != 0 ||
		first.Notification.OnFailureCount < 1 || first.Notification.OnSSLCertExpirySeconds < 0 {
		t.Errorf("reads back as %+v", first)
	}
	s := first.Schedule
	for name, set := range map[string]struct {
		got       []int
		low, high int
	}{
		"hours": {s.Hours, 0, 23}, "mdays": {s.Mdays, 1, 31}, "minutes": {s.Minutes, 0, 59}, "months": {s.Months, 1, 12},
		"wdays": {s.Wdays, 0, 6}, "seconds": {s.Seconds, 0, 59},
	} {
		if slices.Equal(set.got, []int{-1}) {
			continue
		}
		if set.got == nil || !slices.IsSorted(set.got) || len(slices.Compact(slices.Clone(set.got))) != len(set.got) ||
			len(set.got) > 0 && (set.got[0] < set.low || set.got[len(set.got)-1] > set.high) {
			t.Errorf("%s read back as %v", name, set.got)
		}
	}
	if p := first; !slices.Contains([]string{"skip", "run"}, p.Misfire) || p.GraceSeconds < -1 ||
		!slices.Contains([]string{"allow", "skip"}, p.Overlap) ||
		!slices.Contains([]string{"at-most-once", "at-least-once"}, p.Delivery) ||
		p.Retry.Count < 0 || p.Retry.DelaySeconds < 0 || p.Retry.Factor < 1 || p.Retry.CeilingSeconds < 0 {
		t.Errorf("the policy read back as %+v", p)
	}
	if x := first; x.FollowRedirects < 0 || x.FollowRedirects > cron.MaxRedirects ||
		!slices.Contains([]string{"fail", "truncate"}, x.Oversize) || !slices.Contains([]string{"fresh", "reuse"}, x.Connection) || x.Success != nil && x.Success.Status == nil {
		t.Errorf("the exchange read back as %+v", x)
	}
	for name, value := range first.ExtendedData.Headers {
		if name == "" || value == "" || strings.ContainsAny(name+value, "\r\n") || strings.TrimSpace(value) != value {
			t.Errorf("header %q: %q", name, value)
		}
	}
	text := c.must("GET", path, "")
	c.must("PATCH", path, `{"job":`+part(t, json.RawMessage(text), "jobDetails")+`}`)
	if again := c.must("GET", path, ""); withoutNext(t, again) != withoutNext(t, text) {
		t.Errorf("sent again, %s becomes %s", text, again)
	}
}

// withoutNext is a job without its next execution and the time of its last change, which depend on the time.
func withoutNext(t *testing.T, text string) string {
	t.Helper()
	rest := text
	for _, name := range []string{"nextExecution", "updated"} {
		value := part(t, json.RawMessage(text), "jobDetails."+name)
		rest = strings.Replace(rest, `"`+name+`":`+value, "", 1)
	}
	return rest
}

// FuzzSearchOfJobs searches jobs with any query string: it is answered, or refused with what is wrong with it.
func FuzzSearchOfJobs(f *testing.F) {
	for _, seed := range []string{"", "text=a%20b&not.text=c", "tag=a,b&not.tag=%FF", "state=late&sort=-next&limit=2", "after=AQAAAAAAAAAAAAEAYQ",
		"folderId=1,x&outcome=failed,11&method=get,9", "host=[::1]:80&changedBy=%00&nextBefore=1e9&changedSince=2026-01-01T00:00:00+01:00"} {
		f.Add(seed)
	}
	c := newClient(f)
	c.create(everyField)
	f.Fuzz(func(t *testing.T, query string) {
		c := &client{t, c.server, c.account, c.key}
		target := "/jobs/search?" + query
		if _, err := url.ParseRequestURI(target); err != nil || strings.ContainsFunc(query, unicode.IsControl) || strings.ContainsAny(query, " #") {
			return // which no client can send
		}
		if got := c.do("GET", target, ""); got.status != 200 && got.status != 400 {
			t.Errorf("%q: status %d: %s", query, got.status, got.body)
		}
	})
}
