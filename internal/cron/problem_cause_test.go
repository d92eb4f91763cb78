package cron_test

import (
	"fmt"
	"testing"
	"time"

	"punctual/internal/cron"
)

// problemCauseOf is the cause of the problem that a failure of a scheduled execution opens.
func problemCauseOf(t *testing.T, r cron.Result) cron.Fingerprint {
	t.Helper()
	j := cron.NewJob()
	j.Enabled = true
	c := cron.Completion{Launch: cron.Launch{Job: &j, Kind: cron.KindScheduled}, Result: r, Cause: r.Fingerprint()}
	effect, kind, cause := cron.ProblemOf(&j, &c, new(cron.Conclusion))
	if effect != cron.ProblemComes || kind != cron.ProblemFailed {
		t.Fatalf("%+v: effect %d, kind %d", r, effect, kind)
	}
	return cause
}

func failure(host string, s cron.Status, http int, f cron.Fault, detail string) cron.Result {
	return cron.Result{Status: s, HTTPStatus: http, Fault: f, Detail: detail, URL: host + "/path", Started: time.Unix(1, 0)}
}

// TestWhatIsOneProblem has a row for each problem of a host, with all failures that are part of it.
func TestWhatIsOneProblem(t *testing.T) {
	seen := make(map[cron.Fingerprint]string)
	for _, host := range []string{"http://a.example", "https://b.example"} {
		for i, row := range [][]cron.Result{
			{
				failure(host, cron.StatusConnectFailed, 0, cron.FaultRefused, "192.0.2.1:80"), failure(host, cron.StatusConnectFailed, 0, cron.FaultUnreachable, "192.0.2.2:80"),
				failure(host, cron.StatusTimeout, 0, cron.FaultConnectTimeout, "192.0.2.1:80"), failure(host, cron.StatusTimeout, 0, cron.FaultTLSTimeout, "a.example"),
				failure(host, cron.StatusTimeout, 0, cron.FaultTimeout, "30s"), failure(host, cron.StatusTimeout, 0, cron.FaultTimeout, "5s"),
				failure(host, cron.StatusOther, 0, cron.FaultClosed, ""), failure(host, cron.StatusOther, 0, cron.FaultReset, ""),
				failure(host, cron.StatusOther, 0, cron.FaultTLS, "connection closed during the handshake"),
				failure(host, cron.StatusHTTPError, 502, cron.FaultNone, ""), failure(host, cron.StatusHTTPError, 503, cron.FaultStatus, "503"),
				failure(host, cron.StatusHTTPError, 504, cron.FaultNone, ""),
			},
			{
				failure(host, cron.StatusDNSError, 0, cron.FaultHostNotFound, ""), failure(host, cron.StatusDNSError, 0, cron.FaultResolver, ""),
				failure(host, cron.StatusTimeout, 0, cron.FaultLookupTimeout, ""),
			},
			{failure(host, cron.StatusHTTPError, 500, cron.FaultNone, ""), failure(host, cron.StatusHTTPError, 500, cron.FaultStatus, "500")},
			{failure(host, cron.StatusHTTPError, 404, cron.FaultNone, ""), failure(host, cron.StatusHTTPError, 404, cron.FaultStatus, "404")},
			{failure(host, cron.StatusHTTPError, 200, cron.FaultStatus, "200")},
			{failure(host, cron.StatusTimeout, 200, cron.FaultTimeout, "30s")}, // the body is slow
			{failure(host, cron.StatusOther, 200, cron.FaultClosed, "")},
			{failure(host, cron.StatusOther, 0, cron.FaultCertificateExpired, host)},
			{failure(host, cron.StatusOther, 0, cron.FaultTLS, "remote error: tls: handshake failure")},
			{failure(host, cron.StatusHTTPError, 200, cron.FaultBodyLacks, "done")}, {failure(host, cron.StatusHTTPError, 200, cron.FaultBodyLacks, "ok")},
		} {
			name := fmt.Sprint(host, ", row ", i)
			want := problemCauseOf(t, row[0])
			if other, ok := seen[want]; ok {
				t.Errorf("%s has the problem of %s", name, other)
			}
			seen[want] = name
			for _, r := range row {
				if got := problemCauseOf(t, r); got != want {
					t.Errorf("%s: fault %d, status %d has the problem %s, want %s", name, r.Fault, r.HTTPStatus, got, want)
				}
				p := cron.JobProblem{Kind: cron.ProblemFailed, Cause: want, Example: r}
				causes := make(map[cron.Fingerprint]bool)
				for _, c := range p.Causes() {
					causes[c] = true
				}
				for _, other := range row {
					if !causes[other.Fingerprint()] {
						t.Errorf("%s: a problem that fault %d, status %d opens lacks fault %d, status %d", name, r.Fault, r.HTTPStatus, other.Fault, other.HTTPStatus)
					}
				}
				if p.FirstCause() != r.Fingerprint() {
					t.Errorf("%s: the first cause of fault %d, status %d is %s", name, r.Fault, r.HTTPStatus, p.FirstCause())
				}
			}
		}
	}
}
