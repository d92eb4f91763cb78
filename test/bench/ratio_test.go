package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		list []float64
		want float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{5, 1}, 3}, {[]float64{9, 1, 4}, 4}, {[]float64{8, 1, 2, 4}, 3}} {
		if got := median(slices.Clone(c.list)); got != c.want {
			t.Errorf("the median of %v is %v, want %v", c.list, got, c.want)
		}
	}
}

func TestCompare(t *testing.T) {
	show := func(float64) string { return "x" }
	run := func(p50, database, idle float64) []figure {
		return []figure{{"p50", p50, show}, {"CPU of the database", database, show}, {"idle", idle, show}}
	}
	list := compare([][]figure{run(6, 0, 0.01), run(9, 0, 0), run(8, 0, 0.01)}, [][]figure{run(10, 0, 0.1), run(10, 0, 0), run(16, 0, 0.1)})
	if len(list) != 2 {
		t.Fatalf("got %+v, want two ratios: nothing is known of the database", list)
	}
	x := list[0]
	if x.Name != "p50" || x.New != 8 || x.Against != 10 || x.Ratio != 0.6 || x.Lowest != 0.5 || x.Highest != 0.9 || !slices.Equal(x.Pairs, []float64{0.6, 0.9, 0.5}) {
		t.Errorf("got %+v", x)
	}
	if x := list[1]; x.Name != "idle" || x.Pairs != nil || x.Ratio != 0 {
		t.Errorf("got %+v, want no ratio to 0", x)
	}
	var table bytes.Buffer
	printRatios(&table, list)
	if lines := strings.Split(table.String(), "\n"); len(lines) != 4 || !strings.Contains(lines[1], "0.60") || !strings.Contains(lines[2], "–") {
		t.Errorf("got %s", table.String())
	}
	if list := compare(nil, nil); list != nil {
		t.Errorf("got %+v of no runs", list)
	}
}

// TestRounds shows no columns of zeros, and compares the last burst with others.
func TestRounds(t *testing.T) {
	rounds := []round{
		{Arrived: 10, Target: lateness{P50: 100 * time.Millisecond, P99: time.Second, Max: 2 * time.Second}, ServerCPU: 100},
		{Arrived: 10, Again: 0, Target: lateness{P50: 150 * time.Millisecond, P99: time.Second, Max: 3 * time.Second}, ServerCPU: 120},
	}
	var table bytes.Buffer
	printRounds(&table, rounds)
	head, _, _ := strings.Cut(table.String(), "\n")
	for _, absent := range []string{"again", "hanging", "database"} {
		if strings.Contains(head, absent) {
			t.Errorf("the table has %q: %s", absent, head)
		}
	}
	rounds[1].Again = 1
	table.Reset()
	if printRounds(&table, rounds); !strings.Contains(table.String(), "again") {
		t.Errorf("the table is %s", table.String())
	}
	if got, want := trend(&rounds[1], &rounds[0]), "p50 1.50, p99 1.00, last start 1.50, CPU 1.20"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
