package cron

import (
	"strings"
	"testing"
	"time"
)

// diagnosed is the diagnosis of a result of a job that calls the URL of the result, unless change says something else.
func diagnosed(r Result, change func(*Job)) Diagnosis {
	j := NewJob()
	if j.Request.URL = r.URL; r.URL == "" {
		r.URL, j.Request.URL = "http://example.org/a", "http://example.org/a"
	}
	if change != nil {
		change(&j)
	}
	return Diagnose(&r, &j, &Plan{DefaultTimeout: 30 * time.Second, MaxTimeout: time.Hour})
}

// TestMends has a row for each condition under which a mend is offered, or must not be.
func TestMends(t *testing.T) {
	moved := func(to string) Result { return Result{Status: StatusHTTPError, HTTPStatus: 301, Detail: to} }
	silent := Result{Status: StatusTimeout, Fault: FaultTimeout, Detail: "30s", Duration: 30 * time.Second}
	unsupported := Result{Status: StatusHTTPError, HTTPStatus: 415}
	otherName := func(url, names string) Result {
		return Result{Status: StatusOther, Fault: FaultCertificateHost, Detail: names, URL: url}
	}
	noTLS := func(url string) Result {
		return Result{Status: StatusOther, Fault: FaultTLS, Detail: "tls: first record does not look like a TLS handshake", URL: url}
	}
	sends := func(m Method, body string) func(*Job) {
		return func(j *Job) { j.Request.Method, j.Request.Body = m, body }
	}
	calls := func(url string) func(*Job) { return func(j *Job) { j.Request.URL = url } }
	follow := Mend{Kind: MendFollowRedirects, Number: usualRedirects}
	asJSON := Mend{Kind: MendContentType, Text: "application/json"}
	to := func(url string) Mend { return Mend{Kind: MendURL, Text: url} }
	for _, row := range []struct {
		name   string
		result Result
		change func(*Job)
		want   Mend
	}{
		{"moved", moved("http://example.org/b"), nil, to("http://example.org/b")},
		{"moved, URL with a fragment", moved("http://example.org/b"), calls("http://example.org/a#x"), to("http://example.org/b")},
		{"moved, URL with a placeholder", moved("http://example.org/b"), calls("http://example.org/a?%cjo:uuid4%"), follow},
		{"moved, URL with credentials", moved("http://example.org/b"), calls("http://me:secret@example.org/a"), follow},
		{"moved, other URL by now", moved("http://example.org/b"), calls("http://example.org/c"), follow},
		{"moved to a URL with credentials", moved("http://me:xxxxx@example.org/b"), nil, follow},
		{"moved to a URL with a credential in its query", moved("http://example.org/b?key=xxxxx"), nil, follow},
		{"moved, CONNECT", moved("http://example.org/b"), func(j *Job) {
			j.Request.Method, j.Request.URL = MethodConnect, "http://example.org/c"
		}, Mend{}},
		{"moved, of an old record", moved(""), nil, Mend{}},
		{"moved to what is no web page", moved("javascript:alert(1)"), nil, Mend{}},

		{"timeout", silent, nil, Mend{Kind: MendTimeout, Number: 60}},
		{"timeout, longer by now", silent, func(j *Job) { j.Timeout = 31 }, Mend{}},
		{"timeout, near the limit", Result{Status: StatusTimeout, Fault: FaultTimeout, Detail: "2000s"},
			func(j *Job) { j.Timeout = 2000 }, Mend{Kind: MendTimeout, Number: 3600}},
		{"timeout, the longest", Result{Status: StatusTimeout, Fault: FaultTimeout, Detail: "3600s"},
			func(j *Job) { j.Timeout = 9999 }, Mend{}},

		{"JSON", unsupported, sends(MethodPost, ` [1] `), asJSON},
		{"JSON with a placeholder", unsupported, sends(MethodPatch, `{"at":%cjo:unixtime%,"id":"%cjo:uuid4%"}`), asJSON},
		{"JSON, which is not sent", unsupported, sends(MethodGet, `{}`), Mend{}},
		{"not quite JSON", unsupported, sends(MethodPost, `{a:1}`), Mend{}},
		{"form", unsupported, sends(MethodPost, `a=b`), Mend{}},

		{"with www", otherName("https://example.org/a", "a.example, www.example.org"), nil, to("https://www.example.org/a")},
		{"without www", otherName("https://www.example.org:444/a", "example.org"), nil, to("https://example.org:444/a")},
		{"stranger", otherName("https://example.org/a", "example.com"), nil, Mend{}},

		{"no TLS", noTLS("https://example.org:8080/a?b"), nil, to("http://example.org:8080/a?b")},
		{"no TLS on 443", noTLS("https://[2001:db8::1]/"), nil, to("http://[2001:db8::1]:443/")},
		{"no TLS on 80", noTLS("https://example.org:80/"), nil, to("http://example.org/")},
	} {
		if d := diagnosed(row.result, row.change); d.Mend != row.want {
			t.Errorf("%s: %+v, want %+v", row.name, d.Mend, row.want)
		}
	}
}

func TestHostOfDiagnosis(t *testing.T) {
	for url, want := range map[string][3]string{ // host, name, from
		"http://example.org":                  {"example.org", "example.org"},
		"https://me:xxxxx@example.org:443/":   {"example.org", "example.org"},
		"http://example.org:443/":             {"example.org:443", "example.org"},
		"http://[2001:db8::1]:8080/":          {"[2001:db8::1]:8080", "2001:db8::1"},
		"https://[2001:db8::1]:443/":          {"[2001:db8::1]", "2001:db8::1"},
		"http://a.example/ http://b.example/": {"b.example", "b.example", "a.example"},
		"http://a.example/ http://a.example/": {"a.example", "a.example"},
	} {
		r := Result{Status: StatusOther, Fault: FaultClosed}
		var redirect string
		var redirected bool
		if r.URL, redirect, redirected = strings.Cut(url, " "); redirected {
			r.Redirects = []Redirect{{302, redirect}}
		}
		if d := diagnosed(r, nil); [3]string{d.Host, d.Name, d.From} != want {
			t.Errorf("%s: %q %q %q", url, d.Host, d.Name, d.From)
		}
	}
}

// TestOldExpiredRecord has records of the time when one fault stood for all certificates that are not valid at present.
func TestOldExpiredRecord(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for expiry, want := range map[time.Time]Cause{
		now.Add(-time.Hour): CauseCertificateExpired, now.Add(time.Hour): CauseCertificateChain, {}: CauseCertificateExpired,
	} {
		r := Result{Status: StatusOther, Fault: FaultCertificateExpired, Started: now, CertExpiry: expiry}
		if d := diagnosed(r, nil); d.Cause != want {
			t.Errorf("expiry %v: cause %d, want %d", expiry, d.Cause, want)
		}
	}
}

func TestNoDiagnosis(t *testing.T) {
	for _, r := range []Result{{Status: StatusOK, HTTPStatus: 200}, {}} { // a success, and an execution that runs
		if d := diagnosed(r, nil); d.Cause != CauseNone || d.Mend.Kind != MendNone {
			t.Errorf("%+v", d)
		}
	}
	if d := diagnosed(Result{Status: StatusOther, Fault: -1}, nil); d.Cause != CauseUnknown {
		t.Errorf("a fault of a later version: %+v", d)
	}
}

// FuzzDiagnose gives any text where a target or an older version can have put one.
func FuzzDiagnose(f *testing.F) {
	f.Add(int(FaultMalformed), 0, `it begins with "`, "http://a.example/", "Location: \"\r\nContent-Length: -1\r\n\r\n", "x")
	f.Add(int(FaultNone), 301, "http://a.example:x/", "https://[::1/", "location: javascript:alert(1)\n", "{")
	f.Fuzz(func(t *testing.T, fault, code int, detail, url, headers, body string) {
		status := StatusOther
		if Fault(fault) == FaultNone {
			status = StatusHTTPError
		}
		r := Result{Status: status, HTTPStatus: code, Fault: Fault(fault), Detail: detail, URL: url, Headers: []byte(headers),
			Body: []byte(body)}
		d := diagnosed(r, func(j *Job) { j.Request.Body, j.Request.Method = body, MethodPost })
		if d.Cause == CauseNone {
			t.Fatal("no cause")
		}
		if d.Mend.Kind != MendURL {
			return
		}
		if _, problem := ParseURL(d.Mend.Text); problem.Rule != RuleNone || len(d.Mend.Text) > MaxURLLength {
			t.Fatalf("the URL %q cannot be requested", d.Mend.Text)
		}
	})
}
