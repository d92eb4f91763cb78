package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"punctual/test/harness"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "target" {
		exit(serveTarget(os.Args[2:]))
	}
	os.Exit(harness.Main(m))
}

// burst is the number of jobs in the tests, which check the tool and not the speed of the service.
const burst = 200

// TestRun runs small bursts with all options, and checks what is reported, without the measured times.
func TestRun(t *testing.T) {
	binary := harness.Binary(t)
	for name, args := range map[string][]string{
		"plain":  {"-first-port", "21101"},
		"spread": {"-spread", "seconds", "-first-port", "21201"},
		"evenly": {"-spread", "spreadSeconds", "-first-port", "21501"},
		"all": {"-https", "-mlkem=false", "-hosts", "5", "-ports", "2", "-fail", "0.1", "-retries", "1", "-stored", "20", "-api", "20",
			"-delay", "10ms", "-size", "1000", "-slots", "100", "-first-port", "21301"},
		"action": {"-action", "-first-port", "21601"},
		"reuse":  {"-https", "-hosts", "2", "-accounts", "2", "-connection", "reuse", "-slots", "20", "-first-port", "22601"},
		"hog":    {"-hog", "20", "-hang", "0.1", "-first-port", "21401"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var o options
			f := flag.NewFlagSet("bench", flag.ContinueOnError)
			o.define(f)
			if err := f.Parse(append([]string{"-binary", binary, "-jobs", strconv.Itoa(burst), "-accounts", "5",
				"-every", "5s", "-rounds", "1", "-busy"}, args...)); err != nil {
				t.Fatal(err)
			}
			if err := o.settle(); err != nil {
				t.Fatal(err)
			}
			r, err := run(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range r.Violations {
				t.Error(v)
			}
			x := r.Rounds[0]
			answering := burst - int(o.hang*burst)
			// On a busy machine fewer may arrive in time. The checker finds those that are lost.
			if x.Arrived == 0 || x.Arrived > answering || r.Checked != checkedByPromises || r.ServerCPU <= 0 || r.DiskPerExecution <= 0 {
				t.Errorf("the report is %+v", r)
			}
			if o.fail > 0 && (x.Other == 0 || x.Again == 0) {
				t.Errorf("%d failed and %d were tried again", x.Other, x.Again)
			}
			if (r.API != nil) != (o.apiRate > 0) || r.API != nil && (r.API.Requests == 0 || r.API.Failed > 0) {
				t.Errorf("of the API it says %+v", r.API)
			}
			if (o.connection == reuse) != (r.Connections < 1) || o.https != (r.FullHandshakes+r.ResumedHandshakes > 0) {
				t.Errorf("it says that an execution had %.3f connections, %.3f full and %.3f resumed handshakes", r.Connections, r.FullHandshakes, r.ResumedHandshakes)
			}
			if (r.Actions != nil) != o.action {
				t.Errorf("of actions it says %+v", r.Actions)
			}
			var table, text bytes.Buffer
			r.print(&table)
			if err := json.NewEncoder(&text).Encode(r); err != nil || !strings.Contains(table.String(), "ledger: 0 violations") {
				t.Errorf("%v\n%s", err, table.String())
			}
		})
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []options{
		{every: 7 * time.Second, jobs: 1, accounts: 1, ports: 1},
		{every: 2 * time.Minute, jobs: 1, accounts: 1, ports: 1},
		{every: 1500 * time.Millisecond, jobs: 1, accounts: 1, ports: 1},
		{every: time.Minute, accounts: 1, ports: 1},
		{every: time.Minute, jobs: 1, accounts: 1, ports: 1, spread: "hours"},
		{every: time.Minute, jobs: 1, accounts: 1, ports: 1, hosts: 1 << 17},
	} {
		if o.settle() == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}

func TestPercentiles(t *testing.T) {
	var d []time.Duration
	for i := range 1000 {
		d = append(d, time.Duration(999-i))
	}
	if got, want := percentiles(d), (lateness{P50: 500, P90: 900, P99: 990, Max: 999}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := percentiles(nil); got != (lateness{}) {
		t.Errorf("got %+v of nothing", got)
	}
}
