package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"punctual/internal/store/storetest"
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
	t.Parallel()
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

// TestNodes runs a burst on two nodes that share a database.
func TestNodes(t *testing.T) {
	t.Parallel()
	url := storetest.EmptyPostgres(t)
	o := parse(t, "-binary", harness.Binary(t), "-jobs", "300", "-nodes", "2", "-first-port", "22801", "-database", url)
	if err := o.settle(); err != nil {
		t.Fatal(err)
	}
	r, err := run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Nodes != 2 || r.Checked != checkedByPromises || len(r.Violations) > 0 || r.Rounds[0].Arrived == 0 || r.Claim <= 0 {
		t.Errorf("the report is %+v", r)
	}
}

// TestSequence checks in which order jobs are created.
func TestSequence(t *testing.T) {
	t.Parallel()
	const jobs, accountsOfTest = 100, 5
	for order, want := range map[string]func(longest, runs int) bool{
		turns:    func(longest, _ int) bool { return longest == 1 },
		accounts: func(longest, runs int) bool { return runs == accountsOfTest && longest == jobs/accountsOfTest },
		grown:    func(longest, runs int) bool { return longest > 1 && runs > 2*accountsOfTest && runs < jobs/2 },
	} {
		b := bench{options: parse(t, "-jobs", strconv.Itoa(jobs), "-order", order)}
		list := b.sequence()
		longest, runs, length := 0, 0, 0
		for i, number := range list {
			if length++; i == 0 || b.accountOf(number) != b.accountOf(list[i-1]) {
				length, runs = 1, runs+1
			}
			longest = max(longest, length)
		}
		sorted := slices.Sorted(slices.Values(list))
		if !want(longest, runs) || len(sorted) != jobs || len(slices.Compact(sorted)) != jobs {
			t.Errorf("%s: %v", order, list)
		}
		if again := b.sequence(); !slices.Equal(again, list) {
			t.Errorf("%s: another run has another order", order)
		}
	}
}

func TestOptions(t *testing.T) {
	for _, args := range [][]string{
		{"-every", "7s"}, {"-every", "2m"}, {"-every", "1500ms"}, {"-jobs", "0"}, {"-spread", "hours"}, {"-hosts", strconv.Itoa(1 << 17)},
		{"-order", "random"}, {"-nodes", "0"}, {"-nodes", "2"}, {"-nodes", "10", "-database", "postgres://127.0.0.1/a"}, {"-connection", "kept"},
	} {
		o := parse(t, args...)
		if o.settle() == nil {
			t.Errorf("%q is accepted", args)
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
