package fetch

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"punctual/internal/cron"
)

// localPort is a port in a text about a server of a test. Low ports are those of the golden file.
var localPort = regexp.MustCompile(`(127\.0\.0\.1|example\.org):\d{4,5}`)

// traceText is the facts of a trace that do not differ from run to run.
func traceText(trace *cron.Trace) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, "  "+format+"\n", args...) }
	line("phase: %s", trace.Phase)
	for i := range trace.Hops {
		hop := &trace.Hops[i]
		line("request %d: %s", i+1, hop.URL)
		if len(hop.Addresses) > 0 {
			line("  addresses: %s", strings.Join(hop.Addresses, ", "))
		}
		for _, d := range hop.Dials {
			switch {
			case d.Chosen:
				line("  dial: %s, chosen", d.Address)
			case d.Fault == cron.FaultNone:
				line("  dial: %s", d.Address)
			default:
				line("  dial: %s, fault %d", d.Address, d.Fault)
			}
		}
		if hop.TLS != nil {
			line("  TLS: %s, cipher %t, resumed %t", hop.TLS.Version, hop.TLS.Cipher != "", hop.TLS.Resumed)
			for _, c := range hop.TLS.Chain {
				line("    certificate: %s for %q by %s", c.Subject, c.Names, c.Issuer)
			}
		}
		line("  reached: %s", reached(&hop.Stats))
		if first, _, ok := bytes.Cut(hop.Request, []byte("\r\n")); ok {
			line("  sent: %s", first)
		}
		if len(hop.Response) > 0 {
			line("  received: %.40q", hop.Response)
		}
	}
	verdicts := [...]string{"not checked", "passed", "failed"}
	kinds := [...]string{"status", "contains", "notContains", "matches"}
	for _, c := range trace.Checks {
		line("check: %s %q, got %q: %s", kinds[c.Kind], c.Want, c.Got, verdicts[c.Verdict])
	}
	return localPort.ReplaceAllString(b.String(), "$1:"+goldenPort)
}

// reached lists the timings that are known.
func reached(s *cron.Stats) string {
	var names []string
	add := func(name string, known bool) {
		if known {
			names = append(names, name)
		}
	}
	add("nameLookup", s.NameLookup > 0)
	add("connect", s.Connect > 0)
	add("appConnect", s.AppConnect > 0)
	add("preTransfer", s.PreTransfer > 0)
	add("startTransfer", s.StartTransfer > 0)
	add("total", s.Total > 0)
	return strings.Join(names, " ")
}
