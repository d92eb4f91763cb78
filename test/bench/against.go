package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// contender is one of the two binaries that are compared.
type contender struct {
	bench // has its options, and what is known of the accounts and jobs
	name  string
	// filled is a database that the binary has made itself, with the accounts and jobs. Each run has a copy of it.
	filled location
	runs   []report
}

// comparison is the result of -against.
type comparison struct {
	Database string
	Jobs     int
	Accounts int
	Order    string // in which the jobs were created
	Stored   int
	Nodes    int
	Bursts   int // of each run
	Repeated int // pairs that were measured again, since the machine was not quiet
	Ratios   []ratio
	New      []report
	Against  []report
}

// pairing compares two binaries by runs in turn, each with a database of its own.
type pairing struct {
	options
	dir        string
	contenders []*contender
	log        io.Writer     // receives a line for each run
	ahead      time.Duration // from when jobs are planned anew for a run until the first instant, at least
}

// compareBinaries measures pairs of runs. What it has measured when ctx ends counts.
func compareBinaries(ctx context.Context, o options, log io.Writer) (c comparison, err error) {
	// It takes a while to plan many jobs anew, and to start.
	a := &pairing{options: o, log: log, ahead: 1500*time.Millisecond + time.Duration(o.jobs)*20*time.Microsecond}
	if err := a.contend(); err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, a.tidy(context.WithoutCancel(ctx))) }()
	if err := a.prepare(ctx); err != nil {
		return c, err
	}
	c = comparison{Database: "SQLite", Jobs: o.jobs + o.hog, Accounts: o.accounts, Order: o.order, Stored: o.stored, Nodes: o.nodes, Bursts: o.rounds}
	if o.database != "" {
		c.Database = "PostgreSQL"
	}
	err = a.measurePairs(ctx, &c)
	c.New, c.Against = a.contenders[0].runs, a.contenders[1].runs
	var figures [2][][]figure
	for i, x := range a.contenders {
		for _, r := range x.runs {
			figures[i] = append(figures[i], r.figures())
		}
	}
	c.Ratios = compare(figures[0], figures[1])
	return c, err
}

// contend settles the options, and makes contenders of them: only one without -against.
func (a *pairing) contend() error {
	theirs, err := a.ofAgainst()
	if err := errors.Join(err, a.settle()); err != nil {
		return err
	}
	a.contenders = []*contender{{name: "new", bench: bench{options: a.options}}}
	if a.against != "" {
		a.contenders = append(a.contenders, &contender{name: "against", bench: bench{options: theirs}})
	}
	return nil
}

// prepare builds the service unless there is a binary, waits for a quiet machine, seeds accounts and jobs, has each binary make a database, and
// copies the rows there. tidy has to follow even when it fails.
func (a *pairing) prepare(ctx context.Context) (err error) {
	if a.dir, err = os.MkdirTemp("", "punctual-bench"); err != nil {
		return err
	}
	ours := &a.contenders[0].bench
	ours.dir = a.dir
	if err := errors.Join(ours.build(ctx), ours.awaitQuiet(ctx)); err != nil {
		return err
	}
	home := location{a.database, a.dir} // a server may have been started since the options were read
	if home.url != "" && home.database() == "" {
		return errors.New("-database names no database")
	}
	var seeds location
	var tables []string
	for i, x := range a.contenders {
		if i == 0 || a.theirs != "" { // other options may make other jobs
			if seeds, err = home.beside("seeds-" + x.name); err != nil {
				return err
			}
			defer func(l location) { err = errors.Join(err, drop(context.WithoutCancel(ctx), l)) }(seeds)
			if tables, err = x.seedAt(ctx, seeds); err != nil {
				return fmt.Errorf("seed: %w", err)
			}
		} else {
			x.seeded = a.contenders[0].seeded
		}
		if x.filled, err = home.beside(x.name); err == nil {
			err = x.makeDatabase(ctx)
		}
		if err == nil {
			err = copyRows(ctx, seeds, x.filled, tables)
		}
		if err == nil && x.connection != "" {
			err = setConnection(ctx, x.filled, x.connection)
		}
		if err != nil {
			return fmt.Errorf("prepare a database for %s: %w", x.binary, err)
		}
	}
	return nil
}

// seedAt makes a database with the service's own store and the accounts and jobs, and returns which tables these filled.
func (x *contender) seedAt(ctx context.Context, l location) (tables []string, err error) {
	b := x.at(l)
	if err := create(ctx, l); err != nil {
		return nil, err
	}
	s, err := b.openStore(ctx)
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("make a database: %w", err)
	}
	before, err := l.filled(ctx)
	if err != nil {
		return nil, err
	}
	if err := b.seed(ctx); err != nil {
		return nil, err
	}
	x.seeded = b.seeded
	tables, err = l.filled(ctx)
	return slices.DeleteFunc(tables, func(t string) bool { return slices.Contains(before, t) }), err
}

// makeDatabase has the binary make its database.
func (x *contender) makeDatabase(ctx context.Context) error {
	if err := create(ctx, x.filled); err != nil {
		return err
	}
	b := x.at(x.filled)
	if err := b.startNode(ctx, 0); err != nil {
		b.server.kill()
		return err
	}
	return b.server.stop()
}

// tidy removes all databases and files.
func (a *pairing) tidy(ctx context.Context) (err error) {
	for _, x := range a.contenders {
		if x.filled != (location{}) {
			err = errors.Join(err, drop(ctx, x.filled))
		}
	}
	if a.dir != "" {
		err = errors.Join(err, os.RemoveAll(a.dir))
	}
	return err
}

// at is the contender with a database.
func (x *contender) at(l location) *bench {
	b := &bench{options: x.options, seeded: x.seeded, dir: l.dir, sent: make(map[int32]int)}
	b.database = l.url
	return b
}

// measurePairs measures pairs until there are enough, or ctx ends.
func (a *pairing) measurePairs(ctx context.Context, c *comparison) error {
	for len(a.contenders[0].runs) < a.pairs {
		// A B, B A, and so on: what changes slowly on the machine hits both.
		order := a.contenders
		if (len(a.contenders[0].runs)+c.Repeated)%2 == 1 {
			order = []*contender{a.contenders[1], a.contenders[0]}
		}
		var pair [2]report
		var err error
		for i, x := range order {
			pair[i], err = a.measureOne(ctx, x)
			for errors.Is(err, errLate) && a.ahead < time.Minute {
				a.ahead *= 2
				pair[i], err = a.measureOne(ctx, x)
			}
			if err != nil {
				break
			}
		}
		if busy, is := errors.AsType[*busyError](err); is && busy.Started && c.Repeated < a.pairs {
			c.Repeated++
			_, _ = fmt.Fprintln(a.log, "bench: the pair is measured again:", err)
			continue
		}
		if err != nil {
			return err
		}
		for i, x := range order {
			x.runs = append(x.runs, pair[i])
		}
	}
	return nil
}

// measureOne measures one run of a binary.
func (a *pairing) measureOne(ctx context.Context, x *contender) (r report, err error) {
	place, err := location{a.database, a.dir}.beside("run")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, drop(context.WithoutCancel(ctx), place)) }()
	if err := clone(ctx, x.filled, place); err != nil {
		return r, fmt.Errorf("copy a database: %w", err)
	}
	b := x.at(place)
	if err := b.awaitQuiet(ctx); err != nil {
		return r, err
	}
	b.first = time.Now().Add(a.ahead).Truncate(a.every).Add(a.every)
	if err := replan(ctx, place, b.first, a.every); err != nil {
		return r, err
	}
	if r, err = b.once(ctx); err == nil {
		f := &r.Rounds[len(r.Rounds)-1]
		_, _ = fmt.Fprintf(a.log, "bench: %s: last burst p50 %s, p99 %s, %.0f µs of CPU, %d violations\n", x.name, ms(f.Target.P50), ms(f.Target.P99),
			r.ServerCPU, len(r.Violations))
	}
	return r, err
}

// violations is how many promises are broken.
func (c *comparison) violations() (n int) {
	for _, r := range slices.Concat(c.New, c.Against) {
		n += len(r.Violations)
	}
	return n
}

// print writes the comparison as a table.
func (c *comparison) print(w io.Writer) {
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
	line("%s, %d nodes, %d jobs, %d accounts, %d more jobs stored; order of creation: %s; %d pairs of runs, each of %d bursts",
		c.Database, c.Nodes, c.Jobs, c.Accounts, c.Stored, c.Order, len(c.New), c.Bursts)
	if c.Repeated > 0 {
		line("%d pairs were measured again, since the machine was not quiet", c.Repeated)
	}
	printRatios(w, c.Ratios)
	for i := range c.New {
		c.New[i].printViolations(w, fmt.Sprintf("ledger %d of new", i+1))
		c.Against[i].printViolations(w, fmt.Sprintf("ledger %d of against", i+1))
	}
}

// benchAgainst is the command with -against.
func benchAgainst(ctx context.Context, o options) error {
	c, err := compareBinaries(ctx, o, os.Stderr)
	if len(c.New) > 0 {
		err = errors.Join(show(o.json, &c), err)
	}
	if n := c.violations(); err == nil && n > 0 {
		err = fmt.Errorf("%d promises are broken", n)
	}
	return err
}
