package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// figure is one number of a run, which is compared between two binaries.
type figure struct {
	Name  string
	Value float64
	show  func(float64) string
}

// figures are the numbers of a run that are compared. Of several bursts it is the median.
func (r *report) figures() []figure {
	of := func(value func(*round) float64) float64 {
		var all []float64
		for i := range r.Rounds {
			all = append(all, value(&r.Rounds[i]))
		}
		return median(all)
	}
	seconds := func(name string, d func(*round) time.Duration) figure {
		return figure{name, of(func(x *round) float64 { return float64(d(x)) }), func(v float64) string { return ms(time.Duration(v)) }}
	}
	number := func(format string) func(float64) string {
		return func(v float64) string { return fmt.Sprintf(format, v) }
	}
	percent := func(v float64) string { return fmt.Sprintf("%.1f %%", 100*v) }
	cores, _ := r.drained()
	return []figure{
		seconds("lateness p50", func(x *round) time.Duration { return x.Target.P50 }),
		seconds("lateness p99", func(x *round) time.Duration { return x.Target.P99 }),
		seconds("last start", func(x *round) time.Duration { return x.Target.Max }),
		seconds("all durable after", func(x *round) time.Duration { return x.DurableAfter }),
		{"drained at, executions a second", of(func(x *round) float64 { return x.PerSecond }), number("%.0f")},
		{"CPU of the service", r.ServerCPU, number("%.0f µs")},
		{"CPU of the database", r.DatabaseCPU, number("%.0f µs")},
		{"CPU of the target", r.TargetCPU, number("%.0f µs")},
		{"peak memory", float64(r.PeakMemory) / 1e6, number("%.0f MB")},
		{"growth of the database", r.DiskPerExecution, number("%.0f bytes")},
		{"written to disks", r.WrittenPerExecution, number("%.0f bytes")},
		{"connections an execution", r.Connections, number("%.3f")},
		{"full TLS handshakes", r.FullHandshakes, number("%.3f")},
		{"resumed TLS handshakes", r.ResumedHandshakes, number("%.3f")},
		{"cores idle while draining", cores.Idle, percent},
		{"cores waiting for a disk", cores.IOWait, percent},
		{"used by other processes", cores.Others, percent},
	}
}

// median is the middle of numbers, which it sorts; 0 of nothing.
func median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	if half := len(list) / 2; len(list)%2 == 0 {
		return (list[half-1] + list[half]) / 2
	}
	return list[len(list)/2]
}

// ratio is a figure of two binaries over several pairs of runs.
type ratio struct {
	Name    string
	New     float64 // the median of the runs
	Against float64
	Ratio   float64   // New to Against: the median of the pairs
	Lowest  float64   // of the pairs
	Highest float64   // of the pairs
	Pairs   []float64 // in the order of the runs
	show    func(float64) string
}

// compare makes ratios of the figures of pairs of runs. Those that are 0 in all runs are left out, and so is the ratio to a figure that is 0 in any pair.
func compare(ours, theirs [][]figure) (list []ratio) {
	if len(ours) == 0 {
		return nil
	}
	for i := range ours[0] {
		x := ratio{Name: ours[0][i].Name, show: ours[0][i].show}
		var a, b []float64
		known := true
		for pair := range ours {
			a, b = append(a, ours[pair][i].Value), append(b, theirs[pair][i].Value)
			if known = known && b[pair] > 0; known {
				x.Pairs = append(x.Pairs, a[pair]/b[pair])
			}
		}
		if x.New, x.Against = median(a), median(b); x.New == 0 && x.Against == 0 {
			continue
		}
		if known {
			x.Ratio, x.Lowest, x.Highest = median(slices.Clone(x.Pairs)), slices.Min(x.Pairs), slices.Max(x.Pairs)
		} else {
			x.Pairs = nil
		}
		list = append(list, x)
	}
	return list
}

// printRatios writes the ratios as a table.
func printRatios(w io.Writer, list []ratio) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(t, "\tnew\tagainst\tratio\tlowest\thighest\t")
	for _, x := range list {
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t", x.Name, x.show(x.New), x.show(x.Against))
		if x.Pairs == nil {
			_, _ = fmt.Fprint(t, "–\t–\t–\t\n")
			continue
		}
		_, _ = fmt.Fprintf(t, "%.2f\t%.2f\t%.2f\t\n", x.Ratio, x.Lowest, x.Highest)
	}
	_ = t.Flush()
}
