package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// lateness is how late a herd started.
type lateness struct{ P50, P90, P99, Max time.Duration }

// round is the herd of one instant.
type round struct {
	Due              int64
	Arrived          int // at the target
	Succeeded        int // by the ledger
	Other            int // failed, lost, missed or skipped, by the ledger
	Target           lateness
	Ledger           lateness
	PerSecond        float64 // arrivals a second until the last
	DurableAfter     time.Duration
	DurableAfterLast time.Duration // since the last arrival
}

// report is the result.
type report struct {
	Database         string
	Jobs             int
	Accounts         int
	Rounds           []round
	ServerCPU        float64 // microseconds an execution
	TargetCPU        float64
	PeakMemory       int64 // bytes
	DiskPerExecution float64
}

// print writes the report as a table.
func (r report) print(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(t, "arrived\tsucceeded\tother\tp50\tp90\tp99\tmax\tledger p50\tp99\tper second\tdurable after\tafter the last\t")
	ms := func(d time.Duration) string { return d.Round(time.Millisecond).String() }
	for _, x := range r.Rounds {
		_, _ = fmt.Fprintf(t, "%d\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%.0f\t%s\t%s\t\n", x.Arrived, x.Succeeded, x.Other,
			ms(x.Target.P50), ms(x.Target.P90), ms(x.Target.P99), ms(x.Target.Max), ms(x.Ledger.P50), ms(x.Ledger.P99),
			x.PerSecond, ms(x.DurableAfter), ms(x.DurableAfterLast))
	}
	_ = t.Flush()
	_, _ = fmt.Fprintf(w, "%s, %d jobs, %d accounts: CPU an execution %.0f µs service, %.0f µs target; peak memory %.0f MB; %.0f bytes on disk an execution\n",
		r.Database, r.Jobs, r.Accounts, r.ServerCPU, r.TargetCPU, float64(r.PeakMemory)/1e6, r.DiskPerExecution)
}
