// Command bench measures how punctual the service is: it starts the service with a fresh database and a light target
// server, each as a process of its own, seeds jobs that are all due at once, and prints how late they started, how fast
// the herd drained, what it cost, and when the last result was durable. Run it with -help for its options.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

// options are the command line.
type options struct {
	jobs      int
	accounts  int
	rounds    int
	every     time.Duration
	spread    bool
	delay     time.Duration
	hang      float64
	size      int
	save      bool
	slots     int
	database  string
	binary    string
	json      bool
	ports     int
	firstPort int
	profile   string
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "target" {
		exit(serveTarget(os.Args[2:]))
	}
	var o options
	flag.IntVar(&o.jobs, "jobs", 10_000, "how many jobs are due at once")
	flag.IntVar(&o.accounts, "accounts", 1000, "over how many accounts they are spread")
	flag.IntVar(&o.rounds, "rounds", 3, "how often they are due")
	flag.DurationVar(&o.every, "every", time.Minute, "how often they are due: 1m, or a part of a minute in whole seconds")
	flag.BoolVar(&o.spread, "spread", false, "spread the jobs evenly over the seconds instead of one instant")
	flag.DurationVar(&o.delay, "delay", 0, "how long a target takes to answer")
	flag.Float64Var(&o.hang, "hang", 0, "the share of targets that hang until the timeout, such as 0.01")
	flag.IntVar(&o.size, "size", 100, "bytes of a response's body")
	flag.BoolVar(&o.save, "save", true, "save the responses")
	flag.IntVar(&o.slots, "slots", 0, "--slots of the service; 0 is its default")
	flag.StringVar(&o.database, "database", "", "a postgres:// URL of an empty database; without it SQLite")
	flag.StringVar(&o.binary, "binary", "", "the service's binary; without it one is built")
	flag.BoolVar(&o.json, "json", false, "print JSON instead of a table")
	flag.IntVar(&o.ports, "ports", 64, "on how many ports the target listens, so that closed connections do not use them up")
	flag.IntVar(&o.firstPort, "first-port", 21000, "the first of them")
	flag.StringVar(&o.profile, "env", "", "an environment variable for the service, NAME=VALUE")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	report, err := run(ctx, o)
	if err == nil && o.json {
		err = json.NewEncoder(os.Stdout).Encode(report)
	} else if err == nil {
		report.print(os.Stdout)
	}
	exit(err)
}

func exit(err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
