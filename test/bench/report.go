package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// lateness is the distribution of the lateness of a burst, or of another duration.
type lateness struct{ P50, P90, P99, Max time.Duration }

// round is the burst of one instant. Targets that hang do not count for lateness.
type round struct {
	Due              int64 // Unix seconds
	Arrived          int   // first attempts at the target
	Again            int   // further attempts at the target
	Hanging          int   // requests to targets that hang
	Succeeded        int   // according to the ledger
	Other            int   // failed, lost, missed or skipped, according to the ledger
	Running          int   // according to the ledger, at the end of the round
	Target           lateness
	Ledger           lateness
	PerSecond        float64 // arrivals per second, until the last one
	DurableAfter     time.Duration
	DurableAfterLast time.Duration // since the last arrival
}

// report is the result.
type report struct {
	Database         string
	Jobs             int
	Accounts         int
	Stored           int
	Rounds           []round
	ServerCPU        float64 // microseconds per execution
	TargetCPU        float64
	DatabaseCPU      float64 // 0 with SQLite, or when the server is elsewhere
	IdleCPU          float64 // share of a core that the service uses between bursts; -1 when it was never idle
	Claim            float64 // mean, in milliseconds
	Finish           float64
	PeakMemory       int64 // bytes of the service
	DiskPerExecution float64
	API              *apiReport
	Actions          *actionReport
	Noise            float64  // share of the machine that other processes used
	Stolen           float64  // share of the machine that other machines on the same hardware used
	Violations       []string // of the promises
	Checked          bool
}

// quietEnough is the share of the machine that others may use before the figures are in doubt.
const quietEnough = 0.05

// print writes the report as a table.
func (r *report) print(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(t, "arrived\tagain\thanging\tsucceeded\tother\trunning\tp50\tp90\tp99\tmax\tledger p50\tp99\tper second\tdurable after\tafter the last\t")
	for _, x := range r.Rounds {
		_, _ = fmt.Fprintf(t, "%d\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%.0f\t%s\t%s\t\n", x.Arrived, x.Again, x.Hanging,
			x.Succeeded, x.Other, x.Running, ms(x.Target.P50), ms(x.Target.P90), ms(x.Target.P99), ms(x.Target.Max),
			ms(x.Ledger.P50), ms(x.Ledger.P99), x.PerSecond, ms(x.DurableAfter), ms(x.DurableAfterLast))
	}
	_ = t.Flush()
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
	line("%s, %d jobs, %d accounts, %d more jobs stored", r.Database, r.Jobs, r.Accounts, r.Stored)
	line("CPU an execution: service %.0f µs, target %.0f µs, database %.0f µs", r.ServerCPU, r.TargetCPU, r.DatabaseCPU)
	line("claim %.1f ms, finish %.1f ms on average; peak memory %.0f MB; %.0f bytes on disk an execution",
		r.Claim, r.Finish, float64(r.PeakMemory)/1e6, r.DiskPerExecution)
	if r.IdleCPU >= 0 {
		line("between the bursts the service uses %.2f %% of a core", 100*r.IdleCPU)
	}
	if a := r.API; a != nil {
		line("API: %d requests, %d failed, p50 %s, p99 %s, max %s", a.Requests, a.Failed, ms(a.Time.P50), ms(a.Time.P99), ms(a.Time.Max))
	}
	if a := r.Actions; a != nil {
		line("actions: %d jobs changed, %.0f a second, the slowest action took %s", a.Changed, a.PerSecond, ms(a.Slowest))
	}
	if r.Checked {
		line("ledger: %d violations", len(r.Violations))
	}
	for _, v := range r.Violations[:min(len(r.Violations), 20)] {
		line("  %s", v)
	}
	if r.Noise > quietEnough || r.Stolen > quietEnough {
		line("The machine was not quiet: other processes used %.0f %% of it and other machines took %.0f %%. Take these figures with doubt.",
			100*r.Noise, 100*r.Stolen)
	}
}

// ms formats a duration in milliseconds, or finer if it is short.
func ms(d time.Duration) string {
	if d < 10*time.Millisecond {
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(time.Millisecond).String()
}

// percentiles sorts d.
func percentiles(d []time.Duration) lateness {
	if len(d) == 0 {
		return lateness{}
	}
	slices.Sort(d)
	at := func(p float64) time.Duration { return d[min(len(d)-1, int(p*float64(len(d))))] }
	return lateness{P50: at(0.5), P90: at(0.9), P99: at(0.99), Max: d[len(d)-1]}
}
