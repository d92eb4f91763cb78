package fetch

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"punctual/internal/cron"
)

// traced makes the exchange by Trace, and checks what holds for every trace.
func traced(t *testing.T, ctx context.Context, client *Client, call cron.Call) (cron.Result, cron.Trace) {
	t.Helper()
	var reports []cron.Trace
	var texts []string // of the reports when they were made
	r, trace := client.Trace(ctx, call, func(report cron.Trace) {
		reports, texts = append(reports, report), append(texts, fmt.Sprintf("%+v", report))
	})
	checkSound(t, &r)
	if len(reports) == 0 || !reflect.DeepEqual(reports[len(reports)-1], trace) {
		t.Errorf("%d reports, of which the last one is not the trace", len(reports))
	}
	for i, report := range reports {
		if fmt.Sprintf("%+v", report) != texts[i] {
			t.Errorf("report %d was changed later", i)
		}
	}
	checkTrace(t, &r, &trace)
	return r, trace
}

// again makes the exchange of r once more, by Trace, and compares the results.
func again(t *testing.T, client *Client, call cron.Call, r *cron.Result) cron.Trace {
	t.Helper()
	got, trace := traced(t, t.Context(), client, call)
	summary := func(r *cron.Result) string {
		return fmt.Sprint(r.Status, r.HTTPStatus, r.Reason, r.Fault, r.URL, r.Peer, r.CertExpiry, r.RetryAfter, r.Redirects, r.Truncated)
	}
	if summary(&got) != summary(r) {
		t.Errorf("traced: %s, want %s", summary(&got), summary(r))
	}
	return trace
}

// checkTrace checks a trace against the result of its exchange.
func checkTrace(t *testing.T, r *cron.Result, trace *cron.Trace) {
	t.Helper()
	lost := r.Fault == cron.FaultLost
	if len(trace.Hops) != len(r.Redirects)+1 && !lost {
		t.Errorf("%d hops of %d redirects", len(trace.Hops), len(r.Redirects))
	}
	last := trace.Hops[len(trace.Hops)-1]
	if !lost && (last.Stats != r.Stats || (len(trace.Checks) > 0) != (r.HTTPStatus > 0)) {
		t.Errorf("hop %+v and checks %+v of %+v", last.Stats, trace.Checks, r)
	}
	if !lost && !strings.HasPrefix(last.Peer, r.Peer) && !strings.HasPrefix(last.Peer, "["+r.Peer) || r.Peer == "" && last.Peer != "" && !lost {
		t.Errorf("peer %q of a hop to %q", r.Peer, last.Peer)
	}
	if r.Fault == cron.FaultNone != (trace.Phase == cron.PhaseDone) && r.Fault == cron.FaultNone {
		t.Errorf("fault %d in phase %s", r.Fault, trace.Phase)
	}
	for i := range trace.Hops {
		checkHop(t, &trace.Hops[i], i < len(trace.Hops)-1)
	}
	encoded, err := json.Marshal(trace)
	if err != nil {
		t.Error(err)
	}
	if len(encoded) > 448<<10 {
		t.Errorf("the trace has %d bytes", len(encoded))
	}
}

// checkHop checks the bounds of a hop. left says that a redirect leads away from it.
func checkHop(t *testing.T, hop *cron.Hop, left bool) {
	t.Helper()
	limit := cron.MaxTraceBytes
	if left {
		limit = maxRedirectBytes
	}
	if len(hop.Response) > limit || int64(len(hop.Response)) > 2*hop.ResponseBytes+100 || int64(len(hop.Request)) > 2*hop.RequestBytes+100 {
		t.Errorf("%d bytes of %d sent, %d of %d received", len(hop.Request), hop.RequestBytes, len(hop.Response), hop.ResponseBytes)
	}
	if len(hop.Dials) > maxDials || len(hop.Addresses) > maxAddrs {
		t.Errorf("%d dials to %d addresses", len(hop.Dials), len(hop.Addresses))
	}
	chosen := 0
	for _, d := range hop.Dials {
		if d.Chosen {
			chosen++
		}
		if d.Chosen && d.Fault != cron.FaultNone || d.Began < hop.Began || d.Took < 0 {
			t.Errorf("%+v of a hop that began at %v", d, hop.Began)
		}
	}
	if chosen > 1 || chosen == 1 && hop.Peer == "" {
		t.Errorf("%d connections were used, to %q", chosen, hop.Peer)
	}
	if hop.TLS != nil && (len(hop.TLS.Chain) > maxChain || hop.Peer == "") {
		t.Errorf("%+v of %q", hop.TLS, hop.Peer)
	}
}

// TestTraces traces each exchange that fails, and compares the phase and the facts with the golden file.
func TestTraces(t *testing.T) {
	trusted := newAuthority("trusted")
	rows := failures(t, trusted)
	texts := make([]string, len(rows))
	t.Run("exchanges", func(t *testing.T) {
		for i := range rows {
			t.Run(rows[i].name, func(t *testing.T) {
				t.Parallel()
				var trace cron.Trace
				r, job := rows[i].run(t, trusted, func(c *Client, call cron.Call) (r cron.Result) {
					r, trace = traced(t, t.Context(), c, call)
					return r
				})
				if len(trace.Hops) == 0 { // not an exchange of the client
					return
				}
				if d := cron.Diagnose(&r, &job, &goldenPlan); d.Phase != trace.Phase && d.Phase != cron.PhaseNone &&
					!(d.Phase == cron.PhaseWaiting && trace.Phase == cron.PhaseSending) {
					t.Errorf("phase %s, and %s by the diagnosis", trace.Phase, d.Phase)
				}
				texts[i] = traceText(&trace)
			})
		}
	})
	var b strings.Builder
	for i := range rows {
		if texts[i] != "" {
			fmt.Fprintf(&b, "%s\n%s\n", rows[i].name, texts[i])
		}
	}
	checkGolden(t, "traces.txt", b.String())
}
