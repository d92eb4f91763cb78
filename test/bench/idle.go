package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"time"
)

// idling measures what a service uses between bursts, when its accounts have statistics. Two binaries are measured at the same time, each with a
// database of its own: they leave the machine idle, and what each of them uses is known.
type idling struct {
	pairing
	warm  int // bursts before those after which is measured
	nodes []*idleNode
}

// idleNode is one service of an idling.
type idleNode struct {
	*bench
	name    string
	windows [][]figure
	backend map[int]time.Duration // CPU times of the processes of PostgreSQL that have worked for the service
}

// idleReport is the result.
type idleReport struct {
	Database string
	Jobs     int
	Accounts int
	Windows  int           // in which was measured
	Window   time.Duration // how long each was
	Figures  []ratio
	Noise    shares
}

// benchIdle is the command "idle".
func benchIdle(ctx context.Context, args []string) error {
	n := &idling{}
	o := &n.options
	f := flag.NewFlagSet("idle", flag.ExitOnError)
	o.define(f)
	for name, value := range map[string]string{"jobs": "1000", "rounds": "2"} {
		if err := f.Set(name, value); err != nil {
			return err
		}
	}
	f.IntVar(&n.warm, "warm", 1, "after how many bursts nothing is measured yet")
	_ = f.Parse(args) // exits on an error
	return withDatabase(o, func() error {
		r, err := n.run(ctx)
		if err != nil {
			return err
		}
		return show(o.json, &r)
	})
}

// run performs the whole benchmark.
func (n *idling) run(ctx context.Context) (r idleReport, err error) {
	if err := n.contend(); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, n.tidy(context.WithoutCancel(ctx))) }()
	if err := n.prepare(ctx); err != nil {
		return r, err
	}
	first := time.Now().Add(5 * time.Second).Truncate(n.every).Add(n.every)
	for i, x := range n.contenders {
		if err := replan(ctx, x.filled, first, n.every); err != nil {
			return r, err
		}
		b := x.at(x.filled)
		b.port = n.firstPort - 1 - i
		n.nodes = append(n.nodes, &idleNode{bench: b, name: x.name})
	}
	defer func() {
		for _, b := range n.nodes {
			b.target.kill()
			b.server.kill()
			if b.db != nil {
				err = errors.Join(err, b.db.Close())
			}
		}
	}()
	if err := n.nodes[0].startTarget(ctx); err != nil { // for all of them
		return r, fmt.Errorf("start the target: %w", err)
	}
	for _, b := range n.nodes {
		if err := b.startServer(ctx); err != nil {
			return r, fmt.Errorf("start %s: %w", b.binary, err)
		}
		if b.database != "" {
			b.databaseServer, b.reader = serverOf(ctx, b.db)
		}
	}
	r = idleReport{Database: "SQLite", Jobs: n.jobs, Accounts: n.accounts, Windows: n.rounds}
	if n.database != "" {
		r.Database = "PostgreSQL"
	}
	for i := range n.rounds {
		due := first.Add(time.Duration(n.warm+i-1) * n.every)
		if err := n.window(ctx, due, &r); err != nil {
			return r, err
		}
	}
	figures := [2][][]figure{n.nodes[0].windows, n.nodes[len(n.nodes)-1].windows}
	r.Figures = compare(figures[0], figures[1])
	if !n.busy {
		err = r.Noise.refuse(true)
	}
	return r, err
}

// afterBurst is how long after an instant its burst has long been finished, and the caches have been written.
const afterBurst = 10 * time.Second

// window measures from after a burst until before the next one.
func (n *idling) window(ctx context.Context, due time.Time, r *idleReport) error {
	from, to := due.Add(min(afterBurst, n.every/3)), due.Add(n.every-time.Second)
	if err := sleepUntil(ctx, from); err != nil {
		return err
	}
	type reading struct {
		moment
		backends time.Duration
		written  int64
	}
	read := func() (all []reading, err error) {
		for _, b := range n.nodes {
			err = errors.Join(err, b.watch(ctx))
			all = append(all, reading{b.now(), b.backends(), b.server.written()})
		}
		return all, err
	}
	before, err := read()
	for next := from; err == nil && next.Before(to); err = errors.Join(err, n.watch(ctx)) {
		next = next.Add(min(time.Second, to.Sub(next)))
		err = sleepUntil(ctx, next)
	}
	if err != nil {
		return err
	}
	after, err := read()
	if err != nil {
		return err
	}
	whole := after[0].since(before[0].moment) // with all of the database
	for i, b := range n.nodes {
		used := after[i].since(before[i].moment)
		if i > 0 {
			whole.server += used.server
		}
		r.Window = after[i].at.Sub(before[i].at)
		b.windows = append(b.windows, []figure{
			{"service, share of a core", float64(used.server) / float64(r.Window), hundredths},
			{"database, share of a core", float64(after[i].backends-before[i].backends) / float64(r.Window), hundredths},
			{"written by the service, a minute", float64(after[i].written-before[i].written) / r.Window.Minutes(), kilobytes},
		})
	}
	s := whole.shares()
	r.Noise.Others, r.Noise.Stolen = max(r.Noise.Others, s.Others), max(r.Noise.Stolen, s.Stolen)
	return nil
}

// watch watches the database of each service.
func (n *idling) watch(ctx context.Context) (err error) {
	for _, b := range n.nodes {
		err = errors.Join(err, b.watch(ctx))
	}
	return err
}

// hundredths shows a share in hundredths of a percent.
func hundredths(v float64) string { return fmt.Sprintf("%.2f %%", 100*v) }

// kilobytes shows a number of bytes.
func kilobytes(v float64) string { return fmt.Sprintf("%.0f kB", v/1000) }

// watch notes the CPU times of the processes that work for the service in PostgreSQL. Those of one that has ended stay as they were seen last.
func (b *idleNode) watch(ctx context.Context) error {
	if b.database == "" {
		return nil
	}
	if b.backend == nil {
		b.backend = make(map[int]time.Duration)
	}
	rows, err := b.db.QueryContext(ctx, `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	if err != nil {
		return fmt.Errorf("list the processes of the database: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var pid int
		if err := rows.Scan(&pid); err != nil {
			return err
		}
		if used, _ := cpuOf(pid); used > 0 {
			b.backend[pid] = used
		}
	}
	return rows.Err()
}

// backends is the CPU time of the processes that have worked for the service in PostgreSQL.
func (b *idleNode) backends() (total time.Duration) {
	for used := range maps.Values(b.backend) {
		total += used
	}
	return total
}

// print writes the report as a table.
func (r *idleReport) print(w io.Writer) {
	_, _ = fmt.Fprintf(w, "%s, %d jobs, %d accounts; between bursts, %d times for %.0f s\n", r.Database, r.Jobs, r.Accounts, r.Windows, r.Window.Seconds())
	printRatios(w, r.Figures)
	_, _ = fmt.Fprintf(w, "other processes used %.1f %% of the machine\n", 100*r.Noise.Others)
}
