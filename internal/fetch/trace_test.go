package fetch

import (
	"io"
	"net"
	"testing"

	"punctual/internal/cron"
)

func TestTrace(t *testing.T) {
	seen := make(chan bool)
	url := serveHTTP(t, func(conn net.Conn) {
		if _, err := readRequest(conn); err == nil {
			<-seen
			io.WriteString(conn, okAnswer)
		}
	})
	call := callTo(url)
	call.SaveResponse = false
	var reports []cron.Trace
	waiting := false
	r, trace := New(Config{}).Trace(t.Context(), call, func(trace cron.Trace) {
		if reports = append(reports, trace); trace.Phase == cron.PhaseWaiting && !waiting {
			waiting = true
			close(seen)
		}
	})
	checkSound(t, &r)
	if r.Status != cron.StatusOK || string(r.Body) != "ok" || r.Peer != "127.0.0.1" {
		t.Errorf("%+v", r)
	}
	if trace.Phase != cron.PhaseDone || len(trace.Hops) != 1 || trace.Hops[0].Stats != r.Stats {
		t.Fatalf("%+v", trace)
	}
	hop := trace.Hops[0]
	if hop.URL != url || len(hop.Dials) != 1 || !hop.Dials[0].Chosen || hop.Peer != hop.Dials[0].Address ||
		string(hop.Response) != okAnswer || hop.ResponseBytes != int64(len(okAnswer)) {
		t.Errorf("%+v", hop)
	}
	if last := reports[len(reports)-1]; last.Phase != cron.PhaseDone || len(last.Hops[0].Response) != len(okAnswer) {
		t.Errorf("%+v", last)
	}
}
