package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
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
	LastArrival      time.Duration // of any request
	ServerCPU        float64       // microseconds per execution, until the burst was durable
	DatabaseCPU      float64
	Cores            shares // of the machine until the last arrival
}

// executions is how many requests were received.
func (r *round) executions() int { return r.Arrived + r.Again + r.Hanging }

// report is the result.
type report struct {
	Database         string
	Jobs             int
	Accounts         int
	Order            string // in which the jobs were created
	Stored           int
	Nodes            int
	Rounds           []round
	ServerCPU        float64 // microseconds per execution
	TargetCPU        float64
	DatabaseCPU      float64 // 0 with SQLite, or when the server is elsewhere
	IdleCPU          float64 // share of a core that the service uses between bursts; -1 when it was never idle
	Claim            float64 // mean, in milliseconds
	Finish           float64
	PeakMemory       int64   // bytes of the node that used most
	DiskPerExecution float64 // by which the database grew
	// WrittenPerExecution is bytes that reached a disk; 0 where that is unknown.
	WrittenPerExecution float64
	Connections         float64 // an execution
	FullHandshakes      float64 // an execution
	ResumedHandshakes   float64 // an execution
	API                 *apiReport
	Actions             *actionReport
	Noise               float64  // share of the machine that other processes used
	Stolen              float64  // share of the machine that other machines on the same hardware used
	Violations          []string // of the promises
	Checked             string   // how the ledger was checked; empty when it was not
}

// drained are the shares of the machine while the bursts drained, and how long that took in all.
func (r *report) drained() (s shares, took time.Duration) {
	for _, x := range r.Rounds {
		took += x.LastArrival
	}
	for _, x := range r.Rounds {
		part := float64(x.LastArrival) / float64(max(1, took))
		s.Idle += part * x.Cores.Idle
		s.IOWait += part * x.Cores.IOWait
		s.Others += part * x.Cores.Others
		s.Stolen += part * x.Cores.Stolen
	}
	return s, took
}

// refuse is an error when others used too much of the machine, either in the whole run or while bursts drained.
func (r *report) refuse() error {
	if err := (shares{Others: r.Noise, Stolen: r.Stolen}).refuse(true); err != nil {
		return err
	}
	if s, took := r.drained(); took >= time.Second { // less cannot be told from the unit of CPU times
		return s.refuse(true)
	}
	return nil
}

// column is a column of the table of bursts.
type column struct {
	title  string
	cell   func(*round) string
	always bool // also when all its cells are "0"
}

// columns are those of the table of bursts.
func columns() []column {
	number := func(title string, n func(*round) int) column {
		return column{title, func(x *round) string { return strconv.Itoa(n(x)) }, false}
	}
	duration := func(title string, d func(*round) time.Duration) column {
		return column{title, func(x *round) string { return ms(d(x)) }, true}
	}
	share := func(title string, s func(*round) float64) column {
		return column{title, func(x *round) string { return fmt.Sprintf("%.1f %%", 100*s(x)) }, true}
	}
	cpu := func(title string, c func(*round) float64) column {
		return column{title, func(x *round) string { return fmt.Sprintf("%.0f", c(x)) }, false}
	}
	arrived := number("arrived", func(x *round) int { return x.Arrived })
	arrived.always = true
	return []column{
		arrived,
		number("again", func(x *round) int { return x.Again }),
		number("hanging", func(x *round) int { return x.Hanging }),
		number("failed", func(x *round) int { return x.Other }),
		number("running", func(x *round) int { return x.Running }),
		duration("p50", func(x *round) time.Duration { return x.Target.P50 }),
		duration("p90", func(x *round) time.Duration { return x.Target.P90 }),
		duration("p99", func(x *round) time.Duration { return x.Target.P99 }),
		duration("last start", func(x *round) time.Duration { return x.Target.Max }),
		{"a second", func(x *round) string { return fmt.Sprintf("%.0f", x.PerSecond) }, true},
		duration("durable", func(x *round) time.Duration { return x.DurableAfter }),
		duration("after the last", func(x *round) time.Duration { return x.DurableAfterLast }),
		cpu("CPU µs", func(x *round) float64 { return x.ServerCPU }),
		cpu("in the database", func(x *round) float64 { return x.DatabaseCPU }),
		share("idle", func(x *round) float64 { return x.Cores.Idle }),
		share("iowait", func(x *round) float64 { return x.Cores.IOWait }),
		share("others", func(x *round) float64 { return x.Cores.Others }),
	}
}

// printRounds writes the table of bursts, without columns of which nothing is known but zeros.
func printRounds(w io.Writer, rounds []round) {
	shown := slices.DeleteFunc(columns(), func(c column) bool {
		return !c.always && !slices.ContainsFunc(rounds, func(x round) bool { return c.cell(&x) != "0" })
	})
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, c := range shown {
		_, _ = fmt.Fprint(t, c.title, "\t")
	}
	_, _ = fmt.Fprintln(t)
	for i := range rounds {
		for _, c := range shown {
			_, _ = fmt.Fprint(t, c.cell(&rounds[i]), "\t")
		}
		_, _ = fmt.Fprintln(t)
	}
	_ = t.Flush()
}

// trend compares the last burst with an earlier one.
func trend(last, earlier *round) string {
	parts := make([]string, 0, 4)
	for _, x := range []struct {
		name          string
		last, earlier float64
	}{
		{"p50", float64(last.Target.P50), float64(earlier.Target.P50)},
		{"p99", float64(last.Target.P99), float64(earlier.Target.P99)},
		{"last start", float64(last.Target.Max), float64(earlier.Target.Max)},
		{"CPU", last.ServerCPU, earlier.ServerCPU},
	} {
		if x.earlier > 0 {
			parts = append(parts, fmt.Sprintf("%s %.2f", x.name, x.last/x.earlier))
		}
	}
	return strings.Join(parts, ", ")
}

// show writes the report of a command to stdout, as JSON or as a table.
func show(asJSON bool, r interface{ print(w io.Writer) }) error {
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(r)
	}
	r.print(os.Stdout)
	return nil
}

// print writes the report as a table.
func (r *report) print(w io.Writer) {
	printRounds(w, r.Rounds)
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
	line("%s, %d nodes, %d jobs, %d accounts, %d more jobs stored; order of creation: %s", r.Database, r.Nodes, r.Jobs, r.Accounts, r.Stored, r.Order)
	line("CPU an execution: service %.0f µs, target %.0f µs, database %.0f µs", r.ServerCPU, r.TargetCPU, r.DatabaseCPU)
	line("claim %.1f ms, finish %.1f ms on average; peak memory of a node %.0f MB; an execution makes the database %.0f bytes larger, and %.0f are written",
		r.Claim, r.Finish, float64(r.PeakMemory)/1e6, r.DiskPerExecution, r.WrittenPerExecution)
	if r.FullHandshakes+r.ResumedHandshakes > 0 {
		line("connections an execution: %.3f; TLS handshakes: %.3f full, %.3f resumed", r.Connections, r.FullHandshakes, r.ResumedHandshakes)
	} else {
		line("connections an execution: %.3f", r.Connections)
	}
	s, _ := r.drained()
	line("while the bursts drained the cores were idle %.1f %% and waited for the disk %.1f %% of the time, and other processes used %.1f %%",
		100*s.Idle, 100*s.IOWait, 100*s.Others)
	if n := len(r.Rounds); n > 1 {
		line("the last burst against the first: %s", trend(&r.Rounds[n-1], &r.Rounds[0]))
		if n > 2 {
			line("the last burst against the second: %s", trend(&r.Rounds[n-1], &r.Rounds[1]))
		}
	}
	if r.IdleCPU >= 0 {
		line("between the bursts the service uses %.2f %% of a core", 100*r.IdleCPU)
	}
	if a := r.API; a != nil {
		line("API: %d requests, %d failed, p50 %s, p99 %s, max %s", a.Requests, a.Failed, ms(a.Time.P50), ms(a.Time.P99), ms(a.Time.Max))
	}
	if a := r.Actions; a != nil {
		line("actions: %d jobs changed, %.0f a second, the slowest action took %s", a.Changed, a.PerSecond, ms(a.Slowest))
	}
	r.printViolations(w, "ledger")
	if r.Noise > quietEnough || r.Stolen > quietEnough {
		line("The machine was not quiet: other processes used %.0f %% of it and other machines took %.0f %%. Take these figures with doubt.",
			100*r.Noise, 100*r.Stolen)
	}
}

// printViolations writes the result of the check of a ledger.
func (r *report) printViolations(w io.Writer, ledger string) {
	switch r.Checked {
	case checkedByPromises:
		_, _ = fmt.Fprintf(w, "%s: %d violations\n", ledger, len(r.Violations))
	case checkedByCounts:
		_, _ = fmt.Fprintf(w, "%s: %d violations; records and requests were counted only, since the schema is another one than that of this program\n",
			ledger, len(r.Violations))
	}
	for _, v := range r.Violations[:min(len(r.Violations), 20)] {
		_, _ = fmt.Fprintf(w, "  %s\n", v)
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
