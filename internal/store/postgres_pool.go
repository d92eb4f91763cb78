package store

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// shareConnections divides the connections of a node among the kinds of its work. A node takes half of the limit, so
// that two nodes have room. Besides the listener, the lease has one connection, background work one or two, the
// scheduler, which claims and records results, one to four. The rest is for the API, of which an account has a quarter
// (gate).
//
//	limit  97 and more  32  20  10
//	lease            1   1   1   1
//	upkeep           2   2   1   1
//	scheduler        4   4   2   1
//	API              8   8   5   1
func shareConnections(limit int) (sizes [classLease + 1]int) {
	return divideConnections(min(max(limit/2, minConnections), maxConnections))
}

// divideConnections divides a number of connections. The fewest do without a listener.
func divideConnections(total int) (sizes [classLease + 1]int) {
	sizes[classLease] = 1
	sizes[classUpkeep] = max(1, total/8)
	sizes[classClaim] = max(1, total/4)
	listener := 1
	if total < minConnections {
		listener = 0
	}
	sizes[classAccount] = total - listener - 1 - sizes[classUpkeep] - sizes[classClaim]
	return sizes
}

// chooseSizes are the sizes of the pools: wanted connections, or as many as the limit of the database suggests.
func chooseSizes(limit, wanted int) (sizes [classLease + 1]int, listen bool, err error) {
	if limit < fewestConnections {
		return sizes, false, fmt.Errorf("%w: %d", ErrFewConnections, limit)
	}
	total := min(max(limit/2, minConnections), maxConnections)
	if wanted > 0 {
		total = max(wanted, fewestConnections)
	}
	total = min(total, limit)
	return divideConnections(total), total >= minConnections, nil
}

// schedulerSettings are settings of the connections that claim and record results, unless the URL of the database has them. Statements are
// planned once for each connection, and not again for each number of rows: they find each row by an index, in the order in which they get
// the rows. With the numbers before it, the planner would read a whole table at times, or lock rows in another order.
var schedulerSettings = map[string]string{
	"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off", "jit": "off",
	"max_parallel_workers_per_gather": "0",
}

// pool is the connections of a class. It has fewer than its size while the server has no more.
type pool struct {
	*sql.DB
	size   int
	logger *slog.Logger

	mu  sync.Mutex
	max int
}

// growEvery is how often a pool that has shrunk tries to have one more connection.
const growEvery = 15 * time.Second

// shrink makes the pool do with the connections that it has; false when it has none.
func (p *pool) shrink() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	open := p.Stats().OpenConnections - 1 // it counts the one that could not be made
	if open < 1 {
		return false
	}
	if p.max == p.size {
		p.logger.Warn("the database has no connection left for this node, which goes on with fewer: raise max_connections of the database or of "+
			"its pooler, or lower --database-connections of the nodes", slog.Int("connections", open), slog.Int("of", p.size))
	}
	p.max = min(p.max, open)
	p.SetMaxOpenConns(p.max)
	return true
}

// grow lets the pool have one more connection, up to its size.
func (p *pool) grow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.max < p.size {
		p.max++
		p.SetMaxOpenConns(p.max)
		p.SetMaxIdleConns(p.max)
	}
}

// openPools opens a pool for each class of work. Results use the pool of claims.
func openPools(l *link, s *session, sizes [classLease + 1]int, logger *slog.Logger) (p pools, all []*pool) {
	total := 0
	for _, size := range sizes {
		total += size
	}
	for at, size := range sizes {
		if size == 0 {
			continue
		}
		made := &pool{size: size, max: size, logger: logger}
		made.DB = sql.OpenDB(&dialer{link: l, session: s, class: class(at), shrink: made.shrink})
		made.SetMaxOpenConns(size)
		made.SetMaxIdleConns(size)
		if total+1 >= maxConnections { // where there are few, one that is given back may be gone
			made.SetConnMaxIdleTime(time.Minute)
		}
		p[at], all = made.DB, append(all, made)
	}
	p[classResults] = p[classClaim]
	return p, all
}

// reserve makes a connection of each pool, so that the node has those that it needs. Others may just be closing theirs.
func reserve(ctx context.Context, all []*pool) error {
	waiting, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	for _, p := range all {
		for {
			err := p.PingContext(waiting)
			if err == nil {
				break
			}
			if !noConnectionLeft(err) {
				return fmt.Errorf("connect: %w", err)
			}
			select {
			case <-waiting.Done():
				return fmt.Errorf("%w: all are in use: %w", ErrFewConnections, err)
			case <-time.After(longestPause / 4):
			}
		}
	}
	return nil
}

// growAll lets pools that have shrunk grow again, until ctx ends.
func growAll(ctx context.Context, all []*pool) {
	tick := time.NewTicker(growEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			for _, p := range all {
				p.grow()
			}
		}
	}
}
