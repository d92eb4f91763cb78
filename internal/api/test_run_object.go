package api

import (
	"encoding/hex"
	"fmt"
	"net/netip"

	"punctual/internal/api/ledger"
	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/message"
)

// testRun is a test run. While it is not finished, it has what is known so far.
type testRun struct {
	TestRunID  int64  `json:"testRunId"`
	JobID      *int64 `json:"jobId"` // null for a job that is not stored
	State      string `json:"state"`
	Phase      string `json:"phase"`
	Path       string `json:"path"`
	Created    int64  `json:"created"` // Unix seconds, like all times below
	Started    *int64 `json:"started"`
	Expires    int64  `json:"expires"`
	Ended      bool   `json:"ended"`
	Status     int    `json:"status"`
	StatusText string `json:"statusText"`
	HTTPStatus int    `json:"httpStatus"`
	explained
	URL        string `json:"url"`
	Duration   int64  `json:"duration"` // ms
	CertExpiry *int64 `json:"sslCertExpiry"`
	traced
	Redirects []redirect  `json:"redirects"`
	Hops      []tracedHop `json:"hops"` // the requests before the one above
	Checks    []check     `json:"checks"`
}

// tracedHop is a request that was answered by a redirect.
type tracedHop struct {
	URL       string `json:"url"`
	StartedUs int64  `json:"startedUs"`
	traced
}

// traced is what was seen of one request.
type traced struct {
	IPAddress *string         `json:"ipAddress"`
	Stats     ledger.Timings  `json:"stats"`
	Request   *tracedRequest  `json:"request"`
	Response  *tracedResponse `json:"response"`
	TLS       *handshake      `json:"tls"`
	Resolved  []string        `json:"resolved"`
	Addresses []dial          `json:"addresses"`
}

type tracedRequest struct {
	Raw       string `json:"raw"`
	RawBase64 []byte `json:"rawBase64,omitempty"`
	Bytes     int64  `json:"bytes"`
	Truncated bool   `json:"truncated"`
}

type tracedResponse struct {
	StatusLine    *string `json:"statusLine"`
	Headers       *string `json:"headers"`
	HeadersBase64 []byte  `json:"headersBase64,omitempty"`
	Body          *string `json:"body"`
	BodyBase64    []byte  `json:"bodyBase64,omitempty"`
	Raw           string  `json:"raw"`
	RawBase64     []byte  `json:"rawBase64,omitempty"`
	Bytes         int64   `json:"bytes"`
	Truncated     bool    `json:"truncated"`
}

type handshake struct {
	Version      string        `json:"version"`
	Cipher       string        `json:"cipher"`
	Resumed      bool          `json:"resumed"`
	Certificates []certificate `json:"certificates"`
	Omitted      int           `json:"omitted"`
}

type certificate struct {
	Subject   string   `json:"subject"`
	Names     []string `json:"names"`
	Omitted   int      `json:"omitted"`
	Issuer    string   `json:"issuer"`
	NotBefore int64    `json:"notBefore"` // Unix seconds
	NotAfter  int64    `json:"notAfter"`
	SHA256    string   `json:"sha256"`
}

type dial struct {
	Address    *string `json:"address"` // null when the account may not learn it
	StartedUs  int64   `json:"startedUs"`
	DurationUs int64   `json:"durationUs"`
	Sentence   *string `json:"sentence"` // null unless it failed
	Chosen     bool    `json:"chosen"`
}

type check struct {
	Check  string  `json:"check"`
	Want   string  `json:"want"`
	Got    *string `json:"got"`
	Passed *bool   `json:"passed"` // null when it was not checked
}

// newTestRun is t on the wire.
func newTestRun(c *message.Catalogue, t *cron.TestRun) testRun {
	r := &t.Result
	answer := testRun{
		TestRunID: t.ID, State: t.State.String(), Phase: t.Phase.String(), Path: fmt.Sprintf("/testruns/%d", t.ID),
		Created: t.Created.Unix(), Started: wire.UnixOrNull(t.Started), Expires: t.Expires.Unix(), Ended: t.Ends,
		URL: r.URL, Redirects: newRedirects(r.Redirects), Checks: make([]check, len(t.Trace.Checks)),
		traced: traced{Stats: ledger.NewTimings(&r.Stats), Resolved: []string{}, Addresses: []dial{}},
		Hops:   []tracedHop{},
	}
	if t.JobID != 0 {
		answer.JobID = &t.JobID
	}
	finished := t.State == cron.TestFinished
	if finished {
		answer.Status, answer.StatusText, answer.HTTPStatus = int(r.Status), c.Execution(r), r.HTTPStatus
		answer.explained = newExplained(c, &t.Diagnosis)
		answer.Duration, answer.CertExpiry = r.Duration.Milliseconds(), wire.UnixOrNull(r.CertExpiry)
		if r.Fault == cron.FaultLost {
			answer.StatusText = *answer.Sentence
		}
	}
	for i := range t.Trace.Hops {
		h := &t.Trace.Hops[i]
		if i < len(t.Trace.Hops)-1 {
			answer.Hops = append(answer.Hops, tracedHop{h.URL, h.Began.Microseconds(), newTraced(c, h)})
			continue
		}
		answer.traced = newTraced(c, h)
		if r.URL == "" {
			answer.URL = t.Trace.Hops[0].URL
		}
		if finished && r.Fault != cron.FaultLost {
			answer.Stats = ledger.NewTimings(&r.Stats)
			answer.Response.complete(r)
		}
	}
	for i := range t.Trace.Checks {
		answer.Checks[i] = newCheck(&t.Trace.Checks[i])
	}
	return answer
}

// newTraced is a request on the wire.
func newTraced(c *message.Catalogue, h *cron.Hop) traced {
	answer := traced{
		Stats: ledger.NewTimings(&h.Stats), TLS: newHandshake(h.TLS), Resolved: append([]string{}, h.Addresses...),
		Addresses: make([]dial, len(h.Dials)), Response: newTracedResponse(h),
	}
	if peer, err := netip.ParseAddrPort(h.Peer); err == nil {
		answer.IPAddress = new(peer.Addr().String())
	}
	if h.RequestBytes > 0 {
		answer.Request = &tracedRequest{string(h.Request), unlessText(h.Request), h.RequestBytes, h.RequestCut}
	}
	for i := range h.Dials {
		answer.Addresses[i] = newDial(c, h, &h.Dials[i])
	}
	return answer
}

func newTracedResponse(h *cron.Hop) *tracedResponse {
	if h.ResponseBytes == 0 {
		return nil
	}
	answer := &tracedResponse{Raw: string(h.Response), RawBase64: unlessText(h.Response), Bytes: h.ResponseBytes,
		Truncated: h.ResponseCut}
	line, headers := h.Head()
	answer.StatusLine, answer.Headers, answer.HeadersBase64 = wire.StringOrNull(line), wire.TextOrNull(headers), unlessText(headers)
	return answer
}

// complete adds what the result of an exchange has of its response.
func (t *tracedResponse) complete(r *cron.Result) {
	if t == nil || r.Headers == nil {
		return
	}
	t.Headers, t.HeadersBase64 = wire.TextOrNull(r.Headers), unlessText(r.Headers)
	t.Body, t.BodyBase64 = new(string(r.Body)), unlessText(r.Body)
	t.Truncated = t.Truncated || r.Truncated
}

func newDial(c *message.Catalogue, h *cron.Hop, d *cron.Dial) dial {
	answer := dial{StartedUs: d.Began.Microseconds(), DurationUs: d.Took.Microseconds(), Chosen: d.Chosen, Address: wire.StringOrNull(d.Address)}
	answer.Sentence = newExplained(c, new(d.Why(h.URL))).Sentence
	return answer
}

func newHandshake(h *cron.Handshake) *handshake {
	if h == nil {
		return nil
	}
	answer := &handshake{h.Version, h.Cipher, h.Resumed, make([]certificate, len(h.Chain)), h.Omitted}
	for i := range h.Chain {
		c := &h.Chain[i]
		answer.Certificates[i] = certificate{c.Subject, append([]string{}, c.Names...), c.Omitted, c.Issuer,
			c.NotBefore.Unix(), c.NotAfter.Unix(), hex.EncodeToString(c.Fingerprint[:])}
	}
	return answer
}

func newCheck(c *cron.Check) check {
	answer := check{Check: wire.CheckNames[c.Kind], Want: c.Want, Got: wire.StringOrNull(c.Got)}
	if c.Verdict != cron.VerdictNotChecked {
		answer.Passed = new(c.Verdict == cron.VerdictPassed)
	}
	return answer
}
