package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"punctual/internal/cron"
)

// errLate says that there was not enough time before the first instant.
var errLate = errors.New("the service became ready too late for the first instant")

// measure runs the rounds and reads their results. It counts nothing before the first round.
func (b *bench) measure(ctx context.Context) (r report, err error) {
	r = report{Jobs: b.jobs + b.hog, Accounts: b.accounts, Order: b.order, Stored: b.stored, Nodes: b.nodes, Database: "SQLite", IdleCPU: -1}
	if b.database != "" {
		r.Database = "PostgreSQL"
		b.databaseServer, b.reader = serverOf(ctx, b.db)
	}
	var load *apiLoad
	if b.apiRate > 0 {
		if load, err = newAPILoad(ctx, b.url(), b.keys); err != nil {
			return r, err
		}
	}
	var actions *actionLoad
	if b.action {
		actions = newActionLoad(b.url(), b.keys[0])
	}
	first := b.first
	if first.IsZero() {
		first = time.Now().Add(2 * time.Second).Truncate(b.every).Add(b.every)
	}
	if time.Until(first) < 500*time.Millisecond {
		return r, errLate
	}
	if err := sleepUntil(ctx, first.Add(-time.Second)); err != nil {
		return r, err
	}
	if _, err := b.arrivals(); err != nil {
		return r, err
	}
	b.opened = opened{}
	before, disk, written := b.now(), b.diskBytes(ctx), b.written()
	sampling, stopSampling := context.WithCancel(ctx)
	var sampled sync.WaitGroup
	defer func() { stopSampling(); sampled.Wait() }()
	sampled.Go(func() { b.samples.run(sampling, b.now) })
	calling, hangUp := context.WithCancel(ctx)
	defer hangUp()
	var called sync.WaitGroup
	if load != nil {
		called.Go(func() { load.run(calling, b.apiRate) })
	}
	if actions != nil {
		called.Go(func() { actions.run(calling) })
	}
	var idle []float64
	for i := range b.rounds {
		due := first.Add(time.Duration(i) * b.every)
		if err := sleepUntil(ctx, due); err != nil {
			return r, err
		}
		round, share, err := b.round(ctx, due)
		if err != nil {
			return r, err
		}
		r.Rounds = append(r.Rounds, round)
		if share >= 0 {
			idle = append(idle, share)
		}
	}
	hangUp()
	called.Wait()
	used := b.now().since(before)
	executions := 0
	for _, x := range r.Rounds {
		executions += x.executions()
	}
	each := func(d time.Duration) float64 { return micros(d) / float64(max(1, executions)) }
	r.ServerCPU, r.TargetCPU, r.DatabaseCPU = each(used.server), each(used.target), each(used.database)
	r.DiskPerExecution = float64(b.diskBytes(ctx)-disk) / float64(max(1, executions))
	r.WrittenPerExecution = float64(b.written()-written) / float64(max(1, executions))
	r.Connections = float64(b.opened.Connections) / float64(max(1, executions))
	r.FullHandshakes = float64(b.opened.Full) / float64(max(1, executions))
	r.ResumedHandshakes = float64(b.opened.Resumed) / float64(max(1, executions))
	r.PeakMemory = b.server.peakMemory()
	whole := used.shares()
	r.Noise, r.Stolen = whole.Others, whole.Stolen
	if len(idle) > 0 {
		r.IdleCPU = slices.Max(idle)
	}
	if load != nil {
		r.API = load.report()
	}
	if actions != nil {
		if r.Actions = &actions.report; actions.err != nil {
			return r, fmt.Errorf("perform an action: %w", actions.err)
		}
	}
	return r, b.scrape(&r)
}

// round waits until the burst of one instant is recorded, or the next one is due, and reads its ledger. idle is the
// share of a core that the service uses afterwards, or -1.
func (b *bench) round(ctx context.Context, due time.Time) (r round, idle float64, err error) {
	r.Due, idle = due.Unix(), -1
	until := due.Add(b.every)
	end := until.Add(-700 * time.Millisecond)
	if b.spread != "" {
		if err := sleepUntil(ctx, until); err != nil {
			return r, idle, err
		}
		end = until.Add(2 * time.Second)
	}
	for time.Now().Before(end) {
		var left bool
		asked := time.Now()
		err := b.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM job_state WHERE claim_at < $1) OR
			EXISTS (SELECT 1 FROM pending) OR EXISTS (SELECT 1 FROM execution WHERE outcome = 0)`, until.UnixMilli()).Scan(&left)
		if err != nil {
			return r, idle, err
		}
		if !left {
			break
		}
		if err := sleepUntil(ctx, time.Now().Add(max(20*time.Millisecond, 3*time.Since(asked)))); err != nil {
			return r, idle, err
		}
	}
	durable := time.Now()
	arrivals, err := b.arrivals()
	if err != nil {
		return r, idle, err
	}
	if err := b.readLedger(ctx, &r, due, until); err != nil {
		return r, idle, err
	}
	r.fill(due, durable, arrivals, b)
	begin := b.samples.at(due)
	r.Cores = b.samples.at(due.Add(r.LastArrival)).since(begin).shares()
	used := b.samples.at(durable).since(begin)
	r.ServerCPU = micros(used.server) / float64(max(1, r.executions()))
	r.DatabaseCPU = micros(used.database) / float64(max(1, r.executions()))
	if rest := time.Until(until) - time.Second; rest > 5*time.Second && b.apiRate == 0 && !b.action && b.against == "" {
		_ = sleepUntil(ctx, time.Now().Add(2*time.Second)) // the ledger has been read, and the caches are written
		start, used := time.Now(), b.server.cpu()
		if err := sleepUntil(ctx, until.Add(-time.Second)); err != nil {
			return r, idle, err
		}
		idle = float64(b.server.cpu()-used) / float64(time.Since(start))
	}
	return r, idle, nil
}

// readLedger counts the outcomes of a burst.
func (b *bench) readLedger(ctx context.Context, r *round, due, until time.Time) error {
	rows, err := b.db.QueryContext(ctx, `SELECT outcome, status, attempt, lateness_us FROM execution
		WHERE planned_at >= $1 AND planned_at < $2`, due.UnixMilli(), until.UnixMilli())
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	var late []time.Duration
	for rows.Next() {
		var outcome, status, attempt, us int64
		if err := rows.Scan(&outcome, &status, &attempt, &us); err != nil {
			return err
		}
		switch cron.Outcome(outcome) {
		case cron.OutcomeSucceeded:
			r.Succeeded++
		case cron.OutcomeRunning:
			r.Running++
			continue
		default:
			r.Other++
		}
		if attempt == 1 && cron.Status(status) != cron.StatusTimeout {
			late = append(late, time.Duration(us)*time.Microsecond)
		}
	}
	r.Ledger = percentiles(late)
	return rows.Err()
}

// fill computes the figures that follow from the arrivals.
func (r *round) fill(due, durable time.Time, arrivals []arrival, b *bench) {
	var (
		late []time.Duration
		last time.Time
		seen = make(map[int32]bool, len(arrivals))
	)
	for _, a := range arrivals {
		at := time.UnixMicro(a.At)
		switch {
		case a.Hangs:
			r.Hanging++
			continue
		case seen[a.Job]:
			r.Again++
		default:
			r.Arrived++
			late = append(late, at.Sub(due.Add(b.shifts[a.Job])))
		}
		seen[a.Job] = true
		if at.After(last) {
			last = at
		}
	}
	r.Target = percentiles(late)
	if len(late) == 0 {
		return
	}
	r.LastArrival = last.Sub(due)
	r.DurableAfter = durable.Sub(due)
	r.DurableAfterLast = durable.Sub(last)
	r.PerSecond = float64(len(arrivals)) / r.LastArrival.Seconds()
}

// scrape reads means from the metrics of all nodes.
func (b *bench) scrape(r *report) error {
	values := make(map[string]float64)
	for node := range b.nodes {
		if err := b.scrapeNode(node, values); err != nil {
			return err
		}
	}
	mean := func(name string) float64 { return 1000 * values[name+"_sum"] / max(1, values[name+"_count"]) }
	r.Claim, r.Finish = mean("punctual_claim_duration_seconds"), mean("punctual_finish_duration_seconds")
	return nil
}

// scrapeNode adds the metrics of a node to values.
func (b *bench) scrapeNode(node int, values map[string]float64) error {
	res, err := http.Get(b.nodeURL(node) + "/metrics")
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if n, err := strconv.ParseFloat(value, 64); err == nil {
			values[name] += n
		}
	}
	return nil
}
