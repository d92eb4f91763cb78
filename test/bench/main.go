// Command bench measures how punctual the service is. It starts the service with a new database, and a light target
// server, each as a process of its own, creates jobs that are all due at once, and prints how late they started, how
// fast the burst was finished, what it cost, and when the last result was durable. At the end it checks the ledger
// against the promises of the service. With -against it does so for two binaries in turn, and prints ratios. Run it with
// -help for its options.
//
// "bench idle" measures what the service uses between bursts, "bench list" measures GET /jobs of an account with many jobs, and "bench visitors" a
// status page. No mode reports figures of a busy machine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"punctual/internal/store/storetest"
)

// options are the options of the command line.
type options struct {
	jobs      int
	accounts  int
	order     string
	stored    int
	hog       int
	rounds    int
	every     time.Duration
	spread    string
	delay     time.Duration
	hang      float64
	fail      float64
	retries   int
	size      int
	save      bool
	https     bool
	mlkem     bool
	hosts     int
	apiRate   int
	action    bool
	slots     int
	nodes     int
	database  string
	binary    string
	json      bool
	check     bool
	ports     int
	firstPort int
	env       string
	against   string
	// theirs are options that -against has instead of those of the command line, as they are written there.
	theirs     string
	pairs      int
	busy       bool
	connection string
}

func (o *options) define(f *flag.FlagSet) {
	f.IntVar(&o.jobs, "jobs", 10_000, "how many jobs are due at once")
	f.IntVar(&o.accounts, "accounts", 1000, "over how many accounts they are spread")
	f.StringVar(&o.order, "order", grown, "in which order the jobs were created: \"grown\", when people add up to ten at a time, \"accounts\", all of "+
		"an account before the next one, or \"turns\", one of each account in turn")
	f.IntVar(&o.stored, "stored", 0, "how many more jobs are stored that are not due")
	f.IntVar(&o.hog, "hog", 0, "how many more jobs one further account has whose targets all hang")
	f.IntVar(&o.rounds, "rounds", 3, "how often they are due")
	f.DurationVar(&o.every, "every", time.Minute, "how often they are due: 1m, or a part of a minute in whole seconds")
	f.StringVar(&o.spread, "spread", "", "spread the jobs evenly instead of one instant: over the seconds by their \"seconds\", "+
		"or over the milliseconds by their \"spreadSeconds\"")
	f.DurationVar(&o.delay, "delay", 0, "how long a target takes to answer")
	f.Float64Var(&o.hang, "hang", 0, "the share of targets that hang until the timeout, such as 0.01")
	f.Float64Var(&o.fail, "fail", 0, "the share of targets that answer 500, such as 0.1")
	f.IntVar(&o.retries, "retries", 0, "how often a failed execution is tried again, a second later each")
	f.IntVar(&o.size, "size", 100, "bytes of a response's body")
	f.BoolVar(&o.save, "save", true, "save the responses")
	f.BoolVar(&o.https, "https", false, "call the targets by HTTPS, with an ECDSA certificate for each host")
	f.BoolVar(&o.mlkem, "mlkem", true, "the targets take ML-KEM, which few servers do yet")
	f.IntVar(&o.hosts, "hosts", 0, "over how many hosts, each a loopback address, the targets are spread; 0 is 1 with HTTP, 1000 with HTTPS")
	f.IntVar(&o.apiRate, "api", 0, "how many requests a second go to the API meanwhile: half of them reads, half changes")
	f.BoolVar(&o.action, "action", false, "have actions over all jobs of the first account in work meanwhile; with -accounts 1, over all jobs")
	f.IntVar(&o.slots, "slots", 0, "--slots of the service; 0 is its default")
	f.IntVar(&o.nodes, "nodes", 1, "how many nodes the service has, which share a PostgreSQL database; -api and -action call the first one")
	f.StringVar(&o.database, "database", "", databaseUsage)
	f.StringVar(&o.binary, "binary", "", "the service's binary; without it one is built")
	f.BoolVar(&o.json, "json", false, "print JSON instead of a table")
	f.BoolVar(&o.check, "check", true, "check the ledger in the end")
	f.IntVar(&o.ports, "ports", 0, "on how many ports each host listens, so that closed connections do not use them up; 0 is 64 for a single host, and 1 for more")
	f.IntVar(&o.firstPort, "first-port", 21000, "the first of them")
	f.StringVar(&o.env, "env", "", "an environment variable for the service, NAME=VALUE")
	f.StringVar(&o.against, "against", "", "another binary of the service to compare with: both have the same load in turn, each time with a new database")
	f.StringVar(&o.theirs, "against-options", "", "options that differ for -against, such as \"-https=false -connection fresh\" or \"-env GOGC=400\"")
	f.StringVar(&o.connection, "connection", "", "the connection of all jobs: fresh or reuse")
	f.IntVar(&o.pairs, "pairs", 4, "how many runs each binary has with -against")
	f.BoolVar(&o.busy, "busy", false, "report figures also when other processes use more than 5 % of the machine")
}

const databaseUsage = "a postgres:// URL of an empty database, or \"postgres\" for a server that the benchmark starts itself; without it SQLite"

// withDatabase runs a benchmark, with a PostgreSQL server of its own where one is asked for.
func withDatabase(o *options, bench func() error) error {
	if o.database != "postgres" {
		return bench()
	}
	url, stop, err := storetest.StartDurable()
	if err != nil {
		return err
	}
	defer stop()
	o.database = url
	return bench()
}

// The values of -spread.
const (
	bySeconds       = "seconds"
	bySpreadSeconds = "spreadSeconds"
)

// The values of -order.
const (
	grown    = "grown"
	accounts = "accounts"
	turns    = "turns"
)

// maxNodes bounds -nodes: each has a port of its own, ten below that of the one before.
const maxNodes = 9

// The values of -connection.
const (
	fresh = "fresh"
	reuse = "reuse"
)

// ofAgainst are the options of the binary that is compared with. They must not be settled yet.
func (o *options) ofAgainst() (theirs options, err error) {
	f := flag.NewFlagSet("-against-options", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	theirs.define(f)
	if theirs = *o; o.against == "" {
		return theirs, nil
	}
	if err := f.Parse(strings.Fields(o.theirs)); err != nil {
		return theirs, fmt.Errorf("-against-options: %w", err)
	}
	if theirs.jobs != o.jobs || theirs.every != o.every || theirs.rounds != o.rounds || theirs.database != o.database {
		return theirs, errors.New("-against-options must not differ in -jobs, -every, -rounds or -database")
	}
	theirs.binary = o.against
	return theirs, theirs.settle()
}

// settle sets the options that depend on others.
func (o *options) settle() error {
	if o.every > time.Minute || o.every < time.Second || time.Minute%o.every != 0 || o.every%time.Second != 0 {
		return fmt.Errorf("-every is %s, but must be whole seconds that divide a minute", o.every)
	}
	if o.spread != "" && o.spread != bySeconds && o.spread != bySpreadSeconds {
		return fmt.Errorf("-spread is %q, but must be %s or %s", o.spread, bySeconds, bySpreadSeconds)
	}
	if o.order != grown && o.order != accounts && o.order != turns {
		return fmt.Errorf("-order is %q, but must be %s, %s or %s", o.order, grown, accounts, turns)
	}
	if o.nodes < 1 || o.nodes > maxNodes {
		return fmt.Errorf("-nodes is %d, but must be 1 to %d", o.nodes, maxNodes)
	}
	if o.nodes > 1 && o.database == "" {
		return errors.New("-nodes needs -database: nodes share a PostgreSQL database")
	}
	if o.hosts == 0 {
		o.hosts = 1
		if o.https {
			o.hosts = 1000
		}
	}
	if o.ports == 0 {
		o.ports = 1
		if o.hosts == 1 {
			o.ports = 64
		}
	}
	if o.connection != "" && o.connection != fresh && o.connection != reuse {
		return fmt.Errorf("-connection is %q, but must be %s or %s", o.connection, fresh, reuse)
	}
	if o.against != "" && o.pairs < 1 {
		return errors.New("-pairs must be at least 1")
	}
	if o.hosts < 1 || o.hosts > 1<<16 || o.ports < 1 || o.jobs < 1 || o.accounts < 1 {
		return errors.New("-hosts, -ports, -jobs and -accounts must be at least 1, and -hosts at most 65536")
	}
	return nil
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "target" {
		exit(serveTarget(os.Args[2:]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) > 1 {
		modes := map[string]func(context.Context, []string) error{"visitors": benchVisitors, "idle": benchIdle, "list": benchList}
		if mode := modes[os.Args[1]]; mode != nil {
			exit(mode(ctx, os.Args[2:]))
		}
	}
	var o options
	o.define(flag.CommandLine)
	flag.Parse()
	exit(withDatabase(&o, func() error {
		if o.against != "" {
			return benchAgainst(ctx, o)
		}
		if err := o.settle(); err != nil {
			return err
		}
		return benchBursts(ctx, o)
	}))
}

// benchBursts is the command without a name.
func benchBursts(ctx context.Context, o options) error {
	r, err := run(ctx, o)
	_, busy := errors.AsType[*busyError](err)
	switch {
	case busy: // broken promises are none of the figures that are in doubt
		r.printViolations(os.Stdout, "ledger")
	case len(r.Rounds) > 0:
		err = errors.Join(show(o.json, &r), err)
	}
	if err == nil && len(r.Violations) > 0 {
		err = fmt.Errorf("%d promises are broken", len(r.Violations))
	}
	return err
}

func exit(err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
