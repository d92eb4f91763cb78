package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// connectionLimit is how many connections the database allows our role.
func connectionLimit(ctx context.Context, config *pgx.ConnConfig) (n int, err error) {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return 0, fmt.Errorf("connect: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	err = conn.QueryRow(ctx,
		`SELECT least(current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
		              nullif(datconnlimit, -1), nullif(rolconnlimit, -1))
		 FROM pg_database, pg_roles WHERE datname = current_database() AND rolname = current_user`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("read the limit of connections: %w", err)
	}
	return n, nil
}

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
	total := min(max(limit/2, minConnections), maxConnections)
	sizes[classLease] = 1
	sizes[classUpkeep] = max(1, total/8)
	sizes[classClaim] = max(1, total/4)
	sizes[classAccount] = total - 2 - sizes[classUpkeep] - sizes[classClaim]
	return sizes
}

// schedulerSettings are settings of the connections that claim and record results, unless the URL of the database has them. Statements are
// planned once for each connection, and not again for each number of rows: they find each row by an index, in the order in which they get
// the rows. With the numbers before it, the planner would read a whole table at times, or lock rows in another order.
var schedulerSettings = map[string]string{
	"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off", "jit": "off",
	"max_parallel_workers_per_gather": "0",
}

// openPools opens a pool for each class of work. Results use the pool of claims.
func openPools(config *pgx.ConnConfig, sizes [classLease + 1]int) (p pools) {
	for class, size := range sizes {
		if size == 0 {
			continue
		}
		c := config.Copy()
		if class == int(classAccount) && c.RuntimeParams["lock_timeout"] == "" {
			c.RuntimeParams["lock_timeout"] = strconv.FormatInt(lockWait.Milliseconds(), 10)
		}
		if class == int(classClaim) {
			for name, value := range schedulerSettings {
				if c.RuntimeParams[name] == "" {
					c.RuntimeParams[name] = value
				}
			}
		}
		db := stdlib.OpenDB(*c)
		db.SetMaxOpenConns(size)
		db.SetMaxIdleConns(size)
		db.SetConnMaxIdleTime(time.Minute)
		p[class] = db
	}
	p[classResults] = p[classClaim]
	return p
}
