package web

import (
	"encoding/hex"
	"strings"
	"time"

	"punctual/internal/cron"
)

// Limits on what a page shows of the requests of a test run, so that it stays small whatever they hold.
const (
	maxTestHops     = 11      // all that redirects can make
	maxTestText     = 6 << 10 // bytes of the last request, and of its response
	maxTestOther    = 256     // bytes of each request and response before it
	maxTestDials    = 6
	maxTestCerts    = 3
	maxTestNames    = 6
	maxTestResolved = 8
)

// testHop is one request of a test run.
type testHop struct {
	Number       int
	URL          string
	Resolved     []string
	Dials        []testDial
	Peer         string
	TLS          *cron.Handshake
	Certificates []testCertificate
	Waterfall    *waterfall
	Request      testText
	Response     testText
	Open         bool // it is the last one
}

// testText is what was sent or received.
type testText struct {
	Text  string
	Bytes int64
	Cut   bool // Text is only the start
}

// testDial is an attempt to connect.
type testDial struct {
	Address string
	Took    time.Duration
	State   state
	Why     string
}

// testCertificate is a certificate of a chain.
type testCertificate struct {
	Subject, Issuer, Names, Fingerprint string
	From, Until                         time.Time
	Expired, Soon                       bool
}

// fillHops shows the requests of the exchange.
func (p *testPage) fillHops() {
	t := p.Run
	hops := t.Trace.Hops[:min(len(t.Trace.Hops), maxTestHops)]
	for i := range hops {
		h, last := &hops[i], i == len(hops)-1
		most := maxTestOther
		if last {
			most = maxTestText
		}
		x := testHop{Number: i + 1, URL: clipText(h.URL, 200), Resolved: h.Addresses[:min(len(h.Addresses), maxTestResolved)], Peer: h.Peer, TLS: h.TLS, Open: last,
			Request: shownText(h.Request, h.RequestBytes, h.RequestCut, most), Response: shownText(h.Response, h.ResponseBytes, h.ResponseCut, most)}
		for n := range h.Dials[:min(len(h.Dials), maxTestDials)] {
			x.Dials = append(x.Dials, p.dial(&h.Dials[n], h.URL))
		}
		if h.TLS != nil {
			for n := range h.TLS.Chain[:min(len(h.TLS.Chain), maxTestCerts)] {
				x.Certificates = append(x.Certificates, p.certificate(&h.TLS.Chain[n]))
			}
		}
		x.Waterfall = p.hopWaterfall(hops, i)
		p.Hops = append(p.Hops, x)
	}
}

// hopWaterfall draws the phases of a request, from its own start.
func (p *testPage) hopWaterfall(hops []cron.Hop, i int) *waterfall {
	h := &hops[i]
	from := func(at time.Duration) time.Duration {
		if at == 0 {
			return 0
		}
		return max(at-h.Began, 0)
	}
	r := cron.Result{Status: cron.StatusOK}
	s := &h.Stats
	r.Stats = cron.Stats{NameLookup: from(s.NameLookup), Connect: from(s.Connect), AppConnect: from(s.AppConnect), PreTransfer: from(s.PreTransfer),
		StartTransfer: from(s.StartTransfer), Total: from(s.Total)}
	switch {
	case i+1 < len(hops):
		r.Stats.Total = from(hops[i+1].Began)
	case !p.Running():
		ended := p.Run.Result
		r.Status, r.Fault, r.Stats.Total = ended.Status, ended.Fault, from(ended.Duration)
	}
	if r.Stats.Total == 0 && r.Stats.NameLookup == 0 && r.Stats.Connect == 0 {
		return nil
	}
	return p.newWaterfall(cron.CompareTimings(&r, &cron.GoodBefore{}), 0)
}

// shownText is the start of what was sent or received, as text.
func shownText(raw []byte, size int64, cut bool, most int) testText {
	if len(raw) > most {
		raw, cut = raw[:most], true
	}
	text := strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' && r != '\r' || r == 0x7f {
			return '\ufffd'
		}
		return r
	}, strings.ToValidUTF8(string(raw), "\ufffd"))
	return testText{Text: text, Bytes: size, Cut: cut}
}

// dial words an attempt to connect.
func (p *testPage) dial(d *cron.Dial, url string) testDial {
	label := p.labels.Label
	x := testDial{Address: d.Address, Took: d.Took, State: state{"muted", "circle-slash", label("test.dial-unused")}}
	why := d.Why(url)
	switch {
	case d.Chosen:
		x.State = state{"good", "circle-check", label("test.dial-used")}
	case why.Cause != cron.CauseNone:
		x.State, x.Why = state{"bad", "circle-x", label("test.dial-failed")}, p.labels.Diagnosis(&why)
	}
	return x
}

// certificate words a certificate.
func (p *testPage) certificate(c *cron.Certificate) testCertificate {
	names := make([]string, 0, maxTestNames)
	for _, name := range c.Names[:min(len(c.Names), maxTestNames)] {
		names = append(names, clipText(name, 60))
	}
	x := testCertificate{Subject: clipText(c.Subject, 100), Issuer: clipText(c.Issuer, 100), Names: strings.Join(names, ", "), From: c.NotBefore, Until: c.NotAfter,
		Fingerprint: hex.EncodeToString(c.Fingerprint[:])}
	if more := len(c.Names) - len(names) + c.Omitted; more > 0 {
		x.Names += " " + p.labels.Label("test.more", "count", p.Count(more))
	}
	left := c.NotAfter.Sub(p.now)
	x.Expired, x.Soon = left <= 0, left > 0 && left < 14*24*time.Hour
	return x
}
