package cron_test

import (
	"testing"

	"punctual/internal/cron"
)

// fingerprints are what the results of failures have had since there are fingerprints. They are stored and published: a row never
// changes.
var fingerprints = []struct {
	result cron.Result
	want   string
}{
	{cron.Result{Status: cron.StatusOK, HTTPStatus: 200, URL: "https://a.example/"}, ""},
	{cron.Result{Status: cron.StatusHTTPError, HTTPStatus: 500, URL: "https://a.example/"}, "49e3a0a062d33c5c"},
	{cron.Result{Status: cron.StatusHTTPError, HTTPStatus: 503, URL: "https://a.example/"}, "3c71efec8b5f8a7c"},
	{cron.Result{Status: cron.StatusHTTPError, HTTPStatus: 500, URL: "https://b.example/"}, "a33190c6a27453cb"},
	{cron.Result{Status: cron.StatusHTTPError, HTTPStatus: 500, URL: "https://a.example:8443/"}, "f8c01354637d947e"},
	{cron.Result{Status: cron.StatusHTTPError, HTTPStatus: 500, Fault: cron.FaultStatus, URL: "https://a.example/"}, "df63530e30bf2e2c"},
	{cron.Result{Status: cron.StatusDNSError, Fault: cron.FaultHostNotFound, URL: "http://a.example/"}, "5ddb439942bd6119"},
	{cron.Result{Status: cron.StatusConnectFailed, Fault: cron.FaultRefused, URL: "http://a.example/"}, "241883c3c4bb6f1d"},
	{cron.Result{Status: cron.StatusConnectFailed, Fault: cron.FaultRefused, URL: "http://[::1]:80/"}, "41b5373d41c751f0"},
	{cron.Result{Status: cron.StatusTimeout, Fault: cron.FaultTimeout, Detail: "30s", URL: "http://a.example/"}, "781c09198c5c4ba0"},
	{cron.Result{Status: cron.StatusOther, Fault: cron.FaultTLS, Detail: "remote error: tls: handshake failure",
		URL: "https://a.example/"}, "85e90a4ec0f50a84"},
	{cron.Result{Status: cron.StatusOther, Fault: cron.FaultTLS, Detail: "remote error: tls: internal error",
		URL: "https://a.example/"}, "7f51ca0250cc2b55"},
	{cron.Result{Status: cron.StatusOther, Fault: cron.FaultMalformed, Detail: `it begins with "SSH-2.0"`,
		URL: "http://a.example/"}, "626674c1a7012028"},
	{cron.Result{Status: cron.StatusOther, HTTPStatus: 200, Fault: cron.FaultBodyLacks, Detail: "done", URL: "http://a.example/"}, "8d559acab52daca6"},
	{cron.Result{Status: cron.StatusInternalError, Fault: cron.FaultShortage, Detail: cron.ShortOfFiles, URL: "http://a.example/"}, "9ca27bbf961265a9"},
	{cron.Result{Status: cron.StatusOther, Fault: cron.FaultUnknownSecret, Detail: "TOKEN", URL: "http://a.example/"}, "3dd2ecad1bab4517"},
	{cron.Result{Status: cron.StatusOther, Fault: cron.FaultUnknownSecret, Detail: "OTHER", URL: "http://a.example/"}, "5305ab2b7d373076"},
	{cron.Lost(), "c47ab3cd6f6619b7"},
}

func TestFingerprintsDoNotChange(t *testing.T) {
	seen := make(map[cron.Fingerprint]int)
	for i, row := range fingerprints {
		got := row.result.Fingerprint()
		if got.String() != row.want {
			t.Errorf("row %d, %+v: %q, want %q", i, row.result, got, row.want)
		}
		if other, ok := seen[got]; ok {
			t.Errorf("rows %d and %d have the same fingerprint", other, i)
		}
		seen[got] = i
	}
}

// TestSameFailure pairs results of which only facts differ that change from one attempt to the next.
func TestSameFailure(t *testing.T) {
	long := make([]byte, 300)
	for i, pair := range [][2]cron.Result{
		{{Status: cron.StatusHTTPError, HTTPStatus: 500, URL: "https://a.example/x?y", Reason: "Oh", Peer: "192.0.2.1"},
			{Status: cron.StatusHTTPError, HTTPStatus: 500, URL: "HTTPS://u:xxxxx@A.example:443", Body: long, Duration: 5}},
		{{Fault: cron.FaultRefused, Status: cron.StatusConnectFailed, URL: "http://a.example/", Detail: "192.0.2.1:80"},
			{Fault: cron.FaultRefused, Status: cron.StatusConnectFailed, URL: "http://a.example:80/", Detail: "192.0.2.2:80"}},
		{{Fault: cron.FaultTimeout, Status: cron.StatusTimeout, URL: "http://a.example/", Detail: "30s"},
			{Fault: cron.FaultTimeout, Status: cron.StatusTimeout, URL: "http://a.example/", Detail: "60s"}},
		{{Fault: cron.FaultMalformed, URL: "http://a.example/", Detail: `it begins with "1"`},
			{Fault: cron.FaultMalformed, URL: "http://a.example/", Detail: `it begins with "2"`}},
		{{Fault: cron.FaultTLS, URL: "https://a.example/", Detail: "tls: failed to verify certificate: x509: one"},
			{Fault: cron.FaultTLS, URL: "https://a.example/", Detail: "tls: failed to verify certificate: x509: two"}},
		{{Fault: cron.FaultShortage, URL: "https://a.example/", Detail: cron.ShortOfPorts},
			{Fault: cron.FaultShortage, URL: "https://b.example/", Detail: cron.ShortOfPorts}},
		{{Fault: cron.FaultUnknownSecret, URL: "https://a.example/", Detail: "TOKEN"},
			{Fault: cron.FaultUnknownSecret, URL: "https://b.example/", Detail: "TOKEN"}},
		{{Fault: cron.FaultHostNotFound, URL: "http://b.example/"}, // the host at which it failed
			{Fault: cron.FaultHostNotFound, URL: "https://a.example/", Redirects: []cron.Redirect{{301, "http://b.example/?z"}}}},
	} {
		if a, b := pair[0].Fingerprint(), pair[1].Fingerprint(); a == 0 || a != b {
			t.Errorf("pair %d: %s and %s", i, a, b)
		}
	}
}

func TestParseFingerprint(t *testing.T) {
	for text, want := range map[string]cron.Fingerprint{
		"00000000000000ff": 255, "00000000000000FF": 255, "ffffffffffffffff": 1<<64 - 1, "0000000000000000": 0, "ff": 0, "": 0,
		"+0000000000000ff": 0, "0x000000000000ff": 0, "00000000000000fg": 0, "000000000000000ff": 0, "0_00000000000001": 0,
	} {
		got, ok := cron.ParseFingerprint(text)
		if ok != (want != 0) || ok && got != want {
			t.Errorf("%q is %v, %v, want %v", text, got, ok, want)
		}
		if ok && cron.Fingerprint(got).String() != cron.Fingerprint(want).String() {
			t.Errorf("%q reads back as %s", text, got)
		}
	}
}

// TestEveryFaultHasAFingerprint makes sure that no failure is taken for a success, or for another.
func TestEveryFaultHasAFingerprint(t *testing.T) {
	seen := make(map[cron.Fingerprint]cron.Fault)
	for f := range cron.Fault(60) {
		r := cron.Result{Status: cron.StatusOther, Fault: f, URL: "http://a.example/", Detail: "x"}
		got := r.Fingerprint()
		if other, ok := seen[got]; got == 0 || ok {
			t.Errorf("fault %d has the fingerprint %s of %d", f, got, other)
		}
		seen[got] = f
	}
}
