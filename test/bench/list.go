package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"time"
)

// listing measures GET /jobs of an account with many jobs. Two binaries run at the same time, each with a database of its own, and are called in turn.
type listing struct {
	pairing
	calls  int
	nodes  []*bench
	client http.Client
}

// listReport is the result.
type listReport struct {
	Database string
	Jobs     int
	Calls    int // of each kind and binary
	Figures  []ratio
	Noise    shares
}

// benchList is the command "list".
func benchList(ctx context.Context, args []string) error {
	l := &listing{client: http.Client{Transport: &http.Transport{DisableCompression: true}}}
	o := &l.options
	f := flag.NewFlagSet("list", flag.ExitOnError)
	o.define(f)
	f.IntVar(&l.calls, "calls", 30, "how many calls of each kind each binary has")
	_ = f.Parse(args) // exits on an error
	return withDatabase(o, func() error {
		r, err := l.run(ctx)
		if err != nil {
			return err
		}
		return show(o.json, &r)
	})
}

// run performs the whole benchmark.
func (l *listing) run(ctx context.Context) (r listReport, err error) {
	l.accounts = 1
	if err := l.contend(); err != nil {
		return r, err
	}
	for _, x := range l.contenders { // no job is due meanwhile
		x.stored, x.jobs = l.jobs, 0
	}
	defer func() { err = errors.Join(err, l.tidy(context.WithoutCancel(ctx))) }()
	if err := l.prepare(ctx); err != nil {
		return r, err
	}
	defer func() {
		for _, b := range l.nodes {
			b.server.kill()
			if b.db != nil {
				err = errors.Join(err, b.db.Close())
			}
		}
	}()
	for i, x := range l.contenders {
		b := x.at(x.filled)
		b.port = l.firstPort - 1 - i
		l.nodes = append(l.nodes, b)
		if err := b.startServer(ctx); err != nil {
			return r, fmt.Errorf("start %s: %w", b.binary, err)
		}
		if b.database != "" {
			b.databaseServer, b.reader = serverOf(ctx, b.db)
		}
	}
	r = listReport{Database: "SQLite", Jobs: l.jobs, Calls: l.calls}
	if l.database != "" {
		r.Database = "PostgreSQL"
	}
	if err := sleepUntil(ctx, time.Now().Add(2*time.Second)); err != nil { // what is done after the start is over
		return r, err
	}
	before := l.now()
	figures, cpu := make([][][]figure, len(l.nodes)), make([][2]time.Duration, len(l.nodes))
	for range l.calls {
		for i, b := range l.nodes {
			call, err := l.callBoth(ctx, b, &cpu[i])
			if err != nil {
				return r, err
			}
			figures[i] = append(figures[i], call)
		}
	}
	last := len(l.nodes) - 1 // the first one again when there is only one
	r.Figures = append(compare(figures[0], figures[last]), compare([][]figure{l.cpuFigures(cpu[0])}, [][]figure{l.cpuFigures(cpu[last])})...)
	r.Noise = l.now().since(before).shares()
	if !l.busy {
		err = r.Noise.refuse(true)
	}
	return r, err
}

// now is a moment of all services.
func (l *listing) now() moment {
	m := l.nodes[0].now()
	for _, b := range l.nodes[1:] {
		m.server += b.server.cpu()
	}
	return m
}

// encodings are the kinds of calls.
func encodings() [2]string { return [2]string{"identity", "gzip"} }

// callBoth lists all jobs without and with compression. It adds the CPU that each took, whose unit is too large for a single call.
func (l *listing) callBoth(ctx context.Context, b *bench, cpu *[2]time.Duration) (figures []figure, err error) {
	for i, encoding := range encodings() {
		before := b.now()
		c, err := l.call(ctx, b, encoding)
		if err != nil {
			return nil, err
		}
		used := b.now().since(before)
		cpu[i] += used.server + used.database
		figures = append(figures, figure{"time, " + encoding, float64(c.took), milliseconds},
			figure{"time to the first byte, " + encoding, float64(c.first), milliseconds}, figure{"bytes, " + encoding, float64(c.bytes), kilobytes})
	}
	return figures, nil
}

// cpuFigures are the CPU of a call of each kind.
func (l *listing) cpuFigures(cpu [2]time.Duration) (figures []figure) {
	for i, encoding := range encodings() {
		figures = append(figures, figure{"CPU of service and database, " + encoding, float64(cpu[i]) / float64(l.calls), milliseconds})
	}
	return figures
}

// milliseconds shows a duration.
func milliseconds(v float64) string { return ms(time.Duration(v)) }

// listCall is what one call took.
type listCall struct {
	first, took time.Duration
	bytes       int
}

// call lists all jobs, and checks that the list is whole.
func (l *listing) call(ctx context.Context, b *bench, encoding string) (c listCall, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url()+"/jobs", nil)
	if err != nil {
		return c, err
	}
	req.Header.Set("Authorization", "Bearer "+b.keys[0])
	req.Header.Set("Accept-Encoding", encoding)
	start := time.Now()
	res, err := l.client.Do(req)
	if err != nil {
		return c, err
	}
	defer func() { _ = res.Body.Close() }()
	c.first = time.Since(start)
	body, err := io.ReadAll(res.Body)
	if c.took, c.bytes = time.Since(start), len(body); err != nil {
		return c, err
	}
	if res.StatusCode != http.StatusOK {
		return c, fmt.Errorf("GET /jobs answered %s: %.200s", res.Status, body)
	}
	jobs, err := jobsOf(body, res.Header.Get("Content-Encoding"))
	if err == nil && jobs != l.jobs {
		err = fmt.Errorf("GET /jobs lists %d jobs, want %d", jobs, l.jobs)
	}
	return c, err
}

// jobsOf counts the jobs of a list.
func jobsOf(body []byte, encoding string) (int, error) {
	in := io.Reader(bytes.NewReader(body))
	if encoding == "gzip" {
		var err error
		if in, err = gzip.NewReader(in); err != nil {
			return 0, err
		}
	}
	var list struct {
		Jobs []json.RawMessage `json:"jobs"`
	}
	err := json.NewDecoder(in).Decode(&list)
	return len(list.Jobs), err
}

// print writes the report as a table.
func (r *listReport) print(w io.Writer) {
	_, _ = fmt.Fprintf(w, "GET /jobs of %d jobs, %s; %d calls of each kind\n", r.Jobs, r.Database, r.Calls)
	printRatios(w, r.Figures)
	_, _ = fmt.Fprintf(w, "other processes used %.1f %% of the machine\n", 100*r.Noise.Others)
}
