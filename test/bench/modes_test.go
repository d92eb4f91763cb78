package main

import (
	"bytes"
	"compress/gzip"
	"flag"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"punctual/internal/store/storetest"
	"punctual/test/harness"
)

// parse makes options of a command line.
func parse(t *testing.T, args ...string) (o options) {
	t.Helper()
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	o.define(f)
	if err := f.Parse(append([]string{"-busy", "-jobs", "50", "-accounts", "5", "-every", "5s", "-rounds", "1"}, args...)); err != nil {
		t.Fatal(err)
	}
	return o
}

// named lists the names of ratios.
func named(list []ratio) (names []string) {
	for _, x := range list {
		names = append(names, x.Name)
	}
	return names
}

// TestAgainst compares the program with itself, and with itself by other options.
func TestAgainst(t *testing.T) {
	t.Parallel()
	binary := harness.Binary(t)
	for name, c := range map[string]struct {
		url  string
		args []string
	}{
		"sqlite":   {args: []string{"-first-port", "21801", "-pairs", "2"}},
		"options":  {args: []string{"-first-port", "21901", "-pairs", "1", "-https", "-hosts", "3", "-against-options", "-https=false -fail 0.5"}},
		"postgres": {url: storetest.EmptyPostgres(t), args: []string{"-first-port", "22001", "-pairs", "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := parse(t, append(c.args, "-binary", binary, "-against", binary, "-database", c.url)...)
			r, err := compareBinaries(t.Context(), o, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			if len(r.New) != o.pairs || len(r.Against) != o.pairs {
				t.Fatalf("there are %d and %d runs, want %d", len(r.New), len(r.Against), o.pairs)
			}
			for i, x := range slices.Concat(r.New, r.Against) {
				if x.Checked != checkedByPromises || len(x.Violations) > 0 || x.Rounds[0].Arrived == 0 {
					t.Errorf("run %d: %+v", i, x)
				}
			}
			if failed := r.Against[0].Rounds[0].Other; (failed > 0) != (name == "options") || r.New[0].Rounds[0].Other > 0 {
				t.Errorf("%d executions of the other binary failed", failed)
			}
			if all := named(r.Ratios); !slices.Contains(all, "lateness p50") || !slices.Contains(all, "CPU of the service") {
				t.Errorf("the ratios are %q", all)
			}
			var table bytes.Buffer
			if r.print(&table); !strings.Contains(table.String(), "ledger 1 of against: 0 violations") {
				t.Error(table.String())
			}
		})
	}
}

func TestAgainstOptions(t *testing.T) {
	o := parse(t, "-against", "b", "-jobs", "7", "-against-options", "-https -connection fresh -env A=B")
	theirs, err := o.ofAgainst()
	if err != nil || theirs.binary != "b" || theirs.jobs != 7 || !theirs.https || theirs.env != "A=B" || theirs.hosts != 1000 || theirs.ports != 1 {
		t.Errorf("got %+v, %v", theirs, err)
	}
	for _, wrong := range []string{"-jobs 8", "-rounds 9", "-every 1s", "-nothing", "-hosts x"} {
		o := parse(t, "-against", "b", "-against-options", wrong)
		if _, err := o.ofAgainst(); err == nil {
			t.Errorf("%q is accepted", wrong)
		}
	}
}

// TestVerifyCounts finds what is wrong in the ledger of a service of another version.
func TestVerifyCounts(t *testing.T) {
	o := parse(t)
	l := location{dir: t.TempDir()}
	execute(t, l, `CREATE TABLE execution (job_id bigint, planned_at bigint, attempt bigint, outcome bigint, node bigint)`,
		`INSERT INTO execution VALUES (11, 10000, 1, 1, 1), (11, 15000, 1, 1, 1), (12, 11000, 1, 1, 1), (12, 16000, 1, 0, 1), (13, 10000, 1, 1, 1),
			(13, 10000, 2, 1, 1), (13, 15000, 1, 1, 0), (11, 5000, 1, 1, 0)`)
	b := &bench{options: o, sent: map[int32]int{0: 2, 1: 1, 2: 2}}
	b.jobs, b.numbers = 3, map[int64]int32{11: 0, 12: 1, 13: 2}
	b.shifts = []time.Duration{0, time.Second, 0}
	var err error
	if b.db, err = l.openToRead(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.db.Close() })
	got, err := b.verifyCounts(t.Context(), time.Unix(10, 0), time.Unix(15, 0))
	want := []string{"end: an execution of job 1 still runs", "target: job 1 was called 1 times, and the ledger has 2"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v", got, err)
	}
	execute(t, l, `DELETE FROM execution WHERE job_id = 11 AND planned_at = 15000`)
	got, err = b.verifyCounts(t.Context(), time.Unix(10, 0), time.Unix(15, 0))
	if err != nil || !slices.Contains(got, "coverage: job 0 was due 2 times and has 1 records") {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestIdle measures between two bursts.
func TestIdle(t *testing.T) {
	t.Parallel()
	binary := harness.Binary(t)
	for name, url := range map[string]string{"sqlite": "", "postgres": storetest.EmptyPostgres(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			port := map[string]string{"sqlite": "22101", "postgres": "22201"}[name]
			n := &idling{warm: 1}
			n.options = parse(t, "-every", "5s", "-first-port", port, "-binary", binary, "-against", binary, "-database", url)
			r, err := n.run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if r.Windows != 1 || r.Window <= 0 {
				t.Errorf("the report is %+v", r)
			}
			var table bytes.Buffer
			if r.print(&table); !strings.Contains(table.String(), "between bursts") {
				t.Error(table.String())
			}
		})
	}
}

// TestList lists jobs with both binaries, and with one.
func TestList(t *testing.T) {
	t.Parallel()
	binary := harness.Binary(t)
	for name, c := range map[string]struct {
		url  string
		args []string
	}{
		"sqlite":   {args: []string{"-first-port", "22301", "-against", binary}},
		"alone":    {args: []string{"-first-port", "22401"}},
		"postgres": {url: storetest.EmptyPostgres(t), args: []string{"-first-port", "22501", "-against", binary}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := &listing{calls: 3}
			l.options = parse(t, append(c.args, "-binary", binary, "-database", c.url)...)
			r, err := l.run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			all := named(r.Figures)
			if r.Jobs != 50 || !slices.Contains(all, "time, identity") || !slices.Contains(all, "bytes, gzip") {
				t.Errorf("of %d jobs it says %q", r.Jobs, all)
			}
			var table bytes.Buffer
			if r.print(&table); !strings.Contains(table.String(), "GET /jobs of 50 jobs") {
				t.Error(table.String())
			}
		})
	}
}

// TestJobsOf counts jobs, compressed or not.
func TestJobsOf(t *testing.T) {
	const list = `{"jobs":[{"jobId":1},{"jobId":2}],"someFailed":false}`
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := io.WriteString(w, list); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	for encoding, body := range map[string][]byte{"": []byte(list), "gzip": packed.Bytes()} {
		if n, err := jobsOf(body, encoding); n != 2 || err != nil {
			t.Errorf("%q: got %d, %v", encoding, n, err)
		}
	}
	for encoding, body := range map[string]string{"": "{", "gzip": list} {
		if _, err := jobsOf([]byte(body), encoding); err == nil {
			t.Errorf("%q: %q is accepted", encoding, body)
		}
	}
}
