package cron_test

import (
	"fmt"
	"testing"
	"time"

	"punctual/internal/cron"
)

func TestCompareTimings(t *testing.T) {
	ms := time.Millisecond
	whole := cron.Stats{NameLookup: 1 * ms, Connect: 3 * ms, AppConnect: 7 * ms, PreTransfer: 8 * ms, StartTransfer: 18 * ms, Total: 20 * ms}
	plain := cron.Stats{NameLookup: 2 * ms, Connect: 3 * ms, PreTransfer: 3 * ms, StartTransfer: 7 * ms, Total: 9 * ms}
	latest := &cron.Execution{Result: cron.Result{Status: cron.StatusOK, Stats: whole}}
	for _, test := range []struct {
		name string
		now  cron.Result
		good cron.GoodBefore
		want string // phase: now, good, median in ms
	}{
		{"a success", cron.Result{Status: cron.StatusOK, Stats: plain}, cron.GoodBefore{Latest: latest, Stats: []cron.Stats{whole}},
			"resolving 2 1 1, connecting 1 2 2, securing - 4 4, waiting 4 10 10, receiving 2 2 2, total 9 20 20, "},
		{"nothing before", cron.Result{Status: cron.StatusHTTPError, HTTPStatus: 500, Stats: plain}, cron.GoodBefore{},
			"resolving 2 - -, connecting 1 - -, securing - - -, waiting 4 - -, receiving 2 - -, total 9 - -, "},
		{"a timeout while waiting", cron.Result{Status: cron.StatusTimeout, Fault: cron.FaultTimeout,
			Stats: cron.Stats{NameLookup: 1 * ms, Connect: 2 * ms, PreTransfer: 3 * ms, Total: 30003 * ms}},
			cron.GoodBefore{Latest: latest, Stats: []cron.Stats{whole, plain}},
			"resolving 1 1 1.5, connecting 1 2 1.5, securing - 4 4, waiting 30000 10 7, receiving - 2 2, total 30003 20 14.5, "},
		{"a name that does not exist", cron.Result{Status: cron.StatusDNSError, Fault: cron.FaultHostNotFound, Stats: cron.Stats{Total: 5 * ms}},
			cron.GoodBefore{Latest: latest, Stats: []cron.Stats{plain, whole, plain}},
			"resolving 5 1 2, connecting - 2 1, securing - 4 4, waiting - 10 4, receiving - 2 2, total 5 20 9, "},
		{"lost", cron.Lost(), cron.GoodBefore{Latest: latest, Stats: []cron.Stats{whole}},
			"resolving - 1 1, connecting - 2 2, securing - 4 4, waiting - 10 10, receiving - 2 2, total 0 20 20, "},
	} {
		got := ""
		for _, p := range cron.CompareTimings(&test.now, &test.good) {
			name := p.Phase.String()
			if p.Phase == cron.PhaseNone {
				name = "total"
			}
			got += name
			for _, d := range []time.Duration{p.Now, p.Good, p.Median} {
				if d < 0 {
					got += " -"
				} else {
					got += fmt.Sprintf(" %g", float64(d)/float64(ms))
				}
			}
			got += ", "
		}
		if got != test.want {
			t.Errorf("%s:\n%s, want\n%s", test.name, got, test.want)
		}
	}
}
